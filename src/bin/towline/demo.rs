//! `towline demo`: a file crosses a bad network, by towline and by plain UDP, side by side.

mod figures;
mod plain;

use crate::args::{self, Impairments, Network};
use crate::clock::Clock;
use crate::failure::{Exit, Failure};
use crate::name::Quoted;
use crate::progress::Progress;
use crate::recv::{self, Policy, Received};
use crate::relay::{self, Carried, Carrier, Links};
use crate::report;
use crate::send::{self, Source};
use crate::transfer::Hash;
use crate::units;
use std::io::{self, Seek};
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
    received: Received,
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
    let (source, links) = (Source::open(&file, None)?, relay::links(&network)?);
    let size = source.offer.size;
    if !style.quiet && !style.json {
        report::say(describe(&file, size, &network))?;
    }
    let progress = Progress::start("towline  ", size, !style.quiet);
    let moved = by_towline(source, links.clone(), &|bytes| progress.set(bytes));
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
    source: Source,
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
    let policy = Policy {
        dir: dir.path().to_owned(),
        is_overwriting: false,
        max_size: None,
        timeout: PATIENCE,
    };
    thread::Builder::new()
        .name("demo-receive".to_owned())
        .spawn(move || {
            // If the sender has gone meanwhile, nobody wants to know.
            let _ = outcome.send(accept(&listener, &policy));
        })
        .map_err(cannot)?;
    let clock = Clock::start();
    let stream = send::connect(&[relay.local_addr()], "the receiver", CONNECT_PATIENCE)?;
    let hash = send::send(source, &stream, PATIENCE, progress)
        .map_err(|error| Failure::new(error.exit(), format!("the transfer failed: {error}")))?;
    let time = clock.now().saturating_since(Instant::ZERO);
    let sender = stream.connection().stats().map_err(cannot)?;
    // The receiver waits for this.
    drop(stream);
    let (received, receiver) = received
        .recv_timeout(PATIENCE)
        .map_err(|_| Failure::new(Exit::Transfer, "the receiver does not end"))??;
    Ok(Moved { hash, received, time, sender, receiver, carried: relay.stop() })
}

fn accept(listener: &Listener, policy: &Policy) -> Result<(Received, Stats), Failure> {
    let cannot = |error: io::Error| Failure::local("the receiver failed", &error);
    let (stream, _) = listener.accept().map_err(cannot)?;
    let received = recv::receive(&stream, policy).map_err(|not| not.failure)?;
    Ok((received, stream.connection().stats().map_err(cannot)?))
}

fn by_plain_udp(
    file: &Path,
    size: u64,
    rate: f64,
    links: Links,
    progress: &dyn Fn(u64),
) -> Result<plain::Delivered, Failure> {
    let mut source = Source::open(file, None)?;
    source
        .file
        .rewind()
        .and_then(|()| plain::run(&mut source.file, size, rate, links, progress))
        .map_err(|error| Failure::local("cannot send by plain UDP", &error))
}
