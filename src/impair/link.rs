//! One direction of a link: a queue, then a line, and the count of what became of everything.

use super::config::{LinkConfig, UDP_IP_OVERHEAD};
use super::error::ImpairError;
use super::line::{Arrivals, Fate, Line};
use super::policer::Bucket;
use super::queue::Queue;
use crate::time::Instant;

#[cfg(test)]
mod tests;

/// What became of what was sent. Always
/// `packets + duplicated == delivered + lost + overflowed + blacked_out + oversize + policed + early
/// + held`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Datagrams sent into the link.
    pub packets: u64,
    /// Their bytes, overhead included.
    pub bytes: u64,
    /// Datagrams and copies that arrive; some may still be on their way.
    pub delivered: u64,
    /// Their bytes, overhead included and truncated ends not.
    pub delivered_bytes: u64,
    /// Lost by the line.
    pub lost: u64,
    /// Dropped because the queue was full.
    pub overflowed: u64,
    /// Dropped because the line was down.
    pub blacked_out: u64,
    /// Dropped because they were larger than the MTU.
    pub oversize: u64,
    /// Dropped because the policer had no tokens for them.
    pub policed: u64,
    /// Dropped by the queue's management before the queue was full.
    pub early: u64,
    /// Waiting in the queue, their fate not decided.
    pub held: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Arrivals with flipped bits.
    pub damaged: u64,
    /// Arrivals without their end.
    pub truncated: u64,
    /// Arrivals marked for congestion.
    pub marked: u64,
    /// Datagrams that arrive after one that was sent later (RFC 4737); copies do not count.
    pub reordered: u64,
}

/// A datagram on its way into a [`Link`], and what a queue may look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parcel {
    /// Its bytes.
    pub datagram: Vec<u8>,
    /// Which flow it belongs to: a hash of its addresses, for queues that keep flows apart.
    pub flow: u64,
    /// Whether it may be marked instead of dropped.
    pub is_ecn_capable: bool,
    /// By which its carrier knows it when [`Link::release`] hands it out.
    pub tag: u64,
    /// Its headers on the wire, in bytes, where they are not those of IPv4 and UDP, which a link's
    /// `overhead_bytes` has in it.
    pub header_bytes: Option<u64>,
}

impl Parcel {
    /// What it takes on a wire with so much overhead beside its own bytes.
    pub(super) fn overhead(&self, overhead_bytes: u64) -> u64 {
        match self.header_bytes {
            Some(header) => overhead_bytes.saturating_add(header).saturating_sub(UDP_IP_OVERHEAD),
            None => overhead_bytes,
        }
    }
}

/// One direction of a network path. It has no clock and no timers: each datagram sent comes back
/// at once, with the time at which its carrier has to deliver it; only queues whose management
/// decides at their head ([`Link::holds`]) keep it until then.
///
/// ```
/// use towline::impair::{Link, LinkConfig};
/// use towline::time::{Duration, Instant};
///
/// // 1,222 bytes and 28 of headers take 1 ms at 10 Mbit/s, then 25 ms to the other end.
/// let config = LinkConfig::bottleneck(10_000_000, Duration::from_millis(25));
/// let mut link = Link::new(config, 1)?;
/// let arrivals = link.send(Instant::ZERO, vec![0; 1222]);
/// assert_eq!(arrivals.iter().next().map(|a| a.at), Some(Instant::from_millis(26)));
/// # Ok::<(), towline::impair::ImpairError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Link {
    config: LinkConfig,
    policer: Option<Bucket>,
    queue: Queue,
    line: Line,
    stats: LinkStats,
}

impl Link {
    /// A link on which the seed alone decides what becomes of the n-th datagram.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first field of `config` that is out of its range.
    pub fn new(config: LinkConfig, seed: u64) -> Result<Self, ImpairError> {
        config.validate()?;
        let queue =
            Queue::new(config.rate_bps, config.capacity_bytes).with_steps(&config.rate_steps);
        let line = Line::new(&config, seed);
        let policer = config.policer.map(Bucket::new);
        Ok(Self { config, policer, queue, line, stats: LinkStats::default() })
    }

    /// Sends one datagram at `now`; a `now` that goes back reorders nothing.
    pub fn send(&mut self, now: Instant, datagram: Vec<u8>) -> Arrivals {
        self.admit(now, Parcel { datagram, ..Parcel::default() })
    }

    /// The same for a carrier that tells flows apart, or whose datagrams are ECN-capable. Where the
    /// link [`holds`](Link::holds) datagrams, the carrier calls [`Link::release`] afterwards.
    pub fn admit(&mut self, now: Instant, parcel: Parcel) -> Arrivals {
        let ordinal = self.stats.packets;
        let overhead = parcel.overhead(self.config.overhead_bytes);
        let bytes = overhead.saturating_add(parcel.datagram.len() as u64);
        self.stats.packets += 1;
        self.stats.bytes = self.stats.bytes.saturating_add(bytes);
        let arrivals = self.pass(now, ordinal, bytes, parcel.datagram);
        self.count(&arrivals, overhead);
        arrivals
    }

    /// Whether datagrams wait inside, with [`Fate::Held`], until [`Link::release`] hands them out.
    pub fn holds(&self) -> bool {
        false
    }

    /// When [`Link::release`] has something to do next, if nothing else is sent.
    pub fn next_at(&self) -> Option<Instant> {
        None
    }

    /// The next held datagram whose fate is decided by `now`, with its tag; called until `None`.
    pub fn release(&mut self, _now: Instant) -> Option<(u64, Arrivals)> {
        None
    }

    /// Takes other settings from now on: to heal a link, or to break it. What is on its way still
    /// arrives when it should; counts, ordinals and the order of arrivals go on.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first field of `config` that is out of its range; the link then
    /// keeps its settings.
    pub fn reconfigure(&mut self, config: LinkConfig) -> Result<(), ImpairError> {
        config.validate()?;
        self.apply(config);
        Ok(())
    }

    /// Ends all faults: the link goes on as [`LinkConfig::healed`] of its settings.
    pub fn heal(&mut self) {
        self.apply(self.config.healed());
    }

    /// The settings in force.
    pub fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// What became of everything so far.
    pub fn stats(&self) -> LinkStats {
        LinkStats { reordered: self.line.reordered(), ..self.stats }
    }

    /// The queue, for its backlog.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    fn apply(&mut self, config: LinkConfig) {
        self.policer = config.policer.map(|policer| match self.policer.take() {
            Some(bucket) => bucket.with(policer),
            None => Bucket::new(policer),
        });
        self.queue.reconfigure(config.rate_bps, &config.rate_steps, config.capacity_bytes);
        self.line.reconfigure(&config);
        self.config = config;
    }

    fn pass(&mut self, now: Instant, ordinal: u64, bytes: u64, datagram: Vec<u8>) -> Arrivals {
        if self.config.mtu.is_some_and(|mtu| bytes > mtu) {
            return Arrivals::none(Fate::Oversize, datagram);
        }
        if self.policer.as_mut().is_some_and(|policer| !policer.passes(now, bytes)) {
            return Arrivals::none(Fate::Policed, datagram);
        }
        let Some(left) = self.queue.admit(now, bytes) else {
            return Arrivals::none(Fate::Overflowed, datagram);
        };
        let mut arrivals = self.line.carry(left, ordinal, datagram);
        if self.config.mark_above_bytes.is_some_and(|limit| self.queue.backlog(now) > limit) {
            arrivals.mark();
        }
        arrivals
    }

    /// Counts what comes of a datagram that has so many bytes of overhead.
    fn count(&mut self, arrivals: &Arrivals, overhead: u64) {
        let stats = &mut self.stats;
        match arrivals.fate {
            Fate::Delivered => {}
            Fate::Lost => stats.lost += 1,
            Fate::Overflowed => stats.overflowed += 1,
            Fate::BlackedOut => stats.blacked_out += 1,
            Fate::Oversize => stats.oversize += 1,
            Fate::Policed => stats.policed += 1,
            Fate::Early => stats.early += 1,
            Fate::Held => stats.held += 1,
        }
        for arrival in arrivals.iter() {
            let bytes = overhead.saturating_add(arrival.datagram.len() as u64);
            stats.delivered += 1;
            stats.delivered_bytes = stats.delivered_bytes.saturating_add(bytes);
            stats.duplicated += u64::from(arrival.is_copy);
            stats.damaged += u64::from(arrival.is_damaged);
            stats.truncated += u64::from(arrival.is_truncated);
            stats.marked += u64::from(arrival.is_marked);
        }
    }
}
