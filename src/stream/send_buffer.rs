//! What was written and is not acknowledged: held until it is, and queued again when it is lost.

use crate::ranges::RangeSet;
use std::collections::VecDeque;
use std::fmt;
use std::ops::{AddAssign, Range};

/// How many newer copies of ranges in flight are remembered. At the bound the oldest is forgotten,
/// and its range may be sent once more than necessary.
const MAX_COPIES: usize = 8;

/// Emptied buffers with more room than this, in bytes, are freed.
const MAX_IDLE: usize = 1024;

/// A part of a stream as one frame carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The bytes' offsets.
    pub range: Range<u64>,
    /// Whether the stream ends behind them.
    pub fin: bool,
}

impl Chunk {
    /// How many bytes.
    pub const fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Whether it carries no byte, only FIN.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its first `n` bytes; FIN stays with the last one.
    #[must_use]
    pub fn cut(self, n: u64) -> Self {
        if n >= self.len() {
            return self;
        }
        Self { range: self.range.start..self.range.start + n, fin: false }
    }

    /// FIN counts as one number behind the last byte, as in TCP (RFC 9293 §3.4): then it is sent,
    /// lost and acknowledged like data.
    const fn span(&self) -> Range<u64> {
        self.range.start..self.range.end + self.fin as u64
    }
}

/// How many of a stream's bytes are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Taken from the application.
    pub written: u64,
    /// Received by the peer, as far as is known.
    pub acknowledged: u64,
    /// Sent and not acknowledged: the peer may have them.
    pub in_doubt: u64,
    /// Never sent.
    pub unsent: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.acknowledged += other.acknowledged;
        self.in_doubt += other.in_doubt;
        self.unsent += other.unsent;
    }
}

/// A stream's bytes from the lowest unacknowledged one on, and what is to become of them.
///
/// Offsets below `una` are acknowledged, from `nxt` on unsent (names of RFC 9293 §3.3.1). Between
/// them a number is acknowledged, queued to be sent again, or in flight; there are at most as many
/// ranges of each as packets in flight.
#[derive(Default)]
pub struct SendBuffer {
    bytes: VecDeque<u8>,
    una: u64,
    nxt: u64,
    /// What was written ends here; `bytes` too.
    end: u64,
    finished: bool,
    /// Acknowledged above `una`.
    acked: RangeSet,
    /// To be sent again.
    lost: RangeSet,
    /// Of `lost`: what may be in flight all the same, or is, in an older copy.
    doubled: RangeSet,
    /// The newest copies of what is in flight more than once, oldest first.
    copies: VecDeque<(Range<u64>, u32)>,
    next_copy: u32,
}

impl SendBuffer {
    /// An empty buffer at offset 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends; the caller bounds how much. Not after `finish`.
    pub fn write(&mut self, data: &[u8]) {
        debug_assert!(!self.finished, "written after FIN");
        self.bytes.extend(data);
        self.end += data.len() as u64;
    }

    /// Nothing more will be written: FIN is due behind the data.
    pub const fn finish(&mut self) {
        self.finished = true;
    }

    /// Whether `finish` was called.
    pub const fn is_finished(&self) -> bool {
        self.finished
    }

    /// Bytes held.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no byte is held.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The lowest offset never sent.
    pub fn nxt(&self) -> u64 {
        self.nxt.min(self.end)
    }

    /// Bytes never sent.
    pub fn unsent(&self) -> u64 {
        self.end - self.nxt()
    }

    /// Whether everything, with FIN if there is one, is acknowledged.
    pub fn is_all_acked(&self) -> bool {
        self.una == self.limit()
    }

    /// Whether the byte at `offset`, which was sent, is acknowledged.
    pub fn is_acked(&self, offset: u64) -> bool {
        offset < self.una || self.acked.contains(offset)
    }

    /// Whether something waits to be sent again.
    pub fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// What has waited longest below all else to be sent again.
    pub fn next_lost(&self) -> Option<Chunk> {
        self.lost.first().map(|range| self.chunk(range))
    }

    /// Everything never sent.
    pub fn next_new(&self) -> Option<Chunk> {
        (self.nxt < self.limit()).then(|| self.chunk(self.nxt..self.limit()))
    }

    /// The bytes of `range`, in two pieces because they lie in a ring. Empty where not held.
    pub fn slices(&self, range: Range<u64>) -> (&[u8], &[u8]) {
        let base = self.end - self.bytes.len() as u64;
        let (front, back) = self.bytes.as_slices();
        let at = |offset: u64| offset.saturating_sub(base).min(self.bytes.len() as u64) as usize;
        let (from, to) = (at(range.start), at(range.end));
        let split = front.len();
        (
            front.get(from..to.min(split)).unwrap_or_default(),
            back.get(from.max(split) - split..to.max(split) - split).unwrap_or_default(),
        )
    }

    /// `chunk`, which begins where `next_lost` or `next_new` does, is sent; returns its copy number.
    pub fn on_sent(&mut self, chunk: &Chunk) -> u32 {
        let span = chunk.span();
        let copy = self.next_copy;
        self.next_copy = copy.wrapping_add(1);
        self.nxt = self.nxt.max(span.end);
        if !self.lost.is_empty() {
            self.lost.remove(span.clone());
        }
        if self.doubled.remove(span.clone()) > 0 {
            if self.copies.len() >= MAX_COPIES {
                self.copies.pop_front();
            }
            self.copies.push_back((span, copy));
        }
        copy
    }

    /// `chunk` arrived; returns how many bytes are not held any more.
    pub fn on_acked(&mut self, chunk: &Chunk) -> usize {
        let span = chunk.span();
        let span = span.start.max(self.una)..span.end.min(self.nxt);
        if span.is_empty() {
            return 0;
        }
        if !self.lost.is_empty() {
            self.lost.remove(span.clone());
            self.doubled.remove(span.clone());
        }
        if span.start > self.una || !self.acked.is_empty() {
            self.acked.insert(span.clone());
            let in_order = self.acked.first().filter(|r| r.start == self.una);
            let Some(first) = in_order else { return 0 };
            self.acked.pop_first();
            self.una = first.end;
        } else {
            self.una = span.end;
        }
        self.copies.retain(|(range, _)| range.end > self.una);
        self.release()
    }

    /// The packet with copy number `copy` of `chunk` is lost: what is neither acknowledged nor in
    /// flight in a newer copy is queued again.
    pub fn on_lost(&mut self, chunk: &Chunk, copy: u32) {
        let span = chunk.span();
        let span = span.start.max(self.una)..span.end.min(self.nxt);
        let mut missing: RangeSet = self.acked.gaps(span).collect();
        let mut was_additional = false;
        for (range, known) in &self.copies {
            was_additional |= *known == copy;
            if is_newer(*known, copy) {
                missing.remove(range.clone());
            }
        }
        self.copies.retain(|(_, known)| *known != copy);
        for range in missing.iter() {
            self.lost.insert(range.clone());
            // Where an older copy may still be in flight, the next one is an additional one, too.
            if was_additional {
                self.doubled.insert(range);
            } else {
                self.doubled.remove(range);
            }
        }
    }

    /// Queues the newest unacknowledged range, at most `max` bytes of it, though it is in flight
    /// (a probe, RFC 9002 §6.2.4). Returns whether something is queued now.
    pub fn requeue_newest(&mut self, max: u64) -> bool {
        if !self.lost.is_empty() {
            return true;
        }
        let Some(newest) = self.acked.gaps(self.una..self.nxt).last() else {
            return false;
        };
        let start = newest.start.max(newest.end.saturating_sub(max.max(1)));
        self.lost.insert(start..newest.end);
        self.doubled.insert(start..newest.end);
        true
    }

    /// Queues what of `chunk` is in flight, to be sent once more.
    pub fn repeat(&mut self, chunk: &Chunk) {
        let span = chunk.span();
        let span = span.start.max(self.una)..span.end.min(self.nxt);
        let flying: Vec<_> = self.acked.gaps(span).collect();
        for range in flying {
            self.lost.insert(range.clone());
            self.doubled.insert(range);
        }
    }

    /// Gives everything up; returns how many bytes are not held any more.
    pub fn clear(&mut self) -> usize {
        let held = self.bytes.len();
        *self = Self { una: self.nxt, nxt: self.nxt, end: self.nxt(), ..Self::default() };
        held
    }

    /// How many bytes are where.
    pub fn counts(&self) -> Counts {
        let fin_acked = self.acked.contains(self.end);
        let unsent = self.unsent();
        let acknowledged = self.una.min(self.end) + self.acked.total() - u64::from(fin_acked);
        let in_doubt = self.end - unsent - acknowledged;
        Counts { written: self.end, acknowledged, in_doubt, unsent }
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + (self.acked.len() + self.lost.len()) * 16
    }

    /// The number behind the last one: FIN's, if there is one, is the last.
    const fn limit(&self) -> u64 {
        self.end + self.finished as u64
    }

    fn chunk(&self, span: Range<u64>) -> Chunk {
        let fin = span.end > self.end;
        Chunk { range: span.start.min(self.end)..span.end.min(self.end), fin }
    }

    /// Drops the bytes below `una`.
    fn release(&mut self) -> usize {
        let base = self.end - self.bytes.len() as u64;
        let freed = (self.una.min(self.end) - base) as usize;
        self.bytes.drain(..freed);
        if self.bytes.is_empty() && self.bytes.capacity() > MAX_IDLE {
            self.bytes = VecDeque::new();
        }
        freed
    }
}

impl fmt::Debug for SendBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendBuffer")
            .field("una", &self.una)
            .field("nxt", &self.nxt)
            .field("end", &self.end)
            .field("finished", &self.finished)
            .field("acked", &self.acked)
            .field("lost", &self.lost)
            .field("copies", &self.copies)
            .finish_non_exhaustive()
    }
}

/// Whether copy number `a` was given out after `b`; the counter may wrap.
const fn is_newer(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}

#[cfg(test)]
mod tests;
