//! What the two sides of a conversation in messages do.

use crate::connection::{ChannelConfig, SendOptions};
use crate::rng::Rng;
use crate::sim::Closing;
use crate::stream::{Delivery, Pattern};
use crate::time::Duration;
use crate::wire::{ChannelId, Mode};
use std::ops::RangeInclusive;

/// What one side sends on one channel.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The channel's delivery and terms.
    pub config: ChannelConfig,
    /// How many messages.
    pub count: u64,
    /// The bytes of each: any length between these, short and long ones equally often.
    pub sizes: RangeInclusive<u64>,
    /// From one to the next; zero: as soon as the channel takes it.
    pub every: Duration,
    /// On a Latest channel: how many keys take turns by chance; 0: none.
    pub keys: u64,
    /// The longest deadline: each message gets one of up to this.
    pub deadline: Option<Duration>,
    /// On reliable channels: each message gets a limit of up to this.
    pub max_retransmits: Option<u32>,
    /// The share of messages after which one of the last few is taken back.
    pub cancels: f64,
    /// Whether the channel ends behind the last one.
    pub ends: bool,
}

impl Sending {
    /// `count` messages of these sizes, as fast as they are taken, and the end.
    pub fn new(delivery: Delivery, count: u64, sizes: RangeInclusive<u64>) -> Self {
        Self {
            config: delivery.into(),
            count,
            sizes,
            every: Duration::ZERO,
            keys: 0,
            deadline: None,
            max_retransmits: None,
            cancels: 0.0,
            ends: true,
        }
    }

    /// The same on a channel of another mode.
    pub(super) fn over(&self, mode: Mode) -> Self {
        let config = ChannelConfig { delivery: mode.into(), ..self.config };
        Self { config, ..self.clone() }
    }

    /// A length within `sizes`.
    pub(super) fn length(&self, rng: &mut Rng) -> usize {
        let (low, high) = (*self.sizes.start() as f64 + 1.0, *self.sizes.end() as f64 + 1.0);
        let length = (low.ln() + rng.unit() * (high / low).ln()).exp().round() as u64;
        length.saturating_sub(1).clamp(*self.sizes.start(), *self.sizes.end()) as usize
    }

    /// What one message asks for.
    pub(super) fn options(&self, rng: &mut Rng) -> SendOptions {
        let mode = self.config.delivery.mode();
        let is_latest = mode == Some(Mode::Latest);
        let is_reliable = mode.is_some_and(Mode::is_reliable);
        SendOptions {
            deadline: self.deadline.map(|longest| longest.mul_f64(rng.unit())),
            max_retransmits: self
                .max_retransmits
                .filter(|_| is_reliable)
                .map(|most| rng.below(u64::from(most) + 1) as u32),
            key: (is_latest && self.keys > 0).then(|| rng.below(self.keys)),
            wants_receipt: rng.chance(0.5),
        }
    }
}

/// When a side takes what has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// At once.
    Always,
    /// At once, but after each so many messages it pauses for so long.
    Pausing(u64, Duration),
    /// At once, but this channel never.
    AllBut(ChannelId),
    /// At once, until so many messages of a channel are read: then it stops that channel.
    Stopping(u64),
}

/// A stream beside the messages: so many bytes, and whether it is reset instead of finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Bytes that are written.
    pub bytes: u64,
    /// Whether what is not delivered by then is given up.
    pub resets: bool,
}

/// What one side does on a connection.
#[derive(Clone, Debug)]
pub struct MessagePlan {
    /// Decides lengths, keys, deadlines and what is taken back.
    pub seed: u64,
    /// Channels that it opens.
    pub channels: Vec<Sending>,
    /// What it sends on the urgent channel.
    pub urgent: Option<Sending>,
    /// What it sends on each channel that the peer opened, whatever its mode; nothing: it ends its half.
    pub answer: Option<Sending>,
    /// Streams that it opens.
    pub streams: Vec<Beside>,
    /// When it reads.
    pub reading: Reading,
    /// What goes beside new messages from the beginning on.
    pub repair: Pattern,
    /// When it closes the connection; the count of [`Closing::Done`] is one of channels, the urgent
    /// one included.
    pub close: Closing,
}

impl Default for MessagePlan {
    fn default() -> Self {
        Self {
            seed: 0,
            channels: Vec::new(),
            urgent: None,
            answer: None,
            streams: Vec::new(),
            reading: Reading::Always,
            repair: Pattern::OFF,
            close: Closing::Never,
        }
    }
}
