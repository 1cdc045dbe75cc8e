//! Two hosts that send each other messages, and what has to hold between what one sent and the other read.

use crate::net::{START, client_address, endpoint, endpoint_config, listening, server_address};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use towline::connection::Config;
use towline::impair::LinkConfig;
use towline::sim::{
    Conversation, Happening, HostId, MessagePlan, MessageReader, MessageSender, Messages, Node,
    World,
};
use towline::stream::{Outcome, Streams};
use towline::time::Instant;
use towline::wire::{
    ChannelId, Crc32, Frame, Frames, Header, Integrity, MessageNumber, Mode, Opening, Reader, Side,
};

pub(crate) type TalkNet = World<Node<Messages>>;

/// A client and a server, and the network between them.
pub(crate) struct Talk {
    pub(crate) world: TalkNet,
    pub(crate) client: HostId,
    pub(crate) server: HostId,
}

impl Talk {
    pub(crate) fn new(
        seed: u64,
        config: &Config,
        links: [LinkConfig; 2],
        client: MessagePlan,
        server: MessagePlan,
    ) -> Self {
        let mut world = World::new(seed);
        let client = Messages::client(START, server_address(), client);
        let client = Node::new(endpoint(endpoint_config(config.clone()), seed, 1), client);
        let server =
            Node::new(endpoint(listening(config.clone()), seed, 2), Messages::server(server));
        let client = world.add(client, client_address());
        let server = world.add(server, server_address());
        let [up, down] = links;
        world.connect_hosts(client, server, up, down).expect("valid links");
        Self { world, client, server }
    }

    pub(crate) fn hosts(&self) -> [HostId; 2] {
        [self.client, self.server]
    }

    pub(crate) fn node(&self, id: HostId) -> &Node<Messages> {
        self.world.host(id)
    }

    /// What one side did, once it has a connection.
    pub(crate) fn conversation(&self, id: HostId) -> &Conversation {
        self.node(id).app.conversations.first().expect("a connection")
    }

    pub(crate) fn streams(&mut self, id: HostId) -> &mut Streams {
        let handle = self.conversation(id).handle;
        let node = self.world.host_mut(id);
        node.endpoint.connection_mut(handle).expect("not forgotten").streams()
    }

    /// Whether the client has ended, and neither side remembers anything.
    pub(crate) fn is_over(&self) -> impl Fn(&TalkNet) -> bool + use<> {
        let (client, server) = (self.client, self.server);
        move |world| {
            let both = [client, server].map(|id| world.host(id));
            let ended = both[0].app.conversations.iter().any(|it| it.ended.is_some());
            ended && both.iter().all(|node| node.endpoint.is_empty())
        }
    }

    /// Broken invariants, on either side.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let nodes = self.hosts().map(|id| self.node(id));
        nodes.iter().flat_map(|n| n.faults.iter().chain(n.app.violations())).cloned().collect()
    }

    /// What does not fit between what each side sent and what the other read. `is_complete`, from the
    /// client and from the server: no message is still on its way or in a queue.
    pub(crate) fn mismatches(&self, is_complete: [bool; 2]) -> Vec<String> {
        let [a, b] = self.hosts().map(|id| self.node(id).app.conversations.first());
        let (Some(a), Some(b)) = (a, b) else { return Vec::new() };
        let mut found = Vec::new();
        for ((from, to), is_complete) in [(a, b), (b, a)].into_iter().zip(is_complete) {
            for sender in &from.senders {
                let Some(id) = sender.id else { continue };
                let mut report =
                    |what| found.push(format!("{:?}, channel {id}: {what}", from.side));
                let nothing = sender.accepted.is_empty();
                match to.readers.get(&id) {
                    Some(reader) => compare(id, sender, reader, is_complete, &mut report),
                    None if is_complete && !nothing => report("never heard of".to_owned()),
                    None => {}
                }
            }
        }
        found
    }
}

/// One direction of one channel.
fn compare(
    id: ChannelId,
    sender: &MessageSender,
    reader: &MessageReader,
    is_complete: bool,
    report: &mut dyn FnMut(String),
) {
    for (number, arrived) in &reader.arrived {
        let sent = sender.accepted.get(*number as usize);
        if sent.map(|sent| (sent.len, sent.key)) != Some((arrived.len, arrived.key)) {
            report(format!("{number} arrived as {arrived:?}, sent was {sent:?}"));
        }
    }
    let accepted = sender.accepted.len() as u64;
    let (delivered, missing) = (reader.arrived.len() as u64, reader.missing);
    if delivered + missing > accepted {
        report(format!("{delivered} delivered and {missing} missing of {accepted}"));
    }
    if sender.receipts.len() as u64 > sender.asked {
        report(format!("{} receipts, {} asked", sender.receipts.len(), sender.asked));
    }
    if reader.is_stopped || !is_complete {
        return;
    }
    if sender.is_settled && (sender.receipts.len() as u64) < sender.asked {
        report(format!("{} receipts, {} asked", sender.receipts.len(), sender.asked));
    }
    match id.mode() {
        Mode::Ordered | Mode::Unordered => {
            if delivered + missing != accepted {
                report(format!("{delivered} delivered and {missing} missing of {accepted}"));
            }
            let is_safe = |number: u64| {
                let sent = &sender.accepted[number as usize];
                !sent.is_dispensable && sent.expires.is_none() && sent.begins_before.is_none()
            };
            let all = (0..accepted).filter(|number| !reader.arrived.contains_key(number));
            let safe: Vec<_> = all.filter(|number| is_safe(*number)).collect();
            if !safe.is_empty() && !sender.is_stopped && !drops(sender) {
                report(format!("never given up and not delivered: {safe:?}"));
            }
            for (number, outcome) in &sender.receipts {
                if *outcome == Outcome::Acknowledged && !reader.arrived.contains_key(number) {
                    report(format!("{number} is acknowledged and was not delivered"));
                }
            }
        }
        Mode::Latest => {
            let mut newest = BTreeMap::new();
            for (number, sent) in (0u64..).zip(&sender.accepted) {
                newest.insert(sent.key, (number, sent));
            }
            for (key, (number, sent)) in newest {
                let has_limit = sent.expires.is_some() || sent.begins_before.is_some();
                let may_miss = sent.is_dispensable || has_limit;
                if reader.newest.get(&key) != Some(&number) && !may_miss && !sender.is_stopped {
                    let got = reader.newest.get(&key);
                    report(format!("key {key:?}: {got:?} arrived, the newest is {number}"));
                }
            }
        }
        Mode::Unreliable => {}
    }
}

/// Whether messages are given up for want of room.
fn drops(sender: &MessageSender) -> bool {
    use towline::stream::Overflow;
    matches!(sender.config().overflow, Overflow::DropOldest | Overflow::DropNewest)
}

/// What was seen of a message on the network: when its first and its last part left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) first: Instant,
    pub(crate) last: Instant,
}

/// What was seen of all messages, by who sent it, channel and number.
pub(crate) type Sightings = Arc<Mutex<BTreeMap<(SocketAddr, ChannelId, u64), Seen>>>;

/// Looks into every packet that is sent: which messages does it carry, or make possible?
pub(crate) fn watch(world: &mut TalkNet) -> Sightings {
    let sightings = Sightings::default();
    let seen = sightings.clone();
    world.set_tap(move |event| {
        if event.happening == Happening::Sent {
            let mut seen = seen.lock().expect("no panic");
            each_message(event.datagram, |id, number| {
                let fresh = Seen { first: event.at, last: event.at };
                seen.entry((event.from, id, number)).or_insert(fresh).last = event.at;
            });
        }
    });
    sightings
}

/// Calls `on` with each message of which there is something in a packet.
fn each_message(datagram: &[u8], mut on: impl FnMut(ChannelId, u64)) {
    let Ok((header, header_len)) = Header::decode(datagram) else { return };
    let body = &datagram[header_len..datagram.len() - Crc32.trailer_len()];
    let body = match header {
        Header::Data(_) => body,
        Header::Ack(_) => {
            let mut r = Reader::new(body);
            Opening::decode(&mut r).expect("our own opening");
            r.rest()
        }
        _ => return,
    };
    // So few messages are sent that numbers travel whole.
    let whole = |number: MessageNumber| number.expand(0);
    for frame in Frames::new(body).map(|frame| frame.expect("our own frame")) {
        match frame {
            Frame::Message(frame) => on(frame.id, whole(frame.number)),
            Frame::Parity(frame) => {
                let newest = whole(frame.number);
                on(frame.id, newest);
                let others = (0..8u64).filter(|bit| frame.others >> bit & 1 == 1);
                others.for_each(|bit| on(frame.id, newest - 1 - bit));
            }
            _ => {}
        }
    }
}

/// Messages of which something was sent when it was not allowed any more, and how many were held
/// against that.
pub(crate) fn late_sends(talk: &Talk, sightings: &Sightings) -> (Vec<String>, u64) {
    let sightings = sightings.lock().expect("no panic");
    let (mut late, mut checked) = (Vec::new(), 0);
    for id in talk.hosts() {
        let it = talk.conversation(id);
        let from = if it.side == Side::Client { client_address() } else { server_address() };
        for sender in &it.senders {
            let Some(channel) = sender.id else { continue };
            for (number, sent) in (0u64..).zip(&sender.accepted) {
                let Some(seen) = sightings.get(&(from, channel, number)) else { continue };
                let is_late = sent.expires.is_some_and(|at| seen.last >= at)
                    || sent.begins_before.is_some_and(|at| seen.first >= at)
                    || seen.first < sent.at;
                checked += u64::from(sent.expires.is_some());
                if is_late {
                    late.push(format!("channel {channel}: {number}, {sent:?}, {seen:?}"));
                }
            }
        }
    }
    (late, checked)
}
