//! The probe timeout: when silence itself is a reason to send (RFC 9002 §6.2, RFC 8985 §7).

use super::rtt::Rtt;
use crate::time::{Duration, Instant};

/// Timeouts in a row that may send two packets each; later ones send one (the path is dead, and
/// one packet is enough to learn that it lives again).
const GENEROUS_PROBES: u32 = 2;

/// A peer is expected to hold ACKs back for so long, unless it promised less, whatever it did lately.
const USUAL_ACK_DELAY: Duration = Duration::from_millis(5);
/// For how long a delay that the peer has shown counts, and at most twice as long.
const SHOWN_FOR: Duration = Duration::from_secs(1);

/// The longest delay of the peer's ACKs in this second and the one before.
#[derive(Debug)]
struct Shown {
    this: Duration,
    last: Duration,
    since: Instant,
}

impl Shown {
    const NONE: Self = Self { this: Duration::ZERO, last: Duration::ZERO, since: Instant::ZERO };

    fn on_delay(&mut self, now: Instant, delay: Duration) {
        let age = now.saturating_since(self.since);
        if age >= SHOWN_FOR {
            self.last = if age < SHOWN_FOR * 2 { self.this } else { Duration::ZERO };
            (self.this, self.since) = (Duration::ZERO, now);
        }
        self.this = self.this.max(delay);
    }

    fn longest(&self) -> Duration {
        self.this.max(self.last)
    }
}

/// The timer and its back-off.
#[derive(Debug)]
pub(super) struct Pto {
    min: Duration,
    max_backoff: Duration,
    /// How long the peer may hold an ACK back.
    pub(super) max_ack_delay: Duration,
    shown: Shown,
    backoff: u32,
    /// The last ack-eliciting packet or the last timeout, whichever is later.
    since: Instant,
}

impl Pto {
    pub(super) const fn new(min: Duration, max_backoff: Duration) -> Self {
        let max_ack_delay = Duration::from_millis(25);
        Self {
            min,
            max_backoff,
            max_ack_delay,
            shown: Shown::NONE,
            backoff: 0,
            since: Instant::ZERO,
        }
    }

    /// Restarts the timer: an ack-eliciting packet was sent.
    pub(super) fn on_sent(&mut self, now: Instant) {
        self.since = self.since.max(now);
    }

    /// An ACK came that the peer says it has held back for so long.
    pub(super) fn on_ack_delay(&mut self, now: Instant, delay: Duration) {
        self.shown.on_delay(now, delay);
    }

    /// The peer has answered.
    pub(super) const fn on_answer(&mut self) {
        self.backoff = 0;
    }

    /// The timer fired.
    pub(super) fn on_fired(&mut self, now: Instant) {
        self.backoff = self.backoff.saturating_add(1);
        self.since = now;
    }

    /// The time of the last packet or timeout.
    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// Timeouts in a row.
    pub(super) const fn backoff(&self) -> u32 {
        self.backoff
    }

    /// How many packets the timeout that has just fired may send beyond the window.
    pub(super) const fn probes(&self) -> u32 {
        match self.backoff {
            0 => 0,
            1..=GENEROUS_PROBES => 2,
            _ => 1,
        }
    }

    /// How long the peer is likely to hold an ACK back: as long as it did lately. What it may do is more,
    /// and would make every probe late that the end of a request or a response waits for.
    fn ack_delay(&self) -> Duration {
        self.shown.longest().max(USUAL_ACK_DELAY).min(self.max_ack_delay)
    }

    /// The interval without back-off.
    pub(super) fn base(&self, rtt: &Rtt) -> Duration {
        let interval = if rtt.is_measured() {
            rtt.smoothed() + (rtt.variation() * 4).max(Rtt::GRANULARITY) + self.ack_delay()
        } else if rtt.is_known() {
            rtt.smoothed() * 5 / 4
        } else {
            // A guess: a probe too early costs one packet, one too late costs the start.
            rtt.smoothed() * 2
        };
        interval.max(self.min)
    }

    /// The interval with back-off: it doubles, but never so far that the end of an outage would go
    /// unnoticed for longer than `max_backoff` or two round trips.
    pub(super) fn interval(&self, rtt: &Rtt) -> Duration {
        let cap = self.max_backoff.max(rtt.smoothed() * 2);
        let factor = 1u32.checked_shl(self.backoff).unwrap_or(u32::MAX).max(1);
        self.base(rtt).saturating_mul(factor).min(cap)
    }

    /// When it fires, if anything is in flight.
    pub(super) fn deadline(&self, rtt: &Rtt) -> Instant {
        self.since + self.interval(rtt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn intervals_double_up_to_the_cap() {
        let mut rtt = Rtt::new(ms(150));
        let mut pto = Pto::new(ms(25), ms(1000));
        pto.max_ack_delay = ms(5);
        assert_eq!(pto.interval(&rtt), ms(300), "nothing known");
        rtt.on_handshake(ms(40));
        assert_eq!(pto.interval(&rtt), ms(50), "1.25 times the handshake");
        rtt.on_sample(ms(40), ms(0));
        assert_eq!(pto.interval(&rtt), ms(40 + 4 * 15 + 5));
        let mut seen = Vec::new();
        for t in 0..40 {
            pto.on_fired(Instant::from_millis(t));
            seen.push(pto.interval(&rtt).as_millis());
        }
        assert_eq!(seen[..5], [210, 420, 840, 1000, 1000]);
        assert!(seen[5..].iter().all(|i| *i == 1000), "no overflow however long it lasts");
        pto.on_answer();
        assert_eq!(pto.interval(&rtt), ms(105));
    }

    #[test]
    fn long_paths_are_given_two_round_trips_and_short_ones_the_floor() {
        let mut pto = Pto::new(ms(25), ms(1000));
        pto.max_ack_delay = ms(1);
        let mut rtt = Rtt::new(ms(150));
        for _ in 0..100 {
            rtt.on_sample(ms(800), ms(0));
        }
        for _ in 0..10 {
            pto.on_fired(Instant::ZERO);
        }
        assert_eq!(pto.interval(&rtt), ms(1600));
        let mut fast = Rtt::new(ms(150));
        for _ in 0..100 {
            fast.on_sample(Duration::from_micros(100), ms(0));
        }
        pto.on_answer();
        assert_eq!(pto.interval(&fast), ms(25));
    }

    #[test]
    fn only_the_first_two_timeouts_send_two_packets() {
        let mut pto = Pto::new(ms(25), ms(1000));
        let mut probes = Vec::new();
        for _ in 0..4 {
            pto.on_fired(Instant::ZERO);
            probes.push(pto.probes());
        }
        assert_eq!(probes, [2, 2, 1, 1]);
    }

    #[test]
    fn a_peer_that_has_held_back_acks_lately_is_given_that_time() {
        let mut pto = Pto::new(ms(25), ms(1000));
        pto.max_ack_delay = ms(20);
        let mut rtt = Rtt::new(ms(150));
        for _ in 0..100 {
            rtt.on_sample(ms(100), ms(0));
        }
        let at = Instant::from_millis;
        assert_eq!(pto.interval(&rtt), ms(106), "as usual");
        pto.on_ack_delay(at(5000), ms(17));
        assert_eq!(pto.interval(&rtt), ms(118));
        pto.on_ack_delay(at(6500), ms(1));
        assert_eq!(pto.interval(&rtt), ms(118), "it still counts");
        pto.on_ack_delay(at(7600), ms(1));
        assert_eq!(pto.interval(&rtt), ms(106));
        pto.max_ack_delay = ms(2);
        pto.on_ack_delay(at(7700), ms(17));
        assert_eq!(pto.interval(&rtt), ms(103), "never more than was promised");
    }
}
