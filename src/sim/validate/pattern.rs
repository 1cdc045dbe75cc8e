//! What can be counted in a sequence of packets that arrive or do not.

use super::ratio::Ratio;
use crate::impair::{Fate, ImpairError, Link, LinkConfig, Loss};
use crate::time::{Duration, Instant};

/// Packets whose losses are added up for the variance.
const BLOCK: u64 = 200;

/// Counts of a sequence.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// Losses per packet.
    pub(super) share: Ratio,
    /// Losses per run of losses.
    pub(super) run: Ratio,
    /// Of the packets after a lost one, those that are lost too.
    pub(super) again: Ratio,
    /// The same ten packets after it.
    pub(super) later: Ratio,
    blocks: Blocks,
    /// What became of the last packets, the latest in the lowest bit, and of how many there are.
    past: (u32, u32),
}

impl Pattern {
    /// How far after a loss `later` looks.
    pub(super) const LATER: u32 = 10;

    /// What a line with this loss does to so many packets, one after the other.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of a loss that is none.
    pub(super) fn observe(
        loss: &Loss,
        packets: u64,
        every: Duration,
        seed: u64,
    ) -> Result<Self, ImpairError> {
        let config = LinkConfig { loss: loss.clone(), ..LinkConfig::default() };
        let mut link = Link::new(config, seed)?;
        let mut pattern = Self::of(packets);
        let mut now = Instant::ZERO;
        for _ in 0..packets {
            pattern.see(link.send(now, Vec::new()).fate == Fate::Lost);
            now += every;
        }
        Ok(pattern)
    }

    fn of(packets: u64) -> Self {
        let ratio = Ratio::of(packets);
        Self {
            share: ratio.clone(),
            run: ratio.clone(),
            again: ratio.clone(),
            later: ratio,
            blocks: Blocks::default(),
            past: (0, 0),
        }
    }

    /// One more packet.
    fn see(&mut self, is_lost: bool) {
        let (bits, known) = self.past;
        let was_lost = |ago: u32| known >= ago && bits >> (ago - 1) & 1 == 1;
        self.share.count(is_lost, true);
        let begins = is_lost && !was_lost(1);
        self.run.push(f64::from(u8::from(is_lost)), f64::from(u8::from(begins)));
        self.again.count(is_lost, was_lost(1));
        self.later.count(is_lost, was_lost(Self::LATER));
        self.blocks.see(is_lost);
        self.past = (bits << 1 | u32::from(is_lost), (known + 1).min(Self::LATER));
    }

    /// How many times the variance of a block's losses is that of independent ones.
    pub(super) fn inflation(&self) -> f64 {
        let share = self.share.value();
        self.blocks.variance() / (BLOCK as f64 * share * (1.0 - share))
    }

    /// What [`Pattern::inflation`] is for a chain of two states whose neighbours correlate by `rho`:
    /// (1 + rho) / (1 - rho) in the long run, and a little less in a block.
    pub(super) fn expected_inflation(rho: f64) -> f64 {
        let n = BLOCK as f64;
        let ends = 2.0 * rho * (1.0 - rho.powi(BLOCK as i32)) / (n * (1.0 - rho).powi(2));
        (1.0 + rho) / (1.0 - rho) - ends
    }

    /// The standard error of [`Pattern::inflation`] as a share of it, for bursts that are geometric
    /// with mean `burst`: the variance of a variance is (2 + the excess kurtosis) / blocks, and the
    /// losses of a block are a sum of a Poisson number of bursts.
    pub(super) fn inflation_error(&self, share: f64, burst: f64) -> f64 {
        let r = 1.0 / burst;
        let (square, fourth) =
            ((2.0 - r) / r.powi(2), (2.0 - r) * (12.0 - 12.0 * r + r * r) / r.powi(4));
        let bursts = BLOCK as f64 * share * r;
        ((2.0 + fourth / (bursts * square.powi(2))) / self.blocks.count).sqrt()
    }
}

/// Losses of one block after the other.
#[derive(Clone, Copy, Debug, Default)]
struct Blocks {
    packets: u64,
    lost: f64,
    count: f64,
    sum: f64,
    squares: f64,
}

impl Blocks {
    fn see(&mut self, is_lost: bool) {
        self.packets += 1;
        self.lost += f64::from(u8::from(is_lost));
        if self.packets == BLOCK {
            let lost = std::mem::take(&mut self.lost);
            self.packets = 0;
            self.count += 1.0;
            self.sum += lost;
            self.squares += lost * lost;
        }
    }

    fn variance(&self) -> f64 {
        (self.squares - self.sum * self.sum / self.count) / (self.count - 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_sequence_is_counted_by_hand() {
        let mut pattern = Pattern::of(64);
        // Two lost, three not, over and over: 13 runs in 64, one of which is cut short by nothing.
        (0..64).for_each(|n| pattern.see(n % 5 < 2));
        let close = |ratio: &Ratio, value: f64| assert!((ratio.value() - value).abs() < 1e-12);
        close(&pattern.share, 26.0 / 64.0);
        close(&pattern.run, 2.0);
        close(&pattern.again, 13.0 / 26.0);
        // Ten later it is the same place of the five.
        close(&pattern.later, 1.0);
    }

    #[test]
    fn blocks_that_are_all_alike_have_no_variance() {
        let mut pattern = Pattern::of(2000);
        (0..2000).for_each(|n| pattern.see(n % 2 == 0));
        assert_eq!((pattern.blocks.count, pattern.inflation()), (10.0, 0.0));
        assert!((Pattern::expected_inflation(0.0) - 1.0).abs() < 1e-12);
    }
}
