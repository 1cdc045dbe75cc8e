//! What to send: streams, their buffers, their credit, and whose turn it is.
//!
//! [`Streams`] sees frames and the application's calls; no clock and no packet number. It says what
//! goes into a packet as [`Content`], and is told of each content's fate.

mod assembler;
mod credit;
mod event;
mod receive;
mod recv;
mod schedule;
mod send;
mod send_buffer;
mod state;
mod table;
mod transmit;

pub use assembler::{Assembler, Full, MAX_PIECES};
pub use event::StreamEvent;
pub use recv::ReadError;
use send::SendHalf;
pub use send::WriteError;
pub use send_buffer::{Chunk, Counts, SendBuffer};

use crate::wire::{BASE_PAYLOAD, Side, StreamId};
use credit::{RecvCredit, SendCredit};
use event::Events;
use schedule::{Ring, Schedule};
use state::Initiator;
use std::fmt;
use std::ops::Range;
use table::{Stream, Table};

/// The send buffer's bound is never below this, in bytes, unless the configuration says so.
const MIN_SEND_BUFFER: u64 = 256 * 1024;

/// What any one stream may buffer, in bytes, while the others fill the connection's bound: so a
/// stream that nobody reads does not stop the others.
const STREAM_SHARE: u64 = 64 * 1024;

/// Updates of the connection's limit that are smaller than this, in bytes, are never worth a frame,
/// except for windows that are small themselves.
const LIMIT_GRAIN: u64 = 2 * BASE_PAYLOAD as u64;

/// Windows, limits and habits of a connection's streams.
#[derive(Clone, Debug)]
pub struct StreamConfig {
    /// Bytes of a stream that may wait to be read at first. Default: 4 MiB, what 100 Mbit/s
    /// need at 50 ms while every tenth packet is lost; memory is taken only for data that waits.
    pub recv_window: u64,
    /// Bytes of all streams together that may wait to be read at first. Default: 6 MiB.
    pub conn_recv_window: u64,
    /// Bytes that both windows grow to, if the application reads as fast as the path delivers.
    /// Default: 64 MiB.
    pub max_recv_window: u64,
    /// Streams that the peer may have open at once, stream 0 included if it connected. Default: 100.
    pub max_streams: u64,
    /// Bytes that may be written and not acknowledged, of all streams together. Default: 64 MiB.
    pub max_send_buffer: u64,
    /// Whether small writes go out at once instead of waiting for the one before to arrive.
    /// Default: false.
    pub nodelay: bool,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            recv_window: 4 << 20,
            conn_recv_window: 6 << 20,
            max_recv_window: 64 << 20,
            max_streams: 100,
            max_send_buffer: 64 << 20,
            nodelay: false,
        }
    }
}

/// The limits that the peer stated in the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerLimits {
    /// Bytes on all streams together.
    pub max_data: u64,
    /// Bytes on each stream.
    pub max_stream_data: u64,
    /// Streams that we may open, stream 0 included if we connected.
    pub max_streams: u64,
}

/// What a packet carried, so that its fate can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Bytes of a stream.
    Data {
        /// The stream.
        id: StreamId,
        /// The bytes' offsets.
        range: Range<u64>,
        /// Whether FIN was behind them.
        fin: bool,
        /// Counts the stream's transmissions: which of several copies this is.
        copy: u32,
    },
    /// The connection's limit.
    MaxData,
    /// A stream's limit.
    MaxStreamData(StreamId),
    /// The limit of the number of streams.
    MaxStreams,
    /// A stream's RESET_STREAM.
    Reset(StreamId),
    /// A stream's STOP_SENDING.
    Stop(StreamId),
}

/// The peer broke the protocol: the connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Violation {
    /// It sent more than it was allowed to.
    FlowControl,
    /// It changed a stream's final size, or sent data beyond it.
    FinalSize,
    /// It opened more streams than it was allowed to.
    StreamLimit,
    /// It spoke of a stream of ours that was never opened.
    StreamState,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FlowControl => "the peer sent more than its credit",
            Self::FinalSize => "the peer contradicted a stream's final size",
            Self::StreamLimit => "the peer opened more streams than it may",
            Self::StreamState => "the peer named a stream that was never opened",
        })
    }
}

impl std::error::Error for Violation {}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The peer broke the protocol.
    Violation(Violation),
    /// A bound on memory is reached: the whole packet is to be dropped without acknowledging it;
    /// the peer will send it again.
    Full,
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation(violation) => violation.fmt(f),
            Self::Full => f.write_str("too many separate pieces of a stream wait for the gaps"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Why no stream can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// As many are open as the peer allows; [`StreamEvent::Openable`] follows.
    Limit,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as many streams are open as the peer allows")
    }
}

impl std::error::Error for OpenError {}

/// Whose credit holds data back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// The connection's.
    Connection,
    /// The stream's own.
    Stream,
}

/// Data that waits for credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// A stream that has such data.
    pub id: StreamId,
    /// Whose credit is missing.
    pub by: Limit,
}

/// All streams of a connection.
#[derive(Debug)]
pub struct Streams {
    table: Table,
    schedule: Schedule,
    events: Events,
    /// Bytes that we may send on all streams.
    send_credit: SendCredit,
    /// Bytes that the peer may send on all streams.
    recv_credit: RecvCredit,
    max_recv_window: u64,
    /// Whether the peer's limits are known.
    is_started: bool,
    /// Bytes of frames that a full packet takes.
    max_chunk: usize,
    buffer: BufferBound,
    /// Streams whose writers wait for room.
    writers: Ring,
    /// Who sent data last.
    last_sender: StreamId,
    /// The counts of streams that are over.
    settled: Counts,
}

/// How much may be buffered for sending.
#[derive(Debug)]
struct BufferBound {
    /// Of one stream, not sent yet; follows the congestion window. What was sent does not count: how
    /// much of that has to be held depends on what was lost, and must not stop the sender.
    per_stream: u64,
    /// Of all together.
    max: u64,
    /// Held by all together.
    held: u64,
}

impl BufferBound {
    fn new(max: u64) -> Self {
        let max = max.max(1);
        Self { per_stream: MIN_SEND_BUFFER.min(max), max, held: 0 }
    }

    /// What a stream may add; one that has sent nothing yet has no send half.
    fn room(&self, send: Option<&SendHalf>) -> u64 {
        let (held, unsent) = send.map_or((0, 0), |send| (send.held() as u64, send.unsent()));
        let shared = self.max.saturating_sub(self.held);
        let guaranteed = STREAM_SHARE.min(self.max).saturating_sub(held);
        self.per_stream.saturating_sub(unsent).min(shared.max(guaranteed))
    }

    /// The room from which on a blocked writer is woken: not for every acknowledgement.
    fn low_water(&self) -> u64 {
        (self.per_stream / 4).clamp(1, STREAM_SHARE / 2)
    }
}

impl Streams {
    /// The streams of a new connection: stream 0, unused.
    pub fn new(side: Side, config: &StreamConfig) -> Self {
        Self {
            table: Table::new(side, config),
            schedule: Schedule::default(),
            events: Events::default(),
            send_credit: SendCredit::new(0),
            recv_credit: RecvCredit::new(config.conn_recv_window, LIMIT_GRAIN),
            max_recv_window: config.max_recv_window,
            is_started: false,
            max_chunk: BASE_PAYLOAD - 24,
            buffer: BufferBound::new(config.max_send_buffer),
            writers: Ring::default(),
            last_sender: StreamId::ZERO,
            settled: Counts::default(),
        }
    }

    /// The handshake is over and the peer's limits are known. What was written before goes out now.
    pub fn start(&mut self, peer: PeerLimits) {
        self.is_started = true;
        self.table.send_limit = peer.max_stream_data;
        for (_, stream) in self.table.iter_mut() {
            stream.send.raise_limit(peer.max_stream_data);
        }
        self.on_max_data(peer.max_data);
        self.on_max_streams(peer.max_streams);
        self.refile_all();
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// [`OpenError::Limit`] if the peer allows no more for now.
    pub fn open(&mut self) -> Result<StreamId, OpenError> {
        self.table.open().ok_or(OpenError::Limit)
    }

    /// The next stream that the peer opened. Stream 0 is not among them: it is always there.
    pub fn accept(&mut self) -> Option<StreamId> {
        self.table.accept()
    }

    /// Takes what fits of `data` into the send buffer; returns how many bytes. Only after
    /// [`WriteError::Blocked`] does [`StreamEvent::Writable`] follow.
    ///
    /// # Errors
    /// See [`WriteError`]. A stream that is over on both sides counts as finished.
    pub fn write(&mut self, id: StreamId, data: &[u8]) -> Result<usize, WriteError> {
        self.writer(id)?.send.check()?;
        let room = self.buffer.room(self.table.get(id).map(|stream| &stream.send));
        if room == 0 && !data.is_empty() {
            self.writers.set(id, true);
            return Err(WriteError::Blocked);
        }
        let n = (data.len() as u64).min(room);
        let stream = self.writer(id)?;
        stream.send.write(data.get(..n as usize).unwrap_or_default());
        self.buffer.held += n;
        self.refile(id);
        Ok(n as usize)
    }

    /// How many bytes `write` would take now.
    pub fn writable(&self, id: StreamId) -> usize {
        let room = match self.table.get(id) {
            Some(stream) if stream.send.check().is_err() => 0,
            Some(stream) => self.buffer.room(Some(&stream.send)),
            None if self.table.is_open(id) => self.buffer.room(None),
            None => 0,
        };
        room as usize
    }

    /// Ends the stream behind what was written. Doing so twice is the same as once.
    ///
    /// # Errors
    /// See [`WriteError`]: the stream was reset or stopped, or there is none.
    pub fn finish(&mut self, id: StreamId) -> Result<(), WriteError> {
        if self.table.is_closed(id) {
            return Ok(());
        }
        let stream = self.writer(id)?;
        match stream.send.check() {
            Ok(()) => stream.send.finish(),
            Err(WriteError::Finished) => {}
            Err(error) => return Err(error),
        }
        self.refile(id);
        Ok(())
    }

    /// Gives up what is not acknowledged and tells the peer `code`. Nothing if all is acknowledged.
    pub fn reset(&mut self, id: StreamId, code: u64) {
        self.give_up(id, code, Initiator::Local);
    }

    /// Takes bytes from the stream; 0 means that it ended, or that it is over on both sides.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(&mut self, id: StreamId, buf: &mut [u8]) -> Result<usize, ReadError> {
        let Some(stream) = self.table.touch(id) else { return self.read_closed(id) };
        let result = stream.recv.read(buf, &mut self.recv_credit);
        self.refile(id);
        result
    }

    /// Like `read`, but leaves the bytes there.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn peek(&self, id: StreamId, buf: &mut [u8]) -> Result<usize, ReadError> {
        match self.table.get(id) {
            Some(stream) => stream.recv.peek(buf),
            None if self.table.is_open(id) && buf.is_empty() => Ok(0),
            None if self.table.is_open(id) => Err(ReadError::Blocked),
            None => self.read_closed(id),
        }
    }

    /// How many bytes `read` can give now.
    pub fn readable(&self, id: StreamId) -> usize {
        self.table.get(id).map_or(0, |s| s.recv.readable() as usize)
    }

    /// Throws away what is there and what comes, and asks the peer to stop sending, with `code`.
    pub fn stop(&mut self, id: StreamId, code: u64) {
        self.ignore(id, Some(code));
    }

    /// Throws away what is there and what comes, and tells the peer nothing.
    pub fn discard(&mut self, id: StreamId) {
        self.ignore(id, None);
    }

    /// Whether the stream's small writes go out at once.
    pub fn set_nodelay(&mut self, id: StreamId, nodelay: bool) {
        if let Some(stream) = self.table.touch(id) {
            stream.send.set_nodelay(nodelay);
            self.refile(id);
        }
    }

    /// Finishes every stream that was opened, stream 0 too, used or not.
    pub fn finish_all(&mut self) {
        for id in self.table.open_ids() {
            // What was reset or stopped needs no FIN.
            let _ = self.finish(id);
        }
    }

    /// The oldest event.
    pub fn poll_event(&mut self) -> Option<StreamEvent> {
        self.events.pop(|id| self.table.get_mut(id).map(|s| &mut s.events))
    }

    /// Sets how many bytes of frames a full packet takes: what counts as a full one when small
    /// writes are coalesced.
    pub fn set_max_chunk(&mut self, bytes: usize) {
        if self.max_chunk != bytes {
            self.max_chunk = bytes;
            self.refile_all();
        }
    }

    /// Sets how many bytes each stream may buffer: about twice the congestion window. Bounded by the
    /// configuration, and never less than 256 KiB unless that says so.
    pub fn set_send_limit(&mut self, bytes: u64) {
        let bound = bytes.max(MIN_SEND_BUFFER).min(self.buffer.max);
        let grew = bound > self.buffer.per_stream;
        self.buffer.per_stream = bound;
        if grew {
            self.wake_writers();
        }
    }

    /// A round trip is over: windows that were well used grow.
    pub fn on_round(&mut self) {
        let max = self.max_recv_window;
        self.recv_credit.on_round(max);
        for (id, stream) in self.table.iter_mut() {
            stream.recv.on_round(max);
            self.schedule.file(id, stream.wants(self.max_chunk));
        }
    }

    /// Where the bytes of all streams are, those that are over included.
    pub fn counts(&self) -> Counts {
        let mut counts = self.settled;
        self.table.iter().for_each(|(_, stream)| counts += stream.send.counts());
        counts
    }

    /// Whether all written data, every FIN that was asked for and every reset is acknowledged.
    pub fn is_all_acknowledged(&self) -> bool {
        self.table.iter().all(|(_, stream)| stream.send.is_settled())
    }

    /// Bytes allocated for what the peer sent and for what was written. Walks over the streams.
    pub fn memory(&self) -> usize {
        self.table
            .iter()
            .map(|(_, s)| s.send.memory() + s.recv.memory() + size_of::<Stream>())
            .sum()
    }

    fn writer(&mut self, id: StreamId) -> Result<&mut Stream, WriteError> {
        let is_closed = self.table.is_closed(id);
        let gone = if is_closed { WriteError::Finished } else { WriteError::Unknown };
        self.table.touch(id).ok_or(gone)
    }

    fn read_closed(&self, id: StreamId) -> Result<usize, ReadError> {
        if self.table.is_closed(id) { Ok(0) } else { Err(ReadError::Unknown) }
    }

    fn ignore(&mut self, id: StreamId, stop: Option<u64>) {
        if let Some(stream) = self.table.touch(id) {
            stream.recv.discard(stop, &mut self.recv_credit);
            self.refile(id);
        }
    }

    /// Gives up a sending half; returns whether it was not over.
    fn give_up(&mut self, id: StreamId, code: u64, by: Initiator) -> bool {
        let Some(stream) = self.table.touch(id) else { return false };
        let Some(freed) = stream.send.reset(code, by) else { return false };
        self.writers.set(id, false);
        self.refile(id);
        self.release(freed);
        true
    }

    /// Bytes of send buffer became free.
    fn release(&mut self, bytes: usize) {
        self.buffer.held -= bytes as u64;
        if bytes > 0 {
            self.wake_writers();
        }
    }

    fn wake_writers(&mut self) {
        if self.writers.is_empty() {
            return;
        }
        let low_water = self.buffer.low_water();
        for id in self.writers.iter().collect::<Vec<_>>() {
            let Some(stream) = self.table.get_mut(id) else { continue };
            if self.buffer.room(Some(&stream.send)) >= low_water {
                self.writers.set(id, false);
                self.events.push(StreamEvent::Writable(id), &mut stream.events);
            }
        }
    }

    /// Something about a stream changed: forgets it if it is over, else files it under what it wants.
    fn refile(&mut self, id: StreamId) {
        let Some(stream) = self.table.get(id) else { return };
        if !stream.is_over() {
            self.schedule.file(id, stream.wants(self.max_chunk));
            return;
        }
        self.settled += stream.send.counts();
        self.schedule.file(id, schedule::Wants::default());
        self.writers.set(id, false);
        self.table.close(id);
    }

    fn refile_all(&mut self) {
        for (id, stream) in self.table.iter() {
            self.schedule.file(id, stream.wants(self.max_chunk));
        }
    }
}

#[cfg(test)]
mod tests;
