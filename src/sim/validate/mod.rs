//! The simulator against what is published or follows by derivation: expected, got, tolerance.
//!
//! A [`Topic`] is a model and its [`Check`]s. Whoever adds a model adds a file here, and a line to
//! [`TOPICS`].
//!
//! | file | its one concept |
//! |---|---|
//! | `check.rs` | [`Check`]: one number against another, and how far apart they may be |
//! | [`formula`] | the throughput that theory gives a congestion controller |
//! | `cubic.rs` | topic: CUBIC's response function |
//! | `pftk.rs` | topic: PFTK, TFRC and Cardwell's short transfers |
//! | `timers.rs` | topic: timers and constants of loss recovery |
//! | `slow_start.rs` | topic: the round trips of a window that doubles |
//! | `reno.rs` | topic: the shipped NewReno against Mathis, the sawtooth and its buffer |
//! | `flows.rs` | flows of the shipped NewReno controller over one path |
//! | `sawtooth.rs` | what additive increase and multiplicative decrease come to for given losses |

mod check;
mod cubic;
mod flows;
pub mod formula;
mod pftk;
mod reno;
mod sawtooth;
mod slow_start;
mod timers;

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
pub const TOPICS: &[Topic] = &[
    Topic { name: "cubic", title: "CUBIC's response function", checks: cubic::checks },
    Topic { name: "pftk", title: "PFTK, TFRC and short transfers", checks: pftk::checks },
    Topic { name: "timers", title: "timeouts and loss thresholds", checks: timers::checks },
    Topic { name: "slow-start", title: "round trips of slow start", checks: slow_start::checks },
    Topic { name: "reno", title: "the shipped NewReno", checks: reno::checks },
];
