//! The four TCPs of Fall and Floyd (1996), for teaching: one bulk transfer over a slow link, with
//! the losses one names, and everything that a time-sequence picture needs.
//!
//! ```text
//!              on the third duplicate acknowledgement    then, until ...
//!   Tahoe      window = 1, start again at the loss       slow start reaches half the window
//!   Reno       halve, repeat the loss                    ... anything new is acknowledged
//!   NewReno    halve, repeat the loss                    ... all sent so far is acknowledged
//!   SACK       halve, repeat the loss, count the pipe    ... all sent so far is acknowledged
//! ```
//!
//! These are the senders of the books and of ns-2, which count in segments. The library's own
//! recovery is another and better one.
//!
//! Reno does not survive two losses in a window, NewReno needs a round trip for each, and selective
//! acknowledgements repair both at once:
//!
//! ```
//! use towline::sim::tcp::{Config, Network, Variant, run};
//! use towline::time::Instant;
//!
//! let network = Network { drops: [14, 28].into(), ..Network::default() };
//! let timeouts = |variant| {
//!     let config = Config { variant, ..Config::default() };
//!     run(config, &network, Instant::ZERO, Instant::from_millis(5000)).map(|run| run.timeouts)
//! };
//! assert_eq!(timeouts(Variant::Reno)?, 1);
//! assert_eq!(timeouts(Variant::NewReno)?, 0);
//! # Ok::<(), towline::impair::ImpairError>(())
//! ```
//!
//! | file | its one concept |
//! |---|---|
//! | `config.rs` | [`Variant`], [`Config`]: which TCP, and its numbers |
//! | `run.rs` | [`run`]: sender, router and receiver in a [`World`](crate::sim::World) |
//! | `trace.rs` | [`Trace`]: what one transfer did |
//! | `sender.rs` | a sender, and what its variant decides |
//! | `flow.rs` | what all senders have: numbers, window, timer |
//! | `tahoe.rs` | slow start after every loss |
//! | `reno.rs` | fast recovery |
//! | `new_reno.rs` | fast recovery over partial acknowledgements |
//! | `sack.rs` | fast recovery by scoreboard and pipe |
//! | `timer.rs` | the retransmission timer |
//! | `receiver.rs` | the receiver and its blocks |
//! | `segment.rs` | the format |

mod config;
mod flow;
mod new_reno;
mod receiver;
mod reno;
mod run;
mod sack;
mod segment;
mod sender;
mod tahoe;
mod timer;
mod trace;

#[cfg(test)]
mod tests;

pub use config::{Config, Variant};
pub use run::{Network, run};
pub use trace::{Sent, Trace};
