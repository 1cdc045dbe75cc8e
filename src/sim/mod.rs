//! A network in virtual time, for any code that takes datagrams in and gives datagrams out.
//!
//! A [`World`] holds hosts and the links between them. Nothing in it has a clock, a socket or a
//! thread: time jumps from one event to the next, so an hour of silence costs nothing, and the
//! seed and the hosts decide the whole run. [`World::trace_hash`] proves that two runs were one.
//!
//! ```text
//!   host.poll(now, out) --> [ Link ] --> ... --> [ Link ] --> host.handle(now, .., datagram)
//!     ^   |     a path: one link or several, shared or not        |
//!     |   +-- Some(t): poll me again at t                         |
//!     +------------ polled after whatever it was handed <---------+
//! ```
//!
//! A host that answers everything, 25 ms away:
//!
//! ```
//! use std::net::SocketAddr;
//! use towline::impair::LinkConfig;
//! use towline::sim::{Host, Outbox, Outcome, World};
//! use towline::time::{Duration, Instant};
//! use towline::wire::Ecn;
//!
//! #[derive(Default)]
//! struct Echo(Vec<(SocketAddr, Vec<u8>)>);
//!
//! impl Host for Echo {
//!     fn handle(&mut self, _: Instant, from: SocketAddr, _: SocketAddr, _: Ecn, d: &mut [u8]) {
//!         self.0.push((from, d.to_vec()));
//!     }
//!     fn poll(&mut self, _: Instant, out: &mut Outbox) -> Option<Instant> {
//!         self.0.drain(..).for_each(|(to, bytes)| out.send(to, Ecn::NotEct, &bytes));
//!         None
//!     }
//! }
//!
//! let mut world = World::new(1);
//! let (here, there) = ("10.0.0.1:1".parse()?, "10.0.0.2:2".parse()?);
//! let (a, b) = (world.add(Echo::default(), here), world.add(Echo::default(), there));
//! let link = LinkConfig { delay: Duration::from_millis(25), ..LinkConfig::default() };
//! world.connect_hosts(a, b, link.clone(), link)?;
//! world.send_as(a, here, there, Ecn::NotEct, b"hello".to_vec());
//! let outcome = world.run_until(Instant::from_millis(1000), |world| world.packets() == 5);
//! assert_eq!((outcome, world.now()), (Outcome::Done, Instant::from_millis(100)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | file | its one concept |
//! |---|---|
//! | `world.rs` | [`World`]: what happens next, to whom, and when to stop |
//! | `host.rs` | [`Host`], the two verbs of whatever is simulated; [`Outbox`] |
//! | `node.rs` | [`Node`]: the shipped endpoint as a host, and an [`App`] on top of it |
//! | `transfer.rs` | [`Transfer`]: an application that moves bytes and checks each of them |
//! | `messages.rs` | [`Messages`]: an application that sends messages of every mode and checks each of them |
//! | `topology.rs` | addresses, links and the paths over them |
//! | `schedule.rs` | the events to come, in order of time and then of their making |
//! | [`lab`] | an application's own message handlers over a bad network, in a test |
//! | [`scene`] | many flows of any modes over shared links, with cross traffic and samples |
//! | [`compare`] | one workload through several modes of delivery |
//! | [`arq`] | stop-and-wait, go-back-N and selective repeat, for teaching |
//! | [`profiles`] | networks by name: a DSL line, a train, a satellite |
//! | [`tcp`] | Tahoe, Reno, NewReno and SACK, for teaching |
//! | [`validate`] | the simulator against published and derived numbers |
//! | `tap.rs` | [`PacketEvent`]: what an observer of the network sees; the trace hash; recordings |
//!
//! At one instant, everything that arrives is handed over first, in the order in which it was
//! sent; then the hosts concerned are polled, in the order in which they were concerned.

pub mod arq;
pub mod compare;
mod host;
pub mod lab;
mod messages;
mod node;
pub mod profiles;
pub mod scene;
mod schedule;
mod tap;
pub mod tcp;
mod topology;
mod transfer;
pub mod validate;
mod world;

pub use host::{Host, HostId, Outbox};
pub use messages::{
    Accepted, Arrived, Beside, Conversation, MessagePlan, MessageReader, MessageSender, Messages,
    Reading, Sending, message_bytes,
};
pub use node::{App, Node};
pub use tap::{Happening, Logged, PacketEvent, Recorded};
pub use topology::LinkId;
pub use transfer::{Closing, Flow, Plan, Received, Transfer, pattern};
pub use world::{Outcome, World};
