//! Queueing: a link of a finite rate and the drop-tail buffer in front of it.
//!
//! Only what has not yet left counts as queued; what is on its way belongs to the line. Bytes are
//! what the caller counts, which should include the IP and UDP headers.

use crate::time::{Duration, Instant};
use std::collections::VecDeque;

#[cfg(test)]
mod tests;

/// Sending one byte at one bit per second takes this many nanoseconds; also the unit of work left
/// over in [`Queue`], so that times are exact fractions and never drift.
pub(super) const NANOS_PER_BYTE_AT_1_BPS: u128 = 8_000_000_000;

/// A buffer and the rate at which it empties.
#[derive(Clone, Debug)]
pub struct Queue {
    /// The rate at `free_at`; `None` is without limit.
    rate_bps: Option<u64>,
    /// Rates that begin after `free_at`.
    steps: VecDeque<(Instant, u64)>,
    capacity_bytes: u64,
    /// When the last admitted datagram has left, in whole nanoseconds ...
    free_at: Instant,
    /// ... and the part of the next nanosecond that it takes as well, in units of 1 / `rate_bps`.
    free_part: u64,
    /// Departure and size of all that has not wholly left, oldest first.
    waiting: VecDeque<(Instant, u64)>,
    waiting_bytes: u64,
    peak_bytes: u64,
    drops: u64,
}

impl Queue {
    /// A queue that sends at `rate_bps` bits per second (`None`: at once) and holds at most
    /// `capacity_bytes`, those being sent included.
    pub fn new(rate_bps: Option<u64>, capacity_bytes: u64) -> Self {
        Self {
            rate_bps,
            steps: VecDeque::new(),
            capacity_bytes,
            free_at: Instant::ZERO,
            free_part: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            peak_bytes: 0,
            drops: 0,
        }
    }

    /// The same queue with a rate that changes at given times, in order. Datagrams that are sent
    /// while it changes take exactly the time they should. A rate of 0 stands still until the next
    /// step; what would wait for ever is given [`Instant::MAX`].
    pub fn with_steps(mut self, steps: &[(Instant, u64)]) -> Self {
        self.steps = steps.iter().copied().collect();
        self
    }

    /// Takes `bytes` in and returns when the last bit of them has left, or `None` when the buffer
    /// is full. An idle link takes a datagram of any size. A `now` that goes back
    /// reorders nothing.
    pub fn admit(&mut self, now: Instant, bytes: u64) -> Option<Instant> {
        self.forget_departed(now);
        let total = self.waiting_bytes.saturating_add(bytes);
        if !self.waiting.is_empty() && total > self.capacity_bytes {
            self.drops += 1;
            return None;
        }
        self.serve(now, bytes);
        let departure = self.departure_of_last();
        if departure > now {
            self.waiting.push_back((departure, bytes));
            self.waiting_bytes = total;
            self.peak_bytes = self.peak_bytes.max(total);
        }
        Some(departure)
    }

    /// Changes rate and capacity from now on. What was admitted keeps the departure it was told;
    /// what comes now waits behind it and is sent at the new rate. (For changes that are known in
    /// advance, [`Queue::with_steps`] also changes the rate of what is waiting.)
    pub fn reconfigure(
        &mut self,
        rate_bps: Option<u64>,
        steps: &[(Instant, u64)],
        capacity_bytes: u64,
    ) {
        self.free_at = self.departure_of_last();
        self.free_part = 0;
        self.rate_bps = rate_bps;
        self.steps = steps.iter().copied().collect();
        self.capacity_bytes = capacity_bytes;
    }

    /// Bytes that have not left at `now`; a datagram counts until its last bit has left.
    pub fn backlog(&self, now: Instant) -> u64 {
        let departed = self.waiting.iter().take_while(|(departure, _)| *departure <= now);
        self.waiting_bytes - departed.map(|(_, bytes)| bytes).sum::<u64>()
    }

    /// How long what came at `now` would wait before its first bit leaves, on a link with a rate.
    pub fn wait(&self, now: Instant) -> Duration {
        self.departure_of_last().saturating_since(now)
    }

    /// The largest backlog so far, in bytes.
    pub fn peak(&self) -> u64 {
        self.peak_bytes
    }

    /// How many datagrams found the buffer full.
    pub fn drops(&self) -> u64 {
        self.drops
    }

    fn forget_departed(&mut self, now: Instant) {
        while let Some((_, bytes)) = self.waiting.pop_front_if(|(at, _)| *at <= now) {
            self.waiting_bytes -= bytes;
        }
    }

    /// The first whole nanosecond at which all that was admitted has left.
    fn departure_of_last(&self) -> Instant {
        Instant::from_nanos(self.free_at.as_nanos().saturating_add(u64::from(self.free_part > 0)))
    }

    /// Moves `free_at` on by the time that `bytes` take from there, or from now if the link idles.
    fn serve(&mut self, now: Instant, bytes: u64) {
        if self.departure_of_last() <= now {
            (self.free_at, self.free_part) = (now, 0);
        }
        while let Some((_, rate)) = self.steps.pop_front_if(|(at, _)| *at <= self.free_at) {
            self.rate_bps = Some(rate);
        }
        let mut work = u128::from(bytes) * NANOS_PER_BYTE_AT_1_BPS;
        while let Some(rate) = self.rate_bps.map(u128::from) {
            let step = self.steps.front().copied();
            let start = self.free_at.as_nanos();
            let until = step.map_or(u64::MAX, |(at, _)| at.as_nanos());
            // What the link can do at this rate, less the part of a nanosecond already used.
            let room = u128::from(until - start) * rate - u128::from(self.free_part);
            if work <= room && rate > 0 {
                let total = work + u128::from(self.free_part);
                self.free_at = Instant::from_nanos(start + (total / rate) as u64);
                self.free_part = (total % rate) as u64;
                return;
            }
            work -= room.min(work);
            (self.free_at, self.free_part) = (Instant::from_nanos(until), 0);
            let Some((_, next)) = step else { return };
            self.steps.pop_front();
            self.rate_bps = Some(next);
        }
    }
}
