//! Throughput against delay: one point for each mode and cell, further up and left is better.

use super::axis::{Axis, Unit};
use super::chart::{Chart, NAME, Names, Owner, nothing};
use super::legend::{self, Entry, Sample};
use super::sheet::{self, Anchor, Area, Layer, Place, Sheet, Words};
use super::theme::Tone;

/// A mode in a cell, or its median over all cells.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// Which of [`Trade::modes`].
    pub(super) mode: usize,
    pub(super) delay_ms: f64,
    pub(super) goodput_bps: f64,
    /// Which cell, in words.
    pub(super) cell: String,
}

/// All points.
#[derive(Clone, Debug)]
pub(super) struct Trade {
    pub(super) modes: Vec<String>,
    pub(super) points: Vec<Point>,
}

/// Names are written beside so many points at most.
const NAMED: usize = 14;

impl Point {
    fn is_known(&self) -> bool {
        self.delay_ms.is_finite() && self.goodput_bps.is_finite()
    }
}

impl Trade {
    /// Points that are in no picture, as so many messages never arrived.
    pub(super) fn missing(&self) -> usize {
        self.points.iter().filter(|point| !point.is_known()).count()
    }

    /// Draws the points.
    pub(super) fn draw(&self, size: (f64, f64)) -> Sheet {
        let known: Vec<&Point> = self.points.iter().filter(|point| point.is_known()).collect();
        let about = "One point for each mode and cell: delay that 95 % of messages do not exceed, and \
                     goodput. Further up and left is better.";
        let mut sheet = Sheet::new(size, "Goodput against delay", about);
        let outer = Area { left: 0.0, top: 0.0, right: size.0, bottom: size.1 };
        let once = |mode| known.iter().filter(|point| point.mode == mode).count() <= 1;
        let is_named =
            (0..self.modes.len()).all(once) && known.len() <= NAMED && !sheet.is_narrow();
        let entries: Vec<Entry> = (0..self.modes.len()).map(|mode| self.entry(mode)).collect();
        let top = if is_named { 0.0 } else { legend::draw(&mut sheet, outer, &entries) };
        let delays = known.iter().map(|point| point.delay_ms.max(0.001));
        let x = Axis::log("delay that 95 % do not exceed", Unit::Millis, delays);
        let rates = || known.iter().map(|point| point.goodput_bps);
        let least = rates().filter(|rate| *rate > 0.0).fold(f64::INFINITY, f64::min);
        let y = if rates().fold(0.0, f64::max) > least * 30.0 {
            Axis::log("goodput", Unit::BitsPerSecond, rates())
        } else {
            Axis::from_zero("goodput", Unit::BitsPerSecond, rates())
        };
        let chart = Chart::new((x, y), Vec::new(), Names::Elsewhere);
        let frame = chart.frame(&mut sheet, Area { top, ..outer }, 0);
        if known.is_empty() {
            sheet.layer("none", None, |layer| nothing(layer, frame));
            return sheet;
        }
        let place =
            |point: &Point| chart.place((point.delay_ms.max(0.001), point.goodput_bps), frame);
        let places: Vec<Place> = known.iter().map(|point| place(point)).collect();
        for (number, (point, place)) in known.iter().zip(&places).enumerate() {
            let mode = &self.modes[point.mode];
            let hint = format!(
                "{mode}, {}: {}, {}",
                point.cell,
                Unit::Millis.text(point.delay_ms),
                Unit::BitsPerSecond.text(point.goodput_bps)
            );
            let class = format!("point {}", Owner::Mode(point.mode).class());
            sheet.layer(&class, Some(&hint), |layer| {
                shape(layer, point.mode, *place);
                if is_named {
                    beside(layer, mode, (number, &places), frame);
                }
            });
        }
        sheet
    }

    fn entry(&self, mode: usize) -> Entry {
        Entry {
            name: self.modes[mode].clone(),
            tone: Owner::Mode(mode).tone(),
            class: Owner::Mode(mode).class(),
            sample: [Sample::Dot, Sample::Ring, Sample::Cross][mode % 3],
        }
    }
}

/// Colour alone does not tell modes apart.
fn shape(layer: &Layer<'_>, mode: usize, place: Place) {
    let tone = Owner::Mode(mode).tone();
    match mode % 3 {
        0 => layer.dot(tone, 4.4, place),
        1 => layer.ring(tone, 4.4, place),
        _ => layer.cross(tone, 4.2, place),
    }
}

/// A name beside a point, on the side where it is on nothing else, if there is one.
fn beside(layer: &Layer<'_>, name: &str, (number, places): (usize, &[Place]), frame: Area) {
    let (x, y) = places[number];
    let width = sheet::text_width(name, NAME);
    let sides = [
        (Anchor::Start, (x + 9.0, y), x + 9.0),
        (Anchor::End, (x - 9.0, y), x - 9.0 - width),
        (Anchor::Middle, (x, y - 14.0), x - width / 2.0),
        (Anchor::Middle, (x, y + 14.0), x - width / 2.0),
    ];
    let is_free = |at: Place, left: f64| {
        let within = left >= frame.left && left + width <= frame.right;
        let hits = |place: &Place| {
            // Another point, or its own name right of it.
            let reach = if place.0 < left { width.min(90.0) } else { 6.0 };
            (place.1 - at.1).abs() < 12.0 && place.0 + reach > left && place.0 - 6.0 < left + width
        };
        let others = places.iter().enumerate().filter(|(other, _)| *other != number);
        within && !others.map(|(_, place)| place).any(hits)
    };
    let free = sides.iter().find(|(_, at, left)| is_free(*at, *left));
    let fits = |left: f64| left >= frame.left && left + width <= frame.right;
    let side = free.or_else(|| sides.iter().find(|(_, _, left)| fits(*left))).unwrap_or(&sides[0]);
    layer.text(Words::new(Tone::Ink, NAME, side.0), side.1, name);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(mode: usize, delay_ms: f64, goodput_bps: f64) -> Point {
        Point { mode, delay_ms, goodput_bps, cell: "loss 1 %".to_owned() }
    }

    #[test]
    fn a_point_for_each_known_one_and_never_is_left_out() {
        let trade = Trade {
            modes: vec!["<stream>".to_owned(), "latest".to_owned()],
            points: vec![point(0, 50.0, 5e6), point(1, 20.0, 4e6), point(1, f64::INFINITY, 1e6)],
        };
        assert_eq!(trade.missing(), 1);
        let svg = trade.draw((900.0, 420.0)).finish("wide");
        assert_eq!(svg.matches("class=\"point").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 2, "{svg}");
        assert!(svg.contains("&lt;stream&gt;") && !svg.contains("<stream>"));
    }

    #[test]
    fn nothing_known_is_an_empty_frame() {
        let trade = Trade { modes: vec!["a".to_owned()], points: vec![point(0, f64::NAN, 1.0)] };
        assert!(trade.draw((360.0, 300.0)).finish("x").contains("nothing was measured"));
    }
}
