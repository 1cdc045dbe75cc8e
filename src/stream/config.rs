//! What each side allows: our settings, and the limits that the peer stated.

use super::MESSAGE_COST;
use super::registry::Registry;
use crate::wire::ChannelId;

/// What a message's length may be at most: as many as parts can name.
const MAX_MESSAGE: u64 = u32::MAX as u64;

/// Windows, limits and habits of a connection's streams.
#[derive(Clone, Debug)]
pub struct StreamConfig {
    /// Bytes of a stream that may wait to be read at first. Default: 4 MiB, what 100 Mbit/s
    /// need at 50 ms while every tenth packet is lost; memory is taken only for data that waits.
    pub recv_window: u64,
    /// Bytes of all streams together that may wait to be read at first. Default: 6 MiB.
    pub conn_recv_window: u64,
    /// Bytes that both windows grow to, if the application reads as fast as the path delivers.
    /// Default: 64 MiB.
    pub max_recv_window: u64,
    /// Streams that the peer may have open at once, stream 0 included if it connected. Default: 100.
    pub max_streams: u64,
    /// Message channels of all modes together that the peer may have open at once, the urgent channel
    /// apart. Default: 100.
    pub max_channels: u64,
    /// Bytes of the largest message that is taken, at most 2^32 - 1; 0: none. Default: 1 MiB. The
    /// connection's window and those of channels are never smaller than two such messages.
    pub max_message: u64,
    /// Messages longer than a packet that the peer may have sent in part, on each channel; at least 1.
    /// Default: 16.
    pub max_partial: u64,
    /// Bytes that may be written and not acknowledged, of all streams together. Default: 64 MiB.
    pub max_send_buffer: u64,
    /// Whether small writes go out at once instead of waiting for the one before to arrive.
    /// Default: false.
    pub nodelay: bool,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            recv_window: 4 << 20,
            conn_recv_window: 6 << 20,
            max_recv_window: 64 << 20,
            max_streams: 100,
            max_channels: 100,
            max_message: 1 << 20,
            max_partial: 16,
            max_send_buffer: 64 << 20,
            nodelay: false,
        }
    }
}

impl StreamConfig {
    /// What the connection's window begins with. As for each channel's, two of the largest messages
    /// fit: with one alone the rest of a window could stay below a quarter, which is never advertised.
    pub fn conn_window(&self) -> u64 {
        self.conn_recv_window.max(two_messages(self.max_message))
    }

    /// What the window of a channel begins with.
    pub fn channel_window(&self) -> u64 {
        self.recv_window.max(two_messages(self.max_message))
    }

    /// How many channels the peer may have open.
    pub(crate) fn channel_limit(&self) -> u64 {
        self.max_channels.min(Registry::<{ ChannelId::CLASSES }>::MAX_COUNT)
    }

    /// The length of the largest message that is taken; 0: none.
    pub(crate) fn message_limit(&self) -> u64 {
        self.max_message.min(MAX_MESSAGE)
    }
}

/// Credit of two of the largest messages, where any are taken.
fn two_messages(max_message: u64) -> u64 {
    let max = max_message.min(MAX_MESSAGE);
    if max == 0 { 0 } else { 2 * (max + MESSAGE_COST) }
}

/// The limits that the peer stated in the handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerLimits {
    /// Bytes on all streams together.
    pub max_data: u64,
    /// Bytes on each stream.
    pub max_stream_data: u64,
    /// Streams that we may open, stream 0 included if we connected.
    pub max_streams: u64,
    /// Message channels of all modes together that we may open, the urgent channel apart.
    pub max_channels: u64,
    /// Bytes of the largest message that it takes; 0: none.
    pub max_message: u64,
    /// Messages longer than a packet that may be sent in part, on each channel.
    pub max_partial: u64,
}

impl PeerLimits {
    /// What our credit on a channel begins with: the peer computes the same.
    pub(super) fn channel_window(&self) -> u64 {
        self.max_stream_data.max(two_messages(self.max_message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_messages_fit_every_window() {
        let windows = |recv_window, conn_recv_window, max_message| {
            let defaults = StreamConfig::default();
            let config = StreamConfig { recv_window, conn_recv_window, max_message, ..defaults };
            (config.channel_window(), config.conn_window())
        };
        assert_eq!(windows(10, 20, 0), (10, 20));
        assert_eq!(windows(10, 70, 1), (66, 70));
        assert_eq!(windows(10, 20, 1000), (2064, 2064));
        let largest = 2 * (u64::from(u32::MAX) + 32);
        assert_eq!(windows(10, 20, u64::MAX), (largest, largest));
    }
}
