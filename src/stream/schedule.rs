//! Who sends next: streams in a circle, each for its share of bytes.

use crate::wire::{ChannelId, StreamId};

/// Whoever sends data: a stream, or a message channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowId {
    /// A stream.
    Stream(StreamId),
    /// A message channel.
    Channel(ChannelId),
}

impl From<StreamId> for FlowId {
    fn from(id: StreamId) -> Self {
        Self::Stream(id)
    }
}

impl From<ChannelId> for FlowId {
    fn from(id: ChannelId) -> Self {
        Self::Channel(id)
    }
}

/// Whose turn comes before whose. All of one level goes before any of the next; inside a level the
/// bytes are shared by weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Priority {
    /// 0 goes first, 7 last; larger ones count as 7. Default: 4.
    pub level: u8,
    /// The share inside the level, 1 to 255; 0 counts as 1. Default: 16.
    pub weight: u8,
}

impl Default for Priority {
    fn default() -> Self {
        Self { level: 4, weight: 16 }
    }
}

/// Which data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// What was lost and is to be sent again.
    Lost,
    /// What was never sent.
    New,
}

/// Bytes that a stream sends before it is the next one's turn.
const QUANTUM: u64 = 1200;

/// Streams that want something, sorted. They take turns by bytes, as in deficit round robin
/// (Shreedhar and Varghese, 1995): who sent more than its share has so much less of the next.
/// At most as many as there are open streams.
#[derive(Debug, Default)]
pub(super) struct Ring {
    members: Vec<Member>,
    /// Index of the one whose turn it is.
    turn: usize,
}

#[derive(Debug)]
struct Member {
    id: StreamId,
    /// Bytes sent that were not yet counted against a turn.
    debt: u64,
}

impl Ring {
    /// Makes `id` a member, or no member.
    pub(super) fn set(&mut self, id: StreamId, wanted: bool) {
        match self.members.binary_search_by_key(&id, |m| m.id) {
            Err(at) if wanted => {
                let has_turn = self.turn < self.members.len();
                self.members.insert(at, Member { id, debt: 0 });
                if has_turn && at <= self.turn {
                    self.turn += 1;
                }
            }
            Ok(at) if !wanted => {
                self.members.remove(at);
                if at < self.turn {
                    self.turn -= 1;
                }
            }
            _ => {}
        }
    }

    /// Whose turn it is.
    pub(super) fn current(&mut self) -> Option<StreamId> {
        loop {
            if self.turn >= self.members.len() {
                self.turn = 0;
            }
            let member = self.members.get_mut(self.turn)?;
            if member.debt < QUANTUM {
                return Some(member.id);
            }
            member.debt -= QUANTUM;
            self.turn += 1;
        }
    }

    /// The one whose turn it is sent `bytes`.
    pub(super) fn charge(&mut self, bytes: u64) {
        if let Some(member) = self.members.get_mut(self.turn) {
            member.debt += bytes;
        }
    }

    /// The one whose turn it is passes.
    pub(super) const fn pass(&mut self) {
        self.turn += 1;
    }

    /// The members, lowest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = StreamId> + '_ {
        self.members.iter().map(|m| m.id)
    }

    /// The lowest member.
    pub(super) fn first(&self) -> Option<StreamId> {
        self.members.first().map(|m| m.id)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// What a stream wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wants {
    /// To send a control frame.
    pub(super) control: bool,
    /// To send lost data again.
    pub(super) resend: bool,
    /// To send new data or FIN, which its own credit and the coalescing of writes allow; and how much
    /// of the connection's credit it needs to go on, 0 for a lone FIN.
    pub(super) fresh: Option<u64>,
    /// Credit of its own for the data that it has.
    pub(super) credit: bool,
}

/// The streams by what they want.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    pub(super) control: Ring,
    pub(super) resend: Ring,
    pub(super) fresh: Ring,
    pub(super) starved: Ring,
}

impl Schedule {
    /// Files `id` under what it wants.
    pub(super) fn file(&mut self, id: StreamId, wants: Wants) {
        self.control.set(id, wants.control);
        self.resend.set(id, wants.resend);
        self.fresh.set(id, wants.fresh.is_some());
        self.starved.set(id, wants.credit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(ids: &[u64]) -> Ring {
        let mut ring = Ring::default();
        for id in ids {
            ring.set(StreamId(*id), true);
        }
        ring
    }

    #[test]
    fn shares_are_equal_in_bytes_whatever_the_frames() {
        let mut ring = ring(&[0, 2, 4]);
        let mut sent = [0u64; 3];
        let frames = [1199, 9000, 70];
        for _ in 0..3000 {
            let who = (ring.current().unwrap().0 / 2) as usize;
            sent[who] += frames[who];
            ring.charge(frames[who]);
        }
        let (least, most) = (sent.iter().min().unwrap(), sent.iter().max().unwrap());
        assert!(most - least <= 9000 + QUANTUM, "{sent:?}");
    }

    #[test]
    fn members_come_and_go_without_losing_the_turn() {
        let mut ring = ring(&[2, 6, 8]);
        ring.charge(QUANTUM);
        assert_eq!(ring.current(), Some(StreamId(6)));
        ring.set(StreamId(4), true);
        assert_eq!(ring.current(), Some(StreamId(6)));
        ring.set(StreamId(2), false);
        ring.set(StreamId(2), false);
        assert_eq!(ring.current(), Some(StreamId(6)));
        ring.set(StreamId(6), false);
        assert_eq!(ring.current(), Some(StreamId(8)));
        ring.pass();
        assert_eq!(ring.current(), Some(StreamId(4)));
        ring.set(StreamId(4), false);
        ring.set(StreamId(8), false);
        assert_eq!(ring.current(), None);
        assert!(ring.is_empty() && ring.first().is_none());
    }
}
