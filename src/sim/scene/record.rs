//! What happened in a scene.

use crate::impair::LinkStats;
use crate::sim::compare::{Probe, Record};
use crate::time::{Duration, Instant};

/// What happened.
#[derive(Clone, Debug)]
pub struct SceneRecord {
    /// When the scene began, on the clock of all times in here: handshakes come before it.
    pub began: Instant,
    /// When it ended.
    pub ended: Instant,
    /// Of each flow, in the order of the scene.
    pub flows: Vec<FlowRecord>,
    /// Of each link, in the order of the scene.
    pub links: Vec<LinkRecord>,
    /// Packets sent by all hosts.
    pub packets: u64,
    /// Equal hashes mean equal runs.
    pub trace_hash: u64,
}

/// What became of a flow.
#[derive(Clone, Debug)]
pub struct FlowRecord {
    /// What it is called.
    pub name: String,
    /// The name of its mode.
    pub mode: String,
    /// Its messages and packets.
    pub record: Record,
    /// One for each sample time since the scene began.
    pub samples: Vec<FlowSample>,
}

/// A flow at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowSample {
    /// When.
    pub at: Instant,
    /// Bytes of messages that have arrived so far, at both sides together.
    pub delivered_bytes: u64,
    /// What the client knows of its path, if its mode can tell.
    pub client: Option<Probe>,
    /// What the server knows.
    pub server: Option<Probe>,
}

/// What became of what was sent over a link.
#[derive(Clone, Debug)]
pub struct LinkRecord {
    /// What it is called.
    pub name: String,
    /// Its counts at the end.
    pub stats: LinkStats,
    /// The most bytes that were queued at once.
    pub peak_bytes: u64,
    /// One for each sample time since the scene began.
    pub samples: Vec<LinkSample>,
}

/// A link at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSample {
    /// When.
    pub at: Instant,
    /// Bytes in its queue.
    pub backlog_bytes: u64,
    /// How long what would come now had to wait, on a link with a rate.
    pub wait: Duration,
    /// Its counts so far.
    pub stats: LinkStats,
}

impl FlowRecord {
    /// Bits of messages that arrived between two instants, per second, to the nearest samples.
    pub fn goodput_bps(&self, from: Instant, until: Instant) -> f64 {
        let at = |when: Instant| {
            let place = self.samples.partition_point(|sample| sample.at <= when);
            self.samples
                .get(place.saturating_sub(1))
                .map(|sample| (sample.at, sample.delivered_bytes))
        };
        let Some(((began, before), (ended, after))) = at(from).zip(at(until)) else { return 0.0 };
        // The stretch is as long as its samples are apart.
        let seconds = ended.saturating_since(began).as_secs_f64();
        if seconds > 0.0 { (after - before) as f64 * 8.0 / seconds } else { 0.0 }
    }
}

impl SceneRecord {
    /// Jain's index of what all flows got between two instants; flows that had not begun count.
    pub fn fairness(&self, from: Instant, until: Instant) -> f64 {
        jain(self.flows.iter().map(|flow| flow.goodput_bps(from, until)))
    }

    /// When the flows had come to share alike, from the beginning of the scene: Jain's index over
    /// each second reached `least` then, and stayed there for as many seconds as `held`. `None` if
    /// that never was.
    pub fn converged(&self, least: f64, held: u32) -> Option<Duration> {
        const SECOND: Duration = Duration::from_secs(1);
        let mut good = 0;
        let mut from = self.began;
        while from + SECOND <= self.ended {
            let is_fair = self.fairness(from, from + SECOND) >= least;
            good = if is_fair { good + 1 } else { 0 };
            from += SECOND;
            if good >= held {
                let since = from.saturating_since(self.began);
                return Some(since.saturating_sub(SECOND * held));
            }
        }
        None
    }
}

/// Jain's index of shares: 1 if all are alike, 1/n if one has all; 1 if nobody has anything.
pub fn jain(shares: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    for share in shares {
        sum += share;
        squares += share * share;
        count += 1.0;
    }
    if sum > 0.0 { sum * sum / (squares * count) } else { 1.0 }
}
