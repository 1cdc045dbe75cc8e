//! Results: aligned tables for people, flat JSON objects for programs, and the lines of both.

use crate::failure::Failure;
use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

/// Writes one line to standard output, at once.
pub(crate) fn say(line: impl fmt::Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}

/// Writes one line to standard error; if nobody listens there, nobody hears it.
pub(crate) fn complain(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "towline: {line}");
}

/// Rows of text: the first column is aligned to the left, the others to the right.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    /// A table whose first row is its heads.
    pub(crate) fn new(heads: &[&str]) -> Self {
        Self(vec![heads.iter().map(|&head| head.to_owned()).collect()])
    }

    pub(crate) fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        self.0.push([name.to_owned()].into_iter().chain(cells).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = Vec::new();
        for row in &self.0 {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for (at, row) in self.0.iter().enumerate() {
            let mut line = String::new();
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(line, "{cell:<width$}")?;
                } else {
                    write!(line, "   {cell:>width$}")?;
                }
            }
            f.write_str(if at > 0 { "\n" } else { "" })?;
            f.write_str(line.trim_end())?;
        }
        Ok(())
    }
}

/// One flat JSON object on one line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Json(String);

impl Json {
    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        self.member(key, &quoted(value))
    }

    pub(crate) fn number(self, key: &str, value: u64) -> Self {
        self.member(key, &value.to_string())
    }

    /// What is no finite number is `null`, as JSON has no word for it.
    pub(crate) fn float(self, key: &str, value: f64) -> Self {
        let value = if value.is_finite() { format!("{value:.6}") } else { "null".to_owned() };
        self.member(key, &value)
    }

    /// With all its digits, where six behind the point are not enough.
    pub(crate) fn digits(self, key: &str, value: f64) -> Self {
        let value = if value.is_finite() { value.to_string() } else { "null".to_owned() };
        self.member(key, &value)
    }

    pub(crate) fn truth(self, key: &str, value: bool) -> Self {
        self.member(key, if value { "true" } else { "false" })
    }

    fn member(mut self, key: &str, value: &str) -> Self {
        let separator = if self.0.is_empty() { "" } else { "," };
        self.0 = format!("{}{separator}{}:{value}", self.0, quoted(key));
        self
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.0)
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.extend(format!("\\u{:04x}", c as u32).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A hash as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned() {
        let mut table = Table::new(&["", "up", "down"]);
        table.row("packets", ["1,000".to_owned(), "7".to_owned()]);
        table.row("lost", ["ü".to_owned()]);
        assert_eq!(
            table.to_string(),
            "             up   down\npackets   1,000      7\nlost          ü"
        );
        assert_eq!(Table::default().to_string(), "");
    }

    #[test]
    fn json_is_escaped() {
        let json = Json::default()
            .text("a\"b", "x\\y\n\u{7f}ü")
            .number("n", u64::MAX)
            .float("f", 1.5)
            .float("none", f64::NAN)
            .digits("d", 3.4375e-7)
            .digits("no", f64::INFINITY)
            .truth("t", true);
        assert_eq!(
            json.to_string(),
            r#"{"a\"b":"x\\y\u000a\u007fü","n":18446744073709551615,"f":1.500000,"none":null,"d":0.00000034375,"no":null,"t":true}"#
        );
        assert_eq!(Json::default().to_string(), "{}");
    }

    #[test]
    fn hashes_are_hexadecimal() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
