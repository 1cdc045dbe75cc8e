//! Replays the committed corpus of every fuzz target: what a fuzzer once found stays found, without a fuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// One test per target: its body from `fuzz/bodies`, run on each file of its corpus.
macro_rules! replay {
    ($($(#[$attribute:meta])* $target:ident: $body:literal,)*) => {
        $(
            $(#[$attribute])*
            #[path = $body]
            mod $target;

            $(#[$attribute])*
            #[test]
            fn $target() {
                replay(stringify!($target), $target::run);
            }
        )*

        /// Every target, also those whose feature is off.
        const TARGETS: &[&str] = &[$(stringify!($target)),*];
    };
}

replay! {
    assembler: "../fuzz/bodies/assembler.rs",
    messages: "../fuzz/bodies/messages.rs",
    endpoint_datagrams: "../fuzz/bodies/endpoint_datagrams.rs",
    ranges: "../fuzz/bodies/ranges.rs",
    send_buffer: "../fuzz/bodies/send_buffer.rs",
    wire_decode: "../fuzz/bodies/wire_decode.rs",
}

fn replay(target: &str, run: fn(&[u8])) {
    run(&[]);
    let inputs = names(&format!("fuzz/corpus/{target}"));
    assert!(!inputs.is_empty(), "fuzz/corpus/{target} is empty");
    for input in inputs {
        // Captured by the test harness, shown when the body panics.
        println!("fuzz/corpus/{target}/{input}");
        run(&fs::read(root().join("fuzz/corpus").join(target).join(&input)).expect("readable"));
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
    entries.map(|e| e.expect("readable").file_name().into_string().expect("UTF-8")).collect()
}

#[test]
fn every_fuzz_target_is_replayed() {
    let replayed: BTreeSet<String> = TARGETS.iter().map(|t| (*t).to_owned()).collect();
    assert_eq!(names("fuzz/corpus"), replayed, "fuzz/corpus");
    for folder in ["fuzz/fuzz_targets", "fuzz/bodies"] {
        let files =
            names(folder).into_iter().map(|f| f.trim_end_matches(".rs").to_owned()).collect();
        assert_eq!(replayed, files, "{folder}");
    }
}
