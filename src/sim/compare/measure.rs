//! What the runs of a mode come to: shares, percentiles, rates.

use super::age::ages;
use super::record::{MessageRecord, Record, Wire};
use super::workload::{Traffic, Workload};
use crate::time::{Duration, Instant, nanos};
use crate::wire::Side;
use std::collections::BTreeMap;

/// A part of a whole in thousandths: 500 is the median, 999 all but one in a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permille(pub u16);

/// All runs of one mode taken together.
///
/// What counts is a message, or where the client asks and the server answers, an exchange: its
/// latency lasts from the request's sending to the answer's arrival. Those sent before the
/// workload's `skip` has passed do not count. What never arrived counts as later than all others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measures {
    /// How many runs.
    pub runs: u64,
    /// Messages or exchanges begun.
    pub offered: u64,
    /// How long those took that arrived, in nanoseconds, ascending.
    pub latencies: Vec<u64>,
    /// How long they waited at the receivers, complete, for others, in nanoseconds, ascending.
    pub waits: Vec<u64>,
    /// How old the newest was that the receivers of steady lanes had, in nanoseconds, ascending: one
    /// look for each message; while nothing had come, since the first was sent.
    pub ages: Vec<u64>,
    /// Bytes of messages that left since measuring began, and arrived.
    pub delivered_bytes: u64,
    /// The time in which they did, of all runs together, in nanoseconds: from when measuring
    /// began to the last arrival.
    pub busy_ns: u64,
    /// What the packets cost.
    pub wire: Wire,
    /// Messages that arrived again.
    pub duplicates: u64,
    /// Messages that arrived wrong.
    pub corrupt: u64,
    /// What must not have happened.
    pub faults: Vec<String>,
}

impl Measures {
    /// The measures of these runs of one workload.
    pub fn of<'a>(workload: &Workload, records: impl IntoIterator<Item = &'a Record>) -> Self {
        Self::sum(workload, records, |_| true)
    }

    /// The measures of one lane. What the packets cost belongs to all lanes together, and is left out.
    pub fn of_lane<'a>(
        workload: &Workload,
        lane: u16,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Self {
        Self { wire: Wire::default(), ..Self::sum(workload, records, |other| other == lane) }
    }

    fn sum<'a>(
        workload: &Workload,
        records: impl IntoIterator<Item = &'a Record>,
        counts: impl Fn(u16) -> bool,
    ) -> Self {
        let mut measures = Self::default();
        for record in records {
            measures.add(workload, record, &counts);
        }
        measures.sort();
        measures
    }

    fn sort(&mut self) {
        for values in [&mut self.latencies, &mut self.waits, &mut self.ages] {
            values.sort_unstable();
        }
    }

    /// The measures of all these together.
    pub fn join<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut whole = Self::default();
        for part in parts {
            whole.runs += part.runs;
            whole.offered += part.offered;
            whole.latencies.extend(&part.latencies);
            whole.waits.extend(&part.waits);
            whole.ages.extend(&part.ages);
            whole.delivered_bytes += part.delivered_bytes;
            whole.busy_ns += part.busy_ns;
            whole.wire.add(&part.wire);
            whole.duplicates += part.duplicates;
            whole.corrupt += part.corrupt;
            whole.faults.extend(part.faults.iter().cloned());
        }
        whole.sort();
        whole
    }

    /// The share of messages or exchanges that arrived, 0 to 1; 1 if there were none.
    pub fn delivered_share(&self) -> f64 {
        if self.offered == 0 { 1.0 } else { self.latencies.len() as f64 / self.offered as f64 }
    }

    /// The latency that this part of all does not exceed; `None` if so many never arrived.
    pub fn latency(&self, part: Permille) -> Option<Duration> {
        nearest_rank(&self.latencies, self.offered, part)
    }

    /// The longest latency; `None` if something never arrived.
    pub fn longest_latency(&self) -> Option<Duration> {
        self.latency(Permille(1000))
    }

    /// The wait that this part of what arrived does not exceed.
    pub fn wait(&self, part: Permille) -> Option<Duration> {
        nearest_rank(&self.waits, self.waits.len() as u64, part)
    }

    /// The age of the newest that this part of all looks does not find exceeded; `None` without a
    /// steady lane.
    pub fn age(&self, part: Permille) -> Option<Duration> {
        nearest_rank(&self.ages, self.ages.len() as u64, part)
    }

    /// The mean wait.
    pub fn mean_wait(&self) -> Duration {
        let sum: u128 = self.waits.iter().map(|wait| u128::from(*wait)).sum();
        Duration::from_nanos((sum / (self.waits.len() as u128).max(1)) as u64)
    }

    /// The share of what arrived that had to wait at all, 0 to 1.
    pub fn waiting_share(&self) -> f64 {
        let waited = self.waits.len() - self.waits.partition_point(|wait| *wait == 0);
        waited as f64 / (self.waits.len() as f64).max(1.0)
    }

    /// Bits of messages that arrived, per second.
    pub fn goodput_bps(&self) -> f64 {
        self.delivered_bytes as f64 * 8e9 / (self.busy_ns as f64).max(1.0)
    }

    /// Bytes on the wire for each byte that arrived; infinite if none did.
    pub fn wire_per_byte(&self) -> f64 {
        self.wire.bytes as f64 / self.delivered_bytes as f64
    }

    /// Bytes that were sent again because they were thought lost, for each sent the first time.
    pub fn retransmitted_share(&self) -> f64 {
        self.wire.retransmitted as f64 / (self.wire.first as f64).max(1.0)
    }

    /// Bytes that were repeated in advance, for each sent the first time.
    pub fn repeated_share(&self) -> f64 {
        self.wire.repeated as f64 / (self.wire.first as f64).max(1.0)
    }

    fn add(&mut self, workload: &Workload, record: &Record, counts: &impl Fn(u16) -> bool) {
        self.runs += 1;
        self.duplicates += record.duplicates;
        self.corrupt += record.corrupt;
        self.faults.extend(record.faults.iter().cloned());
        let lanes = (0..).zip(&workload.lanes).map(|(lane, _)| lane).filter(|lane| counts(*lane));
        self.ages.extend(lanes.flat_map(|lane| ages(workload, record, lane)));
        let measured = |message: &&MessageRecord| {
            counts(message.lane) && message.offered_at >= record.measured_from
        };
        let is_exchange = |message: &MessageRecord| {
            let lane = workload.lanes.get(usize::from(message.lane));
            matches!(lane.map(|lane| &lane.traffic), Some(Traffic::Exchange { .. }))
        };
        let mut last = Instant::ZERO;
        let mut answers = BTreeMap::new();
        // Bytes go with the packets that are counted: what waited to be sent counts when it leaves.
        let left = |message: &&MessageRecord| {
            counts(message.lane) && message.sent_at.is_some_and(|at| at >= record.measured_from)
        };
        for message in record.messages.iter().filter(left) {
            if let Some(at) = message.delivered_at {
                self.delivered_bytes += u64::from(message.bytes);
                last = last.max(at);
            }
        }
        for message in record.messages.iter().filter(measured) {
            if is_exchange(message) && message.from == Side::Server {
                answers.insert((message.lane, message.number), message);
            }
        }
        self.busy_ns += nanos(last.saturating_since(record.measured_from));
        self.wire.add(&record.wire);
        for message in record.messages.iter().filter(measured) {
            if !is_exchange(message) {
                self.count(message.latency(), message.head_of_line_wait());
            } else if message.from == Side::Client {
                let answer = answers.get(&(message.lane, message.number));
                let done_at = answer.and_then(|answer| answer.delivered_at);
                let latency = done_at.map(|at| at.saturating_since(message.offered_at));
                let waits = [Some(message), answer.copied()]
                    .map(|message| message.and_then(MessageRecord::head_of_line_wait));
                self.count(latency, waits[0].zip(waits[1]).map(|(a, b)| a + b));
            }
        }
    }

    fn count(&mut self, latency: Option<Duration>, wait: Option<Duration>) {
        self.offered += 1;
        self.latencies.extend(latency.map(nanos));
        self.waits.extend(wait.filter(|_| latency.is_some()).map(nanos));
    }
}

/// The smallest of `sorted` that `part` of `total` values do not exceed; those that are missing
/// are larger than all.
fn nearest_rank(sorted: &[u64], total: u64, part: Permille) -> Option<Duration> {
    let rank = (total * u64::from(part.0)).div_ceil(1000).max(1);
    sorted.get(rank as usize - 1).copied().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks_and_the_missing_are_the_last() {
        let ms = |n| Some(Duration::from_millis(n));
        let latencies: Vec<u64> = (1..=90).map(|n| n * 1_000_000).collect();
        let measures = Measures { offered: 100, latencies, ..Measures::default() };
        assert_eq!(measures.latency(Permille(500)), ms(50));
        assert_eq!(measures.latency(Permille(900)), ms(90));
        assert_eq!(measures.latency(Permille(901)), None);
        assert_eq!(measures.longest_latency(), None);
        assert!((measures.delivered_share() - 0.9).abs() < 1e-12);
        let empty = Measures::default();
        assert_eq!((empty.latency(Permille(500)), empty.mean_wait()), (None, Duration::ZERO));
    }

    #[test]
    fn waits_are_those_of_what_arrived() {
        let measures = Measures { waits: vec![0, 0, 0, 4_000_000], ..Measures::default() };
        assert!((measures.waiting_share() - 0.25).abs() < 1e-12);
        assert_eq!(measures.mean_wait(), Duration::from_millis(1));
        assert_eq!(measures.wait(Permille(750)), Some(Duration::ZERO));
        assert_eq!(measures.wait(Permille(751)), Some(Duration::from_millis(4)));
    }
}
