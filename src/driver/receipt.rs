//! What became of a message that was sent.

use super::channel::{ChannelError, closed};
use super::connection::Connection;
use super::patience::Patience;
use super::stream::Watch;
use crate::stream::{Outcome, Unsettled};
use crate::time::Duration;
use crate::wire::ChannelId;
use std::fmt;
use std::sync::Arc;

/// Tells what became of one message: see [`Channel::send_receipt`](super::Channel::send_receipt).
///
/// [`Outcome::Acknowledged`] says that the peer's towline has all of it, not that its application has
/// read it; [`Outcome::Abandoned`] that nothing more is done for it, and it may have been delivered all
/// the same. If the connection ends before either is known, the receipt fails with
/// [`ChannelError::Closed`], which says how: then the message is in doubt.
///
/// A receipt outlives the channel's handles and does not keep the channel open. It is a handle of the
/// connection, though, which lives until the last of them is dropped.
pub struct Receipt {
    subject: Subject,
    number: u64,
}

enum Subject {
    Message(Connection, ChannelId),
    Bytes(Arc<Watch>),
}

impl Receipt {
    /// Of a message whose outcome the waiters keep.
    pub(super) fn of_message(connection: Connection, id: ChannelId, number: u64) -> Self {
        Self { subject: Subject::Message(connection, id), number }
    }

    /// Of the bytes below `offset` of a stream.
    pub(super) const fn of_bytes(watch: Arc<Watch>, offset: u64) -> Self {
        Self { subject: Subject::Bytes(watch), number: offset }
    }

    /// The number that `send` would have returned.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Waits until it is known what became of the message; `None`: as long as it takes.
    ///
    /// # Errors
    /// [`ChannelError::TimedOut`] if that takes longer than `timeout`; it can be asked again.
    /// [`ChannelError::Closed`] if the connection has ended and it will never be known.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Outcome, ChannelError> {
        self.ask(timeout.map_or(Patience::Endless, Patience::Within))
    }

    /// What became of the message, if it is known.
    ///
    /// # Errors
    /// [`ChannelError::Closed`] if the connection has ended and it will never be known.
    pub fn try_get(&self) -> Result<Option<Outcome>, ChannelError> {
        match self.ask(Patience::None) {
            Err(ChannelError::WouldBlock) => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    fn ask(&self, patience: Patience) -> Result<Outcome, ChannelError> {
        let number = self.number;
        match &self.subject {
            Subject::Message(connection, id) => connection.expect(patience, |core, waiters| {
                let outcome = waiters.receipts.get(*id, number);
                // What the connection knew at its end is told in an event, which comes behind that.
                let is_open = core.streams().is_pending(*id, number, Unsettled::Any);
                outcome.map(Ok).or_else(|| closed(core).filter(|_| is_open))
            }),
            Subject::Bytes(watch) => watch.connection().follow(patience, |core, _| {
                watch.outcome(core, number).map(Ok).or_else(|| closed(core))
            }),
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Subject::Message(connection, id) = &self.subject
            && let Some(waiters) = connection.hub().lock().waiters.of(connection.handle())
        {
            waiters.receipts.remove(*id, self.number);
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("number", &self.number).finish_non_exhaustive()
    }
}
