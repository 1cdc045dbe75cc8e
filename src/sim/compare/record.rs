//! One run: what became of every message, what the packets cost, and a stretch of them one by one.

use crate::time::{Duration, Instant};
use crate::wire::Side;

/// A message, from its sender to its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// Who sent it.
    pub from: Side,
    /// Its lane's place in the workload.
    pub lane: u16,
    /// Which message of its lane and sender, from 0.
    pub number: u32,
    /// Its size.
    pub bytes: u32,
    /// When the application sent it.
    pub offered_at: Instant,
    /// When the first of it left, if it did.
    pub sent_at: Option<Instant>,
    /// When all of it had arrived at the other host, or enough to compute it, if that came to be.
    pub complete_at: Option<Instant>,
    /// When the application there got it, if it did.
    pub delivered_at: Option<Instant>,
}

impl MessageRecord {
    /// From the application that sent it to the one that got it.
    pub fn latency(&self) -> Option<Duration> {
        Some(self.delivered_at?.saturating_since(self.offered_at))
    }

    /// How long it waited at the receiver, complete, for others that were to come before it.
    pub fn head_of_line_wait(&self) -> Option<Duration> {
        let delivered_at = self.delivered_at?;
        let complete_at = self.complete_at.unwrap_or(delivered_at);
        Some(delivered_at.saturating_since(complete_at))
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flight {
    /// It arrived.
    Arrived(Instant),
    /// It arrived with flipped bits.
    Damaged(Instant),
    /// The line lost it, or a full queue.
    Lost,
    /// It was still on its way when the run ended.
    Flying,
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketRecord {
    /// Who sent it.
    pub from: Side,
    /// When.
    pub sent_at: Instant,
    /// Its size on the wire, headers included.
    pub wire_bytes: u64,
    /// What became of it.
    pub flight: Flight,
    /// The messages it carries data of, for the first time or again: indices into
    /// [`Record::messages`].
    pub messages: Vec<usize>,
    /// The messages it carries along beside them: as copies, or in parities.
    pub beside: Vec<usize>,
    /// Those of `messages` that it carries again, as they were thought lost.
    pub again: Vec<usize>,
}

/// What the packets of one run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    /// Packets of both sides.
    pub packets: u64,
    /// Their bytes, IP and transport headers included.
    pub bytes: u64,
    /// Bytes of messages in them that were sent for the first time.
    pub first: u64,
    /// Bytes of messages in them that had been sent before and were thought lost.
    pub retransmitted: u64,
    /// Bytes of messages in them that were repeated in advance, as copies or as parity.
    pub repeated: u64,
}

impl Wire {
    pub(super) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.first += other.first;
        self.retransmitted += other.retransmitted;
        self.repeated += other.repeated;
    }
}

/// One run of one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When the workload began.
    pub start: Instant,
    /// From when on messages and packets are measured.
    pub measured_from: Instant,
    /// When the run ended.
    pub end: Instant,
    /// All messages, in the order of their sending.
    pub messages: Vec<MessageRecord>,
    /// What was sent since `measured_from`.
    pub wire: Wire,
    /// Messages that the application got a second time.
    pub duplicates: u64,
    /// Messages that the application got with wrong bytes.
    pub corrupt: u64,
    /// The packets of the stretch that was asked for.
    pub packets: Vec<PacketRecord>,
    /// How many the client and the server had sent before that stretch: the ordinal, on its link,
    /// of the first one in it.
    pub packets_before: [u64; 2],
    /// What must not have happened; empty if all is well.
    pub faults: Vec<String>,
}
