//! `towline sim run --html`: one page that a browser shows without complaint, wide and narrow.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Two modes over two rates of loss and two round trips.
const SCENARIO: &str = "\
name = \"Updates <and> \\\"losses\\\"\"
duration = 4
skip = 0.5
replicates = 2
modes = [\"stream\", \"unordered\"]
[network]
rtt_ms = [20, 80]
rate_mbit = 10
loss = [0, 0.05]
[[flows]]
name = \"game\"
workload = \"game\"
[expect]
delivered = \">= 0.5\"
";

/// A page's width on a telephone, in pixels.
const NARROW: u32 = 390;

fn page(dir: &Path) -> String {
    let scenario = dir.join("scenario.toml");
    fs::write(&scenario, SCENARIO).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_towline"))
        .args(["sim", "run", "--quiet", "--html", "page.html", "--svg", "pictures"])
        .arg(scenario)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(dir.join("page.html")).unwrap()
}

/// What a browser makes of a file, and what it says; `None` where there is no browser.
fn browse(dir: &Path, file: &Path) -> Option<(String, String)> {
    let profile = format!("--user-data-dir={}", dir.join("profile").display());
    let file = format!("file://{}", file.display());
    let mut browser = Command::new("chromium");
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]);
    browser.args(["--window-size=1200,2000", "--dump-dom", &profile, &file]);
    match browser.stdin(Stdio::null()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("skipped: there is no chromium");
            None
        }
        output => {
            let Output { stdout, stderr, .. } = output.unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            Some((text(&stdout), text(&stderr)))
        }
    }
}

#[test]
fn the_page_and_its_pictures_need_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let page = page(dir.path());
    for word in ["http://", "https://", " src=", "@import"] {
        assert!(!page.contains(word), "{word}");
    }
    for id in ["expectations", "winners", "curves", "cells", "numbers", "method", "replay"] {
        assert_eq!(page.matches(&format!("<section id=\"{id}\">")).count(), 1, "{id}");
    }
    assert!(page.contains("Updates &lt;and&gt; &quot;losses&quot;"));
    assert!(page.contains("has the lowest p99 latency in"));
    assert!(!page.contains("NaN") && page.len() < 2_000_000, "{}", page.len());
    let files = fs::read_dir(dir.path().join("pictures")).unwrap();
    let files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    let is_map = |file: &PathBuf| file.ends_with("winners-p99_ms.svg");
    assert!(files.len() > 8 && files.iter().any(is_map), "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("<svg xmlns=") && !text.contains("NaN"), "{}", file.display());
    }
}

#[test]
fn a_browser_has_no_complaint_and_repairs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let written = page(dir.path());
    let Some((dom, log)) = browse(dir.path(), &dir.path().join("page.html")) else { return };
    assert!(!log.contains("CONSOLE"), "{log}");
    // A browser that repaired something would show another number than what was written.
    for element in ["<svg", "<figure", "<polyline", "<text", "<g ", "<table", "<details", "<td"] {
        let counts = [&dom, &written].map(|text| text.matches(element).count());
        assert_eq!(counts[0], counts[1], "{element}");
    }
}

/// Windows of browsers have a least width; frames do not.
#[test]
fn nothing_is_wider_than_a_telephone() {
    let dir = tempfile::tempdir().unwrap();
    let inner = page(dir.path()).replace("<details>", "<details open>");
    let inner = inner.replace('&', "&amp;").replace('"', "&quot;");
    let frame = dir.path().join("frame.html");
    let text = format!(
        "<!DOCTYPE html><html><body><iframe id=\"frame\" srcdoc=\"{inner}\" \
         style=\"border:0;width:{NARROW}px;height:2000px\"></iframe><p id=\"width\">-</p><script>\n\
         const frame = document.getElementById('frame');\n\
         frame.addEventListener('load', () => {{\n\
         const page = frame.contentDocument.documentElement;\n\
         document.getElementById('width').textContent =
         `width ${{page.scrollWidth}} of ${{page.clientWidth}}`;\n\
         }});\n</script></body></html>"
    );
    fs::write(&frame, text).unwrap();
    let Some((dom, log)) = browse(dir.path(), &frame) else { return };
    assert!(!log.contains("CONSOLE"), "{log}");
    let (_, width) = dom.split_once("id=\"width\">").unwrap();
    let width = width.split('<').next().unwrap();
    let (page, window) = width.strip_prefix("width ").unwrap().split_once(" of ").unwrap();
    assert_eq!(page, window);
    assert!((NARROW - 20..=NARROW).contains(&window.parse().unwrap()), "{window}");
}
