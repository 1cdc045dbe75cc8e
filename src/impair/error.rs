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
