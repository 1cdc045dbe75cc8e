//! The program `towline`: real processes, real files, exit codes, and what is printed where.

mod echo;
mod files;
mod folders;
mod json;
mod network;
mod resume;
mod strangers;
mod usage;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread;

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

/// A receiver, a slow relay in front of it, and a sender that is killed with them.
struct SlowTransfer {
    receiver: Service,
    sender: Child,
    _relay: Service,
}

/// The size of the part in a directory.
fn part(dir: &Path) -> u64 {
    let parts = names(dir).into_iter().filter(|name| name.starts_with(".towline-"));
    parts.filter_map(|name| Some(fs::metadata(dir.join(name)).ok()?.len())).max().unwrap_or(0)
}

impl SlowTransfer {
    /// Waits until so much of a file has arrived in `into`.
    fn begun(file: &str, into: &Path, bytes: u64) -> Self {
        let receiver = Service::recv(into, &["--timeout", "1"]);
        let relay = Service::start(&["relay", &receiver.address, "--rate", "20"]);
        let mut command = towline(&["send", file, &relay.address]);
        let sender = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        while part(into) < bytes {
            thread::yield_now();
        }
        Self { receiver, sender, _relay: relay }
    }

    /// As by `kill -9`.
    fn kill_receiver(&mut self) {
        self.receiver.child.kill().unwrap();
        self.receiver.child.wait().unwrap();
    }

    fn kill_sender(&mut self) {
        self.sender.kill().unwrap();
        self.sender.wait().unwrap();
    }
}
