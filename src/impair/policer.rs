//! A policer: drops what exceeds a rate, without a queue.

use super::error::{ImpairError, check};
use super::queue::NANOS_PER_BYTE_AT_1_BPS;
use crate::time::{Instant, nanos};

/// A token bucket in front of the queue: a datagram passes if there are tokens for all of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policer {
    /// Bits per second at which tokens come; at least 1.
    pub rate_bps: u64,
    /// Bytes that the bucket holds, at least 1. It is full at first; a datagram that is larger never
    /// passes.
    pub burst_bytes: u64,
}

impl Policer {
    /// That rate and bucket are larger than zero.
    ///
    /// # Errors
    ///
    /// [`ImpairError::Queue`] of the first that is not.
    pub fn validate(&self) -> Result<(), ImpairError> {
        check(self.rate_bps > 0, "policer.rate_bps", &self.rate_bps, "at least 1")?;
        check(self.burst_bytes > 0, "policer.burst_bytes", &self.burst_bytes, "at least 1")
    }
}

/// What is in the bucket, in bits times nanoseconds per second, so that nothing is rounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    policer: Policer,
    tokens: u128,
    filled_at: Instant,
}

impl Bucket {
    pub(super) fn new(policer: Policer) -> Self {
        Self { policer, tokens: capacity(policer), filled_at: Instant::ZERO }
    }

    /// Takes another rate and size from now on, with what is in the bucket.
    pub(super) fn with(self, policer: Policer) -> Self {
        Self { policer, tokens: self.tokens.min(capacity(policer)), ..self }
    }

    /// Takes the tokens for `bytes`, if there are enough.
    pub(super) fn passes(&mut self, now: Instant, bytes: u64) -> bool {
        let elapsed = u128::from(nanos(now.saturating_since(self.filled_at)));
        self.filled_at = self.filled_at.max(now);
        // Both factors are below 2^64, and the capacity is below 2^97: no overflow.
        let filled = self.tokens.saturating_add(elapsed * u128::from(self.policer.rate_bps));
        self.tokens = filled.min(capacity(self.policer));
        let needed = u128::from(bytes) * NANOS_PER_BYTE_AT_1_BPS;
        let is_enough = self.tokens >= needed;
        if is_enough {
            self.tokens -= needed;
        }
        is_enough
    }
}

fn capacity(policer: Policer) -> u128 {
    u128::from(policer.burst_bytes) * NANOS_PER_BYTE_AT_1_BPS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::impair::{Fate, Link, LinkConfig};
    use proptest::prelude::*;

    fn policed(rate_bps: u64, burst_bytes: u64) -> Link {
        let policer = Some(Policer { rate_bps, burst_bytes });
        Link::new(LinkConfig { policer, overhead_bytes: 0, ..LinkConfig::default() }, 1).unwrap()
    }

    #[test]
    fn a_sixth_of_12_through_10_megabits_is_lost() {
        // 1,500 bytes per ms; the bucket's 10 first packets wear off over the 100,000.
        let mut link = policed(10_000_000, 15_000);
        for n in 0..100_000 {
            let _ = link.send(Instant::from_millis(n), vec![0; 1500]);
        }
        let passed = 10 + 99_999 * 10 / 12;
        assert_eq!(link.stats().policed, 100_000 - passed);
        assert_eq!(link.stats().delivered, passed);
    }

    #[test]
    fn the_bucket_is_full_at_first_and_never_fuller() {
        let mut link = policed(8_000_000, 2500);
        let mut fate = |millis, len| link.send(Instant::from_millis(millis), vec![0; len]).fate;
        let (passes, policed) = (Fate::Delivered, Fate::Policed);
        assert_eq!([fate(0, 1000), fate(0, 1000), fate(0, 501)], [passes, passes, policed]);
        assert_eq!([fate(0, 500), fate(1, 1001), fate(1, 1000)], [passes, policed, passes]);
        assert_eq!([fate(900, 2501), fate(900, 2500), fate(900, 1)], [policed, passes, policed]);
    }

    #[test]
    fn other_settings_keep_what_is_in_the_bucket() {
        let mut link = policed(8_000_000, 2000);
        assert_eq!(link.send(Instant::ZERO, vec![0; 1500]).fate, Fate::Delivered);
        let policer = Some(Policer { rate_bps: 16_000_000, burst_bytes: 9000 });
        link.reconfigure(LinkConfig { policer, ..link.config().clone() }).unwrap();
        assert_eq!(link.send(Instant::ZERO, vec![0; 501]).fate, Fate::Policed);
        assert_eq!(link.send(Instant::from_millis(1), vec![0; 2500]).fate, Fate::Delivered);
    }

    proptest! {
        /// What passes in any stretch of time is at most the burst and what the rate brings.
        #[test]
        fn no_stretch_of_time_sees_more_than_burst_and_rate(
            rate in 1..10_000_000u64,
            burst in 1..9000u64,
            sends in prop::collection::vec((0..5_000_000u64, 0..3000u64), 1..60),
        ) {
            let mut bucket = Bucket::new(Policer { rate_bps: rate, burst_bytes: burst });
            let mut now = 0;
            let mut passed = Vec::new();
            for (gap, bytes) in sends {
                now += gap;
                if bucket.passes(Instant::from_nanos(now), bytes) {
                    passed.push((now, bytes));
                }
            }
            for (first, (from, _)) in passed.iter().enumerate() {
                let mut sum = 0;
                for (to, bytes) in &passed[first..] {
                    sum += u128::from(*bytes) * NANOS_PER_BYTE_AT_1_BPS;
                    let brought = u128::from(to - from) * u128::from(rate);
                    prop_assert!(sum <= u128::from(burst) * NANOS_PER_BYTE_AT_1_BPS + brought);
                }
            }
        }
    }
}
