//! The receivers of Unreliable and Latest channels: without credit, so what nobody reads is dropped.

use super::ChannelStats;
use super::partial::Partials;
use crate::ranges::RangeSet;
use std::collections::{BTreeMap, VecDeque};

/// How many numbers below the highest one an Unreliable channel tells apart; older ones are dropped.
pub(super) const SEEN: u64 = 1024;

/// The receiver of an Unreliable channel.
#[derive(Debug)]
pub(super) struct Volatile {
    /// Of the last [`SEEN`] numbers: complete.
    seen: RangeSet,
    /// The number behind the highest one seen.
    beyond: u64,
    partials: Partials,
    /// Messages by number, in the order in which they came.
    ready: VecDeque<(u64, Box<[u8]>)>,
    end: Option<u64>,
    is_discarding: bool,
    stats: ChannelStats,
}

/// The receiver of a Latest channel.
#[derive(Debug)]
pub(super) struct Freshest {
    keys: BTreeMap<Option<u64>, Seen>,
    /// Keys with an unread message, in the order in which they came.
    order: VecDeque<Option<u64>>,
    /// A key that is not known is taken from here on only: so that none goes back after it was
    /// forgotten.
    floor: u64,
    /// The number behind the highest one seen.
    beyond: u64,
    partials: Partials,
    end: Option<u64>,
    is_discarding: bool,
    stats: ChannelStats,
}

/// The newest complete message of a key.
#[derive(Debug)]
struct Seen {
    number: u64,
    /// Until it is read.
    unread: Option<Box<[u8]>>,
}
