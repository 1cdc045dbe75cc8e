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
        for word in [
            "plain UDP",
            "towline stream",
            "towline ordered, lean",
            "no SACK",
            "p99.9",
            "wire/byte",
        ] {
            assert!(table.contains(word), "{word}: {table}");
        }
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
        let is_mixed = workload == "mixed";
        assert_eq!(table.contains("state: age p50") && table.contains("file: all"), is_mixed);
        assert_eq!(table.contains("towline fitted"), is_mixed);
        assert_eq!(table.contains("towline latest"), !["bulk", "mixed"].contains(&workload));
    }
}

#[test]
fn one_connection_gives_each_lane_what_it_needs() {
    let common = ["--workload", "mixed", "--modes", "stream,fitted", "--duration", "6"];
    let json = text(&compare(&[&common[..], &["--seeds", "1", "--json"]].concat()));
    let lane = |mode: &str, lane: &str| {
        let name = format!(r#""event":"lane","mode":"{mode}","lane":"{lane}""#);
        json.lines().find(|line| line.contains(&name)).unwrap_or_else(|| panic!("{name}: {json}"))
    };
    let age = |mode: &str| number(lane(mode, "state"), "age_p99_ms");
    assert!(age("fitted") < 400.0 && age("stream") > 1500.0, "{json}");
    let lines = |mode: &str| number(lane(mode, "lines"), "latency_p99_ms");
    assert!(lines("fitted") < 500.0 && lines("stream") > 1500.0, "{json}");
    assert!(number(lane("fitted", "file"), "delivered_share") >= 1.0, "{json}");
    assert!(!lane("fitted", "file").contains("wire_"), "{json}");
}

#[test]
fn a_lane_says_what_it_needs() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("own.toml");
    let shares = ["ordered", "latest"].map(|delivery| {
        let lane = "[[lanes]]\nkind = \"steady\"\nbytes = 50\nevery_ms = 10\n";
        fs::write(&file, format!("duration = 4\n{lane}delivery = \"{delivery}\"\n")).unwrap();
        let name = file.to_str().unwrap();
        let json =
            text(&compare(&["--workload", name, "--modes", "fitted", "--json", "--loss", "5"]));
        number(json.lines().nth(1).unwrap(), "delivered_share")
    });
    assert!(shares[0] >= 1.0 && shares[1] < 0.99, "{shares:?}");
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
    assert_eq!(text(&compare(&[&common[..], &["--quiet"]].concat())), "", "only files");
    assert_eq!(fs::read_to_string(csv).unwrap(), rows);
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
        (&["--workload", "bulk", "--modes", "latest"], &["latest carries", "\"file\" is a file"]),
        (&["--modes", "steam"], &["steam", "did you mean \"stream\"", "udp"]),
        (&["--jitter", "60"], &["--jitter", "half of --rtt"]),
        (&["--burst", "0"], &["--burst", "longer than 0"]),
        (&["--seeds", "0"], &["1..=1000"]),
        (&["--duration", "4000"], &["0.1 to 3600"]),
        (&["--rate", "0"], &["Mbit/s"]),
        (&["--rtt", "-1"], &["--rtt", "-1", "milliseconds, 0 to 60000"]),
        (&["--loss", "-5"], &["--loss", "-5", "0 to 100"]),
        (&["--rtt", "soon"], &["--rtt", "milliseconds, 0 to 60000"]),
        (&["--queue", "soon"], &["--queue", "64k", "50ms"]),
        (&["--reorder", "101"], &["--reorder", "0 to 100"]),
        (&["--damage", "x"], &["--damage", "0 to 100"]),
        (&["--duplicate", "200"], &["--duplicate", "0 to 100"]),
        (&["--seed", "x"], &["--seed", "x"]),
        (&["--json", "--quiet"], &["--quiet", "cannot be used with"]),
        (
            &["--live", "--modes", "udp,tcp"],
            &["cannot run tcp, in virtual", "it can: udp, stream, ordered"],
        ),
        (&["--senders", "0"], &["--senders", "1..=250"]),
        (&["--senders", "4", "--workload", "game"], &["--senders", "cannot be used with"]),
        (&["--live", "--workload", &large, "--modes", "udp"], &["udp carries", "65507"]),
    ] {
        let output = compare(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.starts_with("towline: ") && error.lines().count() == 1, "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("folder.toml");
    fs::create_dir(&folder).unwrap();
    let binary = dir.path().join("binary.toml");
    fs::write(&binary, [0, 159, 146, 150]).unwrap();
    let large = dir.path().join("large.toml");
    fs::write(&large, vec![b'#'; (1 << 20) + 1]).unwrap();
    for (file, part) in [(folder, "cannot read"), (binary, "line 1"), (large, "1 MiB")] {
        let output = compare(&["--workload", file.to_str().unwrap()]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(part) && error.lines().count() == 1, "{part}: {error}");
    }
}

/// The number behind this name in a line of JSON.
fn number(line: &str, name: &str) -> f64 {
    let (_, rest) = line.split_once(&format!("\"{name}\":")).unwrap();
    rest.split([',', '}']).next().unwrap().parse().unwrap()
}

#[test]
fn the_live_comparison_delivers_over_real_sockets() {
    let dir = tempfile::tempdir().unwrap();
    let files = ["runs.csv", "page.html"].map(|name| dir.path().join(name));
    let [csv, html] = files.each_ref().map(|file| file.to_str().unwrap());
    let network = ["--duration", "0.4", "--rtt", "10", "--loss", "10", "--duplicate", "5"];
    let common = ["--live", "--json", "--csv", csv, "--html", html];
    let json = text(&compare(&[&common[..], &network].concat()));
    let lines: Vec<&str> = json.lines().collect();
    let modes = ["udp", "stream", "ordered", "ordered-lean", "unordered", "latest", "unreliable"];
    assert!(lines.len() == 1 + modes.len() && lines[0].contains(r#""seeds":1,"#), "{json}");
    assert!(lines[0].ends_with(r#""live":true}"#), "{json}");
    for (line, name) in lines[1..].iter().zip(modes) {
        assert!(line.contains(&format!(r#""mode":"{name}""#)), "{json}");
        let share = number(line, "delivered_share");
        let may_lose = ["udp", "latest", "unreliable"].contains(&name);
        let is_plausible = if may_lose { share <= 1.0 } else { share >= 1.0 };
        assert!(is_plausible && number(line, "offered") > 10.0, "{json}");
        assert!(number(line, "corrupt") == 0.0 && number(line, "wire_bytes") > 0.0, "{json}");
        assert!(number(line, "latency_p50_ms") >= 5.0, "what the link takes: {json}");
        for unknown in ["held_up", "retransmitted", "repeated"] {
            assert!(!line.contains(unknown), "{json}");
        }
    }
    let rows = fs::read_to_string(csv).unwrap();
    assert!(rows.lines().count() == 1 + modes.len() && !rows.contains("held_up"), "{rows}");
    let page = fs::read_to_string(html).unwrap();
    assert_eq!(page.matches("<figure").count(), 1, "only how many arrive in time");
    assert!(page.contains("real time") && !page.contains("held up"));
}

#[test]
fn every_usual_workload_can_be_live() {
    for workload in ["bulk", "rpc", "chat", "mixed"] {
        let network = ["--duration", "0.3", "--rtt", "2", "--loss", "0", "--rate", "1000"];
        let common = ["--live", "--workload", workload];
        let table = text(&compare(&[&common[..], &network].concat()));
        assert!(table.starts_with(&format!("{workload} for 0.3 s live: 0 % loss")), "{table}");
        for title in ["towline stream", "towline ordered", "towline unordered"] {
            let line = table.lines().find(|line| line.starts_with(title)).unwrap();
            assert!(line.contains("100.0 %"), "{table}");
        }
        assert_eq!(table.contains("towline fitted"), workload == "mixed");
        assert!(table.contains("in virtual time only") && !table.contains("held up"), "{table}");
    }
}

#[test]
fn a_live_network_that_drops_everything_hangs_nobody() {
    let table = text(&compare(&[
        "--live",
        "--modes",
        "udp,stream,latest",
        "--duration",
        "0.2",
        "--rtt",
        "1",
        "--loss",
        "100",
    ]));
    for title in ["plain UDP", "towline stream", "towline latest"] {
        let line = table.lines().find(|line| line.starts_with(title)).unwrap();
        assert!(line.contains("  0.0 %") && line.contains("never"), "{table}");
    }
    assert!(table.contains("the connection could not be made"), "{table}");
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
        // Two pictures of all modes for each lane, and two of each mode; but where the file is still
        // in the way no state is sent that could be lost.
        let (lanes, modes, falls) = match workload {
            "bulk" => (1, 11, 11),
            "mixed" => (3, 12, 10),
            _ => (1, 12, 12),
        };
        assert_eq!(page.matches("<svg class=").count(), 2 * lanes + modes + falls, "{workload}");
        assert_eq!(page.matches("type=\"checkbox\"").count(), modes, "{workload}");
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
fn a_crowd_without_congestion_control_collapses_and_a_crowd_with_it_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let files = ["loads.csv", "loads.html", "loads.svg"].map(|name| dir.path().join(name));
    let [csv, html, svg] = files.each_ref().map(|file| file.to_str().unwrap());
    let crowd = ["--senders", "8", "--duration", "4", "--rate", "10"];
    let output = ["--csv", csv, "--html", html, "--svg", svg];
    let run = |more: &[&str]| text(&compare(&[&crowd[..], more].concat()));
    let json = run(&[&output[..], &["--json"]].concat());
    assert_eq!(json, run(&["--json"]));
    assert!(json.starts_with(r#"{"event":"crowd","senders":8,"#), "{json}");
    let useful = |mode: &str, load: &str| {
        let name = format!(r#""mode":"{mode}","load":{load}0000,"#);
        number(json.lines().find(|line| line.contains(&name)).unwrap(), "useful_share")
    };
    for mode in ["go-back-n", "selective-repeat", "stream"] {
        assert!((0.45..0.55).contains(&useful(mode, "0.50")), "{json}");
    }
    assert!(useful("go-back-n", "3.00") < 0.5 && useful("stream", "3.00") > 0.8, "{json}");
    let table = run(&[]);
    assert!(table.starts_with("8 senders on one link for 4 s: 0 % loss"), "{table}");
    let rows = fs::read_to_string(csv).unwrap();
    assert_eq!(rows.lines().count(), 1 + 5 * 8, "{rows}");
    for file in [html, svg] {
        let picture = fs::read_to_string(file).unwrap();
        assert!(picture.contains("<polyline class=\"curve m4\"") && picture.contains("go-back-N"));
        assert!(!picture.contains("NaN") && !picture.contains("<script"));
    }
}

#[test]
fn a_picture_alone_shows_what_the_page_shows() {
    let dir = tempfile::tempdir().unwrap();
    let svg = dir.path().join("game.svg");
    let common = ["--duration", "3", "--seeds", "1", "--quiet", "--svg", svg.to_str().unwrap()];
    text(&compare(&common));
    let picture = fs::read_to_string(&svg).unwrap();
    assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{picture}");
    assert!(picture.contains("towline latest") && !picture.contains("stop-and-wait"), "{picture}");
    assert_eq!(picture.matches("<svg").count(), picture.matches("</svg>").count());
    text(&compare(&[&common[..], &["--modes", "stop-and-wait"]].concat()));
    assert!(fs::read_to_string(&svg).unwrap().contains("stop-and-wait"));
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
    assert_eq!((count("<ul class=\"legend\""), count("type=\"checkbox\"")), (2, 12));
    for title in [
        "plain UDP",
        "TCP (smoltcp, no SACK)",
        "towline stream",
        "towline ordered",
        "towline ordered, lean",
        "towline unordered",
        "towline latest",
        "towline unreliable",
        "packet lost",
        "sent again",
        "travels along",
        "out of later packets",
    ] {
        assert!(count(title) > 0, "{title}");
    }
}
