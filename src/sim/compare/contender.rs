//! The seam for modes of delivery: whatever carries messages from one end to the other.

use super::workload::Workload;
use crate::connection::Connection;
use crate::impair::UDP_IP_OVERHEAD;
use crate::time::{Duration, Instant};
use crate::wire::Side;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;

/// The address of the side that connects.
pub const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 1000);
/// The address of the side that accepts.
pub const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)), 2000);

/// A mode of delivery.
pub trait Contender: Send + Sync {
    /// One word, as people type it.
    fn name(&self) -> &str;

    /// What it is, in a few words.
    fn title(&self) -> &str;

    /// Bytes on the wire beside those of each datagram: IP's and UDP's headers.
    fn header_bytes(&self) -> u64 {
        UDP_IP_OVERHEAD
    }

    /// Why it cannot carry this workload: what it would need to be, in a few words.
    fn refuses(&self, _workload: &Workload) -> Option<String> {
        None
    }

    /// Whether what it sends depends on the losses that it has met.
    fn adapts(&self) -> bool {
        false
    }

    /// The client's end and the server's, before anything has been sent.
    fn ends(&self, setup: &Setup<'_>) -> [Box<dyn End>; 2];
}

/// What a mode may know beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// Decides all that is random in the ends.
    pub seed: u64,
    /// What will be sent, for those that treat lanes differently.
    pub workload: &'a Workload,
    /// The link's rate in bits per second, the slower way's if they differ.
    pub rate_bps: Option<u64>,
    /// The round trip without queues.
    pub rtt: Duration,
}

/// A message on its way into an [`End`].
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its lane's place in [`Workload::lanes`].
    pub lane: u16,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Where a message stands among all that one end sends: a range of numbers of a space. What they
/// count is the mode's matter, bytes of a stream or of a message; two messages never overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which space: a stream, a channel and a message, or 0 if there is one only.
    pub space: u64,
    /// Not empty.
    pub range: Range<u64>,
}

/// Why a packet carries a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is the data itself; what was carried before counts as retransmitted.
    Data,
    /// It is a copy, sent before anything is known to be lost.
    Copy,
    /// It can be computed from the parity of this number in the packet, once all others of that
    /// parity are there.
    Parity(u8),
}

/// A part of messages that a packet carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which part, in the numbers of [`Place`].
    pub place: Place,
    /// Why it is there.
    pub role: Role,
}

impl Piece {
    /// Data in this range.
    pub const fn data(space: u64, range: Range<u64>) -> Self {
        Self { place: Place { space, range }, role: Role::Data }
    }
}

/// What an end sends in one poll.
#[derive(Debug, Default)]
pub struct Packets(pub(super) Vec<Packet>);

/// A datagram, where it goes, and what it carries.
#[derive(Debug)]
pub(super) struct Packet {
    /// The other end's address, if that is not the one it began with.
    pub(super) to: Option<SocketAddr>,
    pub(super) datagram: Vec<u8>,
    pub(super) carries: Vec<Piece>,
}

impl Packets {
    /// Sends a datagram to the other end, and says what it carries.
    pub fn send(&mut self, datagram: Vec<u8>, carries: Vec<Piece>) {
        self.0.push(Packet { to: None, datagram, carries });
    }

    /// The same to an address that the other end has now: for modes that follow a peer who moves.
    pub fn send_to(&mut self, to: SocketAddr, datagram: Vec<u8>, carries: Vec<Piece>) {
        self.0.push(Packet { to: Some(to), datagram, carries });
    }
}

/// One side of a mode: it sees no clock but `now` and no network but its [`Packets`].
pub trait End: Send {
    /// Takes a message, always, and says where it will stand. What cannot be sent yet waits here.
    fn send(&mut self, now: Instant, message: Message<'_>) -> Place;

    /// Takes in a datagram that arrives. A poll follows at the same instant.
    fn handle(&mut self, now: Instant, datagram: &mut [u8]);

    /// The same with the address that it came from: [`CLIENT`] or [`SERVER`], or another one since
    /// the peer has moved. A mode that does not care hears of the datagram alone.
    fn handle_from(&mut self, now: Instant, _from: SocketAddr, datagram: &mut [u8]) {
        self.handle(now, datagram);
    }

    /// Fires what is due, sends all there is to send, and returns when to come back.
    fn poll(&mut self, now: Instant, out: &mut Packets) -> Option<Instant>;

    /// The next message from the other side, whole, as soon as this mode gives it out.
    fn recv(&mut self) -> Option<Vec<u8>>;

    /// What must not have happened; empty if all is well.
    fn faults(&self) -> Vec<String> {
        Vec::new()
    }

    /// Bytes that were handed to [`End::send`] and have not been taken by what sends them: a greedy
    /// application gives more when this is small.
    fn backlog(&self) -> usize {
        0
    }

    /// What it knows of its path, if it measures any.
    fn probe(&self) -> Option<Probe> {
        None
    }
}

/// What a sender knows of its path at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Probe {
    /// Congestion window, in bytes.
    pub cwnd: u64,
    /// Bytes sent and neither acknowledged nor lost.
    pub bytes_in_flight: u64,
    /// The smoothed round trip, once there is one.
    pub srtt: Option<Duration>,
    /// Packets it has declared lost so far.
    pub lost_packets: u64,
}

impl Probe {
    /// What this connection knows.
    pub(super) fn of(connection: &Connection) -> Self {
        let stats = connection.stats();
        Self {
            cwnd: stats.cwnd,
            bytes_in_flight: stats.bytes_in_flight,
            srtt: stats.srtt,
            lost_packets: stats.recovery.packets_lost,
        }
    }
}

/// The address of a side's peer.
pub(in crate::sim) const fn peer_of(side: Side) -> SocketAddr {
    match side {
        Side::Client => SERVER,
        Side::Server => CLIENT,
    }
}
