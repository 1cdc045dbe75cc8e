//! How long a file, a function and a line may be, and that every file says what it is.

use crate::source::Source;

/// Lines of code in a file.
const FILE: usize = 600;
/// Lines of code in a function.
const FUNCTION: usize = 70;
/// Columns of a line, comments included.
const COLUMNS: usize = 140;

/// Something larger than it should be, and as large as it may be: it can only shrink.
pub(crate) struct Large {
    /// A file, or a function: `src/wire/ack.rs`, `src/wire/ack.rs Ack::decode`.
    pub(crate) what: &'static str,
    /// Its size now, in lines of code.
    pub(crate) lines: usize,
    pub(crate) why: &'static str,
}

/// What exceeds `FILE` or `FUNCTION`.
pub(crate) const EXCEPTIONS: &[Large] = &[];

/// Files with lines wider than `COLUMNS`, and why.
pub(crate) const WIDE: &[(&str, &str)] = &[];

/// Files and functions that are too long, and exceptions whose size is no longer right.
pub(crate) fn size_violations(sources: &[Source], exceptions: &[Large]) -> Vec<String> {
    let mut sizes: Vec<(String, String, usize, usize)> = Vec::new();
    for source in sources {
        sizes.push((source.file.clone(), source.at(1), source.lines, FILE));
        for function in &source.functions {
            let name = format!("{} {}", source.file, function.name);
            sizes.push((name, source.at(function.line), function.lines, FUNCTION));
        }
    }
    let mut found = Vec::new();
    for (what, at, lines, limit) in &sizes {
        let allowed = exceptions.iter().find(|e| e.what == what).map_or(*limit, |e| e.lines);
        if *lines > allowed {
            found.push(format!(
                "{at}: sizes: {what} has {lines} lines of code, {allowed} are allowed"
            ));
        }
    }
    for Large { what, lines, why } in exceptions {
        let now = sizes.iter().filter(|s| s.0 == *what && s.2 > s.3).map(|s| s.2).max();
        if now.is_none_or(|now| now < *lines) {
            let now = match now {
                Some(now) => format!("lower it to {now}"),
                None => "drop the exception".to_owned(),
            };
            found.push(format!("tests/tidy/sizes.rs: sizes: {what} has less than {lines} lines of code: {now} ({why})"));
        }
    }
    found
}

/// Lines that are too wide, and files that are excepted for nothing.
pub(crate) fn width_violations(sources: &[Source], exceptions: &[(&str, &str)]) -> Vec<String> {
    let is_wide = |line: &str| line.chars().count() > COLUMNS;
    let mut found = Vec::new();
    for source in sources {
        let wide = (1..).zip(source.text.lines()).filter(|(_, line)| is_wide(line));
        if !exceptions.iter().any(|(file, _)| *file == source.file) {
            found.extend(wide.map(|(line, _)| {
                format!("{}: width: more than {COLUMNS} columns", source.at(line))
            }));
        }
    }
    let is_needed =
        |file: &str| sources.iter().any(|s| s.file == file && s.text.lines().any(is_wide));
    let unused = exceptions.iter().filter(|(file, _)| !is_needed(file));
    found.extend(unused.map(|(file, _)| {
        format!("tests/tidy/sizes.rs: width: {file} is not wide: drop the exception")
    }));
    found
}

/// A file begins with a line that says what its one concept is.
pub(crate) fn doc_violations(source: &Source) -> Vec<String> {
    if source.text.starts_with("//! ") || source.is_test {
        return Vec::new();
    }
    vec![format!("{}: docs: the file does not begin with `//!` and what it is", source.at(1))]
}

mod tests {
    use super::{FILE, FUNCTION, Large, doc_violations, size_violations, width_violations};
    use crate::source::Source;

    /// A file of `files` lines of code with one function of `function` lines.
    fn source(file: usize, function: usize) -> Source {
        let body = "    // Why.\n    f();\n\n".repeat(function - 2);
        let rest = "/// Doc.\nconst X: u8 = 1;\n".repeat(file - function - 2);
        Source::parse("src/x.rs", &format!("impl X {{\nfn large() {{\n{body}}}\n}}\n{rest}"))
    }

    #[test]
    fn large_files_and_functions_are_found() {
        assert_eq!(size_violations(&[source(FILE, FUNCTION)], &[]), [""; 0]);
        assert_eq!(
            size_violations(&[source(FILE + 1, FUNCTION + 2)], &[]),
            [
                "src/x.rs:1: sizes: src/x.rs has 601 lines of code, 600 are allowed",
                "src/x.rs:2: sizes: src/x.rs X::large has 72 lines of code, 70 are allowed",
            ]
        );
    }

    #[test]
    fn an_exception_is_a_ratchet() {
        let check = |size| {
            let large = Large { what: "src/x.rs X::large", lines: 80, why: "a table" };
            size_violations(&[source(200, size)], &[large])
        };
        assert_eq!(check(80), [""; 0]);
        assert_eq!(
            check(81),
            ["src/x.rs:2: sizes: src/x.rs X::large has 81 lines of code, 80 are allowed"]
        );
        assert!(check(79)[0].contains("lower it to 79"), "{:?}", check(79));
        assert!(check(70)[0].contains("drop the exception"), "{:?}", check(70));
    }

    #[test]
    fn wide_lines_are_found() {
        let wide = || [Source::parse("src/x.rs", &format!("//! x\n// {}\n", "ä".repeat(138)))];
        assert_eq!(width_violations(&wide(), &[]), ["src/x.rs:2: width: more than 140 columns"]);
        assert_eq!(width_violations(&wide(), &[("src/x.rs", "a table")]), [""; 0]);
        assert_eq!(width_violations(&[], &[("src/x.rs", "a table")]).len(), 1);
    }

    #[test]
    fn a_file_says_what_it_is() {
        assert_eq!(doc_violations(&Source::parse("src/x.rs", "//! What it is.\n")), [""; 0]);
        assert_eq!(doc_violations(&Source::parse("src/x.rs", "use a::b;\n")).len(), 1);
    }
}
