//! The way out: why a packet is sent, what goes into it, and several of one size into one batch.

use super::contents::Contents;
use super::state::State;
use super::timer::Timer;
use super::{Connection, MAX_CLOSES, Path, Transmit};
use crate::recovery::{Permit, SentPacket};
use crate::stream::FlowId;
use crate::time::{Duration, Instant};
use crate::wire::{
    Close, Crc32, Ecn, Frame, Header, Integrity, Numbered, Pseudo, Truncated, Writer,
};

/// A batch is never longer than what GSO takes in one system call.
const MAX_BATCH_BYTES: usize = 64_000;
/// Packets of a batch, at most (the kernel's UDP_MAX_SEGMENTS is 64 on older kernels).
const MAX_BATCH_PACKETS: usize = 60;
/// What a packet with a challenge or a response takes at most; the unit of a new path's credit.
const PATH_PROBE_BYTES: usize = Numbered::encoded_len(4) + 1 + size_of::<u64>() + Crc32::LEN;
/// What PING and WINDOW_PROBE take at most.
const CONTROL_BYTES: usize = 1 + 1 + size_of::<u64>();
/// CLOSEs are never further apart than this.
const MAX_CLOSE_INTERVAL: Duration = Duration::from_secs(1);

/// What waits to be sent besides streams, ACKs and NACKs.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one packet, or one frame, that is owed")]
pub(super) struct Pending {
    pub(super) syn: bool,
    pub(super) ping: bool,
    /// Probes that the probe timeout asks for.
    pub(super) probes: u32,
    pub(super) window_probe: Option<FlowId>,
    /// Requests for credit in a row.
    pub(super) window_probes: u32,
    pub(super) path: bool,
    pub(super) close: bool,
    /// When an ACK-only packet may next ask for an acknowledgement of itself (P-25).
    next_ack_ping: Instant,
}

/// Why a packet is sent; decides what may go into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// The window is open.
    Data,
    /// The probe timeout fired: goes out whatever the window says.
    Probe,
    /// Only to acknowledge, or to report damage.
    Ack,
    /// To prove an address.
    Path { challenge: Option<u64>, response: Option<u64> },
    /// The end.
    Close,
}

impl Connection {
    /// Says how many bytes of frames a packet takes at least, whatever its number's length; of those
    /// that repeat the offer fewer (P-18), so that a message does not have to wait for the others.
    pub(super) fn set_max_chunk(&mut self) {
        let offer = self.offer.as_ref().map_or(0, |offer| offer.max_len());
        let around = Numbered::encoded_len(4) + Crc32::LEN + offer;
        self.streams.set_max_chunk(self.agreed.max_payload - around);
    }

    pub(super) fn transmit(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        match self.state {
            State::Connecting(_) => self.transmit_syn(now, buf),
            State::Established | State::Lingering(_) => {
                self.transmit_path_probe(now, buf).or_else(|| self.transmit_batch(now, buf))
            }
            State::Closing(_) | State::TimeWait(Some(_)) => self.transmit_close(now, buf),
            State::TimeWait(None) | State::Closed => None,
        }
    }

    fn transmit_syn(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        if !std::mem::take(&mut self.pending.syn) {
            return None;
        }
        let State::Connecting(connecting) = &mut self.state else { return None };
        let start = buf.len();
        let next = connecting.write_syn(now, self.ids.local, buf);
        self.timers.set(Timer::Syn, next);
        self.book.sent.count(buf.len() - start);
        Some(to(self.paths.current, start..buf.len(), buf.len() - start))
    }

    fn transmit_path_probe(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        if !self.pending.path {
            return None;
        }
        let Some(probe) = self.paths.next_probe(PATH_PROBE_BYTES) else {
            self.pending.path = self.paths.is_due(PATH_PROBE_BYTES);
            return None;
        };
        if let Some(at) = self.paths.retry_at(now, self.recovery.pto()) {
            self.timers.set(Timer::Path, at);
        }
        let start = buf.len();
        let purpose = Purpose::Path { challenge: probe.challenge, response: probe.response };
        let len = self.build(now, buf, purpose);
        Some(to(probe.path, start..start + len, len))
    }

    fn transmit_close(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        if !std::mem::take(&mut self.pending.close) {
            return None;
        }
        let start = buf.len();
        let len = self.build(now, buf, Purpose::Close);
        let interval = self.recovery.pto();
        if let State::Closing(farewell) = &mut self.state {
            farewell.sent += 1;
            let interval = (interval * (1 << (farewell.sent - 1).min(16))).min(MAX_CLOSE_INTERVAL);
            if farewell.sent < MAX_CLOSES {
                self.timers.set(Timer::Close, now + interval);
            } else {
                // Whoever has not heard by now will draw a RESET.
                self.timers.set(Timer::TimeWait, now + interval);
            }
        } else if let State::TimeWait(Some(farewell)) = &mut self.state {
            farewell.sent += 1;
        }
        Some(to(self.paths.current, start..start + len, len))
    }

    /// As many packets of one size as there is reason to send, up to a batch.
    fn transmit_batch(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<Transmit> {
        let start = buf.len();
        let full = self.agreed.max_payload;
        let mut segment = 0;
        for _ in 0..MAX_BATCH_PACKETS {
            if buf.len() - start + full > MAX_BATCH_BYTES.max(full) {
                break;
            }
            let Some(purpose) = self.purpose(now) else { break };
            let len = self.build(now, buf, purpose);
            segment = segment.max(len);
            // All packets of a batch but the last are of one size: a shorter one ends it.
            if len < full {
                break;
            }
        }
        (buf.len() > start).then(|| to(self.paths.current, start..buf.len(), segment))
    }

    /// Whether a packet is to be sent now, and why.
    fn purpose(&mut self, now: Instant) -> Option<Purpose> {
        if self.pending.probes > 0 {
            self.pending.probes -= 1;
            // RFC 9002 §6.2.4: new data if there is some and credit for it, else the newest again.
            if !self.streams.wants_to_send() {
                self.streams.requeue_newest();
            }
            return Some(Purpose::Probe);
        }
        if self.wants_to_send() && matches!(self.recovery.permit(now), Permit::Now { .. }) {
            return Some(Purpose::Data);
        }
        (self.acks.is_due() || self.damage.is_due()).then_some(Purpose::Ack)
    }

    /// Builds one packet at the end of `buf`; returns its length, 0 if there was nothing to put into it.
    fn build(&mut self, now: Instant, buf: &mut Vec<u8>, purpose: Purpose) -> usize {
        let Some(remote) = self.ids.remote else { return 0 };
        let start = buf.len();
        let number = self.book.next_number;
        let short = self.short_number(number);
        let header_len = Numbered::encoded_len(short.bytes);
        buf.resize(start + header_len, 0);
        let limit = start + self.agreed.max_payload - Crc32.trailer_len();
        let mut w = Writer::new(buf, limit);
        if let Some(offer) = &self.offer {
            offer.write(now, self.ids.local, &mut w);
        }
        let empty = w.len();
        let mut contents = Contents::default();
        let eliciting = self.fill(now, purpose, &mut w, &mut contents);
        if w.len() == empty {
            buf.truncate(start);
            return 0;
        }
        let spare = self.rng.u64() & 1 == 1;
        let header = Numbered {
            to: remote,
            number: short,
            ack_eliciting: eliciting,
            key_phase: false,
            spare,
        };
        let header = if self.offer.is_some() { Header::Ack(header) } else { Header::Data(header) };
        header.overwrite(buf.get_mut(start..).unwrap_or_default());
        let pseudo = Pseudo { number, to: remote, from: self.ids.local };
        let trailer = Crc32.seal(pseudo, buf, start, header_len);
        let len = buf.len() - start;
        self.book.next_number += 1;
        self.book.sent.count(len);
        if eliciting {
            let bytes = len as u32;
            self.recovery.on_sent(now, SentPacket { number, bytes, trailer, contents });

            self.spoke(now);
        }
        len
    }

    /// The packet number as it travels. Until the server has answered it knows no other number to
    /// expand this one by, and a client that began anew does not begin at 0: it travels long (P-18).
    fn short_number(&self, number: u64) -> Truncated {
        if self.offer.is_some() {
            return Truncated { low: number & 0xffff_ffff, bytes: 4 };
        }
        Truncated::packet_number(number, self.book.largest_acked)
    }

    /// Fills a packet: reports first, then control, then data. Returns whether it wants an answer.
    fn fill(
        &mut self,
        now: Instant,
        purpose: Purpose,
        w: &mut Writer<'_>,
        contents: &mut Contents,
    ) -> bool {
        // P-72: an address that is not proven gets its few bytes, and no report of any length.
        if !matches!(purpose, Purpose::Path { .. }) {
            // However much there is to report, what the packet is for has room.
            let reserve = self.reserve(purpose);
            w.set_aside(reserve);
            self.fill_reports(now, purpose, w, contents);
            w.give_back(reserve);
        }
        let unanswered = w.len();
        let mut put = |frame: Frame<'_>| {
            let fits = frame.encoded_len(false) <= w.room();
            if fits {
                frame.encode(w, false);
            }
            fits
        };
        match purpose {
            Purpose::Close => {
                if let State::Closing(f) | State::TimeWait(Some(f)) = &self.state {
                    put(Frame::Close(Close { code: f.code, reason: &f.reason }));
                }
                return false;
            }
            Purpose::Path { challenge, response } => {
                challenge.map(|token| put(Frame::PathChallenge(token)));
                response.map(|token| put(Frame::PathResponse(token)));
                return true;
            }
            Purpose::Ack => {
                // P-25: once in a round trip an ACK asks for its own acknowledgement, if there is
                // anything that the receiver could then forget.
                if self.acks.has_gaps() && now >= self.pending.next_ack_ping && put(Frame::Ping) {
                    self.pending.next_ack_ping = now + self.recovery.rtt().smoothed();
                }
            }
            Purpose::Data | Purpose::Probe => {
                if (self.pending.ping || purpose == Purpose::Probe) && put(Frame::Ping) {
                    self.pending.ping = false;
                }
                match self.pending.window_probe.take() {
                    Some(FlowId::Stream(id)) => put(Frame::WindowProbe(id)),
                    Some(FlowId::Channel(id)) => put(Frame::ChannelProbe(id)),
                    None => true,
                };
                if self.streams.uses_channels() {
                    let pattern = self.thin.loss.pattern(now, self.config.redundancy, &self.view());
                    self.streams.set_repair(pattern);
                }
                if self.streams.write_frames(w, &mut |content| contents.push(content)) {
                    self.thin.cadence.on_sent(now);
                }
            }
        }
        w.len() > unanswered
    }

    /// Bytes of a packet that reports may not take.
    fn reserve(&self, purpose: Purpose) -> usize {
        match (purpose, &self.state) {
            (Purpose::Close, State::Closing(f) | State::TimeWait(Some(f))) => {
                Frame::Close(Close { code: f.code, reason: &f.reason }).encoded_len(false)
            }
            _ => CONTROL_BYTES,
        }
    }

    fn fill_reports(
        &mut self,
        now: Instant,
        purpose: Purpose,
        w: &mut Writer<'_>,
        contents: &mut Contents,
    ) {
        self.book.nacks_sent += self.damage.write(|nack| {
            let frame = Frame::Nack(nack);
            let fits = frame.encoded_len(false) <= w.room();
            if fits {
                frame.encode(w, false);
            }
            fits
        });
        // P-64: every CLOSE, a repeated one too, travels with the latest acknowledgement.
        if self.acks.has_news() || purpose == Purpose::Close {
            contents.acked = self.acks.write(now, w);
            self.timers.stop(Timer::Ack);
        }
    }
}

fn to(path: Path, range: std::ops::Range<usize>, segment: usize) -> Transmit {
    Transmit { to: path.remote, from: path.local, ecn: Ecn::NotEct, range, segment }
}

#[cfg(test)]
mod tests {
    use super::super::ack::Received;
    use super::super::{Config, Proven};
    use super::*;
    use crate::rng::Rng;
    use crate::wire::{ConnectionId, Frames, Parameters};
    use std::net::SocketAddr;

    /// A peer that leaves thousands of gaps cannot fill a packet with acknowledgements, nor make an
    /// unproven address be sent them.
    #[test]
    fn what_a_packet_is_for_has_room_beside_a_large_acknowledgement() {
        let now = Instant::from_millis(5);
        let proven = Proven {
            local: ConnectionId(1),
            remote: ConnectionId(2),
            path: Path { remote: SocketAddr::from(([127, 0, 0, 1], 9)), local: None },
            parameters: Parameters::default(),
            rtt: Duration::from_millis(10),
        };
        let mut it = Connection::accept(now, &Config::default(), &proven, Rng::from_u64(1));
        let mut number = 1 << 40;
        let mut receive = |it: &mut Connection| {
            for _ in 0..1000 {
                number += 100_000;
                let ecn = Ecn::NotEct;
                it.acks.on_received(now, Received { number, bytes: 99, is_eliciting: true, ecn });
            }
        };
        let build = |it: &mut Connection, purpose| {
            let mut buf = Vec::new();
            let len = it.build(now, &mut buf, purpose);
            let frames = buf[Numbered::encoded_len(1)..len - Crc32::LEN].to_vec();
            let kinds = Frames::new(&frames).map(|frame| match frame.unwrap() {
                Frame::Ack(_) => 'A',
                Frame::Ping => 'P',
                Frame::PathChallenge(_) => 'C',
                Frame::Close(_) => 'X',
                _ => '?',
            });
            (len, kinds.collect::<String>())
        };
        receive(&mut it);
        assert_eq!(build(&mut it, Purpose::Probe).1, "AP");
        receive(&mut it);
        let challenge = Purpose::Path { challenge: Some(7), response: None };
        let (len, frames) = build(&mut it, challenge);
        assert!(len <= PATH_PROBE_BYTES && frames == "C", "{len} {frames}");
        it.close(now, 3, &[b'x'; 256], Duration::ZERO);
        it.say_farewell(now);
        assert_eq!(build(&mut it, Purpose::Close).1, "AX");
        assert_eq!(build(&mut it, Purpose::Close).1, "AX", "the second one too (P-64)");
    }
}
