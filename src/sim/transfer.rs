//! An application that moves bytes both ways on any number of streams and checks each of them.
//!
//! The bytes of a stream follow from who sends, which stream it is and where in it they are, so that
//! nothing has to be kept to compare with.

use super::App;
use crate::endpoint::{ConnectionEvent, Ended, Endpoint, Event, Handle};
use crate::stream::{ReadError, Streams};
use crate::time::{Duration, Instant};
use crate::wire::{Side, StreamId};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// What one side does on a connection.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Bytes to send, stream by stream: the first entry goes to stream 0, others open a stream.
    pub send: Vec<u64>,
    /// How many bytes are written at once, at most.
    pub write_chunk: usize,
    /// How many bytes are read at once, at most.
    pub read_chunk: usize,
    /// After so many bytes the reader pauses for so long.
    pub pause: Option<(u64, Duration)>,
    /// When the connection is closed.
    pub close: Closing,
}

/// When a side closes its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// It leaves that to the peer.
    Never,
    /// As soon as everything is written; what is written is delivered for at most so long.
    Written(Duration),
    /// Once all that was sent is delivered, and so many streams of the peer have ended.
    Done(usize),
    /// At this time, whatever is under way; with this much patience.
    At(Instant, Duration),
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            send: Vec::new(),
            write_chunk: 64 * 1024,
            read_chunk: 64 * 1024,
            pause: None,
            close: Closing::Never,
        }
    }
}

/// What arrived on a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Bytes, all of them checked.
    pub bytes: u64,
    /// When the last of them was read.
    pub last_at: Instant,
    /// Whether the end was read.
    pub is_finished: bool,
}

/// A stream on its way out.
#[derive(Clone, Copy, Debug)]
struct Outgoing {
    id: Option<StreamId>,
    written: u64,
    total: u64,
    is_finished: bool,
}

/// A connection and how far its plan has got.
#[derive(Debug)]
pub struct Flow {
    /// The connection.
    pub handle: Handle,
    /// When it was asked for, or accepted.
    pub begun_at: Instant,
    /// When the handshake was done.
    pub connected_at: Option<Instant>,
    /// What arrived, by stream.
    pub received: BTreeMap<StreamId, Received>,
    /// How it ended, once it has.
    pub ended: Option<Ended>,
    /// Bytes and places that were not as they should be: empty if all is well.
    pub violations: Vec<String>,
    plan: Plan,
    side: Side,
    outgoing: Vec<Outgoing>,
    paused_until: Option<Instant>,
    until_pause: u64,
    is_closed: bool,
    is_forgotten: bool,
}

impl Flow {
    fn new(now: Instant, handle: Handle, side: Side, plan: &Plan) -> Self {
        let stream =
            |total: &u64| Outgoing { id: None, written: 0, total: *total, is_finished: false };
        let mut outgoing: Vec<_> = plan.send.iter().map(stream).collect();
        if outgoing.is_empty() {
            outgoing.push(stream(&0));
        }
        if let Some(first) = outgoing.first_mut() {
            first.id = Some(StreamId::ZERO);
        }
        Self {
            handle,
            begun_at: now,
            connected_at: (side == Side::Server).then_some(now),
            received: BTreeMap::new(),
            ended: None,
            violations: Vec::new(),
            plan: plan.clone(),
            side,
            outgoing,
            paused_until: None,
            until_pause: plan.pause.map_or(u64::MAX, |(bytes, _)| bytes),
            is_closed: false,
            is_forgotten: false,
        }
    }

    /// Bytes that arrived, on all streams.
    pub fn bytes_received(&self) -> u64 {
        self.received.values().map(|r| r.bytes).sum()
    }

    /// Streams on which the peer sends, and whose end was read.
    pub fn finished(&self) -> usize {
        let sends = |id: &StreamId| *id == StreamId::ZERO || id.opener() == self.side.peer();
        self.received.iter().filter(|(id, r)| sends(id) && r.is_finished).count()
    }

    /// Whether all that was to be sent has been written.
    pub fn is_written(&self) -> bool {
        self.outgoing.iter().all(|o| o.is_finished)
    }

    fn write(&mut self, streams: &mut Streams) -> bool {
        let mut did = false;
        let mut chunk = Vec::new();
        for out in &mut self.outgoing {
            if out.is_finished {
                continue;
            }
            let Some(id) = out.id.or_else(|| streams.open().ok()) else { break };
            out.id = Some(id);
            while out.written < out.total {
                let n = (out.total - out.written).min(self.plan.write_chunk as u64);
                let n = n.min(streams.writable(id) as u64);
                if n == 0 {
                    // Asks to be told when there is room.
                    let _ = streams.write(id, &[0]).map(|n| debug_assert_eq!(n, 0));
                    break;
                }
                chunk.clear();
                pattern(self.side, id, out.written, n as usize, &mut chunk);
                let Ok(n) = streams.write(id, &chunk) else { break };
                out.written += n as u64;
                did = true;
            }
            if out.written == out.total && streams.finish(id).is_ok() {
                out.is_finished = true;
                did = true;
            }
        }
        did
    }

    fn read(&mut self, now: Instant, streams: &mut Streams, buf: &mut Vec<u8>) -> bool {
        if self.paused_until.is_some_and(|at| at > now) {
            return false;
        }
        self.paused_until = None;
        while let Some(id) = streams.accept() {
            self.received.entry(id).or_default();
            // Nothing goes back on streams that the peer has opened.
            let _ = streams.finish(id);
        }
        self.received.entry(StreamId::ZERO).or_default();
        self.outgoing.iter().filter_map(|o| o.id).for_each(|id| {
            self.received.entry(id).or_default();
        });
        let mut did = false;
        buf.resize(self.plan.read_chunk, 0);
        let ids: Vec<_> =
            self.received.iter().filter(|(_, r)| !r.is_finished).map(|(id, _)| *id).collect();
        for id in ids {
            while self.paused_until.is_none() && self.read_once(now, id, streams, buf) {
                did = true;
            }
        }
        did
    }

    fn read_once(
        &mut self,
        now: Instant,
        id: StreamId,
        streams: &mut Streams,
        buf: &mut [u8],
    ) -> bool {
        let received = self.received.entry(id).or_default();
        if received.is_finished {
            return false;
        }
        match streams.read(id, buf) {
            Ok(0) => {
                received.is_finished = true;
                true
            }
            Ok(n) => {
                let bytes = buf.get(..n).unwrap_or_default();
                if !is_pattern(self.side.peer(), id, received.bytes, bytes) {
                    self.violations.push(format!("stream {id}: wrong bytes at {}", received.bytes));
                }
                received.bytes += n as u64;
                received.last_at = now;
                self.until_pause = self.until_pause.saturating_sub(n as u64);
                if let (0, Some((bytes, pause))) = (self.until_pause, self.plan.pause) {
                    self.until_pause = bytes;
                    self.paused_until = Some(now + pause);
                }
                true
            }
            Err(ReadError::Blocked | _) => false,
        }
    }

    fn wants_close(&self, now: Instant, streams: &Streams) -> Option<Duration> {
        match self.plan.close {
            Closing::Never => None,
            Closing::Written(linger) => self.is_written().then_some(linger),
            Closing::Done(count) => {
                (self.is_written() && streams.is_all_acknowledged() && self.finished() >= count)
                    .then_some(Duration::from_secs(2))
            }
            Closing::At(at, linger) => (now >= at).then_some(linger),
        }
    }

    fn work(&mut self, now: Instant, endpoint: &mut Endpoint, buf: &mut Vec<u8>) -> bool {
        let Some(connection) = endpoint.connection_mut(self.handle) else { return false };
        if connection.is_connecting() {
            let is_due = matches!(self.plan.close, Closing::At(at, _) if now >= at);
            if is_due && !self.is_closed {
                connection.close(now, 0, b"", Duration::ZERO);
                self.is_closed = true;
            }
            return false;
        }
        let mut did = self.read(now, connection.streams(), buf);
        if connection.ended().is_some() {
            return did;
        }
        if !self.is_closed {
            did |= self.write(connection.streams());
            if let Some(linger) = self.wants_close(now, connection.streams()) {
                connection.close(now, 0, b"", linger);
                self.is_closed = true;
                did = true;
            }
        }
        did
    }

    fn deadline(&self) -> Option<Instant> {
        let close = match self.plan.close {
            Closing::At(at, _) if !self.is_closed && self.ended.is_none() => Some(at),
            _ => None,
        };
        [self.paused_until, close].into_iter().flatten().min()
    }
}

/// Connects, accepts, and carries out plans.
#[derive(Debug, Default)]
pub struct Transfer {
    /// Connections, in the order in which they were asked for or accepted.
    pub flows: Vec<Flow>,
    /// To be asked for, at these times.
    connects: Vec<(Instant, SocketAddr, Plan)>,
    /// What is done on each accepted connection; without it they wait.
    serve: Option<Plan>,
    is_dirty: bool,
    /// What is read goes here.
    buf: Vec<u8>,
}

impl Transfer {
    /// A client that connects to `server` at `at` and carries out `plan`.
    pub fn client(at: Instant, server: SocketAddr, plan: Plan) -> Self {
        Self { connects: vec![(at, server, plan)], ..Self::default() }
    }

    /// A server that carries out `plan` on each connection.
    pub fn server(plan: Plan) -> Self {
        Self { serve: Some(plan), ..Self::default() }
    }

    /// One more connection to ask for.
    pub fn and_connect(mut self, at: Instant, server: SocketAddr, plan: Plan) -> Self {
        self.connects.push((at, server, plan));
        self
    }

    /// All that was not as it should be.
    pub fn violations(&self) -> impl Iterator<Item = &String> {
        self.flows.iter().flat_map(|flow| &flow.violations)
    }

    fn begin(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        let due: Vec<_> = self.connects.extract_if(.., |(at, ..)| *at <= now).collect();
        let did = !due.is_empty();
        for (_, server, plan) in due {
            if let Ok(handle) = endpoint.connect(now, server) {
                self.flows.push(Flow::new(now, handle, Side::Client, &plan));
            }
        }
        let Some(plan) = &self.serve else { return did };
        let mut accepted = false;
        while let Some(handle) = endpoint.accept() {
            self.flows.push(Flow::new(now, handle, Side::Server, plan));
            accepted = true;
        }
        did || accepted
    }

    fn flow(&mut self, handle: Handle) -> Option<&mut Flow> {
        self.flows.iter_mut().find(|flow| flow.handle == handle)
    }
}

impl App for Transfer {
    fn on_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        self.is_dirty = true;
        let Event::Connection(handle, event) = event else { return };
        match event {
            ConnectionEvent::Connected => {
                if let Some(flow) = self.flow(handle) {
                    flow.connected_at.get_or_insert(now);
                }
            }
            ConnectionEvent::Closed => {
                // Whoever closed before it was accepted is accepted here, so that its end is seen.
                self.begin(now, endpoint);
                let ended = endpoint.connection(handle).and_then(|c| c.ended().cloned());
                if let Some(flow) = self.flow(handle) {
                    if flow.ended.is_some() {
                        flow.violations.push("closed twice".to_owned());
                    }
                    flow.ended = ended;
                }
            }
            ConnectionEvent::Stream(_) | ConnectionEvent::Channel(_) => {}
        }
    }

    fn work(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        let is_due = self.deadline().is_some_and(|at| at <= now);
        if !std::mem::take(&mut self.is_dirty) && !is_due {
            return false;
        }
        let mut did = self.begin(now, endpoint);
        for flow in &mut self.flows {
            did |= flow.work(now, endpoint, &mut self.buf);
            if flow.ended.is_some() && flow.paused_until.is_none() && !flow.is_forgotten {
                endpoint.forget(flow.handle);
                flow.is_forgotten = true;
                did = true;
            }
        }
        self.is_dirty = did;
        did
    }

    fn deadline(&self) -> Option<Instant> {
        let connect = self.connects.iter().map(|(at, ..)| *at);
        connect.chain(self.flows.iter().filter_map(Flow::deadline)).min()
    }
}

/// Appends `n` bytes of a stream from `offset` on.
pub fn pattern(sender: Side, id: StreamId, offset: u64, n: usize, out: &mut Vec<u8>) {
    let words = Words::new(sender, id);
    let (mut index, skip) = (offset / 8, (offset % 8) as usize);
    let end = out.len() + n;
    if skip > 0 {
        let head = words.at(index);
        out.extend_from_slice(&head[skip..(skip + n).min(8)]);
        index += 1;
    }
    let whole = out.len();
    out.resize(end, 0);
    let (chunks, tail) = out[whole..].as_chunks_mut();
    for chunk in chunks {
        *chunk = words.at(index);
        index += 1;
    }
    tail.copy_from_slice(&words.at(index)[..tail.len()]);
}

/// Whether `bytes` are those of the stream from `offset` on.
pub(super) fn is_pattern(sender: Side, id: StreamId, offset: u64, bytes: &[u8]) -> bool {
    let words = Words::new(sender, id);
    let (mut index, skip) = (offset / 8, (offset % 8) as usize);
    let mut rest = bytes;
    if skip > 0 {
        let (head, behind) = rest.split_at((8 - skip).min(rest.len()));
        if head != &words.at(index)[skip..skip + head.len()] {
            return false;
        }
        (rest, index) = (behind, index + 1);
    }
    let (chunks, tail) = rest.as_chunks();
    let end = index + chunks.len() as u64;
    // All of them, without a branch for each: what is wrong is rare.
    let wrong =
        (index..).zip(chunks).fold(false, |wrong, (n, chunk)| wrong | (*chunk != words.at(n)));
    !wrong && tail == &words.at(end)[..tail.len()]
}

/// A stream's bytes, eight at a time.
#[derive(Clone, Copy)]
struct Words(u64);

impl Words {
    fn new(sender: Side, id: StreamId) -> Self {
        Self((id.0 << 1 | sender as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn at(self, index: u64) -> [u8; 8] {
        let word = (self.0 ^ index).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = word ^ (word >> 29);
        word.wrapping_mul(0x94d0_49bb_1331_11eb).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_the_same_from_wherever_it_is_begun() {
        let (side, id) = (Side::Server, StreamId(6));
        let mut whole = Vec::new();
        pattern(side, id, 0, 100, &mut whole);
        for start in 0..24 {
            for n in 0..24 {
                let mut part = vec![1, 2, 3];
                pattern(side, id, start as u64, n, &mut part);
                assert_eq!(part[3..], whole[start..start + n], "{start} {n}");
                assert!(is_pattern(side, id, start as u64, &whole[start..start + n]));
                for wrong in 0..n {
                    let mut bytes = whole[start..start + n].to_vec();
                    bytes[wrong] ^= 1;
                    assert!(!is_pattern(side, id, start as u64, &bytes), "{start} {n} {wrong}");
                }
            }
        }
    }
}
