//! What became of every message and packet: joins what the two applications noted with what the
//! network saw.

use super::contender::{Piece, Place, Role};
use super::parity::Parities;
use super::player::{Given, Journal, Offered, Sent};
use super::record::{Flight, MessageRecord, PacketRecord, Record, Wire};
use crate::ranges::RangeSet;
use crate::sim::{Happening, Logged};
use crate::time::Instant;
use crate::wire::Side;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::{Bound, Range};

/// How far a message has got.
#[derive(Debug)]
struct Progress {
    range: Range<u64>,
    /// What was put into a packet at least once ...
    sent: RangeSet,
    /// ... and what arrived at least once.
    arrived: RangeSet,
}

/// A packet between the hosts.
#[derive(Debug)]
struct Flying {
    from: Side,
    carries: Vec<Piece>,
    /// Its place among the packets that are kept, if it is.
    kept: Option<usize>,
}

/// The books of one run.
#[derive(Debug)]
pub(in crate::sim) struct Ledger {
    measured_from: Instant,
    /// Packets sent in this stretch are kept one by one.
    watch: Range<Instant>,
    header_bytes: u64,
    messages: Vec<MessageRecord>,
    /// Of the message with the same index.
    progress: Vec<Progress>,
    /// By sender, space and start.
    places: BTreeMap<(u8, u64, u64), usize>,
    /// By sender, lane and number.
    names: BTreeMap<(u8, u16, u32), usize>,
    /// What each side has sent and the log has not told of yet.
    unlogged: [VecDeque<Sent>; 2],
    flying: BTreeMap<u64, Flying>,
    /// What has arrived of each sender's lane and is of use once more is there.
    parities: BTreeMap<(u8, u16), Parities>,
    packets: Vec<PacketRecord>,
    packets_before: [u64; 2],
    wire: Wire,
    duplicates: u64,
    corrupt: u64,
}

impl Ledger {
    pub(in crate::sim) fn new(
        measured_from: Instant,
        watch: Range<Instant>,
        header_bytes: u64,
    ) -> Self {
        Self {
            measured_from,
            watch,
            header_bytes,
            messages: Vec::new(),
            progress: Vec::new(),
            places: BTreeMap::new(),
            names: BTreeMap::new(),
            unlogged: [VecDeque::new(), VecDeque::new()],
            flying: BTreeMap::new(),
            parities: BTreeMap::new(),
            packets: Vec::new(),
            packets_before: [0; 2],
            wire: Wire::default(),
            duplicates: 0,
            corrupt: 0,
        }
    }

    /// Enters what happened on the client's host, on the server's, and to the packets that each sent; returns
    /// how many bytes of messages the applications got, each message counted once.
    pub(in crate::sim) fn enter(
        &mut self,
        journals: [Journal; 2],
        log: impl IntoIterator<Item = (Side, Logged)>,
    ) -> u64 {
        let mut given = Vec::new();
        for (side, journal) in [Side::Client, Side::Server].into_iter().zip(journals) {
            for offered in journal.offered {
                self.on_offered(side, offered);
            }
            self.unlogged[side as usize].extend(journal.sent);
            given.extend(journal.given.into_iter().map(|given| (side.peer(), given)));
        }
        for (from, event) in log {
            self.on_event(from, &event);
        }
        given.into_iter().map(|(from, given)| self.on_given(from, given)).sum()
    }

    /// Closes the books.
    pub(in crate::sim) fn close(self, start: Instant, end: Instant, faults: Vec<String>) -> Record {
        Record {
            start,
            measured_from: self.measured_from,
            end,
            messages: self.messages,
            wire: self.wire,
            duplicates: self.duplicates,
            corrupt: self.corrupt,
            packets: self.packets,
            packets_before: self.packets_before,
            faults,
        }
    }

    fn on_offered(&mut self, from: Side, offered: Offered) {
        let Offered { at, lane, number, bytes, place } = offered;
        let index = self.messages.len();
        self.places.insert((from as u8, place.space, place.range.start), index);
        self.names.insert((from as u8, lane, number), index);
        self.messages.push(MessageRecord {
            from,
            lane,
            number,
            bytes,
            offered_at: at,
            sent_at: None,
            complete_at: None,
            delivered_at: None,
        });
        let (sent, arrived) = (RangeSet::new(), RangeSet::new());
        self.progress.push(Progress { range: place.range, sent, arrived });
    }

    fn on_given(&mut self, from: Side, Given { at, name }: Given) -> u64 {
        let known = name.and_then(|(lane, number)| self.names.get(&(from as u8, lane, number)));
        let Some(message) = known.and_then(|index| self.messages.get_mut(*index)) else {
            self.corrupt += 1;
            return 0;
        };
        if message.delivered_at.is_some() {
            self.duplicates += 1;
            return 0;
        }
        message.delivered_at = Some(at);
        u64::from(message.bytes)
    }

    fn on_event(&mut self, from: Side, event: &Logged) {
        match event.happening {
            Happening::Sent => self.on_sent(event.at, event.packet, from),
            Happening::Delivered { is_damaged: true, .. } => {
                self.land(event.packet, Flight::Damaged(event.at));
            }
            Happening::Delivered { .. } => {
                self.land(event.packet, Flight::Arrived(event.at));
                if let Some(flying) = self.flying.remove(&event.packet) {
                    self.on_arrived(event.at, &flying);
                }
            }
            Happening::Dropped(_) | Happening::Unroutable => {
                self.land(event.packet, Flight::Lost);
                self.flying.remove(&event.packet);
            }
            Happening::Injected => {}
        }
    }

    fn land(&mut self, packet: u64, flight: Flight) {
        let kept = self.flying.get(&packet).and_then(|flying| flying.kept);
        if let Some(record) = kept.and_then(|kept| self.packets.get_mut(kept)) {
            record.flight = flight;
        }
    }

    fn on_sent(&mut self, at: Instant, packet: u64, from: Side) {
        let Some(Sent { bytes, carries }) = self.unlogged[from as usize].pop_front() else {
            return;
        };
        let wire_bytes = bytes + self.header_bytes;
        let mut wire = Wire { packets: 1, bytes: wire_bytes, ..Wire::default() };
        let (mut messages, mut beside, mut resent) = (Vec::new(), Vec::new(), Vec::new());
        let mut parity = None;
        for Piece { place, role } in &carries {
            if let Role::Parity(which) = *role {
                // Of all its members' bytes it has as many as the longest.
                if parity.replace(which) != Some(which) {
                    wire.repeated += place.range.end - place.range.start;
                }
                beside.extend(self.overlapping(from, place));
                continue;
            }
            let is_copy = *role == Role::Copy;
            for index in self.overlapping(from, place) {
                let Some(progress) = self.progress.get_mut(index) else { continue };
                let part = intersection(&place.range, &progress.range);
                let first = progress.sent.insert(part.clone());
                let again = part.end - part.start - first;
                wire.first += first;
                *(if is_copy { &mut wire.repeated } else { &mut wire.retransmitted }) += again;
                if is_copy { &mut beside } else { &mut messages }.push(index);
                resent.extend((!is_copy && again > 0).then_some(index));
                if let Some(message) = self.messages.get_mut(index) {
                    message.sent_at.get_or_insert(at);
                }
            }
        }
        if at >= self.measured_from {
            self.wire.add(&wire);
        }
        self.packets_before[from as usize] += u64::from(at < self.watch.start);
        let kept = self.watch.contains(&at).then_some(self.packets.len());
        if kept.is_some() {
            let again = resent;
            let flight = Flight::Flying;
            self.packets.push(PacketRecord {
                from,
                sent_at: at,
                wire_bytes,
                flight,
                messages,
                beside,
                again,
            });
        }
        self.flying.insert(packet, Flying { from, carries, kept });
    }

    fn on_arrived(&mut self, at: Instant, flying: &Flying) {
        let mut parities: BTreeMap<u8, BTreeSet<usize>> = BTreeMap::new();
        for Piece { place, role } in &flying.carries {
            for index in self.overlapping(flying.from, place) {
                if let Role::Parity(which) = role {
                    parities.entry(*which).or_default().insert(index);
                    continue;
                }
                let Some(progress) = self.progress.get_mut(index) else { continue };
                progress.arrived.insert(intersection(&place.range, &progress.range));
                let whole = progress.arrived.range_of(progress.range.start);
                if whole == Some(progress.range.clone()) {
                    self.complete(at, index);
                }
            }
        }
        for mut missing in parities.into_values() {
            let is_missing =
                |index: &usize| self.messages.get(*index).is_some_and(|m| m.complete_at.is_none());
            missing.retain(is_missing);
            let lane = missing.first().and_then(|index| self.messages.get(*index)).map(lane);
            let parities = lane.map(|lane| self.parities.entry(lane).or_default());
            if let Some(index) = parities.and_then(|parities| parities.on_arrived(missing)) {
                self.complete(at, index);
            }
        }
    }

    /// A message is there, and with it all that can be computed from it.
    fn complete(&mut self, at: Instant, index: usize) {
        let Some(message) = self.messages.get(index).filter(|m| m.complete_at.is_none()) else {
            return;
        };
        let parities = self.parities.get_mut(&lane(message));
        let others = parities.map(|parities| parities.on_complete(index)).unwrap_or_default();
        for index in std::iter::once(index).chain(others) {
            if let Some(message) = self.messages.get_mut(index) {
                message.complete_at.get_or_insert(at);
            }
        }
    }

    /// The messages of one side that have a part in this place, in order.
    fn overlapping(&self, from: Side, place: &Place) -> Vec<usize> {
        let key = |number| (from as u8, place.space, number);
        let before = self.places.range(key(0)..=key(place.range.start)).next_back();
        let before = before.map(|(_, index)| *index).filter(|index| {
            let range = self.progress.get(*index).map(|progress| &progress.range);
            range.is_some_and(|range| range.end > place.range.start)
        });
        let behind =
            (Bound::Excluded(key(place.range.start)), Bound::Excluded(key(place.range.end)));
        // An empty place would turn the bounds round.
        let behind = (!place.range.is_empty()).then(|| self.places.range(behind));
        before.into_iter().chain(behind.into_iter().flatten().map(|(_, index)| *index)).collect()
    }
}

const fn lane(message: &MessageRecord) -> (u8, u16) {
    (message.from as u8, message.lane)
}

fn intersection(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    a.start.max(b.start)..a.end.min(b.end)
}
