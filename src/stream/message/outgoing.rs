//! The sender of Ordered, Unordered and Unreliable channels.

use super::skips::Skips;
use super::slot::Slot;
use super::{ChannelStats, Outbound};
use crate::ranges::RangeSet;
use crate::stream::credit::SendCredit;
use std::collections::VecDeque;

/// Messages in the order of their numbers, until they are settled.
#[derive(Debug)]
pub(super) struct Outgoing {
    slots: VecDeque<Slot>,
    /// The number of the first slot: all below are settled.
    base: u64,
    /// The lowest number never begun.
    begun: u64,
    /// Begun numbers with something lost.
    resend: RangeSet,
    /// How many are begun, unsettled and longer than a packet.
    partly: u32,
    /// What the messages that are not begun cost.
    queued: u64,
    /// This channel's; unused on Unreliable ones.
    credit: SendCredit,
    skips: Skips,
    end: End,
    outbound: Outbound,
    stats: ChannelStats,
    is_reliable: bool,
}

/// How far the sending half is with ending, by the number behind its last message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
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
