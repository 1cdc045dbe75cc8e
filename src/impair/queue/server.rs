//! The sending end of a queue: when the last bit of a datagram has left, at a rate with steps, with
//! tokens saved up, or at the opportunities of a trace.

use super::NANOS_PER_BYTE_AT_1_BPS;
use crate::impair::config::LinkConfig;
use crate::impair::rate_trace::Opportunities;
use crate::time::Instant;
use std::collections::VecDeque;

/// Work is counted in bits times nanoseconds per second, so that times are exact fractions.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// The rate at `free_at`; `None` is without limit.
    rate_bps: Option<u64>,
    /// Rates that begin after `free_at`.
    steps: VecDeque<(Instant, u64)>,
    /// When the last datagram has left, in whole nanoseconds ...
    free_at: Instant,
    /// ... and the part of the next nanosecond that it takes as well, in units of 1 / `rate_bps`.
    free_part: u64,
    /// The work that may be saved up, and that which is.
    burst: u128,
    saved: u128,
    /// Instead of a rate.
    trace: Option<Opportunities>,
}

impl Server {
    pub(super) fn new(rate_bps: Option<u64>) -> Self {
        Self {
            rate_bps,
            steps: VecDeque::new(),
            free_at: Instant::ZERO,
            free_part: 0,
            burst: 0,
            saved: 0,
            trace: None,
        }
    }

    pub(super) fn from_config(config: &LinkConfig) -> Self {
        let mut server = Self::new(None);
        server.burst = work(config.burst_bytes);
        server.saved = server.burst;
        server.reconfigure(config);
        server
    }

    pub(super) fn set_steps(&mut self, steps: &[(Instant, u64)]) {
        self.steps = steps.iter().copied().collect();
    }

    /// Takes other settings for what comes next, behind all that has been served.
    pub(super) fn reconfigure(&mut self, config: &LinkConfig) {
        let after = self.last_departure();
        (self.free_at, self.free_part) = (after, 0);
        self.rate_bps = config.rate_bps;
        self.set_steps(&config.rate_steps);
        self.burst = work(config.burst_bytes);
        self.saved = self.saved.min(self.burst);
        let old = self.trace.take();
        self.trace = config.trace.as_ref().map(|trace| match old {
            Some(old) if old.is_of(trace) => old,
            _ => Opportunities::new(trace.clone(), after),
        });
    }

    /// The first whole nanosecond at which all that was served has left.
    pub(super) fn last_departure(&self) -> Instant {
        Instant::from_nanos(self.free_at.as_nanos().saturating_add(u64::from(self.free_part > 0)))
    }

    /// When what came at `arrived` begins to be sent.
    pub(super) fn start(&self, arrived: Instant) -> Instant {
        match &self.trace {
            Some(trace) => trace.start(arrived),
            None => self.last_departure().max(arrived),
        }
    }

    /// Sends `bytes` that came at `arrived`, and returns when the last bit of them has left.
    pub(super) fn serve(&mut self, arrived: Instant, bytes: u64) -> Instant {
        if let Some(trace) = &mut self.trace {
            self.free_at = trace.serve(arrived, bytes);
            return self.free_at;
        }
        if self.last_departure() <= arrived {
            if self.burst > 0 {
                self.save_up(arrived);
            }
            (self.free_at, self.free_part) = (arrived, 0);
        }
        self.take_steps();
        let work = work(bytes);
        let saved = self.saved.min(work);
        self.saved -= saved;
        self.work_off(work - saved);
        self.last_departure()
    }

    /// The rate that is in force once all that was served has left; for a trace, its mean.
    pub(super) fn rate_bps(&self) -> Option<u64> {
        self.trace.as_ref().map_or(self.rate_bps, |trace| Some(trace.mean_rate_bps()))
    }

    fn take_steps(&mut self) {
        while let Some((_, rate)) = self.steps.pop_front_if(|(at, _)| *at <= self.free_at) {
            self.rate_bps = Some(rate);
        }
    }

    /// Saves up what could have been sent from `free_at` to `now`.
    fn save_up(&mut self, now: Instant) {
        while self.free_at < now {
            self.take_steps();
            let until = self.steps.front().map_or(now, |(at, _)| now.min(*at));
            let room = self.rate_bps.map_or(self.burst, |rate| self.room(until, rate));
            self.saved = self.saved.saturating_add(room).min(self.burst);
            (self.free_at, self.free_part) = (until, 0);
        }
    }

    /// Moves `free_at` on by the time that `work` takes from there.
    fn work_off(&mut self, mut work: u128) {
        while let Some(rate) = self.rate_bps {
            let step = self.steps.front().copied();
            let until = step.map_or(Instant::MAX, |(at, _)| at);
            let room = self.room(until, rate);
            if work <= room && rate > 0 {
                let (rate, total) = (u128::from(rate), work + u128::from(self.free_part));
                let start = self.free_at.as_nanos();
                self.free_at = Instant::from_nanos(start + (total / rate) as u64);
                self.free_part = (total % rate) as u64;
                return;
            }
            work -= room.min(work);
            (self.free_at, self.free_part) = (until, 0);
            let Some((_, next)) = step else { return };
            self.steps.pop_front();
            self.rate_bps = Some(next);
        }
    }

    /// What can be done from `free_at`, less the part of a nanosecond already used, to `until`.
    fn room(&self, until: Instant, rate: u64) -> u128 {
        let span = u128::from(until.as_nanos() - self.free_at.as_nanos());
        (span * u128::from(rate)).saturating_sub(u128::from(self.free_part))
    }
}

fn work(bytes: u64) -> u128 {
    u128::from(bytes) * NANOS_PER_BYTE_AT_1_BPS
}
