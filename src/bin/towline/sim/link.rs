//! The settings of one direction of a link, field by field, over those of a named network.

use super::document::{Node, Value};
use super::fields::{Fields, MAX_WHOLE, Read};
use std::fs;
use std::path::Path;
use std::time::Duration;
use towline::impair::{
    Blackout, Codel, DelayTable, Discipline, FqCodel, LinkConfig, Loss, Pie, Policer, RateTrace,
    Red, Spread,
};
use towline::time::Instant;

/// How much later a reordered packet arrives where nobody says.
const REORDER_BY: Duration = Duration::from_millis(5);
/// The largest packet on the wire.
const MAX_PACKET: u64 = 65_535;
/// The largest trace that is read.
const MAX_TRACE: u64 = 64 << 20;

/// One direction: `base`, and what the fields say. Files are looked for in `folder`.
pub(crate) fn read(fields: &mut Fields<'_>, base: &LinkConfig, folder: &Path) -> Read<LinkConfig> {
    let mut config = base.clone();
    delay(fields, &mut config)?;
    rate(fields, &mut config, folder)?;
    queue(fields, &mut config)?;
    config.discipline = discipline(fields, config.discipline)?;
    order(fields, &mut config)?;
    config.spread = spread(fields, config.spread.clone())?;
    config.loss = loss(fields, config.loss.clone())?;
    faults(fields, &mut config)?;
    Ok(config)
}

/// That what stands there goes together, once everything is known.
pub(crate) fn check(fields: &Fields<'_>, config: &LinkConfig) -> Read<()> {
    let has_queue = config.rate_bps.is_some() || config.trace.is_some();
    for field in ["queue_ms", "queue_bytes", "queue_packets", "aqm", "mark_above_bytes"] {
        if fields.has(field) && !has_queue {
            let what = format!("{field} needs rate_mbit: without it nothing queues");
            return Err(fields.error(field, what));
        }
    }
    for [field, other] in [
        ["rtt_ms", "delay_ms"],
        ["queue_ms", "queue_bytes"],
        ["burst", "burst_ms"],
        ["rate_mbit", "trace"],
        ["loss_every", "loss"],
        ["gilbert_elliott", "loss"],
        ["four_state", "loss"],
    ] {
        if fields.has(field) && fields.has(other) {
            return Err(fields.error(field, format_args!("{field} or {other}, not both")));
        }
    }
    for [field, other] in [
        ["burst", "loss"],
        ["burst_ms", "loss"],
        ["loss_in_bad", "burst"],
        ["loss_offset", "loss_every"],
        ["policer_burst_bytes", "policer_mbit"],
        ["outage_ms", "outage_every"],
        ["outage_every", "outage_ms"],
        ["spread_ms", "spread"],
        ["spread_sd_ms", "spread"],
        ["spread_max_ms", "spread"],
        ["spread_shape", "spread"],
        ["spread_quantiles_ms", "spread"],
        ["target_ms", "aqm"],
        ["interval_ms", "aqm"],
    ] {
        if fields.has(field) && !fields.has(other) {
            return Err(fields.error(field, format_args!("{field} needs {other}")));
        }
    }
    if config.jitter > config.delay {
        return Err(fields.error("jitter_ms", "jitter_ms must be at most half of rtt_ms"));
    }
    Ok(())
}

fn delay(fields: &mut Fields<'_>, config: &mut LinkConfig) -> Read<()> {
    let rtt = fields.millis("rtt_ms")?;
    let delay = fields.millis("delay_ms")?;
    config.delay = delay.or(rtt.map(|rtt| rtt / 2)).unwrap_or(config.delay);
    if let Some(jitter) = fields.millis("jitter_ms")? {
        config.jitter = jitter;
    }
    Ok(())
}

/// Rate, trace, bucket and policer.
fn rate(fields: &mut Fields<'_>, config: &mut LinkConfig, folder: &Path) -> Read<()> {
    let rate = fields.mbit("rate_mbit")?;
    if let Some(rate) = rate {
        // As long a queue in time as the named network's, or a round trip's worth.
        config.capacity_bytes = match config.rate_bps {
            Some(before) => scaled(config.capacity_bytes, rate, before),
            None => LinkConfig::bottleneck(rate, config.delay).capacity_bytes,
        };
        config.rate_bps = Some(rate);
        config.trace = None;
    }
    if let Some(name) = fields.text("trace")? {
        let trace = trace(&folder.join(name));
        let trace = trace
            .map_err(|error| fields.error("trace", format_args!("trace = \"{name}\": {error}")))?;
        if config.rate_bps.is_none() {
            let rate = trace.mean_rate_bps();
            config.capacity_bytes = LinkConfig::bottleneck(rate, config.delay).capacity_bytes;
        }
        config.trace = Some(trace);
        config.rate_bps = None;
        config.rate_steps.clear();
    }
    if let Some(bytes) = fields.whole("shaper_burst_bytes", 0, MAX_WHOLE)? {
        config.burst_bytes = bytes;
    }
    let policed = fields.mbit("policer_mbit")?;
    let burst = fields.whole("policer_burst_bytes", 1, MAX_WHOLE)?;
    if let Some(rate_bps) = policed {
        config.policer = Some(Policer { rate_bps, burst_bytes: burst.unwrap_or(15_000) });
    }
    Ok(())
}

fn scaled(bytes: u64, rate: u64, before: u64) -> u64 {
    let bytes = u128::from(bytes) * u128::from(rate) / u128::from(before.max(1));
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn trace(path: &Path) -> Result<RateTrace, String> {
    let said = |error: std::io::Error| crate::failure::Reason(&error).to_string();
    if fs::metadata(path).map_err(said)?.len() > MAX_TRACE {
        return Err("is larger than 64 MiB".to_owned());
    }
    let text = fs::read_to_string(path).map_err(said)?;
    RateTrace::parse(&text).map_err(|error| error.to_string())
}

/// How much waits.
fn queue(fields: &mut Fields<'_>, config: &mut LinkConfig) -> Read<()> {
    let time = fields.millis("queue_ms")?;
    let rate = config.rate_bps.or(config.trace.as_ref().map(RateTrace::mean_rate_bps));
    if let (Some(time), Some(rate)) = (time, rate) {
        config.capacity_bytes = (rate as f64 / 8.0 * time.as_secs_f64()) as u64;
    }
    if let Some(bytes) = fields.whole("queue_bytes", 1, MAX_WHOLE)? {
        config.capacity_bytes = bytes;
    }
    if let Some(packets) = fields.whole("queue_packets", 1, MAX_WHOLE)? {
        config.capacity_packets = packets;
        if !fields.has("queue_ms") && !fields.has("queue_bytes") {
            config.capacity_bytes = u64::MAX;
        }
    }
    if let Some(bytes) = fields.whole("mark_above_bytes", 1, MAX_WHOLE)? {
        config.mark_above_bytes = Some(bytes);
    }
    if let Some(mtu) = fields.whole("mtu", 68, MAX_PACKET)? {
        config.mtu = Some(mtu);
    }
    if let Some(overhead) = fields.whole("overhead_bytes", 0, 1000)? {
        config.overhead_bytes = overhead;
    }
    Ok(())
}

/// What the queue drops.
fn discipline(fields: &mut Fields<'_>, base: Discipline) -> Read<Discipline> {
    let (red, pie, codel, fq) =
        (Red::default(), Pie::default(), Codel::default(), FqCodel::default());
    let known = [
        ("drop-tail", Discipline::DropTail),
        ("drop-head", Discipline::DropHead),
        ("red", Discipline::Red(red)),
        ("pie", Discipline::Pie(pie)),
        ("codel", Discipline::Codel(codel)),
        ("fq-codel", Discipline::FqCodel(fq)),
    ];
    let chosen = fields.one_of("aqm", &known)?.unwrap_or(base);
    let target = fields.millis("target_ms")?;
    let interval = fields.millis("interval_ms")?;
    let ecn = fields.truth("ecn")?;
    let min_bytes = fields.whole("red_min_bytes", 0, MAX_WHOLE)?;
    let max_bytes = fields.whole("red_max_bytes", 1, MAX_WHOLE)?;
    let max_p = fields.share("red_max_p")?;
    Ok(match chosen {
        Discipline::Red(red) => Discipline::Red(Red {
            min_bytes: min_bytes.unwrap_or(red.min_bytes),
            max_bytes: max_bytes.unwrap_or(red.max_bytes),
            max_p: max_p.unwrap_or(red.max_p),
            ecn: ecn.unwrap_or(red.ecn),
            ..red
        }),
        Discipline::Pie(pie) => Discipline::Pie(Pie {
            target: target.unwrap_or(pie.target),
            t_update: interval.unwrap_or(pie.t_update),
            ecn: ecn.unwrap_or(pie.ecn),
            ..pie
        }),
        Discipline::Codel(codel) => Discipline::Codel(Codel {
            target: target.unwrap_or(codel.target),
            interval: interval.unwrap_or(codel.interval),
            ecn: ecn.unwrap_or(codel.ecn),
            ..codel
        }),
        Discipline::FqCodel(fq) => Discipline::FqCodel(FqCodel {
            target: target.unwrap_or(fq.target),
            interval: interval.unwrap_or(fq.interval),
            ecn: ecn.unwrap_or(fq.ecn),
            ..fq
        }),
        plain @ (Discipline::DropTail | Discipline::DropHead) => plain,
    })
}

/// Which packets overtake others.
fn order(fields: &mut Fields<'_>, config: &mut LinkConfig) -> Read<()> {
    let reorder = &mut config.reorder;
    reorder.by_jitter = fields.truth("jitter_reorders")?.unwrap_or(reorder.by_jitter);
    reorder.share = fields.share("reorder")?.unwrap_or(reorder.share);
    reorder.gap = fields.whole("reorder_gap", 1, MAX_WHOLE)?.unwrap_or(reorder.gap);
    let late_by = fields.millis("reorder_by_ms")?;
    if late_by.is_some() || reorder.late_by.is_zero() {
        reorder.late_by = late_by.unwrap_or(REORDER_BY);
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Shape {
    None,
    Uniform,
    Normal,
    Exponential,
    Pareto,
    Table,
}

/// Random extra delay.
fn spread(fields: &mut Fields<'_>, base: Spread) -> Read<Spread> {
    let known = [
        ("none", Shape::None),
        ("uniform", Shape::Uniform),
        ("normal", Shape::Normal),
        ("exponential", Shape::Exponential),
        ("pareto", Shape::Pareto),
        ("table", Shape::Table),
    ];
    let shape = fields.one_of("spread", &known)?;
    let time = fields.millis("spread_ms")?;
    let sd = fields.millis("spread_sd_ms")?;
    let max = fields.millis("spread_max_ms")?;
    let exponent = fields.number("spread_shape", 0.01, 100.0)?;
    let quantiles = quantiles(fields)?;
    let missing = |field: &str| fields.error("spread", format_args!("needs {field}"));
    let mean = || time.ok_or_else(|| missing("spread_ms"));
    Ok(match shape {
        None => base,
        Some(Shape::None) => Spread::None,
        Some(Shape::Uniform) => Spread::Uniform { max: mean()? },
        Some(Shape::Exponential) => Spread::Exponential { mean: mean()? },
        Some(Shape::Normal) => {
            Spread::Normal { mean: mean()?, sd: sd.ok_or_else(|| missing("spread_sd_ms"))? }
        }
        Some(Shape::Pareto) => Spread::Pareto {
            scale: mean()?,
            shape: exponent.ok_or_else(|| missing("spread_shape"))?,
            max: max.ok_or_else(|| missing("spread_max_ms"))?,
        },
        Some(Shape::Table) => {
            let quantiles = quantiles.ok_or_else(|| missing("spread_quantiles_ms"))?;
            let table = DelayTable::new(quantiles);
            Spread::Table(table.map_err(|error| fields.error("spread_quantiles_ms", error))?)
        }
    })
}

fn quantiles(fields: &mut Fields<'_>) -> Read<Option<Vec<Duration>>> {
    let Some(node) = fields.get("spread_quantiles_ms") else { return Ok(None) };
    let millis = |node: &Node| match node.value {
        Value::Number(ms, _) if (0.0..=3_600_000.0).contains(&ms) => {
            Some(Duration::from_secs_f64(ms / 1e3))
        }
        _ => None,
    };
    let list = match &node.value {
        Value::List(list) => list.iter().map(millis).collect(),
        _ => None,
    };
    let what = "spread_quantiles_ms must be a list of milliseconds, the shortest first";
    list.map(Some).ok_or_else(|| fields.error("spread_quantiles_ms", what))
}

/// Which packets are lost.
fn loss(fields: &mut Fields<'_>, base: Loss) -> Read<Loss> {
    let mean_loss = fields.share("loss")?;
    let mean_burst = fields.number("burst", 1.0, 1e6)?;
    let in_bad = fields.share("loss_in_bad")?;
    let mean_bad = fields.millis("burst_ms")?;
    let every = fields.whole("loss_every", 1, MAX_WHOLE)?;
    let offset = fields.whole("loss_offset", 0, MAX_WHOLE)?.unwrap_or_default();
    if let Some(every) = every {
        return Ok(Loss::Periodic { every, offset });
    }
    if let Some([p, r, h, k]) = chain(fields, "gilbert_elliott", ["p", "r", "h", "k"])? {
        return Ok(Loss::GilbertElliott { p, r, h, k });
    }
    let names = ["p13", "p31", "p32", "p23", "p14"];
    if let Some([p13, p31, p32, p23, p14]) = chain(fields, "four_state", names)? {
        return Ok(Loss::FourState { p13, p31, p32, p23, p14 });
    }
    let Some(mean_loss) = mean_loss else { return Ok(base) };
    Ok(match (mean_burst, mean_bad, in_bad) {
        (Some(mean_burst), _, Some(in_bad)) => Loss::gilbert_elliott(mean_loss, mean_burst, in_bad)
            .map_err(|error| fields.error("loss", error))?,
        (_, Some(mean_bad), _) => Loss::TimedBursts { mean_loss, mean_bad },
        (Some(mean_burst), ..) => Loss::Bursts { mean_loss, mean_burst },
        (None, None, _) => Loss::Bernoulli { p: mean_loss },
    })
}

/// The probabilities of a chain; those that are not given are 0.
fn chain<const N: usize>(
    fields: &mut Fields<'_>,
    field: &'static str,
    names: [&'static str; N],
) -> Read<Option<[f64; N]>> {
    let Some(table) = fields.table(field)? else { return Ok(None) };
    let mut within = Fields::new(field, vec![table]);
    let mut values = [0.0; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = within.share(name)?.unwrap_or_default();
    }
    within.end()?;
    Ok(Some(values))
}

/// What else goes wrong on the line.
fn faults(fields: &mut Fields<'_>, config: &mut LinkConfig) -> Read<()> {
    config.duplicate = fields.share("duplicate")?.unwrap_or(config.duplicate);
    config.truncate = fields.share("truncate")?.unwrap_or(config.truncate);
    config.damage.share = fields.share("damage")?.unwrap_or(config.damage.share);
    let rate = fields.share("bit_error_rate")?;
    config.damage.bit_error_rate = rate.unwrap_or(config.damage.bit_error_rate);
    let correlation = fields.number("spread_correlation", 0.0, 0.999_999)?;
    config.spread_correlation = correlation.unwrap_or(config.spread_correlation);
    let every = fields.seconds("outage_every")?;
    let down = fields.millis("outage_ms")?;
    if let (Some(period), Some(down)) = (every, down) {
        config.blackout = Blackout::Every { start: Instant::ZERO + period, period, down };
    }
    Ok(())
}
