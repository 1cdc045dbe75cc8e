//! Transfers that break off, at either end and anywhere, and go on.

use super::folders::tree;
use super::json::parse_json;
use super::{Files, Service, SlowTransfer, fails, names, part, run, towline};
use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::thread;

const SIZE: usize = 5_000_000;

/// Sends to a new receiver, which must succeed; the sender's result.
fn send_again(path: &str, into: &Path) -> BTreeMap<String, String> {
    let receiver = Service::recv(into, &["--once"]);
    let sent = run(&["send", path, &receiver.address, "--json"]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(receiver.end(), 0);
    parse_json(std::str::from_utf8(&sent.stdout).unwrap()).unwrap()
}

fn number(json: &BTreeMap<String, String>, key: &str) -> u64 {
    json[key].parse().unwrap()
}

/// A few numbers below `end`, others in each run, in ascending order.
fn points(count: u64, end: u64) -> Vec<u64> {
    let chance = RandomState::new();
    let mut points: Vec<_> = (0..count).map(|n| chance.hash_one(n) % end).collect();
    points.sort_unstable();
    println!("points: {points:?}");
    points
}

#[test]
fn a_receiver_that_is_killed_anywhere_goes_on_where_it_was() {
    let files = Files::new("x", SIZE);
    let into = files.dir("into");
    for point in points(4, SIZE as u64 - 500_000) {
        let before = part(&into);
        let mut transfer = SlowTransfer::begun(files.file(), &into, point.max(before + 1));
        transfer.kill_receiver();
        transfer.kill_sender();
        assert!(
            names(&into).iter().all(|name| name.starts_with(".towline-")),
            "{:?}",
            names(&into)
        );
        assert!(part(&into) > before, "it did not begin anew");
    }
    let there = part(&into);
    let sent = send_again(files.file(), &into);
    assert_eq!(number(&sent, "resumed_bytes"), there);
    assert!(number(&sent, "bytes_sent") < SIZE as u64 - there + 500_000);
    assert_eq!(names(&into), ["x"]);
    assert!(fs::read(into.join("x")).unwrap() == files.content);
    let sent = send_again(files.file(), &into);
    assert_eq!((number(&sent, "files"), number(&sent, "present_files")), (0, 1));
}

#[test]
fn a_killed_sender_leaves_what_it_sent() {
    let files = Files::new("x", SIZE);
    let into = files.dir("into");
    let mut transfer = SlowTransfer::begun(files.file(), &into, 1_000_000);
    transfer.kill_sender();
    let complaint = transfer.receiver.complaint();
    assert!(complaint.contains("\"x\"") && complaint.contains("silent"), "{complaint}");
    let there = part(&into);
    assert!(there >= 1_000_000, "{there}");
    let sent = run(&["send", files.file(), &transfer.receiver.address, "--json"]);
    let sent = parse_json(std::str::from_utf8(&sent.stdout).unwrap()).unwrap();
    assert_eq!(number(&sent, "resumed_bytes"), there);
    assert!(fs::read(into.join("x")).unwrap() == files.content);
    assert_eq!(names(&into), ["x"]);
}

#[test]
fn a_source_that_changed_meanwhile_is_sent_anew() {
    let files = Files::new("x", SIZE);
    let into = files.dir("into");
    let mut transfer = SlowTransfer::begun(files.file(), &into, 1_000_000);
    transfer.kill_receiver();
    transfer.kill_sender();
    let mut changed = files.content.clone();
    changed[500_000] ^= 1;
    fs::write(&files.file, &changed).unwrap();
    let sent = send_again(files.file(), &into);
    assert_eq!(number(&sent, "resumed_bytes"), 0);
    assert!(fs::read(into.join("x")).unwrap() == changed);
    assert_eq!(names(&into), ["x"]);
}

#[test]
fn a_folder_whose_receiver_is_killed_anywhere_ends_equal() {
    let files = Files::new("x", 0);
    let (top, into) = (files.dir("top"), files.dir("into"));
    for folder in 0..4 {
        fs::create_dir(top.join(folder.to_string())).unwrap();
        for number in 0..150_u64 {
            let path = top.join(format!("{folder}/{number}"));
            fs::write(path, vec![number as u8; (number * 37) as usize]).unwrap();
        }
    }
    let path = top.to_str().unwrap();
    let is_whole = |(name, content): &(std::path::PathBuf, Option<Vec<u8>>)| {
        content.is_none()
            || name.as_os_str().as_encoded_bytes().starts_with(b".towline-")
            || fs::read(files.dir.path().join(name)).ok() == *content
    };
    for point in points(3, 550) {
        let mut receiver = Service::recv(&into, &[]);
        let mut command = towline(&["send", path, &receiver.address, "--quiet"]);
        let mut sender = command.stderr(Stdio::null()).spawn().unwrap();
        while tree(&into).len() < point as usize {
            thread::yield_now();
        }
        receiver.child.kill().unwrap();
        receiver.child.wait().unwrap();
        sender.kill().unwrap();
        sender.wait().unwrap();
        assert!(tree(&into).iter().all(is_whole));
    }
    let sent = send_again(path, &into);
    assert_eq!(number(&sent, "files") + number(&sent, "present_files"), 600);
    assert_eq!(tree(&into.join("top")), tree(&top));
    assert_eq!(names(&into), ["top"]);
}

#[test]
fn two_at_once_do_not_write_the_same_file() {
    let files = Files::new("x", SIZE);
    let into = files.dir("into");
    let mut transfer = SlowTransfer::begun(files.file(), &into, 1000);
    let second = run(&["send", files.file(), &transfer.receiver.address]);
    fails(&second, 1, &["another transfer"]);
    let other = Service::recv(&into, &[]);
    fails(&run(&["send", files.file(), &other.address]), 1, &["another transfer"]);
    assert!(transfer.receiver.complaint().contains("another transfer"));
    assert!(transfer.sender.wait().unwrap().success());
    assert!(fs::read(into.join("x")).unwrap() == files.content);
    assert_eq!(names(&into), ["x"]);
}

#[test]
fn a_source_that_changes_while_it_is_sent_is_not_stored() {
    let files = Files::new("x", SIZE);
    let into = files.dir("into");
    let mut transfer = SlowTransfer::begun(files.file(), &into, 100_000);
    let mut changed = files.content.clone();
    changed.push(1);
    let mut file = fs::File::options().append(true).open(&files.file).unwrap();
    file.write_all(&[1]).unwrap();
    let sent = transfer.sender.wait_with_output().unwrap();
    fails(&sent, 4, &["changed while"]);
    assert!(transfer.receiver.complaint().contains("changed while"));
    assert!(!into.join("x").exists());
    send_again(files.file(), &into);
    assert!(fs::read(into.join("x")).unwrap() == changed);
    assert_eq!(names(&into), ["x"]);
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_is_one_line_at_both_ends() {
    let files = Files::new("x", SIZE);
    let into = files.dir("into");
    // No disk is that small; but a limit on files fails the same way, in the same place.
    let limited = format!(
        "trap '' XFSZ; ulimit -f 500; exec '{}' recv --once --listen 127.0.0.1:0 \"$0\"",
        env!("CARGO_BIN_EXE_towline")
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &limited]).arg(&into).stdin(Stdio::null());
    let mut receiver = Service::spawn(shell);
    fails(&run(&["send", files.file(), &receiver.address]), 1, &["cannot store it", "too large"]);
    assert!(receiver.complaint().contains("too large"));
    assert_eq!(receiver.end(), 4);
    assert!(!into.join("x").exists() && part(&into) > 0);
    let sent = send_again(files.file(), &into);
    assert!(number(&sent, "resumed_bytes") > 0);
    assert!(fs::read(into.join("x")).unwrap() == files.content);
}
