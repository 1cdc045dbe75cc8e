//! Which streams there are: counted when opened, made when first used, forgotten when over.

use super::credit::{Exceeded, RecvCredit, SendCredit};
use super::event::Waiting;
use super::recv::RecvHalf;
use super::schedule::Wants;
use super::send::SendHalf;
use super::{StreamConfig, Violation};
use crate::ranges::RangeSet;
use crate::wire::{MAX_VARINT, Side, StreamId};
use std::collections::BTreeMap;

/// The largest number of streams of one side: one more would have an id that no frame can carry.
const MAX_COUNT: u64 = MAX_VARINT / 2;

/// Both halves of a stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) send: SendHalf,
    pub(super) recv: RecvHalf,
    /// Its events that wait to be polled.
    pub(super) events: Waiting,
}

impl Stream {
    pub(super) fn is_over(&self) -> bool {
        self.send.is_over() && self.recv.is_over()
    }

    pub(super) fn wants(&self, max_chunk: usize) -> Wants {
        let mut wants = self.send.wants(max_chunk);
        wants.control |= self.recv.wants_limit() || self.recv.next_stop().is_some();
        wants
    }
}

/// The streams of a connection. A side opens its streams in the order of their numbers, and opening
/// one opens all below (RFC 9000 §2.1); so a count says which were opened, and of those only used
/// ones have memory: at most as many as both sides' limits allow.
#[derive(Debug)]
pub(super) struct Table {
    side: Side,
    streams: BTreeMap<StreamId, Box<Stream>>,
    /// How many each side opened.
    opened: [u64; 2],
    /// Indices of those that are over; by what is not in them at most one range more than streams.
    closed: [RangeSet; 2],
    /// Index of the peer's stream that is accepted next.
    next_accept: u64,
    /// Streams that we may open.
    send_credit: SendCredit,
    /// An `open` was refused since.
    was_refused: bool,
    /// Streams that the peer may open.
    pub(super) recv_credit: RecvCredit,
    /// What new streams begin with.
    recv_window: u64,
    nodelay: bool,
    pub(super) send_limit: u64,
}

impl Table {
    /// With stream 0 opened.
    pub(super) fn new(side: Side, config: &StreamConfig) -> Self {
        let zero = |opener: Side| u64::from(opener == Side::Client);
        let max_streams = config.max_streams.clamp(zero(side.peer()), MAX_COUNT);
        let mut table = Self {
            side,
            streams: BTreeMap::new(),
            opened: [zero(Side::Client), zero(Side::Server)],
            closed: [RangeSet::new(), RangeSet::new()],
            next_accept: zero(side.peer()),
            send_credit: SendCredit::new(zero(side)),
            was_refused: false,
            recv_credit: RecvCredit::new(max_streams, 1),
            recv_window: config.recv_window,
            nodelay: config.nodelay,
            send_limit: 0,
        };
        table.send_credit.take(zero(side));
        table.recv_credit.charge(zero(side.peer()));
        table
    }

    /// Opens the next stream of ours, if the peer's limit allows.
    pub(super) fn open(&mut self) -> Option<StreamId> {
        if self.send_credit.available() == 0 {
            self.was_refused = true;
            return None;
        }
        self.send_credit.take(1);
        let index = self.opened[self.side as usize];
        self.opened[self.side as usize] += 1;
        Some(StreamId::new(self.side, index))
    }

    /// Takes the peer's limit for our streams; returns whether an `open` that was refused succeeds
    /// now.
    pub(super) fn raise_limit(&mut self, limit: u64) -> bool {
        self.send_credit.raise(limit.min(MAX_COUNT)) && std::mem::take(&mut self.was_refused)
    }

    /// The next stream that the peer opened.
    pub(super) fn accept(&mut self) -> Option<StreamId> {
        let peer = self.side.peer();
        while self.next_accept < self.opened[peer as usize] {
            let index = self.next_accept;
            self.next_accept += 1;
            if !self.closed[peer as usize].contains(index) {
                return Some(StreamId::new(peer, index));
            }
        }
        None
    }

    /// The peer speaks of `id`: returns the first stream that it opens by that, if any.
    pub(super) fn on_peer(&mut self, id: StreamId) -> Result<Option<StreamId>, Violation> {
        let (opener, index) = (id.opener(), id.index());
        let opened = self.opened[opener as usize];
        if index < opened {
            return Ok(None);
        }
        if opener == self.side {
            return Err(Violation::StreamState);
        }
        let more = index - opened + 1;
        self.recv_credit.check(more).map_err(|Exceeded| Violation::StreamLimit)?;
        self.recv_credit.charge(more);
        self.opened[opener as usize] = index + 1;
        Ok(Some(StreamId::new(opener, opened)))
    }

    /// Whether `id` was opened and is over.
    pub(super) fn is_closed(&self, id: StreamId) -> bool {
        self.closed[id.opener() as usize].contains(id.index())
    }

    /// Whether `id` was opened and is not over.
    pub(super) fn is_open(&self, id: StreamId) -> bool {
        id.index() < self.opened[id.opener() as usize] && !self.is_closed(id)
    }

    /// The stream, if it was used.
    pub(super) fn get(&self, id: StreamId) -> Option<&Stream> {
        self.streams.get(&id).map(|s| &**s)
    }

    /// The stream, if it was used.
    pub(super) fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.streams.get_mut(&id).map(|s| &mut **s)
    }

    /// The stream, made now if it was opened and not used.
    pub(super) fn touch(&mut self, id: StreamId) -> Option<&mut Stream> {
        if !self.is_open(id) {
            return None;
        }
        let stream = self.streams.entry(id).or_insert_with(|| {
            Box::new(Stream {
                send: SendHalf::new(id, self.send_limit, self.nodelay),
                recv: RecvHalf::new(self.recv_window),
                events: Waiting::default(),
            })
        });
        Some(stream)
    }

    /// Forgets a stream that is over.
    pub(super) fn close(&mut self, id: StreamId) {
        if self.streams.remove(&id).is_some() {
            self.closed[id.opener() as usize].insert(id.index()..id.index() + 1);
            if id.opener() != self.side {
                self.recv_credit.take(1);
            }
        }
    }

    /// Ids of all open streams, used or not.
    pub(super) fn open_ids(&self) -> Vec<StreamId> {
        let of = |side: Side| {
            let opened = 0..self.opened[side as usize];
            let open = self.closed[side as usize].gaps(opened).flatten();
            open.map(move |index| StreamId::new(side, index))
        };
        of(Side::Client).chain(of(Side::Server)).collect()
    }

    /// All used streams.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (StreamId, &Stream)> {
        self.streams.iter().map(|(id, stream)| (*id, &**stream))
    }

    /// All used streams.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (StreamId, &mut Stream)> {
        self.streams.iter_mut().map(|(id, stream)| (*id, &mut **stream))
    }
}
