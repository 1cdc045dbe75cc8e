//! The loss models in netem's terms: Gilbert-Elliott, and the chain of four states.

use super::Depth;
use super::check::{Check, Tolerance, unless_broken};
use super::pattern::Pattern;
use crate::impair::{ImpairError, Loss};
use crate::time::Duration;

const ELLIOTT: &str = "Elliott 1963";
const HIDDEN: &str = "derived: Hidden chains";
const SALSANO: &str = "Salsano, Ludovici, Ordine 2012";

/// Gilbert-Elliott's p, r, h, k.
const TWO: [[f64; 4]; 3] = [[0.01, 0.2, 0.3, 1.0], [0.005, 0.1, 0.5, 0.999], [0.1, 0.4, 0.0, 1.0]];
/// Four states' p13, p31, p32, p23, p14.
const FOUR: [[f64; 5]; 2] = [[0.01, 0.5, 0.1, 0.3, 0.002], [0.005, 0.1, 0.3, 0.2, 0.01]];

pub(super) fn checks(depth: Depth) -> Vec<Check> {
    let packets = if depth == Depth::Full { 100_000_000 } else { 4_000_000 };
    let mut checks = Vec::new();
    for chain in TWO {
        let [p, r, h, k] = chain;
        let model = Loss::GilbertElliott { p, r, h, k };
        checks.extend(unless_broken(gilbert_elliott(chain, &model, packets)));
    }
    checks.push(example());
    for chain in FOUR {
        let [p13, p31, p32, p23, p14] = chain;
        let model = Loss::FourState { p13, p31, p32, p23, p14 };
        checks.extend(unless_broken(four_states(chain, &model, packets)));
    }
    checks
}

/// Two states that lose 1 - k and 1 - h of what is sent.
pub(super) fn gilbert_elliott(
    [p, r, h, k]: [f64; 4],
    model: &Loss,
    packets: u64,
) -> Result<Vec<Check>, ImpairError> {
    let bad = p / (p + r);
    let states = [(1.0 - bad, 1.0 - k), (bad, 1.0 - h)];
    let step = [vec![1.0 - p, p], vec![r, 1.0 - r]];
    let name = format!("p {p} r {r} h {h} k {k}");
    hidden(&name, ELLIOTT, &states, &step, model, packets)
}

/// The stationary distribution of the four states: 1 to 4 of Salsano, Ludovici and Ordine.
fn shares([p13, p31, p32, p23, p14]: [f64; 5]) -> [f64; 4] {
    let one = 1.0 / (1.0 + p14 + p13 / p31 * (1.0 + p32 / p23));
    let three = one * p13 / p31;
    [one, three * p32 / p23, three, one * p14]
}

/// The example of the literature, which pins the formula.
fn example() -> Check {
    let [_, _, burst, alone] = shares(FOUR[0]);
    let name = "p13 .01 p31 .5 p32 .1 p23 .3 p14 .002: mean loss by formula";
    Check::new(name, SALSANO, 0.021_387, burst + alone, Tolerance::Absolute(5e-7))
}

/// The chain that has bursts with gaps in them, and losses alone.
pub(super) fn four_states(
    chain: [f64; 5],
    model: &Loss,
    packets: u64,
) -> Result<Vec<Check>, ImpairError> {
    let [p13, p31, p32, p23, p14] = chain;
    let [one, two, three, four] = shares(chain);
    let states = [(one, 0.0), (two, 0.0), (three, 1.0), (four, 1.0)];
    let step = [
        vec![1.0 - p13 - p14, 0.0, p13, p14],
        vec![0.0, 1.0 - p23, p23, 0.0],
        vec![p31, p32, 1.0 - p31 - p32, 0.0],
        vec![1.0, 0.0, 0.0, 0.0],
    ];
    let name = format!("p13 {p13} p31 {p31} p32 {p32} p23 {p23} p14 {p14}");
    hidden(&name, SALSANO, &states, &step, model, packets)
}

/// Any chain whose states, each with its share in the long run, lose a share of what is sent.
fn hidden(
    name: &str,
    source: &'static str,
    states: &[(f64, f64)],
    step: &[Vec<f64>],
    model: &Loss,
    packets: u64,
) -> Result<Vec<Check>, ImpairError> {
    let loss: f64 = states.iter().map(|(share, lost)| share * lost).sum();
    let seen = Pattern::observe(model, packets, Duration::ZERO, loss.to_bits())?;
    let again = lost_after(states, step, 1) / loss;
    let later = lost_after(states, step, Pattern::LATER) / loss;
    let checks = [
        ("mean loss", source, loss, &seen.share),
        // A run ends where a loss is not followed by one.
        ("mean burst", HIDDEN, 1.0 / (1.0 - again), &seen.run),
        ("P(loss | loss)", HIDDEN, again, &seen.again),
        ("P(loss | loss 10 before)", HIDDEN, later, &seen.later),
    ];
    let check = |(what, source, expected, seen): (&str, _, _, &super::ratio::Ratio)| {
        Check::sampled(format!("{name}: {what}"), source, expected, seen.value(), seen.sigma())
    };
    Ok(checks.map(check).into())
}

/// The probability that a packet and the one so many after it are lost.
fn lost_after(states: &[(f64, f64)], step: &[Vec<f64>], packets: u32) -> f64 {
    let mut weights: Vec<f64> = states.iter().map(|(share, lost)| share * lost).collect();
    for _ in 0..packets {
        let to =
            |next: usize| weights.iter().zip(step).map(|(weight, row)| weight * row[next]).sum();
        weights = (0..states.len()).map(to).collect();
    }
    weights.iter().zip(states).map(|(weight, (_, lost))| weight * lost).sum()
}
