//! What a file expects of its figures: `p99_ms = "< 80"`.

use super::document::{Node, Table, Value};
use super::fields::Read;
use super::metric::Metric;
use super::results::{Results, Verdict};
use crate::nearest;

/// What is expected of one metric.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expectation {
    /// Of which mode's cells, or of which kind of flows; of all where nobody says.
    pub(crate) of: Option<String>,
    pub(crate) metric: Metric,
    /// In the words of the file.
    text: String,
    bound: Bound,
}

/// What a figure may be. One that is infinite is above everything.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    Below(f64),
    AtMost(f64),
    Above(f64),
    AtLeast(f64),
    Between(f64, f64),
}

impl Bound {
    fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.trim().parse().ok().filter(|value: &f64| !value.is_nan());
        if let Some((least, most)) = text.split_once("..") {
            return Some(Self::Between(number(least)?, number(most)?));
        }
        let behind = |sign| text.strip_prefix(sign).map(number);
        if let Some(limit) = behind("<=") {
            return limit.map(Self::AtMost);
        }
        if let Some(limit) = behind(">=") {
            return limit.map(Self::AtLeast);
        }
        match behind("<") {
            Some(limit) => limit.map(Self::Below),
            None => behind(">")?.map(Self::Above),
        }
    }

    fn holds(self, value: f64) -> bool {
        match self {
            Self::Below(limit) => value < limit,
            Self::AtMost(limit) => value <= limit,
            Self::Above(limit) => value > limit,
            Self::AtLeast(limit) => value >= limit,
            Self::Between(least, most) => (least..=most).contains(&value),
        }
    }
}

/// All that `[expect]` says; `known` are the modes and kinds of flows that it may speak of.
pub(crate) fn read(table: &Table, known: &[String]) -> Read<Vec<Expectation>> {
    let mut expectations = Vec::new();
    for (name, node) in table {
        match &node.value {
            Value::Table(part) => {
                if !known.contains(name) {
                    let hint = nearest::hint(name, known.iter().map(String::as_str));
                    let place = node.place();
                    return Err(format!("{place}: expect.{name}: no such mode or flow: {hint}"));
                }
                for (metric, node) in part {
                    one(Some(name), metric, node, &mut expectations)?;
                }
            }
            _ => one(None, name, node, &mut expectations)?,
        }
    }
    Ok(expectations)
}

fn one(of: Option<&String>, name: &str, node: &Node, all: &mut Vec<Expectation>) -> Read<()> {
    let metric = Metric::named(name).ok_or_else(|| {
        let hint = nearest::hint(name, Metric::names());
        format!("{}: expect: unknown metric \"{name}\": {hint}", node.place())
    })?;
    let nodes = match &node.value {
        Value::List(list) => &list[..],
        _ => std::slice::from_ref(node),
    };
    for entry in nodes {
        let text = entry.label();
        let bound = Bound::parse(&text).ok_or_else(|| {
            let place = node.place();
            format!(
                "{place}: expect: {name} = {text}: must be such as \"< 80\", \">= 0.9\" or \"1..2\""
            )
        })?;
        all.push(Expectation { of: of.cloned(), metric, text, bound });
    }
    Ok(())
}

impl Expectation {
    /// Whether all cells that it is about are as expected.
    pub(crate) fn check(&self, results: &Results) -> Vec<Verdict> {
        let modes = results.mode_axis.map(|axis| &results.axes[axis].values);
        let mode = modes.and_then(|values| {
            values.iter().position(|value| Some(&value.label) == self.of.as_ref())
        });
        let group = if mode.is_some() { None } else { self.of.clone() };
        let cells = results.cells.iter().enumerate().filter(|(_, cell)| {
            mode.is_none() || results.mode_axis.map(|axis| cell.at[axis]) == mode
        });
        cells
            .map(|(place, cell)| {
                let of = group.as_ref();
                let part = of.and_then(|name| cell.groups.iter().find(|g| g.name == *name));
                let figures = part.map_or(&cell.figures, |group| &group.figures);
                let value = figures.get(&self.metric).map(|figure| figure.value);
                Verdict {
                    cell: place,
                    group: group.clone(),
                    metric: self.metric,
                    expected: self.text.clone(),
                    value,
                    is_met: value.is_some_and(|value| self.bound.holds(value)),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::{Axis, AxisValue, Cell, Estimate, Group};
    use super::*;

    fn expectations(text: &str) -> Read<Vec<Expectation>> {
        let root = Node::parse(text)?;
        let Value::Table(table) = &root.value else { panic!("no table") };
        read(table, &["udp".to_owned(), "stream".to_owned(), "game".to_owned()])
    }

    fn results() -> Results {
        let value = |label: &str| AxisValue { label: label.to_owned(), number: None };
        let figures = |value| [(Metric::P99, Estimate { value, half_width: None })].into();
        let cell = |at, value| Cell {
            at: vec![at],
            figures: figures(value),
            groups: vec![Group { name: "game".into(), figures: figures(1.0), ..Group::default() }],
            ..Cell::default()
        };
        Results {
            axes: vec![Axis { name: "mode".into(), values: vec![value("udp"), value("stream")] }],
            mode_axis: Some(0),
            cells: vec![cell(0, 40.0), cell(1, f64::INFINITY)],
            ..Results::default()
        }
    }

    #[test]
    fn bounds_hold_at_their_ends() {
        for (text, holds) in [
            ("< 2", [true, false, false]),
            ("<= 2", [true, true, false]),
            (">2", [false, false, true]),
            (">= 2", [false, true, true]),
            ("1.5..2", [false, true, false]),
            ("1..3", [true, true, true]),
        ] {
            let bound = Bound::parse(text).unwrap();
            assert_eq!([1.0, 2.0, 3.0].map(|value| bound.holds(value)), holds, "{text}");
        }
        for text in ["", "2", "~ 2", "< x", "<", "1..", "< nan"] {
            assert_eq!(Bound::parse(text), None, "{text}");
        }
        assert!(!Bound::Below(1e300).holds(f64::INFINITY));
    }

    #[test]
    fn a_mode_or_a_kind_of_flows_may_have_expectations_of_its_own() {
        let met = |text: &str| {
            let all = expectations(text).unwrap();
            let verdicts = all.iter().flat_map(|expectation| expectation.check(&results()));
            verdicts.map(|verdict| (verdict.cell, verdict.is_met)).collect::<Vec<_>>()
        };
        assert_eq!(met("p99_ms = \"< 80\""), [(0, true), (1, false)]);
        assert_eq!(met("[udp]\np99_ms = [\"> 80\", \"< 80\"]"), [(0, false), (0, true)]);
        assert_eq!(met("[game]\np99_ms = \"< 2\""), [(0, true), (1, true)]);
        assert_eq!(met("jain = \"> 0\""), [(0, false), (1, false)], "what is not there is a miss");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            (
                "p99_s = \"< 3\"",
                ", line 1: expect: unknown metric \"p99_s\": did you mean \"p99_ms\"?",
            ),
            ("p99_ms = 80", ", line 1: expect: p99_ms = 80: must be such as \"< 80\""),
            (
                "[steam]\np99_ms = \"< 3\"",
                "expect.steam: no such mode or flow: did you mean \"stream\"?",
            ),
        ] {
            let error = expectations(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
