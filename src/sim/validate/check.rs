//! One number against another, and how far apart they may be.

use std::fmt;

/// How far a number may be from what is expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// Not at all, but for the last digits of a floating-point sum: one part in 10^9.
    Exact,
    /// By so much, to either side.
    Absolute(f64),
    /// By this share of what is expected, to either side.
    Relative(f64),
    /// Anything between these two: for what theory only bounds.
    Between(f64, f64),
    /// By so many standard errors, to either side: what chance explains.
    Sigmas {
        /// How many. By chance alone, one check in 16,000 is off by 4.
        count: f64,
        /// One standard error, in the unit of what is expected.
        sigma: f64,
    },
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Absolute(by) => write!(f, "± {}", rounded(*by, 2)),
            Self::Relative(by) => write!(f, "± {} %", rounded(by * 100.0, 2)),
            Self::Between(least, most) => {
                write!(f, "{} to {}", rounded(*least, 3), rounded(*most, 3))
            }
            Self::Sigmas { count, sigma } => {
                write!(f, "± {} ({count} σ)", rounded(count * sigma, 1))
            }
        }
    }
}

/// With so many digits behind the first: whoever reads an error bar needs few.
fn rounded(number: f64, digits: usize) -> f64 {
    format!("{number:.digits$e}").parse().unwrap_or(number)
}

/// A measured number beside the one it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What is compared, with the parameters that matter: `mean wait at load 0.8, service times`.
    pub name: String,
    /// Where the expected number is from: a paper with its year, an RFC with its section, or
    /// `derived` with the section of `docs/SIMULATOR.md` that derives it.
    pub source: &'static str,
    /// What it should be.
    pub expected: f64,
    /// What the simulator says.
    pub got: f64,
    /// How far apart they may be.
    pub tolerance: Tolerance,
}

impl Check {
    /// A comparison.
    pub fn new(
        name: impl Into<String>,
        source: &'static str,
        expected: f64,
        got: f64,
        tolerance: Tolerance,
    ) -> Self {
        Self { name: name.into(), source, expected, got, tolerance }
    }

    /// A comparison of a sampled number, whose standard error is `sigma`, at four of these.
    pub fn sampled(
        name: impl Into<String>,
        source: &'static str,
        expected: f64,
        got: f64,
        sigma: f64,
    ) -> Self {
        Self::new(name, source, expected, got, Tolerance::Sigmas { count: 4.0, sigma })
    }

    /// Whether the two are as close as they must be; what is not a number never is.
    pub fn passes(&self) -> bool {
        let apart = (self.got - self.expected).abs();
        match self.tolerance {
            Tolerance::Exact => apart <= 1e-9 * self.expected.abs().max(1e-300),
            Tolerance::Absolute(by) => apart <= by,
            Tolerance::Relative(by) => apart <= by * self.expected.abs(),
            Tolerance::Between(least, most) => (least..=most).contains(&self.got),
            Tolerance::Sigmas { count, sigma } => apart <= count * sigma,
        }
    }
}

/// The checks of a model, or one that misses because the model could not be built.
pub(super) fn unless_broken<E: fmt::Display>(checks: Result<Vec<Check>, E>) -> Vec<Check> {
    checks.unwrap_or_else(|error| {
        vec![Check::new(error.to_string(), "not run", 0.0, f64::NAN, Tolerance::Exact)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_are_kept_at_both_sides_and_no_number_passes_none() {
        let check = |expected, got, tolerance| Check::new("x", "derived", expected, got, tolerance);
        for (expected, tolerance, least, most) in [
            (10.0, Tolerance::Absolute(0.5), 9.5, 10.5),
            (10.0, Tolerance::Relative(0.05), 9.5, 10.5),
            (-10.0, Tolerance::Relative(0.05), -10.5, -9.5),
            (10.0, Tolerance::Between(9.5, 10.5), 9.5, 10.5),
            (10.0, Tolerance::Exact, 10.0, 10.0),
            (10.0, Tolerance::Sigmas { count: 4.0, sigma: 0.125 }, 9.5, 10.5),
        ] {
            for (got, passes) in
                [(least, true), (most, true), (least - 0.01, false), (most + 0.01, false)]
            {
                assert_eq!(check(expected, got, tolerance).passes(), passes, "{got}, {tolerance}");
            }
            assert!(!check(expected, f64::NAN, tolerance).passes());
        }
        assert!(check(0.0, 0.0, Tolerance::Exact).passes());
        assert!(!Check::sampled("x", "derived", 1.0, 1.0, f64::NAN).passes());
    }

    #[test]
    fn tolerances_are_short() {
        for (tolerance, text) in [
            (Tolerance::Exact, "exact"),
            (Tolerance::Absolute(0.015), "± 0.015"),
            (Tolerance::Relative(0.1), "± 10 %"),
            (Tolerance::Between(0.95, 1.0), "0.95 to 1"),
            (Tolerance::Sigmas { count: 4.0, sigma: 0.000_123_456 }, "± 0.00049 (4 σ)"),
        ] {
            assert_eq!(tolerance.to_string(), text);
        }
    }
}
