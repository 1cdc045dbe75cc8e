//! The file protocol's messages, to and from bytes. All numbers are big-endian.
//!
//! ```text
//! both:      preamble   "TOWFILE" version(1)
//! sender:    offer      size(8) name_length(2) name
//!            DATA       1 length(4) bytes
//!            END        2 hash(32)
//!            ABORT      3 text_length(2) text
//! receiver:  ACCEPTED   1
//!            PROGRESS   2 bytes(8)
//!            VERDICT    3 status(1) hash(32) text_length(2) text
//! ```

use super::error::TransferError;
use std::io::Read;

/// A BLAKE3 hash.
pub(crate) type Hash = [u8; 32];

/// What both sides send first. These eight bytes are the same in every version.
const MAGIC: [u8; 7] = *b"TOWFILE";
/// The version that this program speaks.
pub(crate) const VERSION: u8 = 1;

/// The most that one DATA record holds; a longer one is refused.
pub(crate) const MAX_RECORD: usize = 1 << 20;
/// The longest name that is read; a longer one is refused. What is kept of it is shorter still.
const MAX_NAME: usize = 4096;
/// Texts for people are cut to this many bytes before they are sent; a longer one is refused.
const MAX_TEXT: usize = 1024;

/// What a sender offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) size: u64,
    /// As the sender wrote it: not to be trusted.
    pub(crate) name: String,
}

/// What a sender says after its offer was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// So many bytes of content follow.
    Data(usize),
    /// All has been sent; the content's hash.
    End(Hash),
    /// The sender gives up; why.
    Abort(String),
}

/// What a receiver says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Accepted,
    /// So many bytes of content have been taken.
    Progress(u64),
    /// The last word.
    Verdict(Verdict),
}

/// How the transfer ended for the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) status: Status,
    /// Of what was stored, else zeros.
    pub(crate) hash: Hash,
    /// For people: where it is stored, or why it is not.
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Complete, verified, on disk, under its final name.
    Stored = 0,
    /// Not wanted: it exists already, or is too large.
    Refused = 1,
    /// The receiver could not write it.
    NotStored = 2,
    /// What arrived is not what the sender hashed.
    Damaged = 3,
    /// The receiver did not understand the sender, or ends because the sender did.
    Broken = 4,
}

pub(super) fn put_preamble(message: &mut Vec<u8>) {
    message.extend(MAGIC);
    message.push(VERSION);
}

pub(super) fn read_preamble(peer: &mut impl Read) -> Result<(), TransferError> {
    let mut magic = MAGIC;
    peer.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(TransferError::Stranger);
    }
    match read_u8(peer)? {
        VERSION => Ok(()),
        version => Err(TransferError::Version(version)),
    }
}

impl Offer {
    pub(super) fn put(&self, message: &mut Vec<u8>) {
        message.extend(self.size.to_be_bytes());
        put_text(message, &self.name, MAX_NAME);
    }

    pub(super) fn read(peer: &mut impl Read) -> Result<Self, TransferError> {
        let size = read_u64(peer)?;
        Ok(Self { size, name: read_text(peer, MAX_NAME)? })
    }
}

impl Record {
    pub(super) fn put(&self, message: &mut Vec<u8>) {
        match self {
            Self::Data(length) => {
                message.push(1);
                message.extend((*length as u32).to_be_bytes());
            }
            Self::End(hash) => {
                message.push(2);
                message.extend(hash);
            }
            Self::Abort(text) => {
                message.push(3);
                put_text(message, text, MAX_TEXT);
            }
        }
    }

    pub(super) fn read(peer: &mut impl Read) -> Result<Self, TransferError> {
        match read_u8(peer)? {
            1 => match u32::from_be_bytes(read_array(peer)?) as usize {
                length @ 1..=MAX_RECORD => Ok(Self::Data(length)),
                _ => Err(TransferError::Malformed("a record of a forbidden length")),
            },
            2 => Ok(Self::End(read_array(peer)?)),
            3 => Ok(Self::Abort(read_text(peer, MAX_TEXT)?)),
            _ => Err(TransferError::Malformed("an unknown record")),
        }
    }
}

impl Note {
    pub(super) fn put(&self, message: &mut Vec<u8>) {
        match self {
            Self::Accepted => message.push(1),
            Self::Progress(bytes) => {
                message.push(2);
                message.extend(bytes.to_be_bytes());
            }
            Self::Verdict(verdict) => {
                message.extend([3, verdict.status as u8]);
                message.extend(verdict.hash);
                put_text(message, &verdict.text, MAX_TEXT);
            }
        }
    }

    pub(super) fn read(peer: &mut impl Read) -> Result<Self, TransferError> {
        match read_u8(peer)? {
            1 => Ok(Self::Accepted),
            2 => Ok(Self::Progress(read_u64(peer)?)),
            3 => {
                let status = Status::from_u8(read_u8(peer)?)
                    .ok_or(TransferError::Malformed("an unknown verdict"))?;
                let hash = read_array(peer)?;
                Ok(Self::Verdict(Verdict { status, hash, text: read_text(peer, MAX_TEXT)? }))
            }
            _ => Err(TransferError::Malformed("an unknown answer")),
        }
    }
}

impl Status {
    fn from_u8(byte: u8) -> Option<Self> {
        [Self::Stored, Self::Refused, Self::NotStored, Self::Damaged, Self::Broken]
            .into_iter()
            .find(|status| *status as u8 == byte)
    }
}

fn read_array<const N: usize>(peer: &mut impl Read) -> Result<[u8; N], TransferError> {
    let mut bytes = [0; N];
    peer.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_u8(peer: &mut impl Read) -> Result<u8, TransferError> {
    let [byte] = read_array(peer)?;
    Ok(byte)
}

fn read_u64(peer: &mut impl Read) -> Result<u64, TransferError> {
    Ok(u64::from_be_bytes(read_array(peer)?))
}

/// What is no UTF-8 is replaced: a text is for people, and a name is only a wish.
fn read_text(peer: &mut impl Read, max: usize) -> Result<String, TransferError> {
    let length = usize::from(u16::from_be_bytes(read_array(peer)?));
    if length > max {
        return Err(TransferError::Malformed("a text that is too long"));
    }
    let mut bytes = vec![0; length];
    peer.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn put_text(message: &mut Vec<u8>, text: &str, max: usize) {
    let text = &text[..text.floor_char_boundary(max)];
    message.extend((text.len() as u16).to_be_bytes());
    message.extend(text.as_bytes());
}
