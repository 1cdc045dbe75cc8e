//! What one lost packet does: the packets between the two sides from then on.

use super::focus::Focus;
use super::scale::{self, Linear};
use super::svg::{Anchor, Svg};
use std::ops::Range;
use std::time::Duration;
use towline::impair::{ImpairError, LinkConfig, Loss};
use towline::ranges::RangeSet;
use towline::sim::compare::{Contender, Flight, PacketRecord, Record, Scenario, Traffic, run};
use towline::time::Instant;
use towline::wire::Side;

const WIDTH: f64 = 290.0;
const HEIGHT: f64 = 440.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = HEIGHT - 8.0;
/// Where the two sides stand; numbers are to the left and to the right of them.
const CLIENT: f64 = 90.0;
const SERVER: f64 = WIDTH - 72.0;
/// Texts on one side are at least so far apart.
const TEXT_GAP: f64 = 11.0;
/// Of more packets of a kind than this, every second is drawn, or fewer: more would be a surface.
const MAX_ARROWS: usize = 90;
/// Messages that wait at the same time, beside each other; more would reach the numbers.
const MAX_BARS: u32 = 12;

/// A run in which one packet is lost, and nothing else.
#[derive(Debug)]
pub(super) struct Fall {
    record: Record,
    focus: Focus,
    /// When the packet was sent that is lost.
    lost_at: Instant,
    /// What is drawn.
    stretch: Range<Instant>,
    y: Linear,
}

/// Lets a mode run over the same links without faults, but that the first packet with such a
/// message after a while is lost. `None` if it sends none.
pub(super) fn fall(
    contender: &dyn Contender,
    scenario: &Scenario,
    focus: Focus,
) -> Result<Option<Fall>, ImpairError> {
    let rtt = scenario.rtt().max(Duration::from_millis(2));
    let run_up = (8 * rtt).max(Duration::from_secs(1));
    // Beside a file, which would be over by then, nothing is sent along either.
    let has_file =
        scenario.workload.lanes.iter().any(|l| matches!(l.traffic, Traffic::Bulk { .. }));
    let (when, mut lost) = if contender.adapts() && !has_file {
        let learning = LEARNING.max(run_up);
        (learning + run_up, losses(contender, scenario, learning)?)
    } else {
        (run_up, [RangeSet::new(), RangeSet::new()])
    };
    let span = rtt * 7 / 2;
    let mut clean = Scenario { watch: when..when + 40 * span, ..scenario.clone() };
    clean.workload.skip = Duration::ZERO;
    clean.workload.duration = when + 4 * span;
    script(&mut clean, scenario, &lost);
    let without = run(contender, &clean)?;
    let own = without.packets.iter().filter(|packet| packet.from == focus.from);
    let mut own = (without.packets_before[focus.from as usize]..).zip(own);
    let is_looked_at = |index: &usize| without.messages[*index].lane == focus.lane;
    let Some((ordinal, packet)) = own.find(|(_, p)| p.messages.iter().any(is_looked_at)) else {
        return Ok(None);
    };
    let lost_at = packet.sent_at;
    lost[focus.from as usize].insert(ordinal..ordinal + 1);
    script(&mut clean, scenario, &lost);
    let record = run(contender, &clean)?;
    let stretch = lost_at - span / 12..lost_at + span;
    let before = (lost_at.saturating_since(stretch.start)).as_secs_f64() * -1e3;
    let y = Linear { values: (before, span.as_secs_f64() * 1e3), places: (TOP, BOTTOM) };
    Ok(Some(Fall { record, focus, lost_at, stretch, y }))
}

/// How long a mode that adapts to losses meets the scenario's own before.
const LEARNING: Duration = Duration::from_secs(6);

/// The ordinals of the packets that either side loses in the scenario's first stretch.
fn losses(
    contender: &dyn Contender,
    scenario: &Scenario,
    stretch: Duration,
) -> Result<[RangeSet; 2], ImpairError> {
    let mut learning = Scenario { watch: Duration::ZERO..stretch, ..scenario.clone() };
    learning.workload.skip = Duration::ZERO;
    learning.workload.duration = stretch;
    let only_loss = |link: &LinkConfig| LinkConfig { loss: link.loss.clone(), ..link.healed() };
    (learning.up, learning.down) = (only_loss(&scenario.up), only_loss(&scenario.down));
    let record = run(contender, &learning)?;
    Ok([Side::Client, Side::Server].map(|side| {
        let own = record.packets.iter().filter(|packet| packet.from == side);
        let mut lost = RangeSet::new();
        for (ordinal, packet) in (record.packets_before[side as usize]..).zip(own) {
            if packet.flight == Flight::Lost {
                lost.insert(ordinal..ordinal + 1);
            }
        }
        lost
    }))
}

/// Links without any faults but that these packets are lost.
fn script(clean: &mut Scenario, scenario: &Scenario, [client, server]: &[RangeSet; 2]) {
    let only = |link: &LinkConfig, lost: &RangeSet| LinkConfig {
        loss: Loss::Script(lost.clone()),
        ..link.healed()
    };
    (clean.up, clean.down) = (only(&scenario.up, client), only(&scenario.down, server));
}

impl Fall {
    /// The lost message's number and fate, and how many others waited for it, in words.
    pub(super) fn words(&self) -> String {
        let Self { record, focus, lost_at, .. } = self;
        let lost = record.packets.iter().find(|packet| self.is_the_lost(packet));
        let own = |number| {
            focus
                .messages(record)
                .map(|index| &record.messages[index])
                .find(|message| message.number == number)
        };
        let Some(message) = lost.and_then(|packet| own(self.number(packet)?)) else {
            return "Nothing was lost.".to_owned();
        };
        let number = message.number;
        let Some(end) = message.delivered_at else {
            return format!("Message {number} never arrives; none waits for it.");
        };
        let others = || {
            let messages = focus.messages(record).map(|index| &record.messages[index]);
            messages.filter(|other| other.number != number)
        };
        let held = others().filter(|m| {
            let waits = m.complete_at.is_some_and(|at| (*lost_at..end).contains(&at));
            waits && m.head_of_line_wait().is_some_and(|wait| !wait.is_zero())
        });
        // Where nothing more is sent until this one has arrived.
        let behind =
            others().filter(|m| m.offered_at < end && m.sent_at.is_none_or(|at| at > end)).count();
        let waited = match (held.count(), behind) {
            (0, 0) => "none waits for it".to_owned(),
            (0, 1) => "another waits behind it to be sent".to_owned(),
            (0, behind) => format!("{behind} wait behind it to be sent"),
            (1, _) => "another is held up by it".to_owned(),
            (held, _) => format!("{held} others are held up by it"),
        };
        let later = scale::time(end.saturating_since(*lost_at));
        let is_own = |packet: &PacketRecord| {
            let has_come = matches!(packet.flight, Flight::Arrived(at) if at <= end);
            let own = packet.messages.iter().map(|index| &record.messages[*index]);
            has_come && own.into_iter().any(|own| own == message)
        };
        let how = if record.packets.iter().any(is_own) { "" } else { ", out of later packets" };
        format!("Message {number} arrives {later} later{how}; {waited}.")
    }

    pub(super) fn draw(&self, mode: usize, title: &str) -> String {
        let mut svg = Svg::new(WIDTH, HEIGHT);
        for mark in self.y.marks(6.0) {
            let y = self.y.place(mark);
            svg.line("grid", (28.0, y), (SERVER, y));
            svg.text("tick", (24.0, y + 3.5), Anchor::End, &scale::short(mark));
        }
        svg.text("tick", (24.0, TOP - 12.0), Anchor::End, "ms");
        self.arrows(&mut svg, mode);
        for (name, x) in [("client", CLIENT), ("server", SERVER)] {
            svg.line("post", (x, TOP), (x, BOTTOM));
            svg.text("axis", (x, TOP - 12.0), Anchor::Middle, name);
        }
        self.departures(&mut svg);
        self.deliveries(&mut svg, mode);
        svg.finish("panel", &format!("{title}: packets after a loss"))
    }

    fn place(&self, at: Instant) -> f64 {
        let before = self.lost_at.saturating_since(at).as_secs_f64();
        self.y.place((at.saturating_since(self.lost_at).as_secs_f64() - before) * 1e3)
    }

    fn is_the_lost(&self, packet: &PacketRecord) -> bool {
        let is_lost = packet.flight == Flight::Lost && self.number(packet).is_some();
        is_lost && packet.sent_at == self.lost_at
    }

    /// The first of the messages looked at that a packet carries.
    fn number(&self, packet: &PacketRecord) -> Option<u32> {
        let Self { record, focus, .. } = self;
        let mut messages = packet.messages.iter().map(|index| &record.messages[*index]);
        let own = messages.find(|message| (message.from, message.lane) == (focus.from, focus.lane));
        own.map(|message| message.number)
    }

    /// What an arrow is drawn as.
    fn kind(&self, packet: &PacketRecord) -> &'static str {
        let is_again =
            packet.again.iter().any(|index| self.record.messages[*index].lane == self.focus.lane);
        match (self.is_the_lost(packet), self.number(packet), is_again) {
            (true, ..) => "loss",
            (_, Some(_), true) => "resent",
            (_, Some(_), false) => "data",
            (_, None, _) => "report",
        }
    }

    fn packets(&self) -> impl Iterator<Item = &PacketRecord> {
        self.record.packets.iter().filter(|packet| self.stretch.contains(&packet.sent_at))
    }

    /// The packets, the more important ones on top of the others.
    fn arrows(&self, svg: &mut Svg, mode: usize) {
        for kind in ["report", "data", "resent", "loss"] {
            let count = self.packets().filter(|packet| self.kind(packet) == kind).count();
            let step = count / MAX_ARROWS + 1;
            let class = if kind == "report" { kind.to_owned() } else { format!("{kind} m{mode}") };
            let packets = self.packets().filter(|packet| self.kind(packet) == kind);
            for packet in packets.step_by(step) {
                let start = (side(packet.from), self.place(packet.sent_at));
                let across = side(packet.from.peer()) - start.0;
                match packet.flight {
                    Flight::Arrived(at) | Flight::Damaged(at) if at < self.stretch.end => {
                        let end = (start.0 + across, self.place(at));
                        // Heads of many arrows would hide them.
                        if step > 1 {
                            svg.line(&class, start, end);
                        } else {
                            svg.arrow(&class, start, end, if kind == "report" { 4.0 } else { 6.0 });
                        }
                    }
                    Flight::Arrived(at) | Flight::Damaged(at) => {
                        let part = (BOTTOM - start.1) / (self.place(at) - start.1).max(1e-9);
                        svg.line(&class, start, (start.0 + across * part, BOTTOM));
                    }
                    Flight::Lost | Flight::Flying if kind == "loss" => {
                        let drop = self.place(self.stretch.start + self.delay()) - TOP;
                        let end = (start.0 + across * 0.55, start.1 + drop * 0.55);
                        svg.line(&class, start, end);
                        svg.cross("lost", end, 5.0);
                    }
                    Flight::Lost | Flight::Flying => {}
                }
            }
        }
    }

    /// How long packets travel.
    fn delay(&self) -> Duration {
        let times = self.record.packets.iter().filter_map(|packet| match packet.flight {
            Flight::Arrived(at) => Some(at.saturating_since(packet.sent_at)),
            _ => None,
        });
        times.min().unwrap_or_default()
    }

    /// The numbers of the messages where they leave.
    fn departures(&self, svg: &mut Svg) {
        let (x, anchor) = beside(self.focus.from, 6.0);
        // The lost one's number comes first, and the others make room.
        let mut taken: Vec<f64> = Vec::new();
        for kind in ["loss", "resent", "data"] {
            for packet in self.packets().filter(|packet| self.kind(packet) == kind) {
                let y = self.place(packet.sent_at);
                let Some(number) = self.number(packet) else { continue };
                if taken.iter().any(|other| (y - other).abs() < TEXT_GAP) {
                    continue;
                }
                taken.push(y);
                let again = match kind {
                    "resent" => " again",
                    _ if packet.beside.is_empty() => "",
                    _ => "+",
                };
                svg.text(
                    &format!("mark {kind}"),
                    (x, y + 3.5),
                    anchor,
                    &format!("{number}{again}"),
                );
            }
        }
    }

    /// What the receiver's application gets when, and what had to wait.
    fn deliveries(&self, svg: &mut Svg, mode: usize) {
        let Self { record, focus, stretch, .. } = self;
        let receiver = focus.from.peer();
        let mut given: Vec<(Instant, u32)> = Vec::new();
        let mut bars = 0;
        // Numbers stand beyond the bars that are beside them.
        let mut barred = (f64::MAX, f64::MIN);
        for message in focus.messages(record).map(|index| &record.messages[index]) {
            let Some(at) = message.delivered_at.filter(|at| *at >= stretch.start) else { continue };
            let complete = message.complete_at.unwrap_or(at);
            if (self.lost_at..stretch.end).contains(&complete) && complete < at && bars < MAX_BARS {
                // Side by side, as they wait at the same time.
                let (bar, _) = beside(receiver, 5.0 + 2.0 * f64::from(bars));
                let (from, to) = (self.place(complete), self.place(at.min(stretch.end)));
                svg.rectangle("hold", (bar - 0.7, from), 1.4, to - from);
                barred = (barred.0.min(from - TEXT_GAP), barred.1.max(to + TEXT_GAP / 2.0));
                bars += 1;
            }
            if at < stretch.end {
                given.push((at, message.number));
            }
        }
        given.sort_unstable();
        let mut rest = given.as_slice();
        while let Some(&(at, first)) = rest.first() {
            let y = self.place(at);
            let near = |(other, _): &&(Instant, u32)| self.place(*other) - y < TEXT_GAP;
            let count = rest.iter().take_while(near).count();
            let last = rest.get(count - 1).map_or(first, |(_, number)| *number);
            rest = rest.get(count..).unwrap_or_default();
            svg.circle(&format!("got m{mode}"), (side(receiver), y), 2.6);
            let text = if last > first { format!("{first}–{last}") } else { first.to_string() };
            let is_barred = (barred.0..barred.1).contains(&y);
            let gap = if is_barred { 9.0 + 2.0 * f64::from(bars) } else { 7.0 };
            let (x, anchor) = beside(receiver, gap);
            svg.text("mark", (x, y + 3.5), anchor, &text);
        }
    }
}

fn side(side: Side) -> f64 {
    match side {
        Side::Client => CLIENT,
        Side::Server => SERVER,
    }
}

/// A place outside of the two sides, and where a text there begins.
fn beside(at: Side, gap: f64) -> (f64, Anchor) {
    match at {
        Side::Client => (CLIENT - gap, Anchor::End),
        Side::Server => (SERVER + gap, Anchor::Start),
    }
}
