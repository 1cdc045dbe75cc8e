//! The receiver: acknowledges every segment at once, and what is out of order selectively if asked.

use super::segment::{MAX_BLOCKS, Segment};
use crate::ranges::RangeSet;
use std::ops::Range;

/// Keeps what comes and says what it has.
#[derive(Debug)]
pub(super) struct Receiver {
    is_selective: bool,
    /// The first number that has not come.
    next: u32,
    /// What has come from there on.
    early: RangeSet,
    /// The blocks of `early` in which segments came, the latest first (RFC 2018, section 4).
    recent: Vec<Range<u32>>,
}

impl Receiver {
    pub(super) fn new(is_selective: bool) -> Self {
        Self { is_selective, next: 0, early: RangeSet::new(), recent: Vec::new() }
    }

    /// Takes a segment and returns its acknowledgement.
    pub(super) fn on_data(&mut self, number: u32) -> Segment {
        if number >= self.next {
            self.early.insert(u64::from(number)..u64::from(number) + 1);
        }
        if let Some(ready) = self.early.range_of(u64::from(self.next)) {
            self.next = ready.end as u32;
            self.early.remove(ready);
        }
        self.recent.retain(|block| block.start > self.next);
        if let Some(block) = self.early.range_of(u64::from(number)) {
            let block = block.start as u32..block.end as u32;
            self.recent.retain(|old| old.start < block.start || old.end > block.end);
            self.recent.insert(0, block);
            self.recent.truncate(MAX_BLOCKS);
        }
        let blocks = if self.is_selective { self.recent.clone() } else { Vec::new() };
        Segment::Ack { next: self.next, blocks }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "a list of one block")]
    fn blocks_are_the_latest_first_and_end_with_the_hole() {
        let mut receiver = Receiver::new(true);
        for (number, next, blocks) in [
            (0, 1, &[][..]),
            (2, 1, &[2..3]),
            (3, 1, &[2..4]),
            (6, 1, &[6..7, 2..4]),
            (8, 1, &[8..9, 6..7, 2..4]),
            (10, 1, &[10..11, 8..9, 6..7]),
            (7, 1, &[6..9, 10..11]),
            (1, 4, &[6..9, 10..11]),
            (1, 4, &[6..9, 10..11]),
            (5, 4, &[5..9, 10..11]),
            (4, 9, &[10..11]),
            (9, 11, &[]),
        ] {
            let expected = Segment::Ack { next, blocks: blocks.to_vec() };
            assert_eq!(receiver.on_data(number), expected, "{number}");
        }
    }
}
