//! The sender of Ordered, Unordered and Unreliable channels.

use super::cost::cost;
use super::end::End;
use super::repair::{self, Repair};
use super::skips::{GivenUp, Skips};
use super::slot::{Lost, Purpose, Slot};
use super::{
    ChannelStats, Due, MAX_OUTSTANDING, Outbound, Outcome, Overflow, SendError, Sent, Settlement,
    Terms, Unsettled, Why,
};
use crate::ranges::RangeSet;
use crate::stream::credit::SendCredit;
use crate::stream::schedule::{Wants, Which};
use crate::wire::ChannelId;
use std::collections::BTreeMap;
use std::ops::Range;

/// What a channel's sender owes its messages, and whose credit they use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Duty {
    /// Repeats what is lost; takes the channel's credit, and the connection's.
    Reliable,
    /// The same on the urgent channel: takes the channel's credit alone.
    Urgent,
    /// Sends everything once, and takes no credit.
    Once,
}

/// Messages in the order of their numbers, until they are settled.
///
/// The first part of a message leaves only when there is credit for all of it; so what is begun can
/// always be finished, and partial messages cannot wait for each other.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Those that are not settled.
    slots: BTreeMap<u64, Slot>,
    /// The next message's number.
    next: u64,
    /// The lowest number never begun, those given up apart.
    begun: u64,
    /// Begun numbers with something lost.
    resend: RangeSet,
    /// What all messages cost.
    held: u64,
    /// What the messages that are not begun cost.
    queued: u64,
    /// Messages longer than a packet that the peer may hold a part of.
    partly: u64,
    /// How many of those the peer takes.
    max_partial: u64,
    /// This channel's; unused by [`Duty::Once`].
    credit: SendCredit,
    skips: Skips,
    end: End,
    outbound: Outbound,
    duty: Duty,
    stats: ChannelStats,
}

impl Outgoing {
    pub(super) fn new(duty: Duty, outbound: Outbound) -> Self {
        Self {
            slots: BTreeMap::new(),
            next: 0,
            begun: 0,
            resend: RangeSet::new(),
            held: 0,
            queued: 0,
            partly: 0,
            max_partial: 1,
            credit: SendCredit::new(0),
            skips: Skips::default(),
            end: End::default(),
            outbound,
            duty,
            stats: ChannelStats::default(),
        }
    }

    /// The peer's limits are known.
    pub(super) fn start(&mut self, limit: u64, max_partial: u64) {
        self.credit.raise(limit);
        self.max_partial = max_partial.max(1);
    }

    pub(super) const fn set_outbound(&mut self, outbound: Outbound) {
        self.outbound = outbound;
    }

    /// Takes the peer's limit; returns whether it grew.
    pub(super) fn raise_limit(&mut self, limit: u64) -> bool {
        self.is_reliable() && self.credit.raise(limit)
    }

    /// Takes a message and numbers it; more than `whole` bytes travel in parts. `room` is what the
    /// shared send buffer has left.
    pub(super) fn accept(
        &mut self,
        data: &[u8],
        terms: Terms,
        whole: usize,
        room: u64,
        out: &mut Settlement,
    ) -> Result<u64, SendError> {
        self.end.check()?;
        if terms.key.is_some() || (terms.max_retransmits.is_some() && !self.is_reliable()) {
            return Err(SendError::Unsupported);
        }
        let cost = cost(data.len() as u64);
        let has_room = self.make_room(cost, room, out)?;
        let number = self.next;
        self.next += 1;
        self.held += cost;
        self.queued += cost;
        self.stats.accepted += 1;
        self.stats.queued += 1;
        self.slots.insert(number, Slot::new(data, terms, whole));
        if !has_room {
            self.abandon(number, Unsettled::Any, Why::Overflow, out);
        }
        Ok(number)
    }

    /// What is to be sent, and what holds it back.
    pub(super) fn wants(&self) -> Wants {
        Wants {
            control: self.skips.next().is_some() || self.next_end().is_some(),
            resend: !self.resend.is_empty(),
            fresh: self.fresh().map(|(_, slot)| self.conn_credit(slot)),
            credit: self.is_starved(),
        }
    }

    pub(super) fn next(&self, which: Which) -> Option<Due> {
        let (number, slot) = match which {
            Which::Lost => {
                let number = self.resend.first()?.start;
                (number, self.slots.get(&number)?)
            }
            Which::New => self.fresh()?,
        };
        Some(due(number, slot, slot.next(which)?))
    }

    pub(super) fn slices(&self, due: &Due) -> (&[u8], &[u8]) {
        self.slots.get(&due.number).map_or((&[], &[]), |slot| slot.slices(&due.range))
    }

    /// `due`, as `next` gave it or shorter, is sent.
    pub(super) fn on_sent(&mut self, due: &Due) -> Sent {
        let number = due.number;
        let Some(slot) = self.slots.get_mut(&number) else {
            return Sent { copy: 0, reserved: 0 };
        };
        let (is_first, is_whole, cost) = (!slot.is_begun(), slot.is_whole(), slot.cost());
        let flight = slot.on_sent(&due.range);
        if slot.next(Which::Lost).is_none() {
            self.resend.remove(number..number + 1);
        }
        match flight.purpose {
            Purpose::First => {}
            Purpose::Again => {
                self.stats.retransmitted_bytes += u64::from(due.range.end - due.range.start);
            }
            Purpose::Beside => self.stats.repairs_sent += 1,
        }
        let mut sent = Sent { copy: flight.copy, reserved: 0 };
        if is_first {
            self.begun = number + 1;
            self.queued -= cost;
            self.stats.queued -= 1;
            self.stats.outstanding += 1;
            if self.is_reliable() {
                self.credit.take(cost);
                self.partly += u64::from(!is_whole);
            }
            if self.duty == Duty::Reliable {
                sent.reserved = cost;
            }
        }
        sent
    }

    pub(super) fn on_acked(&mut self, number: u64, range: &Range<u32>, out: &mut Settlement) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        if slot.on_acked(range) {
            if !slot.is_whole() && self.is_reliable() {
                self.partly -= 1;
            }
            self.settle(number, Outcome::Acknowledged, out);
        } else if slot.next(Which::Lost).is_none() {
            self.resend.remove(number..number + 1);
        }
    }

    pub(super) fn on_lost(
        &mut self,
        number: u64,
        range: &Range<u32>,
        copy: u32,
        out: &mut Settlement,
    ) {
        let is_reliable = self.is_reliable();
        let Some(slot) = self.slots.get_mut(&number) else { return };
        match slot.on_lost(range, copy) {
            Lost::Nothing => {}
            Lost::Resend if is_reliable => {
                self.resend.insert(number..number + 1);
            }
            Lost::Exhausted if is_reliable => {
                self.abandon(number, Unsettled::Any, Why::Retransmits, out);
            }
            Lost::Resend | Lost::Exhausted => {
                self.abandon(number, Unsettled::Any, Why::Lost, out);
            }
        }
    }

    /// Gives a message up: nothing of it is sent any more. Returns whether it was unsettled.
    pub(super) fn abandon(
        &mut self,
        number: u64,
        which: Unsettled,
        why: Why,
        out: &mut Settlement,
    ) -> bool {
        let Some(slot) = self.slots.get(&number).filter(|slot| is_meant(slot, which)) else {
            return false;
        };
        if self.is_reliable() {
            let given_up = if slot.is_begun() {
                GivenUp { cost: slot.cost(), is_partial: !slot.is_whole() }
            } else {
                GivenUp { cost: 0, is_partial: false }
            };
            self.skips.add(number, given_up);
        }
        self.settle(number, Outcome::Abandoned(why), out);
        true
    }

    pub(super) fn is_pending(&self, number: u64, which: Unsettled) -> bool {
        self.slots.get(&number).is_some_and(|slot| is_meant(slot, which))
    }

    /// Queues at most `max` bytes of the newest message in flight whose terms allow it; returns
    /// whether something is queued now.
    pub(super) fn requeue_newest(&mut self, max: usize) -> bool {
        if !self.is_reliable() || !self.resend.is_empty() {
            return !self.resend.is_empty();
        }
        let mut begun = self.slots.range_mut(..self.begun).rev();
        let newest = begun.find_map(|(number, slot)| slot.requeue(max).then_some(*number));
        newest.is_some_and(|number| self.resend.insert(number..number + 1) > 0)
    }

    /// Queues a range that is in flight, to be sent once more.
    pub(super) fn repeat(&mut self, number: u64, range: &Range<u32>) {
        let is_reliable = self.is_reliable();
        let slot = self.slots.get_mut(&number).filter(|_| is_reliable);
        if slot.is_some_and(|slot| slot.repeat(range)) {
            self.resend.insert(number..number + 1);
        }
    }

    /// What goes beside message `number`: see [`repair::make`].
    pub(super) fn repair(
        &self,
        id: ChannelId,
        number: u64,
        mask: u8,
        room: usize,
        max_len: usize,
    ) -> Option<Repair> {
        if !self.outbound.is_repaired {
            return None;
        }
        let member = |number: u64| {
            let slot = self.slots.get(&number)?;
            let all = 0..slot.len();
            let is_fit = slot.is_whole() && slot.is_begun() && slot.len() as usize <= max_len;
            is_fit.then(|| (due(number, slot, all.clone()), slot.slices(&all).0))
        };
        repair::make(id, number, mask, room, member)
    }

    pub(super) const fn on_parity_sent(&mut self) {
        self.stats.repairs_sent += 1;
    }

    pub(super) fn finish(&mut self) {
        self.end.finish(self.next);
    }

    /// The peer wants no more.
    pub(super) fn on_stop(&mut self, out: &mut Settlement) {
        while let Some((&number, _)) = self.slots.first_key_value() {
            self.abandon(number, Unsettled::Any, Why::Stopped, out);
        }
        self.end.stop(self.next);
    }

    /// All messages below are settled.
    pub(super) fn watermark(&self) -> u64 {
        self.slots.first_key_value().map_or(self.next, |(number, _)| *number)
    }

    pub(super) const fn held(&self) -> u64 {
        self.held
    }

    pub(super) const fn waiting(&self) -> u64 {
        self.queued
    }

    pub(super) fn next_skip(&self) -> Option<(Range<u64>, u64)> {
        self.skips.next()
    }

    pub(super) fn on_skip_sent(&mut self, numbers: Range<u64>) {
        self.skips.on_sent(numbers);
    }

    pub(super) fn on_skip_acked(&mut self, numbers: Range<u64>) {
        self.partly -= self.skips.on_acked(numbers);
    }

    pub(super) fn on_skip_lost(&mut self, numbers: &Range<u64>) {
        self.skips.on_lost(numbers);
    }

    /// Without retransmission END waits for what is in flight: the peer may forget the channel by it.
    pub(super) fn next_end(&self) -> Option<u64> {
        self.end.next().filter(|_| self.is_reliable() || self.slots.is_empty())
    }

    pub(super) const fn end(&mut self) -> &mut End {
        &mut self.end
    }

    /// Whether nothing is owed to the peer; of what is sent only once, whether it was sent.
    pub(super) fn is_settled(&self) -> bool {
        let is_done = if self.is_reliable() {
            self.slots.is_empty() && self.skips.is_empty()
        } else {
            self.slots.last_key_value().is_none_or(|(number, slot)| {
                *number < self.begun && slot.next(Which::New).is_none()
            })
        };
        is_done && !self.end.is_owed()
    }

    /// Whether this half can be forgotten.
    pub(super) fn is_over(&self) -> bool {
        self.end.is_acked() && self.slots.is_empty() && self.skips.is_empty()
    }

    pub(super) const fn stats(&self) -> &ChannelStats {
        &self.stats
    }

    pub(super) fn memory(&self) -> usize {
        let slots = self.slots.values().map(|slot| size_of::<(u64, Slot)>() + slot.memory());
        slots.sum::<usize>() + self.skips.memory() + self.resend.len() * size_of::<Range<u64>>()
    }

    /// Credit of the channel that was reserved.
    pub(super) const fn credit_used(&self) -> u64 {
        self.credit.used()
    }

    fn is_reliable(&self) -> bool {
        self.duty != Duty::Once
    }

    /// Makes room as the policy says; returns whether there is some.
    fn make_room(&mut self, cost: u64, room: u64, out: &mut Settlement) -> Result<bool, SendError> {
        if self.fits(cost, room) {
            return Ok(true);
        }
        match self.outbound.overflow {
            Overflow::Block => return Err(SendError::Blocked),
            Overflow::Reject => return Err(SendError::Full),
            Overflow::DropNewest => return Ok(false),
            Overflow::DropOldest => {}
        }
        let could_free = self.queued;
        if cost > room.saturating_add(could_free) && self.held > could_free {
            return Ok(false);
        }
        let held = self.held;
        while let Some((&oldest, _)) = self.slots.range(self.begun..).next() {
            self.abandon(oldest, Unsettled::Unsent, Why::Overflow, out);
            if self.fits(cost, room.saturating_add(held - self.held)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether one more may wait. One that is alone always fits, so that no bound is too small for any.
    const fn fits(&self, cost: u64, room: u64) -> bool {
        let has_queue =
            self.queued == 0 || self.queued.saturating_add(cost) <= self.outbound.queue_bytes;
        self.held == 0 || (has_queue && cost <= room)
    }

    /// The message whose new bytes go next. A later one does not overtake: Unordered is about delivery.
    fn fresh(&self) -> Option<(u64, &Slot)> {
        let last = self.slots.range(..self.begun).next_back();
        let unfinished = last.filter(|(_, slot)| slot.next(Which::New).is_some());
        let next = unfinished.or_else(|| {
            let (number, slot) = self.slots.range(self.begun..).next()?;
            self.may_begin(*number, slot).then_some((number, slot))
        });
        next.map(|(number, slot)| (*number, slot))
    }

    fn may_begin(&self, number: u64, slot: &Slot) -> bool {
        let lowest = self.skips.first().map_or(self.watermark(), |s| s.min(self.watermark()));
        number - lowest < MAX_OUTSTANDING
            && (!self.is_reliable()
                || (self.credit.available() >= slot.cost()
                    && (slot.is_whole() || self.partly < self.max_partial)))
    }

    /// Credit of the connection that goes with its next new part.
    fn conn_credit(&self, slot: &Slot) -> u64 {
        if self.duty == Duty::Reliable && !slot.is_begun() { slot.cost() } else { 0 }
    }

    /// Whether the next message waits for the channel's own credit.
    fn is_starved(&self) -> bool {
        self.is_reliable()
            && self.fresh().is_none()
            && self
                .slots
                .range(self.begun..)
                .next()
                .is_some_and(|(_, slot)| slot.cost() > self.credit.available())
    }

    /// Forgets a message; what of the peer's bookkeeping depends on it is the caller's affair.
    fn settle(&mut self, number: u64, outcome: Outcome, out: &mut Settlement) {
        let was_lowest = self.watermark() == number;
        let Some(slot) = self.slots.remove(&number) else { return };
        self.resend.remove(number..number + 1);
        self.held -= slot.cost();
        if slot.is_begun() {
            self.stats.outstanding -= 1;
        } else {
            self.queued -= slot.cost();
            self.stats.queued -= 1;
        }
        self.stats.count(outcome);
        out.add(number, &slot, outcome);
        out.has_progressed |= was_lowest;
    }
}

fn is_meant(slot: &Slot, which: Unsettled) -> bool {
    which == Unsettled::Any || !slot.is_begun()
}

fn due(number: u64, slot: &Slot, range: Range<u32>) -> Due {
    Due { number, range, total: slot.len(), key: None, is_whole: slot.is_whole() }
}

#[cfg(test)]
mod tests;
