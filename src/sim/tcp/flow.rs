//! What all senders have: the numbers of the window, the window itself, the timer, the trace.

use super::config::Config;
use super::timer::Timer;
use super::trace::{Sent, Trace};
use crate::time::Instant;
use std::collections::VecDeque;

/// The state of a transfer, and the moves that every variant makes with it.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) config: Config,
    /// The oldest segment that is not acknowledged.
    pub(super) una: u32,
    /// The segment to send next; a timeout sets it back.
    pub(super) next: u32,
    /// One past the highest segment ever sent.
    pub(super) top: u32,
    pub(super) cwnd: f64,
    pub(super) ssthresh: u32,
    /// Acknowledgements in a row that said nothing new.
    pub(super) dupacks: u32,
    /// `top` when the last loss was seen: what is not beyond it tells of the same loss.
    pub(super) recover: u32,
    pub(super) timer: Timer,
    pub(super) trace: Trace,
    outgoing: VecDeque<u32>,
}

impl Flow {
    pub(super) fn new(config: Config) -> Self {
        Self {
            una: 0,
            next: 0,
            top: 0,
            // The SYN is alone.
            cwnd: 1.0,
            ssthresh: config.initial_ssthresh,
            dupacks: 0,
            recover: 0,
            timer: Timer::new(&config),
            trace: Trace::default(),
            outgoing: VecDeque::new(),
            config,
        }
    }

    /// Segments that may be under way.
    pub(super) fn window(&self) -> u32 {
        (self.cwnd as u32).min(self.config.window).max(1)
    }

    /// Sends what a window of so many segments lets through, but no more than `burst`.
    pub(super) fn fill(&mut self, now: Instant, window: u32, burst: u32) {
        for _ in 0..burst {
            if self.next >= self.una.saturating_add(window) || !self.has_next() {
                return;
            }
            self.next += 1;
            self.send(now, self.next - 1);
        }
    }

    /// Whether there is data for the next segment.
    pub(super) fn has_next(&self) -> bool {
        self.next <= self.config.segments
    }

    /// Sends one segment, whatever the window says.
    pub(super) fn send(&mut self, now: Instant, number: u32) {
        let is_retransmission = number < self.top;
        self.trace.sent.push(Sent { at: now, number, is_retransmission });
        self.outgoing.push_back(number);
        let was_empty = self.una == self.top;
        if !is_retransmission {
            self.top = number + 1;
            self.timer.on_first(now, number);
        }
        if was_empty || !self.timer.is_running() {
            self.timer.start(now);
        }
    }

    /// What is to go out now.
    pub(super) fn pop(&mut self) -> Option<u32> {
        self.outgoing.pop_front()
    }

    /// All below `next` have arrived, and no loss is left among them.
    pub(super) fn advance(&mut self, now: Instant, next: u32) {
        self.timer.on_ack(now, next);
        self.dupacks = 0;
        self.move_on(now, next);
    }

    /// All below `next` have arrived; the timer starts anew for the rest.
    pub(super) fn move_on(&mut self, now: Instant, next: u32) {
        self.una = next;
        self.next = self.next.max(next);
        if self.una < self.top {
            self.timer.start(now);
        } else {
            self.timer.stop();
        }
    }

    /// Lets the window grow after an acknowledgement: slow start, then congestion avoidance.
    pub(super) fn grow(&mut self, now: Instant) {
        let cwnd = if self.una == 1 && self.top == 1 {
            // A lost SYN allows one segment only (RFC 5681, section 3.1).
            if self.trace.timeouts > 0 { 1.0 } else { f64::from(self.config.initial_cwnd) }
        } else if self.cwnd < f64::from(self.ssthresh) {
            self.cwnd + 1.0
        } else {
            self.cwnd + 1.0 / self.cwnd
        };
        self.set_cwnd(now, cwnd);
    }

    /// Whether a loss seen now is another than the one before (RFC 2582, section 3).
    pub(super) fn is_new_loss(&self) -> bool {
        self.una > self.recover
    }

    /// A loss was seen: remembers how far it may reach and lowers the threshold to half the window.
    pub(super) fn on_loss(&mut self, now: Instant) {
        self.recover = self.top;
        self.ssthresh = ((f64::from(self.window()) * self.config.decrease) as u32).max(2);
        self.timer.forget_timed();
        self.timer.start(now);
    }

    /// Starts again from the oldest segment with a window of one.
    pub(super) fn restart(&mut self, now: Instant) {
        self.on_loss(now);
        self.set_cwnd(now, 1.0);
        self.next = self.una;
    }

    /// Halves the window and sends the oldest segment again.
    pub(super) fn fast_retransmit(&mut self, now: Instant) {
        self.on_loss(now);
        self.set_cwnd(now, f64::from(self.ssthresh));
        self.send(now, self.una);
    }

    fn set_cwnd(&mut self, now: Instant, cwnd: f64) {
        self.cwnd = cwnd;
        self.trace.windows.push((now, cwnd));
    }
}
