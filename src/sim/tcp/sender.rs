//! A sender: hands acknowledgements and timeouts to the rules of its variant.

use super::config::{Config, Variant};
use super::flow::Flow;
use super::new_reno::NewReno;
use super::reno::Reno;
use super::sack::Sack;
use super::tahoe::Tahoe;
use super::trace::Trace;
use crate::time::Instant;
use std::fmt::Debug;
use std::ops::Range;

/// An acknowledgement: all below `next` have arrived, and above it these blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ack<'a> {
    pub(super) next: u32,
    pub(super) blocks: &'a [Range<u32>],
}

/// What makes a variant.
pub(super) trait Rules: Debug + Send {
    /// Takes an acknowledgement that is new or a duplicate of the last, and sends what it allows.
    fn on_ack(&mut self, flow: &mut Flow, now: Instant, ack: Ack<'_>);

    /// The timer has expired: forgets what a fast recovery knew. The flow then starts again.
    fn on_timeout(&mut self);
}

/// One bulk transfer, from the SYN on.
#[derive(Debug)]
pub(super) struct Sender {
    flow: Flow,
    rules: Box<dyn Rules>,
}

impl Sender {
    pub(super) fn new(config: Config) -> Self {
        let rules: Box<dyn Rules> = match config.variant {
            Variant::Tahoe => Box::new(Tahoe),
            Variant::Reno => Box::<Reno>::default(),
            Variant::NewReno => Box::<NewReno>::default(),
            Variant::Sack => Box::<Sack>::default(),
        };
        Self { flow: Flow::new(config), rules }
    }

    /// Sends the SYN.
    pub(super) fn start(&mut self, now: Instant) {
        self.flow.fill(now, 1, 1);
    }

    pub(super) fn on_ack(&mut self, now: Instant, ack: Ack<'_>) {
        if ack.next == 0 || ack.next > self.flow.top {
            return;
        }
        self.flow.trace.acknowledgements.push((now, ack.next - 1));
        if ack.next >= self.flow.una {
            self.rules.on_ack(&mut self.flow, now, ack);
        }
    }

    /// Does what is due, and returns the next segment to put on the wire.
    pub(super) fn poll(&mut self, now: Instant) -> Option<u32> {
        if self.deadline().is_some_and(|at| at <= now) {
            self.flow.trace.timeouts += 1;
            self.flow.timer.back_off();
            self.flow.dupacks = 0;
            self.rules.on_timeout();
            self.flow.restart(now);
            self.flow.fill(now, 1, 1);
        }
        self.flow.pop()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.flow.timer.expires_at()
    }

    pub(super) fn trace(&self) -> &Trace {
        &self.flow.trace
    }
}
