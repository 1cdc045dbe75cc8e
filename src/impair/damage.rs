//! Damage: bits that arrive flipped.

use super::dice::Dice;
use super::elementary::{ln, ln_1p};
use super::error::{ImpairError, check_share};
use std::ops::Range;

/// Damaged datagrams: how many and how badly, or how many of all bits. By default none, and one bit
/// anywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Damage {
    /// The share of datagrams that are damaged, 0 to 1.
    pub share: f64,
    /// How many different bits of such a datagram are flipped, 1 to [`Damage::MAX_BITS`]; all of
    /// the region's if it has fewer.
    pub bits: u32,
    /// The probability with which each bit of every datagram is flipped, 0 to 1, independently of
    /// all others: what a radio or a bad cable lets through. Beside the `share`.
    pub bit_error_rate: f64,
    /// Where they are.
    pub region: Region,
}

/// The part of a datagram in which bits are flipped. A datagram that does not reach that far stays
/// whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Region {
    /// Anywhere.
    #[default]
    Anywhere,
    /// In the first so many bytes, such as a header.
    First(usize),
    /// After the first so many bytes, such as a payload.
    After(usize),
}

impl Default for Damage {
    fn default() -> Self {
        Self { share: 0.0, bits: 1, bit_error_rate: 0.0, region: Region::Anywhere }
    }
}

impl Damage {
    /// The most bits that can be asked for.
    pub const MAX_BITS: u32 = 64;

    /// That the shares are such and the number of bits in its range.
    ///
    /// # Errors
    ///
    /// [`ImpairError::Share`] or [`ImpairError::DamageBits`] if not.
    pub fn validate(&self) -> Result<(), ImpairError> {
        check_share("damage.share", self.share)?;
        check_share("damage.bit_error_rate", self.bit_error_rate)?;
        if !(1..=Self::MAX_BITS).contains(&self.bits) {
            return Err(ImpairError::DamageBits { bits: self.bits, max: Self::MAX_BITS });
        }
        Ok(())
    }

    /// Damages the datagram if it is this one's turn; returns whether any bit was flipped.
    pub(super) fn apply(&self, dice: Dice, ordinal: u64, datagram: &mut [u8]) -> bool {
        if !dice.chance(ordinal, self.share) {
            return false;
        }
        let bytes = self.region.of(datagram.len());
        let region = datagram.get_mut(bytes).unwrap_or_default();
        let positions = region.len() as u64 * 8;
        let dice = dice.fork(ordinal);
        let mut chosen = [u64::MAX; Self::MAX_BITS as usize];
        // Floyd's sampling: each turn has one more position to choose from, and a position that is
        // taken already stands for the new one. So all sets of positions are equally likely.
        let bits = u64::from(self.bits).min(positions);
        for (slot, last) in (positions - bits..positions).enumerate() {
            let drawn = dice.below(last, last + 1);
            let position = if chosen.contains(&drawn) { last } else { drawn };
            if let Some(slot) = chosen.get_mut(slot) {
                *slot = position;
            }
            if let Some(byte) = region.get_mut((position / 8) as usize) {
                *byte ^= 1 << (position % 8);
            }
        }
        bits > 0
    }

    /// Flips each bit with the probability of an error; returns whether any was flipped.
    pub(super) fn apply_bit_errors(&self, dice: Dice, ordinal: u64, datagram: &mut [u8]) -> bool {
        if self.bit_error_rate <= 0.0 {
            return false;
        }
        let bytes = self.region.of(datagram.len());
        let region = datagram.get_mut(bytes).unwrap_or_default();
        let dice = dice.fork(ordinal);
        let log_of_passing = ln_1p(-self.bit_error_rate);
        let mut position = 0;
        let mut errors = 0;
        loop {
            // Bits that pass before the next error are geometric: P(at least k) = (1 - rate)^k. A
            // number that does not fit becomes the largest one.
            let passing = (ln(1.0 - dice.unit(errors)) / log_of_passing) as u64;
            position = passing.saturating_add(position);
            let Some(byte) = region.get_mut((position / 8) as usize) else {
                return errors > 0;
            };
            *byte ^= 1 << (position % 8);
            errors += 1;
            position += 1;
        }
    }
}

impl Region {
    fn of(self, len: usize) -> Range<usize> {
        match self {
            Self::Anywhere => 0..len,
            Self::First(bytes) => 0..bytes.min(len),
            Self::After(bytes) => bytes.min(len)..len,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flipped(damage: &Damage, ordinal: u64, len: usize) -> Vec<usize> {
        let mut datagram = vec![0; len];
        let was_damaged = damage.apply(Dice::new(1), ordinal, &mut datagram);
        let bits: Vec<usize> =
            (0..len * 8).filter(|bit| datagram[bit / 8] >> (bit % 8) & 1 == 1).collect();
        assert_eq!(was_damaged, !bits.is_empty());
        bits
    }

    #[test]
    fn exactly_the_asked_number_of_bits_in_the_region() {
        for bits in [1, 2, 3, 17, 64] {
            for (region, bytes) in [
                (Region::Anywhere, 0..40),
                (Region::First(12), 0..12),
                (Region::After(12), 12..40),
                (Region::First(3), 0..3),
            ] {
                let damage = Damage { share: 1.0, bits, region, ..Damage::default() };
                let expected = (bits as usize).min(bytes.len() * 8);
                for ordinal in 0..200 {
                    let at = flipped(&damage, ordinal, 40);
                    assert_eq!(at.len(), expected, "{bits} bits in {region:?}");
                    assert!(at.iter().all(|bit| bytes.contains(&(bit / 8))));
                }
            }
        }
    }

    #[test]
    fn a_datagram_that_does_not_reach_the_region_stays_whole() {
        let damage = Damage { share: 1.0, region: Region::After(12), ..Damage::default() };
        assert!(flipped(&damage, 0, 12).is_empty());
        assert!(flipped(&Damage { region: Region::Anywhere, ..damage }, 0, 0).is_empty());
    }

    #[test]
    fn every_bit_is_hit_equally_often() {
        let damage = Damage { share: 1.0, bits: 2, ..Damage::default() };
        let mut hits = [0u32; 32];
        for ordinal in 0..64_000 {
            for bit in flipped(&damage, ordinal, 4) {
                hits[bit] += 1;
            }
        }
        // 4,000 expected each with a sigma of 61.2.
        assert!(hits.iter().all(|n| (3740..=4260).contains(n)), "{hits:?}");
    }

    fn errors(damage: &Damage, seed: u64, ordinal: u64, len: usize) -> Vec<usize> {
        let mut datagram = vec![0; len];
        let any = damage.apply_bit_errors(Dice::new(seed), ordinal, &mut datagram);
        let bits: Vec<usize> =
            (0..len * 8).filter(|bit| datagram[bit / 8] >> (bit % 8) & 1 == 1).collect();
        assert_eq!(any, !bits.is_empty());
        bits
    }

    #[test]
    fn the_number_of_bit_errors_is_binomial_and_they_are_anywhere() {
        for rate in [1e-4, 0.02, 0.5, 0.97] {
            let damage = Damage { bit_error_rate: rate, ..Damage::default() };
            let (packets, bits) = (200_000u32, 40usize);
            let mut counts = vec![0.0; bits + 1];
            let mut hits = vec![0.0; bits];
            for ordinal in 0..u64::from(packets) {
                let flipped = errors(&damage, 2, ordinal, bits / 8);
                counts[flipped.len()] += 1.0;
                for bit in flipped {
                    hits[bit] += 1.0;
                }
            }
            let mut probability = (1.0 - rate).powi(40);
            for (k, count) in counts.iter().enumerate() {
                let expected = probability * f64::from(packets);
                let sigma = (expected * (1.0 - probability)).sqrt();
                assert!((count - expected).abs() < 4.5 * sigma.max(1.0), "{rate}: {k}: {count}");
                probability *= (bits - k) as f64 / (k + 1) as f64 * rate / (1.0 - rate);
            }
            let sigma = (f64::from(packets) * rate * (1.0 - rate)).sqrt();
            for (bit, hits) in hits.iter().enumerate() {
                let expected = f64::from(packets) * rate;
                assert!((hits - expected).abs() < 4.5 * sigma.max(1.0), "{rate}: {bit}: {hits}");
            }
        }
    }

    #[test]
    fn bit_errors_keep_to_their_region_and_to_the_ends_of_their_range() {
        let damage = Damage { bit_error_rate: 1.0, region: Region::After(3), ..Damage::default() };
        assert_eq!(errors(&damage, 1, 0, 5), (24..40).collect::<Vec<_>>());
        assert!(errors(&damage, 1, 0, 3).is_empty());
        let first = Damage { region: Region::First(2), ..damage };
        assert_eq!(errors(&first, 1, 0, 5), (0..16).collect::<Vec<_>>());
        for rate in [0.0, f64::MIN_POSITIVE, 1e-18] {
            let damage = Damage { bit_error_rate: rate, ..Damage::default() };
            assert!((0..1000).all(|n| errors(&damage, 1, n, 1500).is_empty()));
        }
    }

    #[test]
    fn what_has_no_meaning_is_refused_in_one_clear_line() {
        let error = Damage { share: -0.1, ..Damage::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "damage.share = -0.1: must be between 0 and 1");
        let error = Damage { bit_error_rate: 1.5, ..Damage::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "damage.bit_error_rate = 1.5: must be between 0 and 1");
        let error = Damage { bits: 65, ..Damage::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "damage.bits = 65: must be between 1 and 64");
    }
}
