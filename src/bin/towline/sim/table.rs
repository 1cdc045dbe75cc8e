//! The results as tables for people.

use super::metric::Metric;
use super::results::{Cell, Estimate, Figures, Results, Verdict};
use super::spark;
use crate::report::Table;
use crate::units::{counted, plain};

/// Letters of a picture of goodput over time.
const SPARK: usize = 20;
/// The most pictures of a metric over an axis.
const MAX_CURVES: usize = 16;

/// What was run.
pub(crate) fn headline(results: &Results) -> String {
    let Results { title, cells, replicates, seed, duration, .. } = results;
    let combinations = match cells.len() {
        0 | 1 => String::new(),
        count => format!("{}, ", counted(count as u64, "cell")),
    };
    let runs = match replicates {
        1 => format!("seed {seed}"),
        _ => format!("{replicates} seeds from {seed}"),
    };
    format!("{title} for {} s: {combinations}{runs}", plain(duration.as_secs_f64()))
}

/// When messages arrived.
pub(crate) fn latencies(results: &Results) -> Table {
    let mut metrics =
        vec![Metric::Delivered, Metric::P50, Metric::P95, Metric::P99, Metric::P999, Metric::Max];
    metrics.extend([Metric::AgeP99].into_iter().filter(|metric| is_anywhere(results, *metric)));
    let names = names(results, "latency in ms");
    let mut heads = vec![names.head.as_str()];
    heads.extend(metrics.iter().map(|metric| metric.head()));
    let mut table = Table::new(&heads);
    for (cell, name) in results.cells.iter().zip(&names.rows) {
        table.row(name, metrics.iter().map(|metric| shown(*metric, cell.figures.get(metric))));
    }
    table
}

/// How much arrived, and what it cost.
pub(crate) fn rates(results: &Results) -> Table {
    let metrics = [Metric::WirePerByte, Metric::QueueP99, Metric::Jain, Metric::Converged];
    let metrics: Vec<Metric> =
        metrics.into_iter().filter(|metric| is_anywhere(results, *metric)).collect();
    let has_intervals = results.replicates > 1;
    let names = names(results, "rate in Mbit/s");
    let mut heads = vec![names.head.as_str(), "goodput"];
    heads.extend(has_intervals.then_some("±95 %"));
    heads.extend(metrics.iter().map(|metric| metric.head()));
    heads.push("goodput over time");
    let mut table = Table::new(&heads);
    let over_time = |cell: &Cell| spark::shortened(&cell.goodput_bps, SPARK);
    let most = results.cells.iter().flat_map(over_time).fold(0.0, f64::max);
    for (cell, name) in results.cells.iter().zip(&names.rows) {
        let goodput = cell.figures.get(&Metric::Goodput);
        let interval = has_intervals.then(|| {
            let width = goodput.and_then(|goodput| Some((goodput.value, goodput.half_width?)));
            width.map_or_else(|| "-".to_owned(), |(value, width)| as_precise(width, value, 3))
        });
        let values: Vec<Option<f64>> = over_time(cell).into_iter().map(Some).collect();
        let cells = [shown(Metric::Goodput, goodput)].into_iter().chain(interval);
        let cells =
            cells.chain(metrics.iter().map(|metric| shown(*metric, cell.figures.get(metric))));
        // A row must not lose letters at its end.
        let picture = format!("{:<SPARK$}", spark::line(&values, most));
        table.row(name, cells.chain([picture]));
    }
    table
}

/// Each kind of flows, where there are several.
pub(crate) fn groups(results: &Results) -> Option<Table> {
    results.cells.iter().find(|cell| !cell.groups.is_empty())?;
    let metrics =
        [Metric::Goodput, Metric::Delivered, Metric::P50, Metric::P99, Metric::WirePerByte];
    let names = names(results, "each kind of flows");
    let mut heads = vec![names.head.as_str(), "flows", "mode", "count"];
    heads.extend(metrics.iter().map(|metric| metric.head()));
    let mut table = Table::new(&heads);
    for (cell, name) in results.cells.iter().zip(&names.rows) {
        for group in &cell.groups {
            let words = [group.name.clone(), group.mode.clone(), group.count.to_string()];
            let figures = metrics.iter().map(|metric| shown(*metric, group.figures.get(metric)));
            table.row(name, words.into_iter().chain(figures));
        }
    }
    Some(table)
}

/// Two metrics over the axis with the most numbers, if one has three or more: small pictures.
pub(crate) fn curves(results: &Results) -> Option<Table> {
    let numbers = |n: &usize| {
        let values = &results.axes[*n].values;
        if values.iter().all(|value| value.number.is_some()) { values.len() } else { 0 }
    };
    let axis = (0..results.axes.len()).max_by_key(numbers).filter(|n| numbers(n) > 2)?;
    let values = &results.axes[axis].values;
    let mut lines: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    for (place, cell) in results.cells.iter().enumerate() {
        let mut others = cell.at.clone();
        others.remove(axis);
        match lines.iter_mut().find(|(key, _)| *key == others) {
            Some((_, cells)) => cells.push(place),
            None => lines.push((others, vec![place])),
        }
    }
    lines.truncate(MAX_CURVES);
    let (first, last) = (values.first()?, values.last()?);
    let mut heads =
        vec![format!("over {} {} to {}", results.axes[axis].name, first.label, last.label)];
    heads.extend([Metric::P99, Metric::Goodput].map(|metric| metric.head().to_owned()));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut table = Table::new(&heads);
    let series = |cells: &[usize], metric| -> Vec<Option<f64>> {
        let value = |place: &usize| results.cells[*place].figures.get(&metric).map(|f| f.value);
        cells.iter().map(value).collect()
    };
    let pictures = [Metric::P99, Metric::Goodput].map(|metric| {
        let all = lines.iter().flat_map(|(_, cells)| series(cells, metric)).flatten();
        (metric, all.filter(|value| value.is_finite()).fold(0.0, f64::max))
    });
    for (_, cells) in &lines {
        let cell = &results.cells[*cells.first()?];
        let name = other_values(results, cell, axis);
        let picture = |(metric, most): (Metric, f64)| spark::line(&series(cells, metric), most);
        table.row(&name, pictures.map(picture));
    }
    Some(table)
}

/// `stream, rtt_ms 20`: the values of all axes but this one.
fn other_values(results: &Results, cell: &Cell, but: usize) -> String {
    let values = results.axes.iter().zip(&cell.at).enumerate().filter(|(n, _)| *n != but);
    let value = |(n, (axis, at)): (usize, (&super::results::Axis, &usize))| {
        let label = &axis.values[*at].label;
        if Some(n) == results.mode_axis { label.clone() } else { format!("{} {label}", axis.name) }
    };
    let words = values.map(value).collect::<Vec<_>>().join(", ");
    if words.is_empty() { "all".to_owned() } else { words }
}

/// What was expected.
pub(crate) fn verdicts(results: &Results) -> Option<Table> {
    let names = names(results, "expected");
    let mut table = Table::new(&[&names.head, "metric", "expected", "is", ""]);
    for verdict in &results.verdicts {
        let Verdict { cell, group, metric, expected, value, is_met } = verdict;
        let name = match group {
            None => metric.name().to_owned(),
            Some(group) => format!("{group}: {}", metric.name()),
        };
        let is = value.map_or_else(|| "-".to_owned(), |value| number(value, 4));
        let word = if *is_met { "ok" } else { "MISSED" };
        table.row(&names.rows[*cell], [name, expected.clone(), is, word.to_owned()]);
    }
    (!results.verdicts.is_empty()).then_some(table)
}

/// What a reader has to know of the figures.
pub(crate) fn notes(results: &Results) -> Vec<String> {
    let mut notes = Vec::new();
    let few = results.cells.iter().filter(|cell| !cell.figures.contains_key(&Metric::P999));
    if let Some(least) = few.map(|cell| cell.offered).min() {
        notes.push(format!(
            "p99.9 needs 10,000 messages, and there were {} in the smallest cell: -",
            crate::units::grouped(least)
        ));
    }
    if is_never(results) {
        notes.push("never: so many messages did not arrive in time".to_owned());
    }
    let faults = results.cells.iter().flat_map(|cell| &cell.units);
    let mut faults = faults.flat_map(|unit| unit.faults.iter().map(move |fault| (&unit.id, fault)));
    if let Some((unit, fault)) = faults.next() {
        let others = faults.count();
        let more = if others > 0 { format!("; and {others} more") } else { String::new() };
        notes.push(format!("{unit}: {fault}{more}"));
    }
    notes
}

fn is_never(results: &Results) -> bool {
    let values = results.cells.iter().flat_map(|cell| cell.figures.values());
    values.into_iter().any(|figure| figure.value.is_infinite())
}

fn is_anywhere(results: &Results, metric: Metric) -> bool {
    results.cells.iter().any(|cell| cell.figures.contains_key(&metric))
}

/// What stands in front of each row: the values of all axes, in columns.
struct Names {
    head: String,
    rows: Vec<String>,
}

fn names(results: &Results, what: &str) -> Names {
    if results.axes.is_empty() {
        let rows = results.cells.iter().map(|_| results.title.clone()).collect();
        return Names { head: what.to_owned(), rows };
    }
    let width = |axis: &super::results::Axis| {
        let labels = axis.values.iter().map(|value| value.label.chars().count());
        labels.chain([axis.name.chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = results.axes.iter().map(width).collect();
    let joined = |words: Vec<&str>| {
        let words = words.iter().zip(&widths).map(|(word, width)| format!("{word:<width$}"));
        words.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let row = |cell: &Cell| {
        let axes = results.axes.iter().zip(&cell.at);
        joined(axes.map(|(axis, at)| axis.values[*at].label.as_str()).collect())
    };
    Names {
        head: joined(results.axes.iter().map(|axis| axis.name.as_str()).collect()),
        rows: results.cells.iter().map(row).collect(),
    }
}

/// A figure as people read it; `-` where there is none, `never` where too many never arrived.
fn shown(metric: Metric, figure: Option<&Estimate>) -> String {
    let Some(Estimate { value, .. }) = figure else { return "-".to_owned() };
    if value.is_infinite() {
        return "never".to_owned();
    }
    match metric {
        Metric::Delivered | Metric::Dropped | Metric::Retransmitted | Metric::Repeated => {
            percent(*value)
        }
        Metric::Goodput => number(*value, 3),
        Metric::WirePerByte => format!("{value:.2}"),
        Metric::Jain => format!("{value:.3}"),
        Metric::Packets => format!("{value:.0}"),
        _ if metric.unit() == "s" => format!("{value:.1} s"),
        _ if *value < 999.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// `5.0 %`; what is not all is never `100.0 %`.
fn percent(share: f64) -> String {
    let rounded = (share * 1000.0).round() / 10.0;
    let shown = if share < 1.0 { rounded.min(99.9) } else { rounded };
    format!("{shown:.1} %")
}

/// So many significant digits, without an exponent.
pub(crate) fn number(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { "never".to_owned() };
    }
    as_precise(value, value, digits)
}

/// With as many decimals as another value has with so many significant digits.
fn as_precise(value: f64, other: f64, digits: usize) -> String {
    if other == 0.0 || !other.is_finite() {
        return format!("{value:.digits$}");
    }
    let before = other.abs().log10().floor() + 1.0;
    let decimals = (digits as f64 - before).clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}")
}

/// All figures of a cell, for programs.
pub(crate) fn all_figures(figures: &Figures) -> impl Iterator<Item = (Metric, Option<&Estimate>)> {
    Metric::ALL.into_iter().map(|metric| (metric, figures.get(&metric)))
}
