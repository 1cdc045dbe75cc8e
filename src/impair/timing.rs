//! When a datagram arrives: propagation delay, jitter with and without reordering.

use super::dice::Dice;
use super::error::{ImpairError, check_share};
use crate::time::{Duration, Instant, nanos};
use std::collections::VecDeque;

/// How datagrams may overtake each other. By default they do not: arrival times never decrease.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reorder {
    /// Lets jitter reorder, as netem does. Off, a datagram waits for the one before it.
    pub by_jitter: bool,
    /// The share of datagrams, 0 to 1, that are held back by `late_by`. They pass the others'
    /// order by and do not hold the others up.
    pub share: f64,
    /// How much later than its turn such a datagram arrives.
    pub late_by: Duration,
}

impl Reorder {
    /// That the share is one.
    ///
    /// # Errors
    ///
    /// [`ImpairError::Share`] if it is not.
    pub fn validate(&self) -> Result<(), ImpairError> {
        check_share("reorder.share", self.share)
    }
}

/// Arrival times of one direction.
#[derive(Clone, Debug)]
pub(super) struct Timing {
    delay: Duration,
    jitter_ns: u64,
    reorder: Reorder,
    jitter_dice: Dice,
    late_dice: Dice,
    /// The latest arrival among those that keep the order.
    latest: Instant,
    /// Arrivals that a later datagram could still precede, in order.
    ahead: VecDeque<Instant>,
    reordered: u64,
}

impl Timing {
    /// `delay` one way plus or minus up to `jitter`, uniformly.
    pub(super) fn new(delay: Duration, jitter: Duration, reorder: Reorder, seed: Dice) -> Self {
        Self {
            delay,
            jitter_ns: nanos(jitter),
            reorder,
            jitter_dice: seed.fork(0),
            late_dice: seed.fork(1),
            latest: Instant::ZERO,
            ahead: VecDeque::new(),
            reordered: 0,
        }
    }

    /// Takes other settings for the datagrams to come; the order with those on their way is kept.
    pub(super) fn reconfigure(&mut self, delay: Duration, jitter: Duration, reorder: Reorder) {
        (self.delay, self.jitter_ns, self.reorder) = (delay, nanos(jitter), reorder);
    }

    /// When the datagram that enters the line at `now` arrives.
    pub(super) fn arrival(&mut self, now: Instant, ordinal: u64) -> Instant {
        let mut arrival = self.in_turn(now, ordinal);
        if self.late_dice.chance(ordinal, self.reorder.share) {
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

    #[test]
    fn order_returns_behind_everything_that_is_on_its_way() {
        let wild = Reorder { by_jitter: true, ..Reorder::default() };
        let mut timing = Timing::new(ms(50), ms(50), wild, Dice::new(1));
        let now = Instant::from_millis(1);
        let latest = (0..100).map(|n| timing.arrival(now, n)).max();
        assert!(timing.reordered() > 50);
        timing.reconfigure(ms(0), ms(0), Reorder::default());
        assert_eq!(Some(timing.arrival(now, 100)), latest);
    }

    #[test]
    fn what_has_arrived_is_not_remembered() {
        let mut timing = Timing::new(ms(5), ms(0), Reorder::default(), Dice::new(1));
        for n in 0..10_000 {
            timing.arrival(Instant::from_millis(n), n);
            assert!(timing.ahead.len() <= 5);
        }
    }
}
