//! Numbers that were given up, until the peer knows.

use crate::ranges::RangeSet;
use std::collections::BTreeMap;

/// Runs of numbers that the peer has not acknowledged as skipped: at most one for each begun message
/// and one between any two, all within [`super::MAX_OUTSTANDING`].
#[derive(Debug, Default)]
pub(super) struct Skips {
    /// By first number.
    open: BTreeMap<u64, Run>,
    /// Numbers of which no SKIP is in flight.
    due: RangeSet,
}

/// Neighbours of equal cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) count: u64,
    /// Credit that was reserved for each; 0 if none was begun.
    pub(super) cost: u64,
}
