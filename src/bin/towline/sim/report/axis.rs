//! An axis: from values to places, and where its marks are.

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use std::ops::Range;

/// How values are spread.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    /// Equal differences are equally long.
    Linear,
    /// Equal factors are equally long.
    Log,
    /// The same above some value; 0 has a place of its own at the beginning.
    LogAndZero,
}

/// What values are, for their texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// As they are.
    Plain,
    /// Milliseconds: `5 ms`, `1.5 s`.
    Millis,
    /// Seconds.
    Seconds,
    /// Bits per second: `1.5 Mbit/s`.
    BitsPerSecond,
    /// Bytes: `64 kB`.
    Bytes,
    /// Shares, written as percent.
    Share,
}

/// An axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    /// What it says, unit included.
    pub(super) name: String,
    pub(super) unit: Unit,
    scale: Scale,
    low: f64,
    high: f64,
}

/// The part of an axis with [`Scale::LogAndZero`] that is left of the smallest value above 0.
const ZERO_SHARE: f64 = 0.12;

impl Axis {
    /// An even axis that holds these values and 0.
    pub(super) fn from_zero(
        name: impl Into<String>,
        unit: Unit,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        let most = finite(values).fold(0.0, f64::max);
        let high = if most > 0.0 { most * 1.06 } else { 1.0 };
        Self { name: name.into(), unit, scale: Scale::Linear, low: 0.0, high }
    }

    /// An even axis from one value to another.
    pub(super) fn between(name: impl Into<String>, unit: Unit, low: f64, high: f64) -> Self {
        let is_range = low.is_finite() && high.is_finite() && low < high;
        let (low, high) = if is_range { (low, high) } else { (0.0, 1.0) };
        Self { name: name.into(), unit, scale: Scale::Linear, low, high }
    }

    /// An axis of factors that holds these values, as far as they are above 0, and a little more.
    pub(super) fn log(
        name: impl Into<String>,
        unit: Unit,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        let mut has_zero = false;
        for value in finite(values) {
            has_zero |= value == 0.0;
            if value > 0.0 {
                (low, high) = (low.min(value), high.max(value));
            }
        }
        if low > high {
            (low, high) = (1.0, 10.0);
        }
        if high < low * 3.0 {
            (low, high) = (low / 2.0, high * 2.0);
        }
        let scale = if has_zero { Scale::LogAndZero } else { Scale::Log };
        Self { name: name.into(), unit, scale, low: low / 1.15, high: high * 1.15 }
    }

    /// The same for shares that are at most 1 and at least `least`.
    pub(super) fn log_share(name: impl Into<String>, least: f64) -> Self {
        let low = if least > 0.0 && least < 0.5 { least } else { 0.1 };
        Self { name: name.into(), unit: Unit::Share, scale: Scale::Log, low, high: 1.0 }
    }

    /// Where a value is: 0 at the beginning of the axis, 1 at its end. `None` if it has no place.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let log = |value: f64| (value / self.low).log10() / (self.high / self.low).log10();
        match self.scale {
            Scale::Linear => Some((value - self.low) / (self.high - self.low)),
            Scale::Log => (value > 0.0).then(|| log(value)),
            Scale::LogAndZero if value == 0.0 => Some(ZERO_SHARE / 3.0),
            Scale::LogAndZero => {
                (value > 0.0).then(|| ZERO_SHARE + log(value) * (1.0 - ZERO_SHARE))
            }
        }
    }

    /// Where a value is on a drawing.
    pub(super) fn at(&self, value: f64, places: (f64, f64)) -> Option<f64> {
        Some(places.0 + self.place(value)? * (places.1 - places.0))
    }

    /// The smallest value, above 0 on a logarithmic axis.
    pub(super) fn low(&self) -> f64 {
        self.low
    }

    /// The largest value.
    pub(super) fn high(&self) -> f64 {
        self.high
    }

    /// About `count` round values within, ascending.
    pub(super) fn marks(&self, count: usize) -> Vec<f64> {
        match self.scale {
            Scale::Linear => self.even_marks(count),
            Scale::Log => self.log_marks(count),
            Scale::LogAndZero => [vec![0.0], self.log_marks(count)].concat(),
        }
    }

    /// What is written beside a mark.
    pub(super) fn text(&self, value: f64) -> String {
        self.unit.text(value)
    }

    /// What a script needs to find values by places.
    pub(super) fn code(&self) -> String {
        let scale = match self.scale {
            Scale::Linear => "linear",
            Scale::Log => "log",
            Scale::LogAndZero => "zero",
        };
        format!("{scale} {:e} {:e}", self.low, self.high)
    }

    fn even_marks(&self, count: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / count.max(1) as f64;
        let power = rough.log10().floor() as i32;
        let steps = [0.5, 1.0, 2.0, 5.0, 10.0].map(|n| n * 10f64.powi(power));
        let marks = |step: f64| -> Vec<f64> {
            let first = (self.low / step - 1e-9).ceil() as i64;
            let last = (self.high / step + 1e-9).floor() as i64;
            (first..=last).map(|n| n as f64 * step).collect()
        };
        let tries: Vec<_> = steps.into_iter().map(marks).collect();
        // As many as were asked for, one more at most; but two, if that many there are at all.
        let fit = tries.iter().find(|marks| (2..=count + 1).contains(&marks.len()));
        fit.or_else(|| tries.iter().rev().find(|marks| marks.len() > 1))
            .cloned()
            .unwrap_or_default()
    }

    fn log_marks(&self, count: usize) -> Vec<f64> {
        let powers = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let within = |value: &f64| (self.low * 0.9999..=self.high * 1.0001).contains(value);
        let marks = |digits: &[f64], each: i32| -> Vec<f64> {
            let powers = powers.clone().filter(|power| power.rem_euclid(each) == 0);
            let all = powers.flat_map(|power| digits.iter().map(move |n| n * 10f64.powi(power)));
            all.filter(within).collect()
        };
        let ladder: [(&[f64], i32); 7] = [
            (&[1.0, 2.0, 5.0], 1),
            (&[1.0, 3.0], 1),
            (&[1.0], 1),
            (&[1.0], 2),
            (&[1.0], 3),
            (&[1.0], 6),
            (&[1.0], 12),
        ];
        let tries = ladder.iter().map(|(digits, each)| marks(digits, *each));
        let few = tries.clone().find(|marks| marks.len() <= count.max(2));
        few.filter(|marks| marks.len() > 1).unwrap_or_else(|| marks(&[1.0, 2.0, 5.0], 1))
    }
}

impl Unit {
    /// A value in short.
    pub(super) fn text(self, value: f64) -> String {
        let plus = |value: f64, unit: &str| format!("{}\u{a0}{unit}", short(value));
        let size = value.abs();
        match self {
            _ if value.is_nan() => "–".to_owned(),
            _ if value.is_infinite() => "never".to_owned(),
            Self::Plain => short(value),
            Self::Millis if size >= 999.5 => plus(value / 1e3, "s"),
            Self::Millis if size < 0.1 && size > 0.0 => plus(value * 1e3, "µs"),
            Self::Millis => plus(value, "ms"),
            Self::Seconds => plus(value, "s"),
            Self::BitsPerSecond if size >= 999.5e6 => plus(value / 1e9, "Gbit/s"),
            Self::BitsPerSecond if size >= 999.5e3 => plus(value / 1e6, "Mbit/s"),
            Self::BitsPerSecond if size >= 999.5 => plus(value / 1e3, "kbit/s"),
            Self::BitsPerSecond => plus(value, "bit/s"),
            Self::Bytes if size >= 999.5e6 => plus(value / 1e9, "GB"),
            Self::Bytes if size >= 999.5e3 => plus(value / 1e6, "MB"),
            Self::Bytes if size >= 999.5 => plus(value / 1e3, "kB"),
            Self::Bytes => plus(value, "B"),
            Self::Share => plus(value * 100.0, "%"),
        }
    }
}

/// `50`, `0.5`, `172`, `0.003`: three digits that matter, and no zeros behind them.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if size > 0.0 && size < 1e-6 {
        return format!("{value:.0e}");
    }
    let digits = if size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else if size >= 1.0 || size == 0.0 {
        2
    } else {
        (2 - size.log10().floor() as i32) as usize
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn finite(values: impl IntoIterator<Item = f64>) -> impl Iterator<Item = f64> {
    values.into_iter().filter(|value| value.is_finite())
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let place = self.place(*value).unwrap_or(0.0);
        // Far outside is as good as infinitely far, and fits an integer.
        (f64::from(from) + place.clamp(-4.0, 5.0) * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        self.marks(hint.max_num_points())
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_land_where_the_scale_says() {
        let axis = Axis::between("x", Unit::Plain, 10.0, 20.0);
        assert_eq!(axis.map(&10.0, (100, 300)), 100);
        assert_eq!(axis.map(&15.0, (100, 300)), 200);
        assert_eq!(axis.map(&20.0, (300, 100)), 100);
        let axis = Axis::log_share("y", 0.001);
        for (value, place) in [(0.001, 0), (0.01, 100), (0.1, 200), (1.0, 300)] {
            assert_eq!(axis.map(&value, (0, 300)), place, "{value}");
        }
        assert_eq!(axis.place(f64::NAN), None);
        assert_eq!(axis.place(0.0), None);
        assert_eq!(axis.at(0.1, (10.0, 40.0)), Some(30.0));
    }

    #[test]
    fn nothing_at_all_gives_an_axis_all_the_same() {
        for values in [vec![], vec![f64::NAN], vec![0.0], vec![f64::INFINITY]] {
            let axis = Axis::from_zero("x", Unit::Plain, values.clone());
            assert_eq!((axis.low(), axis.high()), (0.0, 1.0));
            let axis = Axis::log("x", Unit::Plain, values);
            assert!(axis.low() > 0.0 && axis.high() > axis.low());
            assert!(axis.marks(5).len() > 1);
        }
        assert_eq!(Axis::between("x", Unit::Plain, 3.0, 3.0).range(), 0.0..1.0);
    }

    #[test]
    fn marks_are_round_within_and_not_too_many() {
        let axis = Axis::between("x", Unit::Plain, 3.0, 17.0);
        assert_eq!(axis.marks(3), [5.0, 10.0, 15.0]);
        for (low, high) in [(0.0, 1.0), (10.0, 10.8), (0.0, 97.0), (1e6, 1.1e6), (-3.0, 4.0)] {
            for count in 2..12 {
                let marks = Axis::between("x", Unit::Plain, low, high).marks(count);
                assert!((2..=count + 2).contains(&marks.len()), "{low} {high} {count}: {marks:?}");
                assert!(marks.iter().all(|m| *m >= low - 1e-9 && *m <= high * 1.0001), "{marks:?}");
            }
        }
        for (low, high, count) in [(20.0, 500.0, 6), (1e-4, 1.0, 6), (1e-9, 1e9, 6), (2.0, 7.0, 5)]
        {
            let axis = Axis::log("x", Unit::Plain, [low, high]);
            let marks = axis.marks(count);
            assert!((2..=count + 1).contains(&marks.len()), "{low} to {high}: {marks:?}");
            let places: Vec<f64> = marks.iter().filter_map(|mark| axis.place(*mark)).collect();
            assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{marks:?}");
            assert!(places.iter().all(|place| (-0.001..=1.001).contains(place)), "{marks:?}");
        }
    }

    #[test]
    fn zero_has_a_place_on_an_axis_of_factors_only_if_it_occurs() {
        let axis = Axis::log("loss", Unit::Share, [0.0, 0.01, 0.1]);
        let zero = axis.place(0.0).unwrap();
        let first = axis.place(0.01).unwrap();
        assert!(0.0 < zero && zero < first && first < axis.place(0.1).unwrap());
        assert_eq!(axis.marks(6)[..1], [0.0]);
        assert_eq!(Axis::log("loss", Unit::Share, [0.01, 0.1]).place(0.0), None);
    }

    #[test]
    fn values_are_short() {
        for (unit, value, text) in [
            (Unit::Millis, 23.456, "23.5 ms"),
            (Unit::Millis, 1500.0, "1.5 s"),
            (Unit::Millis, 0.05, "50 µs"),
            (Unit::BitsPerSecond, 9_870_000.0, "9.87 Mbit/s"),
            (Unit::BitsPerSecond, 999_600.0, "1 Mbit/s"),
            (Unit::Bytes, 64_000.0, "64 kB"),
            (Unit::Share, 0.001, "0.1 %"),
            (Unit::Share, 0.000_05, "0.005 %"),
            (Unit::Plain, 0.0, "0"),
            (Unit::Plain, 1200.0, "1200"),
            (Unit::Millis, f64::INFINITY, "never"),
            (Unit::Millis, f64::NAN, "–"),
        ] {
            assert_eq!(unit.text(value).replace('\u{a0}', " "), text);
        }
    }
}
