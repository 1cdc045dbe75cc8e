//! Which packets arrived, and when to say so.

use crate::ranges::RangeSet;
use crate::time::{Duration, Instant};
use crate::wire::{Ack, Ecn, EcnCounts, Writer};

/// How many ranges of received numbers are kept (P-24). At the bound the oldest range is forgotten,
/// with all numbers below its end: what is missing there is taken for a duplicate when it comes late,
/// is not acknowledged, and so is sent again under a new number.
pub const MAX_ACK_RANGES: usize = 4096;

/// Ack-eliciting packets that may be acknowledged together while the rate is high (P-23).
const MAX_ELICITING: u32 = 8;
/// Bytes that may be acknowledged together: large packets are few, and their sender waits.
const MAX_BYTES: usize = 12_000;
/// As [`MAX_ELICITING`] while the connection is young: its sender is still learning the path.
const MIN_ELICITING: u32 = 2;
/// How many eliciting packets a connection has to have received before its ACKs are thinned.
const YOUNG: u64 = 100;

/// An acknowledgement may wait this long on any path (P-23): an answer that carries it usually comes
/// sooner, and a driver that looks every two milliseconds is in time.
const MIN_ACK_DELAY: Duration = Duration::from_micros(2500);

/// An acknowledgement that nothing can be foreseen to carry waits no longer than this (P-23).
const MAX_LONE_ACK_DELAY: Duration = Duration::from_millis(5);

/// How urgently a received packet wants its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// It did not ask for one.
    None,
    /// Within `max_ack_delay`.
    Delayed,
    /// With the next packet that can be sent.
    Now,
}

/// A packet that was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) number: u64,
    pub(super) bytes: usize,
    pub(super) is_eliciting: bool,
    pub(super) ecn: Ecn,
}

/// The receiver's side of the packet number space.
#[derive(Debug, Default)]
pub(super) struct Acks {
    received: RangeSet,
    /// Numbers below this one are no longer told apart: all count as received.
    floor: u64,
    largest: Option<(u64, Instant)>,
    ecn: EcnCounts,
    /// Eliciting packets since the last ACK was sent, and their bytes.
    unacknowledged: u32,
    unacknowledged_bytes: usize,
    eliciting_total: u64,
    due: bool,
}

impl Acks {
    /// Whether no packet with this number was accepted before.
    pub(super) fn is_new(&self, number: u64) -> bool {
        number >= self.floor && !self.received.contains(number)
    }

    pub(super) fn largest(&self) -> Option<u64> {
        self.largest.map(|(number, _)| number)
    }

    /// Whether some number below the largest has not arrived.
    pub(super) fn has_gaps(&self) -> bool {
        self.received.len() > 1
    }

    /// Records a packet that was accepted. Returns how soon an acknowledgement should leave.
    pub(super) fn on_received(&mut self, now: Instant, packet: Received) -> Urgency {
        let Received { number, bytes, is_eliciting, ecn } = packet;
        let expected = self.largest().map_or(0, |n| n + 1);
        let in_order = number == expected;
        self.received.insert(number..number + 1);
        if self.received.len() > MAX_ACK_RANGES
            && let Some(oldest) = self.received.pop_first()
        {
            self.floor = oldest.end;
        }
        if number >= expected {
            self.largest = Some((number, now));
        }
        match ecn {
            Ecn::NotEct => {}
            Ecn::Ect0 => self.ecn.ect0 += 1,
            Ecn::Ect1 => self.ecn.ect1 += 1,
            Ecn::Ce => self.ecn.ce += 1,
        }
        if !is_eliciting {
            return Urgency::None;
        }
        self.unacknowledged += 1;
        self.unacknowledged_bytes += bytes;
        self.eliciting_total += 1;
        let batch = if self.eliciting_total < YOUNG { MIN_ELICITING } else { MAX_ELICITING };
        let is_full = self.unacknowledged >= batch || self.unacknowledged_bytes >= MAX_BYTES;
        // RFC 9000 §13.2.1: reordering is reported at once; congestion marks too.
        if !in_order || ecn == Ecn::Ce || is_full {
            self.due = true;
            return Urgency::Now;
        }
        Urgency::Delayed
    }

    /// The next packet is to carry an acknowledgement.
    pub(super) fn demand(&mut self) {
        self.due |= !self.received.is_empty();
    }

    /// Whether a packet has to be sent for the acknowledgement's sake.
    pub(super) fn is_due(&self) -> bool {
        self.due
    }

    /// Whether there is news worth adding to a packet that leaves anyway.
    pub(super) fn has_news(&self) -> bool {
        self.due || self.unacknowledged > 0
    }

    /// Writes an ACK if it fits. Returns its largest number if it held every range that is kept: then
    /// its own acknowledgement lets go of all of them.
    pub(super) fn write(&mut self, now: Instant, w: &mut Writer<'_>) -> Option<u64> {
        let (largest, at) = self.largest?;
        let delay = now.saturating_since(at);
        let delay_us = u64::try_from(delay.as_micros()).unwrap_or(0).min(u64::from(u32::MAX));
        let ecn = (self.ecn != EcnCounts::default()).then_some(self.ecn);
        let written = Ack::encode(&self.received, delay_us, ecn, w);
        if written == 0 {
            return None;
        }
        self.unacknowledged = 0;
        self.unacknowledged_bytes = 0;
        self.due = false;
        (written == self.received.len()).then_some(largest)
    }

    /// The peer has an ACK of ours that held all ranges up to `largest` (RFC 9000 §13.2.4).
    pub(super) fn on_ack_acknowledged(&mut self, largest: u64) {
        // The newest number stays, or there would be nothing to acknowledge with.
        let keep_from = largest.min(self.largest().unwrap_or(0));
        if keep_from > self.floor {
            self.floor = keep_from;
            self.received.remove(0..keep_from);
        }
    }
}

/// How long an acknowledgement may wait: a fraction of the round trip, so that the peer hears
/// several times in each, and at most what was promised in the handshake.
pub(super) fn ack_delay(max: Duration, srtt: Duration) -> Duration {
    max.min((srtt / 4).clamp(MIN_ACK_DELAY, MAX_LONE_ACK_DELAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(acks: &mut Acks, number: u64) -> Urgency {
        let packet = Received { number, bytes: 100, is_eliciting: true, ecn: Ecn::NotEct };
        acks.on_received(Instant::from_millis(number), packet)
    }

    #[test]
    fn in_order_packets_wait_and_gaps_do_not() {
        let mut acks = Acks::default();
        assert_eq!(receive(&mut acks, 0), Urgency::Delayed);
        assert_eq!(receive(&mut acks, 1), Urgency::Now);
        let mut buf = Vec::new();
        assert_eq!(acks.write(Instant::ZERO, &mut Writer::new(&mut buf, 100)), Some(1));
        assert!(!acks.is_due() && !acks.has_news());
        assert_eq!(receive(&mut acks, 3), Urgency::Now, "2 is missing");
        assert!(acks.is_new(2) && !acks.is_new(3));
    }

    #[test]
    fn what_the_peer_knows_is_forgotten_and_stays_known() {
        let mut acks = Acks::default();
        for number in [0, 2, 4, 6] {
            receive(&mut acks, number);
        }
        acks.on_ack_acknowledged(4);
        assert_eq!(acks.received.iter().collect::<Vec<_>>(), [4..5, 6..7]);
        for number in [0, 1, 3, 4, 6] {
            assert!(!acks.is_new(number), "{number}");
        }
        assert!(acks.is_new(5) && acks.is_new(7));
        acks.on_ack_acknowledged(2);
        assert_eq!(acks.floor, 4, "an old ACK changes nothing");
    }

    #[test]
    fn ranges_are_bounded() {
        let mut acks = Acks::default();
        for number in 0..3 * MAX_ACK_RANGES as u64 {
            receive(&mut acks, number * 2);
        }
        assert_eq!(acks.received.len(), MAX_ACK_RANGES);
        assert!(!acks.is_new(1), "below the floor everything counts as received");
    }
}
