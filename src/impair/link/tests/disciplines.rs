//! What holds for every discipline: nothing is lost sight of, and it does not matter when the
//! carrier looks.

use super::*;
use crate::impair::{Codel, Discipline, FqCodel, Pie, Policer, RateTrace, Red};
use std::collections::BTreeMap;

fn discipline() -> impl Strategy<Value = Discipline> {
    let (short, batch) = (ms(20), 4);
    prop_oneof![
        Just(Discipline::DropTail),
        Just(Discipline::DropHead),
        any::<bool>().prop_map(move |ecn| Discipline::Red(Red {
            weight: 0.3,
            min_bytes: 2000,
            max_bytes: 5000,
            ecn,
            ..Red::default()
        })),
        any::<bool>().prop_map(move |ecn| Discipline::Pie(Pie {
            max_burst: short,
            ecn,
            ..Pie::default()
        })),
        any::<bool>().prop_map(move |ecn| Discipline::Codel(Codel {
            interval: short,
            ecn,
            ..Codel::default()
        })),
        (any::<bool>(), 1..4u32, 3..30u64).prop_map(move |(ecn, queues, limit_packets)| {
            let base = FqCodel { interval: short, drop_batch: batch, ..FqCodel::default() };
            Discipline::FqCodel(FqCodel { queues, limit_packets, ecn, ..base })
        }),
    ]
}

fn trace() -> impl Strategy<Value = RateTrace> {
    (100_000..20_000_000u64, 130..500u64)
        .prop_map(|(rate, period)| RateTrace::from_rate(rate, ms(period)).unwrap())
}

prop_compose! {
    fn managed()(
        config in config(),
        discipline in discipline(),
        trace in prop::option::of(trace()),
        capacity_packets in prop_oneof![Just(u64::MAX), 0..20u64],
        burst_bytes in prop_oneof![Just(0), 0..9000u64],
        policer in prop::option::of((10_000..9_000_000u64, 1..9000u64)),
    ) -> LinkConfig {
        let policer = policer.map(|(rate_bps, burst_bytes)| Policer { rate_bps, burst_bytes });
        let has_rate = trace.is_none();
        LinkConfig {
            rate_bps: config.rate_bps.filter(|_| has_rate),
            rate_steps: if has_rate { config.rate_steps } else { Vec::new() },
            trace,
            discipline,
            capacity_packets,
            burst_bytes,
            policer,
            ..config
        }
    }
}

/// A datagram to send: after so many microseconds, of which flow, can it be marked, how long.
type Send = (u64, u64, bool, usize);

fn sends() -> impl Strategy<Value = Vec<Send>> {
    prop::collection::vec((0..6000u64, 0..5u64, any::<bool>(), 0..1500usize), 1..150)
}

fn parcel(tag: usize, &(_, flow, is_ecn_capable, len): &Send) -> Parcel {
    Parcel { datagram: vec![0; len], flow, is_ecn_capable, tag: tag as u64, header_bytes: None }
}

fn balance(s: &LinkStats) -> (u64, u64) {
    let dropped = s.lost + s.overflowed + s.blacked_out + s.oversize + s.policed + s.early;
    (s.packets + s.duplicated, s.delivered + dropped + s.held)
}

type Fates = BTreeMap<u64, (Fate, Vec<crate::impair::Arrival>)>;

fn note(fates: &mut Fates, tag: u64, arrivals: Arrivals) {
    let fate = arrivals.fate;
    if fate != Fate::Held {
        assert_eq!(fate == Fate::Delivered, arrivals.iter().count() > 0);
        let before = fates.insert(tag, (fate, arrivals.into_iter().collect()));
        assert!(before.is_none(), "{tag} has two fates");
    }
}

/// Lets go of all that is decided by `now`; returns the earliest arrival.
fn take(link: &mut Link, now: Instant, fates: &mut Fates) -> Instant {
    let mut earliest = Instant::MAX;
    while let Some((tag, arrivals)) = link.release(now) {
        earliest = arrivals.iter().fold(earliest, |earliest, arrival| earliest.min(arrival.at));
        note(fates, tag, arrivals);
    }
    earliest
}

/// Sends all; lets go of what is decided at the link's own times too if `eager`.
fn fates(config: &LinkConfig, seed: u64, sends: &[Send], eager: bool) -> (Fates, LinkStats) {
    let mut link = Link::new(config.clone(), seed).unwrap();
    let (mut fates, mut now) = (Fates::new(), Instant::ZERO);
    for (tag, send) in sends.iter().enumerate() {
        let next = now + Duration::from_micros(send.0);
        while eager && let Some(at) = link.next_at().filter(|at| *at <= next) {
            now = now.max(at);
            assert!(take(&mut link, now, &mut fates) >= now, "it is there before it is known");
        }
        now = next;
        note(&mut fates, tag as u64, link.admit(now, parcel(tag, send)));
        if eager {
            assert!(take(&mut link, now, &mut fates) >= now, "it is there before it is known");
            assert!(link.backlog(now).packets >= link.stats().held);
        }
        let (all, accounted) = balance(&link.stats());
        assert_eq!(all, accounted);
    }
    take(&mut link, Instant::MAX, &mut fates);
    (fates, link.stats())
}

proptest! {
    #[test]
    fn everything_has_one_fate_and_it_does_not_matter_when_the_carrier_looks(
        config in managed(),
        seed in any::<u64>(),
        sends in sends(),
    ) {
        let (eager, stats) = fates(&config, seed, &sends, true);
        let (lazy, other) = fates(&config, seed, &sends, false);
        prop_assert_eq!(eager.len(), sends.len());
        prop_assert_eq!(stats.held, 0);
        prop_assert_eq!(stats, other);
        prop_assert_eq!(eager, lazy);
    }

    #[test]
    fn another_discipline_lets_go_of_what_the_last_one_held(
        configs in prop::collection::vec(managed(), 2..5),
        sends in sends(),
    ) {
        let mut link = Link::new(configs[0].clone(), 1).unwrap();
        let (mut fates, mut now) = (Fates::new(), Instant::ZERO);
        for (tag, send) in sends.iter().enumerate() {
            now += Duration::from_micros(send.0);
            if tag % 20 == 19 {
                link.reconfigure(configs[tag / 20 % configs.len()].clone()).unwrap();
            }
            note(&mut fates, tag as u64, link.admit(now, parcel(tag, send)));
            if tag % 3 == 0 {
                take(&mut link, now, &mut fates);
                prop_assert!(link.holds() || link.stats().held == 0);
            }
        }
        take(&mut link, Instant::MAX, &mut fates);
        let (all, accounted) = balance(&link.stats());
        prop_assert_eq!((all, fates.len(), link.stats().held), (accounted, sends.len(), 0));
    }
}

/// 1,000 bytes per ms, 3,000 in the buffer, and no headers.
fn narrow(discipline: Discipline) -> LinkConfig {
    LinkConfig {
        rate_bps: Some(8_000_000),
        capacity_bytes: 3000,
        overhead_bytes: 0,
        discipline,
        ..LinkConfig::default()
    }
}

/// Sends packets of so many bytes at once; returns who was delivered when, and who was dropped.
fn burst(link: &mut Link, sizes: &[usize]) -> (Vec<(u64, Instant)>, Vec<u64>) {
    let mut fates = Fates::new();
    for (tag, len) in sizes.iter().enumerate() {
        note(&mut fates, tag as u64, link.admit(at(0), parcel(tag, &(0, 0, false, *len))));
    }
    take(link, at(1000), &mut fates);
    let dropped = fates.iter().filter(|f| f.1.0 == Fate::Overflowed).map(|f| *f.0).collect();
    let arrivals = fates.into_iter().flat_map(|(tag, f)| f.1.into_iter().map(move |a| (tag, a.at)));
    (arrivals.collect(), dropped)
}

#[test]
fn a_full_queue_drops_its_head_but_not_what_is_being_sent() {
    let mut link = Link::new(narrow(Discipline::DropHead), 1).unwrap();
    let (arrived, dropped) = burst(&mut link, &[1000; 5]);
    assert_eq!((arrived, dropped), (vec![(0, at(1)), (3, at(2)), (4, at(3))], vec![1, 2]));
    assert_eq!((link.queue().drops(), link.queue().peak(), link.stats().early), (2, 3000, 0));
    // What does not fit beside the one being sent drops nobody in vain.
    let mut link = Link::new(narrow(Discipline::DropHead), 1).unwrap();
    let (arrived, dropped) = burst(&mut link, &[1000, 1000, 2001]);
    assert_eq!((arrived, dropped), (vec![(0, at(1)), (1, at(2))], vec![2]));
    // An idle link takes anything.
    for discipline in [Discipline::DropHead, Discipline::Codel(Codel::default())] {
        let mut link = Link::new(narrow(discipline), 1).unwrap();
        assert_eq!(burst(&mut link, &[9000]), (vec![(0, at(9))], vec![]));
    }
}

#[test]
fn a_codel_queue_that_is_full_drops_its_tail() {
    let mut link = Link::new(narrow(Discipline::Codel(Codel::default())), 1).unwrap();
    let (arrived, dropped) = burst(&mut link, &[1000; 5]);
    assert_eq!((arrived, dropped), (vec![(0, at(1)), (1, at(2)), (2, at(3))], vec![3, 4]));
}

#[test]
fn a_link_that_holds_says_when_to_look_and_what_waits() {
    let mut link = Link::new(narrow(Discipline::DropHead), 1).unwrap();
    assert!(link.holds() && link.next_at().is_none());
    for tag in 0..3 {
        assert_eq!(link.admit(at(5), parcel(tag, &(0, 0, false, 1000))).fate, Fate::Held);
        assert_eq!(link.stats().held, tag as u64 + 1);
    }
    // The first was decided when the second came; nothing has to be waited for.
    assert_eq!(link.next_at(), Some(Instant::ZERO));
    assert_eq!(link.release(at(5)).map(|(tag, _)| tag), Some(0));
    assert!(link.release(at(5)).is_none());
    assert_eq!((link.next_at(), link.stats().held), (Some(at(6)), 2));
    let backlog = Backlog { bytes: 2000, packets: 2, wait: ms(2) };
    assert_eq!(link.backlog(at(7)), backlog);
    let tags: Vec<_> = std::iter::from_fn(|| link.release(at(7))).map(|(tag, _)| tag).collect();
    assert_eq!((tags, link.next_at()), (vec![1, 2], None));
    assert_eq!(link.backlog(at(7)), Backlog { bytes: 1000, packets: 1, wait: ms(0) });
    assert_eq!(link.backlog(at(8)), Backlog::default());
}

#[test]
fn a_step_marks_what_is_held_as_well() {
    let config = narrow(Discipline::DropHead);
    let config = LinkConfig { mark_above_bytes: Some(2000), capacity_bytes: u64::MAX, ..config };
    let mut link = Link::new(config, 1).unwrap();
    for tag in 0..4 {
        assert_eq!(link.admit(at(0), parcel(tag, &(0, 0, true, 1000))).fate, Fate::Held);
    }
    let marked: Vec<_> = std::iter::from_fn(|| link.release(at(9)))
        .flat_map(|(_, arrivals)| arrivals)
        .map(|arrival| arrival.is_marked)
        .collect();
    assert_eq!(marked, [false, false, true, true]);
}

#[test]
fn another_discipline_sends_what_waits_before_what_comes() {
    let mut link = Link::new(narrow(Discipline::DropHead), 1).unwrap();
    for tag in 0..3 {
        let _ = link.admit(at(0), parcel(tag, &(0, 0, false, 1000)));
    }
    let tail = LinkConfig { capacity_bytes: 9000, ..narrow(Discipline::DropTail) };
    link.reconfigure(tail).unwrap();
    let last = link.admit(at(0), parcel(3, &(0, 0, false, 1000)));
    assert_eq!(last.into_iter().map(|arrival| arrival.at).collect::<Vec<_>>(), [at(4)]);
    assert!(link.holds());
    let left: Vec<_> = std::iter::from_fn(|| link.release(at(0)))
        .flat_map(|(tag, arrivals)| arrivals.into_iter().map(move |arrival| (tag, arrival.at)))
        .collect();
    assert_eq!((left, link.holds()), (vec![(0, at(1)), (1, at(2)), (2, at(3))], false));
}
