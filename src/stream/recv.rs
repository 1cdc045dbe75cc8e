//! The receiving half of a stream.

use super::assembler::{Assembler, Full};
use super::credit::{Exceeded, RecvCredit};
use super::state::{RecvEvent, RecvState};
use super::{Refusal, Violation};
use crate::wire::StreamFrame;

/// Why nothing can be read from a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// Nothing is there yet; [`super::StreamEvent::Readable`] follows.
    Blocked,
    /// The peer gave the stream up with this code.
    Reset(u64),
    /// There is no such stream.
    Unknown,
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Blocked => f.write_str("no data has arrived"),
            Self::Reset(code) => write!(f, "the peer reset the stream with code {code}"),
            Self::Unknown => f.write_str("there is no such stream"),
        }
    }
}

impl std::error::Error for ReadError {}

/// The receiving half of a stream. Its credit counts offsets: used up to the highest one that
/// arrived, taken up to where the application is.
#[derive(Debug)]
pub(super) struct RecvHalf {
    state: RecvState,
    assembler: Assembler,
    credit: RecvCredit,
    /// The code of the STOP_SENDING that is to be sent.
    stop_due: Option<u64>,
    /// The code of the STOP_SENDING that was sent, for when it is lost.
    stop_sent: Option<u64>,
}

impl RecvHalf {
    pub(super) fn new(window: u64) -> Self {
        Self {
            state: RecvState::Recv,
            assembler: Assembler::new(),
            // One consumer who can always reach the end: a quarter of the window is always reached.
            credit: RecvCredit::new(window, u64::MAX),
            stop_due: None,
            stop_sent: None,
        }
    }

    /// Takes a frame; `conn` is charged for it. Returns whether the application can do more now.
    pub(super) fn on_stream(
        &mut self,
        frame: &StreamFrame<'_>,
        conn: &mut RecvCredit,
    ) -> Result<bool, Refusal> {
        let discarding = self.state == RecvState::Discarding;
        let near = if discarding { self.credit.used() } else { self.assembler.contiguous() };
        let offset = frame.offset.expand(near);
        if !matches!(self.state, RecvState::Recv | RecvState::SizeKnown { .. }) && !discarding {
            self.check_size(offset.saturating_add(frame.data.len() as u64), frame.fin)?;
            return Ok(false);
        }
        let end = offset.saturating_add(frame.data.len() as u64);
        self.check_size(end, frame.fin)?;
        let growth = self.check_credit(end, conn)?;
        let before = self.assembler.contiguous();
        if !discarding {
            self.assembler.insert(offset, frame.data).map_err(|Full| Refusal::Full)?;
        }
        self.credit.charge(growth);
        conn.charge(growth);
        if discarding {
            self.take_all(conn);
        }
        let mut news = self.assembler.contiguous() > before;
        if frame.fin {
            self.on(RecvEvent::Size { end });
        }
        if self.state == (RecvState::SizeKnown { end: self.assembler.contiguous() }) {
            self.on(RecvEvent::All);
            news = true;
            if self.assembler.contiguous() == self.credit.taken() {
                // Nothing is left to read but the end itself: the stream is read to its end.
                self.on(RecvEvent::Taken);
            }
        }
        Ok(news)
    }

    /// The peer gave up at offset `end`. Returns whether that is news to the application.
    pub(super) fn on_reset(
        &mut self,
        code: u64,
        end: u64,
        conn: &mut RecvCredit,
    ) -> Result<bool, Violation> {
        if self.state.is_terminal() || matches!(self.state, RecvState::ResetRecvd { .. }) {
            return Ok(false);
        }
        self.check_size(end, true)?;
        let growth = self.check_credit(end, conn)?;
        if matches!(self.state, RecvState::DataRecvd { .. }) {
            return Ok(false);
        }
        self.credit.charge(growth);
        conn.charge(growth);
        self.take_all(conn);
        self.assembler.clear();
        self.on(RecvEvent::Reset { code });
        Ok(matches!(self.state, RecvState::ResetRecvd { .. }))
    }

    /// Moves bytes to `buf`; 0 means the end.
    pub(super) fn read(
        &mut self,
        buf: &mut [u8],
        conn: &mut RecvCredit,
    ) -> Result<usize, ReadError> {
        let n = self.available(buf.len())?;
        if let RecvState::ResetRecvd { code } = self.state {
            self.on(RecvEvent::Taken);
            return Err(ReadError::Reset(code));
        }
        if n == 0 {
            return Ok(0);
        }
        let n = self.assembler.read(buf);
        self.credit.take(n as u64);
        conn.take(n as u64);
        if self.state == (RecvState::DataRecvd { end: self.credit.taken() }) {
            self.on(RecvEvent::Taken);
        }
        Ok(n)
    }

    /// Copies the next bytes to `buf`; 0 means the end.
    pub(super) fn peek(&self, buf: &mut [u8]) -> Result<usize, ReadError> {
        self.available(buf.len())?;
        match self.state {
            RecvState::ResetRecvd { code } => Err(ReadError::Reset(code)),
            _ => Ok(self.assembler.peek(buf)),
        }
    }

    pub(super) const fn readable(&self) -> u64 {
        self.assembler.readable()
    }

    /// The application wants nothing more; with a code the peer is asked to stop.
    pub(super) fn discard(&mut self, stop: Option<u64>, conn: &mut RecvCredit) {
        if self.state.is_terminal() {
            return;
        }
        self.take_all(conn);
        self.assembler.clear();
        self.on(RecvEvent::Discard);
        if self.state == RecvState::Discarding
            && self.stop_sent.is_none()
            && self.stop_due.is_none()
        {
            self.stop_due = stop;
        }
    }

    /// STOP_SENDING's code, if it is to be sent.
    pub(super) fn next_stop(&self) -> Option<u64> {
        self.stop_due.filter(|_| self.state == RecvState::Discarding)
    }

    pub(super) const fn on_stop_sent(&mut self) {
        self.stop_sent = self.stop_due.take();
    }

    pub(super) const fn on_stop_lost(&mut self) {
        self.stop_due = self.stop_sent;
    }

    /// MAX_STREAM_DATA's limit, if it is to be sent.
    pub(super) const fn wants_limit(&self) -> bool {
        matches!(self.state, RecvState::Recv | RecvState::Discarding) && self.credit.wants_update()
    }

    /// The limit that goes into the MAX_STREAM_DATA being sent.
    pub(super) fn advertise(&mut self) -> u64 {
        self.credit.advertise()
    }

    /// What `advertise` would give.
    pub(super) fn next_limit(&self) -> u64 {
        let mut credit = self.credit;
        credit.advertise()
    }

    pub(super) const fn repeat_limit(&mut self) {
        self.credit.repeat();
    }

    pub(super) const fn ask_limit(&mut self) {
        self.credit.ask();
    }

    pub(super) fn on_round(&mut self, max_window: u64) {
        self.credit.on_round(max_window);
    }

    pub(super) const fn is_over(&self) -> bool {
        self.state.is_terminal()
    }

    pub(super) fn memory(&self) -> usize {
        self.assembler.memory()
    }

    /// How many of `len` bytes can be had, 0 meaning the end, or a reset.
    fn available(&self, len: usize) -> Result<usize, ReadError> {
        match self.state {
            RecvState::ResetRead { code } => Err(ReadError::Reset(code)),
            RecvState::Recv | RecvState::SizeKnown { .. }
                if self.assembler.readable() == 0 && len > 0 =>
            {
                Err(ReadError::Blocked)
            }
            _ => Ok(len.min(self.assembler.readable() as usize)),
        }
    }

    /// RFC 9000 §4.5: once known, the final size never changes, and nothing lies beyond it.
    fn check_size(&self, end: u64, is_final: bool) -> Result<(), Violation> {
        let beyond = match self.state.end() {
            Some(size) => end > size || (is_final && end != size),
            None => is_final && end < self.credit.used() && !self.state.is_terminal(),
        };
        if beyond { Err(Violation::FinalSize) } else { Ok(()) }
    }

    /// How many bytes beyond the highest offset so far `end` is, if both credits allow that.
    fn check_credit(&self, end: u64, conn: &RecvCredit) -> Result<u64, Violation> {
        let growth = end.saturating_sub(self.credit.used());
        let exceeds = |Exceeded| Violation::FlowControl;
        self.credit.check(growth).map_err(exceeds)?;
        conn.check(growth).map_err(exceeds)?;
        Ok(growth)
    }

    /// What arrived counts as taken.
    fn take_all(&mut self, conn: &mut RecvCredit) {
        let rest = self.credit.used() - self.credit.taken();
        self.credit.take(rest);
        conn.take(rest);
    }

    fn on(&mut self, event: RecvEvent) {
        if let Some(state) = self.state.on(event) {
            self.state = state;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{MAX_VARINT, Offset, StreamId};

    fn frame(offset: u64, fin: bool, data: &[u8]) -> StreamFrame<'_> {
        StreamFrame { id: StreamId::ZERO, offset: Offset::new(offset), fin, data }
    }

    #[test]
    fn truncated_offsets_are_expanded_while_discarding_too() {
        let mut conn = RecvCredit::new(MAX_VARINT, 1);
        let mut half = RecvHalf::new(MAX_VARINT);
        half.discard(None, &mut conn);
        for step in 1..10 {
            let offset = step << 38;
            assert_eq!(half.on_stream(&frame(offset, false, b"x"), &mut conn), Ok(false));
            assert_eq!((half.credit.used(), half.credit.taken()), (offset + 1, offset + 1));
            assert_eq!((conn.used(), conn.taken()), (offset + 1, offset + 1));
        }
    }

    #[test]
    fn a_reset_after_all_data_arrived_is_ignored_and_checked_all_the_same() {
        let mut conn = RecvCredit::new(100, 1);
        let mut half = RecvHalf::new(100);
        assert_eq!(half.on_stream(&frame(0, true, b"abc"), &mut conn), Ok(true));
        assert_eq!(half.on_reset(1, 4, &mut conn), Err(Violation::FinalSize));
        assert_eq!(half.on_reset(1, 3, &mut conn), Ok(false));
        let mut buf = [0; 9];
        assert_eq!(half.read(&mut buf[..2], &mut conn), Ok(2));
        assert_eq!(half.read(&mut buf, &mut conn), Ok(1));
        assert!(half.is_over());
        assert_eq!(half.read(&mut buf, &mut conn), Ok(0));
    }

    #[test]
    fn a_reset_returns_the_credit_of_what_will_never_come() {
        let mut conn = RecvCredit::new(100, 1);
        let mut half = RecvHalf::new(100);
        half.on_stream(&frame(5, false, b"abc"), &mut conn).unwrap();
        assert_eq!(half.on_reset(9, 60, &mut conn), Ok(true));
        assert_eq!((conn.used(), conn.taken()), (60, 60));
        assert_eq!(half.on_stream(&frame(0, false, b"abc"), &mut conn), Ok(false));
        assert_eq!(half.peek(&mut [0]), Err(ReadError::Reset(9)));
        assert!(!half.is_over());
        assert_eq!(half.read(&mut [0], &mut conn), Err(ReadError::Reset(9)));
        assert!(half.is_over());
        assert_eq!(half.read(&mut [0], &mut conn), Err(ReadError::Reset(9)));
    }

    #[test]
    fn an_end_alone_is_news() {
        let mut conn = RecvCredit::new(100, 1);
        let mut half = RecvHalf::new(100);
        half.on_stream(&frame(0, false, b"abc"), &mut conn).unwrap();
        assert_eq!(half.read(&mut [0; 3], &mut conn), Ok(3));
        assert_eq!(half.read(&mut [0; 3], &mut conn), Err(ReadError::Blocked));
        assert_eq!(half.read(&mut [], &mut conn), Ok(0));
        assert_eq!(half.on_stream(&frame(3, true, b""), &mut conn), Ok(true));
        assert_eq!(half.read(&mut [0; 3], &mut conn), Ok(0));
        assert!(half.is_over());
    }
}
