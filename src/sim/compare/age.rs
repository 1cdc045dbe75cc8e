//! How old the newest is that a receiver has: what counts where each message replaces the last.

use super::record::{MessageRecord, Record};
use super::workload::{Traffic, Workload};
use crate::time::{Instant, nanos};
use crate::wire::Side;

/// The golden ratio's fraction, in 2^32nds: multiples of it meet every phase alike.
const GOLDEN: u32 = 0x9e37_79b9;

/// The ages in nanoseconds that a steady lane's receivers see who look once for each message sent, at
/// ever other moments between two; where they have nothing yet, since the first was sent. Of other
/// lanes none.
pub(super) fn ages(workload: &Workload, record: &Record, lane: u16) -> Vec<u64> {
    let described = workload.lanes.get(usize::from(lane)).map(|lane| &lane.traffic);
    let Some(Traffic::Steady { every, .. }) = described else { return Vec::new() };
    let every = nanos(*every);
    let mut ages = Vec::new();
    for side in [Side::Client, Side::Server] {
        let own = || record.messages.iter().filter(|m| (m.from, m.lane) == (side, lane));
        let mut given: Vec<(Instant, Instant)> =
            own().filter_map(|m| Some((m.delivered_at?, m.offered_at))).collect();
        given.sort_unstable();
        let mut given = given.into_iter().peekable();
        let mut newest = own().map(|message| message.offered_at).min().unwrap_or_default();
        for message in own().filter(|m| m.offered_at >= record.measured_from) {
            let at = look(message, every);
            while let Some((_, offered_at)) = given.next_if(|(given_at, _)| *given_at <= at) {
                newest = newest.max(offered_at);
            }
            ages.push(nanos(at.saturating_since(newest)));
        }
    }
    ages
}

/// When the receiver looks: once after each message, never later than the next.
fn look(message: &MessageRecord, every: u64) -> Instant {
    let phase = message.number.wrapping_mul(GOLDEN);
    let after = (u128::from(every) * u128::from(phase)) >> 32;
    message.offered_at + crate::time::Duration::from_nanos(after as u64)
}

#[cfg(test)]
mod tests {
    use super::super::record::Wire;
    use super::super::workload::{Lane, Senders};
    use super::*;
    use crate::time::Duration;

    /// A hundred messages, 10 ms apart, each of which takes so long, or never arrives.
    fn seen(takes: impl Fn(u32) -> Option<u64>) -> Vec<u64> {
        let every = Duration::from_millis(10);
        let traffic = Traffic::Steady { from: Senders::Client, bytes: 8, every };
        let workload =
            Workload { lanes: vec![Lane::new("x", traffic)], ..Workload::named("game").unwrap() };
        let messages = (0..100).map(|number| {
            let offered_at = Instant::from_millis(10 * u64::from(number));
            let delivered_at = takes(number).map(|ms| offered_at + Duration::from_millis(ms));
            let (from, lane, bytes) = (Side::Client, 0, 8);
            let (sent_at, complete_at) = (Some(offered_at), delivered_at);
            MessageRecord {
                from,
                lane,
                number,
                bytes,
                offered_at,
                sent_at,
                complete_at,
                delivered_at,
            }
        });
        let record = Record {
            start: Instant::ZERO,
            measured_from: Instant::from_millis(200),
            end: Instant::from_millis(2000),
            messages: messages.collect(),
            wire: Wire::default(),
            duplicates: 0,
            corrupt: 0,
            packets: Vec::new(),
            packets_before: [0; 2],
            faults: Vec::new(),
        };
        let mut ages = ages(&workload, &record, 0);
        assert_eq!(ages.len(), 80);
        ages.sort_unstable();
        ages.iter().map(|ns| ns / 1_000_000).collect()
    }

    #[test]
    fn an_age_is_between_the_latency_and_one_message_more() {
        let ages = seen(|_| Some(50));
        assert!((50..52).contains(&ages[0]) && (58..60).contains(&ages[79]), "{ages:?}");
        assert!((54..56).contains(&ages[40]), "{ages:?}");
    }

    #[test]
    fn a_message_that_never_comes_is_made_up_for_by_the_next() {
        let ages = seen(|n| (n != 50).then_some(50));
        assert!((66..70).contains(&ages[79]) && ages[60] < 60, "{ages:?}");
        // An older one that comes later makes nothing newer.
        assert_eq!(ages, seen(|n| Some(if n == 50 { 200 } else { 50 })));
        // Where others have to wait for it, all are old.
        let held =
            seen(|n| Some(if (50..65).contains(&n) { 200 - 10 * (u64::from(n) - 50) } else { 50 }));
        assert!((200..210).contains(&held[79]), "{held:?}");
    }

    #[test]
    fn who_has_nothing_waits_since_the_first() {
        let ages = seen(|_| None);
        assert!((200..210).contains(&ages[0]) && (990..1000).contains(&ages[79]), "{ages:?}");
    }
}
