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
