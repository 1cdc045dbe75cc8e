//! The bytes of a message: which one it is, and then what follows from that, so that nothing has
//! to be kept to compare with.

use crate::impair::dice::mix;
use crate::wire::Side;

/// Bytes in front that say which message it is.
const HEAD: usize = 6;

/// The message with this name, `bytes` long, which is at least as much as the name takes.
pub(super) fn write(from: Side, lane: u16, number: u32, bytes: u32) -> Vec<u8> {
    let mut message = Vec::with_capacity(bytes as usize);
    message.extend(lane.to_be_bytes());
    message.extend(number.to_be_bytes());
    fill(from, lane, number, bytes as usize, &mut message);
    message
}

/// The lane and the number of a message from that side; `None` if it is not as it was sent.
pub(super) fn read(from: Side, message: &[u8]) -> Option<(u16, u32)> {
    let (lane, rest) = message.split_first_chunk::<2>()?;
    let (number, _) = rest.split_first_chunk::<4>()?;
    let (lane, number) = (u16::from_be_bytes(*lane), u32::from_be_bytes(*number));
    let mut expected = Vec::with_capacity(message.len());
    expected.extend(message.get(..HEAD)?);
    fill(from, lane, number, message.len(), &mut expected);
    (expected == message).then_some((lane, number))
}

fn fill(from: Side, lane: u16, number: u32, bytes: usize, message: &mut Vec<u8>) {
    let key = u64::from(number) << 24 | u64::from(lane) << 8 | from as u64;
    // The length takes part, so that a shorter message is not the beginning of a longer one.
    let mut word = mix(key ^ mix(bytes as u64));
    while message.len() < bytes {
        word = mix(word.wrapping_add(0x9e37_79b9_7f4a_7c15));
        let room = bytes - message.len();
        message.extend(word.to_le_bytes().into_iter().take(room));
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
