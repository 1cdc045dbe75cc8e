//! What a connection counted, and what held it back for how long.

use crate::recovery::RecoveryStats;
use crate::stream::{ChannelStats, Counts};
use crate::time::{Duration, Instant};
use std::fmt;

/// What a connection counted so far. Cheap to make; fields are added as they become known.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// The smallest round trip seen, if any was.
    pub min_rtt: Option<Duration>,
    /// The smoothed round trip (RFC 6298).
    pub srtt: Option<Duration>,
    /// How much the round trip varies (RFC 6298).
    pub rttvar: Option<Duration>,
    /// Congestion window, in bytes.
    pub cwnd: u64,
    /// Bytes sent and neither acknowledged nor lost.
    pub bytes_in_flight: u64,
    /// UDP payload bytes per second at which packets are spaced.
    pub pacing_rate: u64,
    /// What was sent.
    pub sent: Traffic,
    /// What arrived intact.
    pub received: Traffic,
    /// Ack-eliciting packets: sent, acknowledged, lost, damaged, spurious.
    pub recovery: RecoveryStats,
    /// What arrived and was not taken.
    pub refused: Refused,
    /// NACKs sent for packets that arrived damaged.
    pub nacks_sent: u64,
    /// Stream bytes: written, acknowledged, in doubt, unsent.
    pub data: Counts,
    /// Messages: accepted, acknowledged, given up, delivered, and more.
    pub messages: ChannelStats,
    /// Bytes of memory that buffers hold.
    pub memory: usize,
    /// What held the connection back, as time.
    pub limited: Limits,
}

/// Packets and their UDP payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// UDP payload, in bytes.
    pub bytes: u64,
}

impl Traffic {
    pub(super) fn count(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }
}

/// Packets that arrived and were not taken, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The header was intact and the rest was not.
    pub damaged: u64,
    /// Taken before.
    pub duplicate: u64,
    /// A bound was reached; the peer sends the data again.
    pub full: u64,
    /// Too short, or for another state of the connection.
    pub unexpected: u64,
}

/// What keeps a connection from sending more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitedBy {
    /// The application has given nothing more to send.
    Application,
    /// The handshake is under way.
    Handshake,
    /// The congestion window or the pacer.
    Congestion,
    /// The peer is silent: probes go out until it answers.
    Recovery,
    /// The peer's window is smaller than the path holds.
    PeerWindow,
    /// The peer's application does not read.
    PeerReader,
    /// The send buffer is full of data that waits for acknowledgement.
    SendBuffer,
    /// The rate that the user set.
    Rate,
}

impl LimitedBy {
    /// All of them, in the order of [`Limits::time`].
    pub const ALL: [Self; 8] = [
        Self::Application,
        Self::Handshake,
        Self::Congestion,
        Self::Recovery,
        Self::PeerWindow,
        Self::PeerReader,
        Self::SendBuffer,
        Self::Rate,
    ];
}

impl fmt::Display for LimitedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Application => "application",
            Self::Handshake => "handshake",
            Self::Congestion => "congestion control",
            Self::Recovery => "a silent peer",
            Self::PeerWindow => "the peer's window",
            Self::PeerReader => "the peer's reader",
            Self::SendBuffer => "the send buffer",
            Self::Rate => "the user's rate",
        })
    }
}

/// How long each limit held the connection back; sums to its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    time: [Duration; LimitedBy::ALL.len()],
    now: LimitedBy,
    since: Instant,
}

impl Limits {
    pub(super) fn new(now: Instant, by: LimitedBy) -> Self {
        Self { time: [Duration::ZERO; LimitedBy::ALL.len()], now: by, since: now }
    }

    pub(super) fn update(&mut self, now: Instant, by: LimitedBy) {
        self.time[self.now as usize] += now.saturating_since(self.since);
        self.since = now;
        self.now = by;
    }

    /// What holds the connection back at present.
    pub fn now(&self) -> LimitedBy {
        self.now
    }

    /// How long this limit held so far.
    pub fn time(&self, by: LimitedBy) -> Duration {
        self.time[by as usize]
    }

    /// Each limit's share of the connection's age, 0 to 1.
    pub fn shares(&self) -> impl Iterator<Item = (LimitedBy, f64)> + '_ {
        let total: Duration = self.time.iter().sum();
        LimitedBy::ALL.into_iter().map(move |by| {
            let share = self.time(by).as_secs_f64() / total.as_secs_f64();
            (by, if total.is_zero() { 0.0 } else { share })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one() {
        let at = Instant::from_millis;
        let mut limits = Limits::new(at(10), LimitedBy::Handshake);
        limits.update(at(30), LimitedBy::Congestion);
        limits.update(at(90), LimitedBy::Application);
        assert_eq!(limits.time(LimitedBy::Handshake), Duration::from_millis(20));
        assert_eq!(limits.time(LimitedBy::Congestion), Duration::from_millis(60));
        let sum: f64 = limits.shares().map(|(_, share)| share).sum();
        assert!((sum - 1.0).abs() < 1e-9);
        assert_eq!(LimitedBy::ALL.map(|by| by as usize), [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}
