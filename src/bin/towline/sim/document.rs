//! A TOML file as a tree whose every value knows its line, so that values can be replaced before
//! they are read and errors still name their place.

use std::collections::BTreeMap;
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    /// Its line, from 1; `None` if it comes from the command line.
    pub(crate) line: Option<usize>,
    /// Where it begins in the file: what comes first.
    pub(crate) offset: usize,
}

/// What stands there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    /// With the digits that were written.
    Number(f64, String),
    Truth(bool),
    List(Vec<Node>),
    Table(Table),
}

/// Values by name.
pub(crate) type Table = BTreeMap<String, Node>;

/// One step from a value to one within it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Key(String),
    Place(usize),
}

/// The way from the root to a value; prints as `flows[0].rtt_ms`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    /// One step further.
    pub(crate) fn to(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The last key on the way: `rtt_ms`.
    pub(crate) fn leaf(&self) -> &str {
        let keys = self.0.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Place(_) => None,
        });
        keys.unwrap_or_default()
    }

    /// From `network.loss` or `flows[0].count`.
    fn parse(text: &str) -> Option<Self> {
        let mut steps = Vec::new();
        for part in text.trim().split('.') {
            let (key, places) = part.split_at(part.find('[').unwrap_or(part.len()));
            if key.is_empty() {
                return None;
            }
            steps.push(Step::Key(key.to_owned()));
            for place in places.split_terminator(']') {
                steps.push(Step::Place(place.strip_prefix('[')?.parse().ok()?));
            }
        }
        Some(Self(steps))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Place(place) => write!(f, "[{place}]")?,
            }
        }
        Ok(())
    }
}

impl Node {
    /// The whole file. Errors begin with the line they are in: `, line 3: ...`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |error: toml::de::Error| {
            let line = error.span().and_then(|span| line_of(text, span.start));
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            format!("{}: {message}", place(line))
        };
        let root = DeTable::parse(text).map_err(wrong)?;
        let table = table_of(root.into_inner(), text);
        Ok(Self { value: Value::Table(table), line: Some(1), offset: 0 })
    }

    /// A value as it would stand behind the `=`; what is none is taken as text.
    pub(crate) fn of_argument(text: &str) -> Self {
        let value = match DeValue::parse(text.trim()) {
            Ok(value) => value_of(value.into_inner(), text),
            Err(_) => Value::Text(text.trim().to_owned()),
        };
        let mut node = Self { value, line: None, offset: 0 };
        node.forget_lines();
        node
    }

    /// What stands there.
    #[cfg(test)]
    pub(crate) fn get(&self, path: &Path) -> Option<&Self> {
        path.0.iter().try_fold(self, |node, step| match (&node.value, step) {
            (Value::Table(table), Step::Key(key)) => table.get(key),
            (Value::List(list), Step::Place(place)) => list.get(*place),
            _ => None,
        })
    }

    /// Puts a value there; tables on the way are made.
    pub(crate) fn put(&mut self, path: &Path, node: Self) -> Result<(), String> {
        let mut here = self;
        for (at, step) in path.0.iter().enumerate() {
            here = match (&mut here.value, step) {
                (Value::Table(table), Step::Key(key)) => {
                    table.entry(key.clone()).or_insert_with(|| Self {
                        value: Value::Table(Table::new()),
                        line: None,
                        offset: 0,
                    })
                }
                (Value::List(list), Step::Place(place)) if *place < list.len() => &mut list[*place],
                _ => {
                    let way = Path(path.0[..=at].to_vec());
                    return Err(format!("there is no {way} in the file"));
                }
            };
        }
        *here = node;
        Ok(())
    }

    /// Carries out `network.loss=0.1`.
    pub(crate) fn set(&mut self, setting: &str) -> Result<(), String> {
        let wrong = |what: &str| format!("--set {setting}: {what}");
        let parts = setting.split_once('=').and_then(|(path, value)| {
            let is_value = !value.trim().is_empty();
            Path::parse(path).zip(is_value.then_some(value))
        });
        let Some((path, value)) = parts else {
            return Err(wrong("must be a field and its value, such as network.loss=0.1"));
        };
        self.put(&path, Self::of_argument(value)).map_err(|error| wrong(&error))
    }

    /// `, line 3`, or nothing.
    pub(crate) fn place(&self) -> String {
        place(self.line)
    }

    /// As it would stand in an id: a number by its digits, a text as it is.
    pub(crate) fn label(&self) -> String {
        match &self.value {
            Value::Text(text) => text.clone(),
            Value::Number(_, digits) => digits.clone(),
            Value::Truth(truth) => truth.to_string(),
            Value::List(_) | Value::Table(_) => String::new(),
        }
    }

    fn forget_lines(&mut self) {
        self.line = None;
        self.offset = 0;
        match &mut self.value {
            Value::List(list) => list.iter_mut().for_each(Self::forget_lines),
            Value::Table(table) => table.values_mut().for_each(Self::forget_lines),
            Value::Text(_) | Value::Number(..) | Value::Truth(_) => {}
        }
    }
}

impl Value {
    /// What it is, in words.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number(..) => "a number",
            Self::Truth(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// `, line 3`, or nothing.
fn place(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line}"))
}

fn line_of(text: &str, offset: usize) -> Option<usize> {
    Some(text.get(..offset)?.matches('\n').count() + 1)
}

fn node_of(value: Spanned<DeValue<'_>>, text: &str) -> Node {
    let offset = value.span().start;
    Node { value: value_of(value.into_inner(), text), line: line_of(text, offset), offset }
}

fn table_of(table: DeTable<'_>, text: &str) -> Table {
    let entries = table.into_iter().map(|(key, value)| {
        let mut node = node_of(value, text);
        // The key is where people look.
        node.offset = key.span().start;
        node.line = line_of(text, node.offset);
        (key.into_inner().into_owned(), node)
    });
    entries.collect()
}

fn value_of(value: DeValue<'_>, text: &str) -> Value {
    let number = |digits: &str| {
        let digits = digits.replace('_', "");
        Value::Number(digits.parse().unwrap_or(f64::NAN), digits)
    };
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(whole) if whole.radix() == 10 => number(whole.as_str()),
        DeValue::Integer(whole) => {
            let value = u64::from_str_radix(whole.as_str(), whole.radix());
            value.map_or(Value::Number(f64::NAN, whole.to_string()), |value| {
                Value::Number(value as f64, value.to_string())
            })
        }
        DeValue::Float(float) => number(float.as_str()),
        DeValue::Boolean(truth) => Value::Truth(truth),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(list) => {
            Value::List(list.into_iter().map(|value| node_of(value, text)).collect())
        }
        DeValue::Table(table) => Value::Table(table_of(table, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a = 1\n[b]\nc = [0.10, 2_000]\n[[d]]\ne = \"x\"\n[[d]]\ne = 0xff\n";

    fn at(path: &str) -> Node {
        Node::parse(TEXT).unwrap().get(&Path::parse(path).unwrap()).unwrap().clone()
    }

    #[test]
    fn values_know_their_lines_and_digits() {
        for (path, label, line) in
            [("a", "1", 1), ("b.c[0]", "0.10", 3), ("b.c[1]", "2000", 3), ("d[1].e", "255", 7)]
        {
            let node = at(path);
            assert_eq!((node.label().as_str(), node.line), (label, Some(line)), "{path}");
        }
        assert_eq!(Path::parse("d[1].e").unwrap().to_string(), "d[1].e");
        assert_eq!(Path::parse("d[1].e").unwrap().leaf(), "e");
        assert_eq!((Path::parse("a..b"), Path::parse("a[x]")), (None, None));
    }

    #[test]
    fn values_can_be_replaced_and_added() {
        let mut root = Node::parse(TEXT).unwrap();
        for setting in ["b.c=[1, 2, 3]", "d[1].e = y", "f.g=0.5"] {
            root.set(setting).unwrap();
        }
        let get = |path: &str| root.get(&Path::parse(path).unwrap()).map(Node::label);
        assert_eq!(get("b.c[2]").as_deref(), Some("3"));
        assert_eq!(get("d[1].e").as_deref(), Some("y"));
        assert_eq!(get("f.g").as_deref(), Some("0.5"));
        for (setting, part) in [
            ("loss", "such as network.loss=0.1"),
            ("a=", "such as network.loss=0.1"),
            ("d[7].e=1", "no d[7] in the file"),
            ("a.b=1", "no a.b in the file"),
        ] {
            let error = root.set(setting).unwrap_err();
            assert!(error.contains(part) && error.starts_with("--set"), "{error}");
        }
    }

    #[test]
    fn a_text_that_is_no_toml_is_refused_with_its_line() {
        for (text, line) in [("a = 1\nb =\n", ", line 2: "), ("a = 1\na = 2\n", ", line 2: ")] {
            let error = Node::parse(text).unwrap_err();
            assert!(error.starts_with(line) && !error.contains('\n'), "{error}");
        }
    }
}
