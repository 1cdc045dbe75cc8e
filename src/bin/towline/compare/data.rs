//! The result for programs: JSON lines, and comma-separated values for each run.

use super::setting::Setting;
use super::table::PERCENTILES;
use super::trial::Outcome;
use crate::report::Json;
use std::fmt::Write as _;
use std::time::Duration;
use towline::sim::compare::{Lane, Measures, Permille};

/// What was compared, over what.
pub(crate) fn scenario(setting: &Setting) -> Json {
    let Setting { scenario, path, seeds, .. } = setting;
    let share = |share: Option<f64>| share.unwrap_or_default();
    let millis = |time: Option<Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
    Json::default()
        .text("event", "scenario")
        .text("workload", &scenario.workload.name)
        .float("duration_seconds", scenario.workload.duration.as_secs_f64())
        .float("skipped_seconds", scenario.workload.skip.as_secs_f64())
        .number("seed", scenario.seed)
        .number("seeds", *seeds)
        .float("loss", share(path.loss))
        .float("burst_ms", millis(path.burst))
        .float("rtt_ms", millis(path.rtt))
        .float("jitter_ms", millis(path.jitter))
        .number("rate_bps", path.rate.unwrap_or_default())
        .number("queue_bytes", scenario.up.capacity_bytes)
        .float("reorder", share(path.reorder))
        .float("damage", share(path.damage))
        .float("duplicate", share(path.duplicate))
        .truth("live", setting.is_live)
}

/// A mode. What never arrived is `null`; what nobody could measure is not there.
pub(crate) fn mode(outcome: &Outcome) -> Json {
    let json = Json::default()
        .text("event", "mode")
        .text("mode", &outcome.name)
        .text("title", &outcome.title);
    with(json, figures(&outcome.measures, outcome.is_live))
}

/// The lanes of a mode, where there are several; without what belongs to all together.
pub(crate) fn lanes(setting: &Setting, outcome: &Outcome) -> Vec<Json> {
    let lanes = setting.scenario.workload.lanes.iter().zip(&outcome.lanes);
    let json = |(lane, measures): (&Lane, &Measures)| {
        let json = Json::default()
            .text("event", "lane")
            .text("mode", &outcome.name)
            .text("lane", &lane.name);
        let mut figures = figures(measures, outcome.is_live);
        figures.retain(|(name, _)| !NOT_OF_LANES.iter().any(|prefix| name.starts_with(prefix)));
        with(json, figures)
    };
    lanes.map(json).collect()
}

fn with(json: Json, figures: Vec<(String, Value)>) -> Json {
    figures.into_iter().fold(json, |json, (name, value)| match value {
        Value::Whole(value) => json.number(&name, value),
        Value::Part(value) => json.float(&name, value),
    })
}

/// One line for each mode and seed behind a line of heads.
pub(crate) fn csv(outcomes: &[Outcome]) -> String {
    let is_live = outcomes.iter().any(|outcome| outcome.is_live);
    let names = figures(&Measures::default(), is_live).into_iter().map(|(name, _)| name);
    let mut text = ["mode".to_owned(), "seed".to_owned()]
        .into_iter()
        .chain(names)
        .collect::<Vec<_>>()
        .join(",");
    text.push('\n');
    for outcome in outcomes {
        for (seed, measures) in &outcome.by_seed {
            let _ = write!(text, "{},{seed}", outcome.name);
            for (_, value) in figures(measures, is_live) {
                let _ = match value {
                    Value::Whole(value) => write!(text, ",{value}"),
                    // An empty cell, as the format has no word for what never came.
                    Value::Part(value) if value.is_finite() => write!(text, ",{value:.6}"),
                    Value::Part(_) => write!(text, ","),
                };
            }
            text.push('\n');
        }
    }
    text
}

enum Value {
    Whole(u64),
    Part(f64),
}

/// All figures by name; without those that take a look into packets where that is not possible.
fn figures(measures: &Measures, is_live: bool) -> Vec<(String, Value)> {
    let millis =
        |time: Option<Duration>| Value::Part(time.map_or(f64::NAN, |t| t.as_secs_f64() * 1e3));
    let mut figures = vec![
        ("runs".to_owned(), Value::Whole(measures.runs)),
        ("offered".to_owned(), Value::Whole(measures.offered)),
        ("delivered".to_owned(), Value::Whole(measures.latencies.len() as u64)),
        ("delivered_share".to_owned(), Value::Part(measures.delivered_share())),
    ];
    for (name, part) in PERCENTILES {
        let name = name.replace('.', "_");
        figures.push((format!("latency_{name}_ms"), millis(measures.latency(part))));
    }
    for (name, part) in [("p50", 500), ("p99", 990)] {
        figures.push((format!("age_{name}_ms"), millis(measures.age(Permille(part)))));
    }
    let mut add = |name: &str, value| figures.push((name.to_owned(), value));
    add("held_up_share", Value::Part(measures.waiting_share()));
    add("held_up_mean_ms", millis(Some(measures.mean_wait())));
    add("held_up_p99_ms", millis(measures.wait(Permille(990))));
    add("held_up_max_ms", millis(measures.wait(Permille(1000))));
    add("goodput_bps", Value::Part(measures.goodput_bps()));
    add("wire_packets", Value::Whole(measures.wire.packets));
    add("wire_bytes", Value::Whole(measures.wire.bytes));
    add("delivered_bytes", Value::Whole(measures.delivered_bytes));
    add("wire_bytes_per_byte", Value::Part(measures.wire_per_byte()));
    add("retransmitted_bytes", Value::Whole(measures.wire.retransmitted));
    add("retransmitted_share", Value::Part(measures.retransmitted_share()));
    add("repeated_bytes", Value::Whole(measures.wire.repeated));
    add("repeated_share", Value::Part(measures.repeated_share()));
    add("duplicates", Value::Whole(measures.duplicates));
    add("corrupt", Value::Whole(measures.corrupt));
    add("faults", Value::Whole(measures.faults.len() as u64));
    figures.retain(|(name, _)| !is_live || !NOT_LIVE.iter().any(|prefix| name.starts_with(prefix)));
    figures
}

/// How the names of these begin.
const NOT_LIVE: [&str; 3] = ["held_up_", "retransmitted_", "repeated_"];

/// The same of what is counted for all lanes together.
const NOT_OF_LANES: [&str; 6] =
    ["wire_", "retransmitted_", "repeated_", "duplicates", "corrupt", "faults"];

#[cfg(test)]
mod tests {
    use super::*;
    use towline::sim::compare::PlainUdp;

    #[test]
    fn every_line_has_every_column() {
        let mut outcome = Outcome::new(&PlainUdp, false);
        outcome.by_seed =
            vec![(1, Measures::default()), (2, Measures { offered: 3, ..Measures::default() })];
        let csv = csv(std::slice::from_ref(&outcome));
        let columns: Vec<usize> = csv.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(columns.len(), 3);
        assert!(columns.iter().all(|count| *count == columns[0]), "{csv}");
        assert!(csv.contains("\nudp,2,0,3,0,0.000000,,,"), "{csv}");
        assert!(mode(&outcome).to_string().contains("\"latency_p99_9_ms\":null"));
        outcome.is_live = true;
        let fewer = super::csv(std::slice::from_ref(&outcome));
        assert_eq!(fewer.lines().next().map(|line| line.split(',').count()), Some(columns[0] - 8));
        assert!(csv.contains("held_up_p99_ms") && !fewer.contains("held_up"), "{fewer}");
    }

    #[test]
    fn live_lines_have_every_column_too() {
        let mut live = Outcome::new(&PlainUdp, true);
        live.by_seed = vec![(1, Measures::default())];
        let csv = csv(&[live]);
        let columns: Vec<usize> = csv.lines().map(|line| line.split(',').count()).collect();
        assert_eq!(columns[0], columns[1]);
    }
}
