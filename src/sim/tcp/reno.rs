//! Reno: fast recovery keeps the pipe half full, until the first new acknowledgement.

use super::flow::Flow;
use super::sender::{Ack, Rules};
use crate::time::Instant;

/// The window is inflated by each duplicate acknowledgement: a segment has left the network.
#[derive(Debug, Default)]
pub(super) struct Reno {
    is_recovering: bool,
    inflation: u32,
}

impl Rules for Reno {
    fn on_ack(&mut self, flow: &mut Flow, now: Instant, ack: Ack<'_>) {
        if ack.next > flow.una {
            *self = Self::default();
            flow.advance(now, ack.next);
            flow.grow(now);
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
        if flow.dupacks == 0 || self.is_recovering {
            let inflated = flow.window().saturating_add(self.inflation);
            flow.fill(now, inflated.min(flow.config.window), u32::MAX);
        }
    }

    fn on_timeout(&mut self) {
        *self = Self::default();
    }
}
