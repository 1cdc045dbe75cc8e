//! Acknowledgements: which packet numbers arrived, newest first, as ranges or as a bitmap.
//!
//! ```text
//!  ACK     type | largest | delay (us) | [ect0 | ect1 | ce] | first | pairs | (gap, length) x pairs
//!  BITMAP  type | largest | delay (us) | [ect0 | ect1 | ce] | first | bytes | bitmap
//! ```
//!
//! `first` is how many numbers directly below `largest` arrived too. A gap of g means g + 1 missing
//! numbers, a length of n means n + 1 that arrived. Bit i of the bitmap, counted from the least
//! significant bit of its first byte, is the number i + 2 below the lowest of the first range (the one
//! directly below it is missing by definition).

use super::{DecodeError, Reader, Why, Writer, varint_len};
use crate::ranges::RangeSet;
use std::ops::Range;

pub(super) const ACK: u8 = 0x02;
pub(super) const BITMAP: u8 = 0x04;
pub(super) const WITH_ECN: u8 = 0x01;
/// An acknowledgement never needs more room than a whole packet.
pub(super) const MAX_LEN: usize = super::BASE_PAYLOAD;

/// How many packets arrived with each codepoint since the connection began (RFC 9000 §19.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EcnCounts {
    /// Packets marked ECT(0).
    pub ect0: u64,
    /// Packets marked ECT(1).
    pub ect1: u64,
    /// Packets marked CE.
    pub ce: u64,
}

/// A decoded acknowledgement, borrowing its ranges from the packet.
#[derive(Clone, Copy, Debug)]
pub struct Ack<'a> {
    /// The largest number that arrived.
    pub largest: u64,
    /// How long the receiver kept `largest` before it sent this, in microseconds.
    pub delay_us: u64,
    /// Counts of the ECN codepoints seen, if the receiver can see them.
    pub ecn: Option<EcnCounts>,
    first: u64,
    blocks: Blocks<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Blocks<'a> {
    Pairs(&'a [u8]),
    Bitmap(&'a [u8]),
}

impl<'a> Ack<'a> {
    pub(super) fn decode(kind: u8, r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let largest = r.varint("largest acknowledged")?;
        let delay_us = r.varint("acknowledgement delay")?;
        let ecn = if kind & WITH_ECN == 0 {
            None
        } else {
            let (ect0, ect1) = (r.varint("ECT(0) count")?, r.varint("ECT(1) count")?);
            Some(EcnCounts { ect0, ect1, ce: r.varint("CE count")? })
        };
        let first = r.varint("first range")?;
        let lowest = largest.checked_sub(first).ok_or(r.error("first range", Why::Invalid))?;
        let blocks = if kind & BITMAP == 0 {
            Blocks::Pairs(Self::decode_pairs(lowest, r)?)
        } else {
            let bits = r.prefixed("bitmap")?;
            let below = (bits.len() as u64 * 8).saturating_sub(u64::from(leading_zeros(bits))) + 1;
            if bits.iter().any(|b| *b != 0) && lowest < below {
                return Err(r.error("bitmap", Why::Invalid));
            }
            Blocks::Bitmap(bits)
        };
        Ok(Self { largest, delay_us, ecn, first, blocks })
    }

    /// Walks the pairs once, so that `ranges` cannot meet a number below zero later.
    fn decode_pairs(mut lowest: u64, r: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
        let pairs = r.varint("range count")?;
        let mut body = r.clone();
        let start = r.at();
        for _ in 0..pairs {
            let gap = r.varint("gap")?;
            let len = r.varint("range length")?;
            lowest = lowest
                .checked_sub(gap + 2)
                .and_then(|high| high.checked_sub(len))
                .ok_or(r.error("range", Why::Invalid))?;
        }
        body.take(r.at() - start, "ranges")
    }

    /// The ranges, highest first; disjoint and never adjacent.
    pub fn ranges(&self) -> AckRanges<'a> {
        let lowest = self.largest - self.first;
        AckRanges { next: Some(lowest..self.largest + 1), blocks: self.blocks, lowest, bit: 0 }
    }

    /// Appends an acknowledgement of the highest of `received` that fit, in whichever form covers
    /// more of them; returns how many ranges went in. Nothing is written if not even one fits.
    pub fn encode(
        received: &RangeSet,
        delay_us: u64,
        ecn: Option<EcnCounts>,
        w: &mut Writer<'_>,
    ) -> usize {
        let Some(newest) = received.last() else { return 0 };
        let (largest, first) = (newest.end - 1, newest.end - 1 - newest.start);
        let counts = ecn.map(|c| [c.ect0, c.ect1, c.ce]);
        let fixed = 1
            + varint_len(largest)
            + varint_len(delay_us)
            + counts.map_or(0, |c| c.iter().map(|n| varint_len(*n)).sum())
            + varint_len(first);
        // Two bytes for the count of pairs or of bitmap bytes.
        let Some(room) = w.room().checked_sub(fixed + 2) else { return 0 };
        let (pairs, pair_bytes) = fit_pairs(received, room);
        let (bit_ranges, map_bytes) = fit_bitmap(received, room);
        let bitmap = bit_ranges > pairs || (bit_ranges == pairs && map_bytes < pair_bytes);
        w.u8(if bitmap { BITMAP } else { ACK } | if ecn.is_some() { WITH_ECN } else { 0 });
        w.varint(largest);
        w.varint(delay_us);
        for count in counts.iter().flatten() {
            w.varint(*count);
        }
        w.varint(first);
        if bitmap {
            encode_bitmap(received, bit_ranges, map_bytes, w);
            1 + bit_ranges
        } else {
            w.varint(pairs as u64);
            for (gap, len) in gaps(received).take(pairs) {
                w.varint(gap);
                w.varint(len);
            }
            1 + pairs
        }
    }
}

impl PartialEq for Ack<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.largest, self.delay_us, self.ecn) == (other.largest, other.delay_us, other.ecn)
            && self.ranges().eq(other.ranges())
    }
}

fn leading_zeros(bits: &[u8]) -> u32 {
    let zeros = bits.iter().rev().take_while(|b| **b == 0).count() as u32;
    zeros * 8 + bits.iter().rev().find(|b| **b != 0).map_or(0, |b| b.leading_zeros())
}

/// The ranges below the highest, highest first, as (gap - 1, length - 1).
fn gaps(received: &RangeSet) -> impl Iterator<Item = (u64, u64)> + '_ {
    let higher = received.iter().rev();
    higher
        .zip(received.iter().rev().skip(1))
        .map(|(above, range)| (above.start - range.end - 1, range.end - range.start - 1))
}

fn fit_pairs(received: &RangeSet, room: usize) -> (usize, usize) {
    let (mut count, mut bytes) = (0, 0);
    for (gap, len) in gaps(received) {
        let more = varint_len(gap) + varint_len(len);
        if bytes + more > room {
            break;
        }
        (count, bytes) = (count + 1, bytes + more);
    }
    (count, bytes)
}

fn fit_bitmap(received: &RangeSet, room: usize) -> (usize, usize) {
    let Some(newest) = received.last() else { return (0, 0) };
    let (mut count, mut bytes) = (0, 0);
    for range in received.iter().rev().skip(1) {
        let bits = newest.start - 1 - range.start;
        let needed = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
        if needed > room {
            break;
        }
        (count, bytes) = (count + 1, needed);
    }
    (count, bytes)
}

fn encode_bitmap(received: &RangeSet, count: usize, bytes: usize, w: &mut Writer<'_>) {
    let top = received.last().map_or(0, |r| r.start);
    w.varint(bytes as u64);
    let mut ranges = received.iter().rev().skip(1).take(count).peekable();
    for byte in 0..bytes as u64 {
        // The numbers of this byte, from high to low: bit i stands for `high - i`.
        let high = top - 2 - byte * 8;
        let mut value = 0;
        for bit in 0..8 {
            let Some(number) = high.checked_sub(bit) else { break };
            while ranges.peek().is_some_and(|r| r.start > number) {
                ranges.next();
            }
            if ranges.peek().is_some_and(|r| r.contains(&number)) {
                value |= 1 << bit;
            }
        }
        w.u8(value);
    }
}

/// Iterates over the ranges of an [`Ack`], highest first.
#[derive(Clone, Debug)]
pub struct AckRanges<'a> {
    next: Option<Range<u64>>,
    blocks: Blocks<'a>,
    /// Lowest number of the range last made; for a bitmap, of the first range.
    lowest: u64,
    /// How far a bitmap has been read.
    bit: usize,
}

impl Iterator for AckRanges<'_> {
    type Item = Range<u64>;

    fn next(&mut self) -> Option<Range<u64>> {
        if let Some(first) = self.next.take() {
            return Some(first);
        }
        match &mut self.blocks {
            Blocks::Pairs(bytes) => {
                let mut r = Reader::new(bytes);
                let gap = r.varint("gap").ok()?;
                let len = r.varint("range length").ok()?;
                *bytes = r.rest();
                let high = self.lowest.checked_sub(gap + 2)?;
                self.lowest = high.checked_sub(len)?;
                Some(self.lowest..high + 1)
            }
            Blocks::Bitmap(bits) => next_run(bits, &mut self.bit, self.lowest),
        }
    }
}

/// The next run of set bits at or behind `bit`; bit i stands for the number `top - 2 - i`.
fn next_run(bits: &[u8], bit: &mut usize, top: u64) -> Option<Range<u64>> {
    let is_set = |i: usize| bits.get(i / 8).map(|byte| byte >> (i % 8) & 1 == 1);
    while !is_set(*bit)? {
        // Whole empty bytes are skipped at once.
        *bit = if bits.get(*bit / 8) == Some(&0) { (*bit / 8 + 1) * 8 } else { *bit + 1 };
    }
    let first = *bit as u64;
    while is_set(*bit) == Some(true) {
        *bit += 1;
    }
    let high = top.checked_sub(2 + first)?;
    Some((top.checked_sub(1 + *bit as u64)?)..high + 1)
}
