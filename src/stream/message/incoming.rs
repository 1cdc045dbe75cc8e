//! The receiver of Ordered and Unordered channels.

use super::cost::cost;
use super::horizon::Horizon;
use super::partial::{Partials, Piece};
use super::{ChannelStats, MAX_SETTLED_RANGES, Message, RecvError};
use crate::ranges::RangeSet;
use crate::stream::credit::{Exceeded, RecvCredit};
use crate::stream::{Refusal, Violation};
use crate::wire::{MAX_VARINT, MessageFrame, Skip};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// Numbers until they are settled, messages until they are read.
///
/// Each number uses credit once, at the first sign of it, and gives it back once: when it is read,
/// dropped or skipped. Messages held are bounded by the window, as each costs [`super::MESSAGE_COST`]
/// at least; gaps by the messages and the ranges between which they lie, as neighbours are joined.
#[derive(Debug)]
pub(super) struct Incoming {
    /// All below are settled, and on an Ordered channel in `ready` or read.
    next: u64,
    /// From `next` on: complete or skipped.
    settled: RangeSet,
    horizon: Horizon,
    partials: Partials,
    /// Ordered: what is settled behind a gap, by (first) number.
    waiting: BTreeMap<u64, Item>,
    /// To be read, in this order.
    ready: VecDeque<Item>,
    /// This channel's.
    credit: RecvCredit,
    bounds: Bounds,
    is_discarding: bool,
    stats: ChannelStats,
}

/// What a channel is, and what it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) is_ordered: bool,
    /// Then the connection's credit is not touched.
    pub(super) is_urgent: bool,
    pub(super) max_message: u64,
    /// Messages of which a part may be here: with one more the peer breaks P-54.
    pub(super) max_partial: u64,
}

#[derive(Debug)]
enum Item {
    Message {
        number: u64,
        data: Box<[u8]>,
    },
    /// So many messages will not come.
    Gap(u64),
}

impl Incoming {
    pub(super) fn new(window: u64, bounds: Bounds) -> Self {
        Self {
            next: 0,
            settled: RangeSet::new(),
            horizon: Horizon::default(),
            partials: Partials::default(),
            waiting: BTreeMap::new(),
            ready: VecDeque::new(),
            // One consumer who can always reach the end: a quarter of the window is always reached.
            credit: RecvCredit::new(window, u64::MAX),
            bounds: Bounds { max_partial: bounds.max_partial.max(1), ..bounds },
            is_discarding: false,
            stats: ChannelStats::default(),
        }
    }

    pub(super) const fn horizon(&self) -> &Horizon {
        &self.horizon
    }

    /// Whether message `number` was complete or skipped before.
    pub(super) fn is_known(&self, number: u64) -> bool {
        number < self.next || self.settled.contains(number)
    }

    /// Takes a message or a part of one; `conn` is charged for it. Returns whether there is more to
    /// read.
    pub(super) fn on_message(
        &mut self,
        frame: &MessageFrame<'_>,
        conn: &mut RecvCredit,
    ) -> Result<bool, Refusal> {
        let number = self.horizon.expand(frame.number);
        self.horizon.check(number.saturating_add(1))?;
        if frame.key.is_some() {
            return Err(Violation::Message.into());
        }
        let piece = Piece::new(frame, self.bounds.max_message)?;
        if self.is_known(number) {
            return Ok(false);
        }
        self.check_ranges(&(number..number + 1))?;
        let is_first = self.partials.cost_of(number).is_none();
        let cost = piece.cost();
        if is_first {
            self.check_credit(cost, conn)?;
            let is_partial = piece.data.len() < piece.total as usize;
            if is_partial && self.partials.len() as u64 >= self.bounds.max_partial {
                return Err(Violation::FlowControl.into());
            }
        }
        let complete = self.partials.insert(number, &piece)?;
        if is_first {
            self.charge(cost, conn);
        }
        self.horizon.extend(number + 1);
        Ok(complete.is_some_and(|data| self.on_complete(number, data, conn)))
    }

    /// Numbers that will not come. Returns whether there is more to read.
    pub(super) fn on_skip(&mut self, skip: &Skip, conn: &mut RecvCredit) -> Result<bool, Refusal> {
        let end = skip.first.checked_add(skip.count).filter(|end| *end <= MAX_VARINT + 1);
        let end = end.filter(|_| skip.count > 0).ok_or(Violation::StreamState)?;
        self.horizon.check(end)?;
        if skip.cost != 0 && !(cost(0)..=cost(self.bounds.max_message)).contains(&skip.cost) {
            return Err(Violation::Message.into());
        }
        let numbers = skip.first.max(self.next)..end;
        let open: Vec<Range<u64>> = self.settled.gaps(numbers.clone()).collect();
        if open.is_empty() {
            self.horizon.extend(end);
            return Ok(false);
        }
        self.check_ranges(&numbers)?;
        let partial: Vec<(u64, u64)> = self.partials.range(numbers.start, end).collect();
        if partial.iter().any(|(_, cost)| *cost != skip.cost) {
            return Err(Violation::Message.into());
        }
        let all: u64 = open.iter().map(|range| range.end - range.start).sum();
        let unseen = all - partial.len() as u64;
        let growth = unseen.checked_mul(skip.cost).ok_or(Violation::FlowControl)?;
        self.check_credit(growth, conn)?;
        self.charge(growth, conn);
        self.take(growth + partial.len() as u64 * skip.cost, conn);
        for (number, _) in partial {
            self.partials.remove(number);
        }
        self.horizon.extend(end);
        self.settled.insert(numbers);
        let mut news = false;
        for range in open {
            news |= self.add_gap(&range);
        }
        Ok(self.advance() || news)
    }

    /// CHANNEL_END. Returns whether that is what the reader waits for.
    pub(super) fn on_end(&mut self, end: u64) -> Result<bool, Refusal> {
        Ok(self.horizon.on_end(end)? && self.is_over())
    }

    /// Moves the next message to `buf`, which must be long enough.
    pub(super) fn recv(
        &mut self,
        buf: &mut [u8],
        conn: &mut RecvCredit,
    ) -> Result<Message, RecvError> {
        if let Some(Item::Message { data, .. }) = self.ready.front() {
            let len = data.len();
            buf.get_mut(..len).ok_or(RecvError::Short { len })?.copy_from_slice(data);
        }
        self.recv_vec(conn).map(|(message, _)| message)
    }

    /// Gives the next message.
    pub(super) fn recv_vec(
        &mut self,
        conn: &mut RecvCredit,
    ) -> Result<(Message, Vec<u8>), RecvError> {
        match self.ready.pop_front() {
            None => Err(self.nothing()),
            Some(Item::Gap(count)) => {
                self.stats.missing = self.stats.missing.saturating_add(count);
                Err(RecvError::Gap { count })
            }
            Some(Item::Message { number, data }) => {
                let len = data.len();
                self.take(cost(len as u64), conn);
                self.stats.delivered += 1;
                Ok((Message { number, key: None, len }, data.into_vec()))
            }
        }
    }

    /// Copies what fits of the next message to `buf`.
    pub(super) fn peek(&self, buf: &mut [u8]) -> Result<Message, RecvError> {
        match self.ready.front() {
            None => Err(self.nothing()),
            Some(Item::Gap(count)) => Err(RecvError::Gap { count: *count }),
            Some(Item::Message { number, data }) => {
                buf.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
                Ok(Message { number: *number, key: None, len: data.len() })
            }
        }
    }

    /// The application wants nothing more: what is there goes, and what comes is dropped.
    pub(super) fn discard(&mut self, conn: &mut RecvCredit) {
        self.is_discarding = true;
        let waiting = std::mem::take(&mut self.waiting);
        let items = std::mem::take(&mut self.ready).into_iter().chain(waiting.into_values());
        let costs = items.map(|item| match item {
            Item::Message { data, .. } => cost(data.len() as u64),
            Item::Gap(_) => 0,
        });
        self.take(costs.sum(), conn);
    }

    /// Whether all has come, or been given up, and was read.
    pub(super) fn is_over(&self) -> bool {
        self.horizon.end().is_some_and(|end| self.next >= end) && self.ready.is_empty()
    }

    /// Whether the next read gives neither a message nor a gap.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Whether a limit is of use to the peer.
    fn is_limited(&self) -> bool {
        self.horizon.end().is_none_or(|end| self.next < end)
    }

    pub(super) fn wants_limit(&self) -> bool {
        self.is_limited() && self.credit.wants_update()
    }

    pub(super) const fn credit(&mut self) -> &mut RecvCredit {
        &mut self.credit
    }

    /// The limit that goes into MAX_CHANNEL_DATA.
    pub(super) fn next_limit(&self) -> u64 {
        let mut credit = self.credit;
        credit.advertise()
    }

    pub(super) const fn stats(&self) -> &ChannelStats {
        &self.stats
    }

    pub(super) fn memory(&self) -> usize {
        let of = |item: &Item| match item {
            Item::Message { data, .. } => data.len(),
            Item::Gap(_) => 0,
        };
        let bytes = self.ready.iter().chain(self.waiting.values()).map(of).sum::<usize>();
        bytes
            + self.ready.capacity() * size_of::<Item>()
            + self.waiting.len() * size_of::<(u64, Item)>()
            + self.settled.len() * size_of::<Range<u64>>()
            + self.partials.memory()
    }

    /// What the peer used of this channel's credit and what was taken of that.
    pub(super) const fn credit_used_and_taken(&self) -> (u64, u64) {
        (self.credit.used(), self.credit.taken())
    }

    #[cfg(test)]
    pub(super) fn partials(&self) -> usize {
        self.partials.len()
    }

    fn nothing(&self) -> RecvError {
        if self.is_discarding || self.is_over() { RecvError::Finished } else { RecvError::Blocked }
    }

    /// Whether settling `numbers` keeps the ranges within their bound. What continues in order, or
    /// a range that is there, always does.
    fn check_ranges(&self, numbers: &Range<u64>) -> Result<(), Refusal> {
        let around = numbers.start.saturating_sub(1)..numbers.end + 1;
        let is_separate = || self.settled.gaps(around.clone()).next() == Some(around.clone());
        let is_full = self.settled.len() >= MAX_SETTLED_RANGES;
        if is_full && numbers.start > self.next && is_separate() {
            return Err(Refusal::Full);
        }
        Ok(())
    }

    fn on_complete(&mut self, number: u64, data: Box<[u8]>, conn: &mut RecvCredit) -> bool {
        self.settled.insert(number..number + 1);
        let mut news = false;
        if self.is_discarding {
            self.take(cost(data.len() as u64), conn);
        } else if self.bounds.is_ordered && number > self.next {
            self.waiting.insert(number, Item::Message { number, data });
        } else {
            self.ready.push_back(Item::Message { number, data });
            news = true;
        }
        self.advance() || news
    }

    /// Queues a gap, joined with its neighbours. Returns whether there is more to read.
    fn add_gap(&mut self, numbers: &Range<u64>) -> bool {
        let mut count = numbers.end - numbers.start;
        if self.is_discarding {
            return false;
        }
        if !self.bounds.is_ordered || numbers.start == self.next {
            self.push_ready(Item::Gap(count));
            return true;
        }
        if let Some(Item::Gap(after)) = self.waiting.get(&numbers.end) {
            count += after;
            self.waiting.remove(&numbers.end);
        }
        match self.waiting.range_mut(..numbers.start).next_back() {
            Some((first, Item::Gap(before))) if *first + *before == numbers.start => {
                *before += count;
            }
            _ => {
                self.waiting.insert(numbers.start, Item::Gap(count));
            }
        }
        false
    }

    fn push_ready(&mut self, item: Item) {
        match (self.ready.back_mut(), item) {
            (Some(Item::Gap(before)), Item::Gap(count)) => *before = before.saturating_add(count),
            (_, item) => self.ready.push_back(item),
        }
    }

    /// Moves `next` over what is settled, and what was waiting for that to `ready`. Returns whether
    /// there is more to read.
    fn advance(&mut self) -> bool {
        if let Some(first) = self.settled.first().filter(|first| first.start <= self.next) {
            self.settled.pop_first();
            self.next = first.end;
        }
        let mut news = false;
        while let Some(entry) = self.waiting.first_entry().filter(|e| *e.key() < self.next) {
            let item = entry.remove();
            self.push_ready(item);
            news = true;
        }
        news
    }

    fn check_credit(&self, n: u64, conn: &RecvCredit) -> Result<(), Violation> {
        let is_free = Ok(());
        let conn = if self.bounds.is_urgent { is_free } else { conn.check(n) };
        self.credit.check(n).and(conn).map_err(|Exceeded| Violation::FlowControl)
    }

    fn charge(&mut self, n: u64, conn: &mut RecvCredit) {
        self.credit.charge(n);
        if !self.bounds.is_urgent {
            conn.charge(n);
        }
    }

    fn take(&mut self, n: u64, conn: &mut RecvCredit) {
        self.credit.take(n);
        if !self.bounds.is_urgent {
            conn.take(n);
        }
    }
}

#[cfg(test)]
mod tests;
