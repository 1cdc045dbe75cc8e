//! Who wins where: a field for each cell of a sweep over two axes, in the winner's colour.

use super::axis::{Unit, short};
use super::chart::{NAME, Owner, TICK, nothing};
use super::legend::{self, Entry, Sample};
use super::sheet::{self, Anchor, Area, Layer, Sheet, Words};
use super::theme::Tone;
use super::winners::{Better, Estimate, Verdict};
use std::fmt::Write as _;

/// What is swept, and the values, in order: as the axis shows them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Steps {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

/// What of each mode came of each cell.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    pub(super) x: Steps,
    pub(super) y: Steps,
    /// Of each mode; row by row, the first row being the first value of `y`. `None` where nothing ran.
    pub(super) cells: Vec<Vec<Option<Estimate>>>,
    pub(super) modes: Vec<String>,
    /// What is compared: `latency that 99 % do not exceed`.
    pub(super) metric: String,
    pub(super) unit: Unit,
    pub(super) better: Better,
}

/// What a field looks like at the least and at the most.
const FAINT: f64 = 0.16;
const STRONG: f64 = 0.72;
/// Size of the smallest texts.
const SMALL: f64 = 10.0;
/// The margin from which on a field is as strong as can be.
const CLEAR: f64 = 4.0;

impl Grid {
    /// How each cell ended.
    pub(super) fn verdicts(&self) -> Vec<Verdict> {
        self.cells.iter().map(|cell| Verdict::of(cell, self.better)).collect()
    }

    /// Draws the map.
    pub(super) fn draw(&self, width: f64) -> Sheet {
        let verdicts = self.verdicts();
        let entries = self.entries(&verdicts);
        let is_narrow = width < 560.0;
        let row = if is_narrow { 56.0 } else { 62.0 };
        let key = legend::height(&entries, width) + 8.0;
        let rows = self.y.values.len().max(1) as f64;
        let height = key + 24.0 + row * rows + 42.0;
        let title = format!("Who wins where: {}", self.metric);
        let mut sheet = Sheet::new((width, height), &title, &self.words(&verdicts));
        let outer = Area { left: 0.0, top: 0.0, right: width, bottom: height };
        legend::draw(&mut sheet, outer, &entries);
        let texts = self.y.values.iter().map(|text| sheet::text_width(text, TICK));
        let left = texts.fold(20.0, f64::max) + 10.0;
        let (top, bottom) = (key + 24.0, key + 24.0 + row * rows);
        let area = Area { left, top, right: width - 2.0, bottom };
        sheet.layer("frame", None, |layer| self.frame(layer, area));
        if self.x.values.is_empty() || self.y.values.is_empty() {
            sheet.layer("none", None, |layer| nothing(layer, area));
            return sheet;
        }
        for (place, verdict) in verdicts.iter().enumerate() {
            let field = self.field(place, area);
            let hint = self.hint(place);
            sheet.layer("field", Some(&hint), |layer| self.cell(layer, field, verdict));
        }
        sheet
    }

    /// Which modes there are, the winners first.
    fn entries(&self, verdicts: &[Verdict]) -> Vec<Entry> {
        let is_seen = |mode: usize| verdicts.iter().any(|verdict| verdict.modes().contains(&mode));
        let seen = (0..self.modes.len()).filter(|mode| is_seen(*mode));
        let entries = seen.map(|mode| Entry {
            name: format!("{}  {}", letter(mode), self.modes[mode]),
            tone: Owner::Mode(mode).tone(),
            class: "map".to_owned(),
            sample: Sample::Patch,
        });
        entries.collect()
    }

    fn field(&self, place: usize, area: Area) -> Area {
        let columns = self.x.values.len().max(1);
        let (width, height) =
            (area.width() / columns as f64, area.height() / self.y.values.len().max(1) as f64);
        let (column, row) = ((place % columns) as f64, (place / columns) as f64);
        let (left, bottom) = (area.left + column * width, area.bottom - row * height);
        Area {
            left: left + 1.0,
            top: bottom - height + 1.0,
            right: left + width - 1.0,
            bottom: bottom - 1.0,
        }
    }

    fn frame(&self, layer: &Layer<'_>, area: Area) {
        let tick = Words::new(Tone::Soft, TICK, Anchor::Middle);
        let columns = self.x.values.len().max(1);
        let mut until = f64::MIN;
        for (place, text) in self.x.values.iter().enumerate() {
            let middle = area.left + (place as f64 + 0.5) * area.width() / columns as f64;
            let half = sheet::text_width(text, TICK) / 2.0;
            if middle - half > until {
                layer.text(tick, (middle, area.bottom + 13.0), text);
                until = middle + half;
            }
        }
        let tick = Words { anchor: Anchor::End, ..tick };
        for (row, text) in self.y.values.iter().enumerate() {
            let field = self.field(row * columns, area);
            let middle = f64::midpoint(field.top, field.bottom);
            layer.text(tick, (area.left - 7.0, middle), text);
        }
        let name = Words::new(Tone::Soft, NAME, Anchor::Start);
        layer.text(name, (0.0, area.top - 13.0), &self.y.name);
        let middle = f64::midpoint(area.left, area.right);
        layer.text(
            Words { anchor: Anchor::Middle, ..name },
            (middle, area.bottom + 31.0),
            &self.x.name,
        );
    }

    fn cell(&self, layer: &Layer<'_>, field: Area, verdict: &Verdict) {
        let modes = verdict.modes();
        if modes.is_empty() {
            layer.rectangle(Tone::Empty, 1.0, field);
        }
        // Those that tie share the field in stripes.
        for (place, mode) in modes.iter().enumerate() {
            let width = field.width() / modes.len() as f64;
            let left = field.left + width * place as f64;
            let stripe = Area { left, right: left + width, ..field };
            layer.rectangle(Owner::Mode(*mode).tone(), opacity(verdict), stripe);
        }
        let value = match verdict {
            Verdict::Nothing => "–".to_owned(),
            Verdict::Never => "never".to_owned(),
            _ => self.unit.text(verdict.value().unwrap_or(f64::NAN)),
        };
        if modes.is_empty() {
            write(layer, field, (0.5, TICK, false), &value);
            return;
        }
        // What does not fit is left to the legend and to the table.
        let is_whole =
            [13.0, TICK].iter().any(|size| write(layer, field, (0.24, *size, true), &value));
        let mut row = 0.53;
        if !is_whole {
            let (number, unit) = value.split_once('\u{a0}').unwrap_or((&value, ""));
            write(layer, field, (0.22, TICK, true), number);
            write(layer, field, (0.48, SMALL, false), unit);
            row = 0.78;
        }
        let mut sorted = modes.to_vec();
        sorted.sort_unstable();
        let letters = sorted.iter().map(|mode| letter(*mode)).collect::<Vec<_>>().join(" = ");
        let full = format!("{letters}  {}", self.modes[modes[0]]);
        let is_named = modes.len() == 1 && write(layer, field, (row, TICK, false), &full)
            || write(layer, field, (row, TICK, true), &letters)
            || write(layer, field, (row, TICK, false), &format!("tie of {}", modes.len()));
        if is_whole && is_named {
            let _ = write(layer, field, (0.80, SMALL, false), &margin_words(verdict))
                || write(layer, field, (0.80, SMALL, false), &margin_short(verdict));
        }
    }

    /// All numbers of a cell.
    fn hint(&self, place: usize) -> String {
        let columns = self.x.values.len().max(1);
        let at = |steps: &Steps, n: usize| steps.values.get(n).cloned().unwrap_or_default();
        let mut lines = vec![format!(
            "{} {}, {} {}",
            self.x.name,
            at(&self.x, place % columns),
            self.y.name,
            at(&self.y, place / columns)
        )];
        for (mode, estimate) in self.cells[place].iter().enumerate() {
            let text = estimate.map_or("not run".to_owned(), |estimate| {
                let value = self.unit.text(estimate.value);
                if estimate.low < estimate.high {
                    let (low, high) = (self.unit.text(estimate.low), self.unit.text(estimate.high));
                    format!("{value} ({low} to {high})")
                } else {
                    value
                }
            });
            lines.push(format!("{}: {text}", self.modes[mode]));
        }
        lines.join("; ")
    }

    /// The map in words.
    fn words(&self, verdicts: &[Verdict]) -> String {
        let columns = self.x.values.len().max(1);
        let mut words = format!("{} over {} and {}. ", self.metric, self.x.name, self.y.name);
        for (place, verdict) in verdicts.iter().enumerate() {
            let at = |steps: &Steps, n: usize| steps.values.get(n).cloned().unwrap_or_default();
            let names: Vec<_> =
                verdict.modes().iter().map(|mode| self.modes[*mode].as_str()).collect();
            let best = if names.is_empty() { "nobody".to_owned() } else { names.join(" and ") };
            let _ = write!(
                words,
                "At {} and {}: {best}. ",
                at(&self.x, place % columns),
                at(&self.y, place / columns)
            );
        }
        words
    }
}

/// Writes into a field, at this share of its height, in this size, bold or not, if there is room.
fn write(
    layer: &Layer<'_>,
    field: Area,
    (share, size, is_bold): (f64, f64, bool),
    text: &str,
) -> bool {
    let factor = if is_bold { 1.08 } else { 1.0 };
    let fits = sheet::text_width(text, size) * factor <= field.width() - 3.0;
    if fits {
        let middle = f64::midpoint(field.left, field.right);
        let words = Words { is_bold, ..Words::new(Tone::Ink, size, Anchor::Middle) };
        layer.text(words, (middle, field.top + field.height() * share), text);
    }
    fits
}

/// How strong a field's colour is, by the margin.
fn opacity(verdict: &Verdict) -> f64 {
    let margin = match verdict {
        Verdict::Wins { margin: Some(margin), .. } => *margin,
        Verdict::Wins { margin: None, .. } => CLEAR,
        _ => 1.0,
    };
    let share = (margin.clamp(1.0, CLEAR).ln() / CLEAR.ln()).clamp(0.0, 1.0);
    FAINT + (STRONG - FAINT) * share
}

fn margin_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Wins { margin: Some(margin), .. } if margin.is_infinite() => "no other".to_owned(),
        Verdict::Wins { margin: Some(margin), .. } => format!("next: {}×", short(*margin)),
        Verdict::Wins { margin: None, .. } => "alone".to_owned(),
        Verdict::Tie { modes, .. } if modes.len() < 4 => "tie".to_owned(),
        Verdict::Tie { .. } | Verdict::Nothing | Verdict::Never => String::new(),
    }
}

fn margin_short(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Wins { margin: Some(margin), .. } if margin.is_finite() => {
            format!("{}×", short(*margin))
        }
        _ => String::new(),
    }
}

/// What a mode is called where there is little room: A, B, …, Z, A1.
pub(super) fn letter(mode: usize) -> String {
    let letter = char::from(b'A' + (mode % 26) as u8);
    if mode < 26 { letter.to_string() } else { format!("{letter}{}", mode / 26) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let exact = |values: [f64; 2]| values.map(|v| Some(Estimate::exact(v))).to_vec();
        let steps = |name: &str, values: &[&str]| Steps {
            name: name.to_owned(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        };
        Grid {
            x: steps("loss", &["0 %", "1 %"]),
            y: steps("rtt", &["20 ms", "100 ms"]),
            cells: vec![
                exact([10.0, 20.0]),
                exact([30.0, 15.0]),
                exact([50.0, 50.0]),
                vec![None, None],
            ],
            modes: vec!["stream".to_owned(), "<latest>".to_owned()],
            metric: "latency that 99 % do not exceed".to_owned(),
            unit: Unit::Millis,
            better: Better::Lower,
        }
    }

    /// The layers of the fields, row by row from the lowest.
    fn fields(svg: &str) -> Vec<String> {
        let layers = svg.split("<g class=\"field\">").skip(1);
        layers.map(|layer| layer.split("</g>").next().unwrap().to_owned()).collect()
    }

    #[test]
    fn fields_have_their_winners_colour_and_the_number() {
        let svg = grid().draw(900.0).finish("wide");
        let fields = fields(&svg);
        assert_eq!(fields.len(), 4);
        assert!(fields[0].contains("fill=\"#393DE1\"") && fields[0].contains("10\u{a0}ms"));
        assert!(fields[0].contains("next: 2×"), "{}", fields[0]);
        assert!(fields[1].contains("fill=\"#B4301E\"") && fields[1].contains("15\u{a0}ms"));
        // A tie has both colours, and nothing at all says so.
        assert!(fields[2].contains("#393DE1") && fields[2].contains("#B4301E"));
        assert!(fields[2].contains("tie"), "{}", fields[2]);
        assert!(fields[3].contains(">–<") && !fields[3].contains("#393DE1"), "{}", fields[3]);
    }

    #[test]
    fn the_first_row_is_the_lowest_and_a_wider_margin_is_stronger() {
        let grid = grid();
        let area = Area { left: 100.0, top: 0.0, right: 300.0, bottom: 100.0 };
        assert!(grid.field(0, area).top > grid.field(2, area).top);
        assert!(grid.field(0, area).left < grid.field(1, area).left);
        let wins = |margin| Verdict::Wins { mode: 0, value: 1.0, margin };
        let margins = [Some(1.0), Some(1.5), Some(3.0), Some(f64::INFINITY)];
        let strengths = margins.map(|margin| opacity(&wins(margin)));
        assert!(strengths.windows(2).all(|pair| pair[0] < pair[1]), "{strengths:?}");
        assert!((strengths[0] - FAINT).abs() < 1e-9 && (strengths[3] - STRONG).abs() < 1e-9);
    }

    #[test]
    fn names_are_escaped_and_no_cells_are_an_empty_frame() {
        let svg = grid().draw(900.0).finish("wide");
        assert!(svg.contains("&lt;latest&gt;") && !svg.contains("<latest>"));
        let empty = Grid {
            x: Steps { values: vec![], ..grid().x },
            y: Steps { values: vec![], ..grid().y },
            cells: vec![],
            ..grid()
        };
        assert!(empty.draw(900.0).finish("wide").contains("nothing was measured"));
    }

    #[test]
    fn modes_have_letters() {
        assert_eq!([0, 25, 26].map(letter), ["A", "Z", "A1"]);
    }
}
