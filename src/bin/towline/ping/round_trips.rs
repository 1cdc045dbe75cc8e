//! Many durations, and the few that describe them.

use std::time::Duration;

/// Shares of the durations that are at most as long, by name.
const QUANTILES: [(&str, f64); 6] =
    [("min", 0.0), ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

/// In nanoseconds; eight bytes each, so ten million take 80 MB.
#[derive(Clone, Debug, Default)]
pub(super) struct RoundTrips(Vec<u64>);

impl RoundTrips {
    pub(super) fn push(&mut self, time: Duration) {
        self.0.push(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// The shortest, the percentiles, the longest and the mean; none without a round trip.
    ///
    /// A percentile is the shortest duration that so many percent do not exceed: always one that was
    /// measured.
    pub(super) fn figures(&mut self) -> Vec<(&'static str, Duration)> {
        self.0.sort_unstable();
        let count = self.0.len();
        let rank = |share: f64| (share * count as f64).ceil() as usize;
        let quantile = |(name, share)| {
            Some((name, Duration::from_nanos(*self.0.get(rank(share).saturating_sub(1))?)))
        };
        let mut figures: Vec<_> = QUANTILES.into_iter().filter_map(quantile).collect();
        let sum: u128 = self.0.iter().map(|&time| u128::from(time)).sum();
        if let Some(mean) = sum.checked_div(count as u128) {
            figures.push(("mean", Duration::from_nanos(mean as u64)));
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(times: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut trips = RoundTrips::default();
        times.into_iter().for_each(|time| trips.push(Duration::from_nanos(time)));
        trips.figures().iter().map(|(_, time)| time.as_nanos() as u64).collect()
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        assert_eq!(figures((1..=1000).rev()), [1, 500, 900, 990, 999, 1000, 500]);
        assert_eq!(figures([7]), [7; 7]);
        assert_eq!(figures([1, 3]), [1, 1, 3, 3, 3, 3, 2]);
        assert_eq!(figures([]), [0; 0]);
    }
}
