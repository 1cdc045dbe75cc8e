//! When a datagram arrives: propagation delay, jitter and spread with and without reordering.

use super::delay::{Spread, SpreadProcess};
use super::dice::Dice;
use super::error::{ImpairError, check_at_least_one, check_share};
use crate::time::{Duration, Instant, nanos};
use std::collections::VecDeque;

/// How datagrams may overtake each other. By default they do not: arrival times never decrease,
/// whatever the jitter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reorder {
    /// Lets jitter and spread reorder, as netem does. Off, a datagram waits for the one before it.
    pub by_jitter: bool,
    /// The share of datagrams, 0 to 1, that are held back by `late_by`. They pass the others'
    /// order by and do not hold the others up.
    pub share: f64,
    /// Only every so manieth datagram may be one of them: at least 1, the default, which is each.
    /// The share is of these. As netem's `gap`, but counted from the first datagram and not from
    /// the last one reordered, so that who was is no matter; at a share of 1 the two agree.
    pub gap: u64,
    /// How much later than its turn such a datagram arrives.
    pub late_by: Duration,
}

impl Default for Reorder {
    fn default() -> Self {
        Self { by_jitter: false, share: 0.0, gap: 1, late_by: Duration::ZERO }
    }
}

impl Reorder {
    /// That the share is one and the gap a number of datagrams.
    ///
    /// # Errors
    ///
    /// [`ImpairError::Share`] or [`ImpairError::AtLeastOne`] if not.
    pub fn validate(&self) -> Result<(), ImpairError> {
        check_share("reorder.share", self.share)?;
        check_at_least_one("reorder.gap", self.gap)
    }

    fn may_be_late(&self, ordinal: u64) -> bool {
        ordinal % self.gap == self.gap - 1
    }
}

/// How long a line is: what of a link's description says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delays<'a> {
    pub(super) delay: Duration,
    pub(super) jitter: Duration,
    pub(super) spread: &'a Spread,
    pub(super) correlation: f64,
}

/// Arrival times of one direction.
#[derive(Clone, Debug)]
pub(super) struct Timing {
    delay: Duration,
    jitter_ns: u64,
    spread: SpreadProcess,
    reorder: Reorder,
    jitter_dice: Dice,
    late_dice: Dice,
    spread_dice: Dice,
    /// The latest arrival among those that keep the order.
    latest: Instant,
    /// Arrivals that a later datagram could still precede, in order.
    ahead: VecDeque<Instant>,
    reordered: u64,
}

impl Timing {
    pub(super) fn new(delays: &Delays<'_>, reorder: Reorder, seed: Dice) -> Self {
        let spread_dice = seed.fork(2);
        Self {
            delay: delays.delay,
            jitter_ns: nanos(delays.jitter),
            spread: SpreadProcess::new(delays.spread, delays.correlation, spread_dice),
            reorder,
            jitter_dice: seed.fork(0),
            late_dice: seed.fork(1),
            spread_dice,
            latest: Instant::ZERO,
            ahead: VecDeque::new(),
            reordered: 0,
        }
    }

    /// Takes other settings for the datagrams to come; the order with those on their way is kept.
    pub(super) fn reconfigure(&mut self, delays: &Delays<'_>, reorder: Reorder) {
        (self.delay, self.jitter_ns, self.reorder) = (delays.delay, nanos(delays.jitter), reorder);
        self.spread = SpreadProcess::new(delays.spread, delays.correlation, self.spread_dice);
    }

    /// When the datagram that enters the line at `now` arrives.
    pub(super) fn arrival(&mut self, now: Instant, ordinal: u64) -> Instant {
        let mut arrival = self.in_turn(now, ordinal);
        if self.reorder.may_be_late(ordinal) && self.late_dice.chance(ordinal, self.reorder.share) {
            arrival += self.reorder.late_by;
        }
        self.count_overtaken(now, arrival);
        arrival
    }

    /// When its copy arrives: a delay of its own, drawn for `ordinal`.
    pub(super) fn copy_arrival(&mut self, now: Instant, ordinal: u64) -> Instant {
        self.in_turn(now, ordinal)
    }

    /// How many datagrams arrive after one that was sent later (RFC 4737's reordered packets).
    pub(super) fn reordered(&self) -> u64 {
        self.reordered
    }

    fn in_turn(&mut self, now: Instant, ordinal: u64) -> Instant {
        let mut arrival = now + self.delay;
        if self.jitter_ns > 0 {
            let spread = self.jitter_ns.saturating_mul(2).saturating_add(1);
            let jitter = Duration::from_nanos(self.jitter_dice.below(ordinal, spread));
            arrival = arrival + jitter - Duration::from_nanos(self.jitter_ns);
        }
        arrival += self.spread.extra(ordinal);
        if !self.reorder.by_jitter {
            arrival = arrival.max(self.latest);
        }
        self.latest = self.latest.max(arrival);
        arrival
    }

    /// `ahead` is a stack of increasing times: whoever it takes out was overtaken, once.
    fn count_overtaken(&mut self, now: Instant, arrival: Instant) {
        while self.ahead.pop_front_if(|at| *at <= now).is_some() {}
        while self.ahead.pop_back_if(|at| *at > arrival).is_some() {
            self.reordered += 1;
        }
        if arrival > now {
            self.ahead.push_back(arrival);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn timing(delay: u64, jitter: u64, spread: &Spread, reorder: Reorder) -> Timing {
        Timing::new(&delays(delay, jitter, spread), reorder, Dice::new(1))
    }

    fn delays(delay: u64, jitter: u64, spread: &Spread) -> Delays<'_> {
        Delays { delay: ms(delay), jitter: ms(jitter), spread, correlation: 0.0 }
    }

    #[test]
    fn order_returns_behind_everything_that_is_on_its_way() {
        let wild = Reorder { by_jitter: true, ..Reorder::default() };
        let mut timing = timing(50, 50, &Spread::None, wild);
        let now = Instant::from_millis(1);
        let latest = (0..100).map(|n| timing.arrival(now, n)).max();
        assert!(timing.reordered() > 50);
        timing.reconfigure(&delays(0, 0, &Spread::None), Reorder::default());
        assert_eq!(Some(timing.arrival(now, 100)), latest);
    }

    #[test]
    fn what_has_arrived_is_not_remembered() {
        let mut timing = timing(5, 0, &Spread::None, Reorder::default());
        for n in 0..10_000 {
            timing.arrival(Instant::from_millis(n), n);
            assert!(timing.ahead.len() <= 5);
        }
    }

    #[test]
    fn spread_adds_to_the_delay_and_reorders_only_where_it_may() {
        let spread = Spread::Pareto { scale: ms(1), shape: 1.2, max: ms(400) };
        let run = |by_jitter| {
            let reorder = Reorder { by_jitter, ..Reorder::default() };
            let mut timing = timing(20, 5, &spread, reorder);
            let arrivals: Vec<Instant> =
                (0..20_000).map(|n| timing.arrival(Instant::from_millis(n), n)).collect();
            (arrivals, timing.reordered())
        };
        let (calm, overtaken) = run(false);
        assert!(calm.is_sorted());
        assert_eq!(overtaken, 0);
        let (wild, overtaken) = run(true);
        assert!(overtaken > 5000, "{overtaken}");
        let mut held_until = Instant::ZERO;
        for (n, (calm, wild)) in (0..).zip(calm.into_iter().zip(wild)) {
            let extra = wild.saturating_since(Instant::from_millis(n));
            assert!(extra >= ms(16) && extra <= ms(425), "{n}: {extra:?}");
            // The very same draws, and whoever would overtake waits.
            held_until = held_until.max(wild);
            assert_eq!(calm, held_until);
        }
    }

    #[test]
    fn a_gap_lets_only_every_so_manieth_be_late() {
        let late = |share, gap| {
            let reorder = Reorder { share, gap, late_by: ms(50), ..Reorder::default() };
            let mut timing = timing(10, 0, &Spread::None, reorder);
            let is_late = |n: &u64| {
                timing.arrival(Instant::from_millis(*n), *n) != Instant::from_millis(n + 10)
            };
            (0..1000).filter(is_late).collect::<Vec<_>>()
        };
        assert_eq!(late(1.0, 5), (0..200).map(|i| i * 5 + 4).collect::<Vec<_>>());
        assert_eq!(late(1.0, 1), (0..1000).collect::<Vec<_>>());
        let some = late(0.5, 10);
        assert!(some.iter().all(|n| n % 10 == 9) && (30..=70).contains(&some.len()), "{some:?}");
    }

    #[test]
    fn what_has_no_meaning_is_refused_in_one_clear_line() {
        let error = Reorder { gap: 0, ..Reorder::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "reorder.gap = 0: must be at least 1");
        let error = Reorder { share: 1.5, ..Reorder::default() }.validate().unwrap_err();
        assert_eq!(error.to_string(), "reorder.share = 1.5: must be between 0 and 1");
    }
}
