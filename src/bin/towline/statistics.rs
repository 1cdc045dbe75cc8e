//! What a connection counted, in words and as members of a JSON object.

use crate::report::Json;
use crate::units::{self, grouped};
use std::time::Duration;
use towline::connection::{LimitedBy, Stats};

/// Packets whose content was sent again.
pub(crate) fn retransmitted(stats: &Stats) -> u64 {
    stats.recovery.packets_lost + stats.recovery.packets_damaged
}

/// `40.3 ms`, or `-` before the first round trip.
pub(crate) fn round_trip(rtt: Option<Duration>) -> String {
    rtt.map_or_else(|| "-".to_owned(), units::millis)
}

/// What held the sender back for a tenth of the time or more, the most important first:
/// `congestion control 63 %, the send buffer 30 %`.
pub(crate) fn limits(stats: &Stats) -> String {
    let mut limits: Vec<_> = stats.limited.shares().filter(|(_, share)| *share >= 0.1).collect();
    limits.sort_by(|a, b| b.1.total_cmp(&a.1));
    let words = limits.iter().map(|(by, share)| format!("{by} {:.0} %", share * 100.0));
    words.collect::<Vec<_>>().join(", ")
}

/// One line about a sender.
pub(crate) fn line(stats: &Stats) -> String {
    let recovery = &stats.recovery;
    format!(
        "{} packets, {} lost, {} damaged, {} lost in error; round trip {}, at best {}; held back by {}",
        grouped(stats.sent.packets),
        grouped(recovery.packets_lost),
        grouped(recovery.packets_damaged),
        grouped(recovery.spurious),
        round_trip(stats.srtt),
        round_trip(stats.min_rtt),
        limits(stats)
    )
}

/// The members of a sender's object.
pub(crate) fn members(json: Json, stats: &Stats) -> Json {
    let recovery = &stats.recovery;
    let seconds = |time: Option<Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64());
    let json = json
        .number("packets_sent", stats.sent.packets)
        .number("bytes_sent", stats.sent.bytes)
        .number("packets_received", stats.received.packets)
        .number("packets_lost", recovery.packets_lost)
        .number("packets_damaged", recovery.packets_damaged)
        .number("packets_retransmitted", retransmitted(stats))
        .number("packets_spurious", recovery.spurious)
        .number("probe_timeouts", recovery.pto_count)
        .float("min_rtt_seconds", seconds(stats.min_rtt))
        .float("srtt_seconds", seconds(stats.srtt));
    stats.limited.shares().fold(json, |json, (by, share)| json.float(&member(by), share))
}

/// `limited_by_peer_window`.
fn member(by: LimitedBy) -> String {
    let mut name = "limited_by".to_owned();
    for letter in format!("{by:?}").chars() {
        if letter.is_uppercase() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_names_of_members() {
        assert_eq!(member(LimitedBy::PeerWindow), "limited_by_peer_window");
        assert_eq!(member(LimitedBy::Rate), "limited_by_rate");
    }
}
