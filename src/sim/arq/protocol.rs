//! Which protocol, its settings, and what the senders and the receivers have in common.

use crate::time::{Duration, Instant};
use std::fmt::Debug;

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// One frame, then its acknowledgement, then the next.
    StopAndWait,
    /// A window of frames; a timeout sends all of them again.
    GoBackN,
    /// A window of frames; a timeout sends one of them again.
    SelectiveRepeat,
}

/// What a real transport would measure or negotiate, and these are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Frames that may be sent and not acknowledged; at least 1. Stop-and-wait has 1 whatever this
    /// says. Default: 64.
    pub window: u32,
    /// A frame that has not been acknowledged for so long counts as lost. Default: 200 ms.
    pub timeout: Duration,
    /// The time from one frame to the next at the earliest: what the link needs to send one, so
    /// that a window does not go out as a burst. Default: none.
    pub spacing: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { window: 64, timeout: Duration::from_millis(200), spacing: Duration::ZERO }
    }
}

/// Sends payloads in frames and repeats them until they are acknowledged.
pub(super) trait Sender: Debug + Send {
    /// Queues a payload behind the others.
    fn push(&mut self, payload: Vec<u8>);

    /// Takes an acknowledgement.
    fn on_ack(&mut self, number: u32);

    /// The frame to send at `now`, if there is one; it counts as sent.
    fn next(&mut self, now: Instant) -> Option<(u32, &[u8])>;

    /// When there may be a frame to send, if nothing arrives before.
    fn deadline(&self) -> Option<Instant>;

    /// Payloads that are not acknowledged.
    fn pending(&self) -> usize;
}

/// Puts payloads into their order and says what to acknowledge.
pub(super) trait Receiver: Debug + Send {
    /// Takes a frame and returns the number to acknowledge, if there is one.
    fn on_data(&mut self, number: u32, payload: &[u8]) -> Option<u32>;

    /// The next payload in order.
    fn pop(&mut self) -> Option<Vec<u8>>;
}
