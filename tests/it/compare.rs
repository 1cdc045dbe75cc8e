//! The program `towline compare`: the same figures for the same seed, and clear words for bad input.

use std::fs;
use std::process::{Command, Output, Stdio};

fn compare(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_towline"));
    command.arg("compare").args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = |seed: &str| {
        text(&compare(&[
            "--json",
            "--duration",
            "4",
            "--seeds",
            "3",
            "--seed",
            seed,
            "--loss",
            "5",
        ]))
    };
    let first = run("7");
    assert_eq!(first, run("7"));
    assert_ne!(first, run("8"));
    let lines: Vec<&str> = first.lines().collect();
    assert!(lines[0].starts_with(r#"{"event":"scenario","workload":"game""#), "{first}");
    assert!(lines.len() >= 8 && lines[1].contains(r#""mode":"udp""#), "{first}");
    assert!(lines[1..].iter().all(|line| line.contains(r#""corrupt":0"#)), "{first}");
}

#[test]
fn every_usual_workload_becomes_a_table() {
    for workload in ["game", "bulk", "rpc", "chat", "mixed"] {
        let arguments = ["--workload", workload, "--duration", "3", "--seeds", "1"];
        let table = text(&compare(&arguments));
        assert!(table.starts_with(&format!("{workload} for 3 s: 2 % loss")), "{table}");
        for word in ["plain UDP", "towline stream", "no SACK", "p99.9", "wire/byte", "held up"] {
            assert!(table.contains(word), "{word}: {table}");
        }
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    }
}

#[test]
fn a_workload_of_ones_own_and_its_network() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("beat.toml");
    let csv = dir.path().join("runs.csv");
    fs::write(
        &file,
        "duration = 2\n[[lanes]]\nkind = \"steady\"\nbytes = 50\nevery_ms = 10\n\
         [network]\nloss = 0.25\nrtt_ms = 20\n",
    )
    .unwrap();
    let (file, csv) = (file.to_str().unwrap(), csv.to_str().unwrap());
    let common = ["--workload", file, "--modes", "udp,stream", "--seeds", "2", "--csv", csv];
    let table = text(&compare(&common));
    assert!(table.starts_with("beat for 2 s: 25 % loss, round trip 20 ms"), "{table}");
    let rows = fs::read_to_string(csv).unwrap();
    assert_eq!(rows.lines().count(), 1 + 2 * 2, "{rows}");
    assert!(rows.contains("\nstream,2,"), "{rows}");
    // What the command line says counts more.
    let table = text(&compare(&[&common[..], &["--loss", "0"]].concat()));
    assert!(table.starts_with("beat for 2 s: 0 % loss, round trip 20 ms"), "{table}");
}

#[test]
fn bad_input_is_told_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let field = write("field.toml", "[[lanes]]\nkind = \"steady\"\nbites = 5\n");
    let large = write(
        "large.toml",
        "[[lanes]]\nname = \"maps\"\nkind = \"bulk\"\ntotal = 1000000\nchunk = 100000\n",
    );
    let unreadable = dir.path().to_str().unwrap().to_owned() + "/none.toml";
    for (arguments, parts) in [
        (&["--loss", "120"] as &[&str], &["120", "0 to 100"] as &[&str]),
        (&["--workload", "gmae"], &["gmae", "did you mean \"game\"", "bulk", ".toml"]),
        (&["--workload", &unreadable], &["none.toml", "no such file"]),
        (&["--workload", &field], &["field.toml", "line 3", "\"bites\"", "mean \"bytes\""]),
        (&["--workload", &large, "--modes", "udp,stream"], &["udp carries", "65507", "\"maps\""]),
        (&["--modes", "steam"], &["steam", "did you mean \"stream\"", "udp"]),
        (&["--jitter", "60"], &["--jitter", "half of --rtt"]),
        (&["--burst", "0"], &["--burst", "longer than 0"]),
        (&["--seeds", "0"], &["1..=1000"]),
        (&["--duration", "4000"], &["0.1 to 3600"]),
        (&["--rate", "0"], &["Mbit/s"]),
    ] {
        let output = compare(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.starts_with("towline: ") && error.lines().count() == 1, "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}
