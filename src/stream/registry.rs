//! Which numbers were opened, which are over, which is next: for streams, and for whatever else both
//! sides open by number.

use super::Violation;
use super::credit::{Exceeded, RecvCredit, SendCredit};
use crate::ranges::RangeSet;
use crate::wire::MAX_VARINT;
use std::ops::Range;

/// Numbers of several classes, counted apart within each: of streams there are two, one for each side
/// that opens. Those of a class are opened in order, and opening one opens all below (RFC 9000 §2.1);
/// so a count says which were opened. How many each side may open is counted for all its classes
/// together.
#[derive(Debug)]
pub(super) struct Registry<const CLASSES: usize> {
    /// How many were opened.
    opened: [u64; CLASSES],
    /// Indices of those that are over; by what is not in them at most one range more than are open.
    closed: [RangeSet; CLASSES],
    /// Index of the one that is accepted next.
    next_accept: [u64; CLASSES],
    /// How many we may open.
    send_credit: SendCredit,
    /// An `open` was refused since.
    was_refused: bool,
    /// How many the peer may open.
    pub(super) recv_credit: RecvCredit,
}

impl<const CLASSES: usize> Registry<CLASSES> {
    /// The largest number of one class: one more would have an id that no frame can carry.
    pub(super) const MAX_COUNT: u64 = MAX_VARINT / CLASSES as u64;

    /// With those opened, and known to both applications, that every connection has.
    pub(super) fn new(
        opened: [u64; CLASSES],
        send_credit: SendCredit,
        recv_credit: RecvCredit,
    ) -> Self {
        Self {
            opened,
            closed: std::array::from_fn(|_| RangeSet::new()),
            next_accept: opened,
            send_credit,
            was_refused: false,
            recv_credit,
        }
    }

    /// Opens the next one of a class of ours, if the peer's limit allows: its index.
    pub(super) fn open(&mut self, class: usize) -> Option<u64> {
        if self.send_credit.available() == 0 {
            self.was_refused = true;
            return None;
        }
        self.send_credit.take(1);
        let index = self.opened[class];
        self.opened[class] += 1;
        Some(index)
    }

    /// Takes the peer's limit for ours; returns whether an `open` that was refused succeeds now.
    pub(super) fn raise_limit(&mut self, limit: u64) -> bool {
        self.send_credit.raise(limit.min(Self::MAX_COUNT)) && std::mem::take(&mut self.was_refused)
    }

    /// The next one of a class of the peer's that it opened and that is not over.
    pub(super) fn accept(&mut self, class: usize) -> Option<u64> {
        while self.next_accept[class] < self.opened[class] {
            let index = self.next_accept[class];
            self.next_accept[class] += 1;
            if !self.closed[class].contains(index) {
                return Some(index);
            }
        }
        None
    }

    /// The peer speaks of one of a class of its own: returns the indices that it opens by that.
    pub(super) fn open_by_peer(
        &mut self,
        class: usize,
        index: u64,
    ) -> Result<Range<u64>, Violation> {
        let opened = self.opened[class];
        if index < opened {
            return Ok(opened..opened);
        }
        let more = index - opened + 1;
        self.recv_credit.check(more).map_err(|Exceeded| Violation::StreamLimit)?;
        self.recv_credit.charge(more);
        self.opened[class] = index + 1;
        Ok(opened..index + 1)
    }

    /// Whether it was opened.
    pub(super) const fn is_opened(&self, class: usize, index: u64) -> bool {
        index < self.opened[class]
    }

    /// Whether it was opened and is over.
    pub(super) fn is_closed(&self, class: usize, index: u64) -> bool {
        self.closed[class].contains(index)
    }

    /// Whether it was opened and is not over.
    pub(super) fn is_open(&self, class: usize, index: u64) -> bool {
        self.is_opened(class, index) && !self.is_closed(class, index)
    }

    /// It is over, which makes room for another one if the peer had opened it.
    pub(super) fn close(&mut self, class: usize, index: u64, is_peers: bool) {
        self.closed[class].insert(index..index + 1);
        if is_peers {
            self.recv_credit.take(1);
        }
    }

    /// Those of a class that are open.
    pub(super) fn open_indices(&self, class: usize) -> impl Iterator<Item = u64> + '_ {
        self.closed[class].gaps(0..self.opened[class]).flatten()
    }
}
