//! The program `towline`: real processes, real files, exit codes, and what is printed where.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread;
use towline::{Listener, Stream};

fn towline(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_towline"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    towline(arguments).output().unwrap()
}

/// That it fails with this code and one line on standard error that holds these parts.
#[track_caller]
fn fails(output: &Output, code: i32, parts: &[&str]) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.starts_with("towline: ") && error.lines().count() == 1, "{error}");
    assert!(parts.iter().all(|part| error.contains(part)), "{error}");
}

/// A program that listens, until it is dropped.
struct Service {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Service {
    /// Waits until it says where it listens.
    fn start(arguments: &[&str]) -> Self {
        Self::spawn(towline(arguments))
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut service = Self { child, output, address: String::new() };
        let line = service.line();
        let address = line.strip_prefix("listening on ").and_then(|rest| rest.split(',').next());
        service.address.push_str(address.unwrap_or_else(|| panic!("{line}")));
        service
    }

    fn recv(dir: &Path, more: &[&str]) -> Self {
        let common = ["recv", "--listen", "127.0.0.1:0", dir.to_str().unwrap()];
        Self::start(&[&common, more].concat())
    }

    /// The next line that it prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    /// The next line that it complains with.
    fn complaint(&mut self) -> String {
        let mut line = String::new();
        // Byte by byte: what is read ahead would be lost.
        let stderr = self.child.stderr.as_mut().unwrap();
        BufReader::with_capacity(1, stderr).read_line(&mut line).unwrap();
        line
    }

    /// Its exit code, once it ends by itself.
    fn end(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory with a file in it.
struct Files {
    dir: tempfile::TempDir,
    file: PathBuf,
    content: Vec<u8>,
}

impl Files {
    fn new(name: &str, size: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        let content: Vec<u8> = (0..size as u64).map(|n| (n * n % 251) as u8).collect();
        fs::write(&file, &content).unwrap();
        Self { dir, file, content }
    }

    fn file(&self) -> &str {
        self.file.to_str().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A new directory beside the file.
    fn dir(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        path
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The members of a flat JSON object; a text keeps its quotation marks and escapes.
fn parse_json(text: &str) -> Option<BTreeMap<String, String>> {
    let mut rest = text.trim_end().strip_prefix('{')?;
    let mut members = BTreeMap::new();
    loop {
        let key = value(&mut rest)?;
        rest = rest.strip_prefix(':')?;
        let value = value(&mut rest)?;
        let is_number = value.parse::<f64>().is_ok() && !value.contains(['+', 'N', 'n', 'i']);
        let is_word = ["true", "false", "null"].contains(&value.as_str());
        if !key.starts_with('"') || !(is_number || is_word || value.starts_with('"')) {
            return None;
        }
        members.insert(key.trim_matches('"').to_owned(), value);
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (rest == "}").then_some(members),
        }
    }
}

/// Takes a text, or everything up to a separator.
fn value(rest: &mut &str) -> Option<String> {
    let mut is_escaped = false;
    let is_text = rest.starts_with('"');
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let is_end = if is_text { *c == '"' && !is_escaped } else { ",:}".contains(*c) };
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    });
    let (value, after) = rest.split_at_checked(end?.0 + usize::from(is_text))?;
    *rest = after;
    Some(value.to_owned())
}

#[test]
fn the_checker_of_json_knows_json() {
    for good in [r#"{"a":1}"#, r#"{"a":"x\"\\","b":-1.5,"c":null}"#] {
        assert!(parse_json(good).is_some(), "{good}");
    }
    for bad in ["", "{", "{}", r#"{"a":}"#, r#"{"a":1,}"#, r"{a:1}", r#"{"a":NaN}"#, r#"{"a":1}x"#]
    {
        assert!(parse_json(bad).is_none(), "{bad}");
    }
}

#[test]
fn help_and_version_are_there() {
    let version = run(&["--version"]);
    assert!(version.status.success() && version.stdout.starts_with(b"towline "));
    for command in ["send", "recv", "relay", "demo"] {
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
fn a_strangers_name_stays_in_the_directory() {
    let files = Files::new("x", 10);
    let into = files.dir("into");
    let receiver = Service::recv(&into, &[]);
    for (name, kept) in [("../../evil", "evil"), ("/abs/olute", "olute"), ("..", "unnamed")] {
        let sent = run(&["send", files.file(), &receiver.address, "--name", name]);
        assert!(sent.status.success());
        assert!(into.join(kept).exists());
    }
    assert_eq!(names(files.dir.path()), ["into", "x"]);
    assert_eq!(names(&into), ["evil", "olute", "unnamed"]);
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
    fails(&run(&["send", dir, address]), 4, &[dir, "a directory", "only files"]);
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
    assert!(received["file"].ends_with("a _b_\""), "{received:?}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_relay_passes_datagrams_on_and_accounts_for_them() {
    let target = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = target.local_addr().unwrap().to_string();
    let mut command = towline(&["relay", &address, "--until-enter", "--delay", "1"]);
    command.stdin(Stdio::piped());
    let mut relay = Service::spawn(command);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"there", &relay.address).unwrap();
    let mut buffer = [0; 10];
    let (length, from) = target.recv_from(&mut buffer).unwrap();
    target.send_to(&buffer[..length], from).unwrap();
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from.to_string()), (b"there".as_slice(), relay.address.clone()));
    relay.child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let mut table = String::new();
    while !relay.output.fill_buf().unwrap().is_empty() {
        table += &relay.line();
    }
    let passed = table.lines().find(|line| line.starts_with("passed on")).unwrap();
    assert_eq!(passed.split_whitespace().collect::<Vec<_>>(), ["passed", "on", "1", "1"]);
    assert_eq!(relay.end(), 0);
}

#[test]
fn the_relay_reports_as_json() {
    let mut child = towline(&["relay", "127.0.0.1:9", "--seconds", "0.01", "--json"]);
    let output = String::from_utf8(child.output().unwrap().stdout).unwrap();
    let lines: Vec<_> = output.lines().map(|line| parse_json(line).unwrap()).collect();
    assert_eq!((lines.len(), lines[1]["up_packets"].as_str()), (2, "0"));
}

/// A receiver, a slow relay in front of it, and a sender that is killed with them.
struct SlowTransfer {
    receiver: Service,
    sender: Child,
    _relay: Service,
}

impl SlowTransfer {
    /// Waits until a part of the file has arrived in `into`.
    fn begun(files: &Files, into: &Path) -> Self {
        let receiver = Service::recv(into, &["--timeout", "1"]);
        let relay = Service::start(&["relay", &receiver.address, "--rate", "5"]);
        let mut command = towline(&["send", files.file(), &relay.address]);
        let sender = command.stderr(Stdio::null()).spawn().unwrap();
        let has_arrived = |name: &String| fs::metadata(into.join(name)).is_ok_and(|m| m.len() > 0);
        while !names(into).iter().any(has_arrived) {
            thread::yield_now();
        }
        Self { receiver, sender, _relay: relay }
    }

    fn kill_sender(&mut self) {
        self.sender.kill().unwrap();
        self.sender.wait().unwrap();
    }
}

#[test]
fn a_killed_sender_leaves_nothing() {
    let files = Files::new("x", 5_000_000);
    let into = files.dir("into");
    let mut transfer = SlowTransfer::begun(&files, &into);
    transfer.kill_sender();
    let complaint = transfer.receiver.complaint();
    assert!(complaint.contains("\"x\"") && complaint.contains("silent"), "{complaint}");
    assert_eq!(names(&into), [""; 0]);
}

#[test]
fn a_killed_receiver_leaves_nothing_under_the_final_name_and_its_successor_sweeps() {
    let files = Files::new("x", 5_000_000);
    let into = files.dir("into");
    let mut transfer = SlowTransfer::begun(&files, &into);
    // Somebody else's receiver leaves alone what is still being written.
    drop(Service::recv(&into, &[]));
    assert_eq!(names(&into).len(), 1);
    transfer.receiver.child.kill().unwrap();
    transfer.receiver.child.wait().unwrap();
    transfer.kill_sender();
    assert!(names(&into).iter().all(|name| name.starts_with(".towline-")), "{:?}", names(&into));
    let mut successor = Service::recv(&into, &[]);
    assert_eq!(names(&into), [""; 0]);
    assert!(successor.complaint().contains("removed 1 unfinished file"));
}

#[test]
fn strangers_do_not_disturb_a_receiver() {
    let files = Files::new("x", 50_000);
    let into = files.dir("into");
    let mut receiver = Service::recv(&into, &["--once"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for length in [0, 1, 20, 1200, 1472] {
        socket.send_to(&files.content[..length], &receiver.address).unwrap();
    }
    for (said, part) in [
        (b"GET / HTTP/1.1\r\n\r\n".as_slice(), "does not speak"),
        (b"TOWFILE\x09whatever", "version 9"),
        (b"TOWFILE\x01\0\0\0\0\0\0\0\x09\xff\xff", "too long"),
    ] {
        let mut stream = Stream::connect(receiver.address.as_str()).unwrap();
        stream.write_all(said).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"TOWFILE\x01"), "{answer:?}");
        drop(stream);
        let complaint = receiver.complaint();
        assert!(complaint.contains(part), "{complaint}");
    }
    assert!(run(&["send", files.file(), &receiver.address]).status.success());
    assert_eq!(receiver.end(), 0);
    assert_eq!(names(&into), ["x"]);
}

#[test]
fn a_sender_tells_strangers_from_receivers() {
    let files = Files::new("x", 50_000);
    for (answer, part) in
        [(b"TOWFILE\x02".as_slice(), "version 2"), (b"SSH-2.0-OpenSSH_9", "does not speak")]
    {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stranger = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(answer).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        fails(&run(&["send", files.file(), &address]), 3, &[part]);
        stranger.join().unwrap();
    }
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sent = run(&["send", files.file(), &address, "--timeout", "0.2"]);
    fails(&sent, 1, &["silent for too long"]);
}

#[test]
fn the_demonstration_verifies_and_compares() {
    let files = Files::new("x", 600_000);
    let demo = run(&["demo", files.file(), "--loss", "10", "--json"]);
    assert!(demo.status.success() && demo.stderr.is_empty());
    let json = parse_json(std::str::from_utf8(&demo.stdout).unwrap()).unwrap();
    let number = |key: &str| json[key].parse::<u64>().unwrap();
    assert_eq!(json["verified"], "true");
    assert_eq!((number("bytes"), number("towline_bytes")), (600_000, 600_000));
    assert!(number("plain_bytes") < 600_000 && number("plain_up_lost") > 0);
    assert!(json["min_rtt_seconds"].parse::<f64>().unwrap() >= 0.040);
    for way in ["towline_up", "towline_down", "plain_up"] {
        let count = |what: &str| number(&format!("{way}_{what}"));
        let gone = count("lost") + count("overflowed") + count("oversize");
        assert_eq!(count("packets") + count("duplicated"), count("delivered") + gone);
        let ends = count("passed") + count("failed") + count("overrun") + count("pending");
        assert_eq!(count("delivered"), ends);
    }
    let demo = run(&["demo", files.file(), "--loss", "0", "--delay", "1"]);
    let text = String::from_utf8(demo.stdout).unwrap();
    let heads = text.lines().find(|line| line.contains("plain UDP")).unwrap();
    assert_eq!(heads.split_whitespace().collect::<Vec<_>>(), ["towline", "plain", "UDP"]);
    assert!(text.contains("towline delivered the file whole"), "{text}");
}
