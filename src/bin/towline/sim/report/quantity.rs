//! What numbers are: of metrics and of axes, with their units and their words.

use super::axis::Unit;
use super::winners::{Better, Estimate};
use crate::sim::metric::Metric;
use crate::sim::results;

/// Metrics that say who is best, the most telling first.
pub(super) const TELLING: [Metric; 9] = [
    Metric::P99,
    Metric::Goodput,
    Metric::P50,
    Metric::Delivered,
    Metric::AgeP99,
    Metric::HeldP99,
    Metric::WirePerByte,
    Metric::Jain,
    Metric::QueueP99,
];

/// Which of two values of a metric is better.
pub(super) fn better(metric: Metric) -> Better {
    match metric {
        Metric::Delivered | Metric::Goodput | Metric::Jain => Better::Higher,
        _ => Better::Lower,
    }
}

/// The unit of a metric, and by what its values are multiplied to be in it.
pub(super) fn unit(metric: Metric) -> (Unit, f64) {
    match metric {
        Metric::P50
        | Metric::P95
        | Metric::P99
        | Metric::P999
        | Metric::Max
        | Metric::AgeP99
        | Metric::HeldP99
        | Metric::QueueP99 => (Unit::Millis, 1.0),
        Metric::Goodput => (Unit::BitsPerSecond, 1e6),
        Metric::Delivered | Metric::Retransmitted | Metric::Repeated | Metric::Dropped => {
            (Unit::Share, 1.0)
        }
        Metric::Converged => (Unit::Seconds, 1.0),
        Metric::WirePerByte | Metric::Jain | Metric::Packets => (Unit::Plain, 1.0),
    }
}

/// A value of a metric with its unit.
pub(super) fn text(metric: Metric, value: f64) -> String {
    let (unit, factor) = unit(metric);
    unit.text(value * factor)
}

/// A metric in a sentence: `p99 latency`.
pub(super) fn words(metric: Metric) -> &'static str {
    match metric {
        Metric::P50 => "median latency",
        Metric::P95 => "p95 latency",
        Metric::P99 => "p99 latency",
        Metric::P999 => "p99.9 latency",
        Metric::Max => "longest latency",
        Metric::AgeP99 => "p99 age of the newest",
        Metric::HeldP99 => "p99 wait for others",
        Metric::QueueP99 => "p99 queue wait",
        Metric::Goodput => "goodput",
        Metric::Delivered => "share delivered",
        Metric::Retransmitted => "share sent again",
        Metric::Repeated => "share repeated in advance",
        Metric::Dropped => "share of packets dropped",
        Metric::Converged => "time to a fair share",
        Metric::WirePerByte => "bytes on the wire for each byte delivered",
        Metric::Jain => "Jain's index",
        Metric::Packets => "packets",
    }
}

/// What a metric is, for those who want to know exactly.
pub(super) fn definition(metric: Metric) -> &'static str {
    match metric {
        Metric::Delivered => "Messages that arrived, of all that were offered.",
        Metric::P50 | Metric::P95 | Metric::P99 | Metric::P999 => {
            "The latency that this part of all messages does not exceed (nearest rank), from offering \
             to delivery, or of exchanges from the question to the answer. What never arrived is later \
             than all else: \u{201c}never\u{201d} is written where so many did not arrive. p99.9 is \
             not given from less than 10,000 messages."
        }
        Metric::Max => "The longest latency; \u{201c}never\u{201d} if a message never arrived.",
        Metric::AgeP99 => {
            "How old the newest message is that the receiver of a steady lane has: in all but 1 % of \
             the looks no older than this (age of information)."
        }
        Metric::HeldP99 => {
            "How long a message lay at the receiver, complete, for others that were to come before it \
             (head-of-line blocking): for all but 1 % no longer than this."
        }
        Metric::Goodput => {
            "Bits of messages that arrived, each counted once, per second, from the first measured \
             moment to the last arrival (RFC 5166), all flows together."
        }
        Metric::WirePerByte => {
            "Bytes on the wire, IP and transport headers, acknowledgements and repetitions included, \
             for each byte of messages that arrived."
        }
        Metric::Retransmitted => {
            "Bytes sent again because they were thought lost, for each byte sent the first time."
        }
        Metric::Repeated => {
            "Bytes sent along in advance, as copies or parity, for each byte sent the first time."
        }
        Metric::Jain => {
            "(Σx)² / (n Σx²) over the goodput x of n flows while all of them send: 1 if all get the \
             same, 1/n if one gets all."
        }
        Metric::Converged => {
            "How long after the last flow began Jain's index was 0.95 or more over each of three \
             seconds."
        }
        Metric::QueueP99 => {
            "How long what enters the slowest queue has to wait there, propagation not counted: in 99 \
             of 100 samples no longer than this."
        }
        Metric::Dropped => "Packets that queues and lines dropped, of all that were sent.",
        Metric::Packets => "Packets on the wire, of all hosts.",
    }
}

/// A figure in its unit, for pictures.
pub(super) fn estimate(metric: Metric, figure: results::Estimate) -> Estimate {
    let (_, factor) = unit(metric);
    let value = figure.value * factor;
    let half = figure.half_width.filter(|half| half.is_finite()).map_or(0.0, |half| half * factor);
    let (mut low, mut high) = (value - half, value + half);
    if value >= 0.0 {
        low = low.max(0.0);
    }
    if better(metric) == Better::Higher && unit(metric).0 != Unit::BitsPerSecond {
        high = high.min(1.0).max(value);
    }
    Estimate { value, low, high }
}

/// What an axis varies: its name without the unit, its unit, and by what its numbers are multiplied.
pub(super) fn of_axis(axis: &results::Axis) -> (String, Unit, f64) {
    const UNITS: [(&str, Unit, f64); 8] = [
        ("_ms", Unit::Millis, 1.0),
        ("_us", Unit::Millis, 1e-3),
        ("_mbit", Unit::BitsPerSecond, 1e6),
        ("_kbit", Unit::BitsPerSecond, 1e3),
        ("_gbit", Unit::BitsPerSecond, 1e9),
        ("_bytes", Unit::Bytes, 1.0),
        ("_kb", Unit::Bytes, 1e3),
        ("_s", Unit::Seconds, 1.0),
    ];
    let words = |name: &str| name.replace('_', " ").replace("rtt", "RTT");
    for (suffix, unit, factor) in UNITS {
        if let Some(name) = axis.name.strip_suffix(suffix) {
            return (words(name), unit, factor);
        }
    }
    let is_share = axis.values.iter().all(|v| v.number.is_some_and(|n| (0.0..=1.0).contains(&n)));
    let is_loss = is_loss(&axis.name) && is_share;
    (words(&axis.name), if is_loss { Unit::Share } else { Unit::Plain }, 1.0)
}

/// So many contestants: `3 modes`.
pub(super) fn contestants(axes: &[results::Axis], mode: Option<usize>, count: usize) -> String {
    let names = axes.iter().enumerate().filter(|(place, axis)| {
        Some(*place) == mode || axis.values.iter().any(|value| value.number.is_none())
    });
    let names: Vec<_> = names.map(|(_, axis)| axis.name.as_str()).collect();
    match names[..] {
        ["mode"] | [] => format!("{count} modes"),
        [name] => format!("{count} of {name}"),
        _ => format!("{count} contestants"),
    }
}

/// Whether an axis is a rate of loss.
pub(super) fn is_loss(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| last.contains("loss"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(name: &str, numbers: &[f64]) -> results::Axis {
        let value = |n: &f64| results::AxisValue { label: n.to_string(), number: Some(*n) };
        results::Axis { name: name.to_owned(), values: numbers.iter().map(value).collect() }
    }

    #[test]
    fn axes_say_their_units() {
        let of = |name, numbers: &[f64]| of_axis(&axis(name, numbers));
        assert_eq!(of("rtt_ms", &[20.0]), ("RTT".to_owned(), Unit::Millis, 1.0));
        assert_eq!(
            of("down.rate_mbit", &[8.0]),
            ("down.rate".to_owned(), Unit::BitsPerSecond, 1e6)
        );
        assert_eq!(of("up.loss", &[0.0, 0.1]), ("up.loss".to_owned(), Unit::Share, 1.0));
        assert_eq!(of("loss_burst", &[2.0, 5.0]).1, Unit::Plain);
        assert_eq!(of("flows", &[2.0]), ("flows".to_owned(), Unit::Plain, 1.0));
    }

    #[test]
    fn figures_keep_within_what_is_possible() {
        let figure = |value, half| results::Estimate { value, half_width: half };
        let shares = estimate(Metric::Delivered, figure(0.99, Some(0.02)));
        assert_eq!((shares.low, shares.high), (0.97, 1.0));
        let latency = estimate(Metric::P99, figure(5.0, Some(9.0)));
        assert_eq!((latency.low, latency.high), (0.0, 14.0));
        assert_eq!(estimate(Metric::Goodput, figure(2.0, None)), Estimate::exact(2e6));
        assert_eq!(text(Metric::Goodput, 2.0).replace('\u{a0}', " "), "2 Mbit/s");
    }
}
