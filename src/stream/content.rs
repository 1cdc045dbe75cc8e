//! What packets carry of streams, so that their fate can be told.

use crate::wire::StreamId;
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
}
