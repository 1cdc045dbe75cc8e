//! The pacer: spreads a window over its round trip in bursts that are short in time.

use crate::time::{Duration, Instant};

/// The time that one burst may take at the pacing rate.
const BURST_TIME: Duration = Duration::from_millis(1);
/// The least burst, in packets.
const MIN_BURST_PACKETS: u64 = 2;
/// The largest burst in bytes: what one segmented send can carry.
const MAX_BURST: u64 = 64 * 1024;
/// What may leave at once when next to nothing is in flight, together with that, in packets (RFC 6928's
/// initial window).
const IDLE_BURST_PACKETS: u64 = 10;
/// So much, in packets, is next to nothing: what a probe timeout sends. An answer must not be spread
/// over a round trip because the end of the one before was lost.
const IDLE_PACKETS: u64 = 2;

/// A token bucket whose depth is a time.
#[derive(Debug)]
pub(super) struct Pacer {
    credit: f64,
    updated_at: Instant,
    max_payload: u64,
    /// The last packet used the credit up: whoever waits for it is late by his timer's coarseness,
    /// and gets one more burst to make up for that.
    is_waiting: bool,
}

impl Pacer {
    pub(super) fn new(max_payload: u32) -> Self {
        let max_payload = u64::from(max_payload);
        let credit = (IDLE_BURST_PACKETS * max_payload) as f64;
        Self { credit, updated_at: Instant::ZERO, max_payload, is_waiting: false }
    }

    /// The largest UDP payload in bytes.
    pub(super) const fn max_payload(&self) -> u64 {
        self.max_payload
    }

    pub(super) fn on_mtu(&mut self, max_payload: u32) {
        self.max_payload = u64::from(max_payload);
    }

    /// The bytes that one burst takes at `rate` bytes per second.
    fn burst(&self, rate: u64) -> f64 {
        let timed = rate as f64 * BURST_TIME.as_secs_f64();
        let least = (MIN_BURST_PACKETS * self.max_payload) as f64;
        timed.min(MAX_BURST as f64).max(least)
    }

    /// What may leave at once because next to nothing is in flight, in bytes.
    fn idle_burst(&self, in_flight: u64) -> Option<f64> {
        let is_idle = in_flight <= IDLE_PACKETS * self.max_payload;
        let burst = (IDLE_BURST_PACKETS * self.max_payload).saturating_sub(in_flight);
        is_idle.then_some(burst as f64)
    }

    fn credit_at(&self, now: Instant, rate: u64, in_flight: u64) -> f64 {
        let earned = now.saturating_since(self.updated_at).as_secs_f64() * rate as f64;
        let burst = self.burst(rate);
        let idle_burst = self.idle_burst(in_flight);
        let cap = match (idle_burst, self.is_waiting) {
            (Some(idle_burst), _) => burst.max(idle_burst),
            (None, true) => 2.0 * burst,
            (None, false) => burst,
        };
        let credit = idle_burst.map_or(self.credit, |idle_burst| self.credit.max(idle_burst));
        // What is there already is kept: it was earned under another rate or when idle.
        (credit + earned).min(cap.max(credit))
    }

    /// How many bytes may leave now, or when the next burst may.
    pub(super) fn permit(&self, now: Instant, rate: u64, in_flight: u64) -> Result<u64, Instant> {
        let credit = self.credit_at(now, rate, in_flight);
        let packet = self.max_payload as f64;
        // Half a burst at a time: one timer, and one segmented send, serve several packets.
        let wanted = if self.is_waiting { (self.burst(rate) / 2.0).max(packet) } else { packet };
        if credit >= wanted {
            return Ok((credit as u64).min(MAX_BURST.max(self.max_payload)));
        }
        let wait_ns = ((wanted - credit) / rate.max(1) as f64 * 1e9).min(1e9);
        Err(now + Duration::from_nanos(wait_ns as u64 + 1))
    }

    /// A packet left, while `in_flight` bytes were out already.
    pub(super) fn on_sent(&mut self, now: Instant, bytes: u32, rate: u64, in_flight: u64) {
        let credit = self.credit_at(now, rate, in_flight) - f64::from(bytes);
        // Probes leave without a permit: what they overdraw is bounded, or it would delay data.
        self.credit = credit.max(-self.burst(rate));
        self.updated_at = self.updated_at.max(now);
        self.is_waiting = self.credit < self.max_payload as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: u64 = 1 << 30;

    /// Sends as much as is allowed for `span`, with timers that fire `late`; returns (bytes, largest burst).
    fn drive(rate: u64, max_payload: u32, span: Duration, late: Duration) -> (u64, u64) {
        let mut pacer = Pacer::new(max_payload);
        let (mut now, end) = (Instant::ZERO, Instant::ZERO + span);
        let (mut total, mut largest, mut burst) = (0, 0, 0);
        while now < end {
            match pacer.permit(now, rate, BUSY) {
                Ok(_) => {
                    pacer.on_sent(now, max_payload, rate, BUSY);
                    total += u64::from(max_payload);
                    burst += u64::from(max_payload);
                }
                Err(at) => {
                    if total > 20 * u64::from(max_payload) {
                        largest = largest.max(burst);
                    }
                    burst = 0;
                    assert!(at > now);
                    now = at + late;
                }
            }
        }
        (total, largest)
    }

    #[test]
    fn the_rate_is_kept_in_short_bursts_even_with_coarse_timers() {
        let second = Duration::from_secs(1);
        for (rate, payload, bound) in
            [(1_250_000, 1200, 2 * 1200), (12_500_000, 1200, 12_500), (250_000_000, 1472, 65_536)]
        {
            for late in [0, 50, 900] {
                let late = Duration::from_micros(late);
                let (total, largest) = drive(rate, payload, second, late);
                let share = total as f64 / rate as f64;
                let coarse = late > Duration::from_micros(100) && rate > 100_000_000;
                assert!(share < 1.02, "{rate} late {late:?}: {share}");
                assert!(share > 0.98 || coarse, "{rate} late {late:?}: {share}");
                assert!(largest <= 2 * bound + 2 * 1472, "{rate}: a burst of {largest}");
            }
        }
    }

    #[test]
    fn fast_paths_get_whole_batches() {
        let mut pacer = Pacer::new(1472);
        let rate = 500_000_000;
        let mut now = Instant::from_millis(1);
        pacer.on_sent(now, 65_000, rate, BUSY);
        if let Err(at) = pacer.permit(now, rate, BUSY) {
            now = at;
        }
        assert!(pacer.permit(now, rate, BUSY).unwrap() >= 20 * 1472);
    }

    #[test]
    fn an_idle_connection_may_send_ten_packets_at_once() {
        let mut pacer = Pacer::new(1200);
        let now = Instant::from_millis(5);
        for _ in 0..10 {
            assert!(pacer.permit(now, 100_000, BUSY).is_ok());
            pacer.on_sent(now, 1200, 100_000, BUSY);
        }
        assert!(pacer.permit(now, 100_000, BUSY).is_err());
        assert_eq!(pacer.permit(now, 100_000, 0), Ok(12_000));
        assert_eq!(pacer.permit(now, 100_000, 2400), Ok(9600));
        assert!(pacer.permit(now, 100_000, 2401).is_err());
    }
}
