//! When to send: round-trip time, loss detection, probe timeouts, pacing and congestion control.
//!
//! [`Recovery`] is told of every ack-eliciting packet that leaves and of every ACK and NACK that
//! comes, and decides what is lost and what may leave. It never looks into what a packet carried:
//! it is handed a `T` and hands it back with a [`Fate`].
//!
//! ```text
//!   on_sent ──► sent ──► on_ack ──► rate, rtt ──► loss ──► Controller ──► window, pacing_rate
//!                          on_nack ─► damage ──────────────────┘              │
//!   deadline, on_timeout ◄── loss, pto                  permit ◄── pacer ◄────┘
//! ```

pub mod congestion;
mod damage;
mod lookup;
mod loss;
mod pacer;
mod pto;
mod rate;
mod rtt;
mod sent;
mod stats;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use congestion::{AckSample, Bbr, Controller, LossSample, NewReno, Phase};
pub use damage::CorruptionPolicy;
pub use rate::RateSample;
pub use rtt::Rtt;
pub use stats::RecoveryStats;

use crate::time::{Duration, Instant};
use damage::Damage;
use loss::{Outage, Rack};
use pacer::Pacer;
use pto::Pto;
use rate::RateSampler;
use sent::{Entry, Sent, State};

/// Packets in flight above which nothing more may leave, whatever their size: it bounds memory.
pub const MAX_PACKETS_IN_FLIGHT: u64 = 262_144;

/// A lost packet is remembered this many PTOs, so that its late ACK is understood.
const LATE_PTOS: u32 = 4;

/// The trailers of a damaged packet, as sent and as received, differ in at most this many bits.
const MAX_TRAILER_DISTANCE: u32 = 8;

/// What became of a packet's contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The peer has them.
    Acked,
    /// They must be sent again if they still matter.
    Lost,
    /// The peer has them, although they had been reported [`Fate::Lost`].
    Late,
}

/// An ack-eliciting packet that leaves.
#[derive(Clone, Debug)]
pub struct SentPacket<T> {
    /// Its number, above all earlier ones. Gaps are fine: ACK-only packets take numbers too.
    pub number: u64,
    /// Its UDP payload in bytes.
    pub bytes: u32,
    /// Its CRC32 as sent, with which a NACK must nearly agree.
    pub trailer: u32,
    /// What it carries.
    pub contents: T,
}

/// The part of an ACK beside its ranges.
#[derive(Clone, Copy, Debug)]
pub struct AckInfo {
    /// The largest number that the peer has received.
    pub largest: u64,
    /// How long the peer held the ACK after it had received that number.
    pub delay: Duration,
    /// Packets that arrived marked Congestion Experienced, in total, if the peer counts them.
    pub ce_count: Option<u64>,
}

/// Settings of [`Recovery`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The least probe timeout. Default 25 ms.
    pub min_pto: Duration,
    /// The longest interval between probes; on paths slower than half of it, two round trips.
    /// Default 1 s.
    pub max_backoff: Duration,
    /// The round-trip time assumed before anything is measured. Default 150 ms.
    pub initial_rtt: Duration,
    /// How damage counts. Default: not as congestion.
    pub corruption: CorruptionPolicy,
    /// An upper bound of the sending rate, in bytes of UDP payload per second. Default: none.
    pub max_rate: Option<u64>,
    /// Whether packets are spread over the round trip. Default true. `max_rate` is kept regardless.
    pub pacing: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            min_pto: Duration::from_millis(25),
            max_backoff: Duration::from_secs(1),
            initial_rtt: Duration::from_millis(150),
            corruption: CorruptionPolicy::default(),
            max_rate: None,
            pacing: true,
        }
    }
}

/// The peer acknowledged a number that was never sent: a protocol violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckedUnsent;

impl std::fmt::Display for AckedUnsent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the peer acknowledged a packet that was never sent")
    }
}

impl std::error::Error for AckedUnsent {}

/// What an ACK brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AckOutcome {
    /// Packets acknowledged for the first time, late ones included.
    pub packets_acked: u64,
    /// UDP payload bytes of these packets.
    pub bytes_acked: u64,
    /// Packets declared lost because of this ACK.
    pub packets_lost: u64,
    /// The highest number of the packets acknowledged for the first time.
    pub largest_newly_acked: Option<u64>,
    /// The round trip that it measured.
    pub rtt_sample: Option<Duration>,
    /// Packets newly reported as marked Congestion Experienced.
    pub ce_marks: u64,
}

/// What a NACK brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NackOutcome {
    /// The packet was damaged on its way.
    Damaged,
    /// The evidence is not that of damage: the packet counts as lost.
    Lost,
    /// The packet is not in flight.
    Ignored,
}

/// What [`Recovery::on_timeout`] found due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeout {
    /// Nothing.
    None,
    /// Packets are lost; their contents have been handed back.
    Losses,
    /// Nobody answers: send up to [`Recovery::probes`] ack-eliciting packets, window or not.
    Probe,
}

/// Whether an ack-eliciting packet may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permit {
    /// Now, and others behind it.
    Now {
        /// UDP payload bytes that may leave in this burst: at least one full packet.
        bytes: u64,
    },
    /// Not before then: the pacer spreads the window.
    At(Instant),
    /// Not before something in flight is acknowledged or lost.
    Window,
}

/// Losses of one reduction of the window: if all turn out late, the reduction is undone.
#[derive(Debug, Default)]
struct Episode {
    id: u64,
    /// Losses of numbers below it belong to this episode.
    end: u64,
    lost: u64,
    late: u64,
}

/// What the ranges of one ACK add up to.
#[derive(Debug, Default)]
struct Newly {
    packets: u64,
    bytes: u64,
    /// Of the bytes, those that had been declared lost.
    late_bytes: u64,
    /// The highest of them: its number, sending time and whether it was sent for want of data.
    newest: Option<(u64, Instant, bool)>,
}

/// The sending side's view of one path. `T`: what a packet carried.
#[derive(Debug)]
pub struct Recovery<T> {
    config: Config,
    sent: Sent<T>,
    rate: RateSampler,
    rtt: Rtt,
    rack: Rack,
    outage: Outage,
    pto: Pto,
    pacer: Pacer,
    damage: Damage,
    episode: Episode,
    controller: Box<dyn Controller>,
    /// One above the highest number sent, as far as it was shown to us.
    next_number: u64,
    /// Lower numbers went over an earlier path: they say nothing of this one.
    path_start: u64,
    ce_count: u64,
    stats: RecoveryStats,
}

impl<T: Clone> Recovery<T> {
    /// A new path. `max_payload`: the largest UDP payload, in bytes.
    pub fn new(config: Config, controller: Box<dyn Controller>, max_payload: u32) -> Self {
        Self {
            config,
            sent: Sent::new(),
            rate: RateSampler::default(),
            rtt: Rtt::new(config.initial_rtt),
            rack: Rack::new(),
            outage: Outage::default(),
            pto: Pto::new(config.min_pto, config.max_backoff),
            pacer: Pacer::new(max_payload),
            damage: Damage::default(),
            episode: Episode::default(),
            controller,
            next_number: 0,
            path_start: 0,
            ce_count: 0,
            stats: RecoveryStats::default(),
        }
    }

    /// The handshake took `rtt`: good enough until a packet gives a sample of its own.
    pub fn on_handshake_rtt(&mut self, _now: Instant, rtt: Duration) {
        self.rtt.on_handshake(rtt);
    }

    /// How long the peer may hold an ACK back: its transport parameter.
    pub const fn set_peer_max_ack_delay(&mut self, delay: Duration) {
        self.pto.max_ack_delay = delay;
    }

    /// The largest UDP payload has changed.
    pub fn on_mtu(&mut self, max_payload: u32) {
        self.pacer.on_mtu(max_payload);
        self.controller.on_mtu(max_payload);
    }

    /// An ack-eliciting packet leaves.
    pub fn on_sent(&mut self, now: Instant, packet: SentPacket<T>) {
        self.send(now, packet, false);
    }

    /// A packet leaves that is larger than the path is known to carry: its loss says nothing of
    /// congestion (RFC 8899 §3, requirement 7), else it is like others.
    pub fn on_mtu_probe_sent(&mut self, now: Instant, packet: SentPacket<T>) {
        self.send(now, packet, true);
    }

    fn send(&mut self, now: Instant, packet: SentPacket<T>, is_mtu_probe: bool) {
        let in_flight = self.sent.bytes_in_flight();
        if in_flight == 0 && self.next_number > 0 {
            let idle = now.saturating_since(self.pto.since()).as_nanos();
            let timeouts = idle / self.pto.base(&self.rtt).as_nanos().max(1);
            if timeouts > 0 {
                self.controller.on_restart(timeouts.min(64) as u32);
            }
        }
        self.pacer.on_sent(now, packet.bytes, self.pacing_rate(), in_flight);
        self.pto.on_sent(now);
        self.next_number = packet.number + 1;
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += u64::from(packet.bytes);
        let rate = self.rate.on_sent(now, packet.bytes, in_flight);
        self.sent.push(Entry {
            number: packet.number,
            sent_at: now,
            bytes: packet.bytes,
            trailer: packet.trailer,
            state: State::InFlight,
            is_mtu_probe,
            contents: Some(packet.contents),
            rate,
        });
    }

    /// An ACK came. `next_number` is one above the highest number used so far, ACK-only packets
    /// included; `ranges` come highest first. Ranges that were acknowledged before cost nothing.
    /// The round trip is measured only where the largest number is one that was given to
    /// [`Recovery::on_sent`]: of ACK-only packets nothing is known.
    ///
    /// # Errors
    /// A number at or above `next_number` is acknowledged. What came before it has been processed;
    /// the connection is to be closed.
    pub fn on_ack(
        &mut self,
        now: Instant,
        info: &AckInfo,
        next_number: u64,
        ranges: impl Iterator<Item = Range<u64>>,
        fate: &mut impl FnMut(Fate, T),
    ) -> Result<AckOutcome, AckedUnsent> {
        if info.largest >= next_number {
            return Err(AckedUnsent);
        }
        self.next_number = next_number;
        let prior_in_flight = self.sent.bytes_in_flight();
        let mut newly = Newly::default();
        for range in ranges {
            if range.end > next_number {
                return Err(AckedUnsent);
            }
            self.acknowledge(now, range, &mut newly, fate);
        }
        let ce_marks = info.ce_count.map_or(0, |count| count.saturating_sub(self.ce_count));
        self.ce_count += ce_marks;
        self.stats.ce_marks += ce_marks;
        let mut outcome = AckOutcome {
            packets_acked: newly.packets,
            bytes_acked: newly.bytes,
            ce_marks,
            ..AckOutcome::default()
        };
        let Some((number, newest_sent_at, app_limited)) = newly.newest else { return Ok(outcome) };
        outcome.largest_newly_acked = Some(number);
        self.pto.on_answer();
        let age = now.saturating_since(newest_sent_at);
        if number == info.largest && number >= self.path_start {
            // RFC 9002 §5.1: only the largest, as the peer's delay is counted from it.
            let delay = info.delay.min(self.pto.max_ack_delay);
            self.rtt.on_sample(age, delay);
            self.pto.on_ack_delay(now, delay);
            outcome.rtt_sample = Some(self.rtt.without(age, delay));
        }
        self.rack.on_newest(number, age, next_number);
        let window = self.window();
        outcome.packets_lost = self.detect_losses(now, fate);
        let sample = AckSample {
            now,
            bytes: newly.bytes,
            late_bytes: newly.late_bytes,
            packets: newly.packets,
            newest_sent_at,
            prior_in_flight,
            bytes_in_flight: self.sent.bytes_in_flight(),
            window_limited: !app_limited && prior_in_flight.saturating_mul(2) >= window,
            ce_marks,
            rtt: self.rtt,
            rtt_sample: outcome.rtt_sample,
            rate: self.rate.take_sample(self.rtt.min()),
        };
        if number >= self.path_start {
            self.controller.on_ack(&sample);
        }
        self.trim(now);
        Ok(outcome)
    }

    /// The peer received `number` damaged, with `trailer` in the place of the CRC32.
    pub fn on_nack(
        &mut self,
        now: Instant,
        number: u64,
        trailer: u32,
        fate: &mut impl FnMut(Fate, T),
    ) -> NackOutcome {
        let in_flight = self.sent.get(number).filter(|e| e.state == State::InFlight);
        let Some(entry) = in_flight else {
            self.stats.nacks_ignored += 1;
            return NackOutcome::Ignored;
        };
        let (sent_at, bytes) = (entry.sent_at, entry.bytes);
        if (entry.trailer ^ trailer).count_ones() > MAX_TRAILER_DISTANCE {
            self.stats.nacks_mismatched += 1;
            self.lose(now, number, fate);
            self.report_loss(now, 1, u64::from(bytes), sent_at, false);
            self.trim(now);
            return NackOutcome::Lost;
        }
        let packets_in_flight = self.sent.packets_in_flight();
        let prior_in_flight = self.sent.bytes_in_flight();
        self.stats.packets_damaged += 1;
        self.pto.on_answer();
        if let Some(entry) = self.sent.settle(number, State::Damaged { at: now }) {
            self.rate.on_delivered(now, &entry.rate, sent_at, bytes);
            if let Some(contents) = entry.contents.clone() {
                fate(Fate::Lost, contents);
            }
        }
        let policy = self.config.corruption;
        if self.damage.on_damaged(policy, number, self.next_number, packets_in_flight) {
            self.report_loss(now, 1, u64::from(bytes), sent_at, false);
        } else {
            self.controller.on_ack(&AckSample {
                now,
                bytes: u64::from(bytes),
                late_bytes: 0,
                packets: 1,
                newest_sent_at: sent_at,
                prior_in_flight,
                bytes_in_flight: self.sent.bytes_in_flight(),
                window_limited: prior_in_flight.saturating_mul(2) >= self.window(),
                ce_marks: 0,
                rtt: self.rtt,
                rtt_sample: None,
                rate: self.rate.take_sample(self.rtt.min()),
            });
        }
        self.trim(now);
        NackOutcome::Damaged
    }

    /// To be called whenever [`Recovery::deadline`] has come.
    pub fn on_timeout(&mut self, now: Instant, fate: &mut impl FnMut(Fate, T)) -> Timeout {
        let lost = self.detect_losses(now, fate);
        self.trim(now);
        if lost > 0 {
            return Timeout::Losses;
        }
        if self.sent.packets_in_flight() == 0 || self.pto.deadline(&self.rtt) > now {
            return Timeout::None;
        }
        self.pto.on_fired(now);
        self.stats.pto_count += 1;
        Timeout::Probe
    }

    /// When [`Recovery::on_timeout`] is due: always some time while anything is in flight.
    pub fn deadline(&self) -> Option<Instant> {
        let oldest = self.sent.oldest_in_flight();
        debug_assert_eq!(oldest.is_some(), self.sent.packets_in_flight() > 0);
        let oldest = oldest?;
        let pto = self.pto.deadline(&self.rtt);
        let lost = self.rack.lost_at(oldest.number, oldest.sent_at, self.rtt.smoothed());
        Some(lost.map_or(pto, |lost| lost.min(pto)))
    }

    /// How many packets the last [`Timeout::Probe`] may send beyond the window: two for the first
    /// two timeouts in a row, one for later ones, none when the peer has answered since.
    pub const fn probes(&self) -> u32 {
        self.pto.probes()
    }

    /// Whether an ack-eliciting packet may leave. Others (ACKs alone) always may.
    pub fn permit(&self, now: Instant) -> Permit {
        let in_flight = self.sent.bytes_in_flight();
        let window = self.window();
        if in_flight >= window || self.sent.packets_in_flight() >= MAX_PACKETS_IN_FLIGHT {
            return Permit::Window;
        }
        // The last packet may exceed the window: otherwise a window's remainder makes small ones.
        let room = (window - in_flight).max(self.pacer.max_payload());
        if !self.config.pacing && self.config.max_rate.is_none() {
            return Permit::Now { bytes: room };
        }
        match self.pacer.permit(now, self.pacing_rate(), in_flight) {
            Ok(bytes) => Permit::Now { bytes: bytes.min(room) },
            Err(at) => Permit::At(at),
        }
    }

    /// The application has nothing more to send although [`Recovery::permit`] would allow it.
    pub fn on_app_limited(&mut self) {
        self.rate.on_app_limited(self.sent.bytes_in_flight());
    }

    /// Everything in flight is handed back as [`Fate::Lost`] and forgotten, which is no sign of
    /// congestion: the server has given a new cookie and never saw any of it.
    pub fn abandon(&mut self, fate: &mut impl FnMut(Fate, T)) {
        self.stats.packets_abandoned += self.sent.packets_in_flight();
        for contents in self.sent.clear().filter_map(|entry| entry.contents) {
            fate(Fate::Lost, contents);
        }
        self.pto.on_answer();
    }

    /// The path is another one: what was learned of the old one is void (RFC 9000 §9.4).
    pub fn on_path_change(&mut self, now: Instant) {
        self.rtt = Rtt::new(self.config.initial_rtt);
        self.rack = Rack::new();
        self.pacer = Pacer::new(self.pacer.max_payload() as u32);
        self.pto.on_answer();
        self.pto.on_sent(now);
        self.path_start = self.next_number;
        self.controller.on_path_change();
    }

    /// The lowest number that an ACK can still say something about: peers may forget lower ones.
    pub fn lowest_tracked(&self) -> Option<u64> {
        self.sent.lowest()
    }

    /// The lowest number in flight.
    pub fn lowest_unacked(&self) -> Option<u64> {
        self.sent.oldest_in_flight().map(|e| e.number)
    }

    /// UDP payload bytes in flight.
    pub const fn bytes_in_flight(&self) -> u64 {
        self.sent.bytes_in_flight()
    }

    /// Ack-eliciting packets in flight.
    pub const fn packets_in_flight(&self) -> u64 {
        self.sent.packets_in_flight()
    }

    /// The round-trip time.
    pub const fn rtt(&self) -> &Rtt {
        &self.rtt
    }

    /// The probe timeout without back-off.
    pub fn pto(&self) -> Duration {
        self.pto.base(&self.rtt)
    }

    /// The congestion window in bytes of UDP payload.
    pub fn cwnd(&self) -> u64 {
        self.window()
    }

    /// The rate at which packets leave, in bytes of UDP payload per second.
    pub fn pacing_rate(&self) -> u64 {
        let rate = self.controller.pacing_rate().unwrap_or_else(|| {
            // RFC 9002 §7.7: above the window's own rate, or the pacer would keep it from filling.
            let gain = match self.controller.phase() {
                Phase::SlowStart | Phase::Startup => 2.0,
                _ => 1.25,
            };
            let srtt = self.rtt.smoothed().max(Duration::from_micros(1));
            (gain * self.window() as f64 / srtt.as_secs_f64()) as u64
        });
        let rate = if self.config.pacing { rate } else { u64::MAX };
        self.config.max_rate.map_or(rate, |max| rate.min(max)).max(1)
    }

    /// What the controller is doing.
    pub fn phase(&self) -> Phase {
        self.controller.phase()
    }

    /// The counters.
    pub const fn stats(&self) -> RecoveryStats {
        RecoveryStats { pto_backoff: self.pto.backoff(), ..self.stats }
    }

    /// Packets that arrived, packets that did not (lost or damaged), and congestion marks, so far.
    pub const fn fates(&self) -> (u64, u64, u64) {
        let RecoveryStats {
            packets_acked, packets_lost, packets_damaged, spurious, ce_marks, ..
        } = self.stats;
        let lost = (packets_lost + packets_damaged).saturating_sub(spurious);
        (packets_acked + spurious, lost, ce_marks)
    }

    fn window(&self) -> u64 {
        self.controller.window().min(congestion::MAX_WINDOW)
    }

    fn trim(&mut self, now: Instant) {
        self.sent.trim(now, self.pto.base(&self.rtt) * LATE_PTOS);
    }

    /// Settles one range of an ACK.
    fn acknowledge(
        &mut self,
        now: Instant,
        range: Range<u64>,
        newly: &mut Newly,
        fate: &mut impl FnMut(Fate, T),
    ) {
        let Self { sent, rate, rack, episode, stats, .. } = self;
        let srtt = self.rtt.smoothed();
        let mut undo = false;
        sent.acknowledge(range, |entry, before| {
            let Some(contents) = entry.contents.take() else { return };
            if let State::Damaged { .. } = before {
                // The network had doubled it, and one copy was whole: counted already.
                return fate(Fate::Late, contents);
            }
            newly.packets += 1;
            newly.bytes += u64::from(entry.bytes);
            if newly.newest.is_none_or(|(number, ..)| entry.number > number) {
                newly.newest = Some((entry.number, entry.sent_at, entry.rate.is_app_limited()));
            }
            rate.on_delivered(now, &entry.rate, entry.sent_at, entry.bytes);
            rack.on_acked(entry.number, now.saturating_since(entry.sent_at), srtt);
            if let State::Lost { episode: id, .. } = before {
                stats.spurious += 1;
                newly.late_bytes += u64::from(entry.bytes);
                episode.late += u64::from(id == episode.id);
                undo |= id != 0 && id == episode.id && episode.late == episode.lost;
                fate(Fate::Late, contents);
            } else {
                stats.packets_acked += 1;
                stats.bytes_acked += u64::from(entry.bytes);
                fate(Fate::Acked, contents);
            }
        });
        if undo {
            self.stats.undone += 1;
            self.episode.end = 0;
            self.controller.on_spurious();
        }
    }

    /// Finds all packets that are lost by now and reports them; returns how many.
    fn detect_losses(&mut self, now: Instant, fate: &mut impl FnMut(Fate, T)) -> u64 {
        let (mut packets, mut counted) = (0, 0);
        let (mut bytes, mut newest_sent_at) = (0, Instant::ZERO);
        let mut persistent = false;
        let period = self.pto.base(&self.rtt) * Outage::THRESHOLD;
        while let Some(oldest) = self.sent.oldest_in_flight() {
            let Entry { number, sent_at, bytes: size, is_mtu_probe, .. } = *oldest;
            // The oldest is lost first: neither threshold can reach a younger packet before.
            let lost_at = self.rack.lost_at(number, sent_at, self.rtt.smoothed());
            if lost_at.is_none_or(|lost_at| lost_at > now) {
                break;
            }
            self.lose(now, number, fate);
            self.trim(now);
            if number < self.path_start || is_mtu_probe {
                packets += 1;
                continue;
            }
            persistent |= self.rtt.is_measured()
                && self.outage.on_lost(number, sent_at, period, |r| self.sent.any_acked(r));
            packets += 1;
            counted += 1;
            bytes += u64::from(size);
            newest_sent_at = sent_at;
        }
        if counted > 0 {
            self.report_loss(now, counted, bytes, newest_sent_at, persistent);
        }
        packets
    }

    /// Takes a packet out of flight as lost.
    fn lose(&mut self, now: Instant, number: u64, fate: &mut impl FnMut(Fate, T)) {
        let is_mtu_probe = self.sent.get(number).is_some_and(|e| e.is_mtu_probe);
        if !is_mtu_probe {
            if number >= self.episode.end {
                let id = self.episode.id + 1;
                self.episode = Episode { id, end: self.next_number, lost: 0, late: 0 };
            }
            self.episode.lost += 1;
        }
        // A probe belongs to no episode: none has the number 0.
        let episode = if is_mtu_probe { 0 } else { self.episode.id };
        let Some(entry) = self.sent.settle(number, State::Lost { at: now, episode }) else {
            return;
        };
        self.stats.packets_lost += 1;
        self.stats.bytes_lost += u64::from(entry.bytes);
        if !is_mtu_probe {
            self.rate.on_lost(u64::from(entry.bytes));
        }
        if let Some(contents) = entry.contents.clone() {
            fate(Fate::Lost, contents);
        }
    }

    /// Tells the controller of losses.
    fn report_loss(
        &mut self,
        now: Instant,
        packets: u64,
        bytes: u64,
        newest_sent_at: Instant,
        persistent: bool,
    ) {
        self.stats.persistent_congestion += u64::from(persistent);
        self.controller.on_loss(&LossSample {
            now,
            bytes,
            packets,
            newest_sent_at,
            bytes_in_flight: self.sent.bytes_in_flight(),
            persistent,
            rtt: self.rtt,
        });
    }
}
