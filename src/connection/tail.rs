//! Tails: what was lost, was sent again and has nothing behind it is sent a third time soon after, where
//! many packets are lost: if the second one is lost too, only a timer would notice.

use super::Connection;
use super::timer::Timer;
use crate::stream::Content;
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// Losses that are remembered; of more at once, nothing is a tail.
const MAX_WAITING: usize = 64;
/// Bounds of how long after the second time the third one comes: spells of loss are that short, or
/// nothing helps.
const MIN_DELAY: Duration = Duration::from_millis(5);
const MAX_DELAY: Duration = Duration::from_millis(20);

/// How long after a loss is known its data are sent for the third time.
fn delay(srtt: Duration) -> Duration {
    (srtt / 8).clamp(MIN_DELAY, MAX_DELAY)
}

/// The losses that were lately found.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// When what is found now is due; `None`: it is not.
    due: Option<Instant>,
    waiting: VecDeque<(Instant, Content)>,
}

impl Tail {
    /// What is found lost from now on is due then, or not at all.
    pub(super) const fn set_due(&mut self, due: Option<Instant>) {
        self.due = due;
    }

    /// This was found lost, and is sent again.
    pub(super) fn on_lost(&mut self, content: &Content) {
        let is_data = matches!(content, Content::Data { .. } | Content::Message { .. });
        let Some(due) = self.due.filter(|_| is_data) else { return };
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((due, content.clone()));
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.front().map(|(at, _)| *at)
    }

    /// What is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Content> {
        self.waiting.pop_front_if(|(at, _)| *at <= now).map(|(_, content)| content)
    }
}

impl Connection {
    /// Losses may be found now: says what is to become of them.
    pub(super) fn expect_losses(&mut self, now: Instant) {
        let is_wanted = self.thin.loss.wants_tails(self.config.redundancy);
        let srtt = self.recovery.rtt().smoothed();
        self.thin.tail.set_due(is_wanted.then(|| now + delay(srtt)));
    }

    /// Losses were looked for: comes back for those that were found.
    pub(super) fn await_tail(&mut self) {
        if let Some(at) = self.thin.tail.next() {
            self.timers.set_earlier(Timer::Tail, at);
        }
    }

    /// Sends for the third time what is due, unless something else follows what was sent for the second.
    pub(super) fn repeat_tail(&mut self, now: Instant) {
        let view = self.view();
        let is_tail = !self.streams.wants_to_send()
            && !self.thin.cadence.is_steady()
            && self.thin.loss.is_clear(now, &view);
        while let Some(content) = self.thin.tail.pop_due(now) {
            if is_tail {
                self.streams.repeat(&content);
            }
        }
        self.await_tail();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::StreamId;

    #[test]
    fn losses_are_due_in_their_order_and_only_while_wanted() {
        let at = Instant::from_millis;
        let data = |n| Content::Data { id: StreamId(n), range: 0..1, fin: false, copy: 0 };
        let mut tail = Tail::default();
        tail.on_lost(&data(0));
        tail.set_due(Some(at(7)));
        tail.on_lost(&data(4));
        tail.on_lost(&Content::MaxData);
        tail.set_due(Some(at(9)));
        tail.on_lost(&data(8));
        assert_eq!(tail.next(), Some(at(7)));
        assert_eq!(tail.pop_due(at(6)), None);
        assert_eq!(tail.pop_due(at(8)), Some(data(4)));
        assert_eq!((tail.pop_due(at(8)), tail.next()), (None, Some(at(9))));
        for n in 0..2 * MAX_WAITING as u64 {
            tail.on_lost(&data(n));
        }
        assert_eq!(tail.waiting.len(), MAX_WAITING);
    }
}
