//! Selective repeat: a window of frames is on its way, each with its own timer and its own
//! acknowledgement; the receiver keeps what comes early, so that only the lost is sent again.

use super::protocol::{Receiver, Sender, Settings};
use crate::time::Instant;
use std::collections::{BTreeSet, VecDeque};

/// A payload on its way; an acknowledged one stays until all before it are acknowledged too.
#[derive(Debug)]
struct Slot {
    payload: Vec<u8>,
    sent_at: Instant,
    is_acknowledged: bool,
}

/// Sends a window ahead and repeats each frame that times out.
#[derive(Debug)]
pub(super) struct SelectiveRepeatSender {
    settings: Settings,
    /// The number of the oldest payload, which is the first in `queue`.
    base: u32,
    queue: VecDeque<Slot>,
    /// How many of the queue were sent at least once.
    sent: usize,
    /// Those that are sent and not acknowledged, by the time of their last sending.
    timers: BTreeSet<(Instant, u32)>,
    /// Not before this.
    free_at: Instant,
}

impl SelectiveRepeatSender {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            base: 0,
            queue: VecDeque::new(),
            sent: 0,
            timers: BTreeSet::new(),
            free_at: Instant::ZERO,
        }
    }

    fn expiry(&self) -> Option<Instant> {
        self.timers.first().map(|(sent_at, _)| *sent_at + self.settings.timeout)
    }

    fn may_send_new(&self) -> bool {
        self.sent < self.queue.len().min(self.settings.window.max(1) as usize)
    }

    /// Which of the queue to send now: what has timed out, or else the next new one.
    fn choose(&mut self, now: Instant) -> Option<usize> {
        if self.expiry().is_some_and(|at| at <= now) {
            let (_, number) = self.timers.pop_first()?;
            return Some(number.wrapping_sub(self.base) as usize);
        }
        self.may_send_new().then(|| {
            self.sent += 1;
            self.sent - 1
        })
    }
}

impl Sender for SelectiveRepeatSender {
    fn push(&mut self, payload: Vec<u8>) {
        self.queue.push_back(Slot { payload, sent_at: Instant::ZERO, is_acknowledged: false });
    }

    fn on_ack(&mut self, number: u32) {
        let index = number.wrapping_sub(self.base) as usize;
        let Some(slot) = self.queue.get_mut(index).filter(|_| index < self.sent) else { return };
        slot.is_acknowledged = true;
        self.timers.remove(&(slot.sent_at, number));
        while self.queue.pop_front_if(|slot| slot.is_acknowledged).is_some() {
            self.base = self.base.wrapping_add(1);
            self.sent -= 1;
        }
    }

    fn next(&mut self, now: Instant) -> Option<(u32, &[u8])> {
        if self.free_at > now {
            return None;
        }
        let index = self.choose(now)?;
        let number = self.base.wrapping_add(index as u32);
        let slot = self.queue.get_mut(index)?;
        slot.sent_at = now;
        self.timers.insert((now, number));
        self.free_at = now + self.settings.spacing;
        Some((number, &slot.payload))
    }

    fn deadline(&self) -> Option<Instant> {
        let new = self.may_send_new().then_some(self.free_at);
        let again = self.expiry().map(|at| at.max(self.free_at));
        [new, again].into_iter().flatten().min()
    }

    fn pending(&self) -> usize {
        self.queue.iter().filter(|slot| !slot.is_acknowledged).count()
    }
}

/// Keeps what comes early and acknowledges each frame by its own number.
#[derive(Debug)]
pub(super) struct SelectiveRepeatReceiver {
    window: usize,
    expected: u32,
    /// What has come of `expected` and the numbers after it.
    early: VecDeque<Option<Vec<u8>>>,
    ready: VecDeque<Vec<u8>>,
}

impl SelectiveRepeatReceiver {
    pub(super) fn new(settings: Settings) -> Self {
        let window = settings.window.max(1) as usize;
        Self { window, expected: 0, early: VecDeque::new(), ready: VecDeque::new() }
    }
}

impl Receiver for SelectiveRepeatReceiver {
    fn on_data(&mut self, number: u32, payload: &[u8]) -> Option<u32> {
        let ahead = number.wrapping_sub(self.expected) as usize;
        if ahead >= self.window {
            // Taken before, and its acknowledgement was lost; or nobody's, and then it is not ours.
            let behind = self.expected.wrapping_sub(number) as usize;
            return (behind <= self.window).then_some(number);
        }
        if self.early.len() <= ahead {
            self.early.resize(ahead + 1, None);
        }
        if let Some(place) = self.early.get_mut(ahead) {
            place.get_or_insert_with(|| payload.to_vec());
        }
        while let Some(Some(payload)) = self.early.pop_front_if(|place| place.is_some()) {
            self.ready.push_back(payload);
            self.expected = self.expected.wrapping_add(1);
        }
        Some(number)
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }
}
