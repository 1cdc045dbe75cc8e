//! All timers of a connection but recovery's own, in one table.

use super::expiry::Expiries;
use crate::time::Instant;

/// What a connection can wait for. `docs/PROTOCOL.md` has them in a table, with their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Send the next SYN.
    Syn,
    /// Give the handshake up.
    Handshake,
    /// Send the acknowledgement that was held back.
    Ack,
    /// Say something, so that NATs and the peer know that we are here.
    Keepalive,
    /// Nothing was heard for too long.
    Idle,
    /// What was sent has waited too long for an acknowledgement.
    User,
    /// Ask for credit: the peer's window is closed.
    WindowProbe,
    /// Send what was lost for the third time.
    Tail,
    /// Challenge a new address again, or give it up.
    Path,
    /// The patience of `close` is over.
    Linger,
    /// Repeat CLOSE.
    Close,
    /// Forget the connection.
    TimeWait,
}

const COUNT: usize = Timer::TimeWait as usize + 1;

/// When each timer fires, and when messages expire.
#[derive(Debug, Default)]
pub(super) struct Timers {
    at: [Option<Instant>; COUNT],
    pub(super) expiries: Expiries,
}

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.at[timer as usize] = Some(at);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.at[timer as usize] = None;
    }

    pub(super) fn get(&self, timer: Timer) -> Option<Instant> {
        self.at[timer as usize]
    }

    /// Messages expire nevertheless.
    pub(super) fn stop_all(&mut self) {
        self.at = [None; COUNT];
    }

    /// Sets the timer unless it is set to an earlier time already.
    pub(super) fn set_earlier(&mut self, timer: Timer, at: Instant) {
        let slot = &mut self.at[timer as usize];
        *slot = Some(slot.map_or(at, |set| set.min(at)));
    }

    /// Takes the timer out if it is due.
    pub(super) fn expired(&mut self, timer: Timer, now: Instant) -> bool {
        let slot = &mut self.at[timer as usize];
        let is_due = slot.is_some_and(|at| at <= now);
        if is_due {
            *slot = None;
        }
        is_due
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.at.iter().flatten().copied().chain(self.expiries.next()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_fires_once() {
        let mut timers = Timers::default();
        let at = Instant::from_millis;
        timers.set(Timer::Ack, at(5));
        timers.set_earlier(Timer::Ack, at(9));
        timers.set(Timer::Close, at(3));
        assert_eq!(timers.next(), Some(at(3)));
        assert!(!timers.expired(Timer::Close, at(2)));
        assert!(timers.expired(Timer::Close, at(3)) && !timers.expired(Timer::Close, at(3)));
        timers.set_earlier(Timer::Ack, at(4));
        assert_eq!(timers.next(), Some(at(4)));
        timers.stop_all();
        assert_eq!(timers.next(), None);
    }
}
