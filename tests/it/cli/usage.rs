//! Help, wrong usage, and readers that go away.

use super::{fails, run, towline};
use std::io;

#[test]
fn help_and_version_are_there() {
    let version = run(&["--version"]);
    assert!(version.status.success() && version.stdout.starts_with(b"towline "));
    for command in ["send", "recv", "echo", "ping", "relay", "demo"] {
        let help = run(&[command, "--help"]);
        let text = String::from_utf8(help.stdout).unwrap();
        assert!(help.status.success() && help.stderr.is_empty());
        for part in ["Usage: towline", "Examples:", "Exit codes:"] {
            assert!(text.contains(part), "{command}: {text}");
        }
    }
}

#[test]
fn wrong_usage_is_one_line_and_code_2() {
    fails(&run(&["fly"]), 2, &["fly"]);
    fails(&run(&["send", "x"]), 2, &["<ADDR>"]);
    fails(&run(&["send", "x", "127.0.0.1:70000"]), 2, &["70000", "1 to 65535"]);
    fails(&run(&["send", "x", "127.0.0.1:0"]), 2, &["1 to 65535"]);
    fails(&run(&["send", "x", "y", "--name", "z", "127.0.0.1:9"]), 2, &["--name", "one"]);
    fails(&run(&["ping"]), 2, &["<ADDR>"]);
    fails(&run(&["ping", "127.0.0.1:9", "--count", "0"]), 2, &["0"]);
    fails(&run(&["echo", "127.0.0.1:9", "127.0.0.1:9"]), 2, &["127.0.0.1:9"]);
    fails(&run(&["relay", "127.0.0.1:1", "--loss", "101"]), 2, &["0 to 100"]);
    fails(&run(&["relay", "127.0.0.1:1", "--jitter", "5"]), 2, &["jitter", "delay"]);
    fails(&run(&["relay", "127.0.0.1:1", "--queue", "5"]), 2, &["--queue needs --rate"]);
    let nothing = run(&[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(nothing.stdout.is_empty() && !nothing.stderr.is_empty());
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let help = towline(&["--help"]).stdout(writer).output().unwrap();
    assert_eq!((help.status.code(), help.stderr.as_slice()), (Some(0), &[] as &[u8]));
}
