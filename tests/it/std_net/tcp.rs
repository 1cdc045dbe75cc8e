//! The scenarios with the standard library's types.

use std::net::{TcpListener, TcpStream};

#[path = "scenarios/mod.rs"]
mod scenarios;
