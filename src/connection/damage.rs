//! Damaged packets: what to report to their sender, and what not to.

use crate::wire::Nack;
use std::collections::VecDeque;

/// NACKs that wait for a packet (P-42); further damage is then left to ordinary loss recovery.
const MAX_PENDING: usize = 32;
/// How many NACKed numbers are remembered, so that copies of a damaged packet draw no second NACK.
const MAX_REMEMBERED: usize = 64;

/// The receiver's reports of damage.
#[derive(Debug, Default)]
pub(super) struct Damage {
    pending: VecDeque<Nack>,
    remembered: VecDeque<u64>,
}

impl Damage {
    /// A packet of this number arrived with a good header and a bad checksum.
    /// Returns whether it will be reported.
    pub(super) fn on_damaged(&mut self, nack: Nack) -> bool {
        if self.pending.len() >= MAX_PENDING || self.remembered.contains(&nack.number) {
            return false;
        }
        if self.remembered.len() >= MAX_REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back(nack.number);
        self.pending.push_back(nack);
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) fn next(&self) -> Option<Nack> {
        self.pending.front().copied()
    }

    pub(super) fn pop(&mut self) {
        self.pending.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_bounded_and_not_repeated() {
        let mut damage = Damage::default();
        assert!(damage.on_damaged(Nack { number: 7, trailer: 1 }));
        assert!(!damage.on_damaged(Nack { number: 7, trailer: 2 }));
        let taken =
            (100..200).filter(|n| damage.on_damaged(Nack { number: *n, trailer: 0 })).count();
        assert_eq!(taken, MAX_PENDING - 1);
        assert_eq!(damage.next(), Some(Nack { number: 7, trailer: 1 }));
    }
}
