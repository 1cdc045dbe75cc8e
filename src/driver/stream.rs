//! A stream of bytes as the application holds it: what `std::net::TcpStream` is for TCP.

mod bytes;

pub(super) use bytes::{Bytes, Watch};

use super::connection::{Connection, OptionalDuration, nonzero};
use super::options;
use super::outcome;
use super::patience::Patience;
use super::sync::Mutex;
use super::waiters::FlowWaiters;
use crate::connection::{CloseReason, Config, Connection as Core};
use crate::stream::{ReadError, Streams, WriteError};
use crate::time::Duration;
use crate::wire::StreamId;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Bytes that one call copies at most, into or out of all its buffers: others get the lock in between.
const MAX_COPY: usize = 128 * 1024;

/// A stream of bytes in both directions, like `std::net::TcpStream`.
///
/// Calls block. One that fails with a timeout or with [`io::ErrorKind::WouldBlock`] has taken nothing and
/// given nothing, and can be repeated; a `write` that succeeded has taken the data into the send buffer,
/// and only the drop of the last handle or [`Connection::close`] tells whether it arrived. A call that
/// another thread's `shutdown` or `close` overtakes returns at once.
///
/// [`Stream::try_clone`] gives another handle of the same stream. The drop of the last handle ends the
/// stream: what was written is delivered, and what arrives is refused (stream 0 lives as long as its
/// connection: see [`Connection::stream`]). If that was also the last handle of the connection, the drop
/// waits until everything is acknowledged: see [`Stream::set_linger`].
///
/// There is no `AsFd`. One descriptor serves all streams of a socket, so that it is ready tells nothing
/// about this one; timers need serving although nothing arrives; and what makes the descriptor ready is
/// soon taken by another thread. Where a loop would `poll` descriptors, use a thread for each stream
/// (handles can be cloned, and a `shutdown` wakes whoever waits), read timeouts, or
/// [`Stream::set_nonblocking`]. Socket options are reachable through [`Stream::with_socket`].
pub struct Stream {
    handle: Arc<StreamHandle>,
}

/// What all handles of a stream share.
pub(super) struct StreamHandle {
    connection: Connection,
    id: StreamId,
    waiters: Arc<FlowWaiters>,
    read_timeout: OptionalDuration,
    write_timeout: OptionalDuration,
    is_nonblocking: AtomicBool,
    is_nodelay: AtomicBool,
    /// The application reads no more.
    is_read_shut: AtomicBool,
    /// The peer gave the stream up, with this code: told to every read, or a second one would take
    /// what is missing for the end.
    reset: OnceLock<u64>,
    /// `take_error` has told why the stream broke.
    is_error_told: AtomicBool,
    /// How many bytes were taken into the send buffer.
    written: AtomicU64,
    /// How many bytes were read.
    read: AtomicU64,
    /// Of those who send by a channel's verbs: what one call sends stays together.
    turn: Mutex<()>,
}

impl StreamHandle {
    pub(super) fn new(connection: Connection, id: StreamId) -> Self {
        let waiters = connection.hub().lock().waiters.insert_flow(connection.handle(), id.into());
        Self {
            connection,
            id,
            waiters,
            read_timeout: OptionalDuration::none(),
            write_timeout: OptionalDuration::none(),
            is_nonblocking: AtomicBool::new(false),
            is_nodelay: AtomicBool::new(false),
            is_read_shut: AtomicBool::new(false),
            reset: OnceLock::new(),
            is_error_told: AtomicBool::new(false),
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            turn: Mutex::new(()),
        }
    }

    fn patience(&self, timeout: &OptionalDuration) -> Patience {
        if self.is_nonblocking.load(Ordering::Relaxed) {
            return Patience::None;
        }
        timeout.get().map_or(Patience::Endless, Patience::Within)
    }

    pub(super) fn set_nonblocking(&self, is_nonblocking: bool) {
        let mut shared = self.connection.hub().lock();
        self.is_nonblocking.store(is_nonblocking, Ordering::Relaxed);
        self.waiters.wake_all();
        shared.stir();
    }

    /// Why nothing goes on, if it is nobody's wish.
    fn failure(&self, connection: &mut Core) -> Option<io::Error> {
        let next = connection.streams().peek(self.id, &mut [0]);
        let reset = self.reset.get().map(|code| ReadError::Reset(*code));
        if let Some(error @ ReadError::Reset(_)) = reset.or(next.err()) {
            return Some(outcome::read(error));
        }
        let ended = connection.ended()?;
        // Closed by the peer before the stream had ended: what was still to come is lost.
        let is_cut =
            next == Err(ReadError::Blocked) && matches!(ended.reason, CloseReason::Peer(..));
        if is_cut { Some(outcome::ended(ended)) } else { outcome::failure(ended) }
    }
}

impl Stream {
    pub(super) fn new(handle: Arc<StreamHandle>) -> Self {
        Self { handle }
    }

    /// Connects, and gives the connection's first stream; tries every address that `addr` stands for.
    ///
    /// # Errors
    /// See [`Connection::connect`].
    pub fn connect(addr: impl ToSocketAddrs) -> io::Result<Self> {
        Ok(Connection::connect(addr)?.stream())
    }

    /// Connects with other settings than the default ones.
    ///
    /// # Errors
    /// See [`Connection::connect`].
    pub fn connect_with(addr: impl ToSocketAddrs, config: &Config) -> io::Result<Self> {
        Ok(Connection::connect_with(addr, config)?.stream())
    }

    /// Connects, and asks no longer than `timeout`.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if `timeout` is zero; else see [`Connection::connect`].
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        nonzero(Some(timeout))?;
        let config = Config { connect_timeout: timeout, ..Config::default() };
        Self::connect_with(addr, &config)
    }

    /// The connection that this stream belongs to.
    pub fn connection(&self) -> Connection {
        self.handle.connection.clone()
    }

    /// Another handle of the same stream.
    ///
    /// # Errors
    /// None; it returns a `Result` as `TcpStream` does.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { handle: self.handle.clone() })
    }

    /// The peer's address.
    ///
    /// # Errors
    /// See [`Connection::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.handle.connection.peer_addr()
    }

    /// This side's address.
    ///
    /// # Errors
    /// See [`Connection::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.handle.connection.local_addr()
    }

    // ---- reading and writing ----

    /// Like `read`, but leaves the bytes there.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let most = buf.len().min(MAX_COPY);
        self.take(most, |streams, id| streams.peek(id, buf.get_mut(..most).unwrap_or_default()))
    }

    fn read_some(&self, buf: &mut [u8]) -> io::Result<usize> {
        let most = buf.len().min(MAX_COPY);
        self.take(most, |streams, id| {
            let n = streams.read(id, buf.get_mut(..most).unwrap_or_default())?;
            self.handle.read.fetch_add(n as u64, Ordering::Relaxed);
            Ok(n)
        })
    }

    fn read_several(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let room = bufs.iter().map(|buf| buf.len()).fold(0, usize::saturating_add);
        self.take(room, |streams, id| {
            let mut taken = 0;
            for buf in bufs.iter_mut().filter(|buf| !buf.is_empty()) {
                let most = buf.len().min(MAX_COPY - taken);
                match streams.read(id, buf.get_mut(..most).unwrap_or_default()) {
                    Ok(n) => taken += n,
                    // What stops the next one only is told by the next call.
                    Err(_) if taken > 0 => break,
                    Err(error) => return Err(error),
                }
                if taken == MAX_COPY {
                    break;
                }
            }
            self.handle.read.fetch_add(taken as u64, Ordering::Relaxed);
            Ok(taken)
        })
    }

    /// Waits for data and takes it with `take`, which has `room` for so many bytes.
    fn take(
        &self,
        room: usize,
        mut take: impl FnMut(&mut Streams, StreamId) -> Result<usize, ReadError>,
    ) -> io::Result<usize> {
        let this = &*self.handle;
        if room == 0 {
            return Ok(0);
        }
        let patience = || this.patience(&this.read_timeout);
        this.connection.wait_on(&this.waiters.readable, patience, |connection| {
            if this.is_read_shut.load(Ordering::Relaxed) {
                return Ok(0);
            }
            if let Some(code) = this.reset.get() {
                return Err(outcome::read(ReadError::Reset(*code)));
            }
            take(connection.streams(), this.id).map_err(|error| match (error, connection.ended()) {
                // What had arrived before the end is read before the end is told.
                (ReadError::Blocked, Some(ended)) => outcome::ended(ended),
                (ReadError::Reset(code), _) => {
                    this.reset.get_or_init(|| code);
                    outcome::read(error)
                }
                _ => outcome::read(error),
            })
        })
    }

    fn write_some(&self, buf: &[u8]) -> io::Result<usize> {
        let buf = buf.get(..MAX_COPY).unwrap_or(buf);
        self.put(buf.len(), |streams, id| streams.write(id, buf))
    }

    fn write_several(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let len = bufs.iter().map(|buf| buf.len()).fold(0, usize::saturating_add);
        self.put(len, |streams, id| {
            let mut taken = 0;
            for buf in bufs.iter().filter(|buf| !buf.is_empty()) {
                let most = buf.len().min(MAX_COPY - taken);
                match streams.write(id, buf.get(..most).unwrap_or_default()) {
                    Ok(n) => taken += n,
                    Err(_) if taken > 0 => break,
                    Err(error) => return Err(error),
                }
                if taken == MAX_COPY {
                    break;
                }
            }
            Ok(taken)
        })
    }

    /// Waits for room and fills it with `put`, which has `len` bytes.
    fn put(
        &self,
        len: usize,
        mut put: impl FnMut(&mut Streams, StreamId) -> Result<usize, WriteError>,
    ) -> io::Result<usize> {
        let this = &*self.handle;
        if len == 0 {
            return Ok(0);
        }
        let patience = || this.patience(&this.write_timeout);
        this.connection.wait_on(&this.waiters.writable, patience, |connection| {
            if let Some(ended) = connection.ended() {
                return Err(outcome::ended_write(ended));
            }
            let taken = put(connection.streams(), this.id).map_err(outcome::write)?;
            this.written.fetch_add(taken as u64, Ordering::Relaxed);
            Ok(taken)
        })
    }

    /// Ends one direction, or both: `Write` sends what was written and then the end, which the peer
    /// reads as 0 bytes; `Read` discards what arrives from now on, and readers get 0 bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] if the connection has broken down.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let this = &*self.handle;
        let hub = this.connection.hub();
        let mut shared = hub.lock();
        let connection = shared.connection(this.connection.handle())?;
        let is_broken = connection.ended().is_some_and(|ended| !outcome::is_orderly(ended));
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            // What was reset or refused by the peer needs no end.
            let _ = connection.streams().finish(this.id);
        }
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            connection.streams().discard(this.id);
            this.is_read_shut.store(true, Ordering::Relaxed);
        }
        this.waiters.wake_all();
        shared.stir();
        shared.flush();
        if is_broken { Err(io::ErrorKind::NotConnected.into()) } else { Ok(()) }
    }

    // ---- settings ----

    /// How long `read` and `peek` wait; `None`, the default: for ever.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a timeout of zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.handle.read_timeout.set(nonzero(timeout)?);
        Ok(())
    }

    /// See [`Stream::set_read_timeout`].
    ///
    /// # Errors
    /// None; it returns a `Result` as `TcpStream` does.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.handle.read_timeout.get())
    }

    /// How long `write` waits for room; `None`, the default: for ever.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a timeout of zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.handle.write_timeout.set(nonzero(timeout)?);
        Ok(())
    }

    /// See [`Stream::set_write_timeout`].
    ///
    /// # Errors
    /// None; it returns a `Result` as `TcpStream` does.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.handle.write_timeout.get())
    }

    /// Whether calls that would have to wait fail with [`io::ErrorKind::WouldBlock`] instead, and the
    /// drop of the last handle does not wait either. Threads that wait are woken, and fail so too.
    ///
    /// # Errors
    /// None; it returns a `Result` as `TcpStream` does.
    pub fn set_nonblocking(&self, is_nonblocking: bool) -> io::Result<()> {
        self.handle.set_nonblocking(is_nonblocking);
        Ok(())
    }

    /// Whether small writes go out at once, instead of waiting for the one before to arrive.
    ///
    /// # Errors
    /// If the connection's driver has failed.
    pub fn set_nodelay(&self, is_nodelay: bool) -> io::Result<()> {
        let this = &*self.handle;
        let hub = this.connection.hub();
        let mut shared = hub.lock();
        let connection = shared.connection(this.connection.handle())?;
        connection.streams().set_nodelay(this.id, is_nodelay);
        this.is_nodelay.store(is_nodelay, Ordering::Relaxed);
        shared.flush();
        Ok(())
    }

    /// See [`Stream::set_nodelay`].
    ///
    /// # Errors
    /// None; it returns a `Result` as `TcpStream` does.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(self.handle.is_nodelay.load(Ordering::Relaxed))
    }

    /// How many hops the packets may take. It is the UDP socket's: all streams and connections of one
    /// socket, such as a listener's, share it.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it is 0 or above 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.with_socket(|socket| options::set_ttl(socket, ttl))
    }

    /// See [`Stream::set_ttl`].
    ///
    /// # Errors
    /// Those of asking the kernel.
    pub fn ttl(&self) -> io::Result<u32> {
        self.with_socket(options::ttl)
    }

    /// Why the stream or its connection broke: told once to all handles, and `None` while all is well
    /// and after an end in good order or by this side.
    ///
    /// # Errors
    /// If the connection's driver has failed.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        let this = &*self.handle;
        let mut shared = this.connection.hub().lock();
        let failure = this.failure(shared.connection(this.connection.handle())?);
        Ok(failure.filter(|_| !this.is_error_told.swap(true, Ordering::Relaxed)))
    }

    /// Calls `act` with the UDP socket; see [`Connection::with_socket`].
    pub fn with_socket<T>(&self, act: impl FnOnce(&UdpSocket) -> T) -> T {
        self.handle.connection.with_socket(act)
    }

    /// What the drop of the connection's last handle does; see [`Connection::set_linger`].
    ///
    /// # Errors
    /// None; it returns a `Result` as `TcpStream` does.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.handle.connection.set_linger(linger);
        Ok(())
    }

    /// See [`Connection::set_linger`].
    ///
    /// # Errors
    /// None; it returns a `Result` as `TcpStream` does.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        Ok(self.handle.connection.linger())
    }
}

impl Drop for StreamHandle {
    fn drop(&mut self) {
        let is_last = self.connection.is_last();
        if is_last && self.is_nonblocking.load(Ordering::Relaxed) {
            self.connection.detach();
        }
        let handle = self.connection.handle();
        let hub = self.connection.hub();
        let mut shared = hub.lock();
        shared.waiters.remove_flow(handle, self.id.into(), &self.waiters);
        if is_last || self.id == StreamId::ZERO {
            // The connection's end says all there is to say, if it follows; else stream 0 can be had again.
            return;
        }
        if let Ok(connection) = shared.connection(handle) {
            let _ = connection.streams().finish(self.id);
            connection.streams().stop(self.id, 0);
        }
        shared.flush();
    }
}

impl Read for &Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.read_several(bufs)
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_some(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

impl Write for &Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_some(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_several(bufs)
    }

    /// Does nothing: what is written is on its way, as with TCP.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_some(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Stream");
        if let (Ok(addr), Ok(peer)) = (self.local_addr(), self.peer_addr()) {
            debug.field("addr", &addr).field("peer", &peer);
        }
        debug.field("id", &self.handle.id).finish()
    }
}

#[cfg(test)]
mod tests;
