//! Message channels: what a message, its fate and a channel's settings are called.
//!
//! A *message* is what `send` takes, a *part* a range of its bytes; it is *whole* if it fits one packet
//! and *settled* once it is acknowledged or given up. The machines in this folder know one channel's
//! numbers and bytes: no table, no schedule, no clock, and of the connection's credit and bounds only
//! what they are handed.

mod channel;
mod cost;
mod end;
mod freshest;
mod horizon;
mod incoming;
mod newest;
mod outgoing;
mod partial;
mod repair;
mod skips;
mod slot;
mod stats;
mod volatile;

pub(in crate::stream) use channel::{Channel, Setup};
pub use cost::MESSAGE_COST;
pub(in crate::stream) use cost::cost;
pub use repair::Pattern;
pub(in crate::stream) use repair::Repair;
pub use stats::{Abandoned, ChannelStats};

use crate::wire::Mode;
use slot::Slot;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Numbers between the lowest unsettled and the newest begun message of a channel; at the bound new
/// ones wait.
pub const MAX_OUTSTANDING: u64 = 262_144;

/// Separate ranges of settled numbers above the lowest unsettled one; at the bound a packet with one
/// more counts as never received (P-36).
pub const MAX_SETTLED_RANGES: usize = 16_384;

/// Keys of a Latest channel. At the bound a sender is told [`SendError::TooManyKeys`], and a receiver
/// forgets the key that was silent for longest.
pub const MAX_KEYS: usize = 1024;

/// Window of the urgent channel in each direction, in bytes; its largest message is [`MESSAGE_COST`]
/// less.
pub const URGENT_WINDOW: u64 = 65_536;

/// What is guaranteed of what is sent: as much, or as little, as it needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Every byte once, in order, without boundaries: as TCP.
    #[default]
    Stream,
    /// Every message once, in order.
    Ordered,
    /// Every message once, as soon as all of it is there.
    Unordered,
    /// The newest message wins, of each key if keys are used; older ones are dropped.
    Latest,
    /// Every message at most once, never sent again: as UDP, under congestion control.
    Unreliable,
}

impl Delivery {
    /// All five, strictest first.
    pub const ALL: [Self; 5] =
        [Self::Stream, Self::Ordered, Self::Unordered, Self::Latest, Self::Unreliable];

    /// How a message channel does it; `None` for a stream.
    pub const fn mode(self) -> Option<Mode> {
        match self {
            Self::Stream => None,
            Self::Ordered => Some(Mode::Ordered),
            Self::Unordered => Some(Mode::Unordered),
            Self::Latest => Some(Mode::Latest),
            Self::Unreliable => Some(Mode::Unreliable),
        }
    }

    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Ordered => "ordered",
            Self::Unordered => "unordered",
            Self::Latest => "latest",
            Self::Unreliable => "unreliable",
        }
    }
}

impl From<Mode> for Delivery {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Ordered => Self::Ordered,
            Mode::Unordered => Self::Unordered,
            Mode::Latest => Self::Latest,
            Mode::Unreliable => Self::Unreliable,
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No [`Delivery`] has that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownDelivery;

impl fmt::Display for UnknownDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deliveries are ")?;
        for (delivery, before) in Delivery::ALL.iter().zip(["", ", ", ", ", ", ", " and "]) {
            write!(f, "{before}{delivery}")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownDelivery {}

impl FromStr for Delivery {
    type Err = UnknownDelivery;

    fn from_str(name: &str) -> Result<Self, UnknownDelivery> {
        Self::ALL.into_iter().find(|d| d.name() == name).ok_or(UnknownDelivery)
    }
}

/// What `send` does when as much waits as may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// It waits, or says [`SendError::Blocked`].
    #[default]
    Block,
    /// It says [`SendError::Full`].
    Reject,
    /// It gives up the oldest messages of which nothing was sent yet.
    DropOldest,
    /// It accepts the message and gives it up at once: number, receipt and gap tell of it.
    DropNewest,
}

/// The sending terms of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// What happens beyond `queue_bytes`. A Latest channel replaces instead.
    pub overflow: Overflow,
    /// What may wait of which nothing was sent yet: each message's bytes and [`MESSAGE_COST`]. One
    /// message always fits.
    pub queue_bytes: u64,
    /// Whether messages may be sent redundantly.
    pub is_repaired: bool,
}

/// The terms of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// How many rounds of retransmission it gets; `None`: as many as it takes.
    pub max_retransmits: Option<u32>,
    /// What it replaces older messages of; on Latest channels only, below 2^62.
    pub key: Option<u64>,
    /// Whether its [`Outcome`] is to be told.
    pub wants_receipt: bool,
}

/// A message that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// Counts the channel's messages in the order in which they were sent, from 0.
    pub number: u64,
    /// What it replaces older ones of, if it is one of a Latest channel with keys.
    pub key: Option<u64>,
    /// Its bytes.
    pub len: usize,
}

/// What became of a message that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The peer's towline has all of it.
    Acknowledged,
    /// Nothing more is done for it. It may have been delivered all the same.
    Abandoned(Why),
}

/// Why a message was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// Its deadline has passed, or it waited for longer than the channel allows.
    Expired,
    /// It was lost once more than its terms allow.
    Retransmits,
    /// There was no room for it.
    Overflow,
    /// A newer one took its place.
    Superseded,
    /// The application took it back.
    Cancelled,
    /// A packet with a part of it was lost, and the channel sends nothing again.
    Lost,
    /// The peer's application does not want what is sent to this channel.
    Stopped,
}

/// Which messages are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unsettled {
    /// Any that is not settled.
    Any,
    /// Only one of which nothing was sent yet.
    Unsent,
}

/// Why a message was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// As much waits as may; [`super::ChannelEvent::Writable`] follows.
    Blocked,
    /// As much waits as may, and the channel's policy is to refuse more.
    Full,
    /// The message is longer than the peer takes.
    TooLarge {
        /// Its bytes.
        len: usize,
        /// The largest one's.
        max: usize,
    },
    /// The channel has [`MAX_KEYS`] keys.
    TooManyKeys,
    /// A key on anything but Latest, a limit of retransmissions on Latest or Unreliable.
    Unsupported,
    /// The peer's application does not want what is sent to this channel.
    Stopped,
    /// The channel was finished before, or is over.
    Finished,
    /// There is no such channel.
    Unknown,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocked => "the send queue is full for now",
            Self::Full => "the send queue is full",
            Self::TooLarge { len, max } => {
                return write!(f, "a message of {len} bytes is too large: {max} are allowed");
            }
            Self::TooManyKeys => "the channel has as many keys as it can",
            Self::Unsupported => "the channel's mode does not have that option",
            Self::Stopped => "the peer stopped reading",
            Self::Finished => "the channel is finished",
            Self::Unknown => "there is no such channel",
        })
    }
}

impl std::error::Error for SendError {}

/// Why no message was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// None is there yet; [`super::ChannelEvent::Readable`] follows.
    Blocked,
    /// The buffer is shorter than the message, which stays.
    Short {
        /// The message's bytes.
        len: usize,
    },
    /// So many messages will not come: told once, in their place; then reading goes on.
    Gap {
        /// How many.
        count: u64,
    },
    /// The peer finished the channel, and all of it was read.
    Finished,
    /// There is no such channel.
    Unknown,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked => f.write_str("no message has arrived"),
            Self::Short { len } => write!(f, "the message has {len} bytes: the buffer is shorter"),
            Self::Gap { count } => write!(f, "{count} messages were given up by the sender"),
            Self::Finished => f.write_str("the peer finished the channel"),
            Self::Unknown => f.write_str("there is no such channel"),
        }
    }
}

impl std::error::Error for RecvError {}

/// A part of a message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) number: u64,
    /// Which bytes of it.
    pub(super) range: Range<u32>,
    /// How many it has.
    pub(super) total: u32,
    pub(super) key: Option<u64>,
    /// Whether it goes as a whole, without saying where in the message it lies.
    pub(super) is_whole: bool,
}

/// What sending a part used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// Which of several transmissions of the same bytes it was.
    pub(super) copy: u32,
    /// Credit of the connection that was reserved by it, for the whole message.
    pub(super) reserved: u64,
}

/// What verbs of a sending half settled, to be passed on.
#[derive(Debug, Default)]
pub(super) struct Settlement {
    /// Of the messages that asked, by number.
    pub(super) receipts: Vec<(u64, Outcome)>,
    /// What they cost in the send buffer, and do not any more.
    pub(super) freed: u64,
    /// Whether the watermark moved.
    pub(super) has_progressed: bool,
}

impl Settlement {
    /// A message is settled.
    fn add(&mut self, number: u64, slot: &Slot, outcome: Outcome) {
        self.freed += slot.cost();
        if slot.wants_receipt() {
            self.receipts.push((number, outcome));
        }
    }
}

#[cfg(test)]
mod tests;
