//! A connection's settings, each with its unit, its default and its effect.

use super::redundancy::Redundancy;
use crate::recovery;
use crate::recovery::congestion::{Bbr, Controller, NewReno};
use crate::stream::StreamConfig;
use crate::time::Duration;
use crate::wire::{BASE_PAYLOAD, Parameters};

/// Which algorithm decides how much may be in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Congestion {
    /// Models bandwidth and round trip; loss alone does not slow it (draft-ietf-ccwg-bbr). The default:
    /// a window that halves at each loss cannot cross a link that loses a few per cent.
    #[default]
    Bbr,
    /// Halves its window at each loss (RFC 9002 §7, RFC 6582): the yardstick, and the gentlest one.
    NewReno,
}

impl Congestion {
    pub(super) fn controller(self, max_payload: u32) -> Box<dyn Controller> {
        match self {
            Self::Bbr => Box::new(Bbr::new(max_payload)),
            Self::NewReno => Box::new(NewReno::new(max_payload)),
        }
    }
}

/// The settings of a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Buffers, windows and the number of streams.
    pub streams: StreamConfig,
    /// Loss detection, probes, pacing.
    pub recovery: recovery::Config,
    /// The congestion controller. Default: BBR.
    pub congestion: Congestion,
    /// Whether messages travel more than once where few are sent. Default: as the loss asks for.
    pub redundancy: Redundancy,
    /// How long an acknowledgement is held back at most, in the hope of data that it can travel with;
    /// where none is foreseen, 5 ms at most. Default 20 ms; 0 to 1 s.
    pub max_ack_delay: Duration,
    /// A PING is sent after this much silence, so that NATs keep the path open (they forget after 30 s
    /// and more) and a dead peer is noticed. Default 15 s; `None`: never.
    pub keepalive: Option<Duration>,
    /// Data or a PING that stays unacknowledged for this long ends the connection: a minute's outage
    /// is survived. Default 90 s. A dead peer is noticed within `keepalive + user_timeout`.
    pub user_timeout: Duration,
    /// Where there is no keepalive, this much silence ends the connection; the smaller of both sides'
    /// settings holds. Default 90 s; at least 1 s, or zero: never.
    pub idle_timeout: Duration,
    /// How long `connect` asks. Default 10 s.
    pub connect_timeout: Duration,
    /// The largest UDP payload that is sent and taken, in bytes. Default 1200, which every path
    /// carries; more only where the whole path is known to carry it. At least 1200, at most 65,507.
    pub max_payload: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            streams: StreamConfig::default(),
            recovery: recovery::Config::default(),
            congestion: Congestion::default(),
            redundancy: Redundancy::default(),
            max_ack_delay: Duration::from_millis(20),
            keepalive: Some(Duration::from_secs(15)),
            user_timeout: Duration::from_secs(90),
            idle_timeout: Duration::from_secs(90),
            connect_timeout: Duration::from_secs(10),
            max_payload: BASE_PAYLOAD,
        }
    }
}

/// The largest payload of a UDP datagram over IPv4.
const MAX_UDP_PAYLOAD: usize = 65_507;

impl Config {
    /// The payload limit within its range.
    pub(crate) fn payload(&self) -> usize {
        self.max_payload.clamp(BASE_PAYLOAD, MAX_UDP_PAYLOAD)
    }

    /// What the handshake tells the peer.
    pub(crate) fn parameters(&self) -> Parameters {
        // With a keepalive it is the user timeout that notices a dead peer.
        let has_keepalive = self.keepalive.is_some();
        Parameters {
            max_data: self.streams.conn_window(),
            max_stream_data: self.streams.recv_window,
            max_streams: self.streams.max_streams,
            max_ack_delay: self.max_ack_delay.min(Duration::from_secs(1)),
            idle_timeout: if has_keepalive || self.idle_timeout.is_zero() {
                Duration::ZERO
            } else {
                self.idle_timeout.max(Duration::from_secs(1))
            },
            max_payload: self.payload() as u64,
            max_channels: self.streams.channel_limit(),
            max_message: self.streams.message_limit(),
            max_partial: self.streams.max_partial.max(1),
            ..Parameters::default()
        }
    }
}
