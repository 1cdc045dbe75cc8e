//! `towline sim new`: a scenario file to begin with.

use crate::failure::{Exit, Failure};
use crate::report;
use clap::Args;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The file, which `towline sim run` accepts as it is.
const TEMPLATE: &str = include_str!("template.toml");

/// Write a scenario file to begin with, in which every setting is explained.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  towline sim new
  towline sim new cafe.toml")]
pub(crate) struct New {
    /// Where to write it; it must not be there yet. To standard output where none is given.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(crate) fn run(arguments: &New) -> Result<(), Failure> {
    match &arguments.file {
        None => report::say(TEMPLATE.trim_end()),
        Some(path) => write(path),
    }
}

fn write(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(Exit::Local, format!("\"{shown}\" is there already: nothing was written"))
        }
        _ => Failure::local(format_args!("cannot write \"{shown}\""), &error),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(cannot)?;
    file.write_all(TEMPLATE.as_bytes()).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::super::campaign::{Campaign, Overrides};
    use super::*;

    /// The file with each of its optional settings or tables in turn.
    fn variants() -> Vec<String> {
        let lines: Vec<&str> = TEMPLATE.lines().collect();
        let is_option = |line: &str| line.starts_with('#') && !line.starts_with("# ");
        let mut variants = Vec::new();
        let mut at = 0;
        while at < lines.len() {
            let begin = at;
            at += 1;
            if !is_option(lines[begin]) {
                continue;
            }
            while lines[begin].starts_with("#[") && lines.get(at).is_some_and(|l| is_option(l)) {
                at += 1;
            }
            let is_shown = |n| (begin..at).contains(&n);
            let shown = |(n, line): (usize, &&str)| line[usize::from(is_shown(n))..].to_owned();
            let text: Vec<String> = lines.iter().enumerate().map(shown).collect();
            variants.push(text.join("\n"));
        }
        variants
    }

    #[test]
    fn the_file_is_a_scenario_with_and_without_each_of_its_options() {
        let read = |text: &str| Campaign::read("new", text, Path::new(""), &Overrides::default());
        let campaign = read(TEMPLATE).unwrap();
        assert_eq!((campaign.cells.len(), campaign.expectations.len()), (9, 2));
        let variants = variants();
        assert!(variants.len() > 25, "{}", variants.len());
        for text in variants {
            let result = read(&text);
            assert!(result.is_ok(), "{:?}\n{text}", result.err());
        }
    }
}
