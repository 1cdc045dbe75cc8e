//! Which messages the other end can compute: from a parity, all but one of whose messages have arrived.

use std::collections::{BTreeSet, VecDeque};

/// Parities that wait for messages; at the bound the oldest goes, as at the end that waits.
const MAX_WAITING: usize = 8;

/// The parities that have arrived, each as the messages that are missing of it: more than one.
#[derive(Debug, Default)]
pub(super) struct Parities(VecDeque<BTreeSet<usize>>);

impl Parities {
    /// A parity has arrived of which these messages are missing; returns the one that follows from it.
    pub(super) fn on_arrived(&mut self, missing: BTreeSet<usize>) -> Option<usize> {
        if missing.len() > 1 {
            if self.0.len() == MAX_WAITING {
                self.0.pop_front();
            }
            self.0.push_back(missing);
            return None;
        }
        missing.first().copied()
    }

    /// A message is there; returns those that follow from it, and from those in turn.
    pub(super) fn on_complete(&mut self, message: usize) -> Vec<usize> {
        let mut found = vec![message];
        let mut known = 0;
        while let Some(message) = found.get(known).copied() {
            known += 1;
            for missing in &mut self.0 {
                missing.remove(&message);
            }
            self.0.retain(|missing| {
                let solved = missing.first().filter(|_| missing.len() == 1);
                found.extend(solved.filter(|solved| !found.contains(solved)).copied());
                missing.len() > 1
            });
        }
        found.split_off(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_alone_can_be_computed_and_leads_to_more() {
        let mut parities = Parities::default();
        assert_eq!(parities.on_arrived(BTreeSet::new()), None);
        assert_eq!(parities.on_arrived(BTreeSet::from([3])), Some(3));
        assert_eq!(parities.on_arrived(BTreeSet::from([5, 7])), None);
        assert_eq!(parities.on_arrived(BTreeSet::from([7, 9])), None);
        assert_eq!(parities.on_arrived(BTreeSet::from([1, 2])), None);
        assert_eq!(parities.on_complete(4), [0; 0]);
        assert_eq!(parities.on_complete(5), [7, 9]);
        assert_eq!(parities.on_complete(9), [0; 0], "used up");
        assert_eq!(parities.on_complete(2), [1]);
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut parities = Parities::default();
        for n in 0..=MAX_WAITING {
            assert_eq!(parities.on_arrived(BTreeSet::from([10 * n, 10 * n + 1])), None);
        }
        assert_eq!(parities.on_complete(0), [0; 0]);
        assert_eq!(parities.on_complete(10), [11]);
    }
}
