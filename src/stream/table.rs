//! The streams: made when first used, forgotten when over.

use super::credit::{RecvCredit, SendCredit};
use super::event::Waiting;
use super::recv::RecvHalf;
use super::registry::Registry;
use super::schedule::{Priority, Wants};
use super::send::SendHalf;
use super::{StreamConfig, Violation};
use crate::wire::{Side, StreamId};
use std::collections::BTreeMap;

/// Both halves of a stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) send: SendHalf,
    pub(super) recv: RecvHalf,
    /// Its events that wait to be polled.
    pub(super) events: Waiting,
    pub(super) priority: Priority,
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

/// The streams of a connection. Of those that are open only used ones have memory: at most as many as
/// both sides' limits allow.
#[derive(Debug)]
pub(super) struct Table {
    side: Side,
    streams: BTreeMap<StreamId, Box<Stream>>,
    /// Which there are, by opener.
    pub(super) registry: Registry<2>,
    /// What new streams begin with.
    recv_window: u64,
    nodelay: bool,
    pub(super) send_limit: u64,
}

impl Table {
    /// With stream 0 opened, which counts as one that the client opened.
    pub(super) fn new(side: Side, config: &StreamConfig) -> Self {
        let zero = |opener: Side| u64::from(opener == Side::Client);
        let max_streams = config.max_streams.clamp(zero(side.peer()), Registry::<2>::MAX_COUNT);
        let mut send_credit = SendCredit::new(zero(side));
        let mut recv_credit = RecvCredit::new(max_streams, 1);
        send_credit.take(zero(side));
        recv_credit.charge(zero(side.peer()));
        let opened = [zero(Side::Client), zero(Side::Server)];
        Self {
            side,
            streams: BTreeMap::new(),
            registry: Registry::new(opened, send_credit, recv_credit),
            recv_window: config.recv_window,
            nodelay: config.nodelay,
            send_limit: 0,
        }
    }

    /// Opens the next stream of ours, if the peer's limit allows.
    pub(super) fn open(&mut self) -> Option<StreamId> {
        let index = self.registry.open(self.side as usize)?;
        Some(StreamId::new(self.side, index))
    }

    /// The next stream that the peer opened.
    pub(super) fn accept(&mut self) -> Option<StreamId> {
        let peer = self.side.peer();
        let index = self.registry.accept(peer as usize)?;
        Some(StreamId::new(peer, index))
    }

    /// The peer speaks of `id`: returns the first stream that it opens by that, if any.
    pub(super) fn on_peer(&mut self, id: StreamId) -> Result<Option<StreamId>, Violation> {
        let (opener, index) = (id.opener(), id.index());
        if self.registry.is_opened(opener as usize, index) {
            return Ok(None);
        }
        if opener == self.side {
            return Err(Violation::StreamState);
        }
        let mut opened = self.registry.open_by_peer(opener as usize, index)?;
        Ok(opened.next().map(|first| StreamId::new(opener, first)))
    }

    /// Whether `id` was opened and is over.
    pub(super) fn is_closed(&self, id: StreamId) -> bool {
        self.registry.is_closed(id.opener() as usize, id.index())
    }

    /// Whether `id` was opened and is not over.
    pub(super) fn is_open(&self, id: StreamId) -> bool {
        self.registry.is_open(id.opener() as usize, id.index())
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
                priority: Priority::default(),
            })
        });
        Some(stream)
    }

    /// Forgets a stream that is over.
    pub(super) fn close(&mut self, id: StreamId) {
        if self.streams.remove(&id).is_some() {
            let is_peers = id.opener() != self.side;
            self.registry.close(id.opener() as usize, id.index(), is_peers);
        }
    }

    /// Ids of all open streams, used or not.
    pub(super) fn open_ids(&self) -> Vec<StreamId> {
        let of = |side: Side| {
            let indices = self.registry.open_indices(side as usize);
            indices.map(move |index| StreamId::new(side, index))
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
