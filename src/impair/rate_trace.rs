//! Rate traces: when a link may send, as recorded on a real one, in mahimahi's format.

use crate::time::Duration;
use std::fmt;

/// When a link may send: at each of these milliseconds one opportunity of 1,504 bytes, over and over
/// again. It takes 4 bytes for each, also in a clone.
///
/// ```
/// use towline::impair::RateTrace;
///
/// // Three opportunities in the first 5 ms, two of them at once, and then from the start.
/// let trace = RateTrace::parse("1\n5\n5\n")?;
/// assert_eq!((trace.len(), trace.mean_rate_bps()), (3, 3 * 1504 * 8 * 200));
/// assert_eq!(RateTrace::parse("7\n3\n").unwrap_err().to_string(), "line 2: 3 is before 7");
/// # Ok::<(), towline::impair::TraceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateTrace {
    /// In milliseconds, in order, the last one above 0.
    opportunities: Box<[u32]>,
}

/// Why a text is no trace. Prints as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceError {
    /// A line that is no whole number of milliseconds, at most 2^32 - 1.
    NotANumber {
        /// The number of the line, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// A time before that of the line before.
    Backwards {
        /// The number of the line, from 1.
        line: usize,
        /// Its time in milliseconds.
        at: u32,
        /// The time of the line before.
        after: u32,
    },
    /// No line at all, or none with a time after 0: it would repeat without end at one instant.
    Empty,
}

impl RateTrace {
    /// The bytes that one opportunity takes: an Ethernet packet and the header that mahimahi's
    /// device puts in front of it.
    pub const OPPORTUNITY_BYTES: u64 = 1504;

    /// Reads a trace: one time in milliseconds per line, never decreasing; several lines with one
    /// time are several opportunities. The last time is the period after which all comes again.
    ///
    /// # Errors
    ///
    /// The [`TraceError`] of the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut opportunities: Vec<u32> = Vec::new();
        for (number, text) in (1..).zip(text.lines()) {
            let Ok(at) = text.trim().parse() else {
                return Err(TraceError::NotANumber { line: number, text: text.to_owned() });
            };
            let after = opportunities.last().copied().unwrap_or(0);
            if at < after {
                return Err(TraceError::Backwards { line: number, at, after });
            }
            opportunities.push(at);
        }
        Self::new(opportunities)
    }

    /// The trace of a steady rate for `period`, rounded up to a whole millisecond: an opportunity in
    /// the first millisecond by whose end 1,504 more bytes have been sent.
    ///
    /// # Errors
    ///
    /// [`TraceError::Empty`] if less than one opportunity comes together in that time.
    pub fn from_rate(rate_bps: u64, period: Duration) -> Result<Self, TraceError> {
        let bits_per_opportunity = u128::from(Self::OPPORTUNITY_BYTES) * 8 * 1000;
        let millis = period.as_nanos().div_ceil(1_000_000).min(u128::from(u32::MAX));
        let count = millis * u128::from(rate_bps) / bits_per_opportunity;
        let at = |n: u128| (n * bits_per_opportunity).div_ceil(u128::from(rate_bps)) as u32;
        Self::new((1..=count).map(at).collect())
    }

    /// How many opportunities it has.
    #[expect(clippy::len_without_is_empty, reason = "a trace is never empty")]
    pub fn len(&self) -> usize {
        self.opportunities.len()
    }

    /// After which time it begins again.
    pub fn period(&self) -> Duration {
        Duration::from_millis(self.period_ms())
    }

    /// The mean rate in bits per second, rounded down.
    pub fn mean_rate_bps(&self) -> u64 {
        let bits = self.opportunities.len() as u128 * u128::from(Self::OPPORTUNITY_BYTES) * 8;
        u64::try_from(bits * 1000 / u128::from(self.period_ms())).unwrap_or(u64::MAX)
    }

    fn new(opportunities: Vec<u32>) -> Result<Self, TraceError> {
        match opportunities.last() {
            None | Some(0) => Err(TraceError::Empty),
            Some(_) => Ok(Self { opportunities: opportunities.into() }),
        }
    }

    fn period_ms(&self) -> u64 {
        self.opportunities.last().map_or(1, |at| u64::from(*at))
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber { line, text } => {
                write!(f, "line {line}: {text:?} is no whole number of milliseconds")
            }
            Self::Backwards { line, at, after } => write!(f, "line {line}: {at} is before {after}"),
            Self::Empty => write!(f, "a trace needs an opportunity after millisecond 0"),
        }
    }
}

impl std::error::Error for TraceError {}
