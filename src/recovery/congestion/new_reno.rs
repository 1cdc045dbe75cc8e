//! NewReno: one packet more per round trip, half the window at a loss (RFC 9002 §7 and appendix B;
//! names of RFC 5681 and RFC 6582).

use super::{
    AckSample, Controller, INITIAL_WINDOW_PACKETS, LossSample, MAX_WINDOW, MIN_WINDOW_PACKETS,
    Phase,
};
use crate::time::Instant;

/// The window before a reduction that may turn out to have been for nothing.
#[derive(Clone, Copy, Debug)]
struct Undo {
    cwnd: u64,
    ssthresh: u64,
}

/// The classic controller.
#[derive(Debug)]
pub struct NewReno {
    cwnd: u64,
    ssthresh: u64,
    max_payload: u64,
    /// Bytes acknowledged since the window last grew, in congestion avoidance.
    bytes_acked: u64,
    /// When the present or last recovery began: a loss of anything sent before it is no news.
    recovery_start: Option<Instant>,
    /// Whether nothing that was sent after `recovery_start` has been acknowledged yet.
    in_recovery: bool,
    undo: Option<Undo>,
}

impl NewReno {
    /// A controller for packets of at most `max_payload` bytes of UDP payload.
    pub fn new(max_payload: u32) -> Self {
        let max_payload = u64::from(max_payload);
        Self {
            cwnd: INITIAL_WINDOW_PACKETS * max_payload,
            ssthresh: MAX_WINDOW,
            max_payload,
            bytes_acked: 0,
            recovery_start: None,
            in_recovery: false,
            undo: None,
        }
    }

    const fn min_window(&self) -> u64 {
        MIN_WINDOW_PACKETS * self.max_payload
    }

    /// RFC 9002 §7.3.2: once per round trip, halves the window.
    fn on_congestion(&mut self, now: Instant, sent_at: Instant) {
        if self.recovery_start.is_some_and(|start| sent_at <= start) {
            return;
        }
        self.undo = Some(Undo { cwnd: self.cwnd, ssthresh: self.ssthresh });
        self.recovery_start = Some(now);
        self.in_recovery = true;
        self.ssthresh = (self.cwnd / 2).max(self.min_window());
        self.cwnd = self.ssthresh;
        self.bytes_acked = 0;
    }
}

impl Controller for NewReno {
    fn on_ack(&mut self, ack: &AckSample) {
        if ack.ce_marks > 0 {
            self.on_congestion(ack.now, ack.newest_sent_at);
            // The marks are true, whatever becomes of losses: nothing to undo.
            self.undo = None;
        }
        if ack.packets == 0 || self.recovery_start.is_some_and(|s| ack.newest_sent_at <= s) {
            return;
        }
        self.in_recovery = false;
        if !ack.window_limited {
            return;
        }
        if self.cwnd < self.ssthresh {
            self.cwnd += ack.bytes;
        } else {
            // RFC 3465: counting bytes keeps thinned ACKs from slowing the growth.
            self.bytes_acked += ack.bytes;
            if self.bytes_acked >= self.cwnd {
                self.bytes_acked -= self.cwnd;
                self.cwnd += self.max_payload;
            }
        }
        self.cwnd = self.cwnd.min(MAX_WINDOW);
    }

    fn on_loss(&mut self, loss: &LossSample) {
        self.on_congestion(loss.now, loss.newest_sent_at);
        if loss.persistent {
            // RFC 9002 §7.6.2: as after a TCP retransmission timeout.
            self.cwnd = self.min_window();
            self.recovery_start = None;
            self.in_recovery = false;
            self.undo = None;
        }
    }

    fn on_spurious(&mut self) {
        if let Some(undo) = self.undo.take() {
            self.cwnd = self.cwnd.max(undo.cwnd);
            self.ssthresh = undo.ssthresh;
            self.recovery_start = None;
            self.in_recovery = false;
        }
    }

    fn on_restart(&mut self, timeouts: u32) {
        // RFC 7661 §4.4.2: a window that was not used decays to the restart window, but its size is
        // remembered as where slow start ends.
        let initial = INITIAL_WINDOW_PACKETS * self.max_payload;
        if self.cwnd > initial {
            self.ssthresh = self.ssthresh.max(self.cwnd / 4 * 3);
            self.cwnd = self.cwnd.checked_shr(timeouts).unwrap_or(0).max(initial);
        }
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
        None
    }

    fn phase(&self) -> Phase {
        if self.in_recovery {
            Phase::Recovery
        } else if self.cwnd < self.ssthresh {
            Phase::SlowStart
        } else {
            Phase::Avoidance
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MIN_WINDOW_PACKETS, RateSample};
    use super::*;
    use crate::recovery::Rtt;
    use crate::time::Duration;

    const MSS: u64 = 1000;

    #[derive(Debug)]
    enum Step {
        /// (packets, sent at ms)
        Ack(u64, u64),
        Unused(u64, u64),
        Marked(u64),
        Loss(u64),
        Persistent(u64),
        Spurious,
        Restart(u32),
    }

    fn ack(now: u64, packets: u64, sent: u64) -> AckSample {
        AckSample {
            now: Instant::from_millis(now),
            bytes: packets * MSS,
            late_bytes: 0,
            packets,
            newest_sent_at: Instant::from_millis(sent),
            prior_in_flight: 0,
            bytes_in_flight: 0,
            window_limited: true,
            ce_marks: 0,
            rtt: Rtt::new(Duration::from_millis(100)),
            rtt_sample: None,
            rate: RateSample::default(),
        }
    }

    fn apply(reno: &mut NewReno, now: u64, step: &Step) {
        let loss = |sent: u64, persistent| LossSample {
            now: Instant::from_millis(now),
            bytes: MSS,
            packets: 1,
            newest_sent_at: Instant::from_millis(sent),
            bytes_in_flight: 0,
            persistent,
            rtt: Rtt::new(Duration::from_millis(100)),
        };
        match *step {
            Step::Ack(packets, sent) => reno.on_ack(&ack(now, packets, sent)),
            Step::Unused(packets, sent) => {
                reno.on_ack(&AckSample { window_limited: false, ..ack(now, packets, sent) });
            }
            Step::Marked(sent) => reno.on_ack(&AckSample { ce_marks: 1, ..ack(now, 1, sent) }),
            Step::Loss(sent) => reno.on_loss(&loss(sent, false)),
            Step::Persistent(sent) => reno.on_loss(&loss(sent, true)),
            Step::Spurious => reno.on_spurious(),
            Step::Restart(timeouts) => reno.on_restart(timeouts),
        }
    }

    #[test]
    fn the_window_follows_the_script() {
        let initial = INITIAL_WINDOW_PACKETS;
        let half = initial / 2 + 1;
        // At 100 ms steps: what happens -> cwnd in packets, phase. Worked by hand from RFC 9002.
        let script = [
            (Step::Ack(initial, 0), 2 * initial, Phase::SlowStart),
            (Step::Unused(5, 50), 2 * initial, Phase::SlowStart),
            (Step::Loss(150), initial, Phase::Recovery),
            (Step::Loss(160), initial, Phase::Recovery),
            (Step::Ack(4, 170), initial, Phase::Recovery),
            (Step::Ack(initial, 450), initial + 1, Phase::Avoidance),
            (Step::Ack(initial, 460), initial + 1, Phase::Avoidance),
            (Step::Ack(1, 470), initial + 2, Phase::Avoidance),
            (Step::Loss(750), half, Phase::Recovery),
            (Step::Spurious, initial + 2, Phase::Avoidance),
            (Step::Spurious, initial + 2, Phase::Avoidance),
            (Step::Marked(1000), half, Phase::Recovery),
            (Step::Spurious, half, Phase::Recovery),
            (Step::Persistent(1250), MIN_WINDOW_PACKETS, Phase::SlowStart),
            (Step::Ack(2, 1300), 4, Phase::SlowStart),
            (Step::Restart(3), 4, Phase::SlowStart),
        ];
        let mut reno = NewReno::new(MSS as u32);
        for (at, (step, packets, phase)) in script.iter().enumerate() {
            apply(&mut reno, (at as u64 + 1) * 100, step);
            assert_eq!(reno.window() / MSS, *packets, "after step {at}, {step:?}");
            assert_eq!(reno.phase(), *phase, "after step {at}, {step:?}");
        }
    }

    #[test]
    fn an_unused_window_decays_to_the_initial_one() {
        let mut reno = NewReno::new(MSS as u32);
        reno.on_ack(&ack(100, 7 * INITIAL_WINDOW_PACKETS, 0));
        assert_eq!(reno.window(), 8 * INITIAL_WINDOW_PACKETS * MSS);
        reno.on_restart(1);
        assert_eq!(reno.window(), 4 * INITIAL_WINDOW_PACKETS * MSS);
        reno.on_restart(60);
        assert_eq!(reno.window(), INITIAL_WINDOW_PACKETS * MSS);
        assert_eq!(reno.phase(), Phase::SlowStart, "back to the old size at full speed");
    }
}
