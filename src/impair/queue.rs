//! Queueing: a link of a finite rate and the drop-tail buffer in front of it.
//!
//! Only what has not yet left counts as queued; what is on its way belongs to the line. Bytes are
//! what the caller counts, which should include the IP and UDP headers.

use super::config::LinkConfig;
use crate::time::{Duration, Instant};
use server::Server;
use std::collections::VecDeque;

mod server;
#[cfg(test)]
mod tests;

/// Sending one byte at one bit per second takes this many nanoseconds; also the unit of work left
/// over when a datagram has left, so that times are exact fractions and never drift.
pub(super) const NANOS_PER_BYTE_AT_1_BPS: u128 = 8_000_000_000;

/// A buffer and the rate at which it empties.
#[derive(Clone, Debug)]
pub struct Queue {
    server: Server,
    capacity_bytes: u64,
    capacity_packets: u64,
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
        Self::with_server(Server::new(rate_bps), capacity_bytes, u64::MAX)
    }

    /// The rate or trace, the saved tokens and the buffer of `config`, which must be valid.
    pub fn from_config(config: &LinkConfig) -> Self {
        let server = Server::from_config(config);
        Self::with_server(server, config.capacity_bytes, config.capacity_packets)
    }

    fn with_server(server: Server, capacity_bytes: u64, capacity_packets: u64) -> Self {
        Self {
            server,
            capacity_bytes,
            capacity_packets,
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
        self.server.set_steps(steps);
        self
    }

    /// Takes `bytes` in and returns when the last bit of them has left, or `None` when the buffer
    /// is full. An idle link takes a datagram of any size. A `now` that goes back
    /// reorders nothing.
    pub fn admit(&mut self, now: Instant, bytes: u64) -> Option<Instant> {
        self.forget_departed(now);
        if !self.waiting.is_empty() && !self.has_room(bytes, 1) {
            self.drops += 1;
            return None;
        }
        let departure = self.server.serve(now, bytes);
        if departure > now {
            self.push(departure, bytes);
            self.peak_bytes = self.peak_bytes.max(self.waiting_bytes);
        }
        Some(departure)
    }

    /// Changes rate and capacity from now on. What was admitted keeps the departure it was told;
    /// what comes now waits behind it and is sent at the new rate. (For changes that are known in
    /// advance, [`Queue::with_steps`] also changes the rate of what is waiting.)
    pub fn reconfigure(&mut self, config: &LinkConfig) {
        self.server.reconfigure(config);
        self.capacity_bytes = config.capacity_bytes;
        self.capacity_packets = config.capacity_packets;
    }

    /// Bytes that have not left at `now`; a datagram counts until its last bit has left.
    pub fn backlog(&self, now: Instant) -> u64 {
        let departed = self.waiting.iter().take_while(|(departure, _)| *departure <= now);
        self.waiting_bytes - departed.map(|(_, bytes)| bytes).sum::<u64>()
    }

    /// The largest backlog so far, in bytes.
    pub fn peak(&self) -> u64 {
        self.peak_bytes
    }

    /// How many datagrams found the buffer full.
    pub fn drops(&self) -> u64 {
        self.drops
    }

    /// Datagrams that have not left at `now`.
    pub fn packets(&self, now: Instant) -> u64 {
        let departed = self.waiting.iter().take_while(|(departure, _)| *departure <= now);
        (self.waiting.len() - departed.count()) as u64
    }

    /// How long a datagram that came at `now` would wait until its first bit is sent.
    pub fn wait(&self, now: Instant) -> Duration {
        self.server.start(now).saturating_since(now)
    }

    /// When a datagram that came at `arrived` begins to be sent, behind all that was admitted.
    pub(super) fn start(&self, arrived: Instant) -> Instant {
        self.server.start(arrived)
    }

    /// Sends what came at `arrived` from `start` on, and returns when the last bit of it has left.
    pub(super) fn transmit(&mut self, start: Instant, arrived: Instant, bytes: u64) -> Instant {
        self.forget_departed(start);
        let departure = self.server.serve(arrived, bytes);
        if departure > start {
            self.push(departure, bytes);
        }
        departure
    }

    /// Whether nothing is queued, as of the time it was last told.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When all that was admitted has left.
    pub(super) fn idle_since(&self) -> Instant {
        self.server.last_departure()
    }

    /// The bytes queued, as of the time it was last told.
    pub(super) fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes
    }

    /// The rate at which what comes now would be sent; `None` is without limit.
    pub(super) fn rate_bps(&self) -> Option<u64> {
        self.server.rate_bps()
    }

    /// Whether so much more fits.
    pub(super) fn has_room(&self, bytes: u64, packets: u64) -> bool {
        self.waiting_bytes.saturating_add(bytes) <= self.capacity_bytes
            && (self.waiting.len() as u64).saturating_add(packets) <= self.capacity_packets
    }

    /// Counts what was dropped for want of room.
    pub(super) fn count_drop(&mut self) {
        self.drops += 1;
    }

    /// Notes the backlog with so many more bytes that wait elsewhere.
    pub(super) fn note_peak(&mut self, more: u64) {
        self.peak_bytes = self.peak_bytes.max(self.waiting_bytes.saturating_add(more));
    }

    pub(super) fn forget_departed(&mut self, now: Instant) {
        while let Some((_, bytes)) = self.waiting.pop_front_if(|(at, _)| *at <= now) {
            self.waiting_bytes -= bytes;
        }
    }

    fn push(&mut self, departure: Instant, bytes: u64) {
        self.waiting.push_back((departure, bytes));
        self.waiting_bytes = self.waiting_bytes.saturating_add(bytes);
    }
}
