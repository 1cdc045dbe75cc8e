//! Several files and folders: paths, attributes, and what is left out.

use super::json::parse_json;
use super::{Files, Service, fails, names, run};
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// Every path below a directory, with its content if it is a file.
pub(super) fn tree(dir: &Path) -> Vec<(std::path::PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            // A part may be gone by now.
            let Ok(metadata) = path.symlink_metadata() else { continue };
            let is_folder = metadata.is_dir();
            found.push((path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).ok()));
            if is_folder {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn folders_arrive_with_all_that_is_in_them() {
    let files = Files::new("single", 1000);
    let (top, into) = (files.dir("top"), files.dir("into"));
    fs::create_dir_all(top.join("a/b/c")).unwrap();
    fs::create_dir(top.join("empty")).unwrap();
    fs::create_dir(top.join(".hidden")).unwrap();
    for name in ["a/b/c/deep", "zero", ".hidden/x", "a/Case", "a/case", "name with \"quotes\""] {
        fs::write(top.join(name), name.replace("zero", "")).unwrap();
    }
    let receiver = Service::recv(&into, &["--once"]);
    let sent = run(&["send", top.to_str().unwrap(), files.file(), &receiver.address]);
    let text = String::from_utf8(sent.stdout).unwrap();
    assert!(sent.status.success() && sent.stderr.is_empty(), "{text}");
    assert!(text.starts_with("sent 7 files and 6 folders to "), "{text}");
    assert_eq!(receiver.end(), 0);
    assert_eq!(names(&into), ["single", "top"]);
    assert_eq!(tree(&into.join("top")), tree(&top));
    assert!(fs::read(into.join("single")).unwrap() == files.content);
    // Once more: all of it is there already.
    let receiver = Service::recv(&into, &["--once"]);
    let sent = run(&["send", top.to_str().unwrap(), files.file(), &receiver.address, "--json"]);
    let json = parse_json(std::str::from_utf8(&sent.stdout).unwrap()).unwrap();
    let counts =
        ["files", "present_files", "folders", "failed", "bytes"].map(|key| json[key].as_str());
    assert_eq!(counts, ["0", "7", "6", "0", "0"]);
}

#[test]
fn many_small_files_arrive() {
    let files = Files::new("x", 0);
    let (top, into) = (files.dir("top"), files.dir("into"));
    for number in 0..3000 {
        fs::write(top.join(number.to_string()), number.to_string()).unwrap();
    }
    let receiver = Service::recv(&into, &["--once"]);
    // 3,000 round trips of 20 ms would take a minute; that there are few is seen in the packets.
    let relay = Service::start(&["relay", &receiver.address, "--delay", "10"]);
    let sent = run(&["send", top.to_str().unwrap(), &relay.address, "--json"]);
    let json = parse_json(std::str::from_utf8(&sent.stdout).unwrap()).unwrap();
    assert_eq!((json["files"].as_str(), receiver.end()), ("3000", 0));
    assert!(json["packets_sent"].parse::<u32>().unwrap() < 1500, "{}", json["packets_sent"]);
    assert_eq!(tree(&into.join("top")), tree(&top));
}

#[cfg(unix)]
#[test]
fn permissions_and_times_are_kept_and_what_lends_rights_is_not() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let files = Files::new("x", 0);
    let (top, into) = (files.dir("top"), files.dir("into"));
    fs::create_dir(top.join("f")).unwrap();
    fs::write(top.join("f/x"), "x").unwrap();
    fs::write(top.join("y"), "y").unwrap();
    let time = UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    for (name, mode, time) in [
        ("f/x", 0o4751, time),
        ("y", 0o600, UNIX_EPOCH - Duration::from_secs(5)),
        ("f", 0o1555, time + Duration::from_secs(1)),
        ("", 0o2750, time + Duration::from_secs(2)),
    ] {
        let file = fs::File::open(top.join(name)).unwrap();
        file.set_modified(time).unwrap();
        file.set_permissions(fs::Permissions::from_mode(mode)).unwrap();
    }
    let receiver = Service::recv(&into, &[]);
    assert!(run(&["send", top.to_str().unwrap(), &receiver.address]).status.success());
    for name in ["f/x", "y", "f", ""] {
        let (from, to) =
            (top.join(name).metadata().unwrap(), into.join("top").join(name).metadata().unwrap());
        assert_eq!(to.mode() & 0o7777, from.mode() & 0o777, "{name}");
        assert_eq!(to.modified().unwrap(), from.modified().unwrap(), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn links_pipes_and_sockets_are_skipped_with_a_line_each() {
    let files = Files::new("x", 10);
    let (top, into) = (files.dir("top"), files.dir("into"));
    std::os::unix::fs::symlink("../x", top.join("link")).unwrap();
    std::os::unix::fs::symlink(".", top.join("loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(top.join("socket")).unwrap();
    let receiver = Service::recv(&into, &[]);
    let sent = run(&["send", top.to_str().unwrap(), &receiver.address]);
    let error = String::from_utf8(sent.stderr).unwrap();
    assert!(sent.status.success(), "{error}");
    let lines: Vec<_> = error.lines().collect();
    assert!(lines.len() == 3 && lines.iter().all(|line| line.contains("skipped")), "{error}");
    assert_eq!(names(&into.join("top")), [""; 0]);
}

#[cfg(unix)]
#[test]
fn strange_names_arrive_as_they_are() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let files = Files::new("x", 0);
    let (top, into) = (files.dir("top"), files.dir("into"));
    let longest = "n".repeat(255);
    for name in [b"\xff\xfe".as_slice(), b"a\nb", b"\x1b[31m", "ü".as_bytes(), longest.as_bytes()]
    {
        fs::write(top.join(OsStr::from_bytes(name)), name).unwrap();
    }
    let deep = vec!["deep"; 200].join("/");
    fs::create_dir_all(top.join(&deep)).unwrap();
    fs::write(top.join(&deep).join("x"), "x").unwrap();
    let receiver = Service::recv(&into, &[]);
    let sent = run(&["send", top.to_str().unwrap(), &receiver.address]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!(tree(&into.join("top")), tree(&top));
}

#[test]
fn one_file_that_fails_does_not_stop_the_others() {
    let files = Files::new("x", 10);
    let (top, into) = (files.dir("top"), files.dir("into"));
    for name in ["a", "aux.c", "b", "taken", "z"] {
        fs::write(top.join(name), name).unwrap();
    }
    fs::create_dir_all(into.join("top/taken")).unwrap();
    fs::create_dir(top.join("sub")).unwrap();
    fs::write(into.join("top/sub"), "a file").unwrap();
    fs::write(top.join("sub/y"), "y").unwrap();
    let mut receiver = Service::recv(&into, &[]);
    let sent = run(&["send", top.to_str().unwrap(), &receiver.address]);
    let error = String::from_utf8(sent.stderr).unwrap();
    assert_eq!(sent.status.code(), Some(3), "{error}");
    let parts = ["aux.c", "taken", "sub\"", "sub/y", "4 of 8 files and folders"];
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    assert_eq!(error.lines().count(), 5, "{error}");
    assert!(receiver.complaint().contains("device"));
    assert_eq!(names(&into.join("top")), ["a", "b", "sub", "taken", "z"]);
    let line = receiver.line();
    assert!(line.starts_with("received 3 files and 1 folder from"), "{line}");
}

#[test]
fn hidden_names_at_the_top_are_taken_on_request() {
    let files = Files::new(".profile", 10);
    let into = files.dir("into");
    let receiver = Service::recv(&into, &[]);
    fails(&run(&["send", files.file(), &receiver.address]), 3, &["--hidden"]);
    assert_eq!(names(&into), [""; 0]);
    let receiver = Service::recv(&into, &["--hidden"]);
    assert!(run(&["send", files.file(), &receiver.address]).status.success());
    assert_eq!(names(&into), [".profile"]);
}

#[test]
fn two_things_of_one_name_are_wrong_usage() {
    let files = Files::new("x", 10);
    let other = files.dir("other").join("x");
    fs::write(&other, "").unwrap();
    let sent = run(&["send", files.file(), other.to_str().unwrap(), "127.0.0.1:9"]);
    fails(&sent, 2, &[files.file(), "the same name"]);
}
