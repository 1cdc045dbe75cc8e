//! What one run came to, and what all runs of a cell came to.

use super::estimate;
use super::metric::Metric;
use super::plan::Plan;
use super::results::{Cell, Estimate, Figures, Group, Unit};
use std::collections::BTreeMap;
use std::time::Duration;
use towline::sim::compare::{Measures, Permille, Traffic};
use towline::sim::scene::{FlowRecord, LinkRecord, SceneRecord};
use towline::time::Instant;

/// From fewer messages the 99.9th percentile is a matter of luck.
const MIN_SAMPLES_999: u64 = 10_000;
/// Flows share alike when Jain's index is this for so many seconds.
const ALIKE: f64 = 0.95;
const ALIKE_SECONDS: u32 = 3;

/// One run's figures, and what the figures of all runs together are made of.
pub(crate) struct Raw {
    pub(crate) figures: BTreeMap<Metric, f64>,
    /// All flows together.
    whole: Measures,
    /// Each kind of flows, where there are several, with its own figures.
    kinds: Vec<(Measures, BTreeMap<Metric, f64>)>,
    goodput_bps: Vec<f64>,
    packets: u64,
    trace_hash: u64,
}

impl Raw {
    /// The figures of one run of this plan.
    pub(crate) fn of(plan: &Plan, record: &SceneRecord) -> Self {
        let flows: Vec<Measures> = plan
            .members
            .iter()
            .zip(&record.flows)
            .map(|(member, flow)| Measures::of(&member.workload, [&flow.record]))
            .collect();
        let whole = Measures::join(&flows);
        let mut figures = of_messages(&whole);
        let everything: Vec<usize> = (0..flows.len()).collect();
        figures.insert(Metric::Goodput, goodput_mbit(&everything, &flows, &record.flows));
        figures.extend(sharing(plan, record));
        figures.extend(of_links(plan, record));
        figures.insert(Metric::Packets, record.packets as f64);
        let kind = |kind: usize| {
            let members = plan.members.iter().enumerate();
            let places: Vec<usize> =
                members.filter(|(_, member)| member.kind == kind).map(|(n, _)| n).collect();
            let measures = Measures::join(places.iter().map(|place| &flows[*place]));
            let mut figures = of_messages(&measures);
            figures.insert(Metric::Goodput, goodput_mbit(&places, &flows, &record.flows));
            (measures, figures)
        };
        let kinds = if plan.kinds.len() > 1 { plan.kinds.len() } else { 0 };
        Self {
            figures,
            whole,
            kinds: (0..kinds).map(kind).collect(),
            goodput_bps: over_time(plan, record),
            packets: record.packets,
            trace_hash: record.trace_hash,
        }
    }

    /// As a row of the results.
    fn unit(&self, label: &str, replicate: u64, seed: u64) -> Unit {
        Unit {
            id: format!("{label}#{replicate}"),
            replicate,
            seed,
            figures: self.figures.clone(),
            packets: self.packets,
            trace_hash: self.trace_hash,
            faults: self.whole.faults.clone(),
        }
    }
}

/// All runs of a cell, by replicate, and all their messages: latencies in nanoseconds, ascending.
pub(crate) fn cell(plan: &Plan, label: &str, raws: &[(u64, u64, Raw)]) -> (Cell, Measures) {
    let whole = Measures::join(raws.iter().map(|(.., raw)| &raw.whole));
    let units = raws.iter().map(|(replicate, seed, raw)| raw.unit(label, *replicate, *seed));
    let kinds = raws.first().map_or(0, |(.., raw)| raw.kinds.len());
    let group = |place: usize| {
        let all = Measures::join(raws.iter().map(|(.., raw)| &raw.kinds[place].0));
        let runs: Vec<_> = raws.iter().map(|(.., raw)| &raw.kinds[place].1).collect();
        let kind = &plan.kinds[place];
        Group {
            name: kind.name.clone(),
            mode: kind.mode.name().to_owned(),
            count: plan.members.iter().filter(|member| member.kind == place).count(),
            figures: together(&all, &runs),
        }
    };
    let runs: Vec<_> = raws.iter().map(|(.., raw)| &raw.figures).collect();
    let buckets = (0..Cell::BUCKETS).map(|bucket| {
        let sum: f64 = raws.iter().map(|(.., raw)| raw.goodput_bps[bucket]).sum();
        sum / raws.len().max(1) as f64
    });
    let cell = Cell {
        at: Vec::new(),
        label: label.to_owned(),
        figures: together(&whole, &runs),
        groups: (0..kinds).map(group).collect(),
        latencies: thinned(&whole.latencies),
        offered: whole.offered,
        delivered: whole.latencies.len() as u64,
        goodput_bps: buckets.collect(),
        units: units.collect(),
    };
    (cell, whole)
}

/// The figures of all runs: of all messages together where that has a meaning, else their means.
fn together(whole: &Measures, runs: &[&BTreeMap<Metric, f64>]) -> Figures {
    let pooled = of_messages(whole);
    let figure = |metric: Metric| {
        let values: Vec<f64> = runs.iter().filter_map(|run| run.get(&metric)).copied().collect();
        let estimate = match pooled.get(&metric) {
            Some(value) => {
                Some(Estimate { value: *value, half_width: estimate::half_width(&values) })
            }
            // What only some runs have has no mean.
            None if values.len() == runs.len() => estimate::mean(&values),
            None => None,
        };
        Some((metric, estimate?))
    };
    Metric::ALL.into_iter().filter_map(figure).collect()
}

/// What follows from messages alone.
fn of_messages(measures: &Measures) -> BTreeMap<Metric, f64> {
    let ms = |time: Option<Duration>| time.map_or(f64::INFINITY, |time| time.as_secs_f64() * 1e3);
    let mut figures = BTreeMap::new();
    if measures.offered > 0 {
        figures.insert(Metric::Delivered, measures.delivered_share());
        let latencies =
            [(Metric::P50, 500), (Metric::P95, 950), (Metric::P99, 990), (Metric::Max, 1000)];
        for (metric, part) in latencies {
            figures.insert(metric, ms(measures.latency(Permille(part))));
        }
        figures.insert(Metric::HeldP99, ms(measures.wait(Permille(990)).or(Some(Duration::ZERO))));
    }
    if measures.offered >= MIN_SAMPLES_999 {
        figures.insert(Metric::P999, ms(measures.latency(Permille(999))));
    }
    if !measures.ages.is_empty() {
        figures.insert(Metric::AgeP99, ms(measures.age(Permille(990))));
    }
    if measures.delivered_bytes > 0 {
        figures.insert(Metric::WirePerByte, measures.wire_per_byte());
    }
    if measures.wire.first > 0 {
        figures.insert(Metric::Retransmitted, measures.retransmitted_share());
        figures.insert(Metric::Repeated, measures.repeated_share());
    }
    figures
}

/// What these flows got together, from the first measured moment of any to the last arrival.
fn goodput_mbit(places: &[usize], measures: &[Measures], records: &[FlowRecord]) -> f64 {
    let from = places.iter().map(|place| records[*place].record.measured_from).min();
    let last = |place: &usize| {
        records[*place].record.measured_from + Duration::from_nanos(measures[*place].busy_ns)
    };
    let until = places.iter().map(last).max();
    let (Some(from), Some(until)) = (from, until) else { return 0.0 };
    let seconds = until.saturating_since(from).as_secs_f64();
    let bytes: u64 = places.iter().map(|place| measures[*place].delivered_bytes).sum();
    if seconds > 0.0 { bytes as f64 * 8.0 / seconds / 1e6 } else { 0.0 }
}

/// How alike flows with one workload share.
fn sharing(plan: &Plan, record: &SceneRecord) -> BTreeMap<Metric, f64> {
    let mut figures = BTreeMap::new();
    let [first, others @ ..] = &plan.members[..] else { return figures };
    let is_heap = first
        .workload
        .lanes
        .iter()
        .all(|lane| matches!(lane.traffic, Traffic::Greedy { .. } | Traffic::Bulk { .. }));
    let is_alike = others.iter().all(|other| other.workload.lanes == first.workload.lanes);
    if others.is_empty() || !is_heap || !is_alike {
        return figures;
    }
    let start = plan.members.iter().map(|member| member.note.start).max().unwrap_or_default();
    let stop = plan.members.iter().map(|m| m.note.start + m.workload.duration).min();
    let stop = stop.unwrap_or(plan.frame.duration);
    let from = record.began + start.max(plan.frame.skip);
    figures.insert(Metric::Jain, record.fairness(from, record.began + stop));
    let converged = record.converged(ALIKE, ALIKE_SECONDS);
    let since = converged.map(|at| at.saturating_sub(start).as_secs_f64());
    figures.insert(Metric::Converged, since.unwrap_or(f64::INFINITY));
    figures
}

/// Queues and drops.
fn of_links(plan: &Plan, record: &SceneRecord) -> BTreeMap<Metric, f64> {
    let from = record.began + plan.frame.skip;
    let wait = |link: &LinkRecord| {
        let measured = link.samples.iter().filter(|sample| sample.at >= from);
        let mut waits: Vec<Duration> = measured.map(|sample| sample.wait).collect();
        waits.sort_unstable();
        let rank = (waits.len() * 99).div_ceil(100).max(1) - 1;
        waits.get(rank).copied()
    };
    let has_queue =
        plan.links.iter().map(|link| link.config.rate_bps.is_some() || link.config.trace.is_some());
    let queued = record.links.iter().zip(has_queue).filter(|(_, has_queue)| *has_queue);
    let longest = queued.filter_map(|(link, _)| wait(link)).max();
    let dropped = |link: &LinkRecord| {
        let stats = &link.stats;
        stats.lost
            + stats.overflowed
            + stats.blacked_out
            + stats.oversize
            + stats.policed
            + stats.early
    };
    let dropped: u64 = record.links.iter().map(dropped).sum();
    let mut figures = BTreeMap::new();
    figures.extend(longest.map(|wait| (Metric::QueueP99, wait.as_secs_f64() * 1e3)));
    figures.insert(Metric::Dropped, dropped as f64 / (record.packets as f64).max(1.0));
    figures
}

/// What all flows got in each part of the duration.
fn over_time(plan: &Plan, record: &SceneRecord) -> Vec<f64> {
    let width = plan.frame.duration / Cell::BUCKETS as u32;
    let at = |bucket: usize| -> Instant { record.began + width * bucket as u32 };
    let rate = |bucket| {
        let (from, until) = (at(bucket), at(bucket + 1));
        record.flows.iter().map(|flow| flow.goodput_bps(from, until)).sum()
    };
    (0..Cell::BUCKETS).map(rate).collect()
}

/// Every so many-th of what is sorted, and the last: few enough to be kept and drawn.
fn thinned(sorted: &[u64]) -> Vec<u64> {
    let step = sorted.len().div_ceil(Cell::MAX_LATENCIES - 1).max(1);
    let mut kept: Vec<u64> = sorted.iter().step_by(step).copied().collect();
    if step > 1 {
        kept.extend(sorted.last());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinned_values_keep_both_ends_and_are_few() {
        assert_eq!(thinned(&[1, 2, 3]), [1, 2, 3]);
        assert_eq!(thinned(&[]), [0; 0]);
        let many: Vec<u64> = (0..100_001).collect();
        let kept = thinned(&many);
        assert!(kept.len() <= Cell::MAX_LATENCIES && kept.is_sorted(), "{}", kept.len());
        assert_eq!((kept.first(), kept.last()), (Some(&0), Some(&100_000)));
    }

    #[test]
    fn rare_percentiles_need_many_messages() {
        let some = |offered: u64| Measures {
            offered,
            latencies: (0..offered).collect(),
            ..Measures::default()
        };
        assert!(!of_messages(&some(9_999)).contains_key(&Metric::P999));
        assert!(of_messages(&some(10_000)).contains_key(&Metric::P999));
        assert!(of_messages(&Measures::default()).is_empty());
        let lost = Measures { offered: 10, latencies: vec![1_000_000; 9], ..Measures::default() };
        let figures = of_messages(&lost);
        assert_eq!(figures.get(&Metric::P50), Some(&1.0));
        assert_eq!(figures.get(&Metric::P99), Some(&f64::INFINITY));
    }
}
