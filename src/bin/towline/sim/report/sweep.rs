//! A metric over one axis of a sweep: a line for each mode, and between which values it truly is.

use super::axis::{Axis, Unit};
use super::chart::{Chart, Curve, Look, Mark, Names, Owner};
use super::sheet::{Area, Sheet};
use super::theme::Tone;
use super::theory::{Model, Path};
use super::winners::Estimate;
use std::fmt::Write as _;

/// What is swept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Steps {
    pub(super) name: String,
    pub(super) unit: Unit,
    /// Ascending.
    pub(super) values: Vec<f64>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) owner: Owner,
    /// One for each step.
    pub(super) estimates: Vec<Option<Estimate>>,
}

/// A metric over one axis.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    pub(super) x: Steps,
    pub(super) metric: String,
    pub(super) unit: Unit,
    pub(super) lines: Vec<Line>,
    /// Where models of TCP's goodput apply.
    pub(super) theory: Option<Path>,
    /// What no mode can exceed: the link's rate.
    pub(super) ceiling: Option<f64>,
}

/// Points of a model's curve.
const POINTS: usize = 80;
/// Steps that are so far apart, first to last, are better read as factors.
const FACTORS: f64 = 15.0;

impl Steps {
    fn axis(&self) -> Axis {
        let above = self.values.iter().copied().filter(|value| *value > 0.0);
        let least = above.clone().fold(f64::INFINITY, f64::min);
        let most = above.fold(0.0, f64::max);
        if most >= least * FACTORS {
            return Axis::log(&self.name, self.unit, self.values.iter().copied());
        }
        let (first, last) = self
            .values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        let edge = (last - first) * 0.04;
        let low = if first >= 0.0 { (first - edge).max(0.0) } else { first - edge };
        Axis::between(&self.name, self.unit, low, last + edge)
    }
}

impl Sweep {
    /// Draws the lines.
    pub(super) fn draw(&self, size: (f64, f64)) -> Sheet {
        let x = self.x.axis();
        let measured = self.lines.iter().flat_map(|line| line.estimates.iter().flatten());
        let values: Vec<f64> =
            measured.flat_map(|estimate| [estimate.value, estimate.low]).collect();
        let spread = |pick: fn(f64, f64) -> f64, start: f64| {
            values.iter().copied().filter(|v| *v > 0.0 && v.is_finite()).fold(start, pick)
        };
        let (least, most) = (spread(f64::min, f64::INFINITY), spread(f64::max, 0.0));
        let y = if most > least * 30.0 {
            Axis::log(&self.metric, self.unit, values.iter().copied().filter(|v| *v > 0.0))
        } else {
            Axis::from_zero(&self.metric, self.unit, values.iter().copied().chain(self.ceiling))
        };
        let mut curves: Vec<Curve> = self.lines.iter().map(|line| self.curve(line)).collect();
        if let Some(path) = self.theory {
            curves.extend(Model::ALL.map(|model| theory(model, path, &x)));
        }
        let mut chart = Chart::new((x, y), curves, Names::Ends);
        if let Some(ceiling) = self.ceiling {
            let text = format!("link: {}", self.unit.text(ceiling));
            chart.levels.push(Mark { at: ceiling, text, tone: Tone::Soft });
        }
        let title = format!("{} by {}", self.metric, self.x.name);
        let mut sheet = Sheet::new(size, &title, &self.words());
        let outer = Area { left: 0.0, top: 0.0, right: size.0, bottom: size.1 };
        chart.draw(&mut sheet, outer, 0);
        sheet
    }

    fn curve(&self, line: &Line) -> Curve {
        let steps = || self.x.values.iter().zip(&line.estimates);
        let value = |estimate: &Option<Estimate>| estimate.map_or(f64::NAN, |e| e.value);
        let points = steps().map(|(x, estimate)| (*x, value(estimate))).collect();
        let band = steps().filter_map(|(x, estimate)| {
            let Estimate { low, high, .. } = (*estimate)?;
            (low < high).then_some((*x, low, high))
        });
        let band = band.collect();
        Curve { band, has_dots: true, ..Curve::new(&line.name, line.owner, points) }
    }

    /// The lines in words.
    fn words(&self) -> String {
        let mut words = format!("{} over {}. ", self.metric, self.x.name);
        for line in &self.lines {
            let steps = self.x.values.iter().zip(&line.estimates);
            let values: Vec<_> = steps
                .map(|(x, estimate)| {
                    let value = estimate.map_or(f64::NAN, |e| e.value);
                    format!("{} at {}", self.unit.text(value), self.x.unit.text(*x))
                })
                .collect();
            let _ = write!(words, "{}: {}. ", line.name, values.join(", "));
        }
        words
    }
}

/// A model's curve over an axis of loss.
fn theory(model: Model, path: Path, x: &Axis) -> Curve {
    let (low, high) = (x.low().max(x.high() / 1e5), x.high());
    let loss = |n: usize| low * (high / low).powf(n as f64 / POINTS as f64);
    let points = (0..=POINTS).map(|n| (loss(n), model.goodput_bps(path, loss(n))));
    Curve::new(model.name(), Owner::Nobody, points.collect()).looks(match model {
        Model::Mathis => Look::Dashed,
        Model::Pftk => Look::Dotted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep() -> Sweep {
        let line = |name: &str, owner, values: [Option<f64>; 3]| Line {
            name: name.to_owned(),
            owner,
            estimates: values
                .map(|v| v.map(|value| Estimate { value, low: value * 0.9, high: value * 1.1 }))
                .to_vec(),
        };
        Sweep {
            x: Steps { name: "loss".to_owned(), unit: Unit::Share, values: vec![0.001, 0.01, 0.1] },
            metric: "goodput".to_owned(),
            unit: Unit::BitsPerSecond,
            lines: vec![
                line("stream", Owner::Mode(0), [Some(9e6), Some(5e6), Some(2e6)]),
                line("TCP", Owner::Mode(1), [Some(8e6), None, Some(1e6)]),
            ],
            theory: Some(Path { mss_bytes: 1200.0, rtt_s: 0.05 }),
            ceiling: Some(10e6),
        }
    }

    #[test]
    fn models_are_dashed_and_the_ceiling_is_named() {
        let svg = sweep().draw((900.0, 420.0)).finish("wide");
        assert!(svg.contains("series other dashed") && svg.contains("series other dotted"));
        assert!(svg.contains("Mathis") && svg.contains("link: 10\u{a0}Mbit/s"), "{svg}");
        assert!(svg.contains("band m0"));
    }

    #[test]
    fn a_missing_step_is_a_gap() {
        let sweep = sweep();
        let curve = sweep.curve(&sweep.lines[1]);
        assert!(curve.points[1].1.is_nan() && (curve.points[2].1 - 1e6).abs() < 1e-9);
        assert_eq!(curve.band.len(), 2);
    }

    #[test]
    fn far_apart_steps_are_factors_and_near_ones_are_not() {
        let axis = |values: &[f64]| Steps { values: values.to_vec(), ..sweep().x }.axis();
        assert!(axis(&[0.0, 0.001, 0.1]).code().starts_with("zero"));
        assert!(axis(&[0.001, 0.1]).code().starts_with("log"));
        assert!(axis(&[0.01, 0.02, 0.03]).code().starts_with("linear"));
        assert!(axis(&[]).code().starts_with("linear"));
    }

    #[test]
    fn values_that_are_never_or_nothing_draw_a_frame() {
        let mut sweep = sweep();
        sweep.theory = None;
        for value in [f64::INFINITY, f64::NAN] {
            for line in &mut sweep.lines {
                line.estimates = vec![Some(Estimate::exact(value)); 3];
            }
            let svg = sweep.draw((360.0, 300.0)).finish("narrow");
            assert!(svg.contains("nothing was measured") && !svg.contains(">NaN"), "{svg}");
        }
    }
}
