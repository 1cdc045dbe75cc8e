//! Head-of-line blocking: what waiting for the lost costs those that have arrived.

use super::Depth;
use super::check::{Check, Tolerance, unless_broken};
use super::ratio::Ratio;
use crate::impair::{ImpairError, Link, LinkConfig, Loss};
use crate::time::{Duration, Instant};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const ORDER: &str = "derived: Head-of-line blocking";
const RETRIES: &str = "derived: Deadlines and copies";

/// Messages of a steady flow: loss, from one to the next and from a loss to its repair, in ms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steady {
    pub(super) p: f64,
    pub(super) every: u64,
    pub(super) repair: u64,
}

/// A flow, with the published share in order without extra delay, its mean extra delay in ms, and the
/// 90th, 99th and 99.9th percentile of that.
type Row = (Steady, f64, f64, [u64; 3]);

const ROWS: [Row; 5] = [
    (Steady { p: 0.01, every: 10, repair: 110 }, 0.894_34, 6.568, [10, 110, 130]),
    (Steady { p: 0.01, every: 20, repair: 120 }, 0.940_91, 4.244, [0, 120, 120]),
    (Steady { p: 0.05, every: 10, repair: 110 }, 0.552_55, 32.301, [100, 190, 260]),
    (Steady { p: 0.001, every: 1, repair: 101 }, 0.903_80, 4.998, [0, 92, 101]),
    (Steady { p: 0.02, every: 5, repair: 105 }, 0.648_67, 21.504, [85, 105, 200]),
];
/// How many streams take turns, and the published share without extra delay and mean of it.
const STREAMS: [(u64, f64, f64); 5] = [
    (1, 0.894_34, 6.57),
    (2, 0.941_00, 3.64),
    (4, 0.970_01, 2.14),
    (8, 0.980_00, 1.43),
    (16, 0.989_90, 1.12),
];

pub(super) fn checks(depth: Depth) -> Vec<Check> {
    let messages = if depth == Depth::Full { 20_000_000 } else { 500_000 };
    let mut checks = Vec::new();
    for row in &ROWS {
        checks.extend(formula(row));
        checks.extend(unless_broken(flow(row.0, row.0.repair, row.3, messages)));
    }
    for (streams, share, mean) in STREAMS {
        checks.extend(unless_broken(in_turn(streams, [share, mean], ROWS[0].0, messages)));
    }
    for retries in 0..3 {
        let model = Loss::Bernoulli { p: 0.05 };
        checks.extend(unless_broken(deadline(0.05, retries, &model, messages)));
    }
    for copies in 1..4 {
        let model = Loss::Bernoulli { p: 0.05 };
        checks.extend(unless_broken(independent_copies(0.05, copies, &model, messages)));
        let model = Loss::Bursts { mean_loss: 0.01, mean_burst: 5.0 };
        checks.extend(unless_broken(copies_in_bursts(0.01, 5.0, copies, &model, messages)));
    }
    checks
}

impl Steady {
    /// P(extra delay in order <= x ms): every message m before must have been lost less often than
    /// takes until then.
    fn in_order_within(self, x: u64) -> f64 {
        let Self { p, every, repair } = self;
        let mut product = 1.0;
        for m in 0.. {
            let losses = (x + m * every) / repair + 1;
            let misses = p.powi(i32::try_from(losses).unwrap_or(i32::MAX));
            product *= 1.0 - misses;
            if misses < 1e-15 {
                break;
            }
        }
        product
    }

    /// The sum of P(extra > x): it changes at whole milliseconds only.
    fn mean_in_order(self) -> f64 {
        let shares = (0..LONGEST_MS).map(|x| 1.0 - self.in_order_within(x));
        shares.take_while(|share| *share > 1e-13).sum()
    }

    /// The first millisecond within which so many are.
    fn percentile(self, share: f64) -> u64 {
        (0..LONGEST_MS).find(|x| self.in_order_within(*x) >= share).unwrap_or(u64::MAX)
    }

    fn name(self) -> String {
        let Self { p, every, repair } = self;
        format!("loss {p}, each {every} ms, repair {repair} ms")
    }
}

const PERCENTILES: [f64; 3] = [0.9, 0.99, 0.999];
/// No extra delay in the table comes near it.
const LONGEST_MS: u64 = 1_000_000;

/// The published numbers against the formula.
fn formula((steady, share, mean, percentiles): &Row) -> Vec<Check> {
    let name = steady.name();
    let check = |what: &str, expected, got, digits| {
        Check::new(format!("{name}: {what} by formula"), ORDER, expected, got, digits)
    };
    let mut checks = vec![
        check("in order at once", *share, steady.in_order_within(0), Tolerance::Absolute(6e-6)),
        check("mean extra ms", *mean, steady.mean_in_order(), Tolerance::Absolute(6e-4)),
    ];
    checks.extend(PERCENTILES.iter().zip(percentiles).map(|(share, expected)| {
        let got = steady.percentile(*share) as f64;
        check(&format!("p{} of extra ms", share * 100.0), *expected as f64, got, Tolerance::Exact)
    }));
    checks
}

/// What receivers saw of a flow.
#[derive(Clone, Debug)]
struct Seen {
    /// The shares without extra delay, and the mean extra delay in ms: in order, and one by one.
    in_order: [Ratio; 2],
    alone: [Ratio; 2],
    /// The shares in order within given delays.
    within: Vec<(u64, Ratio)>,
}

/// Messages over a link, in as many streams as take turns. Whoever is lost is sent again
/// `repair_ms` later, and that again, until it arrives.
fn play(
    steady: Steady,
    repair_ms: u64,
    streams: u64,
    within: &[u64],
    messages: u64,
) -> Result<Seen, ImpairError> {
    const DELAY: Duration = Duration::from_millis(40);
    let Steady { p, every, .. } = steady;
    let config = LinkConfig { delay: DELAY, loss: Loss::Bernoulli { p }, ..LinkConfig::default() };
    let mut link = Link::new(config, steady.every << 32 | streams << 16 | steady.repair)?;
    // Repeats come due among the first transmissions: the link gets all in the order of time.
    let mut repeats: BinaryHeap<Reverse<(u64, u64)>> = BinaryHeap::new();
    let mut arrived = vec![0u64; messages as usize];
    let mut next = 0;
    while next < messages || !repeats.is_empty() {
        let is_repeat =
            repeats.peek().is_some_and(|Reverse((at, _))| next == messages || *at <= next * every);
        let repeat = if is_repeat { repeats.pop() } else { None };
        let (at, message) = repeat.map_or((next * every, next), |Reverse(repeat)| repeat);
        next += u64::from(repeat.is_none());
        let arrivals = link.send(Instant::from_millis(at), Vec::new());
        match arrivals.iter().next() {
            Some(arrival) => arrived[message as usize] = arrival.at.as_nanos() / 1_000_000,
            None => repeats.push(Reverse((at + repair_ms, message))),
        }
    }
    let ratio = Ratio::of(messages);
    let two = || [ratio.clone(), ratio.clone()];
    let shares = within.iter().map(|x| (*x, ratio.clone())).collect();
    let mut seen = Seen { in_order: two(), alone: two(), within: shares };
    let mut released = vec![0; streams as usize];
    for (n, arrived) in (0..).zip(&arrived) {
        let soonest = n * every + DELAY.as_millis() as u64;
        let stream = &mut released[(n % streams) as usize];
        *stream = (*stream).max(*arrived);
        for (at, [at_once, mean]) in [(*stream, &mut seen.in_order), (*arrived, &mut seen.alone)] {
            at_once.count(at == soonest, true);
            mean.push((at - soonest) as f64, 1.0);
        }
        seen.within.iter_mut().for_each(|(x, share)| share.count(*stream - soonest <= *x, true));
    }
    Ok(seen)
}

/// One flow: `repair` is the model's, and should be that of `steady`.
pub(super) fn flow(
    steady: Steady,
    repair: u64,
    percentiles: [u64; 3],
    messages: u64,
) -> Result<Vec<Check>, ImpairError> {
    let mut within = percentiles.to_vec();
    within.dedup();
    within.retain(|x| *x > 0);
    let seen = play(steady, repair, 1, &within, messages)?;
    let Steady { p, repair, .. } = steady;
    let name = steady.name();
    let check = |what: &str, expected, seen: &Ratio| {
        Check::sampled(format!("{name}: {what}"), ORDER, expected, seen.value(), seen.sigma())
    };
    let mut checks = vec![
        check("in order at once", steady.in_order_within(0), &seen.in_order[0]),
        check("in order, mean extra ms", steady.mean_in_order(), &seen.in_order[1]),
        check("unordered at once", 1.0 - p, &seen.alone[0]),
        check("unordered, mean extra ms", repair as f64 * p / (1.0 - p), &seen.alone[1]),
    ];
    checks.extend(seen.within.iter().map(|(x, share)| {
        check(&format!("in order within {x} ms"), steady.in_order_within(*x), share)
    }));
    Ok(checks)
}

/// Streams that take turns are flows whose messages are so many times as far apart.
pub(super) fn in_turn(
    streams: u64,
    [share, mean]: [f64; 2],
    steady: Steady,
    messages: u64,
) -> Result<Vec<Check>, ImpairError> {
    let seen = play(steady, steady.repair, streams, &[], messages)?;
    let one = Steady { every: streams * steady.every, ..steady };
    let name = format!("{streams} streams in turn");
    let exact = one.in_order_within(0);
    let by_formula = |what: &str, expected, got, digits| {
        let name = format!("{name}: {what} by formula");
        Check::new(name, ORDER, expected, got, Tolerance::Absolute(digits))
    };
    let check = |what: &str, expected, seen: &Ratio| {
        Check::sampled(format!("{name}: {what}"), ORDER, expected, seen.value(), seen.sigma())
    };
    Ok(vec![
        by_formula("in order at once", share, exact, 6e-6),
        by_formula("mean extra ms", mean, one.mean_in_order(), 6e-3),
        check("in order at once", exact, &seen.in_order[0]),
        check("mean extra ms", one.mean_in_order(), &seen.in_order[1]),
    ])
}

/// Messages that are sent again so often at most: how many arrive, at how many transmissions.
pub(super) fn deadline(
    p: f64,
    retries: i32,
    model: &Loss,
    messages: u64,
) -> Result<Vec<Check>, ImpairError> {
    let mut line = Line::new(model, retries as u64)?;
    let (mut delivered, mut sent) = (Ratio::of(messages), Ratio::of(messages));
    for _ in 0..messages {
        let mut transmissions = 0;
        let arrives = (0..=retries).any(|_| {
            transmissions += 1;
            line.passes()
        });
        delivered.count(arrives, true);
        sent.push(f64::from(transmissions), 1.0);
    }
    let share = 1.0 - p.powi(retries + 1);
    let name = |what: &str| format!("loss {p}, {retries} retries: {what}");
    // Without a retry there is no chance in how often one sends.
    let tolerance = match retries {
        0 => Tolerance::Exact,
        _ => Tolerance::Sigmas { count: 4.0, sigma: sent.sigma() },
    };
    let (copies, got) = (share / (1.0 - p), sent.value());
    Ok(vec![
        Check::sampled(name("delivered"), RETRIES, share, delivered.value(), delivered.sigma()),
        Check::new(name("transmissions"), RETRIES, copies, got, tolerance),
    ])
}

/// Copies one right after the other, lost independently.
pub(super) fn independent_copies(
    p: f64,
    copies: i32,
    model: &Loss,
    messages: u64,
) -> Result<Vec<Check>, ImpairError> {
    let name = format!("{copies} in a row, loss {p}: all lost");
    all_lost(name, p.powi(copies), copies, model, messages)
}

/// Copies one right after the other, lost in bursts.
pub(super) fn copies_in_bursts(
    loss: f64,
    burst: f64,
    copies: i32,
    model: &Loss,
    messages: u64,
) -> Result<Vec<Check>, ImpairError> {
    let name = format!("{copies} in a row, loss {loss} in bursts of {burst}: all lost");
    all_lost(name, loss * (1.0 - 1.0 / burst).powi(copies - 1), copies, model, messages)
}

fn all_lost(
    name: String,
    expected: f64,
    copies: i32,
    model: &Loss,
    messages: u64,
) -> Result<Vec<Check>, ImpairError> {
    let mut line = Line::new(model, 100 + copies as u64)?;
    let mut lost = Ratio::of(messages);
    for _ in 0..messages {
        // All are sent: it is not known which arrive.
        let passed = (0..copies).filter(|_| line.passes()).count();
        lost.count(passed == 0, true);
    }
    Ok(vec![Check::sampled(name, RETRIES, expected, lost.value(), lost.sigma())])
}

/// A link of which only matters whether a packet arrives.
#[derive(Debug)]
struct Line(Link);

impl Line {
    fn new(loss: &Loss, seed: u64) -> Result<Self, ImpairError> {
        Ok(Self(Link::new(LinkConfig { loss: loss.clone(), ..LinkConfig::default() }, seed)?))
    }

    fn passes(&mut self) -> bool {
        self.0.send(Instant::ZERO, Vec::new()).iter().next().is_some()
    }
}
