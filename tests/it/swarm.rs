//! Random scenarios, each from one seed: faults first, which must break no promise; then the network
//! heals, and everything must finish.
//!
//! `TOWLINE_SWARM_SEEDS` says how many, `TOWLINE_SWARM_BASE` which is the first. A failing seed prints
//! the line that runs it alone.

mod messages;

use crate::net::{Net, Pair, START, server_address};
use std::fmt::Write as _;
use towline::connection::{CloseReason, Config, Congestion};
use towline::impair::{Blackout, Damage, LinkConfig, Loss, Region, Reorder};
use towline::rng::Rng;
use towline::sim::{Closing, Flow, Outcome, Plan, Transfer};
use towline::time::{Duration, Instant};

/// Everything that a seed decides.
struct Scenario {
    config: Config,
    links: [LinkConfig; 2],
    client: Plan,
    server: Plan,
    connections: u64,
    heal_at: Instant,
}

pub(crate) fn millis(rng: &mut Rng, low: u64, high: u64) -> Duration {
    Duration::from_millis(low + rng.below(high - low + 1))
}

/// A number whose magnitude is uniform.
pub(crate) fn magnitude(rng: &mut Rng, low: f64, high: f64) -> u64 {
    (low.ln() + rng.unit() * (high / low).ln()).exp() as u64
}

impl Scenario {
    fn random(seed: u64) -> Self {
        let rng = &mut Rng::from_u64(seed ^ 0x5eed);
        let heal_at = START + millis(rng, 0, 20_000);
        let links = [link(rng, heal_at), link(rng, heal_at)];
        let config = config(rng);
        let window = config.streams.recv_window.min(config.streams.conn_recv_window);
        let server = plan(rng, window, None);
        let client = plan(rng, window, Some(server.send.len()));
        Self { config, links, client, server, connections: 1 + rng.below(3), heal_at }
    }

    fn start(&self, seed: u64) -> Pair {
        let mut client = Transfer::default();
        for n in 0..self.connections {
            let at = START + Duration::from_millis(37 * n);
            client = client.and_connect(at, server_address(), self.client.clone());
        }
        let server = Transfer::server(self.server.clone());
        Pair::new(seed, &self.config, self.links.clone(), client, server)
    }
}

pub(crate) fn link(rng: &mut Rng, heal_at: Instant) -> LinkConfig {
    let mut link = LinkConfig::default();
    if rng.chance(0.9) {
        link.delay = millis(rng, 0, 150);
    }
    if rng.chance(0.5) {
        link.rate_bps = Some(magnitude(rng, 3e5, 2e8));
        link.capacity_bytes = magnitude(rng, 3000.0, 1e6);
    }
    if rng.chance(0.4) {
        link.jitter = link.delay.mul_f64(rng.unit());
        link.reorder = Reorder { by_jitter: rng.chance(0.5), ..Reorder::default() };
    }
    if rng.chance(0.3) {
        link.reorder.share = rng.unit() * 0.3;
        link.reorder.late_by = millis(rng, 1, 80);
    }
    link.loss = match rng.below(4) {
        0 => Loss::Bernoulli { p: rng.unit() * 0.3 },
        1 => Loss::Bursts { mean_loss: rng.unit() * 0.3, mean_burst: 1.5 + rng.unit() * 8.0 },
        2 => Loss::TimedBursts { mean_loss: rng.unit() * 0.3, mean_bad: millis(rng, 1, 300) },
        _ => Loss::None,
    };
    if rng.chance(0.3) {
        link.duplicate = rng.unit() * 0.2;
    }
    if rng.chance(0.4) {
        let region =
            [Region::Anywhere, Region::First(13), Region::After(13)][rng.below(3) as usize];
        link.damage = Damage {
            share: rng.unit() * 0.1,
            bits: 1 + rng.below(8) as u32,
            region,
            ..Damage::default()
        };
    }
    if rng.chance(0.1) {
        link.truncate = rng.unit() * 0.05;
    }
    if rng.chance(0.3) {
        let start = START + millis(rng, 0, 5000);
        let end =
            (start + millis(rng, 10, 10_000)).min(heal_at.max(start + Duration::from_millis(1)));
        link.blackout = Blackout::During(vec![start..end]);
    }
    link
}

fn config(rng: &mut Rng) -> Config {
    let mut config = Config::default();
    if rng.chance(0.5) {
        config.congestion = Congestion::NewReno;
    }
    if rng.chance(0.4) {
        config.streams.recv_window = magnitude(rng, 1.0, 65_536.0).max(1);
        config.streams.conn_recv_window = magnitude(rng, 1.0, 65_536.0).max(1);
        config.streams.max_recv_window = config.streams.recv_window;
        config.streams.max_message = 0;
    }
    config.streams.max_streams = 1 + rng.below(8);
    config.streams.nodelay = rng.chance(0.3);
    if rng.chance(0.2) {
        config.max_payload = 1200 + rng.below(8000) as usize;
    }
    if rng.chance(0.2) {
        config.keepalive = None;
    }
    // Long enough for every blackout: whoever gives up here is wrong.
    config.connect_timeout = Duration::from_secs(90);
    config
}

fn plan(rng: &mut Rng, window: u64, closes: Option<usize>) -> Plan {
    let streams = rng.below(5);
    let most = (window.saturating_mul(60)).clamp(20, 300_000) as f64;
    let mut plan = Plan {
        send: (0..streams).map(|_| magnitude(rng, 1.0, most) - 1).collect(),
        write_chunk: magnitude(rng, 1.0, 100_000.0).max(1) as usize,
        read_chunk: magnitude(rng, 16.0, 100_000.0) as usize,
        ..Plan::default()
    };
    if rng.chance(0.2) {
        plan.pause = Some((magnitude(rng, 5000.0, 100_000.0), millis(rng, 1, 2000)));
    }
    if let Some(peer_streams) = closes {
        plan.close = match rng.below(5) {
            0 => Closing::Written(millis(rng, 0, 5000)),
            1 => Closing::At(START + millis(rng, 0, 15_000), millis(rng, 0, 3000)),
            _ => Closing::Done(peer_streams),
        };
    }
    plan
}

/// Runs a scenario; returns the hash of everything that happened on the network.
fn run(seed: u64) -> Result<u64, String> {
    let scenario = Scenario::random(seed);
    let mut pair = scenario.start(seed);
    let limit = scenario.heal_at + Duration::from_secs(400);
    let connections = scenario.connections as usize;
    let (client, server) = (pair.client, pair.server);
    let is_over = |world: &Net| {
        let flows = &world.host(client).app.flows;
        let ended = flows.iter().filter(|f| f.ended.is_some()).count() == connections;
        ended && world.host(client).endpoint.is_empty() && world.host(server).endpoint.is_empty()
    };
    if pair.world.run_until(scenario.heal_at, is_over) == Outcome::Deadline {
        pair.world.heal();
    }
    let outcome = pair.world.run_until(limit, is_over);
    let mut report = String::new();
    if outcome != Outcome::Done {
        let _ = writeln!(report, "not finished: {outcome:?} at {}", pair.world.now());
        describe(&pair, &mut report);
    }
    for id in [client, server] {
        let node = pair.world.host(id);
        for fault in &node.faults {
            let _ = writeln!(report, "{id:?}: {fault}");
        }
        for violation in node.app.violations() {
            let _ = writeln!(report, "{id:?}: {violation}");
        }
        if outcome == Outcome::Done && node.endpoint.memory() != 0 {
            let _ = writeln!(report, "{id:?}: {} bytes are still held", node.endpoint.memory());
        }
        let bound = memory_bound(&scenario.config) * connections;
        if node.peak_memory > bound {
            let _ = writeln!(report, "{id:?}: held {} bytes, bound {bound}", node.peak_memory);
        }
    }
    if outcome == Outcome::Done {
        check_flows(&scenario, &pair, &mut report);
    }
    if report.is_empty() { Ok(pair.world.trace_hash()) } else { Err(report) }
}

/// What a connection's buffers may hold: windows and send buffer, twice for the growth of buffers,
/// and what each stream needs besides.
fn memory_bound(config: &Config) -> usize {
    let window = config.streams.max_recv_window.max(config.streams.conn_recv_window);
    (2 * (window + config.streams.max_send_buffer) + 40 * 10_000) as usize
}

fn check_flows(scenario: &Scenario, pair: &Pair, report: &mut String) {
    let clients = &pair.world.host(pair.client).app.flows;
    let servers = &pair.world.host(pair.server).app.flows;
    if servers.len() > clients.len() {
        let _ = writeln!(report, "{} connects made {} connections", clients.len(), servers.len());
    }
    for flow in clients {
        check_end(flow, report);
        let reason = flow.ended.as_ref().map(|e| &e.reason);
        if !matches!(reason, Some(CloseReason::Local(0))) {
            let _ = writeln!(report, "client ended with {reason:?}");
        }
    }
    for flow in servers {
        check_end(flow, report);
        let reason = flow.ended.as_ref().map(|e| &e.reason);
        // Who never speaks cannot learn that all CLOSEs were lost.
        let is_silent = scenario.config.keepalive.is_none();
        let is_known = matches!(reason, Some(CloseReason::Peer(0, _) | CloseReason::Reset))
            || (is_silent && matches!(reason, Some(CloseReason::TimedOut)));
        if !is_known {
            let _ = writeln!(report, "server ended with {reason:?}");
        }
    }
    let wanted = |plan: &Plan| plan.send.iter().sum::<u64>();
    if matches!(scenario.client.close, Closing::Done(_)) {
        for (flows, plan, who) in
            [(clients, &scenario.server, "client"), (servers, &scenario.client, "server")]
        {
            for flow in flows {
                let (bytes, finished) = (flow.bytes_received(), flow.finished());
                if bytes != wanted(plan) || finished < plan.send.len() {
                    let _ =
                        writeln!(report, "{who} read {bytes} of {}, {finished} ends", wanted(plan));
                }
            }
        }
        for flow in clients {
            let outcome = flow.ended.as_ref().map(|e| e.outcome).unwrap_or_default();
            if (outcome.in_doubt, outcome.unsent) != (0, 0) {
                let _ = writeln!(report, "an orderly close left {outcome:?}");
            }
        }
    }
}

/// What holds however a connection ended.
fn check_end(flow: &Flow, report: &mut String) {
    if flow.ended.is_none() {
        let _ = writeln!(report, "{:?} never ended", flow.handle);
    }
}

fn describe(pair: &Pair, report: &mut String) {
    for id in [pair.client, pair.server] {
        let node = pair.world.host(id);
        for (handle, connection) in node.endpoint.connections() {
            let _ = writeln!(report, "{id:?} {handle:?} {connection:#?}");
        }
        for flow in &node.app.flows {
            let _ = writeln!(report, "{id:?} {flow:?}");
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs as many seeds as asked for, and each 16th twice: the same seed gives the same run. `filter`
/// names the test on a command line.
fn for_swarm(filter: &str, run: fn(u64) -> Result<u64, String>) {
    let one = setting("TOWLINE_SWARM_SEED");
    let base = one.or_else(|| setting("TOWLINE_SWARM_BASE")).unwrap_or(1);
    let count = if one.is_some() { 1 } else { setting("TOWLINE_SWARM_SEEDS").unwrap_or(300) };
    let failed = std::sync::Mutex::new(Vec::new());
    let next = std::sync::atomic::AtomicU64::new(0);
    let work = || {
        loop {
            let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if n >= count || failed.lock().unwrap().len() >= 3 {
                break;
            }
            let seed = base.wrapping_add(n);
            let mut result = std::panic::catch_unwind(|| run(seed))
                .unwrap_or_else(|_| Err("panicked".to_owned()));
            if n.is_multiple_of(16)
                && let Ok(hash) = result
                && run(seed) != Ok(hash)
            {
                result = Err("the same seed gave another run".to_owned());
            }
            if let Err(report) = result {
                failed.lock().unwrap().push((seed, report));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    for (seed, report) in &failed {
        eprintln!("seed {seed}: {report}");
        eprintln!(
            "replay: TOWLINE_SWARM_SEED={seed} cargo test --release --all-features --test it {filter}"
        );
    }
    assert!(failed.is_empty(), "{} of {count} seeds failed", failed.len());
}

#[test]
fn swarm() {
    for_swarm("swarm::swarm", run);
}
