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
