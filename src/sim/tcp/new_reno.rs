//! NewReno: fast recovery lasts until all is acknowledged that was sent before the loss was seen.

use super::flow::Flow;
use super::sender::{Ack, Rules};
use crate::time::Instant;

/// Segments sent at once during fast recovery at the most.
const MAX_BURST: u32 = 2;

/// As Reno, but a partial acknowledgement repairs the next loss and goes on.
#[derive(Debug, Default)]
pub(super) struct NewReno {
    is_recovering: bool,
    inflation: u32,
}

impl Rules for NewReno {
    fn on_ack(&mut self, flow: &mut Flow, now: Instant, ack: Ack<'_>) {
        if ack.next > flow.una {
            self.on_new_ack(flow, now, ack.next);
        } else {
            flow.dupacks += 1;
            let threshold = flow.config.dupack_threshold;
            if flow.dupacks == threshold && flow.is_new_loss() {
                flow.fast_retransmit(now);
                *self = Self { is_recovering: true, inflation: threshold };
            } else if self.is_recovering {
                self.inflation += 1;
            }
        }
        let inflated = flow.window().saturating_add(self.inflation).min(flow.config.window);
        if self.is_recovering {
            flow.fill(now, inflated, MAX_BURST);
        } else if flow.dupacks == 0 {
            flow.fill(now, inflated, u32::MAX);
        }
    }

    fn on_timeout(&mut self) {
        *self = Self::default();
    }
}

impl NewReno {
    fn on_new_ack(&mut self, flow: &mut Flow, now: Instant, next: u32) {
        self.inflation = 0;
        if self.is_recovering && next < flow.recover {
            flow.timer.on_partial_ack(next);
            flow.move_on(now, next);
            flow.send(now, next);
        } else {
            self.is_recovering = false;
            flow.advance(now, next);
            flow.grow(now);
        }
    }
}
