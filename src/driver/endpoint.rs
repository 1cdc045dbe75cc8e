//! An endpoint as the application holds it: many connections from one socket.

use super::connection::{Connection, OptionalDuration, nonzero};
use super::directory;
use super::hub::HubRef;
use super::listener::Listener;
use super::options::{self, Interface};
use super::outcome;
use super::patience::Patience;
use super::socket::Socket;
use crate::connection;
use crate::endpoint::{Config, EndpointStats, PlainError};
use crate::time::Duration;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;

/// How much of plain datagrams may wait each way at an endpoint that is made without settings, in bytes.
const PLAIN: usize = 1 << 20;

/// One UDP socket for as many connections as one likes, opened by this side or by others.
///
/// [`Connection::connect`] takes a socket for each connection, so that the network's error messages name
/// the one they concern. An endpoint needs one socket, a few descriptors and one thread for all of them:
/// for hundreds of thousands of idle connections, for a known local address, for peers that connect to
/// each other, for sockets that somebody else has made.
///
/// Beside connections, plain datagrams come and go through the same socket ([`Endpoint::send_to`],
/// [`Endpoint::recv_from`]): UDP itself, without any guarantee, to programs that know nothing of towline
/// too, to groups and to all hosts of a network. An endpoint without settings keeps 1 MiB of them each way
/// while they wait; one with settings ([`Endpoint::bind_with`]) has them if [`Config::plain`] says so, which
/// tells what they cost.
///
/// Clones are handles of one endpoint. Its connections and its [`Listener`] live on when all are dropped.
///
/// ```
/// use std::io::{Read, Write};
/// use towline::Endpoint;
///
/// let (left, right) = (Endpoint::bind("127.0.0.1:0")?, Endpoint::bind("127.0.0.1:0")?);
/// let listener = right.listen()?;
/// left.connect(right.local_addr()?)?.stream().write_all(b"one socket, many connections")?;
/// let mut text = String::new();
/// listener.accept()?.0.read_to_string(&mut text)?;
/// assert_eq!(text, "one socket, many connections");
///
/// let stranger = std::net::UdpSocket::bind("127.0.0.1:0")?;
/// stranger.send_to(b"no connection", right.local_addr()?)?;
/// let mut buf = [0; 65_536];
/// let (len, from) = right.recv_from(&mut buf)?;
/// assert_eq!((&buf[..len], from), (&b"no connection"[..], stranger.local_addr()?));
/// right.send_to(b"none needed", from)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Endpoint {
    hub: HubRef,
    config: Config,
    recv_timeout: Arc<OptionalDuration>,
}

impl Endpoint {
    /// An endpoint at the first address that `addr` stands for and that can be had. `[::]` takes IPv4 too.
    ///
    /// # Errors
    /// Those of making and binding a socket, above all [`io::ErrorKind::AddrInUse`]; the last address's.
    pub fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(addr, &Config { plain: Some(PLAIN), ..Config::default() })
    }

    /// An endpoint with other settings than the default ones.
    ///
    /// # Errors
    /// See [`Endpoint::bind`].
    pub fn bind_with(addr: impl ToSocketAddrs, config: &Config) -> io::Result<Self> {
        super::connection::each_addr(addr, |addr| Self::over(Socket::bind(addr)?, config))
    }

    /// An endpoint on a bound socket that somebody else has made: by a service manager, or with options
    /// of its own. It becomes non-blocking. Nobody else may receive from it.
    ///
    /// # Errors
    /// Those of asking the socket for what it can do.
    pub fn from_socket(socket: UdpSocket, config: &Config) -> io::Result<Self> {
        Self::over(Socket::adopt(socket)?, config)
    }

    fn over(socket: Socket, config: &Config) -> io::Result<Self> {
        let hub = directory::enter(socket, config.clone())?;
        Ok(Self { hub, config: config.clone(), recv_timeout: Arc::new(OptionalDuration::none()) })
    }

    /// Connects to `addr`, which must be of the socket's family, or IPv4 from a socket at `[::]`.
    ///
    /// # Errors
    /// Those of [`Connection::connect`], but that a closed port shows as
    /// [`io::ErrorKind::TimedOut`]: the network's error messages do not say whom they concern. And
    /// [`io::ErrorKind::Other`] at [`Config::max_connections`].
    pub fn connect(&self, addr: SocketAddr) -> io::Result<Connection> {
        self.connect_with(addr, &self.config.connection)
    }

    /// Connects with other settings than the endpoint's.
    ///
    /// # Errors
    /// See [`Endpoint::connect`].
    pub fn connect_with(
        &self,
        addr: SocketAddr,
        config: &connection::Config,
    ) -> io::Result<Connection> {
        Connection::ask(self.hub.clone(), addr, config)
    }

    /// Takes connections from now on, until the listener is dropped.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] if a listener of this endpoint is there already.
    pub fn listen(&self) -> io::Result<Listener> {
        self.hub.listen(&self.config).map(Listener::new)
    }

    // ---- plain datagrams ----

    /// Sends one datagram as it is, to the first address of `addr`, and gives its length. It may be lost,
    /// doubled, overtaken or, seldom, damaged on the way, and nobody tells. It travels whole or not at
    /// all, so it should be no longer than the path's MTU less 28 bytes (1200 bytes pass almost
    /// everywhere). It waits for nothing: neither for connections nor for a window.
    ///
    /// # Errors
    /// - [`io::ErrorKind::InvalidInput`] for more than [`MAX_PLAIN`](crate::endpoint::MAX_PLAIN) bytes,
    ///   for addresses that nobody has, and for what a peer could take for a packet of the protocol. That
    ///   is so for one random payload in 2^18; never if the first byte is below 0x20 or above 0x7f, so
    ///   give binary messages such a first byte.
    /// - [`io::ErrorKind::PermissionDenied`] for a broadcast address, unless [`Endpoint::set_broadcast`]
    ///   allows it.
    /// - [`io::ErrorKind::WouldBlock`] if the socket takes nothing for now, and as much waits as may.
    /// - [`io::ErrorKind::Unsupported`] if the endpoint has no plain datagrams.
    /// - The system's: the datagram is too long for the network, the network is not there.
    pub fn send_to(&self, data: &[u8], addr: impl ToSocketAddrs) -> io::Result<usize> {
        let no_address = || io::Error::new(io::ErrorKind::InvalidInput, "no address to send to");
        let to = addr.to_socket_addrs()?.next().ok_or_else(no_address)?;
        let shared = self.hub.lock();
        shared.check()?;
        shared.endpoint.check_plain(to, data).map_err(outcome::plain)?;
        drop(shared);
        match self.hub.network().send_to(data, to) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result.map(|()| data.len()),
        }
        let mut shared = self.hub.lock();
        let result = shared.endpoint.send_to(to, data).map_err(outcome::plain);
        shared.flush();
        result.map(|()| data.len())
    }

    /// Waits for a plain datagram and gives its length and its sender's address; the length may be 0. A
    /// buffer of 65,536 bytes holds any. If it is too short, the datagram stays, nothing is written, and
    /// every call fails until one brings a buffer that is long enough: what strangers send is of any length.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if `buf` is too short; [`io::ErrorKind::WouldBlock`] (on Windows
    /// [`io::ErrorKind::TimedOut`]) after the time that was set; [`io::ErrorKind::Unsupported`] if the
    /// endpoint has no plain datagrams.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let timeout = || self.recv_timeout.get().map_or(Patience::Endless, Patience::Within);
        self.recv_within(buf, timeout)
    }

    /// The same without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if none is there; else see [`Endpoint::recv_from`].
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.recv_within(buf, || Patience::None)
    }

    fn recv_within(
        &self,
        buf: &mut [u8],
        patience: impl Fn() -> Patience,
    ) -> io::Result<(usize, SocketAddr)> {
        let shared = self.hub.lock();
        if !shared.endpoint.has_plain() {
            return Err(outcome::plain(PlainError::Off));
        }
        let arrived = shared.waiters.datagrams.clone();
        shared.attend(&arrived, patience, |shared| {
            shared.check()?;
            let (from, data) = shared.endpoint.peek_from().ok_or(io::ErrorKind::WouldBlock)?;
            let len = data.len();
            let room = buf.len();
            let part = buf.get_mut(..len).ok_or_else(|| too_short(len, room))?;
            part.copy_from_slice(data);
            shared.endpoint.recv_from();
            Ok((len, from))
        })
    }

    /// How long [`Endpoint::recv_from`] waits, on all handles of this endpoint. `None`, the default: for
    /// ever. Calls that wait already are not affected.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a timeout of zero.
    pub fn set_recv_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.recv_timeout.set(nonzero(timeout)?);
        Ok(())
    }

    /// Whether datagrams may be sent to all hosts of an IPv4 network at once. Not so at the beginning.
    ///
    /// # Errors
    /// The system's.
    pub fn set_broadcast(&self, is_allowed: bool) -> io::Result<()> {
        self.hub.network().socket().set_broadcast(is_allowed)
    }

    /// Receives what is sent to a multicast group from now on. The endpoint must be bound to the group's
    /// address or to an unspecified one (`0.0.0.0`, `[::]`).
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if `group` is none, and the system's.
    pub fn join_multicast(&self, group: IpAddr, interface: Interface) -> io::Result<()> {
        options::set_member(self.hub.network().socket(), group, interface, true)
    }

    /// Ends [`Endpoint::join_multicast`].
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if `group` is none, and the system's: if it was not joined.
    pub fn leave_multicast(&self, group: IpAddr, interface: Interface) -> io::Result<()> {
        options::set_member(self.hub.network().socket(), group, interface, false)
    }

    /// From which interface datagrams to groups leave. An IPv4 socket names it by its address, an IPv6
    /// socket by its number; one at `[::]` names both, one after the other.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it is named otherwise, and the system's.
    pub fn set_multicast_interface(&self, interface: Interface) -> io::Result<()> {
        options::set_multicast_interface(self.hub.network().socket(), interface)
    }

    /// How many hops datagrams to groups may take. 1 at the beginning: they stay in the local network.
    ///
    /// # Errors
    /// The system's.
    pub fn set_multicast_ttl(&self, ttl: u8) -> io::Result<()> {
        options::set_multicast_ttl(self.hub.network().socket(), ttl)
    }

    /// Whether datagrams to groups come to members on this host too. They do at the beginning. (Linux
    /// asks the sender's socket, Windows the receiver's.)
    ///
    /// # Errors
    /// The system's.
    pub fn set_multicast_loop(&self, is_on: bool) -> io::Result<()> {
        options::set_multicast_loop(self.hub.network().socket(), is_on)
    }

    // ---- the socket ----

    /// Calls `act` with the UDP socket, to read and set its options (buffer sizes, a device, TOS). All
    /// connections share it, so leave it unconnected and non-blocking, and receive nothing from it: what
    /// you take is lost to them.
    pub fn with_socket<T>(&self, act: impl FnOnce(&UdpSocket) -> T) -> T {
        act(self.hub.network().socket())
    }

    /// What arrived and belonged to no connection.
    pub fn stats(&self) -> EndpointStats {
        self.hub.lock().endpoint.stats()
    }

    /// The socket's address.
    ///
    /// # Errors
    /// None; it returns a `Result` as `UdpSocket` does.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.hub.network().local_addr())
    }
}

fn too_short(len: usize, room: usize) -> io::Error {
    let what = format!("a buffer of {room} bytes is too short: the datagram that waits has {len}");
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("local", &self.hub.network().local_addr())
            .finish_non_exhaustive()
    }
}
