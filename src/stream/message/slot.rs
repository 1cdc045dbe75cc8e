//! One message in the sender's keeping.

use super::Terms;
use super::cost::cost;
use crate::stream::schedule::Which;
use crate::stream::{Chunk, SendBuffer};
use std::ops::Range;

/// A message from `send` until it is settled.
#[derive(Debug)]
pub(super) struct Slot {
    body: Body,
    len: u32,
    /// At most so many of its bytes wait to be sent again.
    lost: u32,
    max_retransmits: Option<u32>,
    round: Round,
    wants_receipt: bool,
    /// Whether some of it was sent, and credit reserved for all of it.
    is_begun: bool,
}

#[derive(Debug)]
enum Body {
    /// Fits one packet. It is lost when no packet in flight carries it any more, so that copies beside
    /// newer messages put its retransmission off (P-37).
    Whole { data: Box<[u8]>, flights: u32, is_due: bool },
    /// Longer: the very buffer that streams use. It knows no FIN, as every part says where the end is.
    Parts(Box<SendBuffer>),
}

/// Rounds of retransmission: a loss of something that was sent in the present round begins the next.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    count: u32,
    /// The first copy number of the present round.
    since_copy: u32,
    next_copy: u32,
}

impl Round {
    const fn on_sent(&mut self, copy: u32) {
        self.next_copy = copy.wrapping_add(1);
    }

    const fn on_lost(&mut self, copy: u32) {
        // Of this round, though the counter may have wrapped.
        if copy.wrapping_sub(self.since_copy) < 1 << 31 {
            self.count = self.count.saturating_add(1);
            self.since_copy = self.next_copy;
        }
    }
}

/// What a loss means for its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Nothing: it is there, or in flight in another packet.
    Nothing,
    /// Some of it is to be sent again.
    Resend,
    /// It was lost once more than its terms allow.
    Exhausted,
}

/// What sending a part was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flight {
    pub(super) copy: u32,
    pub(super) purpose: Purpose,
}

/// Why a part was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It never was before.
    First,
    /// It was lost, or may be.
    Again,
    /// Another copy of what is in flight, before anything is known of its fate.
    Beside,
}

impl Slot {
    /// `data`, which has fewer than 2^32 bytes; more than `whole` of them travel in parts.
    pub(super) fn new(data: &[u8], terms: Terms, whole: usize) -> Self {
        let body = if data.len() <= whole {
            Body::Whole { data: data.into(), flights: 0, is_due: false }
        } else {
            let mut buffer = SendBuffer::new();
            buffer.write(data);
            Body::Parts(Box::new(buffer))
        };
        Self {
            body,
            len: data.len() as u32,
            lost: 0,
            max_retransmits: terms.max_retransmits,
            round: Round::default(),
            wants_receipt: terms.wants_receipt,
            is_begun: false,
        }
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    pub(super) const fn cost(&self) -> u64 {
        cost(self.len as u64)
    }

    pub(super) const fn is_begun(&self) -> bool {
        self.is_begun
    }

    pub(super) const fn is_whole(&self) -> bool {
        matches!(self.body, Body::Whole { .. })
    }

    pub(super) const fn wants_receipt(&self) -> bool {
        self.wants_receipt
    }

    /// At most so many of its bytes wait to be sent again; 0 if none do.
    pub(super) const fn lost_bytes(&self) -> u32 {
        self.lost
    }

    /// What is to be sent of it.
    pub(super) fn next(&self, which: Which) -> Option<Range<u32>> {
        let all = 0..self.len;
        match (&self.body, which) {
            (Body::Whole { is_due, .. }, Which::Lost) => is_due.then_some(all),
            (Body::Whole { .. }, Which::New) => (!self.is_begun).then_some(all),
            (Body::Parts(buffer), Which::Lost) => buffer.next_lost().as_ref().map(range),
            (Body::Parts(buffer), Which::New) => buffer.next_new().as_ref().map(range),
        }
    }

    /// The bytes of `range`, in two pieces because they may lie in a ring.
    pub(super) fn slices(&self, range: &Range<u32>) -> (&[u8], &[u8]) {
        match &self.body {
            Body::Whole { data, .. } => {
                (data.get(range.start as usize..range.end as usize).unwrap_or_default(), &[])
            }
            Body::Parts(buffer) => buffer.slices(chunk(range).range),
        }
    }

    /// `range`, which begins where `next` does, is sent, or a whole message is sent beside another.
    pub(super) fn on_sent(&mut self, range: &Range<u32>) -> Flight {
        let (copy, purpose) = match &mut self.body {
            Body::Whole { flights, is_due, .. } => {
                let purpose = match (self.is_begun, *is_due) {
                    (false, _) => Purpose::First,
                    (true, true) => Purpose::Again,
                    (true, false) => Purpose::Beside,
                };
                *flights = flights.saturating_add(1);
                *is_due = false;
                (self.round.next_copy, purpose)
            }
            Body::Parts(buffer) => {
                let is_new = u64::from(range.start) >= buffer.nxt();
                let purpose = if is_new { Purpose::First } else { Purpose::Again };
                (buffer.on_sent(&chunk(range)), purpose)
            }
        };
        self.is_begun = true;
        if purpose == Purpose::Again {
            self.lost = self.lost.saturating_sub(range.end - range.start);
            self.forget_lost();
        }
        self.round.on_sent(copy);
        Flight { copy, purpose }
    }

    /// `range` arrived; returns whether all of it has.
    pub(super) fn on_acked(&mut self, range: &Range<u32>) -> bool {
        let Body::Parts(buffer) = &mut self.body else { return true };
        buffer.on_acked(&chunk(range));
        let is_done = buffer.is_all_acked();
        self.forget_lost();
        is_done
    }

    /// The packet with copy number `copy` of `range` is lost.
    pub(super) fn on_lost(&mut self, range: &Range<u32>, copy: u32) -> Lost {
        match &mut self.body {
            Body::Whole { flights, is_due, .. } => {
                *flights = flights.saturating_sub(1);
                if *flights > 0 {
                    return Lost::Nothing;
                }
                *is_due = true;
                self.lost = self.len;
            }
            Body::Parts(buffer) => {
                buffer.on_lost(&chunk(range), copy);
                if !buffer.has_lost() {
                    return Lost::Nothing;
                }
                self.lost = self.lost.saturating_add(range.end - range.start).min(self.len);
            }
        }
        self.round.on_lost(copy);
        let is_exhausted = self.max_retransmits.is_some_and(|max| self.round.count > max);
        if is_exhausted { Lost::Exhausted } else { Lost::Resend }
    }

    /// Queues what is in flight of it, at most the last `max` bytes, though nothing is known to be
    /// lost (a probe, RFC 9002 §6.2.4). Not if its terms allow no more. Returns whether something is
    /// queued now.
    pub(super) fn requeue(&mut self, max: usize) -> bool {
        if !self.may_repeat() {
            return false;
        }
        match &mut self.body {
            Body::Whole { is_due, .. } => {
                *is_due = true;
                true
            }
            Body::Parts(buffer) => buffer.requeue_newest(max as u64),
        }
    }

    /// Queues `range`, which is in flight, to be sent once more, if its terms allow it; returns whether
    /// something is queued now.
    pub(super) fn repeat(&mut self, range: &Range<u32>) -> bool {
        if !self.may_repeat() {
            return false;
        }
        match &mut self.body {
            Body::Whole { is_due, .. } => {
                *is_due = true;
                true
            }
            Body::Parts(buffer) => {
                buffer.repeat(&chunk(range));
                buffer.has_lost()
            }
        }
    }

    const fn may_repeat(&self) -> bool {
        let is_left = match self.max_retransmits {
            None => true,
            Some(max) => self.round.count < max,
        };
        self.is_begun && is_left
    }

    /// Bytes allocated beside the slot itself.
    pub(super) fn memory(&self) -> usize {
        match &self.body {
            Body::Whole { data, .. } => data.len(),
            Body::Parts(buffer) => size_of::<SendBuffer>() + buffer.memory(),
        }
    }

    fn forget_lost(&mut self) {
        if self.next(Which::Lost).is_none() {
            self.lost = 0;
        }
    }
}

fn range(chunk: &Chunk) -> Range<u32> {
    chunk.range.start as u32..chunk.range.end as u32
}

fn chunk(range: &Range<u32>) -> Chunk {
    Chunk { range: range.start.into()..range.end.into(), fin: false }
}

#[cfg(test)]
mod tests;
