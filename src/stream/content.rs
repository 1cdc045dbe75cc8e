//! What packets carry of streams, so that their fate can be told.

use crate::wire::{ChannelId, StreamId};
use std::ops::Range;

/// What a packet carried, so that its fate can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Bytes of a stream.
    Data {
        /// The stream.
        id: StreamId,
        /// The bytes' offsets.
        range: Range<u64>,
        /// Whether FIN was behind them.
        fin: bool,
        /// Counts the stream's transmissions: which of several copies this is.
        copy: u32,
    },
    /// The connection's limit.
    MaxData,
    /// A stream's limit.
    MaxStreamData(StreamId),
    /// The limit of the number of streams.
    MaxStreams,
    /// A stream's RESET_STREAM.
    Reset(StreamId),
    /// A stream's STOP_SENDING.
    Stop(StreamId),
    /// Bytes of a message.
    Message {
        /// The channel.
        id: ChannelId,
        /// Which message.
        number: u64,
        /// Where in the message the bytes begin.
        from: u32,
        /// Where they end.
        to: u32,
        /// Which of several transmissions of the same bytes this is.
        copy: u32,
    },
    /// Messages that will not come.
    Skip {
        /// The channel.
        id: ChannelId,
        /// The first of them.
        first: u64,
        /// How many.
        count: u64,
    },
    /// A channel's limit.
    MaxChannelData(ChannelId),
    /// The limit of the number of channels.
    MaxChannels,
    /// A channel's CHANNEL_END.
    ChannelEnd(ChannelId),
    /// A channel's CHANNEL_STOP.
    ChannelStop(ChannelId),
}
