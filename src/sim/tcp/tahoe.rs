//! Tahoe: a loss empties the pipe, and slow start fills it again.

use super::flow::Flow;
use super::sender::{Ack, Rules};
use crate::time::Instant;

/// Has nothing to remember.
#[derive(Debug)]
pub(super) struct Tahoe;

impl Rules for Tahoe {
    fn on_ack(&mut self, flow: &mut Flow, now: Instant, ack: Ack<'_>) {
        if ack.next > flow.una {
            flow.advance(now, ack.next);
            flow.grow(now);
        } else {
            flow.dupacks += 1;
            if flow.dupacks == flow.config.dupack_threshold && flow.is_new_loss() {
                flow.restart(now);
            }
        }
        flow.fill(now, flow.window(), u32::MAX);
    }

    fn on_timeout(&mut self) {}
}
