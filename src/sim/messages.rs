//! An application that sends messages of every mode both ways and checks each of them.
//!
//! The bytes of a message follow from who sends it, its channel, its number and its length, so that
//! nothing has to be kept to compare with. It acts only when it is told that it can: an event that is
//! missing stops it, and its test fails.

mod incoming;
mod outgoing;
mod plan;
mod streams;

pub use incoming::{Arrived, MessageReader};
pub use outgoing::{Accepted, MessageSender, message_bytes};
pub use plan::{Beside, MessagePlan, Reading, Sending};

use super::{App, Closing};
use crate::connection::Connection;
use crate::endpoint::{ConnectionEvent, Ended, Endpoint, Event, Handle};
use crate::rng::Rng;
use crate::stream::{ChannelEvent, ChannelStats};
use crate::time::{Duration, Instant};
use crate::wire::{ChannelId, Side};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use streams::StreamsBeside;

/// A connection and how far its plan has got.
#[derive(Debug)]
pub struct Conversation {
    /// The connection.
    pub handle: Handle,
    /// Which side this is.
    pub side: Side,
    /// What this side sends: first on the channels that it opens, in the order of the plan.
    pub senders: Vec<MessageSender>,
    /// What came, by channel.
    pub readers: BTreeMap<ChannelId, MessageReader>,
    /// How it ended, once it has.
    pub ended: Option<Ended>,
    /// What the connection had counted by then, and after the last read.
    pub counted: ChannelStats,
    /// What should not have happened: empty if all is well.
    pub violations: Vec<String>,
    plan: MessagePlan,
    rng: Rng,
    streams: StreamsBeside,
    paused_until: Option<Instant>,
    until_pause: u64,
    is_connected: bool,
    is_closed: bool,
    is_forgotten: bool,
}

impl Conversation {
    fn new(now: Instant, handle: Handle, side: Side, plan: &MessagePlan) -> Self {
        let mut senders: Vec<_> =
            plan.channels.iter().map(|plan| MessageSender::new(now, plan.clone())).collect();
        let urgent = plan.urgent.as_ref();
        senders.extend(urgent.map(|plan| MessageSender::on(now, ChannelId::URGENT, plan)));
        let readers = BTreeMap::from([(ChannelId::URGENT, MessageReader::new(ChannelId::URGENT))]);
        Self {
            handle,
            side,
            senders,
            readers,
            ended: None,
            counted: ChannelStats::default(),
            violations: Vec::new(),
            rng: Rng::from_u64(plan.seed),
            streams: StreamsBeside::new(&plan.streams),
            paused_until: None,
            until_pause: match plan.reading {
                Reading::Pausing(messages, _) => messages,
                _ => u64::MAX,
            },
            plan: plan.clone(),
            is_connected: false,
            is_closed: false,
            is_forgotten: false,
        }
    }

    /// Whether all that was to be sent was taken, on channels and streams.
    pub fn is_sent(&self) -> bool {
        self.senders.iter().all(|sender| sender.is_done) && self.streams.is_done()
    }

    /// Whether word came of every channel that was ended that all of it is settled.
    pub fn is_settled(&self) -> bool {
        self.is_sent() && self.senders.iter().all(|sender| sender.is_settled || sender.is_stopped)
    }

    /// What was sent on a channel, if anything.
    pub fn sender(&self, id: ChannelId) -> Option<&MessageSender> {
        self.senders.iter().find(|sender| sender.id == Some(id))
    }

    /// Channels whose end was read.
    pub fn ended_channels(&self) -> usize {
        self.readers.values().filter(|reader| reader.is_ended).count()
    }

    fn on_event(&mut self, event: ChannelEvent) {
        match event {
            ChannelEvent::Readable(id) => {
                self.readers.get_mut(&id).into_iter().for_each(MessageReader::wake);
            }
            ChannelEvent::Openable => {
                let unopened = self.senders.iter_mut().filter(|sender| sender.id.is_none());
                unopened.for_each(MessageSender::unblock);
            }
            ChannelEvent::Writable(id)
            | ChannelEvent::Stopped(id)
            | ChannelEvent::Finished(id)
            | ChannelEvent::Receipt(id, ..) => {
                let mut senders = self.senders.iter_mut();
                let Some(sender) = senders.find(|sender| sender.id == Some(id)) else { return };
                match event {
                    ChannelEvent::Finished(_) => sender.is_settled = true,
                    ChannelEvent::Receipt(_, number, outcome) => {
                        if sender.receipts.insert(number, outcome).is_some() {
                            self.violations.push(format!("channel {id}: receipt {number} twice"));
                        }
                    }
                    // Whoever is stopped finds out when it sends.
                    _ => sender.unblock(),
                }
            }
            _ => {}
        }
    }

    fn read(&mut self, now: Instant, connection: &mut Connection) -> bool {
        if self.paused_until.is_some_and(|at| at > now) {
            return false;
        }
        self.paused_until = None;
        let (side, violations) = (self.side, &mut self.violations);
        let mut fault = |what| violations.push(what);
        let mut did = self.streams.read(side, connection.streams(), &mut fault);
        for (id, reader) in &mut self.readers {
            if self.plan.reading == Reading::AllBut(*id) {
                continue;
            }
            while reader.is_readable() && self.paused_until.is_none() {
                did = true;
                if !reader.read(now, side, connection, &mut fault) {
                    continue;
                }
                self.until_pause -= 1;
                match self.plan.reading {
                    Reading::Pausing(messages, pause) if self.until_pause == 0 => {
                        self.until_pause = messages;
                        self.paused_until = Some(now + pause);
                    }
                    // The urgent channel is everybody's.
                    Reading::Stopping(after)
                        if reader.arrived.len() as u64 >= after && *id != ChannelId::URGENT =>
                    {
                        reader.stop(connection);
                    }
                    _ => {}
                }
            }
        }
        did
    }

    /// Takes the channels that the peer opened, and answers on them or ends this side's half.
    fn accept(&mut self, now: Instant, connection: &mut Connection) -> bool {
        let mut did = false;
        while let Some(id) = connection.accept_channel() {
            did = true;
            self.readers.insert(id, MessageReader::new(id));
            match &self.plan.answer {
                Some(plan) => {
                    let sender = MessageSender::on(now, id, plan);
                    connection.set_channel(id, sender.config());
                    self.senders.push(sender);
                }
                None => connection.finish_channel(id),
            }
        }
        did
    }

    fn send(&mut self, now: Instant, connection: &mut Connection) -> bool {
        let (side, violations) = (self.side, &mut self.violations);
        let mut fault = |what| violations.push(what);
        let mut did = self.streams.write(side, connection.streams());
        for sender in &mut self.senders {
            did |= sender.work(now, side, connection, &mut self.rng, &mut fault);
            if let Some(id) = sender.id {
                self.readers.entry(id).or_insert_with(|| MessageReader::new(id));
            }
        }
        did
    }

    fn wants_close(&self, now: Instant) -> Option<Duration> {
        match self.plan.close {
            Closing::Never => None,
            Closing::Written(linger) => self.is_sent().then_some(linger),
            Closing::Done(count) => (self.is_settled() && self.ended_channels() >= count)
                .then_some(Duration::from_secs(2)),
            Closing::At(at, linger) => (now >= at).then_some(linger),
        }
    }

    fn work(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        let Some(connection) = endpoint.connection_mut(self.handle) else { return false };
        if connection.is_connecting() {
            return false;
        }
        if !std::mem::replace(&mut self.is_connected, true) {
            self.senders.iter_mut().for_each(|sender| sender.begin(now));
        }
        let mut did = self.accept(now, connection);
        did |= self.read(now, connection);
        if connection.ended().is_some() || self.is_closed {
            return did;
        }
        did |= self.send(now, connection);
        if let Some(linger) = self.wants_close(now) {
            connection.close(now, 0, b"", linger);
            (self.is_closed, did) = (true, true);
        }
        did
    }

    fn deadline(&self) -> Option<Instant> {
        let is_open = self.is_connected && !self.is_closed && self.ended.is_none();
        let close = match self.plan.close {
            Closing::At(at, _) if is_open => Some(at),
            _ => None,
        };
        let senders = self.senders.iter().filter(|_| is_open).filter_map(MessageSender::deadline);
        senders.chain([self.paused_until, close].into_iter().flatten()).min()
    }
}

/// Connects, accepts, and carries out plans.
#[derive(Debug, Default)]
pub struct Messages {
    /// Connections, in the order in which they were asked for or accepted.
    pub conversations: Vec<Conversation>,
    /// To be asked for, at these times.
    connects: Vec<(Instant, SocketAddr, MessagePlan)>,
    /// What is done on each accepted connection.
    serve: Option<MessagePlan>,
    is_dirty: bool,
}

impl Messages {
    /// A client that connects to `server` at `at` and carries out `plan`.
    pub fn client(at: Instant, server: SocketAddr, plan: MessagePlan) -> Self {
        Self { connects: vec![(at, server, plan)], ..Self::default() }
    }

    /// A server that carries out `plan` on each connection.
    pub fn server(plan: MessagePlan) -> Self {
        Self { serve: Some(plan), ..Self::default() }
    }

    /// All that was not as it should be.
    pub fn violations(&self) -> impl Iterator<Item = &String> {
        self.conversations.iter().flat_map(|conversation| &conversation.violations)
    }

    fn begin(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        let mut begun = Vec::new();
        for (_, server, plan) in self.connects.extract_if(.., |(at, ..)| *at <= now) {
            let handle = endpoint.connect(now, server).ok();
            begun.extend(handle.map(|handle| Conversation::new(now, handle, Side::Client, &plan)));
        }
        if let Some(plan) = &self.serve {
            let accepted = std::iter::from_fn(|| endpoint.accept());
            begun.extend(accepted.map(|h| Conversation::new(now, h, Side::Server, plan)));
        }
        for it in &begun {
            if let Some(connection) = endpoint.connection_mut(it.handle) {
                connection.streams().set_repair(it.plan.repair);
                if let Some(urgent) = &it.plan.urgent {
                    connection.set_channel(ChannelId::URGENT, &urgent.config);
                }
            }
        }
        let did = !begun.is_empty();
        self.conversations.append(&mut begun);
        did
    }

    fn of(&mut self, handle: Handle) -> Option<&mut Conversation> {
        self.conversations.iter_mut().find(|it| it.handle == handle)
    }
}

impl App for Messages {
    fn on_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        self.is_dirty = true;
        // Whoever says something before it was accepted is accepted here, so that it is heard.
        self.begin(now, endpoint);
        let Event::Connection(handle, event) = event else { return };
        let Some(it) = self.of(handle) else { return };
        match event {
            ConnectionEvent::Channel(event) => it.on_event(event),
            ConnectionEvent::Closed => {
                if it.ended.is_some() {
                    it.violations.push("closed twice".to_owned());
                }
                it.ended = endpoint.connection(handle).and_then(|c| c.ended().cloned());
            }
            ConnectionEvent::Connected | ConnectionEvent::Stream(_) => {}
        }
    }

    fn work(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        let is_due = self.deadline().is_some_and(|at| at <= now);
        if !std::mem::take(&mut self.is_dirty) && !is_due {
            return false;
        }
        let mut did = self.begin(now, endpoint);
        for it in &mut self.conversations {
            did |= it.work(now, endpoint);
            if it.ended.is_some() && it.paused_until.is_none() && !it.is_forgotten {
                if let Some(connection) = endpoint.connection(it.handle) {
                    it.counted = connection.stats().messages;
                }
                endpoint.forget(it.handle);
                (it.is_forgotten, did) = (true, true);
            }
        }
        self.is_dirty = did;
        did
    }

    fn deadline(&self) -> Option<Instant> {
        let connects = self.connects.iter().map(|(at, ..)| *at);
        connects.chain(self.conversations.iter().filter_map(Conversation::deadline)).min()
    }
}
