//! What BBR believes of the path: its bandwidth, its delay without a queue, the loss that it shows
//! at low load, and how bursty its ACKs are.

use super::super::{AckSample, LossSample};
use crate::time::{Duration, Instant};

/// How long a minimum of the round-trip time is trusted without being seen again.
const MIN_RTT_LIFETIME: Duration = Duration::from_secs(5);

/// Loss at low load above this is not compensated: sending more would not help any more.
const MAX_PATH_LOSS: f64 = 0.3;

/// Samples over which jitter is smoothed, as RFC 3550 has it.
const JITTER_SAMPLES: f64 = 16.0;

/// How many mean steps the least of a few samples may lie above the least of all without a queue. With
/// 3 a path of 100 Mbit/s and 40 ms that adds +-10 ms and loses 5 % was left at 5 Mbit/s by two
/// megabytes that follow a request, with 8 at 20 to 26; where nothing leaps it changes nothing.
const JITTER_MARGIN: f64 = 8.0;

/// Samples of the round-trip time whose least shows the queue of the moment, as RFC 9406 §4.2 has it.
const RECENT_RTTS: usize = 4;

/// The share of the past that the estimate of the path's own loss keeps per round.
const LOSS_MEMORY: f64 = 0.9;

/// What is left of that estimate after a cycle in which the load was never low.
const DOUBT: f64 = 0.85;

/// Rounds over which the aggregation of ACKs is remembered.
const AGGREGATION_ROUNDS: u64 = 10;

/// What one round trip showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    began_at: Instant,
    /// When it ended; until then, when the last ACK came.
    ended_at: Instant,
    acked: u64,
    lost: u64,
    late: u64,
    ce_marks: u64,
    app_limited: bool,
    /// The greatest delivery rate of the round's ACKs: it knows how fast the packets were sent.
    best_rate: f64,
    /// The least round-trip time of the round.
    min_rtt: Option<Duration>,
}

impl Round {
    const fn new(now: Instant) -> Self {
        Self {
            began_at: now,
            ended_at: now,
            acked: 0,
            lost: 0,
            late: 0,
            ce_marks: 0,
            app_limited: false,
            best_rate: 0.0,
            min_rtt: None,
        }
    }

    fn lost(&self) -> u64 {
        self.lost.saturating_sub(self.late)
    }

    /// The share of bytes that were lost.
    pub(super) fn loss(&self) -> f64 {
        let (acked, lost) = (self.acked as f64, self.lost() as f64);
        if lost == 0.0 { 0.0 } else { lost / (acked + lost) }
    }

    /// Bytes that arrived or were lost.
    pub(super) fn bytes(&self) -> u64 {
        self.acked + self.lost()
    }

    /// Bytes that arrived, per second of the round: the mean, because the greatest of many short
    /// samples grows with their noise.
    pub(super) fn rate(&self) -> f64 {
        let span = self.ended_at.saturating_since(self.began_at).as_secs_f64();
        if span > 0.0 { (self.acked as f64 / span).min(self.best_rate) } else { 0.0 }
    }

    /// Whether routers marked packets.
    pub(super) const fn is_marked(&self) -> bool {
        self.ce_marks > 0
    }

    /// Whether the application held the sender back.
    pub(super) const fn is_app_limited(&self) -> bool {
        self.app_limited
    }
}

/// The greatest value of this cycle and the last one: a filter that a phase at low rate in the
/// middle of a cycle does not empty.
#[derive(Clone, Copy, Debug, Default)]
struct CycleMax {
    last: f64,
    this: f64,
}

/// The largest excess of ACKs over the bandwidth, over some rounds.
#[derive(Clone, Copy, Debug, Default)]
struct Aggregation {
    epoch: Option<Instant>,
    epoch_acked: u64,
    best: u64,
    best_round: u64,
}

impl Aggregation {
    fn on_ack(&mut self, now: Instant, bytes: u64, bandwidth: f64, round: u64, limit: u64) {
        let epoch = *self.epoch.get_or_insert(now);
        let expected = (bandwidth * now.saturating_since(epoch).as_secs_f64()) as u64;
        if self.epoch_acked <= expected {
            self.epoch = Some(now);
            self.epoch_acked = 0;
        }
        let expected = if self.epoch == Some(now) { 0 } else { expected };
        self.epoch_acked += bytes;
        let extra = self.epoch_acked.saturating_sub(expected).min(limit);
        if extra >= self.best || round >= self.best_round + AGGREGATION_ROUNDS {
            self.best = extra;
            self.best_round = round;
        }
    }
}

/// The share of bytes that rounds lost, later rounds counting more.
#[derive(Clone, Copy, Debug, Default)]
struct LossShare {
    lost: f64,
    bytes: f64,
}

impl LossShare {
    fn add(&mut self, loss: f64, bytes: u64) {
        self.lost = self.lost * LOSS_MEMORY + loss * bytes as f64;
        self.bytes = self.bytes * LOSS_MEMORY + bytes as f64;
    }

    fn share(&self) -> f64 {
        if self.bytes > 0.0 { self.lost / self.bytes } else { 0.0 }
    }
}

/// The model.
#[derive(Debug)]
pub(super) struct Model {
    bandwidth: CycleMax,
    /// What the path delivered under load, below the remembered bandwidth.
    short_term: Option<f64>,
    min_rtt: Option<Duration>,
    /// When a round-trip time close to the minimum was last seen.
    min_rtt_at: Instant,
    /// The least sample of the present PROBE_RTT.
    probed_rtt: Option<Duration>,
    recent_rtts: [Duration; RECENT_RTTS],
    recent_rtt_at: Instant,
    /// By how much neighbouring samples differ, smoothed (RFC 3550 §6.4.1), in seconds: a queue grows
    /// and shrinks in small steps, while jitter leaps.
    jitter: f64,
    round: Round,
    round_count: u64,
    /// The round ends when a packet is acknowledged that was sent after this much was delivered.
    round_end: u64,
    /// The loss of rounds at low load: the path's own.
    low_load: LossShare,
    /// The loss of all rounds.
    recent: LossShare,
    aggregation: Aggregation,
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            bandwidth: CycleMax::default(),
            short_term: None,
            min_rtt: None,
            min_rtt_at: Instant::ZERO,
            probed_rtt: None,
            recent_rtts: [Duration::ZERO; RECENT_RTTS],
            recent_rtt_at: Instant::ZERO,
            jitter: 0.0,
            round: Round::new(Instant::ZERO),
            round_count: 0,
            round_end: 0,
            low_load: LossShare::default(),
            recent: LossShare::default(),
            aggregation: Aggregation::default(),
        }
    }

    /// Takes an ACK in; returns the round that it ends, if it does. While `is_starting`, every
    /// sample counts at once, else the mean of each round does.
    pub(super) fn on_ack(&mut self, ack: &AckSample, is_starting: bool) -> Option<Round> {
        if let Some(rtt) = ack.rtt_sample {
            self.on_rtt(ack.now, rtt);
        }
        if let Some(rate) = ack.rate.bytes_per_second() {
            self.round.best_rate = self.round.best_rate.max(rate as f64);
            if is_starting {
                self.bandwidth.this = self.bandwidth.this.max(rate as f64);
            }
        }
        let (bandwidth, limit) = (self.bandwidth(), self.bdp(1.0) as u64);
        self.aggregation.on_ack(ack.now, ack.bytes, bandwidth, self.round_count, limit);
        self.round.acked += ack.bytes;
        self.round.late += ack.late_bytes;
        self.round.ce_marks += ack.ce_marks;
        self.round.app_limited |= ack.rate.app_limited;
        self.round.ended_at = ack.now;
        if ack.rate.prior_delivered < self.round_end || ack.packets == 0 {
            return None;
        }
        self.round_end = ack.rate.total_delivered;
        self.round_count += 1;
        let round = std::mem::replace(&mut self.round, Round::new(ack.now));
        if !round.app_limited || round.rate() > self.bandwidth() {
            self.bandwidth.this = self.bandwidth.this.max(round.rate());
        }
        Some(round)
    }

    fn on_rtt(&mut self, now: Instant, rtt: Duration) {
        // ACKs that come in a heap are one sample: the older ones in it waited for the newest.
        if now.saturating_since(self.recent_rtt_at) > self.min_rtt() / 32 {
            let [.., before, last] = self.recent_rtts;
            if !before.is_zero() {
                let step = last.abs_diff(before).as_secs_f64();
                self.jitter += (step - self.jitter) / JITTER_SAMPLES;
            }
            self.recent_rtt_at = now;
            self.recent_rtts.rotate_left(1);
            self.recent_rtts[RECENT_RTTS - 1] = rtt;
        } else {
            self.recent_rtts[RECENT_RTTS - 1] = self.recent_rtts[RECENT_RTTS - 1].min(rtt);
        }
        self.probed_rtt = self.probed_rtt.map(|min| min.min(rtt));
        self.round.min_rtt = Some(self.round.min_rtt.map_or(rtt, |min| min.min(rtt)));
        match self.min_rtt {
            Some(min) if rtt > min + min / 64 => {}
            known => {
                self.min_rtt = Some(known.map_or(rtt, |min| min.min(rtt)));
                self.min_rtt_at = now;
            }
        }
    }

    pub(super) fn on_loss(&mut self, loss: &LossSample) {
        // An outage is not the path's ordinary loss.
        if !loss.persistent {
            self.round.lost += loss.bytes;
        }
    }

    /// A cycle of probing ends: the maximum of the one before it is forgotten.
    pub(super) const fn on_cycle(&mut self) {
        self.bandwidth = CycleMax { last: self.bandwidth.this, this: 0.0 };
    }

    /// The bottleneck was busy for the whole `round`: its rate is what we get for now, though it be
    /// less than what is remembered. Others may be the cause, so it holds until the next probe only.
    pub(super) fn on_saturated(&mut self, round: &Round) {
        self.short_term = Some(round.rate());
    }

    /// A probe begins: what was true under load need not be true any more.
    pub(super) const fn on_refill(&mut self) {
        self.short_term = None;
    }

    /// The `round` was at low load: what was lost in it is the path's own loss.
    pub(super) fn on_low_load(&mut self, round: &Round) {
        // Bursts of loss count, but one round alone must not turn the estimate over.
        let is_settled = self.low_load.bytes > 4.0 * round.bytes() as f64;
        let bound = if is_settled { self.path_loss() + 0.1 } else { MAX_PATH_LOSS };
        self.low_load.add(round.loss().min(bound), round.bytes());
    }

    /// The load was not low although it should have been: the estimate itself may keep it high.
    pub(super) fn on_doubt(&mut self) {
        self.low_load.lost *= DOUBT;
    }

    /// Whatever the load was, rounds that lost less than the estimate prove that it is too high.
    pub(super) fn on_any_load(&mut self, round: &Round, packet: u64) {
        self.recent.add(round.loss(), round.bytes());
        let most = self.recent.share() + self.chance(self.recent.bytes as u64, packet);
        if self.path_loss() > most {
            self.low_load.lost = self.low_load.bytes * most;
        }
    }

    /// PROBE_RTT begins: what it sees replaces the minimum.
    pub(super) const fn on_probe_rtt(&mut self) {
        self.probed_rtt = Some(Duration::MAX);
    }

    /// PROBE_RTT ends.
    pub(super) fn on_min_rtt_probed(&mut self, now: Instant) {
        let probed = self.probed_rtt.take().filter(|rtt| *rtt < Duration::MAX);
        self.min_rtt = probed.or(self.min_rtt);
        self.min_rtt_at = now;
    }

    /// After an idle time the minimum is as good as it was before.
    pub(super) const fn refresh_min_rtt(&mut self, now: Instant) {
        self.min_rtt_at = now;
    }

    /// Whether the minimum has not been seen for so long that it must be measured anew.
    pub(super) fn is_min_rtt_stale(&self, now: Instant) -> bool {
        now.saturating_since(self.min_rtt_at) > MIN_RTT_LIFETIME
    }

    /// What the path delivers, in bytes per second.
    pub(super) const fn bandwidth(&self) -> f64 {
        self.bandwidth.this.max(self.bandwidth.last)
    }

    /// The path's delay without a queue.
    pub(super) fn min_rtt(&self) -> Duration {
        self.min_rtt.unwrap_or_default()
    }

    /// The share of packets that the path loses at low load.
    pub(super) fn path_loss(&self) -> f64 {
        self.low_load.share().min(MAX_PATH_LOSS)
    }

    /// The rate at which to send so that the path delivers its bandwidth in spite of its loss.
    pub(super) fn send_rate(&self) -> f64 {
        let bandwidth = self.bandwidth().min(self.short_term.unwrap_or(f64::INFINITY));
        bandwidth / (1.0 - self.path_loss())
    }

    /// `gain` times what is in flight at that rate without a queue, in bytes.
    pub(super) fn bdp(&self, gain: f64) -> f64 {
        gain * self.send_rate() * self.min_rtt().as_secs_f64()
    }

    /// The excess by which ACKs come in heaps, in bytes.
    pub(super) const fn extra_acked(&self) -> u64 {
        self.aggregation.best
    }

    /// What the remembered bandwidth keeps in flight without a queue, in bytes.
    pub(super) fn remembered_bdp(&self) -> f64 {
        self.bandwidth() * self.min_rtt().as_secs_f64()
    }

    /// The delay of the queue through all of `round`.
    pub(super) fn standing_queue(&self, round: &Round) -> Duration {
        round.min_rtt.map_or(Duration::ZERO, |rtt| rtt.saturating_sub(self.min_rtt()))
    }

    /// Whether the queue never emptied in `round`, beyond what noise explains.
    pub(super) fn is_queue_standing(&self, round: &Round) -> bool {
        self.standing_queue(round) > self.queue_tolerance()
    }

    fn queue_tolerance(&self) -> Duration {
        let jitter = Duration::from_secs_f64(JITTER_MARGIN * self.jitter);
        (self.min_rtt() / 8).max(Duration::from_millis(1)).max(jitter)
    }

    /// Whether a queue stands at this moment, as far as the last few samples tell.
    pub(super) fn is_queue_growing(&self) -> bool {
        let least = self.recent_rtts.iter().min().copied().unwrap_or_default();
        least > self.min_rtt() + self.queue_tolerance()
    }

    /// Whether more was lost in `round` than the path's own loss and chance explain.
    pub(super) fn is_loss_excessive(&self, round: &Round, packet: u64) -> bool {
        round.loss() > self.path_loss() + self.chance(round.bytes(), packet) + 0.02
    }

    /// By how much the loss of so many bytes may differ from the path's by chance.
    fn chance(&self, bytes: u64, packet: u64) -> f64 {
        let own = self.path_loss();
        let packets = (bytes / packet.max(1)).max(1) as f64;
        3.0 * (own * (1.0 - own) / packets).sqrt()
    }
}
