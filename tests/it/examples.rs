//! The examples' own code: each prints what its page says, and each has its line in the README.

use crate::driver::guarded;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Declares the examples as modules and as tests.
macro_rules! examples {
    ($($name:ident: $file:literal,)*) => {
        $(
            #[path = $file]
            #[expect(dead_code, reason = "what only the command line calls")]
            mod $name;
        )*

        /// Names that are tested here.
        const TESTED: &[&str] = &[$(stringify!($name)),*];

        mod prints_what_it_says {
            $(
                #[test]
                fn $name() {
                    let run = || super::$name::run().map_err(|error| error.to_string());
                    super::guarded(move || super::check(include_str!($file), run()));
                }
            )*
        }
    };
}

examples! {
    concurrent_server: "../../examples/concurrent_server.rs",
    dialogue: "../../examples/dialogue.rs",
    file_transfer: "../../examples/file_transfer.rs",
    framing: "../../examples/framing.rs",
    game_and_chat: "../../examples/game_and_chat.rs",
    iterative_server: "../../examples/iterative_server.rs",
    lan_discovery: "../../examples/lan_discovery.rs",
    many_connections: "../../examples/many_connections.rs",
    rpc: "../../examples/rpc.rs",
    star_relay: "../../examples/star_relay.rs",
    websocket: "../../examples/websocket.rs",
}

/// The lines of the first `text` block of a page's own documentation.
fn promised(page: &str) -> Vec<&str> {
    let doc = page.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim_start);
    doc.skip_while(|line| *line != "```text").skip(1).take_while(|line| *line != "```").collect()
}

fn check(page: &str, printed: Result<Vec<String>, String>) {
    let promised = promised(page);
    assert!(!promised.is_empty(), "the page says what it prints");
    assert_eq!(printed.unwrap(), promised);
}

#[test]
fn promises_are_found() {
    let page = "//! Doc.\n//!\n//! ```sh\n//! run\n//! ```\n//! ```text\n//! one\n//! two\n//! ```\n//! ```text\n//! ```\n\nuse x;\n";
    assert_eq!(promised(page), ["one", "two"]);
    assert_eq!(promised("use x;\n//! ```text\n//! one\n"), [""; 0]);
}

/// The names in the README's table of examples.
fn listed(readme: &str) -> BTreeSet<&str> {
    let cells =
        readme.lines().filter_map(|line| line.strip_prefix("| [`")?.split_once("`](examples/"));
    cells.map(|(name, _)| name).collect()
}

#[test]
fn each_example_is_tested_and_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("examples")).unwrap().map(|file| file.unwrap().path());
    // Beside them lie folders of scenarios, which are no programs.
    let programs = files.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let names: BTreeSet<String> =
        programs.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(TESTED.iter().copied().collect::<BTreeSet<_>>(), names);
    assert_eq!(listed(&fs::read_to_string(root.join("README.md")).unwrap()), names);
}
