//! The inbox: datagrams as they come out of the kernel, several messages of several datagrams at once.

use super::socket::{Socket, is_refusal};
use crate::connection::Datagram;
use crate::wire::Ecn;
use mio::net::UdpSocket;
use quinn_udp::{EcnCodepoint, RecvMeta, UdpSockRef, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;

/// Messages that one system call takes, at most.
const MESSAGES: usize = if quinn_udp::BATCH_SIZE < 8 { quinn_udp::BATCH_SIZE } else { 8 };
/// The same when few came the last time: one more than one tells that the socket is empty.
const MIN_MESSAGES: usize = if MESSAGES < 2 { MESSAGES } else { 2 };
/// Room for one message: one datagram, or as many as the kernel joins (GRO), is never longer.
const MESSAGE: usize = 64 * 1024;
/// After this many errors in a row the socket counts as empty: waiting for it cannot become a busy loop.
const MAX_ERRORS: usize = 64;

/// The receiving side of a socket, and one batch of what arrived.
#[derive(Debug)]
pub(super) struct Inbox {
    io: UdpSocket,
    state: Arc<UdpSocketState>,
    is_wildcard: bool,
    buf: Box<[u8]>,
    meta: [RecvMeta; MESSAGES],
    /// How many messages of `meta` are filled.
    filled: usize,
    /// How many the next system call is to take at most: each costs, filled or not.
    wanted: usize,
}

/// How receiving went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    /// Nothing is left in the socket: what comes later is announced.
    pub(super) is_drained: bool,
    /// The network has said that nobody listens at the peer's address.
    pub(super) is_refused: bool,
}

impl Inbox {
    pub(super) fn new(socket: &Socket) -> io::Result<Self> {
        let (io, state) = socket.duplicate()?;
        Ok(Self {
            io: UdpSocket::from_std(io),
            state,
            is_wildcard: socket.is_wildcard(),
            // Pages of it that nothing is written to take no memory.
            buf: vec![0; MESSAGES * MESSAGE].into_boxed_slice(),
            meta: [RecvMeta::default(); MESSAGES],
            filled: 0,
            wanted: MIN_MESSAGES,
        })
    }

    /// What is to be registered to learn when something arrives.
    pub(super) fn source(&mut self) -> &mut UdpSocket {
        &mut self.io
    }

    /// Takes one batch out of the socket, in place of the one before.
    pub(super) fn receive(&mut self) -> Received {
        let mut received = Received::default();
        let mut messages = self.buf.chunks_exact_mut(MESSAGE).take(self.wanted);
        let mut slices: [IoSliceMut<'_>; MESSAGES] =
            std::array::from_fn(|_| IoSliceMut::new(messages.next().unwrap_or_default()));
        let slices = slices.get_mut(..self.wanted).unwrap_or_default();
        let meta = self.meta.get_mut(..self.wanted).unwrap_or_default();
        self.filled = 0;
        for _ in 0..MAX_ERRORS {
            let result =
                self.io.try_io(|| self.state.recv(UdpSockRef::from(&self.io), slices, meta));
            match result {
                Ok(filled) => {
                    self.filled = filled;
                    // Fewer than there was room for: the kernel found the socket empty.
                    received.is_drained = MESSAGES > 1 && filled < self.wanted;
                    self.wanted = (filled * 2).clamp(MIN_MESSAGES, MESSAGES);
                    return received;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // It speaks of a datagram that was sent, and says nothing about what arrived.
                Err(error) => received.is_refused |= is_refusal(&error),
            }
        }
        received.is_drained = true;
        received
    }

    /// The datagrams of the batch, in the order of their arrival; each batch gives them once.
    pub(super) fn datagrams(&mut self) -> impl Iterator<Item = Datagram<'_>> {
        let filled = std::mem::take(&mut self.filled);
        let messages = self.buf.chunks_exact_mut(MESSAGE).zip(&self.meta).take(filled);
        let is_wildcard = self.is_wildcard;
        messages.flat_map(move |(message, meta)| {
            let from = canonical(meta.addr);
            let to = meta.dst_ip.filter(|_| is_wildcard).map(|ip| ip.to_canonical());
            let ecn = from_codepoint(meta.ecn);
            let filled = message.get_mut(..meta.len).unwrap_or_default();
            // A datagram without a byte is one too.
            let empty: Option<&mut [u8]> = filled.is_empty().then_some(&mut []);
            let datagrams = filled.chunks_mut(meta.stride.max(1)).chain(empty);
            datagrams.map(move |data| Datagram { from, to, ecn, data })
        })
    }
}

fn from_codepoint(ecn: Option<EcnCodepoint>) -> Ecn {
    match ecn {
        None => Ecn::NotEct,
        Some(EcnCodepoint::Ect0) => Ecn::Ect0,
        Some(EcnCodepoint::Ect1) => Ecn::Ect1,
        Some(EcnCodepoint::Ce) => Ecn::Ce,
    }
}

/// An IPv4 peer of an IPv6 socket has one address, and that is its IPv4 address.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(v4.into(), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Transmit;
    use std::net::{IpAddr, Ipv4Addr};

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// Receives until `count` datagrams are there: loopback delivers before `send` returns.
    fn receive(inbox: &mut Inbox, count: usize) -> Vec<(SocketAddr, Option<IpAddr>, Ecn, Vec<u8>)> {
        let mut all = Vec::new();
        while all.len() < count {
            let received = inbox.receive();
            let before = all.len();
            all.extend(inbox.datagrams().map(|d| (d.from, d.to, d.ecn, d.data.to_vec())));
            assert!(all.len() > before || !received.is_drained, "{} of {count}", all.len());
        }
        all
    }

    #[test]
    fn batches_arrive_as_the_datagrams_they_are() {
        let server = Socket::bind((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        let mut inbox = Inbox::new(&server).unwrap();
        let to = SocketAddr::new(HOME, server.local_addr().port());
        let client = Socket::connect(to).unwrap();
        let buf: Vec<u8> = (0..50_300_usize).map(|i| (i / 1000) as u8).collect();
        for _ in 0..10 {
            let ecn = Ecn::Ect0;
            let mut batch = Transmit { to, from: None, ecn, range: 0..buf.len(), segment: 1000 };
            assert_eq!(client.send(&mut batch, &buf), super::super::socket::Sent::default());
        }
        let from = client.local_addr();
        for (i, datagram) in receive(&mut inbox, 510).into_iter().enumerate() {
            let data = buf.chunks(1000).nth(i % 51).unwrap().to_vec();
            // The kernel of some sandboxes drops the congestion bits: what is told must be true.
            let ecn = datagram.2;
            assert!(matches!(ecn, Ecn::Ect0 | Ecn::NotEct));
            assert_eq!(datagram, (from, Some(HOME), ecn, data));
        }
        let received = inbox.receive();
        assert!(received.is_drained && inbox.datagrams().count() == 0);
    }

    #[test]
    fn a_batch_is_given_once_and_empty_datagrams_are_datagrams() {
        let server = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let mut inbox = Inbox::new(&server).unwrap();
        let stranger = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for payload in [&b""[..], b"a", b""] {
            stranger.send_to(payload, server.local_addr()).unwrap();
        }
        let all = receive(&mut inbox, 3);
        let data: Vec<_> = all.iter().map(|(_, _, _, data)| data.as_slice()).collect();
        assert_eq!(data, [&b""[..], b"a", b""]);
        assert!(all.iter().all(|(_, to, ..)| to.is_none()));
        assert_eq!(inbox.datagrams().count(), 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_closed_port_is_told_and_is_not_the_end() {
        let closed = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = closed.local_addr().unwrap();
        drop(closed);
        let client = Socket::connect(to).unwrap();
        let mut inbox = Inbox::new(&client).unwrap();
        let ecn = Ecn::NotEct;
        let transmit = || Transmit { to, from: None, ecn, range: 0..1, segment: 1 };
        assert!(!client.send(&mut transmit(), b"x").is_refused);
        let received = inbox.receive();
        assert!(received.is_refused && received.is_drained);
        // The error is told by the next call of either kind, and only once.
        assert!(!client.send(&mut transmit(), b"x").is_refused);
        assert!(client.send(&mut transmit(), b"x").is_refused);
    }
}
