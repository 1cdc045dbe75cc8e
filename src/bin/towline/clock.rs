//! The clocks of the command line.

use std::time::SystemTime;
use towline::time::Instant;

/// Time since the clock was started, as the library's instants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(std::time::Instant);

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the program's one clock; below, time is an argument"
    )]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub(crate) fn now(self) -> Instant {
        Instant::ZERO + self.0.elapsed()
    }
}

/// The time of day, to compare with what the file system says.
#[expect(clippy::disallowed_methods, reason = "the age of files is told by this clock")]
pub(crate) fn today() -> SystemTime {
    SystemTime::now()
}
