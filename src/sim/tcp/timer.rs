//! The retransmission timer: one round trip is measured at a time, in ticks (Jacobson 1988).

use super::config::Config;
use crate::time::{Duration, Instant, nanos};

/// The timeout is never longer (RFC 2988, section 2.5).
const MAX_RTO: Duration = Duration::from_mins(1);

/// Measures round trips and knows when the oldest segment counts as lost.
#[derive(Debug)]
pub(super) struct Timer {
    tick_ns: u64,
    min_rto: Duration,
    initial_rto: Duration,
    /// Eight times the smoothed round trip and four times its deviation, in ticks.
    estimate: Option<(u64, u64)>,
    /// The segment being timed, and when it was sent.
    timed: Option<(u32, Instant)>,
    backoff: u32,
    expires_at: Option<Instant>,
}

impl Timer {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            tick_ns: nanos(config.tick).max(1),
            min_rto: config.min_rto,
            initial_rto: config.initial_rto,
            estimate: None,
            timed: None,
            backoff: 1,
            expires_at: None,
        }
    }

    pub(super) fn expires_at(&self) -> Option<Instant> {
        self.expires_at
    }

    pub(super) fn is_running(&self) -> bool {
        self.expires_at.is_some()
    }

    pub(super) fn start(&mut self, now: Instant) {
        let rto = self.estimate.map_or(self.initial_rto, |(srtt_8, deviation_4)| {
            Duration::from_nanos((srtt_8 / 8 + deviation_4).saturating_mul(self.tick_ns))
        });
        let rto = rto.max(self.min_rto).max(Duration::from_nanos(self.tick_ns));
        let rto = rto.saturating_mul(self.backoff);
        self.expires_at = Some(now + rto.min(MAX_RTO));
    }

    pub(super) fn stop(&mut self) {
        self.expires_at = None;
    }

    /// A segment is sent for the first time; it is timed if no other is.
    pub(super) fn on_first(&mut self, now: Instant, number: u32) {
        self.timed.get_or_insert((number, now));
    }

    /// All below `next` have arrived; takes the round trip if the timed one is among them.
    pub(super) fn on_ack(&mut self, now: Instant, next: u32) {
        if let Some((_, sent_at)) = self.timed.take_if(|(number, _)| *number < next) {
            self.backoff = 1;
            let ticks = now.as_nanos() / self.tick_ns - sent_at.as_nanos() / self.tick_ns;
            self.sample(ticks.max(1));
        }
    }

    /// The same for an acknowledgement whose round trip says nothing.
    pub(super) fn on_partial_ack(&mut self, next: u32) {
        if self.timed.take_if(|(number, _)| *number < next).is_some() {
            self.backoff = 1;
        }
    }

    /// Whatever is under way may be sent again, and then its round trip says nothing (Karn).
    pub(super) fn forget_timed(&mut self) {
        self.timed = None;
    }

    pub(super) fn back_off(&mut self) {
        self.backoff = self.backoff.saturating_mul(2).min(64);
    }

    pub(super) fn end_backoff(&mut self) {
        self.backoff = 1;
    }

    fn sample(&mut self, ticks: u64) {
        self.estimate = Some(match self.estimate {
            None => (ticks * 8, ticks * 2),
            Some((srtt_8, deviation_4)) => {
                let srtt = srtt_8 / 8;
                let deviation_4 = deviation_4 - deviation_4 / 4 + ticks.abs_diff(srtt);
                ((srtt_8 + ticks - srtt).max(1), deviation_4.max(1))
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_follow_the_round_trip_and_double() {
        let mut timer = Timer::new(&Config { min_rto: Duration::ZERO, ..Config::default() });
        let at = Instant::from_millis;
        timer.start(at(0));
        assert_eq!(timer.expires_at(), Some(at(6000)));
        // 20 ticks: a deviation of 10, and 20 + 4 * 10 ticks of 10 ms.
        timer.on_first(at(1000), 0);
        timer.on_first(at(1100), 1);
        timer.on_ack(at(1205), 1);
        timer.start(at(1205));
        assert_eq!(timer.expires_at(), Some(at(1805)));
        for factor in [2, 4, 8] {
            timer.back_off();
            timer.start(at(2000));
            assert_eq!(timer.expires_at(), Some(at(2000 + 600 * factor)));
        }
        // The same again: the deviation falls by a quarter of itself.
        timer.on_first(at(3000), 9);
        timer.on_ack(at(3200), 9);
        timer.on_ack(at(3205), 10);
        timer.start(at(4000));
        assert_eq!(timer.expires_at(), Some(at(4500)));
    }
}
