//! Handshakes over loss: how often so many tries all fail.

use super::Depth;
use super::check::{Check, unless_broken};
use super::ratio::Ratio;
use crate::impair::{Fate, ImpairError, Link, LinkConfig, Loss};
use crate::time::Instant;

const TRIES: &str = "derived: Handshakes";

/// Loss each way, and tries.
const CASES: [(f64, u32); 8] =
    [(0.3, 1), (0.3, 3), (0.3, 5), (0.3, 7), (0.5, 1), (0.5, 3), (0.5, 5), (0.5, 7)];

pub(super) fn checks(depth: Depth) -> Vec<Check> {
    let handshakes = if depth == Depth::Full { 10_000_000 } else { 200_000 };
    let case = |&(p, tries): &(f64, u32)| {
        unless_broken(failures(p, tries, &Loss::Bernoulli { p }, handshakes))
    };
    CASES.iter().flat_map(case).collect()
}

/// The share of handshakes whose every try loses the question or its answer.
pub(super) fn failures(
    p: f64,
    tries: u32,
    model: &Loss,
    handshakes: u64,
) -> Result<Vec<Check>, ImpairError> {
    let config = LinkConfig { loss: model.clone(), ..LinkConfig::default() };
    let [seed, other] = [tries, tries + 100].map(u64::from);
    let [mut there, mut back] = [Link::new(config.clone(), seed)?, Link::new(config, other)?];
    let passes = |link: &mut Link| link.send(Instant::ZERO, Vec::new()).fate != Fate::Lost;
    let mut failed = Ratio::of(handshakes);
    for _ in 0..handshakes {
        let succeeds = (0..tries).any(|_| passes(&mut there) && passes(&mut back));
        failed.count(!succeeds, true);
    }
    let expected = (1.0 - (1.0 - p).powi(2)).powi(tries.cast_signed());
    let name = format!("loss {p} each way: {tries} tries all fail");
    Ok(vec![Check::sampled(name, TRIES, expected, failed.value(), failed.sigma())])
}
