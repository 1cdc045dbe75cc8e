//! How many round trips a transfer takes whose window doubles in each.

use super::flows::{Flows, PAYLOAD};
use super::formula::slow_start_rounds;
use super::{Check, Depth, Tolerance};
use crate::impair::LinkConfig;
use crate::recovery::congestion::INITIAL_WINDOW_PACKETS;
use crate::time::{Duration, Instant};

const IDEAL: &str = "Cardwell 2000 §4, p = 0: ceil(log2(N/IW + 1))";
const SHIPPED: &str = "derived: Slow start";

/// Packets, and the rounds that they take with first windows of 10, 4 and 1 packets.
const ROUNDS: [(f64, [f64; 3]); 6] = [
    (10.0, [1.0, 2.0, 4.0]),
    (30.0, [2.0, 4.0, 5.0]),
    (70.0, [3.0, 5.0, 7.0]),
    (100.0, [4.0, 5.0, 7.0]),
    (1000.0, [7.0, 8.0, 10.0]),
    (10_000.0, [10.0, 12.0, 14.0]),
];

const DELAY: Duration = Duration::from_millis(50);

/// Packets that the shipped sender is given: none fills its last round to the brim, where a byte more
/// takes a round more.
const TRANSFERS: [u64; 9] = [5, 20, 45, 90, 150, 300, 700, 1500, 10_000];

/// The comparisons.
pub(super) fn checks(_: Depth) -> Vec<Check> {
    let mut checks = Vec::new();
    for (packets, rounds) in ROUNDS {
        for (first_window, expected) in [10.0, 4.0, 1.0].into_iter().zip(rounds) {
            let got = slow_start_rounds(packets, first_window);
            let name = format!("rounds for {packets} packets, first window {first_window}");
            checks.push(Check::new(name, IDEAL, expected, got, Tolerance::Exact));
        }
    }
    checks.extend(shipped(INITIAL_WINDOW_PACKETS as f64));
    checks
}

/// The shipped NewReno over a path without a rate, 100 ms there and back.
///
/// Its first window is 32 packets. Whatever leaves before anything was delivered counts as held back
/// by the application, which had nothing to send while the connection came up, and a window that was
/// not used does not grow (RFC 9002 §7.8): the second round has 32 packets too, and from then on each
/// has twice as many, so that r rounds carry 32 * 2^(r-1), and N packets take 1 + ceil(log2(N/32)).
///
/// The pacer sends a window at twice its own rate (RFC 9002 §7.7), in little more than half a round:
/// what round r carries arrives from r - 1/2 round trips after the beginning on, and the rounds are
/// the round trips until the last byte, rounded up.
fn shipped(first_window: f64) -> Vec<Check> {
    let link = LinkConfig { delay: DELAY, ..LinkConfig::default() };
    let mut checks = Vec::new();
    for packets in TRANSFERS {
        // Frames and checksums take less than 40 bytes of each packet.
        let bytes = packets * (PAYLOAD as u64 - 40);
        let taken = Flows::new(&link, &[Instant::ZERO], bytes, 1)
            .and_then(|mut flows| flows.finish(Instant::from_millis(60_000)));
        let (elapsed, sent) = taken.unwrap_or((Duration::MAX, 0));
        let expected = 1.0 + (sent as f64 / first_window).log2().ceil().max(0.0);
        let got = (elapsed.as_secs_f64() / (2.0 * DELAY.as_secs_f64())).ceil();
        let name = format!("rounds for {sent} packets, the shipped NewReno");
        checks.push(Check::new(name, SHIPPED, expected, got, Tolerance::Exact));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_take_the_rounds_of_their_first_window() {
        for check in checks(Depth::Quick) {
            assert!(check.passes(), "{check:?}");
        }
    }

    #[test]
    fn another_first_window_misses() {
        for first_window in [10.0, 64.0] {
            let missed = shipped(first_window).into_iter().filter(|check| !check.passes());
            assert!(missed.count() >= 6, "{first_window}");
        }
    }
}
