//! The format: a kind, a number, the payload, and a CRC-32 over all of them.
//!
//! ```text
//!   kind (1) | number (4) | payload, in DATA only | CRC-32 (4)
//! ```

/// Bytes of a frame beside its payload.
pub const FRAME_OVERHEAD: usize = 9;

const DATA: u8 = 1;
const ACK: u8 = 2;

/// What travels between two peers. Numbers count frames from 0; textbooks spare bits by counting
/// modulo twice the window, which changes nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A numbered payload.
    Data {
        /// Its number.
        number: u32,
        /// What it carries.
        payload: &'a [u8],
    },
    /// An acknowledgement. Which frames it means is the protocol's matter.
    Ack {
        /// Its number.
        number: u32,
    },
}

impl<'a> Frame<'a> {
    /// Reads a datagram; `None` if it is damaged or something else.
    pub fn decode(datagram: &'a [u8]) -> Option<Self> {
        let (body, check) = datagram.split_last_chunk::<4>()?;
        if crc32fast::hash(body).to_be_bytes() != *check {
            return None;
        }
        let (kind, rest) = body.split_first()?;
        let (number, payload) = rest.split_first_chunk::<4>()?;
        let number = u32::from_be_bytes(*number);
        match *kind {
            DATA => Some(Self::Data { number, payload }),
            ACK if payload.is_empty() => Some(Self::Ack { number }),
            _ => None,
        }
    }

    /// Appends the frame.
    pub fn encode(&self, buf: &mut Vec<u8>) {
        let start = buf.len();
        let (kind, number, payload) = match *self {
            Self::Data { number, payload } => (DATA, number, payload),
            Self::Ack { number } => (ACK, number, &[] as &[u8]),
        };
        buf.push(kind);
        buf.extend(number.to_be_bytes());
        buf.extend(payload);
        let check = crc32fast::hash(buf.get(start..).unwrap_or_default());
        buf.extend(check.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_damage_is_noticed() {
        for frame in [
            Frame::Data { number: 7, payload: b"x" },
            Frame::Data { number: u32::MAX, payload: b"" },
            Frame::Ack { number: 0 },
        ] {
            let mut bytes = Vec::new();
            frame.encode(&mut bytes);
            assert_eq!(Frame::decode(&bytes), Some(frame));
            for bit in 0..bytes.len() * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Frame::decode(&bytes), None, "bit {bit}");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            assert_eq!(Frame::decode(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(Frame::decode(b""), None);
    }
}
