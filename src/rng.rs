//! The one source of randomness below the drivers: seeded, and the same stream in every version.

use rand::rngs::ChaCha12Rng;
use rand::{Rng as _, SeedableRng as _};

/// ChaCha12 from a 32-byte seed. Whoever makes an endpoint or a simulated network hands one in.
pub struct Rng(ChaCha12Rng);

impl Rng {
    /// A generator whose whole output is determined by `seed`.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// A generator from a small number, for simulations and tests; never for a real endpoint.
    pub fn from_u64(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self::from_seed(bytes)
    }

    /// A new generator whose stream is independent of what this one yields later: giving each
    /// component its own means that one more draw in one of them does not move the others.
    pub fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.fill(&mut seed);
        Self::from_seed(seed)
    }

    /// A uniform 64-bit number.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A uniform number below `bound`, or 0 if `bound` is 0 (Lemire's multiplication: a bias of at most `bound` / 2^64).
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A uniform number in [0, 1) with 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with the given probability; never for 0 and always for 1.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Fills `out` with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }
}

impl std::fmt::Debug for Rng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The state would give away every connection id that is still to come.
        f.write_str("Rng(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_pinned() {
        let mut rng = Rng::from_u64(1);
        let first = [rng.u64(), rng.u64()];
        let mut again = Rng::from_u64(1);
        assert_eq!(first, [again.u64(), again.u64()]);
        assert_eq!(Rng::from_u64(0).u64(), PINNED);
    }

    /// Computed once: a change means that every recorded seed has lost its meaning.
    const PINNED: u64 = 6_050_961_064_690_644_123;

    #[test]
    fn forks_do_not_depend_on_later_draws() {
        let (mut a, mut b) = (Rng::from_u64(7), Rng::from_u64(7));
        let (mut fork_a, mut fork_b) = (a.fork(), b.fork());
        let _ = a.u64();
        assert_eq!(fork_a.u64(), fork_b.u64());
        assert_ne!(a.u64(), b.u64());
    }

    #[test]
    fn chance_and_below_keep_their_bounds() {
        let mut rng = Rng::from_u64(3);
        for _ in 0..1000 {
            assert!(!rng.chance(0.0) && rng.chance(1.0));
            assert!(rng.below(10) < 10);
        }
        assert_eq!(rng.below(0), 0);
    }
}
