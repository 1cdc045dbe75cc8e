use super::*;
use crate::impair::{Discipline, Fate, Link, LinkConfig, Parcel};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn controller(config: Pie) -> Controller {
    Controller::new(config, Dice::new(1))
}

/// The probability after updates with these delays in milliseconds.
fn after(delays: &[u64]) -> Vec<f64> {
    let mut pie = controller(Pie::default());
    let update = |delay: &u64| {
        pie.update(ms(*delay));
        pie.drop_prob
    };
    delays.iter().map(update).collect()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= expected * 1e-6, "{found} instead of {expected}");
    }
}

#[test]
fn the_probability_follows_the_delay_and_its_trend_and_is_tuned_by_its_size() {
    // Computed from the formulas of RFC 8033 §4.2 with another program.
    assert_close(
        &after(&[50; 12]),
        &[
            3.265_381e-05,
            6.683_350e-05,
            1.010_132e-04,
            2.377_319e-04,
            3.744_507e-04,
            5.111_694e-04,
            6.478_882e-04,
            7.846_069e-04,
            9.213_257e-04,
            1.058_044e-03,
            1.604_919e-03,
            2.151_794e-03,
        ],
    );
    assert_close(
        &after(&[50, 100, 200, 300, 400, 500, 600, 700, 500, 300, 100, 0, 0]),
        &[
            3.265_381e-05,
            6.039_429e-04,
            5.232_849e-03,
            2.531_097e-02,
            1.118_735e-01,
            2.974_985e-01,
            4.956_235e-01,
            7.062_485e-01,
            5.168_735e-01,
            3.024_985e-01,
            6.312_347e-02,
            0.0,
            0.0,
        ],
    );
}

#[test]
fn an_empty_queue_lets_the_probability_decay() {
    // Without gains only the decay is left, and only after two updates in a row.
    let config = Pie { alpha: 0.0, beta: 0.0, ..Pie::default() };
    let mut pie = Controller { drop_prob: 0.5, qdelay_old: ms(1), ..controller(config) };
    pie.update(ms(0));
    assert_eq!(pie.drop_prob.to_bits(), f64::to_bits(0.5));
    pie.update(ms(0));
    assert_eq!(pie.drop_prob.to_bits(), f64::to_bits(0.49));
}

#[test]
fn the_burst_allowance_runs_out_by_the_updates_and_comes_back_with_the_calm() {
    let mut pie = controller(Pie::default());
    let mut left = Vec::new();
    for delay in [20, 20, 20, 0, 0, 0, 20] {
        pie.update(ms(delay));
        left.push(pie.burst_allowance);
    }
    // The fourth finds a delay of 20 ms behind it, which is not below half of the target.
    assert_eq!(left, [135, 120, 105, 90, 150, 150, 135].map(ms));
}

#[test]
fn updates_come_at_every_boundary_with_the_wait_of_who_began_to_be_sent_last() {
    // 1,000 bytes per ms; 40 packets at 0: the n-th waits n ms.
    let mut queue = Queue::new(Some(8_000_000), u64::MAX);
    let mut pie = controller(Pie::default());
    for _ in 0..40 {
        let start = queue.start(at(0));
        queue.admit(at(0), 1000);
        pie.note(at(0), start);
    }
    pie.catch_up(at(14), &queue);
    assert_eq!((pie.qdelay_old, pie.next_update), (ms(0), at(15)));
    pie.catch_up(at(15), &queue);
    assert_eq!((pie.qdelay_old, pie.next_update), (ms(15), at(30)));
    pie.catch_up(at(44), &queue);
    assert_eq!((pie.qdelay_old, pie.next_update), (ms(30), at(45)));
    // The last one has left at 40 ms.
    pie.catch_up(at(45), &queue);
    assert_eq!((pie.qdelay_old, pie.next_update), (ms(0), at(60)));
    assert!(pie.waits.is_empty());
}

#[test]
fn a_long_rest_is_not_lived_through_update_by_update() {
    let slow = Pie { t_update: Duration::from_nanos(1), ..Pie::default() };
    for config in [Pie::default(), slow, Pie { alpha: 0.0, beta: 0.0, ..Pie::default() }] {
        let queue = Queue::new(Some(8_000_000), u64::MAX);
        let mut pie = Controller { drop_prob: 1.0, ..controller(config) };
        pie.catch_up(Instant::from_nanos(1 << 62), &queue);
        assert_eq!(pie.drop_prob.to_bits(), 0);
        let periods =
            (pie.next_update.as_nanos() - (1 << 62)) as f64 / nanos(config.t_update) as f64;
        assert!(periods > 0.0 && periods <= 1.0);
        pie.catch_up(Instant::MAX, &queue);
    }
}

/// 10 Mbit/s, packets of 1,250 bytes at 1.25 times of it: what was marked and dropped in a minute,
/// and the mean wait in its second half.
fn overload(pie: Pie, is_ecn_capable: bool) -> (u64, u64, Duration) {
    let config = LinkConfig {
        rate_bps: Some(10_000_000),
        overhead_bytes: 0,
        discipline: Discipline::Pie(pie),
        ..LinkConfig::default()
    };
    let mut link = Link::new(config, 1).unwrap();
    let mut waited = Duration::ZERO;
    for n in 0..75_000u64 {
        let now = Instant::from_nanos(n * 800_000);
        let parcel = Parcel { datagram: vec![0; 1250], is_ecn_capable, ..Parcel::default() };
        let fate = link.admit(now, parcel).fate;
        assert!([Fate::Delivered, Fate::Early].contains(&fate));
        // The burst allowance outlasts nine updates: the first drop comes after 150 ms.
        assert!(fate == Fate::Delivered || now >= at(150));
        waited += if n < 37_500 { Duration::ZERO } else { link.backlog(now).wait };
    }
    (link.stats().marked, link.stats().early, waited / 37_500)
}

#[test]
fn a_flow_that_does_not_listen_is_held_to_the_target() {
    let (marked, dropped, wait) = overload(Pie::default(), true);
    assert_eq!(marked, 0);
    // A fifth of 75,000 less what was taken before the probability had grown.
    assert!((14_000..=15_000).contains(&dropped), "{dropped}");
    assert!(wait > ms(12) && wait < ms(18), "{wait:?}");
}

#[test]
fn above_a_tenth_marks_give_way_to_drops() {
    let (marked, dropped, wait) = overload(Pie { ecn: true, ..Pie::default() }, true);
    assert!(marked > 0 && dropped > 14_000, "{marked} {dropped}");
    assert!(wait > ms(12) && wait < ms(18), "{wait:?}");
    let (marked, dropped, _) = overload(Pie { ecn: true, max_mark_p: 1.0, ..Pie::default() }, true);
    assert!(marked > 50_000 && dropped == 0, "{marked} {dropped}");
    assert_eq!(overload(Pie { ecn: true, ..Pie::default() }, false).0, 0);
}
