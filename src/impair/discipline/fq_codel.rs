//! FQ-CoDel: flows in queues of their own, those that just began first, each under CoDel.

use super::FqCodel;
use super::codel::Control;
use super::fifo::{Fifo, Parked};
use crate::impair::dice::Dice;
use crate::time::Instant;
use std::collections::VecDeque;

/// A datagram has its queue pass over at most this many turns.
const MAX_TURNS: u64 = 1 << 16;

/// All flows, and in which order they are served; the names are RFC 8290's.
#[derive(Clone, Debug)]
pub(in crate::impair) struct Flows {
    config: FqCodel,
    hash: Dice,
    queues: Vec<Flow>,
    /// Active queues, by their place in `queues`.
    new: VecDeque<usize>,
    old: VecDeque<usize>,
    packets: u64,
    bytes: u64,
}

#[derive(Clone, Debug, Default)]
struct Flow {
    queue: Fifo,
    control: Control,
    /// Bytes that it may still send in its turn; below zero, it has overdrawn.
    credits: i64,
    is_active: bool,
}

impl Flows {
    pub(super) fn new(config: FqCodel, hash: Dice) -> Self {
        Self {
            config,
            hash,
            queues: vec![Flow::default(); config.queues as usize],
            new: VecDeque::new(),
            old: VecDeque::new(),
            packets: 0,
            bytes: 0,
        }
    }

    /// RFC 8290 §4.1.
    pub(super) fn push(&mut self, parked: Parked) {
        let place = self.hash.below(parked.parcel.flow, u64::from(self.config.queues)) as usize;
        let Some(flow) = self.queues.get_mut(place) else { return };
        self.packets += 1;
        self.bytes = self.bytes.saturating_add(parked.bytes);
        flow.queue.push(parked);
        if !flow.is_active {
            flow.is_active = true;
            flow.credits = quantum(&self.config);
            self.new.push_back(place);
        }
    }

    /// RFC 8290 §4.2.
    pub(super) fn pop(&mut self, now: Instant, dropped: &mut Vec<Parked>) -> Option<Parked> {
        let codel = self.config.codel();
        loop {
            let is_new = !self.new.is_empty();
            let list = if is_new { &mut self.new } else { &mut self.old };
            let place = list.front().copied()?;
            let flow = self.queues.get_mut(place)?;
            if flow.credits <= 0 {
                flow.credits = flow.credits.saturating_add(quantum(&self.config));
                list.pop_front();
                self.old.push_back(place);
                continue;
            }
            let already = dropped.len();
            let sent = flow.control.pop(now, &codel, &mut flow.queue, dropped);
            for gone in dropped.get(already..).into_iter().flatten().chain(&sent) {
                self.packets -= 1;
                self.bytes = self.bytes.saturating_sub(gone.bytes);
            }
            if let Some(sent) = sent {
                flow.credits -= cost(&self.config, sent.bytes);
                return Some(sent);
            }
            list.pop_front();
            if is_new {
                // It has to pass through the old ones, or it would come first again with its next.
                self.old.push_back(place);
            } else {
                flow.is_active = false;
            }
        }
    }

    /// Drops half of the packets of the queue with the most bytes, from its head: at least one, and
    /// no more than a batch (RFC 8290 §4.1; Linux halves its bytes).
    pub(super) fn drop_fattest(&mut self, dropped: &mut Vec<Parked>) {
        // Of several as fat, the first.
        let fattest = self.queues.iter_mut().rev().max_by_key(|flow| flow.queue.bytes());
        let Some(flow) = fattest else { return };
        let count = (flow.queue.packets() / 2).clamp(1, u64::from(self.config.drop_batch));
        for gone in (0..count).map_while(|_| flow.queue.pop()) {
            self.packets -= 1;
            self.bytes = self.bytes.saturating_sub(gone.bytes);
            dropped.push(gone);
        }
    }

    /// Whether more waits than its own limits allow.
    pub(super) fn is_over(&self) -> bool {
        self.packets > self.config.limit_packets || self.bytes > self.config.memory_bytes
    }

    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When that came which has waited longest.
    pub(super) fn oldest(&self) -> Option<Instant> {
        let active = self.new.iter().chain(&self.old);
        active.filter_map(|place| self.queues.get(*place)?.queue.oldest()).min()
    }
}

/// What a datagram takes of the credits: its bytes, but no more turns than anything real needs.
fn cost(config: &FqCodel, bytes: u64) -> i64 {
    let most = config.quantum_bytes.saturating_mul(MAX_TURNS);
    i64::try_from(bytes.min(most)).unwrap_or(i64::MAX)
}

fn quantum(config: &FqCodel) -> i64 {
    i64::try_from(config.quantum_bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
