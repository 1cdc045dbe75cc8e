//! `CoDel` against its control law: when it drops while a queue stands, and how much of it is left.

use super::{Check, Depth, Tolerance};
use crate::impair::{Codel, Discipline, Fate, ImpairError, Link, LinkConfig, Parcel};
use crate::time::{Duration, Instant};

const SOURCE: &str = "RFC 8289, section 5";
/// Drops that are compared.
const DROPS: usize = 10;
/// One packet takes so long on the link.
const SERVICE: Duration = Duration::from_micros(100);

pub(super) fn checks(_: Depth) -> Vec<Check> {
    standing_queue(Codel::default()).unwrap_or_default()
}

/// Fills a queue for ten seconds ahead, and compares the drops with the law for the usual interval.
pub(super) fn standing_queue(model: Codel) -> Result<Vec<Check>, ImpairError> {
    let config = LinkConfig {
        rate_bps: Some(100_000_000),
        overhead_bytes: 0,
        discipline: Discipline::Codel(model),
        ..LinkConfig::default()
    };
    let mut link = Link::new(config, 1)?;
    for tag in 0..100_000 {
        let datagram = vec![0; 1250];
        let _ = link.admit(Instant::ZERO, Parcel { datagram, tag, ..Parcel::default() });
    }
    let mut drops = Vec::new();
    while drops.len() <= DROPS
        && let Some(now) = link.next_at()
    {
        while let Some((_, arrivals)) = link.release(now) {
            if arrivals.fate == Fate::Early {
                drops.push(now);
            }
        }
    }
    let first = drops.first().copied().unwrap_or_default();
    // Drops come with departures: a packet's time apart, and half of one for rounding.
    let packet = Tolerance::Absolute(SERVICE.as_secs_f64() * 1e3 * 1.5);
    // The sojourn passes 5 ms at once and must stay above for an interval.
    let since_start = first.as_secs_f64() * 1e3;
    let mut checks = vec![Check::new("first drop, ms", SOURCE, 105.0, since_start, packet)];
    let mut expected = 0.0;
    for (count, drop) in (1..).zip(drops.iter().skip(1)) {
        // next = interval / sqrt(count)
        expected += 100.0 / f64::from(count).sqrt();
        let got = drop.saturating_since(first).as_secs_f64() * 1e3;
        let name = format!("drop {count} after the first, ms");
        checks.push(Check::new(name, SOURCE, expected, got, packet));
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_model_passes_and_others_miss() {
        let missed = |model| {
            let checks = standing_queue(model).unwrap();
            assert_eq!(checks.len(), DROPS + 1);
            checks.iter().filter(|check| !check.passes()).count()
        };
        assert_eq!(missed(Codel::default()), 0);
        assert!(missed(Codel { interval: Duration::from_millis(90), ..Codel::default() }) > 5);
        assert!(missed(Codel { target: Duration::from_millis(20), ..Codel::default() }) > 0);
    }
}
