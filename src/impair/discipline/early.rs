//! Disciplines that decide when a datagram comes: the departure of all that was admitted is known.

use super::Discipline;
use super::pie::Controller;
use super::red::Average;
use crate::impair::dice::Dice;
use crate::impair::queue::Queue;
use crate::time::Instant;

/// RED or PIE.
#[derive(Clone, Debug)]
pub(in crate::impair) enum Early {
    Red { state: Average, ecn: bool },
    Pie { state: Controller, ecn: bool },
}

/// What is to become of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::impair) enum Verdict {
    Take,
    Mark,
    Drop,
}

impl Early {
    /// At rest, or `None` where the discipline decides elsewhere.
    pub(in crate::impair) fn new(discipline: Discipline, dice: Dice) -> Option<Self> {
        match discipline {
            Discipline::Red(config) => {
                Some(Self::Red { state: Average::new(config, dice), ecn: config.ecn })
            }
            Discipline::Pie(config) => {
                Some(Self::Pie { state: Controller::new(config, dice), ecn: config.ecn })
            }
            _ => None,
        }
    }

    /// What to do with the datagram of this number that comes at `now`.
    pub(in crate::impair) fn decide(
        &mut self,
        now: Instant,
        ordinal: u64,
        queue: &mut Queue,
        is_ecn_capable: bool,
    ) -> Verdict {
        queue.forget_departed(now);
        let (signal, ecn) = match self {
            Self::Red { state, ecn } => (state.signals(now, ordinal, queue), *ecn),
            Self::Pie { state, ecn } => (state.signals(now, ordinal, queue), *ecn),
        };
        match signal {
            None => Verdict::Take,
            Some(false) if ecn && is_ecn_capable => Verdict::Mark,
            Some(_) => Verdict::Drop,
        }
    }

    /// Notes that a datagram was taken in at `arrived`, and begins to be sent at `start`.
    pub(in crate::impair) fn note(&mut self, arrived: Instant, start: Instant) {
        if let Self::Pie { state, .. } = self {
            state.note(arrived, start);
        }
    }
}
