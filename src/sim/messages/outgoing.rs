//! One channel's way out: what is sent on it, and what is told of that.

use super::plan::Sending;
use crate::connection::{ChannelConfig, Connection, SendOptions};
use crate::rng::Rng;
use crate::stream::{OpenError, Outcome, SendError};
use crate::time::{Duration, Instant};
use crate::wire::{ChannelId, Side};
use std::collections::BTreeMap;

/// After a message was refused for good, the next one follows after this much time.
const AFTER_REFUSAL: Duration = Duration::from_millis(10);
/// Cancelled is one of the last so many.
const RECENT: u64 = 16;

/// A message that the channel took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// When.
    pub at: Instant,
    /// Its bytes.
    pub len: usize,
    /// Its key.
    pub key: Option<u64>,
    /// From when on nothing of it may be sent.
    pub expires: Option<Instant>,
    /// From when on nothing of it may be sent if nothing was before.
    pub begins_before: Option<Instant>,
    /// Whether it may have been given up for another reason: cancelled, or a limit of retransmissions.
    pub is_dispensable: bool,
}

/// What a side sends on one channel.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what was told and what was done, each by itself"
)]
pub struct MessageSender {
    /// The channel, once it is open.
    pub id: Option<ChannelId>,
    /// What was taken, by number.
    pub accepted: Vec<Accepted>,
    /// Messages that were refused because the queue was full.
    pub refused: u64,
    /// What was told of messages that asked.
    pub receipts: BTreeMap<u64, Outcome>,
    /// Messages that asked.
    pub asked: u64,
    /// The peer wanted no more.
    pub is_stopped: bool,
    /// All is sent, and the channel was ended if it was to be.
    pub is_done: bool,
    /// It was told that all of the ended channel is settled.
    pub is_settled: bool,
    plan: Sending,
    offers: u64,
    /// The message that waits to be taken.
    offer: Option<(usize, SendOptions)>,
    next_at: Instant,
    /// Nothing is tried before word comes that it can succeed.
    is_blocked: bool,
}

impl MessageSender {
    pub(super) fn new(now: Instant, plan: Sending) -> Self {
        Self {
            id: None,
            accepted: Vec::new(),
            refused: 0,
            receipts: BTreeMap::new(),
            asked: 0,
            is_stopped: false,
            is_done: false,
            is_settled: false,
            plan,
            offers: 0,
            offer: None,
            next_at: now,
            is_blocked: false,
        }
    }

    /// The same on a channel that is there already.
    pub(super) fn on(now: Instant, id: ChannelId, plan: &Sending) -> Self {
        Self { id: Some(id), ..Self::new(now, plan.over(id.mode())) }
    }

    /// The terms on which it sends.
    pub const fn config(&self) -> &ChannelConfig {
        &self.plan.config
    }

    /// The connection is there: the first message is due.
    pub(super) const fn begin(&mut self, now: Instant) {
        self.next_at = now;
    }

    /// What was blocked may be tried again.
    pub(super) const fn unblock(&mut self) {
        self.is_blocked = false;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        (!self.is_done && !self.is_blocked && self.id.is_some()).then_some(self.next_at)
    }

    /// Sends what is due; returns whether anything was done. `fault` says what should not have been.
    pub(super) fn work(
        &mut self,
        now: Instant,
        side: Side,
        connection: &mut Connection,
        rng: &mut Rng,
        fault: &mut dyn FnMut(String),
    ) -> bool {
        if self.is_done || self.is_blocked {
            return false;
        }
        let Some(id) = self.open(connection, fault) else { return false };
        let mut did = false;
        while !self.is_done && !self.is_blocked && self.next_at <= now {
            did = true;
            if self.offers == self.plan.count && self.offer.is_none() {
                if self.plan.ends {
                    connection.finish_channel(id);
                }
                self.is_done = true;
                break;
            }
            self.offer(now, side, id, connection, rng, fault);
        }
        did
    }

    fn open(
        &mut self,
        connection: &mut Connection,
        fault: &mut dyn FnMut(String),
    ) -> Option<ChannelId> {
        if self.id.is_none() {
            match connection.open_channel(&self.plan.config) {
                Ok(id) => self.id = Some(id),
                Err(OpenError::Limit) => self.is_blocked = true,
                Err(error) => {
                    self.is_done = true;
                    fault(format!("no channel: {error}"));
                }
            }
        }
        self.id
    }

    /// Sends one message, or tries to.
    fn offer(
        &mut self,
        now: Instant,
        side: Side,
        id: ChannelId,
        connection: &mut Connection,
        rng: &mut Rng,
        fault: &mut dyn FnMut(String),
    ) {
        let (len, options) = self.offer.take().unwrap_or_else(|| {
            self.offers += 1;
            (self.plan.length(rng), self.plan.options(rng))
        });
        let number = self.accepted.len() as u64;
        let mut bytes = Vec::with_capacity(len);
        message_bytes(side, id, number, len, &mut bytes);
        self.next_at += self.plan.every;
        match connection.send(now, id, &bytes, &options) {
            Ok(got) => {
                if got != number {
                    fault(format!("channel {id}: {got} is not the next number, {number}"));
                }
                self.accepted.push(self.record(now, len, &options));
                self.asked += u64::from(options.wants_receipt);
                if rng.chance(self.plan.cancels) {
                    self.cancel(id, connection, rng);
                }
            }
            Err(SendError::Blocked) => {
                self.offer = Some((len, options));
                self.is_blocked = true;
                self.next_at = now;
            }
            Err(SendError::Full) => {
                self.refused += 1;
                self.next_at = self.next_at.max(now + AFTER_REFUSAL);
            }
            Err(SendError::Stopped | SendError::Finished) => {
                self.is_stopped = true;
                self.is_done = true;
            }
            Err(error) => {
                self.is_done = true;
                fault(format!("channel {id}: message {number} of {len} bytes: {error}"));
            }
        }
    }

    fn record(&self, now: Instant, len: usize, options: &SendOptions) -> Accepted {
        Accepted {
            at: now,
            len,
            key: options.key,
            expires: options.deadline.map(|after| now + after),
            begins_before: self.plan.config.max_queue_delay.map(|after| now + after),
            is_dispensable: options.max_retransmits.is_some(),
        }
    }

    fn cancel(&mut self, id: ChannelId, connection: &mut Connection, rng: &mut Rng) {
        let end = self.accepted.len() as u64;
        let number = end - 1 - rng.below(end.min(RECENT));
        if connection.cancel(id, number)
            && let Some(message) = self.accepted.get_mut(number as usize)
        {
            message.is_dispensable = true;
        }
    }
}

/// Appends a message: who sends it, the channel, its number and its length decide its bytes.
pub fn message_bytes(sender: Side, id: ChannelId, number: u64, len: usize, out: &mut Vec<u8>) {
    let words = [id.0 << 1 | sender as u64, number, len as u64];
    let key = words.into_iter().fold(0u64, |key, word| {
        let mixed = (key ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 32
    });
    let end = out.len() + len;
    let mut word = key | 1;
    while out.len() < end {
        // Marsaglia's xorshift: cheap, and no two messages have many bytes in common.
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        let bytes = word.to_le_bytes();
        let take = bytes.len().min(end - out.len());
        out.extend_from_slice(bytes.get(..take).unwrap_or_default());
    }
}
