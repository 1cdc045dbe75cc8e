use super::*;
use crate::impair::RateTrace;
use crate::rng::Rng;
use proptest::prelude::*;

const fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

#[test]
fn a_lone_packet_and_a_burst_leave_to_the_nanosecond() {
    let mut queue = Queue::new(Some(10_000_000), u64::MAX);
    assert_eq!(queue.admit(ms(5), 1250), Some(ms(6)));
    let burst: Vec<_> = (0..5).map(|_| queue.admit(ms(100), 1250)).collect();
    assert_eq!(burst, (101..106).map(|t| Some(ms(t))).collect::<Vec<_>>());
    assert_eq!((queue.backlog(ms(100)), queue.peak()), (6250, 6250));
    // A datagram counts until its last bit has left.
    assert_eq!(queue.backlog(Instant::from_nanos(101_999_999)), 5000);
    assert_eq!((queue.backlog(ms(102)), queue.backlog(ms(105))), (3750, 0));
}

#[test]
fn fractions_of_a_nanosecond_do_not_add_up_to_drift() {
    // One byte takes 2,666,666,666 and 2/3 ns; the third one leaves after 8 s sharp.
    let mut queue = Queue::new(Some(3), u64::MAX);
    let left: Vec<_> = (0..3).filter_map(|_| queue.admit(Instant::ZERO, 1)).collect();
    assert_eq!(left, [2_666_666_667, 5_333_333_334, 8_000_000_000].map(Instant::from_nanos));
    let mut queue = Queue::new(Some(7_000_003), u64::MAX);
    let last = (0..1_000_000).filter_map(|_| queue.admit(Instant::ZERO, 1500)).last();
    let exact = (1_500_000_000 * NANOS_PER_BYTE_AT_1_BPS).div_ceil(7_000_003);
    assert_eq!(last, Some(Instant::from_nanos(exact as u64)));
}

#[test]
fn without_a_rate_nothing_queues() {
    let mut queue = Queue::new(None, 0);
    for _ in 0..3 {
        assert_eq!(queue.admit(ms(1), 9000), Some(ms(1)));
    }
    assert_eq!((queue.backlog(ms(1)), queue.peak(), queue.drops()), (0, 0, 0));
}

#[test]
fn a_full_buffer_drops_the_tail_and_an_idle_link_takes_anything() {
    let mut queue = Queue::new(Some(8_000_000), 3000);
    let taken: Vec<_> = (0..5).map(|_| queue.admit(ms(0), 1000).is_some()).collect();
    assert_eq!(taken, [true, true, true, false, false]);
    assert_eq!((queue.drops(), queue.backlog(ms(0)), queue.peak()), (2, 3000, 3000));
    // 1 ms later one has left, and room for exactly one is free.
    assert_eq!(queue.admit(ms(1), 1001), None);
    assert_eq!(queue.admit(ms(1), 1000), Some(ms(4)));
    assert_eq!(queue.admit(ms(4), 5000), Some(ms(9)));
    let mut without_buffer = Queue::new(Some(8_000_000), 0);
    assert_eq!(without_buffer.admit(ms(0), 1000), Some(ms(1)));
    assert_eq!(without_buffer.admit(Instant::from_nanos(999_999), 1000), None);
    assert_eq!(without_buffer.admit(ms(1), 1000), Some(ms(2)));
}

#[test]
fn a_planned_rate_step_changes_the_rate_of_what_is_being_sent() {
    // 8 Mbit/s: 1,000 bytes per ms. Half of the second packet is sent before the step to a quarter
    // of the rate, then a standstill, then twice the first rate.
    let steps = [(Instant::from_nanos(1_500_000), 2_000_000), (ms(10), 0), (ms(20), 16_000_000)];
    let mut queue = Queue::new(Some(8_000_000), u64::MAX).with_steps(&steps);
    let left: Vec<_> = (0..4).filter_map(|_| queue.admit(ms(0), 1000)).collect();
    let third_ends = Instant::from_nanos(7_500_000);
    // The fourth has 2.5 ms at a quarter, 625 bytes, and 375 bytes at the end.
    let fourth_ends = Instant::from_nanos(20_187_500);
    assert_eq!(left, [ms(1), Instant::from_nanos(3_500_000), third_ends, fourth_ends]);
    assert_eq!(queue.admit(ms(30), 2000), Some(ms(31)));
}

#[test]
fn steps_that_passed_while_the_link_was_idle_count() {
    let steps = [(ms(1), 1), (ms(2), 8_000_000)];
    let mut queue = Queue::new(None, u64::MAX).with_steps(&steps);
    assert_eq!(queue.admit(ms(5), 1000), Some(ms(6)));
}

#[test]
fn what_can_never_leave_waits_for_ever() {
    let mut queue = Queue::new(Some(0), 2000);
    assert_eq!(queue.admit(ms(1), 1000), Some(Instant::MAX));
    assert_eq!(queue.admit(ms(2), 1000), Some(Instant::MAX));
    assert_eq!(queue.admit(ms(3), 1000), None);
}

#[test]
fn a_sudden_rate_change_keeps_the_promises_made() {
    let mut queue = Queue::new(Some(8_000_000), u64::MAX);
    assert_eq!(queue.admit(ms(0), 1000), Some(ms(1)));
    assert_eq!(queue.admit(ms(0), 1000), Some(ms(2)));
    let config = LinkConfig { capacity_bytes: 5000, ..LinkConfig::default() };
    queue.reconfigure(&LinkConfig { rate_bps: Some(80_000_000), ..config.clone() });
    assert_eq!(queue.admit(ms(0), 1000), Some(Instant::from_nanos(2_100_000)));
    queue.reconfigure(&config);
    assert_eq!(queue.admit(ms(0), 2000), Some(Instant::from_nanos(2_100_000)));
    assert_eq!((queue.backlog(ms(1)), queue.admit(ms(1), 1001)), (4000, None));
}

#[test]
fn a_clock_that_goes_back_does_not_reorder() {
    let mut queue = Queue::new(Some(8_000_000), u64::MAX);
    assert_eq!(queue.admit(ms(10), 1000), Some(ms(11)));
    assert_eq!(queue.admit(ms(3), 1000), Some(ms(12)));
}

/// The mean wait in service times of Poisson arrivals at a load of `rho`.
fn mean_wait_of_m_d_1(rho: f64, arrivals: u32, seed: u64) -> f64 {
    const SERVICE_NS: f64 = 1_000_000.0;
    let mut rng = Rng::from_u64(seed);
    let mut queue = Queue::new(Some(8_000_000), u64::MAX);
    let (mut now, mut waited) = (0.0, 0.0);
    for _ in 0..arrivals {
        now += -(1.0 - rng.unit()).ln() * SERVICE_NS / rho;
        let at = Instant::from_nanos(now as u64);
        let left = queue.admit(at, 1000).unwrap();
        waited += left.saturating_since(at).as_nanos() as f64 - SERVICE_NS;
    }
    waited / f64::from(arrivals) / SERVICE_NS
}

#[test]
fn the_mean_wait_is_that_of_m_d_1() {
    for (rho, seed) in [(0.5, 1), (0.7, 2), (0.8, 3)] {
        let (wait, theory) = (mean_wait_of_m_d_1(rho, 1_000_000, seed), rho / (2.0 * (1.0 - rho)));
        assert!((wait / theory - 1.0).abs() < 0.02, "load {rho}: {wait:.4}, expected {theory:.4}");
    }
}

#[test]
fn packets_are_counted_as_well_as_bytes() {
    let config = LinkConfig {
        rate_bps: Some(8_000_000),
        capacity_packets: 3,
        capacity_bytes: 4000,
        ..LinkConfig::default()
    };
    let mut queue = Queue::from_config(&config);
    let taken: Vec<_> = (0..5).map(|_| queue.admit(ms(0), 1000).is_some()).collect();
    assert_eq!(taken, [true, true, true, false, false]);
    assert_eq!((queue.packets(ms(0)), queue.packets(ms(1)), queue.drops()), (3, 2, 2));
    assert_eq!((queue.admit(ms(1), 2001), queue.admit(ms(1), 2000)), (None, Some(ms(5))));
    queue.reconfigure(&LinkConfig { capacity_packets: 0, ..config });
    assert_eq!((queue.admit(ms(4), 1), queue.admit(ms(5), 1000)), (None, Some(ms(6))));
}

#[test]
fn the_wait_is_the_time_until_the_first_bit_is_sent() {
    let mut queue = Queue::new(Some(8_000_000), u64::MAX);
    assert_eq!(queue.wait(ms(7)), Duration::ZERO);
    queue.admit(ms(7), 3000);
    assert_eq!(
        (queue.wait(ms(7)), queue.wait(ms(9))),
        (Duration::from_millis(3), Duration::from_millis(1))
    );
    assert_eq!(queue.wait(ms(11)), Duration::ZERO);
}

/// A link of 1,000 bytes per ms that may save up 3,000.
fn shaped() -> LinkConfig {
    LinkConfig { rate_bps: Some(8_000_000), burst_bytes: 3000, ..LinkConfig::default() }
}

#[test]
fn a_shaper_lets_what_it_saved_leave_at_once_and_the_rest_at_its_rate() {
    let mut queue = Queue::from_config(&shaped());
    let left: Vec<_> = (0..6).filter_map(|_| queue.admit(ms(0), 1000)).collect();
    assert_eq!(left, [ms(0), ms(0), ms(0), ms(1), ms(2), ms(3)]);
    // 1.5 ms of idleness are 1,500 bytes; the missing 500 take another half a millisecond.
    assert_eq!(queue.admit(Instant::from_nanos(4_500_000), 2000), Some(ms(5)));
    let left: Vec<_> = (0..4).filter_map(|_| queue.admit(ms(100), 1000)).collect();
    assert_eq!(left, [ms(100), ms(100), ms(100), ms(101)]);
}

#[test]
fn a_shaper_keeps_what_it_saved_when_it_is_reconfigured() {
    let mut queue = Queue::from_config(&shaped());
    assert_eq!(queue.admit(ms(0), 1000), Some(ms(0)));
    queue.reconfigure(&LinkConfig { burst_bytes: 9000, ..shaped() });
    assert_eq!(queue.admit(ms(0), 4000), Some(ms(2)));
    queue.reconfigure(&LinkConfig { burst_bytes: 500, ..shaped() });
    assert_eq!(queue.admit(ms(90), 1000), Some(Instant::from_nanos(90_500_000)));
}

#[test]
fn a_trace_takes_the_place_of_the_rate() {
    let trace = RateTrace::parse("1\n2\n2\n5\n").unwrap();
    let config = LinkConfig { trace: Some(trace), capacity_bytes: 7000, ..LinkConfig::default() };
    let mut queue = Queue::from_config(&config);
    let left: Vec<_> = (0..8).filter_map(|_| queue.admit(ms(0), 1000)).collect();
    assert_eq!(left, [ms(1), ms(2), ms(2), ms(2), ms(5), ms(5), ms(6)]);
    assert_eq!(
        (queue.drops(), queue.backlog(ms(2)), queue.wait(ms(2))),
        (1, 3000, Duration::from_millis(4))
    );
    // 520 bytes are left of the opportunity at 6 ms, for what is there in time.
    queue.reconfigure(&config);
    assert_eq!(queue.admit(ms(5), 520), Some(ms(6)));
    queue.reconfigure(&LinkConfig { trace: None, rate_bps: Some(8_000_000), ..config });
    assert_eq!(queue.admit(ms(5), 1000), Some(ms(7)));
}

proptest! {
    /// Against a queue that steps through time one nanosecond after the other.
    #[test]
    fn behaves_like_a_queue_that_sends_bit_by_bit(
        rate in 1u64..6,
        steps in prop::collection::btree_map(1u64..60, 1u64..9, 0..4),
        burst_bytes in 0u64..6,
        sends in prop::collection::vec((0u64..12, 1u64..5), 1..12),
    ) {
        // Rates in Gbit/s, so that a nanosecond is a few bits; bytes are bits times 1/8.
        let giga = 1_000_000_000;
        let planned: Vec<_> =
            steps.iter().map(|(at, r)| (Instant::from_nanos(*at), r * giga)).collect();
        let mut queue = Queue::from_config(&LinkConfig {
            rate_bps: Some(rate * giga),
            rate_steps: planned,
            burst_bytes,
            ..LinkConfig::default()
        });
        let rate_at = |t: u64| steps.range(..=t).next_back().map_or(rate, |(_, r)| *r);
        // What could be sent runs ahead of what was asked for by no more than the burst.
        let (mut now, mut tick, mut bits_sent, mut bits_asked) = (0, 0, burst_bytes * 8, 0u64);
        for (gap, bytes) in sends {
            now += gap;
            while tick < now {
                bits_sent = (bits_sent + rate_at(tick)).min(bits_asked + burst_bytes * 8);
                tick += 1;
            }
            bits_asked += bytes * 8;
            let (mut end, mut sent) = (tick, bits_sent);
            while sent < bits_asked {
                sent += rate_at(end);
                end += 1;
            }
            prop_assert_eq!(
                queue.admit(Instant::from_nanos(now), bytes),
                Some(Instant::from_nanos(end))
            );
        }
    }
}
