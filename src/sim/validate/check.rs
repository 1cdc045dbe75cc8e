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
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Absolute(by) => write!(f, "± {by}"),
            Self::Relative(by) => write!(f, "± {} %", by * 100.0),
            Self::Between(least, most) => write!(f, "{least} to {most}"),
        }
    }
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

    /// Whether the two are as close as they must be; what is not a number never is.
    pub fn passes(&self) -> bool {
        let apart = (self.got - self.expected).abs();
        match self.tolerance {
            Tolerance::Exact => apart <= 1e-9 * self.expected.abs().max(1e-300),
            Tolerance::Absolute(by) => apart <= by,
            Tolerance::Relative(by) => apart <= by * self.expected.abs(),
            Tolerance::Between(least, most) => (least..=most).contains(&self.got),
        }
    }
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
        ] {
            for (got, passes) in
                [(least, true), (most, true), (least - 0.01, false), (most + 0.01, false)]
            {
                assert_eq!(check(expected, got, tolerance).passes(), passes, "{got}, {tolerance}");
            }
            assert!(!check(expected, f64::NAN, tolerance).passes());
        }
        assert!(check(0.0, 0.0, Tolerance::Exact).passes());
    }
}
