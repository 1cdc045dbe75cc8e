//! Curves in a frame: two axes, what lies between them, and which curve is which.

use super::axis::Axis;
use super::legend;
use super::sheet::{self, Anchor, Area, Layer, Place, Sheet, Words};
use super::theme::Tone;
use super::thin;
use plotters::element::PathElement;
use plotters::element::Polygon;

/// Size of the texts at marks and of the names of axes and curves.
pub(super) const TICK: f64 = 11.0;
pub(super) const NAME: f64 = 12.0;
/// From one name of a curve to the next one below it.
const ROW: f64 = 16.0;
/// The most room that names of curves get beside the frame.
const NAMES_WIDTH: f64 = 190.0;

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// What was measured.
    Solid,
    /// What theory says.
    Dashed,
    /// What has ended and does not go on.
    Dotted,
}

/// Whose curve it is: the kind of thing, and its place among those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    Mode(usize),
    Flow(usize),
    /// No mode's: a formula's, a link's.
    Nobody,
}

/// A curve.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) owner: Owner,
    pub(super) look: Look,
    /// In the order they are joined; one without a number is a gap.
    pub(super) points: Vec<Place>,
    /// `(x, lower, upper)`: between which values it may truly be.
    pub(super) band: Vec<(f64, f64, f64)>,
    /// Whether its points are marked.
    pub(super) has_dots: bool,
    /// Whether its name is among the others.
    pub(super) is_listed: bool,
}

/// A line across the frame at one value, and what it says.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) at: f64,
    pub(super) text: String,
    pub(super) tone: Tone,
}

/// Where the names of the curves are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// At the ends of the curves, where there is room, and else above.
    Ends,
    /// Above the frame.
    Above,
    /// Elsewhere on the page.
    Elsewhere,
}

/// Curves, and the axes they share.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) curves: Vec<Curve>,
    /// Upright lines.
    pub(super) marks: Vec<Mark>,
    /// Level lines.
    pub(super) levels: Vec<Mark>,
    pub(super) names: Names,
    /// The least room left and right of the frame, so that charts above each other share their time.
    pub(super) margins: (f64, f64),
}

impl Owner {
    pub(super) fn tone(self) -> Tone {
        match self {
            Self::Mode(number) | Self::Flow(number) => Tone::Series(number),
            Self::Nobody => Tone::Soft,
        }
    }

    pub(super) fn class(self) -> String {
        match self {
            Self::Mode(number) => format!("m{number}"),
            Self::Flow(number) => format!("f{number}"),
            Self::Nobody => "other".to_owned(),
        }
    }

    /// Beyond the last colour, curves differ by their dashes.
    fn look(self, look: Look) -> Look {
        match self {
            Self::Mode(n) | Self::Flow(n) if n >= super::theme::SERIES && look == Look::Solid => {
                Look::Dashed
            }
            _ => look,
        }
    }
}

impl Curve {
    pub(super) fn new(name: impl Into<String>, owner: Owner, points: Vec<Place>) -> Self {
        Self {
            name: name.into(),
            owner,
            look: owner.look(Look::Solid),
            points,
            band: Vec::new(),
            has_dots: false,
            is_listed: true,
        }
    }

    pub(super) fn looks(self, look: Look) -> Self {
        Self { look, ..self }
    }

    fn class(&self) -> String {
        let look = match self.look {
            Look::Solid => "solid",
            Look::Dashed => "dashed",
            Look::Dotted => "dotted",
        };
        format!("series {} {look}", self.owner.class())
    }

    /// Later ones are finer, so that what lies below them is still seen.
    fn width(&self) -> f64 {
        let number = match self.owner {
            Owner::Mode(number) | Owner::Flow(number) => number % super::theme::SERIES,
            Owner::Nobody => 3,
        };
        let width = [3.4, 2.4, 1.5].get(number).copied().unwrap_or(1.9);
        if self.look == Look::Solid { width } else { 1.8 }
    }
}

impl Chart {
    /// A chart with nothing but its curves.
    pub(super) fn new((x, y): (Axis, Axis), curves: Vec<Curve>, names: Names) -> Self {
        Self { x, y, curves, marks: Vec::new(), levels: Vec::new(), names, margins: (0.0, 0.0) }
    }

    fn axes(&self) -> (&Axis, &Axis) {
        (&self.x, &self.y)
    }

    /// Draws the chart into a part of a sheet, as its plot of this number.
    pub(super) fn draw(&self, sheet: &mut Sheet, outer: Area, number: usize) {
        let names = match self.names {
            Names::Ends if sheet.is_narrow() => Names::Above,
            names => names,
        };
        let mut area = outer;
        if names == Names::Above {
            let entries: Vec<_> =
                self.curves.iter().filter(|curve| curve.is_listed).map(legend::Entry::of).collect();
            area.top += legend::draw(sheet, outer, &entries);
        }
        let area = self.framed(sheet, (area, names), number);
        let is_empty = !self.curves.iter().any(|curve| self.has_place(curve));
        if is_empty {
            sheet.layer("none", None, |layer| nothing(layer, area));
        }
        for curve in self.curves.iter().filter(|curve| !curve.band.is_empty()) {
            let class = format!("band {}", curve.owner.class());
            sheet.layer(&class, None, |layer| self.band(layer, area, curve));
        }
        let ends = if names == Names::Ends { self.ends(area) } else { Vec::new() };
        for (place, curve) in self.curves.iter().enumerate() {
            sheet.series(&curve.class(), &curve.name, number, |layer| {
                self.curve(layer, area, curve);
            });
            if let Some((end, at)) = ends.get(place).copied().flatten() {
                let class = format!("name {}", curve.owner.class());
                sheet.layer(&class, None, |layer| name(layer, curve, end, (area.right, at)));
            }
        }
        sheet.layer("marks", None, |layer| self.marks(layer, area));
    }

    /// Draws the axes alone, and says where values have their places.
    pub(super) fn frame(&self, sheet: &mut Sheet, outer: Area, number: usize) -> Area {
        self.framed(sheet, (outer, Names::Elsewhere), number)
    }

    /// The room that texts need left and right of the frame.
    fn room(&self, y_marks: &[f64], names: Names) -> (f64, f64) {
        let texts = y_marks.iter().map(|mark| sheet::text_width(&self.y.text(*mark), TICK));
        let right = if names == Names::Ends { self.names_width() } else { 16.0 };
        (texts.fold(20.0, f64::max) + 8.0, right)
    }

    fn framed(&self, sheet: &mut Sheet, (outer, names): (Area, Names), number: usize) -> Area {
        let mut area = outer;
        area.top += if self.y.name.is_empty() { 8.0 } else { 24.0 };
        area.bottom -= if self.x.name.is_empty() { 22.0 } else { 40.0 };
        let y_marks = self.y.marks(((area.height() / 42.0) as usize).max(2));
        let (left, right) = self.room(&y_marks, names);
        area.left += left.max(self.margins.0);
        area.right -= right.max(self.margins.1);
        sheet.layer("frame", None, |layer| self.grid(layer, (outer, area), &y_marks));
        sheet.plot(number, area, self.axes());
        area
    }

    fn has_place(&self, curve: &Curve) -> bool {
        let has_place = |(x, y): &Place| self.x.place(*x).is_some() && self.y.place(*y).is_some();
        curve.points.iter().any(has_place)
    }

    fn names_width(&self) -> f64 {
        let widths = self.curves.iter().map(|curve| sheet::text_width(&curve.name, NAME));
        widths.fold(0.0, f64::max).min(NAMES_WIDTH) + 24.0
    }

    fn grid(&self, layer: &Layer<'_>, (outer, area): (Area, Area), y_marks: &[f64]) {
        let tick = Words::new(Tone::Soft, TICK, Anchor::End);
        for mark in y_marks {
            let Some(y) = self.y.at(*mark, (area.bottom, area.top)) else { continue };
            layer.line(Tone::Grid, 1.0, &[(area.left, y), (area.right, y)]);
            layer.text(tick, (area.left - 6.0, y), &self.y.text(*mark));
        }
        let tick = Words::new(Tone::Soft, TICK, Anchor::Middle);
        let mut until = f64::MIN;
        for mark in self.x.marks(((area.width() / 76.0) as usize).max(2)) {
            let Some(x) = self.x.at(mark, (area.left, area.right)) else { continue };
            layer.line(Tone::Grid, 1.0, &[(x, area.top), (x, area.bottom)]);
            let text = self.x.text(mark);
            let half = sheet::text_width(&text, TICK) / 2.0;
            if x - half >= until && x + half <= outer.right + 2.0 {
                layer.text(tick, (x, area.bottom + 13.0), &text);
                until = x + half + 4.0;
            }
        }
        let axis = Words::new(Tone::Soft, NAME, Anchor::Start);
        let levels = self.levels.iter().map(|mark| sheet::text_width(&mark.text, TICK) + 34.0);
        let room = outer.width() - levels.sum::<f64>();
        let name = sheet::shortened(&self.y.name, NAME, room);
        layer.text(axis, (outer.left, area.top - 13.0), &name);
        let name = sheet::shortened(&self.x.name, NAME, outer.width());
        let middle = (f64::midpoint(area.left, area.right), area.bottom + 31.0);
        layer.text(Words { anchor: Anchor::Middle, ..axis }, middle, &name);
    }

    fn band(&self, layer: &Layer<'_>, area: Area, curve: &Curve) {
        let values = layer.values(area, self.axes());
        let (low, high) = (self.y.low(), self.y.high());
        // What is open above ends at the frame.
        let edge = |pick: fn(&(f64, f64, f64)) -> f64| {
            let points = curve.band.iter().filter(|point| point.1.is_finite());
            points.map(move |point| (point.0, pick(point).clamp(low, high))).collect::<Vec<_>>()
        };
        let mut outline = edge(|point| point.1);
        outline.extend(edge(|point| point.2).into_iter().rev());
        if outline.len() >= 4 {
            let style = sheet::stroke(curve.owner.tone(), 1.0, 0.16);
            let _ = values.draw(&Polygon::new(outline, style));
        }
    }

    fn curve(&self, layer: &Layer<'_>, area: Area, curve: &Curve) {
        let values = layer.values(area, self.axes());
        let style = sheet::stroke(curve.owner.tone(), curve.width(), 1.0);
        let points = thin::thinned(&curve.points, (self.x.low(), self.x.high()));
        for run in points.split(|(x, y)| !self.holds(*x, *y)) {
            match run {
                [] => {}
                [(x, y)] => {
                    let place = self.place((*x, *y), area);
                    layer.dot(curve.owner.tone(), curve.width(), place);
                }
                run => {
                    let _ = values.draw(&PathElement::new(run.to_vec(), style));
                }
            }
            if curve.has_dots {
                for point in run {
                    layer.dot(curve.owner.tone(), 3.2, self.place(*point, area));
                }
            }
        }
    }

    /// Whether a value is inside the frame.
    fn holds(&self, x: f64, y: f64) -> bool {
        let inside = |axis: &Axis, value| {
            axis.place(value).is_some_and(|place| (-0.001..=1.001).contains(&place))
        };
        inside(&self.x, x) && inside(&self.y, y)
    }

    /// Where a value is.
    pub(super) fn place(&self, (x, y): Place, area: Area) -> Place {
        let across = self.x.at(x, (area.left, area.right)).unwrap_or(area.left);
        (across, self.y.at(y, (area.bottom, area.top)).unwrap_or(area.bottom))
    }

    fn marks(&self, layer: &Layer<'_>, area: Area) {
        for mark in &self.levels {
            let Some(y) = self.y.at(mark.at, (area.bottom, area.top)) else { continue };
            if !self.y.place(mark.at).is_some_and(|place| (0.0..=1.0).contains(&place)) {
                continue;
            }
            dashes(layer, mark.tone, (area.left, y), (area.right, y));
            // What it is stands above the frame, where no curve is.
            let width = sheet::text_width(&mark.text, TICK);
            let above = (area.right, area.top - 13.0);
            dashes(
                layer,
                mark.tone,
                (area.right - width - 22.0, above.1),
                (area.right - width - 4.0, above.1),
            );
            layer.text(Words::new(mark.tone, TICK, Anchor::End), above, &mark.text);
        }
        for mark in &self.marks {
            let Some(x) = self.x.at(mark.at, (area.left, area.right)) else { continue };
            if !self.x.place(mark.at).is_some_and(|place| (0.0..=1.0).contains(&place)) {
                continue;
            }
            dashes(layer, mark.tone, (x, area.top), (x, area.bottom));
            let is_left = x < f64::midpoint(area.left, area.right);
            let (anchor, aside) = if is_left { (Anchor::Start, 5.0) } else { (Anchor::End, -5.0) };
            let words = Words::new(mark.tone, TICK, anchor);
            layer.text(words, (x + aside, area.bottom - 10.0), &mark.text);
        }
    }

    /// Of each curve: where it ends, and how high its name is, so that names keep apart.
    fn ends(&self, area: Area) -> Vec<Option<(Place, f64)>> {
        let end = |curve: &Curve| {
            let mut last = curve.points.iter().rev();
            let point = last.find(|(x, y)| self.holds(*x, *y))?;
            Some(self.place(*point, area))
        };
        let ends: Vec<_> = self.curves.iter().map(end).collect();
        let heights: Vec<_> = ends.iter().map(|end| end.map(|(_, y)| y)).collect();
        let rows = spread(&heights, ROW, (area.top, area.bottom));
        ends.into_iter().zip(rows).map(|(end, row)| end.zip(row)).collect()
    }
}

/// Gives charts above each other the same room left and right.
pub(super) fn align(charts: &mut [Chart], sheet: &Sheet) {
    let room = |chart: &Chart| {
        let is_beside = chart.names == Names::Ends && !sheet.is_narrow();
        // The marks are not known yet; no text is longer than the ends' or half of them.
        let marks = chart.y.marks(6);
        chart.room(&marks, if is_beside { Names::Ends } else { Names::Above })
    };
    let margins = charts
        .iter()
        .map(room)
        .fold((0.0_f64, 0.0_f64), |most, (left, right)| (most.0.max(left), most.1.max(right)));
    for chart in charts {
        chart.margins = margins;
    }
}

/// Heights moved as little as may be, so that they are at least `gap` apart, within the range if it
/// has room for all.
fn spread(heights: &[Option<f64>], gap: f64, (top, bottom): (f64, f64)) -> Vec<Option<f64>> {
    let mut order: Vec<usize> = (0..heights.len()).filter(|n| heights[*n].is_some()).collect();
    order.sort_by(|a, b| heights[*a].partial_cmp(&heights[*b]).unwrap_or(a.cmp(b)));
    let mut spread = heights.to_vec();
    let mut least = top;
    for place in &order {
        let height = spread[*place].unwrap_or(top).max(least);
        spread[*place] = Some(height);
        least = height + gap;
    }
    let mut most = bottom.max(top + gap * order.len().saturating_sub(1) as f64);
    for place in order.iter().rev() {
        let height = spread[*place].unwrap_or(bottom).min(most);
        spread[*place] = Some(height);
        most = height - gap;
    }
    spread
}

/// A curve's name right of the frame, with a line to its end if that is near.
fn name(layer: &Layer<'_>, curve: &Curve, end: Place, (right, at): Place) {
    let tone = curve.owner.tone();
    if right - end.0 < 24.0 {
        layer.line(tone, 1.0, &[end, (right + 6.0, at)]);
    }
    layer.line(tone, 2.4, &[(right + 6.0, at), (right + 14.0, at)]);
    let text = sheet::shortened(&curve.name, NAME, NAMES_WIDTH);
    layer.text(Words::new(Tone::Ink, NAME, Anchor::Start), (right + 18.0, at), &text);
}

/// A dashed line; style sheets are not needed to see that it is no curve.
fn dashes(layer: &Layer<'_>, tone: Tone, from: Place, to: Place) {
    let length = (to.0 - from.0).hypot(to.1 - from.1);
    let count = (length / 9.0).floor().max(1.0);
    let at = |share: f64| (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
    for dash in 0..count as usize {
        let begin = dash as f64 / count;
        layer.line(tone, 1.1, &[at(begin), at(begin + 0.55 / count)]);
    }
}

/// What an empty frame says.
pub(super) fn nothing(layer: &Layer<'_>, area: Area) {
    layer.rectangle(Tone::Empty, 1.0, area);
    let middle = (f64::midpoint(area.left, area.right), f64::midpoint(area.top, area.bottom));
    let words = Words::new(Tone::Soft, NAME, Anchor::Middle);
    layer.text(words, middle, "nothing was measured");
}

#[cfg(test)]
mod tests {
    use super::super::axis::Unit;
    use super::*;

    fn drawn(curves: Vec<Curve>, size: (f64, f64)) -> String {
        let axes = (
            Axis::between("time in s", Unit::Seconds, 0.0, 10.0),
            Axis::between("rate", Unit::Plain, 0.0, 100.0),
        );
        let mut sheet = Sheet::new(size, "title", "about");
        let area = Area { left: 0.0, top: 0.0, right: size.0, bottom: size.1 };
        Chart::new(axes, curves, Names::Ends).draw(&mut sheet, area, 0);
        sheet.finish("wide")
    }

    /// Of a drawing's only plot: left, top, right and bottom, in tenths of a pixel.
    fn area(svg: &str) -> Vec<f64> {
        let (_, rest) = svg.split_once("data-area=\"").unwrap();
        let (area, _) = rest.split_once('"').unwrap();
        area.split(' ').map(|n| n.parse().unwrap()).collect()
    }

    #[test]
    fn points_land_where_the_scale_says() {
        let points = vec![(0.0, 0.0), (5.0, 50.0), (10.0, 100.0)];
        let svg = drawn(vec![Curve::new("a", Owner::Mode(0), points)], (800.0, 400.0));
        let [left, top, right, bottom] = area(&svg)[..] else { panic!("{svg}") };
        let middle = (f64::midpoint(left, right), f64::midpoint(top, bottom));
        let points = [(left, bottom), middle, (right, top)];
        let points: Vec<_> =
            points.iter().map(|(x, y)| format!("{},{}", x.round(), y.round())).collect();
        assert!(svg.contains(&format!("points=\"{}\"", points.join(" "))), "{points:?}: {svg}");
    }

    #[test]
    fn a_gap_parts_a_curve_and_a_lonely_point_is_a_dot() {
        let nan = f64::NAN;
        let points = vec![(0.0, 1.0), (1.0, 1.0), (2.0, nan), (3.0, 9.0), (4.0, nan)];
        let svg = drawn(vec![Curve::new("a", Owner::Mode(0), points)], (800.0, 400.0));
        let (_, series) = svg.split_once("data-name=\"a\"").unwrap();
        let (series, _) = series.split_once("</g>").unwrap();
        assert_eq!(series.matches("<polyline").count(), 1, "{series}");
        assert_eq!(series.matches("<circle").count(), 1, "{series}");
    }

    #[test]
    fn nothing_gives_an_empty_frame_that_says_so() {
        let nan = Curve::new("a", Owner::Mode(0), vec![(f64::NAN, f64::NAN), (1.0, f64::NAN)]);
        for curves in [vec![], vec![nan], vec![Curve::new("b", Owner::Flow(0), vec![])]] {
            for size in [(800.0, 400.0), (360.0, 300.0)] {
                let svg = drawn(curves.clone(), size);
                assert!(svg.contains("nothing was measured"), "{svg}");
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
        let some = Curve::new("a", Owner::Mode(0), vec![(1.0, 1.0), (2.0, 2.0)]);
        assert!(!drawn(vec![some], (800.0, 400.0)).contains("nothing"));
    }

    #[test]
    fn names_keep_apart_and_move_no_more_than_needed() {
        let spread = |heights: &[Option<f64>]| spread(heights, 10.0, (0.0, 100.0));
        assert_eq!(spread(&[Some(50.0), Some(20.0)]), [Some(50.0), Some(20.0)]);
        assert_eq!(spread(&[Some(50.0), None, Some(52.0)]), [Some(50.0), None, Some(60.0)]);
        assert_eq!(spread(&[Some(98.0), Some(99.0)]), [Some(90.0), Some(100.0)]);
        let many = vec![Some(50.0); 20];
        let rows = spread(&many);
        assert!(rows.windows(2).all(|pair| pair[1].unwrap() - pair[0].unwrap() >= 10.0 - 1e-9));
    }

    #[test]
    fn more_modes_than_colours_differ_by_dashes() {
        let curve = |n| Curve::new("a", Owner::Mode(n), vec![]);
        assert_eq!(curve(0).look, Look::Solid);
        assert_eq!(curve(8).look, Look::Dashed);
    }
}
