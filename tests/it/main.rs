//! Everything that needs more than one module: endpoints in virtual time, drivers, the command line.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on panics; `expect` finds none where all is off"
)]

mod adversary;
mod blackout;
mod bulk;
#[cfg(feature = "net")]
mod channel;
#[cfg(feature = "cli")]
mod cli;
mod close;
#[cfg(feature = "cli")]
mod compare;
mod damage;
mod determinism;
#[cfg(feature = "net")]
mod driver;
#[cfg(feature = "net")]
mod examples;
mod handshake;
mod messages;
mod net;
#[cfg(feature = "net")]
mod plain;
mod reorder;
#[cfg(feature = "cli")]
mod sim_cli;
#[cfg(feature = "cli")]
mod sim_page;
#[cfg(feature = "net")]
mod std_net;
mod swarm;
mod talk;
mod thin;
