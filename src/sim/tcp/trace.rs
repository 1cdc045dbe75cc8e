//! What one transfer did, as a time-sequence picture needs it.

use crate::time::Instant;

/// A segment that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When.
    pub at: Instant,
    /// Its sequence number in segments; 0 is the SYN.
    pub number: u32,
    /// Whether it had been sent before.
    pub is_retransmission: bool,
}

/// One transfer, from the sender's side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Every segment, in the order of sending.
    pub sent: Vec<Sent>,
    /// Every acknowledgement, duplicates too: when it came, and the highest number up to which all
    /// has arrived.
    pub acknowledgements: Vec<(Instant, u32)>,
    /// The congestion window in segments after each of its changes.
    pub windows: Vec<(Instant, f64)>,
    /// How often the retransmission timer expired.
    pub timeouts: u32,
}

impl Trace {
    /// What was sent again, in order.
    pub fn retransmissions(&self) -> impl Iterator<Item = Sent> {
        self.sent.iter().copied().filter(|sent| sent.is_retransmission)
    }

    /// When a segment was sent first.
    pub fn first_sent(&self, number: u32) -> Option<Instant> {
        self.sent.iter().find(|sent| sent.number == number).map(|sent| sent.at)
    }

    /// The highest number up to which everything was acknowledged.
    pub fn acknowledged(&self) -> u32 {
        self.acknowledgements.iter().map(|(_, number)| *number).max().unwrap_or(0)
    }
}
