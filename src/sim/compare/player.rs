//! The application on one end: it sends what the workload says, answers what is asked, and notes
//! what comes.

use super::contender::{End, Message, Packet, Packets, Piece, Place, Probe, peer_of};
use super::content;
use super::workload::{Offer, Traffic, Workload};
use crate::sim::{Host, Outbox};
use crate::time::{Duration, Instant};
use crate::wire::{Ecn, Side};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A greedy application sees to it that so many bytes always wait to be sent.
const FEED: usize = 64 * 1024;

/// A message that was handed to the end.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Offered {
    pub(in crate::sim) at: Instant,
    pub(in crate::sim) lane: u16,
    pub(in crate::sim) number: u32,
    pub(in crate::sim) bytes: u32,
    pub(in crate::sim) place: Place,
}

/// A message that the end gave out; without a name if its bytes are wrong.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) struct Given {
    pub(in crate::sim) at: Instant,
    pub(in crate::sim) name: Option<(u16, u32)>,
}

/// A datagram that the end sent.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Sent {
    pub(in crate::sim) bytes: u64,
    pub(in crate::sim) carries: Vec<Piece>,
}

/// What happened on one host since somebody last looked.
#[derive(Debug, Default)]
pub(in crate::sim) struct Journal {
    pub(in crate::sim) offered: Vec<Offered>,
    pub(in crate::sim) given: Vec<Given>,
    pub(in crate::sim) sent: Vec<Sent>,
}

/// A client's exchange: which request waits for its answer, and until when.
#[derive(Clone, Copy, Debug)]
struct Asking {
    number: u32,
    until: Instant,
    pause: Duration,
    patience: Duration,
    request: u32,
}

/// An end and the application on top of it.
pub(in crate::sim) struct Player {
    end: Box<dyn End>,
    side: Side,
    /// The application asks nothing new from here on.
    stop: Instant,
    start: Instant,
    /// What is to be sent: when, lane, number; and how large.
    due: BTreeMap<(Instant, u16, u32), u32>,
    asking: BTreeMap<u16, Asking>,
    /// The size of the answers, by lane.
    answers: BTreeMap<u16, u32>,
    /// Who sends as much as it can: lane, next number, size.
    greedy: Vec<(u16, u32, u32)>,
    packets: Packets,
    journal: Journal,
    given: u64,
    offered: u64,
}

impl Player {
    pub(in crate::sim) fn new(
        end: Box<dyn End>,
        side: Side,
        workload: &Workload,
        seed: u64,
        start: Instant,
    ) -> Self {
        let due = workload.schedule(side, seed).into_iter();
        let due = due.map(|Offer { at, lane, number, bytes }| ((start + at, lane, number), bytes));
        let (mut asking, mut answers) = (BTreeMap::new(), BTreeMap::new());
        let mut greedy = Vec::new();
        for (lane, description) in (0..).zip(&workload.lanes) {
            let (request, response, pause, patience) = match description.traffic {
                Traffic::Exchange { request, response, pause, patience } => {
                    (request, response, pause, patience)
                }
                Traffic::Greedy { from, chunk } if from.include(side) => {
                    greedy.push((lane, 0, chunk));
                    continue;
                }
                _ => continue,
            };
            if side == Side::Client {
                let until = start + patience;
                asking.insert(lane, Asking { number: 0, until, pause, patience, request });
            } else {
                answers.insert(lane, response);
            }
        }
        Self {
            end,
            side,
            stop: start + workload.duration,
            start,
            due: due.collect(),
            asking,
            answers,
            greedy,
            packets: Packets::default(),
            journal: Journal::default(),
            given: 0,
            offered: 0,
        }
    }

    /// What happened since the last call.
    pub(in crate::sim) fn take_journal(&mut self) -> Journal {
        std::mem::take(&mut self.journal)
    }

    /// Messages that were sent here so far, if no more will be; `None` while more may come.
    pub(in crate::sim) fn final_offered(&self, now: Instant) -> Option<u64> {
        let asks_more = !self.asking.is_empty() || !self.greedy.is_empty();
        let is_over = self.due.is_empty() && (!asks_more || now >= self.stop);
        is_over.then_some(self.offered)
    }

    /// Messages that arrived here.
    pub(in crate::sim) fn given(&self) -> u64 {
        self.given
    }

    pub(in crate::sim) fn faults(&self) -> Vec<String> {
        self.end.faults()
    }

    /// Hands over what is due; returns whether anything was.
    fn offer(&mut self, now: Instant) -> bool {
        let before = self.offered;
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((_, lane, number), bytes) = entry.remove_entry();
            self.hand_over(now, lane, number, bytes);
        }
        self.offered > before
    }

    /// Keeps every greedy lane's end supplied; returns whether anything was handed over.
    fn feed(&mut self, now: Instant) -> bool {
        let before = self.offered;
        if now < self.start || now >= self.stop {
            return false;
        }
        for place in 0..self.greedy.len() {
            while let Some((lane, number, chunk)) = self.greedy.get(place).copied()
                && self.end.backlog() < FEED
            {
                self.hand_over(now, lane, number, chunk);
                self.greedy[place].1 += 1;
            }
        }
        self.offered > before
    }

    fn hand_over(&mut self, now: Instant, lane: u16, number: u32, bytes: u32) {
        let content = content::write(self.side, lane, number, bytes);
        let place = self.end.send(now, Message { lane, bytes: &content });
        self.journal.offered.push(Offered { at: now, lane, number, bytes, place });
        self.offered += 1;
    }

    /// What the end knows of its path.
    pub(in crate::sim) fn probe(&self) -> Option<Probe> {
        self.end.probe()
    }

    /// Asks the next thing where no answer has come for too long.
    fn lose_patience(&mut self, now: Instant) {
        let late = self.asking.iter().filter(|(_, asking)| asking.until <= now);
        let late: Vec<u16> = late.map(|(lane, _)| *lane).collect();
        for lane in late {
            self.ask_next(lane, now);
        }
    }

    fn ask_next(&mut self, lane: u16, at: Instant) {
        let Some(asking) = self.asking.get_mut(&lane) else { return };
        if at >= self.stop {
            self.asking.remove(&lane);
            return;
        }
        asking.number += 1;
        asking.until = at + asking.patience;
        self.due.insert((at, lane, asking.number), asking.request);
    }

    fn take(&mut self, now: Instant, message: &[u8]) {
        let name = content::read(self.side.peer(), message);
        self.journal.given.push(Given { at: now, name });
        let Some((lane, number)) = name else { return };
        self.given += 1;
        if let Some(bytes) = self.answers.get(&lane) {
            self.due.insert((now, lane, number), *bytes);
        }
        if let Some(asking) = self.asking.get(&lane).filter(|asking| asking.number == number) {
            self.ask_next(lane, now + asking.pause);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let due = self.due.first_key_value().map(|((at, ..), _)| *at);
        let begins = Some(self.start).filter(|_| !self.greedy.is_empty() && self.offered == 0);
        let asking = self.asking.values().map(|asking| asking.until);
        due.into_iter().chain(asking).chain(begins).min()
    }
}

impl Host for Player {
    fn handle(&mut self, now: Instant, from: SocketAddr, _: SocketAddr, _: Ecn, data: &mut [u8]) {
        self.end.handle_from(now, from, data);
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        loop {
            self.lose_patience(now);
            let mut did = self.offer(now) | self.feed(now);
            let deadline = self.end.poll(now, &mut self.packets);
            for Packet { to, datagram, carries } in self.packets.0.drain(..) {
                out.send(to.unwrap_or(peer_of(self.side)), Ecn::NotEct, &datagram);
                self.journal.sent.push(Sent { bytes: datagram.len() as u64, carries });
            }
            while let Some(message) = self.end.recv() {
                self.take(now, &message);
                did = true;
            }
            if !did {
                return [deadline, self.deadline()].into_iter().flatten().min();
            }
        }
    }
}
