//! `towline recv`: files and folders from any number of senders, each file stored whole or not at all.

mod printer;

use crate::args;
use crate::clock::{self, Clock};
use crate::failure::{Exit, Failure};
use crate::quoted::Quoted;
use crate::reach;
use crate::report;
use crate::store::{self, Store};
use crate::transfer::{self, Arrival, Conversation, Hash, Incoming, Note, Rules, Status};
use crate::transfer::{TransferError, Verdict};
use crate::units::counted;
use printer::Printer;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use towline::time::Instant;
use towline::{Listener, Stream};

/// Transfers at the same time. More senders wait in the listener's backlog until one is done.
const MAX_SENDERS: usize = 16;
/// So many connections in a row that could not be accepted mean that the listener is dead.
const MAX_ACCEPT_ERRORS: usize = 100;
/// So many lines that wait to be printed; then the transfers wait for the printing.
const MAX_EVENTS: usize = 1024;
/// So many failures of one transfer are told one by one; of what is beyond, the number.
const MAX_LINES: u64 = 20;
/// What nobody has gone on with for so long is removed when a receiver starts.
const PART_AGE: Duration = Duration::from_hours(7 * 24);

/// What a receiver takes, and where to.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) dir: PathBuf,
    pub(crate) rules: Rules,
    /// How long a sender may be silent.
    pub(crate) timeout: Duration,
}

/// A file that is stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) hash: Hash,
    /// So many bytes were there already.
    resumed: u64,
}

/// What one sender brought.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) files: u64,
    bytes: u64,
    resumed: u64,
    /// Files that were there already.
    present: u64,
    folders: u64,
    failed: u64,
    /// The first failure.
    failure: Option<Failure>,
    /// The last file.
    pub(crate) last: Option<Stored>,
    time: Duration,
}

/// A transfer that broke off.
#[derive(Clone, Debug)]
pub(crate) struct NotReceived {
    pub(crate) failure: Failure,
    /// Whether a sender began one at all.
    is_transfer: bool,
    /// What was being received then.
    current: Option<PathBuf>,
}

/// What the threads tell the one that prints.
enum Event {
    Started,
    Stored(SocketAddr, Stored),
    Failed(SocketAddr, String, Failure),
    Ended(SocketAddr, Box<Result<Received, NotReceived>>),
    Deaf(io::Error),
}

pub(crate) fn run(arguments: args::Recv) -> Result<(), Failure> {
    let args::Recv { dir, listen, once, overwrite, hidden, max_size, timeout, style } = arguments;
    let rules = Rules { max_size, is_taking_hidden: hidden, is_replacing: overwrite };
    let policy = Policy { dir: usable(&dir)?, rules, timeout };
    let listener = Arc::new(reach::listen(listen.as_ref())?);
    let local = listener.local_addr().map_err(|e| Failure::local("cannot listen", &e))?;
    let swept = store::sweep(&policy.dir, clock::today(), PART_AGE)
        .map_err(|error| Failure::local(format_args!("cannot read {}", Quoted(&dir)), &error))?;
    if swept > 0 && !style.quiet {
        report::complain(format_args!(
            "removed {} that nobody finished",
            counted(swept as u64, "old part")
        ));
    }
    let printer = Printer { is_json: style.json, is_quiet: style.quiet };
    printer.listening(local, &policy.dir)?;
    let workers = if once { 1 } else { MAX_SENDERS };
    let (events, inbox) = mpsc::sync_channel(MAX_EVENTS);
    for _ in 0..workers {
        let (listener, policy, events) = (listener.clone(), policy.clone(), events.clone());
        thread::Builder::new()
            .name("receive".to_owned())
            .spawn(move || work(&listener, &policy, &events))
            .map_err(|error| Failure::local("cannot start a thread", &error))?;
    }
    watch(&inbox, once, printer)
}

/// The directory, once it is known to be one that files can be made in.
fn usable(dir: &Path) -> Result<PathBuf, Failure> {
    let fail = |error: &io::Error| {
        Failure::local(format_args!("cannot store files in {}", Quoted(dir)), error)
    };
    let absolute = dir.canonicalize().map_err(|error| fail(&error))?;
    tempfile::tempfile_in(&absolute).map(|_| absolute).map_err(|error| fail(&error))
}

/// Accepts and serves one sender after the other.
fn work(listener: &Listener, policy: &Policy, events: &mpsc::SyncSender<Event>) {
    let mut errors = 0;
    loop {
        let event = match listener.accept() {
            Ok((stream, peer)) => {
                errors = 0;
                if events.send(Event::Started).is_err() {
                    return;
                }
                let outcome = receive(&stream, policy, &mut |file| {
                    // If nobody prints any more, the program ends.
                    let _ = events.send(match file {
                        Ok(stored) => Event::Stored(peer, stored),
                        Err((name, failure)) => Event::Failed(peer, name, failure),
                    });
                });
                // Only now has the sender all that it is to know, and the program may end.
                drop(stream);
                Event::Ended(peer, Box::new(outcome))
            }
            // A connection that was gone before it was taken, or no memory for it just now.
            Err(_) if errors < MAX_ACCEPT_ERRORS => {
                errors += 1;
                continue;
            }
            Err(error) => Event::Deaf(error),
        };
        let is_deaf = matches!(event, Event::Deaf(_));
        if events.send(event).is_err() || is_deaf {
            return;
        }
    }
}

/// Prints what happens, until there is a reason to end.
fn watch(inbox: &mpsc::Receiver<Event>, once: bool, printer: Printer) -> Result<(), Failure> {
    let mut busy = 0;
    let mut closed = None;
    while let Ok(event) = inbox.recv() {
        let printed = match event {
            Event::Started => {
                busy += 1;
                Ok(())
            }
            Event::Deaf(error) => return Err(Failure::local("cannot listen any more", &error)),
            Event::Stored(peer, stored) => printer.stored(peer, &stored),
            Event::Failed(peer, name, failure) => printer.not_stored(peer, &name, &failure),
            Event::Ended(peer, outcome) => {
                busy -= 1;
                let printed = match outcome.as_ref() {
                    Ok(received) => printer.received(peer, received),
                    Err(not) => printer.broken(peer, not),
                };
                let failure = match *outcome {
                    Ok(received) => received.failure,
                    // Garbage on the port is no transfer.
                    Err(not) if !not.is_transfer => {
                        closed = closed.or(printed.err());
                        continue;
                    }
                    Err(not) => Some(not.failure),
                };
                if once {
                    // The line about it has been printed.
                    return failure.map_or(printed, |f| Err(Failure::new(f.exit, "")));
                }
                printed
            }
        };
        // Whoever read the output is gone: end, but not in the middle of a file.
        closed = closed.or(printed.err());
        if let Some(failure) = closed.take_if(|_| busy == 0) {
            return Err(failure);
        }
    }
    Ok(())
}

/// Serves one sender; `tell` hears of every file that is stored, and of those that are not.
pub(crate) fn receive(
    stream: &Stream,
    policy: &Policy,
    tell: &mut dyn FnMut(Result<Stored, (String, Failure)>),
) -> Result<Received, NotReceived> {
    let mut peer = Conversation::new(stream);
    peer.greet();
    let start = |peer: &mut Conversation<&Stream>| {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(policy.timeout))?;
        transfer::read_greeting(peer)
    };
    let totals = match start(&mut peer) {
        Ok(totals) => totals,
        Err(error) => {
            conclude(stream, &mut peer, Err(&error));
            return Err(NotReceived {
                failure: failure(&error),
                is_transfer: false,
                current: None,
            });
        }
    };
    let clock = Clock::start();
    let mut received = Received::default();
    let (mut current, mut is_transfer) = (None, false);
    let outcome = Store::open(&policy.dir, policy.rules.is_replacing)
        .map_err(TransferError::Sink)
        .and_then(|mut store| {
            let mut note = |arrival: Arrival<'_>| received.note(&arrival, &policy.dir, tell);
            let mut incoming =
                Incoming::new(&mut peer, totals, &mut store, policy.rules, &mut note);
            let outcome = incoming.run();
            current = incoming.current.take();
            is_transfer = incoming.is_begun;
            outcome
        });
    conclude(stream, &mut peer, outcome.as_ref().copied());
    match outcome {
        Ok(()) => {
            received.time = clock.now().saturating_since(Instant::ZERO);
            Ok(received)
        }
        Err(error) => Err(NotReceived { failure: failure(&error), is_transfer, current }),
    }
}

/// Says the last word, ends our direction, and waits for the sender to end its own: then it has read
/// all. If this fails the files are stored all the same, and only the sender does not know.
fn conclude(
    stream: &Stream,
    peer: &mut Conversation<&Stream>,
    outcome: Result<(), &TransferError>,
) {
    let verdict = match outcome {
        Ok(()) => Verdict::new(Status::Stored, ""),
        Err(error) if error.is_cut() => return,
        Err(error) => error.verdict(),
    };
    let said = peer.say(&Note::Verdict(verdict)).and_then(|()| peer.flush());
    if said.and_then(|()| stream.shutdown(Shutdown::Write)).is_ok() {
        transfer::drain(&mut &*stream);
    }
}

impl Received {
    fn note(
        &mut self,
        arrival: &Arrival<'_>,
        dir: &Path,
        tell: &mut dyn FnMut(Result<Stored, (String, Failure)>),
    ) {
        match *arrival {
            Arrival::Folder => self.folders += 1,
            Arrival::Present => self.present += 1,
            Arrival::Stored { path, size, resumed, hash } => {
                self.files += 1;
                self.bytes += size;
                self.resumed += resumed;
                let stored = Stored { path: dir.join(path), size, hash, resumed };
                self.last = Some(stored.clone());
                tell(Ok(stored));
            }
            Arrival::Failed { path, error } => {
                self.failed += 1;
                let failure = failure(error);
                self.failure.get_or_insert_with(|| failure.clone());
                if self.failed <= MAX_LINES {
                    tell(Err((String::from_utf8_lossy(path).into_owned(), failure)));
                }
            }
        }
    }

    /// The one file that was all there was.
    fn single(&self) -> Option<&Stored> {
        let is_single = self.files == 1 && self.present + self.folders + self.failed == 0;
        self.last.as_ref().filter(|_| is_single)
    }
}

/// As the receiver's own failure.
fn failure(error: &TransferError) -> Failure {
    match error {
        TransferError::NotStored(verdict) => Failure::new(Exit::Local, verdict.text.clone()),
        error => Failure::new(error.exit(), error.to_string()),
    }
}
