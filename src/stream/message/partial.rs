//! Messages that have arrived in part.

use super::cost::cost;
use crate::stream::assembler::Full;
use crate::stream::{Assembler, Refusal, Violation};
use crate::wire::MessageFrame;
use std::collections::BTreeMap;

/// What a frame says of a message, checked against itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    offset: u64,
    pub(super) total: u32,
    pub(super) key: Option<u64>,
    pub(super) data: &'a [u8],
    pub(super) is_whole: bool,
}

impl<'a> Piece<'a> {
    /// Of a message that may have `max` bytes.
    pub(super) fn new(frame: &MessageFrame<'a>, max: u64) -> Result<Self, Violation> {
        let len = frame.data.len() as u64;
        let (offset, total) = frame.part.map_or((0, len), |part| (part.offset, part.total));
        let is_empty_part = frame.part.is_some() && total == 0;
        if total > max || is_empty_part || offset.checked_add(len).is_none_or(|end| end > total) {
            return Err(Violation::Message);
        }
        let total = u32::try_from(total).map_err(|_| Violation::Message)?;
        let is_whole = frame.part.is_none();
        Ok(Self { offset, total, key: frame.key, data: frame.data, is_whole })
    }

    /// What its message costs.
    pub(super) const fn cost(&self) -> u64 {
        cost(self.total as u64)
    }
}

/// Messages by number; how many and which is the owner's affair.
#[derive(Debug, Default)]
pub(super) struct Partials {
    open: BTreeMap<u64, Partial>,
    /// Counts parts.
    clock: u64,
}

/// What is known of a message, and what has come of it. Its claimed length allocates nothing.
#[derive(Debug)]
struct Partial {
    total: u32,
    key: Option<u64>,
    bytes: Assembler,
    /// When its latest part came.
    touched: u64,
}

impl Partials {
    /// Takes a piece of message `number`; returns the message if that was the last one missing.
    pub(super) fn insert(
        &mut self,
        number: u64,
        piece: &Piece<'_>,
    ) -> Result<Option<Box<[u8]>>, Refusal> {
        let known = self.open.get(&number).map(|partial| (partial.total, partial.key));
        if known.is_some_and(|known| known != (piece.total, piece.key)) {
            return Err(Violation::Message.into());
        }
        if piece.data.len() == piece.total as usize {
            self.open.remove(&number);
            return Ok(Some(piece.data.into()));
        }
        self.clock += 1;
        let partial = self.open.entry(number).or_insert_with(|| Partial {
            total: piece.total,
            key: piece.key,
            bytes: Assembler::new(),
            touched: 0,
        });
        partial.touched = self.clock;
        partial.bytes.insert(piece.offset, piece.data).map_err(|Full| Refusal::Full)?;
        if partial.bytes.contiguous() < piece.total.into() {
            return Ok(None);
        }
        Ok(self.open.remove(&number).map(|mut partial| {
            let mut data = vec![0; partial.total as usize].into_boxed_slice();
            partial.bytes.read(&mut data);
            data
        }))
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// What message `number` costs, if a part of it is here.
    pub(super) fn cost_of(&self, number: u64) -> Option<u64> {
        self.open.get(&number).map(|partial| cost(partial.total.into()))
    }

    /// Those between `from` and `to`, and what each costs.
    pub(super) fn range(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let range = self.open.range(from..to.max(from));
        range.map(|(number, partial)| (*number, cost(partial.total.into())))
    }

    /// Those of `key`.
    pub(super) fn with_key(&self, key: Option<u64>) -> impl Iterator<Item = u64> + '_ {
        self.open.iter().filter(move |(_, partial)| partial.key == key).map(|(number, _)| *number)
    }

    /// Drops what has come of a message; returns what the message costs, if there was something.
    pub(super) fn remove(&mut self, number: u64) -> Option<u64> {
        self.open.remove(&number).map(|partial| cost(partial.total.into()))
    }

    /// The one that has got nothing for longest.
    pub(super) fn stalest(&self) -> Option<u64> {
        self.open.iter().min_by_key(|(_, partial)| partial.touched).map(|(number, _)| *number)
    }

    /// Bytes allocated.
    pub(super) fn memory(&self) -> usize {
        let of = |partial: &Partial| size_of::<(u64, Partial)>() + partial.bytes.memory();
        self.open.values().map(of).sum()
    }
}

#[cfg(test)]
mod tests;
