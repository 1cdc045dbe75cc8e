//! When this side's own packets leave, as far as that can be foreseen: an ACK that waits for the next
//! one costs no packet of its own (P-46).

use crate::time::{Duration, Instant};

/// Packets further apart than this are no cadence.
const MAX_INTERVAL: Duration = Duration::from_millis(50);
/// The next packet may be so much later than foreseen.
const SLACK: Duration = Duration::from_millis(2);

/// The times of the last two packets that were sent for an application's sake.
#[derive(Debug, Default)]
pub(super) struct Cadence {
    last: Option<Instant>,
    interval: Option<Duration>,
}

impl Cadence {
    /// A packet with data leaves. Several at one time are one beat.
    pub(super) fn on_sent(&mut self, now: Instant) {
        let since = self.last.map(|last| now.saturating_since(last));
        if since.is_none_or(|since| !since.is_zero()) {
            self.interval = since.filter(|since| *since <= MAX_INTERVAL);
            self.last = Some(now);
        }
    }

    /// Whether packets lately came one after the other: then the next one is likely to come, too.
    pub(super) const fn is_steady(&self) -> bool {
        self.interval.is_some()
    }

    /// How long to wait for the next packet, if one is foreseen within `most`.
    pub(super) fn wait(&self, now: Instant, most: Duration) -> Option<Duration> {
        let next = self.last? + self.interval?;
        let is_foreseen = next + SLACK > now && next <= now + most;
        is_foreseen.then(|| (next + SLACK).saturating_since(now).min(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_sender_is_waited_for_and_others_are_not() {
        let (at, ms) = (Instant::from_millis, Duration::from_millis);
        let mut cadence = Cadence::default();
        assert_eq!(cadence.wait(at(0), ms(20)), None);
        cadence.on_sent(at(100));
        assert_eq!(cadence.wait(at(101), ms(20)), None, "one packet is no cadence");
        cadence.on_sent(at(116));
        cadence.on_sent(at(116));
        assert_eq!(cadence.wait(at(116), ms(20)), Some(ms(18)));
        assert_eq!(cadence.wait(at(117), ms(16)), Some(ms(16)));
        assert_eq!(cadence.wait(at(117), ms(14)), None, "too far away");
        assert_eq!(cadence.wait(at(133), ms(20)), Some(ms(1)));
        assert_eq!(cadence.wait(at(134), ms(20)), None, "it did not come");
        cadence.on_sent(at(167));
        cadence.on_sent(at(300));
        assert_eq!(cadence.wait(at(301), ms(20)), None, "too slow");
    }
}
