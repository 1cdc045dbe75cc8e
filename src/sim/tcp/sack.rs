//! Sack: fast recovery sends whenever fewer segments are in the pipe than the window allows, holes
//! first (Fall and Floyd 1996, section 3).

use super::flow::Flow;
use super::sender::{Ack, Rules};
use crate::ranges::RangeSet;
use crate::time::Instant;

/// What the receiver has beyond the oldest hole, and what is under way.
#[derive(Debug, Default)]
pub(super) struct Sack {
    scoreboard: RangeSet,
    /// Holes below this were sent again.
    repaired: u32,
    /// Segments under way during fast recovery.
    pipe: Option<i64>,
    /// After a timeout nothing is taken from duplicates until an acknowledgement is new.
    is_restarting: bool,
}

impl Rules for Sack {
    fn on_ack(&mut self, flow: &mut Flow, now: Instant, ack: Ack<'_>) {
        if let Some(pipe) = self.pipe {
            self.recover(flow, now, ack, pipe - 1);
        } else if ack.next > flow.una {
            *self = Self::default();
            flow.advance(now, ack.next);
            flow.grow(now);
        } else if !self.is_restarting && self.learn(ack) {
            flow.dupacks += 1;
            if flow.dupacks == flow.config.dupack_threshold && flow.is_new_loss() {
                self.pipe = Some(i64::from(flow.top - flow.una) - i64::from(flow.dupacks));
                self.repaired = flow.una + 1;
                flow.fast_retransmit(now);
                return;
            }
        }
        if self.pipe.is_some() {
            self.fill_pipe(flow, now);
        } else if flow.dupacks == 0 {
            flow.fill(now, flow.window(), u32::MAX);
        }
    }

    fn on_timeout(&mut self) {
        *self = Self { is_restarting: true, ..Self::default() };
    }
}

impl Sack {
    /// An acknowledgement during fast recovery says that a segment has left the pipe.
    fn recover(&mut self, flow: &mut Flow, now: Instant, ack: Ack<'_>, pipe: i64) {
        if ack.next >= flow.recover {
            *self = Self::default();
            flow.recover = 0;
            flow.advance(now, ack.next);
            return;
        }
        self.pipe = Some(pipe);
        if ack.next > flow.una {
            // A partial one tells of two: the segment lost, and the one sent again.
            self.pipe = Some(pipe - 1);
            flow.move_on(now, ack.next);
            flow.timer.end_backoff();
        }
        self.learn(ack);
    }

    /// Notes the blocks; false if they are known.
    fn learn(&mut self, ack: Ack<'_>) -> bool {
        self.scoreboard.remove(0..u64::from(ack.next));
        let blocks = ack.blocks.iter().filter(|block| block.start < block.end);
        let new = blocks.map(|b| self.scoreboard.insert(u64::from(b.start)..u64::from(b.end)));
        new.sum::<u64>() > 0
    }

    /// The first hole that was not repaired, if anything beyond it has arrived.
    fn next_hole(&self, una: u32) -> Option<u32> {
        let from = u64::from(self.repaired.max(una));
        let end = self.scoreboard.last()?.end;
        self.scoreboard.gaps(from..end.max(from)).next().map(|gap| gap.start as u32)
    }

    fn fill_pipe(&mut self, flow: &mut Flow, now: Instant) {
        while let Some(pipe) = self.pipe.filter(|pipe| *pipe < flow.cwnd as i64) {
            let hole = self.next_hole(flow.una);
            let number = hole.unwrap_or(flow.next);
            if number >= flow.una.saturating_add(flow.config.window)
                || (hole.is_none() && !flow.has_next())
            {
                return;
            }
            match hole {
                Some(hole) => self.repaired = hole + 1,
                None => flow.next += 1,
            }
            flow.send(now, number);
            self.pipe = Some(pipe + 1);
        }
    }
}
