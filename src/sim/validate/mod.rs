//! The simulator against what is published or follows by derivation: expected, got, tolerance.
//!
//! A [`Topic`] is a model and its [`Check`]s. Whoever adds a model adds a file here, and a line to
//! [`TOPICS`].
//!
//! | file | its one concept |
//! |---|---|
//! | `check.rs` | [`Check`]: one number against another, and how far apart they may be |
//! | `ratio.rs` | a mean over samples that depend on their neighbours, and its standard error |
//! | `pattern.rs` | what can be counted in a sequence of losses |
//! | `loss.rs`, `chains.rs` | losses: independent, in bursts, in time; netem's chains |
//! | `queues.rs` | waits, room and rates |
//! | `policer.rs` | what exceeds a rate |
//! | `arq.rs` | stop-and-wait, go-back-N, selective repeat |
//! | `head_of_line.rs` | what order costs, deadlines, copies |
//! | `fec.rs` | what codes leave lost |
//! | `handshake.rs` | tries that all fail |
//! | `fairness.rs` | shares of a link |
//! | `conservation.rs` | what holds in every world |

mod arq;
mod chains;
mod check;
mod conservation;
mod fairness;
mod fec;
mod handshake;
mod head_of_line;
mod loss;
mod pattern;
mod policer;
mod queues;
mod ratio;

#[cfg(test)]
mod tests;

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
    Topic { name: "loss", title: "losses alone and in bursts", checks: loss::checks },
    Topic { name: "chains", title: "Gilbert-Elliott and four states", checks: chains::checks },
    Topic { name: "queues", title: "waits, room and rates", checks: queues::checks },
    Topic { name: "policer", title: "what exceeds a rate", checks: policer::checks },
    Topic { name: "arq", title: "efficiency of repeating", checks: arq::checks },
    Topic {
        name: "head-of-line",
        title: "head-of-line blocking, deadlines and copies",
        checks: head_of_line::checks,
    },
    Topic { name: "fec", title: "what codes leave lost", checks: fec::checks },
    Topic { name: "handshake", title: "handshakes over loss", checks: handshake::checks },
    Topic { name: "fairness", title: "shares of a link", checks: fairness::checks },
    Topic {
        name: "conservation",
        title: "what holds in every world",
        checks: conservation::checks,
    },
];
