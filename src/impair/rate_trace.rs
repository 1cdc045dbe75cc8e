//! Rate traces: when a link may send, as recorded on a real one, in mahimahi's format.

use crate::time::{Duration, Instant};
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

/// A place in the endless sequence of a trace's opportunities. What comes at the very instant of
/// one comes too late for it, as in mahimahi.
#[derive(Clone, Debug)]
pub(super) struct Opportunities {
    trace: RateTrace,
    /// The opportunity used last, and the bytes left of it.
    at: Instant,
    left: u64,
    /// The one after it, and when its period began, in milliseconds.
    next: usize,
    began_ms: u64,
}

impl Opportunities {
    /// The trace from its beginning at the origin; those up to `after` are over.
    pub(super) fn new(trace: RateTrace, after: Instant) -> Self {
        let mut new = Self { trace, at: after, left: 0, next: 0, began_ms: 0 };
        new.skip(after);
        new
    }

    pub(super) fn is_of(&self, trace: &RateTrace) -> bool {
        self.trace == *trace
    }

    pub(super) fn mean_rate_bps(&self) -> u64 {
        self.trace.mean_rate_bps()
    }

    /// When what came at `arrived`, behind all that was served, begins to be sent.
    pub(super) fn start(&self, arrived: Instant) -> Instant {
        if self.at <= arrived {
            let (next, began_ms) = self.first_after(arrived);
            return self.time_of(next, began_ms);
        }
        if self.left > 0 { self.at } else { self.time_of(self.next, self.began_ms) }
    }

    /// Sends `bytes` that came at `arrived`: in what is left of the last opportunity, if they waited
    /// for it, and in those after it. Returns the time of the one that takes the last of them.
    pub(super) fn serve(&mut self, arrived: Instant, bytes: u64) -> Instant {
        if self.at <= arrived {
            self.skip(arrived);
            self.left = 0;
        }
        // Even nothing needs an opportunity.
        let bytes = bytes.max(1);
        let mut missing = bytes.saturating_sub(self.left);
        self.left = self.left.saturating_sub(bytes);
        let per_period = self.trace.len() as u64 * RateTrace::OPPORTUNITY_BYTES;
        if missing > per_period {
            let whole = (missing - 1) / per_period;
            self.began_ms =
                self.began_ms.saturating_add(whole.saturating_mul(self.trace.period_ms()));
            missing -= whole * per_period;
        }
        while missing > 0 {
            self.take_next();
            self.left = RateTrace::OPPORTUNITY_BYTES.saturating_sub(missing);
            missing = missing.saturating_sub(RateTrace::OPPORTUNITY_BYTES);
        }
        self.at
    }

    fn take_next(&mut self) {
        self.at = self.time_of(self.next, self.began_ms);
        self.next += 1;
        if self.next == self.trace.len() {
            self.next = 0;
            self.began_ms = self.began_ms.saturating_add(self.trace.period_ms());
        }
    }

    fn skip(&mut self, now: Instant) {
        (self.next, self.began_ms) = self.first_after(now);
    }

    /// The first opportunity that is later than `now`. The last one of a period is its end, so there
    /// always is one in the period of `now`.
    fn first_after(&self, now: Instant) -> (usize, u64) {
        let now_ms = now.as_nanos() / 1_000_000;
        let in_period = now_ms % self.trace.period_ms();
        let next = self.trace.opportunities.partition_point(|at| u64::from(*at) <= in_period);
        (next, now_ms - in_period)
    }

    fn time_of(&self, next: usize, began_ms: u64) -> Instant {
        let at = self.trace.opportunities.get(next).map_or(0, |at| u64::from(*at));
        Instant::from_millis(began_ms.saturating_add(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn parse(text: &str) -> RateTrace {
        RateTrace::parse(text).unwrap()
    }

    fn refused(text: &str) -> String {
        RateTrace::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn mahimahis_files_are_read_as_they_are() {
        let trace = parse("0\n0\n3\r\n7\n");
        assert_eq!(*trace.opportunities, [0, 0, 3, 7]);
        assert_eq!((trace.len(), trace.period()), (4, Duration::from_millis(7)));
        assert_eq!(trace, parse("0\n0\n3\n7"));
        assert_eq!(parse("1").mean_rate_bps(), 12_032_000);
    }

    #[test]
    fn what_is_no_trace_is_refused_with_the_number_of_the_line() {
        assert_eq!(refused("1\n2\n\n3\n"), "line 3: \"\" is no whole number of milliseconds");
        assert_eq!(refused("1\n2.5\n"), "line 2: \"2.5\" is no whole number of milliseconds");
        assert_eq!(refused("-1\n"), "line 1: \"-1\" is no whole number of milliseconds");
        assert_eq!(
            refused("4294967296"),
            "line 1: \"4294967296\" is no whole number of milliseconds"
        );
        assert_eq!(refused("5\n6\n4\n"), "line 3: 4 is before 6");
        for empty in ["", "0\n", "0\n0\n"] {
            assert_eq!(refused(empty), "a trace needs an opportunity after millisecond 0");
        }
    }

    #[test]
    fn a_steady_rate_has_an_opportunity_when_its_bytes_have_come_together() {
        // 1,504 bytes in 0.5 ms, and in 2.5 ms.
        let fast = RateTrace::from_rate(24_064_000, Duration::from_millis(3)).unwrap();
        assert_eq!(*fast.opportunities, [1, 1, 2, 2, 3, 3]);
        let slow = RateTrace::from_rate(4_812_800, Duration::from_millis(10)).unwrap();
        assert_eq!(*slow.opportunities, [3, 5, 8, 10]);
        assert_eq!((fast.mean_rate_bps(), slow.mean_rate_bps()), (24_064_000, 4_812_800));
        assert_eq!(RateTrace::from_rate(0, Duration::MAX), Err(TraceError::Empty));
        assert_eq!(RateTrace::from_rate(1_000_000, Duration::ZERO), Err(TraceError::Empty));
    }

    #[test]
    fn an_opportunity_carries_several_small_packets_or_a_part_of_a_large_one() {
        let mut link = Opportunities::new(parse("2\n4\n10\n"), Instant::ZERO);
        let left: Vec<_> =
            [500, 1000, 4, 1, 4000, 507].map(|bytes| link.serve(ms(1), bytes)).into();
        // The first three fill the one at 2; then 4,508 bytes are three, over the end of the period.
        assert_eq!(left, [ms(2), ms(2), ms(2), ms(4), ms(12), ms(12)]);
        assert_eq!((link.left, link.start(ms(1))), (4, ms(12)));
        assert_eq!(link.serve(ms(1), 5), ms(14));
    }

    #[test]
    fn what_is_left_when_the_queue_is_empty_is_lost() {
        let mut link = Opportunities::new(parse("2\n4\n10\n"), Instant::ZERO);
        assert_eq!(link.serve(ms(1), 100), ms(2));
        // It comes at the very instant of the opportunity: too late for it.
        assert_eq!((link.start(ms(2)), link.serve(ms(2), 100)), (ms(4), ms(4)));
        assert_eq!(link.serve(Instant::from_nanos(3_999_999), 100), ms(4));
        assert_eq!(link.serve(ms(1_000_005), 100), ms(1_000_010));
        assert_eq!(link.serve(ms(1_000_010), 100), ms(1_000_012));
    }

    #[test]
    fn an_opportunity_at_0_is_that_at_the_end_of_the_period() {
        let mut link = Opportunities::new(parse("0\n5\n"), Instant::ZERO);
        let left: Vec<_> = (0..5).map(|_| link.serve(ms(0), 1504)).collect();
        assert_eq!(left, [ms(5), ms(5), ms(10), ms(10), ms(15)]);
    }

    #[test]
    fn absurd_sizes_take_no_longer_to_count() {
        let mut link = Opportunities::new(parse("1"), Instant::ZERO);
        assert_eq!(link.serve(ms(0), 1504 * 1_000_000_000_000), ms(1_000_000_000_000));
        assert_eq!(link.serve(ms(0), 1), ms(1_000_000_000_001));
        assert_eq!(link.serve(ms(0), u64::MAX), ms(1_000_000_000_001 + u64::MAX / 1504));
    }

    proptest! {
        /// Against mahimahi's way: each opportunity in turn takes from the queue what it can.
        #[test]
        fn a_trace_is_what_mahimahi_makes_of_it(
            gaps in prop::collection::vec(0..4u32, 1..8),
            last in 1..5u32,
            sends in prop::collection::vec((0..6u64, 1..4000u64), 1..30),
        ) {
            let mut times: Vec<u32> =
                gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            times.push(times.last().unwrap() + last);
            let trace = RateTrace::new(times.clone()).unwrap();
            let (period, mut now, mut link) =
                (trace.period_ms(), 0, Opportunities::new(trace, Instant::ZERO));
            let mut queue: Vec<(u64, u64)> = Vec::new();
            let mut left = Vec::new();
            for (gap, bytes) in sends {
                now += gap;
                left.push(link.serve(ms(now), bytes));
                queue.push((now, bytes));
            }
            let mut expected = Vec::new();
            let mut waiting = queue.into_iter().peekable();
            let mut head: Option<(u64, u64)> = None;
            let all = (0..).flat_map(|k| times.iter().map(move |at| k * period + u64::from(*at)));
            for at in all {
                let mut room = 1504;
                while room > 0 {
                    let Some((came, bytes)) = head.or_else(|| waiting.next_if(|(came, _)| *came < at))
                    else { break };
                    let part = room.min(bytes);
                    room -= part;
                    head = (bytes > part).then_some((came, bytes - part));
                    if head.is_none() {
                        expected.push(ms(at));
                    }
                }
                if head.is_none() && waiting.peek().is_none() {
                    break;
                }
            }
            prop_assert_eq!(left, expected);
        }
    }
}
