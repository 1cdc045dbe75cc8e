//! Sources of packets that heed nothing: they make other flows' life hard.

use super::spec::{Cross, Pattern};
use crate::impair::UDP_IP_OVERHEAD;
use crate::impair::dice::{Dice, exponential};
use crate::sim::{Host, Outbox};
use crate::time::{Duration, Instant, nanos};
use crate::wire::Ecn;
use std::net::SocketAddr;

/// A source of cross traffic, as a host.
#[derive(Debug)]
pub(super) struct Source {
    to: SocketAddr,
    pattern: Pattern,
    /// Between two packets at the source's rate, in nanoseconds: an exact fraction.
    gap_ns: u128,
    rate_bps: u64,
    until: Instant,
    packet: Vec<u8>,
    dice: Dice,
    draws: u64,
    /// When the next packet leaves, in units of 1 / `rate_bps` ns after `next_at`.
    next_at: Instant,
    part: u64,
    /// When it falls silent, where it does at times.
    pause_at: Instant,
}

impl Source {
    /// The source that `cross` describes, which must be valid; it begins at `began` plus its start.
    pub(super) fn new(cross: &Cross, to: SocketAddr, began: Instant, dice: Dice) -> Self {
        let payload = u64::from(cross.packet_bytes).saturating_sub(UDP_IP_OVERHEAD);
        let mut source = Self {
            to,
            pattern: cross.pattern,
            gap_ns: u128::from(cross.packet_bytes) * 8_000_000_000,
            rate_bps: cross.rate_bps,
            until: began + cross.during.end,
            packet: vec![0; payload as usize],
            dice,
            draws: 0,
            next_at: began + cross.during.start,
            part: 0,
            pause_at: Instant::MAX,
        };
        if let Pattern::OnOff { on, .. } = cross.pattern {
            source.pause_at = source.next_at + source.around(on);
        }
        source
    }

    /// An exponential time with this mean.
    fn around(&mut self, mean: Duration) -> Duration {
        let times = exponential(self.dice, &mut self.draws);
        Duration::from_nanos((times * nanos(mean) as f64) as u64)
    }

    fn advance(&mut self) {
        if self.pattern == Pattern::Poisson {
            let mean = (self.gap_ns / u128::from(self.rate_bps)) as u64;
            let gap = self.around(Duration::from_nanos(mean));
            self.next_at += gap;
            return;
        }
        let work = self.gap_ns + u128::from(self.part);
        let rate = u128::from(self.rate_bps);
        self.part = (work % rate) as u64;
        self.next_at += Duration::from_nanos(u64::try_from(work / rate).unwrap_or(u64::MAX));
        while let Pattern::OnOff { on, off } = self.pattern
            && self.next_at >= self.pause_at
        {
            self.next_at = self.pause_at + self.around(off);
            self.pause_at = self.next_at + self.around(on);
        }
    }
}

impl Host for Source {
    fn handle(&mut self, _: Instant, _: SocketAddr, _: SocketAddr, _: Ecn, _: &mut [u8]) {}

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        while self.next_at <= now && self.next_at < self.until {
            out.send(self.to, Ecn::NotEct, &self.packet);
            self.advance();
        }
        Some(self.next_at).filter(|at| *at < self.until)
    }
}
