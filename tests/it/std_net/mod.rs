//! What programs rely on that were written for `std::net::{TcpListener, TcpStream}`.
//!
//! `scenarios` is compiled twice, with std's types and with ours under std's names: so each scenario is
//! known to mean what std does. What towline has besides, or does otherwise on purpose, is in `own.rs`:
//! - `shutdown(Read)` discards what has arrived and what comes; Linux TCP still gives it to readers.
//! - Dropping a stream that has unread data is an orderly end for the peer; TCP resets.
//! - An error is told to every call; TCP tells it once, and then reads as ended.
//! - `accept` may give connections in another order than that in which `connect` has returned.
//! - `set_linger` is not stable in std.
//! - Port 0 is no address to connect to: `InvalidInput`. Linux TCP says `ConnectionRefused`.
#![expect(clippy::duplicate_mod, reason = "the same scenarios run over both")]

mod children;
mod document;
mod drops;
mod own;
mod tcp;
mod udp;
