//! The ratio of two sums over samples that depend on their neighbours, and its standard error.

/// By the method of batch means: batches that are long beside the memory of what is sampled are
/// independent of each other, whatever is within them, so their scatter is the error (Law and
/// Kelton 2000, section 9.5.3). A mean is the ratio to a sum of ones.
#[derive(Clone, Debug)]
pub(super) struct Ratio {
    batch: u64,
    /// Samples in the present batch.
    count: u64,
    now: (f64, f64),
    batches: Vec<(f64, f64)>,
}

impl Ratio {
    /// Batches are enough for their scatter to be known to a tenth, and long.
    const BATCHES: u64 = 64;

    /// Of so many samples.
    pub(super) fn of(samples: u64) -> Self {
        let batch = (samples / Self::BATCHES).max(1);
        Self { batch, count: 0, now: (0.0, 0.0), batches: Vec::new() }
    }

    /// One more sample, of what is above the line and of what is below it.
    pub(super) fn push(&mut self, above: f64, below: f64) {
        self.now = (self.now.0 + above, self.now.1 + below);
        self.count += 1;
        if self.count == self.batch {
            self.batches.push(std::mem::take(&mut self.now));
            self.count = 0;
        }
    }

    /// One more sample of a share: whether it is one, of those that count.
    pub(super) fn count(&mut self, is_one: bool, counts: bool) {
        self.push(f64::from(u8::from(is_one && counts)), f64::from(u8::from(counts)));
    }

    /// The ratio over all whole batches.
    pub(super) fn value(&self) -> f64 {
        let (above, below) = self.sums();
        above / below
    }

    /// Its standard error.
    pub(super) fn sigma(&self) -> f64 {
        let (value, count) = (self.value(), self.batches.len() as f64);
        let squares = self.batches.iter().map(|(above, below)| (above - value * below).powi(2));
        (squares.sum::<f64>() * count / (count - 1.0)).sqrt() / self.sums().1
    }

    fn sums(&self) -> (f64, f64) {
        self.batches.iter().fold((0.0, 0.0), |sum, batch| (sum.0 + batch.0, sum.1 + batch.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::impair::dice::Dice;

    #[test]
    fn the_error_of_independent_samples_is_the_textbook_s() {
        let (dice, samples) = (Dice::new(1), 1 << 20);
        let mut share = Ratio::of(samples);
        (0..samples).for_each(|n| share.count(dice.chance(n, 0.25), true));
        let sigma = (0.25 * 0.75 / samples as f64).sqrt();
        assert!((share.value() - 0.25).abs() < 4.0 * sigma);
        // The standard deviation of 64 numbers is known to 1 / sqrt(126).
        assert!((share.sigma() / sigma - 1.0).abs() < 4.0 * 0.09, "{}", share.sigma() / sigma);
    }

    #[test]
    fn samples_that_repeat_their_neighbours_count_once() {
        let (dice, samples) = (Dice::new(2), 1 << 20);
        let mut mean = Ratio::of(samples);
        (0..samples).for_each(|n| mean.push(dice.unit(n / 100), 1.0));
        let sigma = (1.0 / 12.0 / (samples as f64 / 100.0)).sqrt();
        assert!((mean.sigma() / sigma - 1.0).abs() < 4.0 * 0.09, "{}", mean.sigma() / sigma);
    }

    #[test]
    fn a_ratio_is_not_the_mean_of_ratios() {
        let mut ratio = Ratio::of(64);
        (0..64).for_each(|n| ratio.push(f64::from(n % 2), f64::from(1 + n % 2)));
        assert!((ratio.value() - 1.0 / 3.0).abs() < 1e-12);
    }
}
