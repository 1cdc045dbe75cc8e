//! The program `towline compare`: the same figures for the same seed, and clear words for bad input.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
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

/// The page of a short comparison.
fn page(dir: &Path, more: &[&str]) -> String {
    let file = dir.join("page.html");
    let common = ["--duration", "5", "--seeds", "2", "--html", file.to_str().unwrap()];
    text(&compare(&[&common[..], more].concat()));
    fs::read_to_string(file).unwrap()
}

#[test]
fn the_page_needs_nothing_from_outside() {
    let dir = tempfile::tempdir().unwrap();
    for workload in ["game", "bulk", "rpc", "chat", "mixed"] {
        let page = page(dir.path(), &["--workload", workload]);
        for stranger in ["http", "<script", "src=", "url(", "@import"] {
            assert!(!page.contains(stranger), "{workload}: {stranger}");
        }
        // Two pictures of all modes, and two of each.
        assert_eq!(page.matches("<svg class=").count(), 2 + 2 * 7, "{workload}");
        assert!(!page.contains("NaN") && !page.contains("inf"), "{workload}");
        assert!(page.len() < 1_000_000, "{workload}: {} bytes", page.len());
    }
}

#[test]
fn names_from_files_are_text_on_the_page() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.toml");
    let lane = "[[lanes]]\nkind = \"steady\"\nbytes = 50\nevery_ms = 20\n";
    fs::write(&file, format!("name = \"<b>&'\"\nduration = 2\n{lane}")).unwrap();
    let page = page(dir.path(), &["--workload", file.to_str().unwrap(), "--modes", "stream"]);
    assert!(page.contains("<h1>&lt;b&gt;&amp;&#39;: "), "{page}");
    assert!(!page.contains("<b>"));
}

#[test]
fn a_browser_shows_figures_and_legends_and_has_no_complaint() {
    let dir = tempfile::tempdir().unwrap();
    let written = page(dir.path(), &["--loss", "5"]);
    let file = format!("file://{}", dir.path().join("page.html").display());
    let profile = format!("--user-data-dir={}", dir.path().join("profile").display());
    let mut browser = Command::new("chromium");
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]);
    browser.args(["--window-size=375,2000", "--dump-dom", &profile, &file]).stdin(Stdio::null());
    let output = match browser.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return println!("skipped: there is no chromium");
        }
        output => output.unwrap(),
    };
    let (dom, log) = (text(&output), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(!log.contains("CONSOLE"), "{log}");
    let count = |what: &str| dom.matches(what).count();
    // A browser that repaired something would show another number than what was written.
    for element in ["<svg", "<figure", "<line", "<polyline", "<circle", "<path", "<text", "<li>"] {
        assert_eq!(count(element), written.matches(element).count(), "{element}");
    }
    assert_eq!(
        (count("id=\"latency\""), count("id=\"sequence\""), count("id=\"ladder\"")),
        (1, 1, 1)
    );
    assert_eq!(count("<ul class=\"legend\">"), 2);
    for title in
        ["plain UDP", "TCP (smoltcp, no SACK)", "towline stream", "packet lost", "sent again"]
    {
        assert!(count(title) > 0, "{title}");
    }
}
