//! When the next of many connections wants to be polled.

use super::Handle;
use crate::time::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Entries that are kept at least, and for each connection: what is above that is cleared of those that
/// stand for nothing any more.
const MIN_ENTRIES: usize = 64;
const MAX_ENTRIES_EACH: usize = 4;

/// A heap of wake-ups. A connection whose deadline moves later leaves its entry where it is until that is
/// the first one, so that most acknowledgements cost no work here.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BinaryHeap<Reverse<(Instant, Handle)>>);

impl Deadlines {
    pub(super) fn push(&mut self, at: Instant, handle: Handle) {
        self.0.push(Reverse((at, handle)));
    }

    /// The earliest entry.
    pub(super) fn peek(&self) -> Option<(Instant, Handle)> {
        self.0.peek().map(|Reverse(entry)| *entry)
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    /// Whether there are so many entries for so many connections that most of them must be stale: a
    /// deadline that moves earlier leaves the later one behind.
    pub(super) fn is_crowded(&self, connections: usize) -> bool {
        self.0.len() > MIN_ENTRIES + connections * MAX_ENTRIES_EACH
    }

    pub(super) fn retain(&mut self, mut is_live: impl FnMut(Instant, Handle) -> bool) {
        self.0.retain(|Reverse((at, handle))| is_live(*at, *handle));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
