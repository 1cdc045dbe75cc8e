//! Datagrams that wait with their bytes, in the order in which they came.

use crate::impair::link::Parcel;
use crate::time::Instant;
use std::collections::VecDeque;

/// A datagram that waits until its discipline has decided about it.
#[derive(Clone, Debug)]
pub(in crate::impair) struct Parked {
    pub(in crate::impair) parcel: Parcel,
    /// Its number among all that were sent into the link.
    pub(in crate::impair) ordinal: u64,
    /// Its bytes on the wire.
    pub(in crate::impair) bytes: u64,
    pub(in crate::impair) arrived: Instant,
    pub(in crate::impair) is_marked: bool,
}

#[derive(Clone, Debug, Default)]
pub(in crate::impair) struct Fifo {
    waiting: VecDeque<Parked>,
    bytes: u64,
}

impl Fifo {
    pub(super) fn push(&mut self, parked: Parked) {
        self.bytes = self.bytes.saturating_add(parked.bytes);
        self.waiting.push_back(parked);
    }

    pub(super) fn pop(&mut self) -> Option<Parked> {
        let parked = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(parked.bytes);
        Some(parked)
    }

    pub(super) fn packets(&self) -> u64 {
        self.waiting.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When that came which has waited longest.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.waiting.front().map(|parked| parked.arrived)
    }
}
