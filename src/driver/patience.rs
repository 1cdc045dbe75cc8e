//! Calls that wait: they try, and try again whenever something has happened, as long as they may.

use super::clock;
use super::hub::{Locked, Shared};
use super::sync::Condvar;
use crate::time::{Duration, Instant};
use std::io;

/// How long a call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    Endless,
    Within(Duration),
    /// Not at all: the handle is non-blocking.
    None,
}

impl Patience {
    /// No more than `limit`.
    pub(super) fn at_most(self, limit: Duration) -> Self {
        match self {
            Self::Endless => Self::Within(limit),
            Self::Within(own) => Self::Within(own.min(limit)),
            Self::None => Self::None,
        }
    }

    /// What a call fails with when its patience ends, as in `std`.
    fn timeout(self) -> io::Error {
        let is_timeout = matches!(self, Self::Within(_));
        if cfg!(windows) && is_timeout {
            return io::ErrorKind::TimedOut.into();
        }
        io::ErrorKind::WouldBlock.into()
    }
}

impl Locked<'_> {
    /// Tries until it is no longer `WouldBlock` or patience ends; between two attempts it waits for the
    /// network or for `place` to be notified. An attempt that is blocked must have changed nothing that
    /// is to be sent.
    pub(super) fn attend<T>(
        self,
        place: &Condvar,
        patience: impl Fn() -> Patience,
        mut attempt: impl FnMut(&mut Shared) -> io::Result<T>,
    ) -> io::Result<T> {
        let result = self.persist(place, patience, |shared| match attempt(shared) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            result => Some(result),
        });
        result.unwrap_or_else(|patience| Err(patience.timeout()))
    }

    /// The same for attempts that give nothing when they are blocked. Fails with the patience that has
    /// ended.
    pub(super) fn persist<T>(
        mut self,
        place: &Condvar,
        patience: impl Fn() -> Patience,
        mut attempt: impl FnMut(&mut Shared) -> Option<T>,
    ) -> Result<T, Patience> {
        let (mut until, mut has_glanced) = (None, false);
        loop {
            if let Some(done) = attempt(&mut self) {
                self.flush();
                return Ok(done);
            }
            let patience = patience();
            let may_repeat = match patience {
                Patience::Endless => self.wait(place, Instant::MAX),
                Patience::Within(limit) => {
                    let until = *until.get_or_insert_with(|| clock::now() + limit);
                    self.wait(place, until)
                }
                // What has arrived counts, whether somebody has handled it or not.
                Patience::None => !std::mem::replace(&mut has_glanced, true) && self.glance(),
            };
            if !may_repeat {
                // What has just arrived may be for others.
                self.flush();
                return Err(patience);
            }
        }
    }
}
