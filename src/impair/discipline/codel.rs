//! CoDel: from how long the head has waited, whether to drop it.

use super::Codel;
use super::fifo::{Fifo, Parked};
use crate::time::{Duration, Instant, nanos};

/// What CoDel remembers of one queue; the names are RFC 8289's.
#[derive(Clone, Debug, Default)]
pub(in crate::impair) struct Control {
    /// When the wait will have been above the target for an interval.
    first_above_time: Option<Instant>,
    drop_next: Instant,
    count: u64,
    last_count: u64,
    is_dropping: bool,
}

impl Control {
    /// The datagram to send at `now`, if any is left; those dropped on the way go to `dropped`.
    ///
    /// RFC 8289 §5.4. Where it can mark, it marks the datagram and sends it instead of looking at
    /// the next, as Linux does: the RFC leaves that open.
    pub(super) fn pop(
        &mut self,
        now: Instant,
        config: &Codel,
        queue: &mut Fifo,
        dropped: &mut Vec<Parked>,
    ) -> Option<Parked> {
        let (mut head, mut may_drop) = self.look(now, config, queue);
        if !self.is_dropping {
            if may_drop {
                // Whether the next one may be dropped as well is asked when one leaves again.
                (head, _) = self.signal(now, config, queue, head, dropped);
                self.start_dropping(now, config);
            }
            return head;
        }
        self.is_dropping = may_drop;
        // A large backlog may make the next drop due at once.
        while self.is_dropping && now >= self.drop_next {
            self.count += 1;
            let is_marked = config.ecn && head.as_ref().is_some_and(|h| h.parcel.is_ecn_capable);
            (head, may_drop) = self.signal(now, config, queue, head, dropped);
            self.is_dropping = may_drop;
            if self.is_dropping {
                self.drop_next = control_law(config, self.drop_next, self.count);
            }
            if is_marked {
                break;
            }
        }
        head
    }

    /// Takes the next datagram, and whether it may be dropped: all have waited too long for an
    /// interval.
    fn look(&mut self, now: Instant, config: &Codel, queue: &mut Fifo) -> (Option<Parked>, bool) {
        let Some(head) = queue.pop() else {
            self.first_above_time = None;
            return (None, false);
        };
        let sojourn = now.saturating_since(head.arrived);
        let mut may_drop = false;
        if sojourn < config.target || queue.bytes() <= config.max_packet_bytes {
            self.first_above_time = None;
        } else {
            let above = self.first_above_time.get_or_insert(now + config.interval);
            // Just gone above is not yet above for an interval, which is longer than zero.
            may_drop = now >= *above;
        }
        (Some(head), may_drop)
    }

    /// Marks the head, or drops it and takes the next.
    fn signal(
        &mut self,
        now: Instant,
        config: &Codel,
        queue: &mut Fifo,
        head: Option<Parked>,
        dropped: &mut Vec<Parked>,
    ) -> (Option<Parked>, bool) {
        match head {
            Some(head) if config.ecn && head.parcel.is_ecn_capable => {
                (Some(Parked { is_marked: true, ..head }), true)
            }
            head => {
                dropped.extend(head);
                self.look(now, config, queue)
            }
        }
    }

    /// If it dropped not long ago, goes on at about the rate that worked then.
    fn start_dropping(&mut self, now: Instant, config: &Codel) {
        let delta = self.count - self.last_count;
        let recently = config.interval.saturating_mul(16);
        let was_recent = now.saturating_since(self.drop_next) < recently;
        self.count = if delta > 1 && was_recent { delta } else { 1 };
        self.is_dropping = true;
        self.drop_next = control_law(config, now, self.count);
        self.last_count = self.count;
    }
}

/// The n-th drop in a row comes an interval / sqrt(n) after the one before.
fn control_law(config: &Codel, from: Instant, count: u64) -> Instant {
    from + Duration::from_nanos((nanos(config.interval) as f64 / (count as f64).sqrt()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::impair::link::Parcel;
    use crate::impair::{Discipline, Fate, Link, LinkConfig};

    const fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn parked(arrived: Instant, is_ecn_capable: bool) -> Parked {
        let parcel = Parcel { is_ecn_capable, ..Parcel::default() };
        Parked { parcel, ordinal: 0, bytes: 1000, arrived, is_marked: false }
    }

    /// A head that has always waited 50 ms, looked at every 10 us: when something was dropped, and
    /// when something was marked.
    fn standing(config: &Codel, is_ecn_capable: bool, until: Instant) -> [Vec<u64>; 2] {
        let (mut control, mut dropped, mut marked) = (Control::default(), Vec::new(), Vec::new());
        let mut drops = Vec::new();
        let mut now = ms(1000);
        while now < until {
            let mut queue = Fifo::default();
            (0..100)
                .for_each(|_| queue.push(parked(now - Duration::from_millis(50), is_ecn_capable)));
            let sent = control.pop(now, config, &mut queue, &mut dropped);
            drops.extend(dropped.drain(..).map(|_| now.as_micros() - 1_000_000));
            if sent.is_some_and(|sent| sent.is_marked) {
                marked.push(now.as_micros() - 1_000_000);
            }
            now += Duration::from_micros(10);
        }
        [drops, marked]
    }

    /// 100 ms to the first, then 100 / sqrt(n) ms from one to the next, each looked for every 10 us.
    const SCHEDULE_US: [u64; 11] = [
        100_000, 200_000, 270_720, 328_450, 378_450, 423_170, 464_000, 501_790, 537_150, 570_480,
        602_100,
    ];

    #[test]
    fn a_standing_queue_is_dropped_from_at_the_times_of_the_control_law() {
        let [drops, marked] = standing(&Codel::default(), true, ms(1620));
        assert_eq!((drops.as_slice(), marked.len()), (&SCHEDULE_US[..], 0));
        // tc-codel's: 100, 170.71, 228.45 ... ms after the first.
        let since_first: Vec<_> = drops[1..].iter().map(|at| (at - drops[0]) / 1000).collect();
        assert_eq!(since_first, [100, 170, 228, 278, 323, 364, 401, 437, 470, 502]);
    }

    #[test]
    fn what_can_be_marked_is_marked_at_the_same_times_and_nothing_is_dropped() {
        let config = Codel { ecn: true, ..Codel::default() };
        let [drops, marked] = standing(&config, true, ms(1620));
        assert_eq!((drops.len(), marked.as_slice()), (0, &SCHEDULE_US[..]));
        let [drops, marked] = standing(&config, false, ms(1620));
        assert_eq!((drops.as_slice(), marked.len()), (&SCHEDULE_US[..], 0));
    }

    /// Looks at a head that has waited so many ms, with so many packets behind it; returns how many
    /// were dropped.
    fn look(control: &mut Control, now: u64, waited: u64, behind: usize) -> usize {
        let (mut queue, mut dropped) = (Fifo::default(), Vec::new());
        (0..=behind).for_each(|_| queue.push(parked(ms(now - waited), false)));
        let _ = control.pop(ms(now), &Codel::default(), &mut queue, &mut dropped);
        dropped.len()
    }

    #[test]
    fn one_short_wait_in_an_interval_forgives_all() {
        let mut control = Control::default();
        for now in 1000..3000 {
            let waited = if now % 100 == 0 { 4 } else { 60 };
            assert_eq!(look(&mut control, now, waited, 50), 0);
        }
        // The target itself is too long.
        let dropped: usize = (3000..3101).map(|now| look(&mut control, now, 5, 50)).sum();
        assert_eq!(dropped, 1);
    }

    #[test]
    fn nothing_is_dropped_while_no_more_than_a_packet_waits() {
        let mut control = Control::default();
        assert_eq!((1000..2000).map(|now| look(&mut control, now, 90, 1)).sum::<usize>(), 0);
        assert!((2000..3000).map(|now| look(&mut control, now, 90, 2)).sum::<usize>() > 5);
    }

    #[test]
    fn a_queue_that_soon_stands_again_meets_the_rate_that_worked() {
        let mut control = Control::default();
        (1000..2000).for_each(|now| _ = look(&mut control, now, 50, 50));
        let count = control.count;
        assert!(count > 10);
        assert_eq!((look(&mut control, 2000, 1, 50), control.is_dropping), (0, false));
        (2001..2102).for_each(|now| _ = look(&mut control, now, 50, 50));
        // All but the one with which the last cycle began.
        assert_eq!((control.is_dropping, control.count), (true, count - 1));
        // 16 intervals after the last drop was due, that rate is forgotten.
        (2102..3000).for_each(|now| _ = look(&mut control, now, 50, 50));
        assert_eq!((look(&mut control, 3000, 1, 50), control.is_dropping), (0, false));
        let worked = control.count - control.last_count;
        assert!(worked > 1);
        let due = control.drop_next + Duration::from_millis(1600);
        let again = |first: u64| {
            let mut control = control.clone();
            (first - 100..=first).for_each(|now| _ = look(&mut control, now, 50, 50));
            assert!(control.is_dropping);
            control.count
        };
        let first = due.as_micros().div_ceil(1000);
        assert_eq!((again(first - 1), again(first)), (worked, 1));
    }

    #[test]
    fn only_one_is_marked_at_a_time_however_late_it_is() {
        let config = Codel { ecn: true, ..Codel::default() };
        let (mut control, mut dropped) = (Control::default(), Vec::new());
        for (now, count) in [(1000, 0), (1100, 1), (9000, 2), (9001, 3)] {
            let mut queue = Fifo::default();
            (0..50).for_each(|_| queue.push(parked(ms(now - 50), true)));
            let sent = control.pop(ms(now), &config, &mut queue, &mut dropped);
            assert_eq!(sent.map(|sent| sent.is_marked), Some(count > 0));
            assert_eq!((control.count, dropped.len(), queue.packets()), (count, 0, 49));
        }
    }

    #[test]
    fn a_flow_that_does_not_listen_loses_what_is_too_much() {
        // 1,250 bytes per ms, and one every 0.9 ms: a flow that does not listen needs 10 % dropped.
        let config = LinkConfig {
            discipline: Discipline::Codel(Codel::default()),
            overhead_bytes: 0,
            rate_bps: Some(10_000_000),
            ..LinkConfig::default()
        };
        let mut link = Link::new(config, 1).unwrap();
        let mut early = 0;
        let mut longest = Duration::ZERO;
        for n in 0..100_000u64 {
            let now = Instant::from_nanos(n * 900_000);
            let parcel = Parcel { datagram: vec![0; 1250], tag: n, ..Parcel::default() };
            assert_eq!(link.admit(now, parcel).fate, Fate::Held);
            while let Some((_, arrivals)) = link.release(now) {
                early += u64::from(arrivals.fate == Fate::Early);
            }
            if n > 50_000 {
                longest = longest.max(link.backlog(now).wait);
            }
        }
        let stats = link.stats();
        assert_eq!((stats.early, stats.overflowed), (early, 0));
        assert_eq!(stats.packets, stats.early + stats.delivered + stats.held);
        // In balance a tenth is dropped, and the queue is far from its unmanaged 5,000 ms.
        assert!((4500..=12_000).contains(&early), "{early}");
        assert!(longest < Duration::from_millis(500), "{longest:?}");
    }
}
