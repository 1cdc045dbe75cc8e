//! When messages expire: the only thing about messages that needs a clock.

use crate::stream::Unsettled;
use crate::time::{Duration, Instant};
use crate::wire::ChannelId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Entries that may be kept of messages that are settled, beside as many as were left last time.
const SLACK: usize = 64;

/// A message that is to be given up at an instant unless it is settled by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Expiry {
    at: Instant,
    pub(super) id: ChannelId,
    pub(super) number: u64,
    is_unsent: bool,
}

impl Expiry {
    /// Which messages it is about: any, or one of which nothing was sent.
    pub(super) const fn which(&self) -> Unsettled {
        if self.is_unsent { Unsettled::Unsent } else { Unsettled::Any }
    }
}

/// The expiries of all messages, earliest first, and how long those of a channel may be queued.
#[derive(Debug, Default)]
pub(super) struct Expiries {
    heap: BinaryHeap<Reverse<Expiry>>,
    /// As many were of use when it was last looked at them all.
    live: usize,
    /// Of the channels that were told one.
    delays: BTreeMap<ChannelId, Option<Duration>>,
}

impl Expiries {
    /// A message is to be given up at `at`; with [`Unsettled::Unsent`] only if nothing of it was sent.
    pub(super) fn push(&mut self, at: Instant, id: ChannelId, number: u64, which: Unsettled) {
        let is_unsent = which == Unsettled::Unsent;
        self.heap.push(Reverse(Expiry { at, id, number, is_unsent }));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(expiry)| expiry.at)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Expiry> {
        self.heap.peek().filter(|Reverse(expiry)| expiry.at <= now)?;
        self.heap.pop().map(|Reverse(expiry)| expiry)
    }

    /// Forgets what is settled: at the front always, so that nothing is woken up for, elsewhere once it
    /// is more than half of all.
    pub(super) fn forget(&mut self, is_pending: impl Fn(&Expiry) -> bool) {
        while self.heap.peek().is_some_and(|Reverse(expiry)| !is_pending(expiry)) {
            self.heap.pop();
        }
        if self.heap.len() > 2 * self.live + SLACK {
            self.heap.retain(|Reverse(expiry)| is_pending(expiry));
            self.live = self.heap.len();
        }
    }

    /// How long messages of this channel may wait before any of them is sent; `usual` if it was not
    /// told.
    pub(super) fn delay(&self, id: ChannelId, usual: Option<Duration>) -> Option<Duration> {
        self.delays.get(&id).copied().unwrap_or(usual)
    }

    /// Tells it. Channels that are over are forgotten.
    pub(super) fn set_delay(
        &mut self,
        id: ChannelId,
        delay: Option<Duration>,
        is_open: impl Fn(ChannelId) -> bool,
    ) {
        self.delays.retain(|id, _| is_open(*id));
        self.delays.insert(id, delay);
    }

    /// Nothing expires any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Mode, Side};
    use std::collections::BTreeSet;

    fn id() -> ChannelId {
        ChannelId::new(Side::Client, Mode::Ordered, 0)
    }

    #[test]
    fn what_is_due_comes_in_order_and_what_is_settled_wakes_nobody() {
        let mut expiries = Expiries::default();
        let at = Instant::from_millis;
        for (ms, number) in [(30, 3), (10, 1), (20, 2), (40, 4)] {
            expiries.push(at(ms), id(), number, Unsettled::Any);
        }
        assert!(expiries.pop_due(at(9)).is_none());
        assert_eq!(expiries.pop_due(at(10)).map(|e| e.number), Some(1));
        expiries.forget(|e| e.number != 2);
        assert_eq!(expiries.next(), Some(at(30)));
        assert!(expiries.pop_due(at(29)).is_none());
        assert_eq!(expiries.pop_due(at(99)).map(|e| e.number), Some(3));
        expiries.forget(|_| false);
        assert_eq!(expiries.next(), None);
    }

    /// A million messages that are settled long before their deadline do not pile up behind one that
    /// is not.
    #[test]
    fn settled_messages_are_forgotten_behind_one_that_is_not() {
        let mut expiries = Expiries::default();
        let mut pending = BTreeSet::from([0]);
        expiries.push(Instant::from_millis(0), id(), 0, Unsettled::Any);
        for number in 1..10_000 {
            pending.insert(number);
            expiries.push(Instant::from_millis(number), id(), number, Unsettled::Any);
            if number > 10 {
                pending.remove(&(number - 10));
            }
            expiries.forget(|e| pending.contains(&e.number));
            assert!(expiries.heap.len() <= 2 * 11 + SLACK + 1, "{}", expiries.heap.len());
        }
        assert_eq!(expiries.next(), Some(Instant::from_millis(0)));
    }

    #[test]
    fn delays_of_channels_that_are_over_are_forgotten() {
        let mut expiries = Expiries::default();
        let ids = (0..5).map(|n| ChannelId::new(Side::Client, Mode::Unreliable, n));
        for id in ids {
            expiries.set_delay(id, None, |other| other.index() >= 3);
        }
        assert_eq!(expiries.delays.len(), 2);
    }
}
