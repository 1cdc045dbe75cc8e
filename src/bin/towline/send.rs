//! `towline send`: one file to one receiver.

use crate::address::Address;
use crate::args;
use crate::clock::Clock;
use crate::failure::{Exit, Failure, Reason};
use crate::name::Quoted;
use crate::progress::Progress;
use crate::report::{self, Json};
use crate::statistics;
use crate::transfer::{self, Hash, Offer, TransferError};
use crate::units;
use std::fmt;
use std::fs::File;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::path::Path;
use std::time::Duration;
use towline::Stream;
use towline::time::Instant;

/// A file that is to be sent.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) file: File,
    pub(crate) offer: Offer,
}

impl Source {
    /// Opens a regular file; `name` stands in for its own.
    pub(crate) fn open(path: &Path, name: Option<&str>) -> Result<Self, Failure> {
        let fail =
            |error: &io::Error| Failure::local(format_args!("cannot read {}", Quoted(path)), error);
        // Looked at before it is opened: opening a pipe would wait for its writer.
        let metadata = path.metadata().map_err(|error| fail(&error))?;
        if !metadata.is_file() {
            let what = if metadata.is_dir() { "a directory" } else { "no regular file" };
            let line =
                format!("cannot send {}: it is {what}, and only files can be sent", Quoted(path));
            return Err(Failure::new(Exit::Local, line));
        }
        let file = File::open(path).map_err(|error| fail(&error))?;
        let size = file.metadata().map_err(|error| fail(&error))?.len();
        let own = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { file, offer: Offer { size, name: name.map_or_else(own, str::to_owned) } })
    }
}

pub(crate) fn run(arguments: &args::Send) -> Result<(), Failure> {
    let args::Send { file, to, name, timeout, style } = arguments;
    let source = Source::open(file, name.as_deref())?;
    let size = source.offer.size;
    let stream = connect(&to.resolve()?, to, *timeout)?;
    let progress = Progress::start("sending", size, !style.quiet);
    let clock = Clock::start();
    let sent = send(source, &stream, *timeout, &|bytes| progress.set(bytes));
    let time = clock.now().saturating_since(Instant::ZERO);
    progress.end();
    let hash = sent.map_err(|error| failure(file, to, &error))?;
    if style.quiet {
        return Ok(());
    }
    let stats = stream.connection().stats().map_err(|e| Failure::local("cannot count", &e))?;
    let rate = units::bits_per_second(size, time);
    if style.json {
        let json = Json::default()
            .text("event", "sent")
            .text("file", &file.to_string_lossy())
            .text("to", &to.to_string())
            .number("bytes", size)
            .text("blake3", &report::hex(&hash))
            .float("seconds", time.as_secs_f64())
            .float("goodput_mbit", rate / 1e6);
        return report::say(statistics::members(json, &stats));
    }
    let (amount, time, rate) = (units::size(size), units::seconds(time), units::rate(rate));
    report::say(format_args!(
        "sent {} to {to}: {amount} in {time}, {rate}; stored and verified, BLAKE3 {}\n  {}",
        Quoted(file),
        report::hex(&hash),
        statistics::line(&stats)
    ))
}

/// Connects to the first of these addresses that answers; `name` stands for them in errors.
pub(crate) fn connect(
    addresses: &[SocketAddr],
    name: impl fmt::Display,
    timeout: Duration,
) -> Result<Stream, Failure> {
    let mut why = "it has no address".to_owned();
    for address in addresses {
        let error = match Stream::connect_timeout(address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        why = match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                format!("{}; is towline running there?", Reason(&error))
            }
            io::ErrorKind::TimedOut => {
                format!("no answer within {} s", units::plain(timeout.as_secs_f64()))
            }
            _ => Reason(&error).to_string(),
        };
    }
    Err(Failure::new(Exit::Unreachable, format!("cannot reach {name}: {why}")))
}

/// Sends the file, and closes the sending direction once the receiver has stored it.
pub(crate) fn send(
    mut source: Source,
    stream: &Stream,
    timeout: Duration,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Hash, TransferError> {
    // Small answers are not worth waiting for more to go with them.
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(timeout))?;
    transfer::offer(&mut &*stream, &source.offer)?;
    // From here on the receiver may be slow; that it is alive is the connection's concern.
    stream.set_read_timeout(None)?;
    let (file, size) = (&mut source.file, source.offer.size);
    let hash = transfer::send_content(file, size, &mut &*stream, stream, progress);
    // The receiver waits for this end to be sure that its verdict has arrived.
    let closed = stream.shutdown(Shutdown::Write);
    let hash = hash?;
    // The file is stored: what the connection does now cannot change that.
    drop(closed);
    Ok(hash)
}

fn failure(file: &Path, to: &Address, error: &TransferError) -> Failure {
    Failure::new(error.exit(), format!("cannot send {} to {to}: {error}", Quoted(file)))
}
