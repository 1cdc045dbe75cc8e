//! Redundancy by exclusive or: which messages go together, and what can be made from what has come.

use std::collections::VecDeque;

/// How many whole messages are kept to make others from.
pub(super) const HISTORY: usize = 16;

/// How many parities are kept of which more than one message is missing.
pub(super) const PARITIES: usize = 8;

/// What goes beside message n, in steps that take turns. Of each step up to two masks, of which bit i
/// stands for message n - 1 - i: one bit is a copy, more are a parity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    steps: [[u8; 2]; 4],
    len: u8,
}

impl Pattern {
    /// Nothing.
    pub const OFF: Self = Self::new(&[]);
    /// n-1 and n-2 beside every second message.
    pub const HALF: Self = Self::new(&[[0b011, 0], [0, 0]]);
    /// n-1 and n-3 beside each message.
    pub const FULL: Self = Self::new(&[[0b101, 0]]);
    /// A copy of n-1 and the parity of n-2 and n-3, or the parity of n-1 and n-3, in turn.
    pub const HEAVY: Self = Self::new(&[[0b001, 0b110], [0b101, 0]]);

    const fn new(given: &[[u8; 2]]) -> Self {
        let mut steps = [[0; 2]; 4];
        let mut len = 0;
        while len < given.len() && len < steps.len() {
            steps[len] = given[len];
            len += 1;
        }
        Self { steps, len: len as u8 }
    }
}

/// What a channel that has seen a parity keeps.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    /// The last whole messages, by number.
    history: VecDeque<(u64, Box<[u8]>)>,
    parities: VecDeque<Parity>,
}

/// A parity, reduced by the messages that are known.
#[derive(Debug)]
struct Parity {
    /// The newest message that was in it.
    number: u64,
    /// Which are still missing: bit i stands for message `number - i`.
    missing: u16,
    size: u16,
    data: Box<[u8]>,
}
