//! The hub of a UDP socket: the endpoint under its lock, who sends, who waits for the network, and who
//! sleeps until something happens. The lock is never held across a system call.

use super::clock::Clock;
use super::lead::Lead;
use super::outbox::Outbox;
use super::socket::Socket;
use super::waiters::Waiters;
use crate::connection::Connection;
use crate::endpoint::{Config, Endpoint, Handle};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use mio::Waker;
use parking_lot::{Condvar, Mutex, MutexGuard};
use rand::TryRng as _;
use rand::rngs::SysRng;
use std::io;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::thread;

/// Batches of about 64 KiB that one thread sends before it lets the lead go on: a writer is not kept for
/// ever by what others write.
const MAX_ROUNDS: usize = 16;
/// When to look again although another thread is sending and will say when to look.
const SECOND_LOOK: Duration = Duration::from_millis(1);
/// When to try again to send although the socket has not said that it takes more.
const BLOCKED_RETRY: Duration = Duration::from_millis(20);

/// A socket, its connections and the thread that serves them.
#[derive(Debug)]
pub(super) struct Hub {
    shared: Mutex<Shared>,
    socket: Socket,
    clock: Clock,
    /// Ends the lead's sleep.
    waker: Waker,
}

/// What the lock protects.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) endpoint: Endpoint,
    pub(super) waiters: Waiters,
    /// Lies here when nobody waits for the network.
    lead: Option<Box<Lead>>,
    /// Lies here when nobody sends. Whoever took it asks the endpoint for more before it gives it back:
    /// so whoever finds it gone need not wait.
    outbox: Option<Box<Outbox>>,
    /// The outbox holds what the socket did not take; the lead waits until it does.
    is_blocked: bool,
    /// When the endpoint wants to be polled next.
    deadline: Instant,
    /// Until when the lead sleeps, if it does and nobody has woken it.
    sleeps_until: Option<Instant>,
    /// How many handles the application has.
    handles: usize,
    /// A panic has interrupted somebody's work under the lock, or the network cannot be waited for:
    /// nothing goes on.
    is_dead: bool,
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

    /// A connection to work with.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] if there is none, and those of [`Shared::check`].
    pub(super) fn connection(&mut self, handle: Handle) -> io::Result<&mut Connection> {
        self.check()?;
        self.endpoint.connection_mut(handle).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn die(&mut self) {
        self.is_dead = true;
        self.waiters.wake_all();
    }

    /// Whether nobody needs the hub any more: no handle, and no connection that still says goodbye.
    fn is_over(&self) -> bool {
        self.is_dead || self.handles == 0 && self.endpoint.is_empty()
    }

    /// Until when the lead may sleep.
    fn rest(&self, now: Instant) -> Instant {
        if self.is_blocked {
            now + BLOCKED_RETRY
        } else if self.outbox.is_none() && self.deadline <= now {
            now + SECOND_LOOK
        } else {
            self.deadline
        }
    }
}

/// The shared state, locked. If a panic unlocks it, the hub is dead.
#[derive(Debug)]
pub(super) struct Locked<'a> {
    guard: MutexGuard<'a, Shared>,
    hub: &'a Hub,
    was_panicking: bool,
}

impl Deref for Locked<'_> {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.guard
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Shared {
        &mut self.guard
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if thread::panicking() && !self.was_panicking {
            self.guard.die();
            // The lead has to see it; nothing better can be done if it cannot be woken.
            let _ = self.hub.waker.wake();
        }
    }
}

impl Locked<'_> {
    fn unlocked<T>(&mut self, act: impl FnOnce() -> T) -> T {
        MutexGuard::unlocked(&mut self.guard, act)
    }
}

/// Tells everybody if the thread that serves them panics.
struct Alarm<'a>(&'a Hub);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().die();
        }
    }
}

/// A handle of the application's, which keeps a hub at work.
#[derive(Debug)]
pub(super) struct HubRef(Arc<Hub>);

impl HubRef {
    /// Starts to serve `socket`, in a thread of its own.
    pub(super) fn open(socket: Socket, config: Config) -> io::Result<Self> {
        let hub = Arc::new(Hub::new(socket, config)?);
        let served = hub.clone();
        hub.lock().handles = 1;
        let this = Self(hub);
        thread::Builder::new().name("towline".into()).spawn(move || served.run())?;
        Ok(this)
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
        if shared.handles == 0 {
            self.0.wake(&mut shared);
        }
    }
}

impl Deref for HubRef {
    type Target = Hub;
    fn deref(&self) -> &Hub {
        &self.0
    }
}

impl Hub {
    fn new(socket: Socket, config: Config) -> io::Result<Self> {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).map_err(io::Error::other)?;
        let (lead, waker) = Lead::new(&socket)?;
        let shared = Shared {
            endpoint: Endpoint::new(config, Rng::from_seed(seed)),
            waiters: Waiters::default(),
            lead: Some(Box::new(lead)),
            outbox: Some(Box::default()),
            is_blocked: false,
            deadline: Instant::MAX,
            sleeps_until: None,
            handles: 0,
            is_dead: false,
        };
        Ok(Self { shared: Mutex::new(shared), socket, clock: Clock::new(), waker })
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        let was_panicking = thread::panicking();
        Locked { guard: self.shared.lock(), hub: self, was_panicking }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.socket.local_addr()
    }

    /// The kernel's socket, for its options.
    pub(super) fn socket(&self) -> &std::net::UdpSocket {
        self.socket.io()
    }

    /// Sends what there is to send, tells what there is to tell, and sees to it that the lead wakes in
    /// time for the next deadline. If another thread is at it, that one will do all this.
    pub(super) fn flush(&self, shared: &mut Locked<'_>) {
        if shared.is_blocked {
            return;
        }
        let Some(mut outbox) = shared.outbox.take() else { return };
        let mut is_due = true;
        for _ in 0..MAX_ROUNDS {
            let Shared { endpoint, waiters, deadline, .. } = &mut **shared;
            let idle = outbox.fill(self.now(), endpoint, |event| waiters.on_event(event));
            *deadline = idle.unwrap_or(Instant::ZERO);
            if outbox.is_empty() {
                is_due = false;
                break;
            }
            let sent = shared.unlocked(|| outbox.send(&self.socket));
            if sent.is_refused {
                self.on_refused(shared);
            }
            if sent.is_blocked {
                shared.is_blocked = true;
                break;
            }
        }
        shared.outbox = Some(outbox);
        if is_due || shared.sleeps_until.is_some_and(|until| shared.deadline < until) {
            self.wake(shared);
        }
    }

    /// Ends the lead's sleep.
    fn wake(&self, shared: &mut Locked<'_>) {
        if shared.sleeps_until.take().is_some() {
            // It cannot fail but for want of kernel memory; then the lead wakes when it would have.
            let _ = shared.unlocked(|| self.waker.wake());
        }
    }

    /// Sleeps until `condvar` is notified. Returns false once it is later than `until`.
    pub(super) fn wait(
        &self,
        shared: &mut Locked<'_>,
        condvar: &Condvar,
        until: Option<Instant>,
    ) -> bool {
        let Some(until) = until else {
            condvar.wait(&mut shared.guard);
            return true;
        };
        let left = until.saturating_since(self.now());
        if left.is_zero() {
            return false;
        }
        condvar.wait_for(&mut shared.guard, left);
        true
    }

    fn on_refused(&self, shared: &mut Shared) {
        if let Some(peer) = self.socket.peer() {
            shared.endpoint.on_unreachable(self.now(), peer);
        }
    }

    // ---- the lead ----

    /// Serves the socket until nobody needs it.
    fn run(&self) {
        let _alarm = Alarm(self);
        let Some(mut lead) = self.take_lead() else { return };
        while self.turn(&mut lead) {}
        self.give_lead(lead);
    }

    fn take_lead(&self) -> Option<Box<Lead>> {
        self.lock().lead.take()
    }

    fn give_lead(&self, lead: Box<Lead>) {
        self.lock().lead = Some(lead);
    }

    /// Receives what arrived, handles it, sends what follows, and sleeps once there is nothing more.
    /// Returns whether the hub is still needed.
    fn turn(&self, lead: &mut Lead) -> bool {
        let mut is_refused = false;
        if lead.is_readable {
            let received = lead.inbox.receive();
            lead.is_readable = !received.is_drained;
            is_refused = received.is_refused;
        }
        let mut shared = self.lock();
        shared.sleeps_until = None;
        if std::mem::take(&mut lead.is_writable) {
            shared.is_blocked = false;
        }
        let now = self.now();
        for datagram in lead.inbox.datagrams() {
            shared.endpoint.handle(now, datagram);
        }
        if is_refused {
            self.on_refused(&mut shared);
        }
        self.flush(&mut shared);
        // A flood must not keep a hub at work that nobody needs, or one that has failed.
        if shared.is_over() {
            return false;
        }
        if lead.is_readable {
            return true;
        }
        let now = self.now();
        let until = shared.rest(now);
        shared.sleeps_until = Some(until);
        let is_blocked = shared.is_blocked;
        drop(shared);
        self.sleep(lead, now, until, is_blocked)
    }

    fn sleep(&self, lead: &mut Lead, now: Instant, until: Instant, is_blocked: bool) -> bool {
        let timeout = (until < Instant::MAX).then(|| until.saturating_since(now));
        let result = lead.wait(timeout, is_blocked);
        // A socket that stays silent is tried all the same.
        lead.is_writable |= is_blocked;
        if result.is_err() {
            self.lock().die();
        }
        result.is_ok()
    }
}

#[cfg(test)]
mod tests;
