//! The bytes of a message: which one it is, and then what follows from that, so that nothing has
//! to be kept to compare with.

use crate::impair::dice::{Dice, mix};
use crate::wire::Side;

/// Bytes in front that say which message it is.
const HEAD: usize = 6;

/// The message with this name, `bytes` long, which is at least as much as the name takes.
pub(super) fn write(from: Side, lane: u16, number: u32, bytes: u32) -> Vec<u8> {
    let mut message = Vec::with_capacity(bytes as usize);
    message.extend(lane.to_be_bytes());
    message.extend(number.to_be_bytes());
    message.resize(bytes as usize, 0);
    let words = Words::new(from, lane, number, bytes as usize);
    let (chunks, tail) = message.get_mut(HEAD..).unwrap_or_default().as_chunks_mut();
    let end = chunks.len() as u64;
    for (n, chunk) in (0..).zip(chunks) {
        *chunk = words.at(n);
    }
    tail.copy_from_slice(&words.at(end)[..tail.len()]);
    message
}

/// The lane and the number of a message from that side; `None` if it is not as it was sent.
pub(super) fn read(from: Side, message: &[u8]) -> Option<(u16, u32)> {
    let (lane, rest) = message.split_first_chunk::<2>()?;
    let (number, rest) = rest.split_first_chunk::<4>()?;
    let (lane, number) = (u16::from_be_bytes(*lane), u32::from_be_bytes(*number));
    let words = Words::new(from, lane, number, message.len());
    let (chunks, tail) = rest.as_chunks();
    // All of them, without a branch for each: what is wrong is rare.
    let wrong = (0..).zip(chunks).fold(false, |wrong, (n, chunk)| wrong | (*chunk != words.at(n)));
    let is_right = !wrong && tail == &words.at(chunks.len() as u64)[..tail.len()];
    is_right.then_some((lane, number))
}

/// What follows from a message's name and length, eight bytes at a time.
#[derive(Clone, Copy)]
struct Words(Dice);

impl Words {
    /// The length takes part, so that a shorter message is not the beginning of a longer one.
    fn new(from: Side, lane: u16, number: u32, bytes: usize) -> Self {
        let key = u64::from(number) << 24 | u64::from(lane) << 8 | from as u64;
        Self(Dice::new(mix(key ^ mix(bytes as u64))))
    }

    fn at(self, n: u64) -> [u8; 8] {
        self.0.u64(n).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_themselves_and_damage_is_noticed() {
        for bytes in [8, 9, 120, 1000] {
            let mut message = write(Side::Server, 3, 70_000, bytes);
            assert_eq!(message.len(), bytes as usize);
            assert_eq!(read(Side::Server, &message), Some((3, 70_000)));
            assert_eq!(read(Side::Client, &message), None);
            assert_eq!(read(Side::Server, &message[..message.len() - 1]), None);
            message[bytes as usize - 1] ^= 1;
            assert_eq!(read(Side::Server, &message), None);
        }
        assert_eq!(read(Side::Client, &[]), None);
    }
}
