//! The way of one numbered packet in: open, tell duplicates, one match over its frames, record it.

use super::ack::{Received, Urgency, ack_delay};
use super::contents::settle;
use super::state::{CloseReason, Farewell, PROTOCOL_CODES, ProtocolError, State};
use super::timer::Timer;
use super::{Connection, Path};
use crate::recovery::{AckInfo, NackOutcome};
use crate::stream::{Refusal, Violation};
use crate::time::{Duration, Instant};
use crate::wire::{
    Ack, ChannelId, Close, Crc32, Ecn, Frame, Frames, Integrity, Nack, Numbered, Opened, Opening,
    Pseudo, Reader,
};

/// How many bytes in flight there may be beyond the window for the sake of answers to challenges. At
/// the bound challenges are not answered: an honest peer repeats them.
const MAX_PATH_BYTES: u64 = 4096;

/// A numbered packet on its way in.
#[derive(Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) path: Path,
    pub(crate) ecn: Ecn,
    pub(crate) header: Numbered,
    /// Where the header ends.
    pub(crate) header_len: usize,
    /// Whether the handshake's proof stands in front of the frames.
    pub(crate) is_opening: bool,
    pub(crate) packet: &'a mut [u8],
    /// Whether the endpoint has memory for larger receive windows.
    pub(crate) may_grow: bool,
    /// Whether a bit of the header was flipped back: only a right checksum shows that it was that one.
    pub(crate) is_repaired: bool,
}

/// The facts of a packet that was taken.
struct Taken {
    path: Path,
    packet: Received,
    is_urgent: bool,
    may_grow: bool,
}

/// Why a packet's frames were not all taken.
enum Stop {
    /// The peer broke the protocol.
    Broken(ProtocolError),
    /// A bound was reached: the packet counts as never received, so its data comes again.
    Full,
    /// The connection is over: what the packet brings is not taken, and so not acknowledged.
    Over,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full => Self::Full,
            Refusal::Violation(violation) => Self::Broken(match violation {
                Violation::FlowControl => ProtocolError::FlowControl,
                Violation::FinalSize => ProtocolError::FinalSize,
                Violation::StreamLimit => ProtocolError::StreamLimit,
                Violation::StreamState => ProtocolError::StreamState,
                Violation::Message => ProtocolError::Message,
            }),
        }
    }
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        Refusal::Violation(violation).into()
    }
}

impl Connection {
    /// Takes a numbered packet, and returns whether it was intact. Nothing changes but counters until
    /// that is known.
    pub(crate) fn handle(&mut self, now: Instant, arrival: Arrival<'_>) -> bool {
        let now = now.max(self.book.now);
        let Arrival { path, ecn, header, header_len, is_opening, packet, may_grow, is_repaired } =
            arrival;
        let bytes = packet.len();
        let remote = self.ids.remote.filter(|_| !matches!(self.state, State::Closed));
        let Some(remote) = remote else {
            self.book.refused.unexpected += 1;
            return false;
        };
        let number = header.number.expand(self.acks.largest().map_or(0, |largest| largest + 1));
        let pseudo = Pseudo { number, to: self.ids.local, from: remote };
        match Crc32.open(pseudo, packet, header_len) {
            Opened::Intact(body) => {
                let is_eliciting = header.ack_eliciting;
                let packet = Received { number, bytes, is_eliciting, ecn };
                let taken = Taken { path, packet, is_urgent: false, may_grow };
                self.on_intact(
                    now,
                    taken,
                    if is_opening { skip_opening(body) } else { Some(body) },
                );
                return true;
            }
            // Which bit it was is a guess that was wrong: nothing of this header is to be trusted.
            _ if is_repaired => {}
            Opened::Damaged(trailer) => {
                self.book.refused.damaged += 1;
                // P-40, P-41: only what asks for an answer, never what carries the handshake's proof.
                let is_reportable = header.ack_eliciting && !is_opening && self.is_open();
                if is_reportable && self.acks.is_new(number) {
                    self.damage.on_damaged(Nack { number, trailer });
                }
            }
            Opened::Forged => self.book.refused.unexpected += 1,
        }
        false
    }

    /// Takes what an intact packet carries, once.
    fn on_intact(&mut self, now: Instant, mut taken: Taken, frames: Option<&[u8]>) {
        if !self.acks.is_new(taken.packet.number) {
            self.book.refused.duplicate += 1;
            return;
        }
        let Some(frames) = frames else { return self.fail(now, ProtocolError::Frame) };
        match self.on_frames(now, taken.path, frames, &mut taken.is_urgent) {
            Ok(()) => {
                self.book.received.count(taken.packet.bytes);
                self.on_recorded(now, &taken);
            }
            Err(Stop::Broken(error)) => self.fail(now, error),
            Err(Stop::Full) => self.book.refused.full += 1,
            Err(Stop::Over) => self.on_late_packet(),
        }
    }

    /// An intact, new packet was taken: acknowledge it, move timers, see where it came from.
    fn on_recorded(&mut self, now: Instant, taken: &Taken) {
        // The server has answered: it knows this connection (P-18).
        if self.offer.take().is_some() {
            self.set_max_chunk();
        }
        let is_highest = self.acks.largest().is_none_or(|largest| taken.packet.number > largest);
        let urgency = self.acks.on_received(now, taken.packet);
        if !self.is_open() {
            return;
        }
        if taken.is_urgent {
            self.acks.demand();
        } else if urgency == Urgency::Delayed {
            let srtt = self.recovery.rtt().smoothed();
            let delay = ack_delay(self.config.max_ack_delay, srtt);
            let most = self.config.max_ack_delay.min(srtt / 4);
            let delay = self.thin.cadence.wait(now, most).map_or(delay, |wait| wait.max(delay));
            self.timers.set_earlier(Timer::Ack, now + delay);
        }
        let token = self.rng.u64();
        self.pending.path |=
            self.paths.on_packet(taken.path, taken.packet.bytes, is_highest, token);
        self.heard(now);
        if now >= self.book.round_ends {
            self.book.round_ends = now + self.recovery.rtt().smoothed();
            if taken.may_grow {
                self.streams.on_round();
            }
        }
    }

    fn on_frames(
        &mut self,
        now: Instant,
        path: Path,
        body: &[u8],
        urgent: &mut bool,
    ) -> Result<(), Stop> {
        let mut is_over = false;
        for frame in Frames::new(body) {
            let frame = frame.map_err(|_| Stop::Broken(ProtocolError::Frame))?;
            if let Frame::Close(close) = frame {
                self.on_peer_close(now, close);
                return Ok(());
            }
            // An ACK may end a lingering connection; what stands behind it comes too late.
            if self.is_open() {
                self.on_frame(now, path, frame, urgent)?;
            } else {
                is_over = true;
            }
        }
        if is_over { Err(Stop::Over) } else { Ok(()) }
    }

    /// One frame of an open connection.
    fn on_frame(
        &mut self,
        now: Instant,
        path: Path,
        frame: Frame<'_>,
        urgent: &mut bool,
    ) -> Result<(), Stop> {
        match frame {
            Frame::Padding(_) | Frame::Close(_) => {}
            Frame::Ping => *urgent = true,
            Frame::Ack(ack) => self.on_ack(now, &ack)?,
            Frame::Nack(nack) => self.on_nack(now, nack),
            Frame::MaxData(limit) => self.streams.on_max_data(limit),
            Frame::MaxStreamData(id, limit) => self.streams.on_max_stream_data(id, limit)?,
            Frame::MaxStreams(count) => self.streams.on_max_streams(count),
            Frame::WindowProbe(id) => {
                self.streams.on_window_probe(id)?;
                *urgent = true;
            }
            Frame::ResetStream(id, code, end) => self.streams.on_reset_stream(id, code, end)?,
            Frame::StopSending(id, code) => self.streams.on_stop_sending(id, code)?,
            Frame::PathChallenge(token) => {
                // Answers leave beyond the window; a peer that acknowledges none gets no more of them.
                if self.recovery.bytes_in_flight() < self.recovery.cwnd() + MAX_PATH_BYTES {
                    self.paths.on_challenge(path, token);
                    self.pending.path = true;
                }
            }
            Frame::PathResponse(token) => self.on_path_response(now, token),
            Frame::Stream(stream) => {
                self.streams.on_stream(&stream)?;
                *urgent |= stream.fin;
            }
            Frame::Message(message) => {
                self.streams.on_message(&message)?;
                *urgent |= message.id == ChannelId::URGENT;
            }
            Frame::Parity(parity) => self.streams.on_parity(&parity)?,
            Frame::Skip(skip) => self.streams.on_skip(&skip)?,
            Frame::MaxChannelData(id, limit) => self.streams.on_max_channel_data(id, limit)?,
            Frame::MaxChannels(count) => self.streams.on_max_channels(count),
            Frame::ChannelProbe(id) => {
                self.streams.on_channel_probe(id)?;
                *urgent = true;
            }
            Frame::ChannelEnd(id, end) => {
                self.streams.on_channel_end(id, end)?;
                *urgent = true;
            }
            Frame::ChannelStop(id) => self.streams.on_channel_stop(id)?,
        }
        Ok(())
    }

    fn on_ack(&mut self, now: Instant, ack: &Ack<'_>) -> Result<(), Stop> {
        let info = AckInfo {
            largest: ack.largest,
            delay: Duration::from_micros(ack.delay_us),
            ce_count: ack.ecn.map(|counts| counts.ce),
        };
        self.expect_losses(now);
        let (streams, acks, tail) = (&mut self.streams, &mut self.acks, &mut self.thin.tail);
        let prefixes = &mut self.prefixes;
        let mut fate = |fate, contents| {
            prefixes.on_fate(fate, &contents);
            settle(streams, acks, tail, fate, contents);
        };
        let outcome = self
            .recovery
            .on_ack(now, &info, self.book.next_number, ack.ranges(), &mut fate)
            .map_err(|_| Stop::Broken(ProtocolError::AckedUnsent))?;
        if outcome.packets_acked > 0 {
            // The peer answers: its time to do so begins anew.
            self.timers.stop(Timer::User);
            self.pending.probes = 0;
        }
        self.book.largest_acked = self.book.largest_acked.max(ack.largest);
        self.await_tail();
        self.streams.set_send_limit(self.recovery.cwnd() * 2);
        self.thin.loss.on_ack(now, self.recovery.fates());
        self.check_farewell(now);
        Ok(())
    }

    fn on_nack(&mut self, now: Instant, nack: Nack) {
        self.expect_losses(now);
        let (streams, acks, tail) = (&mut self.streams, &mut self.acks, &mut self.thin.tail);
        let mut fate = |fate, contents| settle(streams, acks, tail, fate, contents);
        let outcome = self.recovery.on_nack(now, nack.number, nack.trailer, &mut fate);
        self.await_tail();
        if outcome != NackOutcome::Ignored {
            self.timers.stop(Timer::User);
        }
    }

    fn on_path_response(&mut self, now: Instant, token: u64) {
        let before = self.paths.current.remote;
        if self.paths.on_response(token) {
            self.timers.stop(Timer::Path);
            // RFC 9000 §9.4: a NAT that changed the port only has not changed the path.
            if before.ip() != self.paths.current.remote.ip() {
                self.recovery.on_path_change(now);
            }
        }
    }

    fn on_peer_close(&mut self, now: Instant, close: Close<'_>) {
        match &self.state {
            State::Established | State::Lingering(_) => {
                let reason = if close.code >= PROTOCOL_CODES {
                    CloseReason::PeerSawProtocolError(close.code)
                } else {
                    CloseReason::Peer(close.code, close.reason.to_vec())
                };
                let answer = Farewell::new(close.code, b"");
                self.end(now, reason, State::TimeWait(Some(answer)));
                self.pending.close = true;
            }
            State::Closing(_) => self.end(now, CloseReason::Local(0), State::TimeWait(None)),
            State::TimeWait(Some(_)) => self.pending.close = true,
            State::TimeWait(None) | State::Connecting(_) | State::Closed => {}
        }
    }

    /// The peer goes on although the connection is over: it may have missed our CLOSE.
    fn on_late_packet(&mut self) {
        self.book.refused.unexpected += 1;
        if let State::Closing(farewell) | State::TimeWait(Some(farewell)) = &self.state {
            // Ever more rarely, so that a peer that does not listen is not answered packet by packet.
            let late = self.book.refused.unexpected;
            self.pending.close |= farewell.sent > 0 && late.is_power_of_two();
        }
    }
}

fn skip_opening(body: &[u8]) -> Option<&[u8]> {
    let mut r = Reader::new(body);
    Opening::decode(&mut r).ok()?;
    Some(r.rest())
}
