//! The links of a network: from `[network]`, `[network.down]` and `[access]` to link settings.

use super::document::{Table, Value};
use super::fields::{Fields, Read};
use super::link;
use std::path::PathBuf;
use towline::impair::LinkConfig;
use towline::sim::profiles::{self, Profile};
use towline::sim::scene::Shape;

/// The most hops of a parking lot.
const MAX_HOPS: u64 = 100;

/// Up, from clients to servers, and down.
pub(crate) const WAYS: [&str; 2] = ["up", "down"];

/// Tables of settings, the first that has one counts, each with what it says of one way alone in
/// `up` and `down`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers<'t> {
    /// With their names.
    tables: Vec<(&'static str, &'t Table)>,
    /// Where files are that they name.
    folder: PathBuf,
}

impl<'t> Layers<'t> {
    /// None yet; files are looked for in this folder.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { tables: Vec::new(), folder }
    }

    /// None, with files in the same folder.
    pub(crate) fn without(&self) -> Self {
        Self::new(self.folder.clone())
    }

    /// The same with another one before them.
    pub(crate) fn under(&self, name: &'static str, table: &'t Table) -> Self {
        let tables = [(name, table)].into_iter().chain(self.tables.iter().copied()).collect();
        Self { tables, folder: self.folder.clone() }
    }

    /// The links, up and down.
    pub(crate) fn links(&self) -> Read<[LinkConfig; 2]> {
        self.tables.iter().try_for_each(|(name, table)| self.check(name, table))?;
        let [up, down] = WAYS.map(|way| self.link(way));
        Ok([up?, down?])
    }

    fn link(&self, way: &'static str) -> Read<LinkConfig> {
        let mut tables = Vec::new();
        for (_, table) in &self.tables {
            if let Some(Value::Table(part)) = table.get(way).map(|node| &node.value) {
                tables.push(part);
            }
            tables.push(table);
        }
        let name = self.tables.first().map_or("network", |(name, _)| name);
        let mut fields = Fields::new(name, tables);
        let [up, down] = profile(&mut fields)?;
        let base = if way == WAYS[0] { up } else { down };
        let config = link::read(&mut fields, &base, &self.folder)?;
        link::check(&fields, &config)?;
        config.validate().map_err(|error| format!(": {name}: {error}"))?;
        Ok(config)
    }

    /// That a table of settings has no strange fields, by itself.
    fn check(&self, name: &str, table: &Table) -> Read<()> {
        let perfect = LinkConfig::default();
        let mut fields = Fields::new(name, vec![table]);
        link::read(&mut fields, &perfect, &self.folder)?;
        profile(&mut fields)?;
        for way in WAYS {
            if let Some(part) = fields.table(way)? {
                let mut fields = Fields::new(format!("{name}.{way}"), vec![part]);
                link::read(&mut fields, &perfect, &self.folder)?;
                fields.end()?;
            }
        }
        if name == "network" {
            shape(&mut fields)?;
        }
        fields.end()
    }
}

/// The named network that all other settings are about, up and down; a perfect one where none is named.
fn profile(fields: &mut Fields<'_>) -> Read<[LinkConfig; 2]> {
    let Some(name) = fields.text("profile")? else { return Ok(<[LinkConfig; 2]>::default()) };
    if let Some(profile) = Profile::named(name) {
        return Ok([profile.up, profile.down]);
    }
    let known = profiles::all();
    Err(fields.stranger("profile", name, known.iter().map(|profile| profile.name)))
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

#[cfg(test)]
mod tests {
    use super::super::document::Node;
    use super::*;
    use std::time::Duration;
    use towline::impair::{Codel, Discipline, Loss, Reorder, Spread};

    fn links(text: &str) -> Read<[LinkConfig; 2]> {
        let root = Node::parse(text)?;
        let Value::Table(table) = &root.value else { panic!("no table") };
        Layers::default().under("network", table).links()
    }

    #[test]
    fn settings_reach_both_ways_and_one_way_differs() {
        let text = "rtt_ms = 40\nrate_mbit = 8\nqueue_ms = 50\nloss = 0.1\nburst_ms = 20\n\
            shape = \"dumbbell\"\n[down]\nrate_mbit = 80\nloss = 0.2\n";
        let [up, down] = links(text).unwrap();
        assert_eq!((up.rate_bps, up.capacity_bytes), (Some(8_000_000), 50_000));
        assert_eq!((down.rate_bps, down.capacity_bytes), (Some(80_000_000), 500_000));
        assert_eq!((up.delay, down.delay), (Duration::from_millis(20), Duration::from_millis(20)));
        let mean_bad = Duration::from_millis(20);
        assert_eq!(up.loss, Loss::TimedBursts { mean_loss: 0.1, mean_bad });
        assert_eq!(down.loss, Loss::TimedBursts { mean_loss: 0.2, mean_bad });
        let nothing = links("").unwrap();
        let late_by = Duration::from_millis(5);
        let reorder = Reorder { late_by, ..Reorder::default() };
        let perfect = LinkConfig { reorder, ..LinkConfig::default() };
        assert_eq!(nothing, [perfect.clone(), perfect]);
    }

    #[test]
    fn a_named_network_is_what_everything_else_changes() {
        let dsl = Profile::named("dsl").unwrap();
        let [up, down] = links("profile = \"dsl\"\nrate_mbit = 2\n[up]\nloss = 0.5").unwrap();
        assert_eq!((up.delay, down.delay), (dsl.up.delay, dsl.down.delay));
        assert_eq!((up.rate_bps, down.rate_bps), (Some(2_000_000), Some(2_000_000)));
        // 500 ms at 1 Mbit/s are 500 ms at 2 Mbit/s.
        assert_eq!(up.capacity_bytes, dsl.up.capacity_bytes * 2);
        assert_eq!((up.loss, down.loss), (Loss::Bernoulli { p: 0.5 }, dsl.down.loss));
    }

    #[test]
    fn every_model_can_be_chosen() {
        let ms = Duration::from_millis;
        let one = |text: &str| links(text).map(|[up, _]| up);
        let codel = "rate_mbit = 1\naqm = \"codel\"\ntarget_ms = 7\necn = true";
        let expected = Codel { target: ms(7), ecn: true, ..Codel::default() };
        assert_eq!(one(codel).unwrap().discipline, Discipline::Codel(expected));
        for (text, expected) in [
            ("\"uniform\"\nspread_ms = 3", Spread::Uniform { max: ms(3) }),
            ("\"exponential\"\nspread_ms = 3", Spread::Exponential { mean: ms(3) }),
            (
                "\"normal\"\nspread_ms = 3\nspread_sd_ms = 1",
                Spread::Normal { mean: ms(3), sd: ms(1) },
            ),
        ] {
            assert_eq!(one(&format!("spread = {text}")).unwrap().spread, expected);
        }
        assert!(one("spread = \"table\"\nspread_quantiles_ms = [0, 1, 5]").is_ok());
        for (text, expected) in [
            ("loss = 0.1\nburst = 3", Loss::Bursts { mean_loss: 0.1, mean_burst: 3.0 }),
            ("loss_every = 9\nloss_offset = 2", Loss::Periodic { every: 9, offset: 2 }),
            (
                "gilbert_elliott = { p = 0.1, r = 0.5, k = 1 }",
                Loss::GilbertElliott { p: 0.1, r: 0.5, h: 0.0, k: 1.0 },
            ),
            (
                "[four_state]\np13 = 0.1\np31 = 0.5",
                Loss::FourState { p13: 0.1, p31: 0.5, p32: 0.0, p23: 0.0, p14: 0.0 },
            ),
        ] {
            assert_eq!(one(text).unwrap().loss, expected);
        }
        let trace = one("trace = \"nowhere\"").unwrap_err();
        assert!(
            trace.starts_with(", line 1: network: trace = \"nowhere\": no such file"),
            "{trace}"
        );
    }

    #[test]
    fn upper_layers_count_before_lower_ones() {
        let [over, base] = ["rate_mbit = 2", "rtt_ms = 10\nrate_mbit = 1\n[up]\nloss = 0.5"]
            .map(|t| Node::parse(t).unwrap());
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
            (
                "queue_ms = 5",
                ", line 1: network: queue_ms needs rate_mbit: without it nothing queues",
            ),
            ("rtt_ms = 5\n\ndelay_ms = 5", ", line 1: network: rtt_ms or delay_ms, not both"),
            ("burst = 3", ", line 1: network: burst needs loss"),
            ("spread = \"normal\"\nspread_ms = 3", ", line 1: network: needs spread_sd_ms"),
            ("profile = \"wify\"", ", line 1: network: profile = \"wify\": did you mean \"wifi\"?"),
            ("gilbert_elliott = { q = 1 }", ", line 1: gilbert_elliott: unknown field \"q\""),
            (
                "rtt_ms = 4\njitter_ms = 3",
                ", line 2: network: jitter_ms must be at most half of rtt_ms",
            ),
            ("hops = 3", ", line 1: network: hops are for shape = \"parking-lot\""),
            (
                "[up]\nlos = 1",
                ", line 2: network.up: unknown field \"los\": did you mean \"loss\"?",
            ),
            ("[up]\nshape = \"pair\"", ", line 2: network.up: unknown field \"shape\": "),
            ("loss = 1\nburst = 2", ": network: loss.mean_loss = 1: must be between 0 and"),
        ] {
            let found = links(text).unwrap_err();
            assert!(found.starts_with(error), "{found}");
        }
    }
}
