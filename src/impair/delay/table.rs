//! A distribution of delays by its quantiles.

use crate::impair::error::ImpairError;
use crate::time::{Duration, nanos};

/// A measured or drawn distribution of delays: its quantiles from the shortest to the longest at
/// equal steps of probability, and linear between them.
///
/// ```
/// use towline::impair::DelayTable;
/// use towline::time::Duration;
///
/// // Minimum, quartiles and maximum.
/// let table = DelayTable::new([0, 1, 2, 5, 40].map(Duration::from_millis).to_vec())?;
/// assert_eq!(table.mean(), Duration::from_millis(7));
/// # Ok::<(), towline::impair::ImpairError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayTable {
    quantiles_ns: Vec<u64>,
}

impl DelayTable {
    /// From at least two quantiles in ascending order; equal ones are fine.
    ///
    /// # Errors
    ///
    /// [`ImpairError::DelayTable`] if there are fewer, or one is shorter than the one before it.
    pub fn new(quantiles: Vec<Duration>) -> Result<Self, ImpairError> {
        let falls = quantiles.windows(2).position(|two| two[1] < two[0]);
        match falls {
            None if quantiles.len() < 2 => Err(ImpairError::DelayTable { len: quantiles.len() }),
            None => Ok(Self { quantiles_ns: quantiles.into_iter().map(nanos).collect() }),
            Some(before) => Err(ImpairError::DelayTableOrder {
                index: before + 1,
                delay: quantiles[before + 1],
                before: quantiles[before],
            }),
        }
    }

    /// From at least two measured delays in any order.
    ///
    /// # Errors
    ///
    /// [`ImpairError::DelayTable`] if there are fewer.
    pub fn from_samples(mut samples: Vec<Duration>) -> Result<Self, ImpairError> {
        samples.sort_unstable();
        Self::new(samples)
    }

    /// The mean of the distribution, which is linear between its quantiles.
    pub fn mean(&self) -> Duration {
        let sum: u128 = self.quantiles_ns.iter().map(|ns| u128::from(*ns)).sum();
        let ends = self.quantiles_ns.first().into_iter().chain(self.quantiles_ns.last());
        let ends: u128 = ends.map(|ns| u128::from(*ns)).sum();
        let steps = (self.quantiles_ns.len() - 1) as u128;
        Duration::from_nanos(((2 * sum - ends) / (2 * steps)) as u64)
    }

    /// The delay below which this share is, 0 to 1, in nanoseconds.
    pub(super) fn quantile_ns(&self, share: f64) -> f64 {
        let steps = self.quantiles_ns.len() - 1;
        let place = share * steps as f64;
        let step = (place as usize).min(steps - 1);
        let [from, to] = [step, step + 1].map(|i| self.quantiles_ns[i] as f64);
        from + (to - from) * (place - step as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn quantiles_are_linear_between_the_given_ones() {
        let table = DelayTable::new(vec![ms(1), ms(3), ms(3), ms(11)]).unwrap();
        for (share, expected) in [
            (0.0, 1.0),
            (1.0 / 6.0, 2.0),
            (1.0 / 3.0, 3.0),
            (0.5, 3.0),
            (5.0 / 6.0, 7.0),
            (1.0, 11.0),
        ] {
            let got = table.quantile_ns(share) / 1e6;
            assert!((got - expected).abs() < 1e-9, "{share}: {got}");
        }
        assert_eq!(table.mean(), ms(4));
    }

    #[test]
    fn samples_are_sorted_and_what_has_no_meaning_is_refused_in_one_clear_line() {
        let table = DelayTable::from_samples(vec![ms(5), ms(1), ms(2)]).unwrap();
        assert_eq!(table, DelayTable::new(vec![ms(1), ms(2), ms(5)]).unwrap());
        let refused =
            |quantiles: &[Duration]| DelayTable::new(quantiles.to_vec()).unwrap_err().to_string();
        assert_eq!(refused(&[ms(1)]), "spread.table has 1 quantiles: must be at least 2");
        assert_eq!(
            refused(&[ms(1), ms(4), ms(3)]),
            "spread.table[2] = 3ms: must be at least the quantile before it, 4ms"
        );
    }
}
