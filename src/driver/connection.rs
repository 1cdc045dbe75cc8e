//! A connection as the application holds it: its streams, its end, its figures.

use super::channel::{Channel, ChannelError, Messages, closed};
use super::clock;
use super::hub::{HubRef, Locked, Shared};
use super::keeper::Keeper;
use super::outcome;
use super::patience::Patience;
use super::socket::Socket;
use super::stream::{Bytes, Stream, StreamHandle};
use super::sync::{Condvar, Mutex};
use super::waiters::{ConnectionWaiters, FlowWaiters};
use crate::connection::{ChannelConfig, CloseOutcome, Config, Connection as Core, Ended, Stats};
use crate::endpoint::{self, Handle};
use crate::stream::{Delivery, FlowId, OpenError};
use crate::time::{Duration, Instant};
use crate::wire::{ChannelId, StreamId};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// How long the drop of a connection's last handle waits by default until all data is acknowledged.
const LINGER: Duration = Duration::from_secs(2);
/// How long an address is asked while there is another one to try.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection to one peer: as many streams as one likes, and what concerns all of them.
///
/// Clones and streams are handles of one connection, and the connection lives as long as any of them.
/// The drop of the last one closes it with code 0: see [`Connection::set_linger`].
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    hub: HubRef,
    handle: Handle,
    /// Notified of all that happens, but for what happens on streams.
    changed: Arc<Condvar>,
    /// Notified of receipts and, while somebody flushes, of every step.
    settled: Arc<Condvar>,
    /// Stream 0, as long as the application holds it.
    first: Mutex<Weak<StreamHandle>>,
    /// The urgent channel, as long as the application holds it.
    urgent: Mutex<Weak<Messages>>,
    linger: Linger,
}

impl Connection {
    /// Connects from a socket of its own; tries every address that `addr` stands for, one after the
    /// other: each that has a successor for at most 1 s, the last one for as long as
    /// [`Config::connect_timeout`] says. A wildcard address means this host.
    ///
    /// # Errors
    /// The last address's: [`io::ErrorKind::ConnectionRefused`] if the host says that nobody listens
    /// there, [`io::ErrorKind::TimedOut`] if nothing answers, [`io::ErrorKind::Unsupported`] if the
    /// server speaks another version, [`io::ErrorKind::InvalidInput`] if no host can have that address;
    /// and those of making a socket.
    pub fn connect(addr: impl ToSocketAddrs) -> io::Result<Self> {
        Self::connect_with(addr, &Config::default())
    }

    /// Connects with other settings than the default ones.
    ///
    /// # Errors
    /// See [`Connection::connect`].
    pub fn connect_with(addr: impl ToSocketAddrs, config: &Config) -> io::Result<Self> {
        let mut hurried = config.clone();
        hurried.connect_timeout = config.connect_timeout.min(CONNECT_TIMEOUT);
        let mut addrs = addr.to_socket_addrs()?.peekable();
        let mut last = None;
        while let Some(addr) = addrs.next() {
            let config = if addrs.peek().is_some() { &hurried } else { config };
            match Self::connect_to(reachable(addr), config) {
                Ok(connection) => return Ok(connection),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(no_addr))
    }

    fn connect_to(addr: SocketAddr, config: &Config) -> io::Result<Self> {
        let settings = endpoint::Config { connection: config.clone(), ..Default::default() };
        let hub = HubRef::open(Socket::connect(addr)?, settings, Keeper::of_clients)?;
        Self::ask(hub, addr, config)
    }

    /// Connects through an open hub.
    pub(super) fn ask(hub: HubRef, addr: SocketAddr, config: &Config) -> io::Result<Self> {
        let mut shared = hub.lock();
        let handle = shared.endpoint.connect_with(clock::now(), addr, config);
        drop(shared);
        let handle = handle.map_err(outcome::connect)?;
        let this = Self::new(hub, handle);
        this.inner.hub.lock().flush();
        this.wait_for(|connection| connected(connection))?;
        // The server accepts in the order in which these return.
        this.inner.hub.lock().flush_through();
        Ok(this)
    }

    /// The application's first handle of a connection.
    pub(super) fn new(hub: HubRef, handle: Handle) -> Self {
        let mut shared = hub.lock();
        let waiters = shared.waiters.insert(handle);
        let (changed, settled) = (waiters.changed.clone(), waiters.settled.clone());
        drop(shared);
        let (first, urgent, linger) = (Mutex::default(), Mutex::default(), Linger::default());
        Self { inner: Arc::new(Inner { hub, handle, changed, settled, first, urgent, linger }) }
    }

    pub(super) fn hub(&self) -> &HubRef {
        &self.inner.hub
    }

    pub(super) fn handle(&self) -> Handle {
        self.inner.handle
    }

    /// Whether nobody else has a handle.
    pub(super) fn is_last(&self) -> bool {
        Arc::strong_count(&self.inner) == 1
    }

    // ---- streams ----

    /// Stream 0, which every connection has from the handshake on; each call gives a handle of the same.
    ///
    /// It lives as long as the connection: to drop its handles ends nothing, so `stream().write_all(..)`
    /// can be called again and again. [`Stream::shutdown`] ends it sooner. The peer finds it by the same
    /// call, or as what [`Listener::accept`](super::Listener::accept) gives; never by
    /// [`Connection::accept`], which gives streams that were opened. Its settings are those of its
    /// handles, and begin anew when all were dropped.
    pub fn stream(&self) -> Stream {
        let mut first = self.inner.first.lock();
        let handle = first.upgrade().unwrap_or_else(|| {
            let handle = Arc::new(StreamHandle::new(self.clone(), StreamId::ZERO));
            *first = Arc::downgrade(&handle);
            handle
        });
        Stream::new(handle)
    }

    /// Opens a stream; waits while the peer allows no more. The peer learns of it with its first data.
    ///
    /// # Errors
    /// If the connection has ended: the kind says how.
    pub fn open(&self) -> io::Result<Stream> {
        let id = self.wait_for(|connection| match connection.ended() {
            Some(ended) => Err(outcome::ended(ended)),
            None => connection.streams().open().map_err(outcome::open),
        })?;
        Ok(Stream::new(Arc::new(StreamHandle::new(self.clone(), id))))
    }

    /// Waits for the next stream that the peer opens. Stream 0 is not among them. See also
    /// [`Connection::accept_channel`].
    ///
    /// # Errors
    /// If the connection has ended: the kind says how.
    pub fn accept(&self) -> io::Result<Stream> {
        let id = self.wait_for_peer(|id| match id {
            FlowId::Stream(id) => Some(id),
            FlowId::Channel(_) => None,
        })?;
        Ok(Stream::new(Arc::new(StreamHandle::new(self.clone(), id))))
    }

    // ---- channels ----

    /// Opens a channel with a [`Delivery`] or, beyond that, a [`ChannelConfig`]; waits while the peer
    /// allows no more. The peer learns of it at once, of one of [`Delivery::Stream`] with its first data.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] if the peer takes no messages. If the connection has ended: the
    /// kind says how.
    pub fn open_channel(&self, config: impl Into<ChannelConfig>) -> io::Result<Channel> {
        let config = config.into();
        let id = self.wait_for(|core| {
            if let Some(ended) = core.ended() {
                return Err(outcome::ended(ended));
            }
            let id: Result<FlowId, OpenError> = if config.delivery == Delivery::Stream {
                core.streams().open().map(FlowId::from)
            } else {
                core.open_channel(&config).map(FlowId::from)
            };
            if let Ok(id @ FlowId::Stream(_)) = id {
                core.set_priority(id, config.priority);
            }
            id.map_err(outcome::open)
        })?;
        Ok(self.channel(id))
    }

    /// Waits for the next channel that the peer opens, of whichever delivery; so also for the next
    /// stream, which is a channel of [`Delivery::Stream`] however the peer opened it. Those that
    /// [`Connection::accept`] gave, stream 0 and the urgent channel are not among them. They come in the
    /// order in which they became known, as far as that is told: the network may change it.
    ///
    /// A program that takes streams and messages side by side asks for both here, and has
    /// [`Channel::stream`] for the streams.
    ///
    /// # Errors
    /// If the connection has ended: the kind says how.
    pub fn accept_channel(&self) -> io::Result<Channel> {
        self.wait_for_peer(Some).map(|id| self.channel(id))
    }

    /// The urgent channel, which every connection has: [`Delivery::Unordered`], before all other data,
    /// and never held up by their credit. A message has at most 65,504 bytes. As with
    /// [`Connection::stream`], each call gives a handle of the same, and to drop them ends nothing.
    pub fn urgent(&self) -> Channel {
        let mut urgent = self.inner.urgent.lock();
        let messages = urgent.upgrade().unwrap_or_else(|| {
            let messages = Arc::new(Messages::new(self.clone(), ChannelId::URGENT));
            *urgent = Arc::downgrade(&messages);
            messages
        });
        Channel::of_messages(messages)
    }

    /// The first handle of a stream or message channel.
    fn channel(&self, id: FlowId) -> Channel {
        match id {
            FlowId::Channel(id) => Channel::of_messages(Arc::new(Messages::new(self.clone(), id))),
            FlowId::Stream(id) => {
                Channel::of_bytes(Bytes::new(Arc::new(StreamHandle::new(self.clone(), id))))
            }
        }
    }

    /// Waits until nothing that was sent on any stream or channel is unacknowledged, what was given up
    /// apart: at some moment, so what other threads send meanwhile is waited for too. `None`: as long as
    /// it takes. See also [`Channel::flush_acked`].
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] if that takes longer than `timeout`. If the connection has ended
    /// before: the kind says how.
    pub fn flush_acked(&self, timeout: Option<Duration>) -> io::Result<()> {
        let patience = timeout.map_or(Patience::Endless, Patience::Within);
        let done = self.follow(patience, |core, _| {
            let messages = core.streams().messages();
            let is_settled = messages.queued == 0 && messages.outstanding == 0;
            if is_settled && core.streams().is_all_acknowledged() {
                return Some(Ok(()));
            }
            closed(core)
        });
        Ok(done?)
    }

    // ---- the end ----

    /// Closes the connection for all handles: what was written is delivered first, for at most `linger`;
    /// then the peer is told `code` and `reason` (at most 256 bytes, the rest is cut). Waits until it is
    /// known what became of the data, and says so. If the connection has ended before, it says what
    /// became of the data then.
    ///
    /// # Errors
    /// Only if the driver has failed.
    pub fn close(&self, code: u32, reason: &[u8], linger: Duration) -> io::Result<CloseOutcome> {
        let inner = &*self.inner;
        let mut shared = inner.hub.lock();
        shared.connection(inner.handle)?.close(clock::now(), code, reason, linger);
        shared.flush();
        self.outcome(&mut shared)
    }

    /// Waits for the end.
    fn outcome(&self, shared: &mut Locked<'_>) -> io::Result<CloseOutcome> {
        let inner = &*self.inner;
        loop {
            if let Some(ended) = shared.connection(inner.handle)?.ended() {
                let outcome = ended.outcome;
                // What has just arrived may be for others.
                shared.flush();
                return Ok(outcome);
            }
            shared.wait(&inner.changed, Instant::MAX);
        }
    }

    /// How the connection ended, once it has.
    pub fn ended(&self) -> Option<Ended> {
        self.look(|connection| connection.ended().cloned())?
    }

    /// What the drop of the last handle does with data that is not acknowledged yet: it waits until it
    /// is, for at most this long; `None`, the default, means 2 seconds; `Some(ZERO)` gives the data up
    /// at once, and the peer gets an error. If the last handle is a non-blocking stream, its drop leaves
    /// the delivery to the background, for at most 2 seconds.
    pub fn set_linger(&self, linger: Option<Duration>) {
        self.inner.linger.setting.set(linger);
    }

    /// See [`Connection::set_linger`].
    pub fn linger(&self) -> Option<Duration> {
        self.inner.linger.setting.get()
    }

    /// The drop shall not wait.
    pub(super) fn detach(&self) {
        self.inner.linger.is_detached.store(true, Ordering::Relaxed);
    }

    // ---- figures ----

    /// What was counted so far.
    ///
    /// # Errors
    /// Only if the driver has failed.
    pub fn stats(&self) -> io::Result<Stats> {
        self.look(Core::stats).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The peer's address.
    ///
    /// # Errors
    /// Only if the driver has failed.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.look(|connection| connection.path().remote)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// This side's address; of a server on a wildcard address the one that the peer speaks to.
    ///
    /// # Errors
    /// Only if the driver has failed.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let local =
            self.look(|connection| connection.path().local).ok_or(io::ErrorKind::NotConnected)?;
        let bound = self.inner.hub.network().local_addr();
        Ok(local.map_or(bound, |ip| SocketAddr::new(ip, bound.port())))
    }

    /// Calls `act` with the UDP socket, to read and set its options (buffer sizes, a device, TOS). All
    /// connections of one socket share it: those of a listener, and a client's has one of its own. Leave
    /// it as it is bound and connected, and non-blocking, and receive nothing from it: what you take is
    /// lost to them.
    pub fn with_socket<T>(&self, act: impl FnOnce(&UdpSocket) -> T) -> T {
        act(self.inner.hub.network().socket())
    }

    pub(super) fn look<T>(&self, see: impl FnOnce(&Core) -> T) -> Option<T> {
        let shared = self.inner.hub.lock();
        shared.endpoint.connection(self.inner.handle).map(see)
    }

    // ---- waiting ----

    /// Tries until it is no longer `WouldBlock`.
    fn wait_for<T>(&self, attempt: impl FnMut(&mut Core) -> io::Result<T>) -> io::Result<T> {
        self.wait_on(&self.inner.changed, || Patience::Endless, attempt)
    }

    /// Waits for what the peer opened.
    fn wait_for_peer<T>(&self, is_meant: impl Fn(FlowId) -> Option<T>) -> io::Result<T> {
        let inner = &*self.inner;
        let attempt = |shared: &mut Shared| {
            let (core, waiters) = shared.split(inner.handle)?;
            let would_block = || io::ErrorKind::WouldBlock.into();
            let next = waiters.arrivals.next(core, &is_meant);
            next.ok_or_else(|| core.ended().map_or_else(would_block, outcome::ended))
        };
        inner.hub.lock().attend(&inner.changed, || Patience::Endless, attempt)
    }

    /// See [`Locked::persist`].
    pub(super) fn persist<T>(
        &self,
        condvar: &Condvar,
        patience: impl Fn() -> Patience,
        mut attempt: impl FnMut(&mut Core, &mut ConnectionWaiters) -> Option<Result<T, ChannelError>>,
    ) -> Result<T, ChannelError> {
        let inner = &*self.inner;
        let attempt = |shared: &mut Shared| match shared.split(inner.handle) {
            Ok((core, waiters)) => attempt(core, waiters),
            Err(_) => Some(Err(ChannelError::Failed)),
        };
        let result = inner.hub.lock().persist(condvar, patience, attempt);
        result.unwrap_or_else(|patience| Err(patience.into()))
    }

    /// Tries at every step that the connection makes.
    pub(super) fn follow<T>(
        &self,
        patience: Patience,
        attempt: impl FnMut(&mut Core, &mut ConnectionWaiters) -> Option<Result<T, ChannelError>>,
    ) -> Result<T, ChannelError> {
        let inner = &*self.inner;
        inner.hub.lock().waiters.flush(inner.handle, true);
        let result = self.expect(patience, attempt);
        inner.hub.lock().waiters.flush(inner.handle, false);
        result
    }

    /// Tries whenever a receipt is told.
    pub(super) fn expect<T>(
        &self,
        patience: Patience,
        attempt: impl FnMut(&mut Core, &mut ConnectionWaiters) -> Option<Result<T, ChannelError>>,
    ) -> Result<T, ChannelError> {
        self.persist(&self.inner.settled, || patience, attempt)
    }

    /// Does something that does not wait; those who wait for this flow look again.
    pub(super) fn act<T>(
        &self,
        waiters: &FlowWaiters,
        act: impl FnOnce(&mut Core) -> T,
    ) -> Result<T, ChannelError> {
        let mut shared = self.inner.hub.lock();
        let core = shared.connection(self.inner.handle).map_err(|_| ChannelError::Failed)?;
        let done = act(core);
        waiters.wake_all();
        shared.stir();
        shared.flush();
        Ok(done)
    }

    /// See [`Locked::attend`].
    pub(super) fn wait_on<T>(
        &self,
        condvar: &Condvar,
        patience: impl Fn() -> Patience,
        mut attempt: impl FnMut(&mut Core) -> io::Result<T>,
    ) -> io::Result<T> {
        let inner = &*self.inner;
        let attempt = |shared: &mut Shared| attempt(shared.connection(inner.handle)?);
        inner.hub.lock().attend(condvar, patience, attempt)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let linger = self.linger.get();
        let mut shared = self.hub.lock();
        if let Ok(connection) = shared.connection(self.handle) {
            connection.close(clock::now(), 0, b"", linger.unwrap_or(LINGER));
        }
        shared.flush();
        while linger.is_some() && shared.connection(self.handle).is_ok_and(|c| c.ended().is_none())
        {
            shared.wait(&self.changed, Instant::MAX);
        }
        shared.waiters.remove(self.handle);
        shared.endpoint.forget(self.handle);
        shared.flush();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Connection");
        if let (Ok(local), Ok(peer)) = (self.local_addr(), self.peer_addr()) {
            debug.field("addr", &local).field("peer", &peer);
        }
        debug.field("ended", &self.ended()).finish_non_exhaustive()
    }
}

/// What the drop of the last handle does.
#[derive(Debug)]
struct Linger {
    /// What the application has set.
    setting: OptionalDuration,
    /// It does not wait.
    is_detached: AtomicBool,
}

impl Default for Linger {
    fn default() -> Self {
        Self { setting: OptionalDuration::none(), is_detached: AtomicBool::new(false) }
    }
}

impl Linger {
    /// How long the drop waits, or none if it does not and gives nothing up.
    fn get(&self) -> Option<Duration> {
        let setting = self.setting.get().unwrap_or(LINGER);
        let is_detached = self.is_detached.load(Ordering::Relaxed);
        (setting.is_zero() || !is_detached).then_some(setting)
    }
}

/// A duration, or none, that threads share; kept to the nanosecond. What is longer than 584 years is
/// [`Duration::MAX`].
#[derive(Debug)]
pub(super) struct OptionalDuration(AtomicU64);

/// The nanoseconds that stand for all that cannot be counted.
const ENDLESS: u64 = u64::MAX - 1;

impl OptionalDuration {
    pub(super) const fn none() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    pub(super) fn set(&self, duration: Option<Duration>) {
        let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(ENDLESS).min(ENDLESS);
        self.0.store(duration.map_or(u64::MAX, nanos), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            u64::MAX => None,
            ENDLESS => Some(Duration::MAX),
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }
}

/// A timeout, unless it is zero, which would be none at all.
pub(super) fn nonzero(timeout: Option<Duration>) -> io::Result<Option<Duration>> {
    if timeout.is_some_and(|timeout| timeout.is_zero()) {
        let what = "cannot set a timeout of zero";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    Ok(timeout)
}

/// What `connect` has come to.
fn connected(connection: &Core) -> io::Result<()> {
    match connection.ended() {
        // Whoever closes at once was connected: reads give what came, and then the end.
        Some(ended) if outcome::is_by_peer(ended) => Ok(()),
        Some(ended) => Err(outcome::ended(ended)),
        None if connection.is_connecting() => Err(io::ErrorKind::WouldBlock.into()),
        None => Ok(()),
    }
}

/// Tries `act` with every address; the last error counts.
pub(super) fn each_addr<T>(
    addr: impl ToSocketAddrs,
    mut act: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for addr in addr.to_socket_addrs()? {
        match act(addr) {
            Ok(done) => return Ok(done),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(no_addr))
}

fn no_addr() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any addresses")
}

/// A wildcard address means this host, as it does for TCP on most systems.
fn reachable(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, addr.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, addr.port()).into(),
        _ => addr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Listener;

    #[test]
    fn a_server_that_closes_at_once_was_connected() {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let connect = || Connection::connect(listener.local_addr().unwrap()).unwrap();
        let client = connect();
        let server = listener.accept_connection().unwrap();
        assert_eq!(client.look(connected).unwrap().ok(), Some(()));
        server.close(7, b"", Duration::from_secs(20)).unwrap();
        let reset = client.accept().unwrap_err();
        assert_eq!(reset.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(client.look(connected).unwrap().ok(), Some(()), "as if it looked only now");
        let client = connect();
        client.close(7, b"", Duration::ZERO).unwrap();
        let aborted = client.look(connected).unwrap().unwrap_err();
        assert_eq!(aborted.kind(), io::ErrorKind::ConnectionAborted);
    }
}
