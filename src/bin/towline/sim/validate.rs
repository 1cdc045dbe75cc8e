//! `towline sim validate`: the simulator against published and derived numbers.

use crate::args::Style;
use crate::cores::on_all_cores;
use crate::failure::{Exit, Failure};
use crate::nearest;
use crate::report::{self, Json, Table};
use clap::Args;
use towline::sim::validate::{Check, Depth, TOPICS, Topic};

/// Check the simulator against numbers that are published or follow by derivation.
///
/// Each check is a number beside the one it should be, and how far apart they may be: sampled ones
/// by four standard errors, formulas not at all. docs/SIMULATOR.md names the sources. The same
/// version prints the same everywhere.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  towline sim validate
  towline sim validate loss queues
  towline sim validate --full --json > checks.jsonl

Exit codes:
  0  every check passes
  1  a check misses
  2  wrong usage
  4  the results could not be written")]
pub(crate) struct Validate {
    /// What to check; everything where nothing is given. --list names them.
    #[arg(value_name = "TOPIC")]
    topics: Vec<String>,
    /// Take minutes instead of seconds: 10 to 50 times the samples, so that smaller errors show.
    #[arg(long)]
    full: bool,
    /// Name the topics, and check nothing.
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    style: Style,
}

pub(crate) fn run(arguments: &Validate) -> Result<(), Failure> {
    let topics = chosen(&arguments.topics)?;
    let Style { json, quiet } = arguments.style;
    if arguments.list {
        return list(&topics, json);
    }
    let depth = if arguments.full { Depth::Full } else { Depth::Quick };
    let work = |n: usize| (topics[n].checks)(depth);
    let mut results = on_all_cores("checking", topics.len(), !(quiet || json), &work);
    results.sort_by_key(|(n, _)| *n);
    let results: Vec<(&Topic, Vec<Check>)> =
        results.into_iter().map(|(n, checks)| (topics[n], checks)).collect();
    let all = || results.iter().flat_map(|(_, checks)| checks);
    let (count, missed) = (all().count(), all().filter(|check| !check.passes()).count());
    if json {
        let of = |(topic, checks): &(&Topic, Vec<Check>)| {
            checks.iter().map(|check| object(topic, check)).collect::<Vec<_>>()
        };
        results.iter().flat_map(of).try_for_each(report::say)?;
        let summary = Json::default().text("event", "summary");
        let summary = summary.number("checks", count as u64).number("missed", missed as u64);
        report::say(summary)?;
    } else if !quiet {
        for (topic, checks) in &results {
            report::say(format_args!("{}\n", table(topic, checks)))?;
        }
        report::say(format_args!("{count} checks, {missed} missed"))?;
    }
    match missed {
        0 => Ok(()),
        _ => Err(Failure::new(Exit::Transfer, format!("{missed} of {count} checks missed"))),
    }
}

/// The topics of these names, in their order; all if there are none.
fn chosen(names: &[String]) -> Result<Vec<&'static Topic>, Failure> {
    if names.is_empty() {
        return Ok(TOPICS.iter().collect());
    }
    let find = |name: &String| {
        TOPICS.iter().find(|topic| topic.name == name).ok_or_else(|| {
            let hint = nearest::hint(name, TOPICS.iter().map(|topic| topic.name));
            Failure::new(Exit::Usage, format!("there is no topic \"{name}\": {hint}"))
        })
    };
    names.iter().map(find).collect()
}

fn list(topics: &[&Topic], json: bool) -> Result<(), Failure> {
    if json {
        return topics.iter().try_for_each(|topic| {
            let object = Json::default().text("event", "topic").text("topic", topic.name);
            report::say(object.text("title", topic.title))
        });
    }
    let width = topics.iter().map(|topic| topic.name.len()).max().unwrap_or_default();
    topics
        .iter()
        .try_for_each(|topic| report::say(format_args!("{:<width$}   {}", topic.name, topic.title)))
}

/// One topic's checks, one a line.
fn table(topic: &Topic, checks: &[Check]) -> Table {
    let head = format!("{}: {}", topic.name, topic.title);
    let mut table = Table::new(&[&head, "expected", "got", "tolerance", "source", ""]);
    // Numbers stand at the right, words at the left.
    let width = checks.iter().map(|check| check.source.chars().count()).max().unwrap_or_default();
    for check in checks {
        let verdict = if check.passes() { "ok  " } else { "MISS" };
        let cells = [
            figure(check.expected),
            figure(check.got),
            check.tolerance.to_string(),
            format!("{:<width$}", check.source),
            verdict.to_owned(),
        ];
        table.row(&check.name, cells);
    }
    table
}

fn object(topic: &Topic, check: &Check) -> Json {
    Json::default()
        .text("event", "check")
        .text("topic", topic.name)
        .text("check", &check.name)
        .digits("expected", check.expected)
        .digits("got", check.got)
        .text("tolerance", &check.tolerance.to_string())
        .text("source", check.source)
        .truth("passes", check.passes())
}

/// Six digits, and no more zeros than needed: `0.333`, `12`, `3.437e-7`.
fn figure(number: f64) -> String {
    const DIGITS: i32 = 6;
    if number == 0.0 || !number.is_finite() {
        return number.to_string();
    }
    let magnitude = number.abs().log10().floor() as i32;
    if magnitude < -4 {
        let text = format!("{number:.5e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", trimmed(digits));
    }
    let decimals = (DIGITS - 1 - magnitude).max(0) as usize;
    trimmed(&format!("{number:.decimals$}")).to_owned()
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use towline::sim::validate::Tolerance;

    #[test]
    fn figures_have_six_digits_at_most() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-0.25, "-0.25"),
            (1.0 / 3.0, "0.333333"),
            (1_234_567.8, "1234568"),
            (171_427_877.0, "171427877"),
            (100.0, "100"),
            (3.4367e-7, "3.4367e-7"),
            (0.000_987, "0.000987"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(figure(number), text);
        }
    }

    #[test]
    fn a_miss_is_seen() {
        let topic = Topic { name: "x", title: "y", checks: |_| Vec::new() };
        let check = |got| Check::new("z", "derived", 1.0, got, Tolerance::Exact);
        let text = table(&topic, &[check(1.0), check(2.0)]).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].split_whitespace().next(), Some("x:"));
        assert!(lines[1].ends_with("ok") && lines[2].ends_with("MISS"), "{text}");
        assert!(object(&topic, &check(2.0)).to_string().contains("\"passes\":false"));
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_right_one() {
        let error = chosen(&["quues".to_owned()]).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.message.contains("did you mean \"queues\"?"), "{}", error.message);
        assert_eq!(chosen(&[]).unwrap().len(), TOPICS.len());
    }
}
