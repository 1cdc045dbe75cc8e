//! Numbers that were given up, until the peer knows.

use crate::ranges::RangeSet;
use std::collections::BTreeMap;
use std::ops::Range;

/// Runs of numbers that the peer has not acknowledged as skipped: at most one for each begun message
/// and one between any two, all within [`super::MAX_OUTSTANDING`].
#[derive(Debug, Default)]
pub(super) struct Skips {
    /// By first number.
    open: BTreeMap<u64, Run>,
    /// Numbers of which no SKIP is in flight.
    due: RangeSet,
}

/// Neighbours that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    end: u64,
    given_up: GivenUp,
}

/// How far a message was when it was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GivenUp {
    /// Credit that was reserved for it; 0 if it was not begun.
    pub(super) cost: u64,
    /// Whether the peer may hold a part of it.
    pub(super) is_partial: bool,
}

impl Skips {
    /// `number`, which is not among them, will not come.
    pub(super) fn add(&mut self, number: u64, given_up: GivenUp) {
        self.due.insert(number..number + 1);
        let (mut first, mut end) = (number, number + 1);
        if let Some((&start, run)) = self.open.range(..number).next_back()
            && run.end == number
            && run.given_up == given_up
        {
            first = start;
        }
        if let Some(run) = self.open.get(&end).copied().filter(|run| run.given_up == given_up) {
            self.open.remove(&end);
            end = run.end;
        }
        self.open.insert(first, Run { end, given_up });
    }

    /// The lowest numbers to be told, and the cost of each.
    pub(super) fn next(&self) -> Option<(Range<u64>, u64)> {
        let due = self.due.first()?;
        let (_, run) = self.open.range(..=due.start).next_back()?;
        Some((due.start..due.end.min(run.end), run.given_up.cost))
    }

    pub(super) fn on_sent(&mut self, numbers: Range<u64>) {
        self.due.remove(numbers);
    }

    /// The peer knows `numbers`; returns of how many it may have held a part until then.
    pub(super) fn on_acked(&mut self, numbers: Range<u64>) -> u64 {
        self.due.remove(numbers.clone());
        let mut partial = 0;
        for (first, run) in self.overlapping(&numbers) {
            self.open.remove(&first);
            if first < numbers.start {
                self.open.insert(first, Run { end: numbers.start, ..run });
            }
            if run.end > numbers.end {
                self.open.insert(numbers.end, run);
            }
            if run.given_up.is_partial {
                partial += run.end.min(numbers.end) - first.max(numbers.start);
            }
        }
        partial
    }

    /// The SKIP of `numbers` is lost: what of them the peer does not know is due again.
    pub(super) fn on_lost(&mut self, numbers: &Range<u64>) {
        for (first, run) in self.overlapping(numbers) {
            self.due.insert(first.max(numbers.start)..run.end.min(numbers.end));
        }
    }

    /// The lowest number.
    pub(super) fn first(&self) -> Option<u64> {
        self.open.first_key_value().map(|(first, _)| *first)
    }

    /// Whether the peer knows all.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        self.open.len() * size_of::<(u64, Run)>() + self.due.len() * size_of::<Range<u64>>()
    }

    fn overlapping(&self, numbers: &Range<u64>) -> Vec<(u64, Run)> {
        let from = self.open.range(..=numbers.start).next_back().map_or(0, |(first, _)| *first);
        self.open
            .range(from..numbers.end.max(from))
            .filter(|(_, run)| run.end > numbers.start)
            .map(|(first, run)| (*first, *run))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNSENT: GivenUp = GivenUp { cost: 0, is_partial: false };

    #[test]
    fn neighbours_are_one_run_whatever_their_order() {
        let mut skips = Skips::default();
        for number in [3, 5, 4, 2, 6] {
            skips.add(number, UNSENT);
        }
        assert_eq!((skips.next(), skips.open.len()), (Some((2..7, 0)), 1));
        skips.add(7, GivenUp { cost: 40, is_partial: true });
        assert_eq!(skips.next(), Some((2..7, 0)));
        skips.on_sent(2..7);
        assert_eq!(skips.next(), Some((7..8, 40)));
        assert_eq!(skips.on_acked(2..7), 0);
        assert_eq!(skips.on_acked(7..8), 1);
        assert!(skips.is_empty());
    }

    /// What the naive version knows of each number: its cost, and whether it is due.
    type Model = BTreeMap<u64, (GivenUp, bool)>;

    fn expected(model: &Model) -> Option<(Range<u64>, u64)> {
        let (&first, (given_up, _)) = model.iter().find(|(_, (_, due))| *due)?;
        let is_alike = |n: &u64| model.get(n).is_some_and(|(g, due)| *due && g == given_up);
        let end = (first + 1..=u64::MAX).find(|n| !is_alike(n))?;
        Some((first..end, given_up.cost))
    }

    proptest! {
        #[test]
        fn behaves_like_a_list_of_numbers(
            ops in prop::collection::vec((0..5u8, 0..40u64, 0..3u64, any::<prop::sample::Index>()), 0..150),
        ) {
            let mut skips = Skips::default();
            let mut model = Model::new();
            let mut known = RangeSet::new();
            let mut flights: Vec<Range<u64>> = Vec::new();
            for (op, number, kind, which) in ops {
                match op {
                    0 | 1 if !model.contains_key(&number) && !known.contains(number) => {
                        let given_up = GivenUp { cost: kind * 40, is_partial: kind == 2 };
                        skips.add(number, given_up);
                        model.insert(number, (given_up, true));
                    }
                    2 => if let Some((numbers, _)) = skips.next() {
                        skips.on_sent(numbers.clone());
                        model.range_mut(numbers.clone()).for_each(|(_, (_, due))| *due = false);
                        flights.push(numbers);
                    },
                    3 if !flights.is_empty() => {
                        // Acknowledged in part, too: runs change while they are in flight.
                        let mut numbers = which.get(&flights).clone();
                        numbers.start = numbers.start.max(number.min(numbers.end - 1));
                        let partial = model.range(numbers.clone()).filter(|(_, (g, _))| g.is_partial).count();
                        prop_assert_eq!(skips.on_acked(numbers.clone()), partial as u64);
                        model.retain(|n, _| !numbers.contains(n));
                        known.insert(numbers);
                    }
                    4 if !flights.is_empty() => {
                        let numbers = flights.swap_remove(which.index(flights.len()));
                        skips.on_lost(&numbers);
                        model.range_mut(numbers).for_each(|(_, (_, due))| *due = true);
                    }
                    _ => {}
                }
                prop_assert_eq!(skips.next(), expected(&model));
                prop_assert_eq!(skips.first(), model.keys().next().copied());
                prop_assert_eq!(skips.is_empty(), model.is_empty());
            }
        }
    }
}
