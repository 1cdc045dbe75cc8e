//! Random delay on top of the fixed one: its distribution, and how neighbours resemble each other.
//!
//! | file | its one concept |
//! |---|---|
//! | `table.rs` | [`DelayTable`]: a distribution by its quantiles |
//! | `correlated.rs` | numbers of a given distribution, each related to the one before |

mod correlated;
mod table;

pub use table::DelayTable;

use super::dice::Dice;
use super::elementary::{exp, ln, normal_above, normal_exceeded};
use super::error::{ImpairError, check_longer_than_zero, check_positive};
use crate::time::{Duration, nanos};
use correlated::Correlated;

#[cfg(test)]
mod tests;

/// Random extra delay, drawn for each datagram and never negative: what queues of others, radio
/// schedulers and retransmissions on the link add to propagation. It reorders nothing unless
/// [`Reorder::by_jitter`](super::Reorder::by_jitter) lets it: a datagram that would overtake waits
/// for the one before it, so a long delay is followed by others that shrink.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Spread {
    /// None.
    #[default]
    None,
    /// Anything from 0 to `max`, all equally likely.
    Uniform {
        /// The longest.
        max: Duration,
    },
    /// The normal distribution without its part below 0, which raises the mean: by 5.5 % of `sd`
    /// at `mean = 2 sd`, by 0.4 % of it at `3 sd`.
    Normal {
        /// The most likely delay.
        mean: Duration,
        /// The standard deviation before the part below 0 is left out: longer than 0.
        sd: Duration,
    },
    /// Short mostly, and the rarer the longer: one in e^k is longer than `k` means.
    Exponential {
        /// The mean and the standard deviation: longer than 0.
        mean: Duration,
    },
    /// Pareto's heavy tail, cut off: `x` is exceeded with a probability in proportion to
    /// `x^-shape - max^-shape`. Rare delays are very long, as those of retransmissions are.
    Pareto {
        /// The shortest: longer than 0.
        scale: Duration,
        /// The tail's exponent, above 0: without `max`, the mean is infinite up to 1 and the
        /// variance up to 2.
        shape: f64,
        /// The longest: longer than `scale`.
        max: Duration,
    },
    /// A measured distribution.
    Table(DelayTable),
}

impl Spread {
    /// That the durations are longer than zero, and in order.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first field that is out of its range.
    pub fn validate(&self) -> Result<(), ImpairError> {
        match *self {
            Self::None | Self::Uniform { .. } | Self::Table(_) => Ok(()),
            Self::Normal { sd, .. } => check_longer_than_zero("spread.sd", sd),
            Self::Exponential { mean } => check_longer_than_zero("spread.mean", mean),
            Self::Pareto { scale, shape, max } => {
                check_longer_than_zero("spread.scale", scale)?;
                check_positive("spread.shape", shape)?;
                if max <= scale {
                    return Err(ImpairError::SpreadMax { max, scale });
                }
                Ok(())
            }
        }
    }
}

/// That the correlation of neighbours is one that a sequence with any change in it can have.
pub(super) fn check_correlation(value: f64) -> Result<(), ImpairError> {
    if (0.0..1.0).contains(&value) { Ok(()) } else { Err(ImpairError::Correlation { value }) }
}

/// A distribution by its quantiles, in nanoseconds.
#[derive(Clone, Debug)]
pub(super) enum Quantiles {
    Uniform { max: f64 },
    Normal { mean: f64, sd: f64, above_zero: f64 },
    Exponential { mean: f64 },
    Pareto { scale: f64, exponent: f64, within: f64 },
    Table(DelayTable),
}

impl Quantiles {
    fn new(spread: &Spread) -> Option<Self> {
        let ns = |duration| nanos(duration) as f64;
        Some(match *spread {
            Spread::None => return None,
            Spread::Uniform { max } => Self::Uniform { max: ns(max) },
            Spread::Normal { mean, sd } => {
                let (mean, sd) = (ns(mean), ns(sd));
                Self::Normal { mean, sd, above_zero: normal_above(-mean / sd) }
            }
            Spread::Exponential { mean } => Self::Exponential { mean: ns(mean) },
            Spread::Pareto { scale, shape, max } => {
                let (scale, max) = (ns(scale), ns(max));
                let within = 1.0 - exp(-shape * ln(max / scale));
                Self::Pareto { scale, exponent: -1.0 / shape, within }
            }
            Spread::Table(ref table) => Self::Table(table.clone()),
        })
    }

    /// What is exceeded with this probability, above 0 and at most 1. By the upper tail, because
    /// that is where the digits are needed.
    fn exceeded(&self, probability: f64) -> f64 {
        match self {
            Self::Uniform { max } => max * (1.0 - probability),
            Self::Normal { mean, sd, above_zero } => {
                mean + sd * normal_exceeded(probability * above_zero)
            }
            Self::Exponential { mean } => -mean * ln(probability),
            Self::Pareto { scale, exponent, within } => {
                scale * exp(exponent * ln(1.0 - within + probability * within))
            }
            Self::Table(table) => table.quantile_ns(1.0 - probability),
        }
    }
}

/// A [`Spread`] at work on one direction.
#[derive(Clone, Debug)]
pub(super) enum SpreadProcess {
    None,
    Independent { quantiles: Quantiles, dice: Dice },
    Correlated(Box<Correlated>),
}

impl SpreadProcess {
    /// The process that a valid `spread` and `correlation` describe.
    pub(super) fn new(spread: &Spread, correlation: f64, dice: Dice) -> Self {
        match Quantiles::new(spread) {
            None => Self::None,
            Some(quantiles) if correlation > 0.0 => {
                Self::Correlated(Box::new(Correlated::new(quantiles, correlation, dice)))
            }
            Some(quantiles) => Self::Independent { quantiles, dice },
        }
    }

    /// The extra delay of the datagram with this ordinal.
    pub(super) fn extra(&mut self, ordinal: u64) -> Duration {
        let ns = match self {
            Self::None => return Duration::ZERO,
            Self::Independent { quantiles, dice } => quantiles.exceeded(1.0 - dice.unit(ordinal)),
            Self::Correlated(numbers) => numbers.at(ordinal),
        };
        // From a number to an integer: what is below 0 by rounding becomes 0.
        Duration::from_nanos(ns as u64)
    }
}
