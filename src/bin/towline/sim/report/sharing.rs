//! How flows share a link: what each gets over time, and how fair that is.

use super::axis::{Axis, Unit};
use super::chart::{self, Chart, Curve, Mark, Names, Owner};
use super::sheet::{Area, Place, Sheet};
use super::theme::Tone;
use towline::sim::scene::jain;

/// What one flow had got by when.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub(super) name: String,
    pub(super) owner: Owner,
    /// `(seconds, bytes so far)`, ascending.
    pub(super) delivered: Vec<(f64, u64)>,
}

/// The flows of a run.
#[derive(Clone, Debug)]
pub(super) struct Sharing {
    pub(super) flows: Vec<Flow>,
    /// How long the run was, in seconds.
    pub(super) duration_s: f64,
    /// When the flows had come to share alike, in seconds.
    pub(super) converged_s: Option<f64>,
    /// The link's rate, in bits per second.
    pub(super) ceiling_bps: Option<f64>,
}

/// Jain's index from which on flows count as sharing alike.
pub(super) const FAIR: f64 = 0.95;
/// Stretches over which bytes become rates.
const STRETCHES: f64 = 80.0;

impl Flow {
    /// Bits per second in stretches of so many seconds, at their middles.
    fn rates(&self, stretch: f64, count: usize) -> Vec<Place> {
        let so_far = |at: f64| {
            let place = self.delivered.partition_point(|(time, _)| *time <= at + 1e-9);
            place.checked_sub(1).map_or(0, |place| self.delivered[place].1)
        };
        let rate = |n: usize| {
            let from = n as f64 * stretch;
            let bytes = so_far(from + stretch).saturating_sub(so_far(from));
            (from + stretch / 2.0, bytes as f64 * 8.0 / stretch)
        };
        (0..count).map(rate).collect()
    }
}

impl Sharing {
    /// How long a stretch is, and how many there are.
    fn stretches(&self) -> (f64, usize) {
        let samples = self.flows.iter().filter_map(|flow| {
            let (first, last) = (flow.delivered.first()?.0, flow.delivered.last()?.0);
            Some((last - first) / (flow.delivered.len() as f64 - 1.0).max(1.0))
        });
        let apart = samples.fold(0.0, f64::max);
        let stretch = (self.duration_s / STRETCHES).max(apart);
        // A whole number of samples each, or rates would jump between neighbours.
        let whole = if apart > 0.0 { (stretch / apart - 1e-6).ceil() * apart } else { stretch };
        let count = if whole > 0.0 { (self.duration_s / whole + 1e-9).floor() } else { 0.0 };
        (whole, count as usize)
    }

    /// How long the stretches are, in seconds, of which the picture shows the rates.
    pub(super) fn stretch_s(&self) -> f64 {
        self.stretches().0
    }

    /// Draws rates above and Jain's index below.
    pub(super) fn draw(&self, size: (f64, f64)) -> Sheet {
        let (stretch, count) = self.stretches();
        let rates: Vec<Vec<Place>> =
            self.flows.iter().map(|flow| flow.rates(stretch, count)).collect();
        let fairness: Vec<Place> = (0..count)
            .map(|n| (stretch * (n as f64 + 0.5), jain(rates.iter().map(|flow| flow[n].1))))
            .collect();
        let about = format!(
            "Goodput of {} flows over {} s, and Jain's index of them: 1 if all get the same.",
            self.flows.len(),
            super::axis::short(self.duration_s)
        );
        let mut sheet = Sheet::new(size, "How the flows share the link", &about);
        let x = |name: &str| Axis::between(name, Unit::Seconds, 0.0, self.duration_s);
        let all = rates.iter().flatten().map(|(_, rate)| *rate);
        let y = Axis::from_zero("goodput of each flow", Unit::BitsPerSecond, all);
        let curves: Vec<Curve> = self
            .flows
            .iter()
            .zip(&rates)
            .map(|(flow, rates)| Curve::new(&flow.name, flow.owner, rates.clone()))
            .collect();
        let mut chart = Chart::new((x(""), y), curves, Names::Ends);
        if let Some(ceiling) = self.ceiling_bps {
            let share = ceiling / self.flows.len().max(1) as f64;
            let text = format!("equal share: {}", Unit::BitsPerSecond.text(share));
            chart.levels.push(Mark { at: share, text, tone: Tone::Soft });
        }
        let curve = Curve::new("Jain's index", Owner::Nobody, fairness);
        let y = Axis::between("Jain's index", Unit::Plain, 0.0, 1.0);
        let names = if sheet.is_narrow() { Names::Elsewhere } else { Names::Ends };
        let mut lower = Chart::new((x("time"), y), vec![curve], names);
        if let Some(at) = self.converged_s {
            let text = format!("fair for 3 s from {} on", Unit::Seconds.text(at));
            lower.marks.push(Mark { at, text, tone: Tone::Ink });
        }
        let mut charts = [chart, lower];
        chart::align(&mut charts, &sheet);
        let part = size.1 * 0.63;
        charts[0].draw(&mut sheet, Area { left: 0.0, top: 0.0, right: size.0, bottom: part }, 0);
        let lower = Area { left: 0.0, top: part + 4.0, right: size.0, bottom: size.1 };
        charts[1].draw(&mut sheet, lower, 1);
        sheet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(number: usize, bytes: impl Fn(u64) -> u64) -> Flow {
        let delivered = (0..=100).map(|n| (n as f64 / 10.0, bytes(n))).collect();
        Flow { name: format!("flow {number}"), owner: Owner::Flow(number), delivered }
    }

    fn sharing(flows: Vec<Flow>) -> Sharing {
        Sharing { flows, duration_s: 10.0, converged_s: Some(4.0), ceiling_bps: Some(2e6) }
    }

    #[test]
    fn rates_are_bytes_over_time() {
        // 12,500 bytes each 0.1 s: 1 Mbit/s.
        let sharing = sharing(vec![flow(0, |n| n * 12_500)]);
        let (stretch, count) = sharing.stretches();
        assert!(stretch >= 0.1 && count >= 40, "{stretch} {count}");
        for (at, rate) in sharing.flows[0].rates(stretch, count) {
            assert!((rate - 1e6).abs() < 1.0, "{at}: {rate}");
        }
    }

    #[test]
    fn stretches_hold_whole_samples() {
        let mut sharing = sharing(vec![flow(0, |n| n)]);
        let (stretch, _) = sharing.stretches();
        assert!((stretch / 0.1 - (stretch / 0.1).round()).abs() < 1e-6, "{stretch}");
        sharing.duration_s = 0.0;
        assert_eq!(sharing.stretches().1, 0);
    }

    #[test]
    fn convergence_is_marked_and_no_flows_are_an_empty_frame() {
        let both = sharing(vec![flow(0, |n| n * 10_000), flow(1, |n| n * 20_000)]);
        let svg = both.draw((900.0, 480.0)).finish("wide");
        assert!(svg.contains("fair for 3 s from 4\u{a0}s on"), "{svg}");
        assert!(svg.contains("equal share: 1\u{a0}Mbit/s"), "{svg}");
        let none = Sharing { flows: vec![], duration_s: 0.0, converged_s: None, ceiling_bps: None };
        assert!(none.draw((360.0, 400.0)).finish("x").contains("nothing was measured"));
    }
}
