//! The program `towline sim validate`: what it prints, and how it ends.

use std::process::{Command, Output, Stdio};

fn validate(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_towline"));
    command.args(["sim", "validate"]).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_topic_is_a_table_that_is_the_same_every_time() {
    let first = text(&validate(&["handshake"]));
    assert_eq!(first, text(&validate(&["handshake"])));
    let lines: Vec<&str> = first.lines().collect();
    for word in ["handshake:", "expected", "got", "tolerance", "source"] {
        assert!(lines[0].contains(word), "{first}");
    }
    assert!(lines[1].contains("0.51") && lines[1].contains("σ") && lines[1].ends_with("ok"));
    assert_eq!(lines.last(), Some(&"8 checks, 0 missed"));
}

#[test]
fn topics_come_in_the_order_in_which_they_are_asked_for() {
    let both = text(&validate(&["handshake", "fairness"]));
    let at = |name: &str| both.find(name).unwrap();
    assert!(at("handshake:") < at("fairness:"), "{both}");
    assert!(both.contains("Jain's index") && both.ends_with("15 checks, 0 missed\n"), "{both}");
}

#[test]
fn programs_get_an_object_a_line() {
    let lines = text(&validate(&["handshake", "--json"]));
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 9);
    let start = r#"{"event":"check","topic":"handshake","check":"loss 0.3 each way: 1 tries all fail","expected":0.51"#;
    assert!(lines[0].starts_with(start) && lines[0].ends_with(r#""passes":true}"#), "{}", lines[0]);
    assert_eq!(lines[8], r#"{"event":"summary","checks":8,"missed":0}"#);
    assert_eq!(text(&validate(&["handshake", "--quiet"])), "");
}

#[test]
fn the_topics_have_names_and_a_wrong_one_is_answered_with_the_right_one() {
    let list = text(&validate(&["--list"]));
    for name in ["loss", "queues", "arq", "head-of-line", "fec", "fairness", "conservation"] {
        assert!(list.lines().any(|line| line.split_whitespace().next() == Some(name)), "{list}");
    }
    let wrong = validate(&["quues"]);
    let error = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(error.contains("did you mean \"queues\"?") && error.lines().count() == 1, "{error}");
    let help = text(&validate(&["--help"]));
    assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
}
