//! Drawings: a few shapes with classes, whose colours the page's style sheet gives.

use std::fmt::Write as _;

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
            c => escaped.push(c),
        }
    }
    escaped
}

/// A drawing of a fixed size in its own units, which the page stretches.
#[derive(Debug)]
pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text stands about its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let _ = write!(
            self.body,
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            number(from.0),
            number(from.1),
            number(to.0),
            number(to.1)
        );
    }

    pub(super) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        let points: Vec<_> =
            points.iter().map(|(x, y)| format!("{},{}", number(*x), number(*y))).collect();
        let _ = write!(self.body, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
    }

    pub(super) fn circle(&mut self, class: &str, at: (f64, f64), radius: f64) {
        let (x, y) = (number(at.0), number(at.1));
        let _ = write!(
            self.body,
            "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{}\"/>",
            number(radius)
        );
    }

    pub(super) fn rectangle(&mut self, class: &str, at: (f64, f64), width: f64, height: f64) {
        let (x, y) = (number(at.0), number(at.1));
        let (width, height) = (number(width), number(height));
        let _ = write!(
            self.body,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        );
    }

    /// Two strokes across each other.
    pub(super) fn cross(&mut self, class: &str, at: (f64, f64), radius: f64) {
        let (left, right) = (number(at.0 - radius), number(at.0 + radius));
        let (top, bottom) = (number(at.1 - radius), number(at.1 + radius));
        let _ = write!(
            self.body,
            "<path class=\"{class}\" d=\"M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}\"/>"
        );
    }

    /// A line with a head at its end.
    pub(super) fn arrow(&mut self, class: &str, from: (f64, f64), to: (f64, f64), head: f64) {
        self.line(class, from, to);
        let (x, y) = (to.0 - from.0, to.1 - from.1);
        let length = x.hypot(y).max(1e-9);
        let (x, y) = (x / length * head, y / length * head);
        let (back_x, back_y) = (to.0 - x, to.1 - y);
        let _ = write!(
            self.body,
            "<path class=\"{class} head\" d=\"M{} {}L{} {}L{} {}Z\"/>",
            number(to.0),
            number(to.1),
            number(back_x - y * 0.4),
            number(back_y + x * 0.4),
            number(back_x + y * 0.4),
            number(back_y - x * 0.4)
        );
    }

    pub(super) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let _ = write!(
            self.body,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            number(at.0),
            number(at.1),
            escaped(text)
        );
    }

    /// The drawing, with what it shows in words for those who cannot see it.
    pub(super) fn finish(self, class: &str, label: &str) -> String {
        let Self { width, height, body } = self;
        format!(
            "<svg class=\"{class}\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {} {}\">{body}</svg>\n",
            escaped(label),
            number(width),
            number(height)
        )
    }
}

/// At most two decimals: what is finer cannot be seen.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawings_are_short_and_safe() {
        let mut svg = Svg::new(10.0, 20.0);
        svg.line("a", (0.0, 1.0), (-0.001, 1.0 / 3.0));
        svg.text("b", (1.0, 2.0), Anchor::End, "<&\"'>");
        let text = svg.finish("c", "\"x\"");
        assert_eq!(
            text,
            "<svg class=\"c\" role=\"img\" aria-label=\"&quot;x&quot;\" viewBox=\"0 0 10 20\">\
             <line class=\"a\" x1=\"0\" y1=\"1\" x2=\"0\" y2=\"0.33\"/>\
             <text class=\"b\" x=\"1\" y=\"2\" text-anchor=\"end\">&lt;&amp;&quot;&#39;&gt;</text>\
             </svg>\n"
        );
    }
}
