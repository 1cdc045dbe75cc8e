//! Which datagrams a line loses: not at all, independently, in bursts, or by a list.
//!
//! No verdict depends on what is sent: independent losses and bursts of packets depend on the seed
//! and the datagram's ordinal, bursts in time on the seed and the time. So two protocols that are
//! compared on one seed meet the same losses.

use super::dice::{Dice, exponential};
use super::error::{ImpairError, check_share};
use crate::ranges::RangeSet;
use crate::time::{Duration, Instant, nanos};

#[cfg(test)]
mod tests;

/// How a line loses datagrams.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Loss {
    /// Nothing is lost.
    #[default]
    None,
    /// Each datagram independently with probability `p`.
    Bernoulli {
        /// 0 to 1.
        p: f64,
    },
    /// Gilbert's chain, one step per datagram: all are lost while it is in its bad state. With it a
    /// sender of few datagrams sits in a burst for as long as one of many takes to send it.
    Bursts {
        /// The share lost in the long run: 0 to `mean_burst / (1 + mean_burst)`.
        mean_loss: f64,
        /// How many consecutive datagrams are lost on average: at least 1. Losses are independent
        /// at `1 / (1 - mean_loss)`.
        mean_burst: f64,
    },
    /// The same chain in continuous time: bad spells of exponential length, during which all is
    /// lost, whoever sends and however often. This is what fading and handovers look like.
    TimedBursts {
        /// The share of time that is bad: 0 to below 1.
        mean_loss: f64,
        /// How long a bad spell lasts on average: longer than 0.
        mean_bad: Duration,
    },
    /// Exactly these ordinals; the first datagram sent into the link is number 0.
    Script(RangeSet),
}

impl Loss {
    /// That all shares are shares and the burst length goes with the mean loss.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first field that is out of its range.
    pub fn validate(&self) -> Result<(), ImpairError> {
        match *self {
            Self::None | Self::Script(_) => Ok(()),
            Self::Bernoulli { p } => check_share("loss.p", p),
            Self::Bursts { mean_loss, mean_burst } => {
                check_share("loss.mean_loss", mean_loss)?;
                if !(1.0..=f64::MAX).contains(&mean_burst) {
                    return Err(ImpairError::BurstTooShort { mean_burst });
                }
                let max = mean_burst / (1.0 + mean_burst);
                if mean_loss > max {
                    return Err(ImpairError::BurstLoss { mean_loss, max });
                }
                Ok(())
            }
            Self::TimedBursts { mean_loss, mean_bad } => {
                check_share("loss.mean_loss", mean_loss)?;
                if mean_bad.is_zero() {
                    return Err(ImpairError::BadStateTooShort);
                }
                // A share of 1 has no good spells to return to; a script or a blackout says that.
                let max = 1.0 - f64::EPSILON;
                if mean_loss > max {
                    return Err(ImpairError::BurstLoss { mean_loss, max });
                }
                Ok(())
            }
        }
    }
}

/// A [`Loss`] at work on one direction.
#[derive(Clone, Debug)]
pub(super) enum LossProcess {
    Independent { p: f64, dice: Dice },
    PacketChain(PacketChain),
    TimeChain(TimeChain),
    Script(RangeSet),
}

impl LossProcess {
    /// The process that `loss`, which must be valid, describes for this seed.
    pub(super) fn new(loss: &Loss, seed: u64) -> Self {
        let dice = Dice::new(seed);
        match *loss {
            Loss::Bernoulli { p } => Self::Independent { p, dice },
            Loss::Bursts { mean_loss, mean_burst } => {
                Self::PacketChain(PacketChain::new(mean_loss, mean_burst, dice))
            }
            Loss::None | Loss::TimedBursts { mean_loss: 0.0, .. } => {
                Self::Independent { p: 0.0, dice }
            }
            Loss::TimedBursts { mean_loss, mean_bad } => {
                Self::TimeChain(TimeChain::new(mean_loss, mean_bad, dice))
            }
            Loss::Script(ref ordinals) => Self::Script(ordinals.clone()),
        }
    }

    /// Whether the datagram with this ordinal, which enters the line at `now`, is lost.
    pub(super) fn is_lost(&mut self, now: Instant, ordinal: u64) -> bool {
        match self {
            Self::Independent { p, dice } => dice.chance(ordinal, *p),
            Self::PacketChain(chain) => chain.is_bad(ordinal),
            Self::TimeChain(chain) => chain.is_bad(now),
            Self::Script(ordinals) => ordinals.contains(ordinal),
        }
    }
}

/// The chains start afresh, in their stationary distribution, once per this many datagrams or mean
/// cycles: so any ordinal or time is reached in bounded work, and at most one burst in thousands is
/// cut short.
const PACKETS_PER_EPOCH: u64 = 1 << 16;
const CYCLES_PER_EPOCH: f64 = 4096.0;

/// Gilbert's chain over ordinals.
#[derive(Clone, Debug)]
pub(super) struct PacketChain {
    mean_loss: f64,
    bad_after_good: f64,
    bad_after_bad: f64,
    dice: Dice,
    /// The ordinal after the one that `bad` tells of.
    next: u64,
    bad: bool,
}

impl PacketChain {
    fn new(mean_loss: f64, mean_burst: f64, dice: Dice) -> Self {
        // Bursts are geometric with mean 1/r, and in the long run L = p / (p + r).
        let leave_bad = 1.0 / mean_burst;
        let bad_after_good = leave_bad * mean_loss / (1.0 - mean_loss);
        let bad_after_bad = 1.0 - leave_bad;
        Self { mean_loss, bad_after_good, bad_after_bad, dice, next: 0, bad: false }
    }

    fn is_bad(&mut self, ordinal: u64) -> bool {
        let epoch = ordinal - ordinal % PACKETS_PER_EPOCH;
        if self.next <= epoch || self.next > ordinal {
            self.bad = self.dice.chance(epoch, self.mean_loss);
            self.next = epoch + 1;
        }
        while self.next <= ordinal {
            let p = if self.bad { self.bad_after_bad } else { self.bad_after_good };
            self.bad = self.dice.chance(self.next, p);
            self.next += 1;
        }
        self.bad
    }
}

/// The two-state chain over time.
#[derive(Clone, Debug)]
pub(super) struct TimeChain {
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
    fn new(mean_loss: f64, mean_bad: Duration, dice: Dice) -> Self {
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

    fn is_bad(&mut self, now: Instant) -> bool {
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
