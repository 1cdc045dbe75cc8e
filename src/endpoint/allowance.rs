//! So much a second, and no more.

use crate::time::{Duration, Instant};

/// A number of actions that each second allows.
#[derive(Debug)]
pub(super) struct Allowance {
    per_second: u64,
    taken: u64,
    second: Instant,
}

impl Allowance {
    pub(super) fn new(per_second: u64) -> Self {
        Self { per_second, taken: 0, second: Instant::ZERO }
    }

    /// Whether one more is allowed now; it counts as taken then.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        if now.saturating_since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.taken = 0;
        }
        let is_allowed = self.taken < self.per_second;
        self.taken += u64::from(is_allowed);
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_share() {
        let mut allowance = Allowance::new(2);
        let mut count = |ms| (0..5).filter(|_| allowance.take(Instant::from_millis(ms))).count();
        assert_eq!([count(1000), count(1999), count(2000), count(2500)], [2, 0, 2, 0]);
    }
}
