//! Tables: every cell with every number, what was expected, every run with its seed.

use super::layout::Layout;
use super::quantity;
use super::sheet::escaped;
use super::words;
use crate::sim::metric::Metric;
use crate::sim::results::{Cell, Estimate, Figures, Results};
use std::fmt::Write as _;

/// Rows of a table at most; the rest is in the JSON.
const ROWS: usize = 1000;

/// A table with its caption, in a box of its own to scroll in.
fn table(caption: &str, heads: &[String], rows: &[String]) -> String {
    let mut text = format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table>\n\
         <caption>{caption}</caption>\n<thead><tr>",
        caption = escaped(caption)
    );
    for head in heads {
        let _ = write!(text, "<th scope=\"col\">{}</th>", escaped(head));
    }
    text += "</tr></thead>\n<tbody>\n";
    for row in rows.iter().take(ROWS) {
        text += row;
    }
    text += "</tbody></table></div>\n";
    if rows.len() > ROWS {
        let _ = writeln!(
            text,
            "<p>The first {} of {} rows; all are in the JSON and CSV output.</p>",
            words::thousands(ROWS as u64),
            words::thousands(rows.len() as u64)
        );
    }
    text
}

/// A figure: its value, and how sure it is.
fn figure(metric: Metric, figures: &Figures) -> String {
    let Some(Estimate { value, half_width }) = figures.get(&metric).copied() else {
        return "<td class=\"none\">–</td>".to_owned();
    };
    let text = escaped(&quantity::text(metric, value));
    let sure = half_width
        .filter(|half| half.is_finite() && *half > value.abs() * 1e-6)
        .map_or_else(String::new, |half| {
            let half = escaped(&quantity::text(metric, half));
            format!(" <small>±\u{a0}{half}</small>")
        });
    format!("<td>{text}{sure}</td>")
}

/// All cells.
pub(super) fn cells(layout: &Layout<'_>) -> String {
    let results = layout.results;
    let metrics = layout.measured();
    let mut heads: Vec<String> = results.axes.iter().map(|axis| axis.name.clone()).collect();
    if heads.is_empty() {
        heads.push("cell".to_owned());
    }
    heads.extend(metrics.iter().map(|metric| metric.head().to_owned()));
    let row = |cell: &Cell| {
        let mut row = "<tr>".to_owned();
        for (axis, value) in results.axes.iter().zip(&cell.at) {
            let label = axis.values.get(*value).map_or("", |value| &value.label);
            let _ = write!(row, "<th scope=\"row\">{}</th>", escaped(label));
        }
        if results.axes.is_empty() {
            row += "<th scope=\"row\">all</th>";
        }
        row.extend(metrics.iter().map(|metric| figure(*metric, &cell.figures)));
        row + "</tr>\n"
    };
    let rows: Vec<String> = results.cells.iter().map(row).collect();
    table("All cells", &heads, &rows)
}

/// The kinds of flows of some cells; empty if all are of one kind.
pub(super) fn groups<'a>(cells: impl Iterator<Item = (&'a str, &'a Cell)>) -> String {
    let mut rows = Vec::new();
    let cells: Vec<_> = cells.filter(|(_, cell)| !cell.groups.is_empty()).collect();
    let all = || cells.iter().flat_map(|(_, cell)| &cell.groups);
    let metrics: Vec<Metric> = Metric::ALL
        .into_iter()
        .filter(|metric| all().any(|group| group.figures.contains_key(metric)))
        .collect();
    for (name, cell) in &cells {
        for group in &cell.groups {
            let mut row = format!(
                "<tr><th scope=\"row\">{}</th><th scope=\"row\">{}</th><td>{}</td><td>{}</td>",
                escaped(name),
                escaped(&group.name),
                escaped(&group.mode),
                group.count
            );
            row.extend(metrics.iter().map(|metric| figure(*metric, &group.figures)));
            rows.push(row + "</tr>\n");
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let heads = ["contestant", "flows", "mode", "number"].map(str::to_owned);
    let heads: Vec<String> =
        heads.into_iter().chain(metrics.iter().map(|metric| metric.head().to_owned())).collect();
    table("Flows of each kind", &heads, &rows)
}

/// What was expected, what was missed first.
pub(super) fn expectations(results: &Results) -> String {
    let mut order: Vec<_> = results.verdicts.iter().collect();
    order.sort_by_key(|verdict| verdict.is_met);
    let row = |verdict: &&crate::sim::results::Verdict| {
        let label = results.cells.get(verdict.cell).map_or("", |cell| &cell.label);
        let label = if label.is_empty() { "all" } else { label };
        let of = verdict.group.as_ref().map_or(String::new(), |group| format!(", {group}"));
        let value = verdict
            .value
            .map_or("not measured".to_owned(), |value| quantity::text(verdict.metric, value));
        let (class, word) =
            if verdict.is_met { ("ok", "✓ ok") } else { ("missed", "✗ missed") };
        format!(
            "<tr><td class=\"{class}\">{word}</td><th scope=\"row\">{}{}</th><td>{} {}</td><td>{}</td></tr>\n",
            escaped(label),
            escaped(&of),
            verdict.metric.name(),
            escaped(&verdict.expected),
            escaped(&value)
        )
    };
    let rows: Vec<String> = order.iter().map(row).collect();
    let heads = ["", "cell", "expected", "came out"].map(str::to_owned);
    table("Expectations", &heads, &rows)
}

/// Every run with its seed and the hash of its trace.
pub(super) fn runs(results: &Results) -> String {
    let units = results.cells.iter().flat_map(|cell| &cell.units);
    let row = |unit: &crate::sim::results::Unit| {
        let faults =
            if unit.faults.is_empty() { "none".to_owned() } else { unit.faults.join("; ") };
        format!(
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td><td>{:016x}</td><td>{}</td></tr>\n",
            escaped(&unit.id),
            unit.seed,
            words::thousands(unit.packets),
            unit.trace_hash,
            escaped(&faults)
        )
    };
    let rows: Vec<String> = units.map(row).collect();
    let heads = ["run", "seed", "packets", "trace hash", "faults"].map(str::to_owned);
    table("All runs", &heads, &rows)
}

/// What each metric that occurs is.
pub(super) fn definitions(layout: &Layout<'_>) -> String {
    let mut text = "<dl>\n".to_owned();
    for metric in layout.measured() {
        let _ = writeln!(
            text,
            "<dt>{} <code>{}</code></dt><dd>{}</dd>",
            escaped(&words::capital(quantity::words(metric))),
            metric.name(),
            quantity::definition(metric)
        );
    }
    text + "</dl>\n"
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn every_cell_has_a_row_with_every_number() {
        let results = sample::sweep();
        let text = cells(&Layout::of(&results));
        assert_eq!(text.matches("<tr>").count(), 1 + 36);
        assert_eq!(text.matches("<th scope=\"col\">").count(), 3 + 4);
        assert_eq!(text.matches("<td").count(), 36 * 4);
        assert!(text.contains(">never<"), "{text}");
    }

    #[test]
    fn what_was_missed_comes_first() {
        let text = expectations(&sample::sweep());
        let place = |what| text.find(what).unwrap();
        assert!(place("✗ missed") < place("✓ ok"), "{text}");
        assert!(text.contains("not measured") && text.contains("&lt; 5"), "{text}");
    }

    #[test]
    fn long_tables_end_and_say_so() {
        let rows = vec!["<tr></tr>".to_owned(); ROWS + 1];
        let text = table("x", &[], &rows);
        assert!(text.contains("The first 1,000 of 1,001 rows"), "{}", text.len());
    }
}
