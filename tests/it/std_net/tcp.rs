//! The scenarios with the standard library's types.

use std::net::{TcpListener, TcpStream};

/// Whether an address is free for a new listener while connections of an old one are still there.
const REBINDS: bool = true;

#[path = "scenarios/mod.rs"]
mod scenarios;
