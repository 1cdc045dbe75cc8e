//! Stop-and-wait: one frame is on its way at a time. Its acknowledgement, or a timeout, moves it on.

use super::protocol::{Receiver, Sender, Settings};
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// Sends one frame again and again until it is acknowledged.
#[derive(Debug)]
pub(super) struct StopAndWaitSender {
    timeout: Duration,
    /// The number of the payload at the front.
    number: u32,
    queue: VecDeque<Vec<u8>>,
    /// When the payload at the front was sent last.
    sent_at: Option<Instant>,
}

impl StopAndWaitSender {
    pub(super) fn new(settings: Settings) -> Self {
        Self { timeout: settings.timeout, number: 0, queue: VecDeque::new(), sent_at: None }
    }
}

impl Sender for StopAndWaitSender {
    fn push(&mut self, payload: Vec<u8>) {
        self.queue.push_back(payload);
    }

    fn on_ack(&mut self, number: u32) {
        if number == self.number && self.sent_at.take().is_some() {
            self.queue.pop_front();
            self.number = self.number.wrapping_add(1);
        }
    }

    fn next(&mut self, now: Instant) -> Option<(u32, &[u8])> {
        if self.deadline()? > now {
            return None;
        }
        self.sent_at = Some(now);
        Some((self.number, self.queue.front()?))
    }

    fn deadline(&self) -> Option<Instant> {
        self.queue.front()?;
        Some(self.sent_at.map_or(Instant::ZERO, |at| at + self.timeout))
    }

    fn pending(&self) -> usize {
        self.queue.len()
    }
}

/// Takes each frame once and acknowledges every one.
#[derive(Debug, Default)]
pub(super) struct StopAndWaitReceiver {
    expected: u32,
    ready: VecDeque<Vec<u8>>,
}

impl Receiver for StopAndWaitReceiver {
    fn on_data(&mut self, number: u32, payload: &[u8]) -> Option<u32> {
        if number == self.expected {
            self.ready.push_back(payload.to_vec());
            self.expected = self.expected.wrapping_add(1);
        }
        Some(number)
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }
}
