//! `towline send`: files and folders to one receiver.

use crate::address::Address;
use crate::args;
use crate::clock::Clock;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::quoted::Quoted;
use crate::reach;
use crate::report::{self, Json};
use crate::statistics;
use crate::transfer::{self, Departure, Entry, Hash, Manifest, TransferError, Watch};
use crate::units::{self, counted, grouped};
use std::net::Shutdown;
use std::path::Path;
use std::time::Duration;
use towline::Stream;
use towline::connection::Stats;
use towline::time::Instant;

/// So many lines about single files are printed; of what is beyond, the number.
const MAX_LINES: u64 = 20;

/// What became of everything that was to be sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    /// Files that were sent and stored, and their sizes.
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// How much of that was there already.
    pub(crate) resumed: u64,
    /// Files that were there already, and their sizes.
    pub(crate) present: u64,
    pub(crate) present_bytes: u64,
    pub(crate) folders: u64,
    pub(crate) failed: u64,
    /// The exit code of the first failure.
    pub(crate) exit: Option<Exit>,
    /// Of the last file.
    pub(crate) hash: Option<Hash>,
}

pub(crate) fn run(arguments: &args::Send) -> Result<(), Failure> {
    let (paths, to) = arguments.split()?;
    let args::Send { name, timeout, style, .. } = arguments;
    let manifest = Manifest::collect(paths, name.as_deref())?;
    let printer = Printer { manifest: &manifest, paths, to: &to, style: *style };
    let mut summary = Summary::default();
    for left_out in &manifest.left_out {
        let what = if left_out.is_failure { "cannot read" } else { "skipped" };
        if left_out.is_failure {
            summary.failed += 1;
            summary.exit.get_or_insert(Exit::Local);
        }
        if left_out.is_failure || !style.quiet {
            report::complain(format_args!("{what} {}: {}", Quoted(&left_out.local), left_out.why));
        }
    }
    let stream = reach::connect(&to.resolve()?, &to, *timeout)?;
    let progress = Progress::start("sending", manifest.totals.bytes, !style.quiet);
    let clock = Clock::start();
    let mut tell = |entry: &Entry, error: &TransferError, count| {
        progress.suspend(|| printer.failed(&entry.local, error, count));
    };
    let sent =
        send(&manifest, &stream, *timeout, &|bytes| progress.set(bytes), &mut tell, &mut summary);
    let time = clock.now().saturating_since(Instant::ZERO);
    progress.end();
    if let Err(error) = sent {
        return Err(Failure::new(
            error.exit(),
            format!("cannot send {} to {to}: {error}", printer.what()),
        ));
    }
    let stats = stream.connection().stats().map_err(|e| Failure::local("cannot count", &e))?;
    printer.sent(&summary, time, &stats)
}

/// Sends everything, and closes the sending direction once the receiver has stored it. `tell` hears
/// of every file that is not stored, and how many there were.
pub(crate) fn send(
    manifest: &Manifest,
    stream: &Stream,
    timeout: Duration,
    watch: &dyn Watch,
    tell: &mut dyn FnMut(&Entry, &TransferError, u64),
    summary: &mut Summary,
) -> Result<(), TransferError> {
    // Small answers are not worth waiting for more to go with them.
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(timeout))?;
    transfer::greet(&mut &*stream, manifest)?;
    // From here on the receiver may be slow; that it is alive is the connection's concern.
    stream.set_read_timeout(None)?;
    let hang_up = || drop(stream.shutdown(Shutdown::Both));
    transfer::send(manifest, &mut &*stream, stream, &hang_up, watch, &mut |entry, departure| {
        match departure {
            Departure::Failed(error) => {
                summary.failed += 1;
                summary.exit.get_or_insert(error.exit());
                tell(entry, &error, summary.failed);
            }
            departure => summary.count(entry.size().unwrap_or(0), &departure),
        }
    })?;
    // The receiver waits for this end to be sure that its verdict has arrived. Everything is stored:
    // what the connection does now cannot change that.
    let _ = stream.shutdown(Shutdown::Write);
    Ok(())
}

impl Summary {
    fn count(&mut self, size: u64, departure: &Departure) {
        match departure {
            Departure::Stored { hash, resumed } => {
                self.files += 1;
                self.bytes += size;
                self.resumed += resumed;
                self.hash = Some(*hash);
            }
            Departure::Present { hash } => {
                self.present += 1;
                self.present_bytes += size;
                self.hash = Some(*hash);
            }
            Departure::Folder => self.folders += 1,
            Departure::Failed(_) => {}
        }
    }
}

/// The lines of the sender.
struct Printer<'a> {
    manifest: &'a Manifest,
    paths: &'a [std::path::PathBuf],
    to: &'a Address,
    style: args::Style,
}

impl Printer<'_> {
    /// The one file that is all there is to send.
    fn single(&self) -> Option<&Path> {
        match self.manifest.entries.as_slice() {
            [entry] if entry.size().is_some() => Some(&entry.local),
            _ => None,
        }
    }

    /// What is sent, in words.
    fn what(&self) -> String {
        match (self.paths, self.single()) {
            (_, Some(path)) => Quoted(path).to_string(),
            ([path], None) => Quoted(path).to_string(),
            (paths, None) => format!("{} files and folders", paths.len()),
        }
    }

    fn failed(&self, local: &Path, error: &TransferError, count: u64) {
        if count <= MAX_LINES {
            report::complain(format_args!("cannot send {} to {}: {error}", Quoted(local), self.to));
        }
        if self.style.json {
            // If nobody reads it, the end will say so.
            let _ = report::say(
                Json::default()
                    .text("event", "failed")
                    .text("file", &local.to_string_lossy())
                    .text("error", &error.to_string()),
            );
        }
    }

    /// The result; a failure if a file is missing over there.
    fn sent(&self, summary: &Summary, time: Duration, stats: &Stats) -> Result<(), Failure> {
        if self.style.json {
            report::say(self.json(summary, time, stats))?;
        } else if !self.style.quiet && (self.single().is_none() || summary.failed == 0) {
            let statistics = statistics::line(stats);
            report::say(format_args!("{}\n  {statistics}", self.text(summary, time)))?;
        }
        let Some(exit) = summary.exit else { return Ok(()) };
        let all = summary.files + summary.present + summary.folders + summary.failed;
        // A single one has had its line.
        let line = if all > 1 {
            format!(
                "{} of {} files and folders were not sent",
                grouped(summary.failed),
                grouped(all)
            )
        } else {
            String::new()
        };
        Err(Failure::new(exit, line))
    }

    fn text(&self, summary: &Summary, time: Duration) -> String {
        let Summary { files, bytes, resumed, present, present_bytes, folders, hash, .. } = summary;
        let to = self.to;
        let rate = units::rate(units::bits_per_second(bytes - resumed, time));
        let (amount, time) = (units::size(*bytes), units::seconds(time));
        let resumed = match resumed {
            0 => String::new(),
            resumed => format!(" ({} of it were there)", units::size(*resumed)),
        };
        let hash = report::hex(&hash.unwrap_or_default());
        match self.single() {
            Some(path) if *present > 0 => format!(
                "{} is at {to} already, {}: nothing to send; BLAKE3 {hash}",
                Quoted(path),
                units::size(*present_bytes)
            ),
            Some(path) => format!(
                "sent {} to {to}: {amount}{resumed} in {time}, {rate}; stored and verified, BLAKE3 {hash}",
                Quoted(path)
            ),
            None => {
                let present = match present {
                    0 => String::new(),
                    n => format!(
                        "; {}, {}, were there already",
                        counted(*n, "file"),
                        units::size(*present_bytes)
                    ),
                };
                let (files, folders) = (counted(*files, "file"), counted(*folders, "folder"));
                format!(
                    "sent {files} and {folders} to {to}: {amount}{resumed} in {time}, {rate}; stored and verified{present}"
                )
            }
        }
    }

    fn json(&self, summary: &Summary, time: Duration, stats: &Stats) -> Json {
        let Summary { files, bytes, resumed, present, present_bytes, folders, failed, .. } =
            *summary;
        let mut json = Json::default().text("event", "sent");
        if let (Some(path), Some(hash)) = (self.single(), summary.hash) {
            json = json.text("file", &path.to_string_lossy()).text("blake3", &report::hex(&hash));
        }
        let rate = units::bits_per_second(bytes - resumed, time);
        let json = json
            .text("to", &self.to.to_string())
            .number("files", files)
            .number("folders", folders)
            .number("bytes", bytes)
            .number("resumed_bytes", resumed)
            .number("present_files", present)
            .number("present_bytes", present_bytes)
            .number("failed", failed)
            .float("seconds", time.as_secs_f64())
            .float("goodput_mbit", rate / 1e6);
        statistics::members(json, stats)
    }
}
