//! The packets without a number: how a connection is asked for, offered, proven and refused.
//!
//! Each is a header, the fields below, and a CRC-32 over all that stands before it.

use super::parameters::MAX_BLOCK;
use super::{BASE_PAYLOAD, ConnectionId, DecodeError, Header, Reader, Why, Writer};

/// The most versions that a list may hold (P-10); further ones are not read.
const MAX_VERSIONS: usize = 16;

/// A keyed hash that proves that the server itself made an offer to this client at this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie(pub [u8; 16]);

/// Versions, as they stand in the packet: four bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionList<'a>(&'a [u8]);

impl<'a> VersionList<'a> {
    /// The versions in the order of the sender's preference.
    pub fn iter(&self) -> impl Iterator<Item = u32> + 'a {
        self.0.chunks_exact(4).map(|c| c.iter().fold(0, |n, b| n << 8 | u32::from(*b)))
    }

    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(r.u8("version count")?);
        if count == 0 || count > MAX_VERSIONS {
            return Err(r.error("version count", Why::Invalid));
        }
        Ok(Self(r.take(count * 4, "versions")?))
    }

    fn encode(versions: &[u32], w: &mut Writer<'_>) {
        w.u8(versions.len().min(MAX_VERSIONS) as u8);
        versions.iter().take(MAX_VERSIONS).for_each(|v| w.u32(*v));
    }
}

/// A request for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syn<'a> {
    /// Under which id the client will receive.
    pub client: ConnectionId,
    /// A random number that answers must echo.
    pub nonce: u64,
    /// Counts the client's SYNs, so that the answer to each can be told (no Karn ambiguity).
    pub attempt: u8,
    /// What the client speaks.
    pub versions: VersionList<'a>,
    /// The client's parameters.
    pub block: &'a [u8],
}

/// An offer of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynAck<'a> {
    /// The client's id.
    pub client: ConnectionId,
    /// The client's nonce.
    pub nonce: u64,
    /// Which SYN this answers.
    pub attempt: u8,
    /// Under which id the server will receive.
    pub server: ConnectionId,
    /// The version that the server chose.
    pub version: u32,
    /// The server's clock, in microseconds, for its eyes only.
    pub stamp: u64,
    /// Proof for the server that this offer is its own.
    pub cookie: Cookie,
    /// The server's parameters.
    pub block: &'a [u8],
}

/// What stands in front of the frames of an ACK packet: the offer, given back byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening<'a> {
    /// The client's id.
    pub client: ConnectionId,
    /// The client's nonce.
    pub nonce: u64,
    /// The version that was chosen.
    pub version: u32,
    /// The server's stamp.
    pub stamp: u64,
    /// The server's cookie.
    pub cookie: Cookie,
    /// How long after the SYN-ACK's arrival this packet left, in microseconds.
    pub waited_us: u64,
    /// The client's parameters, as in its SYN.
    pub client_block: &'a [u8],
    /// The server's parameters, as in its SYN-ACK.
    pub server_block: &'a [u8],
}

/// Why a server refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefuseReason {
    /// Nobody listens.
    NotListening,
    /// The accept queue, or a table of bounded size, is full.
    Busy,
    /// The proof is not this server's: the server has been restarted since, or the client's address has
    /// changed.
    Unproven,
    /// A reason that this version does not know.
    Other(u8),
}

/// The server's refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refuse {
    /// The client's id.
    pub client: ConnectionId,
    /// The client's nonce.
    pub nonce: u64,
    /// Why.
    pub reason: RefuseReason,
}

/// The cookie has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The client's id.
    pub client: ConnectionId,
    /// The client's nonce.
    pub nonce: u64,
}

fn block<'a>(r: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8], DecodeError> {
    let block = r.prefixed(what)?;
    if block.len() > MAX_BLOCK { Err(r.error(what, Why::Invalid)) } else { Ok(block) }
}

/// What lies between the header and the checksum, if the checksum is right.
fn checked(datagram: &[u8], header: usize) -> Result<Reader<'_>, DecodeError> {
    let end = datagram.len().saturating_sub(4);
    let error = DecodeError { at: end, what: "checksum", why: Why::Checksum };
    let (covered, crc) = datagram.split_last_chunk::<4>().ok_or(error)?;
    if crc32fast::hash(covered) != u32::from_be_bytes(*crc) {
        return Err(error);
    }
    let mut r = Reader::new(covered);
    r.take(header, "header")?;
    Ok(r)
}

/// Writes a packet: its header, its fields, zeros up to `pad_to` bytes in all, its checksum.
fn packet(header: Header, pad_to: usize, buf: &mut Vec<u8>, fields: impl FnOnce(&mut Writer<'_>)) {
    let start = buf.len();
    header.encode(buf);
    fields(&mut Writer::new(buf, start + BASE_PAYLOAD - 4));
    let len = (buf.len() + 4).max(start + pad_to) - 4;
    buf.resize(len, 0);
    let crc = crc32fast::hash(buf.get(start..).unwrap_or_default());
    buf.extend_from_slice(&crc.to_be_bytes());
}

impl<'a> Syn<'a> {
    /// Reads a SYN whose header has been read.
    pub fn decode(
        client: ConnectionId,
        datagram: &'a [u8],
        header: usize,
    ) -> Result<Self, DecodeError> {
        let mut r = checked(datagram, header)?;
        Ok(Self {
            client,
            nonce: r.u64("nonce")?,
            attempt: r.u8("attempt")?,
            versions: VersionList::decode(&mut r)?,
            block: block(&mut r, "client parameters")?,
        })
    }

    /// Writes a SYN of `BASE_PAYLOAD` bytes.
    pub fn encode(
        client: ConnectionId,
        nonce: u64,
        attempt: u8,
        versions: &[u32],
        block: &[u8],
        buf: &mut Vec<u8>,
    ) {
        packet(Header::Syn(client), BASE_PAYLOAD, buf, |w| {
            w.u64(nonce);
            w.u8(attempt);
            VersionList::encode(versions, w);
            w.prefixed(block);
        });
    }
}

impl<'a> SynAck<'a> {
    /// Reads a SYN-ACK whose header has been read.
    pub fn decode(
        client: ConnectionId,
        datagram: &'a [u8],
        header: usize,
    ) -> Result<Self, DecodeError> {
        let mut r = checked(datagram, header)?;
        Ok(Self {
            client,
            nonce: r.u64("nonce")?,
            attempt: r.u8("attempt")?,
            server: ConnectionId(r.u64("server id")?),
            version: r.u32("version")?,
            stamp: r.u64("stamp")?,
            cookie: Cookie(r.array("cookie")?),
            block: block(&mut r, "server parameters")?,
        })
    }

    /// Writes the packet.
    pub fn encode(&self, buf: &mut Vec<u8>) {
        packet(Header::SynAck(self.client), 0, buf, |w| {
            w.u64(self.nonce);
            w.u8(self.attempt);
            w.u64(self.server.0);
            w.u32(self.version);
            w.u64(self.stamp);
            w.bytes(&self.cookie.0);
            w.prefixed(self.block);
        });
    }
}

impl<'a> Opening<'a> {
    /// Bytes that it takes at most, the two blocks apart.
    pub(crate) const MAX_FIXED_LEN: usize = 8 + 8 + 4 + 8 + size_of::<Cookie>() + 8;

    /// Reads the opening in front of an ACK packet's frames.
    pub fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            client: ConnectionId(r.u64("client id")?),
            nonce: r.u64("nonce")?,
            version: r.u32("version")?,
            stamp: r.u64("stamp")?,
            cookie: Cookie(r.array("cookie")?),
            waited_us: r.varint("wait")?,
            client_block: block(r, "client parameters")?,
            server_block: block(r, "server parameters")?,
        })
    }

    /// Writes the opening.
    pub fn encode(&self, w: &mut Writer<'_>) {
        w.u64(self.client.0);
        w.u64(self.nonce);
        w.u32(self.version);
        w.u64(self.stamp);
        w.bytes(&self.cookie.0);
        w.varint(self.waited_us);
        w.prefixed(self.client_block);
        w.prefixed(self.server_block);
    }
}

impl Refuse {
    /// Reads a REFUSE whose header has been read.
    pub fn decode(
        client: ConnectionId,
        datagram: &[u8],
        header: usize,
    ) -> Result<Self, DecodeError> {
        let mut r = checked(datagram, header)?;
        let nonce = r.u64("nonce")?;
        let reason = match r.u8("refusal reason")? {
            0 => RefuseReason::NotListening,
            1 => RefuseReason::Busy,
            2 => RefuseReason::Unproven,
            other => RefuseReason::Other(other),
        };
        Ok(Self { client, nonce, reason })
    }

    /// Writes the packet.
    pub fn encode(&self, buf: &mut Vec<u8>) {
        packet(Header::Refuse(self.client), 0, buf, |w| {
            w.u64(self.nonce);
            w.u8(match self.reason {
                RefuseReason::NotListening => 0,
                RefuseReason::Busy => 1,
                RefuseReason::Unproven => 2,
                RefuseReason::Other(code) => code,
            });
        });
    }
}

impl Stale {
    /// Reads a STALE whose header has been read.
    pub fn decode(
        client: ConnectionId,
        datagram: &[u8],
        header: usize,
    ) -> Result<Self, DecodeError> {
        let mut r = checked(datagram, header)?;
        Ok(Self { client, nonce: r.u64("nonce")? })
    }

    /// Writes the packet.
    pub fn encode(&self, buf: &mut Vec<u8>) {
        packet(Header::Stale(self.client), 0, buf, |w| w.u64(self.nonce));
    }
}

impl<'a> VersionList<'a> {
    /// Reads a VERSION packet whose header has been read: the echoed nonce, and the list.
    pub fn decode_packet(datagram: &'a [u8], header: usize) -> Result<(u64, Self), DecodeError> {
        let mut r = checked(datagram, header)?;
        Ok((r.u64("nonce")?, Self::decode(&mut r)?))
    }

    /// Writes a VERSION packet.
    pub fn encode_packet(client: ConnectionId, nonce: u64, versions: &[u32], buf: &mut Vec<u8>) {
        packet(Header::Version(client), 0, buf, |w| {
            w.u64(nonce);
            Self::encode(versions, w);
        });
    }
}
