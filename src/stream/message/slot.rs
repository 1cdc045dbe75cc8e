//! One message in the sender's keeping.

use super::Terms;
use crate::stream::SendBuffer;

/// A message from `send` until nothing is owed any more.
#[derive(Debug)]
pub(super) struct Slot {
    body: Body,
    terms: Terms,
    round: Round,
    /// Whether some of it was sent, and credit reserved for all of it.
    is_begun: bool,
}

#[derive(Debug)]
enum Body {
    /// Fits one packet. `flights`: packets in flight that carry it.
    Whole { data: Box<[u8]>, flights: u16 },
    /// Longer: the very buffer that streams use, finished at once.
    Parts(Box<SendBuffer>),
    /// Nothing is owed any more.
    Settled,
}

/// Rounds of retransmission: a loss of something that was sent in the present round begins the next.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    count: u32,
    /// The first copy number of the present round.
    since_copy: u32,
    next_copy: u32,
}

/// What a loss means for its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Nothing: it is settled, or in flight in another packet.
    Nothing,
    /// Some of it is to be sent again.
    Resend,
    /// It was lost once more than its terms allow.
    Exhausted,
}
