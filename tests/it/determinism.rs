//! The seed and the hosts decide the whole run; how often a host is polled decides nothing.

use crate::net::{
    Pair, START, client_address, endpoint, endpoint_config, listening, path, server_address,
};
use std::net::SocketAddr;
use towline::connection::{Config, Congestion};
use towline::impair::{Damage, LinkConfig, Loss, Reorder};
use towline::rng::Rng;
use towline::sim::{Closing, Flow, Host, HostId, Node, Outbox, Outcome, Plan, Transfer, World};
use towline::time::{Duration, Instant};
use towline::wire::Ecn;

const BYTES: [u64; 3] = [300_000, 100_000, 5_000];

/// A network on which everything happens that can.
fn bad() -> LinkConfig {
    LinkConfig {
        jitter: Duration::from_millis(5),
        reorder: Reorder {
            by_jitter: true,
            share: 0.05,
            late_by: Duration::from_millis(20),
            ..Reorder::default()
        },
        loss: Loss::Bursts { mean_loss: 0.03, mean_burst: 2.0 },
        duplicate: 0.02,
        damage: Damage { share: 0.02, bits: 2, ..Damage::default() },
        ..path(20, Duration::from_millis(40))
    }
}

fn config(congestion: Congestion) -> Config {
    let mut config = Config::default();
    config.congestion = congestion;
    config
}

fn plans() -> [Plan; 2] {
    let client = Plan { send: BYTES.to_vec(), close: Closing::Done(3), ..Plan::default() };
    [client, Plan { send: BYTES.to_vec(), ..Plan::default() }]
}

fn hash(seed: u64, congestion: Congestion) -> u64 {
    let [client, server] = plans();
    let client = Transfer::client(START, server_address(), client);
    let links = [bad(), bad()];
    let mut pair = Pair::new(seed, &config(congestion), links, client, Transfer::server(server));
    let outcome = pair.world.run_until(START + Duration::from_mins(5), |_| false);
    assert!(outcome == Outcome::Idle && pair.is_empty(), "seed {seed}: {outcome:?}");
    assert_eq!(pair.complaints(), [] as [String; 0]);
    pair.world.trace_hash()
}

#[test]
fn a_seed_is_a_run() {
    for congestion in [Congestion::Bbr, Congestion::NewReno] {
        let mut hashes: Vec<u64> = (1..=12).map(|seed| hash(seed, congestion)).collect();
        let again: Vec<u64> = (1..=12).map(|seed| hash(seed, congestion)).collect();
        assert_eq!(hashes, again);
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 12, "each seed has a run of its own");
    }
}

/// A node that is polled at any time, and whose connections are looked at when there is no reason.
struct Fidgety {
    node: Node<Transfer>,
    rng: Rng,
    /// The longest time between two polls.
    within: Duration,
    polls: u64,
}

impl Host for Fidgety {
    fn handle(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, ecn: Ecn, d: &mut [u8]) {
        self.node.handle(now, from, to, ecn, d);
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        self.polls += 1;
        if self.within.is_zero() {
            return self.node.poll(now, out);
        }
        for _ in 0..self.rng.below(3) {
            self.node.poll(now, out);
            // Whoever works with a connection has it polled.
            let endpoint = &mut self.node.endpoint;
            let handles: Vec<_> = endpoint.connections().map(|(handle, _)| handle).collect();
            for handle in handles {
                let _ = endpoint.connection_mut(handle);
            }
        }
        let wanted = self.node.poll(now, out);
        let nanos = self.within.as_nanos() as u64;
        let early = now + Duration::from_nanos(1 + self.rng.below(nanos));
        // A host at rest is left alone, or it would never come to rest.
        wanted.map(|at| at.min(early))
    }
}

/// What was delivered to each side, stream by stream, and how the connections ended.
fn delivered(seed: u64, congestion: Congestion, within: Duration) -> (Vec<String>, u64) {
    let mut world: World<Fidgety> = World::new(seed);
    let [client, server] = plans();
    let node = |config, who, app| Node::new(endpoint(config, seed, who), app);
    let config = config(congestion);
    let client = Transfer::client(START, server_address(), client);
    let client = node(endpoint_config(config.clone()), 1, client);
    let server = node(listening(config), 2, Transfer::server(server));
    let fidgety = |node, who| Fidgety { node, rng: Rng::from_u64(seed + who), within, polls: 0 };
    let client = world.add(fidgety(client, 100), client_address());
    let server = world.add(fidgety(server, 200), server_address());
    world.connect_hosts(client, server, bad(), bad()).expect("valid links");
    let is_over = |world: &World<Fidgety>| {
        let is_empty = |id: HostId| world.host(id).node.endpoint.is_empty();
        !world.host(client).node.app.flows.is_empty() && is_empty(client) && is_empty(server)
    };
    let outcome = world.run_until(START + Duration::from_mins(5), is_over);
    assert_eq!(outcome, Outcome::Done, "seed {seed}");
    let mut found = Vec::new();
    for id in [client, server] {
        let node = &world.host(id).node;
        assert!(node.faults.is_empty() && node.app.violations().next().is_none(), "seed {seed}");
        for Flow { received, .. } in &node.app.flows {
            let each = received.iter().map(|(id, r)| (*id, r.bytes, r.is_finished));
            found.push(format!("{id:?} {:?}", each.collect::<Vec<_>>()));
        }
    }
    (found, world.host(client).polls + world.host(server).polls)
}

/// Each byte is checked against its pattern by the reader.
#[test]
fn polls_too_many_change_no_byte() {
    for congestion in [Congestion::Bbr, Congestion::NewReno] {
        for seed in 1..=6 {
            let (wanted, polls) = delivered(seed, congestion, Duration::ZERO);
            assert_eq!(wanted.len(), 2);
            for within in [Duration::from_micros(100), Duration::from_millis(3)] {
                let (found, more) = delivered(seed, congestion, within);
                assert_eq!(found, wanted, "seed {seed}, {congestion:?}");
                assert!(more > polls, "{more} polls instead of {polls}");
            }
        }
    }
}
