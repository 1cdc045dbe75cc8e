//! What happened to streams and channels, for the application.

use super::Outcome;
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

impl StreamEvent {
    /// The stream, and a bit for the kind.
    const fn key(self) -> (Option<StreamId>, u8) {
        match self {
            Self::Readable(id) => (Some(id), 1),
            Self::Writable(id) => (Some(id), 2),
            Self::Stopped(id, _) => (Some(id), 4),
            Self::Reset(id, _) => (Some(id), 8),
            Self::Delivered(id) => (Some(id), 16),
            Self::Opened(_) => (None, 32),
            Self::Openable => (None, 64),
        }
    }
}

/// Kinds of events of one stream (or of none) that wait.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting(u8);

/// Events that wait to be polled: of each kind at most one per open stream, and what closed
/// streams left behind.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: VecDeque<StreamEvent>,
    /// Of those that belong to no stream.
    waiting: Waiting,
}

impl Events {
    /// Queues an event, unless it waits already; `waiting` is its stream's.
    pub(super) fn push(&mut self, event: StreamEvent, waiting: &mut Waiting) {
        let (_, bit) = event.key();
        if waiting.0 & bit == 0 {
            waiting.0 |= bit;
            self.queue.push_back(event);
        }
    }

    /// Queues an event that belongs to no stream.
    pub(super) fn push_common(&mut self, event: StreamEvent) {
        let mut waiting = self.waiting;
        self.push(event, &mut waiting);
        self.waiting = waiting;
    }

    /// The oldest event; `waiting` finds its stream's, if that is still there.
    pub(super) fn pop<'a>(
        &mut self,
        waiting: impl FnOnce(StreamId) -> Option<&'a mut Waiting>,
    ) -> Option<StreamEvent> {
        let event = self.queue.pop_front()?;
        if self.queue.is_empty() && self.queue.capacity() > MAX_IDLE {
            self.queue = VecDeque::new();
        }
        let (id, bit) = event.key();
        match id {
            Some(id) => {
                if let Some(waiting) = waiting(id) {
                    waiting.0 &= !bit;
                }
            }
            None => self.waiting.0 &= !bit,
        }
        Some(event)
    }
}
