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
//! | `codel.rs` | drops of a standing queue |
//! | `arq.rs` | stop-and-wait, go-back-N, selective repeat |
//! | `head_of_line.rs` | what order costs, deadlines, copies |
//! | `fec.rs` | what codes leave lost |
//! | `handshake.rs` | tries that all fail |
//! | `fairness.rs` | shares of a link |
//! | `conservation.rs` | what holds in every world |
//! | `fall_floyd.rs` | Tahoe, Reno, NewReno and SACK against Fall and Floyd's runs |
//! | [`formula`] | the throughput that theory gives a congestion controller |
//! | `cubic.rs` | topic: CUBIC's response function |
//! | `pftk.rs` | topic: PFTK, TFRC and Cardwell's short transfers |
//! | `timers.rs` | topic: timers and constants of loss recovery |
//! | `slow_start.rs` | topic: the round trips of a window that doubles |
//! | `reno.rs` | topic: the shipped NewReno against Mathis, the sawtooth and its buffer |
//! | `flows.rs` | flows of the shipped NewReno controller over one path |
//! | `sawtooth.rs` | what additive increase and multiplicative decrease come to for given losses |

mod arq;
mod chains;
mod check;
mod codel;
mod conservation;
mod cubic;
mod fairness;
mod fall_floyd;
mod fec;
mod flows;
pub mod formula;
mod handshake;
mod head_of_line;
mod loss;
mod pattern;
mod pftk;
mod policer;
mod queues;
mod ratio;
mod reno;
mod sawtooth;
mod slow_start;
mod timers;

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
    Topic { name: "codel", title: "when CoDel drops", checks: codel::checks },
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
    Topic {
        name: "fall-floyd",
        title: "Tahoe, Reno, NewReno and SACK with one to four losses",
        checks: fall_floyd::checks,
    },
    Topic { name: "cubic", title: "CUBIC's response function", checks: cubic::checks },
    Topic { name: "pftk", title: "PFTK, TFRC and short transfers", checks: pftk::checks },
    Topic { name: "timers", title: "timeouts and loss thresholds", checks: timers::checks },
    Topic { name: "slow-start", title: "round trips of slow start", checks: slow_start::checks },
    Topic { name: "reno", title: "the shipped NewReno", checks: reno::checks },
];
