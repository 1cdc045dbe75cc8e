//! How far a sending half is with ending.

use super::SendError;

/// The end of what is sent, by the number behind the last message, until the peer knows it.
#[derive(Debug, Default)]
pub(super) struct End {
    state: State,
    /// The peer asked for it.
    is_stopped: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// More may be sent.
    #[default]
    Open,
    /// CHANNEL_END is to be sent.
    Due(u64),
    /// It is in flight.
    Sent(u64),
    /// The peer knows.
    Acked,
}

impl End {
    /// Whether more may be accepted.
    pub(super) const fn check(&self) -> Result<(), SendError> {
        match self.state {
            _ if self.is_stopped => Err(SendError::Stopped),
            State::Open => Ok(()),
            _ => Err(SendError::Finished),
        }
    }

    /// Nothing is accepted any more: message `end` will not be.
    pub(super) fn finish(&mut self, end: u64) {
        if self.state == State::Open {
            self.state = State::Due(end);
        }
    }

    /// The same because the peer asked for it.
    pub(super) fn stop(&mut self, end: u64) {
        self.is_stopped = true;
        self.finish(end);
    }

    /// What CHANNEL_END is to say, if it is to be sent.
    pub(super) const fn next(&self) -> Option<u64> {
        match self.state {
            State::Due(end) => Some(end),
            _ => None,
        }
    }

    pub(super) const fn on_sent(&mut self) {
        if let State::Due(end) = self.state {
            self.state = State::Sent(end);
        }
    }

    pub(super) const fn on_lost(&mut self) {
        if let State::Sent(end) = self.state {
            self.state = State::Due(end);
        }
    }

    pub(super) fn on_acked(&mut self) {
        // Due: what was given up as lost has arrived after all.
        if self.state != State::Open {
            self.state = State::Acked;
        }
    }

    /// Whether the peer knows it.
    pub(super) fn is_acked(&self) -> bool {
        self.state == State::Acked
    }

    /// Whether an acknowledgement is missing for it.
    pub(super) const fn is_owed(&self) -> bool {
        matches!(self.state, State::Due(_) | State::Sent(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_until_it_is_acknowledged() {
        let mut end = End::default();
        end.on_acked();
        assert_eq!((end.check(), end.next(), end.is_owed()), (Ok(()), None, false));
        end.finish(7);
        end.finish(8);
        assert_eq!((end.check(), end.next()), (Err(SendError::Finished), Some(7)));
        end.on_sent();
        assert_eq!((end.next(), end.is_owed()), (None, true));
        end.on_lost();
        assert_eq!(end.next(), Some(7));
        end.on_acked();
        end.on_lost();
        assert_eq!((end.next(), end.is_owed(), end.is_acked()), (None, false, true));
    }

    #[test]
    fn a_stop_ends_it_too_and_says_why() {
        let mut end = End::default();
        end.stop(3);
        assert_eq!((end.check(), end.next()), (Err(SendError::Stopped), Some(3)));
        let mut end = End::default();
        end.finish(3);
        end.stop(4);
        assert_eq!((end.check(), end.next()), (Err(SendError::Stopped), Some(3)));
    }
}
