//! A drawing in layers, each drawn by plotters and wrapped in a group that style sheets know.

use super::axis::Axis;
use super::theme::{self, Tone};
use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBAColor, ShapeStyle};
use std::fmt::Write as _;

/// plotters counts whole pixels, so ours are tenths of a pixel.
const FINE: f64 = 10.0;
/// plotters writes texts smaller than it is told, by this factor.
const FONT: f64 = 1.24;

/// Around a drawing in a file of its own, and above it, with its title.
const MARGIN: f64 = 14.0;
const TITLE: f64 = 46.0;

/// A place on a sheet, in pixels from its upper left corner.
pub(super) type Place = (f64, f64);

/// A rectangle of a sheet, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Area {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom - self.top
    }
}

/// Where a text stands about its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    pub(super) tone: Tone,
    pub(super) size: f64,
    pub(super) anchor: Anchor,
    pub(super) is_bold: bool,
}

impl Words {
    pub(super) fn new(tone: Tone, size: f64, anchor: Anchor) -> Self {
        Self { tone, size, anchor, is_bold: false }
    }
}

/// A drawing, layer upon layer.
#[derive(Debug)]
pub(super) struct Sheet {
    width: f64,
    height: f64,
    title: String,
    about: String,
    body: String,
}

/// One layer while it is drawn. Drawing into a text cannot fail, so results are dropped.
pub(super) struct Layer<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl Sheet {
    /// An empty sheet of so many pixels, with its title and what it shows, for those who cannot see it.
    pub(super) fn new((width, height): (f64, f64), title: &str, about: &str) -> Self {
        let (title, about) = (title.to_owned(), about.to_owned());
        Self { width, height, title, about, body: String::new() }
    }

    /// The same with another title.
    pub(super) fn titled(self, title: &str) -> Self {
        Self { title: title.to_owned(), ..self }
    }

    /// Whether there is little room: a telephone's.
    pub(super) fn is_narrow(&self) -> bool {
        self.width < 560.0
    }

    /// Draws a layer with these classes; `hint` is shown beside a pointer that rests on it.
    pub(super) fn layer(&mut self, class: &str, hint: Option<&str>, draw: impl FnOnce(&Layer<'_>)) {
        let inner = self.drawn(draw);
        if inner.is_empty() {
            return;
        }
        let _ = write!(self.body, "<g class=\"{}\">", escaped(class));
        if let Some(hint) = hint {
            let _ = write!(self.body, "<title>{}</title>", escaped(hint));
        }
        self.body += &inner;
        self.body += "</g>\n";
    }

    /// Draws what belongs to one curve, whose name and plot a script may look for.
    pub(super) fn series(
        &mut self,
        class: &str,
        name: &str,
        plot: usize,
        draw: impl FnOnce(&Layer<'_>),
    ) {
        let inner = self.drawn(draw);
        let (class, name) = (escaped(class), escaped(name));
        let _ = writeln!(
            self.body,
            "<g class=\"{class}\" data-name=\"{name}\" data-plot=\"{plot}\"><title>{name}</title>{inner}</g>"
        );
    }

    /// Says which values are where in a part of the sheet, for a script.
    pub(super) fn plot(&mut self, number: usize, area: Area, (x, y): (&Axis, &Axis)) {
        let _ = writeln!(
            self.body,
            "<g class=\"plotted\" data-plot=\"{number}\" data-area=\"{:.0} {:.0} {:.0} {:.0}\" \
             data-x=\"{}\" data-y=\"{}\" data-units=\"{:?} {:?}\"></g>",
            area.left * FINE,
            area.top * FINE,
            area.right * FINE,
            area.bottom * FINE,
            x.code(),
            y.code(),
            x.unit,
            y.unit,
        );
    }

    fn drawn(&self, draw: impl FnOnce(&Layer<'_>)) -> String {
        let mut text = String::new();
        let size = ((self.width * FINE) as u32, (self.height * FINE) as u32);
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let layer = Layer { area };
        draw(&layer);
        drop(layer);
        let inner = text.split_once('>').map_or("", |(_, inner)| inner);
        let inner = inner.rsplit_once("</svg>").map_or(inner, |(inner, _)| inner);
        inner.replace(['\n', '\r'], "").replace(" opacity=\"1\"", "").replace(" \"/>", "\"/>")
    }

    /// The drawing as a part of a page.
    pub(super) fn finish(self, class: &str) -> String {
        let view = (0.0, 0.0, self.width, self.height);
        self.written(&format!("class=\"{class}\""), view, "")
    }

    /// The drawing as a file of its own: its colours with it.
    pub(super) fn standalone(self) -> String {
        let (width, height) = (self.width + 2.0 * MARGIN, self.height + MARGIN + TITLE);
        let attributes =
            format!("xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\"");
        let paper = format!(
            "<style>\n{}</style>\n<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n\
             <text x=\"0\" y=\"{}\" font-size=\"{}\" font-weight=\"600\" fill=\"{}\">{}</text>\n",
            theme::sheet(),
            -MARGIN * FINE,
            -TITLE * FINE,
            width * FINE,
            height * FINE,
            Tone::Card.hex(),
            -(TITLE - MARGIN) * FINE / 2.0,
            15.0 * FINE,
            Tone::Ink.hex(),
            escaped(&self.title),
        );
        let view = (-MARGIN, -TITLE, width, height);
        self.written(&attributes, view, &paper)
    }

    fn written(
        self,
        attributes: &str,
        (left, top, width, height): (f64, f64, f64, f64),
        before: &str,
    ) -> String {
        let Self { title, about, body, .. } = self;
        format!(
            "<svg {attributes} viewBox=\"{} {} {} {}\" role=\"img\"><title>{}</title><desc>{}</desc>\n\
             {before}{body}</svg>\n",
            left * FINE,
            top * FINE,
            width * FINE,
            height * FINE,
            escaped(&title),
            escaped(&about),
        )
    }
}

impl<'a> Layer<'a> {
    pub(super) fn line(&self, tone: Tone, width: f64, points: &[Place]) {
        let points: Vec<_> = points.iter().map(|place| fine(*place)).collect();
        let _ = self.area.draw(&PathElement::new(points, stroke(tone, width, 1.0)));
    }

    pub(super) fn rectangle(&self, tone: Tone, opacity: f64, area: Area) {
        let corners = [fine((area.left, area.top)), fine((area.right, area.bottom))];
        let style = ShapeStyle { filled: true, ..stroke(tone, 1.0, opacity) };
        let _ = self.area.draw(&Rectangle::new(corners, style));
    }

    pub(super) fn dot(&self, tone: Tone, radius: f64, place: Place) {
        let style = ShapeStyle { filled: true, ..stroke(tone, 1.0, 1.0) };
        let _ = self.area.draw(&Circle::new(fine(place), (radius * FINE) as i32, style));
    }

    pub(super) fn ring(&self, tone: Tone, radius: f64, place: Place) {
        let _ = self.area.draw(&Circle::new(
            fine(place),
            (radius * FINE) as i32,
            stroke(tone, 1.4, 1.0),
        ));
    }

    /// Two strokes across each other.
    pub(super) fn cross(&self, tone: Tone, radius: f64, (x, y): Place) {
        self.line(tone, 1.6, &[(x - radius, y - radius), (x + radius, y + radius)]);
        self.line(tone, 1.6, &[(x - radius, y + radius), (x + radius, y - radius)]);
    }

    /// A text whose middle is as high as its place.
    pub(super) fn text(&self, words: Words, place: Place, text: &str) {
        let across = match words.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let colour = words.tone.rgb();
        let mut font = ("sans-serif", words.size * FINE * FONT).into_font();
        if words.is_bold {
            font = font.style(FontStyle::Bold);
        }
        let style = font.color(&colour).pos(Pos::new(across, VPos::Center));
        let _ = self.area.draw(&Text::new(text.to_owned(), fine(place), style));
    }

    /// A part of the layer whose places are values of two axes.
    pub(super) fn values(
        &self,
        area: Area,
        (x, y): (&Axis, &Axis),
    ) -> DrawingArea<SVGBackend<'a>, Cartesian2d<Axis, Axis>> {
        let (left, top) = fine((area.left, area.top));
        let (right, bottom) = fine((area.right, area.bottom));
        let places = (left..right, bottom..top);
        self.area.apply_coord_spec(Cartesian2d::<Axis, Axis>::new(x.clone(), y.clone(), places))
    }
}

/// How plotters draws a line of so many pixels.
pub(super) fn stroke(tone: Tone, width: f64, opacity: f64) -> ShapeStyle {
    let color: RGBAColor = tone.rgb().mix((opacity * 100.0).round() / 100.0);
    ShapeStyle { color, filled: false, stroke_width: (width * FINE).round() as u32 }
}

fn fine((x, y): Place) -> (i32, i32) {
    ((x * FINE).round() as i32, (y * FINE).round() as i32)
}

/// About how wide a text is at most, in pixels: fonts differ.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let wide = |c: char| match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' | '!' => 0.34,
        ' ' | '\u{a0}' | 't' | 'f' | 'r' | '(' | ')' | '-' | '/' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.98,
        'A'..='Z' | '→' | '×' | '≥' | '≤' => 0.74,
        _ => 0.63,
    };
    text.chars().map(wide).sum::<f64>() * size
}

/// As much of a text as fits.
pub(super) fn shortened(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if text_width(&short, size) + 1.6 * size > width {
            break;
        }
        short.push(c);
    }
    short + "…"
}

/// Text with what has a meaning in HTML written out.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // What XML 1.0 knows no way to write.
            c if c.is_control() && !['\t', '\n', '\r'].contains(&c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::axis::Unit;
    use super::*;
    use plotters::element::PathElement;

    fn sheet(draw: impl FnOnce(&Layer<'_>)) -> String {
        let mut sheet = Sheet::new((100.0, 50.0), "a < b", "\"both\"");
        sheet.layer("x", Some("it's"), draw);
        sheet.finish("wide")
    }

    #[test]
    fn places_are_tenths_of_a_pixel_and_colours_those_of_the_theme() {
        let text = sheet(|layer| layer.line(Tone::Ink, 1.5, &[(1.0, 2.0), (3.04, 4.06)]));
        assert_eq!(
            text,
            "<svg class=\"wide\" viewBox=\"0 0 1000 500\" role=\"img\"><title>a &lt; b</title>\
             <desc>&quot;both&quot;</desc>\n<g class=\"x\"><title>it&#39;s</title>\
             <polyline fill=\"none\" stroke=\"#1C2024\" stroke-width=\"15\" points=\"10,20 30,41\"/></g>\n</svg>\n"
        );
    }

    #[test]
    fn values_land_where_the_axes_say() {
        let (x, y) = (Axis::between("x", Unit::Plain, 0.0, 10.0), Axis::log_share("y", 0.01));
        let area = Area { left: 10.0, top: 5.0, right: 90.0, bottom: 45.0 };
        let text = sheet(|layer| {
            let values = layer.values(area, (&x, &y));
            let points = vec![(0.0, 0.01), (5.0, 0.1), (10.0, 1.0)];
            let _ = values.draw(&PathElement::new(points, stroke(Tone::Bad, 1.0, 1.0)));
        });
        assert!(text.contains("points=\"100,450 500,250 900,50\""), "{text}");
    }

    #[test]
    fn texts_are_escaped_once_and_cannot_break_out() {
        let words = Words::new(Tone::Ink, 11.0, Anchor::Middle);
        let text = sheet(|layer| layer.text(words, (50.0, 25.0), "</text><script>\u{1}&"));
        assert!(text.contains("&lt;/text&gt;&lt;script&gt;"), "{text}");
        assert!(!text.contains("<script"), "{text}");
        assert_eq!(escaped("\u{1}"), "\u{fffd}");
    }

    #[test]
    fn an_empty_layer_leaves_nothing() {
        let text = sheet(|_| ());
        assert!(!text.contains("<g"), "{text}");
    }

    #[test]
    fn a_file_of_its_own_knows_both_themes() {
        let text = Sheet::new((10.0, 10.0), "t", "d").standalone();
        assert!(
            text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"38\""),
            "{text}"
        );
        assert!(text.contains("prefers-color-scheme:dark"));
    }

    #[test]
    fn long_texts_are_shortened() {
        assert_eq!(shortened("abc", 10.0, 100.0), "abc");
        let short = shortened("a very long name of a mode", 10.0, 80.0);
        assert!(short.ends_with('…') && text_width(&short, 10.0) <= 90.0, "{short}");
    }
}
