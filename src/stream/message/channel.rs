//! Both halves of a message channel, whatever its mode.

use super::end::End;
use super::freshest::Freshest;
use super::incoming::{Bounds, Incoming};
use super::newest::Newest;
use super::outgoing::{Duty, Outgoing};
use super::repair::{Repair, Repairs};
use super::volatile::Volatile;
use super::{
    ChannelStats, Due, MESSAGE_COST, Message, Outbound, RecvError, SendError, Sent, Settlement,
    Terms, URGENT_WINDOW, Unsettled, Why,
};
use crate::stream::budget::Budget;
use crate::stream::credit::{CreditUse, RecvCredit};
use crate::stream::schedule::{Wants, Which};
use crate::stream::{Refusal, Violation};
use crate::wire::{ChannelId, MessageFrame, MessageNumber, Mode, ParityFrame, Skip};
use std::ops::Range;

/// What a channel begins with. The peer's limits are 0 until they are known.
#[derive(Clone, Copy, Debug)]
pub(in crate::stream) struct Setup {
    pub(in crate::stream) send_limit: u64,
    pub(in crate::stream) peer_max_message: u64,
    pub(in crate::stream) peer_max_partial: u64,
    pub(in crate::stream) recv_window: u64,
    pub(in crate::stream) max_message: u64,
    pub(in crate::stream) max_partial: u64,
    pub(in crate::stream) outbound: Outbound,
    /// Bytes of the longest message that is sent in one packet.
    pub(in crate::stream) whole: usize,
}

/// A channel.
#[derive(Debug)]
pub(in crate::stream) struct Channel {
    id: ChannelId,
    /// Whether the peer's limits are known; nothing is accepted before.
    is_started: bool,
    /// Bytes of the largest message that may be sent; `None`: the peer takes none.
    max_len: Option<u64>,
    /// Bytes of the longest message that is sent in one packet.
    whole: usize,
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
    stop: Stop,
    /// A channel without credit is announced by its limit, 0.
    is_announcement_due: bool,
    /// Made by the first parity.
    repairs: Option<Box<Repairs>>,
    repairs_used: u64,
}

#[derive(Debug)]
pub(super) enum Sender {
    Outgoing(Outgoing),
    Newest(Newest),
}

#[derive(Debug)]
pub(super) enum Receiver {
    Incoming(Incoming),
    Volatile(Volatile),
    Freshest(Freshest),
}

/// How far CHANNEL_STOP is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Unwanted,
    Due,
    Sent,
}

impl Channel {
    pub(in crate::stream) fn new(id: ChannelId, setup: &Setup) -> Self {
        let is_urgent = id == ChannelId::URGENT;
        let (max, partial) = (setup.max_message, setup.max_partial);
        let (mode, outbound) = (id.mode(), setup.outbound);
        let duty = match mode {
            Mode::Unreliable | Mode::Latest => Duty::Once,
            _ if is_urgent => Duty::Urgent,
            _ => Duty::Reliable,
        };
        let is_ordered = mode == Mode::Ordered;
        let bounds = Bounds { is_ordered, is_urgent, max_message: max, max_partial: partial };
        let mut channel = Self {
            id,
            is_started: false,
            max_len: None,
            whole: setup.whole,
            sender: match mode {
                Mode::Latest => Sender::Newest(Newest::new()),
                _ => Sender::Outgoing(Outgoing::new(duty, outbound)),
            },
            receiver: match mode {
                Mode::Latest => Receiver::Freshest(Freshest::new(max, partial)),
                Mode::Unreliable => Receiver::Volatile(Volatile::new(max, partial)),
                _ => Receiver::Incoming(Incoming::new(setup.recv_window, bounds)),
            },
            stop: Stop::Unwanted,
            is_announcement_due: false,
            repairs: None,
            repairs_used: 0,
        };
        if setup.peer_max_message > 0 {
            channel.start(setup);
        }
        channel
    }

    /// The peer's limits are known.
    pub(in crate::stream) fn start(&mut self, setup: &Setup) {
        let is_urgent = self.id == ChannelId::URGENT;
        let most = if is_urgent { URGENT_WINDOW - MESSAGE_COST } else { u32::MAX.into() };
        self.is_started = true;
        self.max_len = Some(setup.peer_max_message.min(most)).filter(|max| *max > 0);
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.start(setup.send_limit, setup.peer_max_partial),
            Sender::Newest(sender) => sender.start(setup.peer_max_partial),
        }
    }

    pub(in crate::stream) const fn set_whole(&mut self, whole: usize) {
        self.whole = whole;
    }

    /// Takes new terms for what is sent from now on.
    pub(in crate::stream) const fn set_outbound(&mut self, outbound: Outbound) {
        if let Sender::Outgoing(sender) = &mut self.sender {
            sender.set_outbound(outbound);
        }
    }

    /// Takes a message and numbers it. `room` is what the shared send buffer has left; a message takes
    /// [`super::cost`] of it, and gives it back in `out`.
    pub(in crate::stream) fn accept(
        &mut self,
        data: &[u8],
        terms: Terms,
        room: u64,
        out: &mut Settlement,
    ) -> Result<u64, SendError> {
        if !self.is_started {
            return Err(SendError::Blocked);
        }
        let max = self.max_len.ok_or(SendError::Unknown)?;
        if data.len() as u64 > max {
            return Err(SendError::TooLarge { len: data.len(), max: max as usize });
        }
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.accept(data, terms, self.whole, room, out),
            Sender::Newest(sender) => sender.accept(data, terms, self.whole, room, out),
        }
    }

    pub(in crate::stream) fn wants(&self) -> Wants {
        let mut wants = match &self.sender {
            Sender::Outgoing(sender) => sender.wants(),
            Sender::Newest(sender) => sender.wants(),
        };
        wants.control |= self.next_stop() || self.wants_limit();
        wants
    }

    pub(in crate::stream) fn next(&self, which: Which) -> Option<Due> {
        match &self.sender {
            Sender::Outgoing(sender) => sender.next(which),
            Sender::Newest(sender) => sender.next(which),
        }
    }

    /// The bytes of `due`, in two pieces.
    pub(in crate::stream) fn slices(&self, due: &Due) -> (&[u8], &[u8]) {
        match &self.sender {
            Sender::Outgoing(sender) => sender.slices(due),
            Sender::Newest(sender) => sender.slices(due),
        }
    }

    /// `due`, as `next` gave it or cut to its first bytes, or a copy from `repairs`, is sent.
    pub(in crate::stream) fn on_sent(&mut self, due: &Due) -> Sent {
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.on_sent(due),
            Sender::Newest(sender) => sender.on_sent(due),
        }
    }

    pub(in crate::stream) fn on_acked(
        &mut self,
        number: u64,
        range: &Range<u32>,
        out: &mut Settlement,
    ) {
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.on_acked(number, range, out),
            Sender::Newest(sender) => sender.on_acked(number, range, out),
        }
    }

    pub(in crate::stream) fn on_lost(
        &mut self,
        number: u64,
        range: &Range<u32>,
        copy: u32,
        out: &mut Settlement,
    ) {
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.on_lost(number, range, copy, out),
            Sender::Newest(sender) => sender.on_lost(number, range, copy, out),
        }
    }

    /// Gives a message up; returns whether it was one of those meant.
    pub(in crate::stream) fn abandon(
        &mut self,
        number: u64,
        which: Unsettled,
        why: Why,
        out: &mut Settlement,
    ) -> bool {
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.abandon(number, which, why, out),
            Sender::Newest(sender) => sender.abandon(number, which, why, out),
        }
    }

    pub(in crate::stream) fn is_pending(&self, number: u64, which: Unsettled) -> bool {
        match &self.sender {
            Sender::Outgoing(sender) => sender.is_pending(number, which),
            Sender::Newest(sender) => sender.is_pending(number, which),
        }
    }

    /// Queues at most `max` bytes of the newest message in flight; returns whether something is queued
    /// now.
    pub(in crate::stream) fn requeue_newest(&mut self, max: usize) -> bool {
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.requeue_newest(max),
            Sender::Newest(sender) => sender.requeue_newest(max),
        }
    }

    /// Queues a range that is in flight, to be sent once more.
    pub(in crate::stream) fn repeat(&mut self, number: u64, range: &Range<u32>) {
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.repeat(number, range),
            Sender::Newest(sender) => sender.repeat(number, range),
        }
    }

    /// What goes beside message `number` by `mask`, if it fits `room` bytes with its frame's header.
    pub(in crate::stream) fn repairs(&self, number: u64, mask: u8, room: usize) -> Option<Repair> {
        match &self.sender {
            Sender::Outgoing(s) => s.repair(self.id, number, mask, room, self.whole / 2),
            Sender::Newest(_) => None,
        }
    }

    pub(in crate::stream) const fn on_parity_sent(&mut self) {
        if let Sender::Outgoing(sender) = &mut self.sender {
            sender.on_parity_sent();
        }
    }

    /// END goes behind all that was accepted.
    pub(in crate::stream) fn finish(&mut self) {
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.finish(),
            Sender::Newest(sender) => sender.finish(),
        }
    }

    /// CHANNEL_STOP came: everything is given up, and END follows.
    pub(in crate::stream) fn on_stop(&mut self, out: &mut Settlement) {
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.on_stop(out),
            Sender::Newest(sender) => sender.on_stop(out),
        }
    }

    /// All messages below are settled.
    pub(in crate::stream) fn watermark(&self) -> u64 {
        match &self.sender {
            Sender::Outgoing(sender) => sender.watermark(),
            Sender::Newest(sender) => sender.watermark(),
        }
    }

    /// What its unsettled messages cost in the send buffer.
    pub(in crate::stream) const fn held(&self) -> u64 {
        match &self.sender {
            Sender::Outgoing(sender) => sender.held(),
            Sender::Newest(sender) => sender.held(),
        }
    }

    /// What of that is not begun.
    pub(in crate::stream) const fn waiting(&self) -> u64 {
        match &self.sender {
            Sender::Outgoing(sender) => sender.waiting(),
            Sender::Newest(sender) => sender.waiting(),
        }
    }

    /// MAX_CHANNEL_DATA came; returns whether it grew.
    pub(in crate::stream) fn raise_limit(&mut self, limit: u64) -> bool {
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.raise_limit(limit),
            Sender::Newest(_) => false,
        }
    }

    /// SKIP, if one is to be sent: the lowest numbers.
    pub(in crate::stream) fn next_skip(&self) -> Option<Skip> {
        let Sender::Outgoing(sender) = &self.sender else { return None };
        let (numbers, cost) = sender.next_skip()?;
        let count = numbers.end - numbers.start;
        Some(Skip { id: self.id, first: numbers.start, count, cost })
    }

    pub(in crate::stream) fn on_skip_sent(&mut self, first: u64, count: u64) {
        if let Sender::Outgoing(sender) = &mut self.sender {
            sender.on_skip_sent(first..first + count);
        }
    }

    pub(in crate::stream) fn on_skip_acked(&mut self, first: u64, count: u64) {
        if let Sender::Outgoing(sender) = &mut self.sender {
            sender.on_skip_acked(first..first + count);
        }
    }

    pub(in crate::stream) fn on_skip_lost(&mut self, first: u64, count: u64) {
        if let Sender::Outgoing(sender) = &mut self.sender {
            sender.on_skip_lost(&(first..first + count));
        }
    }

    /// What CHANNEL_END is to say, if it is to be sent.
    pub(in crate::stream) fn next_end(&self) -> Option<u64> {
        match &self.sender {
            Sender::Outgoing(sender) => sender.next_end(),
            Sender::Newest(sender) => sender.next_end(),
        }
    }

    pub(in crate::stream) const fn on_end_sent(&mut self) {
        self.end().on_sent();
    }

    pub(in crate::stream) fn on_end_acked(&mut self) {
        self.end().on_acked();
    }

    pub(in crate::stream) const fn on_end_lost(&mut self) {
        self.end().on_lost();
    }

    /// Whether CHANNEL_STOP is to be sent.
    pub(in crate::stream) fn next_stop(&self) -> bool {
        self.stop == Stop::Due && !self.is_received()
    }

    pub(in crate::stream) fn on_stop_sent(&mut self) {
        if self.stop == Stop::Due {
            self.stop = Stop::Sent;
        }
    }

    pub(in crate::stream) fn on_stop_lost(&mut self) {
        if self.stop == Stop::Sent {
            self.stop = Stop::Due;
        }
    }

    /// Whether MAX_CHANNEL_DATA is to be sent.
    pub(in crate::stream) fn wants_limit(&self) -> bool {
        match &self.receiver {
            Receiver::Incoming(receiver) => receiver.wants_limit(),
            _ => self.is_announcement_due,
        }
    }

    /// What `advertise` would give.
    pub(in crate::stream) fn next_limit(&self) -> u64 {
        match &self.receiver {
            Receiver::Incoming(receiver) => receiver.next_limit(),
            _ => 0,
        }
    }

    /// The limit that goes into the MAX_CHANNEL_DATA being sent.
    pub(in crate::stream) fn advertise(&mut self) -> u64 {
        self.is_announcement_due = false;
        match &mut self.receiver {
            Receiver::Incoming(receiver) => receiver.credit().advertise(),
            _ => 0,
        }
    }

    /// Tell the peer all that it can have: it asked.
    pub(in crate::stream) const fn ask_limit(&mut self) {
        match &mut self.receiver {
            Receiver::Incoming(receiver) => receiver.credit().ask(),
            _ => self.is_announcement_due = true,
        }
    }

    /// Tell the peer the limit in any case: the channel was opened, or the last one was lost.
    pub(in crate::stream) const fn repeat_limit(&mut self) {
        match &mut self.receiver {
            Receiver::Incoming(receiver) => receiver.credit().repeat(),
            _ => self.is_announcement_due = true,
        }
    }

    /// A round trip is over: the window grows with what was read in it, up to `max`.
    pub(in crate::stream) fn on_round(&mut self, max: u64) {
        if let Receiver::Incoming(receiver) = &mut self.receiver
            && self.id != ChannelId::URGENT
        {
            receiver.credit().on_round(max);
        }
    }

    /// MESSAGE came; returns whether there is more to read.
    pub(in crate::stream) fn on_message(
        &mut self,
        frame: &MessageFrame<'_>,
        conn: &mut RecvCredit,
        budget: &mut Budget,
    ) -> Result<bool, Refusal> {
        // Before the frame is taken: its number is expanded with what was seen until now.
        let number = self.expand(frame.number);
        let news = self.receive(frame, conn, budget)?;
        match &mut self.repairs {
            Some(repairs) if frame.part.is_none() && frame.key.is_none() => {
                repairs.on_message(number, frame.data);
                Ok(self.recover(conn, budget)? || news)
            }
            _ => Ok(news),
        }
    }

    /// PARITY came; returns whether there is more to read.
    pub(in crate::stream) fn on_parity(
        &mut self,
        frame: &ParityFrame<'_>,
        conn: &mut RecvCredit,
        budget: &mut Budget,
    ) -> Result<bool, Refusal> {
        let number = self.expand(frame.number);
        let repairs = self.repairs.get_or_insert_default();
        repairs.on_parity(number, frame.others, frame.size, frame.data);
        self.recover(conn, budget)
    }

    /// SKIP came; returns whether there is more to read.
    pub(in crate::stream) fn on_skip(
        &mut self,
        skip: &Skip,
        conn: &mut RecvCredit,
    ) -> Result<bool, Refusal> {
        match &mut self.receiver {
            Receiver::Incoming(receiver) => receiver.on_skip(skip, conn),
            _ => Err(Violation::StreamState.into()),
        }
    }

    /// CHANNEL_END came; returns whether that is what the reader waits for.
    pub(in crate::stream) fn on_end(
        &mut self,
        end: u64,
        budget: &mut Budget,
    ) -> Result<bool, Refusal> {
        match &mut self.receiver {
            Receiver::Incoming(receiver) => receiver.on_end(end),
            Receiver::Volatile(receiver) => receiver.on_end(end, budget),
            Receiver::Freshest(receiver) => receiver.on_end(end, budget),
        }
    }

    /// Moves the next message to `buf`.
    pub(in crate::stream) fn recv(
        &mut self,
        buf: &mut [u8],
        conn: &mut RecvCredit,
        budget: &mut Budget,
    ) -> Result<Message, RecvError> {
        match &mut self.receiver {
            Receiver::Incoming(receiver) => receiver.recv(buf, conn),
            Receiver::Volatile(receiver) => receiver.recv(buf, budget),
            Receiver::Freshest(receiver) => receiver.recv(buf, budget),
        }
    }

    /// Gives the next message, in the allocation in which it was put together.
    pub(in crate::stream) fn recv_vec(
        &mut self,
        conn: &mut RecvCredit,
        budget: &mut Budget,
    ) -> Result<(Message, Vec<u8>), RecvError> {
        match &mut self.receiver {
            Receiver::Incoming(receiver) => receiver.recv_vec(conn),
            Receiver::Volatile(receiver) => receiver.recv_vec(budget),
            Receiver::Freshest(receiver) => receiver.recv_vec(budget),
        }
    }

    /// Copies what fits of the next message to `buf`.
    pub(in crate::stream) fn peek(&self, buf: &mut [u8]) -> Result<Message, RecvError> {
        match &self.receiver {
            Receiver::Incoming(receiver) => receiver.peek(buf),
            Receiver::Volatile(receiver) => receiver.peek(buf),
            Receiver::Freshest(receiver) => receiver.peek(buf),
        }
    }

    /// The application wants nothing more; with `tell` the peer is asked to stop.
    pub(in crate::stream) fn discard(
        &mut self,
        tell: bool,
        conn: &mut RecvCredit,
        budget: &mut Budget,
    ) {
        match &mut self.receiver {
            Receiver::Incoming(receiver) => receiver.discard(conn),
            Receiver::Volatile(receiver) => receiver.discard(budget),
            Receiver::Freshest(receiver) => receiver.discard(budget),
        }
        self.repairs = None;
        if tell && self.stop == Stop::Unwanted {
            self.stop = Stop::Due;
        }
    }

    /// Whether nothing is owed to the peer: all is acknowledged or given up, and it knows. Of an
    /// Unreliable channel: all is sent.
    pub(in crate::stream) fn is_settled(&self) -> bool {
        match &self.sender {
            Sender::Outgoing(sender) => sender.is_settled(),
            Sender::Newest(sender) => sender.is_settled(),
        }
    }

    /// Whether both halves are, so that it can be forgotten.
    pub(in crate::stream) fn is_over(&self) -> bool {
        let is_sent = match &self.sender {
            Sender::Outgoing(sender) => sender.is_over(),
            Sender::Newest(sender) => sender.is_over(),
        };
        is_sent && self.is_received()
    }

    /// Whether neither a message nor a gap waits to be read.
    #[cfg(test)]
    pub(in crate::stream) fn is_empty(&self) -> bool {
        match &self.receiver {
            Receiver::Incoming(receiver) => receiver.is_empty(),
            Receiver::Volatile(receiver) => receiver.is_empty(),
            Receiver::Freshest(receiver) => receiver.is_empty(),
        }
    }

    pub(in crate::stream) fn stats(&self) -> ChannelStats {
        let mut stats = match &self.sender {
            Sender::Outgoing(sender) => *sender.stats(),
            Sender::Newest(sender) => *sender.stats(),
        };
        stats += match &self.receiver {
            Receiver::Incoming(receiver) => *receiver.stats(),
            Receiver::Volatile(receiver) => receiver.arrivals().stats,
            Receiver::Freshest(receiver) => receiver.arrivals().stats,
        };
        stats.repairs_used = self.repairs_used;
        stats
    }

    /// What was used of its credit; nothing where there is none.
    pub(in crate::stream) const fn credit(&self) -> CreditUse {
        let sent = match &self.sender {
            Sender::Outgoing(sender) => sender.credit_used(),
            Sender::Newest(_) => 0,
        };
        let (received, returned) = match &self.receiver {
            Receiver::Incoming(receiver) => receiver.credit_used_and_taken(),
            Receiver::Volatile(_) | Receiver::Freshest(_) => (0, 0),
        };
        CreditUse { sent, received, returned }
    }

    /// Bytes allocated beside the channel itself.
    pub(in crate::stream) fn memory(&self) -> usize {
        let sender = match &self.sender {
            Sender::Outgoing(sender) => sender.memory(),
            Sender::Newest(sender) => sender.memory(),
        };
        let receiver = match &self.receiver {
            Receiver::Incoming(receiver) => receiver.memory(),
            Receiver::Volatile(receiver) => receiver.memory(),
            Receiver::Freshest(receiver) => receiver.memory(),
        };
        sender + receiver + self.repairs.as_ref().map_or(0, |repairs| repairs.memory())
    }

    const fn end(&mut self) -> &mut End {
        match &mut self.sender {
            Sender::Outgoing(sender) => sender.end(),
            Sender::Newest(sender) => sender.end(),
        }
    }

    /// Whether the peer has ended its half and all of it was read.
    fn is_received(&self) -> bool {
        match &self.receiver {
            Receiver::Incoming(receiver) => receiver.is_over(),
            Receiver::Volatile(receiver) => receiver.is_over(),
            Receiver::Freshest(receiver) => receiver.is_over(),
        }
    }

    fn expand(&self, number: MessageNumber) -> u64 {
        match &self.receiver {
            Receiver::Incoming(receiver) => receiver.horizon().expand(number),
            Receiver::Volatile(receiver) => receiver.arrivals().horizon.expand(number),
            Receiver::Freshest(receiver) => receiver.arrivals().horizon.expand(number),
        }
    }

    fn is_known(&self, number: u64) -> bool {
        match &self.receiver {
            Receiver::Incoming(receiver) => receiver.is_known(number),
            Receiver::Volatile(receiver) => receiver.is_known(number),
            Receiver::Freshest(receiver) => receiver.is_known(None, number),
        }
    }

    fn receive(
        &mut self,
        frame: &MessageFrame<'_>,
        conn: &mut RecvCredit,
        budget: &mut Budget,
    ) -> Result<bool, Refusal> {
        match &mut self.receiver {
            Receiver::Incoming(receiver) => receiver.on_message(frame, conn),
            Receiver::Volatile(receiver) => receiver.on_message(frame, budget),
            Receiver::Freshest(receiver) => receiver.on_message(frame, budget),
        }
    }

    /// Takes what can be made from parities as if it had come; each of them makes one message at most.
    fn recover(&mut self, conn: &mut RecvCredit, budget: &mut Budget) -> Result<bool, Refusal> {
        let mut news = false;
        while let Some((number, data)) = self.repairs.as_mut().and_then(|repairs| repairs.next()) {
            if !self.is_known(number) {
                let wire = MessageNumber::new(number);
                let frame =
                    MessageFrame { id: self.id, number: wire, part: None, key: None, data: &data };
                match self.receive(&frame, conn, budget) {
                    Ok(more) => news |= more,
                    // It comes again as itself.
                    Err(Refusal::Full) => continue,
                    Err(violation) => return Err(violation),
                }
                self.repairs_used += 1;
            }
            if let Some(repairs) = &mut self.repairs {
                repairs.on_message(number, &data);
            }
        }
        Ok(news)
    }
}

#[cfg(test)]
mod tests;
