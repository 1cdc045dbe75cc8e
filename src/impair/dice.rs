//! A random number for every ordinal of a seed, in any order.
//!
//! A stream hands its numbers out in turn, so one more draw moves all that follow. Here the n-th
//! datagram's number depends on the seed and on n alone: what became of other datagrams, and which
//! other impairments are on, cannot change it (common random numbers).

/// Set in the ordinal of a datagram's copy, so that its draws are not the original's.
pub(crate) const COPY: u64 = 1 << 63;

/// SplitMix64 (Steele, Lea, Flood 2014) with random access. Not for secrets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice whose every number is determined by `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A uniform 64-bit number for `ordinal`.
    pub(crate) const fn u64(self, ordinal: u64) -> u64 {
        mix(self.0.wrapping_add(ordinal.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// A uniform number below `bound`, or 0 if `bound` is 0.
    pub(crate) fn below(self, ordinal: u64, bound: u64) -> u64 {
        ((u128::from(self.u64(ordinal)) * u128::from(bound)) >> 64) as u64
    }

    /// A uniform number in [0, 1) with 53 random bits.
    pub(crate) fn unit(self, ordinal: u64) -> f64 {
        (self.u64(ordinal) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with the given probability; never for 0 and always for 1.
    pub(crate) fn chance(self, ordinal: u64, probability: f64) -> bool {
        self.unit(ordinal) < probability
    }

    /// Dice of its own for `ordinal`, for who needs more than one number there.
    pub(crate) const fn fork(self, ordinal: u64) -> Self {
        Self(self.u64(ordinal))
    }
}

/// SplitMix64's finaliser: every input bit changes every output bit with probability about 1/2.
pub(crate) const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// An exponential number with mean 1 by von Neumann's method (1951), which only compares uniform
/// numbers: a logarithm differs between platforms in its last digit, and then whole runs differ.
pub(crate) fn exponential(dice: Dice, draws: &mut u64) -> f64 {
    let mut draw = || {
        *draws += 1;
        dice.unit(*draws - 1)
    };
    let mut whole = 0.0;
    loop {
        let first = draw();
        let (mut last, mut falling) = (first, 1);
        loop {
            let next = draw();
            if next >= last {
                break;
            }
            (last, falling) = (next, falling + 1);
        }
        if falling % 2 == 1 {
            return whole + first;
        }
        whole += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        // The generator's published first outputs for the seed 1234567.
        let dice = Dice::new(1_234_567);
        assert_eq!(dice.u64(0), 6_457_827_717_110_365_317);
        assert_eq!(dice.u64(1), 3_203_168_211_198_807_973);
    }

    #[test]
    fn chance_and_below_keep_their_bounds() {
        let dice = Dice::new(3);
        for n in 0..1000 {
            assert!(!dice.chance(n, 0.0) && dice.chance(n, 1.0) && dice.below(n, 10) < 10);
        }
        assert_eq!(dice.below(0, 0), 0);
    }

    #[test]
    fn forks_of_neighbours_are_unrelated() {
        let dice = Dice::new(9);
        let bits: u32 =
            (0..1000).map(|n| (dice.fork(n).u64(0) ^ dice.fork(n + 1).u64(0)).count_ones()).sum();
        // 64,000 coin tosses: sigma is 126.5.
        assert!((31_494..=32_506).contains(&bits), "{bits}");
    }
}
