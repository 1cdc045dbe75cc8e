//! Hundreds of threads on the streams and clones of one socket, which shut down, drop and close at random: no
//! thread hangs, and nothing is left when all are gone.
//!
//! A binary of its own: it counts the threads and the descriptors of its process.
//! `TOWLINE_STRESS_SECONDS` and `TOWLINE_STRESS_THREADS` say for how long, and with how many threads on the
//! clients' side; the servers' come on top.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use towline::endpoint::Config;
use towline::{Connection, Endpoint, Listener, Stream};

/// Threads on the streams of one connection.
const THREADS_EACH: usize = 50;
/// Nothing of towline's ends a wait by itself sooner than this: whoever has missed a wake-up hangs, and the
/// test with him.
const NEVER: Duration = Duration::from_hours(1);

#[derive(Debug, Default)]
struct Tally {
    echoed: AtomicU64,
    broken: AtomicU64,
    bytes: AtomicU64,
}

/// A small generator for choices that need not be good.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn config() -> Config {
    let mut config = Config::default();
    config.backlog = 1000;
    config.connection.keepalive = None;
    config.connection.user_timeout = NEVER;
    config.connection.idle_timeout = NEVER;
    config
}

/// Gives back what comes, stream by stream, until the connection ends.
fn serve(connection: &Connection) {
    thread::scope(|scope| {
        while let Ok(stream) = connection.accept() {
            scope.spawn(move || {
                // Whoever reads no more makes the copy fail: that is his business.
                if std::io::copy(&mut &stream, &mut &stream).is_ok() {
                    let _ = stream.shutdown(Shutdown::Write);
                }
            });
        }
    });
}

fn pattern(seed: u64, at: usize) -> u8 {
    (seed as usize).wrapping_add(at.wrapping_mul(31)).wrapping_add(at >> 8) as u8
}

/// Writes `len` bytes in pieces, and the end.
fn write(mut stream: &Stream, seed: u64, len: usize, dice: &mut Dice) -> std::io::Result<()> {
    let all: Vec<u8> = (0..len).map(|at| pattern(seed, at)).collect();
    let mut rest = all.as_slice();
    while !rest.is_empty() {
        let piece = rest.len().min(1 + dice.roll(20_000) as usize);
        stream.write_all(&rest[..piece])?;
        rest = &rest[piece..];
    }
    stream.shutdown(Shutdown::Write)
}

/// Reads to the end; returns how much came, all of it right.
fn read(mut stream: &Stream, seed: u64) -> std::io::Result<usize> {
    let (mut buf, mut at) = (vec![0; 10_000], 0);
    loop {
        let count = stream.read(&mut buf)?;
        if count == 0 {
            return Ok(at);
        }
        for byte in &buf[..count] {
            assert_eq!(*byte, pattern(seed, at), "at {at}");
            at += 1;
        }
    }
}

/// One stream's life, with a thread for each direction, and perhaps one that interrupts both.
fn exchange(connection: &Connection, dice: &mut Dice, tally: &Tally) -> std::io::Result<()> {
    let stream = connection.open()?;
    let (seed, len) = (dice.roll(1000), dice.roll(60_000) as usize);
    let (mut writing, fate) = (Dice(dice.roll(1 << 40) + 1), dice.roll(6));
    let clone = stream.try_clone()?;
    let (written, read) = thread::scope(|scope| {
        let writer = scope.spawn(move || write(&clone, seed, len, &mut writing));
        match fate {
            0 => stream.shutdown(Shutdown::Read).unwrap_or(()),
            1 => stream.shutdown(Shutdown::Both).unwrap_or(()),
            2 => {
                // Never more than a moment in a call, and often in the middle of something.
                let _ = stream.set_read_timeout(Some(Duration::from_micros(200)));
            }
            _ => {}
        }
        let mut result = read(&stream, seed);
        let mut came = 0;
        while fate == 2 && matches!(&result, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            came += 1;
            if came == 3 {
                let _ = stream.set_read_timeout(None);
            }
            // What came before is lost to this oracle: only the end counts.
            result = std::io::copy(&mut &stream, &mut std::io::sink()).map(|_| len);
        }
        if fate == 3 {
            let _ = stream.set_nonblocking(true);
        }
        (writer.join().expect("the writer"), result)
    });
    let (written, read) = (written, read?);
    if fate >= 2 {
        written.or_else(|error| if fate == 3 { Ok(()) } else { Err(error) })?;
        assert!(fate == 3 || read == len, "{read} of {len} came back");
        tally.echoed.fetch_add(1, Ordering::Relaxed);
        tally.bytes.fetch_add(len as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// A connection after the other, each with many threads, some of them closed under everybody's feet.
fn live(endpoint: &Endpoint, server: &Listener, seed: u64, is_over: &AtomicBool, tally: &Tally) {
    let mut dice = Dice(seed | 1);
    while !is_over.load(Ordering::Relaxed) {
        let addr = server.local_addr().expect("an address");
        let connection = endpoint.connect(addr).expect("a connection");
        let (breaks, rounds) = (dice.roll(4) == 0, 5 + dice.roll(20));
        thread::scope(|scope| {
            for thread in 0..THREADS_EACH as u64 / 2 {
                let (connection, mut dice) = (connection.clone(), Dice(seed * 1000 + thread + 1));
                scope.spawn(move || {
                    for _ in 0..rounds {
                        if exchange(&connection, &mut dice, tally).is_err() {
                            tally.broken.fetch_add(1, Ordering::Relaxed);
                            assert!(breaks, "nobody has broken {connection:?}");
                            return;
                        }
                    }
                });
            }
            if breaks {
                // After a few exchanges of anybody's, whenever that is.
                let before = tally.echoed.load(Ordering::Relaxed);
                while tally.echoed.load(Ordering::Relaxed) < before + 20 {
                    thread::yield_now();
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                }
                connection.close(7, b"enough", Duration::ZERO).expect("an outcome");
            }
        });
    }
}

/// How many threads and descriptors the process has, and its memory in KiB.
#[cfg(target_os = "linux")]
fn census() -> (usize, usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process");
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    };
    let descriptors = std::fs::read_dir("/proc/self/fd").expect("descriptors").count();
    (number("Threads:"), descriptors, number("VmRSS:"))
}

#[cfg(not(target_os = "linux"))]
fn census() -> (usize, usize, usize) {
    (0, 0, 0)
}

fn season(length: Duration, threads: u64, seed: u64, tally: &Tally) {
    let (listener, endpoint) = (
        Listener::bind_with("127.0.0.1:0", &config()).expect("a listener"),
        Endpoint::bind_with("127.0.0.1:0", &config()).expect("an endpoint"),
    );
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (listener, endpoint, is_over) = (&listener, &endpoint, &is_over);
        let acceptor = scope.spawn(move || {
            thread::scope(|servers| {
                loop {
                    match listener.accept_connection() {
                        Ok(connection) => servers.spawn(move || serve(&connection)),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                        Err(error) => panic!("{error}"),
                    };
                }
            });
        });
        let clients: Vec<_> = (0..threads.div_ceil(THREADS_EACH as u64))
            .map(|n| scope.spawn(move || live(endpoint, listener, seed + n, is_over, tally)))
            .collect();
        // A stopwatch: nobody ever sends.
        let (_keep, stopwatch) = mpsc::channel::<()>();
        let _ = stopwatch.recv_timeout(length);
        is_over.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("a client");
        }
        listener.set_nonblocking(true).expect("a listener");
        acceptor.join().expect("the acceptor");
    });
}

#[test]
fn a_thousand_threads_hang_nowhere_and_leave_nothing() {
    let (seconds, threads) =
        (setting("TOWLINE_STRESS_SECONDS", 2), setting("TOWLINE_STRESS_THREADS", 200));
    let (done, is_done) = mpsc::channel();
    let body = thread::spawn(move || {
        let tally = Tally::default();
        let before = census();
        // The memory of the first season is the allocator's from then on.
        season(Duration::from_millis(seconds * 500), threads, 1, &tally);
        let between = census();
        season(Duration::from_millis(seconds * 500), threads, 2, &tally);
        // Connections say goodbye for a second, and the keepers end with them.
        while census().0 > before.0 || census().1 > before.1 {
            thread::yield_now();
        }
        let after = census();
        println!("{tally:?}; threads, descriptors, KiB: {before:?}, {between:?}, {after:?}");
        assert!(tally.echoed.into_inner() > 0, "nothing came back");
        assert!(after.2 < between.2 + 64 * 1024, "memory grows: {between:?}, {after:?}");
        let _ = done.send(());
    });
    match is_done.recv_timeout(Duration::from_secs(seconds + 120)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end"),
        _ => body.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}
