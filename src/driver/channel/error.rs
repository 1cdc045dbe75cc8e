//! Why a call on a channel failed, and what it is called in `std::io`.

use super::super::outcome;
use super::super::patience::Patience;
use crate::connection::{CloseReason, Connection as Core};
use crate::stream::{RecvError, SendError};
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

/// Why a call on a [`Channel`](super::Channel) failed. As an [`io::Error`] it has the kind that is
/// named with each.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelError {
    /// The call's time is over ([`ErrorKind::TimedOut`]).
    TimedOut,
    /// The call would have to wait, and may not ([`ErrorKind::WouldBlock`]).
    WouldBlock,
    /// The message is not accepted: too large, too many keys or an option that the delivery does not
    /// have ([`ErrorKind::InvalidInput`]); the queue is full and its policy is to refuse
    /// ([`ErrorKind::StorageFull`]); the channel was closed, or the peer wants no more
    /// ([`ErrorKind::BrokenPipe`]).
    Send(SendError),
    /// There is no message: the buffer is too short ([`ErrorKind::InvalidInput`]), some are missing
    /// ([`ErrorKind::InvalidData`]), or the peer has closed the channel and everything was read
    /// ([`ErrorKind::UnexpectedEof`]).
    Recv(RecvError),
    /// The peer gave up a channel of [`Delivery::Stream`](crate::Delivery::Stream), with this code
    /// ([`ErrorKind::ConnectionReset`]).
    Reset(u64),
    /// The connection has ended (the kinds of a [`Stream`](crate::Stream)'s reads).
    Closed(CloseReason),
    /// The driver of the socket has failed ([`ErrorKind::Other`]).
    Failed,
}

impl ChannelError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TimedOut => ErrorKind::TimedOut,
            Self::WouldBlock | Self::Send(SendError::Blocked) | Self::Recv(RecvError::Blocked) => {
                ErrorKind::WouldBlock
            }
            Self::Send(SendError::Full) => ErrorKind::StorageFull,
            Self::Send(SendError::Stopped | SendError::Finished) => ErrorKind::BrokenPipe,
            Self::Send(SendError::Unknown) | Self::Recv(RecvError::Unknown) => {
                ErrorKind::NotConnected
            }
            Self::Send(_) | Self::Recv(RecvError::Short { .. }) => ErrorKind::InvalidInput,
            Self::Recv(RecvError::Gap { .. }) => ErrorKind::InvalidData,
            Self::Recv(RecvError::Finished) => ErrorKind::UnexpectedEof,
            Self::Reset(_) => ErrorKind::ConnectionReset,
            Self::Closed(reason) => outcome::kind(reason),
            Self::Failed => ErrorKind::Other,
        }
    }
}

/// That the connection has ended, if it has.
pub(in crate::driver) fn closed<T>(core: &Core) -> Option<Result<T, ChannelError>> {
    core.ended().map(|ended| Err(ChannelError::Closed(ended.reason.clone())))
}

impl From<Patience> for ChannelError {
    /// That this patience has ended.
    fn from(patience: Patience) -> Self {
        match patience {
            Patience::Within(_) => Self::TimedOut,
            Patience::None | Patience::Endless => Self::WouldBlock,
        }
    }
}

impl From<SendError> for ChannelError {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<RecvError> for ChannelError {
    fn from(error: RecvError) -> Self {
        Self::Recv(error)
    }
}

impl From<ChannelError> for io::Error {
    fn from(error: ChannelError) -> Self {
        Self::new(error.kind(), error)
    }
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("it took too long"),
            Self::WouldBlock => f.write_str("the call would have to wait"),
            Self::Send(error) => error.fmt(f),
            Self::Recv(error) => error.fmt(f),
            Self::Reset(code) => write!(f, "the peer gave the stream up with code {code}"),
            Self::Closed(reason) => reason.fmt(f),
            Self::Failed => f.write_str("the driver of this socket has failed"),
        }
    }
}

impl Error for ChannelError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Send(error) => Some(error),
            Self::Recv(error) => Some(error),
            Self::Closed(reason) => Some(reason),
            _ => None,
        }
    }
}

/// A message that was not accepted, and why: see [`Channel::try_send`](super::Channel::try_send).
#[derive(Clone, PartialEq, Eq)]
pub struct TrySendError<M> {
    /// The very message.
    pub message: M,
    /// Why it was not accepted.
    pub error: ChannelError,
}

impl<M> From<TrySendError<M>> for ChannelError {
    fn from(error: TrySendError<M>) -> Self {
        error.error
    }
}

impl<M> From<TrySendError<M>> for io::Error {
    fn from(error: TrySendError<M>) -> Self {
        error.error.into()
    }
}

impl<M> fmt::Debug for TrySendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrySendError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<M> fmt::Display for TrySendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<M> Error for TrySendError<M> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Of each failure: its kind in `std::io`, and that the error itself is the source of that.
    #[test]
    fn each_failure_has_its_kind() {
        use ErrorKind as K;
        for (error, kind) in [
            (Patience::None.into(), K::WouldBlock),
            (Patience::Within(Duration::MAX).into(), K::TimedOut),
            (SendError::Blocked.into(), K::WouldBlock),
            (SendError::Full.into(), K::StorageFull),
            (SendError::TooLarge { len: 2, max: 1 }.into(), K::InvalidInput),
            (SendError::TooManyKeys.into(), K::InvalidInput),
            (SendError::Unsupported.into(), K::InvalidInput),
            (SendError::Stopped.into(), K::BrokenPipe),
            (SendError::Finished.into(), K::BrokenPipe),
            (SendError::Unknown.into(), K::NotConnected),
            (RecvError::Blocked.into(), K::WouldBlock),
            (RecvError::Short { len: 2 }.into(), K::InvalidInput),
            (RecvError::Gap { count: 1 }.into(), K::InvalidData),
            (RecvError::Finished.into(), K::UnexpectedEof),
            (RecvError::Unknown.into(), K::NotConnected),
            (ChannelError::Reset(7), K::ConnectionReset),
            (ChannelError::Closed(CloseReason::TimedOut), K::TimedOut),
            (ChannelError::Closed(CloseReason::Local(0)), K::ConnectionAborted),
            (ChannelError::Failed, K::Other),
        ] {
            let error: ChannelError = error;
            let refused = TrySendError { message: vec![1], error: error.clone() };
            assert_eq!(io::Error::from(refused).kind(), kind);
            let told = io::Error::from(error.clone());
            assert_eq!(told.kind(), kind, "{error}");
            let source = told.get_ref().and_then(|source| source.downcast_ref::<ChannelError>());
            assert_eq!(source, Some(&error));
            assert_eq!(told.to_string(), error.to_string());
        }
    }
}
