//! `Assembler` against one slot per byte: of copies that contradict each other the newest counts until
//! the stream is whole up to it, and from then on it stands.

use towline::stream::{Assembler, Full, MAX_PIECES};

/// More operations than this only make the model slow.
const MAX_OPERATIONS: usize = 128;
/// How many single bytes are inserted: enough for more than `MAX_PIECES`, and for filling the gaps.
const MAX_SINGLES: u64 = 2 * MAX_PIECES as u64 + 1000;
/// Pieces lie below this offset: enough for `MAX_PIECES` of them with gaps.
const SPACE: u64 = 1 << 17;
/// What the assembler's documentation calls a block, and how many spare ones it may keep.
const BLOCK: u64 = 4096;
const SPARE: u64 = 8;

#[derive(Default)]
struct Harness {
    assembler: Assembler,
    bytes: Vec<Option<u8>>,
    read: usize,
    contiguous: usize,
    /// Runs of bytes that are there; the one that begins the stream counts if there is one.
    runs: usize,
    /// Single bytes inserted so far.
    singles: u64,
}

/// Each six bytes are one operation: what, where (two bytes), how many (two), what data.
pub(crate) fn run(data: &[u8]) {
    let mut harness = Harness::default();
    for [what, at @ .., more, len, fill] in data.as_chunks::<6>().0.iter().take(MAX_OPERATIONS) {
        let at = u64::from(u16::from_be_bytes(*at)) << (more & 1);
        let len = u64::from(*len) << (more >> 4);
        harness.apply(*what, at, len, *fill);
        harness.check();
    }
    harness.drain();
}

impl Harness {
    fn apply(&mut self, what: u8, at: u64, len: u64, fill: u8) {
        let len = len.min(SPACE);
        // A larger buffer than there are bytes is as good as a huge one.
        let buffer = (len as usize).min(self.contiguous - self.read + 100);
        let near = (self.read as u64 + at % 512).saturating_sub(64);
        match what % 8 {
            0 => self.insert(at, len, fill),
            1 | 2 => self.insert(near, len, fill),
            3 => self.insert(self.contiguous as u64, len, fill),
            4 => self.peek(buffer),
            5 | 6 => self.read(buffer),
            // Many pieces of one byte, every other one missing, or the missing ones.
            _ => {
                let len = len.min(MAX_PIECES as u64 + 100).min(MAX_SINGLES - self.singles);
                self.singles += len;
                (0..len).for_each(|n| self.insert(at + 2 * n, 1, fill));
            }
        }
    }

    fn insert(&mut self, at: u64, len: u64, fill: u8) {
        let len = len.min(SPACE.saturating_sub(at));
        let data: Vec<u8> = (at..at + len).map(|offset| byte(offset) ^ (fill & 3)).collect();
        let (start, end) = (at as usize, (at + len) as usize);
        let from = start.max(self.contiguous);
        let has_prefix = usize::from(self.contiguous > 0);
        let is_full = from < end
            && from > self.contiguous
            && self.runs - has_prefix >= MAX_PIECES
            && self.runs_at(from, end) == 0;
        let result = self.assembler.insert(at, &data);
        if is_full {
            assert_eq!(result, Err(Full), "piece {} at {at}", self.runs);
            return;
        }
        let slots = self.bytes.get(from..end.min(self.bytes.len())).unwrap_or_default();
        let held = slots.iter().flatten().count();
        assert_eq!(result, Ok((end.saturating_sub(from) - held) as u64), "new bytes at {at}");
        if from >= end {
            return;
        }
        self.runs = self.runs + 1 - self.runs_at(from, end);
        self.bytes.resize(self.bytes.len().max(end), None);
        for (slot, byte) in self.bytes[from..end].iter_mut().zip(&data[from - start..]) {
            *slot = Some(*byte);
        }
        self.contiguous +=
            self.bytes[self.contiguous..].iter().take_while(|byte| byte.is_some()).count();
    }

    /// How many runs overlap or adjoin `start..end`.
    fn runs_at(&self, start: usize, end: usize) -> usize {
        let around = start.saturating_sub(1)..(end + 1).min(self.bytes.len());
        let slots = self.bytes.get(around).unwrap_or_default();
        slots.split(Option::is_none).filter(|run| !run.is_empty()).count()
    }

    fn peek(&self, len: usize) {
        let mut buf = vec![0; len];
        let n = self.assembler.peek(&mut buf);
        assert_eq!(n, len.min(self.contiguous - self.read), "bytes to peek at");
        let expected = self.bytes[self.read..self.read + n].iter().map(|byte| byte.unwrap_or(0));
        assert!(buf[..n].iter().copied().eq(expected), "other bytes than were inserted");
    }

    fn read(&mut self, len: usize) {
        self.peek(len);
        let mut expected = vec![0; len];
        let n = self.assembler.peek(&mut expected);
        let mut buf = vec![0; len];
        assert_eq!(self.assembler.read(&mut buf), n, "read and peek");
        assert_eq!(buf, expected, "read and peek");
        self.read += n;
    }

    fn check(&self) {
        assert_eq!(self.assembler.contiguous(), self.contiguous as u64, "contiguous");
        assert_eq!(self.assembler.readable(), (self.contiguous - self.read) as u64, "readable");
        let window = (self.bytes.len() - self.read) as u64;
        let pieces = (self.runs - usize::from(self.contiguous > 0)) as u64;
        assert!(pieces <= MAX_PIECES as u64, "{pieces} pieces");
        // Besides the blocks: their descriptions (a queue may have twice its room), and the pieces.
        let blocks = SPACE / BLOCK + SPARE + 2;
        let bound = (window / BLOCK + 2 + SPARE) * BLOCK + 2 * blocks * 24 + pieces * 16;
        let memory = self.assembler.memory() as u64;
        assert!(memory <= bound, "{memory} bytes for a window of {window}, {bound} are allowed");
    }

    /// What is there can be read to its end; then nothing is held.
    fn drain(mut self) {
        self.read(self.contiguous - self.read);
        let is_drained = self.contiguous == self.bytes.len();
        let idle = |assembler: &Assembler| assembler.memory() < BLOCK as usize;
        assert!(!is_drained || idle(&self.assembler), "{:?} is drained", self.assembler);
        self.assembler.clear();
        assert!(idle(&self.assembler), "{:?} is cleared", self.assembler);
        assert_eq!(self.assembler.readable(), 0, "cleared");
    }
}

const fn byte(offset: u64) -> u8 {
    (offset.wrapping_mul(0x9e37_79b9) >> 9) as u8
}
