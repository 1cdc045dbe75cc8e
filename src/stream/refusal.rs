//! What is not taken and why: violations, refusals, and data that waits for credit.

use super::FlowId;
use std::fmt;

/// The peer broke the protocol: the connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Violation {
    /// It sent more than it was allowed to.
    FlowControl,
    /// It changed a stream's final size, or sent data beyond it.
    FinalSize,
    /// It opened more streams than it was allowed to.
    StreamLimit,
    /// It spoke of a stream or channel of ours that was never opened.
    StreamState,
    /// It contradicted itself about a message.
    Message,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FlowControl => "the peer sent more than its credit",
            Self::FinalSize => "the peer contradicted a stream's final size",
            Self::StreamLimit => "the peer opened more streams than it may",
            Self::StreamState => "the peer named a stream that was never opened",
            Self::Message => "the peer contradicted itself about a message",
        })
    }
}

impl std::error::Error for Violation {}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The peer broke the protocol.
    Violation(Violation),
    /// A bound on memory is reached: the whole packet is to be dropped without acknowledging it;
    /// the peer will send it again.
    Full,
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation(violation) => violation.fmt(f),
            Self::Full => f.write_str("too many separate pieces of a stream wait for the gaps"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Why no stream can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// As many are open as the peer allows; [`super::StreamEvent::Openable`] follows, or for
    /// channels [`super::ChannelEvent::Openable`].
    Limit,
    /// The peer takes no messages.
    NoMessages,
    /// [`super::Delivery::Stream`]: a stream is opened as one.
    IsStream,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limit => "as many streams are open as the peer allows",
            Self::NoMessages => "the peer takes no messages",
            Self::IsStream => "a stream is not a message channel",
        })
    }
}

impl std::error::Error for OpenError {}

/// Whose credit holds data back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// The connection's.
    Connection,
    /// The stream's or channel's own.
    Flow,
}

/// Data that waits for credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Who has such data.
    pub id: FlowId,
    /// Whose credit is missing.
    pub by: Limit,
}
