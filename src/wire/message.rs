//! What message channels carry: messages and parts of them, parities, and runs that will not come.

use super::{ChannelId, DecodeError, Reader, Truncated, Why, Writer, varint_len};

/// The first of the MESSAGE types: all of `001F LKNN`.
const MESSAGE: u8 = 0x20;
const MESSAGE_PART: u8 = 0x10;
const MESSAGE_LEN: u8 = 0x08;
const MESSAGE_KEY: u8 = 0x04;
/// The first of the PARITY types: all of `0001 1LNN`.
const PARITY: u8 = 0x18;
const PARITY_LEN: u8 = 0x04;
/// What a parity's length counts beside its bytes: the size.
const SIZE_LEN: usize = 2;
/// In both, the length of the number, less one.
const NUMBER_LEN: u8 = 0x03;

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
    /// How many, 1 at least. No message has a number of 2^62 or more, but nothing here keeps
    /// `first + count` from claiming so.
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

    const fn code(self) -> u8 {
        match self.0.bytes {
            1 => 0,
            2 => 1,
            3 => 2,
            _ => 3,
        }
    }

    fn decode(kind: u8, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = usize::from(kind & NUMBER_LEN) + 1;
        Ok(Self(Truncated { low: r.uint(bytes, "message number")?, bytes }))
    }

    fn encode(self, w: &mut Writer<'_>) {
        w.uint(self.0.low, self.0.bytes);
    }
}

impl<'a> MessageFrame<'a> {
    /// Bytes in front of the data, of which there are `data_len`, whatever `data` holds. Without a
    /// length the frame must be the packet's last.
    pub fn header_len(&self, data_len: Option<usize>) -> usize {
        let part = self.part.map_or(0, |part| varint_len(part.offset) + varint_len(part.total));
        let key = self.key.map_or(0, varint_len);
        let len = data_len.map_or(0, |n| varint_len(n as u64));
        1 + varint_len(self.id.0) + self.number.0.bytes + part + key + len
    }

    /// Writes what stands in front of the data; exactly `data_len` bytes must follow, and without
    /// `data_len` nothing may follow the data.
    pub fn encode_header(&self, data_len: Option<usize>, w: &mut Writer<'_>) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        w.u8(MESSAGE
            | flag(self.part.is_some(), MESSAGE_PART)
            | flag(data_len.is_some(), MESSAGE_LEN)
            | flag(self.key.is_some(), MESSAGE_KEY)
            | self.number.code());
        w.varint(self.id.0);
        self.number.encode(w);
        if let Some(Part { offset, total }) = self.part {
            w.varint(offset);
            w.varint(total);
        }
        if let Some(key) = self.key {
            w.varint(key);
        }
        if let Some(len) = data_len {
            w.varint(len as u64);
        }
    }

    pub(super) fn decode(kind: u8, r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let id = ChannelId(r.varint("channel id")?);
        let number = MessageNumber::decode(kind, r)?;
        let part = if kind & MESSAGE_PART == 0 {
            None
        } else {
            Some(Part { offset: r.varint("part offset")?, total: r.varint("message length")? })
        };
        let key = if kind & MESSAGE_KEY == 0 { None } else { Some(r.varint("message key")?) };
        let data = if kind & MESSAGE_LEN == 0 { r.rest() } else { r.prefixed("message data")? };
        Ok(Self { id, number, part, key, data })
    }
}

impl<'a> ParityFrame<'a> {
    /// Bytes in front of the XOR's bytes, of which there are `data_len`, whatever `data` holds. Without
    /// a length the frame must be the packet's last.
    pub fn header_len(&self, data_len: Option<usize>) -> usize {
        let len = data_len.map_or(0, |n| varint_len((SIZE_LEN + n) as u64));
        1 + varint_len(self.id.0) + self.number.0.bytes + 1 + len + SIZE_LEN
    }

    /// Writes what stands in front of the XOR's bytes; exactly `data_len` bytes must follow, and without
    /// `data_len` nothing may follow them.
    pub fn encode_header(&self, data_len: Option<usize>, w: &mut Writer<'_>) {
        let with_len = if data_len.is_some() { PARITY_LEN } else { 0 };
        w.u8(PARITY | with_len | self.number.code());
        w.varint(self.id.0);
        self.number.encode(w);
        w.u8(self.others);
        if let Some(len) = data_len {
            w.varint((SIZE_LEN + len) as u64);
        }
        w.bytes(&self.size.to_be_bytes());
    }

    pub(super) fn decode(kind: u8, r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let id = ChannelId(r.varint("channel id")?);
        let number = MessageNumber::decode(kind, r)?;
        let none = r.error("parity members", Why::Invalid);
        let others = r.u8("parity members")?;
        if others == 0 {
            return Err(none);
        }
        let cut = r.error("parity size", Why::Truncated);
        let body = if kind & PARITY_LEN == 0 { r.rest() } else { r.prefixed("parity data")? };
        let (size, data) = body.split_first_chunk().ok_or(cut)?;
        Ok(Self { id, number, others, size: u16::from_be_bytes(*size), data })
    }
}

impl Skip {
    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = ChannelId(r.varint("channel id")?);
        let first = r.varint("first skipped")?;
        let none = r.error("skipped count", Why::Invalid);
        let count = r.varint("skipped count")?;
        if count == 0 {
            return Err(none);
        }
        Ok(Self { id, first, count, cost: r.varint("skipped cost")? })
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
