//! The same file by plain UDP: numbered datagrams with a checksum each, and nothing else.

use crate::clock::Clock;
use crate::relay::{Carried, Carrier, Links};
use crate::transfer::fill;
use std::io::{self, Read};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use towline::time::Instant;

/// A datagram: number(4) content(1192, the last one less) CRC-32(4); as large as towline's.
const CONTENT: usize = 1192;
const NUMBER: usize = 4;
const CHECKSUM: usize = 4;
/// How often the receiver looks whether the relay has run dry.
const TICK: Duration = Duration::from_millis(50);
/// The sender is at most this much ahead of its rate.
const BURST: Duration = Duration::from_millis(1);

/// What plain UDP delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) sent: u64,
    /// From the first datagram's start to the last one's arrival.
    pub(crate) time: Duration,
    pub(crate) tally: Tally,
    pub(crate) carried: Carried,
}

/// What arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) arrived: u64,
    /// With a wrong checksum.
    pub(crate) damaged: u64,
    /// Intact, and not the first of its number.
    pub(crate) duplicates: u64,
    /// Intact, after one with a higher number (RFC 4737).
    pub(crate) reordered: u64,
    /// Different intact datagrams.
    pub(crate) intact: u64,
    /// Their content.
    pub(crate) bytes: u64,
}

/// The receiver: which numbers of a file of `size` bytes are there.
#[derive(Debug)]
struct Receiver {
    size: u64,
    seen: Vec<bool>,
    highest: Option<usize>,
    tally: Tally,
}

impl Receiver {
    fn new(size: u64) -> Self {
        let datagrams = size.div_ceil(CONTENT as u64) as usize;
        Self { size, seen: vec![false; datagrams], highest: None, tally: Tally::default() }
    }

    fn take(&mut self, datagram: &[u8]) {
        self.tally.arrived += 1;
        let Some(number) = opened(datagram) else {
            self.tally.damaged += 1;
            return;
        };
        let Some(seen) = self.seen.get_mut(number) else { return };
        if self.highest.is_some_and(|highest| number < highest) {
            self.tally.reordered += u64::from(!*seen);
        }
        self.highest = self.highest.max(Some(number));
        if std::mem::replace(seen, true) {
            self.tally.duplicates += 1;
        } else {
            self.tally.intact += 1;
            self.tally.bytes += (self.size - number as u64 * CONTENT as u64).min(CONTENT as u64);
        }
    }
}

/// The datagram of this number.
fn sealed(number: u32, content: &[u8]) -> Vec<u8> {
    let mut datagram = [&number.to_be_bytes(), content].concat();
    datagram.extend(crc32fast::hash(&datagram).to_be_bytes());
    datagram
}

/// The number of an intact datagram.
fn opened(datagram: &[u8]) -> Option<usize> {
    let (body, checksum) = datagram.split_at_checked(datagram.len().checked_sub(CHECKSUM)?)?;
    let number = body.first_chunk::<NUMBER>()?;
    let is_intact = crc32fast::hash(body).to_be_bytes() == checksum;
    is_intact.then_some(u32::from_be_bytes(*number) as usize)
}

/// Sends `size` bytes at so many bits of content a second through a relay with these links.
pub(crate) fn run(
    source: &mut impl Read,
    size: u64,
    bits_per_second: f64,
    links: Links,
    progress: &dyn Fn(u64),
) -> io::Result<Delivered> {
    let target = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let _ = socket2::SockRef::from(&target).set_recv_buffer_size(4 << 20);
    target.set_read_timeout(Some(TICK))?;
    let relay =
        Carrier::start(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?, target.local_addr()?, links)?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(relay.local_addr())?;
    let clock = Clock::start();
    let is_dry = Arc::new(AtomicBool::new(false));
    let receiving = thread::Builder::new().name("plain-receive".to_owned()).spawn({
        let is_dry = is_dry.clone();
        move || receive(&target, size, clock, &is_dry)
    })?;
    let sent = send(source, size, bits_per_second, &socket, clock, progress);
    // What has left the relay is in the receiver's socket.
    while relay.carried().up.pending > 0 {
        thread::park_timeout(BURST);
    }
    is_dry.store(true, Ordering::Release);
    let (tally, last) = receiving.join().map_err(|_| io::Error::other("the receiver ended"))?;
    let time = last.saturating_since(Instant::ZERO);
    Ok(Delivered { sent: sent?, time, tally, carried: relay.stop() })
}

fn receive(socket: &UdpSocket, size: u64, clock: Clock, is_dry: &AtomicBool) -> (Tally, Instant) {
    let mut receiver = Receiver::new(size);
    let mut last = clock.now();
    let mut buffer = [0; 2048];
    loop {
        // Before the socket is looked at: what is there when the relay is dry is still taken.
        let was_dry = is_dry.load(Ordering::Acquire);
        match socket.recv(&mut buffer) {
            Ok(length) => {
                receiver.take(&buffer[..length]);
                last = clock.now();
            }
            Err(_) if was_dry => return (receiver.tally, last),
            Err(_) => {}
        }
    }
}

/// Sends all datagrams, evenly spaced, and returns how many.
fn send(
    source: &mut impl Read,
    size: u64,
    bits_per_second: f64,
    socket: &UdpSocket,
    clock: Clock,
    progress: &dyn Fn(u64),
) -> io::Result<u64> {
    let (mut sent, mut number) = (0, 0);
    let mut content = [0; CONTENT];
    while sent < size {
        let due = Instant::ZERO + Duration::from_secs_f64(sent as f64 * 8.0 / bits_per_second);
        while due > clock.now() + BURST {
            thread::park_timeout(due.saturating_since(clock.now()));
        }
        let length = fill(source, &mut content)?;
        // A full socket buffer is one more way to lose a datagram.
        let _ = socket.send(&sealed(number, &content[..length]));
        number += 1;
        sent += length.max(1) as u64;
        progress(sent);
    }
    Ok(u64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Impairments, Network};
    use crate::relay::links;

    #[test]
    fn the_receiver_counts_what_it_is_told() {
        let size = 3 * CONTENT as u64 + 7;
        let mut receiver = Receiver::new(size);
        let datagram = |number, length| sealed(number, &vec![number as u8; length]);
        let mut damaged = datagram(1, CONTENT);
        damaged[100] ^= 4;
        for datagram in [
            datagram(0, CONTENT),
            datagram(2, CONTENT),
            damaged,
            datagram(1, CONTENT),
            datagram(0, CONTENT),
        ] {
            receiver.take(&datagram);
        }
        let bytes = 3 * CONTENT as u64;
        let tally = Tally { arrived: 5, damaged: 1, duplicates: 1, reordered: 1, intact: 3, bytes };
        assert_eq!(receiver.tally, tally);
        receiver.take(&datagram(3, 7));
        assert_eq!((receiver.tally.intact, receiver.tally.bytes), (4, size));
    }

    #[test]
    fn strange_datagrams_are_damaged_or_ignored() {
        let mut receiver = Receiver::new(10);
        for datagram in [&[] as &[u8], &[1], &[0; 8], &sealed(0, b"x")[..7], &sealed(9, b"x")] {
            receiver.take(datagram);
        }
        // The checksum of four zeros is not zero; number 9 does not exist.
        let tally = Tally { arrived: 5, damaged: 4, ..Tally::default() };
        assert_eq!(receiver.tally, tally);
    }

    fn delivered(both: Impairments) -> Delivered {
        let network = Network { both, up: None, down: None, seed: 3 };
        let source = vec![7; 500_000];
        let links = links(&network).unwrap();
        run(&mut source.as_slice(), 500_000, 1e8, links, &|_| ()).unwrap()
    }

    #[test]
    fn a_perfect_network_delivers_everything() {
        let delivered = delivered(Impairments::default());
        assert_eq!(delivered.sent, 420);
        assert_eq!(delivered.tally.bytes, 500_000);
        let tally = Tally { arrived: 420, intact: 420, bytes: 500_000, ..Tally::default() };
        assert_eq!(delivered.tally, tally);
    }

    #[test]
    fn a_bad_network_loses_damages_and_doubles_and_all_is_accounted_for() {
        let share = Some(0.1);
        let both =
            Impairments { loss: share, damage: share, duplicate: share, ..Impairments::default() };
        let Delivered { sent, tally, carried, .. } = delivered(both);
        let link = carried.up.link;
        assert_eq!((sent, link.packets), (420, 420));
        assert_eq!(tally.arrived, sent - link.lost + link.duplicated);
        assert_eq!(tally.arrived, carried.up.passed);
        assert_eq!(tally.damaged, link.damaged);
        assert_eq!(tally.arrived, tally.intact + tally.damaged + tally.duplicates);
        assert!(link.lost > 10 && link.damaged > 10 && link.duplicated > 10, "{link:?}");
        assert!(tally.bytes < 500_000);
    }
}
