//! The sender of Latest channels: of each key one message under way, and one that waits.

use super::outgoing::End;
use super::slot::Slot;
use super::{ChannelStats, Outbound};
use std::collections::{BTreeMap, VecDeque};

/// Keys, at most [`super::MAX_KEYS`], and whose turn it is.
#[derive(Debug)]
pub(super) struct Newest {
    keys: BTreeMap<Option<u64>, Key>,
    /// Keys that have something to send.
    order: VecDeque<Option<u64>>,
    /// The next message's number.
    next: u64,
    end: End,
    outbound: Outbound,
    stats: ChannelStats,
}

/// Messages by number.
#[derive(Debug, Default)]
struct Key {
    /// Begun and not settled.
    current: Option<(u64, Slot)>,
    /// Newer, and not begun.
    pending: Option<(u64, Slot)>,
}
