//! Forward error correction: what a code leaves lost, of losses alone and of losses in bursts.

use super::Depth;
use super::check::{Check, Tolerance, unless_broken};
use super::ratio::Ratio;
use crate::impair::{Fate, ImpairError, Link, LinkConfig, Loss};
use crate::time::Instant;

const BINOMIAL: &str = "derived: Codes";
const CHAIN: &str = "derived: Codes in bursts";

/// A systematic code of `n` packets, `k` of which are sources, that any `k` bring back (MDS). With
/// one more packet than sources, it is the exclusive or of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    pub(super) n: u32,
    pub(super) k: u32,
    /// From one packet of a block to its next: 1 without interleaving.
    pub(super) apart: u32,
}

const fn code(n: u32, k: u32) -> Code {
    Code { n, k, apart: 1 }
}

/// Shares lost of all packets, and what codes leave lost of the sources, as published.
const LOSSES: [f64; 3] = [0.01, 0.05, 0.1];
const TABLE: [(Code, [f64; 3]); 5] = [
    (code(2, 1), [1.000e-4, 2.500e-3, 1.000e-2]),
    (code(5, 4), [3.940e-4, 9.275e-3, 3.439e-2]),
    (code(6, 4), [9.801e-6, 1.130e-3, 8.146e-3]),
    (code(10, 8), [3.436e-5, 3.561e-3, 2.252e-2]),
    (code(20, 16), [3.437e-7, 6.618e-4, 1.150e-2]),
];
/// Mean loss, mean burst, a code, and what it leaves lost, as published.
const BURSTS: [(f64, f64, Code, f64); 6] = [
    (0.01, 2.0, code(5, 4), 0.006_913),
    (0.01, 2.0, code(10, 8), 0.004_653),
    (0.01, 5.0, code(5, 4), 0.009_204),
    (0.01, 5.0, code(10, 8), 0.008_498),
    (0.05, 3.0, code(5, 4), 0.042_027),
    (0.05, 3.0, code(10, 8), 0.035_646),
];
/// How far apart interleaving puts the packets of a block.
const APART: [u32; 2] = [5, 20];

pub(super) fn checks(depth: Depth) -> Vec<Check> {
    let packets = if depth == Depth::Full { 100_000_000 } else { 2_000_000 };
    let mut checks = Vec::new();
    for (code, published) in TABLE {
        for (p, published) in LOSSES.into_iter().zip(published) {
            let name = format!("{}, loss {p}: left lost, by formula", code.name());
            // Four digits are published.
            let digits = Tolerance::Relative(6e-4);
            checks.push(Check::new(name, BINOMIAL, published, code.left_of(p), digits));
            // Some hundred losses make a mean.
            if code.left_of(p) * packets as f64 > 200.0 {
                let model = Loss::Bernoulli { p };
                checks.extend(unless_broken(independent(p, code, &model, packets)));
            }
        }
    }
    for (loss, burst, code, published) in BURSTS {
        let name =
            format!("{}, loss {loss} in bursts of {burst}: left lost, by chain", code.name());
        let digits = Tolerance::Absolute(6e-7);
        let left = code.left_of_bursts(loss, burst);
        checks.push(Check::new(name, CHAIN, published, left, digits));
        let model = Loss::Bursts { mean_loss: loss, mean_burst: burst };
        checks.extend(unless_broken(bursts([loss, burst], code, &model, packets)));
    }
    for apart in APART {
        let (model, code) = (Loss::Bursts { mean_loss: 0.01, mean_burst: 5.0 }, code(5, 4));
        let code = Code { apart, ..code };
        checks.extend(unless_broken(bursts([0.01, 5.0], code, &model, packets)));
    }
    checks
}

impl Code {
    fn name(self) -> String {
        let Self { n, k, apart } = self;
        if apart == 1 { format!("({n},{k})") } else { format!("({n},{k}) {apart} apart") }
    }

    /// What is left lost of the sources where packets are lost independently: a source, and at least
    /// as many others as there are parities.
    fn left_of(self, p: f64) -> f64 {
        let (others, parities) = (self.n - 1, self.n - self.k);
        let exactly = |lost: u32| {
            let choices: f64 =
                (0..lost).map(|i| f64::from(others - i) / f64::from(i + 1)).product();
            choices * p.powi(lost.cast_signed()) * (1.0 - p).powi((others - lost).cast_signed())
        };
        p * (parities..=others).map(exactly).sum::<f64>()
    }

    /// The same in Gilbert's bursts: by all ways of a chain through the block, which end in the
    /// state and with numbers of lost packets and lost sources.
    fn left_of_bursts(self, loss: f64, burst: f64) -> f64 {
        // So many steps of the chain are one of a chain whose neighbours correlate less.
        let rho = 1.0 - 1.0 / burst - loss / (1.0 - loss) / burst;
        let rho = rho.powi(self.apart.cast_signed());
        let after_good = loss * (1.0 - rho);
        let after_bad = loss + (1.0 - loss) * rho;
        let (n, k) = (self.n as usize, self.k as usize);
        // By the packets lost: the probability, and it times the sources lost; good and bad.
        let mut good = vec![(0.0, 0.0); n + 1];
        let mut bad = good.clone();
        good[0] = (1.0 - loss, 0.0);
        bad[1] = (loss, loss);
        for packet in 1..n {
            let source = if packet < k { 1.0 } else { 0.0 };
            let (before_good, before_bad) = (good.clone(), bad.clone());
            let mix = |lost: usize, [from_good, from_bad]: [f64; 2]| {
                let (good, bad) = (before_good[lost], before_bad[lost]);
                (good.0 * from_good + bad.0 * from_bad, good.1 * from_good + bad.1 * from_bad)
            };
            for lost in (0..=n).rev() {
                good[lost] = mix(lost, [1.0 - after_good, 1.0 - after_bad]);
                bad[lost] = match lost.checked_sub(1) {
                    None => (0.0, 0.0),
                    Some(before) => {
                        let (share, sources) = mix(before, [after_good, after_bad]);
                        (share, sources + source * share)
                    }
                };
            }
        }
        let too_many = n - k + 1..;
        let left =
            |ways: &[(f64, f64)]| ways[too_many.clone()].iter().map(|way| way.1).sum::<f64>();
        (left(&good) + left(&bad)) / f64::from(self.k)
    }
}

/// A code over a line whose losses know nothing of each other.
pub(super) fn independent(
    p: f64,
    code: Code,
    model: &Loss,
    packets: u64,
) -> Result<Vec<Check>, ImpairError> {
    let name = format!("{}, loss {p}: left lost", code.name());
    let left = left(code, model, packets)?;
    Ok(vec![Check::sampled(name, BINOMIAL, code.left_of(p), left.value(), left.sigma())])
}

/// A code over a line whose losses come in bursts, of a mean loss and a mean length.
pub(super) fn bursts(
    [loss, burst]: [f64; 2],
    code: Code,
    model: &Loss,
    packets: u64,
) -> Result<Vec<Check>, ImpairError> {
    let name = format!("{}, loss {loss} in bursts of {burst}: left lost", code.name());
    let left = left(code, model, packets)?;
    let expected = code.left_of_bursts(loss, burst);
    Ok(vec![Check::sampled(name, CHAIN, expected, left.value(), left.sigma())])
}

/// What is left lost of the sources that were sent over a link in blocks of this code.
fn left(code: Code, model: &Loss, packets: u64) -> Result<Ratio, ImpairError> {
    let Code { n, k, apart } = code;
    let seed = u64::from(n << 8 | apart);
    let mut link = Link::new(LinkConfig { loss: model.clone(), ..LinkConfig::default() }, seed)?;

    let rounds = packets / u64::from(n * apart);
    let mut left = Ratio::of(rounds * u64::from(apart));
    for _ in 0..rounds {
        // Blocks side by side: the first packet of each, then the second of each.
        let mut blocks = vec![(0, 0); apart as usize];
        for place in 0..n {
            for (lost, sources) in &mut blocks {
                let is_lost = link.send(Instant::ZERO, Vec::new()).fate == Fate::Lost;
                *lost += u32::from(is_lost);
                *sources += u32::from(is_lost && place < k);
            }
        }
        for (lost, sources) in blocks {
            let stay = if lost > n - k { sources } else { 0 };
            left.push(f64::from(stay), f64::from(k));
        }
    }
    Ok(left)
}
