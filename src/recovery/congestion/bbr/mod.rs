//! BBR: send at the bandwidth that the path was seen to deliver, with what it holds in flight
//! (after draft-ietf-ccwg-bbr).
//!
//! Two things differ from the draft. Loss alone lowers nothing: it counts as congestion only where a
//! queue stands at the same time, or where it exceeds what the path loses at low load; and the
//! rate is raised by the path's own loss, so that what arrives fills the bottleneck. And a queue
//! that never empties is itself a signal: the rate yields to it long before anything is dropped.

mod model;
mod train;

use super::{AckSample, Controller, INITIAL_WINDOW_PACKETS, LossSample, MAX_WINDOW, Phase};
use crate::time::{Duration, Instant};
use model::{Model, Round};
use train::Train;

/// STARTUP's pacing gain: 4 ln 2, the least that doubles the rate each round.
const STARTUP_PACING_GAIN: f64 = 2.77;
/// STARTUP's bound of the window over what the path holds: samples lag behind by a round trip.
const STARTUP_WINDOW_GAIN: f64 = 2.77;
/// DRAIN's pacing gain.
const DRAIN_PACING_GAIN: f64 = 0.4;
/// How many initial windows the second round trip may send at most on the word of the first one's
/// packet train.
const MAX_JUMP: f64 = 16.0;
/// PROBE_DOWN's pacing gain: takes in one round what PROBE_UP put into the queue in one.
const DOWN_PACING_GAIN: f64 = 0.75;
/// PROBE_UP's pacing gain.
const UP_PACING_GAIN: f64 = 1.25;
/// PROBE_CRUISE's pacing gain: a little room, so that a queue drains rather than stands, and a
/// policer's loss shrinks where a path's own loss does not.
const CRUISE_PACING_GAIN: f64 = 0.99;
/// The most by which a standing queue lowers PROBE_CRUISE's gain.
const MAX_QUEUE_YIELD: f64 = 0.1;
/// The window over what the path holds: room for delayed ACKs and for losses not yet found.
const WINDOW_GAIN: f64 = 2.0;
/// PROBE_RTT's window over what the path holds.
const PROBE_RTT_WINDOW_GAIN: f64 = 0.5;
/// The least window, in packets.
const MIN_WINDOW_PACKETS: u64 = 4;
/// STARTUP ends when the bandwidth has not grown by this factor ...
const FULL_GROWTH: f64 = 1.25;
/// ... for this many rounds, or for one if a queue stands.
const FULL_ROUNDS: u32 = 3;
/// PROBE_UP goes on while the bandwidth grows by this factor.
const UP_GROWTH: f64 = 1.1;
/// Rounds of PROBE_CRUISE, plus up to [`CRUISE_SPREAD`] so that flows do not probe in step.
const CRUISE_ROUNDS: u64 = 6;
/// See [`CRUISE_ROUNDS`].
const CRUISE_SPREAD: u64 = 4;
/// The time that a burst of the pacer takes, in seconds, and its most bytes: one segmented send.
const BURST_TIME_S: f64 = 0.001;
const MAX_BURST: f64 = 65_536.0;
/// The share of the inflight bound that PROBE_CRUISE leaves to others.
const HEADROOM: f64 = 0.15;
/// The least time in PROBE_RTT, beside one round.
const PROBE_RTT_TIME: Duration = Duration::from_millis(100);

/// The default controller.
#[derive(Debug)]
pub struct Bbr {
    model: Model,
    train: Train,
    phase: Phase,
    /// When the phase began, and how many rounds have ended since.
    phase_at: Instant,
    phase_rounds: u64,
    /// The bandwidth when growth was last seen, and the rounds since.
    full_bandwidth: f64,
    full_rounds: u32,
    /// How many rounds the present PROBE_CRUISE lasts.
    cruise_rounds: u64,
    /// Whether it follows a PROBE_DOWN whose load was certainly low.
    is_after_down: bool,
    /// The share of its rate that PROBE_CRUISE gives up to let a standing queue drain.
    queue_yield: f64,
    /// What was in flight when the bottleneck's queue overflowed; `f64::INFINITY` if it never did.
    inflight_bound: f64,
    cwnd: u64,
    /// The window before PROBE_RTT.
    prior_cwnd: u64,
    pacing_rate: f64,
    is_restarting: bool,
    max_payload: u64,
}

impl Bbr {
    /// A controller for packets of at most `max_payload` bytes of UDP payload.
    pub fn new(max_payload: u32) -> Self {
        let max_payload = u64::from(max_payload);
        Self {
            model: Model::new(),
            train: Train::default(),
            phase: Phase::Startup,
            phase_at: Instant::ZERO,
            phase_rounds: 0,
            full_bandwidth: 0.0,
            full_rounds: 0,
            cruise_rounds: CRUISE_ROUNDS,
            is_after_down: false,
            queue_yield: 0.0,
            inflight_bound: f64::INFINITY,
            cwnd: INITIAL_WINDOW_PACKETS * max_payload,
            prior_cwnd: 0,
            pacing_rate: 0.0,
            is_restarting: false,
            max_payload,
        }
    }

    const fn min_window(&self) -> u64 {
        MIN_WINDOW_PACKETS * self.max_payload
    }

    fn enter(&mut self, now: Instant, phase: Phase) {
        self.phase = phase;
        self.phase_at = now;
        self.phase_rounds = 0;
    }

    fn enter_cruise(&mut self, now: Instant, delivered: u64) {
        self.is_after_down = self.phase == Phase::ProbeDown;
        self.enter(now, Phase::ProbeCruise);
        self.queue_yield = 0.0;
        // Any number that differs between flows serves to keep them out of step.
        self.cruise_rounds = CRUISE_ROUNDS + delivered / self.max_payload % (CRUISE_SPREAD + 1);
    }

    fn enter_down(&mut self, now: Instant) {
        self.enter(now, Phase::ProbeDown);
        self.model.on_cycle();
    }

    fn pacing_gain(&self) -> f64 {
        match self.phase {
            Phase::Startup => STARTUP_PACING_GAIN,
            Phase::Drain => DRAIN_PACING_GAIN,
            Phase::ProbeDown => DOWN_PACING_GAIN,
            Phase::ProbeCruise => CRUISE_PACING_GAIN - self.queue_yield,
            // The first round fills, the second one watches what comes of it.
            Phase::ProbeUp if self.phase_rounds == 0 => UP_PACING_GAIN,
            _ => 1.0,
        }
    }

    /// Decides at the end of a round.
    fn on_round(&mut self, ack: &AckSample, round: &Round) {
        self.phase_rounds += 1;
        let is_queued = self.model.is_queue_standing(round);
        let is_lossy = self.model.is_loss_excessive(round, self.max_payload);
        let is_overflowing = (is_queued && is_lossy) || round.is_marked();
        // From here on a mark is a loss that was spared.
        let is_lossy = is_lossy || round.is_marked();
        let is_probing = matches!(self.phase, Phase::Startup | Phase::ProbeRefill | Phase::ProbeUp);
        if is_overflowing && is_probing {
            self.on_overflow(round);
        }
        if !round.is_app_limited() {
            self.model.on_any_load(round, self.max_payload);
        }
        match self.phase {
            Phase::Startup => self.on_startup_round(ack, round, is_queued, is_lossy),
            Phase::ProbeCruise => self.on_cruise_round(ack, round, is_queued),
            Phase::ProbeRefill if is_overflowing => self.enter_down(ack.now),
            Phase::ProbeRefill => {
                self.full_bandwidth = self.model.bandwidth();
                self.enter(ack.now, Phase::ProbeUp);
            }
            Phase::ProbeUp => {
                if is_lossy {
                    self.enter_down(ack.now);
                } else if self.phase_rounds >= 2 {
                    // Nothing overflowed: the bound may be too low.
                    self.inflight_bound *= UP_PACING_GAIN;
                    if self.model.bandwidth() > self.full_bandwidth * UP_GROWTH {
                        self.full_bandwidth = self.model.bandwidth();
                        self.enter(ack.now, Phase::ProbeUp);
                    } else {
                        self.enter_down(ack.now);
                    }
                }
            }
            _ => {}
        }
    }

    /// The queue overflowed in `round`: what arrived in it is what path and queue can hold.
    fn on_overflow(&mut self, round: &Round) {
        let held = round.bytes() as f64 * (1.0 - round.loss()) / (1.0 - self.model.path_loss());
        self.inflight_bound = held.max(self.model.remembered_bdp());
    }

    fn on_startup_round(
        &mut self,
        ack: &AckSample,
        round: &Round,
        is_queued: bool,
        is_lossy: bool,
    ) {
        if round.is_app_limited() {
            return;
        }
        if self.model.bandwidth() >= self.full_bandwidth * FULL_GROWTH {
            self.full_bandwidth = self.model.bandwidth();
            self.full_rounds = 0;
            if !is_queued {
                // While the path still takes more, what it loses is its own.
                self.model.on_low_load(round);
            }
            return;
        }
        self.full_rounds += 1;
        if is_queued || is_lossy || self.full_rounds >= FULL_ROUNDS {
            self.enter(ack.now, Phase::Drain);
        }
    }

    fn on_cruise_round(&mut self, ack: &AckSample, round: &Round, is_queued: bool) {
        let hears_of_down = self.phase_rounds == 1 && self.is_after_down;
        if is_queued {
            if hears_of_down {
                self.model.on_doubt();
            }
            let sent = self.pacing_rate * (1.0 - self.model.path_loss());
            if round.rate() < 0.9 * sent && !round.is_app_limited() {
                // More was sent than came through a bottleneck that was busy all the time.
                self.model.on_saturated(round);
            }
        } else if hears_of_down {
            // It hears of what PROBE_DOWN sent: only there it is certain that the load is low, and
            // that loss which the rate itself makes is not answered by a higher one.
            self.model.on_low_load(round);
        }
        if round.is_marked() {
            return self.enter_down(ack.now);
        }
        let queue = self.model.standing_queue(round).as_secs_f64();
        let min_rtt = self.model.min_rtt().as_secs_f64().max(1e-6);
        if self.phase_rounds > 1 {
            // The first round still sees the queue that the phase before emptied.
            let most = MAX_QUEUE_YIELD + self.model.path_loss();
            self.queue_yield = (queue / min_rtt / 2.0).min(most);
        }
        if self.phase_rounds >= self.cruise_rounds && !round.is_app_limited() {
            self.model.on_refill();
            self.enter(ack.now, Phase::ProbeRefill);
        }
    }

    /// Decides at every ACK.
    fn advance(&mut self, ack: &AckSample) {
        let in_flight = ack.bytes_in_flight as f64;
        match self.phase {
            Phase::Drain if in_flight <= self.model.bdp(1.0) => {
                self.enter_cruise(ack.now, ack.rate.total_delivered);
            }
            Phase::ProbeDown
                if self.phase_rounds >= 1 || in_flight <= self.model.bdp(1.0 - HEADROOM) =>
            {
                self.enter_cruise(ack.now, ack.rate.total_delivered);
            }
            Phase::ProbeRtt => self.on_probe_rtt(ack),
            Phase::Startup | Phase::Drain => {}
            _ if self.model.is_min_rtt_stale(ack.now) => {
                self.prior_cwnd = self.cwnd;
                self.model.on_probe_rtt();
                self.enter(ack.now, Phase::ProbeRtt);
            }
            _ => {}
        }
    }

    fn on_probe_rtt(&mut self, ack: &AckSample) {
        let elapsed = ack.now.saturating_since(self.phase_at);
        if self.phase_rounds >= 2 && elapsed >= PROBE_RTT_TIME {
            self.cwnd = self.cwnd.max(self.prior_cwnd);
            self.model.on_min_rtt_probed(ack.now);
            self.enter_cruise(ack.now, ack.rate.total_delivered);
        }
    }

    /// The rate that the first packets showed, as far as it is believed.
    fn jump_rate(&self) -> f64 {
        let most = MAX_JUMP * (INITIAL_WINDOW_PACKETS * self.max_payload) as f64;
        let min_rtt = self.model.min_rtt().as_secs_f64().max(1e-6);
        self.train.rate().min(most / min_rtt)
    }

    fn set_pacing_rate(&mut self, ack: &AckSample) {
        let rate = self.pacing_gain() * self.model.send_rate();
        if self.phase == Phase::Startup {
            let srtt = ack.rtt.smoothed().as_secs_f64().max(1e-6);
            let initial = STARTUP_PACING_GAIN * self.cwnd as f64 / srtt / WINDOW_GAIN;
            self.pacing_rate = self.pacing_rate.max(rate).max(initial).max(self.jump_rate());
        } else {
            self.pacing_rate = rate;
        }
        // Whatever the model says, two packets per round trip keep it learning.
        let srtt = ack.rtt.smoothed().as_secs_f64().max(1e-6);
        self.pacing_rate = self.pacing_rate.max(2.0 * self.max_payload as f64 / srtt);
    }

    fn set_window(&mut self, ack: &AckSample) {
        // Where the round trip is shorter than a burst takes, three bursts: one that is being built,
        // one on its way, and one being acknowledged (draft-ietf-ccwg-bbr, "offload budget").
        let burst = (self.pacing_rate * BURST_TIME_S).min(MAX_BURST) as u64;
        let target = (self.model.bdp(WINDOW_GAIN) as u64 + 3 * self.max_payload).max(3 * burst)
            + self.model.extra_acked();
        let grown = self.cwnd + ack.bytes;
        self.cwnd = if self.phase != Phase::Startup {
            grown.min(target)
        } else if self.model.is_queue_growing() {
            self.cwnd
        } else {
            let most = self.model.bdp(STARTUP_WINDOW_GAIN) + MAX_JUMP * self.max_payload as f64;
            // Without a queue there is room, however far the bandwidth's samples lag behind.
            let jump = self.jump_rate() * self.model.min_rtt().as_secs_f64();
            grown.min(self.cwnd.max(most as u64)).max(jump as u64)
        };
        if self.phase == Phase::ProbeRtt {
            self.cwnd = self.cwnd.min(self.model.bdp(PROBE_RTT_WINDOW_GAIN) as u64);
        }
        let bound = match self.phase {
            Phase::ProbeUp | Phase::ProbeRefill => self.inflight_bound,
            _ => (self.inflight_bound * (1.0 - HEADROOM)).max(self.model.bdp(1.0)),
        };
        if bound.is_finite() {
            self.cwnd = self.cwnd.min(bound as u64);
        }
        self.cwnd = self.cwnd.clamp(self.min_window(), MAX_WINDOW);
    }
}

impl Controller for Bbr {
    fn on_ack(&mut self, ack: &AckSample) {
        // Whoever falls silent by himself leaves the path as empty as PROBE_RTT would
        // (draft-ietf-ccwg-bbr, "natural silences").
        let is_silent = ack.bytes_in_flight == 0 && ack.rate.app_limited;
        if std::mem::take(&mut self.is_restarting) || is_silent {
            self.model.refresh_min_rtt(ack.now);
        }
        if ack.rate.prior_delivered == 0 && ack.packets > 0 {
            self.train.on_ack(ack);
        }
        if let Some(round) = self.model.on_ack(ack, self.phase == Phase::Startup) {
            self.on_round(ack, &round);
        }
        self.advance(ack);
        self.set_pacing_rate(ack);
        self.set_window(ack);
    }

    fn on_loss(&mut self, loss: &LossSample) {
        self.model.on_loss(loss);
    }

    fn on_restart(&mut self, _timeouts: u32) {
        self.is_restarting = true;
    }

    fn on_mtu(&mut self, max_payload: u32) {
        self.max_payload = u64::from(max_payload);
        self.cwnd = self.cwnd.max(self.min_window());
    }

    fn on_path_change(&mut self) {
        *self = Self::new(self.max_payload as u32);
    }

    fn window(&self) -> u64 {
        self.cwnd
    }

    fn pacing_rate(&self) -> Option<u64> {
        (self.pacing_rate > 0.0).then_some(self.pacing_rate as u64)
    }

    fn phase(&self) -> Phase {
        self.phase
    }
}
