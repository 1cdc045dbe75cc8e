//! The checksum over a whole numbered packet, behind a trait so that encryption can take its place.

use super::ConnectionId;
use std::fmt;

/// What the checksum covers besides the packet itself, so that a packet number that was expanded
/// wrongly, or a packet of another connection, does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pseudo {
    /// The full packet number.
    pub number: u64,
    /// Under which id the receiver receives.
    pub to: ConnectionId,
    /// Under which id the sender receives.
    pub from: ConnectionId,
}

/// What became of a packet on its way.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened<'a> {
    /// As it was sent; what follows the header, without the trailer.
    Intact(&'a [u8]),
    /// Changed by accident; the trailer as it arrived, which is the NACK's evidence.
    Damaged(u32),
    /// Changed on purpose: to be dropped without an answer.
    Forged,
}

/// Protects packets: a checksum now, an authenticating cipher later.
pub trait Integrity: fmt::Debug + Send {
    /// Bytes that `seal` appends.
    fn trailer_len(&self) -> usize;

    /// Completes the packet that begins at `start` in `buf`, whose header ends at `start + header`.
    /// Returns its last four bytes: what a NACK or RESET for it has to show.
    fn seal(&self, pseudo: Pseudo, buf: &mut Vec<u8>, start: usize, header: usize) -> u32;

    /// Checks a packet whose header is `header` bytes long.
    fn open<'a>(&self, pseudo: Pseudo, packet: &'a mut [u8], header: usize) -> Opened<'a>;
}

/// CRC-32 (IEEE 802.3): tells every damage of up to three bits in packets up to 11 KB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crc32;

impl Crc32 {
    /// Bytes of the checksum.
    pub const LEN: usize = 4;

    /// The checksum of a packet without its trailer.
    pub fn of(pseudo: Pseudo, packet: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        let mut prefix = [0; 24];
        prefix[..8].copy_from_slice(&pseudo.number.to_be_bytes());
        prefix[8..16].copy_from_slice(&pseudo.to.0.to_be_bytes());
        prefix[16..].copy_from_slice(&pseudo.from.0.to_be_bytes());
        hasher.update(&prefix);
        hasher.update(packet);
        hasher.finalize()
    }
}

impl Integrity for Crc32 {
    fn trailer_len(&self) -> usize {
        Self::LEN
    }

    fn seal(&self, pseudo: Pseudo, buf: &mut Vec<u8>, start: usize, _header: usize) -> u32 {
        let crc = Self::of(pseudo, buf.get(start..).unwrap_or_default());
        buf.extend_from_slice(&crc.to_be_bytes());
        crc
    }

    fn open<'a>(&self, pseudo: Pseudo, packet: &'a mut [u8], header: usize) -> Opened<'a> {
        let Some((covered, trailer)) = packet.split_last_chunk::<{ Self::LEN }>() else {
            return Opened::Forged;
        };
        let trailer = u32::from_be_bytes(*trailer);
        match covered.get(header..) {
            Some(body) if Self::of(pseudo, covered) == trailer => Opened::Intact(body),
            // A datagram cut inside its trailer or header shows no evidence worth a NACK.
            None => Opened::Forged,
            Some(_) => Opened::Damaged(trailer),
        }
    }
}
