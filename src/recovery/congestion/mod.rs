//! Congestion control: how much may be in flight, and how fast it may leave.

mod bbr;
mod new_reno;

use std::fmt;

pub use bbr::Bbr;
pub use new_reno::NewReno;

use super::rate::RateSample;
use super::rtt::Rtt;
use crate::time::{Duration, Instant};

/// The first window, in packets. RFC 6928 and RFC 9002 §7.2 say 10, and no more than that leave in
/// one burst; the others are spread over the round trip of the handshake, which saves a start two
/// round trips of doubling and overfills no queue that ten at once would not.
pub const INITIAL_WINDOW_PACKETS: u64 = 32;
/// The least window of loss-based controllers, in packets (RFC 9002 §7.2).
pub const MIN_WINDOW_PACKETS: u64 = 2;
/// The largest window in bytes, whatever the controller asks for.
pub const MAX_WINDOW: u64 = 128 * 1024 * 1024;

/// What one ACK says.
#[derive(Clone, Copy, Debug)]
pub struct AckSample {
    /// When it came.
    pub now: Instant,
    /// UDP payload bytes that it newly acknowledged; damaged packets count (they were delivered).
    pub bytes: u64,
    /// Of these bytes, those that had been declared lost before.
    pub late_bytes: u64,
    /// The packets of these bytes.
    pub packets: u64,
    /// When the newest of these packets was sent.
    pub newest_sent_at: Instant,
    /// Bytes in flight before the ACK.
    pub prior_in_flight: u64,
    /// Bytes in flight after it.
    pub bytes_in_flight: u64,
    /// Whether the window was used: neither the application nor the user's rate held the sender
    /// back. A window that was not used must not grow (RFC 7661, RFC 9002 §7.8).
    pub window_limited: bool,
    /// Packets newly reported as marked Congestion Experienced.
    pub ce_marks: u64,
    /// The estimator after this ACK.
    pub rtt: Rtt,
    /// The round trip that this ACK measured, if it did.
    pub rtt_sample: Option<Duration>,
    /// The delivery rate that this ACK measured.
    pub rate: RateSample,
}

/// Packets declared lost at one time.
#[derive(Clone, Copy, Debug)]
pub struct LossSample {
    /// When they were declared lost.
    pub now: Instant,
    /// UDP payload bytes lost.
    pub bytes: u64,
    /// Packets lost.
    pub packets: u64,
    /// When the newest of them was sent.
    pub newest_sent_at: Instant,
    /// Bytes in flight without them.
    pub bytes_in_flight: u64,
    /// Nothing that was sent within three PTOs was acknowledged (RFC 9002 §7.6).
    pub persistent: bool,
    /// The estimator at that time.
    pub rtt: Rtt,
}

/// What a controller is doing; for traces and statistics, and for the pacing rate of controllers
/// that have none of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Doubling per round trip.
    SlowStart,
    /// Growing slowly.
    Avoidance,
    /// Waiting until the packets sent before a loss have left.
    Recovery,
    /// BBR: doubling per round trip until the bandwidth no longer grows.
    Startup,
    /// BBR: emptying the queue that the start-up made.
    Drain,
    /// BBR: a little below the bandwidth, so that the queue empties.
    ProbeDown,
    /// BBR: at the bandwidth.
    ProbeCruise,
    /// BBR: filling the pipe before probing.
    ProbeRefill,
    /// BBR: above the bandwidth, to see whether there is more.
    ProbeUp,
    /// BBR: nearly silent for a moment, to see the path's own delay.
    ProbeRtt,
}

/// A congestion controller of one path. It sees samples only and owns all of its state.
pub trait Controller: fmt::Debug + Send {
    /// An ACK acknowledged packets for the first time, or reported congestion marks.
    fn on_ack(&mut self, ack: &AckSample);

    /// Packets were lost. Called before the [`Controller::on_ack`] of the ACK that showed it.
    fn on_loss(&mut self, loss: &LossSample);

    /// All losses since the window was last reduced turned out to be late packets.
    fn on_spurious(&mut self) {}

    /// The connection sends again after `timeouts` PTOs (at least 1) with nothing in flight.
    fn on_restart(&mut self, timeouts: u32) {
        let _ = timeouts;
    }

    /// The largest UDP payload has changed.
    fn on_mtu(&mut self, max_payload: u32);

    /// The path is another one: everything learned is void (RFC 9000 §9.4).
    fn on_path_change(&mut self);

    /// The most that may be in flight, in bytes of UDP payload.
    fn window(&self) -> u64;

    /// The rate at which to send, in bytes of UDP payload per second. `None`: it follows from the
    /// window and the round-trip time.
    fn pacing_rate(&self) -> Option<u64>;

    /// What it is doing.
    fn phase(&self) -> Phase;
}
