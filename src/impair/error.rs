//! What can be wrong with the description of a bad network.

use crate::time::{Duration, Instant};
use std::fmt;

/// A setting of a [`LinkConfig`](super::LinkConfig) that has no meaning. Prints as one line that
/// names the field, its value and what it may be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ImpairError {
    /// A share outside 0 to 1.
    Share {
        /// The field, as written in `LinkConfig`.
        field: &'static str,
        /// Its value.
        value: f64,
    },
    /// Probabilities of one choice that add up to more than 1.
    Sum {
        /// The fields, as written in `LinkConfig`, with a plus between them.
        fields: &'static str,
        /// Their sum.
        sum: f64,
    },
    /// A number of datagrams that is zero.
    AtLeastOne {
        /// The field, as written in `LinkConfig`.
        field: &'static str,
    },
    /// A mean burst length below one packet.
    BurstTooShort {
        /// The mean burst length in packets.
        mean_burst: f64,
    },
    /// A mean loss that bursts of this mean length cannot reach even if one good packet separates
    /// every two bursts, or a loss of everything.
    BurstLoss {
        /// The mean loss asked for.
        mean_loss: f64,
        /// The largest one possible.
        max: f64,
    },
    /// A mean duration of the bad state of zero.
    BadStateTooShort,
    /// More jitter than delay: a datagram would arrive before it was sent.
    Jitter {
        /// The jitter, to either side.
        jitter: Duration,
        /// The one-way delay.
        delay: Duration,
    },
    /// A duration of zero where there must be one.
    TooShort {
        /// The field, as written in `LinkConfig`.
        field: &'static str,
    },
    /// A number that is not above 0.
    NotPositive {
        /// The field, as written in `LinkConfig`.
        field: &'static str,
        /// Its value.
        value: f64,
    },
    /// A longest extra delay that is not longer than the shortest.
    SpreadMax {
        /// The longest.
        max: Duration,
        /// The shortest.
        scale: Duration,
    },
    /// A correlation of neighbouring delays that is negative, or leaves no change.
    Correlation {
        /// The correlation.
        value: f64,
    },
    /// Too few quantiles to be a distribution.
    DelayTable {
        /// How many there are.
        len: usize,
    },
    /// A quantile below the one before it.
    DelayTableOrder {
        /// Its place in the table.
        index: usize,
        /// Its value.
        delay: Duration,
        /// The one before it.
        before: Duration,
    },
    /// A number of bits to flip outside its range.
    DamageBits {
        /// The number of bits.
        bits: u32,
        /// The most that can be asked for.
        max: u32,
    },
    /// A rate of zero that never ends.
    Rate,
    /// Rate steps that are not in order of time.
    RateSteps {
        /// The first step that is not later than the one before it.
        at: Instant,
    },
    /// A blackout that ends before it begins.
    BlackoutRange {
        /// Where it begins.
        start: Instant,
        /// Where it ends.
        end: Instant,
    },
    /// A periodic blackout with a period of zero, or longer than its period.
    BlackoutPeriod {
        /// How long the link is down in each period.
        down: Duration,
        /// The period.
        period: Duration,
    },
    /// A trace as well as a rate or rate steps.
    TraceAndRate,
    /// A setting of the queue outside its range.
    Queue {
        /// The field, as written in `LinkConfig`.
        field: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        must_be: &'static str,
    },
}

impl fmt::Display for ImpairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share { field, value } => {
                write!(f, "{field} = {value}: must be between 0 and 1")
            }
            Self::Sum { fields, sum } => write!(f, "{fields} = {sum}: must be at most 1"),
            Self::AtLeastOne { field } => write!(f, "{field} = 0: must be at least 1"),
            Self::BurstTooShort { mean_burst } => {
                write!(f, "loss.mean_burst = {mean_burst}: must be at least 1 packet")
            }
            Self::BurstLoss { mean_loss, max } => {
                write!(
                    f,
                    "loss.mean_loss = {mean_loss}: must be between 0 and {max} for such bursts"
                )
            }
            Self::BadStateTooShort => write!(f, "loss.mean_bad = 0: must be longer than zero"),
            Self::Jitter { jitter, delay } => {
                write!(f, "jitter = {jitter:?}: must be between 0 and the delay, {delay:?}")
            }
            Self::TooShort { field } => write!(f, "{field} = 0ns: must be longer than zero"),
            Self::NotPositive { field, value } => {
                write!(f, "{field} = {value}: must be larger than 0")
            }
            Self::SpreadMax { max, scale } => {
                write!(f, "spread.max = {max:?}: must be longer than the scale, {scale:?}")
            }
            Self::Correlation { value } => {
                write!(f, "spread_correlation = {value}: must be at least 0 and below 1")
            }
            Self::DelayTable { len } => {
                write!(f, "spread.table has {len} quantiles: must be at least 2")
            }
            Self::DelayTableOrder { index, delay, before } => write!(
                f,
                "spread.table[{index}] = {delay:?}: must be at least the quantile before it, {before:?}"
            ),
            Self::DamageBits { bits, max } => {
                write!(f, "damage.bits = {bits}: must be between 1 and {max}")
            }
            Self::Rate => {
                write!(f, "rate_bps = 0: must be at least 1, unless a later rate step ends it")
            }
            Self::RateSteps { at } => {
                write!(f, "rate_steps: the step at {at} must be later than the one before it")
            }
            Self::BlackoutRange { start, end } => {
                write!(f, "blackout = {start}..{end}: must end later than it begins")
            }
            Self::BlackoutPeriod { down, period } => write!(
                f,
                "blackout.down = {down:?}: must be between 0 and the period, {period:?}, \
                 which must be longer than zero"
            ),
            Self::TraceAndRate => write!(f, "trace: must stand without rate_bps and rate_steps"),
            Self::Queue { field, value, must_be } => {
                write!(f, "{field} = {value}: must be {must_be}")
            }
        }
    }
}

impl std::error::Error for ImpairError {}

/// That `value` is a share; NaN is none.
pub(super) fn check_share(field: &'static str, value: f64) -> Result<(), ImpairError> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(ImpairError::Share { field, value }) }
}

/// That what is left to 1 is not negative.
pub(super) fn check_sum(fields: &'static str, sum: f64) -> Result<(), ImpairError> {
    if sum <= 1.0 { Ok(()) } else { Err(ImpairError::Sum { fields, sum }) }
}

/// That a number of datagrams is not zero.
pub(super) fn check_at_least_one(field: &'static str, number: u64) -> Result<(), ImpairError> {
    if number > 0 { Ok(()) } else { Err(ImpairError::AtLeastOne { field }) }
}

/// That there is a duration.
pub(super) fn check_longer_than_zero(
    field: &'static str,
    duration: Duration,
) -> Result<(), ImpairError> {
    if duration.is_zero() { Err(ImpairError::TooShort { field }) } else { Ok(()) }
}

/// That a number is above 0, and one.
pub(super) fn check_positive(field: &'static str, value: f64) -> Result<(), ImpairError> {
    if value > 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(ImpairError::NotPositive { field, value })
    }
}

/// That a setting of the queue is what it must be.
pub(super) fn check(
    is_right: bool,
    field: &'static str,
    value: &impl ToString,
    must_be: &'static str,
) -> Result<(), ImpairError> {
    if is_right {
        Ok(())
    } else {
        Err(ImpairError::Queue { field, value: value.to_string(), must_be })
    }
}

/// That a duration by which something else is divided is one.
pub(super) fn check_interval(field: &'static str, value: Duration) -> Result<(), ImpairError> {
    check(!value.is_zero(), field, &format!("{value:?}"), "longer than zero")
}
