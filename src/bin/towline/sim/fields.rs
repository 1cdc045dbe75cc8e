//! Reads the fields of a table, each with its unit and its range, and refuses those it does not
//! know.

use super::document::{Node, Table, Value};
use crate::nearest;
use std::fmt::Display;
use std::time::Duration;

/// The longest time in milliseconds: an hour.
const MAX_MILLIS: f64 = 3_600_000.0;
/// The slowest and the fastest rate, in Mbit/s.
const MIN_MBIT: f64 = 0.001;
const MAX_MBIT: f64 = 1e6;
/// The most that a number of bytes, packets or flows can be: enough for all, and exact as a float.
pub(crate) const MAX_WHOLE: u64 = 1 << 53;

/// One table, or several of which the first that has a field counts.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'t> {
    /// What it is called in errors: `network`.
    name: String,
    tables: Vec<&'t Table>,
    known: Vec<&'static str>,
}

/// What is wrong, behind `, line 3`.
pub(crate) type Read<T> = Result<T, String>;

impl<'t> Fields<'t> {
    pub(crate) fn new(name: impl Into<String>, tables: Vec<&'t Table>) -> Self {
        Self { name: name.into(), tables, known: Vec::new() }
    }

    /// The value of this field.
    pub(crate) fn get(&mut self, field: &'static str) -> Option<&'t Node> {
        self.known.push(field);
        self.tables.iter().find_map(|table| table.get(field))
    }

    /// Whether it is there at all.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.tables.iter().any(|table| table.contains_key(field))
    }

    pub(crate) fn number(&mut self, field: &'static str, min: f64, max: f64) -> Read<Option<f64>> {
        self.ranged(field, min, max, format_args!("{min} to {max}"))
    }

    /// A share, 0 to 1.
    pub(crate) fn share(&mut self, field: &'static str) -> Read<Option<f64>> {
        self.ranged(field, 0.0, 1.0, "a share, 0 to 1")
    }

    pub(crate) fn millis(&mut self, field: &'static str) -> Read<Option<Duration>> {
        let millis = self.ranged(field, 0.0, MAX_MILLIS, "milliseconds, 0 to 3600000")?;
        Ok(millis.map(|millis| Duration::from_secs_f64(millis / 1e3)))
    }

    /// Seconds, up to an hour.
    pub(crate) fn seconds(&mut self, field: &'static str) -> Read<Option<Duration>> {
        let seconds = self.ranged(field, 0.0, 3600.0, "seconds, 0 to 3600")?;
        Ok(seconds.map(Duration::from_secs_f64))
    }

    /// Bits per second, from Mbit/s.
    pub(crate) fn mbit(&mut self, field: &'static str) -> Read<Option<u64>> {
        let mbit = self.ranged(field, MIN_MBIT, MAX_MBIT, "Mbit/s, 0.001 to 1000000")?;
        Ok(mbit.map(|mbit| (mbit * 1e6).round() as u64))
    }

    /// A whole number.
    pub(crate) fn whole(&mut self, field: &'static str, min: u64, max: u64) -> Read<Option<u64>> {
        let Some(node) = self.get(field) else { return Ok(None) };
        let value = match &node.value {
            Value::Number(_, digits) => digits.parse().ok(),
            _ => None,
        };
        match value {
            Some(value) if (min..=max).contains(&value) => Ok(Some(value)),
            _ => Err(self.wrong(field, node, format_args!("a whole number, {min} to {max}"))),
        }
    }

    pub(crate) fn truth(&mut self, field: &'static str) -> Read<Option<bool>> {
        match self.get(field) {
            None => Ok(None),
            Some(Node { value: Value::Truth(truth), .. }) => Ok(Some(*truth)),
            Some(node) => Err(self.wrong(field, node, "true or false")),
        }
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Read<Option<&'t str>> {
        match self.get(field) {
            None => Ok(None),
            Some(Node { value: Value::Text(text), .. }) => Ok(Some(text)),
            Some(node) => Err(self.wrong(field, node, "a text in quotes")),
        }
    }

    /// One of these names, and what it stands for.
    pub(crate) fn one_of<T: Copy>(
        &mut self,
        field: &'static str,
        known: &[(&'static str, T)],
    ) -> Read<Option<T>> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        match known.iter().find(|(name, _)| *name == text) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => Err(self.stranger(field, text, known.iter().map(|(name, _)| *name))),
        }
    }

    /// That this name of `field` is none of those that are known.
    pub(crate) fn stranger<'a>(
        &self,
        field: &str,
        text: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> String {
        let hint = nearest::hint(text, known);
        self.error(field, format_args!("{field} = \"{text}\": {hint}"))
    }

    /// A list of texts, or one text alone.
    pub(crate) fn texts(&mut self, field: &'static str) -> Read<Option<Vec<&'t str>>> {
        let Some(node) = self.get(field) else { return Ok(None) };
        let text = |node: &'t Node| match &node.value {
            Value::Text(text) => Ok(text.as_str()),
            _ => Err(self.wrong(field, node, "a text in quotes")),
        };
        match &node.value {
            Value::List(list) => list.iter().map(text).collect::<Read<_>>().map(Some),
            _ => text(node).map(|text| Some(vec![text])),
        }
    }

    /// A table within.
    pub(crate) fn table(&mut self, field: &'static str) -> Read<Option<&'t Table>> {
        match self.get(field) {
            None => Ok(None),
            Some(Node { value: Value::Table(table), .. }) => Ok(Some(table)),
            Some(node) => Err(self.wrong(field, node, "a table")),
        }
    }

    /// The tables of this name, in their order.
    pub(crate) fn tables(&mut self, field: &'static str) -> Read<Vec<&'t Table>> {
        let Some(node) = self.get(field) else { return Ok(Vec::new()) };
        let Value::List(list) = &node.value else {
            return Err(self.wrong(field, node, format_args!("tables: write [[{field}]]")));
        };
        let table = |node: &'t Node| match &node.value {
            Value::Table(table) => Ok(table),
            _ => Err(self.wrong(field, node, format_args!("tables: write [[{field}]]"))),
        };
        list.iter().map(table).collect()
    }

    /// That every field was asked for.
    pub(crate) fn end(&self) -> Read<()> {
        let stranger = self.tables.iter().flat_map(|table| table.iter());
        let mut strangers = stranger.filter(|(field, _)| !self.known.contains(&field.as_str()));
        let Some((field, node)) = strangers.next() else { return Ok(()) };
        let hint = nearest::hint(field, self.known.iter().copied());
        let place = node.place();
        Err(match self.name.as_str() {
            "" => format!("{place}: unknown field \"{field}\": {hint}"),
            name => format!("{place}: {name}: unknown field \"{field}\": {hint}"),
        })
    }

    /// What is wrong with this field, with its place.
    pub(crate) fn error(&self, field: &str, what: impl Display) -> String {
        let node = self.tables.iter().find_map(|table| table.get(field));
        let place = node.map_or_else(String::new, Node::place);
        match self.name.as_str() {
            "" => format!("{place}: {what}"),
            name => format!("{place}: {name}: {what}"),
        }
    }

    fn ranged(
        &mut self,
        field: &'static str,
        min: f64,
        max: f64,
        allowed: impl Display,
    ) -> Read<Option<f64>> {
        match self.get(field) {
            None => Ok(None),
            Some(Node { value: Value::Number(value, _), .. }) if (min..=max).contains(value) => {
                Ok(Some(*value))
            }
            Some(node) => Err(self.wrong(field, node, allowed)),
        }
    }

    fn wrong(&self, field: &str, node: &Node, allowed: impl Display) -> String {
        let is = match &node.value {
            Value::Text(text) => format!("\"{text}\""),
            Value::Number(..) | Value::Truth(_) => node.label(),
            Value::List(_) | Value::Table(_) => node.value.kind().to_owned(),
        };
        self.error(field, format_args!("{field} = {is}: must be {allowed}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, read: impl Fn(&mut Fields<'_>) -> Read<()>) -> Read<()> {
        let root = Node::parse(text)?;
        let Value::Table(table) = &root.value else { panic!("no table") };
        let mut fields = Fields::new("network", vec![table]);
        read(&mut fields)?;
        fields.end()
    }

    #[test]
    fn fields_have_ranges_and_errors_their_place() {
        let read = |fields: &mut Fields<'_>| {
            fields.share("loss")?;
            fields.millis("rtt_ms")?;
            fields.mbit("rate_mbit")?;
            fields.whole("count", 1, 9)?;
            fields.truth("ecn")?;
            fields.one_of("aqm", &[("codel", 1), ("red", 2)])?;
            fields.texts("links")?;
            Ok(())
        };
        let good =
            "loss = 0.5\nrtt_ms = 3\nrate_mbit = 2.5\ncount = 9\necn = true\naqm = \"red\"\n";
        assert_eq!(check(good, read), Ok(()));
        for (from, to, error) in [
            ("0.5", "5", ", line 1: network: loss = 5: must be a share, 0 to 1"),
            ("0.5", "nan", ", line 1: network: loss = nan: must be a share, 0 to 1"),
            ("0.5", "\"x\"", ", line 1: network: loss = \"x\": must be a share, 0 to 1"),
            ("= 3", "= -3", ", line 2: network: rtt_ms = -3: must be milliseconds, 0 to 3600000"),
            ("2.5", "0", ", line 3: network: rate_mbit = 0: must be Mbit/s, 0.001 to 1000000"),
            ("9", "9.5", ", line 4: network: count = 9.5: must be a whole number, 1 to 9"),
            ("true", "1", ", line 5: network: ecn = 1: must be true or false"),
            (
                "\"red\"",
                "\"rad\"",
                ", line 6: network: aqm = \"rad\": did you mean \"red\"? Known are: codel, red",
            ),
            ("\"red\"", "[1]", ", line 6: network: aqm = a list: must be a text in quotes"),
        ] {
            assert_eq!(check(&good.replacen(from, to, 1), read), Err(error.to_owned()));
        }
        let strange = check(&format!("{good}los = 1\n"), read).unwrap_err();
        assert!(
            strange.starts_with(
                ", line 7: network: unknown field \"los\": did you mean \"loss\"? Known"
            ),
            "{strange}"
        );
    }

    #[test]
    fn the_first_table_that_has_a_field_counts() {
        let nodes = ["loss = 0.1", "loss = 0.2\nrtt_ms = 5"].map(|text| Node::parse(text).unwrap());
        let tables = nodes.iter().map(|node| match &node.value {
            Value::Table(table) => table,
            _ => panic!("no table"),
        });
        let mut fields = Fields::new("down", tables.collect());
        assert_eq!(fields.share("loss"), Ok(Some(0.1)));
        assert_eq!(fields.millis("rtt_ms"), Ok(Some(Duration::from_millis(5))));
        assert_eq!(fields.end(), Ok(()));
    }
}
