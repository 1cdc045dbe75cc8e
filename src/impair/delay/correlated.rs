//! Numbers of a given distribution, each related to the one before.
//!
//! Normal numbers can be correlated without changing how they are distributed: `z' = a z +
//! sqrt(1 - a^2) e` with independent normal `e`. Their ranks, put through any other distribution's
//! quantiles, keep that distribution exactly (a Gaussian copula), but lose some of the correlation:
//! uniform numbers have 6/pi arcsin(a/2), exponential ones about 0.65 to 1 of it. So `a` is chosen
//! such that the correlation that is left is the one asked for (Cario and Nelson 1997).

use super::Quantiles;
use crate::impair::dice::{COPY, Dice};
use crate::impair::elementary::{normal_above, normal_density, normal_exceeded};
use crate::impair::walk::{Law, Walk};

/// First-order autoregression of standard normal numbers.
#[derive(Clone, Debug)]
struct Autoregression {
    keep: f64,
    renew: f64,
}

impl Law for Autoregression {
    type State = f64;

    fn start(&self, unit: f64) -> f64 {
        standard_normal(unit)
    }

    fn step(&self, from: f64, unit: f64) -> f64 {
        self.keep * from + self.renew * standard_normal(unit)
    }
}

/// From 53 random bits, as the middle of the interval that they stand for, so that neither end of
/// the distribution is reached.
fn standard_normal(unit: f64) -> f64 {
    const HALF_STEP: f64 = 1.0 / (1u64 << 54) as f64;
    if unit < 0.5 {
        -normal_exceeded(unit + HALF_STEP)
    } else {
        normal_exceeded(1.0 - unit - HALF_STEP)
    }
}

/// A distribution whose numbers follow each other with a given correlation.
#[derive(Clone, Debug)]
pub(in crate::impair) struct Correlated {
    quantiles: Quantiles,
    originals: Walk<Autoregression>,
    /// Copies have a sequence of their own: one that jumped back and forth between the two would
    /// go through an epoch each time.
    copies: Walk<Autoregression>,
}

impl Correlated {
    pub(super) fn new(quantiles: Quantiles, correlation: f64, dice: Dice) -> Self {
        let keep = Hermite::of(&quantiles).underlying(correlation);
        let law = Autoregression { keep, renew: (1.0 - keep * keep).sqrt() };
        Self {
            quantiles,
            originals: Walk::new(law.clone(), dice),
            copies: Walk::new(law, dice.fork(u64::MAX)),
        }
    }

    pub(super) fn at(&mut self, ordinal: u64) -> f64 {
        let walk = if ordinal & COPY == 0 { &mut self.originals } else { &mut self.copies };
        self.quantiles.exceeded(normal_above(walk.at(ordinal & !COPY)))
    }
}

/// A function of a standard normal number by its Hermite series: if two such numbers correlate by
/// `a`, the function's values have the covariance that is the sum of `c_k^2 a^k`.
struct Hermite {
    squares: [f64; Self::TERMS],
    /// The variance that the terms leave.
    rest: f64,
}

impl Hermite {
    const TERMS: usize = 48;
    const STEPS_PER_UNIT: i32 = 64;
    const REACH: i32 = 8;

    fn of(quantiles: &Quantiles) -> Self {
        let step = 1.0 / f64::from(Self::STEPS_PER_UNIT);
        let (mut mean, mut square) = (0.0, 0.0);
        let mut terms = [0.0; Self::TERMS];
        let middle = quantiles.exceeded(0.5);
        for i in -Self::REACH * Self::STEPS_PER_UNIT..=Self::REACH * Self::STEPS_PER_UNIT {
            let z = f64::from(i) * step;
            let weight = normal_density(z) * step;
            // The middle is taken off because a large constant would cost the small terms' digits.
            let value = quantiles.exceeded(normal_above(z)) - middle;
            mean += weight * value;
            square += weight * value * value;
            // Normalised: h_(k+1) = (z h_k - sqrt(k) h_(k-1)) / sqrt(k + 1), h_0 = 1.
            let (mut last, mut hermite) = (1.0, z);
            for (k, term) in (1..).zip(terms.iter_mut()) {
                *term += weight * value * hermite;
                let (before, k) = (last, f64::from(k));
                last = hermite;
                hermite = (z * hermite - k.sqrt() * before) / (k + 1.0).sqrt();
            }
        }
        let squares = terms.map(|term| term * term);
        let rest = (square - mean * mean - squares.iter().sum::<f64>()).max(0.0);
        Self { squares, rest }
    }

    /// The correlation of the values, at `a` of the normal numbers.
    fn correlation(&self, a: f64) -> f64 {
        let mut power = 1.0;
        let mut covariance = 0.0;
        for square in self.squares {
            power *= a;
            covariance += square * power;
        }
        let variance = self.squares.iter().sum::<f64>() + self.rest;
        if variance > 0.0 { (covariance + self.rest * power * a) / variance } else { a }
    }

    /// The correlation of the normal numbers that makes the values correlate so. It is between
    /// `correlation` and 1, because no function of two numbers correlates more than they do.
    fn underlying(&self, correlation: f64) -> f64 {
        let (mut low, mut high) = (correlation, 1.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.correlation(middle) < correlation {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_underlying_correlation_is_that_of_the_closed_forms() {
        let uniform = Hermite::of(&Quantiles::Uniform { max: 1e7 });
        let normal = Hermite::of(&Quantiles::Normal { mean: 1e8, sd: 1e6, above_zero: 1.0 });
        for n in 0..20 {
            let asked = f64::from(n) / 20.0;
            // Pearson 1907: the correlation of ranks is 6/pi arcsin(a/2).
            let a = 2.0 * (std::f64::consts::PI / 6.0 * asked).sin();
            assert!((uniform.underlying(asked) - a).abs() < 1e-4, "{asked}");
            assert!((normal.underlying(asked) - asked).abs() < 1e-9, "{asked}");
        }
    }

    #[test]
    fn a_constant_has_any_correlation() {
        let constant = Hermite::of(&Quantiles::Uniform { max: 0.0 });
        assert!((constant.underlying(0.5) - 0.5).abs() < 1e-9);
    }
}
