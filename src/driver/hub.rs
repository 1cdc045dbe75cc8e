//! The hub of a UDP socket: the endpoint under its lock, who sends, who waits for the network, and who
//! sleeps until something happens.

use super::clock;
use super::directory::{Entry, Joined};
use super::handover::{Handover, Locked as Guard, Network, Watch};
use super::keeper::{Caller, Keeper};
use super::lead::Lead;
use super::outbox::Outbox;
use super::socket::Socket;
use super::waiters::{ConnectionWaiters, Waiters};
use crate::connection::Connection;
use crate::endpoint::{Config, Endpoint, Handle};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use mio::Waker;
use rand::TryRng as _;
use rand::rngs::SysRng;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Deref;
use std::sync::{Arc, Weak};
use std::thread;

/// Batches of about 64 KiB that one thread sends before it lets the lead go on: a writer is not kept for
/// ever by what others write.
const MAX_ROUNDS: usize = 16;
/// Batches that the keeper receives before it looks after its other hubs.
const MAX_TURNS: usize = 16;
/// When to try again to send although the socket has not said that it takes more.
const BLOCKED_RETRY: Duration = Duration::from_millis(20);

/// A socket and its connections.
pub(super) type Hub = Handover<Line>;

/// A hub's state, locked.
pub(super) type Locked<'a> = Guard<'a, Line>;

/// What a keeper is to do about a hub it has visited.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub(super) watch: Watch,
    /// The socket takes no more for now: it matters too when it does.
    pub(super) is_blocked: bool,
}

/// What of a hub needs no lock: how to reach the network and those who wait for it.
#[derive(Debug)]
pub(super) struct Line {
    socket: Socket,
    /// Ends the wait of whoever leads.
    waker: Waker,
    caller: Caller,
}

/// What the lock protects.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) endpoint: Endpoint,
    pub(super) waiters: Waiters,
    /// Lies here when nobody sends. Whoever took it asks the endpoint for more before it gives it back:
    /// so whoever finds it gone need not wait.
    outbox: Option<Box<Outbox>>,
    /// The outbox holds what the socket did not take; whoever leads waits until it does.
    is_blocked: bool,
    /// When the endpoint wants to be polled next.
    deadline: Instant,
    /// How many handles the application has.
    handles: usize,
    /// A panic has interrupted somebody's work under the lock, or the network cannot be waited for:
    /// nothing goes on.
    is_dead: bool,
    /// The keeper has let the hub go.
    is_closed: bool,
    /// Goes when the socket is closed: keep it the last.
    pub(super) entry: Option<Entry>,
}

impl Shared {
    /// # Errors
    /// [`io::ErrorKind::Other`] if nothing goes on any more.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.is_dead {
            return Err(io::Error::other("the driver of this socket has failed"));
        }
        Ok(())
    }

    /// A connection to work with, and who waits for it.
    ///
    /// # Errors
    /// Those of [`Shared::connection`].
    pub(super) fn split(
        &mut self,
        handle: Handle,
    ) -> io::Result<(&mut Connection, &mut ConnectionWaiters)> {
        self.check()?;
        let connection = self.endpoint.connection_mut(handle);
        let both = connection.zip(self.waiters.of(handle));
        both.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// A connection to work with.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] if there is none, and those of [`Shared::check`].
    pub(super) fn connection(&mut self, handle: Handle) -> io::Result<&mut Connection> {
        self.check()?;
        self.endpoint.connection_mut(handle).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Whether nobody needs the hub any more: no handle, and no connection that still says goodbye.
    pub(super) fn is_over(&self) -> bool {
        self.is_dead || self.handles == 0 && self.endpoint.is_empty()
    }
}

impl Network for Line {
    type State = Shared;
    type Lead = Box<Lead>;

    fn now(&self) -> Instant {
        clock::now()
    }

    fn deadline(&self, shared: &Shared) -> Instant {
        if shared.is_over() {
            Instant::ZERO
        } else if shared.is_blocked {
            self.now() + BLOCKED_RETRY
        } else if shared.outbox.is_none() {
            // Whoever has it looks at the deadline when he gives it back.
            Instant::MAX
        } else {
            shared.deadline
        }
    }

    fn prepare(shared: &Shared, lead: &mut Box<Lead>) {
        lead.is_blocked = shared.is_blocked;
    }

    fn receive(&self, lead: &mut Box<Lead>, until: Instant) {
        lead.receive(until, || self.now());
    }

    fn has_more(lead: &Box<Lead>) -> bool {
        lead.is_readable
    }

    fn handle(&self, now: Instant, lead: &mut Box<Lead>, shared: &mut Shared) {
        if lead.has_failed {
            Self::die(shared);
        }
        if std::mem::take(&mut lead.is_writable) {
            shared.is_blocked = false;
        }
        if shared.is_dead {
            return;
        }
        for datagram in lead.inbox.datagrams() {
            shared.endpoint.handle(now, datagram);
        }
        if std::mem::take(&mut lead.is_refused) {
            self.on_refused(now, shared);
        }
    }

    /// If another thread is sending, that one will do all this.
    fn flush(&self, shared: &mut Locked<'_>) {
        if shared.is_blocked || shared.is_dead {
            return;
        }
        let Some(mut outbox) = shared.outbox.take() else { return };
        for _ in 0..MAX_ROUNDS {
            let now = shared.now();
            let mut has_told = false;
            let Shared { endpoint, waiters, deadline, .. } = &mut **shared;
            let idle = outbox.fill(now, endpoint, |event| {
                waiters.on_event(event);
                has_told = true;
            });
            *deadline = idle.unwrap_or(Instant::ZERO);
            waiters.fetch(endpoint);
            has_told |= waiters.on_step();
            if has_told {
                shared.stir();
            }
            if outbox.is_empty() {
                break;
            }
            let sent = shared.unlocked(|line| outbox.send(&line.socket));
            if sent.is_refused {
                let now = shared.now();
                self.on_refused(now, shared);
            }
            if sent.is_blocked {
                shared.is_blocked = true;
                // Whoever waits for the network now waits for room too.
                shared.stir();
                break;
            }
            // What has become due since is soon seen; what others have left has to be seen now.
            if shared.endpoint.is_idle(now) {
                break;
            }
        }
        shared.outbox = Some(outbox);
        if !shared.is_blocked && !shared.endpoint.is_idle(Instant::ZERO) {
            // Enough for now, or others have left their work meanwhile.
            shared.deadline = Instant::ZERO;
        }
        shared.cover();
    }

    fn ring(&self) {
        // It cannot fail but for want of kernel memory; then the lead wakes when it would have.
        let _ = self.waker.wake();
    }

    fn call(&self) {
        self.caller.call();
    }

    fn die(shared: &mut Shared) {
        shared.is_dead = true;
        shared.waiters.wake_all();
    }
}

impl Line {
    pub(super) fn local_addr(&self) -> SocketAddr {
        self.socket.local_addr()
    }

    /// The kernel's socket, for its options.
    pub(super) fn socket(&self) -> &UdpSocket {
        self.socket.io()
    }

    /// See [`Socket::send_to`].
    pub(super) fn send_to(&self, data: &[u8], to: SocketAddr) -> io::Result<()> {
        self.socket.send_to(data, to)
    }

    fn on_refused(&self, now: Instant, shared: &mut Shared) {
        if let Some(peer) = self.socket.peer() {
            shared.endpoint.on_unreachable(now, peer);
        }
    }
}

impl Locked<'_> {
    /// Sends and tells all there is, and when it returns, all of it has left that may: another thread which is sending is
    /// waited for.
    pub(super) fn flush_through(&mut self) {
        self.flush();
        while self.outbox.is_none() && !self.is_dead {
            self.unlocked(|_| thread::yield_now());
        }
    }

    /// The keeper's visit. Returns nothing if the hub is not needed any more.
    pub(super) fn visit(&mut self) -> Option<Visit> {
        // The socket may take something again although nobody was told.
        self.is_blocked = false;
        let watch = self.keep(MAX_TURNS);
        if self.is_dead {
            // Whoever was about to wait when it died has not heard of it.
            self.kill();
        }
        self.is_closed = self.is_over();
        (!self.is_closed).then_some(Visit { watch, is_blocked: self.is_blocked })
    }

    /// Nobody serves this hub any more.
    pub(super) fn kill(&mut self) {
        Line::die(self);
        self.stir();
    }
}

/// A handle of the application's, which keeps a hub at work.
#[derive(Debug)]
pub(super) struct HubRef(Arc<Hub>);

impl HubRef {
    /// Starts to serve `socket`.
    ///
    /// # Errors
    /// Those of making what it needs; a keeper, whose end takes a while, is made last.
    pub(super) fn open(
        socket: Socket,
        config: Config,
        keeper: impl FnOnce() -> io::Result<Keeper>,
    ) -> io::Result<Self> {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(io::Error::other)?;
        let (lead, waker) = Lead::new(&socket)?;
        let (source, _) = socket.duplicate()?;
        let shared = Shared {
            endpoint: Endpoint::new(config, Rng::from_seed(seed)),
            waiters: Waiters::default(),
            outbox: Some(Box::default()),
            is_blocked: false,
            deadline: Instant::MAX,
            handles: 1,
            is_dead: false,
            is_closed: false,
            entry: None,
        };
        let hub = keeper()?.adopt(source, |caller| {
            Arc::new(Handover::new(Line { socket, waker, caller }, shared, Box::new(lead)))
        });
        Ok(Self(hub))
    }

    /// A handle of a hub at which nobody listens; from now on somebody does.
    pub(super) fn join(hub: &Arc<Hub>, config: &Config) -> Joined {
        let mut shared = hub.lock();
        if shared.is_closed || shared.is_dead && shared.handles == 0 {
            return Joined::Closing;
        }
        if shared.is_dead || shared.endpoint.is_listening() {
            return Joined::InUse;
        }
        shared.endpoint.listen(config);
        shared.handles += 1;
        drop(shared);
        Joined::Yes(Self(hub.clone()))
    }

    /// See [`HubRef::join`].
    pub(super) fn listen(&self, config: &Config) -> io::Result<Self> {
        match Self::join(&self.0, config) {
            Joined::Yes(hub) => Ok(hub),
            Joined::InUse | Joined::Closing => Err(io::ErrorKind::AddrInUse.into()),
        }
    }

    pub(super) fn downgrade(&self) -> Weak<Hub> {
        Arc::downgrade(&self.0)
    }
}

impl Clone for HubRef {
    fn clone(&self) -> Self {
        self.lock().handles += 1;
        Self(self.0.clone())
    }
}

impl Drop for HubRef {
    fn drop(&mut self) {
        let mut shared = self.0.lock();
        shared.handles -= 1;
        // The keeper lets a hub go that is over.
        shared.cover();
    }
}

impl Deref for HubRef {
    type Target = Hub;
    fn deref(&self) -> &Hub {
        &self.0
    }
}

#[cfg(test)]
mod tests;
