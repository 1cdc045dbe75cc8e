//! RED: from the average queue, which share of what comes to drop.

use super::Red;
use crate::impair::dice::Dice;
use crate::impair::queue::{NANOS_PER_BYTE_AT_1_BPS, Queue};
use crate::time::{Instant, nanos};

#[cfg(test)]
mod tests;

/// What RED remembers; the names are Floyd and Jacobson's.
#[derive(Clone, Debug)]
pub(in crate::impair) struct Average {
    config: Red,
    dice: Dice,
    /// The average queue in bytes.
    avg: f64,
    /// Datagrams since the last one that was dropped or marked.
    count: u64,
}

/// What the average says about a datagram.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Level {
    Low,
    /// Drop, or mark, this share.
    Share(f64),
    /// Drop all: marks would no longer help (RFC 3168 §7).
    High,
}

impl Average {
    pub(super) fn new(config: Red, dice: Dice) -> Self {
        Self { config, dice, avg: 0.0, count: 0 }
    }

    /// Whether to drop or mark the datagram that comes now, and whether it must be a drop.
    pub(super) fn signals(&mut self, now: Instant, ordinal: u64, queue: &Queue) -> Option<bool> {
        self.observe(now, queue);
        match self.level() {
            Level::Low => {
                self.count = 0;
                None
            }
            Level::High => {
                self.count = 0;
                Some(true)
            }
            Level::Share(p) => {
                // So the gaps between drops are uniform from 1 to 1/p, neither clustered nor
                // regular (section 7 of the paper, method 2).
                let room = 1.0 - self.count as f64 * p;
                let is_hit = room <= p || self.dice.chance(ordinal, p / room);
                self.count = if is_hit { 0 } else { self.count + 1 };
                is_hit.then_some(false)
            }
        }
    }

    /// Takes the queue that a datagram finds into the average.
    fn observe(&mut self, now: Instant, queue: &Queue) {
        let weight = self.config.weight;
        if !queue.is_idle() {
            self.avg += weight * (queue.waiting_bytes() as f64 - self.avg);
        } else if let Some(rate) = queue.rate_bps() {
            let idle = nanos(now.saturating_since(queue.idle_since()));
            let packet = u128::from(self.config.packet_bytes) * NANOS_PER_BYTE_AT_1_BPS;
            let packets = u128::from(idle) * u128::from(rate) / packet;
            self.avg *= power(1.0 - weight, u64::try_from(packets).unwrap_or(u64::MAX));
        } else {
            self.avg = 0.0;
        }
    }

    fn level(&self) -> Level {
        let &Red { min_bytes, max_bytes, max_p, gentle, .. } = &self.config;
        let (min, max) = (min_bytes as f64, max_bytes as f64);
        if self.avg < min {
            Level::Low
        } else if self.avg < max {
            Level::Share(max_p * (self.avg - min) / (max - min))
        } else if gentle && self.avg < 2.0 * max {
            Level::Share(max_p + (1.0 - max_p) * (self.avg - max) / max)
        } else {
            Level::High
        }
    }
}

/// `base` to the power of `exponent` by repeated squaring: IEEE multiplication is the same everywhere.
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut product = 1.0;
    while exponent > 0 {
        if exponent % 2 == 1 {
            product *= base;
        }
        base *= base;
        exponent /= 2;
    }
    product
}
