//! Single files: what arrives, what is refused, and what is printed about it.

use super::json::parse_json;
use super::{Files, Service, fails, names, run, towline};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Stdio};

#[test]
fn files_arrive_whole() {
    for size in [0, 1, 3_000_000] {
        let files = Files::new("a file.bin", size);
        let into = files.dir("into");
        let mut receiver = Service::recv(&into, &["--once"]);
        let sent = run(&["send", files.file(), &receiver.address]);
        let (text, error) =
            (String::from_utf8(sent.stdout).unwrap(), String::from_utf8(sent.stderr).unwrap());
        assert!(sent.status.success() && error.is_empty(), "{error}");
        assert!(text.starts_with("sent ") && text.contains("stored and verified"), "{text}");
        let line = receiver.line();
        assert!(line.starts_with("received ") && line.contains("a file.bin"), "{line}");
        assert_eq!(receiver.end(), 0);
        assert!(fs::read(into.join("a file.bin")).unwrap() == files.content);
        assert_eq!(names(&into), ["a file.bin"]);
    }
}

#[test]
fn many_senders_are_served_at_once() {
    let files = Files::new("x", 300_000);
    let into = files.dir("into");
    let receiver = Service::recv(&into, &[]);
    let send = |number: usize| {
        let name = format!("copy {number}");
        let command = &["send", files.file(), &receiver.address, "--quiet", "--name", &name];
        towline(command).spawn().unwrap()
    };
    let senders: Vec<Child> = (0..8).map(send).collect();
    for mut sender in senders {
        assert!(sender.wait().unwrap().success());
    }
    assert_eq!(names(&into).len(), 8);
    assert!(names(&into).iter().all(|name| fs::read(into.join(name)).unwrap() == files.content));
}

#[test]
fn existing_files_are_replaced_only_on_request() {
    let files = Files::new("x", 100);
    let into = files.dir("into");
    fs::write(into.join("x"), "old").unwrap();
    let mut receiver = Service::recv(&into, &[]);
    fails(&run(&["send", files.file(), &receiver.address]), 3, &["exists already", "--overwrite"]);
    assert!(receiver.complaint().contains("exists already"));
    assert_eq!(fs::read(into.join("x")).unwrap(), b"old");
    let receiver = Service::recv(&into, &["--overwrite", "--once"]);
    assert!(run(&["send", files.file(), &receiver.address]).status.success());
    assert_eq!(receiver.end(), 0);
    assert!(fs::read(into.join("x")).unwrap() == files.content);
    assert_eq!(names(&into), ["x"]);
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let files = Files::new("x", 2000);
    let receiver = Service::recv(&files.dir("into"), &["--max-size", "1k", "--once"]);
    fails(&run(&["send", files.file(), &receiver.address]), 3, &["2000", "1000"]);
    assert_eq!(receiver.end(), 4);
    assert_eq!(names(&files.path("into")), [""; 0]);
}

#[test]
fn what_cannot_be_read_or_used_is_named() {
    let files = Files::new("x", 10);
    let address = "127.0.0.1:9";
    let dir = files.dir.path().to_str().unwrap();
    fails(&run(&["send", "/dev/null", address]), 4, &["/dev/null", "neither a file nor a folder"]);
    let missing = files.path("missing");
    let missing = missing.to_str().unwrap();
    fails(&run(&["send", missing, address]), 4, &[missing, "no such file"]);
    fails(&run(&["recv", missing]), 4, &[missing, "no such file"]);
    fails(&run(&["recv", files.file()]), 4, &[files.file(), "not a directory"]);
    fails(&run(&["recv", dir, "--listen", "192.0.2.1:1"]), 4, &["192.0.2.1:1"]);
    let receiver = Service::recv(files.dir.path(), &[]);
    fails(&run(&["recv", dir, "--listen", &receiver.address]), 4, &["in use"]);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::new("x", 10);
    fs::set_permissions(&files.file, fs::Permissions::from_mode(0o0)).unwrap();
    if File::open(&files.file).is_ok() {
        return println!("skipped: this user may read everything");
    }
    fails(&run(&["send", files.file(), "127.0.0.1:9"]), 4, &[files.file(), "permission denied"]);
}

#[test]
fn where_nobody_listens_nothing_is_sent() {
    let files = Files::new("x", 10);
    // A port that was free a moment ago.
    let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let sent = run(&["send", files.file(), &address, "--timeout", "2"]);
    fails(&sent, 3, &["cannot reach", &address]);
    let sent = run(&["send", files.file(), "no-such-host.invalid:1"]);
    fails(&sent, 3, &["cannot find the address", "no-such-host.invalid"]);
}

#[test]
fn results_are_json_on_request() {
    let files = Files::new("a \"b\"", 5000);
    let into = files.dir("into");
    let mut child = towline(&["recv", "--listen", "127.0.0.1:0", "--once", "--json"]);
    let mut child = child.arg(&into).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || parse_json(&lines.next().unwrap().unwrap()).unwrap();
    let listening = next();
    assert_eq!(listening["event"], "\"listening\"");
    let sent = run(&["send", files.file(), listening["address"].trim_matches('"'), "--json"]);
    let sent = parse_json(std::str::from_utf8(&sent.stdout).unwrap()).unwrap();
    let received = next();
    assert_eq!((sent["bytes"].as_str(), received["bytes"].as_str()), ("5000", "5000"));
    assert_eq!(sent["blake3"], received["blake3"]);
    assert!(received["file"].ends_with(r#"a \"b\"""#), "{received:?}");
    assert!(child.wait().unwrap().success());
}
