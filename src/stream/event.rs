//! What happened to streams and channels, for the application.

use super::{FlowId, Outcome};
use crate::wire::{ChannelId, StreamId};
use std::collections::VecDeque;

/// An emptied queue with room for more events than this is freed.
const MAX_IDLE: usize = 16;

/// Something the application may want to act on. Each is an edge: it is not repeated while it waits
/// to be polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEvent {
    /// `read` has something to give: data, the end, or a reset.
    Readable(StreamId),
    /// `write`, which was blocked, takes data again.
    Writable(StreamId),
    /// The peer opened this stream, and perhaps more: `accept` until it gives nothing.
    Opened(StreamId),
    /// `open`, which was refused, succeeds again.
    Openable,
    /// The peer's application does not want what is written to this stream: the code it gave.
    Stopped(StreamId, u64),
    /// The peer gave this stream up: the code it gave.
    Reset(StreamId, u64),
    /// All data and FIN of this stream are acknowledged.
    Delivered(StreamId),
}

/// Something about a message channel that the application may want to act on. Each is an edge but for
/// receipts, of which every one is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// `recv` has something to give: a message, a gap, or the end.
    Readable(ChannelId),
    /// `send`, which was blocked, takes messages again.
    Writable(ChannelId),
    /// The peer opened this channel, and perhaps more: `accept_channel` until it gives nothing.
    Opened(ChannelId),
    /// `open_channel`, which was refused, succeeds again.
    Openable,
    /// The peer's application does not want what is sent to this channel.
    Stopped(ChannelId),
    /// This channel was finished, and all that was sent to it is settled.
    Finished(ChannelId),
    /// The watermark of this channel, which is watched, moved.
    Progress(ChannelId),
    /// What became of this message of this channel, which asked for it.
    Receipt(ChannelId, u64, Outcome),
}

/// Something about a stream or a message channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowEvent {
    /// About streams.
    Stream(StreamEvent),
    /// About message channels.
    Channel(ChannelEvent),
}

impl From<StreamEvent> for FlowEvent {
    fn from(event: StreamEvent) -> Self {
        Self::Stream(event)
    }
}

impl From<ChannelEvent> for FlowEvent {
    fn from(event: ChannelEvent) -> Self {
        Self::Channel(event)
    }
}

/// Which events are the same one, as long as it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    /// Of this flow, and a bit for the kind.
    Of(FlowId, u8),
    /// Of no flow, and a bit for the kind.
    Common(u8),
    /// None is.
    Unique,
}

impl FlowEvent {
    fn edge(self) -> Edge {
        use ChannelEvent as C;
        use StreamEvent as S;
        let stream = |id: StreamId, bit| Edge::Of(id.into(), bit);
        let channel = |id: ChannelId, bit| Edge::Of(id.into(), bit);
        match self {
            Self::Stream(S::Readable(id)) => stream(id, 1),
            Self::Stream(S::Writable(id)) => stream(id, 2),
            Self::Stream(S::Stopped(id, _)) => stream(id, 4),
            Self::Stream(S::Reset(id, _)) => stream(id, 8),
            Self::Stream(S::Delivered(id)) => stream(id, 16),
            Self::Channel(C::Readable(id)) => channel(id, 1),
            Self::Channel(C::Writable(id)) => channel(id, 2),
            Self::Channel(C::Stopped(id)) => channel(id, 4),
            Self::Channel(C::Finished(id)) => channel(id, 8),
            Self::Channel(C::Progress(id)) => channel(id, 16),
            Self::Stream(S::Opened(_)) => Edge::Common(1),
            Self::Stream(S::Openable) => Edge::Common(2),
            Self::Channel(C::Opened(_)) => Edge::Common(4),
            Self::Channel(C::Openable) => Edge::Common(8),
            Self::Channel(C::Receipt(..)) => Edge::Unique,
        }
    }
}

/// Kinds of events of one flow (or of none) that wait.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting(u8);

impl Waiting {
    /// Adds a kind; returns whether it was missing.
    const fn add(&mut self, bit: u8) -> bool {
        let is_new = self.0 & bit == 0;
        self.0 |= bit;
        is_new
    }
}

/// Events that wait to be polled: of each kind at most one per open flow, what closed flows left
/// behind, and one for each message that asked for its outcome.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<FlowEvent>,
    /// Of those that belong to no flow.
    common: Waiting,
}

impl Events {
    /// Queues an event, unless it waits already; `waiting` is its flow's.
    pub(super) fn push(&mut self, event: impl Into<FlowEvent>, waiting: &mut Waiting) {
        let event = event.into();
        let is_new = match event.edge() {
            Edge::Of(_, bit) => waiting.add(bit),
            Edge::Common(bit) => self.common.add(bit),
            Edge::Unique => true,
        };
        if is_new {
            self.queue.push_back(event);
        }
    }

    /// Queues an event that belongs to no flow.
    pub(super) fn push_common(&mut self, event: impl Into<FlowEvent>) {
        self.push(event, &mut Waiting::default());
    }

    /// The oldest event; `waiting` finds its flow's, if that is still there.
    pub(super) fn pop<'a>(
        &mut self,
        waiting: impl FnOnce(FlowId) -> Option<&'a mut Waiting>,
    ) -> Option<FlowEvent> {
        let event = self.queue.pop_front()?;
        if self.queue.is_empty() && self.queue.capacity() > MAX_IDLE {
            self.queue = VecDeque::new();
        }
        match event.edge() {
            Edge::Of(id, bit) => {
                if let Some(waiting) = waiting(id) {
                    waiting.0 &= !bit;
                }
            }
            Edge::Common(bit) => self.common.0 &= !bit,
            Edge::Unique => {}
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Mode, Side};

    #[test]
    fn edges_wait_once_and_every_receipt_is_told() {
        let (mut events, mut waiting) = (Events::default(), [Waiting::default(); 2]);
        let id = ChannelId::new(Side::Client, Mode::Latest, 1);
        let stream = StreamId(id.0);
        let receipt = ChannelEvent::Receipt(id, 7, Outcome::Acknowledged);
        for _ in 0..2 {
            events.push(StreamEvent::Readable(stream), &mut waiting[0]);
            events.push(ChannelEvent::Readable(id), &mut waiting[1]);
            events.push(ChannelEvent::Finished(id), &mut waiting[1]);
            events.push(receipt, &mut waiting[1]);
            events.push_common(StreamEvent::Openable);
            events.push_common(ChannelEvent::Openable);
        }
        let mut told = Vec::new();
        while let Some(event) = events.pop(|id| waiting.get_mut(usize::from(id != stream.into()))) {
            told.push(event);
        }
        let expected: [FlowEvent; 7] = [
            StreamEvent::Readable(stream).into(),
            ChannelEvent::Readable(id).into(),
            ChannelEvent::Finished(id).into(),
            receipt.into(),
            StreamEvent::Openable.into(),
            ChannelEvent::Openable.into(),
            receipt.into(),
        ];
        assert_eq!(told, expected);
        // What was polled may come again.
        events.push(ChannelEvent::Readable(id), &mut waiting[1]);
        events.push_common(ChannelEvent::Openable);
        assert_eq!(std::iter::from_fn(|| events.pop(|_| None)).count(), 2);
    }
}
