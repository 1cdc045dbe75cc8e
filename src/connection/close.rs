//! How a connection ends: in peace once all is delivered, for the peer's fault, or for good.

use super::state::{
    CloseOutcome, CloseReason, Ended, Farewell, MessageOutcome, ProtocolError, State,
};
use super::timer::Timer;
use super::{Connection, ConnectionEvent};
use crate::time::{Duration, Instant};

/// How long a closed connection recognises late packets, at least.
const MIN_TIME_WAIT: Duration = Duration::from_secs(1);

impl Connection {
    /// Ends the connection for this side: tells the application once, and says what became of its data.
    pub(super) fn end(&mut self, now: Instant, reason: CloseReason, next: State) {
        if self.book.ended.is_none() {
            let (counts, messages) = (self.streams.counts(), self.streams.messages());
            let outcome = CloseOutcome {
                acknowledged: counts.acknowledged,
                in_doubt: counts.in_doubt,
                unsent: counts.unsent,
                messages: MessageOutcome {
                    acknowledged: messages.acknowledged,
                    in_doubt: messages.outstanding,
                    unsent: messages.queued,
                    abandoned: messages.abandoned.total(),
                },
            };
            self.book.ended = Some(Box::new(Ended { reason, outcome, at: now }));
            self.book.events.push_back(ConnectionEvent::Closed);
        }
        self.timers.stop_all();
        self.timers.expiries.clear();
        self.state = next;
        if matches!(self.state, State::TimeWait(_)) {
            let patience = (self.recovery.pto() * 3).max(MIN_TIME_WAIT);
            self.timers.set(Timer::TimeWait, now + patience);
        }
    }

    /// Everything that could be delivered is: CLOSE goes out.
    pub(super) fn say_farewell(&mut self, now: Instant) {
        if let State::Connecting(connecting) = &self.state
            && let Some(farewell) = &connecting.farewell
        {
            return self.end(now, CloseReason::Local(farewell.code), State::Closed);
        }
        if let State::Lingering(farewell) = &self.state {
            let farewell = farewell.clone();
            self.end(now, CloseReason::Local(farewell.code), State::Closing(farewell));
            self.pending.close = true;
        }
    }

    /// The peer broke the protocol: say so, and stop.
    pub(super) fn fail(&mut self, now: Instant, error: ProtocolError) {
        if !self.state.is_closed() {
            let farewell = Farewell::new(error.code(), error.to_string().as_bytes());
            self.end(now, CloseReason::Protocol(error), State::Closing(farewell));
            self.pending.close = true;
        }
    }

    /// Closes gracefully: what was written is delivered first, for at most `linger`; then the peer is
    /// told `code` (below 2^32) and `reason` (at most 256 bytes, the rest is cut).
    pub fn close(&mut self, now: Instant, code: u32, reason: &[u8], linger: Duration) {
        match self.state {
            State::Connecting(_) => {
                self.end(now, CloseReason::Local(u64::from(code)), State::Closed);
            }
            State::Established => {
                self.streams.finish_all();
                self.state = State::Lingering(Farewell::new(u64::from(code), reason));
                self.timers.set(Timer::Linger, now + linger);
                self.check_farewell(now);
            }
            // Whoever closes again may be less patient.
            State::Lingering(_) => self.timers.set_earlier(Timer::Linger, now + linger),
            _ => {}
        }
    }

    /// A lingering connection is done once everything is acknowledged.
    pub(super) fn check_farewell(&mut self, now: Instant) {
        if matches!(self.state, State::Lingering(_)) && self.streams.is_all_acknowledged() {
            self.say_farewell(now);
        }
    }
}
