//! The results for programs: JSON lines, and comma-separated values with a row for each run.

use super::metric::Metric;
use super::results::{Cell, Estimate, Results, Unit, Verdict};
use super::table::all_figures;
use crate::report::Json;
use std::fmt::Write as _;

/// What was run.
pub(crate) fn scenario(results: &Results) -> Json {
    Json::default()
        .text("event", "scenario")
        .text("name", &results.title)
        .float("duration_seconds", results.duration.as_secs_f64())
        .float("skipped_seconds", results.skip.as_secs_f64())
        .text("seed", &results.seed.to_string())
        .number("replicates", results.replicates)
        .number("cells", results.cells.len() as u64)
}

/// A cell: its values, its figures and how sure they are.
pub(crate) fn cell(results: &Results, cell: &Cell) -> Json {
    let json = Json::default().text("event", "cell").text("cell", &cell.label);
    let json = values(json, results, cell);
    let json = json.number("offered", cell.offered).number("arrived", cell.delivered);
    estimates(json, all_figures(&cell.figures))
}

/// The kinds of flows of a cell.
pub(crate) fn groups(cell: &Cell) -> Vec<Json> {
    let json = |group: &super::results::Group| {
        let json = Json::default()
            .text("event", "flows")
            .text("cell", &cell.label)
            .text("flows", &group.name)
            .text("mode", &group.mode)
            .number("count", group.count as u64);
        estimates(json, all_figures(&group.figures).filter(|(_, figure)| figure.is_some()))
    };
    cell.groups.iter().map(json).collect()
}

/// What was expected.
pub(crate) fn verdict(results: &Results, verdict: &Verdict) -> Json {
    let cell = &results.cells[verdict.cell];
    let json = Json::default().text("event", "expectation").text("cell", &cell.label);
    let json = match &verdict.group {
        Some(group) => json.text("flows", group),
        None => json,
    };
    json.text("metric", verdict.metric.name())
        .text("expected", &verdict.expected)
        .float("value", verdict.value.unwrap_or(f64::NAN))
        .truth("met", verdict.is_met)
}

/// One line for each unit.
pub(crate) fn json_lines(results: &Results) -> String {
    let mut text = String::new();
    for cell in &results.cells {
        for unit in &cell.units {
            let _ = writeln!(text, "{}", unit_json(results, cell, unit));
        }
    }
    text
}

/// One run.
pub(crate) fn unit_json(results: &Results, cell: &Cell, unit: &Unit) -> Json {
    let json = Json::default()
        .text("event", "unit")
        .text("unit", &unit.id)
        .text("scenario", &results.title);
    let json = values(json, results, cell)
        .number("replicate", unit.replicate)
        // Numbers of JSON are exact up to 2^53 only.
        .text("seed", &unit.seed.to_string())
        .text("trace_hash", &hash(unit.trace_hash));
    let json = Metric::ALL.into_iter().fold(json, |json, metric| {
        json.float(metric.name(), unit.figures.get(&metric).copied().unwrap_or(f64::NAN))
    });
    json.number("faults", unit.faults.len() as u64)
}

/// A hash as people compare it.
pub(crate) fn hash(hash: u64) -> String {
    format!("{hash:016x}")
}

/// One line for each unit behind a line of heads.
pub(crate) fn csv(all: &[Results]) -> String {
    let mut axes: Vec<&str> = Vec::new();
    for results in all {
        let strange = results.axes.iter().map(|axis| axis.name.as_str());
        let strange: Vec<&str> = strange.filter(|name| !axes.contains(name)).collect();
        axes.extend(strange);
    }
    let mut heads = vec![quoted("scenario"), quoted("unit")];
    heads.extend(axes.iter().map(|name| quoted(name)));
    heads.extend(["replicate", "seed", "trace_hash"].map(quoted));
    heads.extend(Metric::names().map(quoted));
    let mut text = heads.join(",");
    text.push('\n');
    for results in all {
        for cell in &results.cells {
            for unit in &cell.units {
                text += &row(results, cell, unit, &axes);
            }
        }
    }
    text
}

fn row(results: &Results, cell: &Cell, unit: &Unit, axes: &[&str]) -> String {
    let mut words = vec![quoted(&results.title), quoted(&unit.id)];
    words.extend(axes.iter().map(|name| {
        let mut own = results.axes.iter().zip(&cell.at);
        let value = own.find(|(axis, _)| axis.name == *name);
        value.map_or_else(String::new, |(axis, at)| quoted(&axis.values[*at].label))
    }));
    words.extend([unit.replicate.to_string(), unit.seed.to_string(), hash(unit.trace_hash)]);
    words.extend(Metric::ALL.map(|metric| match unit.figures.get(&metric) {
        Some(value) if value.is_finite() => format!("{value:.6}"),
        // An empty cell, as the format has no word for what never came.
        _ => String::new(),
    }));
    let mut line = words.join(",");
    line.push('\n');
    line
}

/// In quotes where a comma or a quote would be misread (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

fn values(json: Json, results: &Results, cell: &Cell) -> Json {
    results.axes.iter().zip(&cell.at).fold(json, |json, (axis, at)| {
        let value = &axis.values[*at];
        match value.number {
            Some(number) => json.float(&axis.name, number),
            None => json.text(&axis.name, &value.label),
        }
    })
}

fn estimates<'a>(
    json: Json,
    figures: impl Iterator<Item = (Metric, Option<&'a Estimate>)>,
) -> Json {
    figures.fold(json, |json, (metric, figure)| {
        let value = figure.map_or(f64::NAN, |figure| figure.value);
        let json = json.float(metric.name(), value);
        match figure.and_then(|figure| figure.half_width) {
            Some(width) => json.float(&format!("{}_ci95", metric.name()), width),
            None => json,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::results::{Axis, AxisValue};
    use super::*;

    fn results() -> Results {
        let value = |label: &str, number| AxisValue { label: label.to_owned(), number };
        let unit = Unit {
            id: "loss=0.1,mode=udp#0".into(),
            seed: u64::MAX,
            figures: [(Metric::Delivered, 0.5), (Metric::P99, f64::INFINITY)].into(),
            ..Unit::default()
        };
        let cell = Cell { at: vec![0, 0], label: "x".into(), units: vec![unit], ..Cell::default() };
        Results {
            title: "a \"b\"".into(),
            axes: vec![
                Axis { name: "loss".into(), values: vec![value("0.1", Some(0.1))] },
                Axis { name: "mode".into(), values: vec![value("udp", None)] },
            ],
            cells: vec![cell],
            ..Results::default()
        }
    }

    #[test]
    fn rows_have_every_column_and_commas_are_quoted() {
        let csv = csv(&[results()]);
        let mut lines = csv.lines();
        let heads = lines.next().unwrap();
        let row = lines.next().unwrap();
        assert!(heads.starts_with("scenario,unit,loss,mode,replicate,seed,trace_hash,delivered,"));
        let start = "\"a \"\"b\"\"\",\"loss=0.1,mode=udp#0\",0.1,udp,0,18446744073709551615,";
        assert!(row.starts_with(start), "{row}");
        // The comma in the unit's id is one more.
        assert_eq!(row.matches(',').count(), heads.matches(',').count() + 1);
        assert!(row.contains(",0.500000,,"), "{row}");
    }

    #[test]
    fn seeds_are_text_and_what_never_came_is_null() {
        let results = results();
        let json = unit_json(&results, &results.cells[0], &results.cells[0].units[0]).to_string();
        for part in [
            r#""unit":"loss=0.1,mode=udp#0""#,
            r#""loss":0.100000,"mode":"udp""#,
            r#""seed":"18446744073709551615""#,
            r#""trace_hash":"0000000000000000""#,
            r#""delivered":0.500000"#,
            r#""p99_ms":null"#,
        ] {
            assert!(json.contains(part), "{part}: {json}");
        }
    }
}
