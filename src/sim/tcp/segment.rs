//! What goes over the network: a data segment or an acknowledgement, as long as the real one.

use std::ops::Range;

/// Bytes that one selective acknowledgement takes (RFC 2018, section 3).
const BLOCK_BYTES: usize = 8;
/// Selective acknowledgements in one packet at the most, as beside timestamps.
pub(super) const MAX_BLOCKS: usize = 3;
/// Kind, number of blocks, sequence number.
const FIXED_BYTES: usize = 6;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// The segment of this number; 0 is the SYN, which has no data.
    Data { number: u32 },
    /// All below `next` have come, and of those above it the `blocks`, the latest first.
    Ack { next: u32, blocks: Vec<Range<u32>> },
}

impl Segment {
    /// The packet's bytes, with as many zeros as make it as long as it should be.
    pub(super) fn encode(&self, header_bytes: u32, payload_bytes: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut len = header_bytes as usize;
        match self {
            Self::Data { number } => {
                bytes.extend([0, 0]);
                bytes.extend(number.to_be_bytes());
                len += if *number == 0 { 0 } else { payload_bytes as usize };
            }
            Self::Ack { next, blocks } => {
                let blocks = &blocks[..blocks.len().min(MAX_BLOCKS)];
                bytes.extend([1, blocks.len() as u8]);
                bytes.extend(next.to_be_bytes());
                for block in blocks {
                    bytes.extend(block.start.to_be_bytes());
                    bytes.extend(block.end.to_be_bytes());
                }
                len += blocks.len() * BLOCK_BYTES;
            }
        }
        bytes.resize(len.max(bytes.len()), 0);
        bytes
    }

    /// The packet of these bytes, or `None` if they are none.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[kind, count, ref number @ ..], rest) = bytes.split_first_chunk::<FIXED_BYTES>()?;
        let number = u32::from_be_bytes(*number);
        if kind == 0 {
            return Some(Self::Data { number });
        }
        let (words, _) = rest.as_chunks::<4>();
        let mut words = words.iter().map(|word| u32::from_be_bytes(*word));
        let blocks = (0..count).map_while(|_| Some(words.next()?..words.next()?)).collect();
        Some(Self::Ack { next: number, blocks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::single_range_in_vec_init, reason = "a list of one block")]
    fn packets_come_back_and_are_as_long_as_real_ones() {
        for (segment, len) in [
            (Segment::Data { number: 0 }, 40),
            (Segment::Data { number: 7 }, 1040),
            (Segment::Ack { next: 9, blocks: vec![] }, 40),
            (Segment::Ack { next: 9, blocks: vec![12..13] }, 48),
            (Segment::Ack { next: 9, blocks: vec![14..15, 10..12, 17..20] }, 64),
        ] {
            let bytes = segment.encode(40, 1000);
            assert_eq!(bytes.len(), len, "{segment:?}");
            assert_eq!(Segment::decode(&bytes), Some(segment));
        }
        assert_eq!(Segment::decode(&[0; FIXED_BYTES - 1]), None);
    }
}
