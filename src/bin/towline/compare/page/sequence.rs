//! The time-sequence diagram: each message of a stretch, from its sending to its delivery.

use super::focus::Focus;
use super::scale::{self, Linear};
use super::svg::{Anchor, Svg};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use towline::sim::compare::{Flight, Record};
use towline::time::Instant;

const WIDTH: f64 = 280.0;
const HEIGHT: f64 = 270.0;

/// What of a record is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) focus: Focus,
    pub(super) stretch: &'a Range<Instant>,
    /// How the application sends; all else follows from it.
    pub(super) pace: Pace,
}

/// Who decides when messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// The application: every mode has the same ones at one time.
    Application,
    /// The mode takes them from a heap as fast as it can.
    Heap,
    /// Each follows from the one before.
    Exchange,
}

impl View<'_> {
    /// The messages that are sent in the stretch.
    fn numbers(&self, record: &Record) -> Range<u32> {
        let messages = self.focus.messages(record).map(|index| &record.messages[index]);
        let seen = messages.filter(|message| {
            let is_offered = self.stretch.contains(&message.offered_at);
            let is_sent = message.sent_at.is_some_and(|at| self.stretch.contains(&at));
            if self.pace == Pace::Application { is_offered } else { is_sent }
        });
        let seen: BTreeSet<u32> = seen.map(|message| message.number).collect();
        let first = seen.first().copied().unwrap_or_default();
        first..seen.last().copied().unwrap_or(first) + 1
    }

    /// The rows of each record's picture: the same wherever modes are at the same messages, and
    /// else as many.
    pub(super) fn rows(&self, records: &[&Record]) -> Vec<Range<u32>> {
        let own: Vec<_> = records.iter().map(|record| self.numbers(record)).collect();
        let most = own.iter().map(|rows| rows.end - rows.start).max().unwrap_or(1);
        let first = own.iter().map(|rows| rows.start).min().unwrap_or_default();
        let last = own.iter().map(|rows| rows.end).max().unwrap_or(1);
        let rows = own.iter().map(|own| match self.pace {
            Pace::Exchange => own.start..own.start + most,
            Pace::Application | Pace::Heap => first..last,
        });
        rows.collect()
    }
}

/// Draws the messages of one mode that belong to these rows.
pub(super) fn draw(
    record: &Record,
    view: View<'_>,
    rows: &Range<u32>,
    mode: usize,
    title: &str,
) -> String {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let stretch = view.stretch;
    let (left, right, top, bottom) = (34.0, WIDTH - 6.0, 6.0, HEIGHT - 34.0);
    let ms = |at: Instant| at.saturating_since(stretch.start).as_secs_f64() * 1e3;
    let x = Linear { values: (0.0, ms(stretch.end)), places: (left, right) };
    let values = (f64::from(rows.start) - 1.0, f64::from(rows.end));
    let y = Linear { values, places: (bottom, top) };
    for mark in x.marks(5.0) {
        svg.line("grid", (x.place(mark), top), (x.place(mark), bottom));
        svg.text("tick", (x.place(mark), bottom + 14.0), Anchor::Middle, &scale::short(mark));
    }
    for mark in y.marks(5.0).into_iter().filter(|mark| mark.fract() == 0.0 && *mark >= 0.0) {
        svg.text("tick", (left - 5.0, y.place(mark) + 3.5), Anchor::End, &format!("{mark:.0}"));
    }
    svg.text("axis", (f64::midpoint(left, right), HEIGHT - 5.0), Anchor::Middle, "time in ms");
    let within = |at: Instant| x.place(ms(at)).min(right);
    for index in view.focus.messages(record) {
        let message = &record.messages[index];
        let never = Instant::MAX;
        let delivered_at = message.delivered_at.unwrap_or(never);
        let is_here = message.offered_at < stretch.end && delivered_at >= stretch.start;
        if !rows.contains(&message.number) || !is_here {
            continue;
        }
        let row = y.place(message.number.into());
        let class = |what: &str| format!("{what} m{mode}");
        let sent_at = message.sent_at.unwrap_or(never);
        let complete_at = message.complete_at.unwrap_or(delivered_at);
        let mut bar = |class: &str, from: Instant, to: Instant| {
            if from < to && from < stretch.end && to >= stretch.start {
                svg.line(class, (within(from), row), (within(to), row));
            }
        };
        // A heap waits from the beginning; that is no news.
        let is_heap = view.pace == Pace::Heap;
        if !is_heap {
            bar("queued", message.offered_at, sent_at);
        }
        // What never comes is not on its way for ever.
        bar(&class(if complete_at == never { "gone" } else { "flying" }), sent_at, complete_at);
        bar("held", complete_at, delivered_at);
        if message.offered_at >= stretch.start && !is_heap {
            svg.circle("offered", (within(message.offered_at), row), 1.2);
        }
        if delivered_at < stretch.end {
            svg.circle(&class("got"), (within(delivered_at), row), 2.0);
        }
    }
    let place = |at, number| (within(at), y.place(number));
    packets(&mut svg, record, view, rows, &place);
    svg.finish("panel", &format!("{title}: messages over time"))
}

/// Marks lost packets and repeated ones on the rows of their messages.
fn packets(
    svg: &mut Svg,
    record: &Record,
    view: View<'_>,
    rows: &Range<u32>,
    place: &dyn Fn(Instant, f64) -> (f64, f64),
) {
    // A message of many packets has one mark for those lost at one time.
    let View { focus, stretch, .. } = view;
    let mut marked = BTreeMap::new();
    let own = record.packets.iter().filter(|packet| packet.from == focus.from);
    for packet in own.filter(|packet| stretch.contains(&packet.sent_at)) {
        let is_lost = matches!(packet.flight, Flight::Lost | Flight::Damaged(_));
        let all = |messages: &[usize], mark| messages.iter().map(move |n| (*n, mark)).collect();
        let marks: Vec<(usize, Mark)> = if is_lost {
            all(&packet.messages, Mark::Lost)
        } else {
            [all(&packet.beside, Mark::Beside), all(&packet.again, Mark::Again)].concat()
        };
        for (index, mark) in marks {
            let message = &record.messages[index];
            if message.lane != focus.lane || !rows.contains(&message.number) {
                continue;
            }
            let at = place(packet.sent_at, message.number.into());
            let last = marked.insert((message.number, mark), at.0);
            if last.is_some_and(|last| (at.0 - last).abs() < 3.0) {
                continue;
            }
            match mark {
                Mark::Lost => svg.cross("lost", at, 3.0),
                Mark::Again => svg.circle("again", at, 2.6),
                Mark::Beside => svg.circle("beside", at, 1.1),
            }
        }
    }
}

/// What a packet meant to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Lost,
    Again,
    /// A later packet carried it along.
    Beside,
}
