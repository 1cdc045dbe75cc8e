//! A Markov process over ordinals that can be asked for any of them.
//!
//! It starts afresh, in its stationary distribution, once per epoch of [`EPOCH`] ordinals: so any
//! ordinal is reached in bounded work, whichever were asked for before, and at most one burst in
//! thousands is cut short.

use super::dice::Dice;

/// Ordinals from one fresh start to the next.
pub(super) const EPOCH: u64 = 1 << 16;

/// The law of a process: from one uniform number in [0, 1) per ordinal to its state there.
pub(super) trait Law {
    /// Where it is.
    type State: Copy;
    /// A state drawn from the stationary distribution.
    fn start(&self, unit: f64) -> Self::State;
    /// The state that follows.
    fn step(&self, from: Self::State, unit: f64) -> Self::State;
}

/// A law at work.
#[derive(Clone, Debug)]
pub(super) struct Walk<L: Law> {
    law: L,
    dice: Dice,
    /// The ordinal after the one that `state` is of.
    next: u64,
    state: L::State,
}

impl<L: Law> Walk<L> {
    pub(super) fn new(law: L, dice: Dice) -> Self {
        let state = law.start(dice.unit(0));
        Self { law, dice, next: 1, state }
    }

    /// The state at this ordinal. Going forward costs the distance, going back that from the start
    /// of the epoch.
    pub(super) fn at(&mut self, ordinal: u64) -> L::State {
        let epoch = ordinal - ordinal % EPOCH;
        if self.next <= epoch || self.next - 1 > ordinal {
            self.state = self.law.start(self.dice.unit(epoch));
            self.next = epoch + 1;
        }
        while self.next <= ordinal {
            self.state = self.law.step(self.state, self.dice.unit(self.next));
            self.next += 1;
        }
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the steps since its start.
    #[derive(Clone, Debug)]
    struct Count;

    impl Law for Count {
        type State = (u64, f64);
        fn start(&self, unit: f64) -> (u64, f64) {
            (0, unit)
        }
        fn step(&self, from: (u64, f64), unit: f64) -> (u64, f64) {
            (from.0 + 1, unit)
        }
    }

    #[test]
    fn a_state_does_not_depend_on_which_ordinals_were_asked_for() {
        let dice = Dice::new(1);
        let mut walk = Walk::new(Count, dice);
        let far = u64::MAX / 2;
        for ordinal in [0, 0, 1, 7, 7, 6, 0, EPOCH - 1, EPOCH, EPOCH + 5, 3, far, 2, far + 1] {
            assert_eq!(walk.at(ordinal), (ordinal % EPOCH, dice.unit(ordinal)), "{ordinal}");
        }
    }
}
