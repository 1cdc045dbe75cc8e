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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Two classes of each side, ours the even ones; of class 1 one is there from the beginning.
    fn registry(ours: u64, theirs: u64) -> Registry<4> {
        Registry::new([0, 1, 0, 0], SendCredit::new(ours), RecvCredit::new(theirs, 1))
    }

    #[test]
    fn ours_are_opened_in_order_and_counted_for_all_classes_together() {
        let mut it = registry(3, 0);
        assert_eq!([it.open(0), it.open(2), it.open(0)], [Some(0), Some(0), Some(1)]);
        assert_eq!((it.open(0), it.open(2)), (None, None));
        assert!(!it.raise_limit(3));
        assert!(it.raise_limit(4), "an open was refused");
        assert_eq!((it.open(2), it.open(2)), (Some(1), None));
        // What is over and was ours makes no room: the peer says how many.
        it.close(0, 0, false);
        assert_eq!(it.open(0), None);
        assert_eq!(it.open_indices(0).collect::<Vec<_>>(), [1]);
        assert!(it.raise_limit(5));
        it.raise_limit(u64::MAX);
        assert!(!it.raise_limit(u64::MAX), "nothing was refused since");
        assert_eq!(it.send_credit.available(), Registry::<4>::MAX_COUNT - 4);
    }

    #[test]
    fn naming_one_opens_all_below_and_each_is_accepted_once() {
        let mut it = registry(0, 4);
        assert_eq!(it.open_by_peer(1, 0), Ok(1..1), "it is there, and takes no credit");
        assert_eq!(it.accept(1), None, "and both know");
        assert_eq!(it.open_by_peer(1, 3), Ok(1..4));
        assert_eq!(it.open_by_peer(1, 2), Ok(4..4));
        assert_eq!(it.accept(1), Some(1));
        it.close(1, 2, true);
        assert_eq!((it.accept(1), it.accept(1)), (Some(3), None));
        // One is left of four; one that is over makes room once it is advertised.
        assert_eq!(it.open_by_peer(3, 1), Err(Violation::StreamLimit));
        assert_eq!(it.open_by_peer(3, 0), Ok(0..1));
        assert_eq!(it.open_by_peer(3, 1), Err(Violation::StreamLimit));
        assert!(it.recv_credit.wants_update());
        assert_eq!(it.recv_credit.advertise(), 5);
        assert_eq!(it.open_by_peer(3, 1), Ok(1..2));
        assert_eq!(it.open_by_peer(3, u64::MAX - 1), Err(Violation::StreamLimit));
    }

    proptest! {
        /// Against sets of numbers.
        #[test]
        fn knows_what_was_opened_and_what_is_over(
            ops in prop::collection::vec((0..3u8, 0..4usize, 0..12u64), 0..200),
        ) {
            let mut it = registry(1 << 20, 20);
            let mut opened: [BTreeSet<u64>; 4] = Default::default();
            opened[1].insert(0);
            let mut closed = opened.clone().map(|_| BTreeSet::new());
            let (mut known, mut limit) = (0, 20);
            for (op, class, index) in ops {
                let is_peers = class % 2 == 1;
                match op {
                    0 if is_peers => {
                        let news: Vec<_> =
                            (0..=index).filter(|i| !opened[class].contains(i)).collect();
                        if known + news.len() as u64 <= limit {
                            known += news.len() as u64;
                            let range = it.open_by_peer(class, index).unwrap();
                            prop_assert_eq!(range.collect::<Vec<_>>(), news.clone());
                            opened[class].extend(news);
                        } else {
                            let refused = it.open_by_peer(class, index);
                            prop_assert_eq!(refused, Err(Violation::StreamLimit));
                        }
                    }
                    0 => {
                        let index = it.open(class).unwrap();
                        prop_assert!(opened[class].insert(index));
                    }
                    1 if it.is_open(class, index) && (class, index) != (1, 0) => {
                        it.close(class, index, is_peers);
                        closed[class].insert(index);
                        limit = it.recv_credit.advertise();
                    }
                    _ => {
                        prop_assert_eq!(it.is_opened(class, index), opened[class].contains(&index));
                        prop_assert_eq!(it.is_closed(class, index), closed[class].contains(&index));
                        let open: Vec<_> = opened[class].difference(&closed[class]).copied().collect();
                        prop_assert_eq!(it.is_open(class, index), open.contains(&index));
                        prop_assert_eq!(it.open_indices(class).collect::<Vec<_>>(), open);
                    }
                }
                let over: usize = [1, 3].iter().map(|c: &usize| closed[*c].len()).sum();
                prop_assert!(limit <= 20 + over as u64);
            }
        }
    }
}
