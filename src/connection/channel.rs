//! What the application asks of a message channel, and for a message.

use crate::stream::{Delivery, Outbound, Overflow, Priority, Terms};
use crate::time::Duration;

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
            is_repaired: delivery.mode().is_some_and(crate::wire::Mode::is_reliable),
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
