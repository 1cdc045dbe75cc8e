//! What a sender and a link were like over time: windows, round trips, queues.

use super::axis::{Axis, Unit};
use super::chart::{self, Chart, Curve, Look, Mark, Names, Owner};
use super::sheet::{Area, Place, Sheet};
use super::theme::Tone;

/// One value over time, in seconds.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) name: String,
    pub(super) owner: Owner,
    pub(super) look: Look,
    /// One without a number is a gap.
    pub(super) points: Vec<Place>,
}

/// Tracks of one kind.
#[derive(Clone, Debug)]
pub(super) struct Tracks {
    pub(super) title: String,
    /// What the values are.
    pub(super) name: String,
    pub(super) unit: Unit,
    pub(super) lines: Vec<Track>,
    pub(super) duration_s: f64,
    /// A value worth knowing: a full queue.
    pub(super) level: Option<(f64, String)>,
}

impl Track {
    pub(super) fn new(name: impl Into<String>, owner: Owner, points: Vec<Place>) -> Self {
        Self { name: name.into(), owner, look: Look::Solid, points }
    }

    pub(super) fn looks(self, look: Look) -> Self {
        Self { look, ..self }
    }

    fn curve(&self) -> Curve {
        let curve = Curve::new(&self.name, self.owner, self.points.clone());
        if self.look == Look::Solid { curve } else { curve.looks(self.look) }
    }
}

impl Tracks {
    fn chart(&self, x_name: &str) -> Chart {
        let values = self.lines.iter().flat_map(|track| track.points.iter().map(|point| point.1));
        let x = Axis::between(x_name, Unit::Seconds, 0.0, self.duration_s);
        let level = self.level.iter().map(|level| level.0);
        let y = Axis::from_zero(&self.name, self.unit, values.chain(level));
        let curves = self.lines.iter().map(Track::curve).collect();
        let mut chart = Chart::new((x, y), curves, Names::Ends);
        if let Some((at, text)) = &self.level {
            chart.levels.push(Mark { at: *at, text: text.clone(), tone: Tone::Soft });
        }
        chart
    }

    /// Draws the tracks.
    pub(super) fn draw(&self, size: (f64, f64)) -> Sheet {
        draw(&[self], size)
    }
}

/// Draws several kinds of tracks above each other, over the same time.
pub(super) fn draw(all: &[&Tracks], size: (f64, f64)) -> Sheet {
    let titles: Vec<&str> = all.iter().map(|tracks| tracks.title.as_str()).collect();
    let names = all.iter().flat_map(|tracks| &tracks.lines).map(|track| track.name.as_str());
    let about = format!("Over time: {}.", names.collect::<Vec<_>>().join(", "));
    let mut sheet = Sheet::new(size, &titles.join(", "), &about);
    let height = size.1 / all.len().max(1) as f64;
    let last = all.len().saturating_sub(1);
    let named = |(number, tracks): (usize, &&Tracks)| {
        tracks.chart(if number == last { "time" } else { "" })
    };
    let mut charts: Vec<Chart> = all.iter().enumerate().map(named).collect();
    chart::align(&mut charts, &sheet);
    for (number, chart) in charts.iter().enumerate() {
        let top = height * number as f64 + if number > 0 { 6.0 } else { 0.0 };
        let bottom = height * (number as f64 + 1.0);
        let area = Area { left: 0.0, top, right: size.0, bottom };
        chart.draw(&mut sheet, area, number);
    }
    sheet
}

/// How much a count grew from each sample to the next, where it did.
pub(super) fn growth(counts: &[(f64, u64)]) -> Vec<Place> {
    let grown =
        counts.windows(2).map(|pair| (pair[1].0, pair[1].1.saturating_sub(pair[0].1) as f64));
    grown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_share_their_time_and_stand_above_each_other() {
        let tracks = |title: &str, unit| Tracks {
            title: title.to_owned(),
            name: title.to_owned(),
            unit,
            lines: vec![Track::new("a", Owner::Flow(0), vec![(0.0, 1.0), (9.0, 5.0)])],
            duration_s: 10.0,
            level: Some((6.0, "full".to_owned())),
        };
        let (queue, drops) = (tracks("backlog", Unit::Bytes), tracks("drops", Unit::Plain));
        let svg = draw(&[&queue, &drops], (900.0, 500.0)).finish("wide");
        assert_eq!(svg.matches("class=\"plotted\"").count(), 2);
        assert_eq!(svg.matches("data-x=\"linear 0e0 1e1\"").count(), 2, "{svg}");
        assert!(svg.contains("full"));
    }

    #[test]
    fn counts_become_what_they_grew_by() {
        assert_eq!(growth(&[(0.0, 3), (1.0, 3), (2.0, 7)]), [(1.0, 0.0), (2.0, 4.0)]);
        assert_eq!(growth(&[]), []);
    }

    #[test]
    fn nothing_known_is_an_empty_frame() {
        let tracks = Tracks {
            title: "window".to_owned(),
            name: "bytes".to_owned(),
            unit: Unit::Bytes,
            lines: vec![],
            duration_s: 0.0,
            level: None,
        };
        let svg = tracks.draw((360.0, 260.0)).finish("x");
        assert!(svg.contains("nothing was measured") && !svg.contains("NaN"), "{svg}");
    }
}
