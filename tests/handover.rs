//! The hand-over of work between the driver's threads, in schedules that a real machine seldom takes: the
//! very code of `src/driver/handover.rs`, with locks whose order a model checker chooses.

#![expect(
    clippy::unwrap_used,
    reason = "the model checker's locks are poisoned only by a failed test"
)]

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::{Config, Runner, thread};
use std::collections::VecDeque;
use std::sync::Arc;

use handover::{Handover, Locked, Network};
use sync::{Condvar, Mutex};
use time::{Duration, Instant};

/// What the driver's files import.
mod time {
    pub(crate) use towline::time::{Duration, Instant};
}

#[path = "../src/driver/crew.rs"]
mod crew;
#[path = "../src/driver/handover.rs"]
mod handover;

/// The driver's locks, made of the model checker's.
pub(crate) mod sync {
    use std::ops::{Deref, DerefMut};
    use std::time::Duration;

    #[derive(Debug)]
    pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

    #[derive(Debug)]
    pub(crate) struct MutexGuard<'a, T> {
        mutex: &'a Mutex<T>,
        /// Absent only while it is unlocked.
        guard: Option<shuttle::sync::MutexGuard<'a, T>>,
    }

    #[derive(Debug, Default)]
    pub(crate) struct Condvar(shuttle::sync::Condvar);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard { mutex: self, guard: Some(self.0.lock().unwrap()) }
        }
    }

    impl<T> MutexGuard<'_, T> {
        pub(crate) fn unlocked<U>(this: &mut Self, act: impl FnOnce() -> U) -> U {
            this.guard = None;
            let done = act();
            this.guard = Some(this.mutex.0.lock().unwrap());
            done
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.guard.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.guard.as_mut().unwrap()
        }
    }

    #[expect(clippy::unused_self, reason = "the driver's has such a method")]
    impl Condvar {
        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let inner = guard.guard.take().unwrap();
            guard.guard = Some(self.0.wait(inner).unwrap());
        }

        /// Its time is always over at once.
        pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: Duration) {
            MutexGuard::unlocked(guard, shuttle::thread::yield_now);
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

const READERS: usize = 3;

/// A network that brings numbers, each for one reader.
#[derive(Debug)]
struct Line {
    clock: AtomicU64,
    wire: Mutex<Wire>,
    /// For who leads.
    arrived: Condvar,
    /// For the keeper.
    noticed: Condvar,
}

#[derive(Debug, Default)]
struct Wire {
    queue: VecDeque<usize>,
    is_rung: bool,
    is_called: bool,
}

#[derive(Debug, Default)]
struct Lead {
    received: Option<usize>,
    has_more: bool,
}

/// What the readers wait for.
#[derive(Debug, Default)]
struct State {
    got: [usize; READERS],
    /// Whom to tell.
    news: Vec<usize>,
    /// Nobody is to wait any longer.
    is_shut: bool,
    is_over: bool,
    /// Somebody sends.
    is_sending: bool,
    places: [Arc<Condvar>; READERS],
}

impl Network for Line {
    type State = State;
    type Lead = Lead;

    /// It goes on by a microsecond or by several milliseconds.
    fn now(&self) -> Instant {
        use shuttle::rand::Rng as _;
        let step = if shuttle::rand::thread_rng().gen_bool(0.5) { 1_000 } else { 5_000_000 };
        Instant::from_nanos(self.clock.fetch_add(step, Ordering::SeqCst))
    }

    fn deadline(&self, state: &State) -> Instant {
        if state.is_over { Instant::ZERO } else { Instant::MAX }
    }

    fn prepare(_: &State, _: &mut Lead) {}

    fn receive(&self, lead: &mut Lead, until: Instant) {
        let mut wire = self.wire.lock();
        while until > Instant::ZERO && wire.queue.is_empty() && !wire.is_rung {
            if until < Instant::MAX {
                break;
            }
            self.arrived.wait(&mut wire);
        }
        wire.is_rung &= until == Instant::ZERO;
        lead.received = wire.queue.pop_front();
        lead.has_more = !wire.queue.is_empty();
    }

    fn has_more(lead: &Lead) -> bool {
        lead.has_more
    }

    fn handle(&self, _: Instant, lead: &mut Lead, state: &mut State) {
        if let Some(reader) = lead.received.take() {
            state.got[reader] += 1;
            state.news.push(reader);
        }
    }

    fn flush(&self, locked: &mut Locked<'_, Self>) {
        if std::mem::replace(&mut locked.is_sending, true) {
            return;
        }
        while !locked.news.is_empty() {
            for reader in std::mem::take(&mut locked.news) {
                locked.places[reader].notify_all();
            }
            locked.stir();
            locked.unlocked(|_| thread::yield_now());
        }
        locked.is_sending = false;
        locked.cover();
    }

    fn ring(&self) {
        self.wire.lock().is_rung = true;
        self.arrived.notify_all();
    }

    fn call(&self) {
        self.wire.lock().is_called = true;
        self.noticed.notify_all();
    }

    fn die(state: &mut State) {
        state.is_over = true;
    }
}

impl Line {
    fn bring(&self, reader: usize) {
        self.wire.lock().queue.push_back(reader);
        self.arrived.notify_all();
        self.noticed.notify_all();
    }
}

/// The keeper's rounds.
fn keep(hub: &Handover<Line>) {
    loop {
        let mut locked = hub.lock();
        let watch = locked.keep(2);
        let is_over = locked.is_over;
        drop(locked);
        if is_over {
            return;
        }
        if watch.at < Instant::MAX {
            // It comes back soon.
            thread::yield_now();
            continue;
        }
        let line = hub.network();
        let mut wire = line.wire.lock();
        while !wire.is_called && (!watch.is_on || wire.queue.is_empty()) {
            line.noticed.wait(&mut wire);
        }
        wire.is_called = false;
    }
}

/// Reads `count` numbers, or until it is told not to wait; with `limit`, each time for a moment only, or
/// without waiting at all.
fn read(hub: &Handover<Line>, reader: usize, count: usize, limit: Option<Duration>) -> usize {
    let place = hub.lock().places[reader].clone();
    let mut read = 0;
    while read < count {
        let mut locked = hub.lock();
        let until = limit.map_or(Instant::MAX, |limit| locked.now() + limit);
        let mut has_glanced = false;
        loop {
            if locked.got[reader] > 0 {
                locked.got[reader] -= 1;
                read += 1;
                locked.flush();
                break;
            }
            if locked.is_shut {
                return read;
            }
            let may_repeat = if limit == Some(Duration::ZERO) {
                !std::mem::replace(&mut has_glanced, true) && locked.glance()
            } else {
                locked.wait(&place, until)
            };
            if !may_repeat {
                break;
            }
        }
        drop(locked);
        if limit.is_some() {
            thread::yield_now();
        }
    }
    read
}

fn hub() -> (Arc<Handover<Line>>, thread::JoinHandle<()>) {
    let line = Line {
        clock: AtomicU64::new(1),
        wire: Mutex::new(Wire::default()),
        arrived: Condvar::default(),
        noticed: Condvar::default(),
    };
    let hub = Arc::new(Handover::new(line, State::default(), Lead::default()));
    let kept = hub.clone();
    (hub, thread::spawn(move || keep(&kept)))
}

fn end(hub: &Handover<Line>, keeper: thread::JoinHandle<()>) {
    let mut locked = hub.lock();
    locked.is_over = true;
    locked.cover();
    drop(locked);
    keeper.join().unwrap();
}

/// Everybody gets what is his, whoever leads, and a keeper that is not needed rests.
fn all_that_arrives_is_read(limit: Option<Duration>) {
    let (hub, keeper) = hub();
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let hub = hub.clone();
            // One of them comes and goes.
            let limit = limit.filter(|_| reader == 2);
            thread::spawn(move || assert_eq!(read(&hub, reader, 2, limit), 2))
        })
        .collect();
    for _ in 0..2 {
        (0..READERS).for_each(|reader| hub.network().bring(reader));
    }
    for reader in readers {
        reader.join().unwrap();
    }
    assert!(!hub.lock().is_waited_for(), "nobody is left who would lead");
    end(&hub, keeper);
}

/// Who waits, asleep or in the lead, is woken by what another thread does.
fn whoever_waits_is_interrupted() {
    let (hub, keeper) = hub();
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let hub = hub.clone();
            thread::spawn(move || read(&hub, reader, 2, None))
        })
        .collect();
    (0..READERS).for_each(|reader| hub.network().bring(reader));
    let mut locked = hub.lock();
    locked.is_shut = true;
    locked.places.iter().for_each(|place| place.notify_all());
    locked.stir();
    drop(locked);
    for reader in readers {
        assert!(reader.join().unwrap() <= 1);
    }
    end(&hub, keeper);
}

/// Who looks without waiting, and goes, leaves nothing that he took for others.
fn who_glances_hands_on() {
    let (hub, keeper) = hub();
    let readers: Vec<_> = (0..2)
        .map(|reader| {
            let hub = hub.clone();
            thread::spawn(move || assert_eq!(read(&hub, reader, 1, None), 1))
        })
        .collect();
    for reader in 0..2 {
        // Time enough for the keeper to be back at its watch.
        (0..20).for_each(|_| thread::yield_now());
        hub.network().bring(reader);
        hub.lock().glance();
    }
    for reader in readers {
        reader.join().unwrap();
    }
    end(&hub, keeper);
}

fn schedules() -> usize {
    std::env::var("TOWLINE_SCHEDULES").map_or(2000, |count| count.parse().unwrap())
}

/// Tries `test` in schedules at random.
fn check(test: impl Fn() + Send + Sync + 'static) {
    Runner::new(RandomScheduler::new(schedules()), Config::new()).run(test);
}

/// Tries `test` in schedules that are unfair, but for few switches in the right place; for tests in which
/// nobody tries again and again.
fn check_unfairly(test: impl Fn() + Send + Sync + 'static) {
    Runner::new(PctScheduler::new(4, schedules()), Config::new()).run(test);
}

#[test]
fn no_wake_up_is_lost() {
    check(|| all_that_arrives_is_read(None));
    check(|| all_that_arrives_is_read(Some(Duration::from_micros(1))));
    check(|| all_that_arrives_is_read(Some(Duration::ZERO)));
    check_unfairly(|| all_that_arrives_is_read(None));
}

#[test]
fn no_interruption_is_lost() {
    check(whoever_waits_is_interrupted);
    check_unfairly(whoever_waits_is_interrupted);
}

#[test]
fn nothing_is_lost_in_a_glance() {
    check(who_glances_hands_on);
    check_unfairly(who_glances_hands_on);
}
