//! What an observer of the network sees: each packet's events, the trace hash, recordings.

use super::host::HostId;
use crate::impair::Fate;
use crate::impair::dice::mix;
use crate::time::Instant;
use crate::wire::Ecn;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// What happened to a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A host sent it.
    Sent,
    /// It was put into the network from outside, by [`World::inject`](super::World::inject).
    Injected,
    /// Its destination got it.
    Delivered {
        /// Whether it is the second of two.
        is_copy: bool,
        /// Whether bits were flipped or its end is missing.
        is_damaged: bool,
    },
    /// A link did not carry it. For what a line loses, the time is that of entering the link.
    Dropped(Fate),
    /// There is no host with its destination address, or no longer.
    Unroutable,
}

/// An event of one packet, as a capture on the path would show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketEvent<'a> {
    /// When.
    pub at: Instant,
    /// The packet's number in its world, from 0; copies share it.
    pub packet: u64,
    /// What happened.
    pub happening: Happening,
    /// The host that sent it, if one of this world did.
    pub sender: Option<HostId>,
    /// The source address, as seen on the path.
    pub from: SocketAddr,
    /// The destination address, as seen on the path.
    pub to: SocketAddr,
    /// The ECN codepoint it has now.
    pub ecn: Ecn,
    /// Its bytes, as they are now.
    pub datagram: &'a [u8],
}

/// A packet that a host sent, kept for a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// When it was sent.
    pub at: Instant,
    /// The source address.
    pub from: SocketAddr,
    /// The destination address.
    pub to: SocketAddr,
    /// The ECN codepoint.
    pub ecn: Ecn,
    /// Its bytes.
    pub datagram: Vec<u8>,
}

/// An event without the packet's bytes, kept until it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// When.
    pub at: Instant,
    /// The packet's number in its world, from 0; copies share it.
    pub packet: u64,
    /// The host that sent it, if one of this world did.
    pub sender: Option<HostId>,
    /// What happened.
    pub happening: Happening,
}

/// Everybody who is told of every event.
#[derive(Default)]
pub(super) struct Observers {
    hash: u64,
    tap: Option<Tap>,
    log: Option<Vec<Logged>>,
    recording: Option<Vec<Recorded>>,
}

pub(super) type Tap = Box<dyn FnMut(&PacketEvent<'_>) + Send>;

impl Observers {
    /// Tells of an event; `crc` is the CRC-32 of the datagram.
    pub(super) fn tell(&mut self, event: &PacketEvent<'_>, crc: u32) {
        self.hash = fold(self.hash, event, crc);
        if let Some(tap) = &mut self.tap {
            tap(event);
        }
        if let Some(log) = &mut self.log {
            let &PacketEvent { at, packet, sender, happening, .. } = event;
            log.push(Logged { at, packet, sender, happening });
        }
        if let Some(recording) =
            self.recording.as_mut().filter(|_| event.happening == Happening::Sent)
        {
            let &PacketEvent { at, from, to, ecn, datagram, .. } = event;
            recording.push(Recorded { at, from, to, ecn, datagram: datagram.to_vec() });
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn set_tap(&mut self, tap: Tap) {
        self.tap = Some(tap);
    }

    pub(super) fn start_log(&mut self) {
        self.log.get_or_insert_default();
    }

    pub(super) fn take_log(&mut self) -> Vec<Logged> {
        self.log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn start_recording(&mut self) {
        self.recording = Some(Vec::new());
    }

    pub(super) fn stop_recording(&mut self) -> Vec<Recorded> {
        self.recording.take().unwrap_or_default()
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// The hash of everything before, and of this event.
fn fold(hash: u64, event: &PacketEvent<'_>, crc: u32) -> u64 {
    let happening = match event.happening {
        Happening::Sent => 0,
        Happening::Injected => 1,
        Happening::Delivered { is_copy, is_damaged } => {
            2 + u64::from(is_copy) + 2 * u64::from(is_damaged)
        }
        Happening::Dropped(fate) => 6 + fate as u64,
        Happening::Unroutable => 15,
    };
    let kind = happening << 4 | event.ecn as u64;
    let bytes = u64::from(crc) << 32 | (event.datagram.len() as u64 & 0xffff_ffff);
    let words =
        [event.at.as_nanos(), event.packet << 8 | kind, bytes, word(event.from), word(event.to)];
    words.into_iter().fold(hash, |hash, word| mix(hash.rotate_left(23) ^ word))
}

/// One number for all packets from one address to another.
pub(super) fn flow_of(from: SocketAddr, to: SocketAddr) -> u64 {
    mix(word(from).rotate_left(32) ^ mix(word(to)))
}

fn word(address: SocketAddr) -> u64 {
    let ip = match address.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            mix((bits >> 64) as u64) ^ bits as u64
        }
    };
    ip.rotate_left(16) ^ u64::from(address.port())
}
