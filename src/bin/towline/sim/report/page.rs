//! The page: what was run, what came of it, and all pictures; nothing to load, nothing needs its script.

use super::axis::{Unit, short};
use super::chart::Owner;
use super::layout::{Condition, Layout};
use super::picture::Picture;
use super::sheet::escaped;
use super::winners::Verdict;
use super::{detail, overview, quantity, tables, theme, words};
use crate::sim::metric::Metric;
use crate::sim::results::Detail;
use std::fmt::Write as _;

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// Bytes of a page, about, from which on it gets no further pictures of cells.
const FULL: usize = 1_700_000;
/// Metrics whose maps are shown at once, if anybody wins; those of others are folded.
const SHOWN: usize = 2;
/// Flows of a run that are listed.
const FLOWS: usize = 12;

/// The page.
pub(super) fn page(layout: &Layout<'_>) -> String {
    let mut page = head(layout);
    page += &summary(layout);
    page += &winners(layout);
    page += &curves(layout);
    let rest = tail(layout);
    page += &cells(layout, FULL.saturating_sub(page.len() + rest.len()));
    page + &rest
}

fn head(layout: &Layout<'_>) -> String {
    let title = escaped(&layout.results.title);
    let mut rules = String::new();
    for number in 0..layout.contestants.len() {
        let class = Owner::Mode(number).class();
        let _ =
            writeln!(rules, "main:has(#pick{number}:not(:checked)) svg .{class}{{display:none}}");
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{}{STYLE}{rules}</style>\n\
         </head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n<p class=\"lead\">{}</p>\n<p>{}</p>\n\
         {}</header>\n",
        theme::sheet(),
        escaped(&words::finding(layout)),
        escaped(&words::setting(layout)),
        command(&layout.results.command),
    )
}

fn command(command: &str) -> String {
    if command.is_empty() {
        return String::new();
    }
    format!("<p><code>{}</code></p>\n", escaped(command))
}

/// Expectations, faults and the way through the page.
fn summary(layout: &Layout<'_>) -> String {
    let results = layout.results;
    let mut text = String::new();
    let faults: usize =
        results.cells.iter().flat_map(|cell| &cell.units).map(|unit| unit.faults.len()).sum();
    if faults > 0 {
        let _ = writeln!(
            text,
            "<p class=\"alarm\"><strong>{}</strong>: something happened that must not; see the table of \
             runs.</p>",
            words::count(faults, "fault")
        );
    }
    if results.verdicts.is_empty() {
        return text;
    }
    let met = results.verdicts.iter().filter(|verdict| verdict.is_met).count();
    let all = results.verdicts.len();
    let word = if met == all { "All" } else { "Not all" };
    let _ = write!(
        text,
        "<section id=\"expectations\">\n<h2>Expectations</h2>\n<p>{word} met: <strong>{met} of \
         {all}</strong>.</p>\n"
    );
    let table = tables::expectations(results);
    if all > 8 {
        text += &folded("Each of them", &table);
    } else {
        text += &table;
    }
    text + "</section>\n"
}

fn winners(layout: &Layout<'_>) -> String {
    let mut text = String::new();
    for (number, metric) in layout.telling().into_iter().enumerate() {
        let pictures = overview::winners(layout, metric);
        if pictures.is_empty() {
            continue;
        }
        let figures = figures(&pictures);
        let wins = |verdict: &Verdict| matches!(verdict, Verdict::Wins { .. });
        let is_shown = number == 0 || layout.verdicts(metric).iter().any(wins);
        if number < SHOWN && is_shown {
            text += &figures;
        } else {
            text += &folded(&words::capital(quantity::words(metric)), &figures);
        }
    }
    if text.is_empty() {
        return text;
    }
    let more = overview::map_count(layout);
    let few = if more > overview::MAPS {
        format!("<p>Of each metric, the first {} of {more} maps.</p>\n", overview::MAPS)
    } else {
        String::new()
    };
    format!(
        "<section id=\"winners\">\n<h2>{}</h2>\n{few}{text}</section>\n",
        match layout.contestants.len() {
            0 | 1 => "Over what was varied",
            _ => "Who wins where",
        }
    )
}

fn curves(layout: &Layout<'_>) -> String {
    let place = overview::most_telling(layout);
    let Some(condition) = layout.conditions.get(place) else { return String::new() };
    let each = |pictures: &[Picture<'_>]| -> String {
        pictures.iter().map(|picture| picture.figure(3)).collect()
    };
    let mut text = each(&overview::latencies(layout, place, condition));
    // Where goodput over loss is among the winners' lines, it is not shown again.
    if layout.dimensions.len() > 1 {
        text += &figures(&overview::goodput_by_loss(layout));
    }
    let rest = [overview::trade(layout), overview::rates(layout, place, condition)];
    text += &each(&rest.into_iter().flatten().collect::<Vec<_>>());
    let lead = if layout.conditions.len() > 1 && layout.contestants.len() > 1 {
        "<p>Curves of single cells are of the one where the best mode leads most; those of the others \
         are below.</p>\n"
    } else {
        ""
    };
    format!("<section id=\"curves\">\n<h2>Curves</h2>\n{lead}{}{text}</section>\n", legend(layout))
}

/// One picture over the whole page, several side by side.
fn figures(pictures: &[Picture<'_>]) -> String {
    match pictures {
        [picture] => picture.figure(3),
        _ => panels(pictures, 3),
    }
}

fn panels(pictures: &[Picture<'_>], level: u8) -> String {
    if pictures.is_empty() {
        return String::new();
    }
    let panels: String = pictures.iter().map(|picture| picture.panel(level)).collect();
    format!("<div class=\"grid\">\n{panels}</div>\n")
}

/// Which colour is which contestant; those that are not ticked are in no curve.
fn legend(layout: &Layout<'_>) -> String {
    if layout.contestants.len() < 2 {
        return String::new();
    }
    let mut text = "<fieldset class=\"legend\"><legend>Shown in curves</legend>".to_owned();
    for (number, name) in layout.contestants.iter().enumerate() {
        let tone = Owner::Mode(number).tone().variable();
        let dash = if number >= theme::SERIES { "stroke-dasharray:5 3" } else { "" };
        let _ = write!(
            text,
            "<label><input type=\"checkbox\" id=\"pick{number}\" checked><svg viewBox=\"0 0 26 12\" \
             aria-hidden=\"true\"><line x1=\"1\" y1=\"6\" x2=\"25\" y2=\"6\" \
             style=\"stroke:{tone};stroke-width:3;{dash}\"/></svg>{}</label>",
            escaped(name)
        );
    }
    text + "</fieldset>\n"
}

/// Everything of each condition, folded, as long as there is room for so many bytes.
fn cells(layout: &Layout<'_>, room: usize) -> String {
    let mut text = String::new();
    let mut left_out = 0;
    let telling = overview::most_telling(layout);
    let many = layout.conditions.len() > 1;
    for (number, condition) in layout.conditions.iter().enumerate() {
        let mut pictures = Vec::new();
        if many && number != telling {
            pictures.extend(overview::latencies(layout, number, condition));
            pictures.extend(overview::rates(layout, number, condition));
        }
        let body = cell(layout, condition, &pictures);
        if body.is_empty() {
            continue;
        }
        if text.len() + body.len() > room {
            left_out += 1;
            continue;
        }
        let head = layout.words(condition);
        let head = if head.is_empty() { "The runs in detail".to_owned() } else { head };
        text += &if many { folded(&head, &body) } else { body };
    }
    if text.is_empty() && left_out == 0 {
        return text;
    }
    let note = if left_out > 0 {
        format!(
            "<p>{} without pictures here, so that the page stays small; replay {} to see {}.</p>\n",
            match left_out {
                1 => "One cell is".to_owned(),
                n => format!("{n} cells are"),
            },
            if left_out == 1 { "it" } else { "them" },
            if left_out == 1 { "it" } else { "them" },
        )
    } else {
        String::new()
    };
    format!("<section id=\"cells\">\n<h2>Cell by cell</h2>\n{note}{text}</section>\n")
}

/// The pictures of one condition, the kinds of flows, and the runs in detail.
fn cell(layout: &Layout<'_>, condition: &Condition, pictures: &[Picture<'_>]) -> String {
    let mut text = panels(pictures, 3);
    let contestants = layout.contestants.iter().enumerate();
    text += &tables::groups(contestants.filter_map(|(number, name)| {
        layout.cell(condition, number).map(|cell| (name.as_str(), cell))
    }));
    for (number, detail) in layout.results.details.iter().enumerate() {
        if !condition.cells.contains(&Some(detail.cell)) {
            continue;
        }
        let pictures = detail::pictures(detail, number);
        let _ = writeln!(text, "<h3>Run <code>{}</code></h3>", escaped(&detail.unit));
        text += &flows(detail);
        if !detail.events.is_empty() {
            text += "<ul>";
            for (at, what) in &detail.events {
                let at = Unit::Seconds.text(at.as_secs_f64());
                let _ = write!(text, "<li>At {at}: {}</li>", escaped(what));
            }
            text += "</ul>\n";
        }
        if layout.conditions.len() > 1 || layout.results.details.len() > 2 {
            text += &panels(&pictures, 4);
        } else {
            text.extend(pictures.iter().map(|picture| picture.figure(4)));
        }
    }
    text
}

/// Who sent what in a run.
fn flows(detail: &Detail) -> String {
    let mut text = "<ul>".to_owned();
    for flow in detail.flows.iter().take(FLOWS) {
        let _ = write!(
            text,
            "<li>{}: {}, {}, from {} on</li>",
            escaped(&flow.name),
            escaped(&flow.title),
            escaped(&flow.lanes.join(" and ")),
            Unit::Seconds.text(flow.start.as_secs_f64())
        );
    }
    if detail.flows.len() > FLOWS {
        let _ = write!(text, "<li>and {} more</li>", detail.flows.len() - FLOWS);
    }
    text + "</ul>\n"
}

/// All numbers, the method, and how to see a run again.
fn tail(layout: &Layout<'_>) -> String {
    let results = layout.results;
    let mut text = format!(
        "<section id=\"numbers\">\n<h2>All numbers</h2>\n<p>±: half the 95 % confidence interval of the \
         mean over the runs (Student's t), where there are several.</p>\n{}</section>\n",
        tables::cells(layout)
    );
    text += &method(layout);
    let unit = results.cells.iter().flat_map(|cell| &cell.units).next();
    let unit = unit.map_or("CELL#0", |unit| unit.id.as_str());
    let _ = write!(
        text,
        "<section id=\"replay\">\n<h2>See a run again</h2>\n<p>A scenario and a seed decide everything, on \
         every machine: the same hash of the trace means the same run, packet by packet. A run is \
         named by its cell and its number; alone, with its packets and pictures, it runs again with</p>\n\
         <p><code>towline sim replay FILE --unit '{unit}' --html run.html</code></p>\n<p>where FILE is the \
         scenario below; what <code>--set</code> and <code>--seed</code> changed here has to be changed \
         there too.</p>\n{}{}</section>\n</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        folded("All runs and their seeds", &tables::runs(results)),
        folded("The scenario", &format!("<pre>{}</pre>", escaped(&results.text))),
        unit = escaped(unit),
    );
    text
}

fn method(layout: &Layout<'_>) -> String {
    let results = layout.results;
    let mut text = "<section id=\"method\">\n<h2>How it was measured</h2>\n".to_owned();
    let _ = writeln!(
        text,
        "<p>Virtual time, the code that ships, no sockets and no clock. Every run lasts {} s; what is \
         sent in the first {} s is not measured. Replicate r of every cell has the seed {} + r, and \
         what becomes of the n-th packet of a direction depends on the seed and on n, not on the mode: \
         all contestants meet the same losses (common random numbers), so differences between them \
         are surer than the intervals of each suggest. A winner is called only if it is better by \
         more than 1 % and its interval does not overlap the next one's.</p>",
        short(results.duration.as_secs_f64()),
        short(results.skip.as_secs_f64()),
        results.seed,
    );
    let kept = results.cells.iter().any(|cell| (cell.latencies.len() as u64) < cell.delivered);
    if kept {
        text += "<p>Of cells with very many messages, curves of latency are drawn from every so \
                 many-th; figures are of all.</p>\n";
    }
    text += "<p>Pictures are thinned to what can be seen: of all points in a column of pixels they keep \
             the first, the last, the lowest and the highest.</p>\n";
    for note in &results.notes {
        let _ = writeln!(text, "<p>Note: {}.</p>", escaped(note.trim_end_matches('.')));
    }
    if layout.measured().contains(&Metric::P999) {
        text += "<p>p99.9 is not given from less than 10,000 messages.</p>\n";
    }
    text + &tables::definitions(layout) + "</section>\n"
}

/// What is seen only by those who ask.
fn folded(head: &str, body: &str) -> String {
    format!("<details><summary>{}</summary>\n{body}</details>\n", escaped(head))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::sim::results::Results;
    use std::collections::BTreeSet;

    #[test]
    fn the_page_loads_nothing_and_texts_cannot_break_out() {
        let results = sample::sweep();
        let page = page(&Layout::of(&results));
        for word in ["http://", "https://", "src=", "@import", "<game>"] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("<h1>A &lt;game&gt; &amp; its loss</h1>"));
        assert!(page.len() < 2_000_000, "{}", page.len());
    }

    #[test]
    fn every_id_is_there_once_and_every_picture_has_a_title() {
        let results = sample::sweep();
        let page = page(&Layout::of(&results));
        let ids: Vec<_> = page
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect();
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "{ids:?}");
        let pictures = page.matches("role=\"img\"").count();
        assert!(pictures > 10);
        assert_eq!(page.matches("role=\"img\"><title>").count(), pictures);
        assert_eq!(page.matches("<details>").count(), page.matches("</details>").count());
    }

    #[test]
    fn expectations_come_before_maps_and_those_before_curves() {
        let results = sample::sweep();
        let page = page(&Layout::of(&results));
        let place = |id: &str| page.find(&format!("<section id=\"{id}\"")).unwrap();
        let order = ["expectations", "winners", "curves", "cells", "numbers", "method", "replay"];
        let places = order.map(place);
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
        assert!(page.contains("<strong>1 of 2</strong>"));
    }

    #[test]
    fn nothing_at_all_is_a_page_too() {
        let results = Results::default();
        let page = page(&Layout::of(&results));
        assert!(page.contains("Nothing was measured.") && page.ends_with("</html>\n"));
    }

    #[test]
    fn a_page_that_is_full_says_what_it_leaves_out() {
        let results = sample::sweep();
        let text = cells(&Layout::of(&results), 60_000);
        assert!(text.len() < 70_000 && text.contains("without pictures here"), "{}", text.len());
    }
}
