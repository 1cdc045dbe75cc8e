//! Where in its life a connection is, and how it ended.

use super::handshake::Connecting;
use crate::time::Instant;
use crate::wire::RefuseReason;
use std::fmt;

/// The states of a connection. `docs/PROTOCOL.md` draws the arrows.
#[derive(Debug)]
pub(super) enum State {
    /// Client: asks for a connection.
    Connecting(Box<Connecting>),
    /// Data flows both ways.
    Established,
    /// The application has closed; what it wrote before is still being delivered.
    Lingering(Farewell),
    /// CLOSE was sent and is repeated until the peer's own CLOSE answers it.
    Closing(Farewell),
    /// Both sides know; late packets are still recognised (TIME-WAIT, RFC 9293 §3.6). Whoever was
    /// closed answers each further CLOSE with its own; whoever closed is silent, so nothing loops.
    TimeWait(Option<Farewell>),
    /// Nothing is left but to be forgotten.
    Closed,
}

/// What a CLOSE says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Farewell {
    pub(super) code: u64,
    pub(super) reason: Vec<u8>,
    /// How many CLOSEs have been sent.
    pub(super) sent: u32,
}

impl Farewell {
    pub(super) fn new(code: u64, reason: &[u8]) -> Self {
        Self { code, reason: reason.to_vec(), sent: 0 }
    }
}

impl State {
    pub(super) fn is_closed(&self) -> bool {
        matches!(self, Self::Closing(_) | Self::TimeWait(_) | Self::Closed)
    }
}

/// Why a connection ended; each connection has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// This side closed it, with this code.
    Local(u64),
    /// The peer closed it, with this code and these words, which are for humans and not to be trusted.
    Peer(u64, Vec<u8>),
    /// The peer did not answer in time.
    TimedOut,
    /// The peer's host does not know the connection: it was restarted.
    Reset,
    /// The server refused, or nothing listens there.
    Refused(RefuseReason),
    /// The server speaks none of our versions.
    Version,
    /// The peer broke the protocol.
    Protocol(ProtocolError),
    /// The peer says that this side broke the protocol, with this code.
    PeerSawProtocolError(u64),
}

/// How the peer broke the protocol; the code travels in CLOSE (P-65).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A frame could not be read.
    Frame,
    /// More bytes than credit.
    FlowControl,
    /// More streams than credit.
    StreamLimit,
    /// A stream's end moved.
    FinalSize,
    /// A frame that the stream's state does not allow.
    StreamState,
    /// A packet was acknowledged that was never sent.
    AckedUnsent,
    /// Parameters that make no sense.
    Parameters,
    /// A frame that contradicts what is known of its message.
    Message,
}

/// Codes from here on belong to the protocol, those below to the application (P-65).
pub const PROTOCOL_CODES: u64 = 1 << 32;

impl ProtocolError {
    /// The code that CLOSE carries.
    pub const fn code(self) -> u64 {
        PROTOCOL_CODES + 1 + self as u64
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(code) => write!(f, "closed by this side with code {code}"),
            Self::Peer(code, reason) => {
                write!(f, "closed by the peer with code {code}")?;
                if reason.is_empty() {
                    Ok(())
                } else {
                    write!(f, " ({})", String::from_utf8_lossy(reason).escape_default())
                }
            }
            Self::TimedOut => f.write_str("the peer did not answer in time"),
            Self::Reset => f.write_str("the peer does not know the connection any more"),
            Self::Refused(RefuseReason::NotListening) => f.write_str("nothing listens there"),
            Self::Refused(RefuseReason::Busy) => {
                f.write_str("the server takes no more connections")
            }
            Self::Refused(RefuseReason::Unproven) => f.write_str(
                "the server does not know its own offer: restarted, or asked from elsewhere",
            ),
            Self::Refused(RefuseReason::Other(code)) => {
                write!(f, "the server refused with reason {code}")
            }
            Self::Version => f.write_str("the server speaks another version of the protocol"),
            Self::Protocol(error) => write!(f, "the peer broke the protocol: {error}"),
            Self::PeerSawProtocolError(code) => {
                write!(f, "the peer saw a protocol error (code {})", code - PROTOCOL_CODES)
            }
        }
    }
}

impl std::error::Error for CloseReason {}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frame => "a frame could not be read",
            Self::FlowControl => "it sent more than its credit",
            Self::StreamLimit => "it opened more streams than it may",
            Self::FinalSize => "it moved a stream's end",
            Self::StreamState => "it sent a frame that the stream does not allow",
            Self::AckedUnsent => "it acknowledged what was never sent",
            Self::Parameters => "its parameters make no sense",
            Self::Message => "it contradicted itself about a message",
        })
    }
}

/// What became of the bytes that the application wrote, as far as this side can know:
/// `acknowledged` <= received by the peer's towline <= `acknowledged + in_doubt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseOutcome {
    /// Bytes that the peer's towline has confirmed; its application may not have read them.
    pub acknowledged: u64,
    /// Bytes that were sent and not confirmed.
    pub in_doubt: u64,
    /// Bytes that never left.
    pub unsent: u64,
    /// The same of messages; the bytes above are those of streams.
    pub messages: MessageOutcome,
}

/// What became of the messages that were accepted: each is in one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageOutcome {
    /// The peer's towline has all of it.
    pub acknowledged: u64,
    /// Sent, at least in part, and neither confirmed nor given up.
    pub in_doubt: u64,
    /// Nothing of it ever left.
    pub unsent: u64,
    /// Given up before the end, by deadline, limit, policy or on request.
    pub abandoned: u64,
}

/// How a connection ended: reason, outcome and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub reason: CloseReason,
    /// What became of the data.
    pub outcome: CloseOutcome,
    /// When this side knew.
    pub at: Instant,
}
