//! The time-sequence diagram: when bytes were sent, sent again, lost and delivered.

use super::axis::{Axis, Unit};
use super::chart::{Chart, Names, nothing};
use super::legend::{self, Entry, Sample};
use super::sheet::{Area, Layer, Place, Sheet};
use super::theme::Tone;
use super::thin;
use towline::sim::compare::{Flight, Record};
use towline::time::Instant;
use towline::wire::Side;

/// Marks of one kind, `(seconds, place in the data)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sequence {
    pub(super) sent: Vec<Place>,
    pub(super) again: Vec<Place>,
    pub(super) lost: Vec<Place>,
    /// When the application got it.
    pub(super) delivered: Vec<Place>,
    /// What the places count: bytes where messages are large, messages elsewhere.
    pub(super) counts_bytes: bool,
}

/// Marks of one kind in a picture at most.
const MOST: usize = 400;

impl Sequence {
    /// What one side sent in the stretch of a run whose packets were kept, times since `began`.
    pub(super) fn of(record: &Record, from: Side, began: Instant) -> Self {
        let seconds = |at: Instant| at.saturating_since(began).as_secs_f64();
        let own =
            |index: &usize| record.messages.get(*index).is_some_and(|message| message.from == from);
        let total: u64 = record.messages.iter().map(|message| u64::from(message.bytes)).sum();
        let counts_bytes = total / (record.messages.len() as u64).max(1) >= 4096;
        let places = places(record, from, counts_bytes);
        let mut sequence = Self { counts_bytes, ..Self::default() };
        let (mut first, mut last) = (Instant::MAX, Instant::ZERO);
        for packet in record.packets.iter().filter(|packet| packet.from == from) {
            (first, last) = (first.min(packet.sent_at), last.max(packet.sent_at));
            let is_lost = matches!(packet.flight, Flight::Lost | Flight::Damaged(_));
            for index in packet.messages.iter().filter(|index| own(index)) {
                let mark = (seconds(packet.sent_at), places[*index]);
                if packet.again.contains(index) {
                    sequence.again.push(mark);
                } else {
                    sequence.sent.push(mark);
                }
                if is_lost {
                    sequence.lost.push(mark);
                }
            }
        }
        for (index, message) in record.messages.iter().enumerate() {
            let Some(at) = message.delivered_at.filter(|_| message.from == from) else { continue };
            if (first..=last).contains(&at) {
                sequence.delivered.push((seconds(at), places[index]));
            }
        }
        sequence
    }

    fn all(&self) -> impl Iterator<Item = &Place> {
        [&self.sent, &self.again, &self.lost, &self.delivered].into_iter().flatten()
    }

    /// As much of it as can be told apart in a picture: from a little before the first loss on, or
    /// from the beginning where nothing was lost.
    pub(super) fn focused(&self) -> Self {
        let loss =
            self.lost.iter().map(|mark| mark.0).reduce(f64::min).unwrap_or(f64::NEG_INFINITY);
        let before = self.sent.iter().filter(|mark| mark.0 < loss).count();
        let first = before.saturating_sub(MOST / 4);
        let bounds = self.sent.get(first).zip(self.sent.get(first + MOST).or(self.sent.last()));
        let Some((from, until)) = bounds.map(|(from, until)| (from.0, until.0)) else {
            return self.clone();
        };
        // Up to the last one, what it led to is seen as well.
        let is_whole = first + MOST >= self.sent.len();
        let within = |marks: &Vec<Place>| {
            let is_within = |mark: &&Place| mark.0 >= from && (mark.0 <= until || is_whole);
            marks.iter().filter(is_within).copied().collect()
        };
        Self {
            sent: within(&self.sent),
            again: within(&self.again),
            lost: within(&self.lost),
            delivered: within(&self.delivered),
            counts_bytes: self.counts_bytes,
        }
    }

    /// Draws the diagram.
    pub(super) fn draw(&self, size: (f64, f64)) -> Sheet {
        let about = format!(
            "{} sendings, {} repetitions, {} losses and {} deliveries over time.",
            self.sent.len(),
            self.again.len(),
            self.lost.len(),
            self.delivered.len()
        );
        let mut sheet = Sheet::new(size, "Packet by packet", &about);
        let outer = Area { left: 0.0, top: 0.0, right: size.0, bottom: size.1 };
        let entries = [
            ("sent", Tone::Series(0), Sample::Dot),
            ("sent again", Tone::Wait, Sample::Ring),
            ("lost", Tone::Bad, Sample::Cross),
            ("delivered", Tone::Series(2), Sample::Dot),
        ];
        let entry = |(name, tone, sample): (&str, Tone, Sample)| Entry {
            name: name.to_owned(),
            tone,
            class: "mark".to_owned(),
            sample,
        };
        let top = legend::draw(&mut sheet, outer, &entries.map(entry));
        let range = |pick: fn(&Place) -> f64| {
            let ends = (f64::INFINITY, f64::NEG_INFINITY);
            self.all().map(pick).fold(ends, |(low, high), v| (low.min(v), high.max(v)))
        };
        let (begin, end) = range(|mark| mark.0);
        let (low, high) = range(|mark| mark.1);
        let edge = ((high - low) * 0.03).max(0.5);
        let name = if self.counts_bytes { "place in the data" } else { "message number" };
        let unit = if self.counts_bytes { Unit::Bytes } else { Unit::Plain };
        let x = Axis::between("time", Unit::Seconds, begin, end);
        let y = Axis::between(name, unit, (low - edge).max(0.0), high + edge);
        let chart = Chart::new((x, y), Vec::new(), Names::Elsewhere);
        let frame = chart.frame(&mut sheet, Area { top, ..outer }, 0);
        if self.all().next().is_none() {
            sheet.layer("none", None, |layer| nothing(layer, frame));
            return sheet;
        }
        let mut draw = |class: &str, marks: &[Place], mark: fn(&Layer<'_>, Place)| {
            sheet.layer(class, None, |layer| {
                for place in thin::every(marks, MOST).0 {
                    mark(layer, chart.place(place, frame));
                }
            });
        };
        draw("delivered", &self.delivered, |layer, at| layer.dot(Tone::Series(2), 1.5, at));
        draw("sent", &self.sent, |layer, at| layer.dot(Tone::Series(0), 1.5, at));
        draw("again", &self.again, |layer, at| layer.ring(Tone::Wait, 3.0, at));
        draw("lost", &self.lost, |layer, at| layer.cross(Tone::Bad, 3.0, at));
        sheet
    }
}

/// Of each message: how many of its sender's are before it, or how many of their bytes.
fn places(record: &Record, from: Side, counts_bytes: bool) -> Vec<f64> {
    let mut before = 0_u64;
    let place = |message: &towline::sim::compare::MessageRecord| {
        let place = before as f64;
        if message.from == from {
            before += if counts_bytes { u64::from(message.bytes) } else { 1 };
        }
        place
    };
    record.messages.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use towline::sim::compare::{MessageRecord, PacketRecord, Wire};
    use towline::time::Duration;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn record() -> Record {
        let message = |number: u32| MessageRecord {
            from: Side::Client,
            lane: 0,
            number,
            bytes: 100,
            offered_at: at(0),
            sent_at: Some(at(10)),
            complete_at: Some(at(30)),
            delivered_at: Some(at(30 + u64::from(number))),
        };
        let packet = |ms, flight, messages: &[usize], again: &[usize]| PacketRecord {
            from: Side::Client,
            sent_at: at(ms),
            wire_bytes: 140,
            flight,
            messages: messages.to_vec(),
            beside: vec![],
            again: again.to_vec(),
        };
        Record {
            start: at(0),
            measured_from: at(0),
            end: at(100),
            messages: vec![message(0), message(1)],
            wire: Wire::default(),
            duplicates: 0,
            corrupt: 0,
            packets: vec![
                packet(10, Flight::Lost, &[0, 1], &[]),
                packet(50, Flight::Arrived(at(60)), &[0], &[0]),
                packet(60, Flight::Arrived(at(70)), &[7], &[]),
            ],
            packets_before: [0, 0],
            faults: vec![],
        }
    }

    #[test]
    fn a_packet_marks_each_message_it_carries() {
        let sequence = Sequence::of(&record(), Side::Client, at(0));
        assert_eq!(sequence.sent, [(0.01, 0.0), (0.01, 1.0)]);
        assert_eq!(sequence.lost, sequence.sent);
        assert_eq!(sequence.again, [(0.05, 0.0)]);
        assert_eq!(sequence.delivered.len(), 2);
        assert!(!sequence.counts_bytes);
        assert_eq!(Sequence::of(&record(), Side::Server, at(0)), Sequence::default());
    }

    #[test]
    fn of_many_packets_those_about_the_first_loss_are_drawn() {
        let marks: Vec<Place> = (0..10_000).map(|n| (f64::from(n), f64::from(n))).collect();
        let lost = vec![(7000.0, 7000.0), (9999.0, 9999.0)];
        let all = Sequence { sent: marks.clone(), lost, delivered: marks, ..Sequence::default() };
        let part = all.focused();
        assert_eq!(part.lost, [(7000.0, 7000.0)]);
        assert!(part.sent.len() <= MOST + 1 && part.sent[0].0 < 7000.0);
        assert_eq!(part.sent.first(), part.delivered.first());
        let few = Sequence { sent: vec![(1.0, 1.0)], ..Sequence::default() };
        assert_eq!(few.focused(), few);
        assert_eq!(Sequence::default().focused(), Sequence::default());
    }

    #[test]
    fn marks_are_limited_and_none_at_all_is_an_empty_frame() {
        let marks: Vec<Place> = (0..10_000).map(|n| (f64::from(n), f64::from(n))).collect();
        let sequence = Sequence { sent: marks, ..Sequence::default() };
        let svg = sequence.draw((900.0, 400.0)).finish("wide");
        assert!(svg.matches("<circle").count() <= MOST + 4);
        let svg = Sequence::default().draw((360.0, 300.0)).finish("narrow");
        assert!(svg.contains("nothing was measured") && !svg.contains("inf"), "{svg}");
    }
}
