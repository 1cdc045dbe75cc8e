//! The sender of Latest channels: of each key one message under way, and one that waits.

use super::cost::cost;
use super::end::End;
use super::slot::{Lost, Purpose, Slot};
use super::{
    ChannelStats, Due, MAX_KEYS, Outcome, SendError, Sent, Settlement, Terms, Unsettled, Why,
};
use crate::stream::budget::GUARANTEED;
use crate::stream::schedule::{Wants, Which};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// Keys, and whose turn it is.
///
/// Of messages longer than a packet only so many are under way together that the peer never has to drop
/// a part that it has acknowledged: at most as many as it takes, which cost at most what it guarantees a
/// channel; or one alone. What was given up counts, as the peer may still hold parts of it, until it has
/// all of a newer message of that key.
#[derive(Debug)]
pub(super) struct Newest {
    /// All that were ever used, at most [`MAX_KEYS`]: so the peer never has to forget one.
    keys: BTreeMap<Option<u64>, Key>,
    /// Unsettled messages, and their keys.
    numbers: BTreeMap<u64, Option<u64>>,
    /// Keys with something to be sent again, in turn.
    resend: VecDeque<Option<u64>>,
    /// Keys with something new and nothing lost, in turn.
    fresh: VecDeque<Option<u64>>,
    /// The next message's number.
    next: u64,
    /// What all messages cost.
    held: u64,
    /// What the messages that are not begun cost.
    queued: u64,
    /// Begun and unsettled messages longer than a packet.
    partly: u64,
    /// Keys of which the peer may hold a part of a message, and what those messages cost.
    held_keys: u64,
    held_cost: u64,
    /// How many of those the peer takes.
    max_partial: u64,
    end: End,
    stats: ChannelStats,
}

/// Messages of a key, by number.
#[derive(Debug, Default)]
struct Key {
    /// To be sent, or sent and not acknowledged.
    current: Option<(u64, Slot)>,
    /// Newer: waits for `current`, which is long, begun and worth finishing.
    pending: Option<(u64, Slot)>,
    /// In which queue the key is.
    filed: Option<Which>,
    /// What the peer may hold a part of.
    held: Option<Held>,
}

/// A message of a key of which parts were sent: the newest such one, and what the longest one costs of
/// those that it may stand for.
#[derive(Clone, Copy, Debug)]
struct Held {
    number: u64,
    cost: u64,
}

impl Key {
    /// Whether a newer message of `len` bytes is worth more than the rest of the current one: always
    /// if that fits one packet or was not begun, else if as much of it was lost. So short states are
    /// replaced at once, and long ones arrive even where something is lost of each.
    fn gives_way_to(&self, len: u32) -> bool {
        self.current.as_ref().is_none_or(|(_, slot)| {
            let lost = slot.lost_bytes();
            slot.is_whole() || !slot.is_begun() || (lost > 0 && lost >= len)
        })
    }

    fn wants(&self) -> Option<Which> {
        let (_, slot) = self.current.as_ref()?;
        [Which::Lost, Which::New].into_iter().find(|which| slot.next(*which).is_some())
    }

    fn slot(&self, number: u64) -> Option<&Slot> {
        let both = [&self.current, &self.pending].into_iter().flatten();
        both.into_iter().find(|(n, _)| *n == number).map(|(_, slot)| slot)
    }
}

impl Newest {
    pub(super) fn new() -> Self {
        Self {
            keys: BTreeMap::new(),
            numbers: BTreeMap::new(),
            resend: VecDeque::new(),
            fresh: VecDeque::new(),
            next: 0,
            held: 0,
            queued: 0,
            partly: 0,
            held_keys: 0,
            held_cost: 0,
            max_partial: 1,
            end: End::default(),
            stats: ChannelStats::default(),
        }
    }

    /// The peer's limits are known.
    pub(super) fn start(&mut self, max_partial: u64) {
        self.max_partial = max_partial.max(1);
    }

    /// Takes a message and numbers it, in place of one of its key that waits; more than `whole` bytes
    /// travel in parts. `room` is what the shared send buffer has left.
    pub(super) fn accept(
        &mut self,
        data: &[u8],
        terms: Terms,
        whole: usize,
        room: u64,
        out: &mut Settlement,
    ) -> Result<u64, SendError> {
        self.end.check()?;
        if terms.max_retransmits.is_some() {
            return Err(SendError::Unsupported);
        }
        let id = terms.key;
        if !self.keys.contains_key(&id) && self.keys.len() >= MAX_KEYS {
            return Err(SendError::TooManyKeys);
        }
        let cost = cost(data.len() as u64);
        let key = self.keys.entry(id).or_default();
        let replaces_current = key.gives_way_to(data.len() as u32);
        let old = [replaces_current.then_some(&key.current), Some(&key.pending)];
        let freed: u64 = old.into_iter().flatten().flatten().map(|(_, slot)| slot.cost()).sum();
        if cost > room.saturating_add(freed) && self.held > freed {
            return Err(SendError::Blocked);
        }
        let olds = [if replaces_current { key.current.take() } else { None }, key.pending.take()];
        let number = self.next;
        let new = Some((number, Slot::new(data, terms, whole)));
        *(if replaces_current { &mut key.current } else { &mut key.pending }) = new;
        for (old, slot) in olds.into_iter().flatten() {
            self.settle(old, &slot, Outcome::Abandoned(Why::Superseded), out);
        }
        self.next += 1;
        self.held += cost;
        self.queued += cost;
        self.stats.accepted += 1;
        self.stats.queued += 1;
        self.numbers.insert(number, id);
        self.refile(id);
        Ok(number)
    }

    /// What is to be sent: nothing of it needs credit.
    pub(super) fn wants(&self) -> Wants {
        Wants {
            control: self.next_end().is_some(),
            resend: !self.resend.is_empty(),
            fresh: self.first_fresh().map(|_| 0),
            credit: false,
        }
    }

    pub(super) fn next(&self, which: Which) -> Option<Due> {
        let (key, number, slot) = match which {
            Which::Lost => self.under_way(*self.resend.front()?)?,
            Which::New => self.first_fresh()?,
        };
        let range = slot.next(which)?;
        Some(Due { number, range, total: slot.len(), key, is_whole: slot.is_whole() })
    }

    pub(super) fn slices(&self, due: &Due) -> (&[u8], &[u8]) {
        let slot = self.keys.get(&due.key).and_then(|key| key.slot(due.number));
        slot.map_or((&[], &[]), |slot| slot.slices(&due.range))
    }

    /// `due`, as `next` gave it or shorter, is sent.
    pub(super) fn on_sent(&mut self, due: &Due) -> Sent {
        let mut sent = Sent { copy: 0, reserved: 0 };
        let Some((_, slot)) = self.current(due.number) else { return sent };
        let (is_first, is_whole, cost) = (!slot.is_begun(), slot.is_whole(), slot.cost());
        let flight = slot.on_sent(&due.range);
        sent.copy = flight.copy;
        if flight.purpose == Purpose::Again {
            self.stats.retransmitted_bytes += u64::from(due.range.end - due.range.start);
        }
        if is_first {
            self.queued -= cost;
            self.stats.queued -= 1;
            self.stats.outstanding += 1;
            if !is_whole {
                self.partly += 1;
                self.hold(due.key, due.number, cost);
            }
        }
        self.refile(due.key);
        sent
    }

    pub(super) fn on_acked(&mut self, number: u64, range: &Range<u32>, out: &mut Settlement) {
        let Some((id, slot)) = self.current(number) else { return };
        if slot.on_acked(range) {
            self.release(id, number);
            self.drop_current(id, Outcome::Acknowledged, out);
        }
        self.refile(id);
    }

    pub(super) fn on_lost(
        &mut self,
        number: u64,
        range: &Range<u32>,
        copy: u32,
        out: &mut Settlement,
    ) {
        let Some((id, slot)) = self.current(number) else { return };
        if slot.on_lost(range, copy) == Lost::Nothing {
            return;
        }
        let key = self.keys.get(&id);
        let waits = key.and_then(|key| key.pending.as_ref()).map(|(_, slot)| slot.len());
        if waits.is_some_and(|len| key.is_some_and(|key| key.gives_way_to(len))) {
            self.drop_current(id, Outcome::Abandoned(Why::Superseded), out);
        }
        self.refile(id);
    }

    /// Gives a message up: nothing of it is sent any more. Returns whether it was unsettled.
    pub(super) fn abandon(
        &mut self,
        number: u64,
        which: Unsettled,
        why: Why,
        out: &mut Settlement,
    ) -> bool {
        if !self.is_pending(number, which) {
            return false;
        }
        let Some(id) = self.numbers.get(&number).copied() else { return false };
        let Some(key) = self.keys.get_mut(&id) else { return false };
        if let Some((_, slot)) = key.pending.take_if(|(n, _)| *n == number) {
            self.settle(number, &slot, Outcome::Abandoned(why), out);
        } else {
            self.drop_current(id, Outcome::Abandoned(why), out);
        }
        self.refile(id);
        true
    }

    pub(super) fn is_pending(&self, number: u64, which: Unsettled) -> bool {
        let key = self.numbers.get(&number).and_then(|id| self.keys.get(id));
        let slot = key.and_then(|key| key.slot(number));
        slot.is_some_and(|slot| which == Unsettled::Any || !slot.is_begun())
    }

    /// Queues at most `max` bytes of the newest message in flight; returns whether something is queued
    /// now.
    pub(super) fn requeue_newest(&mut self, max: usize) -> bool {
        if !self.resend.is_empty() {
            return true;
        }
        for id in self.numbers.values().rev() {
            let current = self.keys.get_mut(id).and_then(|key| key.current.as_mut());
            if current.is_some_and(|(_, slot)| slot.requeue(max)) {
                let id = *id;
                self.refile(id);
                return true;
            }
        }
        false
    }

    /// Queues a range that is in flight, to be sent once more.
    pub(super) fn repeat(&mut self, number: u64, range: &Range<u32>) {
        let repeated = self.current(number).filter(|(_, slot)| slot.is_begun());
        if let Some((id, slot)) = repeated
            && slot.repeat(range)
        {
            self.refile(id);
        }
    }

    pub(super) fn finish(&mut self) {
        self.end.finish(self.next);
    }

    /// The peer wants no more.
    pub(super) fn on_stop(&mut self, out: &mut Settlement) {
        while let Some((&number, _)) = self.numbers.first_key_value() {
            self.abandon(number, Unsettled::Any, Why::Stopped, out);
        }
        self.end.stop(self.next);
    }

    /// All messages below are settled.
    pub(super) fn watermark(&self) -> u64 {
        self.numbers.first_key_value().map_or(self.next, |(number, _)| *number)
    }

    pub(super) const fn held(&self) -> u64 {
        self.held
    }

    pub(super) const fn waiting(&self) -> u64 {
        self.queued
    }

    /// END waits for what is under way: the peer may forget the channel by it.
    pub(super) fn next_end(&self) -> Option<u64> {
        self.end.next().filter(|_| self.numbers.is_empty())
    }

    pub(super) const fn end(&mut self) -> &mut End {
        &mut self.end
    }

    /// Whether the peer has the newest of each key.
    pub(super) fn is_settled(&self) -> bool {
        self.numbers.is_empty() && !self.end.is_owed()
    }

    /// Whether this half can be forgotten.
    pub(super) fn is_over(&self) -> bool {
        self.end.is_acked() && self.numbers.is_empty()
    }

    pub(super) const fn stats(&self) -> &ChannelStats {
        &self.stats
    }

    pub(super) fn memory(&self) -> usize {
        let slots = self.keys.values().flat_map(|key| [&key.current, &key.pending]).flatten();
        slots.map(|(_, slot)| slot.memory()).sum::<usize>()
            + self.keys.len() * size_of::<(Option<u64>, Key)>()
            + self.numbers.len() * size_of::<(u64, Option<u64>)>()
            + (self.resend.capacity() + self.fresh.capacity()) * size_of::<Option<u64>>()
    }

    /// The key and the slot of a message under way.
    fn current(&mut self, number: u64) -> Option<(Option<u64>, &mut Slot)> {
        let id = *self.numbers.get(&number)?;
        let (current, slot) = self.keys.get_mut(&id)?.current.as_mut()?;
        (*current == number).then_some((id, slot))
    }

    /// A key's message under way.
    fn under_way(&self, id: Option<u64>) -> Option<(Option<u64>, u64, &Slot)> {
        let (number, slot) = self.keys.get(&id)?.current.as_ref()?;
        Some((id, *number, slot))
    }

    /// The message that begins or goes on next, among those that may.
    fn first_fresh(&self) -> Option<(Option<u64>, u64, &Slot)> {
        let messages = || self.fresh.iter().filter_map(|id| self.under_way(*id));
        messages().find(|(id, _, slot)| self.may_go(*id, slot)).or_else(|| {
            // One alone always may. The newest: what was given up and comes late is older.
            let newest = messages().max_by_key(|(_, number, _)| *number);
            newest.filter(|_| self.partly == 0)
        })
    }

    fn may_go(&self, id: Option<u64>, slot: &Slot) -> bool {
        if slot.is_whole() || slot.is_begun() {
            return true;
        }
        // A newer message of a key takes the place of an older one.
        let held = self.keys.get(&id).and_then(|key| key.held);
        if self.held_keys == u64::from(held.is_some()) {
            return true;
        }
        let own = held.map_or(0, |held| held.cost);
        let others = self.held_cost - own;
        self.held_keys + u64::from(held.is_none()) <= self.max_partial
            && others + own.max(slot.cost()) <= GUARANTEED
    }

    /// A part of a message leaves, the first one.
    fn hold(&mut self, id: Option<u64>, number: u64, cost: u64) {
        let Some(key) = self.keys.get_mut(&id) else { return };
        let before = key.held.map_or(0, |held| held.cost);
        self.held_keys += u64::from(key.held.is_none());
        self.held_cost += cost.max(before) - before;
        key.held = Some(Held { number, cost: cost.max(before) });
    }

    /// The peer has all of a message: parts of older ones are dropped, and taken no more.
    fn release(&mut self, id: Option<u64>, number: u64) {
        let Some(key) = self.keys.get_mut(&id) else { return };
        if let Some(held) = key.held.take_if(|held| held.number <= number) {
            self.held_keys -= 1;
            self.held_cost -= held.cost;
        }
    }

    /// Settles the message under way, and puts the waiting one in its place.
    fn drop_current(&mut self, id: Option<u64>, outcome: Outcome, out: &mut Settlement) {
        let Some(key) = self.keys.get_mut(&id) else { return };
        let Some((number, slot)) = key.current.take() else { return };
        key.current = key.pending.take();
        self.settle(number, &slot, outcome, out);
    }

    /// Files a key under what it wants now; it keeps its turn if that is what it wanted before.
    fn refile(&mut self, id: Option<u64>) {
        let Some(key) = self.keys.get_mut(&id) else { return };
        let wants = key.wants();
        if key.filed == wants {
            return;
        }
        let queue = |which| match which {
            Which::Lost => 0,
            Which::New => 1,
        };
        let queues = [&mut self.resend, &mut self.fresh];
        if let Some(which) = std::mem::replace(&mut key.filed, wants) {
            queues[queue(which)].retain(|other| *other != id);
        }
        if let Some(which) = wants {
            queues[queue(which)].push_back(id);
        }
    }

    /// Counts a message that was taken out of its key.
    fn settle(&mut self, number: u64, slot: &Slot, outcome: Outcome, out: &mut Settlement) {
        let was_lowest = self.watermark() == number;
        self.numbers.remove(&number);
        self.held -= slot.cost();
        if slot.is_begun() {
            self.stats.outstanding -= 1;
            if !slot.is_whole() {
                self.partly -= 1;
            }
        } else {
            self.queued -= slot.cost();
            self.stats.queued -= 1;
        }
        self.stats.count(outcome);
        out.add(number, slot, outcome);
        out.has_progressed |= was_lowest;
    }
}

#[cfg(test)]
mod tests;
