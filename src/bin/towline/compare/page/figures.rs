//! The page's tables.

use super::colour;
use super::svg::escaped;
use crate::compare::setting::Setting;
use crate::compare::table::{self, Figure, PERCENTILES};
use crate::compare::trial::Outcome;
use crate::units;
use std::fmt::Write as _;
use towline::sim::compare::Permille;

/// What each mode came to.
pub(super) fn modes(outcomes: &[Outcome]) -> String {
    let mut text = "<h2>Figures</h2>\n<p>Latency in milliseconds. What never arrived counts as the latest. Resent \
        is what was lost, repeated what was sent along beforehand, as copies or parities. Age is that of \
        the newest message that a receiver has, whenever it looks.</p>\n\
        <div class=\"scroll\"><table>\n<thead><tr><th>mode</th><th>delivered</th>"
        .to_owned();
    for (head, _) in PERCENTILES {
        let class = if head == "p99" { "" } else { " class=\"wide\"" };
        let _ = write!(text, "<th{class}>{head}</th>");
    }
    let has_ages = table::has_ages(outcomes) && outcomes.iter().all(|o| o.lanes.is_empty());
    text += if has_ages { "<th>age,<br>p99</th>" } else { "" };
    let is_live = outcomes.iter().any(|outcome| outcome.is_live);
    // What takes a look into packets.
    let inner = |text: &str| if is_live { String::new() } else { text.to_owned() };
    text += &inner("<th class=\"wide\">held up,<br>p99</th>");
    text += "<th class=\"wide\">goodput</th><th>wire bytes<br>per byte</th>";
    text += &inner("<th class=\"wide\">resent</th><th class=\"wide\">repeated</th>");
    text += "</tr></thead>\n<tbody>\n";
    for (number, outcome) in outcomes.iter().enumerate() {
        let measures = &outcome.measures;
        text += &row(outcome, number);
        let _ = write!(text, "<td>{}</td>", table::percent(measures.delivered_share()));
        for (head, part) in PERCENTILES {
            let latency = measures.latency(part);
            let wide = if head == "p99" { "" } else { "wide" };
            let none = if latency.is_none() { "none" } else { "" };
            let _ = write!(text, "<td class=\"{wide} {none}\">{}</td>", table::latency(latency));
        }
        if has_ages {
            let _ = write!(text, "<td>{}</td>", table::latency(measures.age(Permille(990))));
        }
        let wide = |value: String| format!("<td class=\"wide\">{value}</td>");
        let wait = measures.wait(Permille(990));
        text += &inner(&wide(wait.map_or_else(|| "-".to_owned(), table::millis)));
        text += &wide(units::rate(measures.goodput_bps()));
        let _ = write!(text, "<td>{}</td>", table::cost(measures));
        text += &inner(&wide(table::percent(measures.retransmitted_share())));
        text += &inner(&wide(table::percent(measures.repeated_share())));
        text += "</tr>\n";
    }
    text + "</tbody>\n</table></div>\n"
}

/// What counts for each lane, where there are several.
pub(super) fn lanes(setting: &Setting, outcomes: &[Outcome]) -> String {
    let described = &setting.scenario.workload.lanes;
    let count = outcomes.iter().map(|outcome| outcome.lanes.len()).max().unwrap_or_default();
    if count == 0 {
        return String::new();
    }
    let mut text =
        "<h2>Lane by lane</h2>\n<p>In milliseconds. Where each message makes the one before \
        it worthless, what counts is how old the newest is that the receiver has; of a file, when \
        all of it is there.</p>\n<div class=\"scroll\"><table>\n<thead><tr><th>mode</th>"
            .to_owned();
    let columns = || described.iter().take(count).flat_map(Figure::of);
    let heads = described
        .iter()
        .take(count)
        .flat_map(|lane| Figure::of(lane).map(|figure| (figure, figure.head(&lane.name))));
    for (figure, head) in heads {
        let _ = write!(text, "<th{}>{}</th>", narrowness(figure), escaped(&head));
    }
    text += "</tr></thead>\n<tbody>\n";
    for (number, outcome) in outcomes.iter().enumerate() {
        text += &row(outcome, number);
        let places = described.iter().zip(&outcome.lanes);
        let measures = places.flat_map(|(lane, measures)| Figure::of(lane).map(move |_| measures));
        for (figure, measures) in columns().zip(measures) {
            let value = figure.value(measures);
            let none = if value.is_none() { " none" } else { "" };
            let wide = if narrowness(figure).is_empty() { "" } else { "wide" };
            let _ = write!(text, "<td class=\"{wide}{none}\">{}</td>", table::latency(value));
        }
        text += "</tr>\n";
    }
    text + "</tbody>\n</table></div>\n"
}

/// Medians are left out where there is little room.
fn narrowness(figure: Figure) -> &'static str {
    match figure {
        Figure::Age(Permille(500)) | Figure::Latency(Permille(500)) => " class=\"wide\"",
        _ => "",
    }
}

fn row(outcome: &Outcome, number: usize) -> String {
    format!(
        "<tr><th><span class=\"dot\" style=\"background:{}\"></span>{}</th>",
        colour(&outcome.name, number),
        escaped(&outcome.title)
    )
}
