//! One peer: handshake, receiving, sending, timers, closing. It sees no socket and no other connection.
//!
//! Two verbs: `handle` takes a packet in, `poll` gives out what to send, what to tell the application,
//! and when to come back. All decisions are in this file; what it decides with is in the others.

mod ack;
mod cadence;
mod channel;
mod close;
mod config;
mod contents;
mod damage;
mod expiry;
mod handshake;
mod io;
mod path;
mod prefix;
mod receive;
mod redundancy;
mod state;
mod stats;
mod tail;
mod timer;
mod transmit;

pub use ack::MAX_ACK_RANGES;
pub use channel::{ChannelConfig, SendOptions};
pub use config::{Config, Congestion};
pub use handshake::SYN_TIMEOUT;
pub use io::{Datagram, Output, Transmit};
pub use path::Path;
pub(crate) use receive::Arrival;
pub use redundancy::Redundancy;
pub use state::{CloseOutcome, CloseReason, Ended, MessageOutcome, PROTOCOL_CODES, ProtocolError};
pub use stats::{LimitedBy, Limits, Refused, Stats, Traffic};
pub use timer::Timer;

use crate::recovery::{Permit, Recovery, Timeout};
use crate::rng::Rng;
use crate::stream::{ChannelEvent, FlowEvent, PeerLimits, StreamEvent, Streams};
use crate::time::{Duration, Instant};
use crate::wire::{
    ConnectionId, Parameters, Refuse, RefuseReason, Reset, Side, Stale, SynAck, VERSION,
    VersionList,
};
use ack::Acks;
use cadence::Cadence;
use contents::{Contents, settle};
use damage::Damage;
use handshake::{Connecting, Offer};
use path::Paths;
use prefix::Prefixes;
use redundancy::{Thinness, View};
use state::State;
use std::collections::VecDeque;
use tail::Tail;
use timer::Timers;
use transmit::Pending;

/// Tells the application that something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// The handshake is done: data flows.
    Connected,
    /// Something happened on a stream.
    Stream(StreamEvent),
    /// Something happened on a message channel.
    Channel(ChannelEvent),
    /// The connection is over; [`Connection::ended`] says how.
    Closed,
}

impl From<FlowEvent> for ConnectionEvent {
    fn from(event: FlowEvent) -> Self {
        match event {
            FlowEvent::Stream(event) => Self::Stream(event),
            FlowEvent::Channel(event) => Self::Channel(event),
        }
    }
}

/// The ids under which the two sides receive.
#[derive(Clone, Copy, Debug)]
struct Ids {
    local: ConnectionId,
    /// Unknown to a client until the SYN-ACK.
    remote: Option<ConnectionId>,
}

/// What was agreed on in the handshake.
#[derive(Debug)]
struct Agreed {
    max_payload: usize,
    /// No packet for this long ends the connection.
    idle_timeout: Option<Duration>,
    keepalive: Option<Duration>,
}

/// A connection to one peer.
#[derive(Debug)]
pub struct Connection {
    side: Side,
    state: State,
    ids: Ids,
    config: Box<Config>,
    agreed: Agreed,
    /// Client: repeated in every packet until one of the server's has arrived.
    offer: Option<Box<Offer>>,
    recovery: Recovery<Contents>,
    streams: Streams,
    prefixes: Prefixes,
    acks: Acks,
    damage: Damage,
    paths: Paths,
    timers: Timers,
    pending: Pending,
    thin: Thin,
    book: Book,
    rng: Rng,
}

/// What is known of flows of few small packets, and what is owed to them.
#[derive(Debug, Default)]
struct Thin {
    loss: Thinness,
    cadence: Cadence,
    tail: Tail,
}

/// Counters, events and the end: what a connection tells and does not act on.
#[derive(Debug)]
struct Book {
    now: Instant,
    next_number: u64,
    /// The largest of our numbers that the peer has acknowledged.
    largest_acked: u64,
    round_ends: Instant,
    sent: Traffic,
    received: Traffic,
    refused: Refused,
    nacks_sent: u64,
    limits: Limits,
    events: VecDeque<ConnectionEvent>,
    ended: Option<Box<Ended>>,
}

/// What a server's endpoint knows of a client whose proof it has verified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proven {
    pub(crate) local: ConnectionId,
    pub(crate) remote: ConnectionId,
    pub(crate) path: Path,
    pub(crate) parameters: Parameters,
    pub(crate) rtt: Duration,
}

/// CLOSE is repeated this often at most.
const MAX_CLOSES: u32 = 8;
/// Bounds of the time between two requests for credit.
const MAX_WINDOW_PROBE_INTERVAL: Duration = Duration::from_secs(5);

impl Connection {
    /// A client that is about to ask for a connection.
    pub(crate) fn connect(
        now: Instant,
        config: &Config,
        local: ConnectionId,
        path: Path,
        mut rng: Rng,
    ) -> Self {
        let block = config.parameters().encode(rng.u64() as u8);
        let connecting = Box::new(Connecting::new(rng.u64(), block));
        let ids = Ids { local, remote: None };
        let state = State::Connecting(connecting);
        let mut this = Self::new(now, Side::Client, state, ids, config, path, rng);
        this.timers.set(Timer::Syn, now);
        this.timers.set(Timer::Handshake, now + config.connect_timeout);
        this
    }

    /// A server's connection to a client that has proven its address and repeated our offer.
    pub(crate) fn accept(now: Instant, config: &Config, proven: &Proven, rng: Rng) -> Self {
        let ids = Ids { local: proven.local, remote: Some(proven.remote) };
        let mut this =
            Self::new(now, Side::Server, State::Established, ids, config, proven.path, rng);
        this.establish(now, &proven.parameters, Some(proven.rtt));
        this
    }

    fn new(
        now: Instant,
        side: Side,
        state: State,
        ids: Ids,
        config: &Config,
        path: Path,
        rng: Rng,
    ) -> Self {
        let payload = config.payload() as u32;
        let controller = config.congestion.controller(payload);
        Self {
            side,
            state,
            ids,
            config: Box::new(config.clone()),
            agreed: Agreed { max_payload: config.payload(), idle_timeout: None, keepalive: None },
            offer: None,
            recovery: Recovery::new(config.recovery, controller, payload),
            streams: Streams::new(side, &config.streams),
            prefixes: Prefixes::default(),
            acks: Acks::default(),
            damage: Damage::default(),
            paths: Paths::new(path),
            timers: Timers::default(),
            pending: Pending::default(),
            thin: Thin::default(),
            book: Book {
                now,
                next_number: 0,
                largest_acked: 0,
                round_ends: now,
                sent: Traffic::default(),
                received: Traffic::default(),
                refused: Refused::default(),
                nacks_sent: 0,
                limits: Limits::new(now, LimitedBy::Handshake),
                events: VecDeque::new(),
                ended: None,
            },
            rng,
        }
    }

    /// Takes the peer's parameters: data flows from here on.
    fn establish(&mut self, now: Instant, peer: &Parameters, rtt: Option<Duration>) {
        let linger = self.timers.get(Timer::Linger);
        self.timers.stop_all();
        let before = std::mem::replace(&mut self.state, State::Established);
        if let State::Connecting(connecting) = before
            && let Some(farewell) = connecting.farewell
        {
            self.state = State::Lingering(farewell);
            self.timers.set(Timer::Linger, linger.unwrap_or(now));
        }
        let mine = self.config.parameters();
        let idle =
            [mine.idle_timeout, peer.idle_timeout].into_iter().filter(|t| !t.is_zero()).min();
        self.agreed = Agreed {
            max_payload: self
                .config
                .payload()
                .min(usize::try_from(peer.max_payload).unwrap_or(usize::MAX)),
            idle_timeout: idle,
            // A peer that ends silent connections has to hear from us well before that.
            keepalive: self.config.keepalive.map(|k| idle.map_or(k, |idle| k.min(idle / 3))),
        };
        let limits = PeerLimits {
            max_data: peer.max_data,
            max_stream_data: peer.max_stream_data,
            max_streams: peer.max_streams,
            max_channels: peer.max_channels,
            max_message: peer.max_message,
            max_partial: peer.max_partial,
        };
        self.streams.start(limits);
        self.set_max_chunk();
        self.recovery.set_peer_max_ack_delay(peer.max_ack_delay);
        if let Some(rtt) = rtt {
            self.recovery.on_handshake_rtt(now, rtt);
        }
        self.streams.set_send_limit(self.recovery.cwnd() * 2);
        self.heard(now);
    }

    // ---- what arrives without a number ----

    /// The server offers a connection: the first offer counts (P-17).
    pub(crate) fn on_syn_ack(&mut self, now: Instant, answer: &SynAck<'_>) {
        let State::Connecting(connecting) = &self.state else { return };
        let Some(accepted) = connecting.on_syn_ack(now, answer) else { return };
        self.ids.remote = Some(accepted.server);
        self.offer = Some(Box::new(accepted.offer));
        self.establish(now, &accepted.parameters, accepted.rtt);
        // P-18: the proof leaves at once and wants an answer, with data or without.
        self.pending.ping = true;
        self.book.events.push_back(ConnectionEvent::Connected);
    }

    /// The nonce that answers must echo while the server may not know this client.
    fn open_nonce(&self) -> Option<u64> {
        match &self.state {
            State::Connecting(connecting) => Some(connecting.nonce),
            _ => self.offer.as_ref().map(|offer| offer.nonce),
        }
    }

    /// The server cannot take the connection (P-19).
    pub(crate) fn on_refuse(&mut self, now: Instant, refuse: &Refuse) {
        if self.open_nonce() == Some(refuse.nonce) {
            self.end(now, CloseReason::Refused(refuse.reason), State::Closed);
        }
    }

    /// The offer has expired: ask anew and keep what is queued (P-20).
    pub(crate) fn on_stale(&mut self, now: Instant, stale: &Stale) {
        let Some(offer) = self.offer.take_if(|offer| offer.nonce == stale.nonce) else { return };
        if self.state.is_closed() {
            return;
        }
        let mut connecting = Connecting::new(self.rng.u64(), offer.into_block());
        connecting.answered = true;
        let linger = self.timers.get(Timer::Linger);
        let state = std::mem::replace(&mut self.state, State::Closed);
        if let State::Lingering(farewell) = state {
            connecting.farewell = Some(farewell);
        }
        self.state = State::Connecting(Box::new(connecting));
        self.ids.remote = None;
        let (streams, acks, tail) = (&mut self.streams, &mut self.acks, &mut self.thin.tail);
        self.recovery.abandon(&mut |fate, contents| settle(streams, acks, tail, fate, contents));
        self.timers.stop_all();
        if let Some(at) = linger {
            self.timers.set(Timer::Linger, at);
        }
        self.timers.set(Timer::Syn, now);
        self.timers.set(Timer::Handshake, now + self.config.connect_timeout);
    }

    /// The server speaks other versions.
    pub(crate) fn on_version(&mut self, now: Instant, nonce: u64, versions: VersionList<'_>) {
        let is_connecting = matches!(self.state, State::Connecting(_));
        if is_connecting
            && self.open_nonce() == Some(nonce)
            && versions.iter().all(|v| v != VERSION)
        {
            self.end(now, CloseReason::Version, State::Closed);
        }
    }

    /// The peer's host does not know the connection. Believed only if it echoes a packet in flight (P-61).
    pub(crate) fn on_reset(&mut self, now: Instant, reset: &Reset) {
        let number = reset.number.expand(self.book.next_number);
        let is_known = self.recovery.trailer(number) == Some(reset.trailer);
        if is_known && self.offer.is_none() && !self.state.is_closed() {
            self.end(now, CloseReason::Reset, State::Closed);
        }
    }

    /// The network says that nobody listens there: a hint, believed while nothing has answered (P-16).
    pub(crate) fn on_unreachable(&mut self, now: Instant) {
        if matches!(&self.state, State::Connecting(c) if !c.answered && c.attempts() > 0) {
            let reason = CloseReason::Refused(RefuseReason::NotListening);
            self.end(now, reason, State::Closed);
        }
    }

    // ---- the two verbs ----

    /// What to send, what to tell, when to come back. Fires the timers that are due first.
    pub(crate) fn poll(&mut self, now: Instant, buf: &mut Vec<u8>) -> Output<ConnectionEvent> {
        // A clock that goes back is held at its latest time.
        let now = now.max(self.book.now);
        self.book.now = now;
        // What is to be told costs less than to look what is to be sent, and each call looks once.
        if let Some(event) = self.next_event() {
            return Output::Event(event);
        }
        self.fire(now);
        if let Some(transmit) = self.transmit(now, buf) {
            return Output::Transmit(transmit);
        }
        if let Some(event) = self.next_event() {
            return Output::Event(event);
        }
        self.arm(now);
        let limit = self.limited_by();
        self.book.limits.update(now, limit);
        Output::Idle(self.deadline(now))
    }

    fn next_event(&mut self) -> Option<ConnectionEvent> {
        self.book
            .events
            .pop_front()
            .or_else(|| self.streams.poll_event().map(ConnectionEvent::from))
    }

    fn fire(&mut self, now: Instant) {
        if self.is_open() && self.recovery.deadline().is_some_and(|at| at <= now) {
            self.expect_losses(now);
            let (streams, acks, tail) = (&mut self.streams, &mut self.acks, &mut self.thin.tail);
            let timeout = self
                .recovery
                .on_timeout(now, &mut |fate, contents| settle(streams, acks, tail, fate, contents));
            if timeout == Timeout::Probe {
                self.pending.probes = self.recovery.probes();
            }
            self.await_tail();
        }
        if self.timers.next().is_none_or(|at| at > now) {
            return;
        }
        self.expire(now);
        if self.timers.expired(Timer::Syn, now) {
            self.pending.syn = true;
        }
        if self.timers.expired(Timer::Ack, now) {
            self.acks.demand();
        }
        if self.timers.expired(Timer::Keepalive, now) {
            self.pending.ping = true;
        }
        if self.timers.expired(Timer::WindowProbe, now) {
            self.pending.window_probes = self.pending.window_probes.saturating_add(1);
            self.pending.window_probe = self.streams.blocked().map(|blocked| blocked.id);
        }
        if self.timers.expired(Timer::Tail, now) {
            self.repeat_tail(now);
        }
        if self.timers.expired(Timer::Path, now) && self.paths.on_timer() {
            self.pending.path = true;
        }
        if self.timers.expired(Timer::Linger, now) {
            self.say_farewell(now);
        }
        if self.timers.expired(Timer::Close, now) {
            self.pending.close = true;
        }
        let silent = [Timer::Handshake, Timer::Idle, Timer::User];
        if silent.into_iter().any(|timer| self.timers.expired(timer, now)) {
            self.end(now, CloseReason::TimedOut, State::Closed);
        }
        if self.timers.expired(Timer::TimeWait, now) {
            self.state = State::Closed;
            self.timers.stop_all();
        }
    }

    /// Sets the timers that follow from the state as it stands after everything was sent.
    fn arm(&mut self, now: Instant) {
        self.forget_expiries();
        if !self.is_open() {
            return;
        }
        if self.streams.blocked().is_none() {
            self.timers.stop(Timer::WindowProbe);
            self.pending.window_probes = 0;
        } else if self.timers.get(Timer::WindowProbe).is_none() {
            // RFC 9293 §3.8.6.1: probes back off and never end while the peer answers. Something else
            // may be in flight for as long as it likes.
            let interval = self.recovery.pto() * (1 << self.pending.window_probes.min(16));
            let interval = interval.min(MAX_WINDOW_PROBE_INTERVAL);
            self.timers.set(Timer::WindowProbe, now + interval);
        }
        if self.recovery.bytes_in_flight() == 0 {
            self.timers.stop(Timer::User);
        } else if self.timers.get(Timer::User).is_none() {
            self.timers.set(Timer::User, now + self.config.user_timeout);
        }
        if !self.streams.wants_to_send() && self.recovery.permit(now) != Permit::Window {
            self.recovery.on_app_limited();
        }
    }

    fn deadline(&self, now: Instant) -> Option<Instant> {
        if matches!(self.state, State::Closed) {
            return None;
        }
        let is_open = self.is_open();
        let recovery = self.recovery.deadline().filter(|_| is_open);
        let paced = (is_open && self.wants_to_send())
            .then(|| match self.recovery.permit(now) {
                Permit::At(at) => Some(at),
                Permit::Now { .. } | Permit::Window => None,
            })
            .flatten();
        [self.timers.next(), recovery, paced].into_iter().flatten().min()
    }

    fn wants_to_send(&self) -> bool {
        self.streams.wants_to_send() || self.pending.ping || self.pending.window_probe.is_some()
    }

    /// Something intact came from the peer.
    fn heard(&mut self, now: Instant) {
        if let Some(idle) = self.agreed.idle_timeout {
            self.timers.set(Timer::Idle, now + idle);
        }
        self.spoke(now);
    }

    /// Something was sent or heard: the silence begins anew.
    fn spoke(&mut self, now: Instant) {
        if let Some(keepalive) = self.agreed.keepalive.filter(|_| self.is_open()) {
            self.timers.set(Timer::Keepalive, now + keepalive);
        }
    }

    /// What thin flows look at.
    fn view(&self) -> View {
        let rtt = self.recovery.rtt();
        View {
            cwnd: self.recovery.cwnd(),
            bytes_in_flight: self.recovery.bytes_in_flight(),
            srtt: rtt.smoothed(),
            min_rtt: rtt.min(),
        }
    }

    fn limited_by(&self) -> LimitedBy {
        if matches!(self.state, State::Connecting(_)) {
            return LimitedBy::Handshake;
        }
        if self.state.is_closed() {
            return LimitedBy::Application;
        }
        if self.recovery.stats().pto_backoff > 0 {
            return LimitedBy::Recovery;
        }
        if self.streams.wants_to_send() {
            return if self.recovery.is_at_max_rate() {
                LimitedBy::Rate
            } else {
                LimitedBy::Congestion
            };
        }
        let in_flight = self.recovery.bytes_in_flight();
        match self.streams.blocked() {
            Some(_) if in_flight == 0 => LimitedBy::PeerReader,
            Some(_) => LimitedBy::PeerWindow,
            None if self.streams.is_send_buffer_full() => LimitedBy::SendBuffer,
            None => LimitedBy::Application,
        }
    }

    // ---- what the application asks ----

    /// Whether data flows (also while `close` still delivers).
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Established | State::Lingering(_))
    }

    /// Whether the handshake is still under way.
    pub fn is_connecting(&self) -> bool {
        matches!(self.state, State::Connecting(_))
    }

    /// Whether nothing is left to do and the connection can be forgotten.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(self.state, State::Closed) && self.book.events.is_empty()
    }

    /// How the connection ended, once it has.
    pub fn ended(&self) -> Option<&Ended> {
        self.book.ended.as_deref()
    }

    /// Which side this is.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The proven path to the peer.
    pub fn path(&self) -> Path {
        self.paths.current
    }

    /// Bytes that its buffers hold.
    pub(crate) fn memory(&self) -> usize {
        self.streams.memory()
    }

    pub(crate) fn local_id(&self) -> ConnectionId {
        self.ids.local
    }

    pub(crate) fn remote_id(&self) -> Option<ConnectionId> {
        self.ids.remote
    }

    /// The streams: open, accept, write, read, finish, reset, stop.
    pub fn streams(&mut self) -> &mut Streams {
        &mut self.streams
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        let rtt = self.recovery.rtt();
        let known = |d| rtt.is_known().then_some(d);
        Stats {
            min_rtt: known(rtt.min()),
            srtt: known(rtt.smoothed()),
            rttvar: known(rtt.variation()),
            cwnd: self.recovery.cwnd(),
            bytes_in_flight: self.recovery.bytes_in_flight(),
            pacing_rate: self.recovery.pacing_rate(),
            sent: self.book.sent,
            received: self.book.received,
            recovery: self.recovery.stats(),
            refused: self.book.refused,
            nacks_sent: self.book.nacks_sent,
            data: self.streams.counts(),
            messages: self.streams.messages(),
            memory: self.streams.memory(),
            limited: self.book.limits,
        }
    }

    /// Holds the invariants that a poll which ended `Idle` has to leave behind; for simulations and
    /// fuzzers.
    pub fn check(&self) -> Result<(), &'static str> {
        if !self.is_open() {
            return Ok(());
        }
        let waits = self.recovery.bytes_in_flight() > 0 || self.streams.blocked().is_some();
        if waits && self.deadline(self.book.now).is_none() {
            return Err("unacknowledged data or a closed window, and no timer");
        }
        if self.streams.wants_to_send()
            && self.recovery.bytes_in_flight() == 0
            && self.deadline(self.book.now).is_none()
        {
            return Err("data to send, nothing in flight, and no timer");
        }
        Ok(())
    }
}
