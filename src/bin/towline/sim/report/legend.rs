//! Which colour is which, above a drawing, in as many rows as it takes.

use super::chart::{Curve, Look, NAME};
use super::sheet::{self, Anchor, Area, Sheet, Words};
use super::theme::Tone;

/// What an entry shows beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    Line(Look),
    Patch,
    Dot,
    Ring,
    Cross,
}

/// An entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) tone: Tone,
    pub(super) class: String,
    pub(super) sample: Sample,
}

const ROW: f64 = 18.0;
const SAMPLE: f64 = 22.0;
const GAP: f64 = 14.0;

impl Entry {
    pub(super) fn of(curve: &Curve) -> Self {
        Self {
            name: curve.name.clone(),
            tone: curve.owner.tone(),
            class: curve.owner.class(),
            sample: Sample::Line(curve.look),
        }
    }

    fn width(&self) -> f64 {
        SAMPLE + sheet::text_width(&self.name, NAME) + GAP
    }
}

/// Where each entry begins: how far right, and in which row.
fn places(entries: &[Entry], width: f64) -> Vec<(f64, usize)> {
    let (mut x, mut row) = (0.0, 0);
    let place = |entry: &Entry| {
        if x > 0.0 && x + entry.width() - GAP > width {
            (x, row) = (0.0, row + 1);
        }
        let place = (x, row);
        x += entry.width();
        place
    };
    entries.iter().map(place).collect()
}

/// How high the legend is.
pub(super) fn height(entries: &[Entry], width: f64) -> f64 {
    let rows = places(entries, width).last().map_or(0, |(_, row)| row + 1);
    rows as f64 * ROW + if rows > 0 { 6.0 } else { 0.0 }
}

/// Draws the legend at the upper edge of an area, and says how high it is.
pub(super) fn draw(sheet: &mut Sheet, area: Area, entries: &[Entry]) -> f64 {
    let places = places(entries, area.width());
    for (entry, (x, row)) in entries.iter().zip(places) {
        let (left, y) = (area.left + x, area.top + ROW * row as f64 + ROW / 2.0);
        let look = match entry.sample {
            Sample::Line(Look::Dashed) => "dashed",
            Sample::Line(Look::Dotted) => "dotted",
            _ => "solid",
        };
        sheet.layer(&format!("key {} {look}", entry.class), None, |layer| {
            let middle = (left + 9.0, y);
            match entry.sample {
                Sample::Line(_) => layer.line(entry.tone, 2.4, &[(left, y), (left + 18.0, y)]),
                Sample::Patch => {
                    let (right, bottom) = (left + 16.0, y + 6.0);
                    layer.rectangle(entry.tone, 0.75, Area { left, top: y - 6.0, right, bottom });
                }
                Sample::Dot => layer.dot(entry.tone, 3.0, middle),
                Sample::Ring => layer.ring(entry.tone, 3.4, middle),
                Sample::Cross => layer.cross(entry.tone, 3.6, middle),
            }
            let words = Words::new(Tone::Ink, NAME, Anchor::Start);
            let text = sheet::shortened(&entry.name, NAME, area.width() - SAMPLE);
            layer.text(words, (left + SAMPLE, y), &text);
        });
    }
    height(entries, area.width())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(names: &[&str]) -> Vec<Entry> {
        let entry = |(number, name): (usize, &&str)| Entry {
            name: (*name).to_owned(),
            tone: Tone::Series(number),
            class: format!("m{number}"),
            sample: Sample::Patch,
        };
        names.iter().enumerate().map(entry).collect()
    }

    #[test]
    fn rows_are_filled_and_none_is_wider_than_the_drawing() {
        let entries = entries(&["plain UDP", "towline stream", "towline latest", "TCP"]);
        let widths: Vec<f64> = entries.iter().map(Entry::width).collect();
        for width in [120.0, 250.0, 1000.0] {
            let places = places(&entries, width);
            for ((x, row), (place, own)) in places.iter().zip(widths.iter().enumerate()) {
                assert!(*x == 0.0 || x + own - GAP <= width, "entry {place} in row {row}");
            }
        }
        assert_eq!(places(&entries, 1000.0).last().unwrap().1, 0);
        assert_eq!(places(&entries, 10.0).last().unwrap().1, 3);
        assert!(height(&[], 100.0).abs() < 1e-9);
    }
}
