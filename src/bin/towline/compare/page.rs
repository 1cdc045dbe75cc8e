//! One page with pictures: no script, nothing to load.

mod cdf;
mod focus;
mod ladder;
mod scale;
mod sequence;
mod svg;

use super::modes;
use super::setting::Setting;
use super::table::{self, Figure, PERCENTILES};
use super::trial::Outcome;
use crate::failure::{Exit, Failure};
use crate::units;
use focus::Focus;
use sequence::View;
use std::fmt::Write as _;
use svg::escaped;
use towline::sim::compare::{Measures, Permille};

/// Lanes that have a picture of their own.
const MAX_LANES: usize = 4;

const STYLE: &str = include_str!("page/style.css");
/// Colours for so many modes are in the style sheet; further ones begin anew.
const COLOURS: usize = 13;

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
    page += &lanes(setting, outcomes);
    page += &distribution(setting, outcomes);
    if !setting.is_live {
        page += &sequences(setting, outcomes);
        page += &ladders(setting, outcomes)?;
    }
    page += &notes(setting, outcomes);
    page += "</main>\n</body>\n</html>\n";
    Ok(page)
}

/// Curves that others often lie on: where two run on top of each other, both are seen.
const STROKES: [(&str, &str); 7] = [
    ("tcp-like", "stroke-dasharray: 5 4; stroke-width: 1.8"),
    ("stream", "stroke-width: 3.4"),
    ("ordered-lean", "stroke-dasharray: 2 3"),
    ("unordered", "stroke-dasharray: 9 4"),
    ("latest", "stroke-dasharray: 6 5"),
    ("unreliable", "stroke-dasharray: 2 6"),
    ("fitted", "stroke-width: 3.4"),
];

/// The rules that give each mode its colour, and take it out of the pictures.
fn colours(outcomes: &[Outcome]) -> String {
    let mut rules = String::new();
    for (number, outcome) in outcomes.iter().enumerate() {
        let colour = colour(outcome, number);
        let _ = writeln!(
            rules,
            ".m{number} {{ stroke: {colour}; }} .got.m{number}, .data.head.m{number} {{ fill: {colour}; stroke: none; }}\n\
             main:has(#pick{number}:not(:checked)) :is(.plot .m{number}, .of{number}) {{ display: none; }}"
        );
        if let Some((_, stroke)) = STROKES.iter().find(|(name, _)| *name == outcome.name) {
            let _ = writeln!(rules, ".curve.m{number} {{ {stroke}; }}");
        }
    }
    rules
}

/// A mode has the same colour on every page, whichever others are beside it.
fn colour(outcome: &Outcome, number: usize) -> String {
    let all = modes::all();
    let own = all.iter().position(|mode| mode.name() == outcome.name);
    format!("var(--m{})", own.unwrap_or(number) % COLOURS)
}

/// Which colour is which mode, and which are in the pictures.
fn legend(setting: &Setting, outcomes: &[Outcome]) -> String {
    let mut legend = "<ul class=\"legend\" id=\"modes\">".to_owned();
    for (number, outcome) in outcomes.iter().enumerate() {
        let is_shown = setting.is_chosen || setting.is_live || modes::is_drawn(&outcome.name);
        let _ = write!(
            legend,
            "<li><label><input type=\"checkbox\" id=\"pick{number}\"{}><svg viewBox=\"0 0 26 12\" \
             aria-hidden=\"true\"><line class=\"curve m{number}\" x1=\"1\" y1=\"6\" x2=\"25\" y2=\"6\"/>\
             </svg>{}</label></li>",
            if is_shown { " checked" } else { "" },
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
        text += &head(outcome, number);
        let _ = write!(text, "<td>{}</td>", table::percent(measures.delivered_share()));
        for (head, part) in PERCENTILES {
            let latency = measures.latency(part);
            let wide = if ["p50", "p99"].contains(&head) { "" } else { "wide" };
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
fn lanes(setting: &Setting, outcomes: &[Outcome]) -> String {
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
        text += &head(outcome, number);
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

fn head(outcome: &Outcome, number: usize) -> String {
    format!(
        "<tr><th><span class=\"dot\" style=\"background:{}\"></span>{}</th>",
        colour(outcome, number),
        escaped(&outcome.title)
    )
}

fn distribution(setting: &Setting, outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "<h2>How many messages arrive in time</h2>\n\
         <p>Further left and higher is better; each step up the axis is ten times fewer late \
         messages. A curve that goes on as dots has ended: the rest never arrived. All pictures show \
         the modes that are ticked.</p>\n{}",
        legend(setting, outcomes),
    );
    let mut add = |id: &str, head: &str, curves: &[&Measures]| {
        let _ = writeln!(
            text,
            "<figure class=\"plot\" id=\"{id}\">{head}{}{}</figure>",
            cdf::draw(curves, (1060.0, 420.0), "wide"),
            cdf::draw(curves, (360.0, 360.0), "narrow")
        );
    };
    let described = setting.scenario.workload.lanes.iter().take(MAX_LANES).enumerate();
    let mut lanes = described.filter(|_| outcomes.iter().all(|o| !o.lanes.is_empty())).peekable();
    if lanes.peek().is_none() {
        let all: Vec<_> = outcomes.iter().map(|outcome| &outcome.measures).collect();
        add("latency", "", &all);
    }
    for (n, lane) in lanes {
        let own: Vec<_> = outcomes.iter().map(|outcome| &outcome.lanes[n]).collect();
        let id = if n == 0 { "latency".to_owned() } else { format!("latency{n}") };
        add(&id, &format!("<h3>{}</h3>", escaped(&lane.name)), &own);
    }
    text
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
        let title = escaped(&outcome.title);
        let _ = writeln!(text, "<figure class=\"of{number}\"><h3>{title}</h3>{drawing}</figure>");
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
            "<figure class=\"of{number}\"><h3>{}</h3>{}<figcaption>{}</figcaption></figure>",
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
