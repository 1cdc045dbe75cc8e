//! The events to come, in order of time and, at one time, of their making.

use super::host::HostId;
use super::topology::LinkId;
use crate::time::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Something that happens at a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A datagram, by its key among those in flight, comes to the end of a link.
    Arrival(usize),
    /// A host asked to be polled, and may have changed its mind since.
    WakeUp(HostId),
    /// A link that holds datagrams may let some go.
    Release(LinkId),
}

/// A priority queue in which the sequence number breaks every tie.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    heap: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    made: u64,
}

impl Schedule {
    pub(super) fn push(&mut self, at: Instant, event: Event) {
        self.heap.push(Reverse((at, self.made, event)));
        self.made += 1;
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    pub(super) fn pop(&mut self) -> Option<(Instant, Event)> {
        self.heap.pop().map(|Reverse((at, _, event))| (at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_break_in_the_order_of_making() {
        let mut schedule = Schedule::default();
        let (now, later) = (Instant::from_millis(1), Instant::from_millis(2));
        schedule.push(later, Event::Arrival(0));
        for key in [9, 3, 7] {
            schedule.push(now, Event::Arrival(key));
        }
        assert_eq!(schedule.next_at(), Some(now));
        let order: Vec<_> = std::iter::from_fn(|| schedule.pop()).map(|(_, event)| event).collect();
        assert_eq!(order, [9, 3, 7, 0].map(Event::Arrival));
    }
}
