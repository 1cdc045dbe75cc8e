//! towline with message channels, one for each lane: the endpoint that ships.

use super::contender::{
    CLIENT, Contender, End, Message, Packets, Piece, Place, Role, SERVER, Setup, peer_of,
};
use crate::connection::{self, ChannelConfig, SendOptions};
use crate::endpoint::{Config, ConnectionEvent, Datagram, Endpoint, Event, Handle};
use crate::rng::Rng;
use crate::sim::{App, Host, Node, Outbox};
use crate::stream::{RecvError, SendError};
use crate::time::Instant;
use crate::wire::{
    ChannelId, Ecn, Frame, Frames, Header, MessageFrame, Opening, ParityFrame, Reader, Side,
};
use std::collections::{BTreeMap, VecDeque};

/// Bytes of the checksum at a packet's end.
const TRAILER: usize = 4;
/// Lanes are the upper part of a space's number, messages the lower.
const NUMBER_BITS: u32 = 48;

/// towline, with message channels of one delivery.
#[derive(Clone, Debug)]
pub struct TowlineChannels {
    name: &'static str,
    title: &'static str,
    channel: ChannelConfig,
    config: connection::Config,
}

impl TowlineChannels {
    /// With these settings on both sides.
    pub const fn new(
        name: &'static str,
        title: &'static str,
        channel: ChannelConfig,
        config: connection::Config,
    ) -> Self {
        Self { name, title, channel, config }
    }
}

impl Contender for TowlineChannels {
    fn name(&self) -> &str {
        self.name
    }

    fn title(&self) -> &str {
        self.title
    }

    fn ends(&self, setup: &Setup<'_>) -> [Box<dyn End>; 2] {
        let lanes = setup.workload.lanes.len();
        [Side::Client, Side::Server].map(|side| {
            let is_listening = side == Side::Server;
            let connection = self.config.clone();
            let config = Config { connection, is_listening, ..Config::default() };
            let mut rng = Rng::from_u64(setup.seed);
            let [client, server] = [rng.fork(), rng.fork()];
            let rng = if side == Side::Client { client } else { server };
            let lanes = (0..lanes).map(|_| Lane::default()).collect();
            let app = Messages {
                side,
                channel: self.channel,
                connection: None,
                lanes,
                incoming: Vec::new(),
                ready: VecDeque::new(),
                closed: None,
            };
            let node = Node::new(Endpoint::new(config, rng), app);
            Box::new(ChannelEnd { node, side, outbox: Outbox::default() }) as Box<dyn End>
        })
    }
}

/// A lane's messages on the way out.
#[derive(Debug, Default)]
struct Lane {
    /// Known once the connection is there.
    id: Option<ChannelId>,
    waiting: VecDeque<Vec<u8>>,
    /// How many messages there were.
    count: u64,
    /// The number behind the highest one that was in a packet.
    sent: u64,
}

/// The application below the messages: it connects or accepts, opens channels, sends and receives.
#[derive(Debug)]
struct Messages {
    side: Side,
    channel: ChannelConfig,
    connection: Option<Handle>,
    lanes: Vec<Lane>,
    /// The channels that the other side opened.
    incoming: Vec<ChannelId>,
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
        }
        let Some(handle) = self.connection else { return false };
        // To look at a connection is cheap, to get hold of it makes it be polled.
        let Some(connection) = endpoint.connection_mut(handle).filter(|c| !c.is_connecting())
        else {
            return false;
        };
        let mut did = false;
        for lane in &mut self.lanes {
            if lane.id.is_none() {
                lane.id = connection.open_channel(&self.channel).ok();
                did = true;
            }
            let Some(id) = lane.id else { continue };
            while let Some(message) = lane.waiting.front() {
                match connection.send(now, id, message, &SendOptions::default()) {
                    Ok(_) => did |= lane.waiting.pop_front().is_some(),
                    Err(SendError::Blocked) => break,
                    Err(error) => {
                        self.closed
                            .get_or_insert_with(|| format!("a message was refused: {error}"));
                        return did;
                    }
                }
            }
        }
        self.incoming.extend(std::iter::from_fn(|| connection.accept_channel()));
        for id in &self.incoming {
            loop {
                match connection.recv_vec(*id) {
                    Ok((_, message)) => self.ready.push_back(message),
                    Err(RecvError::Gap { .. }) => {}
                    Err(_) => break,
                }
                did = true;
            }
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
        let len = message.bytes.len().max(1) as u64;
        let Some(lane) = self.node.app.lanes.get_mut(usize::from(message.lane)) else {
            return Place { space: 0, range: 0..len };
        };
        let number = lane.count;
        lane.count += 1;
        lane.waiting.push_back(message.bytes.to_vec());
        Place { space: space(message.lane.into(), number), range: 0..len }
    }

    fn handle(&mut self, now: Instant, datagram: &mut [u8]) {
        let from = peer_of(self.side);
        let to = if self.side == Side::Client { CLIENT } else { SERVER };
        let data = Datagram { from, to: Some(to.ip()), ecn: Ecn::NotEct, data: datagram };
        self.node.endpoint.handle(now, data);
    }

    fn poll(&mut self, now: Instant, out: &mut Packets) -> Option<Instant> {
        let deadline = self.node.poll(now, &mut self.outbox);
        for packet in self.outbox.take() {
            let carries = self.node.app.carries(&packet.datagram);
            out.send(packet.datagram, carries);
        }
        deadline
    }

    fn recv(&mut self) -> Option<Vec<u8>> {
        self.node.app.ready.pop_front()
    }

    fn faults(&self) -> Vec<String> {
        self.node.faults.iter().chain(&self.node.app.closed).cloned().collect()
    }
}

const fn space(lane: u64, number: u64) -> u64 {
    lane << NUMBER_BITS | number
}

impl Messages {
    /// The messages in one of our own packets.
    fn carries(&mut self, datagram: &[u8]) -> Vec<Piece> {
        let Ok((header, header_len)) = Header::decode(datagram) else { return Vec::new() };
        let end = datagram.len().checked_sub(TRAILER);
        let body = end.and_then(|end| datagram.get(header_len..end));
        let mut body = Reader::new(body.unwrap_or_default());
        match header {
            Header::Data(_) => {}
            Header::Ack(_) if Opening::decode(&mut body).is_ok() => {}
            _ => return Vec::new(),
        }
        let lanes = self.lanes.iter().zip(0..);
        let lanes: BTreeMap<_, u64> = lanes.filter_map(|(lane, n)| Some((lane.id?, n))).collect();
        let mut pieces = Vec::new();
        let mut has_news = false;
        for frame in Frames::new(body.rest()) {
            match frame {
                Ok(Frame::Message(frame)) => {
                    pieces.extend(self.message(&lanes, &frame, &mut has_news));
                }
                Ok(Frame::Parity(frame)) => self.parity(&lanes, &frame, &mut pieces),
                _ => {}
            }
        }
        pieces
    }

    /// What stands behind a new message and is older is a copy: what was lost stands in front.
    fn message(
        &mut self,
        lanes: &BTreeMap<ChannelId, u64>,
        frame: &MessageFrame<'_>,
        has_news: &mut bool,
    ) -> Option<Piece> {
        let n = *lanes.get(&frame.id)?;
        let lane = self.lanes.get_mut(n as usize)?;
        let number = frame.number.expand(lane.sent);
        let offset = frame.part.map_or(0, |part| part.offset);
        let range = offset..offset + frame.data.len().max(1) as u64;
        let is_copy = *has_news && number + 1 < lane.sent;
        *has_news |= number >= lane.sent;
        lane.sent = lane.sent.max(number + 1);
        let role = if is_copy { Role::Copy } else { Role::Data };
        Some(Piece { place: Place { space: space(n, number), range }, role })
    }

    fn parity(
        &self,
        lanes: &BTreeMap<ChannelId, u64>,
        frame: &ParityFrame<'_>,
        pieces: &mut Vec<Piece>,
    ) {
        let Some((n, lane)) =
            lanes.get(&frame.id).and_then(|n| Some((*n, self.lanes.get(*n as usize)?)))
        else {
            return;
        };
        let newest = frame.number.expand(lane.sent);
        let others = (0..8).filter(|bit| frame.others >> bit & 1 == 1);
        let members =
            std::iter::once(newest).chain(others.filter_map(|bit| newest.checked_sub(1 + bit)));
        pieces.extend(members.map(|number| Piece {
            place: Place { space: space(n, number), range: 0..frame.data.len() as u64 },
            role: Role::Parity,
        }));
    }
}
