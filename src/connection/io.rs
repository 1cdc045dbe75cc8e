//! What goes into and comes out of a machine: datagrams, transmissions, events, and when to return.

use crate::time::Instant;
use crate::wire::Ecn;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// One datagram that arrived.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub from: SocketAddr,
    /// To which of this host's addresses, where the driver can tell.
    pub to: Option<IpAddr>,
    /// The congestion bits of its IP header.
    pub ecn: Ecn,
    /// The UDP payload; mutable so that a cipher can work in place.
    pub data: &'a mut [u8],
}

/// One or more datagrams to send to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// To whom.
    pub to: SocketAddr,
    /// From which of this host's addresses, where that matters.
    pub from: Option<IpAddr>,
    /// The congestion bits to set.
    pub ecn: Ecn,
    /// Where in the buffer the payload is.
    pub range: Range<usize>,
    /// Each datagram is this long, in bytes, but for the last one, which may be shorter.
    pub segment: usize,
}

impl Transmit {
    /// The single datagrams.
    pub fn datagrams<'a>(&self, buf: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        buf.get(self.range.clone()).unwrap_or_default().chunks(self.segment.max(1))
    }
}

/// What a machine wants next. Poll until `Idle`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<E> {
    /// Send this.
    Transmit(Transmit),
    /// Tell the application this.
    Event(E),
    /// Nothing until then, or until something arrives; `None`: no timer is armed.
    Idle(Option<Instant>),
}
