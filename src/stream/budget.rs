//! Who may buffer how much of a bound that many share.

/// What any one of them may hold, in bytes, while the others fill the shared bound: so one that
/// nobody empties does not stop the others.
pub(super) const GUARANTEED: u64 = 64 * 1024;

/// How much may be buffered, by each and by all.
#[derive(Debug)]
pub(super) struct Budget {
    /// What one may have waiting. What waits no longer and is still held does not count: a stream's
    /// data that was sent, say, of which much has to be held when much was lost.
    pub(super) each: u64,
    /// What all together may hold.
    pub(super) max: u64,
    /// What all together hold.
    pub(super) held: u64,
}

impl Budget {
    /// With `each` for one and `max` for all, at least a byte.
    pub(super) fn new(each: u64, max: u64) -> Self {
        let max = max.max(1);
        Self { each: each.min(max), max, held: 0 }
    }

    /// What one that holds `held`, of it `waiting`, may add.
    pub(super) fn room(&self, held: u64, waiting: u64) -> u64 {
        let shared = self.max.saturating_sub(self.held);
        let guaranteed = GUARANTEED.min(self.max).saturating_sub(held);
        self.each.saturating_sub(waiting).min(shared.max(guaranteed))
    }

    /// What one that holds `held` may add if it comes in pieces that cannot be split, whatever waits:
    /// any piece fits while nobody holds anything.
    pub(super) fn room_at_once(&self, held: u64) -> u64 {
        let shared = self.max.saturating_sub(self.held);
        let guaranteed = GUARANTEED.min(self.max).saturating_sub(held);
        if self.held == 0 { u64::MAX } else { shared.max(guaranteed) }
    }

    /// One of them holds `n` more.
    pub(super) const fn hold(&mut self, n: u64) {
        self.held += n;
    }

    /// One of them holds `n` less.
    pub(super) const fn release(&mut self, n: u64) {
        self.held -= n;
    }

    /// The room from which on one that was blocked is woken: not for every byte that becomes free.
    pub(super) fn low_water(&self) -> u64 {
        (self.each / 4).clamp(1, GUARANTEED / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1024;

    #[test]
    fn one_may_have_so_much_waiting_and_all_together_so_much_held() {
        let mut it = Budget::new(100 * KIB, 300 * KIB);
        assert_eq!(it.room(0, 0), 100 * KIB);
        it.hold(90 * KIB);
        assert_eq!(it.room(90 * KIB, 90 * KIB), 10 * KIB);
        assert_eq!(it.room(90 * KIB, 0), 100 * KIB, "what was sent waits no longer");
        assert_eq!(it.room(500 * KIB, 500 * KIB), 0);
        it.hold(130 * KIB);
        assert_eq!(it.room(220 * KIB, 0), 80 * KIB);
        it.release(20 * KIB);
        assert_eq!((it.room(200 * KIB, 0), it.held), (100 * KIB, 200 * KIB));
    }

    #[test]
    fn each_has_a_little_for_itself_when_the_others_have_filled_the_bound() {
        let mut it = Budget::new(100 * KIB, 300 * KIB);
        it.hold(300 * KIB);
        assert_eq!(it.room(0, 0), GUARANTEED);
        assert_eq!(it.room(GUARANTEED - 1, GUARANTEED - 1), 1);
        assert_eq!(it.room(GUARANTEED, GUARANTEED), 0);
        it.hold(GUARANTEED);
        assert_eq!(it.room(1, 0), GUARANTEED - 1, "even beyond it");
    }

    #[test]
    fn small_bounds_are_bounds() {
        let it = Budget::new(100, 10);
        assert_eq!((it.each, it.room(0, 0), it.room(10, 0), it.room(4, 4)), (10, 10, 10, 6));
        let mut it = Budget::new(100, 0);
        assert_eq!((it.room(0, 0), it.low_water()), (1, 1));
        it.hold(1);
        assert_eq!(it.room(1, 1), 0);
        assert_eq!(Budget::new(1 << 30, 1 << 30).low_water(), GUARANTEED / 2);
        assert_eq!(Budget::new(400, 1 << 30).low_water(), 100);
    }
}
