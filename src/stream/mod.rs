//! What to send: streams, their buffers, their credit, and whose turn it is.
//!
//! [`Streams`] sees frames and the application's calls; no clock and no packet number. It says what
//! goes into a packet as [`Content`], and is told of each content's fate.

mod assembler;
mod budget;
mod channel_frames;
mod channel_table;
mod channels;
mod config;
mod content;
mod credit;
mod event;
mod message;
mod receive;
mod recv;
mod refusal;
mod registry;
mod schedule;
mod send;
mod send_buffer;
mod state;
mod table;
mod transmit;

pub use assembler::{Assembler, Full, MAX_PIECES};
pub use config::{PeerLimits, StreamConfig};
pub use content::Content;
pub use credit::CreditUse;
pub use event::{ChannelEvent, FlowEvent, StreamEvent};
pub use message::{
    Abandoned, ChannelStats, Delivery, MAX_KEYS, MAX_OUTSTANDING, MAX_SETTLED_RANGES, MESSAGE_COST,
    Message, Outbound, Outcome, Overflow, Pattern, RecvError, SendError, Terms, URGENT_WINDOW,
    UnknownDelivery, Unsettled, Why,
};
pub use recv::ReadError;
pub use refusal::{Blocked, Limit, OpenError, Refusal, Violation};
pub use schedule::{FlowId, Priority};
pub use send::WriteError;
pub use send_buffer::{Chunk, Counts, SendBuffer};

use crate::wire::{BASE_PAYLOAD, ChannelId, Side, StreamId};
use budget::Budget;
use channel_table::{ChannelTable, Entry};
use credit::{RecvCredit, SendCredit};
use event::Events;
use schedule::{Ring, Schedule};
use state::Initiator;
use table::{Stream, Table};

/// What a stream may buffer is never below this, in bytes, unless the configuration says so.
const MIN_SEND_BUFFER: u64 = 256 * 1024;

/// Updates of the connection's limit that are smaller than this, in bytes, are never worth a frame,
/// except for windows that are small themselves.
const LIMIT_GRAIN: u64 = 2 * BASE_PAYLOAD as u64;

/// What may wait to be read on a channel without credit, and on all of them together, in bytes: each
/// message's and [`MESSAGE_COST`]. Beyond that the oldest ones are dropped.
const INBOX: (u64, u64) = (1 << 20, 4 << 20);

/// All streams and message channels of a connection.
#[derive(Debug)]
pub struct Streams {
    table: Table,
    channels: Box<ChannelTable>,
    schedule: Schedule,
    events: Events,
    /// Bytes that we may send on all streams and channels.
    send_credit: SendCredit,
    /// Bytes that the peer may send on all streams and channels.
    recv_credit: RecvCredit,
    max_recv_window: u64,
    /// Whether the peer's limits are known.
    is_started: bool,
    /// Bytes of frames that a full packet takes.
    max_chunk: usize,
    /// What was accepted and is held until it is acknowledged.
    buffer: Budget,
    /// What has come without credit and waits to be read.
    inbox: Budget,
    /// Flows whose writers wait for room.
    writers: Ring,
    /// What goes beside new messages of channels that are repaired.
    pattern: Pattern,
    /// The new messages in the packet that is being filled, which others may go beside.
    written: Vec<(ChannelId, u64)>,
    /// Who sent data last.
    last_sender: FlowId,
    /// The counts of streams that are over.
    settled: Counts,
}

impl Streams {
    /// The streams of a new connection: stream 0, unused.
    pub fn new(side: Side, config: &StreamConfig) -> Self {
        let max_chunk = BASE_PAYLOAD - 24;
        Self {
            table: Table::new(side, config),
            channels: Box::new(ChannelTable::new(config, side, max_chunk)),
            schedule: Schedule::default(),
            events: Events::default(),
            send_credit: SendCredit::new(0),
            recv_credit: RecvCredit::new(config.conn_window(), LIMIT_GRAIN),
            max_recv_window: config.max_recv_window,
            is_started: false,
            max_chunk,
            buffer: Budget::new(MIN_SEND_BUFFER, config.max_send_buffer),
            inbox: Budget::new(INBOX.0, INBOX.1),
            writers: Ring::default(),
            pattern: Pattern::OFF,
            written: Vec::new(),
            last_sender: StreamId::ZERO.into(),
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
        self.channels.start(&peer);
        self.on_max_channels(peer.max_channels);
        self.refile_all();
        self.wake_writers();
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
        let room = self.room(self.table.get(id));
        if room == 0 && !data.is_empty() {
            self.writers.set(id.into(), true);
            return Err(WriteError::Blocked);
        }
        let n = (data.len() as u64).min(room);
        let stream = self.writer(id)?;
        stream.send.write(data.get(..n as usize).unwrap_or_default());
        self.buffer.hold(n);
        self.refile(id);
        Ok(n as usize)
    }

    /// How many bytes `write` would take now.
    pub fn writable(&self, id: StreamId) -> usize {
        let room = match self.table.get(id) {
            Some(stream) if stream.send.check().is_err() => 0,
            stream if stream.is_some() || self.table.is_open(id) => self.room(stream),
            _ => 0,
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

    /// Sets whose data goes before whose.
    pub fn set_priority(&mut self, id: FlowId, priority: Priority) {
        let current = match id {
            FlowId::Stream(id) => self.table.touch(id).map(|s| &mut s.priority),
            FlowId::Channel(id) => self.channels.touch(id).map(|c| &mut c.priority),
        };
        if let Some(current) = current {
            *current = priority.clamped();
            self.refile_flow(id);
        }
    }

    /// Finishes every stream that was opened, stream 0 too, used or not, and every channel that was
    /// used.
    pub fn finish_all(&mut self) {
        for id in self.table.open_ids() {
            // What was reset or stopped needs no FIN.
            let _ = self.finish(id);
        }
        for id in self.channels.iter().map(|(id, _)| id).collect::<Vec<_>>() {
            self.finish_channel(id);
        }
    }

    /// The oldest event.
    pub fn poll_event(&mut self) -> Option<FlowEvent> {
        self.events.pop(|id| match id {
            FlowId::Stream(id) => self.table.get_mut(id).map(|s| &mut s.events),
            FlowId::Channel(id) => self.channels.get_mut(id).map(|c| &mut c.events),
        })
    }

    /// Sets what goes beside new messages of channels that may be sent redundantly. At first: nothing.
    pub const fn set_repair(&mut self, pattern: Pattern) {
        self.pattern = pattern;
    }

    /// Sets how many bytes of frames a full packet takes: what counts as a full one when small
    /// writes are coalesced.
    pub fn set_max_chunk(&mut self, bytes: usize) {
        if self.max_chunk != bytes {
            self.max_chunk = bytes;
            self.channels.set_max_chunk(bytes);
            self.refile_all();
        }
    }

    /// Sets how many bytes each stream may buffer: about twice the congestion window. Bounded by the
    /// configuration, and never less than 256 KiB unless that says so.
    pub fn set_send_limit(&mut self, bytes: u64) {
        let bound = bytes.max(MIN_SEND_BUFFER).min(self.buffer.max);
        let grew = bound > self.buffer.each;
        self.buffer.each = bound;
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
            self.schedule.file(id.into(), stream.wants(self.max_chunk), stream.priority);
        }
        for (id, entry) in self.channels.iter_mut() {
            entry.channel.on_round(max);
            self.schedule.file(id.into(), entry.channel.wants(), entry.priority);
        }
    }

    /// Where the bytes of all streams are, those that are over included.
    pub fn counts(&self) -> Counts {
        let mut counts = self.settled;
        self.table.iter().for_each(|(_, stream)| counts += stream.send.counts());
        counts
    }

    /// What was used of the connection's credit, which streams and channels share.
    pub const fn credit(&self) -> CreditUse {
        let (received, returned) = (self.recv_credit.used(), self.recv_credit.taken());
        CreditUse { sent: self.send_credit.used(), received, returned }
    }

    /// Whether all written data, every FIN that was asked for and every reset is acknowledged, and all
    /// messages are settled.
    pub fn is_all_acknowledged(&self) -> bool {
        self.table.iter().all(|(_, stream)| stream.send.is_settled())
            && self.channels.iter().all(|(_, entry)| entry.channel.is_settled())
    }

    /// Bytes allocated for what the peer sent and for what was written. Walks over the streams and
    /// channels.
    pub fn memory(&self) -> usize {
        let streams = self.table.iter();
        let streams = streams.map(|(_, s)| s.send.memory() + s.recv.memory() + size_of::<Stream>());
        let channels = self.channels.iter();
        let channels = channels.map(|(_, entry)| entry.channel.memory() + size_of::<Entry>());
        streams.chain(channels).sum()
    }

    fn writer(&mut self, id: StreamId) -> Result<&mut Stream, WriteError> {
        let is_closed = self.table.is_closed(id);
        let gone = if is_closed { WriteError::Finished } else { WriteError::Unknown };
        self.table.touch(id).ok_or(gone)
    }

    /// What a stream may add to the send buffer; one that was never used holds nothing.
    fn room(&self, stream: Option<&Stream>) -> u64 {
        let (held, unsent) = stream.map_or((0, 0), |s| (s.send.held() as u64, s.send.unsent()));
        self.buffer.room(held, unsent)
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
        self.writers.set(id.into(), false);
        self.refile(id);
        self.release(freed);
        true
    }

    /// Bytes of send buffer became free.
    fn release(&mut self, bytes: usize) {
        self.buffer.release(bytes as u64);
        if bytes > 0 {
            self.wake_writers();
        }
    }

    fn wake_writers(&mut self) {
        if self.writers.is_empty() {
            return;
        }
        for flow in self.writers.iter().collect::<Vec<_>>() {
            match flow {
                FlowId::Stream(id) => self.wake_stream(id),
                FlowId::Channel(id) => self.wake_channel(id),
            }
        }
    }

    /// Tells a stream that waits for room if it has a good part of it.
    fn wake_stream(&mut self, id: StreamId) {
        let Some(stream) = self.table.get_mut(id) else { return };
        let room = self.buffer.room(stream.send.held() as u64, stream.send.unsent());
        if room >= self.buffer.low_water() {
            self.writers.set(id.into(), false);
            self.events.push(StreamEvent::Writable(id), &mut stream.events);
        }
    }

    /// Something about a flow changed.
    fn refile_flow(&mut self, id: FlowId) {
        match id {
            FlowId::Stream(id) => self.refile(id),
            FlowId::Channel(id) => self.refile_channel(id),
        }
    }

    /// Something about a stream changed: forgets it if it is over, else files it under what it wants.
    fn refile(&mut self, id: StreamId) {
        let Some(stream) = self.table.get(id) else { return };
        if !stream.is_over() {
            self.schedule.file(id.into(), stream.wants(self.max_chunk), stream.priority);
            return;
        }
        self.settled += stream.send.counts();
        self.schedule.file(id.into(), schedule::Wants::default(), stream.priority);
        self.writers.set(id.into(), false);
        self.table.close(id);
    }

    fn refile_all(&mut self) {
        for (id, stream) in self.table.iter() {
            self.schedule.file(id.into(), stream.wants(self.max_chunk), stream.priority);
        }
        for (id, entry) in self.channels.iter() {
            self.schedule.file(id.into(), entry.channel.wants(), entry.priority);
        }
    }
}

#[cfg(test)]
mod tests;
