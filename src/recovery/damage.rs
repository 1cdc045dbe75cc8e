//! When damage counts as congestion (DESIGN.md, "Integrity and NACK").

/// How the controller hears of a packet that was received damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CorruptionPolicy {
    /// Not at all: damage says nothing of the load.
    #[default]
    NotCongestion,
    /// Every second one counts as lost.
    HalfWeight,
    /// Every one counts as lost.
    AsLoss,
}

/// The share of a round's packets above which damage counts as loss under any policy: a path that
/// destroys more than this deserves less traffic.
const MAX_SHARE: f64 = 0.05;

/// What counts as a round has at least this many packets: a share of fewer would be chance.
const MIN_PACKETS: u64 = 100;

/// Counts the damage of a round trip.
#[derive(Debug, Default)]
pub(super) struct Damage {
    /// The number that ends the round.
    round_end: u64,
    /// Packets in flight when the round began: about what a round sends.
    packets: u64,
    damaged: u64,
    total: u64,
}

impl Damage {
    /// The packet `number` arrived damaged; returns whether the controller is to take it as a loss.
    pub(super) fn on_damaged(
        &mut self,
        policy: CorruptionPolicy,
        number: u64,
        next_number: u64,
        packets_in_flight: u64,
    ) -> bool {
        if number >= self.round_end {
            *self = Self {
                round_end: next_number.max(number + MIN_PACKETS),
                packets: packets_in_flight.max(MIN_PACKETS),
                damaged: 0,
                total: self.total,
            };
        }
        self.damaged += 1;
        self.total += 1;
        // A single one is no share, however small the round.
        let is_excessive =
            self.damaged > 1 && self.damaged as f64 > self.packets as f64 * MAX_SHARE;
        is_excessive
            || match policy {
                CorruptionPolicy::NotCongestion => false,
                CorruptionPolicy::HalfWeight => self.total.is_multiple_of(2),
                CorruptionPolicy::AsLoss => true,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_a_twentieth_of_a_round_counts_as_loss() {
        let mut damage = Damage::default();
        let policy = CorruptionPolicy::NotCongestion;
        let counted: Vec<bool> = (0..8).map(|n| damage.on_damaged(policy, n, 100, 100)).collect();
        assert_eq!(counted, [false, false, false, false, false, true, true, true]);
        assert!(!damage.on_damaged(policy, 100, 200, 100), "a new round");
    }

    #[test]
    fn small_rounds_are_judged_together() {
        let mut damage = Damage::default();
        let policy = CorruptionPolicy::NotCongestion;
        let counted = (0..100).filter(|n| damage.on_damaged(policy, *n, n + 1, 1)).count();
        assert_eq!(counted, 95, "a path that destroys everything is no free path");
    }

    #[test]
    fn policies_weigh() {
        let count = |policy| {
            let mut damage = Damage::default();
            (0..10).filter(|n| damage.on_damaged(policy, n * 1000, n * 1000 + 1000, 1000)).count()
        };
        assert_eq!(count(CorruptionPolicy::NotCongestion), 0);
        assert_eq!(count(CorruptionPolicy::HalfWeight), 5);
        assert_eq!(count(CorruptionPolicy::AsLoss), 10);
    }
}
