//! Reassembly: pieces of a stream go in in any order, its bytes come out in order.

use crate::ranges::RangeSet;
use std::collections::VecDeque;
use std::fmt;

/// Bytes of one block.
const BLOCK: usize = 4096;

/// How many separate pieces may lie beyond the first gap. A piece that would make one more is
/// refused; one that continues the stream never is.
pub const MAX_PIECES: usize = 16_384;

/// Emptied blocks kept for the next data while some is there. Further ones are freed.
const MAX_SPARE: usize = 8;

/// Emptied queues with room for more blocks than this are freed.
const MAX_IDLE_BLOCKS: usize = 8;

/// There are [`MAX_PIECES`] pieces already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A stream's received bytes.
///
/// Memory is taken in blocks of 4 KiB where data lands and nowhere else: pieces within a window of
/// `w` bytes from the next unread one take at most `w / 4096 + 2` blocks. A drained one holds none.
#[derive(Default)]
pub struct Assembler {
    /// The next offset to read.
    read: u64,
    /// Everything below is there, or was read.
    contiguous: u64,
    /// What is there above `contiguous`.
    islands: RangeSet,
    /// Sorted by number.
    blocks: VecDeque<Block>,
    spare: Vec<Box<[u8]>>,
}

/// The bytes from `number * BLOCK` on.
struct Block {
    number: u64,
    bytes: Box<[u8]>,
}

impl Assembler {
    /// With nothing received, at offset 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lowest offset that has not arrived.
    pub const fn contiguous(&self) -> u64 {
        self.contiguous
    }

    /// How many bytes can be read now.
    pub const fn readable(&self) -> u64 {
        self.contiguous - self.read
    }

    /// Takes `data`, which begins at `offset`; returns how many of its bytes are new. The caller has
    /// checked that it lies within the window.
    ///
    /// # Errors
    /// [`Full`] if the data would make one piece more than [`MAX_PIECES`]; then nothing changed.
    pub fn insert(&mut self, offset: u64, data: &[u8]) -> Result<u64, Full> {
        let end = offset.saturating_add(data.len() as u64);
        let start = offset.max(self.contiguous);
        if start >= end {
            return Ok(0);
        }
        if start > self.contiguous && self.islands.len() >= MAX_PIECES && !self.touches(start, end)
        {
            return Err(Full);
        }
        self.store(start, data.get((start - offset) as usize..).unwrap_or_default());
        if start > self.contiguous {
            return Ok(self.islands.insert(start..end));
        }
        if self.islands.is_empty() {
            self.contiguous = end;
            return Ok(end - start);
        }
        let new = self.islands.insert(start..end);
        self.contiguous = self.islands.pop_first().map_or(end, |first| first.end);
        Ok(new)
    }

    /// Moves bytes to `buf`; returns how many.
    pub fn read(&mut self, buf: &mut [u8]) -> usize {
        let n = self.peek(buf);
        self.consume(n as u64);
        n
    }

    /// Copies the next bytes to `buf`; returns how many.
    pub fn peek(&self, buf: &mut [u8]) -> usize {
        let len = (buf.len() as u64).min(self.readable()) as usize;
        let mut from = (self.read % BLOCK as u64) as usize;
        let mut rest = buf.get_mut(..len).unwrap_or_default();
        for block in &self.blocks {
            if rest.is_empty() {
                break;
            }
            let source = block.bytes.get(from..).unwrap_or_default();
            let (head, tail) = rest.split_at_mut(source.len().min(rest.len()));
            head.copy_from_slice(&source[..head.len()]);
            (rest, from) = (tail, 0);
        }
        len
    }

    /// Forgets everything, for good: a later insertion is a bug of the caller's.
    pub fn clear(&mut self) {
        *self = Self { read: self.contiguous, contiguous: self.contiguous, ..Self::default() };
    }

    /// Bytes allocated.
    pub fn memory(&self) -> usize {
        (self.blocks.len() + self.spare.len()) * BLOCK
            + self.blocks.capacity() * size_of::<Block>()
            + self.islands.len() * 16
    }

    fn consume(&mut self, n: u64) {
        self.read += n;
        if self.read == self.contiguous && self.islands.is_empty() {
            // Drained: an idle stream keeps nothing.
            self.blocks.clear();
            self.spare = Vec::new();
            self.islands = RangeSet::new();
            if self.blocks.capacity() > MAX_IDLE_BLOCKS {
                self.blocks = VecDeque::new();
            }
            return;
        }
        while self.blocks.front().is_some_and(|b| b.number < self.read / BLOCK as u64) {
            let block = self.blocks.pop_front();
            if self.spare.len() < MAX_SPARE {
                self.spare.extend(block.map(|b| b.bytes));
            }
        }
    }

    /// Whether `start..end` overlaps or adjoins an island.
    fn touches(&self, start: u64, end: u64) -> bool {
        let around = start.saturating_sub(1)..end.saturating_add(1);
        self.islands.gaps(around.clone()).next() != Some(around)
    }

    fn store(&mut self, mut at: u64, mut data: &[u8]) {
        while !data.is_empty() {
            let within = (at % BLOCK as u64) as usize;
            let (head, tail) = data.split_at(data.len().min(BLOCK - within));
            self.block(at / BLOCK as u64)[within..within + head.len()].copy_from_slice(head);
            at += head.len() as u64;
            data = tail;
        }
    }

    /// The block with this number, made if it is not there.
    fn block(&mut self, number: u64) -> &mut [u8] {
        let at = match self.blocks.back() {
            Some(last) if last.number == number => Ok(self.blocks.len() - 1),
            Some(last) if last.number > number => {
                self.blocks.binary_search_by_key(&number, |b| b.number)
            }
            _ => Err(self.blocks.len()),
        };
        let at = at.unwrap_or_else(|at| {
            let bytes = self.spare.pop().unwrap_or_else(|| vec![0; BLOCK].into_boxed_slice());
            self.blocks.insert(at, Block { number, bytes });
            at
        });
        &mut self.blocks[at].bytes
    }
}

impl fmt::Debug for Assembler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembler")
            .field("read", &self.read)
            .field("contiguous", &self.contiguous)
            .field("islands", &self.islands)
            .field("blocks", &self.blocks.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
