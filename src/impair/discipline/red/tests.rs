use super::*;
use crate::impair::{Discipline, Fate, Link, LinkConfig, LinkStats, Parcel};

const fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn at_average(avg: f64, config: Red) -> Average {
    Average { avg, ..Average::new(config, Dice::new(1)) }
}

/// 1,000 bytes per ms, with so many packets of 1,000 bytes queued at 0.
fn queue_of(packets: usize) -> Queue {
    let mut queue = Queue::new(Some(8_000_000), u64::MAX);
    (0..packets).for_each(|_| _ = queue.admit(ms(0), 1000));
    queue
}

#[test]
fn the_share_grows_between_the_thresholds_and_gently_above() {
    let config = Red { min_bytes: 5000, max_bytes: 15_000, max_p: 0.1, ..Red::default() };
    let abrupt = Red { gentle: false, ..config };
    for (avg, gentle, otherwise) in [
        (4999.9, Level::Low, Level::Low),
        (5000.0, Level::Share(0.0), Level::Share(0.0)),
        (7500.0, Level::Share(0.025), Level::Share(0.025)),
        (10_000.0, Level::Share(0.05), Level::Share(0.05)),
        (15_000.0, Level::Share(0.1), Level::High),
        (22_500.0, Level::Share(0.55), Level::High),
        (30_000.0, Level::High, Level::High),
    ] {
        assert_eq!(at_average(avg, config).level(), gentle, "{avg}");
        assert_eq!(at_average(avg, abrupt).level(), otherwise, "{avg}");
    }
}

#[test]
fn gaps_between_drops_are_uniform() {
    // The average stands where p is 0.02, in a queue that is as long: gaps from 1 to 50.
    let config = Red { min_bytes: 0, max_bytes: 50_000, max_p: 0.1, ..Red::default() };
    let (mut red, queue) = (at_average(10_000.0, config), queue_of(10));
    let (mut gap, mut gaps) = (0, [0u32; 51]);
    for ordinal in 0..2_550_000 {
        gap += 1;
        if let Some(must_drop) = red.signals(ms(0), ordinal, &queue) {
            assert!(!must_drop);
            gaps[gap] += 1;
            gap = 0;
        }
    }
    // 100,000 gaps of 25.5 on average: 2,000 of each length with a sigma of 44.3; 5 of them.
    assert!(gaps[0] == 0 && gaps[1..].iter().all(|n| (1778..=2222).contains(n)), "{gaps:?}");
}

#[test]
fn the_average_follows_the_queue_by_its_weight() {
    let (mut red, queue) = (at_average(0.0, Red { weight: 0.25, ..Red::default() }), queue_of(8));
    for expected in [2000.0, 3500.0, 4625.0, 5468.75] {
        red.observe(ms(0), &queue);
        assert_eq!(red.avg.to_bits(), f64::to_bits(expected));
    }
}

#[test]
fn an_idle_link_lets_the_average_fall_as_if_packets_came() {
    let config = Red { weight: 0.25, packet_bytes: 1000, ..Red::default() };
    // The queue empties at 8 ms; at 11 ms three packets could have come and gone.
    let (mut red, mut queue) = (at_average(6400.0, config), queue_of(8));
    queue.forget_departed(ms(11));
    red.observe(ms(11), &queue);
    assert_eq!(red.avg.to_bits(), f64::to_bits(6400.0 * 0.75 * 0.75 * 0.75));
    red.observe(Instant::MAX, &queue);
    assert!(red.avg < 1e-300);
    // Without a rate nothing ever queues.
    red.avg = 5000.0;
    red.observe(ms(1), &Queue::new(None, 0));
    assert_eq!(red.avg.to_bits(), f64::to_bits(0.0));
}

#[test]
fn powers_are_products() {
    for (exponent, expected) in [(0, 1.0), (1, 0.5), (2, 0.25), (5, 0.03125), (10, 1.0 / 1024.0)] {
        assert_eq!(power(0.5, exponent).to_bits(), f64::to_bits(expected));
    }
    assert_eq!(power(0.0, u64::MAX).to_bits(), 0);
}

/// Sends 60,000 packets of 1,000 bytes at 1.25 times the rate of 1,000 bytes per ms; returns the
/// mean backlog of the second half too.
fn overload(red: Red, is_ecn_capable: bool) -> (LinkStats, u64) {
    let config = LinkConfig {
        rate_bps: Some(8_000_000),
        overhead_bytes: 0,
        discipline: Discipline::Red(red),
        ..LinkConfig::default()
    };
    let mut link = Link::new(config, 1).unwrap();
    let mut backlog = 0;
    for n in 0..60_000u64 {
        let now = Instant::from_nanos(n * 800_000);
        backlog += if n < 30_000 { 0 } else { link.backlog(now).bytes };
        let parcel = Parcel { datagram: vec![0; 1000], is_ecn_capable, ..Parcel::default() };
        let fate = link.admit(now, parcel).fate;
        assert!([Fate::Delivered, Fate::Early].contains(&fate));
    }
    (link.stats(), backlog / 30_000)
}

#[test]
fn a_flow_that_does_not_listen_loses_what_is_too_much() {
    let (stats, backlog) = overload(Red::default(), true);
    // A fifth must go. The gaps are uniform from 1 to 1/p, so p is about 1/9, and that is reached at
    // 22,500 bytes and (1/9 - 0.02) / 0.98 of them more.
    assert_eq!((stats.marked, stats.early + stats.delivered), (0, 60_000));
    assert!((11_700..=12_050).contains(&stats.early), "{}", stats.early);
    assert!((23_600..=25_600).contains(&backlog), "{backlog}");
}

#[test]
fn what_can_be_marked_is_marked_until_only_drops_help() {
    // Marks are ignored here: the queue grows until all is dropped.
    let red = Red { ecn: true, weight: 0.02, ..Red::default() };
    let (capable, _) = overload(red, true);
    assert!(capable.marked > 5000 && capable.early > 5000, "{capable:?}");
    let (other, _) = overload(red, false);
    assert_eq!(other.marked, 0);
    assert!((11_700..=12_050).contains(&other.early), "{}", other.early);
}
