//! What each side tells the other about itself: a list of (number, length, value), unknown ones ignored.

use super::{ChannelId, DecodeError, Reader, Why, Writer, varint_len};
use std::time::Duration;

const MAX_DATA: u64 = 0x01;
const MAX_STREAM_DATA: u64 = 0x02;
const MAX_STREAMS: u64 = 0x03;
const MAX_ACK_DELAY: u64 = 0x04;
const IDLE_TIMEOUT: u64 = 0x05;
const MAX_PAYLOAD: u64 = 0x06;
const PROTECTION: u64 = 0x07;
const MAX_CHANNELS: u64 = 0x08;
const MAX_MESSAGE: u64 = 0x09;
const MAX_PARTIAL: u64 = 0x0a;
/// Numbers of this form mean nothing; one with a random value goes into each block (P-14).
const GREASE: u64 = 0x1b;

/// The largest block that a peer may send, in bytes; a larger one is refused (P-13).
pub(crate) const MAX_BLOCK: usize = 256;
/// An idle timeout below this would make its peer send PINGs without end (P-13).
const MIN_IDLE_TIMEOUT: Duration = Duration::from_secs(1);
/// Delays above this make no sense for an acknowledgement (P-13).
const MAX_MAX_ACK_DELAY: Duration = Duration::from_secs(1);
/// So that parts of a message have offsets of 32 bits (P-13).
const MAX_MAX_MESSAGE: u64 = (1 << 32) - 1;

/// A side's limits, as they stand when the connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameters {
    /// Stream bytes that it takes on the whole connection, in all.
    pub max_data: u64,
    /// Bytes that it takes on each stream.
    pub max_stream_data: u64,
    /// Streams that its peer may open, stream 0 included.
    pub max_streams: u64,
    /// How long it holds acknowledgements back at most.
    pub max_ack_delay: Duration,
    /// How long it keeps a silent connection; the smaller of both sides' holds. Zero: for ever.
    pub idle_timeout: Duration,
    /// The largest UDP payload that it takes, in bytes.
    pub max_payload: u64,
    /// 0: checksums. Other values are for encryption.
    pub protection: u64,
    /// Message channels that its peer may open, of all modes together; below 2^59.
    pub max_channels: u64,
    /// The longest message that it takes, in bytes, below 2^32. 0: none at all, on no channel.
    pub max_message: u64,
    /// Messages of a channel that it keeps while only parts of them are there; 1 at least.
    pub max_partial: u64,
}

impl Default for Parameters {
    /// What a peer that says nothing is taken to have said.
    fn default() -> Self {
        Self {
            max_data: 0,
            max_stream_data: 0,
            max_streams: 1,
            max_ack_delay: Duration::from_millis(25),
            idle_timeout: Duration::ZERO,
            max_payload: super::BASE_PAYLOAD as u64,
            protection: 0,
            max_channels: 0,
            max_message: 0,
            max_partial: 1,
        }
    }
}

impl Parameters {
    /// Reads a block. Unknown parameters are skipped (P-12); of a repeated one the last counts.
    pub fn decode(block: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(block);
        let mut p = Self::default();
        if block.len() > MAX_BLOCK {
            return Err(r.error("parameter block", Why::Invalid));
        }
        while r.remaining() > 0 {
            let id = r.varint("parameter number")?;
            let error = r.error("parameter value", Why::Invalid);
            let body = r.prefixed("parameter")?;
            let mut v = Reader::new(body);
            let mut value = || v.varint("parameter value").map_err(|_| error);
            match id {
                MAX_DATA => p.max_data = value()?,
                MAX_STREAM_DATA => p.max_stream_data = value()?,
                MAX_STREAMS => p.max_streams = value()?,
                MAX_ACK_DELAY => p.max_ack_delay = Duration::from_micros(value()?),
                IDLE_TIMEOUT => p.idle_timeout = Duration::from_millis(value()?),
                MAX_PAYLOAD => p.max_payload = value()?,
                PROTECTION => p.protection = value()?,
                MAX_CHANNELS => p.max_channels = value()?,
                MAX_MESSAGE => p.max_message = value()?,
                MAX_PARTIAL => p.max_partial = value()?,
                _ => {}
            }
            let invalid = p.max_payload < super::BASE_PAYLOAD as u64
                || p.max_ack_delay > MAX_MAX_ACK_DELAY
                || (!p.idle_timeout.is_zero() && p.idle_timeout < MIN_IDLE_TIMEOUT)
                || p.max_streams > super::MAX_VARINT / 2
                || p.max_channels > super::MAX_VARINT / ChannelId::CLASSES as u64
                || p.max_message > MAX_MAX_MESSAGE
                || p.max_partial == 0;
            if invalid {
                return Err(error);
            }
        }
        Ok(p)
    }

    /// The block for these parameters, with one meaningless entry of value `grease`.
    pub fn encode(&self, grease: u8) -> Vec<u8> {
        let mut block = Vec::with_capacity(64);
        let mut w = Writer::new(&mut block, MAX_BLOCK);
        let mut put = |id: u64, value: u64| {
            w.varint(id);
            w.varint(varint_len(value) as u64);
            w.varint(value);
        };
        put(MAX_DATA, self.max_data);
        put(MAX_STREAM_DATA, self.max_stream_data);
        put(MAX_STREAMS, self.max_streams);
        put(MAX_ACK_DELAY, number(self.max_ack_delay.as_micros()));
        put(IDLE_TIMEOUT, number(self.idle_timeout.as_millis()));
        put(MAX_PAYLOAD, self.max_payload);
        put(PROTECTION, self.protection);
        // A side without message channels says the same as one that does not know them.
        let silent = Self::default();
        for (id, value, absent) in [
            (MAX_CHANNELS, self.max_channels, silent.max_channels),
            (MAX_MESSAGE, self.max_message, silent.max_message),
            (MAX_PARTIAL, self.max_partial, silent.max_partial),
        ] {
            if value != absent {
                put(id, value);
            }
        }
        put(GREASE + 0x1f * u64::from(grease), u64::from(grease));
        block
    }
}

/// What does not fit is as good as for ever.
fn number(time: u128) -> u64 {
    u64::try_from(time).unwrap_or(u64::MAX).min(super::MAX_VARINT)
}
