//! What the application asks of a message channel, and for a message.

use super::Connection;
use crate::stream::{
    ChannelStats, Delivery, FlowId, Message, OpenError, Outbound, Overflow, Priority, RecvError,
    SendError, Terms, Unsettled, Why,
};
use crate::time::{Duration, Instant};
use crate::wire::{ChannelId, Mode};

/// What waits and was not sent yet, in bytes, unless the application says otherwise.
const QUEUE_BYTES: u64 = 1 << 20;

/// How long an Unreliable message may wait before any of it is sent.
const UNRELIABLE_QUEUE_DELAY: Duration = Duration::from_millis(200);

/// How a channel delivers and what it does with what it sends: the sender's own affair but for the
/// delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// The guarantee. On the accepting side the opener's counts.
    pub delivery: Delivery,
    /// Whose data go first. Default: level 4, weight 16.
    pub priority: Priority,
    /// What happens when `queue_bytes` wait. Default: [`Overflow::Block`], for Unreliable
    /// [`Overflow::DropOldest`]; Latest replaces and ignores it.
    pub overflow: Overflow,
    /// What may wait of which nothing was sent yet: each message's bytes and 32. One message always
    /// fits. Default: 1 MiB.
    pub queue_bytes: u64,
    /// A message of which nothing was sent for so long is given up. Default: `None`, for Unreliable
    /// 200 ms.
    pub max_queue_delay: Option<Duration>,
    /// Whether messages may be sent redundantly where few are sent and some are lost. Default: true
    /// for Ordered and Unordered.
    pub is_repaired: bool,
}

impl ChannelConfig {
    /// The defaults of this delivery.
    pub fn new(delivery: Delivery) -> Self {
        let is_unreliable = delivery == Delivery::Unreliable;
        Self {
            delivery,
            priority: Priority::default(),
            overflow: if is_unreliable { Overflow::DropOldest } else { Overflow::Block },
            queue_bytes: QUEUE_BYTES,
            max_queue_delay: is_unreliable.then_some(UNRELIABLE_QUEUE_DELAY),
            is_repaired: delivery.mode().is_some_and(Mode::is_reliable),
        }
    }

    /// The part that needs no clock.
    pub const fn outbound(&self) -> Outbound {
        Outbound {
            overflow: self.overflow,
            queue_bytes: self.queue_bytes,
            is_repaired: self.is_repaired,
        }
    }
}

impl From<Delivery> for ChannelConfig {
    fn from(delivery: Delivery) -> Self {
        Self::new(delivery)
    }
}

/// What one message needs beside its channel's guarantee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendOptions {
    /// Counted from `send`: nothing of the message is sent from then on.
    pub deadline: Option<Duration>,
    /// How many rounds of retransmission it gets; 0: it is sent once. Ordered and Unordered only.
    pub max_retransmits: Option<u32>,
    /// The newest message of each key wins. Latest only; below 2^62.
    pub key: Option<u64>,
    /// Whether its outcome is to be told.
    pub wants_receipt: bool,
}

impl SendOptions {
    /// The part that needs no clock.
    pub const fn terms(&self) -> Terms {
        Terms {
            max_retransmits: self.max_retransmits,
            key: self.key,
            wants_receipt: self.wants_receipt,
        }
    }
}

impl Connection {
    /// Opens a message channel and announces it to the peer.
    ///
    /// # Errors
    /// [`OpenError::Limit`] if the peer allows no more for now, [`OpenError::NoMessages`] if it takes
    /// none, [`OpenError::IsStream`] for [`Delivery::Stream`].
    pub fn open_channel(&mut self, config: &ChannelConfig) -> Result<ChannelId, OpenError> {
        let mode = config.delivery.mode().ok_or(OpenError::IsStream)?;
        let id = self.streams.open_channel(mode, config.outbound())?;
        self.set_channel(id, config);
        Ok(id)
    }

    /// The next channel that the peer opened, in the order in which they became known. The urgent
    /// channel, [`ChannelId::URGENT`], is not among them: it is always there.
    pub fn accept_channel(&mut self) -> Option<ChannelId> {
        self.streams.accept_channel()
    }

    /// Sets the terms on which this side sends; each side has its own. The delivery cannot be changed.
    pub fn set_channel(&mut self, id: ChannelId, config: &ChannelConfig) {
        self.streams.set_outbound(id, config.outbound());
        self.set_priority(id.into(), config.priority);
        let streams = &self.streams;
        let is_open = |id| streams.watermark(id).is_some();
        self.timers.expiries.set_delay(id, config.max_queue_delay, is_open);
    }

    /// Takes a message, whole or not at all, and returns its number: it is accepted into the send queue
    /// and, on reliable channels, held until the peer has acknowledged it. As with TCP that says nothing
    /// about the peer's application. Only after [`SendError::Blocked`] does
    /// [`crate::stream::ChannelEvent::Writable`] follow.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn send(
        &mut self,
        now: Instant,
        id: ChannelId,
        message: &[u8],
        options: &SendOptions,
    ) -> Result<u64, SendError> {
        let now = now.max(self.book.now);
        let number = self.streams.send(id, message, options.terms())?;
        let expiries = &mut self.timers.expiries;
        if let Some(deadline) = options.deadline {
            expiries.push(now + deadline, id, number, Unsettled::Any);
        }
        let usual = (id.mode() == Mode::Unreliable).then_some(UNRELIABLE_QUEUE_DELAY);
        if let Some(delay) = expiries.delay(id, usual) {
            expiries.push(now + delay, id, number, Unsettled::Unsent);
        }
        Ok(number)
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// See [`RecvError`].
    pub fn recv(&mut self, id: ChannelId, buf: &mut [u8]) -> Result<Message, RecvError> {
        self.streams.recv(id, buf)
    }

    /// Takes the next message in a buffer of its own.
    ///
    /// # Errors
    /// See [`RecvError`]; never [`RecvError::Short`].
    pub fn recv_vec(&mut self, id: ChannelId) -> Result<(Message, Vec<u8>), RecvError> {
        self.streams.recv_vec(id)
    }

    /// Copies what fits of the next message, and leaves it there.
    ///
    /// # Errors
    /// See [`RecvError`]; never [`RecvError::Short`].
    pub fn peek(&self, id: ChannelId, buf: &mut [u8]) -> Result<Message, RecvError> {
        self.streams.peek_message(id, buf)
    }

    /// Takes a message back that is not settled; returns whether there was one. The peer may have it.
    pub fn cancel(&mut self, id: ChannelId, number: u64) -> bool {
        self.streams.abandon(id, number, Unsettled::Any, Why::Cancelled)
    }

    /// Ends this side's half of a channel behind what was accepted, which is delivered.
    pub fn finish_channel(&mut self, id: ChannelId) {
        self.streams.finish_channel(id);
    }

    /// Throws away what is there and what comes, and asks the peer to stop sending.
    pub fn stop_channel(&mut self, id: ChannelId) {
        self.streams.stop_channel(id);
    }

    /// The number below which all messages of a channel are settled: acknowledged or given up. `None`:
    /// there is no such channel, or it is over.
    pub fn watermark(&self, id: ChannelId) -> Option<u64> {
        self.streams.watermark(id)
    }

    /// What was counted on a channel; `None`: there is no such channel, or it is over.
    pub fn channel_stats(&self, id: ChannelId) -> Option<ChannelStats> {
        self.streams.channel_stats(id)
    }

    /// Sets whose data goes before whose.
    pub fn set_priority(&mut self, flow: FlowId, priority: Priority) {
        self.streams.set_priority(flow, priority);
    }

    /// Gives up the messages whose time is over, before anything else is sent.
    pub(super) fn expire(&mut self, now: Instant) {
        let mut was_due = false;
        while let Some(expiry) = self.timers.expiries.pop_due(now) {
            was_due = true;
            self.streams.abandon(expiry.id, expiry.number, expiry.which(), Why::Expired);
        }
        if was_due {
            self.check_farewell(now);
        }
    }

    /// Forgets the expiries of messages that are settled.
    pub(super) fn forget_expiries(&mut self) {
        let streams = &self.streams;
        self.timers.expiries.forget(|e| streams.is_pending(e.id, e.number, e.which()));
    }
}
