//! One page with pictures: no script, nothing to load.

mod cdf;
mod figures;
mod focus;
mod ladder;
mod loads;
mod picture;
mod scale;
mod sequence;
mod svg;

use super::crowd::Crowd;
use super::modes;
use super::setting::Setting;
use super::table;
use super::trial::Outcome;
use crate::failure::{Exit, Failure};
use focus::Focus;
use sequence::View;
use std::fmt::Write as _;
use svg::escaped;
use towline::sim::compare::Measures;

/// Lanes that have a picture of their own.
const MAX_LANES: usize = 4;

const COLOURS: &str = include_str!("page/colours.css");
const STYLE: &str = include_str!("page/style.css");
const DRAWING: &str = include_str!("page/drawing.css");
/// Colours for so many modes are in the style sheet; further ones begin anew.
const COLOUR_COUNT: usize = 13;

/// The page; `command` is what made it.
pub(crate) fn page(
    setting: &Setting,
    outcomes: &[Outcome],
    command: &str,
) -> Result<String, Failure> {
    let workload = &setting.scenario.workload.name;
    let title = format!("{workload}: what each guarantee costs");
    let modes: Vec<Mode<'_>> = outcomes.iter().map(Mode::of).collect();
    let mut page = head(&title, &table::headline(setting), command, &modes);
    page += &figures::modes(outcomes);
    page += &figures::lanes(setting, outcomes);
    page += &distribution(setting, outcomes);
    if !setting.is_live {
        page += &sequences(setting, outcomes);
        page += &ladders(setting, outcomes)?;
    }
    page += &notes(setting, outcomes);
    page += FOOT;
    Ok(page)
}

/// The page of a crowd.
pub(crate) fn crowd_page(crowd: &Crowd, command: &str) -> String {
    let modes = crowd_modes(crowd);
    let title = format!("{} senders on one link", crowd.senders);
    let mut page = head(&title, &crowd.headline(), command, &modes);
    let _ = write!(
        page,
        "<h2>What arrives of what is offered</h2>\n<p>All senders together offer so many times what the \
         link can carry. Useful is what arrives whole and for the first time.</p>\n{}\
         <figure class=\"plot\" id=\"loads\">{}{}</figure>\n",
        ticks(modes.iter().map(|mode| (mode.title, true))),
        loads::draw(crowd, (1060.0, 420.0), "wide"),
        loads::draw(crowd, (360.0, 320.0), "narrow")
    );
    page + FOOT
}

/// A picture for documents: how many messages arrive in time, of the first lane.
pub(crate) fn picture(setting: &Setting, outcomes: &[Outcome]) -> String {
    let shown = outcomes.iter().enumerate().filter(|(_, o)| is_shown(setting, &o.name));
    let shown: Vec<(usize, &Outcome)> = shown.collect();
    let curves: Vec<&Measures> =
        shown.iter().map(|(_, o)| o.lanes.first().unwrap_or(&o.measures)).collect();
    let modes: Vec<Mode<'_>> = shown.iter().map(|(_, outcome)| Mode::of(outcome)).collect();
    picture::standalone(&cdf::draw(&curves, picture::SIZE, "plot"), &modes)
}

/// The same of a crowd: what arrives of what is offered.
pub(crate) fn crowd_picture(crowd: &Crowd) -> String {
    picture::standalone(&loads::draw(crowd, picture::SIZE, "plot"), &crowd_modes(crowd))
}

fn crowd_modes(crowd: &Crowd) -> Vec<Mode<'_>> {
    let rows = crowd.rows.iter();
    rows.map(|row| Mode { name: &row.name, title: &row.title }).collect()
}

/// A mode as the pictures know it: by its place among them.
#[derive(Clone, Copy, Debug)]
struct Mode<'a> {
    name: &'a str,
    title: &'a str,
}

impl<'a> Mode<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        Self { name: &outcome.name, title: &outcome.title }
    }
}

/// All up to the first picture.
fn head(title: &str, lead: &str, command: &str, modes: &[Mode<'_>]) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>\n{COLOURS}{DRAWING}{STYLE}{rules}</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n\
         <p class=\"lead\">{lead}.</p>\n<p><code>{command}</code></p>\n",
        title = escaped(title),
        lead = escaped(lead),
        rules = colours(modes) + &picks(modes),
        command = escaped(command),
    )
}

const FOOT: &str = "</main>\n</body>\n</html>\n";

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

/// The rules that give each mode its colour.
fn colours(modes: &[Mode<'_>]) -> String {
    let mut rules = String::new();
    for (number, Mode { name, .. }) in modes.iter().enumerate() {
        let colour = colour(name, number);
        let _ = writeln!(
            rules,
            ".m{number} {{ stroke: {colour}; }} .got.m{number}, .data.head.m{number} {{ fill: {colour}; stroke: none; }}"
        );
        if let Some((_, stroke)) = STROKES.iter().find(|(known, _)| known == name) {
            let _ = writeln!(rules, ".curve.m{number} {{ {stroke}; }}");
        }
    }
    rules
}

/// The rules that take a mode out of the pictures.
fn picks(modes: &[Mode<'_>]) -> String {
    let rule = |number: usize| {
        format!(
            "main:has(#pick{number}:not(:checked)) :is(.plot .m{number}, .of{number}) {{ display: none; }}\n"
        )
    };
    (0..modes.len()).map(rule).collect()
}

/// A mode has the same colour on every page, whichever others are beside it.
fn colour(name: &str, number: usize) -> String {
    let all = modes::all();
    let own = all.iter().position(|mode| mode.name() == name);
    format!("var(--m{})", own.unwrap_or(number) % COLOUR_COUNT)
}

/// Whether the pictures show this mode from the first.
fn is_shown(setting: &Setting, name: &str) -> bool {
    setting.is_chosen || setting.is_live || modes::is_drawn(name)
}

/// Which colour is which mode, and which are in the pictures.
fn ticks<'a>(modes: impl Iterator<Item = (&'a str, bool)>) -> String {
    let mut legend = "<ul class=\"legend\" id=\"modes\">".to_owned();
    for (number, (title, is_shown)) in modes.enumerate() {
        let _ = write!(
            legend,
            "<li><label><input type=\"checkbox\" id=\"pick{number}\"{}><svg viewBox=\"0 0 26 12\" \
             aria-hidden=\"true\"><line class=\"curve m{number}\" x1=\"1\" y1=\"6\" x2=\"25\" y2=\"6\"/>\
             </svg>{}</label></li>",
            if is_shown { " checked" } else { "" },
            escaped(title)
        );
    }
    legend + "</ul>\n"
}

fn distribution(setting: &Setting, outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "<h2>How many messages arrive in time</h2>\n\
         <p>Further left and higher is better; each step up the axis is ten times fewer late \
         messages. A curve that goes on as dots has ended: the rest never arrived. All pictures show \
         the modes that are ticked.</p>\n{}",
        ticks(outcomes.iter().map(|o| (o.title.as_str(), is_shown(setting, &o.name)))),
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
        <p>The same links without any faults, but that one packet is lost, at time 0. Modes that send \
        as much along as the loss asks for have met the usual losses before. Numbers are messages: on \
        the sender's side where they leave, with a plus where older ones travel along, on the \
        receiver's where the application gets them. Bars are messages that have arrived and are held \
        up.</p>\n\
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
