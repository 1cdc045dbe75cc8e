use super::*;
use crate::impair::{Blackout, Damage, Loss, Region, Reorder, Spread};
use crate::time::Duration;
use proptest::prelude::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Sends `packets` datagrams of 100 bytes, one per millisecond: (ordinal, arrival, copy?).
fn run(config: &LinkConfig, seed: u64, packets: u64) -> (Vec<(u64, Instant, bool)>, LinkStats) {
    let mut link = Link::new(config.clone(), seed).unwrap();
    let mut seen = Vec::new();
    for n in 0..packets {
        for arrival in link.send(at(n), vec![0; 100]) {
            seen.push((n, arrival.at, arrival.is_copy));
        }
    }
    (seen, link.stats())
}

fn survivors(config: &LinkConfig, seed: u64) -> Vec<u64> {
    let (seen, _) = run(config, seed, 5000);
    seen.into_iter().filter(|(_, _, copy)| !copy).map(|(n, ..)| n).collect()
}

#[test]
fn a_perfect_link_delivers_at_once() {
    let (seen, stats) = run(&LinkConfig::default(), 1, 100);
    assert_eq!(seen, (0..100).map(|n| (n, at(n), false)).collect::<Vec<_>>());
    assert_eq!((stats.delivered, stats.bytes, stats.delivered_bytes), (100, 12_800, 12_800));
}

#[test]
fn a_burst_takes_serialisation_then_delay_to_the_nanosecond() {
    // 1,222 + 28 bytes at 10 Mbit/s are 1 ms.
    let config = LinkConfig::bottleneck(10_000_000, ms(25));
    let mut link = Link::new(config, 1).unwrap();
    let arrivals: Vec<_> =
        (0..4).flat_map(|_| link.send(at(7), vec![0; 1222])).map(|a| a.at).collect();
    assert_eq!(arrivals, [at(33), at(34), at(35), at(36)]);
    assert_eq!((link.queue().backlog(at(7)), link.queue().peak()), (5000, 5000));
}

#[test]
fn a_long_delay_does_not_fill_the_queue() {
    // 15 Mbit/s offered to 15 Mbit/s over a satellite with a small buffer: all of it passes.
    let config =
        LinkConfig { capacity_bytes: 20_000, ..LinkConfig::bottleneck(15_360_000, ms(600)) };
    let mut link = Link::new(config, 1).unwrap();
    for n in 0..15_000u64 {
        let _ = link.send(Instant::from_nanos(n * 640_000), vec![0; 1200]);
    }
    assert_eq!((link.stats().delivered, link.stats().overflowed), (15_000, 0));
}

#[test]
fn jitter_alone_never_reorders_and_with_reorder_it_does() {
    let calm = LinkConfig { delay: ms(50), jitter: ms(40), ..LinkConfig::default() };
    let (seen, stats) = run(&calm, 3, 20_000);
    assert!(seen.is_sorted_by_key(|(_, at, _)| *at));
    assert_eq!(stats.reordered, 0);
    let wild = LinkConfig { reorder: Reorder { by_jitter: true, ..Reorder::default() }, ..calm };
    let (mut seen, stats) = run(&wild, 3, 20_000);
    let delays: Vec<f64> =
        seen.iter().map(|(n, t, _)| t.saturating_since(at(*n)).as_secs_f64()).collect();
    assert!(delays.iter().all(|delay| (0.010..=0.090).contains(delay)));
    // Uniform: mean 50 ms, sigma 80 / sqrt(12) ms.
    let mean = delays.iter().sum::<f64>() / 20_000.0;
    assert!((mean - 0.050).abs() < 4.0 * 0.0231 / 20_000f64.sqrt(), "{mean}");
    // RFC 4737: reordered is who arrives after somebody sent later.
    seen.sort_by_key(|(n, t, _)| (*t, *n));
    let mut highest = 0;
    let mut late = 0;
    for (n, ..) in seen {
        late += u64::from(n < highest);
        highest = highest.max(n);
    }
    assert!(late > 10_000, "{late}");
    assert_eq!(stats.reordered, late);
}

#[test]
fn explicit_reordering_holds_back_a_share_and_nobody_else() {
    let reorder = Reorder { share: 0.1, late_by: ms(5), ..Reorder::default() };
    let config = LinkConfig { delay: ms(20), reorder, ..LinkConfig::default() };
    let (seen, stats) = run(&config, 9, 10_000);
    let late = seen.iter().filter(|(n, t, _)| *t == at(n + 25)).count();
    let punctual = seen.iter().filter(|(n, t, _)| *t == at(n + 20)).count();
    assert_eq!(late + punctual, 10_000);
    assert!((880..=1120).contains(&late), "{late}");
    // Late ones are reordered unless all of the next five are late too, or the run ends.
    assert!((late - 5..=late).contains(&(stats.reordered as usize)));
}

#[test]
fn losses_stay_where_they_are_when_other_impairments_are_turned_on() {
    let config = LinkConfig { loss: Loss::Bernoulli { p: 0.2 }, ..LinkConfig::default() };
    let plain = survivors(&config, 4);
    assert!(plain.len() < 4500);
    let others = LinkConfig {
        delay: ms(10),
        jitter: ms(5),
        spread: Spread::Exponential { mean: ms(4) },
        spread_correlation: 0.5,
        reorder: Reorder { by_jitter: true, share: 0.2, gap: 2, late_by: ms(9) },
        duplicate: 0.3,
        damage: Damage { share: 0.5, ..Damage::default() },
        truncate: 0.5,
        ..config.clone()
    };
    assert_eq!(survivors(&others, 4), plain);
    assert_ne!(survivors(&config, 5), plain);
    let bursts = LinkConfig { loss: Loss::Bursts { mean_loss: 0.1, mean_burst: 3.0 }, ..config };
    let plain = survivors(&bursts, 4);
    assert_eq!(survivors(&LinkConfig { loss: bursts.loss.clone(), ..others }, 4), plain);
}

#[test]
fn jitter_stays_where_it_is_when_losses_are_turned_on() {
    let reorder = Reorder { by_jitter: true, ..Reorder::default() };
    let calm = LinkConfig { delay: ms(10), jitter: ms(5), reorder, ..LinkConfig::default() };
    let (all, _) = run(&calm, 6, 1000);
    let lossy = LinkConfig { loss: Loss::Bernoulli { p: 0.5 }, ..calm };
    let (some, _) = run(&lossy, 6, 1000);
    assert!((400..600).contains(&some.len()));
    assert!(some.iter().all(|arrival| all.contains(arrival)));
}

#[test]
fn duplicates_are_whole_copies_with_a_delay_of_their_own() {
    let config =
        LinkConfig { delay: ms(10), jitter: ms(5), duplicate: 1.0, ..LinkConfig::default() };
    let mut link = Link::new(config, 2).unwrap();
    let mut differ = 0;
    for n in 0..100u8 {
        let arrivals: Vec<_> = link.send(at(u64::from(n) * 100), vec![n; 50]).into_iter().collect();
        assert_eq!(arrivals.len(), 2);
        assert!(!arrivals[0].is_copy && arrivals[1].is_copy);
        assert_eq!((&arrivals[0].datagram, &arrivals[1].datagram), (&vec![n; 50], &vec![n; 50]));
        differ += u64::from(arrivals[0].at != arrivals[1].at);
    }
    assert!(differ > 30, "{differ}");
    assert_eq!((link.stats().duplicated, link.stats().delivered), (100, 200));
}

#[test]
fn damage_and_truncation_do_what_they_say() {
    let damage = Damage { share: 1.0, bits: 3, region: Region::After(12), ..Damage::default() };
    let mut link = Link::new(LinkConfig { damage, ..LinkConfig::default() }, 2).unwrap();
    for _ in 0..200 {
        for arrival in link.send(at(0), vec![0; 64]) {
            assert!(arrival.is_damaged);
            assert_eq!(arrival.datagram[..12], [0; 12]);
            assert_eq!(arrival.datagram.iter().map(|b| b.count_ones()).sum::<u32>(), 3);
        }
    }
    let mut link = Link::new(LinkConfig { truncate: 1.0, ..LinkConfig::default() }, 2).unwrap();
    let lengths: Vec<_> = (0..2000)
        .flat_map(|_| link.send(at(0), vec![0; 10]))
        .map(|arrival| arrival.datagram.len())
        .collect();
    assert!((0..10).all(|len| lengths.contains(&len)) && !lengths.contains(&10));
    assert_eq!(link.stats().truncated, 2000);
}

#[test]
fn what_does_not_arrive_is_counted_by_its_cause_and_comes_back() {
    let config = LinkConfig {
        rate_bps: Some(8_000_000),
        capacity_bytes: 1000,
        mtu: Some(1028),
        blackout: Blackout::During(vec![at(10)..at(20)]),
        loss: Loss::Script(std::iter::once(4..5).collect()),
        ..LinkConfig::default()
    };
    let mut link = Link::new(config, 1).unwrap();
    let mut fate = |now, len| {
        let arrivals = link.send(at(now), vec![7; len]);
        assert_eq!(arrivals.discarded.is_empty(), arrivals.fate == Fate::Delivered);
        arrivals.fate
    };
    assert_eq!(fate(0, 1001), Fate::Oversize);
    assert_eq!(fate(0, 1000), Fate::Delivered);
    assert_eq!(fate(0, 1000), Fate::Overflowed);
    // It leaves the queue, and enters the line, at 10.028 ms.
    assert_eq!(fate(9, 1000), Fate::BlackedOut);
    assert_eq!(fate(30, 1000), Fate::Lost);
    assert_eq!(fate(40, 1000), Fate::Delivered);
    let stats = link.stats();
    assert_eq!((stats.packets, stats.delivered, stats.oversize), (6, 2, 1));
    assert_eq!((stats.overflowed, stats.blacked_out, stats.lost), (1, 1, 1));
    assert_eq!((stats.bytes, stats.delivered_bytes), (6 * 1028 + 1, 2 * 1028));
}

#[test]
fn a_standing_queue_marks_what_comes_on_top() {
    let config = LinkConfig {
        rate_bps: Some(8_000_000),
        overhead_bytes: 0,
        mark_above_bytes: Some(2000),
        ..LinkConfig::default()
    };
    let mut link = Link::new(config, 1).unwrap();
    let marked: Vec<_> =
        (0..4).flat_map(|_| link.send(at(0), vec![0; 1000])).map(|a| a.is_marked).collect();
    assert_eq!(marked, [false, false, true, true]);
    assert_eq!(link.stats().marked, 2);
}

#[test]
fn a_link_can_be_broken_and_healed_on_the_way() {
    let good = LinkConfig { delay: ms(10), ..LinkConfig::default() };
    let mut link = Link::new(good.clone(), 1).unwrap();
    assert_eq!(link.send(at(0), vec![1]).iter().count(), 1);
    link.reconfigure(LinkConfig { loss: Loss::Bernoulli { p: 1.0 }, ..good.clone() }).unwrap();
    assert_eq!(link.send(at(1), vec![1]).fate, Fate::Lost);
    link.heal();
    assert_eq!(link.config(), &good);
    // A delay that suddenly shrinks does not let the next datagram overtake.
    link.reconfigure(LinkConfig { delay: ms(2), ..good }).unwrap();
    let arrival = link.send(at(2), vec![1]).iter().next().map(|a| a.at);
    assert_eq!(arrival, Some(at(10)));
    let refused = LinkConfig { duplicate: 2.0, ..LinkConfig::default() };
    assert!(link.reconfigure(refused).is_err());
    assert_eq!(link.config().delay, ms(2));
}

#[test]
fn what_has_no_meaning_is_refused_in_one_clear_line() {
    let refused = |config: LinkConfig| Link::new(config, 0).unwrap_err().to_string();
    let d = LinkConfig::default;
    assert_eq!(
        refused(LinkConfig { jitter: ms(2), delay: ms(1), ..d() }),
        "jitter = 2ms: must be between 0 and the delay, 1ms"
    );
    assert_eq!(
        refused(LinkConfig { duplicate: -1.0, ..d() }),
        "duplicate = -1: must be between 0 and 1"
    );
    assert_eq!(
        refused(LinkConfig { rate_bps: Some(0), ..d() }),
        "rate_bps = 0: must be at least 1, unless a later rate step ends it"
    );
    assert_eq!(
        refused(LinkConfig { rate_steps: vec![(at(2), 5), (at(2), 6)], ..d() }),
        "rate_steps: the step at 0.002000s must be later than the one before it"
    );
}

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![
        Just(Loss::None),
        (0.0..=1.0).prop_map(|p| Loss::Bernoulli { p }),
        (0.0..0.5, 1.0..9.0)
            .prop_map(|(mean_loss, mean_burst)| Loss::Bursts { mean_loss, mean_burst }),
        (0.0..=1.0, 0.0..=1.0, 0.0..=1.0, 0.0..=1.0)
            .prop_map(|(p, r, h, k)| Loss::GilbertElliott { p, r, h, k }),
        (0.0..0.5, 0.0..0.5, 0.0..0.5, 0.0..=1.0, 0.0..0.5)
            .prop_map(|(p13, p31, p32, p23, p14)| Loss::FourState { p13, p31, p32, p23, p14 }),
        (1..20u64, 0..20u64).prop_map(|(every, offset)| Loss::Periodic { every, offset }),
        (0.0..0.9, 1..90_000u64).prop_map(|(mean_loss, us)| Loss::TimedBursts {
            mean_loss,
            mean_bad: Duration::from_micros(us)
        }),
        prop::collection::vec((0..100u64, 1..9u64), 0..9)
            .prop_map(|runs| Loss::Script(runs.into_iter().map(|(a, n)| a..a + n).collect())),
    ]
}

fn spread() -> impl Strategy<Value = Spread> {
    prop_oneof![
        Just(Spread::None),
        (0..50u64).prop_map(|max| Spread::Uniform { max: ms(max) }),
        (0..50u64, 1..50u64).prop_map(|(mean, sd)| Spread::Normal { mean: ms(mean), sd: ms(sd) }),
        (1..50u64).prop_map(|mean| Spread::Exponential { mean: ms(mean) }),
        (1..50u64, 0.1..9.0, 51..900u64).prop_map(|(scale, shape, max)| Spread::Pareto {
            scale: ms(scale),
            shape,
            max: ms(max)
        }),
    ]
}

fn blackout() -> impl Strategy<Value = Blackout> {
    prop_oneof![
        Just(Blackout::Never),
        prop::collection::vec((0..100u64, 1..20u64), 0..4)
            .prop_map(|v| Blackout::During(v.iter().map(|(a, n)| at(*a)..at(a + n)).collect())),
        (0..50u64, 1..20u64, 0..20u64).prop_map(|(start, period, down)| Blackout::Every {
            start: at(start),
            period: ms(period),
            down: ms(down.min(period)),
        }),
    ]
}

prop_compose! {
    fn config()(
        rate_bps in prop::option::of(1..100_000_000u64),
        rate_steps in prop::collection::btree_map(0..200u64, 1..100_000_000u64, 0..3),
        capacity_bytes in 0..20_000u64,
        mark_above_bytes in prop::option::of(0..9000u64),
        mtu in prop::option::of(20..1600u64),
        (delay, jitter) in (0..50u64, 0..50u64),
        (spread, correlated) in (spread(), any::<bool>()),
        (by_jitter, late, late_by, gap) in (any::<bool>(), 0.0..0.3, 0..30u64, 1..9u64),
        (loss, blackout) in (loss(), blackout()),
        (duplicate, truncate, damaged, bits) in (0.0..1.0, 0.0..1.0, 0.0..1.0, 1..65u32),
    ) -> LinkConfig {
        LinkConfig {
            rate_bps,
            rate_steps: rate_steps.into_iter().map(|(t, rate)| (at(t), rate)).collect(),
            capacity_bytes,
            mark_above_bytes,
            overhead_bytes: UDP_IP_OVERHEAD,
            mtu,
            delay: ms(delay),
            jitter: ms(jitter.min(delay)),
            spread,
            spread_correlation: if correlated { 0.5 } else { 0.0 },
            reorder: Reorder { by_jitter, share: late, gap, late_by: ms(late_by) },
            loss,
            duplicate,
            damage: Damage {
                share: damaged,
                bits,
                region: Region::First(20),
                ..Damage::default()
            },
            truncate,
            blackout,
            ..LinkConfig::default()
        }
    }
}

proptest! {
    #[test]
    fn everything_sent_is_accounted_for(
        config in config(),
        seed in any::<u64>(),
        sends in prop::collection::vec((0..20u64, 0..1500usize), 1..120),
    ) {
        let mut link = Link::new(config.clone(), seed).unwrap();
        let mut again = Link::new(config.clone(), seed).unwrap();
        let (mut now, mut seen, mut last) = (Instant::ZERO, 0, Instant::ZERO);
        let keeps_order = !config.reorder.by_jitter && config.reorder.share == 0.0;
        for (gap, len) in sends {
            now += ms(gap);
            let arrivals = link.send(now, vec![0; len]);
            let other = again.send(now, vec![0; len]);
            prop_assert!(arrivals.iter().eq(other.iter()), "one seed, two fates");
            prop_assert_eq!(arrivals.fate == Fate::Delivered, arrivals.iter().count() > 0);
            for arrival in arrivals {
                seen += 1;
                prop_assert!(arrival.at >= now && arrival.datagram.len() <= len);
                let flipped: u32 = arrival.datagram.iter().map(|b| b.count_ones()).sum();
                let room = arrival.datagram.len().min(20) as u32 * 8;
                let asked = if arrival.is_damaged { config.damage.bits.min(room) } else { 0 };
                prop_assert_eq!(flipped, asked);
                prop_assert!(!keeps_order || arrival.at >= last);
                last = arrival.at;
            }
        }
        let s = link.stats();
        prop_assert_eq!(s.delivered, seen);
        prop_assert_eq!(
            s.packets + s.duplicated,
            s.lost + s.overflowed + s.blacked_out + s.oversize + s.delivered
        );
        prop_assert!(!keeps_order || s.reordered == 0);
    }
}
