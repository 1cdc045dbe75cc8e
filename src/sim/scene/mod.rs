//! Whole networks: many flows of any modes over shared links, cross traffic, and what happens to
//! them on the way; with samples of all that changes.
//!
//! ```text
//!   Flow 0: Contender, Workload --\                       /--> Flow 0
//!   Flow 1: ...  own access link --[ shared links, queues ]--> Flow 1
//!   Cross traffic -----------------/                      \--> nobody
//!
//!   Scene --run--> SceneRecord: of each flow a Record and samples, of each link counts and samples
//! ```
//!
//! A [`Scene`] is data and a seed, and those two are the whole input: equal scenes give equal
//! records, and [`SceneRecord::trace_hash`] proves it. Every link, flow and source of cross traffic
//! draws from dice of its own, by its place in the scene: what one of them does moves no other's.
//!
//! | file | its one concept |
//! |---|---|
//! | `spec.rs` | [`Scene`] and its parts: the description |
//! | `shape.rs` | [`Shape`]: pair, dumbbell, parking lot, star: which links a flow crosses |
//! | `record.rs` | [`SceneRecord`]: what happened |
//! | `run.rs` | [`run`]: from one to the other |
//! | `member.rs` | an end of a flow as a host with an address of its own, behind a NAT or not |
//! | `skew.rs` | a clock that runs fast or slow |
//! | `cross.rs` | sources of packets that heed nothing |

mod cross;
mod member;
mod record;
mod run;
mod shape;
mod skew;
mod spec;

#[cfg(test)]
mod tests;

pub use record::{FlowRecord, FlowSample, LinkRecord, LinkSample, SceneRecord, jain};
pub use run::run;
pub use shape::Shape;
pub use spec::{Change, Cross, Event, Flow, Pattern, Route, Scene, SceneError, SceneLink};
