//! Times at which nothing passes: a cable pulled, a handover, a tunnel.

use super::error::ImpairError;
use crate::time::{Duration, Instant, nanos};
use std::ops::Range;

/// When a line is down. What enters it then is lost; what is on its way still arrives.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Blackout {
    /// Never.
    #[default]
    Never,
    /// In each of these ranges of time, their ends excluded. Few are meant: each datagram looks at all.
    During(Vec<Range<Instant>>),
    /// For the first `down` of each `period`, the first of which begins at `start`.
    Every {
        /// When it begins.
        start: Instant,
        /// From one beginning to the next: longer than zero.
        period: Duration,
        /// How long the line is down in each period: at most the period.
        down: Duration,
    },
}

impl Blackout {
    /// That ranges and periods are such.
    ///
    /// # Errors
    ///
    /// [`ImpairError::BlackoutRange`] or [`ImpairError::BlackoutPeriod`] if not.
    pub fn validate(&self) -> Result<(), ImpairError> {
        match self {
            Self::During(ranges) => match ranges.iter().find(|range| range.is_empty()) {
                Some(&Range { start, end }) => Err(ImpairError::BlackoutRange { start, end }),
                None => Ok(()),
            },
            &Self::Every { period, down, .. } if period.is_zero() || down > period => {
                Err(ImpairError::BlackoutPeriod { down, period })
            }
            Self::Never | Self::Every { .. } => Ok(()),
        }
    }

    /// Whether the line is down at `now`.
    pub fn covers(&self, now: Instant) -> bool {
        match self {
            Self::Never => false,
            Self::During(ranges) => ranges.iter().any(|range| range.contains(&now)),
            Self::Every { start, period, down } => {
                let since = nanos(now.saturating_since(*start));
                now >= *start && since % nanos(*period).max(1) < nanos(*down)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_blackout_covers_its_start_but_not_its_end() {
        let blackout = Blackout::During(vec![ms(10)..ms(20), ms(15)..ms(30)]);
        let down: Vec<u64> = (0..40).filter(|t| blackout.covers(ms(*t))).collect();
        assert_eq!(down, (10..30).collect::<Vec<_>>());
        assert!(!Blackout::Never.covers(ms(0)));
    }

    #[test]
    fn a_periodic_one_comes_back() {
        let (period, down) = (Duration::from_millis(5), Duration::from_millis(2));
        let blackout = Blackout::Every { start: ms(10), period, down };
        let down: Vec<u64> = (0..24).filter(|t| blackout.covers(ms(*t))).collect();
        assert_eq!(down, [10, 11, 15, 16, 20, 21]);
    }

    #[test]
    fn what_has_no_meaning_is_refused_in_one_clear_line() {
        let empty = Blackout::During(vec![ms(1)..ms(2), ms(5)..ms(5)]).validate().unwrap_err();
        assert_eq!(
            empty.to_string(),
            "blackout = 0.005000s..0.005000s: must end later than it begins"
        );
        let (period, down) = (Duration::from_millis(1), Duration::from_millis(2));
        let long = Blackout::Every { start: ms(0), period, down }.validate().unwrap_err();
        assert_eq!(
            long.to_string(),
            "blackout.down = 2ms: must be between 0 and the period, 1ms, which must be longer than zero"
        );
    }
}
