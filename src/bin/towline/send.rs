//! `towline send`: files and folders to one receiver.

mod printer;

use crate::args;
use crate::clock::Clock;
use crate::failure::{Exit, Failure};
use crate::progress::Progress;
use crate::reach;
use crate::transfer::{self, Departure, Entry, Hash, Manifest, TransferError, Watch};
use printer::Printer;
use std::net::Shutdown;
use std::time::Duration;
use towline::Stream;
use towline::time::Instant;

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
    printer.left_out();
    for _ in manifest.left_out.iter().filter(|left_out| left_out.is_failure) {
        summary.failed += 1;
        summary.exit = Some(Exit::Local);
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
