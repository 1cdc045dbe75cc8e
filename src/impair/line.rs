//! Propagation: what becomes of a datagram after it has left the queue, and when it arrives.

use super::blackout::Blackout;
use super::config::LinkConfig;
use super::damage::Damage;
use super::dice::{COPY, Dice};
use super::loss::LossProcess;
use super::timing::{Delays, Timing};
use crate::rng::Rng;
use crate::time::Instant;
use std::array;
use std::iter::Flatten;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It arrives, once or twice.
    Delivered,
    /// The line lost it.
    Lost,
    /// The queue was full.
    Overflowed,
    /// The line was down.
    BlackedOut,
    /// It was larger than the MTU.
    Oversize,
    /// The policer had no tokens for it.
    Policed,
    /// The queue's management dropped it before the queue was full.
    Early,
    /// Not known yet: it waits in the queue, and [`Link::release`](super::Link::release) will tell.
    Held,
}

/// A datagram at the far end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts, not states")]
pub struct Arrival {
    /// When.
    pub at: Instant,
    /// Its bytes as they arrive.
    pub datagram: Vec<u8>,
    /// Whether it is the second of two.
    pub is_copy: bool,
    /// Whether bits were flipped.
    pub is_damaged: bool,
    /// Whether its end is missing.
    pub is_truncated: bool,
    /// Whether the queue was above its marking threshold: where the datagram is ECN-capable, its
    /// carrier sets CE.
    pub is_marked: bool,
}

/// What comes of one datagram: nothing, itself, or itself and a copy, in no order of time.
#[derive(Clone, Debug)]
pub struct Arrivals {
    /// What became of it.
    pub fate: Fate,
    /// The bytes of a datagram that does not arrive, for its sender to use again; else empty.
    pub discarded: Vec<u8>,
    slots: [Option<Arrival>; 2],
}

impl Arrivals {
    pub(super) fn none(fate: Fate, discarded: Vec<u8>) -> Self {
        Self { fate, discarded, slots: [None, None] }
    }

    /// The arrivals, the original first.
    pub fn iter(&self) -> impl Iterator<Item = &Arrival> {
        self.slots.iter().flatten()
    }

    pub(super) fn mark(&mut self) {
        self.slots.iter_mut().flatten().for_each(|arrival| arrival.is_marked = true);
    }
}

impl IntoIterator for Arrivals {
    type Item = Arrival;
    type IntoIter = Flatten<array::IntoIter<Option<Arrival>, 2>>;

    fn into_iter(self) -> Self::IntoIter {
        self.slots.into_iter().flatten()
    }
}

/// A one-way line of a given delay, and all that goes wrong on it. Rate and buffer are the
/// [`Queue`](super::Queue)'s.
#[derive(Clone, Debug)]
pub struct Line {
    blackout: Blackout,
    loss: LossProcess,
    timing: Timing,
    duplicate: f64,
    truncate: f64,
    damage: Damage,
    seeds: Seeds,
}

/// One seed per decision: turning one impairment on does not move the others.
#[derive(Clone, Copy, Debug)]
struct Seeds {
    loss: u64,
    duplicate: Dice,
    truncate: Dice,
    damage: Dice,
    bit_errors: Dice,
}

impl Line {
    /// The line that `config`, which must be valid, describes.
    pub fn new(config: &LinkConfig, seed: u64) -> Self {
        let mut rng = Rng::from_u64(seed);
        let timing = Dice::new(rng.u64());
        let seeds = Seeds {
            loss: rng.u64(),
            duplicate: Dice::new(rng.u64()),
            truncate: Dice::new(rng.u64()),
            damage: Dice::new(rng.u64()),
            bit_errors: Dice::new(rng.u64()),
        };
        Self {
            blackout: config.blackout.clone(),
            loss: LossProcess::new(&config.loss, seeds.loss),
            timing: Timing::new(&delays(config), config.reorder, timing),
            duplicate: config.duplicate,
            truncate: config.truncate,
            damage: config.damage,
            seeds,
        }
    }

    /// Takes other settings, which must be valid, for the datagrams to come.
    pub fn reconfigure(&mut self, config: &LinkConfig) {
        self.blackout = config.blackout.clone();
        self.loss = LossProcess::new(&config.loss, self.seeds.loss);
        self.timing.reconfigure(&delays(config), config.reorder);
        self.duplicate = config.duplicate;
        self.truncate = config.truncate;
        self.damage = config.damage;
    }

    /// Carries a datagram whose last bit enters the line at `now`. `ordinal` is its number among
    /// all that were sent this way, below 2^63, and decides with the seed what becomes of it.
    pub fn carry(&mut self, now: Instant, ordinal: u64, datagram: Vec<u8>) -> Arrivals {
        if self.blackout.covers(now) {
            return Arrivals::none(Fate::BlackedOut, datagram);
        }
        if self.loss.is_lost(now, ordinal) {
            return Arrivals::none(Fate::Lost, datagram);
        }
        let copy = self.seeds.duplicate.chance(ordinal, self.duplicate).then(|| datagram.clone());
        let at = self.timing.arrival(now, ordinal);
        let original = self.arrive(at, ordinal, datagram);
        let copy = copy.map(|datagram| {
            let at = self.timing.copy_arrival(now, ordinal | COPY);
            self.arrive(at, ordinal | COPY, datagram)
        });
        Arrivals { fate: Fate::Delivered, discarded: Vec::new(), slots: [Some(original), copy] }
    }

    /// How many datagrams arrive after one that was sent later (RFC 4737); copies do not count.
    pub fn reordered(&self) -> u64 {
        self.timing.reordered()
    }

    fn arrive(&self, at: Instant, ordinal: u64, mut datagram: Vec<u8>) -> Arrival {
        let is_truncated =
            !datagram.is_empty() && self.seeds.truncate.chance(ordinal, self.truncate);
        if is_truncated {
            let left = self.seeds.truncate.fork(ordinal).below(0, datagram.len() as u64);
            datagram.truncate(left as usize);
        }
        let is_damaged = self.damage.apply(self.seeds.damage, ordinal, &mut datagram);
        let has_errors =
            self.damage.apply_bit_errors(self.seeds.bit_errors, ordinal, &mut datagram);
        let is_copy = ordinal & COPY != 0;
        Arrival {
            at,
            datagram,
            is_copy,
            is_damaged: is_damaged || has_errors,
            is_truncated,
            is_marked: false,
        }
    }
}

fn delays(config: &LinkConfig) -> Delays<'_> {
    Delays {
        delay: config.delay,
        jitter: config.jitter,
        spread: &config.spread,
        correlation: config.spread_correlation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::impair::{Loss, Reorder};
    use crate::time::Duration;

    fn arrivals(config: &LinkConfig, packets: u64, len: usize) -> Vec<Arrival> {
        config.validate().unwrap();
        let mut line = Line::new(config, 5);
        (0..packets).flat_map(|n| line.carry(Instant::ZERO, n, vec![0; len])).collect()
    }

    #[test]
    fn a_share_is_truncated_to_any_shorter_length() {
        let config = LinkConfig { truncate: 0.3, ..LinkConfig::default() };
        let (n, mut lengths) = (100_000, [0u32; 11]);
        for arrival in arrivals(&config, n, 10) {
            assert_eq!(arrival.is_truncated, arrival.datagram.len() < 10);
            lengths[arrival.datagram.len()] += 1;
        }
        // Sigma is 145 of 70,000 whole ones, and 54 of 3,000 of each shorter length.
        assert!((69_420..=70_580).contains(&lengths[10]), "{lengths:?}");
        assert!(lengths[..10].iter().all(|n| (2784..=3216).contains(n)), "{lengths:?}");
        assert!(arrivals(&config, 100, 0).iter().all(|arrival| !arrival.is_truncated));
    }

    #[test]
    fn bit_errors_count_as_damage_and_move_nothing_else() {
        let calm = LinkConfig {
            truncate: 0.2,
            duplicate: 0.2,
            damage: Damage { share: 0.2, bits: 2, ..Damage::default() },
            ..LinkConfig::default()
        };
        let noisy =
            LinkConfig { damage: Damage { bit_error_rate: 1e-3, ..calm.damage }, ..calm.clone() };
        let (calm, noisy) = (arrivals(&calm, 2000, 100), arrivals(&noisy, 2000, 100));
        assert_eq!(calm.len(), noisy.len());
        let mut more = 0;
        for (calm, noisy) in calm.iter().zip(&noisy) {
            assert_eq!(calm.datagram.len(), noisy.datagram.len());
            assert_eq!(noisy.is_damaged, calm.is_damaged || calm.datagram != noisy.datagram);
            more += u32::from(noisy.is_damaged && !calm.is_damaged);
        }
        assert!(more > 500, "{more}");
    }

    /// What becomes of 20,000 datagrams, one per millisecond, in one number (FNV-1a).
    fn digest(loss: Loss) -> u64 {
        let config = LinkConfig {
            delay: Duration::from_millis(20),
            jitter: Duration::from_millis(5),
            reorder: Reorder {
                by_jitter: true,
                share: 0.05,
                late_by: Duration::from_millis(9),
                ..Reorder::default()
            },
            loss,
            duplicate: 0.1,
            damage: Damage { share: 0.1, bits: 3, ..Damage::default() },
            truncate: 0.1,
            ..LinkConfig::default()
        };
        let mut line = Line::new(&config, 77);
        let mut hash = 0xcbf2_9ce4_8422_2325;
        for n in 0..20_000 {
            for arrival in line.carry(Instant::from_millis(n), n, vec![0; 30]) {
                let at = [n, arrival.at.as_nanos()].map(u64::to_le_bytes).concat();
                for byte in at.into_iter().chain(arrival.datagram) {
                    hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
                }
            }
        }
        hash
    }

    #[test]
    fn recorded_seeds_keep_their_meaning() {
        // Computed once: a change means that every recorded seed has lost its meaning.
        let mean_bad = Duration::from_millis(40);
        let digests = [
            Loss::None,
            Loss::Bernoulli { p: 0.1 },
            Loss::Bursts { mean_loss: 0.1, mean_burst: 4.0 },
            Loss::TimedBursts { mean_loss: 0.1, mean_bad },
        ]
        .map(digest);
        assert_eq!(
            digests,
            [
                12_994_623_139_605_471_361,
                8_324_201_195_944_029_557,
                7_209_159_001_514_549_946,
                8_506_024_974_075_910_491,
            ]
        );
    }
}
