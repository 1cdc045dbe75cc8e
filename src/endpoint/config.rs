//! An endpoint's settings: what holds for all of its connections together.

use crate::connection;

/// The settings of an endpoint.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The settings of its connections.
    pub connection: connection::Config,
    /// Whether it takes connections. Default: no.
    pub is_listening: bool,
    /// How many connections wait to be accepted at most; further ones are refused. Default 128.
    pub backlog: usize,
    /// How many connections there are at most; further ones are refused. Default 65,536.
    pub max_connections: usize,
    /// From this much buffered data on, in bytes, receive windows stop growing and new connections
    /// are refused. Default 256 MiB.
    pub max_memory: usize,
    /// Whether plain datagrams go through the same socket, and how much of them may wait each way, in
    /// bytes, each datagram with 64 on top. What is not the protocol's is then given to
    /// [`Endpoint::recv_from`](super::Endpoint::recv_from) and never answered: so a peer whose
    /// connection this host has forgotten gets no RESET, and notices by its user timeout. What finds no
    /// room is dropped and counted. Default: none.
    pub plain: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connection: connection::Config::default(),
            is_listening: false,
            backlog: 128,
            max_connections: 65_536,
            max_memory: 256 << 20,
            plain: None,
        }
    }
}
