//! What code may not name: the outside world below the drivers, and a few words everywhere.

use crate::names::Named;
use crate::source::Source;

/// A part of the outside world.
struct Ban {
    path: &'static [&'static str],
    why: &'static str,
}

const CLOCK: &str = "time is an argument, of the type `crate::time::Instant`";
const SOCKET: &str = "sockets belong to `driver`";
const SHARED: &str = "one owner: threads, locks and shared state belong to `driver`";
const SYSTEM: &str = "files, processes and the environment belong to `bin`";
const CHANCE: &str = "randomness is an argument, of the type `crate::rng::Rng`";

/// What exists neither below the drivers nor in the simulator.
const WORLD: &[Ban] = &[
    Ban { path: &["std", "time", "Instant"], why: CLOCK },
    Ban { path: &["std", "time", "SystemTime"], why: CLOCK },
    Ban { path: &["std", "time", "UNIX_EPOCH"], why: CLOCK },
    Ban { path: &["std", "net", "UdpSocket"], why: SOCKET },
    Ban { path: &["std", "net", "TcpStream"], why: SOCKET },
    Ban { path: &["std", "net", "TcpListener"], why: SOCKET },
    Ban { path: &["std", "net", "ToSocketAddrs"], why: SOCKET },
    Ban { path: &["std", "os"], why: SOCKET },
    Ban { path: &["socket2"], why: SOCKET },
    Ban { path: &["quinn_udp"], why: SOCKET },
    Ban { path: &["mio"], why: SOCKET },
    Ban { path: &["std", "thread"], why: SHARED },
    Ban { path: &["std", "sync"], why: SHARED },
    Ban { path: &["std", "rc"], why: SHARED },
    Ban { path: &["std", "cell"], why: SHARED },
    Ban { path: &["thread_local!"], why: SHARED },
    Ban { path: &["parking_lot"], why: SHARED },
    Ban { path: &["tokio"], why: SHARED },
    Ban { path: &["std", "fs"], why: SYSTEM },
    Ban { path: &["std", "env"], why: SYSTEM },
    Ban { path: &["std", "process"], why: SYSTEM },
    Ban { path: &["io", "stdin"], why: SYSTEM },
    Ban { path: &["io", "stdout"], why: SYSTEM },
    Ban { path: &["io", "stderr"], why: SYSTEM },
    Ban { path: &["rand"], why: CHANCE },
    Ban { path: &["getrandom"], why: CHANCE },
    Ban {
        path: &["HashMap"],
        why: "its order differs from run to run: use a `BTreeMap` or a `Slab`",
    },
    Ban {
        path: &["HashSet"],
        why: "its order differs from run to run: use a `BTreeSet` or a `RangeSet`",
    },
    Ban { path: &["RandomState"], why: CHANCE },
];

/// Who may name a part of the outside world all the same: file, what, why.
const EXCEPTIONS: &[(&str, &[&str], &str)] = &[
    ("src/rng.rs", &["rand"], "wraps its ChaCha12, whose stream is the same in every version"),
    (
        "src/endpoint/router.rs",
        &["HashMap"],
        "looks connection ids up under a keyed hash, and never iterates",
    ),
];

/// The files that ask what time it is: one for the drivers, one for the program.
const CLOCKS: &[&str] = &["src/driver/clock.rs", "src/bin/towline/clock.rs"];

/// Names of the outside world below the drivers and in the simulator.
pub(crate) fn world_violations(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    if !["driver", "bin"].contains(&source.top()) {
        for (named, ban) in source.names.iter().filter_map(|n| Some((n, banned(n)?))) {
            if !EXCEPTIONS.iter().any(|e| e.0 == source.file && e.1 == ban.path) {
                let (at, what) = (source.at(named.line), named.path.join("::"));
                found.push(format!("{at}: purity: `{what}`: {}", ban.why));
            }
        }
    }
    found.extend(source.names.iter().filter(|n| reads_clock(n)).filter_map(|named| {
        let is_clock = CLOCKS.contains(&source.file.as_str());
        (!is_clock).then(|| {
            format!(
                "{}: purity: only the drivers' and the program's clock.rs read the clock",
                source.at(named.line)
            )
        })
    }));
    found
}

fn reads_clock(named: &Named) -> bool {
    named
        .path
        .windows(2)
        .any(|w| ["Instant", "SystemTime"].contains(&w[0].as_str()) && w[1] == "now")
}

/// The part of the outside world that a path is, leads into, or imports whole.
fn banned(named: &Named) -> Option<&'static Ban> {
    let path: Vec<&str> = named.path.iter().map(String::as_str).collect();
    WORLD.iter().find(|ban| match ban.path {
        // A crate is meant only where a path begins with it: `rand` may be a variable's name.
        [name] if name.starts_with(|c: char| c.is_lowercase()) && !name.ends_with('!') => {
            path.len() > 1 && path[0] == *name
        }
        [name] => path.contains(name),
        // `use std::io` is harmless: what matters is the end of the path.
        ["io", end] => path.windows(2).any(|w| w == ["io", end]),
        whole => {
            let module = path.strip_suffix(&["*"]).unwrap_or(&path);
            path.starts_with(whole)
                || (module.len() > 1 || path != module) && whole.starts_with(module)
        }
    })
}

/// Exceptions that their file does not need. A file that does not exist yet needs none either.
pub(crate) fn unused_exceptions(sources: &[Source]) -> Vec<String> {
    let is_used = |source: &Source, path: &[&str]| {
        source.names.iter().filter_map(banned).any(|ban| ban.path == path)
    };
    let unused = EXCEPTIONS
        .iter()
        .filter(|(file, path, _)| sources.iter().any(|s| s.file == *file && !is_used(s, path)));
    unused
        .map(|(file, path, _)| {
            format!(
                "tests/tidy/purity.rs: {file} no longer names `{}`: drop the exception",
                path.join("::")
            )
        })
        .collect()
}

/// Words that no file may hold, tests included.
const NOWHERE: &[(&str, &str)] = &[
    ("unsafe", "the crate forbids it"),
    ("#[allow]", "write `#[expect(.., reason = \"..\")]`"),
    ("#[path]", "a module lies where its name says"),
    ("todo!", "finish it"),
    ("unimplemented!", "finish it"),
    ("dbg!", "take it out"),
    ("include!", "a module lies where its name says"),
];

/// Words for the command line only.
const PRINTING: &[&str] = &["print!", "println!", "eprint!", "eprintln!"];

/// Words that nobody may use, or only the command line.
pub(crate) fn word_violations(source: &Source) -> Vec<String> {
    let all = source.names.iter().chain(&source.test_names);
    let nowhere = all.filter_map(|named| {
        let (word, why) = NOWHERE.iter().find(|(word, _)| named.path.iter().any(|s| s == word))?;
        Some(format!("{}: words: `{word}`: {why}", source.at(named.line)))
    });
    let is_printing = |n: &&Named| {
        source.top() != "bin" && PRINTING.iter().any(|p| n.path.iter().any(|s| s == p))
    };
    let printing = source.names.iter().filter(is_printing);
    nowhere
        .chain(printing.map(|n| format!("{}: words: only `bin` prints", source.at(n.line))))
        .collect()
}

/// The package must forbid unsafe code.
pub(crate) fn manifest_violations(manifest: &str) -> Vec<String> {
    if manifest.lines().any(|line| line.trim() == "unsafe_code = \"forbid\"") {
        return Vec::new();
    }
    vec!["Cargo.toml:1: words: [lints.rust] lacks `unsafe_code = \"forbid\"`".to_owned()]
}

mod tests {
    use super::{manifest_violations, unused_exceptions, word_violations, world_violations};
    use crate::source::Source;

    fn world(file: &str, text: &str) -> Vec<String> {
        world_violations(&Source::parse(file, text))
    }

    #[test]
    fn the_world_is_banned() {
        for text in [
            "use std::time::Instant;",
            "use std::{fmt, time::{Duration, Instant as I}};",
            "use std::time;",
            "use std::time::*;",
            "use core::time::*;",
            "fn f(x: std::net::UdpSocket) {}",
            "use std::net::{SocketAddr, TcpListener};",
            "use std::sync::Arc;",
            "use std::sync::mpsc::channel;",
            "use alloc::sync::Arc;",
            "use std::*;",
            "fn f() { std::thread::spawn(g) }",
            "fn f() { dbg(std::env::args()) }",
            "fn f() { let x = rand::rng(); }",
            "use rand::rngs::SysRng;",
            "use std::collections::HashMap;",
            "fn f(x: HashSet<u8>) {}",
            "use std::io; fn f() { io::stdout().flush() }",
            "thread_local! { static X: u8 = 1; }",
        ] {
            for file in ["src/stream/send.rs", "src/sim/mod.rs", "src/ranges.rs", "src/lib.rs"] {
                assert_eq!(world(file, text).len(), 1, "{file}: {text}");
            }
            for file in ["src/driver/hub.rs", "src/bin/towline/main.rs", "src/stream/tests.rs"] {
                assert_eq!(world(file, text), [""; 0], "{file}: {text}");
            }
        }
    }

    #[test]
    fn harmless_neighbours_are_not() {
        let text =
            "use std::net::{IpAddr, SocketAddr}; use std::time::Duration; use std::{fmt, io};
            use std::collections::BTreeMap; use crate::time::Instant; use std::io::Read;
            fn f(rand: u64, thread: u8) -> Instant { Instant::ZERO }
            #[cfg(test)] mod tests { use std::sync::Arc; }";
        assert_eq!(world("src/stream/send.rs", text), [""; 0]);
    }

    #[test]
    fn one_file_reads_the_clock() {
        for text in ["fn f() { Instant::now() }", "fn f() { std::time::SystemTime::now() }"] {
            for file in ["src/driver/hub.rs", "src/bin/towline/main.rs"] {
                assert_eq!(world(file, text).len(), 1, "{file}: {text}");
            }
            assert_eq!(world("src/driver/clock.rs", text), [""; 0]);
        }
    }

    #[test]
    fn exceptions_are_for_one_thing_and_must_be_needed() {
        let random = Source::parse("src/rng.rs", "use rand::rngs::ChaCha12Rng; use std::fs;");
        assert_eq!(world_violations(&random).len(), 1);
        assert_eq!(unused_exceptions(&[random]), [""; 0]);
        assert_eq!(unused_exceptions(&[Source::parse("src/rng.rs", "")]).len(), 1);
    }

    #[test]
    fn words_are_banned_in_tests_too() {
        for text in [
            "unsafe fn f() {}",
            "#[allow(dead_code)] fn f() {}",
            "#![cfg_attr(test, allow(dead_code))]",
            "#[path = \"x.rs\"] mod y;",
            "fn f() { todo!() }",
            "#[cfg(test)] mod tests { fn f() { dbg!(1); } }",
        ] {
            assert_eq!(
                word_violations(&Source::parse("src/bin/towline/main.rs", text)).len(),
                1,
                "{text}"
            );
        }
    }

    #[test]
    fn only_the_command_line_prints() {
        let count =
            |file| word_violations(&Source::parse(file, "fn f() { println!(\"unsafe\"); }")).len();
        assert_eq!(
            (
                count("src/driver/hub.rs"),
                count("src/bin/towline/main.rs"),
                count("src/wire/tests.rs")
            ),
            (1, 0, 0)
        );
    }

    #[test]
    fn the_package_forbids_unsafe_code() {
        assert_eq!(manifest_violations("[lints.rust]\nunsafe_code = \"forbid\"\n"), [""; 0]);
        assert_eq!(manifest_violations("[lints.rust]\nunsafe_code = \"deny\"\n").len(), 1);
    }
}
