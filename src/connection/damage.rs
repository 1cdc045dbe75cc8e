//! Damaged packets: what to report to their sender, and what not to.

use crate::wire::Nack;
use std::collections::VecDeque;

/// NACKs that wait for a packet (P-42); further damage is then left to ordinary loss recovery.
const MAX_PENDING: usize = 32;
/// How many NACKed numbers are remembered, so that copies of a damaged packet draw no second NACK.
const MAX_REMEMBERED: usize = 64;

/// The receiver's reports of damage. Each travels twice, the second time with whatever packet leaves
/// next: a report that is lost would make its sender take damage for congestion.
#[derive(Debug, Default)]
pub(super) struct Damage {
    fresh: VecDeque<Nack>,
    /// Sent once.
    repeats: VecDeque<Nack>,
    remembered: VecDeque<u64>,
}

impl Damage {
    /// A packet of this number arrived with a good header and a bad checksum.
    /// Returns whether it will be reported.
    pub(super) fn on_damaged(&mut self, nack: Nack) -> bool {
        if self.fresh.len() >= MAX_PENDING || self.remembered.contains(&nack.number) {
            return false;
        }
        if self.remembered.len() >= MAX_REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back(nack.number);
        self.fresh.push_back(nack);
        true
    }

    /// Whether a packet has to be sent for the reports' sake.
    pub(super) fn is_due(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Gives out the reports that `put` has room for. Returns how many of them are new.
    pub(super) fn write(&mut self, mut put: impl FnMut(Nack) -> bool) -> u64 {
        while self.repeats.pop_front_if(|nack| put(*nack)).is_some() {}
        let mut new = 0;
        while let Some(nack) = self.fresh.pop_front_if(|nack| put(*nack)) {
            new += 1;
            if self.repeats.len() < MAX_PENDING {
                self.repeats.push_back(nack);
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_bounded_and_damage_is_reported_once() {
        let mut damage = Damage::default();
        assert!(damage.on_damaged(Nack { number: 7, trailer: 1 }));
        assert!(!damage.on_damaged(Nack { number: 7, trailer: 2 }));
        let taken =
            (100..200).filter(|n| damage.on_damaged(Nack { number: *n, trailer: 0 })).count();
        assert_eq!(taken, MAX_PENDING - 1);
    }

    #[test]
    fn each_report_travels_twice_in_two_packets() {
        let mut damage = Damage::default();
        let packet = |damage: &mut Damage, room: usize| {
            let mut numbers = Vec::new();
            let new = damage.write(|nack| {
                let fits = numbers.len() < room;
                if fits {
                    numbers.push(nack.number);
                }
                fits
            });
            (numbers, new)
        };
        for number in 1..=3 {
            damage.on_damaged(Nack { number, trailer: 0 });
        }
        assert!(damage.is_due());
        assert_eq!(packet(&mut damage, 2), (vec![1, 2], 2));
        assert!(damage.is_due(), "3 had no room");
        assert_eq!(packet(&mut damage, 9), (vec![1, 2, 3], 1));
        assert!(!damage.is_due(), "a repetition is worth no packet of its own");
        assert_eq!(packet(&mut damage, 9), (vec![3], 0));
        assert_eq!(packet(&mut damage, 9), (vec![], 0));
    }
}
