//! The simulator against what is published or follows by derivation: expected, got, tolerance.
//!
//! A [`Topic`] is a model and its [`Check`]s. Whoever adds a model adds a file here, and a line to
//! [`TOPICS`].
//!
//! | file | its one concept |
//! |---|---|
//! | `check.rs` | [`Check`]: one number against another, and how far apart they may be |
//! | `fall_floyd.rs` | Tahoe, Reno, NewReno and SACK against Fall and Floyd's runs |

mod check;
mod fall_floyd;

pub use check::{Check, Tolerance};

/// How much work a check may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Seconds for all topics together: what continuous integration runs.
    Quick,
    /// Minutes: as many samples as the smallest tolerances need.
    Full,
}

/// A model, and what it is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// One word, as people type it.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Runs the model and compares; the same depth gives the same numbers.
    pub checks: fn(Depth) -> Vec<Check>,
}

/// All topics, in the order of the report.
pub const TOPICS: &[Topic] = &[Topic {
    name: "fall-floyd",
    title: "Tahoe, Reno, NewReno and SACK with one to four losses",
    checks: fall_floyd::checks,
}];
