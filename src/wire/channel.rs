//! Which message channel, and what its number says of it.

use super::Side;
use std::fmt;

/// How a message channel delivers: two bits of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Mode {
    /// Every message once, in the order in which they were sent.
    Ordered = 0,
    /// Every message once, as soon as all of it is there.
    Unordered = 1,
    /// The newest message, of each key if keys are used; older ones are dropped.
    Latest = 2,
    /// Every message at most once, never sent again.
    Unreliable = 3,
}

impl Mode {
    /// All of them, in the order of their bits.
    pub const ALL: [Self; 4] = [Self::Ordered, Self::Unordered, Self::Latest, Self::Unreliable];

    /// Whether every message arrives or is reported missing: with credit, retransmission and SKIP.
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::Ordered | Self::Unordered)
    }
}

/// Which channel: its number says who opened it, how it delivers, and how many of its kind were opened
/// before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(pub u64);

impl ChannelId {
    /// How many kinds there are: openers times modes.
    pub const CLASSES: usize = 8;

    /// The urgent channel, which every connection has: the client's Unordered channel 0.
    pub const URGENT: Self = Self(2);

    /// The `index`-th channel of this mode that `opener` opens; `index` below 2^59.
    pub const fn new(opener: Side, mode: Mode, index: u64) -> Self {
        Self(index << 3 | (mode as u64) << 1 | opener as u64)
    }

    /// Who opened it.
    pub const fn opener(self) -> Side {
        if self.0.is_multiple_of(2) { Side::Client } else { Side::Server }
    }

    /// How it delivers.
    pub const fn mode(self) -> Mode {
        match self.0 >> 1 & 0b11 {
            0 => Mode::Ordered,
            1 => Mode::Unordered,
            2 => Mode::Latest,
            _ => Mode::Unreliable,
        }
    }

    /// How many channels of its mode its opener had opened before.
    pub const fn index(self) -> u64 {
        self.0 >> 3
    }

    /// Its kind, below [`Self::CLASSES`]: who opened it, and how it delivers.
    pub const fn class(self) -> usize {
        (self.0 & 0b111) as usize
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_opener_mode_and_index() {
        let mut classes = Vec::new();
        for opener in [Side::Client, Side::Server] {
            for mode in Mode::ALL {
                for index in [0, 1, 7, 8, (1 << 59) - 1] {
                    let id = ChannelId::new(opener, mode, index);
                    assert_eq!((id.opener(), id.mode(), id.index()), (opener, mode, index));
                    assert_eq!(id.0 < 64, index < 8, "one byte for the first eight of each kind");
                    assert!(id.0 <= crate::wire::MAX_VARINT);
                }
                classes.push(ChannelId::new(opener, mode, 5).class());
            }
        }
        classes.sort_unstable();
        assert_eq!(classes, (0..ChannelId::CLASSES).collect::<Vec<_>>());
    }

    #[test]
    fn the_urgent_channel_is_the_clients_first_unordered_one() {
        assert_eq!(ChannelId::URGENT, ChannelId::new(Side::Client, Mode::Unordered, 0));
    }
}
