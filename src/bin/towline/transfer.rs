//! The transfer protocol, over anything that reads and writes; `docs/TRANSFER.md` describes it.
//!
//! ```text
//! sender                                        receiver
//! preamble, totals                    ------>
//!                                     <------   preamble
//! FOLDER FILE FILE FILE ...           ------>
//!                                     <------   READY WANTED(0) HAVE(n) REFUSED(why) ...
//! PROOF(hash of n bytes)              ------>
//!                                     <------   WANTED(n), WANTED(0) or PRESENT
//! DATA DATA ... END(hash)             ------>   into a part, hashed; flushed, renamed
//!                                     <------   PROGRESS ... STORED or FAILED(why)
//! LEFT(folder) ... FINISH             ------>
//!                                     <------   VERDICT
//! ```
//!
//! Offers run ahead of the content, so that small files cost no round trip each. What an earlier
//! attempt left is used only if both sides have the same hash of it. The sender proves, and the
//! receiver compares: so a stranger learns nothing about files that it has not got itself.

mod attributes;
mod conversation;
mod error;
mod incoming;
mod manifest;
mod message;
mod outgoing;
mod relative;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use attributes::Attributes;
pub(crate) use conversation::Conversation;
pub(crate) use error::TransferError;
pub(crate) use incoming::{Arrival, Incoming, Rules};
pub(crate) use manifest::{Entry, LeftOut, Manifest};
pub(crate) use message::{Hash, Note, Status, Totals, Verdict};
pub(crate) use outgoing::{Departure, Watch, greet, send};
pub(crate) use relative::{RESERVED, Relative};
pub(crate) use source::fill;

use message::MAX_RECORD;
use std::io::{self, Read};

/// What the sender reads, hashes and sends at a time. A multiple of BLAKE3's 16 KiB lanes.
const CHUNK: usize = 128 * 1024;
const _: () = assert!(CHUNK <= MAX_RECORD);
/// So many files may be offered and not finished; a sender that offers more is cut off. It is what a
/// receiver holds of names, and so many small files are stored in one round trip.
const MAX_AHEAD: usize = 1024;
/// After a refusal, this much of what is still under way is read and thrown away, so that the sender
/// gets to read why; after that the connection is cut.
const MAX_DRAIN: u64 = 128 << 20;

/// Reads a sender's greeting.
pub(crate) fn read_greeting(peer: &mut impl Read) -> Result<Totals, TransferError> {
    message::read_preamble(peer)?;
    Totals::read(peer)
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
