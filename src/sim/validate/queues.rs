//! Queues: how long packets wait, how many find no room, and that a rate is that rate.

use super::Depth;
use super::check::{Check, Tolerance, unless_broken};
use super::ratio::Ratio;
use crate::impair::dice::{Dice, exponential};
use crate::impair::{ImpairError, Link, LinkConfig};
use crate::time::{Duration, Instant};

const POLLACZEK: &str = "Pollaczek 1930, Khinchine 1932";
const CROMMELIN: &str = "Crommelin 1932";
const KLEINROCK: &str = "Kleinrock 1975, 3.2";
const FINITE: &str = "Kleinrock 1975, 3.6";
const EMBEDDED: &str = "derived: M/D/1/K";
const ALL_SEE: &str = "Wolff 1982 (PASTA)";
const SERIAL: &str = "by definition";

/// Loads, as shares of the rate.
const LOADS: [f64; 5] = [0.5, 0.7, 0.8, 0.9, 0.95];
/// Packets that fit, those being sent included.
const PLACES: [u64; 3] = [5, 10, 20];
/// The bytes of a packet, on average where sizes vary.
const BYTES: f64 = 1000.0;
/// What takes a millisecond for one.
const RATE_BPS: u64 = 8_000_000;
const SERVICE_NS: f64 = 1e6;

pub(super) fn checks(depth: Depth) -> Vec<Check> {
    let arrivals = if depth == Depth::Full { 60_000_000 } else { 2_000_000 };
    let mut checks = unless_broken(serialisation(&plain()));
    for load in LOADS {
        // The closer to 1, the longer the queue remembers.
        let arrivals = if load > 0.85 { 2 * arrivals } else { arrivals };
        for sizes in [Sizes::Constant, Sizes::Exponential] {
            let poisson = Poisson { load, sizes, arrivals };
            checks.extend(unless_broken(waits(poisson, &plain())));
        }
    }
    for load in [0.8, 0.9, 0.95] {
        // At a low load a large queue is hardly ever full.
        for places in PLACES.into_iter().filter(|places| *places < 20 || load > 0.85) {
            let poisson = Poisson { load, sizes: Sizes::Constant, arrivals: arrivals / 2 };
            let model = LinkConfig { capacity_bytes: places * BYTES as u64, ..plain() };
            checks.extend(unless_broken(blocking(poisson, places, &model)));
        }
    }
    checks
}

/// A link of one packet per millisecond that has room for all.
pub(super) fn plain() -> LinkConfig {
    LinkConfig { rate_bps: Some(RATE_BPS), overhead_bytes: 0, ..LinkConfig::default() }
}

/// How large packets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sizes {
    /// All alike: M/D/1.
    Constant,
    /// Exponential: M/M/1.
    Exponential,
}

/// Packets that come at any time, independently.
#[derive(Clone, Copy, Debug)]
pub(super) struct Poisson {
    pub(super) load: f64,
    pub(super) sizes: Sizes,
    pub(super) arrivals: u64,
}

impl Poisson {
    fn name(self, places: Option<u64>) -> String {
        let letter = if self.sizes == Sizes::Constant { "D" } else { "M" };
        let places = places.map_or_else(String::new, |places| format!("/{places}"));
        format!("M/{letter}/1{places} at load {}", self.load)
    }
}

/// What packets met at a queue.
#[derive(Clone, Debug)]
struct Met {
    /// The mean wait of those that were taken, in service times.
    wait: Ratio,
    /// The share of them that did not wait.
    at_once: Ratio,
    /// The share that waited for longer than five service times.
    long: Ratio,
    /// The share of all that found no room.
    blocked: Ratio,
}

/// Sends them all through the link.
fn send(poisson: Poisson, model: &LinkConfig) -> Result<Met, ImpairError> {
    let ratio = Ratio::of(poisson.arrivals);
    let mut met =
        Met { wait: ratio.clone(), at_once: ratio.clone(), long: ratio.clone(), blocked: ratio };
    let mut link = Link::new(model.clone(), 1)?;
    let (dice, mut draws, mut now_ns) = (Dice::new(poisson.load.to_bits()), 0, 0.0);
    // One buffer travels again and again.
    let mut buffer = Vec::new();
    for _ in 0..poisson.arrivals {
        now_ns += exponential(dice, &mut draws) * SERVICE_NS / poisson.load;
        let bytes = match poisson.sizes {
            Sizes::Constant => BYTES,
            Sizes::Exponential => (exponential(dice, &mut draws) * BYTES).round(),
        };
        let now = Instant::from_nanos(now_ns as u64);
        buffer.resize(bytes as usize, 0);
        let mut arrivals = link.send(now, std::mem::take(&mut buffer));
        buffer = std::mem::take(&mut arrivals.discarded);
        let arrival = arrivals.into_iter().next();
        let is_taken = arrival.is_some();
        let mut wait = 0.0;
        if let Some(arrival) = arrival {
            let stay = arrival.at.saturating_since(now).as_nanos() as f64 / SERVICE_NS;
            // What is sent in whole nanoseconds is up to one of them late.
            wait = (stay - bytes / BYTES).max(0.0);
            buffer = arrival.datagram;
        }
        let taken = f64::from(u8::from(is_taken));
        met.wait.push(wait, taken);
        met.at_once.count(wait < 2.0 / SERVICE_NS, is_taken);
        met.long.count(wait > 5.0, is_taken);
        met.blocked.push(1.0 - taken, 1.0);
    }
    Ok(met)
}

/// Waits at a queue that has room for all.
pub(super) fn waits(poisson: Poisson, model: &LinkConfig) -> Result<Vec<Check>, ImpairError> {
    let (met, load) = (send(poisson, model)?, poisson.load);
    let (mean, long, [of_mean, of_long]) = match poisson.sizes {
        Sizes::Constant => {
            let long = 1.0 - constant_within(load, 5);
            (load / (2.0 * (1.0 - load)), long, [POLLACZEK, CROMMELIN])
        }
        Sizes::Exponential => {
            let long = load * (-5.0 * (1.0 - load)).exp();
            (load / (1.0 - load), long, [KLEINROCK; 2])
        }
    };
    let name = poisson.name(None);
    let check = |what: &str, source, expected, met: &Ratio| {
        Check::sampled(format!("{name}: {what}"), source, expected, met.value(), met.sigma())
    };
    Ok(vec![
        check("mean wait, service times", of_mean, mean, &met.wait),
        check("share that does not wait", ALL_SEE, 1.0 - load, &met.at_once),
        check("share that waits > 5", of_long, long, &met.long),
    ])
}

/// P(wait <= t service times) at a queue of constant ones, for whole t.
fn constant_within(load: f64, t: u32) -> f64 {
    let term = |j: u32| {
        let x = load * (f64::from(j) - f64::from(t));
        x.powi(j.cast_signed()) * (-x).exp() / factorial(j)
    };
    (1.0 - load) * (0..=t).map(term).sum::<f64>()
}

fn factorial(n: u32) -> f64 {
    (1..=n).map(f64::from).product()
}

/// How many find no room in a queue of so many places.
pub(super) fn blocking(
    poisson: Poisson,
    places: u64,
    model: &LinkConfig,
) -> Result<Vec<Check>, ImpairError> {
    let met = send(poisson, model)?;
    let (expected, source) = match poisson.sizes {
        Sizes::Constant => (constant_blocking(poisson.load, places as usize), EMBEDDED),
        Sizes::Exponential => (exponential_blocking(poisson.load, places as i32), FINITE),
    };
    let name = format!("{}: share that finds no room", poisson.name(Some(places)));
    Ok(vec![Check::sampled(name, source, expected, met.blocked.value(), met.blocked.sigma())])
}

fn exponential_blocking(load: f64, places: i32) -> f64 {
    (1.0 - load) * load.powi(places) / (1.0 - load.powi(places + 1))
}

/// By the chain of how many are left behind by one that has been served.
pub(super) fn constant_blocking(load: f64, places: usize) -> f64 {
    let come = |n: usize| (1..=n).map(|k| load / k as f64).product::<f64>() * (-load).exp();
    let mut left = vec![1.0];
    while left.len() < places {
        let j = left.len() - 1;
        let others: f64 = (1..=j).map(|i| left[i] * come(j + 1 - i)).sum();
        left.push((left[j] - left[0] * come(j) - others) / come(0));
    }
    let none = left[0] / left.iter().sum::<f64>();
    1.0 - 1.0 / (none + load)
}

/// These are whole numbers: not even their last digit may differ.
const TO_THE_NANOSECOND: Tolerance = Tolerance::Absolute(0.0);

/// That bits take the time they take: what is sent, when its last bit has left, in ns.
pub(super) fn serialisation(model: &LinkConfig) -> Result<Vec<Check>, ImpairError> {
    let rate = model.rate_bps.unwrap_or_default();
    let last = |rate_bps: u64, packets: u64, bytes: usize| -> Result<f64, ImpairError> {
        let mut link = Link::new(LinkConfig { rate_bps: Some(rate_bps), ..model.clone() }, 1)?;
        let mut at = Instant::ZERO;
        for _ in 0..packets {
            let arrivals = link.send(Instant::ZERO, vec![0; bytes]);
            at = arrivals.iter().map(|arrival| arrival.at).max().unwrap_or_default();
        }
        Ok(at.as_nanos() as f64)
    };
    let check = |name: &str, expected: u64, got| {
        Check::new(format!("{name}, ns"), SERIAL, expected as f64, got, TO_THE_NANOSECOND)
    };
    let odd = 100_000 * 1500 * 8_000_000_000u128;
    Ok(vec![
        check("1,000 bytes at 8 Mbit/s", 1_000_000, last(rate, 1, 1000)?),
        check("1,000 packets of 1,250 bytes at 8 Mbit/s", 1_250_000_000, last(rate, 1000, 1250)?),
        // Each byte takes 2 s and 2/3 ns: fractions that are forgotten would add up.
        check("3 packets of a byte at 3 bit/s", 8_000_000_000, last(rate.min(3), 3, 1)?),
        check(
            "100,000 packets of 1,500 bytes at 7,000,003 bit/s",
            odd.div_ceil(7_000_003) as u64,
            last(rate.min(7_000_003), 100_000, 1500)?,
        ),
        idle(model)?,
    ])
}

/// That an idle link saves nothing up.
fn idle(model: &LinkConfig) -> Result<Check, ImpairError> {
    let mut link = Link::new(model.clone(), 1)?;
    let noon = Instant::ZERO + Duration::from_hours(12);
    let at = link.send(noon, vec![0; 1000]).iter().map(|arrival| arrival.at).max();
    let got = at.unwrap_or_default().saturating_since(noon).as_nanos() as f64;
    let name = "1,000 bytes at 8 Mbit/s after 12 idle hours, ns";
    Ok(Check::new(name, SERIAL, SERVICE_NS, got, TO_THE_NANOSECOND))
}
