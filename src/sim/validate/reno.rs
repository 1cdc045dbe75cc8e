//! The shipped NewReno over simulated paths against Mathis's square root, the sawtooth and its buffer.

use super::flows::{ENDLESS, Flows, Sample, WIRE_BYTES};
use super::formula::{MATHIS_PERIODIC, MATHIS_RANDOM, sawtooth_utilisation};
use super::sawtooth::{Cycles, Rules};
use super::{Check, Depth, Tolerance};
use crate::impair::dice::{Dice, exponential};
use crate::impair::{LinkConfig, Loss};
use crate::sim::scene::jain;
use crate::time::{Duration, Instant};

const MATHIS: &str = "Mathis 1997; Ott, Kemperman and Mathis 1996";
const DERIVED: &str = "derived: The sawtooth of given losses";
const BUFFER: &str = "derived: A sawtooth and its buffer";
const FAIR: &str = "Chiu and Jain 1989";

const RTT: Duration = Duration::from_millis(100);
const RATE_BPS: u64 = 10_000_000;
/// From one look at the window to the next.
const LOOK: Duration = Duration::from_millis(10);
/// Losses after which nothing is left of the start: a cut keeps a quarter of a window's square, and
/// that of the largest start is less than a thousand times the usual one.
const SKIPPED: usize = 12;
/// Where in its round a cut falls decides by up to this much of a round how soon the flight is down
/// to the window: packets are not spread evenly. Periodic losses may always fall at one place.
const PHASE: f64 = 0.5;
/// After a cut a flight leaves within 0.8 rounds (the pacer's 1.25, RFC 9002 §7.7): cycles that end
/// soon are up to so much of a round shorter than evenly spread packets would have them.
const PACED: f64 = 0.2;

/// The comparisons. Quick: 200 cuts at one share of losses; full: 2000 at each of several.
pub(super) fn checks(depth: Depth) -> Vec<Check> {
    let (random, periodic, cuts): (&[f64], &[f64], u32) = match depth {
        Depth::Quick => (&[1e-3], &[1e-3], 200),
        Depth::Full => (&[1e-4, 3e-4, 1e-3, 3e-3, 1e-2], &[1e-4, 1e-3, 1e-2], 2000),
    };
    let mut checks = limits();
    let mut rates = Vec::new();
    for p in random {
        let Some(path) = Path::new(Loss::Bernoulli { p: *p }, *p, cuts) else { continue };
        random_losses(&path, &Rules::NEW_RENO, RTT, &mut checks);
        rates.push((*p, path.packets / path.rounds(RTT)));
    }
    // At one loss in a hundred packets the rounds of recovery are a sixth of all.
    rates.retain(|(p, _)| *p <= 3e-3);
    if rates.len() > 2 {
        let slope = slope(&rates);
        let name = "slope of log rate on log loss, NewReno, 1e-4 to 3e-3";
        checks.push(Check::new(name, MATHIS, -0.5, slope, Tolerance::Absolute(0.02)));
    }
    for p in periodic {
        let every = (1.0 / p).round() as u64;
        let path = Path::new(Loss::Periodic { every, offset: every }, *p, 30);
        let Some(path) = path else { continue };
        periodic_losses(&path, &Rules::NEW_RENO, RTT, &mut checks);
    }
    let cycles = if depth == Depth::Quick { 5 } else { 50 };
    for buffer in [0.25, 0.5, 1.0] {
        checks.extend(buffered(buffer, buffer, cycles));
    }
    checks.extend(unbuffered(cycles));
    checks.extend(fairness(Duration::from_secs(if depth == Depth::Quick { 300 } else { 1200 })));
    checks
}

/// The sawtooth itself, where recovery no longer counts: the published constants.
fn limits() -> Vec<Check> {
    const P: f64 = 1e-6;
    let random =
        Cycles::new(&Rules::NEW_RENO, draws(Dice::new(1), P, 20_000), MATHIS_RANDOM / P.sqrt());
    let periodic = (0..50).map(|n| n * 1_000_000);
    let periodic = Cycles::new(&Rules::NEW_RENO, periodic, (8.0 / (3.0 * P)).sqrt());
    [("independent", MATHIS_RANDOM, random), ("periodic", MATHIS_PERIODIC, periodic)]
        .map(|(name, expected, cycles)| {
            let name = format!("C of the sawtooth at loss 1e-6, {name}");
            Check::new(name, MATHIS, expected, cycles.mathis(P), Tolerance::Relative(0.01))
        })
        .to_vec()
}

/// Ordinals of independent losses, one in `1/p` on average.
fn draws(dice: Dice, p: f64, count: usize) -> impl Iterator<Item = u64> {
    let (mut at, mut draw) = (0.0, 0);
    (0..count).map(move |_| {
        at += exponential(dice, &mut draw) / p;
        at as u64
    })
}

/// What was measured from one loss to another.
struct Path {
    p: f64,
    elapsed: Duration,
    packets: f64,
    /// The losses, by their ordinals, and the window at the first of them.
    losses: Vec<u64>,
    window: f64,
    /// The windows before cuts.
    tops: Vec<f64>,
}

impl Path {
    /// One flow over a path that loses the share `p` and has no limit else, for about so many cuts.
    fn new(loss: Loss, p: f64, cuts: u32) -> Option<Self> {
        let link = LinkConfig { delay: RTT / 2, loss, ..LinkConfig::default() };
        let mut flows = Flows::new(&link, &[Instant::ZERO], ENDLESS, 1)?;
        // The rounds of a cycle with periodic losses, W/2 and those of recovery; random ones take less.
        let cycle = RTT.mul_f64((2.0 / (3.0 * p)).sqrt() + 1.5);
        flows.run(Instant::ZERO + cycle * (cuts + 2 * SKIPPED as u32), LOOK);
        let lost = flows.lost.get(SKIPPED..)?;
        let (first, last) = (lost.first()?, lost.last()?);
        let samples = flows.samples.first()?;
        let from = samples.partition_point(|sample| sample.at <= first.at);
        Some(Self {
            p,
            elapsed: last.at.saturating_since(first.at),
            packets: (last.ordinal - first.ordinal) as f64 - lost.len() as f64,
            losses: lost.iter().map(|loss| loss.ordinal).collect(),
            window: samples.get(from)?.cwnd,
            tops: tops(samples.get(from..)?).map(|(sample, _)| sample.cwnd).collect(),
        })
    }

    fn rounds(&self, rtt: Duration) -> f64 {
        self.elapsed.as_secs_f64() / rtt.as_secs_f64()
    }

    fn mathis(&self, rtt: Duration) -> f64 {
        self.packets / self.rounds(rtt) * self.p.sqrt()
    }

    fn model(&self, rules: &Rules) -> Cycles {
        Cycles::new(rules, self.losses.iter().copied(), self.window)
    }
}

/// What was seen before and after each cut.
fn tops(samples: &[Sample]) -> impl Iterator<Item = (&Sample, &Sample)> {
    let pairs = samples.iter().zip(samples.iter().skip(1));
    pairs.filter(|(before, after)| after.cwnd < before.cwnd)
}

/// Independent losses: against the sawtooth of the very same losses, and against that of all.
fn random_losses(path: &Path, rules: &Rules, rtt: Duration, checks: &mut Vec<Check>) {
    const SIGMAS: f64 = 3.0;
    let model = path.model(rules);
    let (cuts, p) = (f64::from(model.cuts), path.p);
    let rounds = model.rounds / cuts;
    let phase = SIGMAS * PHASE / (3.0 * cuts).sqrt();
    let spread = (PACED + phase) / rounds;
    let mut add = |name: String, source, expected: f64, got: f64, tolerance| {
        checks.push(Check::new(name, source, expected, got, tolerance));
    };
    let got = path.mathis(rtt);
    let name = format!("C of NewReno at loss {p}, these {cuts} cuts");
    add(name, DERIVED, model.mathis(p), got, Tolerance::Relative(spread));
    // How much C differs from one row of so many losses to another.
    let all: Vec<_> = (0..64)
        .map(|n| draws(Dice::new(2).fork(n), p, path.losses.len()))
        .map(|losses| Cycles::new(rules, losses, path.window).mathis(p))
        .collect();
    let mean = all.iter().sum::<f64>() / 64.0;
    let sigma = (all.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / 63.0).sqrt();
    let tolerance = Tolerance::Relative(SIGMAS * sigma / mean + spread);
    add(format!("C of NewReno at loss {p}, independent"), DERIVED, mean, got, tolerance);
}

/// Periodic losses: how fast, and the sawtooth's height and length.
fn periodic_losses(path: &Path, rules: &Rules, rtt: Duration, checks: &mut Vec<Check>) {
    let (model, p) = (path.model(rules), path.p);
    let rounds = model.rounds / f64::from(model.cuts);
    let mut add = |name: &str, expected: f64, got: f64, tolerance| {
        checks.push(Check::new(
            format!("{name} at loss {p}, periodic"),
            DERIVED,
            expected,
            got,
            tolerance,
        ));
    };
    let tolerance = Tolerance::Relative(PHASE / rounds);
    add("C of NewReno", model.mathis(p), path.mathis(rtt), tolerance);
    // It grows by whole packets.
    let top = path.tops.iter().sum::<f64>() / path.tops.len() as f64;
    add("window of NewReno before a cut", model.window(), top, Tolerance::Absolute(1.0));
    // From W/2 to W a window each: 3W²/8 - W/4. A window while the loss is not yet seen, and on average
    // half a one that was acknowledged when the growth was cut off.
    let cycle = 3.0 * top * top / 8.0 + 1.25 * top;
    let got = path.packets / (path.losses.len() - 1) as f64;
    add("packets of a cycle, 3W²/8 + 5W/4", cycle, got, Tolerance::Absolute(top / 2.0));
}

/// The slope of a straight line through the logarithms.
fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<_> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (x, y) = logs.iter().fold((0.0, 0.0), |(x, y), log| (x + log.0 / count, y + log.1 / count));
    let top: f64 = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum();
    top / logs.iter().map(|log| (log.0 - x) * (log.0 - x)).sum::<f64>()
}

/// Packets of the bandwidth-delay product.
fn bdp() -> f64 {
    RATE_BPS as f64 / 8.0 * RTT.as_secs_f64() / WIRE_BYTES as f64
}

/// The share of a link that one flow uses, from one cut to another, with a buffer of so many
/// bandwidth-delay products.
fn utilisation(buffer: f64, cycles: u32) -> Option<f64> {
    const START: Duration = Duration::from_secs(20);
    let capacity_bytes = (buffer * bdp()).round() as u64 * WIRE_BYTES;
    let link = LinkConfig { capacity_bytes, ..LinkConfig::bottleneck(RATE_BPS, RTT / 2) };
    // A packet more in each round; above the full pipe a round takes longer, by the queue.
    let rounds = bdp() * ((1.0 - buffer) / 2.0 + buffer + buffer * buffer / 2.0) + 4.0;
    let mut flows = Flows::new(&link, &[Instant::ZERO], ENDLESS, 1)?;
    flows.run(Instant::ZERO + START + RTT.mul_f64(rounds) * (cycles + 1), LOOK);
    let samples = flows.samples.first()?;
    let is_late = |at: Instant| at > Instant::ZERO + START;
    let cuts: Vec<_> = tops(samples).filter(|(before, _)| is_late(before.at)).collect();
    let ((_, first), (_, last)) = (cuts.first()?, cuts.last()?);
    let bits = ((last.acked - first.acked) * WIRE_BYTES * 8) as f64;
    Some(bits / last.at.saturating_since(first.at).as_secs_f64() / RATE_BPS as f64)
}

/// A flow over a link with a buffer of `buffer` against the sawtooth with one of `modelled`.
fn buffered(buffer: f64, modelled: f64, cycles: u32) -> Option<Check> {
    let got = utilisation(buffer, cycles)?;
    let name = format!("use of the link, NewReno, buffer {buffer} BDP");
    let expected = sawtooth_utilisation(modelled);
    Some(Check::new(name, BUFFER, expected, got, Tolerance::Absolute(0.015)))
}

/// Next to no buffer: the closed form's 0.75 is out of reach. The pacer lets a flight leave at 1.25
/// times its own rate (RFC 9002 §7.7), so from 0.8 of the full pipe on packets may come faster than
/// the link sends and find no room: cycles end somewhere from there to the full pipe, at worst all of
/// them at its beginning.
fn unbuffered(cycles: u32) -> Option<Check> {
    const BUFFER_BDP: f64 = 0.02;
    let got = utilisation(BUFFER_BDP, cycles)?;
    let most = sawtooth_utilisation(BUFFER_BDP);
    let name = "use of the link, NewReno, buffer of 2 packets";
    let bounds = Tolerance::Between(0.8 * sawtooth_utilisation(0.0), most);
    Some(Check::new(name, BUFFER, most, got, bounds))
}

/// Two flows, one ten seconds after the other: every cut that both take halves their difference.
///
/// Without any chance a queue that drops at its tail can go on taking from the same flow (phase effects,
/// Floyd and Jacobson 1992): at 10 Mbit/s the index over a minute is 0.94 or 0.99 with buffers that
/// differ by a packet. As they do, the delay varies by the time of one packet; and a slow link makes for
/// many cuts.
fn fairness(duration: Duration) -> Option<Check> {
    const SLOW_BPS: u64 = 2_000_000;
    let starts = [Instant::ZERO, Instant::ZERO + Duration::from_secs(10)];
    let jitter = Duration::from_nanos(WIRE_BYTES * 8 * 1_000_000_000 / SLOW_BPS);
    let link = LinkConfig { jitter, ..LinkConfig::bottleneck(SLOW_BPS, RTT / 2) };
    let mut flows = Flows::new(&link, &starts, ENDLESS, 1)?;
    flows.run(Instant::ZERO + duration, RTT * 10);
    let half = Instant::ZERO + duration / 2;
    let mut shares = Vec::new();
    for samples in &flows.samples {
        let from = samples.iter().find(|sample| sample.at >= half)?;
        shares.push((samples.last()?.acked - from.acked) as f64);
    }
    let name = "Jain's index of two NewReno flows, second half";
    Some(Check::new(name, FAIR, 1.0, jain(shares), Tolerance::Between(0.95, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_ones_pass() {
        let checks = checks(Depth::Quick);
        assert_eq!(checks.len(), 2 + 2 + 3 + 3 + 1 + 1);
        let missed: Vec<_> = checks.iter().filter(|check| !check.passes()).collect();
        assert!(missed.is_empty(), "{missed:?}");
    }

    /// All that is wrong with a model shows: each of these is off by a tenth or so.
    #[test]
    fn wrong_models_miss() {
        let path = Path::new(Loss::Bernoulli { p: 1e-3 }, 1e-3, 60).unwrap();
        let is_right = |rules: &Rules, rtt| {
            let mut checks = Vec::new();
            random_losses(&path, rules, rtt, &mut checks);
            checks[0].passes()
        };
        let right = Rules::NEW_RENO;
        assert!(is_right(&right, RTT));
        assert!(!is_right(&right, RTT * 11 / 10), "a longer round trip");
        assert!(!is_right(&Rules { decrease: 0.7, ..right }, RTT), "another cut");
        assert!(!is_right(&Rules { increase: 0.5, ..right }, RTT), "a window per two rounds");
        assert!(!is_right(&Rules { recovery_rounds: 0.0, ..right }, RTT), "no recovery");
    }

    #[test]
    fn a_buffer_twice_as_large_misses() {
        assert!(!buffered(0.25, 0.5, 2).unwrap().passes());
    }
}
