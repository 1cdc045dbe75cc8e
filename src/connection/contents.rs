//! What a packet carried, and whom to tell what became of it.

use super::ack::Acks;
use super::tail::Tail;
use crate::recovery::Fate;
use crate::stream::{Content, Streams};

/// What a packet carried, to be settled when its fate is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    first: Option<Content>,
    more: Vec<Content>,
    /// The packet's ACK held all ranges up to this number.
    pub(super) acked: Option<u64>,
}

impl Contents {
    pub(super) fn push(&mut self, content: Content) {
        match &mut self.first {
            None => self.first = Some(content),
            Some(_) => self.more.push(content),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Content> {
        self.first.iter().chain(&self.more)
    }
}

/// Hands what a packet carried to its owners.
pub(super) fn settle(
    streams: &mut Streams,
    acks: &mut Acks,
    tail: &mut Tail,
    fate: Fate,
    contents: Contents,
) {
    let mut each = |content: Content| match fate {
        Fate::Acked | Fate::Late => streams.on_acked(&content),
        Fate::Lost => {
            tail.on_lost(&content);
            streams.on_lost(content);
        }
    };
    contents.first.into_iter().chain(contents.more).for_each(&mut each);
    if let (Some(largest), Fate::Acked | Fate::Late) = (contents.acked, fate) {
        acks.on_ack_acknowledged(largest);
    }
}
