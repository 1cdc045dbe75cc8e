//! The format: bytes to packets and frames, and back. `docs/PROTOCOL.md` is its specification.
//!
//! Nothing here has state, a clock or a lock. Decoding borrows from the datagram, never panics and
//! never allocates; its error says where in the input it stopped, at which field, and why.

mod ack;
mod channel;
mod cursor;
mod frame;
mod handshake;
mod header;
mod integrity;
mod message;
mod number;
mod parameters;

pub use ack::{Ack, AckRanges, EcnCounts};
pub use channel::{ChannelId, Mode};
pub use cursor::{DecodeError, MAX_VARINT, Reader, Why, Writer, varint_len};
pub use frame::{Close, Frame, Frames, Nack, Offset, StreamFrame};
pub use handshake::{Cookie, Opening, Refuse, RefuseReason, Stale, Syn, SynAck, VersionList};
pub use header::{Header, Numbered, Reset};
pub use integrity::{Crc32, Integrity, Opened, Pseudo};
pub use message::{MessageFrame, MessageNumber, ParityFrame, Part, Skip};
pub use number::Truncated;
pub use parameters::Parameters;

use std::fmt;

/// The protocol version that this crate speaks: "TL", version 1.
pub const VERSION: u32 = 0x544c_0001;

/// UDP payload that works on every path, in bytes; SYNs are padded to it (P-3).
pub const BASE_PAYLOAD: usize = 1200;

/// Under which a host receives: chosen by the host itself, unguessable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Which stream: even numbers are opened by the side that connected, odd ones by the side that accepted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// Which side of a connection one is; it decides the parity of the streams that one opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The side that called `connect`.
    Client,
    /// The side that accepted.
    Server,
}

impl Side {
    /// The other side.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl StreamId {
    /// The stream that every connection has from the handshake on.
    pub const ZERO: Self = Self(0);

    /// The `index`-th stream that `opener` opens.
    pub const fn new(opener: Side, index: u64) -> Self {
        Self(index * 2 + opener as u64)
    }

    /// Who opened it.
    pub const fn opener(self) -> Side {
        if self.0.is_multiple_of(2) { Side::Client } else { Side::Server }
    }

    /// How many streams its opener had opened before.
    pub const fn index(self) -> u64 {
        self.0 / 2
    }
}

/// The two bits of the IP header that routers use to signal congestion (RFC 3168 §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ecn {
    /// Not ECN-capable.
    #[default]
    NotEct,
    /// ECN-capable, codepoint 1 (used by L4S senders, RFC 9331).
    Ect1,
    /// ECN-capable, codepoint 0.
    Ect0,
    /// Congestion experienced.
    Ce,
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests;
