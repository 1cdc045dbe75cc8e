//! What message channels carry: messages and parts of them, parities, and runs that will not come.

use super::{ChannelId, Truncated};

/// A message, or a part of one. A copy of a message is the same frame again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageFrame<'a> {
    /// The channel.
    pub id: ChannelId,
    /// Which message.
    pub number: MessageNumber,
    /// Which part of it `data` is; without it all.
    pub part: Option<Part>,
    /// What it replaces older ones of; on Latest channels only.
    pub key: Option<u64>,
    /// The bytes.
    pub data: &'a [u8],
}

/// Where in its message a part lies. Each part says how long the message is, so that it does not
/// matter which one comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many of the message's bytes are before it.
    pub offset: u64,
    /// How many bytes the message has, 1 at least.
    pub total: u64,
}

/// The exclusive or of several whole messages without a key, each with its length in front and zeros
/// behind: whoever has all but one of them can make that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParityFrame<'a> {
    /// The channel.
    pub id: ChannelId,
    /// The newest of the messages.
    pub number: MessageNumber,
    /// The others: bit i stands for message `number - 1 - i`. Never 0.
    pub others: u8,
    /// The exclusive or of the lengths; so it may exceed `data`'s.
    pub size: u16,
    /// The exclusive or of the bytes, as long as the longest message.
    pub data: &'a [u8],
}

/// Messages that will not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The channel.
    pub id: ChannelId,
    /// The first of them.
    pub first: u64,
    /// How many, 1 at least; `first + count` is at most 2^62.
    pub count: u64,
    /// The credit that the sender has reserved for each of them: 0 if nothing of it was ever sent.
    pub cost: u64,
}

/// A message's number as it travels: whole while it is below 2^24, its low 32 bits from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageNumber(Truncated);

impl MessageNumber {
    /// Prepares a number for sending.
    pub const fn new(number: u64) -> Self {
        let bytes = match number {
            0..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xff_ffff => 3,
            _ => 4,
        };
        Self(Truncated { low: number & 0xffff_ffff, bytes })
    }

    /// The number that was meant, given one that is less than 2^31 away from it: the highest one seen
    /// on the channel plus 1.
    pub fn expand(self, near: u64) -> u64 {
        if self.0.bytes < 4 { self.0.low } else { self.0.expand(near) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_whole_until_they_have_four_bytes() {
        for (number, bytes) in
            [(0, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 3), (0xff_ffff, 3), (1 << 24, 4)]
        {
            assert_eq!(MessageNumber::new(number).0.bytes, bytes, "{number}");
        }
        for number in [0, 255, 256, 65_536, 0xff_ffff] {
            assert_eq!(MessageNumber::new(number).expand(1 << 61), number);
        }
    }

    proptest! {
        #[test]
        fn long_numbers_are_found_from_nearby(near in 0..1u64 << 62, back in 0..1u64 << 31) {
            let number = near.saturating_sub(back);
            prop_assert_eq!(MessageNumber::new(number).expand(near), number);
            let number = near.saturating_add(back).min((1 << 62) - 1);
            prop_assert_eq!(MessageNumber::new(number).expand(near), number);
        }
    }
}
