use super::*;
use crate::connection::{Config, Congestion};
use crate::impair::{LinkConfig, Loss};
use crate::sim::compare::{
    Measures, Permille, PlainUdp, Scenario, TowlineStream, Workload, run as race,
};
use crate::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn stream(congestion: Congestion) -> TowlineStream {
    TowlineStream::with(Config { congestion, ..Config::default() })
}

fn flow(mode: &TowlineStream, seconds: u64, route: Route) -> Flow<'_> {
    let workload = Workload::greedy(s(seconds), Duration::ZERO);
    let (name, start, client_skew_ppm) = ("flow".to_owned(), Duration::ZERO, 0);
    Flow { name, mode, workload, start, route, client_skew_ppm }
}

/// So many greedy streams over one bottleneck of 20 Mbit/s and 40 ms.
fn dumbbell<'a>(modes: &[&'a TowlineStream], seconds: u64) -> Scene<'a> {
    let access = |_| [LinkConfig::default(), LinkConfig::default()];
    let link = LinkConfig::bottleneck(20_000_000, ms(20));
    let (links, routes) = Shape::Dumbbell.build(modes.len(), &[link.clone(), link], access);
    let flows = modes
        .iter()
        .zip(routes)
        .enumerate()
        .map(|(n, (mode, route))| Flow { start: ms(37) * n as u32, ..flow(mode, seconds, route) });
    Scene { links, flows: flows.collect(), ..Scene::new(s(seconds), 1) }
}

#[test]
fn a_greedy_flow_fills_its_link() {
    for congestion in [Congestion::Bbr, Congestion::NewReno] {
        let mode = stream(congestion);
        let record = run(&dumbbell(&[&mode], 20)).unwrap();
        let flow = &record.flows[0];
        assert_eq!(flow.record.faults, Vec::<String>::new());
        let began = record.began;
        let goodput = flow.goodput_bps(began + s(5), began + s(20));
        assert!((17e6..19.6e6).contains(&goodput), "{congestion:?}: {goodput}");
        let last = flow.samples.last().unwrap();
        assert_eq!((flow.samples.len(), last.at), (201, began + s(20)));
        let probe = last.client.unwrap();
        assert!(probe.cwnd > 50_000 && probe.srtt.unwrap() >= ms(40), "{probe:?}");
        let queue = &record.links[0];
        assert!(queue.peak_bytes > 10_000 && queue.samples.len() == 201);
    }
}

#[test]
fn a_rate_is_that_of_the_samples_it_is_from() {
    let mode = stream(Congestion::Bbr);
    let mut scene = dumbbell(&[&mode], 6);
    scene.sample_every = ms(300);
    let record = run(&scene).unwrap();
    let (began, flow) = (record.began, &record.flows[0]);
    // Neither end is a sample's time: 2.7 s to 5.7 s are.
    let (loose, exact) = (
        flow.goodput_bps(began + ms(2999), began + ms(5999)),
        flow.goodput_bps(began + ms(2700), began + ms(5700)),
    );
    assert_eq!(loose.to_bits(), exact.to_bits());
    assert!(exact < 20e6, "{exact}");
}

#[test]
fn two_alike_share_alike() {
    let mode = stream(Congestion::NewReno);
    let record = run(&dumbbell(&[&mode, &mode], 40)).unwrap();
    let fairness = record.fairness(record.began + s(20), record.ended);
    assert!(fairness > 0.95, "{fairness}");
    assert!(record.converged(0.9, 5).is_some_and(|time| time < s(30)));
}

#[test]
fn the_same_scene_is_the_same_run_however_often_one_looks() {
    let mode = stream(Congestion::Bbr);
    let mut scene = dumbbell(&[&mode, &mode], 5);
    scene.links[0].config.loss = Loss::Bernoulli { p: 0.01 };
    let [first, again] = [(); 2].map(|()| run(&scene).unwrap());
    assert_eq!(first.trace_hash, again.trace_hash);
    assert_eq!(first.flows[0].samples, again.flows[0].samples);
    scene.sample_every = ms(7);
    assert_eq!(run(&scene).unwrap().trace_hash, first.trace_hash);
    scene.seed = 2;
    assert_ne!(run(&scene).unwrap().trace_hash, first.trace_hash);
}

#[test]
fn a_scene_with_one_pair_measures_what_a_race_does() {
    let mode = TowlineStream::default();
    let link = LinkConfig::bottleneck(10_000_000, ms(25));
    let workload = Workload { duration: s(5), skip: s(1), ..Workload::named("game").unwrap() };
    let (up, down) = (link.clone(), link.clone());
    let scenario = Scenario { workload: workload.clone(), up, down, seed: 1, watch: s(0)..s(0) };
    let raced = race(&mode, &scenario).unwrap();
    let (links, mut routes) = Shape::Pair.build(1, &[link.clone(), link], |_| unreachable!());
    let own = Flow { workload: workload.clone(), ..flow(&mode, 5, routes.remove(0)) };
    let scene = Scene { links, flows: vec![own], settles: true, ..Scene::new(s(5), 1) };
    let record = run(&scene).unwrap();
    let of = |record| Measures::of(&workload, [record]);
    let (raced, staged) = (of(&raced), of(&record.flows[0].record));
    assert_eq!((raced.offered, staged.offered), (480, 480));
    assert_eq!(raced.latency(Permille(500)), staged.latency(Permille(500)));
    // Their ids and spare bits differ, and with them a packet or two.
    let (raced, staged) = (raced.wire.bytes, staged.wire.bytes);
    assert!(raced.abs_diff(staged) < raced / 200, "{raced} {staged}");
}

#[test]
fn a_client_that_moves_or_is_moved_goes_on() {
    let mode = stream(Congestion::Bbr);
    for change in [Change::Rebind { flow: 0 }, Change::Move { flow: 0 }] {
        let mut scene = dumbbell(&[&mode], 10);
        scene.events = vec![Event { at: s(4), change: change.clone() }];
        let record = run(&scene).unwrap();
        let goodput = record.flows[0].goodput_bps(record.began + s(6), record.ended);
        assert!(goodput > 15e6, "{change:?}: {goodput}");
    }
    // What knows no connection does not find its peer again.
    let mut scene = dumbbell(&[&mode], 10);
    scene.flows[0].mode = &PlainUdp;
    scene.flows[0].workload = Workload { duration: s(10), ..Workload::named("game").unwrap() };
    scene.events = vec![Event { at: s(4), change: Change::Rebind { flow: 0 } }];
    let record = run(&scene).unwrap();
    let messages = &record.flows[0].record.messages;
    let of_server = || messages.iter().filter(|m| m.from == crate::wire::Side::Server);
    let arrived = of_server().filter(|m| m.delivered_at.is_some()).count();
    assert!((230..=245).contains(&arrived) && of_server().count() == 600, "{arrived}");
}

#[test]
fn a_link_that_changes_takes_effect_when_it_should() {
    let mode = stream(Congestion::Bbr);
    let mut scene = dumbbell(&[&mode], 20);
    let config = Box::new(LinkConfig::bottleneck(5_000_000, ms(20)));
    scene.events = vec![Event { at: s(10), change: Change::Link { link: 0, config } }];
    let record = run(&scene).unwrap();
    let (began, flow) = (record.began, &record.flows[0]);
    let before = flow.goodput_bps(began + s(5), began + s(10));
    let after = flow.goodput_bps(began + s(15), began + s(20));
    assert!(before > 17e6 && (3.8e6..5e6).contains(&after), "{before} {after}");
}

#[test]
fn a_skewed_clock_changes_little() {
    let mode = stream(Congestion::NewReno);
    let mut scene = dumbbell(&[&mode], 10);
    let goodput = |scene: &Scene<'_>| {
        let record = run(scene).unwrap();
        assert_eq!(record.flows[0].record.faults, Vec::<String>::new());
        (record.trace_hash, record.flows[0].goodput_bps(record.began + s(2), record.ended))
    };
    let (hash, straight) = goodput(&scene);
    scene.flows[0].client_skew_ppm = 500;
    let (skewed_hash, skewed) = goodput(&scene);
    assert_ne!(hash, skewed_hash);
    assert!((skewed / straight - 1.0).abs() < 0.05, "{straight} {skewed}");
}

#[test]
fn each_mode_has_its_own_headers_on_a_shared_wire() {
    let mode = stream(Congestion::Bbr);
    let mut scene = dumbbell(&[&mode, &mode], 5);
    for flow in &mut scene.flows {
        let (duration, skip) = (s(5), Duration::ZERO);
        flow.workload = Workload { duration, skip, ..Workload::named("game").unwrap() };
    }
    let tcp_like = crate::sim::compare::TcpLike::default();
    (scene.flows[0].mode, scene.flows[1].mode) = (&PlainUdp, &tcp_like);
    let record = run(&scene).unwrap();
    let bytes: Vec<u64> = record.flows.iter().map(|flow| flow.record.wire.bytes).collect();
    // 300 messages each way: 120 bytes behind 28; with a length, behind 52.
    assert_eq!(bytes[0], 600 * 148);
    assert!(bytes[1] >= 600 * 173, "{bytes:?}");
    // The first links on the ways: from the clients, and from the servers.
    let links: u64 = [2, 4, 1].map(|n: usize| record.links[n].stats.bytes).iter().sum();
    let handshakes = links - bytes.iter().sum::<u64>();
    assert!((200..4000).contains(&handshakes), "{handshakes}");
}

/// Packets of so many sources on a link without limits, counted over 100 s.
fn counted(pattern: Pattern, rate_bps: u64) -> (u64, SceneRecord) {
    let config = LinkConfig { rate_bps: Some(100_000_000), ..LinkConfig::default() };
    let links = vec![SceneLink { name: "link".to_owned(), config }];
    let cross =
        Cross { links: vec![0], pattern, rate_bps, packet_bytes: 1250, during: s(0)..s(100) };
    let record = run(&Scene { links, cross: vec![cross], ..Scene::new(s(100), 3) }).unwrap();
    (record.links[0].stats.packets, record)
}

#[test]
fn cross_traffic_keeps_its_rate() {
    // 10 kbit a packet: 1,000 packets a second.
    let (constant, record) = counted(Pattern::Constant, 10_000_000);
    assert_eq!(constant, 100_000);
    assert_eq!(record.links[0].peak_bytes, 1250);
    let (poisson, record) = counted(Pattern::Poisson, 10_000_000);
    // The standard deviation is the root of the mean, 316.
    assert!(poisson.abs_diff(100_000) < 1300, "{poisson}");
    assert!(record.links[0].peak_bytes > 1250);
    let (on_off, _) = counted(Pattern::OnOff { on: ms(100), off: ms(300) }, 10_000_000);
    // 250 cycles: a quarter of the time, with a relative deviation of about .09.
    assert!(on_off.abs_diff(25_000) < 7_000, "{on_off}");
}

#[test]
fn shapes_share_what_they_should() {
    let link = |mbit: u64| {
        let one = LinkConfig { rate_bps: Some(mbit * 1_000_000), ..LinkConfig::default() };
        [one.clone(), one]
    };
    let names = |(links, routes): (Vec<SceneLink>, Vec<Route>)| -> Vec<Vec<String>> {
        let name = |n: &usize| links[*n].name.clone();
        routes.iter().map(|r| r.up.iter().chain(&r.down).map(name).collect()).collect()
    };
    let pair = names(Shape::Pair.build(1, &link(1), |_| link(2)));
    assert_eq!(pair, [["link up", "link down"]]);
    let dumbbell = names(Shape::Dumbbell.build(2, &link(1), |_| link(2)));
    let second = ["access 1 up", "bottleneck up", "bottleneck down", "access 1 down"];
    assert_eq!(dumbbell[1], second);
    let lot = names(Shape::ParkingLot { hops: 2 }.build(3, &link(1), |_| link(2)));
    let long = ["access 0 up", "hop 0 up", "hop 1 up", "hop 1 down", "hop 0 down", "access 0 down"];
    assert_eq!(lot[0], long);
    assert_eq!((lot[1][1].as_str(), lot[2][1].as_str()), ("hop 0 up", "hop 1 up"));
    let star = names(Shape::Star.build(3, &link(1), |_| link(2)));
    assert_eq!(star[2], ["leaf 2 up", "leaf 0 down", "leaf 0 up", "leaf 2 down"]);
}

#[test]
fn what_has_no_meaning_is_refused_in_one_clear_line() {
    let mode = stream(Congestion::Bbr);
    let good = || dumbbell(&[&mode], 1);
    let refused = |scene: Scene<'_>| run(&scene).unwrap_err().to_string();
    assert_eq!(
        refused(Scene::new(s(1), 1)),
        "0 flows: there must be 1 to 1000, or cross traffic alone"
    );
    let mut scene = good();
    scene.flows[0].route.up.push(9);
    assert_eq!(refused(scene), "there is no link 9: they are numbered from 0, and there are 4");
    let mut scene = good();
    scene.links[0].config.duplicate = 2.0;
    assert_eq!(refused(scene), "link \"bottleneck up\": duplicate = 2: must be between 0 and 1");
    let mut scene = good();
    scene.sample_every = Duration::ZERO;
    assert_eq!(refused(scene), "samples must be at least 1 ms apart");
    let mut scene = good();
    scene.events = vec![Event { at: s(0), change: Change::Rebind { flow: 1 } }];
    assert_eq!(refused(scene), "there is no flow 1: they are numbered from 0, and there are 1");
    let mut scene = good();
    scene.flows[0].workload.skip = s(9);
    assert!(refused(scene).starts_with("flow \"flow\": what is skipped"));
}
