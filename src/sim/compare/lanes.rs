//! A lane's messages on a connection: the channel or the stream that carries them out, and which of
//! them are in a packet.

use super::contender::{Piece, Place, Role};
use super::packet;
use super::stream::Framing;
use crate::connection::{ChannelConfig, Connection, SendOptions};
use crate::stream::{Delivery, Priority, SendError};
use crate::time::Instant;
use crate::wire::{ChannelId, Frame, MessageFrame, ParityFrame, StreamId};
use std::collections::VecDeque;

/// Lanes are the upper part of a space's number, messages the lower.
const NUMBER_BITS: u32 = 48;
/// The place of a lane that is a stream: no message has this number.
const STREAM: u64 = (1 << NUMBER_BITS) - 1;

/// A lane's messages on the way out.
#[derive(Debug)]
pub(super) enum Lane {
    Channel(ChannelLane),
    Stream(StreamLane),
}

#[derive(Debug)]
pub(super) struct ChannelLane {
    config: ChannelConfig,
    /// Known once the connection is there.
    id: Option<ChannelId>,
    waiting: VecDeque<Vec<u8>>,
    /// How many messages there were.
    count: u64,
    /// The number behind the highest one that was in a packet.
    sent: u64,
}

#[derive(Debug)]
pub(super) struct StreamLane {
    priority: Priority,
    id: Option<StreamId>,
    framing: Framing,
}

impl Lane {
    /// On a channel of its own, or for [`Delivery::Stream`] on a stream.
    pub(super) fn new(config: ChannelConfig) -> Self {
        if config.delivery == Delivery::Stream {
            let (priority, framing) = (config.priority, Framing::default());
            return Self::Stream(StreamLane { priority, id: None, framing });
        }
        let waiting = VecDeque::new();
        Self::Channel(ChannelLane { config, id: None, waiting, count: 0, sent: 0 })
    }

    /// Queues a message of the `n`-th lane.
    pub(super) fn push(&mut self, n: u16, message: &[u8]) -> Place {
        match self {
            Self::Channel(lane) => {
                let number = lane.count;
                lane.count += 1;
                lane.waiting.push_back(message.to_vec());
                Place { space: space(n, number), range: 0..message.len().max(1) as u64 }
            }
            Self::Stream(lane) => Place { space: space(n, STREAM), ..lane.framing.push(message) },
        }
    }

    /// Bytes that the connection has not taken yet.
    pub(super) fn backlog(&self) -> usize {
        match self {
            Self::Channel(lane) => lane.waiting.iter().map(Vec::len).sum(),
            Self::Stream(lane) => lane.framing.backlog(),
        }
    }

    /// Hands over what the connection takes; returns whether it took anything.
    pub(super) fn work(
        &mut self,
        now: Instant,
        connection: &mut Connection,
    ) -> Result<bool, SendError> {
        match self {
            Self::Channel(lane) => lane.work(now, connection),
            Self::Stream(lane) => Ok(lane.work(connection)),
        }
    }
}

impl ChannelLane {
    fn work(&mut self, now: Instant, connection: &mut Connection) -> Result<bool, SendError> {
        let mut did = false;
        if self.id.is_none() {
            self.id = connection.open_channel(&self.config).ok();
            did = self.id.is_some();
        }
        let Some(id) = self.id else { return Ok(did) };
        while let Some(message) = self.waiting.front() {
            match connection.send(now, id, message, &SendOptions::default()) {
                Ok(_) => did |= self.waiting.pop_front().is_some(),
                Err(SendError::Blocked) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(did)
    }
}

impl StreamLane {
    fn work(&mut self, connection: &mut Connection) -> bool {
        let mut did = false;
        if self.id.is_none()
            && let Ok(id) = connection.streams().open()
        {
            connection.set_priority(id.into(), self.priority);
            connection.streams().set_nodelay(id, true);
            self.id = Some(id);
            did = true;
        }
        let Some(id) = self.id else { return did };
        while !self.framing.unwritten().is_empty()
            && let Ok(bytes) = connection.streams().write(id, self.framing.unwritten())
            && bytes > 0
        {
            self.framing.on_written(bytes);
            did = true;
        }
        did
    }
}

/// What of these lanes' messages is in one of our own packets.
pub(super) fn carries(lanes: &mut [Lane], datagram: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut parities = 0;
    // The lane whose new message was the last: what stands behind it and is older is a copy. What
    // was lost stands in front.
    let mut news = None;
    for frame in packet::frames(datagram).into_iter().flatten() {
        match frame {
            Ok(Frame::Message(frame)) => {
                let Some((n, lane)) = channel(lanes, frame.id) else { continue };
                pieces.push(lane.message(n, &frame, &mut news));
            }
            Ok(Frame::Parity(frame)) => {
                let Some((n, lane)) = channel(lanes, frame.id) else { continue };
                lane.parity(n, parities, &frame, &mut pieces);
                parities += 1;
            }
            Ok(Frame::Stream(frame)) if !frame.data.is_empty() => {
                let Some((n, lane)) = stream(lanes, frame.id) else { continue };
                let start = frame.offset.expand(lane.framing.written());
                let range = start..start + frame.data.len() as u64;
                pieces.push(Piece::data(space(n, STREAM), range));
            }
            _ => {}
        }
    }
    pieces
}

impl ChannelLane {
    fn message(&mut self, n: u16, frame: &MessageFrame<'_>, news: &mut Option<u16>) -> Piece {
        let number = frame.number.expand(self.sent);
        let offset = frame.part.map_or(0, |part| part.offset);
        let range = offset..offset + frame.data.len().max(1) as u64;
        let is_copy = *news == Some(n) && number + 1 < self.sent;
        if number >= self.sent {
            *news = Some(n);
            self.sent = number + 1;
        }
        let role = if is_copy { Role::Copy } else { Role::Data };
        Piece { place: Place { space: space(n, number), range }, role }
    }

    fn parity(&self, n: u16, which: u8, frame: &ParityFrame<'_>, pieces: &mut Vec<Piece>) {
        let newest = frame.number.expand(self.sent);
        let others = (0..8).filter(|bit| frame.others >> bit & 1 == 1);
        let members =
            std::iter::once(newest).chain(others.filter_map(|bit| newest.checked_sub(1 + bit)));
        pieces.extend(members.map(|number| Piece {
            place: Place { space: space(n, number), range: 0..frame.data.len() as u64 },
            role: Role::Parity(which),
        }));
    }
}

fn channel(lanes: &mut [Lane], id: ChannelId) -> Option<(u16, &mut ChannelLane)> {
    (0..).zip(lanes).find_map(|(n, lane)| match lane {
        Lane::Channel(lane) if lane.id == Some(id) => Some((n, lane)),
        _ => None,
    })
}

fn stream(lanes: &mut [Lane], id: StreamId) -> Option<(u16, &mut StreamLane)> {
    (0..).zip(lanes).find_map(|(n, lane)| match lane {
        Lane::Stream(lane) if lane.id == Some(id) => Some((n, lane)),
        _ => None,
    })
}

fn space(lane: u16, number: u64) -> u64 {
    u64::from(lane) << NUMBER_BITS | number
}
