//! A bad network for datagrams, without sockets or a clock: the simulator and the relay of the
//! command line impair their datagrams with the same code.
//!
//! A [`Link`] is one direction. Queueing and propagation are two physics and two structs:
//!
//! ```text
//!   send(now, datagram)                                                       0, 1 or 2 Arrivals
//!        |                                                                             ^
//!        v                                                     down?       lost?       |
//!      [ mtu ] -> [ policer ] -> [ Queue: rate, capacity ] -> [ Line: blackout, loss, duplicate,
//!      larger?     too fast?        full?      too long?        delay, spread, reordering,
//!      Oversize    Policed       Overflowed     Early           truncation, damage ]
//!                                                            BlackedOut   Lost
//! ```
//!
//! | file | its one concept |
//! |---|---|
//! | `config.rs` | [`LinkConfig`]: the description of one direction, and what of it makes sense |
//! | `link.rs` | [`Link`]: queue and line together, [`LinkStats`] |
//! | `policer.rs` | [`Policer`]: a token bucket that drops |
//! | `queue.rs` | [`Queue`]: rate, trace or shaper and drop-tail buffer; when the last bit has left |
//! | `rate_trace.rs` | [`RateTrace`]: when a link may send, in mahimahi's format |
//! | `discipline.rs` | [`Discipline`]: what a queue drops or marks, and what it sends next |
//! | `line.rs` | [`Line`]: what becomes of a datagram on its way |
//! | `loss.rs` | [`Loss`]: independent, bursts per packet or in time, periodic, scripted |
//! | `timing.rs` | [`Reorder`], delay and jitter: when a datagram arrives |
//! | `delay.rs` | [`Spread`]: random delay of a given distribution and correlation |
//! | `damage.rs` | [`Damage`]: which bits arrive flipped |
//! | `blackout.rs` | [`Blackout`]: when nothing passes |
//! | `dice.rs` | a random number for every ordinal, in any order |
//! | `walk.rs` | a Markov process over ordinals, in any order |
//! | `elementary.rs` | logarithm, exponential and normal distribution, the same bits everywhere |
//! | `error.rs` | [`ImpairError`] |
//!
//! Most queues know a datagram's departure when it comes, and [`Link::send`] tells at once. Those that
//! decide at their head (head drop, CoDel, FQ-CoDel) hold it, and [`Link::release`] tells later.
//!
//! What becomes of the n-th datagram depends on the seed, on n and (for bursts in time and for
//! blackouts) on when it enters the line, never on its bytes or on another impairment being on.
//! Behind FQ-CoDel, n counts those that leave the queue.
//! All is arithmetic on integers and IEEE 754 basic operations: a seed means the same everywhere.

mod blackout;
mod config;
mod damage;
mod delay;
pub(crate) mod dice;
mod discipline;
pub(crate) mod elementary;
mod error;
mod line;
mod link;
mod loss;
mod policer;
mod queue;
mod rate_trace;
mod timing;
mod walk;

pub use blackout::Blackout;
pub use config::{LinkConfig, UDP_IP_OVERHEAD};
pub use damage::{Damage, Region};
pub use delay::{DelayTable, Spread};
pub use discipline::{Codel, Discipline, FqCodel, Pie, Red};
pub use error::ImpairError;
pub use line::{Arrival, Arrivals, Fate, Line};
pub use link::{Backlog, Link, LinkStats, Parcel};
pub use loss::Loss;
pub use policer::Policer;
pub use queue::Queue;
pub use rate_trace::{RateTrace, TraceError};
pub use timing::Reorder;
