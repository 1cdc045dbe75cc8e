//! What the core's results are called in `std::io`.

use crate::connection::{CloseReason, Ended};
use crate::endpoint::ConnectError;
use crate::stream::{OpenError, ReadError, WriteError};
use std::io::{self, ErrorKind};

/// What a call on a connection that has ended fails with; the reason is the error's source.
pub(super) fn ended(ended: &Ended) -> io::Error {
    let kind = match ended.reason {
        CloseReason::Peer(..) | CloseReason::Reset => ErrorKind::ConnectionReset,
        CloseReason::TimedOut => ErrorKind::TimedOut,
        CloseReason::Refused(_) => ErrorKind::ConnectionRefused,
        CloseReason::Version => ErrorKind::Unsupported,
        // Local, and whoever broke the protocol.
        _ => ErrorKind::ConnectionAborted,
    };
    io::Error::new(kind, ended.reason.clone())
}

/// The same for a write: it is not a write's fault that one of both sides has closed.
pub(super) fn ended_write(end: &Ended) -> io::Error {
    match end.reason {
        CloseReason::Local(_) | CloseReason::Peer(..) => {
            io::Error::new(ErrorKind::BrokenPipe, end.reason.clone())
        }
        _ => ended(end),
    }
}

/// Why a connection broke, if it did: what this side has closed has not broken.
pub(super) fn failure(end: &Ended) -> Option<io::Error> {
    (!is_orderly(end) && !matches!(end.reason, CloseReason::Local(_))).then(|| ended(end))
}

/// Whether the peer, or its host, ended the connection: so there was one.
pub(super) fn is_by_peer(ended: &Ended) -> bool {
    matches!(ended.reason, CloseReason::Peer(..) | CloseReason::Reset)
}

/// Whether a connection ended in good order.
pub(super) fn is_orderly(ended: &Ended) -> bool {
    matches!(ended.reason, CloseReason::Local(0) | CloseReason::Peer(0, _))
}

pub(super) fn read(error: ReadError) -> io::Error {
    match error {
        ReadError::Blocked => ErrorKind::WouldBlock.into(),
        ReadError::Reset(_) => io::Error::new(ErrorKind::ConnectionReset, error),
        _ => io::Error::new(ErrorKind::NotConnected, error),
    }
}

pub(super) fn write(error: WriteError) -> io::Error {
    match error {
        WriteError::Blocked => ErrorKind::WouldBlock.into(),
        WriteError::Unknown => io::Error::new(ErrorKind::NotConnected, error),
        _ => io::Error::new(ErrorKind::BrokenPipe, error),
    }
}

pub(super) fn open(_: OpenError) -> io::Error {
    ErrorKind::WouldBlock.into()
}

pub(super) fn connect(error: ConnectError) -> io::Error {
    match error {
        ConnectError::TooMany => io::Error::other(error),
        _ => io::Error::new(ErrorKind::InvalidInput, error),
    }
}
