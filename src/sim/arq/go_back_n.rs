//! Go-back-N: a window of frames is on its way; the receiver takes them in order only, so that after
//! a loss all that followed was in vain and is sent again.

use super::protocol::{Receiver, Sender, Settings};
use crate::time::Instant;
use std::collections::VecDeque;

/// A payload, and when it was sent last.
#[derive(Debug)]
struct Slot {
    payload: Vec<u8>,
    sent_at: Instant,
}

/// Sends a window ahead, and when its oldest frame times out, the window again.
#[derive(Debug)]
pub(super) struct GoBackNSender {
    settings: Settings,
    /// The number of the oldest payload, which is the first in `queue`.
    base: u32,
    queue: VecDeque<Slot>,
    /// How many of the queue were sent since the sender last went back.
    sent: usize,
    /// Not before this.
    free_at: Instant,
}

impl GoBackNSender {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, base: 0, queue: VecDeque::new(), sent: 0, free_at: Instant::ZERO }
    }

    fn expiry(&self) -> Option<Instant> {
        let oldest = self.queue.front().filter(|_| self.sent > 0)?;
        Some(oldest.sent_at + self.settings.timeout)
    }

    fn may_send(&self) -> bool {
        self.sent < self.queue.len().min(self.settings.window.max(1) as usize)
    }
}

impl Sender for GoBackNSender {
    fn push(&mut self, payload: Vec<u8>) {
        self.queue.push_back(Slot { payload, sent_at: Instant::ZERO });
    }

    /// `number` is the frame that the receiver expects next: all before it have arrived.
    fn on_ack(&mut self, number: u32) {
        let news = number.wrapping_sub(self.base) as usize;
        // What was sent before going back may still be acknowledged, so the queue is the measure.
        if news <= self.queue.len().min(self.settings.window.max(1) as usize) {
            self.queue.drain(..news);
            self.sent = self.sent.saturating_sub(news);
            self.base = number;
        }
    }

    fn next(&mut self, now: Instant) -> Option<(u32, &[u8])> {
        if self.expiry().is_some_and(|at| at <= now) {
            self.sent = 0;
        }
        if !self.may_send() || self.free_at > now {
            return None;
        }
        let number = self.base.wrapping_add(self.sent as u32);
        let slot = self.queue.get_mut(self.sent)?;
        slot.sent_at = now;
        self.sent += 1;
        self.free_at = now + self.settings.spacing;
        Some((number, &slot.payload))
    }

    fn deadline(&self) -> Option<Instant> {
        let next = self.may_send().then_some(self.free_at);
        [next, self.expiry()].into_iter().flatten().min()
    }

    fn pending(&self) -> usize {
        self.queue.len()
    }
}

/// Takes what is in order, throws the rest away, and always says which frame it expects.
#[derive(Debug, Default)]
pub(super) struct GoBackNReceiver {
    expected: u32,
    ready: VecDeque<Vec<u8>>,
}

impl Receiver for GoBackNReceiver {
    fn on_data(&mut self, number: u32, payload: &[u8]) -> Option<u32> {
        if number == self.expected {
            self.ready.push_back(payload.to_vec());
            self.expected = self.expected.wrapping_add(1);
        }
        Some(self.expected)
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }
}
