//! What was run and what came of it, in plain sentences.

use super::axis::short;
use super::layout::Layout;
use super::quantity;
use super::winners::{self, Better, Verdict};
use crate::sim::metric::Metric;
use std::fmt::Write as _;

/// What was run.
pub(super) fn setting(layout: &Layout<'_>) -> String {
    let results = layout.results;
    let (modes, conditions) = (layout.contestants.len(), layout.conditions.len());
    let names = quantity::contestants(&results.axes, results.mode_axis, modes);
    let cells = match (modes, conditions) {
        (0 | 1, _) => count(results.cells.len(), "cell"),
        (_, 1) => names,
        _ => format!("{names} in {}", count(conditions, "cell")),
    };
    let varied: Vec<String> = layout
        .dimensions
        .iter()
        .enumerate()
        .map(|(n, own)| format!("{} of {}", own.order.len(), quantity::of_axis(layout.axis(n)).0))
        .collect();
    let varied =
        if varied.is_empty() { String::new() } else { format!(" ({})", varied.join(" × ")) };
    let runs = match results.replicates {
        1 => "each run once".to_owned(),
        n => format!("each run {n} times with different seeds"),
    };
    let packets: u64 =
        results.cells.iter().flat_map(|cell| &cell.units).map(|unit| unit.packets).sum();
    format!(
        "{cells}{varied}, {runs}, {} s of virtual time a run{}: {} in all.{}",
        short(results.duration.as_secs_f64()),
        if results.skip.is_zero() {
            String::new()
        } else {
            format!(" of which the first {} s are not measured", short(results.skip.as_secs_f64()))
        },
        count_text(&thousands(packets), packets == 1, "packet"),
        if modes > 1 { " All meet the same networks with the same seeds." } else { "" }
    )
}

/// What came of it: by the first metric, and by the next if that says something else.
pub(super) fn finding(layout: &Layout<'_>) -> String {
    let metrics = layout.telling();
    if metrics.is_empty() {
        return "Nothing was measured.".to_owned();
    }
    let metrics = metrics.iter().take(2).map(|metric| {
        if layout.contestants.len() > 1 { contest(layout, *metric) } else { range(layout, *metric) }
    });
    metrics.collect::<Vec<_>>().join(" ")
}

/// Who wins by a metric.
fn contest(layout: &Layout<'_>, metric: Metric) -> String {
    let verdicts = layout.verdicts(metric);
    let (counts, decided) = winners::tally(&verdicts, layout.contestants.len());
    let words = quantity::words(metric);
    let extreme = match quantity::better(metric) {
        Better::Lower => "lowest",
        Better::Higher => "highest",
    };
    if decided == 0 {
        return format!("Nobody has a {words}: too little arrived.");
    }
    if let [verdict] = &verdicts[..] {
        return single(layout, metric, verdict);
    }
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|n| std::cmp::Reverse((counts[*n].0, counts[*n].1)));
    let Some(first) = order.first() else { return String::new() };
    let (alone, shared) = counts[*first];
    let name = &layout.contestants[*first];
    if alone == 0 {
        return among(layout, &counts, decided, &format!("{extreme} {words}"));
    }
    let mut text = format!("{name} has the {extreme} {words} in {alone} of {decided} cells");
    if shared > 0 {
        let _ = write!(text, " and shares it in {shared} more");
    }
    let others = order.iter().skip(1).filter(|n| counts[**n].0 > 0);
    let others: Vec<String> =
        others.map(|n| format!("{} in {}", layout.contestants[*n], counts[*n].0)).collect();
    if !others.is_empty() {
        let _ = write!(text, "; {}", others.join(", "));
    }
    text += ".";
    if let Some(lead) = lead(layout, metric, &verdicts, *first) {
        text += &lead;
    }
    text
}

/// Who is often among the best where nobody is the best.
fn among(layout: &Layout<'_>, counts: &[(usize, usize)], decided: usize, best: &str) -> String {
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|n| std::cmp::Reverse(counts[*n].1));
    let most = counts.iter().map(|count| count.1).max().unwrap_or(0);
    if counts.iter().filter(|count| count.1 == most).count() == counts.len() {
        return format!("No two contestants differ in the {best} beyond doubt.");
    }
    let names: Vec<String> = order
        .iter()
        .take(3)
        .map(|n| format!("{} in {} of {decided} cells", layout.contestants[*n], counts[*n].1))
        .collect();
    format!("Nobody has the {best} alone; among the best are {}.", names.join(", "))
}

/// By how much the usual winner leads where it leads most.
fn lead(
    layout: &Layout<'_>,
    metric: Metric,
    verdicts: &[Verdict],
    winner: usize,
) -> Option<String> {
    let margins =
        verdicts.iter().zip(&layout.conditions).filter_map(|(verdict, condition)| match verdict {
            Verdict::Wins { mode, value, margin: Some(margin) }
                if *mode == winner && margin.is_finite() =>
            {
                Some((*margin, *value, condition))
            }
            _ => None,
        });
    let (margin, value, condition) = margins.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let (unit, _) = quantity::unit(metric);
    Some(format!(
        " Its lead is widest at {}: {}, {}× better than the next.",
        layout.words(condition),
        unit.text(value),
        short(margin)
    ))
}

/// The outcome where there is one condition.
fn single(layout: &Layout<'_>, metric: Metric, verdict: &Verdict) -> String {
    let words = quantity::words(metric);
    let (unit, _) = quantity::unit(metric);
    match verdict {
        Verdict::Wins { mode, value, margin } => {
            let extreme = match quantity::better(metric) {
                Better::Lower => "lowest",
                Better::Higher => "highest",
            };
            let margin = margin.filter(|margin| margin.is_finite());
            let margin =
                margin.map_or(String::new(), |m| format!(", {}× better than the next", short(m)));
            let name = &layout.contestants[*mode];
            format!("{name} has the {extreme} {words}: {}{margin}.", unit.text(*value))
        }
        Verdict::Tie { modes, value } => {
            let names: Vec<_> = modes.iter().map(|n| layout.contestants[*n].as_str()).collect();
            format!("{} tie in {words}: {}.", names.join(" and "), unit.text(*value))
        }
        Verdict::Nothing | Verdict::Never => format!("Nobody has a {words}: too little arrived."),
    }
}

/// From where to where a metric goes.
fn range(layout: &Layout<'_>, metric: Metric) -> String {
    let (unit, _) = quantity::unit(metric);
    let values = layout.conditions.iter().filter_map(|condition| {
        let estimate = layout.estimates(condition, metric).first().copied().flatten()?;
        (!estimate.value.is_nan()).then_some((estimate.value, condition))
    });
    let values: Vec<_> = values.collect();
    let least = values.iter().min_by(|a, b| a.0.total_cmp(&b.0));
    let most = values.iter().max_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(least), Some(most)) = (least, most) else { return String::new() };
    let words = quantity::words(metric);
    if values.len() == 1 {
        return format!("{} is {}.", capital(words), unit.text(least.0));
    }
    format!(
        "{} goes from {} ({}) to {} ({}).",
        capital(words),
        unit.text(least.0),
        layout.words(least.1),
        unit.text(most.0),
        layout.words(most.1)
    )
}

/// A text that begins with a capital letter.
pub(super) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or(String::new(), |first| first.to_uppercase().chain(rest).collect())
}

/// `1 cell`, `15 cells`.
pub(super) fn count(count: usize, what: &str) -> String {
    count_text(&thousands(count as u64), count == 1, what)
}

fn count_text(count: &str, is_one: bool, what: &str) -> String {
    format!("{count} {what}{}", if is_one { "" } else { "s" })
}

/// `12,345`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::sim::results::Results;

    #[test]
    fn the_finding_names_who_wins_how_often_and_by_how_much() {
        let results = sample::sweep();
        let text = finding(&Layout::of(&results)).replace('\u{a0}', " ");
        assert!(text.starts_with("latest has the lowest p99 latency in 9 of 12 cells"), "{text}");
        assert!(text.contains("Its lead is widest at"), "{text}");
    }

    #[test]
    fn where_all_tie_it_says_who_is_among_the_best() {
        let mut results = sample::sweep();
        for cell in &mut results.cells {
            let value = if cell.at[2] == 2 { 50.0 } else { 10.0 };
            let figure = crate::sim::results::Estimate { value, half_width: None };
            cell.figures.insert(Metric::P99, figure);
        }
        let text = finding(&Layout::of(&results));
        let begin =
            "Nobody has the lowest p99 latency alone; among the best are stream in 12 of 12 cells";
        assert!(text.starts_with(begin), "{text}");
    }

    #[test]
    fn one_mode_has_a_range_and_nothing_is_said_to_be_nothing() {
        let results = sample::one_mode();
        let text = finding(&Layout::of(&results)).replace('\u{a0}', " ");
        assert!(text.starts_with("P99 latency goes from 20 ms (loss 0 %) to"), "{text}");
        let results = Results::default();
        let layout = Layout::of(&results);
        assert_eq!(finding(&layout), "Nothing was measured.");
        assert!(setting(&layout).starts_with("0 cells"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(
            (count(1, "cell"), count(1000, "cell")),
            ("1 cell".into(), "1,000 cells".into())
        );
    }
}
