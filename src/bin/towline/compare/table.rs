//! The result as tables for people.

use super::args::Path;
use super::setting::Setting;
use super::trial::Outcome;
use crate::report::Table;
use crate::units::{self, QueueSize, plain};
use std::time::Duration;
use towline::sim::compare::{Lane, Measures, Permille, Traffic};

/// The percentiles of the report, with their heads.
pub(crate) const PERCENTILES: [(&str, Permille); 5] = [
    ("p50", Permille(500)),
    ("p95", Permille(950)),
    ("p99", Permille(990)),
    ("p99.9", Permille(999)),
    ("max", Permille(1000)),
];

/// What was compared, over what.
pub(crate) fn headline(setting: &Setting) -> String {
    let Setting { scenario, path, seeds, is_live, .. } = setting;
    let workload = &scenario.workload;
    let runs = if *seeds == 1 { "seed".to_owned() } else { format!("{seeds} seeds from") };
    format!(
        "{} for {} s{}: {}; {runs} {}",
        workload.name,
        plain(workload.duration.as_secs_f64()),
        if *is_live { " live" } else { "" },
        network(path),
        scenario.seed
    )
}

/// `2 % loss, round trip 100 ms, 20 Mbit/s`.
pub(crate) fn network(path: &Path) -> String {
    let ms = |time: Duration| plain(time.as_secs_f64() * 1e3);
    let percent = |share: f64| format!("{} %", plain(share * 100.0));
    let mut parts = vec![match path.burst {
        None => format!("{} loss", percent(path.loss.unwrap_or_default())),
        Some(burst) => {
            let loss = percent(path.loss.unwrap_or_default());
            format!("{loss} loss in spells of {} ms", ms(burst))
        }
    }];
    let shares =
        [("damaged", path.damage), ("duplicated", path.duplicate), ("reordered", path.reorder)];
    for (what, share) in shares {
        parts.extend(share.map(|share| format!("{} {what}", percent(share))));
    }
    let jitter = path.jitter.map_or_else(String::new, |jitter| format!(" +- {}", ms(2 * jitter)));
    parts.push(format!("round trip {}{jitter} ms", ms(path.rtt.unwrap_or_default())));
    parts.extend(path.rate.map(|rate| units::rate(rate as f64)));
    parts.extend(path.queue.map(|queue| match queue {
        QueueSize::Bytes(bytes) => format!("queue {}", units::size(bytes)),
        QueueSize::Time(time) => format!("queue {} ms", ms(time)),
    }));
    parts.join(", ")
}

/// Milliseconds, as precise as anybody needs; `never` where too many did not arrive.
pub(crate) fn latency(latency: Option<Duration>) -> String {
    latency.map_or_else(|| "never".to_owned(), millis)
}

/// `67.3`, `1234`.
pub(crate) fn millis(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 999.95 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}

/// `1.85`; `-` where nothing arrived.
pub(crate) fn cost(measures: &Measures) -> String {
    let cost = measures.wire_per_byte();
    if cost.is_finite() { format!("{cost:.2}") } else { "-".to_owned() }
}

/// `5.0 %`; what is not all is never `100.0 %`.
pub(crate) fn percent(share: f64) -> String {
    let rounded = (share * 1000.0).round() / 10.0;
    let shown = if share < 1.0 { rounded.min(99.9) } else { rounded };
    format!("{shown:.1} %")
}

/// When messages arrived.
pub(crate) fn latencies(outcomes: &[Outcome]) -> Table {
    let mut heads = vec!["latency in ms", "delivered"];
    heads.extend(PERCENTILES.map(|(head, _)| head));
    // Where there are several lanes it stands with the one it belongs to.
    let has_ages = has_ages(outcomes) && outcomes.iter().all(|outcome| outcome.lanes.is_empty());
    heads.extend(has_ages.then_some("age p99"));
    let mut table = Table::new(&heads);
    for Outcome { title, measures, .. } in outcomes {
        let percentiles = PERCENTILES.map(|(_, part)| latency(measures.latency(part)));
        let age = has_ages.then(|| latency(measures.age(Permille(990))));
        let cells = [percent(measures.delivered_share())].into_iter();
        table.row(title, cells.chain(percentiles).chain(age));
    }
    table
}

/// Whether a newer message makes up for an older one.
pub(crate) fn has_ages(outcomes: &[Outcome]) -> bool {
    outcomes.iter().any(|outcome| !outcome.measures.ages.is_empty())
}

/// Lanes beside each other in one table.
const LANES: usize = 3;

/// What counts for each lane, where there are several.
pub(crate) fn lanes(setting: &Setting, outcomes: &[Outcome]) -> Vec<Table> {
    let lanes = &setting.scenario.workload.lanes;
    let count = outcomes.iter().map(|outcome| outcome.lanes.len()).max().unwrap_or_default();
    let numbers: Vec<usize> = (0..count.min(lanes.len())).collect();
    let table = |numbers: &[usize]| {
        let columns = || numbers.iter().flat_map(|n| Figure::of(&lanes[*n]).map(move |f| (*n, f)));
        let heads: Vec<String> = columns().map(|(n, f)| f.head(&lanes[n].name)).collect();
        let heads: Vec<&str> =
            ["lane by lane, ms"].into_iter().chain(heads.iter().map(String::as_str)).collect();
        let mut table = Table::new(&heads);
        for Outcome { title, lanes, .. } in outcomes {
            let value = |(n, figure): (usize, Figure)| {
                lanes.get(n).map_or_else(String::new, |measures| latency(figure.value(measures)))
            };
            table.row(title, columns().map(value));
        }
        table
    };
    numbers.chunks(LANES).map(table).collect()
}

/// What counts of a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Figure {
    /// How old the newest message is that the receiver has.
    Age(Permille),
    /// How long messages take.
    Latency(Permille),
    /// How long all takes together.
    Whole,
}

impl Figure {
    pub(crate) fn of(lane: &Lane) -> impl Iterator<Item = Self> + use<> {
        let parts = [Permille(500), Permille(990)];
        let figures = match lane.traffic {
            Traffic::Steady { .. } => parts.map(Self::Age).to_vec(),
            Traffic::Chatter { .. } | Traffic::Exchange { .. } => parts.map(Self::Latency).to_vec(),
            Traffic::Bulk { .. } | Traffic::Greedy { .. } => vec![Self::Whole],
        };
        figures.into_iter()
    }

    /// The lane's name stands over the first of its columns.
    pub(crate) fn head(self, name: &str) -> String {
        match self {
            Self::Age(Permille(500)) => format!("{name}: age p50"),
            Self::Latency(Permille(500)) => format!("{name}: p50"),
            Self::Age(_) | Self::Latency(_) => "p99".to_owned(),
            Self::Whole => format!("{name}: all"),
        }
    }

    pub(crate) fn value(self, measures: &Measures) -> Option<Duration> {
        match self {
            Self::Age(part) => measures.age(part),
            Self::Latency(part) => measures.latency(part),
            Self::Whole => measures.longest_latency(),
        }
    }
}

/// How long they waited for others, and what they cost.
pub(crate) fn costs(outcomes: &[Outcome]) -> Table {
    if outcomes.iter().any(|outcome| outcome.is_live) {
        return seen_costs(outcomes);
    }
    let mut table = Table::new(&[
        "waiting and cost",
        "held up",
        "for, p99",
        "goodput",
        "wire/byte",
        "resent",
        "repeated",
    ]);
    for Outcome { title, measures, .. } in outcomes {
        let wait = measures.wait(Permille(990));
        table.row(
            title,
            [
                percent(measures.waiting_share()),
                wait.map_or_else(|| "-".to_owned(), |wait| format!("{} ms", millis(wait))),
                units::rate(measures.goodput_bps()),
                cost(measures),
                percent(measures.retransmitted_share()),
                percent(measures.repeated_share()),
            ],
        );
    }
    table
}

/// What can be seen of the cost from outside.
fn seen_costs(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new(&["cost", "goodput", "wire/byte"]);
    for Outcome { title, measures, .. } in outcomes {
        table.row(title, [units::rate(measures.goodput_bps()), cost(measures)]);
    }
    table
}

/// What has to be said about the figures.
pub(crate) fn notes(setting: &Setting, outcomes: &[Outcome]) -> Vec<String> {
    let mut notes = setting.left_out.clone();
    for Outcome { title, measures, .. } in outcomes {
        let mut faults = measures.faults.clone();
        faults.dedup();
        notes.extend(faults.first().map(|fault| {
            format!("{title}: {fault} ({} of {} runs)", measures.faults.len(), measures.runs)
        }));
        if measures.duplicates > 0 {
            notes.push(format!(
                "{title}: {} messages came twice",
                units::grouped(measures.duplicates)
            ));
        }
        if measures.corrupt > 0 {
            notes
                .push(format!("{title}: {} messages came wrong", units::grouped(measures.corrupt)));
        }
    }
    notes
}

/// What the words mean.
pub(crate) fn legend(outcomes: &[Outcome]) -> String {
    let is_live = outcomes.iter().any(|outcome| outcome.is_live);
    let mut lines = vec![
        "latency: from the sender's call to the receiver's; what did not arrive counts as the latest.",
    ];
    lines.extend(has_ages(outcomes).then_some(AGE));
    lines.extend((!is_live).then_some(HELD));
    lines.push("wire/byte: bytes on the wire, headers included, for each byte that arrived.");
    lines.extend((!is_live).then_some(AGAIN));
    lines.join("\n")
}

const AGE: &str = "age: of the newest that the receiver has, whenever it looks.";
const HELD: &str =
    "held up: arrived whole, or in parts that make it, and had to wait for others before it.";
const AGAIN: &str =
    "resent: sent again after a loss. repeated: sent along beforehand, as copies or parities.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_honest() {
        assert_eq!(percent(0.99999), "99.9 %");
        assert_eq!(percent(1.0), "100.0 %");
        assert_eq!(percent(0.0), "0.0 %");
        assert_eq!(millis(Duration::from_micros(67_340)), "67.3");
        assert_eq!(millis(Duration::from_micros(1_234_567)), "1235");
        assert_eq!(latency(None), "never");
        assert_eq!(cost(&Measures::default()), "-");
    }

    #[test]
    fn a_network_is_one_phrase() {
        assert_eq!(network(&Path::usual()), "2 % loss, round trip 100 ms, 20 Mbit/s");
        let path = Path {
            burst: Some(Duration::from_millis(40)),
            damage: Some(0.005),
            jitter: Some(Duration::from_millis(5)),
            queue: Some(QueueSize::Bytes(64_000)),
            ..Path::usual()
        };
        assert_eq!(
            network(&path),
            "2 % loss in spells of 40 ms, 0.5 % damaged, round trip 100 +- 10 ms, 20 Mbit/s, queue 64 kB"
        );
    }
}
