//! The round-trip time: smoothed, its variation and its minimum (RFC 9002 §5, RFC 6298).

use crate::time::Duration;

/// Where the present estimate comes from: it decides how far it can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Guess,
    Handshake,
    Packets,
}

/// The estimator of one path's round-trip time.
#[derive(Clone, Copy, Debug)]
pub struct Rtt {
    latest: Duration,
    smoothed: Duration,
    variation: Duration,
    min: Duration,
    source: Source,
}

impl Rtt {
    /// The timer granularity: the least that four variations may add to a PTO (RFC 9002 §6.1.2).
    pub const GRANULARITY: Duration = Duration::from_millis(1);

    /// No sample yet; `guess` stands in for all values.
    pub const fn new(guess: Duration) -> Self {
        let variation = Duration::from_nanos(guess.as_nanos() as u64 / 2);
        Self { latest: guess, smoothed: guess, variation, min: guess, source: Source::Guess }
    }

    /// Takes the round trip of the handshake as a first, rough sample; ignored once packets gave one.
    pub fn on_handshake(&mut self, rtt: Duration) {
        if self.source != Source::Packets {
            *self = Self { source: Source::Handshake, ..Self::new(rtt) };
        }
    }

    /// Takes the sample of one packet, `delay` being how long the peer says that it held the ACK
    /// (already capped at the peer's `max_ack_delay`).
    pub fn on_sample(&mut self, sample: Duration, delay: Duration) {
        if self.source == Source::Guess {
            *self = Self { source: Source::Packets, ..Self::new(sample) };
            return;
        }
        self.source = Source::Packets;
        self.latest = sample;
        self.min = self.min.min(sample);
        let adjusted = self.without(sample, delay);
        self.variation = (self.variation * 3 + self.smoothed.abs_diff(adjusted)) / 4;
        self.smoothed = (self.smoothed * 7 + adjusted) / 8;
    }

    /// A sample without the peer's delay, which is not believed where it would take the sample below the
    /// minimum (RFC 9002 §5.3).
    pub fn without(&self, sample: Duration, delay: Duration) -> Duration {
        if sample >= self.min + delay { sample.saturating_sub(delay) } else { sample }
    }

    /// Whether a packet has been measured, and not only guessed or taken from the handshake.
    pub const fn is_measured(&self) -> bool {
        matches!(self.source, Source::Packets)
    }

    /// Whether anything has been measured at all, the handshake included.
    pub const fn is_known(&self) -> bool {
        !matches!(self.source, Source::Guess)
    }

    /// The newest sample, the peer's ACK delay included.
    pub const fn latest(&self) -> Duration {
        self.latest
    }

    /// `srtt`.
    pub const fn smoothed(&self) -> Duration {
        self.smoothed
    }

    /// `rttvar`.
    pub const fn variation(&self) -> Duration {
        self.variation
    }

    /// The least sample since the path began.
    pub const fn min(&self) -> Duration {
        self.min
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn the_first_sample_sets_and_later_ones_smooth() {
        // (sample, delay) -> (srtt, rttvar, min) in microseconds, worked by hand from RFC 6298 §2.
        let table = [
            ((100, 0), (100_000, 50_000, 100)),
            ((100, 0), (100_000, 37_500, 100)),
            ((180, 0), (110_000, 48_125, 100)),
            ((140, 20), (111_250, 38_593, 100)),
            // 110 - 20 would be below the minimum: the delay is not believed.
            ((110, 20), (111_093, 29_257, 100)),
            ((60, 0), (104_707, 34_716, 60)),
        ];
        let mut rtt = Rtt::new(ms(150));
        for ((sample, delay), (srtt, rttvar, min)) in table {
            rtt.on_sample(ms(sample), ms(delay));
            assert_eq!(rtt.smoothed().as_micros(), srtt, "srtt after {sample}");
            assert_eq!(rtt.variation().as_micros(), rttvar, "rttvar after {sample}");
            assert_eq!(rtt.min(), ms(min));
            assert_eq!(rtt.latest(), ms(sample));
        }
    }

    #[test]
    fn the_handshake_seeds_and_packets_refine() {
        let mut rtt = Rtt::new(ms(150));
        assert!(!rtt.is_known());
        rtt.on_handshake(ms(40));
        assert!(rtt.is_known() && !rtt.is_measured());
        assert_eq!((rtt.smoothed(), rtt.variation(), rtt.min()), (ms(40), ms(20), ms(40)));
        rtt.on_sample(ms(48), ms(0));
        assert!(rtt.is_measured());
        assert_eq!((rtt.smoothed(), rtt.variation()), (ms(41), ms(17)));
        rtt.on_handshake(ms(500));
        assert_eq!(rtt.smoothed(), ms(41), "packets know better than the handshake");
    }
}
