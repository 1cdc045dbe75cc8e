//! The links of a network: from `[network]`, `[network.down]` and `[access]` to link settings.

use super::document::{Table, Value};
use super::fields::{Fields, MAX_WHOLE, Read};
use std::time::Duration;
use towline::impair::{Damage, LinkConfig, Loss, Reorder};
use towline::sim::scene::Shape;

/// How much later a reordered packet arrives where nobody says.
const REORDER_BY: Duration = Duration::from_millis(5);
/// The most hops of a parking lot.
const MAX_HOPS: u64 = 100;
/// The largest packet on the wire.
const MAX_PACKET: u64 = 65_535;

/// Up, from clients to servers, and down.
pub(crate) const WAYS: [&str; 2] = ["up", "down"];

/// Tables of settings, the first that has one counts, each with what it says of one way alone in
/// `up` and `down`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers<'t>(pub(crate) Vec<(String, &'t Table)>);

impl<'t> Layers<'t> {
    /// The same with another one before them.
    pub(crate) fn under(&self, name: &str, table: &'t Table) -> Self {
        Self([(name.to_owned(), table)].into_iter().chain(self.0.iter().cloned()).collect())
    }

    /// The links, up and down.
    pub(crate) fn links(&self) -> Read<[LinkConfig; 2]> {
        for (name, table) in &self.0 {
            check(name, table)?;
        }
        let [up, down] = WAYS.map(|way| self.link(way));
        Ok([up?, down?])
    }

    fn link(&self, way: &'static str) -> Read<LinkConfig> {
        let mut tables = Vec::new();
        for (_, table) in &self.0 {
            if let Some(Value::Table(part)) = table.get(way).map(|node| &node.value) {
                tables.push(part);
            }
            tables.push(table);
        }
        let name = self.0.first().map_or("network", |(name, _)| name.as_str());
        let mut fields = Fields::new(name, tables);
        let config = link(&mut fields)?;
        config.validate().map_err(|error| format!(": {name}: {error}"))?;
        Ok(config)
    }
}

/// That a table of settings has no strange fields, by itself.
fn check(name: &str, table: &Table) -> Read<()> {
    let mut fields = Fields::new(name, vec![table]);
    settings(&mut fields)?;
    for way in WAYS {
        if let Some(part) = fields.table(way)? {
            let mut fields = Fields::new(format!("{name}.{way}"), vec![part]);
            settings(&mut fields)?;
            fields.end()?;
        }
    }
    if name == "network" {
        shape(&mut fields)?;
    }
    fields.end()
}

/// What the network looks like.
pub(crate) fn shape(fields: &mut Fields<'_>) -> Read<Shape> {
    let hops = fields.whole("hops", 1, MAX_HOPS)?;
    let known = [
        ("pair", Shape::Pair),
        ("dumbbell", Shape::Dumbbell),
        ("parking-lot", Shape::ParkingLot { hops: hops.unwrap_or(2) as usize }),
        ("star", Shape::Star),
    ];
    let shape = fields.one_of("shape", &known)?.unwrap_or(Shape::Pair);
    if hops.is_some() && !matches!(shape, Shape::ParkingLot { .. }) {
        return Err(fields.error("hops", "hops are for shape = \"parking-lot\""));
    }
    Ok(shape)
}

/// All settings of a link as they stand there; whether they go together is not looked at.
fn settings(fields: &mut Fields<'_>) -> Read<LinkConfig> {
    let mut config = LinkConfig::default();
    queue(fields, &mut config)?;
    timing(fields, &mut config)?;
    faults(fields, &mut config)?;
    Ok(config)
}

/// The same, and that they go together.
fn link(fields: &mut Fields<'_>) -> Read<LinkConfig> {
    let config = settings(fields)?;
    for field in ["queue_ms", "queue_bytes", "mark_above_bytes"] {
        if fields.has(field) && config.rate_bps.is_none() {
            let what = format!("{field} needs rate_mbit: without it nothing queues");
            return Err(fields.error(field, what));
        }
    }
    for (field, other) in [("rtt_ms", "delay_ms"), ("queue_ms", "queue_bytes"), ("burst", "burst_ms")]
    {
        if fields.has(field) && fields.has(other) {
            return Err(fields.error(field, format_args!("{field} or {other}, not both")));
        }
    }
    for field in ["burst", "burst_ms"] {
        if fields.has(field) && !fields.has("loss") {
            return Err(fields.error(field, format_args!("{field} needs loss")));
        }
    }
    if config.jitter > config.delay {
        return Err(fields.error("jitter_ms", "jitter_ms must be at most half of rtt_ms"));
    }
    Ok(config)
}

/// Rate and queue.
fn queue(fields: &mut Fields<'_>, config: &mut LinkConfig) -> Read<()> {
    let rtt = fields.millis("rtt_ms")?;
    let delay = fields.millis("delay_ms")?;
    config.delay = delay.or(rtt.map(|rtt| rtt / 2)).unwrap_or_default();
    let rate = fields.mbit("rate_mbit")?;
    if let Some(rate) = rate {
        *config = LinkConfig::bottleneck(rate, config.delay);
    }
    let time = fields.millis("queue_ms")?;
    let bytes = fields.whole("queue_bytes", 1, MAX_WHOLE)?;
    if let (Some(time), Some(rate)) = (time, rate) {
        config.capacity_bytes = (rate as f64 / 8.0 * time.as_secs_f64()) as u64;
    }
    config.capacity_bytes = bytes.unwrap_or(config.capacity_bytes);
    config.mark_above_bytes = fields.whole("mark_above_bytes", 1, MAX_WHOLE)?;
    config.mtu = fields.whole("mtu", 68, MAX_PACKET)?;
    if let Some(overhead) = fields.whole("overhead_bytes", 0, 1000)? {
        config.overhead_bytes = overhead;
    }
    Ok(())
}

/// When packets arrive.
fn timing(fields: &mut Fields<'_>, config: &mut LinkConfig) -> Read<()> {
    config.jitter = fields.millis("jitter_ms")?.unwrap_or_default();
    config.reorder = Reorder {
        by_jitter: fields.truth("jitter_reorders")?.unwrap_or(false),
        share: fields.share("reorder")?.unwrap_or_default(),
        late_by: fields.millis("reorder_by_ms")?.unwrap_or(REORDER_BY),
    };
    Ok(())
}

/// What goes wrong on the line.
fn faults(fields: &mut Fields<'_>, config: &mut LinkConfig) -> Read<()> {
    config.loss = loss(fields)?;
    config.duplicate = fields.share("duplicate")?.unwrap_or_default();
    config.truncate = fields.share("truncate")?.unwrap_or_default();
    config.damage =
        Damage { share: fields.share("damage")?.unwrap_or_default(), ..Damage::default() };
    Ok(())
}

fn loss(fields: &mut Fields<'_>) -> Read<Loss> {
    let mean_loss = fields.share("loss")?;
    let mean_burst = fields.number("burst", 1.0, 1e6)?;
    let mean_bad = fields.millis("burst_ms")?;
    Ok(match (mean_loss, mean_burst, mean_bad) {
        (None, ..) => Loss::None,
        (Some(mean_loss), _, Some(mean_bad)) => Loss::TimedBursts { mean_loss, mean_bad },
        (Some(mean_loss), Some(mean_burst), _) => Loss::Bursts { mean_loss, mean_burst },
        (Some(p), None, None) => Loss::Bernoulli { p },
    })
}

#[cfg(test)]
mod tests {
    use super::super::document::Node;
    use super::*;

    fn links(text: &str) -> Read<[LinkConfig; 2]> {
        let root = Node::parse(text)?;
        let Value::Table(table) = &root.value else { panic!("no table") };
        Layers::default().under("network", table).links()
    }

    #[test]
    fn settings_reach_both_ways_and_one_way_differs() {
        let text = "rtt_ms = 40\nrate_mbit = 8\nqueue_ms = 50\nloss = 0.1\nburst_ms = 20\n\
            shape = \"dumbbell\"\n[down]\nrate_mbit = 80\ndelay_ms = 5\nloss = 0.2\n";
        let text = text.replace("delay_ms = 5\n", "");
        let [up, down] = links(&text).unwrap();
        assert_eq!((up.rate_bps, up.capacity_bytes), (Some(8_000_000), 50_000));
        assert_eq!((down.rate_bps, down.capacity_bytes), (Some(80_000_000), 500_000));
        assert_eq!((up.delay, down.delay), (Duration::from_millis(20), Duration::from_millis(20)));
        let mean_bad = Duration::from_millis(20);
        assert_eq!(up.loss, Loss::TimedBursts { mean_loss: 0.1, mean_bad });
        assert_eq!(down.loss, Loss::TimedBursts { mean_loss: 0.2, mean_bad });
        let nothing = links("").unwrap();
        let late_by = REORDER_BY;
        let perfect =
            LinkConfig { reorder: Reorder { late_by, ..Reorder::default() }, ..LinkConfig::default() };
        assert_eq!(nothing, [perfect.clone(), perfect]);
    }

    #[test]
    fn upper_layers_count_before_lower_ones() {
        let [over, base] =
            ["rate_mbit = 2", "rtt_ms = 10\nrate_mbit = 1\n[up]\nloss = 0.5"].map(|t| Node::parse(t).unwrap());
        let [Value::Table(over), Value::Table(base)] = [&over.value, &base.value] else {
            panic!("no tables")
        };
        let layers = Layers::default().under("network", base).under("event", over);
        let [up, down] = layers.links().unwrap();
        assert_eq!((up.rate_bps, down.rate_bps), (Some(2_000_000), Some(2_000_000)));
        assert_eq!((up.loss, down.loss), (Loss::Bernoulli { p: 0.5 }, Loss::None));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for (text, error) in [
            ("loss = 5", ", line 1: network: loss = 5: must be a share, 0 to 1"),
            ("queue_ms = 5", ", line 1: network: queue_ms needs rate_mbit: without it nothing queues"),
            ("rtt_ms = 5\n\ndelay_ms = 5", ", line 1: network: rtt_ms or delay_ms, not both"),
            ("burst = 3", ", line 1: network: burst needs loss"),
            ("rtt_ms = 4\njitter_ms = 3", ", line 2: network: jitter_ms must be at most half of rtt_ms"),
            ("hops = 3", ", line 1: network: hops are for shape = \"parking-lot\""),
            ("[up]\nlos = 1", ", line 2: network.up: unknown field \"los\": did you mean \"loss\"?"),
            ("[up]\nshape = \"pair\"", ", line 2: network.up: unknown field \"shape\": "),
            ("loss = 1\nburst = 2", ": network: loss.mean_loss = 1: must be between 0 and"),
        ] {
            let found = links(text).unwrap_err();
            assert!(found.starts_with(error), "{found}");
        }
    }
}
