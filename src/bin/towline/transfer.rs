//! The file protocol, over anything that reads and writes.
//!
//! ```text
//! sender                                        receiver
//! preamble, offer(size, name)         ------>
//!                                     <------   preamble, ACCEPTED or VERDICT
//! DATA DATA DATA ...                  ------>   into a temporary file, hashed
//!                                     <------   PROGRESS ...
//! END(hash)                           ------>   same hash? flush to disk, give it its name
//!                                     <------   VERDICT(stored, hash)
//! ```
//!
//! A verdict may come at any time, and then the sender stops. So the sender knows that the file is
//! whole and on the other side's disk, or why it is not.

mod error;
mod message;
#[cfg(test)]
mod tests;

pub(crate) use error::TransferError;
pub(crate) use message::{Hash, Note, Offer, Status, Verdict};

use message::{MAX_RECORD, Record};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What the sender reads, hashes and sends at a time. A multiple of BLAKE3's 16 KiB lanes.
const CHUNK: usize = 128 * 1024;
const _: () = assert!(CHUNK <= MAX_RECORD);
/// The receiver reports progress at most once per this many bytes ...
const PROGRESS_BYTES: u64 = 64 * 1024;
/// ... and at most this many times.
const PROGRESS_NOTES: u64 = 4096;
/// After a refusal, this much of what is still under way is read and thrown away, so that the sender
/// gets to read why; after that the connection is cut.
const MAX_DRAIN: u64 = 128 << 20;

/// Offers a file and waits until the receiver accepts it.
pub(crate) fn offer<P: Read + Write>(peer: &mut P, offer: &Offer) -> Result<(), TransferError> {
    let mut message = Vec::new();
    message::put_preamble(&mut message);
    offer.put(&mut message);
    say(peer, &message)?;
    message::read_preamble(peer)?;
    match Note::read(peer)? {
        Note::Accepted => Ok(()),
        Note::Verdict(verdict) => Err(TransferError::NotStored(verdict)),
        Note::Progress(_) => Err(TransferError::Malformed("progress before the start")),
    }
}

/// Sends what was offered, and returns its hash once the receiver has stored the same content.
/// `progress` is called with the number of bytes that the receiver has taken.
///
/// The two ends of the connection are used at the same time, in two threads.
pub(crate) fn send_content<R: Read + Send>(
    source: &mut impl Read,
    size: u64,
    to_peer: &mut impl Write,
    mut from_peer: R,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Hash, TransferError> {
    let is_over = AtomicBool::new(false);
    let (sent, verdict) = thread::scope(|scope| {
        let verdict = scope.spawn(|| {
            let verdict = await_verdict(&mut from_peer, progress);
            is_over.store(true, Ordering::Relaxed);
            verdict
        });
        let sent = write_content(source, size, to_peer, &is_over);
        (sent, verdict.join())
    });
    let verdict = verdict.unwrap_or(Err(TransferError::Malformed("the reading thread ended")));
    match (sent, verdict) {
        (Err(error @ (TransferError::Source(_) | TransferError::SourceShrank { .. })), _) => {
            Err(error)
        }
        (Ok(Some(hash)), Ok(verdict)) if verdict.status == Status::Stored => {
            if verdict.hash == hash { Ok(hash) } else { Err(TransferError::Content) }
        }
        (_, Ok(verdict)) if verdict.status == Status::Stored => {
            Err(TransferError::Malformed("stored before all was sent"))
        }
        (_, Ok(verdict)) => Err(TransferError::NotStored(verdict)),
        (Err(error), Err(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// All records; the hash, or none if the receiver's verdict came first.
fn write_content(
    source: &mut impl Read,
    size: u64,
    peer: &mut impl Write,
    is_over: &AtomicBool,
) -> Result<Option<Hash>, TransferError> {
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; CHUNK];
    let mut record = Vec::with_capacity(CHUNK + 8);
    let mut sent = 0;
    while sent < size {
        if is_over.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let want = CHUNK.min((size - sent) as usize);
        let read = match fill(source, &mut chunk[..want]) {
            Ok(0) => Err(TransferError::SourceShrank { read: sent, size }),
            Ok(length) => Ok(&chunk[..length]),
            Err(error) => Err(TransferError::Source(error)),
        };
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => {
                // Whether this arrives or not: the file is not stored without END.
                record.clear();
                Record::Abort(error.to_string()).put(&mut record);
                let _ = say(peer, &record);
                return Err(error);
            }
        };
        hasher.update(bytes);
        record.clear();
        Record::Data(bytes.len()).put(&mut record);
        record.extend_from_slice(bytes);
        peer.write_all(&record)?;
        sent += bytes.len() as u64;
    }
    let hash = hasher.finalize().into();
    record.clear();
    Record::End(hash).put(&mut record);
    say(peer, &record)?;
    Ok(Some(hash))
}

/// A message in one piece, at once.
fn say(peer: &mut impl Write, message: &[u8]) -> io::Result<()> {
    peer.write_all(message)?;
    peer.flush()
}

/// Reads until the buffer is full or the source ends.
pub(crate) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn await_verdict(
    peer: &mut impl Read,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Verdict, TransferError> {
    loop {
        match Note::read(peer)? {
            Note::Progress(bytes) => progress(bytes),
            Note::Verdict(verdict) => return Ok(verdict),
            Note::Accepted => return Err(TransferError::Malformed("accepted twice")),
        }
    }
}

/// Reads what a sender offers.
pub(crate) fn read_offer(peer: &mut impl Read) -> Result<Offer, TransferError> {
    message::read_preamble(peer)?;
    Offer::read(peer)
}

/// The receiver's first word: that it wants the file, or why not.
pub(crate) fn answer(peer: &mut impl Write, note: &Note) -> io::Result<()> {
    let mut message = Vec::new();
    message::put_preamble(&mut message);
    note.put(&mut message);
    say(peer, &message)
}

/// The receiver's last word.
pub(crate) fn conclude(peer: &mut impl Write, verdict: Verdict) -> io::Result<()> {
    let mut message = Vec::new();
    Note::Verdict(verdict).put(&mut message);
    say(peer, &message)
}

/// Receives what was accepted, and returns its hash if it is the one that the sender computed.
/// `progress` is called with the number of bytes that are in the sink.
pub(crate) fn receive_content<P: Read + Write>(
    peer: &mut P,
    size: u64,
    sink: &mut impl Write,
    progress: &dyn Fn(u64),
) -> Result<Hash, TransferError> {
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; CHUNK];
    let mut received = 0;
    let step = PROGRESS_BYTES.max(size / PROGRESS_NOTES);
    let mut next_note = step;
    loop {
        let mut left = match Record::read(peer)? {
            Record::Data(length) => length,
            Record::Abort(why) => return Err(TransferError::Aborted(why)),
            Record::End(_) if received < size => {
                return Err(TransferError::Malformed("an end before the end"));
            }
            Record::End(hash) => {
                sink.flush().map_err(TransferError::Sink)?;
                let is_same = hasher.finalize() == hash;
                return if is_same { Ok(hash) } else { Err(TransferError::Content) };
            }
        };
        if left as u64 > size - received {
            return Err(TransferError::Malformed("more content than was offered"));
        }
        while left > 0 {
            let part = &mut chunk[..left.min(CHUNK)];
            peer.read_exact(part)?;
            hasher.update(part);
            sink.write_all(part).map_err(TransferError::Sink)?;
            left -= part.len();
            received += part.len() as u64;
        }
        progress(received);
        if received >= next_note {
            next_note = received + step;
            let mut message = Vec::new();
            Note::Progress(received).put(&mut message);
            say(peer, &message)?;
        }
    }
}

/// Reads and forgets until the other side closes, so that what was said last can arrive.
pub(crate) fn drain(peer: &mut impl Read) {
    let mut chunk = vec![0; CHUNK];
    let mut drained = 0;
    while drained < MAX_DRAIN {
        match peer.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => drained += length as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
