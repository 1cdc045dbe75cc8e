//! A UDP socket: how it is made, and how batches leave it. No error of it is fatal: what could not be
//! sent counts as lost, and is sent again by the connection whose it was.

use crate::connection::Transmit;
use crate::wire::Ecn;
use quinn_udp::{EcnCodepoint, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

/// What the kernel is asked to buffer in each direction, in bytes; it gives what its limits allow.
const BUFFER: usize = 4 << 20;

/// The payload of one segmented send, at most: all of it has to fit into one IP datagram.
const MAX_SEGMENTED: usize = 65_000;

/// Whether the socket of a client is connected: elsewhere such a socket refuses datagrams that name their
/// destination.
const IS_CONNECTED: bool = cfg!(any(target_os = "linux", target_os = "android", windows));

/// A bound, non-blocking UDP socket.
#[derive(Debug)]
pub(super) struct Socket {
    io: UdpSocket,
    state: Arc<UdpSocketState>,
    local: SocketAddr,
    /// The one peer, if it is a client's: ICMP errors then speak of this peer.
    peer: Option<SocketAddr>,
}

/// How sending a batch went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// The socket takes no more for now; what is left of the batch is still to be sent.
    pub(super) is_blocked: bool,
    /// The network has said that nobody listens at the peer's address.
    pub(super) is_refused: bool,
}

impl Socket {
    /// A socket for many peers. A wildcard `[::]` takes IPv4 too.
    pub(super) fn bind(local: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(local), Type::DGRAM, None)?;
        if local.is_ipv6() {
            socket.set_only_v6(!local.ip().is_unspecified())?;
        }
        socket.bind(&local.into())?;
        Self::new(socket, None)
    }

    /// A socket for one peer.
    pub(super) fn connect(peer: SocketAddr) -> io::Result<Self> {
        let domain = Domain::for_address(peer);
        let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        if IS_CONNECTED {
            socket.connect(&peer.into())?;
        } else {
            let any: IpAddr = match peer {
                SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
            };
            socket.bind(&SocketAddr::new(any, 0).into())?;
        }
        Self::new(socket, Some(peer))
    }

    /// A socket for many peers that somebody else has bound.
    pub(super) fn adopt(socket: UdpSocket) -> io::Result<Self> {
        Self::new(socket.into(), None)
    }

    fn new(socket: socket2::Socket, peer: Option<SocketAddr>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        // Best effort: smaller buffers lose more of a burst, and what is lost is sent again.
        let _ = socket.set_recv_buffer_size(BUFFER);
        let _ = socket.set_send_buffer_size(BUFFER);
        let io = UdpSocket::from(socket);
        let state = Arc::new(UdpSocketState::new(UdpSockRef::from(&io))?);
        let local = io.local_addr()?;
        Ok(Self { io, state, local, peer })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The kernel's socket, for its options.
    pub(super) fn io(&self) -> &UdpSocket {
        &self.io
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Whether datagrams may come to several of this host's addresses, so that answers have to say
    /// from which they go.
    pub(super) fn is_wildcard(&self) -> bool {
        self.local.ip().is_unspecified() && self.peer.is_none()
    }

    /// A second handle, for who waits for the socket and receives.
    pub(super) fn duplicate(&self) -> io::Result<(UdpSocket, Arc<UdpSocketState>)> {
        Ok((self.io.try_clone()?, Arc::clone(&self.state)))
    }

    /// Sends one datagram whose errors are the caller's; one that speaks of another datagram is not.
    pub(super) fn send_to(&self, data: &[u8], to: SocketAddr) -> io::Result<()> {
        let destination = if self.local.is_ipv6() { mapped(to) } else { to };
        let send = || self.io.send_to(data, destination).map(drop);
        send().or_else(|error| if is_pending(&error) { send() } else { Err(error) })
    }

    /// Sends a batch, segmented by the kernel where it can. What was sent, or is lost, is cut off the
    /// front of `transmit`.
    pub(super) fn send(&self, transmit: &mut Transmit, buf: &[u8]) -> Sent {
        let max_segments = || self.state.max_gso_segments();
        let (to, from, ecn) = (transmit.to, transmit.from, codepoint(transmit.ecn));
        let destination = if self.local.is_ipv6() { mapped(to) } else { to };
        let src_ip = from.map(|ip| if self.local.is_ipv6() { mapped_ip(ip) } else { ip });
        // One datagram that asks for nothing costs a third less without control messages, and, to the one
        // peer of a connected socket, without looking its route up.
        let is_plain = ecn.is_none() && src_ip.is_none();
        send_all(transmit, buf, max_segments, |contents, segment_size| {
            if is_plain && segment_size.is_none() {
                let sent = match self.peer {
                    Some(peer) if peer == to && IS_CONNECTED => self.io.send(contents),
                    _ => self.io.send_to(contents, destination),
                };
                return sent.map(drop);
            }
            let part = quinn_udp::Transmit { destination, ecn, contents, segment_size, src_ip };
            self.state.try_send(UdpSockRef::from(&self.io), &part)
        })
    }
}

/// The loop of `Socket::send`, over any `send` of one part.
fn send_all(
    transmit: &mut Transmit,
    buf: &[u8],
    max_segments: impl Fn() -> usize,
    mut send: impl FnMut(&[u8], Option<usize>) -> io::Result<()>,
) -> Sent {
    let mut sent = Sent::default();
    let mut has_retried = false;
    while let Some(rest) = buf.get(transmit.range.clone()) {
        let segment = transmit.segment.clamp(1, rest.len().max(1));
        let segments = max_segments().min(MAX_SEGMENTED / segment).max(1);
        let part = &rest[..rest.len().min(segment * segments)];
        let is_segmented = part.len() > segment;
        match send(part, is_segmented.then_some(segment)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                sent.is_blocked = true;
                return sent;
            }
            // Linux reports what happened to an earlier datagram and does not send this one: once more.
            Err(error) if is_pending(&error) && !has_retried => {
                sent.is_refused |= is_refusal(&error);
                has_retried = true;
                continue;
            }
            // Segmentation offload failed, which has turned it off: at once again without it.
            Err(_) if is_segmented && max_segments() < segments => continue,
            // EMSGSIZE, ENOBUFS, EPERM, unreachable networks: as if the network had lost it.
            Err(error) => sent.is_refused |= is_refusal(&error),
        }
        has_retried = false;
        transmit.range.start += part.len();
        // Asked here and not before: a batch without a byte is one datagram without a byte.
        if transmit.range.is_empty() {
            break;
        }
    }
    sent
}

/// Whether an error speaks of an earlier datagram, or of a signal, and not of this one.
fn is_pending(error: &io::Error) -> bool {
    is_refusal(error) || error.kind() == io::ErrorKind::Interrupted
}

/// Whether an error says that nobody listens at the peer's port (Windows calls it a reset).
pub(super) fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

fn codepoint(ecn: Ecn) -> Option<EcnCodepoint> {
    match ecn {
        Ecn::NotEct => None,
        Ecn::Ect0 => Some(EcnCodepoint::Ect0),
        Ecn::Ect1 => Some(EcnCodepoint::Ect1),
        Ecn::Ce => Some(EcnCodepoint::Ce),
    }
}

/// An IPv4 address as an IPv6 socket wants it.
fn mapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => SocketAddr::new(mapped_ip(address.ip()), address.port()),
        SocketAddr::V6(_) => address,
    }
}

fn mapped_ip(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::collections::VecDeque;

    const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

    /// Sends `len` bytes in segments of 100 through a kernel that fails as scripted, call by call;
    /// returns what it took, as lengths of calls, and how it went.
    fn send(
        len: usize,
        max_segments: usize,
        script: &[(usize, io::ErrorKind)],
    ) -> (Vec<usize>, Sent, Transmit) {
        let ecn = Ecn::NotEct;
        let mut transmit = Transmit { to: PEER, from: None, ecn, range: 0..len, segment: 100 };
        let buf: Vec<u8> = (0..len).map(|i| (i / 100) as u8).collect();
        let max_segments = Cell::new(max_segments);
        let mut script: VecDeque<_> = script.to_vec().into();
        let (mut calls, taken) = (0, RefCell::new(Vec::new()));
        let sent = send_all(
            &mut transmit,
            &buf,
            || max_segments.get(),
            |part, segment| {
                calls += 1;
                assert!(calls < 1000, "an error became a busy loop");
                assert_eq!(segment.is_some(), part.len() > 100, "one datagram needs no segments");
                let failure = script.pop_front_if(|(call, _)| *call == calls - 1);
                if let Some((_, kind)) = failure {
                    if segment.is_some() && kind == io::ErrorKind::InvalidInput {
                        max_segments.set(1);
                    }
                    return Err(kind.into());
                }
                taken.borrow_mut().push(part.len());
                Ok(())
            },
        );
        (taken.into_inner(), sent, transmit)
    }

    const FINE: Sent = Sent { is_blocked: false, is_refused: false };

    #[test]
    fn a_batch_is_split_into_what_the_kernel_takes() {
        assert_eq!(send(1000, 64, &[]).0, [1000]);
        assert_eq!(send(1050, 4, &[]).0, [400, 400, 250]);
        assert_eq!(send(250, 1, &[]).0, [100, 100, 50]);
        assert_eq!(send(100_000, 5000, &[]).0, [65_000, 35_000]);
        assert_eq!(send(0, 64, &[]).0, [0], "an empty datagram is a datagram");
    }

    #[test]
    fn failed_segmentation_is_repeated_at_once_without() {
        let (taken, sent, _) = send(350, 64, &[(0, io::ErrorKind::InvalidInput)]);
        assert_eq!((taken, sent), (vec![100, 100, 100, 50], FINE));
    }

    #[test]
    fn no_error_at_any_call_loses_more_than_its_own_part() {
        for kind in [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkDown,
            io::ErrorKind::AddrNotAvailable,
            io::ErrorKind::InvalidInput,
            io::ErrorKind::OutOfMemory,
            io::ErrorKind::Other,
        ] {
            for call in 0..3 {
                let (taken, sent, rest) = send(300, 1, &[(call, kind)]);
                assert_eq!((taken, sent), (vec![100, 100], FINE), "{kind} at {call}");
                assert!(rest.range.is_empty());
            }
        }
    }

    #[test]
    fn what_a_pending_error_kept_back_is_sent_again_once() {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, Interrupted};
        for kind in [ConnectionRefused, ConnectionReset, Interrupted] {
            let refused = Sent { is_refused: kind != Interrupted, is_blocked: false };
            for call in 0..3 {
                let (taken, sent, _) = send(300, 1, &[(call, kind)]);
                assert_eq!((taken, sent), (vec![100, 100, 100], refused), "{kind} at {call}");
            }
            let forever: Vec<_> = (0..6).map(|call| (call, kind)).collect();
            assert_eq!(send(300, 1, &forever).0, [0; 0], "each is tried twice, and given up");
        }
    }

    #[test]
    fn a_full_socket_keeps_the_rest() {
        for call in 0..3 {
            let (taken, sent, rest) = send(300, 1, &[(call, io::ErrorKind::WouldBlock)]);
            assert_eq!(taken, vec![100; call]);
            assert!(sent.is_blocked && rest.range == (call * 100..300));
        }
    }

    #[test]
    fn no_empty_datagram_is_lost_in_a_full_socket() {
        let (taken, sent, rest) = send(0, 64, &[(0, io::ErrorKind::WouldBlock)]);
        assert_eq!((taken, sent.is_blocked), (vec![], true));
        assert_eq!(rest.range, 0..0);
        // And a batch without a byte does leave.
        let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let to = stranger.local_addr().unwrap();
        let mut batch = Transmit { to, from: None, ecn: Ecn::NotEct, range: 1..1, segment: 1 };
        assert_eq!(socket.send(&mut batch, b"x"), FINE);
        stranger.set_nonblocking(true).unwrap();
        assert_eq!(stranger.recv_from(&mut [0; 9]).unwrap(), (0, socket.local_addr()));
    }

    #[test]
    fn a_wildcard_is_for_many_addresses_and_a_client_for_one() {
        let any = Socket::bind((Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        let port = any.local_addr().port();
        let one = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let client = Socket::connect((Ipv4Addr::LOCALHOST, port).into()).unwrap();
        let is_wildcard = [&any, &one, &client].map(Socket::is_wildcard);
        assert_eq!(is_wildcard, [true, false, false]);
        assert_eq!(client.peer(), Some((Ipv4Addr::LOCALHOST, port).into()));
    }
}
