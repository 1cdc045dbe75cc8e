//! Channels: one way to send and receive, whatever is guaranteed.
//!
//! A [`Channel`] carries messages both ways with one [`Delivery`], which whoever opens it chooses. Here
//! is all that its users need; the most frequent names are at the crate's root too.

mod error;
mod messages;

pub use super::receipt::Receipt;
pub use crate::connection::{ChannelConfig, SendOptions};
pub use crate::stream::{
    Abandoned, ChannelStats, Delivery, Message, Outcome, Overflow, Priority, RecvError, SendError,
    UnknownDelivery, Why,
};
pub(super) use error::closed;
pub use error::{ChannelError, TrySendError};
pub(super) use messages::Messages;

use super::connection::{Connection, OptionalDuration, nonzero};
use super::patience::Patience;
use super::stream::{Bytes, Stream};
use crate::connection::Connection as Core;
use crate::time::Duration;
use messages::Sending;
use std::fmt;
use std::io;
use std::sync::Arc;

/// A channel of messages in both directions, with the guarantee of its [`Delivery`].
///
/// ```
/// use towline::channel::{ChannelError, Outcome, RecvError};
/// use towline::{Connection, Delivery, Listener};
///
/// let listener = Listener::bind("127.0.0.1:0")?;
/// let client = Connection::connect(listener.local_addr()?)?;
/// let server = listener.accept_connection()?;
///
/// let orders = client.open_channel(Delivery::Ordered)?; // or Stream, Unordered, Latest, Unreliable
/// orders.send(b"first")?;
/// let receipt = orders.send_receipt(b"second", &Default::default())?;
/// orders.close()?;
///
/// let inbound = server.accept_channel()?;
/// assert_eq!(inbound.delivery(), Delivery::Ordered);
/// let mut buf = [0; 16];
/// let message = inbound.recv(&mut buf)?;
/// assert_eq!((message.number, &buf[..message.len]), (0, &b"first"[..]));
/// assert_eq!(inbound.recv_vec()?, b"second");
/// assert_eq!(inbound.recv_vec(), Err(ChannelError::Recv(RecvError::Finished)));
/// assert_eq!(receipt.wait(None)?, Outcome::Acknowledged);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// Clones are handles of one channel; some threads may send while others receive, each message goes to
/// one of them. Calls block, like [`Stream`]'s; one that fails with [`ChannelError::TimedOut`] or
/// [`ChannelError::WouldBlock`] has taken nothing and given nothing, and can be repeated. What has
/// arrived before the connection's end is received before the end is told.
///
/// **What is sent is accepted into the retransmission buffer, as with TCP, and no more.** Whether it
/// arrived is told by a [`Receipt`], by [`Channel::flush_acked`] and by [`Connection::close`].
///
/// The drop of the last handle closes the channel in the background: what was accepted is delivered, and
/// what still comes is refused, so the peer's `send` fails. If that was also the last handle of the
/// connection, the drop waits as a [`Stream`]'s does: see [`Connection::set_linger`].
///
/// # Streams
///
/// A channel of [`Delivery::Stream`] has the same verbs, so that a program runs under another guarantee
/// when one word of it is changed, at one end. It has no boundaries, though: `recv` gives what is there,
/// as `read` does. What one `send` takes stays together, but one that fails may have sent a part, as
/// `write_all`; only [`Channel::try_send`] and a non-blocking `send` take all or nothing. Numbers are
/// offsets behind the bytes that were sent or received. The peer learns of it with its first data. Options
/// of a message that a stream cannot keep are refused as [`SendError::Unsupported`]; of its
/// [`ChannelConfig`] only the priority counts, and there are no [`ChannelStats`].
#[derive(Clone)]
pub struct Channel {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Messages(Arc<Messages>),
    Bytes(Bytes),
}

impl Channel {
    pub(super) const fn of_messages(messages: Arc<Messages>) -> Self {
        Self { kind: Kind::Messages(messages) }
    }

    pub(super) const fn of_bytes(bytes: Bytes) -> Self {
        Self { kind: Kind::Bytes(bytes) }
    }

    // ---- sending ----

    /// Sends a message, whole or not at all, and returns its number: they count the channel's messages
    /// from 0. It waits for room, if the queue is full and [`Overflow::Block`] is its policy. That it
    /// returns means that the message is accepted into the retransmission buffer, as with TCP, and no
    /// more.
    ///
    /// # Errors
    /// [`ChannelError::Send`] with what is wrong with the message or the channel,
    /// [`ChannelError::TimedOut`] and [`ChannelError::WouldBlock`] as set, [`ChannelError::Closed`] if
    /// the connection has ended.
    pub fn send(&self, message: impl AsRef<[u8]>) -> Result<u64, ChannelError> {
        self.send_with(message, &SendOptions::default())
    }

    /// Sends a message with a deadline, a limit of retransmissions or a key. The deadline is counted
    /// from this call: if it passes while the call waits for room, that is [`ChannelError::TimedOut`].
    ///
    /// # Errors
    /// Those of [`Channel::send`].
    pub fn send_with(
        &self,
        message: impl AsRef<[u8]>,
        options: &SendOptions,
    ) -> Result<u64, ChannelError> {
        self.put(message.as_ref(), Sending { options, may_wait: true, has_receipt: false })
    }

    /// Sends a message without waiting; one that is not accepted comes back as it was.
    ///
    /// # Errors
    /// Those of [`Channel::send`]; [`ChannelError::WouldBlock`] if it would have to wait. Of
    /// [`Delivery::Stream`]: [`SendError::TooLarge`] if it can never be taken at once.
    pub fn try_send<M: AsRef<[u8]>>(&self, message: M) -> Result<u64, TrySendError<M>> {
        self.try_send_with(message, &SendOptions::default())
    }

    /// The same with options.
    ///
    /// # Errors
    /// Those of [`Channel::try_send`].
    pub fn try_send_with<M: AsRef<[u8]>>(
        &self,
        message: M,
        options: &SendOptions,
    ) -> Result<u64, TrySendError<M>> {
        let sending = Sending { options, may_wait: false, has_receipt: false };
        let sent = self.put(message.as_ref(), sending);
        sent.map_err(|error| TrySendError { message, error })
    }

    /// Sends a message, and gives its receipt.
    ///
    /// # Errors
    /// Those of [`Channel::send`].
    pub fn send_receipt(
        &self,
        message: impl AsRef<[u8]>,
        options: &SendOptions,
    ) -> Result<Receipt, ChannelError> {
        let sending = Sending { options, may_wait: true, has_receipt: true };
        let number = self.put(message.as_ref(), sending)?;
        Ok(match &self.kind {
            Kind::Messages(m) => Receipt::of_message(m.connection.clone(), m.id, number),
            Kind::Bytes(b) => Receipt::of_bytes(b.watch().clone(), number),
        })
    }

    /// Takes a message back that is neither acknowledged nor given up; returns whether there was one.
    /// The peer may have it all the same. Never of [`Delivery::Stream`].
    pub fn cancel(&self, number: u64) -> bool {
        match &self.kind {
            Kind::Messages(messages) => messages.cancel(number).unwrap_or_default(),
            Kind::Bytes(_) => false,
        }
    }

    fn put(&self, message: &[u8], sending: Sending<'_>) -> Result<u64, ChannelError> {
        match &self.kind {
            Kind::Messages(messages) => messages.send(message, sending),
            Kind::Bytes(bytes) => {
                let SendOptions { deadline, max_retransmits, key, wants_receipt: _ } =
                    sending.options;
                if deadline.is_some() || max_retransmits.is_some() || key.is_some() {
                    return Err(SendError::Unsupported.into());
                }
                bytes.send(message, sending.may_wait)
            }
        }
    }

    // ---- receiving ----

    /// Waits for the next message and moves it to `buf`.
    ///
    /// # Errors
    /// [`ChannelError::Recv`]: [`RecvError::Short`] if `buf` is shorter than the message, which stays
    /// and loses nothing; [`RecvError::Gap`] for messages that the sender gave up, told once in their
    /// place: call again; [`RecvError::Finished`] once the peer has closed the channel and everything
    /// was received. [`ChannelError::TimedOut`] and [`ChannelError::WouldBlock`] as set,
    /// [`ChannelError::Closed`] if the connection has ended.
    pub fn recv(&self, buf: &mut [u8]) -> Result<Message, ChannelError> {
        self.get(None, buf)
    }

    /// The same, and waits no longer than `timeout`, whatever is set.
    ///
    /// # Errors
    /// Those of [`Channel::recv`].
    pub fn recv_timeout(&self, buf: &mut [u8], timeout: Duration) -> Result<Message, ChannelError> {
        self.get(Some(Patience::Within(timeout)), buf)
    }

    /// The same without waiting.
    ///
    /// # Errors
    /// Those of [`Channel::recv`]; [`ChannelError::WouldBlock`] if nothing is there.
    pub fn try_recv(&self, buf: &mut [u8]) -> Result<Message, ChannelError> {
        self.get(Some(Patience::None), buf)
    }

    /// Waits for the next message and gives it in a buffer of its own.
    ///
    /// # Errors
    /// Those of [`Channel::recv`]; never [`RecvError::Short`].
    pub fn recv_vec(&self) -> Result<Vec<u8>, ChannelError> {
        let patience = || self.patience();
        match &self.kind {
            Kind::Messages(messages) => {
                messages.take(patience, Core::recv_vec).map(|(_, message)| message)
            }
            Kind::Bytes(bytes) => bytes.recv_vec(patience),
        }
    }

    /// Waits for the next message, copies what fits of it to `buf` and leaves it there; its whole length
    /// is told. Another handle may receive it before this one does.
    ///
    /// # Errors
    /// Those of [`Channel::recv`]; never [`RecvError::Short`].
    pub fn peek(&self, buf: &mut [u8]) -> Result<Message, ChannelError> {
        match &self.kind {
            Kind::Messages(messages) => messages.peek(buf),
            Kind::Bytes(bytes) => bytes.peek(buf),
        }
    }

    /// Receives with this patience, or as set.
    fn get(&self, patience: Option<Patience>, buf: &mut [u8]) -> Result<Message, ChannelError> {
        let patience = || patience.unwrap_or_else(|| self.patience());
        match &self.kind {
            Kind::Messages(messages) => messages.take(patience, |core, id| core.recv(id, buf)),
            Kind::Bytes(bytes) => bytes.recv(patience, buf),
        }
    }

    /// How long a receiver waits, as set.
    fn patience(&self) -> Patience {
        match &self.kind {
            Kind::Messages(messages) => messages.patience(&messages.recv_timeout),
            Kind::Bytes(bytes) => bytes.patience(bytes.recv_timeout()),
        }
    }

    // ---- what became of it, and the end ----

    /// The number below which all that was sent is settled: acknowledged, or given up.
    pub fn watermark(&self) -> u64 {
        match &self.kind {
            Kind::Messages(messages) => messages.watermark(),
            Kind::Bytes(bytes) => bytes.watermark(),
        }
    }

    /// Waits until all that was sent before this call is settled: acknowledged, or given up where the
    /// delivery or an option allows that. `None`: as long as it takes. See also
    /// [`Connection::flush_acked`].
    ///
    /// # Errors
    /// [`ChannelError::TimedOut`] if that takes longer than `timeout`, [`ChannelError::Closed`] if the
    /// connection has ended before. Of [`Delivery::Stream`]: [`SendError::Stopped`] if the peer does
    /// not want the rest.
    pub fn flush_acked(&self, timeout: Option<Duration>) -> Result<(), ChannelError> {
        let patience = timeout.map_or(Patience::Endless, Patience::Within);
        match &self.kind {
            Kind::Messages(messages) => messages.flush_acked(patience),
            Kind::Bytes(bytes) => bytes.flush_acked(patience),
        }
    }

    /// Ends this direction for all handles: what was accepted is delivered, then the peer's `recv` says
    /// [`RecvError::Finished`]. Sending fails from now on, also where it waits; receiving goes on. A
    /// second call does nothing.
    ///
    /// # Errors
    /// [`ChannelError::Failed`] only.
    pub fn close(&self) -> Result<(), ChannelError> {
        match &self.kind {
            Kind::Messages(messages) => messages.close(),
            Kind::Bytes(bytes) => bytes.close(),
        }
    }

    // ---- settings ----

    /// How long `send` waits for room; `None`, the default: for ever. Shared by all clones, as all
    /// settings are.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a timeout of zero.
    pub fn set_send_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.send_wait().set(nonzero(timeout)?);
        Ok(())
    }

    fn send_wait(&self) -> &OptionalDuration {
        match &self.kind {
            Kind::Messages(messages) => &messages.send_timeout,
            Kind::Bytes(bytes) => bytes.send_timeout(),
        }
    }

    /// How long `recv`, `recv_vec` and `peek` wait; `None`, the default: for ever.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a timeout of zero.
    pub fn set_recv_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.recv_wait().set(nonzero(timeout)?);
        Ok(())
    }

    fn recv_wait(&self) -> &OptionalDuration {
        match &self.kind {
            Kind::Messages(messages) => &messages.recv_timeout,
            Kind::Bytes(bytes) => bytes.recv_timeout(),
        }
    }

    /// Whether calls that would have to wait fail with [`ChannelError::WouldBlock`] instead, and the
    /// drop of the last handle does not wait either. Threads that wait are woken, and fail so too. Calls
    /// that are given a time of their own keep it.
    pub fn set_nonblocking(&self, is_nonblocking: bool) {
        match &self.kind {
            Kind::Messages(messages) => messages.set_nonblocking(is_nonblocking),
            Kind::Bytes(bytes) => bytes.stream().set_nonblocking(is_nonblocking),
        }
    }

    /// Sets whose data goes before whose; each side has its own. The urgent channel always goes first.
    ///
    /// # Errors
    /// [`ChannelError::Failed`] only.
    pub fn set_priority(&self, priority: Priority) -> Result<(), ChannelError> {
        match &self.kind {
            Kind::Messages(m) => m.act(|core, id| core.set_priority(id.into(), priority)),
            Kind::Bytes(b) => b.act(|core, id| core.set_priority(id.into(), priority)),
        }
    }

    /// Sets all terms on which this side sends: an accepted channel begins with its delivery's default
    /// ones. The delivery stays as it is.
    ///
    /// # Errors
    /// [`ChannelError::Failed`] only.
    pub fn configure(&self, config: impl Into<ChannelConfig>) -> Result<(), ChannelError> {
        let config = config.into();
        match &self.kind {
            Kind::Messages(messages) => messages.configure(&config),
            Kind::Bytes(_) => self.set_priority(config.priority),
        }
    }

    // ---- what it is ----

    /// What is guaranteed, as whoever opened it has chosen.
    pub fn delivery(&self) -> Delivery {
        match &self.kind {
            Kind::Messages(messages) => messages.id.mode().into(),
            Kind::Bytes(_) => Delivery::Stream,
        }
    }

    /// The channel's number, the same at both ends; streams have numbers of their own.
    pub fn number(&self) -> u64 {
        match &self.kind {
            Kind::Messages(messages) => messages.id.0,
            Kind::Bytes(bytes) => bytes.id().0,
        }
    }

    /// The connection that this channel belongs to.
    pub fn connection(&self) -> Connection {
        match &self.kind {
            Kind::Messages(messages) => messages.connection.clone(),
            Kind::Bytes(bytes) => bytes.connection().clone(),
        }
    }

    /// The stream behind a channel of [`Delivery::Stream`]: another handle of it.
    pub fn stream(&self) -> Option<Stream> {
        match &self.kind {
            Kind::Messages(_) => None,
            Kind::Bytes(bytes) => Some(Stream::new(bytes.stream().clone())),
        }
    }

    /// What was counted; nothing once the channel is over, and of [`Delivery::Stream`].
    pub fn stats(&self) -> Option<ChannelStats> {
        match &self.kind {
            Kind::Messages(messages) => messages.stats(),
            Kind::Bytes(_) => None,
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("delivery", &self.delivery())
            .field("number", &self.number())
            .field("connection", &self.connection())
            .finish()
    }
}

#[cfg(test)]
mod tests;
