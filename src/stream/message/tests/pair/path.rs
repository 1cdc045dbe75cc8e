//! A sender, a receiver and what is between them.

use super::Op;
use crate::stream::budget::Budget;
use crate::stream::credit::{RecvCredit, SendCredit};
use crate::stream::message::channel::{Receiver, Sender};
use crate::stream::message::*;
use crate::stream::schedule::Which;
use crate::wire::{ChannelId, MessageFrame, MessageNumber, Mode, ParityFrame, Part, Skip};
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};

/// The largest message: a few parts of a packet.
pub(super) const MAX_MESSAGE: u64 = 300;
/// The longest whole message.
const WHOLE: usize = 60;
/// Twice the largest message, which is the least that is allowed.
const WINDOW: u64 = 2 * (MAX_MESSAGE + MESSAGE_COST);

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) id: ChannelId,
    pub(super) outbound: Outbound,
    pub(super) send_buffer: u64,
    pub(super) max_partial: u64,
}

/// What a packet carries.
#[derive(Clone, Debug)]
enum Content {
    Message { due: Due, copy: u32, data: Vec<u8> },
    Parity { number: u64, others: u8, size: u16, data: Vec<u8> },
    Skip(Skip),
    End(u64),
}

#[derive(Debug)]
pub(super) struct Path {
    pub(super) sender: Channel,
    pub(super) receiver: Channel,
    pub(super) send_budget: Budget,
    pub(super) recv_budget: Budget,
    send_credit: SendCredit,
    recv_credit: RecvCredit,
    settings: Settings,
    /// Sent, and neither delivered nor lost.
    flying: Vec<Content>,
    /// Delivered, and not acknowledged.
    delivered_packets: Vec<Content>,
    /// Taken for lost, but they may arrive, or have arrived.
    late: Vec<(Content, bool)>,
    /// Copies that the network made.
    repeated: Vec<Content>,
    /// STOP is on its way.
    is_stopping: bool,
    /// Numbers that asked for a receipt, and got one.
    pub(super) wanted: BTreeSet<u64>,
    pub(super) receipts: BTreeMap<u64, Outcome>,
    pub(super) cancelled: BTreeSet<u64>,
    /// The newest number of each key.
    pub(super) newest: BTreeMap<Option<u64>, u64>,
    /// What the application read.
    pub(super) delivered: Vec<u64>,
    pub(super) last_read: BTreeMap<Option<u64>, u64>,
    pub(super) gaps: u64,
    /// What came in one piece while somebody read.
    pub(super) arrived: BTreeSet<u64>,
    pub(super) is_discarded: bool,
}

/// The bytes of a message.
fn content(number: u64, len: u32) -> Vec<u8> {
    (0..len).map(|i| (number * 31 + u64::from(i) * 7 + u64::from(i / 250)) as u8).collect()
}

impl Path {
    pub(super) fn new(settings: Settings) -> Self {
        let setup = Setup {
            send_limit: WINDOW,
            peer_max_message: MAX_MESSAGE,
            peer_max_partial: settings.max_partial,
            recv_window: WINDOW,
            max_message: MAX_MESSAGE,
            max_partial: settings.max_partial,
            outbound: settings.outbound,
            whole: WHOLE,
        };
        Self {
            sender: Channel::new(settings.id, &setup),
            receiver: Channel::new(settings.id, &setup),
            send_budget: Budget::new(settings.send_buffer, settings.send_buffer),
            recv_budget: Budget::new(1 << 16, 1 << 20),
            send_credit: SendCredit::new(WINDOW),
            recv_credit: RecvCredit::new(WINDOW, 1),
            settings,
            flying: Vec::new(),
            delivered_packets: Vec::new(),
            late: Vec::new(),
            repeated: Vec::new(),
            is_stopping: false,
            wanted: BTreeSet::new(),
            receipts: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            newest: BTreeMap::new(),
            delivered: Vec::new(),
            last_read: BTreeMap::new(),
            gaps: 0,
            arrived: BTreeSet::new(),
            is_discarded: false,
        }
    }

    pub(super) fn sender_mode(&self) -> Mode {
        self.settings.id.mode()
    }

    /// What the sender used of the channel's credit; what the receiver saw of it and gave back.
    pub(super) fn credits(&self) -> (u64, (u64, u64)) {
        match (&self.sender.sender, &self.receiver.receiver) {
            (Sender::Outgoing(s), Receiver::Incoming(r)) => {
                assert_eq!(r.partials(), 0);
                (s.credit_used(), r.credit_used_and_taken())
            }
            _ => (0, (0, 0)),
        }
    }

    /// The same of the connection's.
    pub(super) fn conn_credits(&self) -> (u64, (u64, u64)) {
        (self.send_credit.used(), (self.recv_credit.used(), self.recv_credit.taken()))
    }

    pub(super) fn apply(&mut self, op: &Op) {
        match *op {
            Op::Accept { len, retransmits, key } => self.accept(len, retransmits, key),
            Op::Write { which, max, mask } => {
                self.write(which, max, mask);
            }
            Op::WriteControl => {
                self.write_control();
            }
            Op::Deliver { at, is_kept } => self.deliver(at, is_kept),
            Op::Ack(at) => {
                if let Some(content) = take(&mut self.delivered_packets, at) {
                    self.on_acked(content);
                } else if let Some((content, is_delivered)) = take(&mut self.late, at) {
                    // What was taken for lost is acknowledged after all.
                    if is_delivered {
                        self.on_acked(content);
                    }
                }
            }
            Op::Lose { at, is_late } => {
                if let Some(content) = take(&mut self.flying, at) {
                    self.on_lost(&content);
                    if is_late {
                        self.late.push((content, false));
                    }
                }
            }
            Op::LoseDelivered(at) => {
                if let Some(content) = take(&mut self.delivered_packets, at) {
                    self.on_lost(&content);
                    self.late.push((content, true));
                }
            }
            Op::Read(n) => (0..n).for_each(|_| self.read()),
            Op::Limits => self.limits(),
            Op::Abandon { at, which } => self.abandon(at, which),
            Op::Requeue(max) => {
                self.sender.requeue_newest(max);
            }
            Op::Finish => self.sender.finish(),
            Op::Discard => {
                self.receiver.discard(true, &mut self.recv_credit, &mut self.recv_budget);
                self.is_discarded = true;
                self.arrived.clear();
            }
        }
        self.check_running();
    }

    /// The network gets well, and the reader reads: until nothing is left to do.
    pub(super) fn settle(&mut self) {
        self.sender.finish();
        self.receiver.finish();
        for round in 0.. {
            assert!(round < 10_000, "no end: {self:?}");
            let mut is_idle = true;
            while self.write_control()
                || self.write(Which::Lost, 70, 0)
                || self.write(Which::New, 70, 0)
            {
                is_idle = false;
            }
            while let Some(content) = self.flying.pop() {
                self.receive(&content);
                self.on_acked(content);
                is_idle = false;
            }
            while let Some(content) = self.delivered_packets.pop() {
                self.on_acked(content);
                is_idle = false;
            }
            while !self.receiver.is_empty() {
                self.read();
                is_idle = false;
            }
            let (credit, wants) = (self.send_credit.available(), self.sender.wants());
            self.receiver.repeat_limit();
            self.limits();
            is_idle &= (credit, wants) == (self.send_credit.available(), self.sender.wants());
            if is_idle {
                break;
            }
        }
        // The other direction has nothing but its end.
        let end = self.receiver.next_end().expect("the other half's end");
        self.receiver.on_end_sent();
        self.sender.on_end(end, &mut self.recv_budget).expect("an end");
        self.receiver.on_end_acked();
    }

    fn accept(&mut self, len: u32, retransmits: Option<u32>, key: Option<u64>) {
        let mode = self.sender_mode();
        let terms = Terms {
            max_retransmits: retransmits.filter(|_| mode.is_reliable()),
            key: key.filter(|_| mode == Mode::Latest),
            wants_receipt: len.is_multiple_of(2),
        };
        let number = self.sender.stats().accepted;
        let room = self.send_budget.room(self.sender.held(), self.sender.waiting());
        let mut out = Settlement::default();
        let result = self.sender.accept(&content(number, len), terms, room, &mut out);
        if result.is_ok() {
            assert_eq!(result, Ok(number), "numbers have no holes");
            self.send_budget.hold(cost(len.into()));
            self.newest.insert(terms.key, number);
            if terms.wants_receipt {
                self.wanted.insert(number);
            }
        }
        self.on_settled(out);
    }

    /// Writes a packet with what is to be sent again, or is new, and what goes beside it.
    fn write(&mut self, which: Which, max: u32, mask: u8) -> bool {
        if which == Which::New {
            let fresh = self.sender.wants().fresh;
            assert_eq!(fresh.is_some(), self.sender.next(which).is_some());
            if fresh.is_none_or(|credit| credit > self.send_credit.available()) {
                return false;
            }
        }
        let Some(mut due) = self.sender.next(which) else { return false };
        if !due.is_whole {
            due.range.end = due.range.end.min(due.range.start + max);
        }
        let number = due.number;
        self.send(due);
        if which == Which::New
            && self.sender.next(Which::New).is_none_or(|next| next.number != number)
        {
            match self.sender.repairs(number, mask, 70) {
                None => {}
                Some(Repair::Copy(due)) => self.send(due),
                Some(Repair::Parity { number, others, size, data }) => {
                    self.sender.on_parity_sent();
                    self.flying.push(Content::Parity { number, others, size, data });
                }
            }
        }
        true
    }

    fn send(&mut self, due: Due) {
        assert!(self.sender.is_pending(due.number, Unsettled::Any), "{due:?} was given up");
        let (front, back) = self.sender.slices(&due);
        let data = [front, back].concat();
        let bytes = content(due.number, due.total);
        assert_eq!(data, bytes[due.range.start as usize..due.range.end as usize]);
        let sent = self.sender.on_sent(&due);
        self.send_credit.take(sent.reserved);
        self.flying.push(Content::Message { due, copy: sent.copy, data });
    }

    fn write_control(&mut self) -> bool {
        if self.receiver.next_stop() {
            self.receiver.on_stop_sent();
            self.is_stopping = true;
        }
        if let Some(skip) = self.sender.next_skip() {
            self.sender.on_skip_sent(skip.first, skip.count);
            self.flying.push(Content::Skip(skip));
            return true;
        }
        if let Some(end) = self.sender.next_end() {
            self.sender.on_end_sent();
            self.flying.push(Content::End(end));
            return true;
        }
        if std::mem::take(&mut self.is_stopping) {
            let mut out = Settlement::default();
            self.sender.on_stop(&mut out);
            self.on_settled(out);
            return true;
        }
        false
    }

    fn deliver(&mut self, at: Index, is_kept: bool) {
        let pools = self.flying.len() + self.late.len() + self.repeated.len();
        if pools == 0 {
            return;
        }
        let at = at.index(pools);
        if at < self.flying.len() {
            let content = self.flying.swap_remove(at);
            self.receive(&content);
            if is_kept {
                self.repeated.push(content.clone());
            }
            self.delivered_packets.push(content);
        } else if let Some((content, is_delivered)) = self.late.get_mut(at - self.flying.len()) {
            *is_delivered = true;
            let content = content.clone();
            self.receive(&content);
        } else {
            let content = self.repeated.swap_remove(at - self.flying.len() - self.late.len());
            self.receive(&content);
        }
    }

    fn receive(&mut self, content: &Content) {
        let id = self.settings.id;
        let was_empty = self.receiver.is_empty();
        let may_be_read = !self.is_discarded && !self.is_read_to_the_end();
        let (conn, budget) = (&mut self.recv_credit, &mut self.recv_budget);
        let news = match content {
            Content::Message { due, data, .. } => {
                let part = Part { offset: due.range.start.into(), total: due.total.into() };
                let part = (!due.is_whole).then_some(part);
                if part.is_none() && may_be_read {
                    self.arrived.insert(due.number);
                }
                let number = MessageNumber::new(due.number);
                let frame = MessageFrame { id, number, part, key: due.key, data };
                self.receiver.on_message(&frame, conn, budget)
            }
            Content::Parity { number, others, size, data } => {
                let (others, size, number) = (*others, *size, MessageNumber::new(*number));
                self.receiver.on_parity(
                    &ParityFrame { id, number, others, size, data },
                    conn,
                    budget,
                )
            }
            Content::Skip(skip) => self.receiver.on_skip(skip, conn),
            Content::End(end) => self.receiver.on_end(*end, budget),
        };
        let news = news.expect("an honest sender breaks no rule");
        assert!(news || !was_empty || self.receiver.is_empty(), "there is news: {content:?}");
    }

    /// Whether the reader of a channel without credit may know of its end.
    fn is_read_to_the_end(&self) -> bool {
        match &self.receiver.receiver {
            Receiver::Incoming(_) => false,
            Receiver::Volatile(receiver) => receiver.is_over(),
            Receiver::Freshest(receiver) => receiver.is_over(),
        }
    }

    fn on_acked(&mut self, content: Content) {
        let mut out = Settlement::default();
        match content {
            Content::Message { due, .. } => self.sender.on_acked(due.number, &due.range, &mut out),
            Content::Skip(skip) => self.sender.on_skip_acked(skip.first, skip.count),
            Content::End(_) => self.sender.on_end_acked(),
            Content::Parity { .. } => {}
        }
        self.on_settled(out);
    }

    fn on_lost(&mut self, content: &Content) {
        let mut out = Settlement::default();
        match content {
            Content::Message { due, copy, .. } => {
                self.sender.on_lost(due.number, &due.range, *copy, &mut out);
            }
            Content::Skip(skip) => self.sender.on_skip_lost(skip.first, skip.count),
            Content::End(_) => self.sender.on_end_lost(),
            Content::Parity { .. } => {}
        }
        self.on_settled(out);
    }

    fn abandon(&mut self, at: Index, which: Unsettled) {
        let accepted = self.sender.stats().accepted;
        if accepted == 0 {
            return;
        }
        let number = at.index(accepted as usize) as u64;
        let was_pending = self.sender.is_pending(number, which);
        let mut out = Settlement::default();
        let is_abandoned = self.sender.abandon(number, which, Why::Cancelled, &mut out);
        assert_eq!(is_abandoned, was_pending);
        if is_abandoned {
            self.cancelled.insert(number);
        }
        self.on_settled(out);
    }

    fn on_settled(&mut self, out: Settlement) {
        self.send_budget.release(out.freed);
        for (number, outcome) in out.receipts {
            assert!(self.receipts.insert(number, outcome).is_none(), "{number} was told before");
        }
    }

    fn limits(&mut self) {
        self.send_credit.raise(self.recv_credit.advertise());
        if self.receiver.wants_limit() {
            self.sender.raise_limit(self.receiver.advertise());
        }
    }

    fn read(&mut self) {
        let mut peeked = vec![0; MAX_MESSAGE as usize];
        let peek = self.receiver.peek(&mut peeked);
        let (conn, budget) = (&mut self.recv_credit, &mut self.recv_budget);
        if let Ok(message) = peek
            && message.len > 0
        {
            let short = self.receiver.recv(&mut vec![0; message.len - 1], conn, budget);
            assert_eq!(short, Err(RecvError::Short { len: message.len }));
        }
        let mut buf = vec![0; MAX_MESSAGE as usize];
        let result = self.receiver.recv(&mut buf, conn, budget);
        assert_eq!((result, &buf), (peek, &peeked));
        match result {
            Ok(Message { number, key, len }) => {
                assert_eq!(buf[..len], content(number, len as u32), "{number}");
                assert!(!self.delivered.contains(&number), "{number} twice");
                match self.sender_mode() {
                    Mode::Ordered => assert_eq!(number, self.delivered.len() as u64 + self.gaps),
                    Mode::Latest => {
                        assert!(self.last_read.get(&key).is_none_or(|last| *last < number));
                    }
                    _ => {}
                }
                self.delivered.push(number);
                self.last_read.insert(key, number);
            }
            Err(RecvError::Gap { count }) => self.gaps += count,
            Err(RecvError::Blocked | RecvError::Finished) => assert!(self.receiver.is_empty()),
            Err(error) => panic!("{error}"),
        }
    }

    /// What holds at every moment.
    fn check_running(&self) {
        let stats = self.sender.stats();
        assert_eq!(self.send_budget.held, self.sender.held());
        assert!(self.sender.waiting() <= self.sender.held());
        let settled = stats.acknowledged + stats.abandoned.total();
        assert_eq!(settled + stats.queued + stats.outstanding, stats.accepted);
        assert_eq!(stats.queued == 0, self.sender.waiting() == 0);
        assert!(self.sender.watermark() <= stats.accepted);
        assert!(!self.sender.is_pending(self.sender.watermark().wrapping_sub(1), Unsettled::Any));
    }
}

fn take<T>(pool: &mut Vec<T>, at: Index) -> Option<T> {
    if pool.is_empty() { None } else { Some(pool.swap_remove(at.index(pool.len()))) }
}
