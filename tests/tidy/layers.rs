//! Who may import whom: the ladder of `docs/ARCHITECTURE.md`, and leaves that do not know their parents.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;

/// A module imports only from rows above its own: never a neighbour, never what is below it in this table.
const LAYERS: &[&[&str]] = &[
    &["time", "rng", "ranges"],
    &["wire", "impair"],
    &["trace"],
    &["recovery", "stream"],
    &["connection"],
    &["endpoint"],
    &["driver", "sim"],
    &["bin"],
];

/// Imports that the table forbids, allowed all the same: from, to, why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// What a module may not name although it lies in a lower layer.
struct Ban {
    module: &'static str,
    /// Top-level modules.
    modules: &'static [&'static str],
    /// Identifiers that hold one of these.
    words: &'static [&'static str],
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        module: "wire",
        modules: &["time", "rng"],
        words: &["Instant"],
        why: "the format has no clock and no state",
    },
    Ban {
        module: "stream",
        modules: &["time", "rng"],
        words: &["Instant"],
        why: "streams see no clock and no chance",
    },
    Ban {
        module: "recovery",
        modules: &["stream"],
        words: &["Frame"],
        why: "recovery sees no frame: it is generic in what a packet carried",
    },
];

fn level(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

/// The top-level modules that a file imports, with the lines where it does. The command line is a
/// crate of its own: what it may use of the library, the compiler knows.
fn imports(source: &Source) -> Vec<(&str, usize)> {
    let own = source.top();
    if ["lib", "bin"].contains(&own) {
        return Vec::new();
    }
    let inner =
        source.names.iter().filter_map(|n| Some((n.inner.as_ref()?.first()?.as_str(), n.line)));
    let mut imports: Vec<_> = inner.filter(|(target, _)| *target != own).collect();
    imports.dedup();
    imports
}

/// Imports from the same layer or a higher one, through the crate's root, or of what is banned.
pub(crate) fn import_violations(source: &Source) -> Vec<String> {
    let own = source.top();
    if own == "lib" {
        return Vec::new();
    }
    let Some(own_level) = level(own) else {
        return vec![format!(
            "{}: layers: `{own}` is not in the table LAYERS of tests/tidy/layers.rs",
            source.at(1)
        )];
    };
    let mut found = Vec::new();
    for (target, line) in imports(source) {
        let why = match level(target) {
            None => format!("`crate::{target}` hides its layer: name the module that owns it"),
            Some(_) if EXCEPTIONS.iter().any(|e| (e.0, e.1) == (own, target)) => continue,
            Some(level) if level == own_level => {
                format!("`{own}` imports its neighbour `{target}`")
            }
            Some(level) if level > own_level => {
                format!("`{own}` imports `{target}`, which lies above it")
            }
            Some(_) => continue,
        };
        found.push(format!("{}: layers: {why}", source.at(line)));
    }
    found.extend(
        BANS.iter().filter(|ban| ban.module == own).flat_map(|ban| ban_violations(source, ban)),
    );
    found
}

fn ban_violations(source: &Source, ban: &Ban) -> Vec<String> {
    let modules = imports(source).into_iter().filter(|(target, _)| ban.modules.contains(target));
    let words = source.names.iter().filter_map(|named| {
        let is_banned = |segment: &&String| ban.words.iter().any(|word| segment.contains(word));
        Some((named.path.iter().find(is_banned)?.as_str(), named.line))
    });
    let mut found: Vec<(&str, usize)> = modules.chain(words).collect();
    found.sort_by_key(|(_, line)| *line);
    found.dedup();
    let message = |(name, line)| {
        format!("{}: layers: `{}` names `{name}`: {}", source.at(line), ban.module, ban.why)
    };
    found.into_iter().map(message).collect()
}

/// Exceptions that nobody uses.
pub(crate) fn unused_exceptions(sources: &[Source]) -> Vec<String> {
    let edges = edges(sources);
    let is_used =
        |from: &str, to: &str| edges.get(from).is_some_and(|targets| targets.contains(to));
    let unused = EXCEPTIONS.iter().filter(|(from, to, _)| !is_used(from, to));
    unused
        .map(|(from, to, _)| {
            format!("tests/tidy/layers.rs: `{from}` no longer imports `{to}`: drop the exception")
        })
        .collect()
}

/// Which top-level module imports which.
fn edges(sources: &[Source]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources {
        edges
            .entry(source.top())
            .or_default()
            .extend(imports(source).into_iter().map(|(target, _)| target));
    }
    edges
}

/// The first cycle among the top-level modules, exceptions included.
pub(crate) fn cycle_violations(sources: &[Source]) -> Vec<String> {
    let edges = edges(sources);
    let cycle = edges.keys().find_map(|start| way(&edges, start, start, &mut BTreeSet::new()));
    cycle.map(|cycle| format!("src: layers: a cycle: {}", cycle.join(" -> "))).into_iter().collect()
}

/// A way along the edges, of one step at least.
fn way<'a>(
    edges: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    from: &'a str,
    to: &str,
    seen: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    edges.get(from)?.iter().find_map(|next| {
        if *next == to {
            return Some(vec![from, next]);
        }
        let rest = if seen.insert(next) { way(edges, next, to, seen)? } else { return None };
        Some([vec![from], rest].concat())
    })
}

/// The leaves of a folder compute, its `mod.rs` decides: a leaf names neither a function of a module
/// around it nor a machine declared there (a type with a verb: `handle`, `poll`, `on_*`), unless it
/// holds a part of that machine's own `impl`. Data, traits, constants and re-exports are vocabulary.
pub(crate) fn leaf_violations(sources: &[Source]) -> Vec<String> {
    let decisions: BTreeMap<&[String], &BTreeSet<String>> = sources
        .iter()
        .filter(|s| s.file.ends_with("/mod.rs"))
        .map(|s| (s.module.as_slice(), &s.decisions))
        .collect();
    let mut found = Vec::new();
    for source in sources {
        for named in &source.names {
            let Some(path) = &named.inner else { continue };
            let decision = (1..path.len().min(source.module.len())).find_map(|end| {
                let (module, name) = (&path[..end], &path[end]);
                let is_around = source.module.starts_with(module);
                let is_decision =
                    name == "*" || decisions.get(module).is_some_and(|d| d.contains(name));
                (is_around && is_decision && !source.implements.contains(name)).then_some(name)
            });
            if let Some(name) = decision {
                let at = source.at(named.line);
                found.push(format!(
                    "{at}: leaves: `{name}` of a module around this one: leave the decision to it"
                ));
            }
        }
    }
    found
}

mod tests {
    use super::{cycle_violations, import_violations, leaf_violations};
    use crate::source::Source;

    fn imports(file: &str, text: &str) -> Vec<String> {
        import_violations(&Source::parse(file, text))
    }

    #[test]
    fn a_module_may_not_look_up_or_aside() {
        for text in [
            "use crate::connection::X;",
            "use super::super::connection as c;",
            "use crate::{ranges::RangeSet, connection::{self, X}};",
            "fn f() { crate::connection::f() }",
            "fn f(x: Option<&crate::connection::X>) {}",
            "fn f() { assert!(crate::connection::f()) }",
            "mod inner { use super::super::super::connection::X; }",
            "use crate::impair::X;",
        ] {
            assert_eq!(imports("src/wire/ack.rs", text).len(), 1, "{text}");
        }
        assert_eq!(
            imports("src/time.rs", "\nuse crate::rng::Rng;"),
            ["src/time.rs:2: layers: `time` imports its neighbour `rng`"]
        );
        assert_eq!(imports("src/sim/mod.rs", "use crate::driver::X;").len(), 1);
    }

    #[test]
    fn a_module_may_look_down_into_itself_and_at_anything_in_tests() {
        for text in [
            "use crate::ranges::RangeSet; use super::number::Truncated; use crate::wire::X;",
            "#[cfg(test)] mod tests { use crate::connection::X; }",
            "#[cfg(test)]\nuse crate::connection::X;",
            "/// See [`crate::connection`].\npub(crate) fn f() {}",
        ] {
            assert_eq!(imports("src/wire/ack.rs", text), [""; 0], "{text}");
        }
        assert_eq!(imports("src/wire/tests.rs", "use crate::connection::X;"), [""; 0]);
        assert_eq!(imports("src/lib.rs", "pub use crate::connection::X;"), [""; 0]);
        assert_eq!(
            imports("src/bin/towline/main.rs", "use crate::arguments::X; use towline::Stream;"),
            [""; 0]
        );
    }

    #[test]
    fn the_root_hides_layers() {
        for text in
            ["use crate::Stream;", "use crate::*;", "use crate as root;", "use super::super::*;"]
        {
            assert_eq!(imports("src/endpoint/router.rs", text).len(), 1, "{text}");
        }
        assert_eq!(imports("src/util.rs", "").len(), 1);
    }

    #[test]
    fn bans_hold() {
        assert_eq!(imports("src/stream/mod.rs", "use crate::time::Duration;").len(), 1);
        assert_eq!(imports("src/stream/mod.rs", "fn f(now: Instant) {}").len(), 1);
        assert_eq!(imports("src/wire/mod.rs", "use crate::rng::Rng;").len(), 1);
        assert_eq!(
            imports("src/recovery/mod.rs", "use crate::wire::{Side, StreamFrame};").len(),
            1
        );
        assert_eq!(imports("src/recovery/mod.rs", "use crate::time::Instant;"), [""; 0]);
    }

    #[test]
    fn a_cycle_is_shown() {
        let file = |name: &str, target: &str| {
            Source::parse(&format!("src/{name}.rs"), &format!("use crate::{target}::X;"))
        };
        let sources = [
            file("wire", "time"),
            file("trace", "stream"),
            file("stream", "recovery"),
            file("recovery", "trace"),
        ];
        assert_eq!(
            cycle_violations(&sources),
            ["src: layers: a cycle: recovery -> trace -> stream -> recovery"]
        );
        assert_eq!(cycle_violations(&sources[..3]), [""; 0]);
    }

    #[test]
    fn a_leaf_leaves_decisions_to_its_parent() {
        let parent = "pub use crate::wire::Side; mod leaf;
            fn decide() {} pub struct Data; pub struct Machine; impl Machine { fn poll(&mut self) {} }";
        let leaf = |text: &str| {
            let parent = Source::parse("src/connection/mod.rs", parent);
            leaf_violations(&[parent, Source::parse("src/connection/leaf.rs", text)])
        };
        for text in
            ["use super::decide;", "fn f(x: &mut super::Machine) {}", "use crate::connection::*;"]
        {
            assert_eq!(leaf(text).len(), 1, "{text}");
        }
        for text in [
            "use super::{Data, Side, sibling::X};",
            "use super::Machine; impl Machine { fn part(&mut self) {} }",
            "#[cfg(test)] mod tests { use super::super::Machine; }",
            "mod inner { use super::*; }",
        ] {
            assert_eq!(leaf(text), [""; 0], "{text}");
        }
    }
}
