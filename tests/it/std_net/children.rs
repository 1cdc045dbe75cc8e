//! Processes that end without a goodbye, that come again, and that have no descriptors left.
#![cfg(target_os = "linux")]

use crate::driver::{guarded, patient};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use towline::connection::{CloseReason, Config};
use towline::{Listener, Stream};

/// Tells a child who it is; what follows is for the child.
const ROLE: &str = "TOWLINE_TEST_CHILD";
/// `EMFILE`: the process has as many descriptors as it may.
const TOO_MANY_OPEN: i32 = 24;

/// This test program again, running one test as a child: it is killed when this is dropped.
struct Process {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    /// `limits` is what the shell does first.
    fn start(limits: &str, role: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{limits} exec \"$@\"; exit 1"), "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "std_net::children::plays_its_role", "--nocapture"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// What the child says next after `what`.
    fn told(&mut self, what: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if let Some((_, told)) = line.split_once(what) {
                return told.trim().to_owned();
            }
            line.clear();
        }
        panic!("the child has not told {what}");
    }

    fn address(&mut self) -> SocketAddr {
        self.told("listening on ").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test of its own: what a child does.
#[test]
fn plays_its_role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    match role.split_once(' ') {
        Some(("listen", addr)) => {
            let listener = Listener::bind(addr).unwrap();
            println!("\nlistening on {}", listener.local_addr().unwrap());
            let greet = |stream: std::io::Result<Stream>| {
                let mut stream = stream.unwrap();
                stream.write_all(b"hello").unwrap();
                stream
            };
            let _streams: Vec<_> = listener.incoming().map(greet).collect();
        }
        Some(("exhaust", addr)) => exhaust(addr),
        _ => unreachable!("nobody else"),
    }
}

fn fill() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

/// Listens without a descriptor to spare, then tries to connect with ever more of them.
fn exhaust(addr: &str) {
    let listener = Listener::bind(addr).unwrap();
    let mut held = fill();
    println!("\nlistening on {}", listener.local_addr().unwrap());
    for stream in listener.incoming().take(5) {
        let stream = patient(stream.unwrap());
        assert_eq!(std::io::copy(&mut &stream, &mut &stream).unwrap(), 10);
    }
    for spare in 0.. {
        match Stream::connect(listener.local_addr().unwrap()) {
            Ok(stream) => {
                println!("\nfailed {spare} times, then {}", stream.peer_addr().unwrap());
                break;
            }
            Err(error) => assert_eq!(error.raw_os_error(), Some(TOO_MANY_OPEN), "{error:?}"),
        }
        let free = fill();
        assert_eq!(free.len(), spare, "a failed connect has kept a descriptor");
        drop(free);
        held.pop().unwrap();
    }
}

#[test]
fn a_listener_without_descriptors_accepts_and_connect_fails_once() {
    guarded(|| {
        let mut server = Process::start("ulimit -n 64;", "exhaust 127.0.0.1:0");
        let addr = server.address();
        for _ in 0..5 {
            let mut stream = patient(Stream::connect(addr).unwrap());
            stream.write_all(b"0123456789").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            assert_eq!(all, b"0123456789");
        }
        let told = server.told("failed ");
        assert!(told.ends_with(&addr.to_string()) && !told.starts_with('0'), "{told}");
        assert!(server.child.wait().unwrap().success());
    });
}

fn config() -> Config {
    let mut config = Config::default();
    config.keepalive = Some(Duration::from_millis(500));
    config.user_timeout = Duration::from_millis(500);
    config
}

#[test]
fn a_process_that_ends_without_a_goodbye_times_out() {
    guarded(|| {
        let mut server = Process::start("", "listen 127.0.0.1:0");
        let mut stream = Stream::connect_with(server.address(), &config()).unwrap();
        stream.read_exact(&mut [0; 5]).unwrap();
        drop(server);
        // The host says that nobody listens there any more: that could be forged, and is not believed.
        for _ in 0..2 {
            assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
        }
        assert_eq!(stream.write(&[0]).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(stream.connection().ended().unwrap().reason, CloseReason::TimedOut);
    });
}

#[test]
fn a_process_that_comes_again_says_that_it_knows_nothing() {
    guarded(|| {
        let mut server = Process::start("", "listen 127.0.0.1:0");
        let addr = server.address();
        let mut stream = patient(Stream::connect(addr).unwrap());
        stream.read_exact(&mut [0; 5]).unwrap();
        drop(server);
        let mut server = Process::start("", &format!("listen {addr}"));
        assert_eq!(server.address(), addr);
        stream.write_all(b"are you still there?").unwrap();
        for _ in 0..2 {
            assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        }
        assert_eq!(stream.write(&[0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(stream.connection().ended().unwrap().reason, CloseReason::Reset);
        assert_eq!(stream.take_error().unwrap().unwrap().kind(), ErrorKind::ConnectionReset);
    });
}
