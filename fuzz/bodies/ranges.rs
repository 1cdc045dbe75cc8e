//! `RangeSet` against a `BTreeSet`: every operation gives the same answer, every state the same numbers.

use std::collections::BTreeSet;
use std::ops::Range;
use towline::ranges::RangeSet;

/// Where each region of 40 numbers starts: both ends of `u64` and a border in the middle.
const REGIONS: [u64; 4] = [0, 1000, (1 << 32) - 20, u64::MAX - 40];

/// More operations than this only make the model slow: 160 numbers have few states that differ in kind.
const MAX_OPERATIONS: usize = 128;

/// Each three bytes are one operation: what, where, how many numbers.
pub(crate) fn run(data: &[u8]) {
    let (mut set, mut model) = (RangeSet::new(), BTreeSet::new());
    for [what, place, len] in data.as_chunks().0.iter().take(MAX_OPERATIONS) {
        let region = REGIONS[usize::from(place >> 6)];
        let start = region + u64::from(place & 31);
        apply(*what, start..start + u64::from(len % 10), &mut set, &mut model);
        check(&set, &model, region..region + 40);
    }
}

fn apply(what: u8, range: Range<u64>, set: &mut RangeSet, model: &mut BTreeSet<u64>) {
    match what % 8 {
        0..=3 => {
            let added = range.clone().filter(|n| model.insert(*n)).count();
            assert_eq!(set.insert(range), added as u64, "numbers added");
        }
        4 | 5 => {
            let removed = range.clone().filter(|n| model.remove(n)).count();
            assert_eq!(set.remove(range), removed as u64, "numbers removed");
        }
        6 => {
            let first = set.pop_first();
            assert_eq!(first.as_ref().map(|r| r.start), model.first().copied(), "lowest number");
            assert!(first.into_iter().flatten().all(|n| model.remove(&n)), "took what it had not");
        }
        _ => {
            let gaps: Vec<u64> = set.gaps(range.clone()).flatten().collect();
            let missing: Vec<u64> = range.filter(|n| !model.contains(n)).collect();
            assert_eq!(gaps, missing, "gaps");
        }
    }
}

fn check(set: &RangeSet, model: &BTreeSet<u64>, mut touched: Range<u64>) {
    assert!(set.iter().flatten().eq(model.iter().copied()), "{set:?} is not {model:?}");
    assert!(set.iter().zip(set.iter().skip(1)).all(|(a, b)| a.end < b.start), "unmerged: {set:?}");
    assert!(set.iter().all(|r| r.start < r.end), "an empty range: {set:?}");
    assert_eq!(set.total(), model.len() as u64, "total");
    assert_eq!(set.iter().len(), set.len(), "len");
    assert_eq!(set.is_empty(), model.is_empty(), "is_empty");
    assert_eq!(set.last().map(|r| r.end - 1), model.last().copied(), "highest number");
    assert!(touched.all(|n| set.contains(n) == model.contains(&n)), "contains: {set:?}");
}
