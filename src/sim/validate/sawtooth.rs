//! What additive increase and multiplicative decrease come to, cycle by cycle, for given losses.
//!
//! The window grows by a packet for every window of packets acknowledged (RFC 3465 with L = 1) and
//! halves at a loss. A packet is lost when the third one behind it is acknowledged (RFC 9002 §6.1.1),
//! and nothing that was sent before then cuts the window again or lets it grow (§7.3.2):
//!
//! ```text
//!   loss L at window W ... L+3 acknowledged: cut | half the flight is | flight of | growth until the
//!   the W packets L to L+W-1 are out then        | acknowledged: 1/2  | W/2: 1    | next loss is seen
//! ```
//!
//! The half round trip is a mean: packets are not spread evenly over a round, so that where in it the
//! cut falls decides how soon half of the flight is acknowledged.

/// How the controller answers to a loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rules {
    /// What the window is multiplied with.
    pub(super) decrease: f64,
    /// Round trips from a cut until the window grows again.
    pub(super) recovery_rounds: f64,
    /// Packets by which the window grows in a round.
    pub(super) increase: f64,
}

impl Rules {
    /// Those of RFC 9002 §7: half the window; half a round until the flight is down to it, and a whole
    /// one until the first packet behind the cut is acknowledged.
    pub(super) const NEW_RENO: Self = Self { decrease: 0.5, recovery_rounds: 1.5, increase: 1.0 };
}

/// What a row of losses comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cycles {
    /// Round trips from the first loss to the last one.
    pub(super) rounds: f64,
    /// Packets that arrive between them.
    pub(super) packets: f64,
    /// How often the window was cut.
    pub(super) cuts: u32,
    /// The windows at these cuts, summed up.
    pub(super) windows: f64,
}

impl Cycles {
    /// Of the first loss at a window of `window` packets and of those behind it, by their ordinals.
    pub(super) fn new(rules: &Rules, losses: impl IntoIterator<Item = u64>, window: f64) -> Self {
        let mut losses = losses.into_iter();
        let Some(first) = losses.next() else { return Self::default() };
        let (mut cycles, mut window) = (Self::default(), window);
        let (mut lost, mut ignored) = (first, 1.0);
        for next in losses {
            // Sent before the cut: two more have left than the window holds.
            let resumes = lost + window.ceil() as u64;
            if next < resumes + 2 {
                ignored += 1.0;
                continue;
            }
            let start = window * rules.decrease;
            // All behind the cut and before the loss, and the two that do not yet show it.
            let (top, growth) = grown(start, (next - resumes) as f64, rules.increase);
            cycles.rounds += rules.recovery_rounds - 1.0 / window + growth;
            cycles.packets += (next - lost) as f64 - ignored;
            cycles.cuts += 1;
            cycles.windows += top;
            (lost, ignored, window) = (next, 1.0, top);
        }
        cycles
    }

    /// `C` of Mathis and others: packets per round, times the root of the share lost.
    pub(super) fn mathis(&self, p: f64) -> f64 {
        self.packets / self.rounds * p.sqrt()
    }

    /// The window at a cut, on average.
    pub(super) fn window(&self) -> f64 {
        self.windows / f64::from(self.cuts)
    }
}

/// The window that so many acknowledged packets let grow, and how many rounds that takes.
fn grown(mut window: f64, mut acked: f64, increase: f64) -> (f64, f64) {
    let mut rounds = 0.0;
    while acked >= window {
        acked -= window;
        window += increase;
        rounds += 1.0;
    }
    (window, rounds + acked / window)
}
