//! What is measured, by name, with its unit.

/// What is measured of each run and each cell. Latencies are of messages, or of exchanges where the
/// client asks and the server answers, from their offering to their delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    /// The share of messages that arrived, 0 to 1.
    Delivered,
    /// The median latency, in milliseconds.
    P50,
    /// The latency that 95 % do not exceed, in milliseconds.
    P95,
    /// The latency that 99 % do not exceed, in milliseconds.
    P99,
    /// The latency that 99.9 % do not exceed, in milliseconds; not from less than 10,000 messages.
    P999,
    /// The longest latency, in milliseconds.
    Max,
    /// How old the newest is that receivers of steady lanes have, in all but 1 % of the time, in
    /// milliseconds.
    AgeP99,
    /// How long messages waited at the receiver, complete, for others: all but 1 % no longer than
    /// this, in milliseconds.
    HeldP99,
    /// Bits of messages that arrived, in Mbit/s, all flows together, from the first measured moment
    /// to the last arrival.
    Goodput,
    /// Bytes on the wire for each byte of messages that arrived.
    WirePerByte,
    /// Bytes that were sent again because they were thought lost, for each sent the first time.
    Retransmitted,
    /// Bytes that were repeated in advance, for each sent the first time.
    Repeated,
    /// Jain's index of the flows' goodput while all of them send: 1 if all are alike, 1/n if one has
    /// all. Where there are several flows.
    Jain,
    /// When the flows had come to share alike, in seconds since the last one began: Jain's index was
    /// 0.95 or more over each of three seconds. Where there are several flows.
    Converged,
    /// How long what enters the slowest queue has to wait, 99 of 100 samples, in milliseconds.
    QueueP99,
    /// Packets dropped by queues and lines, of all that were sent, 0 to 1.
    Dropped,
    /// Packets on the wire, of all hosts.
    Packets,
}

impl Metric {
    /// All, in the order of reports.
    pub(crate) const ALL: [Self; 17] = [
        Self::Delivered,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::P999,
        Self::Max,
        Self::AgeP99,
        Self::HeldP99,
        Self::Goodput,
        Self::WirePerByte,
        Self::Retransmitted,
        Self::Repeated,
        Self::Jain,
        Self::Converged,
        Self::QueueP99,
        Self::Dropped,
        Self::Packets,
    ];

    /// Its name in files: `p99_ms`, with its unit last.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::P50 => "p50_ms",
            Self::P95 => "p95_ms",
            Self::P99 => "p99_ms",
            Self::P999 => "p99_9_ms",
            Self::Max => "max_ms",
            Self::AgeP99 => "age_p99_ms",
            Self::HeldP99 => "held_up_p99_ms",
            Self::Goodput => "goodput_mbit",
            Self::WirePerByte => "wire_per_byte",
            Self::Retransmitted => "retransmitted",
            Self::Repeated => "repeated",
            Self::Jain => "jain",
            Self::Converged => "converged_s",
            Self::QueueP99 => "queue_p99_ms",
            Self::Dropped => "dropped",
            Self::Packets => "packets",
        }
    }

    /// Its name over a column: `p99`.
    pub(crate) const fn head(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
            Self::Max => "max",
            Self::AgeP99 => "age p99",
            Self::HeldP99 => "held up p99",
            Self::Goodput => "goodput",
            Self::WirePerByte => "wire/byte",
            Self::Converged => "converged",
            Self::QueueP99 => "queue p99",
            Self::Delivered
            | Self::Retransmitted
            | Self::Repeated
            | Self::Jain
            | Self::Dropped
            | Self::Packets => self.name(),
        }
    }

    /// Its unit: `ms`, `Mbit/s`, `s`, or empty for a share or a count.
    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::P50
            | Self::P95
            | Self::P99
            | Self::P999
            | Self::Max
            | Self::AgeP99
            | Self::HeldP99
            | Self::QueueP99 => "ms",
            Self::Goodput => "Mbit/s",
            Self::Converged => "s",
            _ => "",
        }
    }

    /// The metric of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// The names of all.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().map(Self::name)
    }
}

#[cfg(test)]
mod tests {
    use super::Metric;
    use std::collections::BTreeSet;

    #[test]
    fn every_metric_is_listed_once_and_found_by_its_name() {
        let names: BTreeSet<_> = Metric::names().collect();
        assert_eq!(names.len(), Metric::ALL.len());
        for (place, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(Metric::named(metric.name()), Some(metric));
            assert_eq!(metric as usize, place);
        }
        assert_eq!(Metric::named("p98_ms"), None);
    }
}
