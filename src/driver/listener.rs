//! A listener: takes the connections that clients open on one address.

use super::clock;
use super::connection::{Connection, each_addr};
use super::directory;
use super::hub::HubRef;
use super::options;
use super::patience::Patience;
use super::stream::Stream;
use super::sync::Condvar;
use crate::endpoint::Config;
use crate::time::Duration;
use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Takes connections, like `std::net::TcpListener`.
///
/// The drop of the last handle refuses connections from then on, and closes those that nobody has
/// accepted; those that were accepted live on.
///
/// There is no `AsFd`: the descriptor is ready whenever anything arrives for any connection, and what
/// makes it ready is soon taken by another thread. To wait for several things at once, use a thread for
/// each, or [`Listener::set_nonblocking`].
pub struct Listener {
    inner: Arc<Inner>,
}

struct Inner {
    hub: HubRef,
    /// Notified when a connection waits to be accepted.
    incoming: Arc<Condvar>,
    is_nonblocking: AtomicBool,
}

impl Listener {
    /// Listens on the first address that `addr` stands for and that can be had. `[::]` takes IPv4 too.
    ///
    /// # Errors
    /// Those of making and binding a socket, above all [`io::ErrorKind::AddrInUse`]; the last address's.
    pub fn bind(addr: impl ToSocketAddrs) -> io::Result<Self> {
        Self::bind_with(addr, &Config::default())
    }

    /// Listens with other settings than the default ones.
    ///
    /// # Errors
    /// See [`Listener::bind`].
    pub fn bind_with(addr: impl ToSocketAddrs, config: &Config) -> io::Result<Self> {
        each_addr(addr, |addr| directory::listen(addr, config).map(Self::new))
    }

    /// The listener of a hub that listens.
    pub(super) fn new(hub: HubRef) -> Self {
        let incoming = hub.lock().waiters.incoming.clone();
        let is_nonblocking = AtomicBool::new(false);
        Self { inner: Arc::new(Inner { hub, incoming, is_nonblocking }) }
    }

    /// Waits for a connection and gives its first stream and the peer's address.
    ///
    /// # Errors
    /// Only if the driver has failed; [`io::ErrorKind::WouldBlock`] if the listener is non-blocking and
    /// nothing waits.
    pub fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        let connection = self.accept_connection()?;
        let peer = connection.peer_addr()?;
        Ok((connection.stream(), peer))
    }

    /// Waits for a connection and gives all of it.
    ///
    /// # Errors
    /// See [`Listener::accept`].
    pub fn accept_connection(&self) -> io::Result<Connection> {
        let inner = &*self.inner;
        let is_nonblocking = || inner.is_nonblocking.load(Ordering::Relaxed);
        let patience = || if is_nonblocking() { Patience::None } else { Patience::Endless };
        let handle = inner.hub.lock().attend(&inner.incoming, patience, |shared| {
            shared.check()?;
            shared.endpoint.accept().ok_or_else(|| io::ErrorKind::WouldBlock.into())
        })?;
        Ok(Connection::new(inner.hub.clone(), handle))
    }

    /// The first streams of all connections to come; it never ends.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// The same for a listener that is given away.
    #[must_use = "the listener is dropped if the result is not used"]
    pub fn into_incoming(self) -> IntoIncoming {
        IntoIncoming { listener: self }
    }

    /// The address that clients connect to.
    ///
    /// # Errors
    /// None; it returns a `Result` as `TcpListener` does.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.inner.hub.network().local_addr())
    }

    /// Another handle of the same listener.
    ///
    /// # Errors
    /// None; it returns a `Result` as `TcpListener` does.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { inner: self.inner.clone() })
    }

    /// Whether `accept` fails with [`io::ErrorKind::WouldBlock`] instead of waiting. Threads that wait
    /// are woken, and fail so too.
    ///
    /// # Errors
    /// None; it returns a `Result` as `TcpListener` does.
    pub fn set_nonblocking(&self, is_nonblocking: bool) -> io::Result<()> {
        let mut shared = self.inner.hub.lock();
        self.inner.is_nonblocking.store(is_nonblocking, Ordering::Relaxed);
        self.inner.incoming.notify_all();
        shared.stir();
        Ok(())
    }

    /// How many hops the packets of this listener's connections may take: it is the UDP socket's, so all
    /// of them share it.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it is 0 or above 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        options::set_ttl(self.inner.hub.network().socket(), ttl)
    }

    /// See [`Listener::set_ttl`].
    ///
    /// # Errors
    /// Those of asking the kernel.
    pub fn ttl(&self) -> io::Result<u32> {
        options::ttl(self.inner.hub.network().socket())
    }

    /// What keeps the listener from working: nothing, unless the driver has failed. Errors that the
    /// network reports concern single datagrams, and are not told here.
    ///
    /// # Errors
    /// None; it returns a `Result` as `TcpListener` does.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.inner.hub.lock().check().err())
    }

    /// Calls `act` with the UDP socket, to read and set its options (buffer sizes, a device, TOS). All
    /// of the listener's connections share it, so leave it unconnected and non-blocking, and receive
    /// nothing from it: what you take is lost to them.
    pub fn with_socket<T>(&self, act: impl FnOnce(&UdpSocket) -> T) -> T {
        act(self.inner.hub.network().socket())
    }
}

/// The first streams of the connections that a [`Listener`] accepts.
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Incoming<'a> {
    listener: &'a Listener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<Stream>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}

/// Like [`Incoming`], with the listener in it.
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct IntoIncoming {
    listener: Listener,
}

impl Iterator for IntoIncoming {
    type Item = io::Result<Stream>;

    fn next(&mut self) -> Option<Self::Item> {
        self.listener.incoming().next()
    }
}

impl FusedIterator for IntoIncoming {}

impl Drop for Inner {
    fn drop(&mut self) {
        let now = clock::now();
        let mut shared = self.hub.lock();
        shared.endpoint.set_listening(false);
        while let Some(handle) = shared.endpoint.accept() {
            if let Some(connection) = shared.endpoint.connection_mut(handle) {
                connection.close(now, 0, b"", Duration::ZERO);
            }
            shared.endpoint.forget(handle);
        }
        shared.flush();
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("addr", &self.inner.hub.network().local_addr()).finish()
    }
}
