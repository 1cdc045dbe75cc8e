//! `towline demo`: a file crosses a bad network, by towline and by plain UDP, side by side.

mod figures;
mod plain;

use crate::args::{self, Impairments, Network};
use crate::clock::Clock;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::quoted::Quoted;
use crate::reach;
use crate::recv::{self, Policy, Stored};
use crate::relay::{self, Carried, Carrier, Links};
use crate::report;
use crate::send::{self, Summary};
use crate::transfer::{Hash, Manifest, Rules};
use crate::units;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use towline::Listener;
use towline::connection::Stats;
use towline::time::Instant;

/// How long the demonstration tries to reach its own other half, and how long it bears its silence.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(100);

/// The network where the user says nothing.
fn default_network() -> Impairments {
    Impairments {
        loss: Some(0.05),
        damage: Some(0.01),
        reorder: Some(0.01),
        duplicate: Some(0.01),
        delay: Some(Duration::from_millis(20)),
        rate: Some(100_000_000),
        ..Impairments::default()
    }
}

/// What towline did.
#[derive(Debug)]
struct Moved {
    hash: Hash,
    received: Stored,
    /// From the connection's begin to the verified file.
    time: Duration,
    sender: Stats,
    receiver: Stats,
    carried: Carried,
}

pub(crate) fn run(arguments: &args::Demo) -> Result<(), Failure> {
    let args::Demo { file, plain_rate, network, style } = arguments;
    let own = || std::env::current_exe().map_err(|e| Failure::local("cannot find the program", &e));
    let file = file.clone().map_or_else(own, Ok)?;
    let network = Network { both: network.both.or(&default_network()), ..network.clone() };
    let (manifest, links) =
        (Manifest::collect(std::slice::from_ref(&file), None)?, relay::links(&network)?);
    let size = manifest.totals.bytes;
    if manifest.entries.iter().any(|entry| entry.size().is_none()) {
        let line = format!("{} is a directory: the demonstration moves one file", Quoted(&file));
        return Err(Failure::new(Exit::Local, line));
    }
    if !style.quiet && !style.json {
        report::say(describe(&file, size, &network))?;
    }
    let progress = Progress::start("towline  ", size, !style.quiet);
    let moved = by_towline(&manifest, links.clone(), &|bytes| progress.set(bytes));
    progress.end();
    let moved = moved?;
    let rate = plain_rate.map_or(units::bits_per_second(size, moved.time), |rate| rate as f64);
    let progress = Progress::start("plain UDP", size, !style.quiet);
    let plain = by_plain_udp(&file, size, rate, links, &|bytes| progress.set(bytes));
    progress.end();
    let figures = figures::Figures { size, towline: &moved, plain: &plain? };
    if style.json {
        report::say(figures.json(&network))?;
    } else if !style.quiet {
        report::say(format_args!("\n{}\n\n{}", figures.table(), figures.verdict()))?;
    }
    if figures.is_verified() {
        return Ok(());
    }
    Err(Failure::new(Exit::Content, "what arrived is not what was sent: the hashes differ"))
}

fn describe(file: &Path, size: u64, network: &Network) -> String {
    let Impairments { loss, damage, reorder, duplicate, delay, rate, .. } = &network.both;
    let percent =
        |share: &Option<f64>| format!("{} %", units::plain(share.unwrap_or_default() * 100.0));
    format!(
        "{}, {}, through a relay: {} lost, {} damaged, {} reordered, {} doubled, {} delay, {}, each way{}",
        Quoted(file),
        units::size(size),
        percent(loss),
        percent(damage),
        percent(reorder),
        percent(duplicate),
        units::millis(delay.unwrap_or_default()),
        rate.map_or("no limit".to_owned(), |rate| units::rate(rate as f64)),
        if network.up.is_some() || network.down.is_some() {
            ", but for --up and --down"
        } else {
            ""
        },
    )
}

/// A receiver, a relay and a sender, each on a socket of its own.
fn by_towline(
    manifest: &Manifest,
    links: Links,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Moved, Failure> {
    let cannot = |error: io::Error| Failure::local("cannot run the demonstration", &error);
    let dir = tempfile::Builder::new().prefix("towline-demo-").tempdir().map_err(cannot)?;
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(cannot)?;
    let target = listener.local_addr().map_err(cannot)?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(cannot)?;
    let relay = Carrier::start(socket, target, links).map_err(cannot)?;
    let (outcome, received) = mpsc::channel();
    let rules = Rules { max_size: None, is_taking_hidden: true, is_replacing: false };
    let policy = Policy { dir: dir.path().to_owned(), rules, timeout: PATIENCE };
    thread::Builder::new()
        .name("demo-receive".to_owned())
        .spawn(move || {
            // If the sender has gone meanwhile, nobody wants to know.
            let _ = outcome.send(accept(&listener, &policy));
        })
        .map_err(cannot)?;
    let clock = Clock::start();
    let stream = reach::connect(&[relay.local_addr()], "the receiver", CONNECT_PATIENCE)?;
    let mut summary = Summary::default();
    let failed = |error: &dyn std::fmt::Display| format!("the transfer failed: {error}");
    let mut failure = None;
    send::send(
        manifest,
        &stream,
        PATIENCE,
        &progress,
        &mut |_, error, _| failure = Some(Failure::new(error.exit(), failed(error))),
        &mut summary,
    )
    .map_err(|error| Failure::new(error.exit(), failed(&error)))?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let time = clock.now().saturating_since(Instant::ZERO);
    let sender = stream.connection().stats().map_err(cannot)?;
    // The receiver waits for this.
    drop(stream);
    let (received, receiver) = received
        .recv_timeout(PATIENCE)
        .map_err(|_| Failure::new(Exit::Transfer, "the receiver does not end"))??;
    let hash = summary.hash.unwrap_or_default();
    Ok(Moved { hash, received, time, sender, receiver, carried: relay.stop() })
}

fn accept(listener: &Listener, policy: &Policy) -> Result<(Stored, Stats), Failure> {
    let cannot = |error: io::Error| Failure::local("the receiver failed", &error);
    let (stream, _) = listener.accept().map_err(cannot)?;
    let received = recv::receive(&stream, policy, &mut |_| ()).map_err(|not| not.failure)?;
    let nothing = || Failure::new(Exit::Transfer, "nothing was stored");
    let stored = received.last.ok_or_else(nothing)?;
    Ok((stored, stream.connection().stats().map_err(cannot)?))
}

fn by_plain_udp(
    file: &Path,
    size: u64,
    rate: f64,
    links: Links,
    progress: &dyn Fn(u64),
) -> Result<plain::Delivered, Failure> {
    File::open(file)
        .and_then(|mut file| plain::run(&mut file, size, rate, links, progress))
        .map_err(|error| Failure::local("cannot send by plain UDP", &error))
}
