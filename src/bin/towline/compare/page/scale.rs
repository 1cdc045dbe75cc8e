//! From values to places on an axis, and where its marks are.

use std::time::Duration;

/// A straight axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linear {
    pub(super) values: (f64, f64),
    pub(super) places: (f64, f64),
}

impl Linear {
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = (value - self.values.0) / (self.values.1 - self.values.0).max(1e-12);
        self.places.0 + share * (self.places.1 - self.places.0)
    }

    /// About `count` round values.
    pub(super) fn marks(&self, count: f64) -> Vec<f64> {
        let rough = (self.values.1 - self.values.0) / count.max(1.0);
        let power = 10f64.powf(rough.max(1e-12).log10().floor());
        let factors = [1.0, 2.0, 5.0, 10.0];
        let step = factors.into_iter().map(|factor| factor * power).find(|step| *step >= rough);
        let step = step.unwrap_or(power * 10.0);
        let first = (self.values.0 / step - 1e-9).ceil() as i64;
        let last = (self.values.1 / step + 1e-9).floor() as i64;
        (first..=last).map(|n| n as f64 * step).collect()
    }
}

/// An axis on which equal factors are equally long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Log(Linear);

impl Log {
    /// From a value above 0 to a larger one.
    pub(super) fn new(values: (f64, f64), places: (f64, f64)) -> Self {
        let (low, high) = (values.0.max(1e-9), values.1.max(values.0 * 1.5));
        Self(Linear { values: (low.log10(), high.log10()), places })
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        self.0.place(value.max(1e-9).log10())
    }

    /// 1, 2 and 5 times the powers of ten.
    pub(super) fn marks(&self) -> Vec<f64> {
        let (low, high) = self.0.values;
        let powers = low.floor() as i32..=high.ceil() as i32;
        let marks = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|n| n * 10f64.powi(power)));
        let within = |mark: &f64| (low - 1e-9..=high + 1e-9).contains(&mark.log10());
        marks.filter(within).collect()
    }
}

/// The largest of 1, 2 and 5 times a power of ten that is not above the value.
pub(super) fn round_down(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1e-9).log10().floor());
    [5.0, 2.0, 1.0]
        .into_iter()
        .map(|n| n * power)
        .find(|n| *n <= value * 1.000_001)
        .unwrap_or(power)
}

/// `50 ms`, `1.5 s`.
pub(super) fn time(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms >= 999.5 { format!("{} s", short(ms / 1e3)) } else { format!("{} ms", short(ms)) }
}

/// `50`, `0.5`, `172`: three digits at most.
pub(super) fn short(value: f64) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_marks() {
        let axis = Linear { values: (3.0, 17.0), places: (0.0, 140.0) };
        assert_eq!(axis.marks(5.0), [5.0, 10.0, 15.0]);
        assert!((axis.place(10.0) - 70.0).abs() < 1e-9);
        let axis = Log::new((20.0, 500.0), (0.0, 100.0));
        let marks: Vec<_> = axis.marks().iter().map(|mark| mark.round() as i64).collect();
        assert_eq!(marks, [20, 50, 100, 200, 500]);
        assert!((axis.place(100.0) - 50.0).abs() < 1e-9);
        assert!((round_down(50.1) - 50.0).abs() < 1e-6 && (round_down(0.3) - 0.2).abs() < 1e-9);
    }

    #[test]
    fn times_are_short() {
        let texts = [0.05, 0.1718, 0.9999, 1.5, 31.2].map(|s| time(Duration::from_secs_f64(s)));
        assert_eq!(texts, ["50 ms", "172 ms", "1 s", "1.5 s", "31.2 s"]);
    }
}
