//! The message channels: made when first used, forgotten when over.

use super::credit::{RecvCredit, SendCredit};
use super::event::Waiting;
use super::message::{Channel, Setup};
use super::registry::Registry;
use super::schedule::Priority;
use super::{
    ChannelStats, MESSAGE_COST, Outbound, Overflow, PeerLimits, StreamConfig, URGENT_WINDOW,
    Violation,
};
use crate::wire::{ChannelId, Mode, Side};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// What may wait to be sent on a channel that was told no other bound, in bytes.
const QUEUE_BYTES: u64 = 1 << 20;

/// Bytes of a packet's frames that a whole message leaves to what stands in front of it.
const MAX_HEADER: usize = 25;

impl Outbound {
    /// The terms of a channel that was told no others.
    pub const fn new(mode: Mode) -> Self {
        let overflow = match mode {
            Mode::Unreliable => Overflow::DropOldest,
            Mode::Ordered | Mode::Unordered | Mode::Latest => Overflow::Block,
        };
        Self { overflow, queue_bytes: QUEUE_BYTES, is_repaired: mode.is_reliable() }
    }
}

/// How far the end of a sending half is, as the application knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// More may be sent.
    Open,
    /// It was finished.
    Asked,
    /// And the application knows that all is settled.
    Told,
}

/// A channel, and what is kept of it beside its own numbers and bytes.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) channel: Channel,
    /// Its events that wait to be polled.
    pub(super) events: Waiting,
    pub(super) priority: Priority,
    /// Whether the application wants to know when the watermark moves.
    pub(super) is_watched: bool,
    /// As the channel has it.
    pub(super) queue_bytes: u64,
    /// What the message costs that was not accepted for want of room.
    pub(super) wanted: u64,
    pub(super) finish: Finish,
    /// Whether the peer stopped it.
    pub(super) is_stopped: bool,
}

/// The channels of a connection. Of those that are open only used ones have memory: at most as many
/// as both sides' limits allow, and the urgent one.
#[derive(Debug)]
pub(super) struct ChannelTable {
    side: Side,
    channels: BTreeMap<ChannelId, Box<Entry>>,
    /// Which there are, by opener and mode.
    pub(super) registry: Registry<{ ChannelId::CLASSES }>,
    /// Classes and indices of those that the peer opened and that were not accepted, in the order in
    /// which they became known. No channel is over before it was accepted unless all are finished, so
    /// there are at most as many as may be open.
    unaccepted: VecDeque<(usize, Range<u64>)>,
    /// What new channels begin with, but for their own terms.
    setup: Setup,
    /// The counts of channels that are over.
    pub(super) settled: ChannelStats,
}

impl ChannelTable {
    /// With the urgent channel opened, which takes no credit.
    pub(super) fn new(config: &StreamConfig, side: Side, max_chunk: usize) -> Self {
        let mut opened = [0; ChannelId::CLASSES];
        opened[ChannelId::URGENT.class()] = 1;
        let max = config.channel_limit();
        Self {
            side,
            channels: BTreeMap::new(),
            registry: Registry::new(opened, SendCredit::new(0), RecvCredit::new(max, 1)),
            unaccepted: VecDeque::new(),
            setup: Setup {
                send_limit: 0,
                peer_max_message: 0,
                peer_max_partial: 0,
                recv_window: config.channel_window(),
                max_message: config.message_limit(),
                max_partial: config.max_partial.max(1),
                outbound: Outbound::new(Mode::Ordered),
                whole: whole(max_chunk),
            },
            settled: ChannelStats::default(),
        }
    }

    /// The peer's limits are known.
    pub(super) fn start(&mut self, peer: &PeerLimits) {
        self.setup.send_limit = peer.channel_window();
        self.setup.peer_max_message = peer.max_message;
        self.setup.peer_max_partial = peer.max_partial;
        for (id, entry) in &mut self.channels {
            entry.channel.start(&setup(&self.setup, *id));
        }
    }

    /// How many bytes of frames a full packet takes.
    pub(super) fn set_max_chunk(&mut self, bytes: usize) {
        self.setup.whole = whole(bytes);
        self.channels.values_mut().for_each(|entry| entry.channel.set_whole(whole(bytes)));
    }

    /// Whether the peer takes messages at all.
    pub(super) const fn takes_messages(&self) -> bool {
        self.setup.peer_max_message > 0
    }

    /// Opens the next channel of ours of this mode, if the peer's limit allows.
    pub(super) fn open(&mut self, mode: Mode) -> Option<ChannelId> {
        let class = ChannelId::new(self.side, mode, 0).class();
        let index = self.registry.open(class)?;
        Some(ChannelId::new(self.side, mode, index))
    }

    /// The next channel that the peer opened and that is not over.
    pub(super) fn accept(&mut self) -> Option<ChannelId> {
        while let Some((class, indices)) = self.unaccepted.front_mut() {
            let class = *class;
            let Some(index) = indices.next() else {
                self.unaccepted.pop_front();
                continue;
            };
            if self.registry.is_open(class, index) {
                return Some(of_class(class, index));
            }
        }
        None
    }

    /// The peer speaks of `id`: returns the first channel that it opens by that, if any.
    pub(super) fn on_peer(&mut self, id: ChannelId) -> Result<Option<ChannelId>, Violation> {
        if self.registry.is_opened(id.class(), id.index()) {
            return Ok(None);
        }
        if id.opener() == self.side {
            return Err(Violation::StreamState);
        }
        let opened = self.registry.open_by_peer(id.class(), id.index())?;
        let first = of_class(id.class(), opened.start);
        self.unaccepted.push_back((id.class(), opened));
        Ok(Some(first))
    }

    /// Whether `id` was opened and is over.
    pub(super) fn is_closed(&self, id: ChannelId) -> bool {
        self.registry.is_closed(id.class(), id.index())
    }

    /// Whether `id` was opened and is not over.
    pub(super) fn is_open(&self, id: ChannelId) -> bool {
        self.registry.is_open(id.class(), id.index())
    }

    /// Whether no channel is in use.
    pub(super) fn is_unused(&self) -> bool {
        self.channels.is_empty()
    }

    /// The channel, if it was used.
    pub(super) fn get(&self, id: ChannelId) -> Option<&Entry> {
        self.channels.get(&id).map(|entry| &**entry)
    }

    /// The channel, if it was used.
    pub(super) fn get_mut(&mut self, id: ChannelId) -> Option<&mut Entry> {
        self.channels.get_mut(&id).map(|entry| &mut **entry)
    }

    /// The channel, made now if it was opened and not used.
    pub(super) fn touch(&mut self, id: ChannelId) -> Option<&mut Entry> {
        if !self.is_open(id) {
            return None;
        }
        let entry = self.channels.entry(id).or_insert_with(|| {
            let setup = setup(&self.setup, id);
            Box::new(Entry {
                channel: Channel::new(id, &setup),
                events: Waiting::default(),
                priority: Priority::default(),
                is_watched: false,
                queue_bytes: setup.outbound.queue_bytes,
                wanted: 0,
                finish: Finish::Open,
                is_stopped: false,
            })
        });
        Some(entry)
    }

    /// Forgets a channel that is over.
    pub(super) fn close(&mut self, id: ChannelId) {
        if let Some(entry) = self.channels.remove(&id) {
            self.settled += entry.channel.stats();
            // The urgent channel took no credit, so it returns none.
            let is_peers = id.opener() != self.side && id != ChannelId::URGENT;
            self.registry.close(id.class(), id.index(), is_peers);
        }
    }

    /// All used channels.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (ChannelId, &Entry)> {
        self.channels.iter().map(|(id, entry)| (*id, &**entry))
    }

    /// All used channels.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (ChannelId, &mut Entry)> {
        self.channels.iter_mut().map(|(id, entry)| (*id, &mut **entry))
    }
}

/// The `index`-th channel of a class.
const fn of_class(class: usize, index: u64) -> ChannelId {
    ChannelId(index << 3 | class as u64)
}

/// The longest message that is sent in one piece.
const fn whole(max_chunk: usize) -> usize {
    max_chunk.saturating_sub(MAX_HEADER)
}

/// What this channel begins with.
fn setup(of_all: &Setup, id: ChannelId) -> Setup {
    let mut setup = Setup { outbound: Outbound::new(id.mode()), ..*of_all };
    if id == ChannelId::URGENT {
        let most = URGENT_WINDOW - MESSAGE_COST;
        setup.recv_window = URGENT_WINDOW;
        setup.max_message = setup.max_message.min(most);
        setup.send_limit = if setup.peer_max_message > 0 { URGENT_WINDOW } else { 0 };
        setup.peer_max_message = setup.peer_max_message.min(most);
    }
    setup
}
