//! Which packets are lost: RACK (RFC 8985), with the packet threshold until reordering is seen and
//! a reordering window that is measured rather than stepped.

use crate::time::{Duration, Instant};

/// Later packets acknowledged that prove a loss, as long as no reordering has been seen
/// (RFC 9002 §6.1.1, RFC 8985 §7.2 step 3).
const PACKET_THRESHOLD: u64 = 3;

/// Per round the remembered lateness shrinks by this fraction, so that one accident is forgotten
/// within some hundred rounds and steady jitter never is.
const LATENESS_DECAY: u32 = 64;

/// The newest packet known to have arrived.
#[derive(Clone, Copy, Debug)]
struct Newest {
    number: u64,
    rtt: Duration,
}

/// RACK's state.
#[derive(Debug)]
pub(super) struct Rack {
    newest: Option<Newest>,
    /// Whether a packet ever arrived after one that was sent later.
    reordering_seen: bool,
    /// How much later than a round trip reordered packets were acknowledged, at most; decays.
    lateness: Duration,
    /// The number that ends the present round of decay.
    round_end: u64,
}

impl Rack {
    pub(super) const fn new() -> Self {
        Self { newest: None, reordering_seen: false, lateness: Duration::ZERO, round_end: 0 }
    }

    /// A packet was acknowledged for the first time, perhaps after it had been declared lost.
    /// `newest` is not touched: it moves once the whole ACK is read, see [`Rack::on_newest`].
    pub(super) fn on_acked(&mut self, number: u64, age: Duration, srtt: Duration) {
        let Some(newest) = self.newest.filter(|newest| number < newest.number) else { return };
        self.reordering_seen = true;
        self.lateness = self.lateness.max(age.saturating_sub(newest.rtt.max(srtt)));
    }

    /// `number` is the highest tracked number of an ACK and was newly acknowledged at the age `rtt`.
    pub(super) fn on_newest(&mut self, number: u64, rtt: Duration, next_number: u64) {
        if self.newest.is_some_and(|newest| number <= newest.number) {
            return;
        }
        self.newest = Some(Newest { number, rtt });
        if number >= self.round_end {
            self.round_end = next_number;
            self.lateness -= self.lateness / LATENESS_DECAY;
        }
    }

    /// How long after a round trip a packet may still come.
    pub(super) fn reordering_window(&self, srtt: Duration) -> Duration {
        // RFC 9002 §6.1.2 waits 1/8; RFC 8985 §6.2 caps the window at srtt.
        let wanted = self.lateness + self.lateness / 4;
        wanted
            .max(srtt / 8)
            .max(super::rtt::Rtt::GRANULARITY)
            .min(srtt.max(super::rtt::Rtt::GRANULARITY))
    }

    /// When a packet in flight will be lost if nothing comes; `None` while nothing sent later has
    /// arrived.
    pub(super) fn lost_at(&self, number: u64, sent_at: Instant, srtt: Duration) -> Option<Instant> {
        let newest = self.newest.filter(|newest| number < newest.number)?;
        if !self.reordering_seen && newest.number - number >= PACKET_THRESHOLD {
            return Some(sent_at);
        }
        Some(sent_at + newest.rtt.max(srtt) + self.reordering_window(srtt))
    }
}

/// A stretch of losses without a single packet acknowledged between them: if it lasts longer than
/// three PTOs, the path was dead for that time (RFC 9002 §7.6).
#[derive(Clone, Copy, Debug)]
struct Run {
    since: Instant,
    last_number: u64,
}

/// Finds persistent congestion.
#[derive(Debug, Default)]
pub(super) struct Outage {
    run: Option<Run>,
}

impl Outage {
    /// PTOs without any sign of life that make a loss persistent congestion.
    pub(super) const THRESHOLD: u32 = 3;

    /// The packet `number` is lost; `interrupted(from, to)` tells whether a number between was
    /// acknowledged. Returns whether the stretch now exceeds `period`.
    pub(super) fn on_lost(
        &mut self,
        number: u64,
        sent_at: Instant,
        period: Duration,
        interrupted: impl FnOnce(std::ops::Range<u64>) -> bool,
    ) -> bool {
        let run = match self.run {
            Some(run) if run.last_number < number && !interrupted(run.last_number + 1..number) => {
                Run { last_number: number, ..run }
            }
            _ => Run { since: sent_at, last_number: number },
        };
        self.run = Some(run);
        let persistent = sent_at.saturating_since(run.since) > period;
        if persistent {
            self.run = None;
        }
        persistent
    }
}
