//! The modes over known networks, and head-of-line blocking against its closed form.

use super::*;
use crate::connection::{ChannelConfig, Config, Redundancy};
use crate::impair::{Damage, LinkConfig, Loss, Reorder};
use crate::sim::arq::{Protocol, Settings};
use crate::stream::Delivery;
use crate::time::{Duration, Instant};
use crate::wire::Side;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn channels(name: &'static str, delivery: Delivery, redundancy: Redundancy) -> TowlineChannels {
    let config = Config { redundancy, ..Config::default() };
    TowlineChannels::new(name, name, ChannelConfig::new(delivery), config)
}

fn fitted() -> TowlineChannels {
    TowlineChannels::fitted("fitted", "fitted", Config::default())
}

fn modes() -> Vec<Box<dyn Contender>> {
    let adaptive = Redundancy::Adaptive;
    vec![
        Box::new(PlainUdp),
        Box::new(Repeat::new(Protocol::StopAndWait)),
        Box::new(Repeat::new(Protocol::GoBackN)),
        Box::new(Repeat::new(Protocol::SelectiveRepeat)),
        Box::new(TowlineStream::default()),
        Box::new(TcpLike::default()),
        Box::new(channels("ordered", Delivery::Ordered, adaptive)),
        Box::new(channels("lean", Delivery::Ordered, Redundancy::Off)),
        Box::new(channels("unordered", Delivery::Unordered, adaptive)),
        Box::new(channels("latest", Delivery::Latest, adaptive)),
        Box::new(channels("unreliable", Delivery::Unreliable, adaptive)),
        Box::new(fitted()),
    ]
}

/// The modes that can carry the workload.
fn modes_for(scenario: &Scenario) -> Vec<Box<dyn Contender>> {
    let mut modes = modes();
    modes.retain(|mode| mode.refuses(&scenario.workload).is_none());
    modes
}

/// What is lost stays lost, or is not worth sending again.
fn is_lossy(name: &str, workload: &Workload) -> bool {
    let is_all_steady =
        workload.lanes.iter().all(|lane| matches!(lane.traffic, Traffic::Steady { .. }));
    ["udp", "latest", "unreliable"].contains(&name) || (name == "fitted" && is_all_steady)
}

/// 100 ms and 20 Mbit/s there and back.
fn link() -> LinkConfig {
    LinkConfig::bottleneck(20_000_000, ms(50))
}

fn scenario(name: &str, duration: Duration, link: &LinkConfig) -> Scenario {
    let workload = Workload { duration, ..Workload::named(name).unwrap() };
    let watch = Duration::ZERO..Duration::from_mins(1);
    Scenario { workload, up: link.clone(), down: link.clone(), seed: 1, watch }
}

fn measured(contender: &dyn Contender, scenario: &Scenario) -> (Record, Measures) {
    let record = run(contender, scenario).unwrap();
    assert_eq!(record.faults, [""; 0], "{}", contender.name());
    assert_eq!(record.corrupt, 0, "{}", contender.name());
    let measures = Measures::of(&scenario.workload, [&record]);
    (record, measures)
}

#[test]
fn a_perfect_network_delivers_everything_at_once() {
    let scenario = scenario("game", ms(5000), &link());
    for mode in modes() {
        let name = mode.name();
        let (record, measures) = measured(&*mode, &scenario);
        assert_eq!(measures.offered, 240, "{name}");
        // Ten messages a second leave, and sixty come.
        if name == "stop-and-wait" {
            assert!(measures.delivered_share() < 0.5);
            continue;
        }
        assert!((measures.delivered_share() - 1.0).abs() < 1e-9, "{name}");
        let worst = measures.longest_latency().unwrap();
        assert!((ms(50)..ms(51)).contains(&worst), "{name}: {worst:?}");
        assert_eq!(measures.wait(Permille(1000)), Some(Duration::ZERO), "{name}");
        assert_eq!((measures.wire.retransmitted, record.duplicates), (0, 0), "{name}");
        let cost = measures.wire_per_byte();
        let bounds = match name {
            "udp" => 1.23..1.24,
            "stream" => 1.3..2.0,
            "ordered" | "lean" | "unordered" | "latest" | "unreliable" | "fitted" => 1.3..1.6,
            "tcp-like" => 1.4..2.2,
            _ => 1.5..1.7,
        };
        assert!(bounds.contains(&cost), "{name}: {cost:.3}");
    }
}

#[test]
fn losses_cost_plain_udp_messages_and_the_others_time() {
    let lossy = LinkConfig { loss: Loss::Bernoulli { p: 0.05 }, ..link() };
    let scenario = scenario("game", ms(20_000), &lossy);
    for mode in modes() {
        let name = mode.name();
        let (record, measures) = measured(&*mode, &scenario);
        let lost = record.packets.iter().filter(|p| p.flight == Flight::Lost).count();
        assert!(lost > if name == "stop-and-wait" { 10 } else { 50 }, "{name}");
        if name == "stop-and-wait" {
            continue;
        }
        if is_lossy(name, &scenario.workload) {
            let missing = 1.0 - measures.delivered_share();
            assert!((0.03..0.07).contains(&missing), "{name}: {missing}");
            assert!(measures.waiting_share() < 1e-9 && measures.wire.retransmitted < 2000);
            assert_eq!(measures.latency(Permille(990)), None);
            // The next one makes up for it.
            assert!((ms(60)..ms(84)).contains(&measures.age(Permille(990)).unwrap()), "{name}");
            continue;
        }
        assert!((measures.delivered_share() - 1.0).abs() < 1e-9, "{name}");
        let p99 = measures.latency(Permille(990)).unwrap();
        let is_repaired = name == "ordered" || name == "unordered";
        let bounds = if is_repaired { 50..110 } else { 150..700 };
        assert!(bounds.contains(&p99.as_millis()), "{name}: {p99:?}");
        let (again, ahead) = (measures.retransmitted_share(), measures.repeated_share());
        let most = if name == "go-back-n" { 3.0 } else { 0.12 };
        assert!((0.03..most).contains(&again), "{name}: {again}");
        assert_eq!(is_repaired, ahead > 0.0, "{name}");
        // One message's worth for each parity, and copies where much is lost.
        assert!(ahead < 1.7, "{name}: {ahead}");
        // Go-back-N's receiver keeps nothing, but what it throws away has arrived.
        let is_held = 0.1..1.0;
        assert_eq!(is_held.contains(&measures.waiting_share()), !is_repaired, "{name}");
    }
}

#[test]
fn the_nth_packet_meets_the_same_fate_in_every_mode() {
    let lossy = LinkConfig { loss: Loss::Bernoulli { p: 0.1 }, ..link() };
    let scenario =
        Scenario { watch: Duration::ZERO..ms(2000), ..scenario("game", ms(4000), &lossy) };
    let fates = |mode: &dyn Contender| -> Vec<bool> {
        let (record, _) = measured(mode, &scenario);
        let packets = record.packets.into_iter().filter(|p| p.from == Side::Client);
        packets.map(|p| p.flight == Flight::Lost).take(100).collect()
    };
    // These two send nothing before the workload begins.
    let udp = fates(&PlainUdp);
    assert_eq!(udp, fates(&Repeat::new(Protocol::SelectiveRepeat)));
    assert!(udp.iter().filter(|is_lost| **is_lost).count() > 3);
    // The others' packets are numbered from their handshakes on.
    let stream = fates(&TowlineStream::default());
    let ahead = (0..20).find(|n| udp[*n..*n + 60] == stream[..60]);
    assert!(ahead.is_some_and(|ahead| ahead > 0), "{ahead:?}");
}

#[test]
fn nothing_wrong_is_ever_delivered() {
    let bad = LinkConfig {
        loss: Loss::Bernoulli { p: 0.02 },
        damage: Damage { share: 0.05, ..Damage::default() },
        duplicate: 0.05,
        reorder: Reorder { share: 0.05, late_by: ms(30), ..Reorder::default() },
        jitter: ms(5),
        ..link()
    };
    for workload in ["chat", "rpc", "mixed"] {
        let mut scenario = scenario(workload, ms(6000), &bad);
        if let Some(file) = scenario.workload.lanes.get_mut(2) {
            file.traffic = Traffic::Bulk { from: Senders::Server, total: 2_000_000, chunk: 16_384 };
        }
        for mode in modes_for(&scenario) {
            let name = mode.name();
            let (record, measures) = measured(&*mode, &scenario);
            assert!(name == "udp" || record.duplicates == 0, "{name}");
            let share = measures.delivered_share();
            // Going back at each of so many gaps is hardly faster than waiting.
            let is_slow = ["stop-and-wait", "go-back-n"].contains(&name);
            let is_state = name == "fitted" && workload == "mixed";
            let least = match is_slow || is_lossy(name, &scenario.workload) {
                true => 0.0,
                false if is_state => 0.9,
                false => 0.999,
            };
            assert!(share >= least, "{workload} {name}: {share}");
        }
    }
}

#[test]
fn exchanges_take_a_round_trip_and_follow_each_other() {
    let scenario = scenario("rpc", ms(10_000), &link());
    for mode in modes() {
        let (_, measures) = measured(&*mode, &scenario);
        let median = measures.latency(Permille(500)).unwrap();
        let bounds = if mode.name() == "stop-and-wait" { 700..900 } else { 100..110 };
        assert!(bounds.contains(&median.as_millis()), "{}: {median:?}", mode.name());
        let most = 9.0 / median.as_secs_f64();
        assert!((measures.offered as f64) > 0.9 * most && measures.offered as f64 <= most + 1.0);
    }
}

#[test]
fn bulk_fills_the_link_and_ends_when_all_is_there() {
    let scenario =
        Scenario { watch: Duration::ZERO..Duration::ZERO, ..scenario("bulk", ms(30_000), &link()) };
    for mode in modes_for(&scenario) {
        let (record, measures) = measured(&*mode, &scenario);
        let mbit = measures.goodput_bps() / 1e6;
        let (least, share) = match mode.name() {
            "stop-and-wait" => (0.1, 0.03),
            // 128 frames in a round trip of 170.
            "go-back-n" | "selective-repeat" => (13.0, 1.0),
            "unreliable" => (13.0, 0.9),
            _ => (16.0, 1.0),
        };
        assert!((least..20.0).contains(&mbit), "{}: {mbit} Mbit/s", mode.name());
        assert!(measures.delivered_share() >= share, "{}", mode.name());
        assert!(record.packets.is_empty());
        if mode.name() == "udp" {
            assert!(record.end < scenario.start() + ms(5000), "{}", record.end);
        }
    }
}

#[test]
fn a_run_is_its_scenario_and_seed() {
    let bad = LinkConfig { loss: Loss::Bernoulli { p: 0.05 }, jitter: ms(3), ..link() };
    let scenario = scenario("mixed", ms(3000), &bad);
    for mode in modes_for(&scenario) {
        let first = run(&*mode, &scenario).unwrap();
        assert_eq!(first, run(&*mode, &scenario).unwrap(), "{}", mode.name());
        let other = run(&*mode, &Scenario { seed: 2, ..scenario.clone() }).unwrap();
        assert_ne!(first, other);
    }
}

#[test]
fn lanes_of_one_connection_do_not_wait_for_each_other() {
    let lossy = LinkConfig { loss: Loss::Bernoulli { p: 0.02 }, ..link() };
    let mut scenario = scenario("mixed", ms(8000), &lossy);
    let (state, lines, file) = (0, 1, 2);
    let of = |mode: &dyn Contender, lane: u16, scenario: &Scenario| {
        let (record, _) = measured(mode, scenario);
        Measures::of_lane(&scenario.workload, lane, [&record])
    };
    let age = |mode: &dyn Contender| of(mode, state, &scenario).age(Permille(990)).unwrap();
    let (alone, together) = (age(&fitted()), age(&TowlineStream::default()));
    assert!(alone < ms(200) && together > ms(2000), "{alone:?} {together:?}");
    let whole = of(&fitted(), file, &scenario);
    assert!(whole.delivered_share() >= 1.0 && whole.wire == Wire::default());
    // What a lane says for itself counts.
    scenario.workload.lanes[0].delivery = Some(Delivery::Ordered);
    let states = of(&fitted(), state, &scenario);
    assert!(states.delivered_share() >= 1.0);
    scenario.workload.lanes[0].delivery = None;
    let states = of(&fitted(), state, &scenario);
    assert!((0.9..1.0).contains(&states.delivered_share()));
    assert!(of(&fitted(), lines, &scenario).delivered_share() >= 1.0);
}

#[test]
fn what_is_computed_from_parities_has_arrived() {
    // Of each twenty packets one is lost, and what follows makes up for it.
    let lossy = LinkConfig { loss: Loss::Bernoulli { p: 0.05 }, ..link() };
    let scenario = scenario("game", ms(20_000), &lossy);
    let (record, _) =
        measured(&channels("ordered", Delivery::Ordered, Redundancy::Adaptive), &scenario);
    let early = record.messages.iter().filter(|message| {
        let own = record.packets.iter().filter(|packet| {
            packet.messages.iter().any(|index| record.messages[*index] == **message)
        });
        let arrivals = own.filter_map(|packet| match packet.flight {
            Flight::Arrived(at) => Some(at),
            _ => None,
        });
        arrivals.min() > message.complete_at
    });
    assert!(early.count() > 20);
    for message in &record.messages {
        assert!(message.complete_at <= message.delivered_at, "{message:?}");
    }
}

#[test]
fn who_does_not_give_way_collapses_together() {
    // A queue that takes longer than the textbook's timer waits.
    let capacity_bytes = 375_000;
    let link = LinkConfig { capacity_bytes, ..LinkConfig::bottleneck(10_000_000, ms(50)) };
    let share = |mode: &dyn Contender, load: f64| {
        let workload = offering(10e6 * load / 12.0, ms(6000), ms(2000));
        let watch = Duration::ZERO..Duration::ZERO;
        let (up, down) = (link.clone(), link.clone());
        let scenario = Scenario { workload, up, down, seed: 3, watch };
        let crowding = crowd(mode, &scenario, 12).unwrap();
        assert_eq!(crowding, crowd(mode, &scenario, 12).unwrap());
        assert_eq!(crowding.delivered.len(), 12);
        crowding
    };
    let selective = Repeat::new(Protocol::SelectiveRepeat);
    let stream = TowlineStream::default();
    for mode in [&selective as &dyn Contender, &stream, &PlainUdp] {
        let crowding = share(mode, 0.5);
        let goodput = crowding.goodput_bps() / 5e6;
        assert!((0.97..1.03).contains(&goodput), "{}: {goodput}", mode.name());
        assert!(crowding.fairness() > 0.99 && crowding.dropped == 0, "{}", mode.name());
    }
    let [collapsed, kept] =
        [&selective as &dyn Contender, &stream].map(|mode| share(mode, 3.0).goodput_bps() / 10e6);
    assert!(collapsed < 0.7 && kept > 0.85, "{collapsed} {kept}");
    // What nobody repeats is never there twice: plain UDP loses, and wastes nothing.
    let udp = share(&PlainUdp, 2.0);
    assert!(udp.goodput_bps() > 9e6 && (0.4..0.6).contains(&udp.dropped_share()));
}

#[test]
fn a_mode_says_what_it_cannot_carry() {
    let mut workload = Workload::named("bulk").unwrap();
    assert_eq!(PlainUdp.refuses(&workload), None);
    workload.lanes[0].traffic =
        Traffic::Bulk { from: Senders::Client, total: 1 << 20, chunk: 65_508 };
    assert!(PlainUdp.refuses(&workload).unwrap().contains("65507"));
    assert_eq!(TowlineStream::default().refuses(&workload), None);
    let latest = channels("latest", Delivery::Latest, Redundancy::Off);
    assert!(latest.refuses(&workload).unwrap().contains("\"file\" is a file"));
    assert_eq!(fitted().refuses(&workload), None);
    workload.lanes[0].delivery = Some(Delivery::Latest);
    assert!(fitted().refuses(&workload).is_some());
    assert_eq!(latest.refuses(&Workload::named("game").unwrap()), None);
}

/// One message every `every`, each loss of which costs `repair`: selective repeat without limits.
fn head_of_line(p: f64, every: Duration, repair: Duration, count: u32) -> Vec<(u64, u64)> {
    let settings = Settings { window: u32::MAX / 4, timeout: repair, spacing: Duration::ZERO };
    let delay = ms(40);
    let line = LinkConfig { delay, ..LinkConfig::default() };
    let traffic = Traffic::Steady { from: Senders::Client, bytes: 32, every };
    let workload = Workload {
        name: "steady".to_owned(),
        lanes: vec![Lane::new("steady", traffic)],
        duration: every * count,
        skip: Duration::ZERO,
    };
    let scenario = Scenario {
        workload,
        up: LinkConfig { loss: Loss::Bernoulli { p }, ..line.clone() },
        down: line,
        seed: 5,
        watch: Duration::ZERO..Duration::ZERO,
    };
    let record = run(&Repeat::with(Protocol::SelectiveRepeat, settings), &scenario).unwrap();
    assert_eq!(record.messages.len(), count as usize);
    let extra = |at: Option<Instant>, offered: Instant| {
        at.unwrap().saturating_since(offered + delay).as_millis() as u64
    };
    let messages = record.messages.iter();
    messages
        .map(|m| (extra(m.delivered_at, m.offered_at), extra(m.complete_at, m.offered_at)))
        .collect()
}

/// P(extra delay of a message in order <= x), where messages are `every` apart, each transmission
/// is lost with probability `p`, and each loss costs `repair`.
fn in_order_within(p: f64, every: u64, repair: u64, x: u64) -> f64 {
    let mut product = 1.0;
    for m in 0.. {
        let losses = (x + m * every) / repair + 1;
        let factor = 1.0 - p.powi(i32::try_from(losses).unwrap());
        product *= factor;
        if 1.0 - factor < 1e-15 {
            break;
        }
    }
    product
}

/// A row of the table: loss, spacing, repair, then P(no extra delay) in order, and the 90th, 99th
/// and 99.9th percentile of the extra delay in order, in ms.
type Row = (f64, u64, u64, f64, [u64; 3]);

#[test]
fn head_of_line_blocking_is_what_its_closed_form_says() {
    let rows: [Row; 5] = [
        (0.01, 10, 110, 0.89434, [10, 110, 130]),
        (0.01, 20, 120, 0.94091, [0, 120, 120]),
        (0.05, 10, 110, 0.55255, [100, 190, 260]),
        (0.001, 1, 101, 0.90380, [0, 92, 101]),
        (0.02, 5, 105, 0.64867, [85, 105, 200]),
    ];
    for (p, every, repair, no_extra, percentiles) in rows {
        assert!((in_order_within(p, every, repair, 0) - no_extra).abs() < 5e-6, "{p} {every}");
        let count = if p < 0.01 { 300_000 } else { 100_000 };
        let delays = head_of_line(p, ms(every), ms(repair), count);
        let share = |test: &dyn Fn(&(u64, u64)) -> bool| {
            delays.iter().filter(|d| test(d)).count() as f64 / f64::from(count)
        };
        let mean = |part: fn(&(u64, u64)) -> u64| {
            delays.iter().map(part).sum::<u64>() as f64 / f64::from(count)
        };
        // The sum of P(extra > x), whose terms change at whole milliseconds.
        let expected: f64 = (0..5000).map(|x| 1.0 - in_order_within(p, every, repair, x)).sum();
        let (in_order, alone) = (share(&|d| d.0 == 0), share(&|d| d.1 == 0));
        eprintln!(
            "p={p} D={every} R={repair}: no extra {in_order:.5} (form {no_extra}), alone {alone:.5}; \
             mean {:.3} (form {expected:.3}), alone {:.3}",
            mean(|d| d.0),
            mean(|d| d.1)
        );
        // Three standard errors, a repair's worth of neighbours being one observation.
        let block = (repair / every) as f64 * 2.0;
        let error = 3.0 * (no_extra * (1.0 - no_extra) * block / f64::from(count)).sqrt();
        assert!((in_order - no_extra).abs() < error, "{in_order} +- {error}");
        assert!((alone - (1.0 - p)).abs() < 3.0 * (p / f64::from(count)).sqrt(), "{alone}");
        let losses = p * f64::from(count);
        assert!((mean(|d| d.0) / expected - 1.0).abs() < 4.0 / losses.sqrt(), "{}", mean(|d| d.0));
        for (permille, x) in [900, 990, 999].into_iter().zip(percentiles) {
            let below = share(&|d| d.0 <= x);
            let slack = error.min(0.01);
            assert!(below >= f64::from(permille) / 1000.0 - slack, "p{permille} {below}");
        }
    }
}

#[test]
fn independent_streams_block_less() {
    // n streams in turn are messages n times as far apart.
    for (streams, no_extra) in
        [(1, 0.89434), (2, 0.94100), (4, 0.97001), (8, 0.98000), (16, 0.98990)]
    {
        assert!((in_order_within(0.01, 10 * streams, 110, 0) - no_extra).abs() < 6e-6);
        let delays = head_of_line(0.01, ms(10 * streams), ms(110), 30_000);
        let share = delays.iter().filter(|d| d.0 == 0).count() as f64 / 30_000.0;
        assert!((share - no_extra).abs() < 0.012, "{streams} streams: {share}");
    }
}
