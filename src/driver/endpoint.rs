//! An endpoint as the application holds it: many connections from one socket.

use super::connection::Connection;
use super::directory;
use super::hub::HubRef;
use super::listener::Listener;
use super::socket::Socket;
use crate::connection;
use crate::endpoint::Config;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};

/// One UDP socket for as many connections as one likes, opened by this side or by others.
///
/// [`Connection::connect`] takes a socket for each connection, so that the network's error messages name
/// the one they concern. An endpoint needs one socket, a few descriptors and one thread for all of them:
/// for hundreds of thousands of idle connections, for a known local address, for peers that connect to
/// each other, for sockets that somebody else has made.
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
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Endpoint {
    hub: HubRef,
    config: Config,
}

impl Endpoint {
    /// An endpoint at the first address that `addr` stands for and that can be had. `[::]` takes IPv4 too.
    ///
    /// # Errors
    /// Those of making and binding a socket, above all [`io::ErrorKind::AddrInUse`]; the last address's.
    pub fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(addr, &Config::default())
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
        Ok(Self { hub, config: config.clone() })
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

    /// The socket's address.
    ///
    /// # Errors
    /// None; it returns a `Result` as `UdpSocket` does.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.hub.network().local_addr())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("local", &self.hub.network().local_addr())
            .finish_non_exhaustive()
    }
}
