//! The clock: the one place in the crate that asks what time it is.

use crate::time::Instant;
use std::sync::LazyLock;
use std::time;

/// When the process asked first: all sockets of a process have one time.
static ORIGIN: LazyLock<time::Instant> = LazyLock::new(read);

/// Real time since the process asked first; it stands still while the machine is suspended.
pub(super) fn now() -> Instant {
    Instant::ZERO + read().saturating_duration_since(*ORIGIN)
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
        let (first, second) = (now(), now());
        assert!(first <= second);
        assert!(
            first.as_secs_f64() < 3600.0,
            "counted from the process's start, not the machine's"
        );
    }
}
