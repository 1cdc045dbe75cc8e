//! A clock that runs fast or slow: whoever has it sees every time through it.

use crate::sim::compare::{End, Message, Packets, Place, Probe};
use crate::time::Instant;
use std::net::SocketAddr;

/// An end whose clock is fast by some millionths.
pub(super) struct Skewed {
    end: Box<dyn End>,
    ppm: i32,
}

const MILLION: i128 = 1_000_000;

impl Skewed {
    /// `end` with such a clock; without skew it is itself.
    pub(super) fn wrap(end: Box<dyn End>, ppm: i32) -> Box<dyn End> {
        // A clock that stood still or ran backwards would be none.
        let ppm = ppm.clamp(-500_000, 1_000_000);
        if ppm == 0 { end } else { Box::new(Self { end, ppm }) }
    }

    fn own(&self, world: Instant) -> Instant {
        let nanos = i128::from(world.as_nanos()) * (MILLION + i128::from(self.ppm)) / MILLION;
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The first instant of the world at which this clock shows `own` or more.
    fn world(&self, own: Instant) -> Instant {
        if own == Instant::MAX {
            return own;
        }
        let rate = MILLION + i128::from(self.ppm);
        let nanos = (i128::from(own.as_nanos()) * MILLION + rate - 1) / rate;
        Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl End for Skewed {
    fn send(&mut self, now: Instant, message: Message<'_>) -> Place {
        self.end.send(self.own(now), message)
    }

    fn handle(&mut self, now: Instant, datagram: &mut [u8]) {
        self.end.handle(self.own(now), datagram);
    }

    fn handle_from(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) {
        self.end.handle_from(self.own(now), from, datagram);
    }

    fn poll(&mut self, now: Instant, out: &mut Packets) -> Option<Instant> {
        let deadline = self.end.poll(self.own(now), out)?;
        Some(self.world(deadline))
    }

    fn recv(&mut self) -> Option<Vec<u8>> {
        self.end.recv()
    }

    fn faults(&self) -> Vec<String> {
        self.end.faults()
    }

    fn backlog(&self) -> usize {
        self.end.backlog()
    }

    fn probe(&self) -> Option<Probe> {
        self.end.probe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::compare::{Contender, PlainUdp, Setup, Workload};
    use crate::time::Duration;

    #[test]
    fn deadlines_come_neither_early_nor_late_on_the_own_clock() {
        let workload = Workload::named("game").unwrap();
        let setup =
            Setup { seed: 1, workload: &workload, rate_bps: None, rtt: Duration::from_millis(1) };
        for ppm in [-300_000, -100, -1, 1, 77, 999_999] {
            let [end, _] = PlainUdp.ends(&setup);
            let skewed = Skewed { end, ppm };
            for own in [0, 1, 999_999, 1_000_001, 123_456_789_123_456] {
                let own = Instant::from_nanos(own);
                let world = skewed.world(own);
                assert!(skewed.own(world) >= own, "{ppm}");
                let before = Instant::from_nanos(world.as_nanos().saturating_sub(1));
                assert!(world == Instant::ZERO || skewed.own(before) < own, "{ppm}");
            }
            assert_eq!(skewed.world(Instant::MAX), Instant::MAX);
        }
    }
}
