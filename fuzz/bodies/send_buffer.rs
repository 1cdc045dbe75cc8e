//! `SendBuffer` against the fate of every transmission: nothing is forgotten, nothing that arrived is
//! sent again, and every byte is the one that was written.

use std::ops::Range;
use towline::stream::{Chunk, SendBuffer};

/// More operations than this only make the model slow.
const MAX_OPERATIONS: usize = 200;
/// Copies that the buffer is documented to remember; beyond, it may send once more than necessary.
const MAX_COPIES: u32 = 8;

#[derive(Clone, Debug)]
struct Sent {
    chunk: Chunk,
    copy: u32,
    /// The peer has it, though it is thought lost.
    has_arrived: bool,
}

#[derive(Default)]
struct Harness {
    buffer: SendBuffer,
    written: u64,
    /// Per number; FIN is the one behind the last byte.
    acked: Vec<bool>,
    in_flight: Vec<Sent>,
    thought_lost: Vec<Sent>,
    resent: u32,
    /// What the peer has.
    received: Vec<bool>,
}

/// Each two bytes are one operation: what, and how much or which.
pub(crate) fn run(data: &[u8]) {
    let mut harness = Harness::default();
    for [what, n] in data.as_chunks().0.iter().take(MAX_OPERATIONS) {
        harness.apply(*what, *n);
        harness.check();
    }
    harness.heal(data.len().is_multiple_of(2));
}

impl Harness {
    fn apply(&mut self, what: u8, n: u8) {
        let at = |of: &[Sent]| usize::from(n).checked_rem(of.len());
        match what % 10 {
            0 | 1 if !self.buffer.is_finished() => {
                let end = self.written + (u64::from(n) << (what >> 6));
                let data: Vec<u8> = (self.written..end).map(byte).collect();
                self.buffer.write(&data);
                self.written = end;
            }
            2 if n >= 128 => self.buffer.finish(),
            3 | 4 => self.send(u64::from(n), true),
            5 => self.send(u64::from(n), false),
            6 => {
                if let Some(at) = at(&self.in_flight) {
                    let sent = self.in_flight.remove(at);
                    self.arrive(&sent);
                    self.ack(&sent);
                }
            }
            7 => {
                if let Some(at) = at(&self.in_flight) {
                    self.lose(at, what & 16 != 0);
                }
            }
            8 => {
                if let Some(at) = at(&self.thought_lost)
                    && self.thought_lost[at].has_arrived
                {
                    let sent = self.thought_lost.remove(at);
                    self.ack(&sent);
                }
            }
            9 => {
                let sent = self.buffer.nxt() + u64::from(self.is_fin_sent());
                let is_unacked = (0..sent).any(|number| !self.is_acked(number));
                let is_queued = self.buffer.requeue_newest(u64::from(n));
                assert_eq!(is_queued, is_unacked, "a probe has something to carry");
            }
            _ => {}
        }
    }

    /// Sends at most `max` bytes of what is lost, or else of what is new.
    fn send(&mut self, max: u64, may_repeat: bool) {
        let lost = self.buffer.next_lost();
        assert_eq!(lost.is_some(), self.buffer.has_lost(), "has_lost");
        let again = lost.filter(|_| may_repeat);
        self.resent += u32::from(again.is_some());
        let Some(chunk) = again.or_else(|| self.buffer.next_new()) else { return };
        let chunk = chunk.cut(max);
        if chunk.is_empty() && !chunk.fin {
            return;
        }
        let (front, back) = self.buffer.slices(chunk.range.clone());
        let expected = chunk.range.clone().map(byte);
        assert!(front.iter().chain(back).copied().eq(expected), "other bytes in {chunk:?}");
        assert!(span(&chunk).all(|number| !self.is_acked(number)), "{chunk:?} has arrived");
        let copy = self.buffer.on_sent(&chunk);
        self.in_flight.push(Sent { chunk, copy, has_arrived: false });
    }

    fn arrive(&mut self, sent: &Sent) {
        mark(&mut self.received, &sent.chunk);
    }

    fn ack(&mut self, sent: &Sent) {
        let held = self.buffer.len();
        let freed = self.buffer.on_acked(&sent.chunk);
        assert_eq!(self.buffer.len() + freed, held, "bytes that are no longer held");
        mark(&mut self.acked, &sent.chunk);
    }

    fn lose(&mut self, at: usize, has_arrived: bool) {
        let sent = Sent { has_arrived, ..self.in_flight.remove(at) };
        if has_arrived {
            self.arrive(&sent);
        }
        let had_lost = self.buffer.has_lost();
        self.buffer.on_lost(&sent.chunk, sent.copy);
        if !had_lost && self.resent <= MAX_COPIES {
            // What left behind it carries the rest.
            let newer =
                |number| self.in_flight[at..].iter().any(|s| span(&s.chunk).contains(&number));
            let is_missing = |number: &u64| !self.is_acked(*number) && !newer(*number);
            let mut missing = span(&sent.chunk).skip_while(|number| !is_missing(number));
            let queued = self.buffer.next_lost().map(|chunk| span(&chunk));
            let first = missing
                .next()
                .map(|first| first..first + 1 + missing.take_while(is_missing).count() as u64);
            assert_eq!(queued, first, "queued after the loss of {sent:?}");
        }
        self.thought_lost.push(sent);
    }

    fn is_acked(&self, number: u64) -> bool {
        self.acked.get(number as usize) == Some(&true)
    }

    fn is_fin_sent(&self) -> bool {
        self.buffer.is_finished() && self.buffer.next_new().is_none()
    }

    fn check(&self) {
        let acknowledged = (0..self.written).filter(|offset| self.is_acked(*offset)).count() as u64;
        let counts = self.buffer.counts();
        assert_eq!(counts.written, self.written, "written");
        assert_eq!(counts.acknowledged, acknowledged, "acknowledged");
        assert_eq!(counts.unsent, self.written - self.buffer.nxt(), "unsent");
        assert_eq!(counts.in_doubt, self.buffer.nxt() - acknowledged, "in doubt");
        // Bytes are held exactly from the lowest unacknowledged one on.
        let una = (0..self.written).find(|offset| !self.is_acked(*offset));
        let una = una.unwrap_or(self.written);
        assert_eq!(self.buffer.len() as u64, self.written - una, "held");
        assert!((0..self.buffer.nxt()).all(|n| self.buffer.is_acked(n) == self.is_acked(n)));
    }

    /// Whatever is in flight is lost, or some of it arrives; then everything does.
    fn heal(mut self, is_all_lost: bool) {
        self.buffer.finish();
        while !self.in_flight.is_empty() {
            if is_all_lost {
                self.lose(0, false);
            } else {
                self.apply(6, 1);
            }
        }
        while self.buffer.has_lost() || self.buffer.next_new().is_some() {
            self.send(u64::MAX, true);
            self.apply(6, 0);
            self.check();
        }
        assert!(self.buffer.is_all_acked(), "forgotten: {:?}", self.buffer);
        assert!(self.buffer.is_empty(), "held: {:?}", self.buffer);
        assert_eq!(self.received.len() as u64, self.written + 1, "FIN arrived");
        assert!(self.received.iter().all(|has| *has), "something never arrived");
    }
}

/// FIN counts as a number behind the last byte.
fn span(chunk: &Chunk) -> Range<u64> {
    chunk.range.start..chunk.range.end + u64::from(chunk.fin)
}

fn mark(numbers: &mut Vec<bool>, chunk: &Chunk) {
    let span = span(chunk).start as usize..span(chunk).end as usize;
    numbers.resize(numbers.len().max(span.end), false);
    numbers[span].fill(true);
}

const fn byte(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9e37_79b9) >> 7) as u8
}
