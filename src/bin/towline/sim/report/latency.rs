//! How many messages arrive within which time, and how many take longer: one curve for each mode.

use super::axis::{Axis, Unit};
use super::chart::{Chart, Curve, Look, Names, Owner};
use super::sheet::{Area, Place, Sheet};

/// When the messages of a mode arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    pub(super) name: String,
    pub(super) owner: Owner,
    /// `(latency in milliseconds, how many took that long or less)`, ascending in both.
    pub(super) counts: Vec<(f64, u64)>,
    /// How many there were, those that never arrived included.
    pub(super) offered: u64,
}

/// Steps a curve is drawn with at most.
const STEPS: usize = 200;

/// Of so many samples the last shares mean nothing.
const FEW: u64 = 20;

impl Arrivals {
    /// Of latencies in nanoseconds, ascending.
    pub(super) fn of(name: &str, owner: Owner, latencies: &[u64], offered: u64) -> Self {
        let count = latencies.len();
        let mut counts: Vec<(f64, u64)> = Vec::new();
        for step in kept(count) {
            let latency = latencies[step] as f64 / 1e6;
            match counts.last_mut() {
                Some(last) if last.0 >= latency => last.1 = step as u64 + 1,
                _ => counts.push((latency, step as u64 + 1)),
            }
        }
        Self { name: name.to_owned(), owner, counts, offered: offered.max(count as u64) }
    }

    /// Of latencies of which only every so many-th was kept: they stand for `delivered` in all.
    pub(super) fn of_some(
        name: &str,
        owner: Owner,
        latencies: &[u64],
        (delivered, offered): (u64, u64),
    ) -> Self {
        let mut arrivals = Self::of(name, owner, latencies, offered);
        let kept = latencies.len().max(1) as f64;
        if delivered > latencies.len() as u64 {
            let each = delivered as f64 / kept;
            for (_, count) in &mut arrivals.counts {
                *count = (*count as f64 * each).round() as u64;
            }
        }
        arrivals.offered = offered.max(delivered);
        arrivals
    }

    fn share(&self, count: u64) -> f64 {
        count as f64 / self.offered.max(1) as f64
    }

    /// Shares that arrived in time.
    fn rising(&self) -> Vec<Place> {
        let mut points = Vec::with_capacity(self.counts.len() * 2);
        let mut before = 0.0;
        for (latency, count) in &self.counts {
            points.extend([(*latency, before), (*latency, self.share(*count))]);
            before = self.share(*count);
        }
        points
    }

    /// Shares that take longer, down to one message of all.
    fn falling(&self) -> Vec<Place> {
        let mut points = Vec::with_capacity(self.counts.len() * 2);
        let mut before = 1.0;
        for (latency, count) in &self.counts {
            let rest = self.offered.saturating_sub(*count);
            points.push((*latency, before));
            if rest == 0 {
                break;
            }
            before = self.share(rest);
            points.push((*latency, before));
        }
        points
    }

    /// Whether some never arrived.
    fn has_missing(&self) -> bool {
        self.counts.last().map_or(0, |(_, count)| *count) < self.offered
    }
}

/// Which of so many latencies become steps: evenly from the first to the last, and then ever more
/// densely towards the last, where a curve of the rest needs them.
fn kept(count: usize) -> Vec<usize> {
    if count <= STEPS {
        return (0..count).collect();
    }
    let mut kept: Vec<usize> = (0..STEPS / 2).map(|n| n * count / (STEPS / 2)).collect();
    let steps = (STEPS / 2) as f64;
    let rest = (0..=STEPS / 2).map(|n| (count as f64).powf(n as f64 / steps).round() as usize);
    kept.extend(rest.map(|rest| count - rest.min(count)));
    kept.extend([count - 1]);
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// The curves, from the quickest to the slowest.
fn curves(all: &[Arrivals], points: fn(&Arrivals) -> Vec<Place>, right: f64) -> Vec<Curve> {
    let mut curves = Vec::new();
    let mut rests = Vec::new();
    for arrivals in all {
        let points = points(arrivals);
        let end = points.last().copied();
        curves.push(Curve::new(&arrivals.name, arrivals.owner, points));
        if let Some((_, share)) = end.filter(|_| arrivals.has_missing()) {
            let name = format!("{}: the rest never arrived", arrivals.name);
            let rest = vec![end.unwrap_or_default(), (right, share)];
            let curve = Curve::new(name, arrivals.owner, rest).looks(Look::Dotted);
            rests.push(Curve { is_listed: false, ..curve });
        }
    }
    curves.extend(rests);
    curves
}

fn axis(all: &[Arrivals]) -> Axis {
    let ends = all.iter().filter_map(|a| Some([a.counts.first()?.0, a.counts.last()?.0]));
    let least = 0.001;
    let ends = ends.flatten().map(move |latency| latency.max(least));
    Axis::log("latency, from send to receive", Unit::Millis, ends)
}

/// Draws the shares that arrived in time.
pub(super) fn cdf(all: &[Arrivals], size: (f64, f64)) -> Sheet {
    let x = axis(all);
    let y = Axis::between("arrived in time", Unit::Share, 0.0, 1.0);
    let curves = curves(all, Arrivals::rising, x.high());
    let about = "The share of messages that arrived within each time, by mode. Higher and further \
                 left is better.";
    draw("How many messages arrive in time", about, (x, y), curves, size)
}

/// Draws the shares that took longer, on an axis of factors.
pub(super) fn ccdf(all: &[Arrivals], size: (f64, f64)) -> Sheet {
    let x = axis(all);
    let most = all.iter().map(|arrivals| arrivals.offered).max().unwrap_or(1).max(FEW);
    let y = Axis::log_share("take longer", 1.0 / most as f64);
    let curves = curves(all, Arrivals::falling, x.high());
    let about = "The share of messages that took longer than each time, by mode, down to one of all. \
                 Lower and further left is better; a curve that goes on level has ended above zero, as \
                 the rest never arrived.";
    draw("How many messages take longer", about, (x, y), curves, size)
}

fn draw(
    title: &str,
    about: &str,
    axes: (Axis, Axis),
    curves: Vec<Curve>,
    size: (f64, f64),
) -> Sheet {
    let mut sheet = Sheet::new(size, title, about);
    let outer = Area { left: 0.0, top: 0.0, right: size.0, bottom: size.1 };
    Chart::new(axes, curves, Names::Above).draw(&mut sheet, outer, 0);
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(values: impl IntoIterator<Item = u64>) -> Vec<u64> {
        values.into_iter().map(|ms| ms * 1_000_000).collect()
    }

    fn of(latencies: &[u64], offered: u64) -> Arrivals {
        Arrivals::of("a", Owner::Mode(0), latencies, offered)
    }

    #[test]
    fn curves_rise_to_what_arrived_and_fall_to_one_of_all() {
        let arrivals = of(&millis([10, 20, 20, 40]), 4);
        assert_eq!(arrivals.counts, [(10.0, 1), (20.0, 3), (40.0, 4)]);
        assert_eq!(arrivals.rising().last(), Some(&(40.0, 1.0)));
        // Ends where one of four is left, and then arrives.
        assert_eq!(arrivals.falling().last(), Some(&(40.0, 0.25)));
        assert!(!arrivals.has_missing());
    }

    #[test]
    fn what_never_arrived_keeps_the_curve_above_zero() {
        let arrivals = of(&millis(1..=90), 100);
        assert_eq!(arrivals.rising().last(), Some(&(90.0, 0.9)));
        assert_eq!(arrivals.falling().last(), Some(&(90.0, 0.1)));
        assert!(arrivals.has_missing());
        let svg = ccdf(&[arrivals], (800.0, 400.0)).finish("wide");
        assert!(svg.contains("a: the rest never arrived") && svg.contains("dotted"));
    }

    #[test]
    fn a_million_latencies_become_a_few_steps_and_keep_their_tail() {
        let latencies: Vec<u64> = (0..1_000_000).map(|n| n * 1_000).collect();
        let arrivals = of(&latencies, 1_000_000);
        assert!(arrivals.counts.len() <= STEPS + 2, "{}", arrivals.counts.len());
        let (_, last) = arrivals.falling().last().copied().unwrap();
        assert!((last - 1e-6).abs() < 1e-12, "{last}");
        // The curve is where it should be at every power of ten.
        for share in [0.5, 0.1, 0.01, 0.001, 1e-4] {
            let falling = arrivals.falling();
            let (latency, _) = falling.iter().find(|(_, rest)| *rest <= share).unwrap();
            assert!((latency / 1e3 - (1.0 - share)).abs() < 0.011, "{share}: {latency}");
        }
    }

    #[test]
    fn latencies_of_which_few_were_kept_stand_for_all() {
        let arrivals =
            Arrivals::of_some("a", Owner::Mode(0), &millis([10, 20, 30, 40]), (400, 500));
        assert_eq!(arrivals.counts, [(10.0, 100), (20.0, 200), (30.0, 300), (40.0, 400)]);
        assert_eq!(arrivals.rising().last(), Some(&(40.0, 0.8)));
        let all = Arrivals::of_some("a", Owner::Mode(0), &millis([10]), (1, 1));
        assert!(!all.has_missing());
    }

    #[test]
    fn no_messages_are_an_empty_frame() {
        for all in [vec![], vec![of(&[], 0)]] {
            for draw in [cdf, ccdf] {
                let svg = draw(&all, (360.0, 300.0)).finish("narrow");
                assert!(svg.contains("nothing was measured") && !svg.contains("NaN"));
            }
        }
        // None of ten arrived: nothing to draw either, and no division by zero.
        assert!(cdf(&[of(&[], 10)], (360.0, 300.0)).finish("x").contains("nothing was measured"));
    }
}
