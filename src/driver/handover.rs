//! The hand-over of work between threads: the lock of a hub, the lead that lies under it, and the sleep
//! of those who neither lead nor have anything to do. Who does what is decided in `crew`.
//!
//! Whoever locks may lead, hands on what he received, and lays the lead down when he unlocks for good: one
//! exit for success, timeout, error and panic. The lock is never held across a system call.

use super::crew::{Crew, Look};
use super::sync::{Condvar, Mutex, MutexGuard};
use crate::time::{Duration, Instant};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::thread;

/// A deadline that is nearer is met on the spot.
const NEAR: Duration = Duration::from_millis(2);
/// Any other may wait for a keeper that comes within this time: most are the delays of acknowledgements,
/// which the next write carries and makes void.
const SOON: Duration = Duration::from_millis(10);

/// What the threads of a hub wait for. None of it but `flush`, `handle` and the questions about the
/// state is called under the lock.
pub(super) trait Network: Sized + fmt::Debug {
    /// What the lock protects.
    type State: fmt::Debug;
    /// What it takes to wait.
    type Lead: fmt::Debug;

    /// What time it is.
    fn now(&self) -> Instant;
    /// When the state wants to be looked at next; [`Instant::ZERO`] if at once.
    fn deadline(&self, state: &Self::State) -> Instant;
    /// Tells the lead what to wait for.
    fn prepare(state: &Self::State, lead: &mut Self::Lead);
    /// Waits until something arrives, but not longer than `until` or the next `ring`, and takes some
    /// of it. It may return sooner.
    fn receive(&self, lead: &mut Self::Lead, until: Instant);
    /// Whether there is more to receive.
    fn has_more(lead: &Self::Lead) -> bool;
    /// Handles what was received.
    fn handle(&self, now: Instant, lead: &mut Self::Lead, state: &mut Self::State);
    /// Sends what is to be sent, and wakes whom something concerns.
    fn flush(&self, locked: &mut Locked<'_, Self>);
    /// Ends the wait of whoever leads.
    fn ring(&self);
    /// Asks the keeper to come: see [`Locked::keep`].
    fn call(&self);
    /// Somebody panicked under the lock: all who wait must learn of it.
    fn die(state: &mut Self::State);
}

/// A hub's lock and what lies under it.
#[derive(Debug)]
pub(super) struct Handover<N: Network> {
    network: N,
    inner: Mutex<Inner<N>>,
}

#[derive(Debug)]
struct Inner<N: Network> {
    /// Lies here when nobody leads.
    lead: Option<N::Lead>,
    crew: Crew,
    /// The one who leads waits, and nobody has ended it.
    is_waiting: bool,
    /// How often something has happened for which waiting threads have to look again.
    news: u64,
    /// When the keeper comes of its own: all deadlines are its business, so that those who wait for an
    /// answer need not set a timer each time.
    keeper_at: Instant,
    /// Goes last, when the network is closed.
    state: N::State,
}

/// What the keeper is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Watch {
    /// When to come again in any case.
    pub(super) at: Instant,
    /// Whether to come when something arrives too.
    pub(super) is_on: bool,
}

impl<N: Network> Handover<N> {
    /// A hub whose keeper has been called, or will be at once.
    pub(super) fn new(network: N, state: N::State, lead: N::Lead) -> Self {
        let inner = Inner {
            state,
            crew: Crew::new(network.now()),
            lead: Some(lead),
            is_waiting: false,
            news: 0,
            keeper_at: Instant::ZERO,
        };
        Self { network, inner: Mutex::new(inner) }
    }

    pub(super) fn lock(&self) -> Locked<'_, N> {
        let was_panicking = thread::panicking();
        Locked {
            guard: self.inner.lock(),
            hub: self,
            lead: None,
            now: None,
            has_told: false,
            has_handled: false,
            was_panicking,
        }
    }

    pub(super) fn network(&self) -> &N {
        &self.network
    }
}

/// A hub's state, locked, and perhaps its lead.
#[derive(Debug)]
pub(super) struct Locked<'a, N: Network> {
    guard: MutexGuard<'a, Inner<N>>,
    hub: &'a Handover<N>,
    lead: Option<N::Lead>,
    /// What time it was when the lock was taken, if anybody asked.
    now: Option<Instant>,
    /// Somebody else was woken since this thread waited last.
    has_told: bool,
    /// What this thread has received is handled, and what follows from it is not yet sent and told.
    has_handled: bool,
    was_panicking: bool,
}

impl<N: Network> Deref for Locked<'_, N> {
    type Target = N::State;
    fn deref(&self) -> &N::State {
        &self.guard.state
    }
}

impl<N: Network> DerefMut for Locked<'_, N> {
    fn deref_mut(&mut self) -> &mut N::State {
        &mut self.guard.state
    }
}

impl<N: Network> Locked<'_, N> {
    /// What time it is. Time stands still under the lock, which is never held for long.
    pub(super) fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(|| self.hub.network.now())
    }

    /// Sends what there is to send, tells what there is to tell, and sees to it that somebody comes in
    /// time for the next deadline.
    pub(super) fn flush(&mut self) {
        self.has_handled = false;
        self.hub.network.flush(self);
    }

    /// Does something without the lock.
    pub(super) fn unlocked<T>(&mut self, act: impl FnOnce(&N) -> T) -> T {
        self.now = None;
        let network = &self.hub.network;
        MutexGuard::unlocked(&mut self.guard, || act(network))
    }

    /// Waits until something has happened that may concern the caller: leads if nobody does, else sleeps
    /// until `place` is notified. Returns false if it is later than `until`.
    pub(super) fn wait(&mut self, place: &Condvar, until: Instant) -> bool {
        let seen = self.guard.news;
        self.flush_handled();
        if self.guard.news != seen {
            // It was unlocked in between.
            return true;
        }
        let now = self.now();
        if now >= until {
            return false;
        }
        let was_for_others = std::mem::take(&mut self.has_told);
        if self.lead.is_some() && was_for_others && self.guard.crew.is_tired() {
            self.lay();
            // To call the keeper, it was unlocked again.
            if self.guard.news == seen {
                self.sleep(place, until, now);
            }
        } else if self.take(now) {
            self.turn(until);
        } else {
            self.sleep(place, until, now);
        }
        true
    }

    /// Looks whether something has arrived, without waiting. Returns false if another thread does so.
    pub(super) fn glance(&mut self) -> bool {
        let now = self.now();
        let may = self.take(now);
        if may {
            self.turn(Instant::ZERO);
        }
        may
    }

    /// Other threads may have to look again: ends the wait of whoever leads. Those who sleep are the
    /// caller's to wake, before he unlocks.
    pub(super) fn stir(&mut self) {
        self.has_told = true;
        self.guard.news += 1;
        if self.lead.is_none() && std::mem::take(&mut self.guard.is_waiting) {
            self.unlocked(N::ring);
        }
    }

    /// Whether some thread leads and waits for the network.
    #[cfg(test)]
    pub(super) fn is_waited_for(&self) -> bool {
        self.guard.is_waiting
    }

    /// Sees to it that the keeper comes for the next deadline.
    pub(super) fn cover(&mut self) {
        let deadline = self.hub.network.deadline(&self.guard.state);
        if deadline >= self.guard.keeper_at {
            return;
        }
        let now = self.now();
        if deadline < now + NEAR || self.guard.keeper_at > now + SOON {
            self.call();
        }
    }

    /// Asks the keeper to come at once.
    pub(super) fn call(&mut self) {
        if self.guard.crew.call() {
            self.call_out();
        }
    }

    fn call_out(&mut self) {
        self.guard.keeper_at = Instant::ZERO;
        self.unlocked(N::call);
    }

    /// The keeper's work: meets deadlines, and leads while all others stay away, without waiting.
    pub(super) fn keep(&mut self, max_turns: usize) -> Watch {
        let network = &self.hub.network;
        self.flush();
        let now = self.now();
        let look = self.guard.crew.look(now);
        let has_more = look == Look::Watch && self.serve(max_turns);
        let deadline = network.deadline(&self.guard.state);
        let at = match look {
            _ if has_more => Instant::ZERO,
            Look::Again(pause) => deadline.min(now + pause),
            Look::Leave | Look::Watch => deadline,
        };
        self.guard.keeper_at = at;
        Watch { at, is_on: look == Look::Watch }
    }

    /// Handles what has arrived. Returns whether there is more.
    fn serve(&mut self, max_turns: usize) -> bool {
        self.lead = self.guard.lead.take();
        let mut has_more = true;
        for _ in 0..max_turns {
            self.turn(Instant::ZERO);
            self.flush_handled();
            has_more = self.lead.as_ref().is_some_and(N::has_more);
            if !has_more {
                break;
            }
        }
        self.guard.lead = self.lead.take();
        let now = self.now();
        self.guard.crew.give(now);
        has_more
    }

    /// Takes the lead if it lies. Returns whether this thread has it.
    fn take(&mut self, now: Instant) -> bool {
        if self.lead.is_none() && self.guard.crew.take(now) {
            self.lead = self.guard.lead.take();
        }
        self.lead.is_some()
    }

    /// Lays the lead down.
    fn lay(&mut self) {
        let Some(lead) = self.lead.take() else { return };
        let has_more = N::has_more(&lead);
        self.guard.lead = Some(lead);
        let now = self.now();
        let must_call = self.guard.crew.lay(now);
        if must_call {
            self.call_out();
        } else if has_more {
            self.call();
        } else {
            self.cover();
        }
    }

    /// Waits for the network until `until` at most, and handles what arrived.
    fn turn(&mut self, until: Instant) {
        let Self { guard, hub, lead, .. } = self;
        let Some(lead) = lead else { return };
        N::prepare(&guard.state, lead);
        guard.is_waiting = until > Instant::ZERO;
        MutexGuard::unlocked(guard, || hub.network.receive(lead, until));
        guard.is_waiting = false;
        let now = hub.network.now();
        self.now = Some(now);
        hub.network.handle(now, lead, &mut guard.state);
        self.has_handled = true;
    }

    fn flush_handled(&mut self) {
        if self.has_handled {
            self.flush();
        }
    }

    fn sleep(&mut self, place: &Condvar, until: Instant, now: Instant) {
        self.now = None;
        self.guard.crew.sleep();
        if until == Instant::MAX {
            place.wait(&mut self.guard);
        } else {
            place.wait_for(&mut self.guard, until.saturating_since(now));
        }
        self.guard.crew.rise();
    }
}

impl<N: Network> Drop for Locked<'_, N> {
    fn drop(&mut self) {
        if thread::panicking() && !self.was_panicking {
            N::die(&mut self.guard.state);
            self.stir();
            self.cover();
        } else {
            // Others' news may be among it: who goes leaves none of it to chance.
            self.flush_handled();
        }
        self.lay();
    }
}
