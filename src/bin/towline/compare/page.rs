//! One page with pictures: no script, nothing to load.

mod cdf;
mod focus;
mod ladder;
mod scale;
mod sequence;
mod svg;

use super::setting::Setting;
use super::table::{self, PERCENTILES};
use super::trial::Outcome;
use crate::failure::{Exit, Failure};
use crate::units;
use focus::Focus;
use sequence::View;
use std::fmt::Write as _;
use svg::escaped;
use towline::sim::compare::Permille;

const STYLE: &str = include_str!("page/style.css");
/// Colours for so many modes are in the style sheet; further ones begin anew.
const COLOURS: usize = 12;

/// The page; `command` is what made it.
pub(crate) fn page(
    setting: &Setting,
    outcomes: &[Outcome],
    command: &str,
) -> Result<String, Failure> {
    let workload = &setting.scenario.workload.name;
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}: what each guarantee costs</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}{colours}</style>\n</head>\n<body>\n<main>\n\
         <h1>{name}: what each guarantee costs</h1>\n\
         <p class=\"lead\">{headline}.</p>\n<p><code>{command}</code></p>\n",
        name = escaped(workload),
        headline = escaped(&table::headline(setting)),
        colours = colours(outcomes),
        command = escaped(command),
    );
    page += &figures(outcomes);
    page += &distribution(outcomes);
    if !setting.is_live {
        page += &sequences(setting, outcomes);
        page += &ladders(setting, outcomes)?;
    }
    page += &notes(setting, outcomes);
    page += "</main>\n</body>\n</html>\n";
    Ok(page)
}

/// The rules that give each mode its colour.
fn colours(outcomes: &[Outcome]) -> String {
    let mut rules = String::new();
    for (number, outcome) in outcomes.iter().enumerate() {
        let colour = colour(outcome, number);
        let _ = writeln!(
            rules,
            ".m{number} {{ stroke: {colour}; }} .got.m{number}, .data.head.m{number} {{ fill: {colour}; stroke: none; }}"
        );
        // Where two run on top of each other, both are seen.
        if outcome.name == "tcp-like" {
            let _ =
                writeln!(rules, ".curve.m{number} {{ stroke-dasharray: 5 4; stroke-width: 1.8; }}");
        }
        if outcome.name == "stream" {
            let _ = writeln!(rules, ".curve.m{number} {{ stroke-width: 3.4; }}");
        }
    }
    rules
}

/// A mode has the same colour on every page, whichever others are beside it.
fn colour(outcome: &Outcome, number: usize) -> String {
    let modes = super::modes::all();
    let own = modes.iter().position(|mode| mode.name() == outcome.name);
    format!("var(--m{})", own.unwrap_or(number) % COLOURS)
}

/// Which colour is which mode.
fn legend(outcomes: &[Outcome]) -> String {
    let mut legend = "<ul class=\"legend\">".to_owned();
    for (number, outcome) in outcomes.iter().enumerate() {
        let _ = write!(
            legend,
            "<li><svg viewBox=\"0 0 26 12\" aria-hidden=\"true\"><line class=\"curve m{number}\" x1=\"1\" \
             y1=\"6\" x2=\"25\" y2=\"6\"/></svg>{}</li>",
            escaped(&outcome.title)
        );
    }
    legend + "</ul>\n"
}

fn figures(outcomes: &[Outcome]) -> String {
    let mut text = "<h2>Figures</h2>\n<p>Latency in milliseconds. What never arrived counts as the latest.</p>\n\
        <div class=\"scroll\"><table>\n<thead><tr><th>mode</th><th>delivered</th>"
        .to_owned();
    for (head, _) in PERCENTILES {
        let class = if ["p50", "p99"].contains(&head) { "" } else { " class=\"wide\"" };
        let _ = write!(text, "<th{class}>{head}</th>");
    }
    let is_live = outcomes.iter().any(|outcome| outcome.is_live);
    // What takes a look into packets.
    let inner = |text: &str| if is_live { String::new() } else { text.to_owned() };
    text += &inner("<th class=\"wide\">held up,<br>p99</th>");
    text += "<th class=\"wide\">goodput</th><th>wire bytes<br>per byte</th>";
    text += &inner("<th class=\"wide\">resent</th>");
    text += "</tr></thead>\n<tbody>\n";
    for (number, outcome) in outcomes.iter().enumerate() {
        let measures = &outcome.measures;
        let _ = write!(
            text,
            "<tr><th><span class=\"dot\" style=\"background:{}\"></span>{}</th><td>{}</td>",
            colour(outcome, number),
            escaped(&outcome.title),
            table::percent(measures.delivered_share())
        );
        for (head, part) in PERCENTILES {
            let latency = measures.latency(part);
            let wide = if ["p50", "p99"].contains(&head) { "" } else { "wide" };
            let none = if latency.is_none() { "none" } else { "" };
            let _ = write!(text, "<td class=\"{wide} {none}\">{}</td>", table::latency(latency));
        }
        let wide = |value: String| format!("<td class=\"wide\">{value}</td>");
        let wait = measures.wait(Permille(990));
        text += &inner(&wide(wait.map_or_else(|| "-".to_owned(), table::millis)));
        text += &wide(units::rate(measures.goodput_bps()));
        let _ = write!(text, "<td>{}</td>", table::cost(measures));
        text += &inner(&wide(table::percent(measures.retransmitted_share())));
        text += "</tr>\n";
    }
    text + "</tbody>\n</table></div>\n"
}

fn distribution(outcomes: &[Outcome]) -> String {
    format!(
        "<h2>How many messages arrive in time</h2>\n\
         <p>Further left and higher is better; each step up the axis is ten times fewer late \
         messages. A curve that goes on as dots has ended: the rest never arrived.</p>\n\
         <figure id=\"latency\">{}{}{}</figure>\n",
        legend(outcomes),
        cdf::draw(outcomes, (1060.0, 420.0), "wide"),
        cdf::draw(outcomes, (360.0, 360.0), "narrow")
    )
}

fn sequences(setting: &Setting, outcomes: &[Outcome]) -> String {
    let scenario = &setting.scenario;
    let focus = Focus::of(scenario);
    let records: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.record.as_ref()).collect();
    let start = focus::begin(scenario, focus, &records);
    let stretch = start..start + focus::span(scenario);
    let view = View { focus, stretch: &stretch, pace: focus::pace(scenario) };
    let mut rows = view.rows(&records).into_iter();
    let mut text = format!(
        "<h2>Message by message</h2>\n\
         <p>The same {} of the first run in every mode. A row is a message: it is \
         sent on the left and delivered at the dot. What is orange has arrived whole, and is held up \
         by another.</p>\n<ul class=\"legend\">{}</ul>\n<div class=\"grid\" id=\"sequence\">\n",
        scale::time(focus::span(scenario)),
        KEYS
    );
    for (number, outcome) in outcomes.iter().enumerate() {
        let Some(record) = &outcome.record else { continue };
        let rows = rows.next().unwrap_or(0..1);
        let drawing = sequence::draw(record, view, &rows, number, &outcome.title);
        let _ = writeln!(text, "<figure><h3>{}</h3>{drawing}</figure>", escaped(&outcome.title));
    }
    text + "</div>\n"
}

/// What the marks of the time-sequence diagrams mean.
const KEYS: &str = include_str!("page/keys.html");

fn ladders(setting: &Setting, outcomes: &[Outcome]) -> Result<String, Failure> {
    let focus = Focus::of(&setting.scenario);
    let mut text = "<h2>What one lost packet does</h2>\n\
        <p>The same links without any faults, but that one packet is lost, at time 0. Numbers are \
        messages: on the sender's side where they leave, on the receiver's where the application \
        gets them. Bars are messages that have arrived and are held up.</p>\n\
        <div class=\"grid\" id=\"ladder\">\n"
        .to_owned();
    for (number, (outcome, mode)) in outcomes.iter().zip(&setting.modes).enumerate() {
        let fall = ladder::fall(&**mode, &setting.scenario, focus)
            .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        let Some(fall) = fall else { continue };
        let _ = writeln!(
            text,
            "<figure><h3>{}</h3>{}<figcaption>{}</figcaption></figure>",
            escaped(&outcome.title),
            fall.draw(number, &outcome.title),
            escaped(&fall.words())
        );
    }
    Ok(text + "</div>\n")
}

fn notes(setting: &Setting, outcomes: &[Outcome]) -> String {
    let mut text = if setting.is_live {
        "<footer>\n<p>Measured in real time, over sockets of one machine, through a relay that is the \
            bad network, with one clock. The figures differ a little from run to run. Bytes on the wire \
            include IP and UDP headers. What takes a look into packets is only known in virtual time.</p>\n"
    } else {
        VIRTUAL
    }
    .to_owned();
    for note in table::notes(setting, outcomes) {
        let _ = writeln!(text, "<p>Note: {}.</p>", escaped(&note));
    }
    text + "</footer>\n"
}

/// What is to be known about all figures of the simulator.
const VIRTUAL: &str = "<footer>\n<p>Every mode meets the same losses: what becomes of the n-th packet of a \
        direction depends on the seed and on n, and spells of loss come at the same times. Bytes on \
        the wire include IP, UDP and TCP headers. TCP is smoltcp's, whose recovery knows no selective \
        acknowledgements, and not an operating system's; TCP-like is towline's recovery with \
        TCP's headers.</p>\n";
