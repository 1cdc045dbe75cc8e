//! The first packets leave as one burst, and the bottleneck spaces them: the spacing of their ACKs
//! shows its rate before a second round trip has begun (a packet train).

use super::super::AckSample;
use crate::time::Instant;

/// ACKs after the first that a measurement takes: fewer may be one heap that was cut in two.
const MIN_ACKS: u32 = 2;
/// The share of the measured rate that is used: others may have sent between the packets.
const TRUST: f64 = 0.9;

/// The measurement.
#[derive(Debug, Default)]
pub(super) struct Train {
    /// When the first packets of the train were sent and acknowledged.
    first: Option<(Instant, Instant)>,
    bytes: u64,
    acks: u32,
    rate: f64,
}

impl Train {
    /// Takes in an ACK of the first round trip.
    pub(super) fn on_ack(&mut self, ack: &AckSample) {
        let Some((sent_at, acked_at)) = self.first else {
            self.first = Some((ack.newest_sent_at, ack.now));
            return;
        };
        let spread = ack.now.saturating_since(acked_at);
        // What was not sent much faster than it came shows our pacing and not the bottleneck.
        if ack.newest_sent_at.saturating_since(sent_at) > spread / 4 || ack.rtt_sample.is_none() {
            return;
        }
        self.bytes += ack.bytes;
        self.acks += 1;
        if self.acks >= MIN_ACKS && !spread.is_zero() {
            self.rate = TRUST * self.bytes as f64 / spread.as_secs_f64();
        }
    }

    /// The rate to go on with, in bytes per second; zero if nothing is known.
    pub(super) const fn rate(&self) -> f64 {
        self.rate
    }
}
