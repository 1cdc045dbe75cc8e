//! Frames in: what each one that the peer sent does to the streams.

use super::state::Initiator;
use super::{Refusal, StreamEvent, Streams, Violation};
use crate::wire::{StreamFrame, StreamId};

impl Streams {
    /// Data arrived.
    ///
    /// # Errors
    /// See [`Refusal`]. Frames of the packet that were taken before do no harm when they come again.
    pub fn on_stream(&mut self, frame: &StreamFrame<'_>) -> Result<(), Refusal> {
        let id = frame.id;
        self.open_by_peer(id)?;
        let Some(stream) = self.table.touch(id) else { return Ok(()) };
        if stream.recv.on_stream(frame, &mut self.recv_credit)? {
            self.events.push(StreamEvent::Readable(id), &mut stream.events);
        }
        self.refile(id);
        Ok(())
    }

    /// RESET_STREAM: the peer gave its half up after `end` bytes.
    ///
    /// # Errors
    /// A [`Violation`] of limits or of the final size.
    pub fn on_reset_stream(&mut self, id: StreamId, code: u64, end: u64) -> Result<(), Violation> {
        self.open_by_peer(id)?;
        let Some(stream) = self.table.touch(id) else { return Ok(()) };
        if stream.recv.on_reset(code, end, &mut self.recv_credit)? {
            self.events.push(StreamEvent::Reset(id, code), &mut stream.events);
            self.events.push(StreamEvent::Readable(id), &mut stream.events);
        }
        self.refile(id);
        Ok(())
    }

    /// STOP_SENDING: the peer does not want the rest. Answered with RESET_STREAM (RFC 9000 §3.5).
    ///
    /// # Errors
    /// A [`Violation`] of limits.
    pub fn on_stop_sending(&mut self, id: StreamId, code: u64) -> Result<(), Violation> {
        self.open_by_peer(id)?;
        if self.give_up(id, code, Initiator::Peer)
            && let Some(stream) = self.table.get_mut(id)
        {
            self.events.push(StreamEvent::Stopped(id, code), &mut stream.events);
        }
        Ok(())
    }

    /// MAX_DATA.
    pub fn on_max_data(&mut self, limit: u64) {
        self.send_credit.raise(limit);
    }

    /// MAX_STREAM_DATA.
    ///
    /// # Errors
    /// A [`Violation`] of limits.
    pub fn on_max_stream_data(&mut self, id: StreamId, limit: u64) -> Result<(), Violation> {
        self.open_by_peer(id)?;
        if let Some(stream) = self.table.touch(id)
            && stream.send.raise_limit(limit)
        {
            self.refile(id);
        }
        Ok(())
    }

    /// MAX_STREAMS.
    pub fn on_max_streams(&mut self, limit: u64) {
        if self.table.registry.raise_limit(limit) {
            self.events.push_common(StreamEvent::Openable);
        }
    }

    /// WINDOW_PROBE: the peer has data for this stream and no credit, so it is told all that it can
    /// have.
    ///
    /// # Errors
    /// A [`Violation`] of limits.
    pub fn on_window_probe(&mut self, id: StreamId) -> Result<(), Violation> {
        self.open_by_peer(id)?;
        self.recv_credit.ask();
        if let Some(stream) = self.table.touch(id) {
            stream.recv.ask_limit();
            self.refile(id);
        }
        Ok(())
    }

    /// The peer speaks of `id`, and may open it by that.
    fn open_by_peer(&mut self, id: StreamId) -> Result<(), Violation> {
        if let Some(first) = self.table.on_peer(id)? {
            self.events.push_common(StreamEvent::Opened(first));
        }
        Ok(())
    }
}
