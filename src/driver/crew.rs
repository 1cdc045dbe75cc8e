//! The crew of a hub: who waits for the network on behalf of all, and when the keeper has to come. A plain
//! state machine; the locks around it are in `handover`.
//!
//! The lead, which it takes to wait for the network, is held by one thread or lies. An application thread
//! that has to wait takes it if it lies, and lays it down when it goes. To pass it on each time would cost
//! a wake-up for each exchange of messages; so it is left lying, and the keeper, a thread in the
//! background, sees to it that it does not lie for long while something may arrive.

use crate::time::{Duration, Instant};

/// After this time the keeper looks again whether the lead still moves from thread to thread. What
/// arrives meanwhile waits in the socket, if all threads stay away.
const TICK: Duration = Duration::from_millis(8);
/// The same while threads sleep which may wait for it, unless the lead moves quickly.
const SHORT_TICK: Duration = Duration::from_millis(2);

/// Who lays the lead down and takes it again within this time is expected to do so once more.
const QUICK: Duration = Duration::from_micros(200);

/// Who leads lays the lead down when this often in a row all that arrived was for others: they come back
/// and take it, and then what is theirs needs nobody else's time.
const MAX_FAVOURS: u8 = 2;

/// Where the keeper is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Keeper {
    /// It is told when something arrives.
    Watching,
    /// It comes after a [`TICK`].
    Looking,
    /// It was told to come.
    Called,
    /// Nothing but a deadline makes it come, and a call.
    Away,
}

/// What the keeper is to do after it has looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Handle what has arrived, and what will.
    Watch,
    /// Come back after this time.
    Again(Duration),
    /// Stay away until it is called.
    Leave,
}

/// See above.
#[derive(Clone, Debug)]
pub(super) struct Crew {
    /// Since when the lead lies, if it does.
    lies_since: Option<Instant>,
    /// The last time, the lead did not lie for long.
    is_quick: bool,
    /// When the lead was taken or laid down.
    used_at: Instant,
    keeper: Keeper,
    /// Threads that wait, but for the one that leads.
    sleepers: usize,
    /// How often in a row all that arrived was for others.
    favours: u8,
}

impl Crew {
    /// A crew whose lead lies; the keeper has been called.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            lies_since: Some(now),
            is_quick: false,
            used_at: now,
            keeper: Keeper::Called,
            sleepers: 0,
            favours: 0,
        }
    }

    /// An application thread wants the lead. Returns whether it has it.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let Some(since) = self.lies_since.take() else { return false };
        self.is_quick = now.saturating_since(since) <= QUICK;
        self.used_at = now;
        self.favours = 0;
        true
    }

    /// An application thread lays the lead down. Returns whether the keeper has to be called.
    pub(super) fn lay(&mut self, now: Instant) -> bool {
        self.lies_since = Some(now);
        self.used_at = now;
        let must_call = match self.keeper {
            Keeper::Watching | Keeper::Called => false,
            Keeper::Looking => self.sleepers > 0 && !self.is_quick,
            Keeper::Away => true,
        };
        must_call && self.call()
    }

    /// Somebody has to come at once. Returns whether the keeper has to be called for it.
    pub(super) fn call(&mut self) -> bool {
        std::mem::replace(&mut self.keeper, Keeper::Called) != Keeper::Called
    }

    /// The one who leads has woken others, and nothing was for himself. Returns whether he has done it
    /// often enough.
    pub(super) fn is_tired(&mut self) -> bool {
        self.favours = self.favours.saturating_add(1);
        self.favours >= MAX_FAVOURS && self.sleepers > 0
    }

    /// An application thread goes to sleep until it is woken.
    pub(super) fn sleep(&mut self) {
        self.sleepers += 1;
    }

    /// It woke up.
    pub(super) fn rise(&mut self) {
        self.sleepers -= 1;
    }

    /// The keeper looks. If it is to watch, it holds the lead, and has to give it back.
    pub(super) fn look(&mut self, now: Instant) -> Look {
        let is_used = now.saturating_since(self.used_at) < SHORT_TICK;
        let is_called = self.keeper == Keeper::Called;
        let is_led = self.lies_since.is_none();
        if is_led && !is_used {
            self.keeper = Keeper::Away;
            return Look::Leave;
        }
        if is_led || is_used && !is_called {
            self.keeper = Keeper::Looking;
            let is_waited_for = self.sleepers > 0 && !self.is_quick;
            return Look::Again(if is_waited_for { SHORT_TICK } else { TICK });
        }
        self.lies_since = None;
        self.keeper = Keeper::Watching;
        Look::Watch
    }

    /// The keeper gives the lead back, and is told from now on when something arrives.
    pub(super) fn give(&mut self, now: Instant) {
        self.lies_since = Some(now);
        self.keeper = Keeper::Watching;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeSet, VecDeque};

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Thread {
        Away,
        Leading,
        Asleep,
    }

    /// A hub with some threads, its keeper, and the call that is on its way to it.
    #[derive(Clone, Debug)]
    struct Model {
        crew: Crew,
        threads: [Thread; 3],
        is_called: bool,
        keeper_leads: bool,
    }

    /// Long after everything else.
    const LATER: Instant = Instant::from_millis(1000);

    type Key = (bool, bool, Keeper, usize, u8, [Thread; 3], bool, bool);

    impl Model {
        fn key(&self) -> Key {
            let crew = &self.crew;
            (
                crew.lies_since.is_some(),
                crew.is_quick,
                crew.keeper,
                crew.sleepers,
                crew.favours,
                self.threads,
                self.is_called,
                self.keeper_leads,
            )
        }

        fn lay(&mut self) {
            self.is_called |= self.crew.lay(Instant::ZERO);
        }

        /// Whether the keeper comes of its own.
        fn may_come(&self) -> bool {
            let comes = matches!(self.crew.keeper, Keeper::Watching | Keeper::Looking);
            (comes || self.is_called) && !self.keeper_leads
        }

        fn come(&mut self, now: Instant) -> Look {
            self.is_called = false;
            let look = self.crew.look(now);
            self.keeper_leads = look == Look::Watch;
            look
        }

        /// All that can happen next.
        fn steps(&self) -> Vec<Self> {
            let mut steps = Vec::new();
            let mut step = |act: &dyn Fn(&mut Self)| {
                let mut next = self.clone();
                act(&mut next);
                steps.push(next);
            };
            for i in 0..self.threads.len() {
                match self.threads[i] {
                    Thread::Away => {
                        for now in [Instant::ZERO, LATER] {
                            step(&|next| {
                                let leads = next.crew.take(now);
                                // Only what is long ago matters, and all is laid down at zero.
                                next.crew.used_at = Instant::ZERO;
                                next.threads[i] =
                                    if leads { Thread::Leading } else { Thread::Asleep };
                                if !leads {
                                    next.crew.sleep();
                                }
                            });
                        }
                    }
                    Thread::Asleep => step(&|next| {
                        next.crew.rise();
                        next.threads[i] = Thread::Away;
                    }),
                    Thread::Leading => {
                        step(&|next| {
                            next.lay();
                            next.threads[i] = Thread::Away;
                        });
                        step(&|next| {
                            if next.crew.is_tired() {
                                next.lay();
                                next.crew.sleep();
                                next.threads[i] = Thread::Asleep;
                            }
                        });
                        step(&|next| next.is_called |= next.crew.call());
                    }
                }
            }
            if self.may_come() {
                for now in [Instant::ZERO, LATER] {
                    step(&|next| {
                        next.come(now);
                    });
                }
            }
            if self.keeper_leads {
                step(&|next| {
                    next.keeper_leads = false;
                    next.crew.give(Instant::ZERO);
                });
            }
            steps
        }

        /// What must hold whatever happened.
        fn check(&self) {
            let leading = self.threads.iter().filter(|thread| **thread == Thread::Leading).count();
            let holders = leading + usize::from(self.keeper_leads);
            assert_eq!(holders, usize::from(self.crew.lies_since.is_none()), "{self:?}");
            let asleep = self.threads.iter().filter(|thread| **thread == Thread::Asleep).count();
            assert_eq!(asleep, self.crew.sleepers, "{self:?}");
            assert_eq!(self.crew.keeper == Keeper::Called, self.is_called, "{self:?}");
            if self.crew.lies_since.is_some() {
                assert_ne!(self.crew.keeper, Keeper::Away, "nobody comes: {self:?}");
            }
            // If the threads do nothing more, the keeper comes to rest with its next look, where it
            // hears of what arrives, or where somebody else does.
            let mut rest = self.clone();
            if rest.keeper_leads {
                return;
            }
            let mut looks = 0;
            while !matches!(rest.crew.keeper, Keeper::Watching | Keeper::Away) {
                looks += 1;
                assert!(looks <= 1 && rest.may_come(), "no rest: {self:?}");
                if rest.come(LATER) == Look::Watch {
                    rest.keeper_leads = false;
                    rest.crew.give(Instant::ZERO);
                }
            }
            let expected =
                if rest.crew.lies_since.is_some() { Keeper::Watching } else { Keeper::Away };
            if looks > 0 {
                assert_eq!(rest.crew.keeper, expected, "{self:?}");
            }
        }
    }

    #[test]
    fn in_every_state_somebody_hears_of_what_arrives() {
        let first = Model {
            crew: Crew::new(Instant::ZERO),
            threads: [Thread::Away; 3],
            is_called: true,
            keeper_leads: false,
        };
        let mut seen = BTreeSet::from([first.key()]);
        let mut queue = VecDeque::from([first]);
        while let Some(model) = queue.pop_front() {
            model.check();
            for next in model.steps() {
                let mut key = next.key();
                // Only whether there were enough matters.
                key.4 = key.4.min(MAX_FAVOURS);
                if seen.insert(key) {
                    queue.push_back(next);
                }
            }
        }
        assert!(seen.len() > 200, "only {} states", seen.len());
    }

    #[test]
    fn who_comes_back_quickly_calls_nobody() {
        let mut crew = Crew::new(Instant::ZERO);
        assert!(crew.take(Instant::ZERO));
        assert_eq!(crew.look(Instant::ZERO), Look::Again(TICK));
        crew.sleep();
        for micros in 0..100 {
            let now = Instant::from_nanos(micros * 1000);
            assert!(!crew.lay(now), "it lay for a microsecond each time");
            assert!(crew.take(now + Duration::from_micros(1)));
        }
        assert!(!crew.lay(Instant::from_millis(1)));
        assert!(crew.take(Instant::from_millis(9)), "this time it lay for long");
        assert!(crew.lay(Instant::from_millis(9)), "and somebody waits");
        assert_eq!(crew.look(Instant::from_millis(9)), Look::Watch);
    }

    #[test]
    fn who_serves_others_lets_them_lead() {
        let mut crew = Crew::new(Instant::ZERO);
        assert!(crew.take(Instant::ZERO));
        assert!(!crew.is_tired() && !crew.is_tired(), "nobody else waits");
        crew.sleep();
        assert!(crew.is_tired());
        crew.lay(Instant::ZERO);
        assert!(crew.take(Instant::ZERO) && !crew.is_tired(), "a new leader is fresh");
    }
}
