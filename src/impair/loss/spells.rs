//! Bursts in time: good and bad spells of exponential length.

use crate::impair::dice::{Dice, exponential};
use crate::time::{Duration, Instant, nanos};

/// The chain starts afresh, in its stationary distribution, once per this many mean cycles: so any
/// time is reached in bounded work.
const CYCLES_PER_EPOCH: f64 = 4096.0;

/// The two-state chain over time.
#[derive(Clone, Debug)]
pub(in crate::impair) struct TimeChain {
    mean_loss: f64,
    mean_bad_ns: f64,
    mean_good_ns: f64,
    epoch_ns: u64,
    dice: Dice,
    /// The spell that was looked at last, and its epoch's dice.
    epoch: u64,
    spells: Dice,
    draws: u64,
    bad: bool,
    from_ns: u64,
    until_ns: u64,
}

impl TimeChain {
    pub(super) fn new(mean_loss: f64, mean_bad: Duration, dice: Dice) -> Self {
        let mean_bad_ns = nanos(mean_bad) as f64;
        let mean_good_ns = mean_bad_ns * (1.0 - mean_loss) / mean_loss;
        let epoch_ns = ((mean_bad_ns + mean_good_ns) * CYCLES_PER_EPOCH) as u64;
        let mut chain = Self {
            mean_loss,
            mean_bad_ns,
            mean_good_ns,
            epoch_ns: epoch_ns.max(1),
            dice,
            epoch: 0,
            spells: dice,
            draws: 0,
            bad: false,
            from_ns: 0,
            until_ns: 0,
        };
        chain.start_epoch(0);
        chain
    }

    pub(super) fn is_bad(&mut self, now: Instant) -> bool {
        let now = now.as_nanos();
        let epoch = now / self.epoch_ns;
        if epoch != self.epoch || now < self.from_ns {
            self.start_epoch(epoch);
        }
        while now >= self.until_ns && self.until_ns < u64::MAX {
            self.bad = !self.bad;
            self.from_ns = self.until_ns;
            self.draw_spell();
        }
        self.bad
    }

    fn start_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.spells = self.dice.fork(epoch);
        self.bad = self.spells.chance(0, self.mean_loss);
        self.draws = 1;
        self.from_ns = epoch * self.epoch_ns;
        self.draw_spell();
    }

    fn draw_spell(&mut self) {
        let mean = if self.bad { self.mean_bad_ns } else { self.mean_good_ns };
        let length = exponential(self.spells, &mut self.draws) * mean;
        self.until_ns = self.from_ns.saturating_add(length as u64);
    }
}
