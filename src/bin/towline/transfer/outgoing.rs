//! The sender's side: offers everything, some way ahead of the content, and sends what is wanted.

use super::error::TransferError;
use super::manifest::{Entry, Kind, Manifest};
use super::message::{self, Hash, Note, Record, Status, Verdict};
use super::source::Source;
use super::{CHUNK, MAX_AHEAD};
use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::thread;

/// So much is hashed between two signs of life to the receiver.
const BUSY_BYTES: u64 = 64 << 20;
/// Notes that wait for the sending thread; a receiver that says more than it was asked waits itself.
const MAX_NOTES: usize = 4 * MAX_AHEAD;
/// Offers are sent in pieces of about this size.
const MAX_UNSENT: usize = 32 * 1024;

/// What became of one file or folder.
#[derive(Debug)]
pub(crate) enum Departure {
    /// Stored; so many bytes of it were there already.
    Stored {
        hash: Hash,
        resumed: u64,
    },
    /// It was there already, with the same content.
    Present {
        hash: Hash,
    },
    Folder,
    Failed(TransferError),
}

/// What the two threads tell each other.
#[derive(Default)]
struct Signals {
    /// Results that have arrived: the file after as many has not failed yet.
    results: AtomicU64,
    /// The receiver has said its last word, or the connection is gone.
    is_over: AtomicBool,
    /// Bytes that need not be sent, because they are there.
    present: AtomicU64,
    taken: AtomicU64,
}

/// Who wants to know how far it is.
pub(crate) trait Watch: Sync {
    /// So many bytes are on the other side.
    fn progress(&self, bytes: u64);
}

impl<F: Fn(u64) + Sync> Watch for F {
    fn progress(&self, bytes: u64) {
        self(bytes);
    }
}

/// Greets the receiver and waits for its greeting.
pub(crate) fn greet<P: Read + Write>(
    peer: &mut P,
    manifest: &Manifest,
) -> Result<(), TransferError> {
    let mut message = Vec::new();
    message::put_preamble(&mut message);
    manifest.totals.put(&mut message);
    peer.write_all(&message)?;
    peer.flush()?;
    message::read_preamble(peer)
}

/// Sends everything. `tell` hears what became of every file and folder; an error ends the whole
/// transfer, and then `hang_up` must end `from_peer` too.
///
/// The two ends of the connection are used at the same time, in two threads.
pub(crate) fn send<R: Read + Send>(
    manifest: &Manifest,
    to_peer: &mut impl Write,
    from_peer: R,
    hang_up: &dyn Fn(),
    watch: &dyn Watch,
    tell: &mut dyn FnMut(&Entry, Departure),
) -> Result<(), TransferError> {
    let signals = &Signals::default();
    let (notes, inbox) = mpsc::sync_channel(MAX_NOTES);
    thread::scope(|scope| {
        scope.spawn(move || listen(from_peer, &notes, signals, watch));
        let mut outgoing = Outgoing {
            entries: &manifest.entries,
            to_peer,
            unsent: Vec::new(),
            inbox,
            signals,
            watch,
            tell,
            next: 0,
            offered: VecDeque::new(),
            sent: VecDeque::new(),
            contents: 0,
            chunk: vec![0; CHUNK],
        };
        // If the receiver has closed, it may have said why.
        let result = match outgoing.run() {
            Err(error) if error.is_cut() => Err(outgoing.last_word().unwrap_or(error)),
            result => result,
        };
        if result.is_err() {
            hang_up();
        }
        result
    })
}

/// Reads all notes, and keeps those for itself that are for the display.
fn listen(
    from_peer: impl Read,
    notes: &SyncSender<Result<Note, TransferError>>,
    signals: &Signals,
    watch: &dyn Watch,
) {
    let mut peer = BufReader::new(from_peer);
    loop {
        let note = Note::read(&mut peer);
        match &note {
            Ok(Note::Progress(bytes)) => {
                signals.taken.store(*bytes, Ordering::Relaxed);
                signals.report(watch);
                continue;
            }
            Ok(Note::Stored | Note::Failed(_)) => {
                signals.results.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Note::Verdict(_)) | Err(_) => signals.is_over.store(true, Ordering::Relaxed),
            Ok(_) => {}
        }
        let is_last = matches!(note, Ok(Note::Verdict(_)) | Err(_));
        if notes.send(note).is_err() || is_last {
            return;
        }
    }
}

impl Signals {
    fn report(&self, watch: &dyn Watch) {
        let present = self.present.load(Ordering::Relaxed);
        watch.progress(present.saturating_add(self.taken.load(Ordering::Relaxed)));
    }
}

/// An entry whose answer is awaited.
struct Offered<'a> {
    entry: &'a Entry,
    proof: Option<Proof>,
}

/// What was proved to the receiver: the hash of so many bytes.
struct Proof {
    length: u64,
    hash: Hash,
    hasher: Box<blake3::Hasher>,
}

/// A file that was sent, and whose result is awaited.
struct Sent<'a> {
    entry: &'a Entry,
    resumed: u64,
    /// Why it was not sent to its end, if this side decided so; none if the receiver did.
    outcome: Result<Hash, Option<TransferError>>,
}

/// The sender of one transfer.
struct Outgoing<'a, W> {
    entries: &'a [Entry],
    to_peer: &'a mut W,
    unsent: Vec<u8>,
    inbox: Receiver<Result<Note, TransferError>>,
    signals: &'a Signals,
    watch: &'a dyn Watch,
    tell: &'a mut dyn FnMut(&Entry, Departure),
    /// The entry that is offered next.
    next: usize,
    offered: VecDeque<Offered<'a>>,
    sent: VecDeque<Sent<'a>>,
    /// Files whose content has been begun.
    contents: u64,
    chunk: Vec<u8>,
}

impl<'a, W: Write> Outgoing<'a, W> {
    fn run(&mut self) -> Result<(), TransferError> {
        loop {
            self.offer_ahead()?;
            if self.offered.is_empty() && self.sent.is_empty() {
                break;
            }
            let note = self.note()?;
            self.answer(note)?;
        }
        // From the inside out: the outer one may end up closed to its owner.
        for folder in self.entries.iter().rev().filter(|entry| entry.kind == Kind::Folder) {
            self.say(&Record::Left(folder.attributes, folder.path.clone()))?;
        }
        self.say(&Record::Finish)?;
        match self.note()? {
            Note::Verdict(Verdict { status: Status::Stored, .. }) => Ok(()),
            Note::Verdict(verdict) => Err(TransferError::NotStored(verdict)),
            _ => Err(TransferError::Malformed("an answer to nothing")),
        }
    }

    /// Offers more, up to as much as the receiver takes ahead of the content.
    fn offer_ahead(&mut self) -> Result<(), TransferError> {
        while self.offered.len() < MAX_AHEAD
            && let Some(entry) = self.entries.get(self.next)
        {
            self.next += 1;
            let (attributes, path) = (entry.attributes, entry.path.clone());
            self.say(&match entry.kind {
                Kind::Folder => Record::Folder(attributes, path),
                Kind::File { size } => Record::File(attributes, size, path),
            })?;
            self.offered.push_back(Offered { entry, proof: None });
        }
        Ok(())
    }

    /// The receiver's next note; before waiting for it, everything is sent.
    fn note(&mut self) -> Result<Note, TransferError> {
        match self.inbox.try_recv() {
            Ok(note) => note,
            Err(TryRecvError::Disconnected) => Err(TransferError::Ended),
            Err(TryRecvError::Empty) => {
                self.flush()?;
                self.inbox.recv().unwrap_or(Err(TransferError::Ended))
            }
        }
    }

    /// The receiver's verdict, if it came before the connection ended.
    fn last_word(&mut self) -> Option<TransferError> {
        self.inbox.iter().find_map(|note| match note {
            Ok(Note::Verdict(verdict)) => Some(TransferError::NotStored(verdict)),
            _ => None,
        })
    }

    fn say(&mut self, record: &Record) -> io::Result<()> {
        record.put(&mut self.unsent);
        if self.unsent.len() > MAX_UNSENT { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to_peer.write_all(&self.unsent)?;
        self.unsent.clear();
        self.to_peer.flush()
    }

    fn answer(&mut self, note: Note) -> Result<(), TransferError> {
        match note {
            Note::Stored | Note::Failed(_) => return self.result(note),
            Note::Verdict(verdict) if verdict.status == Status::Stored => {
                return Err(TransferError::Malformed("stored before all was sent"));
            }
            Note::Verdict(verdict) => return Err(TransferError::NotStored(verdict)),
            _ => {}
        }
        let nothing = TransferError::Malformed("an answer to nothing");
        let Offered { entry, proof } = self.offered.pop_front().ok_or(nothing)?;
        match (note, entry.size(), proof) {
            (Note::Ready, None, _) => (self.tell)(entry, Departure::Folder),
            (Note::Wanted(0), Some(_), _) => self.content(entry, None)?,
            (Note::Wanted(from), Some(_), Some(proof)) if from == proof.length => {
                self.content(entry, Some(proof))?;
            }
            (Note::Have(length), Some(size), None) if length <= size => {
                self.prove(entry, length)?;
            }
            (Note::Present, Some(size), Some(proof)) if proof.length == size => {
                self.skip(size);
                (self.tell)(entry, Departure::Present { hash: proof.hash });
            }
            (Note::Refused(verdict), size, _) => {
                self.skip(size.unwrap_or(0));
                (self.tell)(entry, Departure::Failed(TransferError::NotStored(verdict)));
            }
            _ => return Err(TransferError::Malformed("an answer that does not fit")),
        }
        Ok(())
    }

    /// What became of the file that was sent first of those whose result is due.
    fn result(&mut self, note: Note) -> Result<(), TransferError> {
        let nothing = TransferError::Malformed("a result of nothing");
        let Sent { entry, resumed, outcome } = self.sent.pop_front().ok_or(nothing)?;
        let departure = match (note, outcome) {
            (Note::Stored, Ok(hash)) => Departure::Stored { hash, resumed },
            (Note::Stored, Err(_)) => {
                return Err(TransferError::Malformed("stored before all was sent"));
            }
            (_, Err(Some(error))) => Departure::Failed(error),
            (Note::Failed(verdict), _) => Departure::Failed(TransferError::NotStored(verdict)),
            _ => return Ok(()),
        };
        (self.tell)(entry, departure);
        Ok(())
    }

    /// These bytes need not be sent.
    fn skip(&self, bytes: u64) {
        self.signals.present.fetch_add(bytes, Ordering::Relaxed);
        self.signals.report(self.watch);
    }

    /// Says the hash of what the receiver has. If there is none, it is no hash of anything: the
    /// receiver will want the file from its begin, and then it is told why there is none.
    fn prove(&mut self, entry: &'a Entry, length: u64) -> Result<(), TransferError> {
        let hasher = match self.hash(entry, length) {
            Err(error) if error.is_cut() => return Err(error),
            hashed => hashed.ok(),
        };
        let hash = hasher.as_ref().map_or(Hash::default(), |hasher| hasher.finalize().into());
        self.say(&Record::Proof(hash))?;
        let hasher = hasher.unwrap_or_default();
        self.offered.push_back(Offered { entry, proof: Some(Proof { length, hash, hasher }) });
        Ok(())
    }

    fn hash(&mut self, entry: &Entry, length: u64) -> Result<Box<blake3::Hasher>, TransferError> {
        let mut hasher = Box::<blake3::Hasher>::default();
        let mut source = Source::open(entry, 0)?;
        let mut hashed = 0;
        while hashed < length {
            let bytes =
                &mut self.chunk[..CHUNK.min(usize::try_from(length - hashed).unwrap_or(CHUNK))];
            source.read(bytes)?;
            hasher.update(bytes);
            hashed += bytes.len() as u64;
            if hashed.is_multiple_of(BUSY_BYTES) {
                self.say(&Record::Busy)?;
                self.flush()?;
            }
        }
        Ok(hasher)
    }

    /// Sends a file, all of it or what comes behind what was proved.
    fn content(&mut self, entry: &'a Entry, proof: Option<Proof>) -> Result<(), TransferError> {
        let (resumed, hasher) = proof.map_or_else(Default::default, |p| (p.length, p.hasher));
        self.contents += 1;
        self.skip(resumed);
        let outcome = match self.write_content(entry, resumed, *hasher) {
            Ok(Some(hash)) => {
                self.say(&Record::End(hash))?;
                Ok(hash)
            }
            Ok(None) => {
                self.say(&Record::Abandon("the receiver does not want it any more".to_owned()))?;
                Err(None)
            }
            Err(error) if error.is_cut() => return Err(error),
            Err(error) => {
                self.say(&Record::Abandon(error.to_string()))?;
                Err(Some(error))
            }
        };
        self.sent.push_back(Sent { entry, resumed, outcome });
        Ok(())
    }

    /// All records; the hash, or none if the receiver has had enough.
    fn write_content(
        &mut self,
        entry: &Entry,
        from: u64,
        mut hasher: blake3::Hasher,
    ) -> Result<Option<Hash>, TransferError> {
        let size = entry.size().unwrap_or(0);
        let mut source = Source::open(entry, from)?;
        let mut at = from;
        while at < size {
            let has_failed = self.signals.results.load(Ordering::Relaxed) >= self.contents;
            if has_failed || self.signals.is_over.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let bytes = &mut self.chunk[..CHUNK.min(usize::try_from(size - at).unwrap_or(CHUNK))];
            source.read(bytes)?;
            hasher.update(bytes);
            at += bytes.len() as u64;
            Record::Data(bytes.len()).put(&mut self.unsent);
            self.unsent.extend_from_slice(bytes);
            if self.unsent.len() > MAX_UNSENT {
                self.flush()?;
            }
        }
        source.check()?;
        Ok(Some(hasher.finalize().into()))
    }
}
