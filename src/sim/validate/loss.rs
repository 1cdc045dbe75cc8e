//! Losses: independent, in Gilbert's bursts, in bursts of time, periodic.

use super::Depth;
use super::check::{Check, Tolerance, unless_broken};
use super::pattern::Pattern;
use crate::impair::{ImpairError, Loss};
use crate::time::Duration;

const BERNOULLI: &str = "binomial and geometric distribution";
const GILBERT: &str = "Gilbert 1960";
const TIMED: &str = "derived: Bursts in time";
const INFLATION: &str = "derived: Variance of bursts";

/// Shares of independent losses, and how many packets tell them apart.
const INDEPENDENT: [(f64, u64); 3] = [(0.1, 1_000_000), (0.01, 2_000_000), (0.001, 4_000_000)];
/// Mean loss and mean burst.
const BURSTS: [(f64, f64); 3] = [(0.01, 5.0), (0.05, 3.0), (0.2, 1.5)];
/// Mean share of bad time, mean bad spell, and how often one looks, in ms.
const SPELLS: [(f64, u64, u64); 3] = [(0.02, 100, 5), (0.02, 100, 50), (0.3, 40, 10)];

pub(super) fn checks(depth: Depth) -> Vec<Check> {
    let packets = |quick: u64| if depth == Depth::Full { quick * 25 } else { quick };
    let mut checks = Vec::new();
    for (p, quick) in INDEPENDENT {
        checks.extend(unless_broken(independent(p, &Loss::Bernoulli { p }, packets(quick))));
    }
    for (mean_loss, mean_burst) in BURSTS {
        let model = Loss::Bursts { mean_loss, mean_burst };
        checks.extend(unless_broken(bursts(mean_loss, mean_burst, &model, packets(4_000_000))));
    }
    for (mean_loss, bad_ms, every_ms) in SPELLS {
        let asked = Spells { mean_loss, bad_ms, every_ms };
        let mean_bad = Duration::from_millis(bad_ms);
        let model = Loss::TimedBursts { mean_loss, mean_bad };
        checks.extend(unless_broken(spells(asked, &model, packets(4_000_000))));
    }
    let model = Loss::Periodic { every: 100, offset: 99 };
    checks.extend(unless_broken(periodic(100, &model)));
    checks
}

/// Losses of a share `p` that know nothing of each other.
pub(super) fn independent(p: f64, model: &Loss, packets: u64) -> Result<Vec<Check>, ImpairError> {
    let seen = Pattern::observe(model, packets, Duration::ZERO, p.to_bits())?;
    Ok(two_states(&format!("independent {p}"), [BERNOULLI; 2], (p, 1.0 / (1.0 - p)), &seen))
}

/// Gilbert's bursts.
pub(super) fn bursts(
    mean_loss: f64,
    mean_burst: f64,
    model: &Loss,
    packets: u64,
) -> Result<Vec<Check>, ImpairError> {
    let seen = Pattern::observe(model, packets, Duration::ZERO, mean_burst.to_bits())?;
    let name = format!("bursts of {mean_burst}, {mean_loss} in all");
    Ok(two_states(&name, [GILBERT, INFLATION], (mean_loss, mean_burst), &seen))
}

/// What is asked of bursts in time, and how often a packet is sent into them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spells {
    pub(super) mean_loss: f64,
    pub(super) bad_ms: u64,
    pub(super) every_ms: u64,
}

/// Bad spells of exponential length, as packets sent evenly see them: again Gilbert's chain.
pub(super) fn spells(asked: Spells, model: &Loss, packets: u64) -> Result<Vec<Check>, ImpairError> {
    let Spells { mean_loss, bad_ms, every_ms } = asked;
    let seen = Pattern::observe(model, packets, Duration::from_millis(every_ms), every_ms)?;
    // The chain returns to a spell it has left: both rates together are those of forgetting.
    let forgetting = 1.0 / (bad_ms as f64 * (1.0 - mean_loss));
    let leave = (1.0 - mean_loss) * (1.0 - (-(every_ms as f64) * forgetting).exp());
    let name = format!("spells of {bad_ms} ms, {mean_loss} in all, a packet each {every_ms} ms");
    Ok(two_states(&name, [TIMED, INFLATION], (mean_loss, 1.0 / leave), &seen))
}

/// One packet in so many.
pub(super) fn periodic(every: u64, model: &Loss) -> Result<Vec<Check>, ImpairError> {
    let seen = Pattern::observe(model, 6400 * every, Duration::ZERO, 4)?;
    let check = |what: &str, expected, got| {
        let name = format!("one in {every}: {what}");
        Check::new(name, "by definition", expected, got, Tolerance::Exact)
    };
    Ok(vec![
        check("mean loss", 1.0 / every as f64, seen.share.value()),
        check("mean burst", 1.0, seen.run.value()),
    ])
}

/// The checks of a chain of two states in the bad one of which all is lost, by its mean loss and its
/// mean burst. Independent losses are the one whose bursts are as long as chance makes them.
fn two_states(
    name: &str,
    [source, of_variance]: [&'static str; 2],
    (loss, burst): (f64, f64),
    seen: &Pattern,
) -> Vec<Check> {
    let leave = 1.0 / burst;
    // What the state says of the next one: 1 - p - r.
    let rho = 1.0 - leave - leave * loss / (1.0 - loss);
    let inflation = Pattern::expected_inflation(rho);
    let mut checks: Vec<Check> = [
        ("mean loss", loss, &seen.share),
        ("mean burst", burst, &seen.run),
        ("P(loss | loss)", 1.0 - leave, &seen.again),
    ]
    .into_iter()
    .map(|(what, expected, seen)| {
        Check::sampled(format!("{name}: {what}"), source, expected, seen.value(), seen.sigma())
    })
    .collect();
    checks.push(Check::sampled(
        format!("{name}: variance in 200 packets"),
        of_variance,
        inflation,
        seen.inflation(),
        inflation * seen.inflation_error(loss, burst),
    ));
    checks
}
