//! towline: TCP's guarantees over plain UDP, as many or as few of them as each piece of data needs.
//!
//! ```
//! # #[cfg(feature = "net")]
//! # fn main() -> std::io::Result<()> {
//! use std::io::{Read, Write};
//! use towline::{Listener, Stream};
//!
//! let listener = Listener::bind("127.0.0.1:0")?;
//! let mut client = Stream::connect(listener.local_addr()?)?;
//! client.write_all(b"over UDP")?;
//! client.shutdown(std::net::Shutdown::Write)?;
//! let mut text = String::new();
//! listener.accept()?.0.read_to_string(&mut text)?;
//! assert_eq!(text, "over UDP");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "net"))]
//! # fn main() {}
//! ```
//!
//! # The picture
//!
//! Every machine below the driver is a plain struct with two verbs, `handle` and `poll`. None owns a
//! socket, a thread, a clock or a lock, so the same code runs over a real socket, in virtual time and
//! under a fuzzer.
//!
//! ```text
//!   your program      Channel, Stream, Listener, Connection        your simulation
//!        |                            |                                  |
//!   +----+----------------------------+---+              +---------------+---------------+
//!   | driver: socket, clock, threads      |              | sim: a network in virtual time |
//!   +----+----------------------------+---+              +---------------+---------------+
//!        | handle(now, datagram)      ^ poll(now, buf) -> Transmit | Event | Idle(when)
//!   +----v----------------------------+-----------------------------------------------+
//!   | endpoint: many peers on one socket                                              |
//!   |   connection: one peer                                                          |
//!   |     recovery: when to send          stream: what to send                        |
//!   |                     wire: bytes <-> packets and frames                          |
//!   +---------------------------------------------------------------------------------+
//! ```
//!
//! # The modules
//!
//! | module | its one job |
//! |---|---|
//! | `driver` (feature `net`, default) | blocking sockets like `std::net`'s: `Listener`, `Stream`, `Connection`, `Channel` |
//! | [`endpoint`] | the core: who a datagram is for, who may connect, who is polled next |
//! | [`connection`] | one peer: handshake, receiving, sending, timers, closing; settings and statistics |
//! | [`recovery`] | round trips, loss detection, pacing, congestion control |
//! | [`stream`] | send buffers, reassembly, credit |
//! | [`wire`] | the format |
//! | [`impair`] | a bad network for datagrams, for the simulator and for relays |
//! | `sim` (feature `sim`) | a network in virtual time, with the shipped endpoint on its hosts |
//! | [`time`], [`rng`], [`ranges`] | an instant, the seeded generator, a set of ranges |
//!
//! The feature `cli` builds the command line `towline`.

pub mod connection;
#[cfg(feature = "net")]
pub mod driver;
pub mod endpoint;
pub mod impair;
pub mod ranges;
pub mod recovery;
pub mod rng;
#[cfg(feature = "sim")]
pub mod sim;
pub mod stream;
pub mod time;
pub mod wire;

#[cfg(feature = "net")]
pub use driver::{
    Channel, Connection, Endpoint, Incoming, Interface, IntoIncoming, Listener, Stream, channel,
};

pub use connection::{ChannelConfig, SendOptions};
pub use stream::Delivery;

/// The examples of the README, which are tests.
#[cfg(all(doctest, feature = "net"))]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// The examples of the page on channels, which are tests.
#[cfg(all(doctest, feature = "net"))]
#[doc = include_str!("../docs/CHANNELS.md")]
pub struct Channels;

/// The example of the page on the simulator, which is a test.
#[cfg(all(doctest, feature = "sim"))]
#[doc = include_str!("../docs/SIMULATOR.md")]
pub struct Simulator;
