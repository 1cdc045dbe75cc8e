//! Redundancy by exclusive or: which messages go together, and what can be made from what has come.

use super::Due;
use crate::wire::{ChannelId, varint_len};
use std::collections::VecDeque;

/// How many whole messages are kept to make others from.
const HISTORY: usize = 16;

/// Bytes of the longest message that is kept; parities of longer ones are of no use.
const MAX_MEMBER: usize = 1200;

/// How many parities are kept of which more than one message is missing. At the bound the oldest goes.
const PARITIES: usize = 8;

/// Bytes in front of a parity's data, or fewer, the channel's number apart: type, number, which
/// others, length, length of the lost message.
const OVERHEAD: usize = 1 + 4 + 1 + 2 + 2;

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
    /// n-1 and n-3 beside each message, and a copy of n-2 beside two of three.
    pub const HEAVY: Self = Self::new(&[[0b101, 0b010], [0b101, 0b010], [0b101, 0]]);

    /// n-1 and n-3, and a copy of n-2, beside each message.
    pub const MOST: Self = Self::new(&[[0b101, 0b010]]);

    /// Up to four steps of up to two masks each; further steps are ignored, 0 stands for none.
    pub const fn new(given: &[[u8; 2]]) -> Self {
        let mut steps = [[0; 2]; 4];
        let mut len = 0;
        while len < given.len() && len < steps.len() {
            steps[len] = given[len];
            len += 1;
        }
        Self { steps, len: len as u8 }
    }

    /// The masks of a message that is the `turn`-th new one; 0 where there is none.
    pub(in crate::stream) fn masks(&self, turn: u64) -> [u8; 2] {
        let step = turn.checked_rem(self.len.into()).and_then(|step| self.steps.get(step as usize));
        step.copied().unwrap_or_default()
    }
}

/// What goes beside a new message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::stream) enum Repair {
    /// An older message once more: a MESSAGE like any other.
    Copy(Due),
    /// A PARITY.
    Parity {
        /// The newest member.
        number: u64,
        /// The others: bit i stands for `number - 1 - i`.
        others: u8,
        /// The exclusive or of their lengths.
        size: u16,
        /// The exclusive or of their bytes, as long as the longest.
        data: Vec<u8>,
    },
}

/// What `mask` means beside message `number`, of those messages that `member` gives; nothing if it
/// has none, or does not fit `room` bytes with its frame's header.
pub(super) fn make<'a>(
    id: ChannelId,
    number: u64,
    mask: u8,
    room: usize,
    member: impl Fn(u64) -> Option<(Due, &'a [u8])>,
) -> Option<Repair> {
    let named = (0..8u64).filter(|bit| mask >> bit & 1 == 1);
    let numbers = named.filter_map(|bit| number.checked_sub(1 + bit));
    let members: Vec<_> = numbers.filter_map(member).collect();
    let len = members.iter().map(|(_, data)| data.len()).max()?;
    if OVERHEAD + varint_len(id.0) + len > room {
        return None;
    }
    let mut members = members.into_iter();
    let (newest, first) = members.next()?;
    let (mut others, mut size, mut data) = (0u8, first.len() as u16, first.to_vec());
    data.resize(len, 0);
    for (due, bytes) in members {
        others |= 1 << (newest.number - due.number - 1);
        size ^= bytes.len() as u16;
        xor(&mut data, bytes);
    }
    Some(match others {
        0 => Repair::Copy(newest),
        _ => Repair::Parity { number: newest.number, others, size, data },
    })
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

impl Parity {
    /// Takes a message out of it.
    fn reduce(&mut self, number: u64, bytes: &[u8]) {
        let Some(back) = self.number.checked_sub(number).filter(|back| *back < 16) else { return };
        // One that is longer than the longest is not what was put in: nothing can be made of the rest.
        if self.missing >> back & 1 == 1 && bytes.len() <= self.data.len() {
            self.missing &= !(1 << back);
            self.size ^= bytes.len() as u16;
            xor(&mut self.data, bytes);
        }
    }

    /// The only one missing, if it is one that can have been put in: nothing lies behind its end.
    fn solve(self) -> Option<(u64, Box<[u8]>)> {
        let (data, rest) = self.data.split_at_checked(self.size.into())?;
        let is_sound = rest.iter().all(|byte| *byte == 0);
        is_sound.then(|| (self.number - u64::from(self.missing.trailing_zeros()), data.into()))
    }
}

impl Repairs {
    /// A whole message without a key came, or was made.
    pub(super) fn on_message(&mut self, number: u64, data: &[u8]) {
        if data.len() > MAX_MEMBER || self.history.iter().any(|(known, _)| *known == number) {
            return;
        }
        self.parities.iter_mut().for_each(|parity| parity.reduce(number, data));
        if self.history.len() >= HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((number, data.into()));
    }

    /// A PARITY came.
    pub(super) fn on_parity(&mut self, number: u64, others: u8, size: u16, data: &[u8]) {
        if data.len() > MAX_MEMBER {
            return;
        }
        let missing = 1 | u16::from(others) << 1;
        let oldest = 15 - u64::from(missing.leading_zeros());
        if oldest > number {
            return;
        }
        let mut parity = Parity { number, missing, size, data: data.into() };
        for (known, bytes) in &self.history {
            parity.reduce(*known, bytes);
        }
        if self.parities.len() >= PARITIES {
            self.parities.pop_front();
        }
        self.parities.push_back(parity);
    }

    /// A message that can be made of what is there; each time another one.
    pub(super) fn next(&mut self) -> Option<(u64, Box<[u8]>)> {
        self.parities.retain(|parity| parity.missing != 0);
        while let Some(at) = self.parities.iter().position(|p| p.missing.is_power_of_two()) {
            let made = self.parities.remove(at).and_then(Parity::solve);
            if made.is_some() {
                return made;
            }
        }
        None
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        let history = self.history.iter().map(|(_, data)| data.len());
        let parities = self.parities.iter().map(|parity| parity.data.len());
        history.chain(parities).sum::<usize>()
            + self.history.capacity() * size_of::<(u64, Box<[u8]>)>()
            + self.parities.capacity() * size_of::<Parity>()
    }
}

fn xor(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to ^= from);
}

#[cfg(test)]
mod tests;
