//! The receiver of Latest channels: of each key the newest message.

use super::cost::cost;
use super::volatile::Arrivals;
use super::{MAX_KEYS, Message, RecvError};
use crate::stream::budget::Budget;
use crate::stream::{Refusal, Violation};
use crate::wire::{MAX_VARINT, MessageFrame};
use std::collections::{BTreeMap, VecDeque};

/// Keys, at most [`MAX_KEYS`].
#[derive(Debug)]
pub(super) struct Freshest {
    arrivals: Arrivals,
    keys: BTreeMap<Option<u64>, Seen>,
    /// Keys with an unread message, in the order in which they came.
    order: VecDeque<Option<u64>>,
    /// A key that is not known is taken from here on only: so that none goes back after it was
    /// forgotten.
    floor: u64,
}

/// The newest complete message of a key.
#[derive(Debug)]
struct Seen {
    number: u64,
    /// Until it is read.
    unread: Option<Box<[u8]>>,
}

impl Freshest {
    pub(super) fn new(max_message: u64, max_partial: u64) -> Self {
        Self {
            arrivals: Arrivals::new(max_message, max_partial),
            keys: BTreeMap::new(),
            order: VecDeque::new(),
            floor: 0,
        }
    }

    pub(super) const fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// Whether a message of `key` with this number or a newer one was complete before.
    pub(super) fn is_known(&self, key: Option<u64>, number: u64) -> bool {
        self.keys.get(&key).map_or(number < self.floor, |seen| number <= seen.number)
    }

    /// Takes a message or a part of one. Returns whether there is more to read.
    pub(super) fn on_message(
        &mut self,
        frame: &MessageFrame<'_>,
        budget: &mut Budget,
    ) -> Result<bool, Refusal> {
        let (number, piece) = self.arrivals.open(frame)?;
        if piece.key.is_some_and(|key| key > MAX_VARINT) {
            return Err(Violation::Message.into());
        }
        // A part of a newer message says that the sender has given those before it up.
        let parts = self.arrivals.partials_of(piece.key);
        let is_given_up = !piece.is_whole
            && (self.arrivals.is_ended() || parts.iter().any(|part| *part > number));
        // Who has read all there was at the end may know that it is the end.
        let is_useless = self.arrivals.is_discarding || self.is_over();
        if is_useless || is_given_up || self.is_known(piece.key, number) {
            self.arrivals.horizon.extend(number + 1);
            return Ok(false);
        }
        for part in parts.into_iter().filter(|part| *part < number) {
            self.arrivals.drop_partial(part, budget);
        }
        let Some(data) = self.arrivals.insert(number, &piece, budget)? else { return Ok(false) };
        Ok(self.on_complete(piece.key, number, data, budget))
    }

    /// CHANNEL_END. Returns whether that is what the reader waits for.
    pub(super) fn on_end(&mut self, end: u64, budget: &mut Budget) -> Result<bool, Refusal> {
        Ok(self.arrivals.on_end(end, budget)? && self.order.is_empty())
    }

    /// Moves the next message to `buf`, which must be long enough.
    pub(super) fn recv(
        &mut self,
        buf: &mut [u8],
        budget: &mut Budget,
    ) -> Result<Message, RecvError> {
        if let Some((_, _, data)) = self.front() {
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
        let nothing = self.arrivals.nothing();
        let key = self.order.pop_front().ok_or(nothing)?;
        let seen = self.keys.get_mut(&key).ok_or(nothing)?;
        let data = seen.unread.take().ok_or(nothing)?;
        self.arrivals.release(data.len(), budget);
        self.arrivals.stats.delivered += 1;
        Ok((Message { number: seen.number, key, len: data.len() }, data.into_vec()))
    }

    /// Copies what fits of the next message to `buf`.
    pub(super) fn peek(&self, buf: &mut [u8]) -> Result<Message, RecvError> {
        let (key, number, data) = self.front().ok_or(self.arrivals.nothing())?;
        buf.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
        Ok(Message { number, key, len: data.len() })
    }

    pub(super) fn discard(&mut self, budget: &mut Budget) {
        self.order = VecDeque::new();
        self.keys = BTreeMap::new();
        self.arrivals.discard(budget);
    }

    /// Whether the peer has ended the channel, and all that came was read.
    pub(super) fn is_over(&self) -> bool {
        self.arrivals.is_ended() && self.order.is_empty()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn memory(&self) -> usize {
        let unread = self.keys.values().filter_map(|seen| seen.unread.as_ref());
        unread.map(|data| data.len()).sum::<usize>()
            + self.keys.len() * size_of::<(Option<u64>, Seen)>()
            + self.order.capacity() * size_of::<Option<u64>>()
            + self.arrivals.memory()
    }

    fn front(&self) -> Option<(Option<u64>, u64, &[u8])> {
        let key = self.order.front()?;
        let seen = self.keys.get(key)?;
        Some((*key, seen.number, seen.unread.as_deref()?))
    }

    /// A message that is newer than all of its key. Returns whether there is more to read.
    fn on_complete(
        &mut self,
        key: Option<u64>,
        number: u64,
        data: Box<[u8]>,
        budget: &mut Budget,
    ) -> bool {
        if let Some(seen) = self.keys.get_mut(&key) {
            seen.number = number;
            if let Some(old) = seen.unread.take() {
                self.arrivals.release(old.len(), budget);
                self.arrivals.stats.superseded += 1;
            } else {
                self.order.push_back(key);
            }
        } else {
            if !self.make_room_for_key(number, budget) {
                return false;
            }
            self.keys.insert(key, Seen { number, unread: None });
            self.order.push_back(key);
        }
        while !self.arrivals.fits(cost(data.len() as u64), budget) {
            let Some(oldest) = self.order.iter().copied().find(|oldest| *oldest != key) else {
                break;
            };
            self.drop_unread(oldest, budget);
        }
        self.arrivals.hold(data.len(), budget);
        if let Some(seen) = self.keys.get_mut(&key) {
            seen.unread = Some(data);
        }
        true
    }

    /// Forgets the key that was silent for longest, if there are as many as may be. Not if a message
    /// with this number is older still: then that one is not taken.
    fn make_room_for_key(&mut self, number: u64, budget: &mut Budget) -> bool {
        if self.keys.len() < MAX_KEYS {
            return true;
        }
        let stalest = self.keys.iter().min_by_key(|(_, seen)| seen.number);
        let Some((key, oldest)) = stalest.map(|(key, seen)| (*key, seen.number)) else {
            return true;
        };
        self.floor = self.floor.max(oldest.min(number) + 1);
        if number < oldest {
            return false;
        }
        self.drop_unread(key, budget);
        self.keys.remove(&key);
        true
    }

    fn drop_unread(&mut self, key: Option<u64>, budget: &mut Budget) {
        if let Some(data) = self.keys.get_mut(&key).and_then(|seen| seen.unread.take()) {
            self.order.retain(|other| *other != key);
            self.arrivals.release(data.len(), budget);
            self.arrivals.stats.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests;
