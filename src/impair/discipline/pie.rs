//! PIE: from the queueing delay and its trend, with which probability to drop.

use super::Pie;
use crate::impair::dice::Dice;
use crate::impair::queue::Queue;
use crate::time::{Duration, Instant, nanos};
use std::collections::VecDeque;

#[cfg(test)]
mod tests;

/// Nothing is dropped while no more than this is queued: twice RFC 8033's MEAN_PKTSIZE.
const TWO_PACKETS: u64 = 3000;

/// So many updates with an empty queue are as good as for ever: 0.98^4096 is 10^-36.
const ALL_CALM: u64 = 4096;

/// What PIE remembers; the names are RFC 8033's.
#[derive(Clone, Debug)]
pub(in crate::impair) struct Controller {
    config: Pie,
    dice: Dice,
    drop_prob: f64,
    qdelay_old: Duration,
    burst_allowance: Duration,
    next_update: Instant,
    /// When each datagram that was taken in begins to be sent, and how long it will have waited.
    waits: VecDeque<(Instant, Duration)>,
    /// The wait of the last one that began to be sent.
    last_wait: Duration,
}

impl Controller {
    pub(super) fn new(config: Pie, dice: Dice) -> Self {
        Self {
            config,
            dice,
            drop_prob: 0.0,
            qdelay_old: Duration::ZERO,
            burst_allowance: config.max_burst,
            next_update: Instant::ZERO + config.t_update,
            waits: VecDeque::new(),
            last_wait: Duration::ZERO,
        }
    }

    /// Whether to drop or mark the datagram that comes now, and whether it must be a drop.
    pub(super) fn signals(&mut self, now: Instant, ordinal: u64, queue: &Queue) -> Option<bool> {
        self.catch_up(now, queue);
        // RFC 8033 §4.1 and §4.4: short queues and bursts out of the calm pass.
        let is_calm = self.qdelay_old < self.config.target / 2 && self.drop_prob < 0.2;
        if !self.burst_allowance.is_zero() || is_calm || queue.waiting_bytes() <= TWO_PACKETS {
            return None;
        }
        let is_hit = self.dice.chance(ordinal, self.drop_prob);
        // RFC 8033 §5.1.
        is_hit.then_some(self.drop_prob > self.config.max_mark_p)
    }

    /// Notes a datagram that was taken in at `arrived` and begins to be sent at `start`.
    pub(super) fn note(&mut self, arrived: Instant, start: Instant) {
        self.waits.push_back((start, start.saturating_since(arrived)));
    }

    /// Does the updates that were due by `now`; nothing has come since the last of them.
    fn catch_up(&mut self, now: Instant, queue: &Queue) {
        let mut calm = 0;
        while self.next_update <= now {
            let at = self.next_update;
            while let Some((_, wait)) = self.waits.pop_front_if(|(start, _)| *start <= at) {
                self.last_wait = wait;
            }
            if queue.idle_since() <= at {
                self.last_wait = Duration::ZERO;
                calm += 1;
            }
            if calm > ALL_CALM {
                self.rest_until(now);
                return;
            }
            self.update(self.last_wait);
            self.next_update += self.config.t_update;
            if at == Instant::MAX {
                return;
            }
        }
    }

    /// Nothing was queued for so long that all is as it was at first.
    fn rest_until(&mut self, now: Instant) {
        (self.drop_prob, self.qdelay_old) = (0.0, Duration::ZERO);
        self.burst_allowance = self.config.max_burst;
        let periods = now.as_nanos() / nanos(self.config.t_update).max(1);
        let next = periods.saturating_add(1).saturating_mul(nanos(self.config.t_update));
        self.next_update = Instant::from_nanos(next);
    }

    /// RFC 8033 §4.2 and §4.4.
    fn update(&mut self, qdelay: Duration) {
        let &Pie { target, alpha, beta, .. } = &self.config;
        let (current, old) = (qdelay.as_secs_f64(), self.qdelay_old.as_secs_f64());
        let step = alpha * (current - target.as_secs_f64()) + beta * (current - old);
        self.drop_prob += step * self.scale();
        if qdelay.is_zero() && self.qdelay_old.is_zero() {
            self.drop_prob *= 0.98;
        }
        self.drop_prob = self.drop_prob.clamp(0.0, 1.0);
        let is_calm = self.drop_prob <= 0.0 && qdelay.max(self.qdelay_old) < target / 2;
        self.burst_allowance = if is_calm {
            self.config.max_burst
        } else {
            self.burst_allowance.saturating_sub(self.config.t_update)
        };
        self.qdelay_old = qdelay;
    }

    /// The smaller the probability, the smaller its steps.
    fn scale(&self) -> f64 {
        match self.drop_prob {
            p if p < 0.000_001 => 1.0 / 2048.0,
            p if p < 0.000_01 => 1.0 / 512.0,
            p if p < 0.000_1 => 1.0 / 128.0,
            p if p < 0.001 => 1.0 / 32.0,
            p if p < 0.01 => 1.0 / 8.0,
            p if p < 0.1 => 1.0 / 2.0,
            _ => 1.0,
        }
    }
}
