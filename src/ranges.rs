//! A set of integers kept as sorted, disjoint, non-adjacent half-open ranges.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

/// Sorted, disjoint, non-adjacent ranges of `u64`. Appending at the end and taking from the front
/// are O(1); anything else is a binary search and a move of at most the ranges behind it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RangeSet(VecDeque<Range<u64>>);

impl RangeSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// Adds `range`; returns how many of its numbers were not in the set before.
    pub fn insert(&mut self, range: Range<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        // First range that ends at or after our start: the first one we can touch.
        let first = self.0.partition_point(|r| r.end < range.start);
        let mut merged = range.clone();
        let mut known = 0;
        let mut last = first;
        while let Some(r) = self.0.get(last).filter(|r| r.start <= range.end) {
            known += r.end.min(range.end).saturating_sub(r.start.max(range.start));
            merged.start = merged.start.min(r.start);
            merged.end = merged.end.max(r.end);
            last += 1;
        }
        if first == last {
            self.0.insert(first, merged);
        } else {
            self.0[first] = merged;
            self.0.drain(first + 1..last);
        }
        (range.end - range.start) - known
    }

    /// Removes `range`; returns how many of its numbers were in the set.
    pub fn remove(&mut self, range: Range<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let first = self.0.partition_point(|r| r.end <= range.start);
        let mut removed = 0;
        let mut at = first;
        while let Some(r) = self.0.get(at).filter(|r| r.start < range.end).cloned() {
            removed += r.end.min(range.end) - r.start.max(range.start);
            let (left, right) = (r.start..range.start, range.end..r.end);
            match (left.start < left.end, right.start < right.end) {
                (true, true) => {
                    self.0[at] = left;
                    self.0.insert(at + 1, right);
                    return removed;
                }
                (true, false) => {
                    self.0[at] = left;
                    at += 1;
                }
                (false, true) => {
                    self.0[at] = right;
                    return removed;
                }
                (false, false) => {
                    let end = self.0.partition_point(|r| r.end <= range.end);
                    removed += self.0.range(at + 1..end).map(|r| r.end - r.start).sum::<u64>();
                    self.0.drain(at..end);
                }
            }
        }
        removed
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: u64) -> bool {
        self.range_of(value).is_some()
    }

    /// The range that holds `value`.
    pub fn range_of(&self, value: u64) -> Option<Range<u64>> {
        let at = self.0.partition_point(|r| r.end <= value);
        self.0.get(at).filter(|r| r.start <= value).cloned()
    }

    /// The parts of `range` that are not in the set, lowest first.
    pub fn gaps(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let mut at = self.0.partition_point(|r| r.end <= range.start);
        let mut from = range.start;
        std::iter::from_fn(move || {
            while from < range.end {
                let next = self.0.get(at).filter(|r| r.start < range.end);
                let gap = from..next.map_or(range.end, |r| r.start);
                from = next.map_or(range.end, |r| r.end);
                at += 1;
                if gap.start < gap.end {
                    return Some(gap);
                }
            }
            None
        })
    }

    /// The ranges, lowest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Range<u64>> + ExactSizeIterator + '_ {
        self.0.iter().cloned()
    }

    /// The lowest range.
    pub fn first(&self) -> Option<Range<u64>> {
        self.0.front().cloned()
    }

    /// The highest range.
    pub fn last(&self) -> Option<Range<u64>> {
        self.0.back().cloned()
    }

    /// Takes the lowest range out.
    pub fn pop_first(&mut self) -> Option<Range<u64>> {
        self.0.pop_front()
    }

    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Empties the set.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many numbers are in the set.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|r| r.end - r.start).sum()
    }
}

impl fmt::Debug for RangeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

impl FromIterator<Range<u64>> for RangeSet {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(iter: I) -> Self {
        let mut set = Self::new();
        for range in iter {
            set.insert(range);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[derive(Clone, Debug)]
    enum Op {
        Insert(u64, u64),
        Remove(u64, u64),
        PopFirst,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            (0..60u64, 0..12u64).prop_map(|(at, len)| Op::Insert(at, at + len)),
            (0..60u64, 0..12u64).prop_map(|(at, len)| Op::Remove(at, at + len)),
            Just(Op::PopFirst),
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_a_btree_set(ops in prop::collection::vec(op(), 0..60)) {
            let mut set = RangeSet::new();
            let mut model = BTreeSet::new();
            for op in ops {
                match op {
                    Op::Insert(a, b) => {
                        let new = (a..b).filter(|v| model.insert(*v)).count() as u64;
                        prop_assert_eq!(set.insert(a..b), new);
                    }
                    Op::Remove(a, b) => {
                        let gone = (a..b).filter(|v| model.remove(v)).count() as u64;
                        prop_assert_eq!(set.remove(a..b), gone);
                    }
                    Op::PopFirst => {
                        if let Some(r) = set.pop_first() {
                            for v in r { prop_assert!(model.remove(&v)); }
                        } else {
                            prop_assert!(model.is_empty());
                        }
                    }
                }
                let flat: Vec<u64> = set.iter().flatten().collect();
                prop_assert_eq!(&flat, &model.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(set.total(), model.len() as u64);
                for (a, b) in set.iter().zip(set.iter().skip(1)) { prop_assert!(a.end < b.start); }
                let gaps: Vec<u64> = set.gaps(5..50).flatten().collect();
                prop_assert_eq!(gaps, (5..50).filter(|v| !model.contains(v)).collect::<Vec<_>>());
                for v in 0..75 { prop_assert_eq!(set.contains(v), model.contains(&v)); }
            }
        }
    }
}
