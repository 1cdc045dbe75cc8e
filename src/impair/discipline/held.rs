//! What waits in a queue whose discipline decides at the head.

use super::codel::Control;
use super::fifo::{Fifo, Parked};
use super::fq_codel::Flows;
use super::{Codel, Discipline};
use crate::impair::dice::Dice;
use crate::time::Instant;

/// In which order they leave, and which do not.
#[derive(Clone, Debug)]
pub(in crate::impair) enum Held {
    DropHead(Fifo),
    Codel(Codel, Control, Fifo),
    FqCodel(Flows),
}

impl Held {
    /// Empty, or `None` where the discipline decides when a datagram comes.
    pub(in crate::impair) fn new(discipline: Discipline, dice: Dice) -> Option<Self> {
        match discipline {
            Discipline::DropTail | Discipline::Red(_) | Discipline::Pie(_) => None,
            Discipline::DropHead => Some(Self::DropHead(Fifo::default())),
            Discipline::Codel(codel) => {
                Some(Self::Codel(codel, Control::default(), Fifo::default()))
            }
            Discipline::FqCodel(config) => Some(Self::FqCodel(Flows::new(config, dice))),
        }
    }

    pub(in crate::impair) fn push(&mut self, parked: Parked) {
        match self {
            Self::DropHead(queue) | Self::Codel(_, _, queue) => queue.push(parked),
            Self::FqCodel(flows) => flows.push(parked),
        }
    }

    /// What to send at `now`, if anything is left after what the discipline drops.
    pub(in crate::impair) fn pop(
        &mut self,
        now: Instant,
        dropped: &mut Vec<Parked>,
    ) -> Option<Parked> {
        match self {
            Self::DropHead(queue) => queue.pop(),
            Self::Codel(config, control, queue) => control.pop(now, config, queue, dropped),
            Self::FqCodel(flows) => flows.pop(now, dropped),
        }
    }

    /// Whether a full queue takes what comes, and then chooses among all what to drop.
    pub(in crate::impair) fn weighs_all(&self) -> bool {
        matches!(self, Self::FqCodel(_))
    }

    /// Drops something that waits to make room, and returns whether it did.
    pub(in crate::impair) fn make_room(&mut self, dropped: &mut Vec<Parked>) -> bool {
        let already = dropped.len();
        match self {
            Self::DropHead(queue) => dropped.extend(queue.pop()),
            Self::Codel(..) => {}
            Self::FqCodel(flows) => flows.drop_fattest(dropped),
        }
        dropped.len() > already
    }

    /// Whether more waits than the discipline's own limits allow.
    pub(in crate::impair) fn is_over(&self) -> bool {
        matches!(self, Self::FqCodel(flows) if flows.is_over())
    }

    /// Whether datagrams leave in the order in which they came.
    pub(in crate::impair) fn keeps_order(&self) -> bool {
        !matches!(self, Self::FqCodel(_))
    }

    pub(in crate::impair) fn is_empty(&self) -> bool {
        self.packets() == 0
    }

    pub(in crate::impair) fn packets(&self) -> u64 {
        match self {
            Self::DropHead(queue) | Self::Codel(_, _, queue) => queue.packets(),
            Self::FqCodel(flows) => flows.packets(),
        }
    }

    pub(in crate::impair) fn bytes(&self) -> u64 {
        match self {
            Self::DropHead(queue) | Self::Codel(_, _, queue) => queue.bytes(),
            Self::FqCodel(flows) => flows.bytes(),
        }
    }

    /// When that came which has waited longest.
    pub(in crate::impair) fn oldest(&self) -> Option<Instant> {
        match self {
            Self::DropHead(queue) | Self::Codel(_, _, queue) => queue.oldest(),
            Self::FqCodel(flows) => flows.oldest(),
        }
    }
}
