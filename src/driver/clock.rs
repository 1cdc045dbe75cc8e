//! The clock: the one place in the crate that asks what time it is.

use crate::time::Instant;
use std::time;

/// Real time since the clock was made; it stands still while the machine is suspended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    origin: time::Instant,
}

impl Clock {
    /// A clock that shows [`Instant::ZERO`].
    pub(super) fn new() -> Self {
        Self { origin: read() }
    }

    pub(super) fn now(&self) -> Instant {
        Instant::ZERO + read().saturating_duration_since(self.origin)
    }
}

#[expect(clippy::disallowed_methods, reason = "the drivers turn real time into an argument, here")]
fn read() -> time::Instant {
    time::Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_near_zero_and_never_goes_back() {
        let clock = Clock::new();
        let (first, second) = (clock.now(), clock.now());
        assert!(first <= second);
        assert!(first.as_secs_f64() < 3600.0, "counted from its making, not from the machine's");
    }
}
