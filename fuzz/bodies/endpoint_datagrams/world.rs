//! The two endpoints, the wire between them, what their applications did, and what must hold.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;
use towline::connection::Congestion;
use towline::endpoint::{
    Config, Connection, ConnectionEvent, Datagram, Endpoint, Event, Handle, Output, Transmit,
};
use towline::rng::Rng;
use towline::stream::ReadError;
use towline::time::Instant;
use towline::wire::{
    ConnectionId, Crc32, Ecn, Header, Integrity, Numbered, Pseudo, StreamId, Truncated,
};

/// An endpoint that was not idle after so many polls at one instant never will be.
const MAX_POLLS: usize = 100_000;
/// Windows grow to this, in bytes.
const MAX_WINDOW: u64 = 128 * 1024;
const MAX_SEND_BUFFER: u64 = 256 * 1024;
const MAX_STREAMS: u64 = 8;
/// Plain datagrams that may wait, in bytes; each counts at least 64.
const MAX_PLAIN_WAITING: usize = 4096;
/// More packets than this on the wire are dropped, as by a full queue.
const MAX_ON_WIRE: usize = 1024;
const STRANGER: ([u8; 4], u16) = ([10, 0, 0, 9], 9);

/// A packet on its way, and its congestion bits.
pub(super) type Packet = (Vec<u8>, Ecn);

/// One connection of one side, and what its application did.
struct Life {
    handle: Handle,
    written: BTreeMap<StreamId, u64>,
    read: BTreeMap<StreamId, u64>,
    finished: BTreeSet<StreamId>,
    closes: u32,
}

struct End {
    endpoint: Endpoint,
    address: SocketAddr,
    /// The newest last: that one is played with.
    lives: Vec<Life>,
    /// Under which id its newest connection receives, as the packets show.
    id: Option<ConnectionId>,
    /// The number behind the largest that it sent.
    next_number: u64,
    /// Something forged got past its checks: what it reads proves nothing.
    is_deceived: bool,
    /// How many streams its application opened.
    opened: usize,
    /// Polls that were not idle.
    busy: u64,
}

pub(super) struct World {
    now: Instant,
    ends: [End; 2],
    /// What each side sent.
    pub(super) wire: [VecDeque<Packet>; 2],
    /// The largest datagram that may leave.
    payload: usize,
    /// Streams that somebody gave up: their data need not arrive.
    abandoned: BTreeSet<StreamId>,
}

impl Life {
    fn new(handle: Handle) -> Self {
        let (written, read, finished) = <_>::default();
        Self { handle, written, read, finished, closes: 0 }
    }
}

impl End {
    fn new(config: Config, side: usize) -> Self {
        Self {
            endpoint: Endpoint::new(config, Rng::from_u64(side as u64)),
            address: SocketAddr::from(([10, 0, 0, 1 + side as u8], 1000)),
            lives: Vec::new(),
            id: None,
            next_number: 0,
            is_deceived: false,
            opened: 0,
            busy: 0,
        }
    }

    fn life(&mut self) -> Option<(&mut Life, &mut Connection)> {
        let life = self.lives.last_mut()?;
        let connection = self.endpoint.connection_mut(life.handle)?;
        Some((life, connection))
    }

    fn is_open(&self) -> bool {
        let newest = self.lives.last().and_then(|life| self.endpoint.connection(life.handle));
        newest.is_some_and(Connection::is_open)
    }

    /// What the buffers of one connection may hold: the window in blocks and in pieces of one byte;
    /// per stream its blocks at the borders, its spare ones and its guaranteed share of the send
    /// buffer, which a ring may double.
    fn bound(&self) -> usize {
        let streams = 2 * MAX_STREAMS as usize + self.opened;
        let per_stream = 12 * 4096 + 2 * 64 * 1024;
        9 * MAX_WINDOW as usize + 2 * MAX_SEND_BUFFER as usize + streams * per_stream
    }
}

/// Bits 0 and 1: windows; 2: congestion control; 3: keepalive; 4: payload; 5: nodelay, and plain datagrams
/// to the server; 6: the same for the client; 7: the connection is not there yet.
fn configs(settings: u8) -> [Config; 2] {
    let mut config = Config::default();
    let connection = &mut config.connection;
    let streams = &mut connection.streams;
    (streams.recv_window, streams.conn_recv_window) = match settings & 3 {
        0 => (64 * 1024, 96 * 1024),
        1 => (100, 150),
        2 => (6000, 4000),
        _ => (1, 1),
    };
    streams.max_recv_window = MAX_WINDOW;
    streams.max_message = 0;
    streams.max_send_buffer = MAX_SEND_BUFFER;
    streams.max_streams = MAX_STREAMS;
    streams.nodelay = settings & 32 != 0;
    config.plain = (settings & 32 != 0).then_some(MAX_PLAIN_WAITING);
    if settings & 4 != 0 {
        connection.congestion = Congestion::NewReno;
    }
    if settings & 8 != 0 {
        connection.keepalive = None;
    }
    if settings & 16 != 0 {
        connection.max_payload = 9000;
    }
    let mut client = if settings & 64 != 0 { config.clone() } else { Config::default() };
    let streams = &mut client.connection.streams;
    streams.max_recv_window = MAX_WINDOW;
    streams.recv_window = streams.recv_window.min(MAX_WINDOW);
    streams.conn_recv_window = streams.conn_recv_window.min(MAX_WINDOW);
    streams.max_message = 0;
    streams.max_send_buffer = MAX_SEND_BUFFER;
    streams.max_streams = MAX_STREAMS;
    config.is_listening = true;
    config.backlog = 4;
    [client, config]
}

impl World {
    pub(super) fn new(settings: u8) -> Self {
        let [client, server] = configs(settings);
        let payload = client.connection.max_payload.max(server.connection.max_payload);
        let mut this = Self {
            now: Instant::from_millis(1),
            ends: [End::new(client, 0), End::new(server, 1)],
            wire: <_>::default(),
            payload,
            abandoned: BTreeSet::new(),
        };
        this.connect();
        this.rest();
        if settings & 128 == 0 {
            this.settle(8);
            for side in [0, 1] {
                this.write(side, StreamId::ZERO, 10_000);
                this.rest();
            }
        }
        this
    }

    // ---- polling, and what must hold ----

    /// Both sides do what there is to do now.
    pub(super) fn rest(&mut self) -> Option<Instant> {
        let deadlines = [self.rest_one(0), self.rest_one(1)];
        deadlines.into_iter().flatten().min()
    }

    fn rest_one(&mut self, side: usize) -> Option<Instant> {
        let mut was_idle = false;
        loop {
            let before = self.ends[side].busy;
            let deadline = self.poll(side);
            if deadline.is_none_or(|at| at > self.now) {
                return deadline;
            }
            let is_stuck = was_idle && self.ends[side].busy == before;
            assert!(!is_stuck, "side {side} wants to be polled again and does nothing");
            was_idle = true;
        }
    }

    fn poll(&mut self, side: usize) -> Option<Instant> {
        let mut buf = Vec::new();
        for _ in 0..MAX_POLLS {
            buf.clear();
            match self.ends[side].endpoint.poll(self.now, &mut buf) {
                Output::Transmit(transmit) => self.send(side, &transmit, &buf),
                Output::Event(event) => self.on_event(side, event),
                Output::Idle(deadline) => {
                    self.check(side);
                    return deadline;
                }
            }
            self.ends[side].busy += 1;
        }
        panic!("side {side} never comes to rest");
    }

    fn send(&mut self, side: usize, transmit: &Transmit, buf: &[u8]) {
        assert!(!transmit.range.is_empty() && transmit.segment > 0, "{transmit:?} sends nothing");
        for datagram in transmit.datagrams(buf) {
            assert!((1..=self.payload).contains(&datagram.len()), "{} bytes", datagram.len());
            self.learn(side, datagram);
            let is_lost = transmit.to == SocketAddr::from(STRANGER);
            if !is_lost && self.wire[side].len() < MAX_ON_WIRE {
                self.wire[side].push_back((datagram.to_vec(), transmit.ecn));
            }
        }
    }

    /// Ids and numbers, as anybody can see them who sees the packets.
    fn learn(&mut self, side: usize, datagram: &[u8]) {
        let (header, _) = Header::decode(datagram).expect("an endpoint sends packets");
        match header {
            Header::Syn(client) => self.ends[0].id = Some(client),
            Header::Ack(numbered) | Header::Data(numbered) => {
                if self.ends[1 - side].id.replace(numbered.to) != Some(numbered.to) {
                    self.ends[side].next_number = 0;
                }
                let next = &mut self.ends[side].next_number;
                *next = numbered.number.expand(*next).saturating_add(1).max(*next);
            }
            _ => {}
        }
    }

    fn on_event(&mut self, side: usize, event: Event) {
        let end = &mut self.ends[side];
        match event {
            Event::Incoming(_) => {
                end.lives.extend(end.endpoint.accept().map(Life::new));
            }
            Event::Datagram => {
                let waiting = std::iter::from_fn(|| end.endpoint.recv_from());
                let lens: Vec<usize> = waiting.map(|(_, data)| data.len() + 64).collect();
                let bound = MAX_PLAIN_WAITING.max(lens.first().copied().unwrap_or_default());
                assert!(lens.iter().sum::<usize>() <= bound, "{lens:?}");
            }
            Event::Connection(handle, ConnectionEvent::Closed) => {
                let ended = end.endpoint.connection(handle).and_then(Connection::ended);
                assert!(ended.is_some(), "closed, and nobody knows how");
                for life in end.lives.iter_mut().filter(|life| life.handle == handle) {
                    life.closes += 1;
                    assert_eq!(life.closes, 1, "closed twice");
                }
            }
            _ => {}
        }
    }

    fn check(&self, side: usize) {
        let end = &self.ends[side];
        for (handle, connection) in end.endpoint.connections() {
            assert_eq!(connection.check(), Ok(()), "side {side}, {handle:?}");
            let memory = connection.stats().memory;
            assert!(memory <= end.bound(), "{memory} bytes, {} are allowed", end.bound());
        }
    }

    // ---- the network ----

    pub(super) fn deliver(&mut self, from: usize, mark: Option<Ecn>) {
        if let Some((mut data, ecn)) = self.wire[from].pop_front() {
            self.hand_over(1 - from, self.ends[from].address, mark.unwrap_or(ecn), &mut data);
        }
    }

    fn hand_over(&mut self, to: usize, from: SocketAddr, ecn: Ecn, data: &mut [u8]) {
        self.ends[to].endpoint.handle(self.now, Datagram { from, to: None, ecn, data });
    }

    /// Flips a bit of the next packet.
    pub(super) fn flip(&mut self, from: usize, at: usize) {
        if let Some((packet, _)) = self.wire[from].front_mut()
            && let Some(byte) = packet.get_mut(at / 8)
        {
            *byte ^= 1 << (at % 8);
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Everything arrives, for some rounds.
    pub(super) fn settle(&mut self, rounds: usize) {
        for _ in 0..rounds {
            for from in [0, 1] {
                (0..self.wire[from].len()).for_each(|_| self.deliver(from, None));
                self.rest();
            }
        }
    }

    /// The client's packets come from another address from now on.
    pub(super) fn move_client(&mut self) {
        let port = self.ends[0].address.port();
        self.ends[0].address.set_port(port ^ 1);
    }

    // ---- the applications ----

    pub(super) fn connect(&mut self) {
        let server = self.ends[1].address;
        let end = &mut self.ends[0];
        if end.lives.len() < 4 {
            end.lives.extend(end.endpoint.connect(self.now, server).map(Life::new));
        }
    }

    pub(super) fn open(&mut self, side: usize) {
        if let Some((_, connection)) = self.ends[side].life() {
            let streams = connection.streams();
            let is_opened = streams.open().is_ok();
            while streams.accept().is_some() {}
            self.ends[side].opened += usize::from(is_opened);
        }
    }

    pub(super) fn write(&mut self, side: usize, id: StreamId, len: usize) {
        let Some((life, connection)) = self.ends[side].life() else { return };
        let at = life.written.entry(id).or_default();
        let data: Vec<u8> = (*at..*at + len as u64).map(|n| byte(side, id, n)).collect();
        let room = connection.streams().writable(id);
        if let Ok(n) = connection.streams().write(id, &data) {
            assert_eq!(n, len.min(room), "what `writable` promised");
            *at += n as u64;
        }
    }

    /// Reads, and holds it against what the other side wrote. Returns how much it was.
    pub(super) fn read(&mut self, side: usize, id: StreamId, len: usize) -> usize {
        let peer = &self.ends[1 - side].lives;
        let written = |life: &Life| life.written.get(&id).copied().unwrap_or_default();
        let written = peer.iter().map(written).max().unwrap_or_default();
        let is_finished = peer.iter().any(|life| life.finished.contains(&id));
        let is_deceived = self.ends[side].is_deceived;
        let Some((life, connection)) = self.ends[side].life() else { return 0 };
        let len = len.min(connection.streams().readable(id) + 64);
        let (mut seen, mut buf) = (vec![0; len], vec![0; len]);
        let peeked = connection.streams().peek(id, &mut seen);
        let result = connection.streams().read(id, &mut buf);
        assert_eq!(peeked, result, "peek and read");
        assert_eq!(seen, buf, "peek and read");
        if matches!(result, Err(ReadError::Reset(_))) {
            // Told once; what is read afterwards is no end.
            self.abandoned.insert(id);
        }
        let Ok(n) = result else { return 0 };
        let at = life.read.entry(id).or_default();
        let range = *at..*at + n as u64;
        *at = range.end;
        if is_deceived || self.abandoned.contains(&id) {
            return n;
        }
        assert!(range.end <= written, "read {range:?} of {written} bytes of stream {id}");
        let expected = range.clone().map(|n| byte(1 - side, id, n));
        assert!(buf[..n].iter().copied().eq(expected), "read something else than was written");
        // Which of several connections is this one's other side, nobody can tell.
        if n == 0 && len > 0 && self.ends[1 - side].lives.len() == 1 {
            assert!(is_finished, "the end of stream {id}, which was not finished");
            assert_eq!(range.end, written, "the end of stream {id} before its end");
        }
        n
    }

    /// Ends a stream in one of five ways.
    pub(super) fn finish(&mut self, side: usize, id: StreamId, how: u8, code: u64) {
        let Some((life, connection)) = self.ends[side].life() else { return };
        let streams = connection.streams();
        match how {
            0 | 1 => {
                if streams.finish(id).is_ok() {
                    life.finished.insert(id);
                }
                return;
            }
            2 => streams.reset(id, code),
            3 => streams.stop(id, code),
            _ => streams.discard(id),
        }
        self.abandoned.insert(id);
    }

    pub(super) fn close(&mut self, side: usize, linger: Duration) {
        let now = self.now;
        if let Some((life, connection)) = self.ends[side].life() {
            connection.close(now, 7, b"over", linger);
            // Closing finishes every stream, also those that nothing was written to.
            life.finished.extend((0..8).map(StreamId));
        }
    }

    pub(super) fn forget(&mut self, side: usize) {
        let end = &mut self.ends[side];
        end.lives.iter().for_each(|life| end.endpoint.forget(life.handle));
    }

    // ---- the forger ----

    /// A perfect DATA packet with these bytes as its frames.
    pub(super) fn forge(&mut self, to: usize, frames: &[u8], ack_eliciting: bool, ahead: u64) {
        let (Some(id), Some(from)) = (self.ends[to].id, self.ends[1 - to].id) else { return };
        let number = self.ends[1 - to].next_number.saturating_add(ahead);
        self.ends[1 - to].next_number = number.saturating_add(1);
        let header = Numbered {
            to: id,
            number: Truncated { low: number & 0xffff_ffff, bytes: 4 },
            ack_eliciting,
            key_phase: false,
            spare: false,
        };
        let mut packet = Vec::new();
        Header::Data(header).encode(&mut packet);
        packet.extend_from_slice(frames);
        Crc32.seal(Pseudo { number, to: id, from }, &mut packet, 0, 0);
        self.ends[to].is_deceived = true;
        self.hand_over(to, self.ends[1 - to].address, Ecn::NotEct, &mut packet);
    }

    /// A datagram that is just bytes, from the peer's address or from a stranger's.
    pub(super) fn inject(&mut self, to: usize, bytes: &[u8], is_strange: bool) {
        let peer = self.ends[1 - to].address;
        let from = if is_strange { SocketAddr::from(STRANGER) } else { peer };
        self.hand_over(to, from, Ecn::NotEct, &mut bytes.to_vec());
    }

    /// Changes a byte behind the next packet's header, and makes its checksum right again.
    pub(super) fn rewrite(&mut self, from: usize, at: usize, value: u8) {
        let (sender, expected) = (self.ends[from].id, self.ends[from].next_number);
        let Some((packet, _)) = self.wire[from].front_mut() else { return };
        let Ok((header, end)) = Header::decode(packet) else { return };
        let Some((covered, trailer)) = packet.split_last_chunk_mut::<4>() else { return };
        let Some(byte) = covered.get_mut(end + at) else { return };
        *byte = value;
        *trailer = match (header, sender) {
            (Header::Data(numbered) | Header::Ack(numbered), Some(from)) => {
                let number = numbered.number.expand(expected);
                Crc32::of(Pseudo { number, to: numbered.to, from }, covered)
            }
            _ => crc32fast::hash(covered),
        }
        .to_be_bytes();
        self.ends[1 - from].is_deceived = true;
    }

    // ---- the end ----

    /// The network is perfect from here on. If nobody was deceived and nobody closed, all that was
    /// written arrives, and nobody waits for long before trying.
    pub(super) fn heal(&mut self) {
        let until = self.now + 6 * self.patience();
        while self.ends.iter().all(|end| end.is_open() && !end.is_deceived && end.lives.len() == 1)
            && !self.has_all_arrived()
        {
            let mut moved = 0;
            for side in [0, 1] {
                moved += (0..8).map(|id| self.read(side, StreamId(id), 1 << 17)).sum::<usize>();
            }
            let deadline = self.rest();
            moved += self.wire[0].len() + self.wire[1].len();
            self.settle(1);
            // Round trips take time, so that tiny windows grow.
            self.pass(Duration::from_millis(1));
            if moved == 0 {
                assert!(self.now < until, "something never arrives");
                let deadline = deadline.expect("something is missing and no timer is armed");
                let wait = deadline.saturating_since(self.now);
                assert!(wait < self.patience(), "something is missing, and nothing for {wait:?}");
                self.now = self.now.max(deadline);
            }
        }
    }

    /// Longer than a probe of loss recovery or for credit backs off to, which depends on the round trip.
    fn patience(&self) -> Duration {
        let connections = self.ends.iter().flat_map(|end| end.endpoint.connections());
        let stats = connections.map(|(_, connection)| connection.stats());
        let round_trip =
            stats.map(|stats| stats.srtt.unwrap_or_default() + stats.rttvar.unwrap_or_default());
        Duration::from_secs(10) + 8 * round_trip.max().unwrap_or_default()
    }

    fn has_all_arrived(&self) -> bool {
        [0, 1].into_iter().all(|side| {
            let [sent, got] = [side, 1 - side].map(|side| self.ends[side].lives.last());
            let (Some(sent), Some(got)) = (sent, got) else { return true };
            let mut sent = sent.written.iter().filter(|(id, _)| !self.abandoned.contains(id));
            sent.all(|(id, written)| got.read.get(id).copied().unwrap_or_default() == *written)
        })
    }

    /// Both applications close and forget, and no packet arrives any more: nothing may be left.
    pub(super) fn end(mut self) {
        for end in &mut self.ends {
            let handles: Vec<Handle> =
                end.endpoint.connections().map(|(handle, _)| handle).collect();
            for handle in handles {
                if let Some(connection) = end.endpoint.connection_mut(handle) {
                    connection.close(self.now, 0, b"", Duration::ZERO);
                }
                end.endpoint.forget(handle);
            }
        }
        for _ in 0..1000 {
            let Some(deadline) = self.rest() else { break };
            self.now = deadline;
        }
        for (side, end) in self.ends.iter().enumerate() {
            assert!(
                end.endpoint.is_empty(),
                "side {side} keeps {} connections",
                end.endpoint.len()
            );
            assert_eq!(end.endpoint.memory(), 0, "side {side} keeps memory");
        }
        assert_eq!(self.rest(), None, "a timer is left");
    }
}

/// What a side writes to a stream at an offset.
const fn byte(side: usize, id: StreamId, offset: u64) -> u8 {
    let n = offset.wrapping_mul(0x9e37_79b9).wrapping_add(id.0 * 5 + side as u64 * 3);
    (n >> 5) as u8
}
