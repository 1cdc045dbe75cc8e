//! The program `towline sim`: scenario files, the same figures for the same seed, files that appear
//! whole, and clear words for bad input.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn sim(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_towline"));
    command.arg("sim").args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// That it fails with this code and one line on standard error that holds these parts.
#[track_caller]
fn fails(output: &Output, code: i32, parts: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.starts_with("towline: ") && error.lines().count() == 1, "{error}");
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

const SMALL: &str = r#"
duration = 2
skip = 0.2
replicates = 2
modes = ["udp", "stream"]
workload = "game"
[network]
rtt_ms = 40
rate_mbit = 5
loss = [0, 0.05]
"#;

/// A folder with a scenario in it.
struct Place(tempfile::TempDir);

impl Place {
    fn with(text: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.0.path().join("x.toml"), text).unwrap();
        place
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn run(&self, more: &[&str]) -> Output {
        sim(&[&["run", &self.path("x.toml")], more].concat())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap()
    }
}

/// The value of a text or number in a line of JSON.
fn member<'a>(line: &'a str, key: &str) -> &'a str {
    let (_, rest) = line.split_once(&format!("\"{key}\":")).unwrap_or_else(|| panic!("{line}"));
    rest.split([',', '}']).next().unwrap().trim_matches('"')
}

fn hash_of<'a>(lines: &'a str, unit: &str) -> &'a str {
    let name = format!("\"unit\":\"{unit}\"");
    let line = lines.lines().find(|line| line.contains(&name));
    member(line.unwrap_or_else(|| panic!("{unit}: {lines}")), "trace_hash")
}

#[test]
fn the_same_file_gives_the_same_bytes_and_another_seed_others() {
    let place = Place::with(SMALL);
    let run = |name: &str, more: &[&str]| {
        let csv = ["--quiet", "--csv", &place.path(name)];
        assert!(text(&place.run(&[&csv, more].concat())).is_empty());
        place.read(name)
    };
    let first = run("a.csv", &[]);
    assert_eq!(first, run("b.csv", &[]));
    assert_ne!(first, run("c.csv", &["--seed", "7"]));
    assert_eq!(first.lines().count(), 1 + 4 * 2, "{first}");
    let head = "scenario,unit,loss,mode,replicate,seed,trace_hash,delivered,p50_ms,";
    assert!(first.starts_with(head), "{first}");
    let json = ["--json", "--replicates", "1"];
    assert_eq!(text(&place.run(&json)), text(&place.run(&json)));
}

#[test]
fn a_unit_is_the_same_run_wherever_it_stands() {
    let place = Place::with(SMALL);
    let run = |name: &str, more: &[&str]| {
        let jsonl = ["--quiet", "--jsonl", &place.path(name)];
        text(&place.run(&[&jsonl, more].concat()));
        place.read(name)
    };
    let all = run("all.jsonl", &[]);
    let fewer = run(
        "fewer.jsonl",
        &["--set", "modes=[\"stream\"]", "--set", "network.loss=[0.05]", "--replicates", "3"],
    );
    let unit = "loss=0.05,mode=stream#1";
    assert_eq!(hash_of(&all, unit), hash_of(&fewer, unit));
    assert_ne!(hash_of(&all, unit), hash_of(&all, "loss=0.05,mode=stream#0"));
    let seeds: Vec<&str> = all.lines().map(|line| member(line, "seed")).collect();
    assert_eq!(seeds, ["1", "2"].repeat(4), "a seed depends on the replicate alone");

    let events = place.path("events.jsonl");
    let replay = ["replay", &place.path("x.toml"), "--unit", unit, "--jsonl", &events];
    let replayed = text(&sim(&replay));
    assert!(replayed.contains(&format!("trace hash {}", hash_of(&all, unit))), "{replayed}");
    let events = place.read("events.jsonl");
    let lost = events.lines().filter(|line| line.contains("\"fate\":\"lost\"")).count();
    assert!(events.lines().count() > 100 && lost > 0, "{events}");
    assert!(events.lines().all(|line| line.starts_with("{\"event\":\"packet\",\"flow\":\"game\"")));
}

#[test]
fn every_example_is_as_it_expects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let table = text(&sim(&["run", path.to_str().unwrap(), "--replicates", "1"]));
        assert!(table.contains("delivered") && table.contains("goodput"), "{table}");
        assert!(!table.contains("MISSED") && table.contains("ok"), "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
        count += 1;
    }
    assert!(count >= 5);
}

#[test]
fn a_new_file_can_be_run_and_is_never_written_over() {
    let place = Place::with("");
    let path = place.path("new.toml");
    text(&sim(&["new", &path]));
    assert_eq!(text(&sim(&["new"])), place.read("new.toml"));
    let table = text(&sim(&["run", &path, "--replicates", "1"]));
    assert!(table.starts_with("new for 10 s: 9 cells, seed 1\n"), "{table}");
    fails(&sim(&["new", &path]), 4, &["is there already"]);
}

#[test]
fn what_is_not_as_expected_is_said_and_is_an_exit_code() {
    let expect = "[expect]\ndelivered = \">= 0.99\"\n[expect.stream]\ndelivered = \">= 1\"\n";
    let place = Place::with(&format!("{SMALL}{expect}"));
    let output = place.run(&["--csv", &place.path("x.csv")]);
    fails(&output, 1, &["1 of 6 expectations missed"]);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let missed: Vec<&str> = table.lines().filter(|line| line.ends_with("MISSED")).collect();
    assert!(matches!(missed[..], [line] if line.starts_with("0.05  udp")), "{table}");
    assert!(place.read("x.csv").lines().count() == 9, "the figures are there all the same");
    let json = place.run(&["--json", "--set", "expect.delivered=\">= 0\""]);
    let json = text(&json);
    assert_eq!(json.matches("\"event\":\"expectation\"").count(), 6, "{json}");
    assert!(!json.contains("\"met\":false"), "{json}");
}

#[test]
fn rare_percentiles_are_not_told_from_few_messages() {
    let table = text(&Place::with(SMALL).run(&[]));
    assert!(table.contains("note: p99.9 needs 10,000 messages"), "{table}");
    let row = table.lines().find(|line| line.starts_with("0     udp")).unwrap();
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(words[2..4], ["100.0", "%"], "{row}");
    assert_eq!(words[7], "-", "{row}");
}

#[test]
fn results_appear_whole_or_not_at_all() {
    let place = Place::with(SMALL);
    let nowhere = place.path("no/x.csv");
    fails(&place.run(&["--csv", &nowhere]), 4, &["cannot write", "no such file or directory"]);
    fs::write(place.path("x.csv"), "old").unwrap();
    fails(
        &place.run(&["--csv", &place.path("x.csv"), "--set", "network.loss=7"]),
        2,
        &["loss = 7"],
    );
    assert_eq!(place.read("x.csv"), "old");
    let files = |place: &Place| fs::read_dir(place.0.path()).unwrap().count();
    assert_eq!(files(&place), 2, "nothing is left behind");
    if Path::new("/dev/full").exists() {
        let full = place.run(&["--quiet", "--csv", "/dev/full"]);
        fails(&full, 4, &["cannot write \"/dev/full\": no space left on device"]);
    }
    let (hdr, svg, html) = (place.path("x.hdr"), place.path("svg"), place.path("x.html"));
    text(&place.run(&["--quiet", "--hdr", &hdr, "--svg", &svg, "--html", &html]));
    let log = place.read("x.hdr");
    assert!(log.contains("Tag=loss=0.05;mode=stream,0.000,2.000,"), "{log}");
    assert_eq!(log.lines().filter(|line| line.starts_with("Tag=")).count(), 4, "{log}");
    assert!(place.read("x.html").to_lowercase().starts_with("<!doctype html>"));
    assert!(fs::read_dir(&svg).unwrap().count() > 0);
}

#[test]
fn mistakes_in_files_are_named_with_their_line_and_what_was_meant() {
    for (from, to, parts) in [
        ("rtt_ms", "rt_ms", &["x.toml\", line 8: network: ", "did you mean \"rtt_ms\"?"] as &[_]),
        ("\"udp\"", "\"upd\"", &["line 5: modes = \"upd\" is no mode: did you mean \"udp\"?"]),
        ("\"game\"", "\"gmae\"", &["line 6: workload = \"gmae\": did you mean \"game\"?"]),
        ("[0, 0.05]", "[0, 5]", &["line 10: network: loss = 5: must be a share, 0 to 1"]),
        ("[0, 0.05]", "\"0..1 stp 3\"", &["line 10: network.loss", "a range is"]),
        ("replicates", "replicate", &["line 4: unknown field", "did you mean \"replicates\"?"]),
        ("duration = 2", "duration = 0", &["line 2: duration = 0: must be 0.1 to 3600"]),
        ("skip = 0.2", "skip = 3", &["line 3: skip must be shorter"]),
        ("[network]", "[network", &["line 7: "]),
        ("[network]", "[expect]\nx = 1\n[network]", &["line 8: expect: unknown metric \"x\""]),
        (
            "[network]",
            "[[cross]]\nlinks = \"x\"\n[network]",
            &["cross: links = \"x\"", "Known are: link"],
        ),
        ("[network]", "[[events]]\nchange = \"move\"\n[network]", &["line 8: events: needs at"]),
        ("\"game\"", "\"greedy\"", &["is greedy: its network needs rate_mbit"]),
        ("workload", "controller = \"bbr\"\nworkload", &["\"udp\" has no controller to choose"]),
    ] {
        let mut text = SMALL.replacen(from, to, 1);
        if to == "\"greedy\"" {
            text = text.replace("rate_mbit = 5\n", "");
        }
        fails(&Place::with(&text).run(&[]), 2, parts);
    }
    let place = Place::with(SMALL);
    fails(&place.run(&["--set", "loss"]), 2, &["--set loss: must be a field and its value"]);
    fails(&sim(&["run", "nowhere.toml"]), 2, &["cannot read the scenario \"nowhere.toml\""]);
    let file = place.path("x.toml");
    let replay = |unit: &str| sim(&["replay", &file, "--unit", unit]);
    fails(&replay("mode=udp"), 2, &["must end in # and a replicate"]);
    fails(&replay("loss=0,mode=upd#0"), 2, &["no such combination", "mean \"loss=0,mode=udp\"?"]);
    fails(&replay("loss=0,mode=udp#2"), 2, &["numbered from 0 to 1"]);
}

#[test]
fn every_network_with_a_name_can_be_used() {
    let json = text(&sim(&["profiles", "--json"]));
    let names: Vec<&str> = json.lines().map(|line| member(line, "profile")).collect();
    assert!(names.len() >= 15 && names.contains(&"wifi"), "{names:?}");
    let table = text(&sim(&["profiles"]));
    assert!(names.iter().all(|name| table.contains(&format!("\n{name} "))), "{table}");
    let list = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let text_of = format!(
        "duration = 1\nreplicates = 1\nworkload = \"chat\"\n[network]\nprofile = [{list}]\n"
    );
    let results = text(&Place::with(&text_of).run(&["--json"]));
    assert_eq!(results.matches("\"event\":\"cell\"").count(), names.len(), "{results}");
}

#[test]
fn flows_that_differ_compete_and_are_told_apart() {
    let place = Place::with(
        "duration = 4\nskip = 1\nreplicates = 1\n[network]\nshape = \"dumbbell\"\nrtt_ms = 20\n\
         rate_mbit = 8\n[[flows]]\nname = \"a\"\nmode = \"stream\"\ncontroller = \"newreno\"\ncount = 2\n\
         [[flows]]\nname = \"b\"\nmode = \"udp\"\nworkload = \"game\"\naccess = { rtt_ms = 30 }\n\
         [[cross]]\npattern = \"on-off\"\non_ms = 100\noff_ms = 100\nrate_mbit = 2\n\
         [[events]]\nat = 2\nchange = \"outage\"\nfor_ms = 200\n\
         [expect.a]\ngoodput_mbit = \"2..8\"\n[expect.b]\ndelivered = \"0.5..0.99\"\n",
    );
    let table = text(&place.run(&[]));
    let words = |start: &str| {
        let line = table.lines().find(|line| line.split_whitespace().nth(1) == Some(start));
        line.unwrap_or_else(|| panic!("{table}")).split_whitespace().map(str::to_owned).collect()
    };
    let (a, b): (Vec<String>, Vec<String>) = (words("a"), words("b"));
    assert_eq!((a[2].as_str(), a[3].as_str()), ("stream", "2"), "{table}");
    assert_eq!((b[2].as_str(), b[3].as_str()), ("udp", "1"), "{table}");
    assert_eq!(table.matches("  ok").count(), 2, "{table}");
}
