//! The scenarios with towline's types.

use towline::{Listener as TcpListener, Stream as TcpStream};

/// Whether an address is free for a new listener while connections of an old one are still there.
const REBINDS: bool = false;

#[path = "scenarios/mod.rs"]
mod scenarios;
