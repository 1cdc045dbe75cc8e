//! The first bytes of every datagram: type, connection id, number, and a check over just these.
//!
//! ```text
//!  DATA   010E KSNN     numbered packet of an established connection
//!  ACK    011E KSNN     the same, with the handshake's proof in front of its frames
//!  others 001S TTTT     SYN 0000, SYN-ACK 0001, REFUSE 0010, STALE 0011, RESET 01NN, VERSION 1000
//!
//!  byte 0 | connection id (8) | packet number (NN + 1, where there is one) | check (2)
//!  E: ack-eliciting   K: key phase   S: spare, any value   NN: length of the number less one
//! ```

use super::{ConnectionId, DecodeError, Reader, Truncated, Why};

const DATA: u8 = 0b0100_0000;
const ACK: u8 = 0b0110_0000;
const OTHER: u8 = 0b0010_0000;
const FORM: u8 = 0b1110_0000;
const ELICITING: u8 = 0b0001_0000;
const KEY_PHASE: u8 = 0b0000_1000;
const SPARE: u8 = 0b0000_0100;
const OTHER_SPARE: u8 = 0b0001_0000;

/// The fields in front of the frames of a numbered packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Under which id its receiver receives.
    pub to: ConnectionId,
    /// The packet number as it travels.
    pub number: Truncated,
    /// Whether the sender wants an acknowledgement.
    pub ack_eliciting: bool,
    /// Reserved for encryption: which of two keys.
    pub key_phase: bool,
    /// A bit without meaning, set at random so that nobody comes to rely on it.
    pub spare: bool,
}

/// What a host answers that does not know the connection id (P-60): it echoes id, number and
/// checksum of the packet it answers, which only somebody who saw that packet can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The id that the answered packet was sent to.
    pub to: ConnectionId,
    /// The number of the answered packet as it travelled.
    pub number: Truncated,
    /// The last four bytes of the answered packet.
    pub trailer: u32,
}

/// What kind of packet a datagram is, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// A request for a connection, from the client that will receive under this id.
    Syn(ConnectionId),
    /// The answer to a SYN.
    SynAck(ConnectionId),
    /// The server cannot take the connection.
    Refuse(ConnectionId),
    /// The cookie has expired: begin anew.
    Stale(ConnectionId),
    /// The versions that the server speaks.
    Version(ConnectionId),
    /// The receiver does not know this connection.
    Reset(Numbered),
    /// A numbered packet with the handshake's proof.
    Ack(Numbered),
    /// A numbered packet.
    Data(Numbered),
}

impl Header {
    /// Bytes of the longest header.
    pub const MAX_LEN: usize = 1 + 8 + 4 + 2;

    /// Reads a header and holds it against its check. On success also tells where it ends.
    pub fn decode(datagram: &[u8]) -> Result<(Self, usize), DecodeError> {
        let mut r = Reader::new(datagram);
        let first = r.u8("packet type")?;
        let to = ConnectionId(r.u64("connection id")?);
        let unknown = DecodeError { at: 0, what: "packet type", why: Why::Unknown };
        let header = match first & FORM {
            DATA => Self::Data(Numbered::decode(first, to, &mut r)?),
            ACK => Self::Ack(Numbered::decode(first, to, &mut r)?),
            OTHER => match first & 0b1111 {
                0b0000 => Self::Syn(to),
                0b0001 => Self::SynAck(to),
                0b0010 => Self::Refuse(to),
                0b0011 => Self::Stale(to),
                0b0100..=0b0111 => Self::Reset(Numbered::decode(first, to, &mut r)?),
                0b1000 => Self::Version(to),
                _ => return Err(unknown),
            },
            _ => return Err(unknown),
        };
        let end = r.at();
        let check = r.uint(2, "header check")?;
        let covered = datagram.get(..end).unwrap_or_default();
        if check != u64::from(header_check(covered)) {
            return Err(DecodeError { at: 0, what: "header", why: Why::HeaderCheck });
        }
        Ok((header, r.at()))
    }

    /// Writes the header with its check.
    pub fn encode(&self, buf: &mut Vec<u8>) {
        let (bytes, len) = self.to_bytes();
        buf.extend_from_slice(bytes.get(..len).unwrap_or_default());
    }

    /// Writes the header with its check over the first bytes of `packet`, which were left free for it.
    pub fn overwrite(&self, packet: &mut [u8]) {
        let (bytes, len) = self.to_bytes();
        if let (Some(to), Some(from)) = (packet.get_mut(..len), bytes.get(..len)) {
            to.copy_from_slice(from);
        }
    }

    fn to_bytes(self) -> ([u8; Self::MAX_LEN], usize) {
        let (first, to, number) = match self {
            Self::Data(n) => (DATA | n.flags(), n.to, Some(n.number)),
            Self::Ack(n) => (ACK | n.flags(), n.to, Some(n.number)),
            Self::Reset(n) => (OTHER | spare(n.spare) | 0b0100, n.to, Some(n.number)),
            Self::Syn(to) => (OTHER, to, None),
            Self::SynAck(to) => (OTHER | 0b0001, to, None),
            Self::Refuse(to) => (OTHER | 0b0010, to, None),
            Self::Stale(to) => (OTHER | 0b0011, to, None),
            Self::Version(to) => (OTHER | 0b1000, to, None),
        };
        let mut bytes = [0; Self::MAX_LEN];
        let number_len = number.map_or(0, |n| n.bytes.clamp(1, 4));
        bytes[0] = first | number_len.saturating_sub(1) as u8;
        bytes[1..9].copy_from_slice(&to.0.to_be_bytes());
        if let Some(number) = number {
            let low = number.low.to_be_bytes();
            bytes[9..9 + number_len].copy_from_slice(&low[8 - number_len..]);
        }
        let end = 9 + number_len;
        let check = header_check(&bytes[..end]);
        bytes[end..end + 2].copy_from_slice(&check.to_be_bytes());
        (bytes, end + 2)
    }
}

impl Numbered {
    /// Bytes of a header with a packet number of `number_bytes` bytes.
    pub const fn encoded_len(number_bytes: usize) -> usize {
        1 + 8 + number_bytes + 2
    }

    fn decode(first: u8, to: ConnectionId, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = usize::from(first & 0b11) + 1;
        let low = r.uint(bytes, "packet number")?;
        let is_reset = first & FORM == OTHER;
        Ok(Self {
            to,
            number: Truncated { low, bytes },
            ack_eliciting: !is_reset && first & ELICITING != 0,
            key_phase: !is_reset && first & KEY_PHASE != 0,
            spare: first & if is_reset { OTHER_SPARE } else { SPARE } != 0,
        })
    }

    const fn flags(&self) -> u8 {
        (if self.ack_eliciting { ELICITING } else { 0 })
            | (if self.key_phase { KEY_PHASE } else { 0 })
            | (if self.spare { SPARE } else { 0 })
    }
}

impl Reset {
    /// Reads what follows a RESET's header.
    pub fn decode(header: Numbered, body: &[u8]) -> Result<Self, DecodeError> {
        let trailer = Reader::new(body).u32("echoed checksum")?;
        Ok(Self { to: header.to, number: header.number, trailer })
    }

    /// Writes the whole packet: it is shorter than any packet that it can answer (P-62).
    pub fn encode(&self, buf: &mut Vec<u8>) {
        let Self { to, number, trailer } = *self;
        let header = Numbered { to, number, ack_eliciting: false, key_phase: false, spare: false };
        Header::Reset(header).encode(buf);
        buf.extend_from_slice(&trailer.to_be_bytes());
    }
}

const fn spare(set: bool) -> u8 {
    if set { OTHER_SPARE } else { 0 }
}

/// CRC-32 of the header, its halves added without carry. An exhaustive test shows that it tells every
/// damage of one and two bits of any header.
pub(super) fn header_check(header: &[u8]) -> u16 {
    let crc = crc32fast::hash(header);
    (crc >> 16) as u16 ^ crc as u16
}
