//! The files of the repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::source::Source;

/// Every file of `src/`, parsed.
pub(crate) struct Tree {
    pub(crate) sources: Vec<Source>,
}

impl Tree {
    pub(crate) fn load() -> Self {
        let files = rust_files(&["src"]);
        let mut sources: Vec<Source> =
            files.iter().map(|(file, text)| Source::parse(file, text)).collect();
        let tests: Vec<Vec<String>> = sources.iter().flat_map(|s| s.test_modules.clone()).collect();
        for source in &mut sources {
            if !source.is_test && tests.iter().any(|t| source.module.starts_with(t)) {
                *source = Source::parse_test(&source.file, &source.text);
            }
        }
        assert!(sources.iter().any(|s| s.file == "src/lib.rs"), "src/lib.rs is not where it was");
        Self { sources }
    }

    /// The violations of a rule that looks at one file at a time.
    pub(crate) fn each(&self, rule: fn(&Source) -> Vec<String>) -> Vec<String> {
        self.sources.iter().flat_map(rule).collect()
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file, if there is one.
pub(crate) fn read(file: &str) -> Option<String> {
    let path = root().join(file);
    path.exists().then(|| fs::read_to_string(path).unwrap_or_else(|e| panic!("{file}: {e}")))
}

/// The text of a file that must exist.
pub(crate) fn expect(file: &str) -> String {
    read(file).unwrap_or_else(|| panic!("{file} does not exist"))
}

/// What is in a folder; nothing if it does not exist.
pub(crate) fn names(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|e| e.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// `README.md` and `docs/*.md` with their texts.
pub(crate) fn pages() -> BTreeMap<String, String> {
    let docs =
        names("docs").into_iter().filter(|n| has_extension(n, "md")).map(|n| format!("docs/{n}"));
    docs.chain(["README.md".to_owned()])
        .filter_map(|file| read(&file).map(|text| (file, text)))
        .collect()
}

/// Every `.rs` file below `folders`, build output apart, with its text.
pub(crate) fn rust_files(folders: &[&str]) -> Vec<(String, String)> {
    let mut todo: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    let mut files = Vec::new();
    while let Some(folder) = todo.pop() {
        for name in names(&folder.to_string_lossy()) {
            let path = folder.join(&name);
            if root().join(&path).is_dir() {
                if name != "target" {
                    todo.push(path);
                }
            } else if has_extension(&name, "rs") {
                let file = path.to_string_lossy().replace('\\', "/");
                let text = expect(&file);
                files.push((file, text));
            }
        }
    }
    files.sort();
    files
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == extension)
}
