//! What can go wrong while a file is transferred, and whose fault it is.

use super::message::{Status, VERSION, Verdict};
use crate::failure::{Exit, Reason};
use crate::quoted::Printable;
use std::fmt;
use std::io;

/// Why a transfer failed. Prints as one line.
#[derive(Debug)]
pub(crate) enum TransferError {
    /// The connection failed.
    Connection(io::Error),
    /// The other side closed the connection in the middle.
    Ended,
    /// The other side is no `towline send` or `towline recv`.
    Stranger,
    /// The other side speaks this version of the file protocol, and not ours.
    Version(u8),
    /// The other side says something that makes no sense.
    Malformed(&'static str),
    /// The file to send could not be read.
    Source(io::Error),
    /// The file to send ended after this many bytes of as many.
    SourceShrank { read: u64, size: u64 },
    /// The file to send is not the one that was offered, or not any more.
    SourceChanged,
    /// What arrived could not be written.
    Sink(io::Error),
    /// The sender gave this file up and said why.
    Abandoned(String),
    /// The receiver did not store the file and said why.
    NotStored(Verdict),
    /// What arrived is not what was sent.
    Content,
}

impl TransferError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Source(_) | Self::SourceShrank { .. } | Self::SourceChanged | Self::Sink(_) => {
                Exit::Local
            }
            Self::Content => Exit::Content,
            Self::Stranger | Self::Version(_) => Exit::Unreachable,
            Self::NotStored(verdict) => match verdict.status {
                Status::Refused => Exit::Unreachable,
                Status::Damaged => Exit::Content,
                Status::Stored | Status::NotStored | Status::Broken => Exit::Transfer,
            },
            Self::Connection(_) | Self::Ended | Self::Malformed(_) | Self::Abandoned(_) => {
                Exit::Transfer
            }
        }
    }

    /// What a receiver tells its sender about it.
    pub(crate) fn verdict(&self) -> Verdict {
        match self {
            Self::Content => Verdict::new(Status::Damaged, self.to_string()),
            Self::NotStored(verdict) => verdict.clone(),
            Self::Sink(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Verdict::new(Status::Refused, Reason(error).to_string())
            }
            Self::Sink(error) => Verdict::new(Status::NotStored, Reason(error).to_string()),
            _ => Verdict::new(Status::Broken, self.to_string()),
        }
    }

    /// Whether nobody is left who could be told.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::Ended)
    }
}

impl From<io::Error> for TransferError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Ended,
            _ => Self::Connection(error),
        }
    }
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) if is_timeout(error) => {
                f.write_str("the other side has been silent for too long")
            }
            Self::Connection(error) => write!(f, "the connection failed: {}", Reason(error)),
            Self::Ended => f.write_str("the other side closed the connection before the end"),
            Self::Stranger => f.write_str("the other side does not speak towline's file protocol"),
            Self::Version(theirs) => write!(
                f,
                "the other side speaks version {theirs} of the file protocol, and this towline only \
                 version {VERSION}: use the same towline on both sides"
            ),
            Self::Malformed(what) => write!(f, "the other side sent nonsense: {what}"),
            Self::Source(error) => write!(f, "cannot read the file: {}", Reason(error)),
            Self::SourceShrank { read, size } => {
                write!(f, "the file shrank from {size} to {read} bytes while it was sent")
            }
            Self::SourceChanged => f.write_str("the file changed while it was sent"),
            Self::Sink(error) => write!(f, "cannot store the file: {}", Reason(error)),
            Self::Abandoned(why) => write!(f, "the sender gave up: {}", Printable(why)),
            Self::NotStored(Verdict { status, text }) => {
                let did = match status {
                    Status::Refused => "refuses it",
                    Status::NotStored => "cannot store it",
                    Status::Stored | Status::Damaged | Status::Broken => "gave up",
                };
                write!(f, "the receiver {did}: {}", Printable(text))
            }
            Self::Content => f.write_str("what arrived is not what was sent: the hashes differ"),
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
