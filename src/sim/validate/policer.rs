//! Policers: which share of what comes is too much.

use super::Depth;
use super::check::{Check, Tolerance, unless_broken};
use super::queues::constant_blocking;
use super::ratio::Ratio;
use crate::impair::dice::{Dice, exponential};
use crate::impair::{Fate, ImpairError, Link, LinkConfig, Policer};
use crate::time::{Duration, Instant};

const BUCKET: &str = "by definition";
const QUEUE: &str = "derived: Policers";

const BYTES: u64 = 1500;
/// 1,500 bytes take so long at 12 Mbit/s.
const EVERY: Duration = Duration::from_millis(1);

pub(super) fn checks(depth: Depth) -> Vec<Check> {
    let packets = if depth == Depth::Full { 100_000_000 } else { 2_000_000 };
    let model = Policer { rate_bps: 10_000_000, burst_bytes: 10 * BYTES };
    let mut checks = unless_broken(constant(model));
    for (load, packets_in_bucket) in [(0.8, 5), (0.9, 5), (0.9, 10), (0.95, 10), (0.95, 20)] {
        let burst_bytes = packets_in_bucket * BYTES;
        let model = Policer { rate_bps: 12_000_000, burst_bytes };
        checks.extend(unless_broken(poisson(load, packets_in_bucket, model, packets)));
    }
    checks
}

fn link(policer: Policer) -> Result<Link, ImpairError> {
    let policer = Some(policer);
    Link::new(LinkConfig { policer, overhead_bytes: 0, ..LinkConfig::default() }, 1)
}

/// 12 Mbit/s of even packets through 10 Mbit/s, with a bucket of ten of them.
pub(super) fn constant(model: Policer) -> Result<Vec<Check>, ImpairError> {
    const PACKETS: u64 = 100_000;
    let mut link = link(model)?;
    let mut now = Instant::ZERO;
    for _ in 0..PACKETS {
        let _ = link.send(now, vec![0; BYTES as usize]);
        now += EVERY;
    }
    // The bucket is full at first, and then fills by 5/6 of a packet for each that comes.
    let passed = 10 + (PACKETS - 1) * 10 / 12;
    let policed = link.stats().policed;
    let name = "12 through 10 Mbit/s, 100,000 packets";
    let share = policed as f64 / PACKETS as f64;
    // A bucket of ten packets is what the long run has less.
    let bucket = Tolerance::Absolute(10.0 / PACKETS as f64);
    Ok(vec![
        Check::new(
            format!("{name}: passed"),
            BUCKET,
            passed as f64,
            (PACKETS - policed) as f64,
            Tolerance::Exact,
        ),
        Check::new(format!("{name}: share dropped"), BUCKET, 1.0 / 6.0, share, bucket),
    ])
}

/// Packets that come at any time through a bucket of so many: what it lacks to be full is what would
/// wait in a queue of as many places, so it drops what that would drop.
pub(super) fn poisson(
    load: f64,
    places: u64,
    model: Policer,
    packets: u64,
) -> Result<Vec<Check>, ImpairError> {
    let mut link = link(model)?;
    let (dice, mut draws, mut now_ns) = (Dice::new(places), 0, 0.0);
    let mut dropped = Ratio::of(packets);
    let mut buffer = vec![0; BYTES as usize];
    for _ in 0..packets {
        now_ns += exponential(dice, &mut draws) * EVERY.as_nanos() as f64 / load;
        let mut arrivals = link.send(Instant::from_nanos(now_ns as u64), buffer);
        dropped.count(arrivals.fate == Fate::Policed, true);
        buffer = std::mem::take(&mut arrivals.discarded);
        buffer = arrivals.into_iter().next().map_or(buffer, |arrival| arrival.datagram);
    }
    let name = format!("Poisson at load {load}, bucket of {places} packets: share dropped");
    let expected = constant_blocking(load, places as usize);
    Ok(vec![Check::sampled(name, QUEUE, expected, dropped.value(), dropped.sigma())])
}
