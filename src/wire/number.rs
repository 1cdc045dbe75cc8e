//! Counters that travel with their low bytes only: packet numbers and stream offsets.

/// The low `bytes` bytes of a 64-bit counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Truncated {
    /// The low bytes.
    pub low: u64,
    /// How many there are, 1 to 8.
    pub bytes: usize,
}

impl Truncated {
    /// The shortest form that a receiver expands rightly while it knows some number between
    /// `lowest_unacked` and `number` (RFC 9000 §17.1: twice the range in flight must fit), or has
    /// received what was sent after `number`, up to four times the range: it may be overtaken.
    pub fn packet_number(number: u64, lowest_unacked: u64) -> Self {
        let range = number.saturating_sub(lowest_unacked).saturating_add(1).saturating_mul(8);
        let bytes = match range {
            0..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xff_ffff => 3,
            _ => 4,
        };
        Self { low: number & mask(bytes), bytes }
    }

    /// The number that ends in these bytes and is nearest to `expected` (RFC 9000 §A.3).
    pub fn expand(self, expected: u64) -> u64 {
        if self.bytes >= 8 {
            return self.low;
        }
        let window = 1u64 << (8 * self.bytes);
        let candidate = (expected & !(window - 1)) | self.low;
        if candidate.saturating_add(window / 2) <= expected && candidate <= u64::MAX - window {
            candidate + window
        } else if candidate > expected.saturating_add(window / 2) && candidate >= window {
            candidate - window
        } else {
            candidate
        }
    }
}

const fn mask(bytes: usize) -> u64 {
    if bytes >= 8 { u64::MAX } else { (1 << (8 * bytes)) - 1 }
}
