//! The sending half of a stream.

use super::credit::SendCredit;
use super::schedule::Wants;
use super::send_buffer::{Chunk, Counts, SendBuffer};
use super::state::{Initiator, SendEvent, SendState};
use crate::wire::{StreamFrame, StreamId};

/// Why nothing can be written to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The send buffer is full; [`super::StreamEvent::Writable`] follows.
    Blocked,
    /// The peer's application does not want the rest, for this reason.
    Stopped(u64),
    /// The stream was finished before, or is over.
    Finished,
    /// The stream was reset before, with this code.
    Reset(u64),
    /// There is no such stream.
    Unknown,
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Blocked => f.write_str("the send buffer is full"),
            Self::Stopped(code) => write!(f, "the peer stopped reading with code {code}"),
            Self::Finished => f.write_str("the stream is finished"),
            Self::Reset(code) => write!(f, "the stream was reset with code {code}"),
            Self::Unknown => f.write_str("there is no such stream"),
        }
    }
}

impl std::error::Error for WriteError {}

/// What an acknowledgement changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Released {
    /// Bytes of buffer.
    pub(super) bytes: usize,
    /// Whether it was the last one missing.
    pub(super) delivered: bool,
}

/// The sending half of a stream.
#[derive(Debug)]
pub(super) struct SendHalf {
    id: StreamId,
    state: SendState,
    buffer: SendBuffer,
    credit: SendCredit,
    /// Whether small writes go out at once.
    nodelay: bool,
    /// Where the newest frame that did not fill its packet ends; 0 for none.
    partial_end: u64,
    /// RESET_STREAM is to be sent.
    reset_due: bool,
    /// How far it was when it was reset.
    abandoned: Option<Counts>,
}

impl SendHalf {
    pub(super) fn new(id: StreamId, limit: u64, nodelay: bool) -> Self {
        Self {
            id,
            state: SendState::Ready,
            buffer: SendBuffer::new(),
            credit: SendCredit::new(limit),
            nodelay,
            partial_end: 0,
            reset_due: false,
            abandoned: None,
        }
    }

    /// Whether data may be written, room apart.
    pub(super) const fn check(&self) -> Result<(), WriteError> {
        match self.state {
            SendState::ResetSent { code, by } | SendState::ResetRecvd { code, by } => match by {
                Initiator::Local => Err(WriteError::Reset(code)),
                Initiator::Peer => Err(WriteError::Stopped(code)),
            },
            _ if self.buffer.is_finished() => Err(WriteError::Finished),
            _ => Ok(()),
        }
    }

    pub(super) fn write(&mut self, data: &[u8]) {
        self.buffer.write(data);
    }

    pub(super) const fn finish(&mut self) {
        self.buffer.finish();
    }

    pub(super) const fn set_nodelay(&mut self, nodelay: bool) {
        self.nodelay = nodelay;
    }

    /// Gives the stream up; `None` if it was over before, else how much buffer that frees.
    pub(super) fn reset(&mut self, code: u64, by: Initiator) -> Option<usize> {
        self.state = self.state.on(SendEvent::Reset { code, by })?;
        self.reset_due = true;
        self.abandoned = Some(self.buffer.counts());
        Some(self.buffer.clear())
    }

    pub(super) const fn raise_limit(&mut self, limit: u64) -> bool {
        self.credit.raise(limit)
    }

    /// RESET_STREAM's code and final offset, if it is to be sent.
    pub(super) fn next_reset(&self) -> Option<(u64, u64)> {
        match self.state {
            SendState::ResetSent { code, .. } if self.reset_due => Some((code, self.buffer.nxt())),
            _ => None,
        }
    }

    pub(super) const fn on_reset_sent(&mut self) {
        self.reset_due = false;
    }

    pub(super) const fn on_reset_lost(&mut self) {
        self.reset_due = matches!(self.state, SendState::ResetSent { .. });
    }

    pub(super) const fn on_reset_acked(&mut self) {
        if let Some(state) = self.state.on(SendEvent::ResetAcked) {
            self.state = state;
            self.reset_due = false;
        }
    }

    /// Lost data to be sent again.
    pub(super) fn next_lost(&self) -> Option<Chunk> {
        self.buffer.next_lost()
    }

    /// New data that the stream's own credit and the coalescing of writes let go, given how many
    /// bytes of frames a full packet takes.
    pub(super) fn next_new(&self, max_chunk: usize) -> Option<Chunk> {
        let all = self.buffer.next_new()?;
        let wanted = all.len();
        let chunk = all.cut(self.credit.available());
        if chunk.is_empty() {
            // Without credit, FIN alone may go (RFC 9000 §4.1: it uses none).
            return (wanted == 0).then_some(chunk);
        }
        let header = StreamFrame::header_len(self.id, chunk.range.start, None);
        let fills = chunk.len() >= max_chunk.saturating_sub(header) as u64;
        let goes = fills || self.nodelay || self.buffer.is_finished() || !self.has_partial();
        goes.then_some(chunk)
    }

    /// `chunk` is sent; returns its copy number, and how many of its bytes are new.
    /// `fills_packet` tells whether there was no room for more.
    pub(super) fn on_sent(&mut self, chunk: &Chunk, fills_packet: bool) -> (u32, u64) {
        let new = chunk.range.end.saturating_sub(self.buffer.nxt());
        self.credit.take(new);
        if new > 0 && !fills_packet {
            self.partial_end = chunk.range.end;
        }
        let event = if chunk.fin { SendEvent::Fin } else { SendEvent::Data };
        self.state = self.state.on(event).unwrap_or(self.state);
        (self.buffer.on_sent(chunk), new)
    }

    pub(super) fn on_acked(&mut self, chunk: &Chunk) -> Released {
        let bytes = self.buffer.on_acked(chunk);
        let mut delivered = false;
        if self.state == SendState::DataSent && self.buffer.is_all_acked() {
            self.state = self.state.on(SendEvent::AllAcked).unwrap_or(self.state);
            delivered = true;
        }
        Released { bytes, delivered }
    }

    pub(super) fn on_lost(&mut self, chunk: &Chunk, copy: u32) {
        self.buffer.on_lost(chunk, copy);
    }

    pub(super) fn requeue_newest(&mut self, max_chunk: usize) -> bool {
        // All that one packet can have carried: a byte less, and that byte would wait for a loss timer.
        self.buffer.requeue_newest(max_chunk as u64)
    }

    pub(super) fn repeat(&mut self, chunk: &Chunk) {
        self.buffer.repeat(chunk);
    }

    pub(super) fn slices(&self, chunk: &Chunk) -> (&[u8], &[u8]) {
        self.buffer.slices(chunk.range.clone())
    }

    pub(super) fn wants(&self, max_chunk: usize) -> Wants {
        Wants {
            control: self.next_reset().is_some(),
            resend: self.buffer.has_lost(),
            fresh: self.next_new(max_chunk).map(|chunk| u64::from(!chunk.is_empty())),
            credit: self.credit.available() == 0 && self.buffer.unsent() > 0,
        }
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Bytes held that have never been sent.
    pub(super) fn unsent(&self) -> u64 {
        self.buffer.unsent()
    }

    pub(super) const fn is_over(&self) -> bool {
        self.state.is_terminal()
    }

    /// Whether nothing is left that an acknowledgement is missing for.
    pub(super) fn is_settled(&self) -> bool {
        match self.state {
            SendState::ResetSent { .. } => false,
            state => state.is_terminal() || self.buffer.is_all_acked(),
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.abandoned.unwrap_or_else(|| self.buffer.counts())
    }

    pub(super) fn memory(&self) -> usize {
        self.buffer.memory()
    }

    /// Whether a packet that was not filled is unacknowledged (Minshall's variant of RFC 896).
    fn has_partial(&self) -> bool {
        self.partial_end > 0 && !self.buffer.is_acked(self.partial_end - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 1000;

    fn half(limit: u64) -> SendHalf {
        SendHalf::new(StreamId::ZERO, limit, false)
    }

    /// Sends what is allowed to go, as if in packets of `MAX` bytes; returns the chunks.
    fn pump(half: &mut SendHalf) -> Vec<Chunk> {
        let mut sent = Vec::new();
        while let Some(chunk) = half.next_new(MAX) {
            let header = StreamFrame::header_len(half.id, chunk.range.start, None);
            let room = (MAX - header) as u64;
            let fills = chunk.len() >= room;
            let chunk = chunk.cut(room);
            half.on_sent(&chunk, fills);
            sent.push(chunk);
        }
        sent
    }

    #[test]
    fn a_second_partial_packet_waits_for_the_first() {
        let mut half = half(1 << 20);
        half.write(&[0; 10]);
        let first = pump(&mut half);
        assert_eq!(first, [Chunk { range: 0..10, fin: false }]);
        half.write(&[0; 10]);
        assert_eq!(pump(&mut half), []);
        assert_eq!(half.wants(MAX), Wants::default());
        half.write(&[0; 2000]);
        let full = pump(&mut half);
        assert_eq!(full.len(), 2, "full packets do not wait: {full:?}");
        half.on_acked(&first[0]);
        let tail = pump(&mut half);
        assert_eq!(tail.len(), 1);
        half.write(&[0; 1]);
        assert_eq!(pump(&mut half), []);
        half.finish();
        assert_eq!(pump(&mut half).len(), 1, "FIN releases the rest");
    }

    #[test]
    fn nodelay_and_retransmissions_do_not_wait() {
        let mut half = half(1 << 20);
        half.write(&[0; 10]);
        let first = pump(&mut half);
        half.write(&[0; 10]);
        half.on_lost(&first[0], 0);
        assert_eq!(half.next_lost(), Some(first[0].clone()));
        half.set_nodelay(true);
        assert_eq!(pump(&mut half).len(), 1);
    }

    #[test]
    fn without_credit_only_a_lone_fin_goes() {
        let mut half = half(10);
        half.write(&[0; 10]);
        half.finish();
        let sent = pump(&mut half);
        assert_eq!(sent, [Chunk { range: 0..10, fin: true }]);
        let mut half = SendHalf::new(StreamId::ZERO, 4, true);
        half.write(&[0; 10]);
        half.finish();
        assert_eq!(pump(&mut half), [Chunk { range: 0..4, fin: false }]);
        assert!(half.wants(MAX).credit);
        half.raise_limit(10);
        assert_eq!(pump(&mut half), [Chunk { range: 4..10, fin: true }]);
        let mut half = SendHalf::new(StreamId::ZERO, 4, true);
        half.write(&[0; 4]);
        assert_eq!(pump(&mut half).len(), 1);
        half.finish();
        assert!(!half.wants(MAX).credit);
        assert_eq!(pump(&mut half), [Chunk { range: 4..4, fin: true }]);
    }

    #[test]
    fn a_reset_ends_at_what_was_sent_and_keeps_the_counts() {
        let mut half = half(4);
        half.write(&[0; 10]);
        let sent = pump(&mut half);
        assert_eq!(half.reset(7, Initiator::Peer), Some(10));
        assert_eq!(half.reset(8, Initiator::Local), None);
        assert_eq!(half.next_reset(), Some((7, 4)));
        half.on_reset_sent();
        assert_eq!(half.next_reset(), None);
        half.on_lost(&sent[0], 0);
        assert_eq!(half.next_lost(), None);
        half.on_reset_lost();
        assert_eq!(half.next_reset(), Some((7, 4)));
        assert_eq!(half.check(), Err(WriteError::Stopped(7)));
        let counts = Counts { written: 10, acknowledged: 0, in_doubt: 4, unsent: 6 };
        assert_eq!(half.counts(), counts);
        assert!(!half.is_settled());
        half.on_reset_acked();
        assert!(half.is_settled() && half.is_over());
        half.on_reset_lost();
        assert_eq!(half.next_reset(), None);
    }
}
