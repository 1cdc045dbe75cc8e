//! The scenarios with towline's types.

use towline::{Listener as TcpListener, Stream as TcpStream};

#[path = "scenarios/mod.rs"]
mod scenarios;
