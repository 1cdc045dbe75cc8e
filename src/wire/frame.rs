//! What numbered packets carry: per frame its type, its decoding, its encoding and its length.

use super::ack::{self, Ack};
use super::{
    ChannelId, DecodeError, MessageFrame, ParityFrame, Reader, Skip, StreamId, Truncated, Why,
    Writer, varint_len,
};

const PADDING: u8 = 0x00;
const PING: u8 = 0x01;
const NACK: u8 = 0x06;
const MAX_DATA: u8 = 0x08;
const MAX_STREAM_DATA: u8 = 0x09;
const MAX_STREAMS: u8 = 0x0a;
const WINDOW_PROBE: u8 = 0x0b;
const RESET_STREAM: u8 = 0x0c;
const STOP_SENDING: u8 = 0x0d;
const CLOSE: u8 = 0x0e;
const CHANNEL_PROBE: u8 = 0x0f;
const PATH_CHALLENGE: u8 = 0x10;
const PATH_RESPONSE: u8 = 0x11;
const SKIP: u8 = 0x13;
const MAX_CHANNEL_DATA: u8 = 0x14;
const MAX_CHANNELS: u8 = 0x15;
const CHANNEL_END: u8 = 0x16;
const CHANNEL_STOP: u8 = 0x17;
const STREAM: u8 = 0x40;
const STREAM_FIN: u8 = 0x20;
const STREAM_LEN: u8 = 0x10;
const STREAM_ID: u8 = 0x08;

/// The longest reason that a CLOSE carries, in bytes; longer ones are cut (P-66).
pub(crate) const MAX_REASON: usize = 256;

/// One frame, borrowing from its packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Frame<'a> {
    /// A run of nothing, of this many bytes.
    Padding(usize),
    /// Asks for an acknowledgement.
    Ping,
    /// Packets that arrived.
    Ack(Ack<'a>),
    /// A packet that arrived damaged.
    Nack(Nack),
    /// How many stream bytes the receiver takes on the whole connection.
    MaxData(u64),
    /// How many bytes the receiver takes on one stream.
    MaxStreamData(StreamId, u64),
    /// How many streams the receiver of this frame may have opened in all.
    MaxStreams(u64),
    /// The sender has data for this stream and no credit: please repeat the limits.
    WindowProbe(StreamId),
    /// The sender gave the stream up: its code, and the offset at which it ended.
    ResetStream(StreamId, u64, u64),
    /// The reader is not interested in the rest: its code.
    StopSending(StreamId, u64),
    /// The connection is over.
    Close(Close<'a>),
    /// To be echoed, as proof that this address receives.
    PathChallenge(u64),
    /// The echo.
    PathResponse(u64),
    /// Messages that will not come.
    Skip(Skip),
    /// How much credit the receiver gives to one message channel, in all.
    MaxChannelData(ChannelId, u64),
    /// How many message channels the receiver of this frame may have opened in all.
    MaxChannels(u64),
    /// The sender has a message for this channel and no credit: please say all that there is.
    ChannelProbe(ChannelId),
    /// No message from this number on will come.
    ChannelEnd(ChannelId, u64),
    /// The reader of this channel is gone.
    ChannelStop(ChannelId),
    /// A message, or a part of one.
    Message(MessageFrame<'a>),
    /// What makes one of several messages from the others.
    Parity(ParityFrame<'a>),
    /// Bytes of a stream.
    Stream(StreamFrame<'a>),
}

/// Says that the packet with this number arrived damaged, and shows its checksum as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack {
    /// The packet number.
    pub number: u64,
    /// The last four bytes of the packet as they arrived.
    pub trailer: u32,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close<'a> {
    /// The application's code, or one of the protocol's (P-65).
    pub code: u64,
    /// For humans; not to be trusted, nor logged raw.
    pub reason: &'a [u8],
}

/// A range of a stream's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamFrame<'a> {
    /// The stream.
    pub id: StreamId,
    /// Where in the stream the data begins.
    pub offset: Offset,
    /// Whether the stream ends with this data.
    pub fin: bool,
    /// The data.
    pub data: &'a [u8],
}

/// A stream offset as it travels: whole while it is small, its low 40 bits from 2^32 on (P-31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset(Truncated);

impl Offset {
    /// Prepares an offset for sending.
    pub const fn new(offset: u64) -> Self {
        let bytes = match offset {
            0 => 0,
            1..=0xffff => 2,
            0x1_0000..=0xffff_ffff => 4,
            _ => 5,
        };
        Self(Truncated { low: offset & ((1 << 40) - 1), bytes })
    }

    /// The offset that was meant, given one that is less than 2^39 away from it.
    pub fn expand(self, near: u64) -> u64 {
        if self.0.bytes < 5 { self.0.low } else { self.0.expand(near) }
    }

    const fn code(self) -> u8 {
        match self.0.bytes {
            0 => 0,
            2 => 1,
            4 => 2,
            _ => 3,
        }
    }

    fn decode(code: u8, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = [0, 2, 4, 5][usize::from(code & 0b11)];
        Ok(Self(Truncated { low: r.uint(bytes, "stream offset")?, bytes }))
    }
}

impl<'a> StreamFrame<'a> {
    /// Bytes in front of the data. Without a length the frame must be the packet's last.
    pub fn header_len(id: StreamId, offset: u64, data_len: Option<usize>) -> usize {
        1 + if id == StreamId::ZERO { 0 } else { varint_len(id.0) }
            + Offset::new(offset).0.bytes
            + data_len.map_or(0, |n| varint_len(n as u64))
    }

    /// Writes what stands in front of the data; exactly `data_len` bytes must follow, and without
    /// `data_len` nothing may follow the data.
    pub fn encode_header(
        id: StreamId,
        offset: Offset,
        data_len: Option<usize>,
        fin: bool,
        w: &mut Writer<'_>,
    ) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let named = id != StreamId::ZERO;
        w.u8(STREAM
            | flag(fin, STREAM_FIN)
            | flag(data_len.is_some(), STREAM_LEN)
            | flag(named, STREAM_ID)
            | offset.code() << 1);
        if named {
            w.varint(id.0);
        }
        w.uint(offset.0.low, offset.0.bytes);
        if let Some(len) = data_len {
            w.varint(len as u64);
        }
    }

    fn decode(kind: u8, r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        if kind & 0x01 != 0 {
            return Err(r.error("frame type", Why::Unknown));
        }
        let id = if kind & STREAM_ID == 0 { 0 } else { r.varint("stream id")? };
        let offset = Offset::decode(kind >> 1, r)?;
        let data = if kind & STREAM_LEN == 0 { r.rest() } else { r.prefixed("stream data")? };
        Ok(Self { id: StreamId(id), offset, fin: kind & STREAM_FIN != 0, data })
    }
}

impl<'a> Frame<'a> {
    /// Whether a packet with this frame wants an acknowledgement (P-21).
    pub const fn is_ack_eliciting(&self) -> bool {
        !matches!(self, Self::Padding(_) | Self::Ack(_) | Self::Nack(_) | Self::Close(_))
    }

    /// Reads the next frame.
    pub fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let unknown = r.error("frame type", Why::Unknown);
        let kind = r.u8("frame type")?;
        Ok(match kind {
            PADDING => Self::Padding(1 + skip_padding(r)),
            PING => Self::Ping,
            0x02..=0x05 => Self::Ack(Ack::decode(kind, r)?),
            NACK => Self::Nack(Nack {
                number: r.varint("NACKed number")?,
                trailer: r.u32("NACK evidence")?,
            }),
            MAX_DATA => Self::MaxData(r.varint("connection limit")?),
            MAX_STREAM_DATA => {
                Self::MaxStreamData(StreamId(r.varint("stream id")?), r.varint("stream limit")?)
            }
            MAX_STREAMS => Self::MaxStreams(r.varint("stream count")?),
            WINDOW_PROBE => Self::WindowProbe(StreamId(r.varint("stream id")?)),
            RESET_STREAM => Self::ResetStream(
                StreamId(r.varint("stream id")?),
                r.varint("reset code")?,
                r.varint("final offset")?,
            ),
            STOP_SENDING => {
                Self::StopSending(StreamId(r.varint("stream id")?), r.varint("stop code")?)
            }
            CLOSE => {
                let code = r.varint("close code")?;
                let reason = r.prefixed("close reason")?;
                if reason.len() > MAX_REASON {
                    return Err(r.error("close reason", Why::Invalid));
                }
                Self::Close(Close { code, reason })
            }
            PATH_CHALLENGE => Self::PathChallenge(r.u64("path challenge")?),
            PATH_RESPONSE => Self::PathResponse(r.u64("path response")?),
            SKIP => Self::Skip(Skip::decode(r)?),
            MAX_CHANNEL_DATA => Self::MaxChannelData(channel(r)?, r.varint("channel limit")?),
            MAX_CHANNELS => Self::MaxChannels(r.varint("channel count")?),
            CHANNEL_PROBE => Self::ChannelProbe(channel(r)?),
            CHANNEL_END => Self::ChannelEnd(channel(r)?, r.varint("end of channel")?),
            CHANNEL_STOP => Self::ChannelStop(channel(r)?),
            0x18..=0x1f => Self::Parity(ParityFrame::decode(kind, r)?),
            0x20..=0x3f => Self::Message(MessageFrame::decode(kind, r)?),
            STREAM..=0x7f => Self::Stream(StreamFrame::decode(kind, r)?),
            _ => return Err(unknown),
        })
    }

    /// Writes the frame. One that carries data gets a length only if `is_last` is false: then more may
    /// follow.
    pub fn encode(&self, w: &mut Writer<'_>, is_last: bool) {
        match *self {
            Self::Padding(n) => (0..n).for_each(|_| w.u8(PADDING)),
            Self::Ping => w.u8(PING),
            Self::Ack(ack) => {
                Ack::encode(&ack.ranges().collect(), ack.delay_us, ack.ecn, w);
            }
            Self::Nack(Nack { number, trailer }) => {
                numbers(NACK, &[number], w);
                w.u32(trailer);
            }
            Self::MaxData(limit) => numbers(MAX_DATA, &[limit], w),
            Self::MaxStreamData(id, limit) => numbers(MAX_STREAM_DATA, &[id.0, limit], w),
            Self::MaxStreams(count) => numbers(MAX_STREAMS, &[count], w),
            Self::WindowProbe(id) => numbers(WINDOW_PROBE, &[id.0], w),
            Self::ResetStream(id, code, end) => numbers(RESET_STREAM, &[id.0, code, end], w),
            Self::StopSending(id, code) => numbers(STOP_SENDING, &[id.0, code], w),
            Self::Close(Close { code, reason }) => {
                numbers(CLOSE, &[code], w);
                w.prefixed(reason.get(..MAX_REASON).unwrap_or(reason));
            }
            Self::PathChallenge(token) => {
                w.u8(PATH_CHALLENGE);
                w.u64(token);
            }
            Self::PathResponse(token) => {
                w.u8(PATH_RESPONSE);
                w.u64(token);
            }
            Self::Skip(Skip { id, first, count, cost }) => {
                numbers(SKIP, &[id.0, first, count, cost], w);
            }
            Self::MaxChannelData(id, limit) => numbers(MAX_CHANNEL_DATA, &[id.0, limit], w),
            Self::MaxChannels(count) => numbers(MAX_CHANNELS, &[count], w),
            Self::ChannelProbe(id) => numbers(CHANNEL_PROBE, &[id.0], w),
            Self::ChannelEnd(id, end) => numbers(CHANNEL_END, &[id.0, end], w),
            Self::ChannelStop(id) => numbers(CHANNEL_STOP, &[id.0], w),
            Self::Message(message) => {
                message.encode_header(len_of(message.data, is_last), w);
                w.bytes(message.data);
            }
            Self::Parity(parity) => {
                parity.encode_header(len_of(parity.data, is_last), w);
                w.bytes(parity.data);
            }
            Self::Stream(StreamFrame { id, offset, fin, data }) => {
                StreamFrame::encode_header(id, offset, len_of(data, is_last), fin, w);
                w.bytes(data);
            }
        }
    }

    /// Bytes that `encode` writes; for acknowledgements, whose form depends on the room, at most these.
    pub fn encoded_len(&self, is_last: bool) -> usize {
        let varints = |n: &[u64]| 1 + n.iter().map(|v| varint_len(*v)).sum::<usize>();
        match *self {
            Self::Padding(n) => n,
            Self::Ping => 1,
            Self::Ack(_) => ack::MAX_LEN,
            Self::Nack(Nack { number, .. }) => varints(&[number]) + 4,
            Self::MaxData(n) | Self::MaxStreams(n) | Self::MaxChannels(n) => varints(&[n]),
            Self::MaxStreamData(id, n) | Self::StopSending(id, n) => varints(&[id.0, n]),
            Self::WindowProbe(id) => varints(&[id.0]),
            Self::ResetStream(id, code, end) => varints(&[id.0, code, end]),
            Self::Close(Close { code, reason }) => {
                let len = reason.len().min(MAX_REASON);
                varints(&[code, len as u64]) + len
            }
            Self::PathChallenge(_) | Self::PathResponse(_) => 9,
            Self::Skip(Skip { id, first, count, cost }) => varints(&[id.0, first, count, cost]),
            Self::MaxChannelData(id, n) | Self::ChannelEnd(id, n) => varints(&[id.0, n]),
            Self::ChannelProbe(id) | Self::ChannelStop(id) => varints(&[id.0]),
            Self::Message(message) => {
                message.header_len(len_of(message.data, is_last)) + message.data.len()
            }
            Self::Parity(parity) => {
                parity.header_len(len_of(parity.data, is_last)) + parity.data.len()
            }
            Self::Stream(StreamFrame { id, offset, data, .. }) => {
                1 + if id == StreamId::ZERO { 0 } else { varint_len(id.0) }
                    + offset.0.bytes
                    + len_of(data, is_last).map_or(0, |n| varint_len(n as u64))
                    + data.len()
            }
        }
    }
}

fn numbers(kind: u8, values: &[u64], w: &mut Writer<'_>) {
    w.u8(kind);
    for value in values {
        w.varint(*value);
    }
}

fn channel(r: &mut Reader<'_>) -> Result<ChannelId, DecodeError> {
    Ok(ChannelId(r.varint("channel id")?))
}

/// The last frame's data reaches to the packet's end and needs no length.
fn len_of(data: &[u8], is_last: bool) -> Option<usize> {
    (!is_last).then_some(data.len())
}

fn skip_padding(r: &mut Reader<'_>) -> usize {
    let mut ahead = r.clone();
    let run = ahead.rest().iter().take_while(|b| **b == PADDING).count();
    r.take(run, "padding").map_or(0, <[u8]>::len)
}

/// The frames of an opened packet, ending at the first error.
#[derive(Clone, Debug)]
pub struct Frames<'a>(Reader<'a>);

impl<'a> Frames<'a> {
    /// The frames in `body`.
    pub const fn new(body: &'a [u8]) -> Self {
        Self(Reader::new(body))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.remaining() == 0 {
            return None;
        }
        let frame = Frame::decode(&mut self.0);
        if frame.is_err() {
            self.0.rest();
        }
        Some(frame)
    }
}
