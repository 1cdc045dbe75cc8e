//! Many peers on one socket: who a datagram is for, who may connect, who is polled next.
//!
//! The endpoint owns its connections. It has the same two verbs as each of them: `handle` takes a
//! datagram, `poll` gives out what to send, what to tell, and when to come back.

mod allowance;
mod answer;
mod config;
mod cookie;
mod deadlines;
mod greeting;
mod plain;
mod router;

pub use config::Config;
pub use cookie::{COOKIE_LIFE, EPOCH, MAX_USED};
pub use plain::{MAX_PLAIN, PlainError};

pub use crate::connection::{
    CloseOutcome, CloseReason, Connection, ConnectionEvent, Datagram, Ended, Output, Path, Stats,
    Transmit,
};

use crate::connection::{self, Arrival};
use crate::rng::Rng;
use crate::time::Instant;
use crate::wire::{ConnectionId, Header, Numbered, Refuse, Reset, Stale, Syn, SynAck, VersionList};
use allowance::Allowance;
use answer::Answers;
use cookie::Cookies;
use deadlines::Deadlines;
use greeting::is_unicast;
use plain::Plain;
use router::{PeerKey, Router};
use slab::Slab;
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;

/// Names a connection of an endpoint; never stands for another one later.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle {
    index: usize,
    id: ConnectionId,
}

/// What an endpoint tells its application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A connection waits in [`Endpoint::accept`].
    Incoming(Handle),
    /// Something happened to this connection.
    Connection(Handle, ConnectionEvent),
    /// A plain datagram waits in [`Endpoint::recv_from`], where there was none.
    Datagram,
}

/// Why a connection cannot even be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// The endpoint has as many connections as it may have.
    TooMany,
    /// Nobody can be reached at such an address.
    InvalidAddress(SocketAddr),
}

/// What was read of a numbered packet before its connection is asked.
#[derive(Clone, Copy, Debug)]
struct Head {
    header: Numbered,
    /// Where the header ends.
    header_len: usize,
    /// Whether the handshake's proof stands in front of the frames.
    is_opening: bool,
}

/// Datagrams that arrived and belong to no connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointStats {
    /// Not towline's: unknown type, or a header check that does not fit. Where plain datagrams are on,
    /// only those from port 0.
    pub foreign: u64,
    /// Taken although one bit of the header had been flipped on the way.
    pub repaired: u64,
    /// towline's, and damaged or cut.
    pub damaged: u64,
    /// For a connection that this endpoint does not have.
    pub unknown: u64,
    /// Proofs that do not hold, or were used before.
    pub bad_proofs: u64,
    /// Connections that were refused.
    pub refused: u64,
    /// Plain datagrams that were dropped: as much waited to be received as may.
    pub plain_dropped: u64,
}

/// Headers that may be tried to be repaired in a second: garbage must not cost much (P-45).
const REPAIRS_PER_SECOND: u64 = 1000;

/// A connection and what the endpoint has to know about it.
#[derive(Debug)]
struct Slot {
    connection: Connection,
    /// Stands in the queue of those that want to be polled.
    is_ready: bool,
    /// When it wants to be polled.
    deadline: Option<Instant>,
    /// The earliest of its entries among the deadlines; not later than its deadline.
    wake_up: Option<Instant>,
    peer: Option<PeerKey>,
    memory: usize,
    /// The application has no more use for it.
    is_forgotten: bool,
    /// Its ids are no longer in the router.
    is_retired: bool,
}

/// All connections that share a socket.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    slots: Slab<Slot>,
    router: Router,
    cookies: Cookies,
    answers: Answers,
    plain: Plain,
    repairs: Allowance,
    deadlines: Deadlines,
    ready: VecDeque<Handle>,
    incoming: VecDeque<Handle>,
    events: VecDeque<Event>,
    memory: usize,
    stats: EndpointStats,
    now: Instant,
    rng: Rng,
}

impl Endpoint {
    /// An endpoint without connections. All its ids, keys and nonces come from `rng`.
    pub fn new(config: Config, mut rng: Rng) -> Self {
        Self {
            plain: Plain::new(config.plain),
            config,
            slots: Slab::new(),
            router: Router::new(&mut rng),
            cookies: Cookies::new(&mut rng),
            answers: Answers::default(),
            repairs: Allowance::new(REPAIRS_PER_SECOND),
            deadlines: Deadlines::default(),
            ready: VecDeque::new(),
            incoming: VecDeque::new(),
            events: VecDeque::new(),
            memory: 0,
            stats: EndpointStats::default(),
            now: Instant::ZERO,
            rng,
        }
    }

    // ---- what the application asks ----

    /// Begins to connect; [`ConnectionEvent::Connected`] or [`ConnectionEvent::Closed`] follows.
    ///
    /// # Errors
    /// [`ConnectError::TooMany`] at the configured number of connections, and
    /// [`ConnectError::InvalidAddress`] for port 0 and for unspecified, multicast and broadcast addresses.
    pub fn connect(&mut self, now: Instant, remote: SocketAddr) -> Result<Handle, ConnectError> {
        let config = self.config.connection.clone();
        self.connect_with(now, remote, &config)
    }

    /// Begins to connect, with other settings than the endpoint's.
    ///
    /// # Errors
    /// See [`Endpoint::connect`].
    pub fn connect_with(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        config: &connection::Config,
    ) -> Result<Handle, ConnectError> {
        if self.slots.len() >= self.config.max_connections {
            return Err(ConnectError::TooMany);
        }
        if remote.port() == 0 || !is_unicast(remote) || remote.ip().is_unspecified() {
            return Err(ConnectError::InvalidAddress(remote));
        }
        let now = self.clamp(now);
        let id = ConnectionId(self.rng.u64());
        let path = Path { remote, local: None };
        let rng = self.rng.fork();
        let connection = Connection::connect(now, config, id, path, rng);
        Ok(self.insert(connection))
    }

    /// The next connection that a client has opened.
    pub fn accept(&mut self) -> Option<Handle> {
        self.incoming.pop_front()
    }

    /// How many connections wait to be accepted.
    pub fn backlog(&self) -> usize {
        self.incoming.len()
    }

    /// Takes connections from now on, with these settings; those that exist keep theirs.
    pub fn listen(&mut self, config: &Config) {
        self.config = Config { is_listening: true, ..config.clone() };
        self.plain.set_limit(config.plain);
    }

    /// Whether it takes connections.
    pub fn is_listening(&self) -> bool {
        self.config.is_listening
    }

    /// Takes connections from now on, or refuses them.
    pub fn set_listening(&mut self, is_listening: bool) {
        self.config.is_listening = is_listening;
    }

    /// A connection, to look at.
    pub fn connection(&self, handle: Handle) -> Option<&Connection> {
        self.slot(handle).map(|slot| &slot.connection)
    }

    /// A connection, to work with; it is polled next.
    pub fn connection_mut(&mut self, handle: Handle) -> Option<&mut Connection> {
        self.wake(handle);
        let slot = self.slots.get_mut(handle.index)?;
        (slot.connection.local_id() == handle.id).then_some(&mut slot.connection)
    }

    /// The application has no more use for this connection: it goes once its protocol is done.
    pub fn forget(&mut self, handle: Handle) {
        if let Some(slot) = self.slots.get_mut(handle.index)
            && slot.connection.local_id() == handle.id
        {
            slot.is_forgotten = true;
            self.wake(handle);
        }
    }

    /// How many connections there are, those that are only remembered included.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no connection.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All connections, in the order of their slots.
    pub fn connections(&self) -> impl Iterator<Item = (Handle, &Connection)> {
        self.slots.iter().map(|(index, slot)| {
            (Handle { index, id: slot.connection.local_id() }, &slot.connection)
        })
    }

    /// What arrived and belonged to no connection.
    pub fn stats(&self) -> EndpointStats {
        self.stats
    }

    /// Bytes that the buffers of all connections hold.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// The network said that nobody listens at `remote`: a hint for connections that are being asked for.
    pub fn on_unreachable(&mut self, now: Instant, remote: SocketAddr) {
        let now = self.clamp(now);
        let waiting: Vec<Handle> = self
            .connections()
            .filter(|(_, c)| c.is_connecting() && c.path().remote == remote)
            .map(|(handle, _)| handle)
            .collect();
        for handle in waiting {
            self.with(handle, |connection| connection.on_unreachable(now));
        }
    }

    // ---- the two verbs ----

    /// Takes one datagram.
    pub fn handle(&mut self, now: Instant, mut datagram: Datagram<'_>) {
        let now = self.clamp(now);
        if datagram.from.port() == 0 {
            // Nobody can be answered there: kernels refuse to send to port 0, and then the driver's
            // socket takes its own features for broken, for all its peers (P-73).
            self.stats.foreign += 1;
            return;
        }
        match Header::decode(datagram.data) {
            Ok((header, header_len))
                if !self.plain.is_on() || self.is_protocols(&datagram, header, header_len) =>
            {
                self.on_packet(now, datagram, header, header_len);
            }
            Err(_) if self.repair(now, &mut datagram) => self.stats.repaired += 1,
            _ => self.on_foreign(&datagram),
        }
    }

    /// A packet: its header is good, and it is for us.
    fn on_packet(
        &mut self,
        now: Instant,
        mut datagram: Datagram<'_>,
        header: Header,
        header_len: usize,
    ) {
        let taken = match header {
            Header::Data(numbered) | Header::Ack(numbered) => {
                let is_opening = matches!(header, Header::Ack(_));
                return self.on_numbered(now, &mut datagram, numbered, header_len, is_opening);
            }
            Header::Syn(client) => Syn::decode(client, datagram.data, header_len)
                .map(|syn| self.on_syn(now, &datagram, &syn)),
            Header::SynAck(client) => SynAck::decode(client, datagram.data, header_len)
                .map(|answer| self.with_id(client, |c| c.on_syn_ack(now, &answer))),
            Header::Refuse(client) => Refuse::decode(client, datagram.data, header_len)
                .map(|refuse| self.with_id(client, |c| c.on_refuse(now, &refuse))),
            Header::Stale(client) => Stale::decode(client, datagram.data, header_len)
                .map(|stale| self.with_id(client, |c| c.on_stale(now, &stale))),
            Header::Version(client) => VersionList::decode_packet(datagram.data, header_len)
                .map(|(nonce, list)| self.with_id(client, |c| c.on_version(now, nonce, list))),
            Header::Reset(numbered) => {
                let body = datagram.data.get(header_len..).unwrap_or_default();
                Reset::decode(numbered, body).map(|reset| {
                    if let Some(handle) = self.router.peer((datagram.from, reset.to)) {
                        self.with(handle, |connection| connection.on_reset(now, &reset));
                    }
                })
            }
        };
        if taken.is_err() {
            self.stats.damaged += 1;
        }
    }

    /// What to send, what to tell, when to come back; poll until `Idle`.
    pub fn poll(&mut self, now: Instant, buf: &mut Vec<u8>) -> Output<Event> {
        let now = self.clamp(now);
        if let Some(event) = self.events.pop_front().or_else(|| self.plain.event()) {
            return Output::Event(event);
        }
        if let Some(transmit) = self.answers.pop(buf).or_else(|| self.plain.transmit(buf)) {
            return Output::Transmit(transmit);
        }
        while let Some((at, handle)) = self.deadlines.peek().filter(|(at, _)| *at <= now) {
            self.deadlines.pop();
            if let Some(slot) = self.slot_mut(handle)
                && slot.wake_up == Some(at)
            {
                slot.wake_up = None;
                self.wake(handle);
            }
        }
        while let Some(handle) = self.ready.pop_front() {
            let Some(slot) = self.slot_mut(handle) else { continue };
            slot.is_ready = false;
            match slot.connection.poll(now, buf) {
                Output::Transmit(transmit) => {
                    // Behind the others: each connection sends one batch in turn.
                    self.wake(handle);
                    return Output::Transmit(transmit);
                }
                Output::Event(event) => {
                    self.wake(handle);
                    return Output::Event(Event::Connection(handle, event));
                }
                Output::Idle(deadline) => self.settle(handle, deadline),
            }
        }
        Output::Idle(self.next_deadline())
    }

    /// Whether [`Endpoint::poll`] would find nothing to do.
    pub fn is_idle(&self, now: Instant) -> bool {
        let is_due = self.deadlines.peek().is_some_and(|(at, _)| at <= now);
        let is_quiet = self.answers.is_empty() && self.plain.is_idle();
        !is_due && self.ready.is_empty() && self.events.is_empty() && is_quiet
    }

    /// The earliest deadline. Entries that stand for nothing any more are dropped on the way, and the
    /// entry of a connection whose deadline has moved moves there: a driver that came in vain would
    /// have been woken for it.
    fn next_deadline(&mut self) -> Option<Instant> {
        while let Some((at, handle)) = self.deadlines.peek() {
            let Some(slot) = self.slot_mut(handle).filter(|slot| slot.wake_up == Some(at)) else {
                self.deadlines.pop();
                continue;
            };
            if slot.deadline == Some(at) {
                return Some(at);
            }
            slot.wake_up = slot.deadline;
            let deadline = slot.deadline;
            self.deadlines.pop();
            if let Some(deadline) = deadline {
                self.deadlines.push(deadline, handle);
            }
        }
        None
    }

    /// A connection came to rest: note its deadline, its size, its peer, or let it go.
    fn settle(&mut self, handle: Handle, deadline: Option<Instant>) {
        self.follow_peer(handle);
        let Some(slot) = self.slot_mut(handle) else { return };
        let memory = slot.connection.memory();
        let before = std::mem::replace(&mut slot.memory, memory);
        let is_spent = slot.connection.is_spent();
        let is_gone = is_spent && slot.is_forgotten;
        let id = slot.connection.local_id();
        let peer = slot.peer;
        let retire = is_spent && !std::mem::replace(&mut slot.is_retired, is_spent);
        slot.deadline = deadline;
        let wake_up = deadline.filter(|at| slot.wake_up.is_none_or(|set| *at < set));
        if wake_up.is_some() {
            slot.wake_up = wake_up;
        }
        self.memory = self.memory + memory - before;
        if let Some(at) = wake_up {
            self.deadlines.push(at, handle);
            if self.deadlines.is_crowded(self.slots.len()) {
                let Self { deadlines, slots, .. } = self;
                deadlines.retain(|at, handle| {
                    slots.get(handle.index).is_some_and(|slot| {
                        slot.connection.local_id() == handle.id && slot.wake_up == Some(at)
                    })
                });
            }
        }
        if retire {
            self.router.remove(id, peer, handle);
        }
        if is_gone {
            self.memory -= memory;
            self.slots.remove(handle.index);
        }
    }

    // ---- datagrams without a connection ----

    fn on_numbered(
        &mut self,
        now: Instant,
        datagram: &mut Datagram<'_>,
        header: Numbered,
        header_len: usize,
        is_opening: bool,
    ) {
        let handle = match self.router.local(header.to) {
            Some(handle) => handle,
            None if is_opening => {
                let Some(handle) = self.open(now, datagram, header, header_len) else { return };
                handle
            }
            None => {
                self.stats.unknown += 1;
                // A packet of our own that came back is not answered: the RESET would come back too,
                // and would name a packet in flight.
                if self.router.peer((datagram.from, header.to)).is_none() {
                    self.answers.reset(now, datagram, header);
                }
                return;
            }
        };
        let head = Head { header, header_len, is_opening };
        self.deliver(now, handle, datagram, head, false);
    }

    /// P-45: a header that one bit keeps from fitting its check. If flipping it back names a
    /// connection, and then the whole packet's checksum fits, the packet is as it was sent.
    fn repair(&mut self, now: Instant, datagram: &mut Datagram<'_>) -> bool {
        if !self.repairs.take(now) {
            return false;
        }
        for bit in 0..Header::MAX_LEN * 8 {
            let Some(byte) = datagram.data.get_mut(bit / 8) else { return false };
            *byte ^= 1 << (bit % 8);
            let (header, header_len, is_opening) = match Header::decode(datagram.data) {
                Ok((Header::Data(header), len)) => (Some(header), len, false),
                Ok((Header::Ack(header), len)) => (Some(header), len, true),
                _ => (None, 0, false),
            };
            let known = header.and_then(|h| self.router.local(h.to).map(|handle| (h, handle)));
            if let Some((header, handle)) = known
                && self.deliver(
                    now,
                    handle,
                    datagram,
                    Head { header, header_len, is_opening },
                    true,
                )
            {
                return true;
            }
            if let Some(byte) = datagram.data.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
        false
    }

    /// Hands a numbered packet to its connection; returns whether it was intact.
    fn deliver(
        &mut self,
        now: Instant,
        handle: Handle,
        datagram: &mut Datagram<'_>,
        head: Head,
        is_repaired: bool,
    ) -> bool {
        let Head { header, header_len, is_opening } = head;
        let arrival = Arrival {
            path: Path { remote: datagram.from, local: datagram.to },
            ecn: datagram.ecn,
            header,
            header_len,
            is_opening,
            packet: datagram.data,
            may_grow: self.memory < self.config.max_memory,
            is_repaired,
        };
        let mut is_intact = false;
        self.with(handle, |connection| is_intact = connection.handle(now, arrival));
        is_intact
    }

    // ---- slots ----

    fn insert(&mut self, connection: Connection) -> Handle {
        let id = connection.local_id();
        let slot = Slot {
            connection,
            is_ready: false,
            deadline: None,
            wake_up: None,
            peer: None,
            memory: 0,
            is_forgotten: false,
            is_retired: false,
        };
        let handle = Handle { index: self.slots.insert(slot), id };
        self.router.insert(id, handle);
        self.wake(handle);
        handle
    }

    fn slot(&self, handle: Handle) -> Option<&Slot> {
        self.slots.get(handle.index).filter(|slot| slot.connection.local_id() == handle.id)
    }

    fn slot_mut(&mut self, handle: Handle) -> Option<&mut Slot> {
        self.slots.get_mut(handle.index).filter(|slot| slot.connection.local_id() == handle.id)
    }

    fn wake(&mut self, handle: Handle) {
        if let Some(slot) = self.slot_mut(handle)
            && !std::mem::replace(&mut slot.is_ready, true)
        {
            self.ready.push_back(handle);
        }
    }

    fn with(&mut self, handle: Handle, act: impl FnOnce(&mut Connection)) {
        if let Some(slot) = self.slot_mut(handle) {
            act(&mut slot.connection);
            self.wake(handle);
        }
    }

    fn with_id(&mut self, id: ConnectionId, act: impl FnOnce(&mut Connection)) {
        if let Some(handle) = self.router.local(id) {
            self.with(handle, act);
        } else {
            self.stats.unknown += 1;
        }
    }

    /// Keeps the way back from a RESET up to date.
    fn follow_peer(&mut self, handle: Handle) {
        let Some(slot) = self.slot_mut(handle) else { return };
        let peer = slot.connection.remote_id().map(|id| (slot.connection.path().remote, id));
        if slot.peer != peer && !slot.is_retired {
            let old = std::mem::replace(&mut slot.peer, peer);
            self.router.move_peer(old, peer, handle);
        }
    }

    /// A clock that goes back is held at its latest time.
    fn clamp(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}:{}", self.index, self.id)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => f.write_str("the endpoint has as many connections as it may have"),
            Self::InvalidAddress(address) => write!(f, "nobody can be reached at {address}"),
        }
    }
}

impl std::error::Error for ConnectError {}

#[cfg(test)]
mod tests;
