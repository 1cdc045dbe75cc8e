//! The tables of `docs/SOCKETS.md`: each line of them names tests, and those exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of all tests below a folder.
fn tests_in(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path).unwrap();
            let tests = text.split("#[test]").skip(1);
            let names = tests.filter_map(|test| Some(test.split_once("fn ")?.1.split_once('(')?.0));
            found.extend(names.map(str::to_owned));
        }
    }
}

#[test]
fn each_line_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests"] {
        tests_in(&root.join(folder), &mut tests);
    }
    let page = fs::read_to_string(root.join("docs/SOCKETS.md")).unwrap();
    let lines = || page.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    let is_head = |cells: &str| cells.ends_with(" tests ") || cells.starts_with("---");
    let mut count = 0;
    for line in lines().filter(|cells| !is_head(cells)) {
        let named = line.rsplit('|').next().unwrap_or_default();
        let named: Vec<_> = named.split(", ").map(|name| name.trim().trim_matches('`')).collect();
        for name in named {
            assert!(tests.contains(name), "no test is called {name:?}: {line}");
        }
        count += 1;
    }
    assert!(count > 40, "{count} lines were found");
}
