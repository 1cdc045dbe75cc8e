//! towline with one stream, and messages on it behind their lengths: the endpoint that ships.

use super::contender::{
    CLIENT, Contender, End, Message, Packets, Piece, Place, Probe, SERVER, Setup, peer_of,
};
use super::packet;
use crate::connection;
use crate::endpoint::{Config, ConnectionEvent, Datagram, Endpoint, Event, Handle};
use crate::rng::Rng;
use crate::sim::{App, Host, Node, Outbox};
use crate::stream::ReadError;
use crate::time::Instant;
use crate::wire::{Ecn, Frame, Reader, Side, StreamId, Writer};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// The longest length in front of a message.
const MAX_PREFIX: usize = 8;

/// towline, as one stream.
#[derive(Clone, Debug)]
pub struct TowlineStream {
    config: connection::Config,
}

impl Default for TowlineStream {
    /// As it ships, but that small writes go out at once.
    fn default() -> Self {
        let mut config = connection::Config::default();
        config.streams.nodelay = true;
        Self { config }
    }
}

impl TowlineStream {
    /// With these settings on both sides.
    pub const fn with(config: connection::Config) -> Self {
        Self { config }
    }

    pub(super) fn stream_ends(&self, setup: &Setup<'_>) -> [StreamEnd; 2] {
        [Side::Client, Side::Server].map(|side| StreamEnd::new(side, &self.config, setup.seed))
    }
}

impl Contender for TowlineStream {
    fn name(&self) -> &'static str {
        "stream"
    }

    fn title(&self) -> &'static str {
        "towline stream"
    }

    fn ends(&self, setup: &Setup<'_>) -> [Box<dyn End>; 2] {
        self.stream_ends(setup).map(|end| Box::new(end) as Box<dyn End>)
    }
}

/// Messages on a byte stream, each behind its length: what is to be written, and what was read.
#[derive(Debug, Default)]
pub struct Framing {
    outgoing: VecDeque<u8>,
    written: u64,
    incoming: Vec<u8>,
    ready: VecDeque<Vec<u8>>,
}

impl Framing {
    /// Queues a message; returns which bytes of the stream it and its length will be.
    pub fn push(&mut self, message: &[u8]) -> Place {
        let start = self.written + self.outgoing.len() as u64;
        let mut prefix = Vec::with_capacity(MAX_PREFIX);
        Writer::new(&mut prefix, MAX_PREFIX).varint(message.len() as u64);
        self.outgoing.extend(prefix);
        self.outgoing.extend(message);
        Place { space: 0, range: start..self.written + self.outgoing.len() as u64 }
    }

    /// What is to be written next; empty if there is nothing.
    pub fn unwritten(&self) -> &[u8] {
        self.outgoing.as_slices().0
    }

    /// How many bytes the stream has not taken yet.
    pub fn backlog(&self) -> usize {
        self.outgoing.len()
    }

    /// How many bytes the stream has taken.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// The stream has taken so many bytes.
    pub fn on_written(&mut self, bytes: usize) {
        let bytes = bytes.min(self.outgoing.len());
        self.outgoing.drain(..bytes);
        self.written += bytes as u64;
    }

    /// These bytes came next.
    pub fn on_read(&mut self, bytes: &[u8]) {
        self.incoming.extend(bytes);
        let mut reader = Reader::new(&self.incoming);
        let mut end = 0;
        while let Ok(message) = reader.prefixed("message") {
            self.ready.push_back(message.to_vec());
            end = reader.at();
        }
        self.incoming.drain(..end);
    }

    /// The next whole message.
    pub fn pop(&mut self) -> Option<Vec<u8>> {
        self.ready.pop_front()
    }
}

/// The application below the messages: it connects or accepts, writes and reads.
#[derive(Debug)]
struct Messages {
    /// Whom to connect to.
    server: Option<SocketAddr>,
    connection: Option<Handle>,
    framing: Framing,
    closed: Option<String>,
}

impl Messages {
    /// Returns whether it has connected: the endpoint then has something to send.
    fn begin(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        if let Some(server) = self.server.take() {
            self.connection = endpoint.connect(now, server).ok();
            return true;
        }
        if self.connection.is_none() {
            self.connection = endpoint.accept();
        }
        false
    }
}

impl App for Messages {
    fn on_event(&mut self, _: Instant, endpoint: &mut Endpoint, event: Event) {
        if let Event::Connection(handle, ConnectionEvent::Closed) = event {
            let ended = endpoint.connection(handle).and_then(|c| c.ended().cloned());
            self.closed = Some(format!("the connection ended: {ended:?}"));
        }
    }

    fn work(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        if self.begin(now, endpoint) {
            return true;
        }
        let Some(handle) = self.connection else { return false };
        // To look at a connection is cheap, to get hold of it makes it be polled.
        let Some(connection) = endpoint.connection_mut(handle).filter(|c| !c.is_connecting())
        else {
            return false;
        };
        let streams = connection.streams();
        let mut did = false;
        while !self.framing.unwritten().is_empty()
            && let Ok(bytes) = streams.write(StreamId::ZERO, self.framing.unwritten())
        {
            self.framing.on_written(bytes);
            did = true;
        }
        let mut buf = [0; 16 * 1024];
        loop {
            match streams.read(StreamId::ZERO, &mut buf) {
                Ok(bytes) if bytes > 0 => {
                    self.framing.on_read(buf.get(..bytes).unwrap_or_default());
                    did = true;
                }
                Ok(_) | Err(ReadError::Blocked | _) => return did,
            }
        }
    }
}

/// One side of a connection with one stream.
#[derive(Debug)]
pub(super) struct StreamEnd {
    node: Node<Messages>,
    side: Side,
    outbox: Outbox,
}

impl StreamEnd {
    fn new(side: Side, config: &connection::Config, seed: u64) -> Self {
        let is_listening = side == Side::Server;
        let endpoint = Config { connection: config.clone(), is_listening, ..Config::default() };
        let mut rng = Rng::from_u64(seed);
        let [client, server] = [rng.fork(), rng.fork()];
        let rng = if side == Side::Client { client } else { server };
        let app = Messages {
            server: (side == Side::Client).then_some(SERVER),
            connection: None,
            framing: Framing::default(),
            closed: None,
        };
        let node = Node::new(Endpoint::new(endpoint, rng), app);
        Self { node, side, outbox: Outbox::default() }
    }
}

impl StreamEnd {
    /// The other end's address, as long as it has not moved.
    pub(super) const fn peer(&self) -> SocketAddr {
        peer_of(self.side)
    }
}

impl End for StreamEnd {
    fn send(&mut self, _: Instant, message: Message<'_>) -> Place {
        self.node.app.framing.push(message.bytes)
    }

    fn handle(&mut self, now: Instant, datagram: &mut [u8]) {
        self.handle_from(now, peer_of(self.side), datagram);
    }

    fn handle_from(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) {
        let to = if self.side == Side::Client { CLIENT } else { SERVER };
        let data = Datagram { from, to: Some(to.ip()), ecn: Ecn::NotEct, data: datagram };
        self.node.endpoint.handle(now, data);
    }

    fn poll(&mut self, now: Instant, out: &mut Packets) -> Option<Instant> {
        let deadline = self.node.poll(now, &mut self.outbox);
        let near = self.node.app.framing.written;
        for packet in self.outbox.take() {
            let carries = carries(&packet.datagram, near);
            out.send_to(packet.to, packet.datagram, carries);
        }
        deadline
    }

    fn recv(&mut self) -> Option<Vec<u8>> {
        self.node.app.framing.pop()
    }

    fn faults(&self) -> Vec<String> {
        self.node.faults.iter().chain(&self.node.app.closed).cloned().collect()
    }

    fn backlog(&self) -> usize {
        self.node.app.framing.backlog()
    }

    fn probe(&self) -> Option<Probe> {
        let handle = self.node.app.connection?;
        self.node.endpoint.connection(handle).map(Probe::of)
    }
}

/// The stream bytes in one of our own packets; `near` is an offset close to theirs.
fn carries(datagram: &[u8], near: u64) -> Vec<Piece> {
    let stream = |frame| match frame {
        Ok(Frame::Stream(frame)) if !frame.data.is_empty() => {
            let start = frame.offset.expand(near);
            Some(Piece::data(frame.id.0, start..start + frame.data.len() as u64))
        }
        _ => None,
    };
    packet::frames(datagram).into_iter().flatten().filter_map(stream).collect()
}
