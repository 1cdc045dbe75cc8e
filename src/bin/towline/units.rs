//! Quantities as people write and read them: percent, milliseconds, Mbit/s, bytes.

use std::time::Duration;

/// How much a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueSize {
    Bytes(u64),
    /// What the link sends in this time.
    Time(Duration),
}

/// The longest delay that can be asked for.
const MAX_MILLIS: f64 = 60_000.0;
/// The longest span that can be asked for: a week.
const MAX_SECONDS: f64 = 604_800.0;
/// The slowest and the fastest link, in Mbit/s.
const MBIT: (f64, f64) = (0.001, 1_000_000.0);

/// A number between two limits; `what` says in the error what the number is.
fn number(text: &str, what: &str, (min, max): (f64, f64)) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (min..=max).contains(&value) => Ok(value),
        _ => Err(format!("must be {what}, {min} to {max}")),
    }
}

/// A share of 0 to 1, written in percent.
pub(crate) fn parse_percent(text: &str) -> Result<f64, String> {
    number(text.strip_suffix('%').unwrap_or(text), "a number of percent", (0.0, 100.0))
        .map(|percent| percent / 100.0)
}

/// A duration, written in milliseconds.
pub(crate) fn parse_millis(text: &str) -> Result<Duration, String> {
    number(text.strip_suffix("ms").unwrap_or(text), "a number of milliseconds", (0.0, MAX_MILLIS))
        .map(|millis| Duration::from_secs_f64(millis / 1e3))
}

/// A duration longer than zero, written in seconds.
pub(crate) fn parse_seconds(text: &str) -> Result<Duration, String> {
    number(text.strip_suffix('s').unwrap_or(text), "a number of seconds", (0.001, MAX_SECONDS))
        .map(Duration::from_secs_f64)
}

/// Bits per second, written in Mbit/s.
pub(crate) fn parse_mbit(text: &str) -> Result<u64, String> {
    number(text, "a number of Mbit/s", MBIT).map(|mbit| (mbit * 1e6).round() as u64)
}

/// A mean number of packets, 1 or more.
pub(crate) fn parse_burst(text: &str) -> Result<f64, String> {
    number(text, "a mean number of packets", (1.0, 1e6))
}

/// Bytes: `1500`, `64k`, `10MB`, `1.5GiB`; `k`, `M`, `G` and `T` are powers of 1000.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let usage = || "must be a number of bytes, such as 1500, 64k, 10MB or 1.5GiB".to_owned();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit = unit.trim_start().to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let (unit, base) = match unit.strip_suffix('i') {
        Some(unit) if !unit.is_empty() => (unit, 1024.0f64),
        Some(_) => return Err(usage()),
        None => (unit, 1000.0),
    };
    let power = ["", "k", "m", "g", "t"].iter().position(|u| *u == unit).ok_or_else(usage)?;
    let bytes = digits.parse::<f64>().map_err(|_| usage())? * base.powf(power as f64);
    if bytes <= 9e15 { Ok(bytes as u64) } else { Err(usage()) }
}

/// A queue's size: bytes, or `50ms`.
pub(crate) fn parse_queue(text: &str) -> Result<QueueSize, String> {
    match text.strip_suffix("ms") {
        Some(_) => parse_millis(text).map(QueueSize::Time),
        None => parse_bytes(text).map(QueueSize::Bytes).map_err(|_| {
            "must be a number of bytes, such as 64k, or of milliseconds, such as 50ms".to_owned()
        }),
    }
}

/// `8,123,456`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 file`, `2 files`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Three significant digits and a power of 1000.
fn scaled(value: f64, units: &[&str]) -> String {
    let mut value = value;
    let mut units = units.iter().peekable();
    let mut unit = units.next().copied().unwrap_or_default();
    while value >= 999.5 && units.peek().is_some() {
        value /= 1000.0;
        unit = units.next().copied().unwrap_or_default();
    }
    let digits = if value >= 99.95 || value.fract() == 0.0 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

/// `8.12 MB`.
pub(crate) fn size(bytes: u64) -> String {
    scaled(bytes as f64, &["B", "kB", "MB", "GB", "TB"])
}

/// `5`, `0.5`: at most three decimals, and none that say nothing.
pub(crate) fn plain(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `54.3 Mbit/s`.
pub(crate) fn rate(bits_per_second: f64) -> String {
    scaled(bits_per_second, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s"])
}

/// `1.24 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// `40.3 ms`.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

/// Bits per second of so many bytes in this time.
pub(crate) fn bits_per_second(bytes: u64, time: Duration) -> f64 {
    bytes as f64 * 8.0 / time.as_secs_f64().max(1e-9)
}

/// A share of 0 to 1 as `5.0 %`; nothing out of nothing is 0 %.
pub(crate) fn share(part: u64, whole: u64) -> String {
    format!("{:.1} %", part as f64 * 100.0 / (whole as f64).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_ranges() {
        assert_eq!(parse_percent("5"), Ok(0.05));
        assert_eq!(parse_percent("100%"), Ok(1.0));
        assert_eq!(parse_millis("20"), Ok(Duration::from_millis(20)));
        assert_eq!(parse_millis("0.5ms"), Ok(Duration::from_micros(500)));
        assert_eq!(parse_seconds("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_mbit("0.5"), Ok(500_000));
        for bad in ["-1", "100.1", "NaN", "inf", "", "x", "1e3"] {
            let error = parse_percent(bad).unwrap_err();
            assert_eq!(error, "must be a number of percent, 0 to 100", "{bad}");
        }
        for bad in ["-1", "60001", "1s"] {
            assert!(parse_millis(bad).is_err(), "{bad}");
        }
        for bad in ["0", "-3", "1000001"] {
            assert!(parse_mbit(bad).is_err() && parse_seconds(bad).is_err(), "{bad}");
        }
        assert!(parse_burst("0.9").is_err());
    }

    #[test]
    fn bytes_have_units() {
        for (text, bytes) in [
            ("0", 0),
            ("1500", 1500),
            ("64k", 64_000),
            ("64kB", 64_000),
            ("64KiB", 65_536),
            ("1.5 GiB", 1_610_612_736),
            ("2T", 2_000_000_000_000),
            ("7B", 7),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for bad in ["", "k", "-1", "1x", "1i", "1ib", "1.2.3", "9999T"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_queue("50ms"), Ok(QueueSize::Time(Duration::from_millis(50))));
        assert_eq!(parse_queue("50M"), Ok(QueueSize::Bytes(50_000_000)));
    }

    #[test]
    fn quantities_are_short() {
        assert_eq!([0, 999, 1000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
        assert_eq!([0, 1, 2000].map(|n| counted(n, "file")), ["0 files", "1 file", "2,000 files"]);
        assert_eq!(
            [0, 999, 1000, 8_123_456, 99_960_000, 999_600].map(size),
            ["0 B", "999 B", "1 kB", "8.12 MB", "100 MB", "1.00 MB"]
        );
        assert_eq!([5.0, 0.5, 10.0, 0.0, 1.0 / 3.0].map(plain), ["5", "0.5", "10", "0", "0.333"]);
        assert_eq!(rate(54_321_000.0), "54.3 Mbit/s");
        assert_eq!(rate(5e13), "50000 Gbit/s");
        assert_eq!(share(1, 20), "5.0 %");
        assert_eq!(share(0, 0), "0.0 %");
        assert_eq!(seconds(Duration::from_millis(1236)), "1.24 s");
        assert_eq!(millis(Duration::from_micros(40_250)), "40.2 ms");
    }
}
