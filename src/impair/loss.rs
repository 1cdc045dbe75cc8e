//! Which datagrams a line loses: not at all, independently, in bursts, periodically, or by a list.
//!
//! No verdict depends on what is sent: independent losses and bursts of packets depend on the seed
//! and the datagram's ordinal, bursts in time on the seed and the time. So two protocols that are
//! compared on one seed meet the same losses.
//!
//! | file | its one concept |
//! |---|---|
//! | `chains.rs` | Markov chains that take one step per datagram |
//! | `spells.rs` | good and bad spells of time |

mod chains;
mod spells;

use super::dice::Dice;
use super::error::{ImpairError, check_at_least_one, check_share, check_sum};
use super::walk::Walk;
use crate::ranges::RangeSet;
use crate::time::{Duration, Instant};
use chains::{FourStates, TwoStates};
use spells::TimeChain;

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
    /// The Gilbert-Elliott chain (Elliott 1963), one step per datagram, with a share lost in either
    /// state: netem's `loss gemodel p r 1-h 1-k`. [`Loss::gilbert_elliott`] makes one from a mean
    /// loss. `Bursts` is its case `h = 0`, `k = 1`.
    ///
    /// The datagram is judged in the state that the chain has reached with it. The long run is
    /// `p / (p + r)` of the datagrams bad and `(r (1 - k) + p (1 - h)) / (p + r)` of them lost. A
    /// chain that cannot leave the good state (`p = 0`) is in it.
    GilbertElliott {
        /// The probability, per datagram, of going from the good state to the bad one: 0 to 1.
        p: f64,
        /// That of going from the bad state to the good one: 0 to 1. Bad spells are `1 / r`
        /// datagrams long on average.
        r: f64,
        /// The share of datagrams that *pass* in the bad state: 0 to 1. Lost are `1 - h`.
        h: f64,
        /// The share of datagrams that *pass* in the good state: 0 to 1. Lost are `1 - k`.
        k: f64,
    },
    /// The chain of Salsano, Ludovici and Ordine, netem's `loss state p13 p31 p32 p23 p14`: between
    /// bursts datagrams are received (state 1) or lost alone (4), within one they are lost (3) or
    /// received (2). All are probabilities per datagram, 0 to 1; what they leave to 1 is that of
    /// staying, but for state 4, which always returns to 1. A chain that cannot leave 1 and 4
    /// (`p13 = 0`) is there.
    FourState {
        /// Into a burst. With `p14` at most 1.
        p13: f64,
        /// Out of a burst. With `p32` at most 1.
        p31: f64,
        /// Within a burst, from lost to received.
        p32: f64,
        /// Within a burst, from received to lost.
        p23: f64,
        /// A single loss outside bursts.
        p14: f64,
    },
    /// The same chain as of `Bursts` in continuous time: bad spells of exponential length, during
    /// which all is lost, whoever sends and however often. This is what fading and handovers look
    /// like.
    TimedBursts {
        /// The share of time that is bad: 0 to below 1.
        mean_loss: f64,
        /// How long a bad spell lasts on average: longer than 0.
        mean_bad: Duration,
    },
    /// One datagram in every so many, as in the models of Mathis and others (1997).
    Periodic {
        /// From one loss to the next, in datagrams: at least 1.
        every: u64,
        /// The ordinal of the first one lost; the first datagram sent into the link is number 0.
        offset: u64,
    },
    /// Exactly these ordinals; the first datagram sent into the link is number 0.
    Script(RangeSet),
}

impl Loss {
    /// The [`Loss::GilbertElliott`] that loses `mean_loss` of all datagrams, all of them in bad
    /// spells of `mean_burst` datagrams on average (at least 1), `loss_in_bad` of which are lost
    /// (above 0, to 1). What is lost in a row is shorter than the spell if that is not 1.
    ///
    /// ```
    /// use towline::impair::Loss;
    ///
    /// let loss = Loss::gilbert_elliott(0.01, 20.0, 0.5)?;
    /// assert_eq!(loss.mean_loss(), Some(0.01));
    /// # Ok::<(), towline::impair::ImpairError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first number that is out of its range.
    pub fn gilbert_elliott(
        mean_loss: f64,
        mean_burst: f64,
        loss_in_bad: f64,
    ) -> Result<Self, ImpairError> {
        check_share("loss.loss_in_bad", loss_in_bad)?;
        check_bursts(mean_loss, mean_burst, loss_in_bad)?;
        let share_bad = if mean_loss > 0.0 { mean_loss / loss_in_bad } else { 0.0 };
        // At the largest mean loss the last digit may be above 1.
        let p = chains::to_bad(share_bad, mean_burst).min(1.0);
        Ok(Self::GilbertElliott { p, r: 1.0 / mean_burst, h: 1.0 - loss_in_bad, k: 1.0 })
    }

    /// The share lost in the long run: of the datagrams, or of the time. `None` for a script, which
    /// has no long run. Exact for valid settings, whatever the seed.
    pub fn mean_loss(&self) -> Option<f64> {
        Some(match *self {
            Self::None => 0.0,
            Self::Bernoulli { p } => p,
            Self::Bursts { mean_loss, .. } | Self::TimedBursts { mean_loss, .. } => mean_loss,
            Self::GilbertElliott { p, r, h, k } => {
                let bad = chains::share_bad(p, r);
                bad * (1.0 - h) + (1.0 - bad) * (1.0 - k)
            }
            Self::FourState { p13, p31, p32, p23, p14 } => {
                let [_, _, burst, alone] = FourStates::new([p13, p31, p32, p23, p14]).shares();
                burst + alone
            }
            Self::Periodic { every, .. } => 1.0 / every as f64,
            Self::Script(_) => return None,
        })
    }

    /// That all shares are shares and the burst length goes with the mean loss.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first field that is out of its range.
    pub fn validate(&self) -> Result<(), ImpairError> {
        match *self {
            Self::None | Self::Script(_) => Ok(()),
            Self::Bernoulli { p } => check_share("loss.p", p),
            Self::Bursts { mean_loss, mean_burst } => check_bursts(mean_loss, mean_burst, 1.0),
            Self::GilbertElliott { p, r, h, k } => {
                check_share("loss.p", p)?;
                check_share("loss.r", r)?;
                check_share("loss.h", h)?;
                check_share("loss.k", k)
            }
            Self::FourState { p13, p31, p32, p23, p14 } => {
                check_share("loss.p13", p13)?;
                check_share("loss.p31", p31)?;
                check_share("loss.p32", p32)?;
                check_share("loss.p23", p23)?;
                check_share("loss.p14", p14)?;
                check_sum("loss.p13 + loss.p14", p13 + p14)?;
                check_sum("loss.p31 + loss.p32", p31 + p32)
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
            Self::Periodic { every, .. } => check_at_least_one("loss.every", every),
        }
    }
}

/// That bursts of this length, in which this share is lost, can make up this mean loss.
fn check_bursts(mean_loss: f64, mean_burst: f64, loss_in_bad: f64) -> Result<(), ImpairError> {
    check_share("loss.mean_loss", mean_loss)?;
    if !(1.0..=f64::MAX).contains(&mean_burst) {
        return Err(ImpairError::BurstTooShort { mean_burst });
    }
    let max = loss_in_bad * (mean_burst / (1.0 + mean_burst));
    if mean_loss > max {
        return Err(ImpairError::BurstLoss { mean_loss, max });
    }
    Ok(())
}

/// A [`Loss`] at work on one direction.
#[derive(Clone, Debug)]
pub(super) enum LossProcess {
    Independent { p: f64, dice: Dice },
    TwoStates { walk: Walk<TwoStates>, loss_in_good: f64, loss_in_bad: f64, dice: Dice },
    FourStates(Walk<FourStates>),
    TimeChain(TimeChain),
    Periodic { every: u64, offset: u64 },
    Script(RangeSet),
}

impl LossProcess {
    /// The process that `loss`, which must be valid, describes for this seed.
    pub(super) fn new(loss: &Loss, seed: u64) -> Self {
        let dice = Dice::new(seed);
        let two_states = |chain, loss_in_good, loss_in_bad| Self::TwoStates {
            walk: Walk::new(chain, dice),
            loss_in_good,
            loss_in_bad,
            // Of an ordinal that no datagram has, so that no draw of the chain is used twice.
            dice: dice.fork(u64::MAX),
        };
        match *loss {
            Loss::Bernoulli { p } => Self::Independent { p, dice },
            Loss::Bursts { mean_loss, mean_burst } => {
                two_states(TwoStates::of_bursts(mean_loss, mean_burst), 0.0, 1.0)
            }
            Loss::GilbertElliott { p, r, h, k } => {
                two_states(TwoStates::new(p, r), 1.0 - k, 1.0 - h)
            }
            Loss::FourState { p13, p31, p32, p23, p14 } => {
                Self::FourStates(Walk::new(FourStates::new([p13, p31, p32, p23, p14]), dice))
            }
            Loss::None | Loss::TimedBursts { mean_loss: 0.0, .. } => {
                Self::Independent { p: 0.0, dice }
            }
            Loss::TimedBursts { mean_loss, mean_bad } => {
                Self::TimeChain(TimeChain::new(mean_loss, mean_bad, dice))
            }
            Loss::Periodic { every, offset } => Self::Periodic { every, offset },
            Loss::Script(ref ordinals) => Self::Script(ordinals.clone()),
        }
    }

    /// Whether the datagram with this ordinal, which enters the line at `now`, is lost.
    pub(super) fn is_lost(&mut self, now: Instant, ordinal: u64) -> bool {
        match self {
            Self::Independent { p, dice } => dice.chance(ordinal, *p),
            Self::TwoStates { walk, loss_in_good, loss_in_bad, dice } => {
                let p = if walk.at(ordinal) { *loss_in_bad } else { *loss_in_good };
                dice.chance(ordinal, p)
            }
            Self::FourStates(walk) => walk.at(ordinal).is_lost(),
            Self::TimeChain(chain) => chain.is_bad(now),
            Self::Periodic { every, offset } => {
                ordinal.checked_sub(*offset).is_some_and(|since| since.is_multiple_of(*every))
            }
            Self::Script(ordinals) => ordinals.contains(ordinal),
        }
    }
}
