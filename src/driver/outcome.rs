//! What the core's results are called in `std::io`.

use crate::connection::{CloseReason, Ended};
use crate::endpoint::{ConnectError, PlainError};
use crate::stream::{OpenError, ReadError, WriteError};
use std::io::{self, ErrorKind};

/// What a call on a connection that has ended fails with; the reason is the error's source.
pub(super) fn ended(ended: &Ended) -> io::Error {
    io::Error::new(kind(&ended.reason), ended.reason.clone())
}

/// The kind of that.
pub(super) const fn kind(reason: &CloseReason) -> ErrorKind {
    match reason {
        CloseReason::Peer(..) | CloseReason::Reset => ErrorKind::ConnectionReset,
        CloseReason::TimedOut => ErrorKind::TimedOut,
        CloseReason::Refused(_) => ErrorKind::ConnectionRefused,
        CloseReason::Version => ErrorKind::Unsupported,
        // Local, and whoever broke the protocol.
        _ => ErrorKind::ConnectionAborted,
    }
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

/// Why a plain datagram was not sent.
pub(super) fn plain(error: PlainError) -> io::Error {
    let kind = match error {
        PlainError::Off => ErrorKind::Unsupported,
        PlainError::Blocked => return ErrorKind::WouldBlock.into(),
        _ => ErrorKind::InvalidInput,
    };
    io::Error::new(kind, error)
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

pub(super) fn open(error: OpenError) -> io::Error {
    match error {
        OpenError::Limit => ErrorKind::WouldBlock.into(),
        _ => io::Error::new(ErrorKind::Unsupported, error),
    }
}

pub(super) fn connect(error: ConnectError) -> io::Error {
    match error {
        ConnectError::TooMany => io::Error::other(error),
        _ => io::Error::new(ErrorKind::InvalidInput, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{CloseOutcome, ProtocolError};
    use crate::time::Instant;
    use crate::wire::RefuseReason;

    fn ended_by(reason: CloseReason) -> Ended {
        Ended { reason, outcome: CloseOutcome::default(), at: Instant::ZERO }
    }

    /// Of each reason: what reads and writes fail with, and whether `take_error` and `shutdown` complain.
    #[test]
    fn each_end_has_its_kinds() {
        use ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, TimedOut,
            Unsupported,
        };
        let refused = CloseReason::Refused(RefuseReason::Busy);
        let saw = CloseReason::PeerSawProtocolError(crate::connection::PROTOCOL_CODES + 1);
        for (reason, read_kind, write_kind, is_failure, is_broken) in [
            (CloseReason::Local(0), ConnectionAborted, BrokenPipe, false, false),
            (CloseReason::Local(7), ConnectionAborted, BrokenPipe, false, true),
            (CloseReason::Peer(0, vec![]), ConnectionReset, BrokenPipe, false, false),
            (CloseReason::Peer(7, vec![]), ConnectionReset, BrokenPipe, true, true),
            (CloseReason::TimedOut, TimedOut, TimedOut, true, true),
            (CloseReason::Reset, ConnectionReset, ConnectionReset, true, true),
            (refused, ConnectionRefused, ConnectionRefused, true, true),
            (CloseReason::Version, Unsupported, Unsupported, true, true),
            (
                CloseReason::Protocol(ProtocolError::Frame),
                ConnectionAborted,
                ConnectionAborted,
                true,
                true,
            ),
            (saw, ConnectionAborted, ConnectionAborted, true, true),
        ] {
            let end = ended_by(reason.clone());
            assert_eq!((ended(&end).kind(), ended_write(&end).kind()), (read_kind, write_kind));
            let failure = failure(&end).map(|error| error.kind());
            assert_eq!((failure, !is_orderly(&end)), (is_failure.then_some(read_kind), is_broken));
            let source = ended(&end);
            let source = source.get_ref().and_then(|source| source.downcast_ref::<CloseReason>());
            assert_eq!(source, Some(&reason), "the reason is the error's source");
        }
    }

    #[test]
    fn streams_fail_as_in_std() {
        use ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, WouldBlock};
        for (error, kind) in [
            (ReadError::Blocked, WouldBlock),
            (ReadError::Reset(3), ConnectionReset),
            (ReadError::Unknown, NotConnected),
        ] {
            assert_eq!(read(error).kind(), kind);
        }
        for (error, kind) in [
            (WriteError::Blocked, WouldBlock),
            (WriteError::Finished, BrokenPipe),
            (WriteError::Stopped(3), BrokenPipe),
            (WriteError::Reset(3), BrokenPipe),
            (WriteError::Unknown, NotConnected),
        ] {
            assert_eq!(write(error).kind(), kind);
        }
    }
}
