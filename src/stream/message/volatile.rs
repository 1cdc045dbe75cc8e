//! The receiver of Unreliable channels, and what it shares with Latest's: no credit, so what nobody
//! reads is dropped.

use super::cost::cost;
use super::horizon::Horizon;
use super::partial::{Partials, Piece};
use super::{ChannelStats, Message, RecvError};
use crate::ranges::RangeSet;
use crate::stream::budget::Budget;
use crate::stream::{Refusal, Violation};
use crate::wire::MessageFrame;
use std::collections::VecDeque;
use std::ops::Range;

/// How many numbers below the highest one an Unreliable channel tells apart; older ones are dropped.
const SEEN: u64 = 1024;

/// Messages on their way into a queue without credit, and what both hold of the shared budget.
///
/// Parts and unread messages are bounded apart, each by [`Budget::room`]; one message always fits.
/// What makes room for a new part is the message that has got none for longest, unless that is newer.
#[derive(Debug)]
pub(super) struct Arrivals {
    pub(super) horizon: Horizon,
    partials: Partials,
    /// What the messages cost of which a part is here.
    partial_cost: u64,
    /// What the messages cost that wait to be read.
    unread_cost: u64,
    max_message: u64,
    max_partial: u64,
    pub(super) is_discarding: bool,
    pub(super) stats: ChannelStats,
}

impl Arrivals {
    pub(super) fn new(max_message: u64, max_partial: u64) -> Self {
        Self {
            horizon: Horizon::default(),
            partials: Partials::default(),
            partial_cost: 0,
            unread_cost: 0,
            max_message,
            max_partial: max_partial.max(1),
            is_discarding: false,
            stats: ChannelStats::default(),
        }
    }

    /// What a frame says, and of which message.
    pub(super) fn open<'a>(&self, frame: &MessageFrame<'a>) -> Result<(u64, Piece<'a>), Violation> {
        let number = self.horizon.expand(frame.number);
        self.horizon.check(number.saturating_add(1))?;
        Ok((number, Piece::new(frame, self.max_message)?))
    }

    /// Takes a piece of message `number`; returns the message if that was the last one missing.
    pub(super) fn insert(
        &mut self,
        number: u64,
        piece: &Piece<'_>,
        budget: &mut Budget,
    ) -> Result<Option<Box<[u8]>>, Refusal> {
        self.horizon.extend(number + 1);
        let is_partial = piece.data.len() < piece.total as usize;
        let is_first = self.partials.cost_of(number).is_none();
        if is_first && is_partial {
            let cost = piece.cost();
            while let Some(stalest) = self.partials.stalest()
                && (self.partials.len() as u64 >= self.max_partial
                    || cost > budget.room(self.partial_cost, self.partial_cost))
            {
                if number < stalest {
                    // It comes late, of a message that was given up: whoever sends keeps to the bound.
                    return Ok(None);
                }
                self.drop_partial(stalest, budget);
            }
            self.partial_cost += cost;
            budget.hold(cost);
        }
        let complete = self.partials.insert(number, piece)?;
        if complete.is_some() && !is_first {
            self.release_partial(piece.cost(), budget);
        }
        Ok(complete)
    }

    /// Drops what has come of message `number`.
    pub(super) fn drop_partial(&mut self, number: u64, budget: &mut Budget) {
        if let Some(cost) = self.partials.remove(number) {
            self.release_partial(cost, budget);
        }
    }

    /// Drops what has come of the messages of `numbers`.
    pub(super) fn drop_partials(&mut self, numbers: &Range<u64>, budget: &mut Budget) {
        let old: Vec<_> = self.partials.range(numbers.start, numbers.end).collect();
        for (number, _) in old {
            self.drop_partial(number, budget);
        }
    }

    /// CHANNEL_END came: nothing is under way any more. Returns whether it is the first.
    pub(super) fn on_end(&mut self, end: u64, budget: &mut Budget) -> Result<bool, Violation> {
        let is_first = self.horizon.on_end(end)?;
        self.drop_partials(&(0..u64::MAX), budget);
        Ok(is_first)
    }

    /// Whether parts of messages are of no use any more.
    pub(super) const fn is_ended(&self) -> bool {
        self.horizon.end().is_some()
    }

    /// Those of a key of which a part is here.
    pub(super) fn partials_of(&self, key: Option<u64>) -> Vec<u64> {
        self.partials.with_key(key).collect()
    }

    /// Whether a message that costs `cost` may wait beside the others.
    pub(super) fn fits(&self, cost: u64, budget: &Budget) -> bool {
        self.unread_cost == 0 || cost <= budget.room(self.unread_cost, self.unread_cost)
    }

    /// A message of `len` bytes waits to be read.
    pub(super) fn hold(&mut self, len: usize, budget: &mut Budget) {
        let cost = cost(len as u64);
        self.unread_cost += cost;
        budget.hold(cost);
    }

    /// It does not any more.
    pub(super) fn release(&mut self, len: usize, budget: &mut Budget) {
        let cost = cost(len as u64);
        self.unread_cost -= cost;
        budget.release(cost);
    }

    /// The application wants nothing more.
    pub(super) fn discard(&mut self, budget: &mut Budget) {
        self.is_discarding = true;
        self.drop_partials(&(0..u64::MAX), budget);
        budget.release(std::mem::take(&mut self.unread_cost));
    }

    /// Why there is nothing to read.
    pub(super) const fn nothing(&self) -> RecvError {
        if self.is_discarding || self.is_ended() { RecvError::Finished } else { RecvError::Blocked }
    }

    pub(super) fn memory(&self) -> usize {
        self.partials.memory()
    }

    /// What all of it holds of the budget.
    #[cfg(test)]
    pub(super) const fn held(&self) -> u64 {
        self.partial_cost + self.unread_cost
    }

    fn release_partial(&mut self, cost: u64, budget: &mut Budget) {
        self.partial_cost -= cost;
        budget.release(cost);
    }
}

/// The receiver of an Unreliable channel.
#[derive(Debug)]
pub(super) struct Volatile {
    arrivals: Arrivals,
    /// Of the last [`SEEN`] numbers: complete.
    seen: RangeSet,
    /// Messages by number, in the order in which they came.
    ready: VecDeque<(u64, Box<[u8]>)>,
}

impl Volatile {
    pub(super) fn new(max_message: u64, max_partial: u64) -> Self {
        Self {
            arrivals: Arrivals::new(max_message, max_partial),
            seen: RangeSet::new(),
            ready: VecDeque::new(),
        }
    }

    pub(super) const fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// Whether message `number` was complete before, or is too old to tell.
    pub(super) fn is_known(&self, number: u64) -> bool {
        number < self.oldest() || self.seen.contains(number)
    }

    /// Takes a message or a part of one. Returns whether there is more to read.
    pub(super) fn on_message(
        &mut self,
        frame: &MessageFrame<'_>,
        budget: &mut Budget,
    ) -> Result<bool, Refusal> {
        let (number, piece) = self.arrivals.open(frame)?;
        if piece.key.is_some() {
            return Err(Violation::Message.into());
        }
        // Who has read all there was at the end may know that it is the end.
        let is_useless = self.arrivals.is_discarding
            || self.is_over()
            || (self.arrivals.is_ended() && !piece.is_whole);
        if is_useless || self.is_known(number) {
            self.arrivals.horizon.extend(number + 1);
            return Ok(false);
        }
        let Some(data) = self.arrivals.insert(number, &piece, budget)? else {
            self.forget_old(budget);
            return Ok(false);
        };
        self.seen.insert(number..number + 1);
        self.forget_old(budget);
        while !self.arrivals.fits(piece.cost(), budget) {
            let Some((_, oldest)) = self.ready.pop_front() else { break };
            self.arrivals.release(oldest.len(), budget);
            self.arrivals.stats.dropped += 1;
        }
        self.arrivals.hold(data.len(), budget);
        self.ready.push_back((number, data));
        Ok(true)
    }

    /// CHANNEL_END. Returns whether that is what the reader waits for.
    pub(super) fn on_end(&mut self, end: u64, budget: &mut Budget) -> Result<bool, Refusal> {
        Ok(self.arrivals.on_end(end, budget)? && self.ready.is_empty())
    }

    /// Moves the next message to `buf`, which must be long enough.
    pub(super) fn recv(
        &mut self,
        buf: &mut [u8],
        budget: &mut Budget,
    ) -> Result<Message, RecvError> {
        if let Some((_, data)) = self.ready.front() {
            let len = data.len();
            buf.get_mut(..len).ok_or(RecvError::Short { len })?.copy_from_slice(data);
        }
        self.recv_vec(budget).map(|(message, _)| message)
    }

    /// Gives the next message.
    pub(super) fn recv_vec(
        &mut self,
        budget: &mut Budget,
    ) -> Result<(Message, Vec<u8>), RecvError> {
        let (number, data) = self.ready.pop_front().ok_or(self.arrivals.nothing())?;
        self.arrivals.release(data.len(), budget);
        self.arrivals.stats.delivered += 1;
        Ok((Message { number, key: None, len: data.len() }, data.into_vec()))
    }

    /// Copies what fits of the next message to `buf`.
    pub(super) fn peek(&self, buf: &mut [u8]) -> Result<Message, RecvError> {
        let (number, data) = self.ready.front().ok_or(self.arrivals.nothing())?;
        buf.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
        Ok(Message { number: *number, key: None, len: data.len() })
    }

    pub(super) fn discard(&mut self, budget: &mut Budget) {
        self.ready = VecDeque::new();
        self.arrivals.discard(budget);
    }

    /// Whether the peer has ended the channel, and all that came was read.
    pub(super) fn is_over(&self) -> bool {
        self.arrivals.is_ended() && self.ready.is_empty()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    pub(super) fn memory(&self) -> usize {
        self.ready.iter().map(|(_, data)| data.len()).sum::<usize>()
            + self.ready.capacity() * size_of::<(u64, Box<[u8]>)>()
            + self.seen.len() * size_of::<Range<u64>>()
            + self.arrivals.memory()
    }

    /// The lowest number that is told apart.
    const fn oldest(&self) -> u64 {
        self.arrivals.horizon.beyond().saturating_sub(SEEN)
    }

    fn forget_old(&mut self, budget: &mut Budget) {
        let old = 0..self.oldest();
        self.arrivals.drop_partials(&old, budget);
        self.seen.remove(old);
    }
}

#[cfg(test)]
mod tests;
