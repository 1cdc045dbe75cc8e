//! The connection type, until the driver is there.

pub(crate) use std::net::{TcpListener as Listener, TcpStream as Stream};
