//! The receiver's side: judges what is offered, takes what it wants, and says what became of it.
//!
//! However much a sender offers, no more is held than `MAX_AHEAD` names and `MAX_OPEN_PARTS` files.

use super::attributes::Attributes;
use super::conversation::Conversation;
use super::error::TransferError;
use super::message::{Hash, Note, Record, Status, Totals, Verdict};
use super::relative::Relative;
use super::{CHUNK, MAX_AHEAD};
use crate::store::{Finisher, Found, MAX_FINISHING, Part, Store};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// So many half-received files are held open until their content comes; what is beyond is begun
/// anew. An interrupted transfer leaves one.
const MAX_OPEN_PARTS: usize = 16;
/// The receiver reports progress at most once per this many bytes ...
const PROGRESS_BYTES: u64 = 64 * 1024;
/// ... and at most this many times.
const PROGRESS_NOTES: u64 = 4096;

/// What a receiver takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The largest file.
    pub(crate) max_size: Option<u64>,
    /// Whether names that begin with a dot may be at the top.
    pub(crate) is_taking_hidden: bool,
    /// Whether existing files give way.
    pub(crate) is_replacing: bool,
}

/// What became of one file or folder.
#[derive(Debug)]
pub(crate) enum Arrival<'a> {
    /// Stored, with this size, of which so many bytes were there already.
    Stored {
        path: &'a Path,
        size: u64,
        resumed: u64,
        hash: Hash,
    },
    /// It was there already, with the same content.
    Present,
    Folder,
    /// Not stored; its name is as the sender wrote it.
    Failed {
        path: &'a [u8],
        error: &'a TransferError,
    },
}

/// A file that was offered and is not finished.
#[derive(Debug)]
struct Offered {
    path: Relative,
    size: u64,
    attributes: Attributes,
    /// How many bytes the sender was asked to prove.
    claimed: u64,
    /// Whether these are a whole file under its final name.
    is_whole: bool,
}

/// A file that is wanted.
#[derive(Debug)]
struct Wanted {
    offered: Offered,
    /// What is there already, to go on with.
    part: Option<Part>,
}

/// A file that is complete and not flushed yet.
#[derive(Debug)]
struct Finishing {
    offered: Offered,
    resumed: u64,
    hash: Hash,
}

/// The receiver of one transfer.
pub(crate) struct Incoming<'a, P> {
    peer: &'a mut Conversation<P>,
    store: &'a mut Store,
    rules: Rules,
    tell: &'a mut dyn FnMut(Arrival<'_>),
    unproven: VecDeque<Offered>,
    wanted: VecDeque<Wanted>,
    finisher: Finisher<Finishing>,
    taken: u64,
    next_note: u64,
    note_step: u64,
    chunk: Vec<u8>,
    /// What is being received; where a transfer broke off.
    pub(crate) current: Option<PathBuf>,
    /// Whether anything was offered.
    pub(crate) is_begun: bool,
}

impl<'a, P: Read + Write> Incoming<'a, P> {
    /// `tell` hears of every file and folder.
    pub(crate) fn new(
        peer: &'a mut Conversation<P>,
        totals: Totals,
        store: &'a mut Store,
        rules: Rules,
        tell: &'a mut dyn FnMut(Arrival<'_>),
    ) -> Self {
        let note_step = PROGRESS_BYTES.max(totals.bytes / PROGRESS_NOTES);
        Self {
            peer,
            store,
            rules,
            tell,
            unproven: VecDeque::new(),
            wanted: VecDeque::new(),
            finisher: Finisher::new(),
            taken: 0,
            next_note: note_step,
            note_step,
            chunk: vec![0; CHUNK],
            current: None,
            is_begun: false,
        }
    }

    /// Receives everything. Files that fail are told about; an error ends the whole transfer.
    pub(crate) fn run(&mut self) -> Result<(), TransferError> {
        let outcome = self.work();
        // What was complete when it broke off is stored, and told about.
        outcome.and(self.settle(0))
    }

    fn work(&mut self) -> Result<(), TransferError> {
        loop {
            // A sender that waits, waits for these.
            self.settle(if self.peer.is_dry() { 0 } else { MAX_FINISHING - 1 })?;
            if self.store.is_sync_due() {
                self.settle(0)?;
                self.store.sync();
            }
            match Record::read(self.peer)? {
                Record::Folder(attributes, path) => self.folder(attributes, &path)?,
                Record::File(attributes, size, path) => self.file(attributes, size, &path)?,
                Record::Proof(hash) => self.proof(hash)?,
                Record::Busy => {}
                Record::Left(attributes, path) => self.left(attributes, &path),
                Record::Finish if self.ahead() > 0 => {
                    return Err(TransferError::Malformed("an end before the end"));
                }
                Record::Finish => {
                    self.settle(0)?;
                    self.store.sync();
                    return Ok(());
                }
                first @ (Record::Data(_) | Record::End(_) | Record::Abandon(_)) => {
                    self.content(first)?;
                }
            }
        }
    }

    fn ahead(&self) -> usize {
        self.unproven.len() + self.wanted.len()
    }

    fn folder(&mut self, attributes: Attributes, path: &[u8]) -> Result<(), TransferError> {
        self.is_begun = true;
        let made = self.admitted(path).and_then(|path| {
            self.store.make_folder(&path, attributes).map_err(TransferError::Sink)
        });
        if let Err(error) = made {
            return self.refuse(path, &error);
        }
        (self.tell)(Arrival::Folder);
        Ok(self.peer.say(&Note::Ready)?)
    }

    /// No answer is due: what is in it is stored, and that is what counts.
    fn left(&mut self, attributes: Attributes, path: &[u8]) {
        if let Ok(path) = self.admitted(path) {
            let _ = self.store.leave_folder(&path, attributes);
        }
    }

    fn file(
        &mut self,
        attributes: Attributes,
        size: u64,
        path: &[u8],
    ) -> Result<(), TransferError> {
        self.is_begun = true;
        if self.ahead() >= MAX_AHEAD {
            return Err(TransferError::Malformed("more files ahead than are allowed"));
        }
        match self.judged(attributes, size, path) {
            Err(error) => self.refuse(path, &error),
            Ok(offered) if offered.claimed > 0 || offered.is_whole => {
                self.peer.say(&Note::Have(offered.claimed))?;
                self.unproven.push_back(offered);
                Ok(())
            }
            Ok(offered) => self.want(Wanted { offered, part: None }),
        }
    }

    /// What may be stored under this name, if anything.
    fn admitted(&self, path: &[u8]) -> Result<Relative, TransferError> {
        let path = Relative::parse(path)
            .map_err(|why| refused(format!("its name is not taken: {why}")))?;
        if path.is_hidden() && !self.rules.is_taking_hidden {
            return Err(refused("names that begin with a dot are only taken with --hidden"));
        }
        Ok(path)
    }

    /// Whether a file is wanted, and what of it may be there already.
    fn judged(
        &mut self,
        attributes: Attributes,
        size: u64,
        path: &[u8],
    ) -> Result<Offered, TransferError> {
        let path = self.admitted(path)?;
        if let Some(max) = self.rules.max_size.filter(|max| size > *max) {
            return Err(refused(format!("{size} bytes are more than the {max} that are allowed")));
        }
        let found = self.store.look(&path).map_err(TransferError::Sink)?;
        let mut offered = Offered { path, size, attributes, claimed: 0, is_whole: false };
        match found {
            Found::Folder => return Err(refused("it is the name of a directory there")),
            Found::File { .. } | Found::Other if !self.rules.is_replacing => {
                if found != (Found::File { size }) {
                    return Err(exists());
                }
                offered.is_whole = true;
            }
            Found::Nothing | Found::File { .. } | Found::Other => {
                let left = self.store.part_length(&offered.path).map_err(TransferError::Sink)?;
                offered.claimed = left.min(size);
                offered.is_whole = left == 0 && found == (Found::File { size });
            }
        }
        if offered.is_whole {
            offered.claimed = size;
        }
        Ok(offered)
    }

    /// The sender's hash of what it was asked to prove.
    fn proof(&mut self, hash: Hash) -> Result<(), TransferError> {
        let Some(offered) = self.unproven.pop_front() else {
            return Err(TransferError::Malformed("a proof that was not asked for"));
        };
        let path = offered.path.as_path().as_os_str().as_encoded_bytes().to_vec();
        if offered.is_whole {
            let there = self.store.hash(&offered.path, offered.size);
            return match there.map_err(TransferError::Sink) {
                Ok(there) if there == Some(hash) => self.present(&offered),
                Ok(_) if self.rules.is_replacing => self.want(Wanted { offered, part: None }),
                Ok(_) => self.refuse(&path, &exists()),
                Err(error) => self.refuse(&path, &error),
            };
        }
        let open = self.wanted.iter().filter(|wanted| wanted.part.is_some()).count();
        if open >= MAX_OPEN_PARTS {
            return self.want(Wanted { offered, part: None });
        }
        match self.store.resume(&offered.path, offered.claimed, hash) {
            Ok(part) => self.want(Wanted { offered, part }),
            Err(error) => self.refuse(&path, &TransferError::Sink(error)),
        }
    }

    fn present(&mut self, offered: &Offered) -> Result<(), TransferError> {
        if self.rules.is_replacing {
            // The content is what counts; what cannot be set stays as it is.
            let _ = self.store.set(&offered.path, offered.attributes);
        }
        (self.tell)(Arrival::Present);
        Ok(self.peer.say(&Note::Present)?)
    }

    fn want(&mut self, wanted: Wanted) -> Result<(), TransferError> {
        self.peer.say(&Note::Wanted(wanted.from()))?;
        self.wanted.push_back(wanted);
        Ok(())
    }

    fn refuse(&mut self, path: &[u8], error: &TransferError) -> Result<(), TransferError> {
        (self.tell)(Arrival::Failed { path, error });
        Ok(self.peer.say(&Note::Refused(error.verdict()))?)
    }

    /// The content of the file that has been wanted for longest; its first record is here.
    fn content(&mut self, mut record: Record) -> Result<(), TransferError> {
        let Some(wanted) = self.wanted.pop_front() else {
            return Err(TransferError::Malformed("content that was not asked for"));
        };
        let from = wanted.from();
        let Wanted { offered, part } = wanted;
        self.current = Some(offered.path.as_path().to_owned());
        let part = part.map_or_else(|| self.store.begin(&offered.path, offered.attributes), Ok);
        // None from when on it has failed: what still comes of it is thrown away.
        let mut part = self.sound(part, &offered)?;
        let mut at = from;
        loop {
            match record {
                Record::Data(length) if length as u64 > offered.size - at => {
                    return Err(TransferError::Malformed("more content than was offered"));
                }
                Record::Data(length) => {
                    at += length as u64;
                    part = self.take(length, part, &offered)?;
                }
                Record::Abandon(why) => {
                    if part.is_some() {
                        self.fail(&offered, &TransferError::Abandoned(why))?;
                    }
                    break;
                }
                Record::End(_) if at < offered.size => {
                    return Err(TransferError::Malformed("an end before the end"));
                }
                Record::End(hash) => {
                    if let Some(part) = part {
                        self.finish(part, hash, offered, from)?;
                    }
                    break;
                }
                _ => return Err(TransferError::Malformed("something else than content")),
            }
            record = Record::read(self.peer)?;
        }
        self.current = None;
        Ok(())
    }

    /// So many bytes of content, to the end of the part.
    fn take(
        &mut self,
        length: usize,
        mut part: Option<Part>,
        offered: &Offered,
    ) -> Result<Option<Part>, TransferError> {
        let mut left = length;
        while left > 0 {
            let bytes = &mut self.chunk[..left.min(CHUNK)];
            self.peer.read_exact(bytes)?;
            left -= bytes.len();
            let written = part.take().map(|mut part| part.write(bytes).map(|()| part));
            if let Some(written) = written {
                part = self.sound(written, offered)?;
            }
        }
        self.taken += length as u64;
        if self.taken >= self.next_note {
            self.next_note = self.taken + self.note_step;
            self.peer.say(&Note::Progress(self.taken))?;
            self.peer.flush()?;
        }
        Ok(part)
    }

    /// The part, or none after the sender has been told why there is none.
    fn sound(
        &mut self,
        part: std::io::Result<Part>,
        offered: &Offered,
    ) -> Result<Option<Part>, TransferError> {
        match part {
            Ok(part) => Ok(Some(part)),
            Err(error) => {
                self.fail(offered, &TransferError::Sink(error))?;
                Ok(None)
            }
        }
    }

    fn finish(
        &mut self,
        part: Part,
        hash: Hash,
        offered: Offered,
        resumed: u64,
    ) -> Result<(), TransferError> {
        if part.hash() != hash {
            part.discard();
            return self.fail(&offered, &TransferError::Content);
        }
        match self.store.complete(part, &offered.path, offered.attributes) {
            Ok(complete) => {
                self.finisher.push(Finishing { offered, resumed, hash }, complete);
                Ok(())
            }
            Err(error) => self.fail(&offered, &TransferError::Sink(error)),
        }
    }

    /// Says what became of files that were being flushed, until at most so many are left.
    fn settle(&mut self, left: usize) -> Result<(), TransferError> {
        while let Some((finishing, outcome)) = self.finisher.pop(self.finisher.len() > left) {
            let Finishing { offered, resumed, hash } = finishing;
            match outcome {
                Ok(()) => {
                    let (path, size) = (offered.path.as_path(), offered.size);
                    (self.tell)(Arrival::Stored { path, size, resumed, hash });
                    self.peer.say(&Note::Stored)?;
                }
                Err(error) => self.fail_next(&offered, &TransferError::Sink(error))?,
            }
        }
        Ok(())
    }

    /// After the results of those before it, and then at once, as the sender need not go on with it.
    fn fail(&mut self, offered: &Offered, error: &TransferError) -> Result<(), TransferError> {
        self.settle(0)?;
        self.fail_next(offered, error)
    }

    fn fail_next(&mut self, offered: &Offered, error: &TransferError) -> Result<(), TransferError> {
        let path = offered.path.as_path().as_os_str().as_encoded_bytes();
        (self.tell)(Arrival::Failed { path, error });
        self.peer.say(&Note::Failed(error.verdict()))?;
        Ok(self.peer.flush()?)
    }
}

impl Wanted {
    /// Where the content is to begin.
    fn from(&self) -> u64 {
        if self.part.is_some() { self.offered.claimed } else { 0 }
    }
}

fn refused(why: impl Into<String>) -> TransferError {
    TransferError::NotStored(Verdict::new(Status::Refused, why))
}

fn exists() -> TransferError {
    refused("it exists already, with other content; only --overwrite replaces files")
}
