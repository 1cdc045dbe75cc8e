//! Latencies as HdrHistograms in an interval log, which its tools read: one line for each cell.

use super::campaign::Campaign;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use std::time::Duration;
use towline::sim::compare::Measures;

/// Significant digits of each latency.
const DIGITS: u8 = 3;
/// Values are nanoseconds; the column of the largest one is in milliseconds.
const NANOS_PER_MILLI: f64 = 1e6;

/// What comes before all lines.
pub(crate) const HEAD: &str = "\
#[Histogram log format version 1.3]
#Latencies in nanoseconds, the column of the longest in milliseconds. What never arrived is not in here.
#[MaxValueDivisor: 1000000.000]
";

/// The latencies of a cell, with its label as the tag.
pub(crate) fn line(campaign: &Campaign, cell: usize, whole: &Measures) -> Result<String, String> {
    let label = &campaign.cells[cell].label;
    encoded(label, campaign.frame.duration, &whole.latencies)
        .map_err(|error| format!("cannot make a histogram of {label}: {error}"))
}

fn encoded(label: &str, duration: Duration, latencies: &[u64]) -> Result<String, String> {
    let mut histogram = Histogram::<u64>::new(DIGITS).map_err(|error| error.to_string())?;
    for latency in latencies {
        histogram.record(*latency).map_err(|error| error.to_string())?;
    }
    // The format has no commas and spaces in tags.
    let tag = label.replace(',', ";").replace(' ', "_");
    let tag = Tag::new(&tag).filter(|tag| !tag.is_empty());
    let (mut text, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut builder = IntervalLogWriterBuilder::new();
    let log = builder.with_max_value_divisor(NANOS_PER_MILLI);
    log.begin_log_with(&mut text, &mut serializer)
        .map_err(|error| error.to_string())?
        .write_histogram(&histogram, Duration::ZERO, duration, tag)
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&text).into_owned();
    // Each line was written as a log of its own.
    let lines = text.split_inclusive('\n').filter(|line| !line.starts_with('#'));
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    #[test]
    fn what_was_written_can_be_read() {
        let latencies: Vec<u64> = (1..=1000).map(|n| n * 50_000).collect();
        let line = encoded("loss=0,mode=udp", Duration::from_secs(30), &latencies).unwrap();
        let log = format!("{HEAD}{line}");
        let entries: Vec<_> = IntervalLogIterator::new(log.as_bytes()).collect();
        let Some(Ok(LogEntry::Interval(interval))) = entries.last() else { panic!("{log}") };
        assert_eq!(
            interval.tag().map(|tag| tag.as_str().to_owned()).as_deref(),
            Some("loss=0;mode=udp")
        );
        assert!((interval.max() - 50.0).abs() < 0.1, "{log}");
        let bytes = base64(interval.encoded_histogram());
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
        assert_eq!(histogram.len(), 1000);
        let median = histogram.value_at_quantile(0.5) as f64;
        assert!((median / 25e6 - 1.0).abs() < 1e-3, "{median}");
    }

    /// The standard alphabet, padded.
    fn base64(text: &str) -> Vec<u8> {
        let value = |c: u8| match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let digits: Vec<u8> = text.bytes().filter(|c| *c != b'=').map(value).collect();
        let bits =
            |four: &[u8]| four.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(*digit));
        let bytes = digits.chunks(4).flat_map(|four| {
            let word = bits(four) << (6 * (4 - four.len()) + 8);
            word.to_be_bytes().into_iter().take(four.len() * 6 / 8)
        });
        bytes.collect()
    }
}
