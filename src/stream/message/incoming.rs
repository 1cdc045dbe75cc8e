//! The receiver of Ordered and Unordered channels.

use super::ChannelStats;
use super::partial::Partials;
use crate::ranges::RangeSet;
use crate::stream::credit::RecvCredit;
use std::collections::{BTreeMap, VecDeque};

/// Numbers until they are settled, messages until they are read.
#[derive(Debug)]
pub(super) struct Incoming {
    /// All below are settled, and on an Ordered channel in `ready` or read.
    next: u64,
    /// From `next` on: complete or skipped.
    settled: RangeSet,
    /// The number behind the highest one seen: numbers are expanded with it, and END may not be below.
    beyond: u64,
    partials: Partials,
    /// Ordered: what is settled behind a gap, by (first) number.
    waiting: BTreeMap<u64, Item>,
    /// To be read, in this order.
    ready: VecDeque<Item>,
    /// This channel's.
    credit: RecvCredit,
    /// Where the peer has ended it.
    end: Option<u64>,
    is_discarding: bool,
    is_ordered: bool,
    /// Then the connection's credit is not touched.
    is_urgent: bool,
    stats: ChannelStats,
}

#[derive(Debug)]
enum Item {
    Message {
        number: u64,
        data: Box<[u8]>,
    },
    /// So many messages will not come.
    Gap(u64),
}
