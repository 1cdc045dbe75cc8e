//! A picture that stands alone, for documents: its legend above it, light and dark.

use super::svg::escaped;
use super::{COLOURS, DRAWING, Mode, colours};
use std::fmt::Write as _;

/// The drawing below the legend.
pub(super) const SIZE: (f64, f64) = (860.0, 360.0);

/// A legend's entry, and a row of them.
const COLUMN: f64 = 205.0;
const LINE: f64 = 22.0;
const COLUMNS: usize = 4;
const MARGIN: f64 = 14.0;

/// The drawing with the legend of these modes.
pub(super) fn standalone(drawing: &str, modes: &[Mode<'_>]) -> String {
    let (width, height) = SIZE;
    let top = MARGIN + LINE * modes.len().div_ceil(COLUMNS) as f64 + 6.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {}\" width=\"{width}\">\n\
         <style>\n{COLOURS}{DRAWING}{}.key {{ font-size: 13px; fill: var(--ink); }}\n</style>\n\
         <rect width=\"100%\" height=\"100%\" style=\"fill:var(--card)\"/>\n",
        top + height,
        colours(modes)
    );
    for (number, mode) in modes.iter().enumerate() {
        let x = MARGIN + COLUMN * (number % COLUMNS) as f64;
        let y = MARGIN + LINE * (number / COLUMNS) as f64 + 6.0;
        let _ = writeln!(
            text,
            "<line class=\"curve m{number}\" x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/>\
             <text class=\"key\" x=\"{}\" y=\"{}\">{}</text>",
            x + 26.0,
            x + 33.0,
            y + 4.5,
            escaped(mode.title)
        );
    }
    let _ = write!(
        text,
        "<svg y=\"{top}\" width=\"{width}\" height=\"{height}\">{drawing}</svg>\n</svg>\n"
    );
    text
}
