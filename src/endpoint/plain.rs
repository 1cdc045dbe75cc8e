//! Plain datagrams: what is not the protocol's comes and goes through the same socket, as it is and
//! without any guarantee.

use super::greeting::read_opening;
use super::{Datagram, Endpoint, Event};
use crate::connection::Transmit;
use crate::wire::{Ecn, Header, Refuse, Reset, Stale, Syn, SynAck, VersionList};
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;

/// The longest plain datagram that is sent, in bytes: no UDP payload over IPv4 is longer.
pub const MAX_PLAIN: usize = 65_507;
/// What a datagram counts beside its bytes, so that the empty ones that wait are bounded too.
const COST: usize = 64;

/// Why a plain datagram cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlainError {
    /// The endpoint has no plain datagrams: see [`Config::plain`](super::Config::plain).
    Off,
    /// Nothing can be sent to such an address: its port is 0, or it stands for any host.
    InvalidAddress(SocketAddr),
    /// It is too long.
    TooLarge {
        /// Its length, in bytes.
        len: usize,
        /// The longest that can be sent.
        max: usize,
    },
    /// It begins as a packet of the protocol does, so a peer that speaks it could take it for one. Of
    /// random payloads it is one in 2^18; it is none whose first byte is below 0x20 or above 0x7f.
    LooksLikeProtocol,
    /// As much waits to be sent as may.
    Blocked,
}

/// Datagrams that wait, of one direction.
#[derive(Debug, Default)]
struct Queue {
    datagrams: VecDeque<(SocketAddr, Vec<u8>)>,
    /// What they count together.
    held: usize,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Takes a datagram unless more than `limit` would wait. An empty queue takes any.
    fn push(&mut self, limit: usize, peer: SocketAddr, data: &[u8]) -> bool {
        let held = self.held + data.len() + COST;
        let is_taken = self.is_empty() || held <= limit;
        if is_taken {
            self.held = held;
            self.datagrams.push_back((peer, data.to_vec()));
        }
        is_taken
    }

    fn pop(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let (peer, data) = self.datagrams.pop_front()?;
        self.held -= data.len() + COST;
        Some((peer, data))
    }
}

/// The plain datagrams of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Plain {
    /// How much may wait each way; nothing if there are no plain datagrams at all.
    limit: Option<usize>,
    arrived: Queue,
    leaving: Queue,
    /// The first of those that wait has arrived, and nobody has been told.
    has_news: bool,
}

impl Plain {
    pub(super) fn new(limit: Option<usize>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Other settings; who has asked for plain datagrams keeps them.
    pub(super) fn set_limit(&mut self, limit: Option<usize>) {
        self.limit = limit.or(self.limit);
    }

    pub(super) fn is_on(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether there is nothing to send and nothing to tell.
    pub(super) fn is_idle(&self) -> bool {
        self.leaving.is_empty() && !self.has_news
    }

    /// What to tell: one event, however often the queue was emptied and filled in between.
    pub(super) fn event(&mut self) -> Option<Event> {
        std::mem::take(&mut self.has_news).then_some(Event::Datagram)
    }

    /// The next datagram to send; one without a byte is an empty range.
    pub(super) fn transmit(&mut self, buf: &mut Vec<u8>) -> Option<Transmit> {
        let (to, data) = self.leaving.pop()?;
        let start = buf.len();
        buf.extend_from_slice(&data);
        let range = start..buf.len();
        Some(Transmit { to, from: None, ecn: Ecn::NotEct, segment: range.len().max(1), range })
    }
}

impl Endpoint {
    /// Sends a datagram as it is, past all connections: it may be lost, doubled, overtaken or damaged,
    /// as with any UDP socket. `to` may be a group or a broadcast address.
    ///
    /// # Errors
    /// See [`PlainError`].
    pub fn send_to(&mut self, to: SocketAddr, data: &[u8]) -> Result<(), PlainError> {
        let limit = self.check_plain(to, data)?;
        if self.plain.leaving.push(limit, to, data) { Ok(()) } else { Err(PlainError::Blocked) }
    }

    /// Whether `data` may be sent to `to` as a plain datagram; returns how much may wait.
    pub(crate) fn check_plain(&self, to: SocketAddr, data: &[u8]) -> Result<usize, PlainError> {
        let limit = self.plain.limit.ok_or(PlainError::Off)?;
        if to.port() == 0 || to.ip().is_unspecified() {
            return Err(PlainError::InvalidAddress(to));
        }
        if data.len() > MAX_PLAIN {
            return Err(PlainError::TooLarge { len: data.len(), max: MAX_PLAIN });
        }
        // P-75.
        if Header::decode(data).is_ok() {
            return Err(PlainError::LooksLikeProtocol);
        }
        Ok(limit)
    }

    /// Whether plain datagrams are sent and received here.
    pub fn has_plain(&self) -> bool {
        self.plain.is_on()
    }

    /// The next plain datagram that has arrived, and who sent it. [`Event::Datagram`] follows once there
    /// is one again.
    pub fn recv_from(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.plain.arrived.pop()
    }

    /// The same, and it stays the next.
    pub fn peek_from(&self) -> Option<(SocketAddr, &[u8])> {
        let (from, data) = self.plain.arrived.datagrams.front()?;
        Some((*from, data))
    }

    /// P-74: whether a datagram with a good header is the protocol's.
    pub(super) fn is_protocols(
        &self,
        datagram: &Datagram<'_>,
        header: Header,
        header_len: usize,
    ) -> bool {
        let data = &*datagram.data;
        let is_known = |id| self.router.local(id).is_some();
        match header {
            Header::Data(numbered) => is_known(numbered.to),
            Header::Ack(numbered) => {
                is_known(numbered.to) || read_opening(data, numbered, header_len).is_some()
            }
            Header::Syn(id) => Syn::decode(id, data, header_len).is_ok(),
            Header::SynAck(id) => is_known(id) && SynAck::decode(id, data, header_len).is_ok(),
            Header::Refuse(id) => is_known(id) && Refuse::decode(id, data, header_len).is_ok(),
            Header::Stale(id) => is_known(id) && Stale::decode(id, data, header_len).is_ok(),
            Header::Version(id) => {
                is_known(id) && VersionList::decode_packet(data, header_len).is_ok()
            }
            Header::Reset(numbered) => {
                let body = data.get(header_len..).unwrap_or_default();
                let is_peers = |reset: Reset| self.router.peer((datagram.from, reset.to)).is_some();
                Reset::decode(numbered, body).is_ok_and(is_peers)
            }
        }
    }

    /// A datagram that is not the protocol's.
    pub(super) fn on_foreign(&mut self, datagram: &Datagram<'_>) {
        let Some(limit) = self.plain.limit else {
            self.stats.foreign += 1;
            return;
        };
        let is_first = self.plain.arrived.is_empty();
        if self.plain.arrived.push(limit, datagram.from, datagram.data) {
            self.plain.has_news |= is_first;
        } else {
            self.stats.plain_dropped += 1;
        }
    }
}

impl fmt::Display for PlainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => {
                f.write_str("this endpoint has no plain datagrams: `Config::plain` turns them on")
            }
            Self::InvalidAddress(address) => {
                write!(f, "nothing can be sent to {address}: it takes a host or a group, and a port that is not 0")
            }
            Self::TooLarge { len, max } => {
                write!(f, "a datagram of {len} bytes is too long: at most {max} can be sent")
            }
            Self::LooksLikeProtocol => f.write_str(
                "the datagram would be taken for a packet of the protocol: none is whose first byte is below 0x20 or above 0x7f",
            ),
            Self::Blocked => f.write_str("as many datagrams wait to be sent as may: try again later"),
        }
    }
}

impl std::error::Error for PlainError {}

#[cfg(test)]
mod tests;
