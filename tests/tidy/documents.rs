//! Documents that agree with each other, with the package and with what CI runs.

use std::collections::{BTreeMap, BTreeSet};

/// The README names the oldest compiler that `Cargo.toml` allows.
pub(crate) fn version_violations(manifest: &str, readme: &str) -> Vec<String> {
    let version =
        manifest.lines().find_map(|l| l.strip_prefix("rust-version = \"")?.strip_suffix('"'));
    match version {
        None => vec!["Cargo.toml:1: documents: there is no rust-version".to_owned()],
        Some(version) if words(readme).any(|w| w == version) => Vec::new(),
        Some(version) => {
            vec![format!("README.md:1: documents: rust-version {version} is not named")]
        }
    }
}

/// Runs of letters, digits and inner dots.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '.')).map(|w| w.trim_matches('.'))
}

/// CI runs each command of the README's `sh` blocks that begins with `cargo`, letter by letter.
pub(crate) fn command_violations(readme: &str, script: &str) -> Vec<String> {
    let run: Vec<&str> =
        script.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect();
    let is_run = |command: &str| {
        run.iter().any(|line| *line == command || line.ends_with(&format!(" {command}")))
    };
    let mut found = Vec::new();
    let mut is_shell = false;
    for (number, line) in (1..).zip(readme.lines().map(str::trim)) {
        if let Some(language) = line.strip_prefix("```") {
            is_shell = !is_shell && ["sh", "bash", "console"].contains(&language);
            continue;
        }
        let command = line.trim_start_matches("$ ").split(" #").next().unwrap_or("").trim();
        if is_shell && command.starts_with("cargo ") && !is_run(command) {
            found.push(format!("README.md:{number}: documents: .ci/run does not run `{command}`"));
        }
    }
    found
}

/// Pages that no way of links leads to from the README.
pub(crate) fn orphan_violations(pages: &BTreeMap<String, String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut todo = vec!["README.md".to_owned()];
    while let Some(page) = todo.pop() {
        if let Some(text) = pages.get(&page)
            && seen.insert(page.clone())
        {
            todo.extend(links(text).into_iter().map(|(_, target)| from_root(&page, target)));
        }
    }
    let orphans = pages.keys().filter(|page| !seen.contains(*page));
    orphans
        .map(|page| format!("{page}:1: documents: no page that the README leads to links here"))
        .collect()
}

/// Relative links to nothing.
pub(crate) fn link_violations(
    pages: &BTreeMap<String, String>,
    exists: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    for (page, text) in pages {
        for (line, target) in links(text) {
            let path = from_root(page, target);
            if path.starts_with("..") || !exists(&path) {
                found.push(format!("{page}:{line}: documents: the link `{target}` leads nowhere"));
            }
        }
    }
    found
}

/// Relative links outside code, with their lines and without their anchors.
fn links(markdown: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut is_code = false;
    for (number, line) in (1..).zip(markdown.lines()) {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            continue;
        }
        // Every other piece between backquotes is code, but a link's text may hold code: look at `](` only.
        let inline = line
            .match_indices("](")
            .map(|(at, _)| &line[at + 2..])
            .map(|rest| rest.split([')', ' ']).next());
        let html = ["href=\"", "src=\""].iter().flat_map(|attribute| {
            line.match_indices(attribute)
                .map(|(at, _)| line[at + attribute.len()..].split('"').next())
        });
        let definition = line
            .strip_prefix('[')
            .and_then(|l| l.split_once("]: "))
            .map(|(_, target)| Some(target.trim()));
        let targets = inline.chain(html).chain(definition).flatten();
        let targets =
            targets.filter(|t| !is_code && !t.contains("://") && !t.starts_with("mailto:"));
        let targets = targets.filter_map(|t| t.split('#').next()).filter(|t| !t.is_empty());
        found.extend(targets.map(|target| (number, target)));
    }
    found
}

/// The target of a link on `page`, from the root of the repository.
fn from_root(page: &str, target: &str) -> String {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut path: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(target.split('/')) {
        match part {
            "" | "." => {}
            ".." if path.last().is_some_and(|p| *p != "..") => drop(path.pop()),
            part => path.push(part),
        }
    }
    path.join("/")
}

/// Requirements are `**P-n**` in the protocol's specification, each once; whoever cites one cites one that exists.
pub(crate) fn requirement_violations(protocol: &str, files: &[(String, String)]) -> Vec<String> {
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for (line, number) in requirements(protocol, "**P-") {
        if !known.insert(number) {
            found.push(format!(
                "docs/PROTOCOL.md:{line}: requirements: P-{number} is defined twice"
            ));
        }
    }
    let cited_by_itself = [("docs/PROTOCOL.md".to_owned(), protocol.to_owned())];
    for (file, text) in cited_by_itself.iter().chain(files) {
        let missing =
            requirements(text, "P-").into_iter().filter(|(_, number)| !known.contains(number));
        found.extend(missing.map(|(line, number)| {
            format!("{file}:{line}: requirements: P-{number} is not in docs/PROTOCOL.md")
        }));
    }
    found
}

/// Where `mark` and a number stand, not within a word.
fn requirements(text: &str, mark: &str) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for (at, _) in line.match_indices(mark) {
            let is_word = line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '-');
            let digits = line[at + mark.len()..].split(|c: char| !c.is_ascii_digit()).next();
            found.extend(
                digits.and_then(|d| d.parse().ok()).filter(|_| !is_word).map(|n| (number, n)),
            );
        }
    }
    found
}

/// What the top level of the repository holds, beside files that begin with a dot.
const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "docs",
    "examples",
    "fuzz",
    "src",
    "target",
    "tests",
];

/// Files and folders that do not belong at the top level.
pub(crate) fn top_level_violations(names: &[String]) -> Vec<String> {
    let stray = names.iter().filter(|n| !n.starts_with('.') && !TOP_LEVEL.contains(&n.as_str()));
    stray.map(|name| format!("{name}:1: top level: does not belong there")).collect()
}

mod tests {
    use std::collections::BTreeMap;

    fn pages(pages: &[(&str, &str)]) -> BTreeMap<String, String> {
        pages.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn the_readme_names_the_compiler() {
        let check = |readme| super::version_violations("rust-version = \"1.95\"\n", readme).len();
        assert_eq!((check("Rust 1.95."), check("Rust 1.95.1"), check("Rust 1.9")), (0, 1, 1));
        assert_eq!(super::version_violations("", "1.95").len(), 1);
    }

    #[test]
    fn ci_runs_what_the_readme_says() {
        let readme = "```sh\n$ cargo test  # all\nls\n```\n```rust\ncargo bench\n```\ncargo fmt\n```sh\ncargo run -- demo\n```\n";
        let check = |script| super::command_violations(readme, script);
        assert_eq!(check("stage Tests cargo test\ncargo run -- demo\n"), [""; 0]);
        assert_eq!(
            check("cargo test --release\n# cargo run -- demo\n"),
            [
                "README.md:2: documents: .ci/run does not run `cargo test`",
                "README.md:10: documents: .ci/run does not run `cargo run -- demo`",
            ]
        );
    }

    #[test]
    fn orphans_are_found() {
        let text = &[
            ("README.md", "See [a](docs/a.md#part)."),
            ("docs/a.md", "[b][1]\n\n[1]: ./b.md\n"),
            ("docs/b.md", "```\n[c](c.md)\n```\n"),
            ("docs/c.md", "[b](b.md)"),
        ];
        assert_eq!(super::orphan_violations(&pages(text)).len(), 1);
        assert!(super::orphan_violations(&pages(text))[0].starts_with("docs/c.md"));
    }

    #[test]
    fn dead_links_are_found() {
        let text = &[(
            "docs/a.md",
            "[x](../src/x.rs) [y](y.md)\n<img src=\"z.svg\"> [w](https://w.org) [v](#v) [u](../../u.md)",
        )];
        let found = super::link_violations(&pages(text), |path| path == "src/x.rs");
        assert_eq!(
            found,
            [
                "docs/a.md:1: documents: the link `y.md` leads nowhere",
                "docs/a.md:2: documents: the link `../../u.md` leads nowhere",
                "docs/a.md:2: documents: the link `z.svg` leads nowhere",
            ]
        );
    }

    #[test]
    fn requirements_are_unique_and_exist() {
        // Spelled so that this file cites nothing itself.
        let text = |text: &str| text.replace('@', "P-");
        let file = |body: &str| ("src/x.rs".to_owned(), text(body));
        let check =
            |protocol: &str, body| super::requirement_violations(&text(protocol), &[file(body)]);
        assert_eq!(check("**@1** a\n**@2.** b, see @1", "// (@1, @2), HTTP@3"), [""; 0]);
        assert_eq!(check("**@1**\n**@1**", "").len(), 1);
        assert_eq!(check("**@1**, see @3", "").len(), 1);
        assert_eq!(
            check("**@1**", "\n// @12"),
            [text("src/x.rs:2: requirements: @12 is not in docs/PROTOCOL.md")]
        );
    }

    #[test]
    fn strays_are_found() {
        let names = [".ci", "src", "target", "notes.txt"].map(str::to_owned);
        assert_eq!(
            super::top_level_violations(&names),
            ["notes.txt:1: top level: does not belong there"]
        );
    }
}
