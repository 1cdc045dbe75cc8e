//! towline with message channels, one for each lane: the endpoint that ships.

use super::contender::{
    CLIENT, Contender, End, Message, Packets, Place, Probe, SERVER, Setup, peer_of,
};
use super::lanes::{Lane, carries};
use super::stream::Framing;
use super::workload::{self, Traffic, Workload};
use crate::connection::{self, ChannelConfig, Connection};
use crate::endpoint::{Config, ConnectionEvent, Datagram, Endpoint, Event, Handle};
use crate::rng::Rng;
use crate::sim::{App, Host, Node, Outbox};
use crate::stream::{Delivery, Overflow, Priority, RecvError};
use crate::time::Instant;
use crate::wire::{ChannelId, Ecn, Side, StreamId};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// towline, each lane on a channel of its own.
#[derive(Clone, Debug)]
pub struct TowlineChannels {
    name: &'static str,
    title: &'static str,
    /// One for all lanes, or what fits each.
    channel: Option<ChannelConfig>,
    config: connection::Config,
}

impl TowlineChannels {
    /// One kind of channel for all lanes, with these settings on both sides.
    pub const fn new(
        name: &'static str,
        title: &'static str,
        channel: ChannelConfig,
        config: connection::Config,
    ) -> Self {
        Self { name, title, channel: Some(channel), config }
    }

    /// All lanes on one connection, each with the delivery that fits it
    /// ([`Lane::fitting`](super::Lane::fitting)); what somebody waits for goes before files.
    pub const fn fitted(
        name: &'static str,
        title: &'static str,
        config: connection::Config,
    ) -> Self {
        Self { name, title, channel: None, config }
    }

    fn delivery(&self, lane: &workload::Lane) -> Delivery {
        self.channel.map_or_else(|| lane.fitting(), |channel| channel.delivery)
    }

    /// What carries this lane's messages; of [`Delivery::Stream`] it is a stream of the lane's own.
    pub fn channel(&self, lane: &workload::Lane) -> ChannelConfig {
        let delivery = self.delivery(lane);
        let priority = Priority { level: level(&lane.traffic), ..Priority::default() };
        let fitted = ChannelConfig { priority, ..ChannelConfig::new(delivery) };
        let mut config = self.channel.unwrap_or(fitted);
        if lane.traffic.is_heap() {
            // A file's sender waits for room: what is thrown away before it is sent would tell
            // nothing about the network.
            config.overflow = Overflow::Block;
            config.max_queue_delay = None;
        }
        config
    }

    /// The settings of both sides.
    pub const fn config(&self) -> &connection::Config {
        &self.config
    }
}

/// Who goes first where lanes share a connection: states, then what people wait for, then files.
const fn level(traffic: &Traffic) -> u8 {
    match traffic {
        Traffic::Steady { .. } => 2,
        Traffic::Chatter { .. } | Traffic::Exchange { .. } => 3,
        Traffic::Bulk { .. } | Traffic::Greedy { .. } => 5,
    }
}

impl Contender for TowlineChannels {
    fn name(&self) -> &str {
        self.name
    }

    fn title(&self) -> &str {
        self.title
    }

    fn refuses(&self, workload: &Workload) -> Option<String> {
        let lane = workload.lanes.iter().find(|lane| {
            let is_heap = lane.traffic.is_heap();
            is_heap && self.delivery(lane) == Delivery::Latest
        })?;
        let name = &lane.name;
        Some(format!("what newer messages make up for, and lane \"{name}\" is a file"))
    }

    fn adapts(&self) -> bool {
        self.config.redundancy != connection::Redundancy::Off
    }

    fn ends(&self, setup: &Setup<'_>) -> [Box<dyn End>; 2] {
        [Side::Client, Side::Server].map(|side| {
            let is_listening = side == Side::Server;
            let connection = self.config.clone();
            let config = Config { connection, is_listening, ..Config::default() };
            let mut rng = Rng::from_u64(setup.seed);
            let [client, server] = [rng.fork(), rng.fork()];
            let rng = if side == Side::Client { client } else { server };
            let lanes = setup.workload.lanes.iter().map(|lane| Lane::new(self.channel(lane)));
            let app = Messages {
                side,
                connection: None,
                lanes: lanes.collect(),
                channels: Vec::new(),
                streams: Vec::new(),
                ready: VecDeque::new(),
                closed: None,
            };
            let node = Node::new(Endpoint::new(config, rng), app);
            Box::new(ChannelEnd { node, side, outbox: Outbox::default() }) as Box<dyn End>
        })
    }
}

/// The application below the messages: it connects or accepts, opens channels, sends and receives.
#[derive(Debug)]
struct Messages {
    side: Side,
    connection: Option<Handle>,
    lanes: Vec<Lane>,
    /// The channels and the streams that the other side opened.
    channels: Vec<ChannelId>,
    streams: Vec<(StreamId, Framing)>,
    ready: VecDeque<Vec<u8>>,
    closed: Option<String>,
}

impl App for Messages {
    fn on_event(&mut self, _: Instant, endpoint: &mut Endpoint, event: Event) {
        if let Event::Connection(handle, ConnectionEvent::Closed) = event {
            let ended = endpoint.connection(handle).and_then(|c| c.ended().cloned());
            self.closed = Some(format!("the connection ended: {ended:?}"));
        }
    }

    fn work(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        if self.connection.is_none() {
            self.connection = match self.side {
                Side::Client => endpoint.connect(now, SERVER).ok(),
                Side::Server => endpoint.accept(),
            };
            // The client's endpoint then has something to send.
            if self.side == Side::Client {
                return self.connection.is_some();
            }
        }
        let Some(handle) = self.connection else { return false };
        // To look at a connection is cheap, to get hold of it makes it be polled.
        let Some(connection) = endpoint.connection_mut(handle).filter(|c| !c.is_connecting())
        else {
            return false;
        };
        let mut did = false;
        for lane in &mut self.lanes {
            match lane.work(now, connection) {
                Ok(did_some) => did |= did_some,
                Err(error) => {
                    self.closed.get_or_insert_with(|| format!("a message was refused: {error}"));
                    return did;
                }
            }
        }
        did |= self.receive(connection);
        did
    }
}

impl Messages {
    fn receive(&mut self, connection: &mut Connection) -> bool {
        let mut did = false;
        self.channels.extend(std::iter::from_fn(|| connection.accept_channel()));
        for id in &self.channels {
            loop {
                match connection.recv_vec(*id) {
                    Ok((_, message)) => self.ready.push_back(message),
                    Err(RecvError::Gap { .. }) => {}
                    Err(_) => break,
                }
                did = true;
            }
        }
        let streams = connection.streams();
        let opened = std::iter::from_fn(|| streams.accept());
        self.streams.extend(opened.map(|id| (id, Framing::default())));
        let mut buf = [0; 16 * 1024];
        for (id, framing) in &mut self.streams {
            while let Ok(bytes) = streams.read(*id, &mut buf)
                && bytes > 0
            {
                framing.on_read(buf.get(..bytes).unwrap_or_default());
                did = true;
            }
            self.ready.extend(std::iter::from_fn(|| framing.pop()));
        }
        did
    }
}

/// One side of a connection with channels.
#[derive(Debug)]
struct ChannelEnd {
    node: Node<Messages>,
    side: Side,
    outbox: Outbox,
}

impl End for ChannelEnd {
    fn send(&mut self, _: Instant, message: Message<'_>) -> Place {
        let lane = self.node.app.lanes.get_mut(usize::from(message.lane));
        // A workload's messages belong to its lanes.
        lane.map_or(Place { space: 0, range: 0..1 }, |lane| lane.push(message.lane, message.bytes))
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
        for packet in self.outbox.take() {
            let carries = carries(&mut self.node.app.lanes, &packet.datagram);
            out.send_to(packet.to, packet.datagram, carries);
        }
        deadline
    }

    fn recv(&mut self) -> Option<Vec<u8>> {
        self.node.app.ready.pop_front()
    }

    fn faults(&self) -> Vec<String> {
        self.node.faults.iter().chain(&self.node.app.closed).cloned().collect()
    }

    fn backlog(&self) -> usize {
        self.node.app.lanes.iter().map(Lane::backlog).sum()
    }

    fn probe(&self) -> Option<Probe> {
        let handle = self.node.app.connection?;
        self.node.endpoint.connection(handle).map(Probe::of)
    }
}
