//! When the next of many connections wants to be polled.

use super::Handle;
use crate::time::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A heap of wake-ups. A connection whose deadline moves later leaves its entry where it is and is
/// asked again when that comes up, so that an acknowledgement costs no work here.
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
}
