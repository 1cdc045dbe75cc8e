//! `towline recv`: files from any number of senders, each stored whole or not at all.

use crate::address::{Address, DEFAULT_PORT};
use crate::args;
use crate::clock::Clock;
use crate::failure::{Exit, Failure, Reason};
use crate::name::{self, Quoted};
use crate::report::{self, Json};
use crate::store::{self, Incoming};
use crate::transfer::{self, Hash, Note, Offer, Status, TransferError, Verdict};
use crate::units;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use towline::time::Instant;
use towline::{Listener, Stream};

/// Files received at the same time. More senders wait in the listener's backlog until one is done.
const MAX_SENDERS: usize = 16;
/// So many connections in a row that could not be accepted mean that the listener is dead.
const MAX_ACCEPT_ERRORS: usize = 100;

/// What a receiver takes, and where to.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) dir: PathBuf,
    pub(crate) is_overwriting: bool,
    pub(crate) max_size: Option<u64>,
    /// How long a sender may be silent.
    pub(crate) timeout: Duration,
}

/// A file that is stored.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) hash: Hash,
    pub(crate) time: Duration,
}

/// A file that is not.
#[derive(Clone, Debug)]
pub(crate) struct NotReceived {
    pub(crate) failure: Failure,
    /// What the sender offered; none if it got no further than that.
    pub(crate) offer: Option<Offer>,
}

/// What the threads tell the one that prints.
enum Event {
    Started,
    Ended(SocketAddr, Box<Result<Received, NotReceived>>),
    Deaf(io::Error),
}

pub(crate) fn run(arguments: args::Recv) -> Result<(), Failure> {
    let args::Recv { dir, listen, once, overwrite, max_size, timeout, style } = arguments;
    let policy = Policy { dir: usable(&dir)?, is_overwriting: overwrite, max_size, timeout };
    let listener = Arc::new(bind(listen.as_ref())?);
    let local = listener.local_addr().map_err(|e| Failure::local("cannot listen", &e))?;
    let swept = store::sweep(&policy.dir);
    if swept > 0 && !style.quiet {
        report::complain(format_args!("removed {swept} unfinished file(s) of killed receivers"));
    }
    let printer = Printer { is_json: style.json, is_quiet: style.quiet };
    printer.listening(local, &policy.dir)?;
    let workers = if once { 1 } else { MAX_SENDERS };
    let (events, inbox) = mpsc::channel();
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
    tempfile::Builder::new()
        .prefix(".towline-")
        .tempfile_in(&absolute)
        .map(|_| absolute)
        .map_err(|error| fail(&error))
}

/// Listens on this address, or on all that the system has.
fn bind(address: Option<&Address>) -> Result<Listener, Failure> {
    let fail =
        |what: String| move |error| Failure::local(format_args!("cannot listen on {what}"), &error);
    if let Some(address) = address {
        let addresses = address.resolve()?;
        return Listener::bind(addresses.as_slice()).map_err(fail(address.to_string()));
    }
    let any: [IpAddr; 2] = [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()];
    Listener::bind(any.map(|any| SocketAddr::new(any, DEFAULT_PORT)).as_slice())
        .map_err(fail(format!("port {DEFAULT_PORT}")))
}

/// Accepts and serves one sender after the other.
fn work(listener: &Listener, policy: &Policy, events: &mpsc::Sender<Event>) {
    let mut errors = 0;
    loop {
        let event = match listener.accept() {
            Ok((stream, peer)) => {
                errors = 0;
                if events.send(Event::Started).is_err() {
                    return;
                }
                let outcome = receive(&stream, policy);
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
        match event {
            Event::Started => busy += 1,
            Event::Deaf(error) => return Err(Failure::local("cannot listen any more", &error)),
            Event::Ended(peer, outcome) => {
                busy -= 1;
                let printed = match outcome.as_ref() {
                    Ok(received) => printer.received(peer, received),
                    Err(not) => printer.not_received(peer, not),
                };
                match *outcome {
                    Ok(_) if once => return printed,
                    // Garbage on the port is no transfer. The line has been printed.
                    Err(not) if once && not.offer.is_some() => {
                        return Err(Failure::new(not.failure.exit, ""));
                    }
                    // Whoever read the output is gone: end, but not in the middle of a file.
                    Ok(_) | Err(_) => closed = closed.or_else(|| printed.err()),
                }
            }
        }
        if let Some(failure) = closed.take_if(|_| busy == 0) {
            return Err(failure);
        }
    }
    Ok(())
}

/// Serves one sender.
pub(crate) fn receive(stream: &Stream, policy: &Policy) -> Result<Received, NotReceived> {
    let early = |error: &TransferError| NotReceived { failure: failure(error), offer: None };
    let start = || {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(policy.timeout))?;
        transfer::read_offer(&mut &*stream)
    };
    let offer = match start() {
        Ok(offer) => offer,
        Err(error) => {
            if !matches!(error, TransferError::Connection(_) | TransferError::Ended) {
                let _ = transfer::answer(&mut &*stream, &Note::Verdict(error.verdict()));
                hang_up(stream);
            }
            return Err(early(&error));
        }
    };
    store_offered(stream, policy, &offer)
        .map_err(|failure| NotReceived { failure, offer: Some(offer) })
}

fn store_offered(stream: &Stream, policy: &Policy, offer: &Offer) -> Result<Received, Failure> {
    let clock = Clock::start();
    let name = name::plain(&offer.name);
    let mut incoming = match begin(policy, offer, &name) {
        Ok(incoming) => incoming,
        Err(refusal) => {
            let text = refusal.message.clone();
            let verdict = Verdict { status: Status::Refused, hash: Hash::default(), text };
            let _ = transfer::answer(&mut &*stream, &Note::Verdict(verdict));
            hang_up(stream);
            return Err(refusal);
        }
    };
    let content = transfer::answer(&mut &*stream, &Note::Accepted)
        .map_err(TransferError::from)
        .and_then(|()| transfer::receive_content(&mut &*stream, offer.size, &mut incoming, &|_| ()))
        .and_then(|hash| incoming.finish().map_err(TransferError::Sink).map(|()| hash));
    let last_word = match &content {
        Ok(hash) => Some(Verdict { status: Status::Stored, hash: *hash, text: name.clone() }),
        Err(TransferError::Connection(_) | TransferError::Ended) => None,
        Err(error) => Some(error.verdict()),
    };
    if let Some(verdict) = last_word {
        // If this fails the file is stored all the same, and only the sender does not know.
        let _ = transfer::conclude(&mut &*stream, verdict);
        hang_up(stream);
    }
    let hash = content.map_err(|error| failure(&error))?;
    let time = clock.now().saturating_since(Instant::ZERO);
    Ok(Received { path: policy.dir.join(name), size: offer.size, hash, time })
}

/// Begins the file, or says why it is not wanted.
fn begin(policy: &Policy, offer: &Offer, name: &str) -> Result<Incoming, Failure> {
    if let Some(max) = policy.max_size.filter(|max| offer.size > *max) {
        let line = format!("{} bytes are more than the {max} that are allowed", offer.size);
        return Err(Failure::new(Exit::Local, line));
    }
    Incoming::create(&policy.dir, name, policy.is_overwriting).map_err(|error| {
        let line = match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!("{name:?} exists already; only --overwrite replaces files")
            }
            io::ErrorKind::IsADirectory => format!("{name:?} is the name of a directory"),
            _ => format!("cannot make {name:?}: {}", Reason(&error)),
        };
        Failure::new(Exit::Local, line)
    })
}

/// Ends our direction, and waits for the sender to end its own: then it has read all.
fn hang_up(stream: &Stream) {
    if stream.shutdown(Shutdown::Write).is_ok() {
        transfer::drain(&mut &*stream);
    }
}

fn failure(error: &TransferError) -> Failure {
    Failure::new(error.exit(), error.to_string())
}

/// The lines of the receiver.
#[derive(Clone, Copy, Debug)]
struct Printer {
    is_json: bool,
    is_quiet: bool,
}

impl Printer {
    fn listening(self, local: SocketAddr, dir: &Path) -> Result<(), Failure> {
        if self.is_json {
            let line =
                Json::default().text("event", "listening").text("address", &local.to_string());
            return report::say(line.text("dir", &dir.to_string_lossy()));
        }
        // Even --quiet says this: with port 0 nobody could know it otherwise.
        report::say(format_args!("listening on {local}, storing files in {}", Quoted(dir)))
    }

    fn received(self, peer: SocketAddr, received: &Received) -> Result<(), Failure> {
        let Received { path, size, hash, time } = received;
        let rate = units::bits_per_second(*size, *time);
        if self.is_json {
            return report::say(
                Json::default()
                    .text("event", "received")
                    .text("file", &path.to_string_lossy())
                    .text("from", &peer.to_string())
                    .number("bytes", *size)
                    .text("blake3", &report::hex(hash))
                    .float("seconds", time.as_secs_f64())
                    .float("goodput_mbit", rate / 1e6),
            );
        }
        if self.is_quiet {
            return Ok(());
        }
        let (amount, time, rate) = (units::size(*size), units::seconds(*time), units::rate(rate));
        let hash = report::hex(hash);
        report::say(format_args!(
            "received {} from {peer}: {amount} in {time}, {rate}; BLAKE3 {hash}",
            Quoted(path)
        ))
    }

    fn not_received(self, peer: SocketAddr, not: &NotReceived) -> Result<(), Failure> {
        let (what, name) = match &not.offer {
            Some(offer) => ("a file", name::plain(&offer.name)),
            None => ("a connection", String::new()),
        };
        let failure = &not.failure;
        match name.as_str() {
            "" => report::complain(format_args!("{what} from {peer} was dropped: {failure}")),
            name => report::complain(format_args!("{what} from {peer}, {name:?}: {failure}")),
        }
        if !self.is_json {
            return Ok(());
        }
        report::say(
            Json::default()
                .text("event", "failed")
                .text("file", &name)
                .text("from", &peer.to_string())
                .text("error", &failure.message),
        )
    }
}
