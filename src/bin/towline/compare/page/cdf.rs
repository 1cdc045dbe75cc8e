//! How many messages arrived within which time: one curve for each mode.

use super::scale::{self, Linear, Log};
use super::svg::{Anchor, Svg};
use std::time::Duration;
use towline::sim::compare::Measures;

/// Points of a curve.
const POINTS: u32 = 240;

/// The shares that have a line, and what is written beside it.
const SHARES: [(f64, &str); 6] = [
    (0.0, "0 %"),
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
];

/// Texts below the axis are at least so far apart.
const TEXT_GAP: f64 = 44.0;

/// Draws the curves; a narrow drawing has fewer texts.
pub(super) fn draw(modes: &[&Measures], (width, height): (f64, f64), class: &str) -> String {
    let mut svg = Svg::new(width, height);
    let (left, right, top, bottom) = (56.0, width - 12.0, 12.0, height - 40.0);
    let ms = |nanos: u64| nanos as f64 / 1e6;
    let all = || modes.iter();
    let first = all().filter_map(|m| m.latencies.first()).min().map_or(1.0, |n| ms(*n));
    let last = all().filter_map(|m| m.latencies.last()).max().map_or(10.0, |n| ms(*n));
    let x = Log::new((scale::round_down(first * 0.8), last * 1.15), (left, right));
    let most = all().map(|m| m.offered).max().unwrap_or(1) as f64;
    let ceiling = most.max(20.0).log10().min(4.2);
    let y = Linear { values: (0.0, ceiling), places: (bottom, top) };
    let mut text_at = f64::MIN;
    for mark in x.marks() {
        svg.line("grid", (x.place(mark), top), (x.place(mark), bottom));
        if x.place(mark) - text_at >= TEXT_GAP {
            text_at = x.place(mark);
            let text = scale::time(Duration::from_secs_f64(mark / 1e3));
            svg.text("tick", (text_at, bottom + 16.0), Anchor::Middle, &text);
        }
    }
    for (share, text) in SHARES {
        let at = nines(share);
        if at <= ceiling {
            svg.line("grid", (left, y.place(at)), (right, y.place(at)));
            svg.text("tick", (left - 6.0, y.place(at) + 4.0), Anchor::End, text);
        }
    }
    let middle = f64::midpoint(left, right);
    svg.text("axis", (middle, height - 6.0), Anchor::Middle, "latency, from send to receive");
    // Backwards, so that a dashed curve lies on the solid one that follows it in the legend.
    for (number, measures) in modes.iter().enumerate().rev() {
        let points = curve(measures, ceiling);
        let mut points: Vec<_> =
            points.iter().map(|(ns, at)| (x.place(ms(*ns)), y.place(*at))).collect();
        if let Some((first, _)) = points.first().copied() {
            points.insert(0, (first, bottom));
        }
        let class = format!("curve m{number}");
        svg.polyline(&class, &points);
        // What never arrives: the curve ends there, and goes on without getting higher.
        if let Some(end) = points.last().filter(|_| measures.delivered_share() < 1.0) {
            svg.line(&format!("{class} never"), *end, (right, end.1));
        }
    }
    svg.finish(class, "Share of messages delivered within a time, by mode")
}

/// How far up the axis a share is: 90 % is one, 99 % two.
fn nines(share: f64) -> f64 {
    -(1.0 - share).max(1e-9).log10()
}

/// Latencies and how far up they are.
fn curve(measures: &Measures, ceiling: f64) -> Vec<(u64, f64)> {
    let total = measures.offered as f64;
    let mut points = Vec::new();
    for n in 0..=POINTS {
        let at = ceiling * f64::from(n) / f64::from(POINTS);
        let rank = ((1.0 - 10f64.powf(-at)) * total).ceil().max(1.0);
        match measures.latencies.get(rank as usize - 1) {
            Some(nanos) => points.push((*nanos, at)),
            None => break,
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_where_messages_are_missing() {
        let latencies = (1..=950).map(|n| n * 1_000_000).collect();
        let measures = Measures { offered: 1000, latencies, ..Measures::default() };
        let points = curve(&measures, 3.0);
        let (last, at) = *points.last().unwrap();
        assert!((940_000_000..=950_000_000).contains(&last), "{last}");
        assert!((nines(0.94)..=nines(0.95)).contains(&at), "{at}");
        assert!(points.windows(2).all(|two| two[0].0 <= two[1].0));
        assert!((nines(0.99) - 2.0).abs() < 1e-9);
    }
}
