//! What a channel counts.

use super::{Outcome, Why};
use std::ops::AddAssign;

/// What was counted on a channel, in messages where it does not say bytes. Each direction fills its
/// own fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelStats {
    /// Taken by `send`, and numbered.
    pub accepted: u64,
    /// The peer's towline has all of it.
    pub acknowledged: u64,
    /// Given up, by reason.
    pub abandoned: Abandoned,
    /// Accepted and nothing of it sent yet, now.
    pub queued: u64,
    /// Sent, at least in part, and not settled, now.
    pub outstanding: u64,
    /// Bytes sent again because they were lost.
    pub retransmitted_bytes: u64,
    /// Copies and parities that were sent before anything was known to be lost.
    pub repairs_sent: u64,
    /// Given to the application.
    pub delivered: u64,
    /// Reported to the application as missing.
    pub missing: u64,
    /// Complete, and dropped because too many waited to be read.
    pub dropped: u64,
    /// Complete, and replaced by a newer one before they were read.
    pub superseded: u64,
    /// Made from copies or parities before they came themselves.
    pub repairs_used: u64,
}

/// Messages that were given up, by reason: see [`super::Why`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Abandoned {
    /// Deadline passed, or queued for too long.
    pub expired: u64,
    /// Lost once more than their terms allow.
    pub retransmits: u64,
    /// No room.
    pub overflow: u64,
    /// Replaced by a newer one.
    pub superseded: u64,
    /// Taken back.
    pub cancelled: u64,
    /// Lost, on a channel that sends nothing again.
    pub lost: u64,
    /// Not wanted by the peer.
    pub stopped: u64,
}

impl Abandoned {
    /// For whatever reason.
    pub const fn total(&self) -> u64 {
        self.expired
            + self.retransmits
            + self.overflow
            + self.superseded
            + self.cancelled
            + self.lost
            + self.stopped
    }
}

impl ChannelStats {
    /// A message is settled.
    pub(super) const fn count(&mut self, outcome: Outcome) {
        let abandoned = &mut self.abandoned;
        *match outcome {
            Outcome::Acknowledged => &mut self.acknowledged,
            Outcome::Abandoned(Why::Expired) => &mut abandoned.expired,
            Outcome::Abandoned(Why::Retransmits) => &mut abandoned.retransmits,
            Outcome::Abandoned(Why::Overflow) => &mut abandoned.overflow,
            Outcome::Abandoned(Why::Superseded) => &mut abandoned.superseded,
            Outcome::Abandoned(Why::Cancelled) => &mut abandoned.cancelled,
            Outcome::Abandoned(Why::Lost) => &mut abandoned.lost,
            Outcome::Abandoned(Why::Stopped) => &mut abandoned.stopped,
        } += 1;
    }
}

impl AddAssign for Abandoned {
    fn add_assign(&mut self, other: Self) {
        self.expired += other.expired;
        self.retransmits += other.retransmits;
        self.overflow += other.overflow;
        self.superseded += other.superseded;
        self.cancelled += other.cancelled;
        self.lost += other.lost;
        self.stopped += other.stopped;
    }
}

impl AddAssign for ChannelStats {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.acknowledged += other.acknowledged;
        self.abandoned += other.abandoned;
        self.queued += other.queued;
        self.outstanding += other.outstanding;
        self.retransmitted_bytes += other.retransmitted_bytes;
        self.repairs_sent += other.repairs_sent;
        self.delivered += other.delivered;
        self.missing += other.missing;
        self.dropped += other.dropped;
        self.superseded += other.superseded;
        self.repairs_used += other.repairs_used;
    }
}
