//! Where one side's application plays: in real time, on a thread that wakes when something is due.

use crate::clock::Clock;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use towline::sim::compare::Application;
use towline::time::Instant;

/// How often threads look whether they are to end.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// One side.
#[derive(Debug)]
pub(super) struct Stage {
    /// Both sides have the same.
    clock: Clock,
    application: Mutex<Application>,
    /// Something arrived, or it is over.
    changed: Condvar,
    is_over: AtomicBool,
    /// Where the datagrams of the application's end go, if it makes any.
    socket: Option<UdpSocket>,
}

impl Stage {
    pub(super) fn new(clock: Clock, application: Application, socket: Option<UdpSocket>) -> Self {
        let (changed, is_over) = (Condvar::new(), AtomicBool::new(false));
        Self { clock, application: Mutex::new(application), changed, is_over, socket }
    }

    /// Plays until it is over.
    pub(super) fn play(&self) {
        let mut application = self.lock();
        while !self.is_over() {
            let due = self.turn(&mut application);
            let wait = due.map_or(TICK, |due| due.saturating_since(self.clock.now()).min(TICK));
            let waited = self.changed.wait_timeout(application, wait);
            application = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Something arrived: a datagram for the end, or what the end finds by itself.
    pub(super) fn take(&self, datagram: Option<&mut [u8]>) {
        let mut application = self.lock();
        if let Some(datagram) = datagram {
            application.handle(self.clock.now(), datagram);
        }
        self.turn(&mut application);
        drop(application);
        // What is due next may be due sooner.
        self.changed.notify_one();
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Lets all the workload's time pass at once, from `from` on, where there is no network to play on.
    pub(super) fn skip_to_the_end(&self, from: Instant) {
        let mut application = self.lock();
        let mut at = from;
        while let Some(due) = application.poll(at, |_| ()) {
            at = at.max(due);
        }
    }

    pub(super) fn into_application(self) -> Application {
        self.application.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, application: &mut Application) -> Option<Instant> {
        // Read under the lock, so that an application sees times in order.
        application.poll(self.clock.now(), |datagram| {
            // A full socket buffer is one more way to lose a datagram.
            let _ = self.socket.as_ref().map(|socket| socket.send(datagram));
        })
    }

    fn lock(&self) -> MutexGuard<'_, Application> {
        self.application.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether both have sent all, and all of it has arrived, or nothing moves any more.
pub(super) fn are_done([client, server]: [&Stage; 2], now: Instant, is_still: bool) -> bool {
    let (client, server) = (client.lock(), server.lock());
    let has_arrived = client.is_answered_by(&server, now) && server.is_answered_by(&client, now);
    has_arrived || is_still && client.has_finished(now) && server.has_finished(now)
}
