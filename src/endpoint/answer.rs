//! Answers that need no connection: built at once, never larger than their cause, bounded in number.

use super::allowance::Allowance;
use super::{Datagram, Path, Transmit};
use crate::time::Instant;
use crate::wire::{Ecn, Numbered, Reset};
use std::collections::VecDeque;

/// Answers that wait to be sent; further ones are dropped, as the network might have done (P-63).
const MAX_ANSWERS: usize = 1024;
/// RESETs per second, and in one burst (P-63).
const RESETS_PER_SECOND: u64 = 100;

/// A queue of packets without state behind them.
#[derive(Debug)]
pub(super) struct Answers {
    queue: VecDeque<(Path, Vec<u8>)>,
    resets: Allowance,
}

impl Default for Answers {
    fn default() -> Self {
        Self { queue: VecDeque::new(), resets: Allowance::new(RESETS_PER_SECOND) }
    }
}

impl Answers {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn push(&mut self, path: Path, write: impl FnOnce(&mut Vec<u8>)) {
        if self.queue.len() < MAX_ANSWERS {
            let mut bytes = Vec::new();
            write(&mut bytes);
            self.queue.push_back((path, bytes));
        }
    }

    /// Says that the connection is unknown, to whoever sent this packet.
    pub(super) fn reset(&mut self, now: Instant, datagram: &Datagram<'_>, header: Numbered) {
        let Some(trailer) = datagram.data.last_chunk::<4>() else { return };
        if !self.resets.take(now) {
            return;
        }
        let trailer = u32::from_be_bytes(*trailer);
        let reset = Reset { to: header.to, number: header.number, trailer };
        let path = Path { remote: datagram.from, local: datagram.to };
        let limit = datagram.data.len();
        let before = self.queue.len();
        self.push(path, |buf| reset.encode(buf));
        // P-62: an answer that is not shorter than its cause is not given.
        if self.queue.len() > before && self.queue.back().is_some_and(|(_, b)| b.len() >= limit) {
            self.queue.pop_back();
        }
    }

    pub(super) fn pop(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let (path, bytes) = self.queue.pop_front()?;
        let start = buf.len();
        buf.extend_from_slice(&bytes);
        let range = start..buf.len();
        Some(Transmit {
            to: path.remote,
            from: path.local,
            ecn: Ecn::NotEct,
            segment: range.len(),
            range,
        })
    }
}
