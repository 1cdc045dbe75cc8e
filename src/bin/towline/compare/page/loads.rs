//! What a crowd gets through, by how much it offers: one curve for each mode.

use super::scale::{self, Linear};
use super::svg::{Anchor, Svg};
use crate::compare::crowd::Crowd;

/// Draws the curves.
pub(super) fn draw(crowd: &Crowd, (width, height): (f64, f64), class: &str) -> String {
    let mut svg = Svg::new(width, height);
    let (left, right, top, bottom) = (52.0, width - 12.0, 12.0, height - 40.0);
    let most = crowd.loads.iter().copied().fold(1.0, f64::max);
    let x = Linear { values: (0.0, most), places: (left, right) };
    let y = Linear { values: (0.0, 1.0), places: (bottom, top) };
    for mark in x.marks(8.0) {
        svg.line("grid", (x.place(mark), top), (x.place(mark), bottom));
        svg.text("tick", (x.place(mark), bottom + 16.0), Anchor::Middle, &scale::short(mark));
    }
    for mark in y.marks(5.0) {
        svg.line("grid", (left, y.place(mark)), (right, y.place(mark)));
        let text = format!("{:.0} %", mark * 100.0);
        svg.text("tick", (left - 6.0, y.place(mark) + 4.0), Anchor::End, &text);
    }
    let middle = f64::midpoint(left, right);
    let text = "offered by all together, in rates of the link";
    svg.text("axis", (middle, height - 6.0), Anchor::Middle, text);
    for (number, row) in crowd.rows.iter().enumerate().rev() {
        let class = format!("curve m{number}");
        let points = crowd.loads.iter().zip(&row.points);
        let mut places = vec![(x.place(0.0), y.place(0.0))];
        places.extend(points.map(|(load, point)| (x.place(*load), y.place(point.share.min(1.0)))));
        svg.polyline(&class, &places);
    }
    svg.finish(class, "Useful share of the link by offered load, by mode")
}
