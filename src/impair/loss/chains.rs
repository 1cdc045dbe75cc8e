//! Losses in bursts of packets: Markov chains that take one step per datagram.

use crate::impair::walk::Law;

/// Gilbert's chain of a good and a bad state; its state is whether it is in the bad one.
#[derive(Clone, Debug)]
pub(in crate::impair) struct TwoStates {
    share_bad: f64,
    bad_after_good: f64,
    bad_after_bad: f64,
}

impl TwoStates {
    /// From the probabilities of the transitions good to bad and bad to good.
    pub(super) fn new(to_bad: f64, to_good: f64) -> Self {
        let share_bad = share_bad(to_bad, to_good);
        Self { share_bad, bad_after_good: to_bad, bad_after_bad: 1.0 - to_good }
    }

    /// From the share of bad packets and how many follow each other on average.
    pub(super) fn of_bursts(share_bad: f64, mean_burst: f64) -> Self {
        let to_bad = to_bad(share_bad, mean_burst);
        Self { share_bad, bad_after_good: to_bad, bad_after_bad: 1.0 - 1.0 / mean_burst }
    }
}

impl Law for TwoStates {
    type State = bool;

    fn start(&self, unit: f64) -> bool {
        unit < self.share_bad
    }

    fn step(&self, is_bad: bool, unit: f64) -> bool {
        unit < if is_bad { self.bad_after_bad } else { self.bad_after_good }
    }
}

/// The share of the bad state in the long run; a chain that cannot leave the good one is there.
pub(super) fn share_bad(to_bad: f64, to_good: f64) -> f64 {
    if to_bad > 0.0 { to_bad / (to_bad + to_good) } else { 0.0 }
}

/// The probability good to bad that makes this share bad if bad spells last so long on average:
/// they are geometric with mean `1 / r`, and the share is `p / (p + r)`.
pub(super) fn to_bad(share_bad: f64, mean_burst: f64) -> f64 {
    1.0 / mean_burst * share_bad / (1.0 - share_bad)
}

/// The states of Salsano, Ludovici and Ordine's chain, in their numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::impair) enum Place {
    /// 1: received between bursts.
    Gap,
    /// 2: received within a burst.
    Spared,
    /// 3: lost within a burst.
    Burst,
    /// 4: lost alone, between bursts.
    Alone,
}

impl Place {
    pub(super) fn is_lost(self) -> bool {
        matches!(self, Self::Burst | Self::Alone)
    }
}

/// Their chain.
#[derive(Clone, Debug)]
pub(in crate::impair) struct FourStates {
    p13: f64,
    p31: f64,
    p32: f64,
    p23: f64,
    p14: f64,
}

impl FourStates {
    pub(super) fn new([p13, p31, p32, p23, p14]: [f64; 5]) -> Self {
        Self { p13, p31, p32, p23, p14 }
    }

    /// The long-run shares of the states 1 to 4.
    ///
    /// The states 2 and 3 together are left with the probability `p31` times the share of 3 among
    /// them; with 1 they are a chain of two, and 4 is a detour of one packet from 1. A chain that
    /// cannot leave 1 and 4 is there.
    pub(super) fn shares(&self) -> [f64; 4] {
        let lost_in_burst = if self.p32 > 0.0 { self.p23 / (self.p23 + self.p32) } else { 1.0 };
        let in_burst = share_bad(self.p13, self.p31 * lost_in_burst);
        let alone = (1.0 - in_burst) * self.p14;
        let all = 1.0 + alone;
        [
            (1.0 - in_burst) / all,
            in_burst * (1.0 - lost_in_burst) / all,
            in_burst * lost_in_burst / all,
            alone / all,
        ]
    }
}

impl Law for FourStates {
    type State = Place;

    fn start(&self, unit: f64) -> Place {
        let [gap, spared, burst, _] = self.shares();
        match unit {
            unit if unit < gap => Place::Gap,
            unit if unit < gap + spared => Place::Spared,
            unit if unit < gap + spared + burst => Place::Burst,
            _ if self.p14 > 0.0 => Place::Alone,
            _ => Place::Gap,
        }
    }

    fn step(&self, from: Place, unit: f64) -> Place {
        match from {
            Place::Gap if unit < self.p13 => Place::Burst,
            Place::Gap if unit < self.p13 + self.p14 => Place::Alone,
            Place::Gap | Place::Alone => Place::Gap,
            Place::Spared if unit < self.p23 => Place::Burst,
            Place::Spared => Place::Spared,
            Place::Burst if unit < self.p31 => Place::Gap,
            Place::Burst if unit < self.p31 + self.p32 => Place::Spared,
            Place::Burst => Place::Burst,
        }
    }
}
