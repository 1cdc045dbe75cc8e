//! How many packets a second of wall time the simulator moves on one core.
//!
//! `cargo bench --no-default-features --features sim --bench simulator`

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Instant as Wall;
use towline::connection::Congestion;
use towline::endpoint::{Config, Endpoint};
use towline::impair::{LinkConfig, Loss};
use towline::rng::Rng;
use towline::sim::compare::{Contender, PlainUdp, TowlineStream, Workload};
use towline::sim::scene::{self, Flow, Route, Scene, SceneLink};
use towline::sim::{Host, Node, Outbox, Plan, Transfer, World};
use towline::time::{Duration, Instant};
use towline::wire::Ecn;

/// Each figure is the best of so many runs: what else the machine does only ever slows one down.
const RUNS: usize = 5;
const PAYLOAD: usize = 1200;

/// Sends datagrams at a steady rate, or takes them.
struct Udp {
    to: Option<SocketAddr>,
    left: u64,
    next_at: Instant,
    gap: Duration,
    received: u64,
    payload: [u8; PAYLOAD],
}

impl Udp {
    fn new(to: Option<SocketAddr>, count: u64, gap: Duration) -> Self {
        let next_at = Instant::ZERO;
        Self { to, left: count, next_at, gap, received: 0, payload: [7; PAYLOAD] }
    }
}

impl Host for Udp {
    fn handle(&mut self, _: Instant, _: SocketAddr, _: SocketAddr, _: Ecn, datagram: &mut [u8]) {
        self.received += u64::from(!black_box(datagram).is_empty());
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        let to = self.to?;
        while self.next_at <= now && self.left > 0 {
            out.send(to, Ecn::NotEct, &self.payload);
            self.left -= 1;
            self.next_at += self.gap;
        }
        (self.left > 0).then_some(self.next_at)
    }
}

fn addresses() -> [SocketAddr; 2] {
    [SocketAddr::from(([10, 0, 0, 1], 1)), SocketAddr::from(([10, 0, 0, 2], 2))]
}

/// Plain datagrams over such a link, half as fast as it is.
fn udp(link: &LinkConfig, count: u64) -> u64 {
    let [a, b] = addresses();
    let mut world = World::new(1);
    let gap = Duration::from_micros(20);
    let sender = world.add(Udp::new(Some(b), count, gap), a);
    let sink = world.add(Udp::new(None, 0, gap), b);
    world.connect_hosts(sender, sink, link.clone(), link.clone()).expect("a valid link");
    let _ = world.run_until(Instant::MAX, |_| false);
    assert!(world.host(sink).received > count / 2);
    world.packets()
}

/// One stream of the shipped endpoint over such a link.
fn towline(link: &LinkConfig, bytes: u64, congestion: Congestion) -> u64 {
    let [a, b] = addresses();
    let mut world = World::new(1);
    let endpoint = |is_listening, seed| {
        let mut config = Config::default();
        config.connection.congestion = congestion;
        config.is_listening = is_listening;
        Endpoint::new(config, Rng::from_u64(seed))
    };
    let plan = Plan { send: vec![bytes], ..Plan::default() };
    let client = Transfer::client(Instant::ZERO, b, plan);
    let client = world.add(Node::new(endpoint(false, 1), client), a);
    let server = Transfer::server(Plan::default());
    let server = world.add(Node::new(endpoint(true, 2), server), b);
    world.connect_hosts(client, server, link.clone(), link.clone()).expect("a valid link");
    let is_done = |world: &World<Node<Transfer>>| {
        world.host(server).app.flows.first().is_some_and(|flow| flow.bytes_received() >= bytes)
    };
    let _ = world.run_until(Instant::from_millis(3_600_000), is_done);
    assert!(is_done(&world), "the transfer did not finish");
    world.packets()
}

/// The same with everything measured that a scenario's report shows: messages, packets, samples.
fn scene(link: &LinkConfig, mode: &dyn Contender, seconds: u64) -> u64 {
    let duration = Duration::from_secs(seconds);
    let config = link.clone();
    let way = |name: &str| SceneLink { name: name.to_owned(), config: config.clone() };
    let flow = Flow {
        name: "flow".to_owned(),
        mode,
        workload: Workload::greedy(duration, Duration::ZERO),
        start: Duration::ZERO,
        route: Route { up: vec![0], down: vec![1] },
        client_skew_ppm: 0,
    };
    let links = vec![way("up"), way("down")];
    let scene = Scene { links, flows: vec![flow], ..Scene::new(duration, 1) };
    scene::run(&scene).expect("a valid scene").packets
}

#[expect(clippy::disallowed_methods, reason = "how long it takes is what is measured here")]
fn measure(name: &str, goal: Option<f64>, work: impl Fn() -> u64) {
    // Arguments choose by a part of the name; cargo adds one of its own.
    let mut wanted = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let is_all = wanted.next().is_none();
    if !is_all && !std::env::args().skip(1).any(|argument| name.contains(&argument)) {
        return;
    }
    let rate = || {
        let start = Wall::now();
        let packets = black_box(work());
        packets as f64 / start.elapsed().as_secs_f64()
    };
    let best = (0..RUNS).map(|_| rate()).fold(0.0, f64::max);
    let goal = goal.map_or(String::new(), |goal| format!("   {:.2} of the goal", best / goal));
    println!("{name:<44} {best:>10.0} packets/s{goal}");
}

fn main() {
    let perfect = LinkConfig { delay: Duration::from_millis(25), ..LinkConfig::default() };
    let fast = LinkConfig::bottleneck(1_000_000_000, Duration::from_millis(25));
    let lossy = LinkConfig { loss: Loss::Bernoulli { p: 0.01 }, ..fast.clone() };
    let path = LinkConfig::bottleneck(100_000_000, Duration::from_millis(25));
    let bad = LinkConfig { loss: Loss::Bernoulli { p: 0.01 }, ..path.clone() };
    println!("{PAYLOAD}-byte datagrams, one core, best of {RUNS} runs");
    measure("plain UDP, delay only", Some(1e6), || udp(&perfect, 500_000));
    measure("plain UDP, 1 Gbit/s queue", Some(1e6), || udp(&fast, 500_000));
    measure("plain UDP, queue and 1 % loss", Some(1e6), || udp(&lossy, 500_000));
    let stream = TowlineStream::default();
    measure("a scenario, plain UDP", None, || scene(&path, &PlainUdp, 20));
    measure("a scenario, towline", None, || scene(&path, &stream, 10));
    for (name, congestion) in [("BBR", Congestion::Bbr), ("NewReno", Congestion::NewReno)] {
        measure(&format!("towline {name}, 100 Mbit/s"), Some(3e5), || {
            towline(&path, 100_000_000, congestion)
        });
        measure(&format!("towline {name}, 100 Mbit/s, 1 % loss"), Some(3e5), || {
            towline(&bad, 30_000_000, congestion)
        });
    }
}
