//! Thin flows: whether messages travel more than once before anything is known to be lost, and how.

use crate::stream::Pattern;
use crate::time::{Duration, Instant};

/// Whether new messages carry older ones along, where there is room and little is sent. A game's
/// latency is made by the timers of retransmission, not by bandwidth: whoever repeats pays with bytes
/// instead. Channels say for themselves whether they take part
/// ([`ChannelConfig::is_repaired`](super::ChannelConfig::is_repaired)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redundancy {
    /// Never.
    Off,
    /// Always the same way, while nothing speaks against it.
    Fixed(Pattern),
    /// As much as the measured loss asks for: nothing without loss, at most one and a half bytes for
    /// each byte sent first.
    #[default]
    Adaptive,
}

/// What is done from which measured loss on, in thousandths. `docs/TRADEOFFS.md` has the measurements.
const LEVELS: [(f64, Pattern); 5] = [
    (0.0, Pattern::OFF),
    (1.0, Pattern::HALF),
    (20.0, Pattern::FULL),
    (75.0, Pattern::HEAVY),
    (140.0, Pattern::MOST),
];

/// From this loss on, in thousandths, what was lost once is sent twice more.
const TAIL_LOSS: f64 = 25.0;

/// Over how many packets the loss is measured, at most.
const MEMORY: f64 = 600.0;
/// Over how many it is measured to see a change at once, which counts from twice a level's loss on.
const SHORT_MEMORY: f64 = 100.0;
/// A path begins as if so many packets had arrived.
const PRIOR: f64 = 40.0;
/// A level is left at this share of the loss at which it is entered ...
const LEAVE: f64 = 0.85;
/// ... once the loss has stayed below for so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// The share of packets that were lost lately: a mean that forgets.
#[derive(Debug)]
struct Mean {
    share: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, lost: f64, decided: f64, memory: f64) {
        self.weight = (self.weight + decided).min(memory);
        self.share += (lost - self.share * decided) / self.weight;
        self.share = self.share.clamp(0.0, 1.0);
    }

    fn permille(&self) -> f64 {
        self.share * 1000.0
    }
}

impl Default for Mean {
    fn default() -> Self {
        Self { share: 0.0, weight: PRIOR }
    }
}

/// What the path is like at the moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) cwnd: u64,
    pub(super) bytes_in_flight: u64,
    pub(super) srtt: Duration,
    pub(super) min_rtt: Duration,
}

/// The measured loss, and what follows from it.
#[derive(Debug, Default)]
pub(super) struct Thinness {
    loss: Mean,
    recent: Mean,
    acked: u64,
    lost: u64,
    level: usize,
    /// Since when the loss has been below the level's.
    below_since: Option<Instant>,
    ce_marks: u64,
    marked_at: Option<Instant>,
}

impl Thinness {
    /// An acknowledgement has told what became of packets: so many have arrived so far, so many were
    /// lost, so many came with a congestion mark.
    pub(super) fn on_ack(&mut self, now: Instant, fates: (u64, u64, u64)) {
        let (all_acked, all_lost, ce_marks) = fates;
        let acked = all_acked.saturating_sub(self.acked) as f64;
        let lost = all_lost.saturating_sub(self.lost) as f64;
        (self.acked, self.lost) = (all_acked, all_lost);
        if ce_marks > self.ce_marks {
            (self.ce_marks, self.marked_at) = (ce_marks, Some(now));
        }
        let decided = acked + lost;
        if decided > 0.0 {
            self.loss.add(lost, decided, MEMORY);
            self.recent.add(lost, decided, SHORT_MEMORY);
            self.settle(now);
        }
    }

    /// What goes beside new messages now.
    pub(super) fn pattern(&self, now: Instant, redundancy: Redundancy, view: &View) -> Pattern {
        let pattern = match redundancy {
            Redundancy::Off => return Pattern::OFF,
            Redundancy::Fixed(pattern) => pattern,
            Redundancy::Adaptive => LEVELS.get(self.level).map_or(Pattern::OFF, |(_, p)| *p),
        };
        if self.is_clear(now, view) { pattern } else { Pattern::OFF }
    }

    /// Whether nothing speaks against sending more than needed: no congestion mark within a round trip,
    /// the window half empty, no standing queue.
    pub(super) fn is_clear(&self, now: Instant, view: &View) -> bool {
        let is_marked = self.marked_at.is_some_and(|at| now < at + view.srtt);
        let is_filled = view.bytes_in_flight > view.cwnd / 2;
        let is_queued = view.srtt > view.min_rtt * 5 / 4 + Duration::from_millis(5);
        !(is_marked || is_filled || is_queued)
    }

    /// Whether so much is lost that what was lost once is likely to be lost again.
    pub(super) fn wants_tails(&self, redundancy: Redundancy) -> bool {
        match redundancy {
            Redundancy::Off => false,
            Redundancy::Fixed(_) => true,
            Redundancy::Adaptive => self.loss.permille() >= TAIL_LOSS,
        }
    }

    /// Goes up at once, and down in time.
    fn settle(&mut self, now: Instant) {
        let permille = self.loss.permille().max(self.recent.permille() / 2.0);
        let wanted = LEVELS.iter().rposition(|(from, _)| permille >= *from).unwrap_or_default();
        if wanted > self.level {
            self.level = wanted;
        }
        let entry = LEVELS.get(self.level).map_or(0.0, |(from, _)| *from);
        if permille >= entry * LEAVE {
            self.below_since = None;
        } else if now >= *self.below_since.get_or_insert(now) + PATIENCE {
            self.level -= 1;
            self.below_since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const IDLE: View = View {
        cwnd: 40_000,
        bytes_in_flight: 1000,
        srtt: Duration::from_millis(100),
        min_rtt: Duration::from_millis(100),
    };

    /// A second of a path that loses so many of a thousand packets, 60 of them each second.
    fn second(
        thin: &mut Thinness,
        fates: &mut (u64, u64, u64),
        now: &mut Instant,
        rng: &mut Rng,
        loss: u64,
    ) {
        for _ in 0..60 {
            *now += Duration::from_micros(16_667);
            let is_lost = rng.u64() % 1000 < loss;
            *(if is_lost { &mut fates.1 } else { &mut fates.0 }) += 1;
            thin.on_ack(*now, *fates);
        }
    }

    #[test]
    fn redundancy_follows_the_loss_up_soon_and_down_later() {
        for seed in 0..20 {
            let mut rng = Rng::from_u64(seed);
            let (mut thin, mut fates) = (Thinness::default(), (0, 0, 0));
            let mut now = Instant::ZERO;
            let mut after = |loss, seconds| {
                (0..seconds).for_each(|_| second(&mut thin, &mut fates, &mut now, &mut rng, loss));
                thin.pattern(now, Redundancy::Adaptive, &IDLE)
            };
            assert_eq!(after(0, 60), Pattern::OFF);
            assert_ne!(after(100, 4), Pattern::OFF, "seed {seed}");
            assert_eq!(after(105, 26), Pattern::HEAVY, "seed {seed}");
            assert_eq!(after(40, 60), Pattern::FULL, "seed {seed}");
            assert_eq!(after(0, 120), Pattern::OFF, "seed {seed}");
        }
    }

    #[test]
    fn nothing_is_added_where_it_would_congest() {
        let mut thin = Thinness::default();
        let at = Instant::from_millis(5000);
        let fixed = Redundancy::Fixed(Pattern::FULL);
        assert_eq!(thin.pattern(at, fixed, &IDLE), Pattern::FULL);
        assert_eq!(thin.pattern(at, Redundancy::Off, &IDLE), Pattern::OFF);
        let filled = View { bytes_in_flight: 20_001, ..IDLE };
        let queued = View { srtt: Duration::from_millis(131), ..IDLE };
        for view in [filled, queued] {
            assert_eq!(thin.pattern(at, fixed, &view), Pattern::OFF, "{view:?}");
        }
        thin.on_ack(at, (0, 0, 1));
        assert_eq!(thin.pattern(at + Duration::from_millis(99), fixed, &IDLE), Pattern::OFF);
        assert_eq!(thin.pattern(at + Duration::from_millis(100), fixed, &IDLE), Pattern::FULL);
    }
}
