//! Delivery-rate samples (draft-cheng-iccrg-delivery-rate-estimation): how fast the path delivered
//! between two moments, and whether the application was what held it back.

use crate::time::{Duration, Instant};

/// What a packet remembers of the connection's state when it was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Snapshot {
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    lost: u64,
    in_flight: u64,
    app_limited: bool,
}

impl Snapshot {
    /// Whether the application had nothing more to send around that time.
    pub(super) const fn is_app_limited(&self) -> bool {
        self.app_limited
    }
}

/// How much the path delivered over the flight of the newest packet of one ACK.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateSample {
    /// Bytes delivered since the connection began.
    pub total_delivered: u64,
    /// The same when the packet was sent: at or above the last round's end, a new round begins.
    pub prior_delivered: u64,
    /// Bytes delivered between the packet's sending and its ACK.
    pub delivered: u64,
    /// Bytes declared lost in that time.
    pub lost: u64,
    /// Bytes in flight when the packet had been sent, itself included.
    pub in_flight_at_send: u64,
    /// The longer of the times in which those bytes were sent and acknowledged; zero: no sample.
    pub interval: Duration,
    /// The rate is a lower bound only, because the application sent less than it might have.
    pub app_limited: bool,
}

impl RateSample {
    /// The rate in bytes per second, if there is a sample.
    pub fn bytes_per_second(&self) -> Option<u64> {
        if self.interval.is_zero() {
            return None;
        }
        Some((self.delivered as f64 / self.interval.as_secs_f64()) as u64)
    }
}

/// The connection's side of the samples.
#[derive(Debug, Default)]
pub(super) struct RateSampler {
    delivered: u64,
    delivered_at: Instant,
    first_sent_at: Instant,
    lost: u64,
    /// Packets sent until this many bytes are delivered are application-limited.
    app_limited_until: Option<u64>,
    /// The newest packet delivered since the last sample was taken, and when it was sent.
    newest: Option<(Snapshot, Instant)>,
}

impl RateSampler {
    /// A packet of `bytes` leaves while `bytes_in_flight` are out already.
    pub(super) fn on_sent(&mut self, now: Instant, bytes: u32, bytes_in_flight: u64) -> Snapshot {
        if bytes_in_flight == 0 {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        Snapshot {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            lost: self.lost,
            in_flight: bytes_in_flight + u64::from(bytes),
            // At the limit too: what leaves then is the first after a silence (C.app_limited is cleared
            // when C.delivered is above it).
            app_limited: self.app_limited_until.is_some_and(|until| self.delivered <= until),
        }
    }

    /// A packet was delivered, whole or damaged.
    pub(super) fn on_delivered(
        &mut self,
        now: Instant,
        packet: &Snapshot,
        sent_at: Instant,
        bytes: u32,
    ) {
        self.delivered += u64::from(bytes);
        self.delivered_at = now;
        if self.newest.is_none_or(|(_, newest_at)| sent_at >= newest_at) {
            self.newest = Some((*packet, sent_at));
        }
    }

    /// Bytes were declared lost.
    pub(super) const fn on_lost(&mut self, bytes: u64) {
        self.lost += bytes;
    }

    /// The application has nothing to send although it might: marks what is sent from now until
    /// the present flight is delivered.
    pub(super) fn on_app_limited(&mut self, bytes_in_flight: u64) {
        self.app_limited_until = Some(self.delivered + bytes_in_flight);
    }

    /// The sample of all that was delivered since the last call.
    pub(super) fn take_sample(&mut self, min_rtt: Duration) -> RateSample {
        let Some((packet, sent_at)) = self.newest.take() else {
            return RateSample { total_delivered: self.delivered, ..RateSample::default() };
        };
        let send_elapsed = sent_at.saturating_since(packet.first_sent_at);
        let ack_elapsed = self.delivered_at.saturating_since(packet.delivered_at);
        self.first_sent_at = self.first_sent_at.max(sent_at);
        let interval = send_elapsed.max(ack_elapsed);
        RateSample {
            total_delivered: self.delivered,
            prior_delivered: packet.delivered,
            delivered: self.delivered - packet.delivered,
            lost: self.lost - packet.lost,
            in_flight_at_send: packet.in_flight,
            // Shorter than any round trip: acknowledged in one heap, which says nothing of the rate.
            interval: if interval < min_rtt { Duration::ZERO } else { interval },
            app_limited: packet.app_limited,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_steady_flow_is_measured_exactly() {
        let mut rate = RateSampler::default();
        let mut flight = std::collections::VecDeque::new();
        let (mut in_flight, mut last) = (0, RateSample::default());
        // One packet of 1000 bytes each millisecond, acknowledged 20 ms later: 1 MB/s.
        for t in 0..100 {
            if t >= 20 {
                let (packet, sent_at) = flight.pop_front().unwrap();
                in_flight -= 1000;
                rate.on_delivered(at(t), &packet, sent_at, 1000);
                last = rate.take_sample(Duration::from_millis(20));
            }
            flight.push_back((rate.on_sent(at(t), 1000, in_flight), at(t)));
            in_flight += 1000;
        }
        assert_eq!(last.bytes_per_second(), Some(1_000_000));
        assert_eq!((last.total_delivered, last.delivered), (80_000, 20_000));
        assert!(!last.app_limited);
    }

    #[test]
    fn a_heap_of_acks_is_not_faster_than_the_sending() {
        let mut rate = RateSampler::default();
        let flight: Vec<_> =
            (0..10).map(|t| (rate.on_sent(at(t * 10), 1000, t * 1000), at(t * 10))).collect();
        for (packet, sent_at) in &flight {
            rate.on_delivered(at(200), packet, *sent_at, 1000);
        }
        let sample = rate.take_sample(Duration::from_millis(50));
        assert_eq!(sample.interval, Duration::from_millis(200), "from the first sending");
        assert_eq!(sample.bytes_per_second(), Some(50_000));
        assert!(rate.take_sample(Duration::ZERO).bytes_per_second().is_none(), "taken already");
    }

    #[test]
    fn packets_sent_for_want_of_data_are_marked() {
        let mut rate = RateSampler::default();
        let before = rate.on_sent(at(0), 1000, 0);
        rate.on_app_limited(1000);
        let bubble = rate.on_sent(at(1), 1000, 1000);
        assert!(!before.is_app_limited() && bubble.is_app_limited());
        rate.on_delivered(at(10), &before, at(0), 1000);
        let next = rate.on_sent(at(11), 1000, 1000);
        assert!(next.is_app_limited(), "the first after the silence");
        rate.on_delivered(at(12), &bubble, at(1), 1000);
        assert!(!rate.on_sent(at(13), 1000, 1000).is_app_limited(), "the bubble has passed");
    }
}
