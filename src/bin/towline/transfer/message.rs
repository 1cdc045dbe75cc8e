//! The file protocol's messages, to and from bytes. All numbers are big-endian; `docs/TRANSFER.md` has
//! the table.

use super::attributes::{self, Attributes};
use super::error::TransferError;
use super::relative::MAX_PATH;
use std::io::Read;

/// A BLAKE3 hash.
pub(crate) type Hash = [u8; 32];

/// What both sides send first. These eight bytes are the same in every version.
const MAGIC: [u8; 7] = *b"TOWFILE";
/// The version that this program speaks.
pub(crate) const VERSION: u8 = 2;

/// The most that one DATA record holds; a longer one ends the transfer.
pub(crate) const MAX_RECORD: usize = 1 << 20;
/// Texts for people are cut to this many bytes before they are sent; a longer one ends the transfer.
const MAX_TEXT: usize = 1024;

/// What a sender says first, for the receiver's display: nothing is reserved for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// What a sender says then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// There is a folder of this path.
    Folder(Attributes, Vec<u8>),
    /// There is a file of this size and path.
    File(Attributes, u64, Vec<u8>),
    /// The hash of as many bytes of a file as the receiver has.
    Proof(Hash),
    /// So many bytes of content follow.
    Data(usize),
    /// The file has been sent; the hash of all its content.
    End(Hash),
    /// The file is not sent to its end; why.
    Abandon(String),
    /// Nothing new, but the sender is alive: it is reading what the receiver has already.
    Busy,
    /// Everything in this folder is there; its final attributes.
    Left(Attributes, Vec<u8>),
    /// That was all.
    Finish,
}

/// What a receiver says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The folder is there.
    Ready,
    /// The file is wanted from this byte on.
    Wanted(u64),
    /// So many bytes may be there already: what is their hash?
    Have(u64),
    /// The file is there already.
    Present,
    /// The folder or file is not wanted or not possible.
    Refused(Verdict),
    /// The file that was sent is stored under its name.
    Stored,
    /// The file that was sent, or is being sent, is not stored.
    Failed(Verdict),
    /// So many bytes of content have been taken, of all files.
    Progress(u64),
    /// The last word: everything is on the disk, or why the receiver ends.
    Verdict(Verdict),
}

/// How something ended for the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) status: Status,
    /// For people: why.
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Complete, verified, on disk, under its final name.
    Stored = 0,
    /// Not wanted: it exists already, is too large, or has a forbidden name.
    Refused = 1,
    /// The receiver could not write it.
    NotStored = 2,
    /// What arrived is not what the sender hashed.
    Damaged = 3,
    /// The receiver did not understand the sender, or ends because the sender did.
    Broken = 4,
}

impl Verdict {
    pub(crate) fn new(status: Status, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
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

impl Totals {
    pub(super) fn put(self, message: &mut Vec<u8>) {
        message.extend(self.files.to_be_bytes());
        message.extend(self.bytes.to_be_bytes());
    }

    pub(super) fn read(peer: &mut impl Read) -> Result<Self, TransferError> {
        Ok(Self { files: read_u64(peer)?, bytes: read_u64(peer)? })
    }
}

impl Record {
    pub(super) fn put(&self, message: &mut Vec<u8>) {
        message.push(match self {
            Self::Folder(..) => 1,
            Self::File(..) => 2,
            Self::Proof(_) => 3,
            Self::Data(_) => 4,
            Self::End(_) => 5,
            Self::Abandon(_) => 6,
            Self::Busy => 7,
            Self::Left(..) => 8,
            Self::Finish => 9,
        });
        match self {
            Self::Folder(attributes, path) | Self::Left(attributes, path) => {
                message.extend(attributes.to_bytes());
                put_bytes(message, path);
            }
            Self::File(attributes, size, path) => {
                message.extend(attributes.to_bytes());
                message.extend(size.to_be_bytes());
                put_bytes(message, path);
            }
            Self::Proof(hash) | Self::End(hash) => message.extend(hash),
            Self::Data(length) => message.extend((*length as u32).to_be_bytes()),
            Self::Abandon(text) => put_text(message, text),
            Self::Busy | Self::Finish => {}
        }
    }

    pub(super) fn read(peer: &mut impl Read) -> Result<Self, TransferError> {
        Ok(match read_u8(peer)? {
            1 => Self::Folder(read_attributes(peer)?, read_path(peer)?),
            2 => {
                let attributes = read_attributes(peer)?;
                let size = read_u64(peer)?;
                Self::File(attributes, size, read_path(peer)?)
            }
            3 => Self::Proof(read_array(peer)?),
            4 => match u32::from_be_bytes(read_array(peer)?) as usize {
                length @ 1..=MAX_RECORD => Self::Data(length),
                _ => return Err(TransferError::Malformed("a record of a forbidden length")),
            },
            5 => Self::End(read_array(peer)?),
            6 => Self::Abandon(read_text(peer)?),
            7 => Self::Busy,
            8 => Self::Left(read_attributes(peer)?, read_path(peer)?),
            9 => Self::Finish,
            _ => return Err(TransferError::Malformed("an unknown record")),
        })
    }
}

impl Note {
    pub(super) fn put(&self, message: &mut Vec<u8>) {
        message.push(match self {
            Self::Ready => 1,
            Self::Wanted(_) => 2,
            Self::Have(_) => 3,
            Self::Present => 4,
            Self::Refused(_) => 5,
            Self::Stored => 6,
            Self::Failed(_) => 7,
            Self::Progress(_) => 8,
            Self::Verdict(_) => 9,
        });
        match self {
            Self::Wanted(bytes) | Self::Have(bytes) | Self::Progress(bytes) => {
                message.extend(bytes.to_be_bytes());
            }
            Self::Refused(verdict) | Self::Failed(verdict) | Self::Verdict(verdict) => {
                message.push(verdict.status as u8);
                put_text(message, &verdict.text);
            }
            Self::Ready | Self::Present | Self::Stored => {}
        }
    }

    pub(super) fn read(peer: &mut impl Read) -> Result<Self, TransferError> {
        Ok(match read_u8(peer)? {
            1 => Self::Ready,
            2 => Self::Wanted(read_u64(peer)?),
            3 => Self::Have(read_u64(peer)?),
            4 => Self::Present,
            5 => Self::Refused(read_verdict(peer)?),
            6 => Self::Stored,
            7 => Self::Failed(read_verdict(peer)?),
            8 => Self::Progress(read_u64(peer)?),
            9 => Self::Verdict(read_verdict(peer)?),
            _ => return Err(TransferError::Malformed("an unknown answer")),
        })
    }
}

fn read_verdict(peer: &mut impl Read) -> Result<Verdict, TransferError> {
    let byte = read_u8(peer)?;
    let status =
        [Status::Stored, Status::Refused, Status::NotStored, Status::Damaged, Status::Broken]
            .into_iter()
            .find(|status| *status as u8 == byte)
            .ok_or(TransferError::Malformed("an unknown verdict"))?;
    Ok(Verdict { status, text: read_text(peer)? })
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

fn read_attributes(peer: &mut impl Read) -> Result<Attributes, TransferError> {
    Ok(Attributes::from_bytes(read_array::<{ attributes::BYTES }>(peer)?))
}

fn read_bytes(
    peer: &mut impl Read,
    max: usize,
    too_long: &'static str,
) -> Result<Vec<u8>, TransferError> {
    let length = usize::from(u16::from_be_bytes(read_array(peer)?));
    if length > max {
        return Err(TransferError::Malformed(too_long));
    }
    let mut bytes = vec![0; length];
    peer.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_path(peer: &mut impl Read) -> Result<Vec<u8>, TransferError> {
    read_bytes(peer, MAX_PATH, "a name that is too long")
}

/// What is no UTF-8 is replaced: a text is for people.
fn read_text(peer: &mut impl Read) -> Result<String, TransferError> {
    let bytes = read_bytes(peer, MAX_TEXT, "a text that is too long")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn put_bytes(message: &mut Vec<u8>, bytes: &[u8]) {
    message.extend((bytes.len() as u16).to_be_bytes());
    message.extend(bytes);
}

fn put_text(message: &mut Vec<u8>, text: &str) {
    put_bytes(message, &text.as_bytes()[..text.floor_char_boundary(MAX_TEXT)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<T: PartialEq + std::fmt::Debug>(
        value: &T,
        put: impl Fn(&T, &mut Vec<u8>),
        read: impl Fn(&mut &[u8]) -> Result<T, TransferError>,
    ) {
        let mut bytes = Vec::new();
        put(value, &mut bytes);
        let mut rest = bytes.as_slice();
        assert_eq!(&read(&mut rest).unwrap(), value);
        assert!(rest.is_empty());
        for end in 0..bytes.len() {
            assert!(matches!(read(&mut &bytes[..end]), Err(TransferError::Ended)), "{value:?}");
        }
    }

    #[test]
    fn every_message_survives_and_none_survives_a_cut() {
        let attributes = Attributes { mode: Some(0o640), modified: None };
        for record in [
            Record::Folder(attributes, b"a/b".to_vec()),
            Record::File(attributes, u64::MAX, vec![0xff; MAX_PATH]),
            Record::Proof([1; 32]),
            Record::Data(MAX_RECORD),
            Record::End([2; 32]),
            Record::Abandon("why".to_owned()),
            Record::Busy,
            Record::Left(attributes, Vec::new()),
            Record::Finish,
        ] {
            round_trip(&record, Record::put, |bytes| Record::read(bytes));
        }
        let verdict = || Verdict::new(Status::Damaged, "Grüße");
        for note in [
            Note::Ready,
            Note::Wanted(7),
            Note::Have(8),
            Note::Present,
            Note::Refused(verdict()),
            Note::Stored,
            Note::Failed(verdict()),
            Note::Progress(9),
            Note::Verdict(verdict()),
        ] {
            round_trip(&note, Note::put, |bytes| Note::read(bytes));
        }
    }

    #[test]
    fn texts_are_cut_at_a_letter() {
        let mut bytes = Vec::new();
        put_text(&mut bytes, &format!("x{}", "ü".repeat(MAX_TEXT)));
        assert_eq!(read_text(&mut bytes.as_slice()).unwrap().len(), MAX_TEXT - 1);
    }
}
