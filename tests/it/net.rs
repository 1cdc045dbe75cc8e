//! Two hosts, a client and a server, joined by a link each way.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use towline::endpoint::{Config, Endpoint};
use towline::impair::LinkConfig;
use towline::rng::Rng;
use towline::sim::{Flow, HostId, LinkId, Node, Outcome, Plan, Transfer, World};
use towline::time::{Duration, Instant};

pub(crate) type Net = World<Node<Transfer>>;

/// When clients connect: not at zero, so that nothing depends on it.
pub(crate) const START: Instant = Instant::from_millis(1000);

/// A client and a server, and the network between them.
pub(crate) struct Pair {
    pub(crate) world: Net,
    pub(crate) client: HostId,
    pub(crate) server: HostId,
    /// From the client to the server.
    pub(crate) up: LinkId,
    /// And back.
    pub(crate) down: LinkId,
}

pub(crate) fn client_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 1000))
}

pub(crate) fn server_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], 2000))
}

pub(crate) fn listening(connection: towline::connection::Config) -> Config {
    let mut config = endpoint_config(connection);
    config.is_listening = true;
    config
}

pub(crate) fn endpoint_config(connection: towline::connection::Config) -> Config {
    let mut config = Config::default();
    config.connection = connection;
    config
}

/// The endpoints' randomness follows from the seed too.
pub(crate) fn endpoint(config: Config, seed: u64, who: u64) -> Endpoint {
    Endpoint::new(config, Rng::from_u64(seed.wrapping_mul(1000) + who))
}

impl Pair {
    pub(crate) fn new(
        seed: u64,
        connection: &towline::connection::Config,
        links: [LinkConfig; 2],
        client: Transfer,
        server: Transfer,
    ) -> Self {
        let mut world = World::new(seed);
        let client_end = endpoint(endpoint_config(connection.clone()), seed, 1);
        let server_end = endpoint(listening(connection.clone()), seed, 2);
        let client = world.add(Node::new(client_end, client), client_address());
        let server = world.add(Node::new(server_end, server), server_address());
        let [up, down] = links;
        let (up, down) = world.connect_hosts(client, server, up, down).expect("valid links");
        Self { world, client, server, up, down }
    }

    /// One stream of `bytes` from the client to the server, which closes nothing.
    pub(crate) fn bulk(
        seed: u64,
        connection: &towline::connection::Config,
        links: [LinkConfig; 2],
        bytes: u64,
    ) -> Self {
        let plan = Plan { send: vec![bytes], ..Plan::default() };
        let client = Transfer::client(START, server_address(), plan);
        Self::new(seed, connection, links, client, Transfer::server(Plan::default()))
    }

    /// Runs until the server has read the end of stream 0, and tells how long that took.
    pub(crate) fn run_bulk(&mut self, limit: Duration) -> Option<Duration> {
        let server = self.server;
        let done = |world: &Net| world.host(server).app.flows.iter().any(|f| f.finished() > 0);
        let outcome = self.world.run_until(START + limit, done);
        (outcome == Outcome::Done).then(|| self.world.now().saturating_since(START))
    }

    pub(crate) fn client_flow(&self) -> &Flow {
        &self.world.host(self.client).app.flows[0]
    }

    pub(crate) fn server_flow(&self) -> &Flow {
        &self.world.host(self.server).app.flows[0]
    }

    pub(crate) fn client_stats(&self) -> towline::connection::Stats {
        let handle = self.client_flow().handle;
        self.world.host(self.client).endpoint.connection(handle).expect("alive").stats()
    }

    pub(crate) fn server_stats(&self) -> towline::connection::Stats {
        let handle = self.server_flow().handle;
        self.world.host(self.server).endpoint.connection(handle).expect("alive").stats()
    }

    /// Whether neither side has a connection, not even one that it only remembers.
    pub(crate) fn is_empty(&self) -> bool {
        [self.client, self.server].iter().all(|id| self.world.host(*id).endpoint.is_empty())
    }

    /// Broken invariants and bytes out of place, on either side.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let nodes = [self.client, self.server].map(|id| self.world.host(id));
        let found = nodes.iter().flat_map(|n| n.faults.iter().chain(n.app.violations()));
        found.cloned().collect()
    }
}

pub(crate) fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// `run` for every seed from 1 to `default`, or to `TOWLINE_<NAME>_SEEDS`, or for the one in
/// `TOWLINE_<NAME>_SEED` alone. A failing seed prints the line that runs it alone.
pub(crate) fn for_seeds(name: &str, default: u64, run: impl Fn(u64) -> Result<(), String> + Sync) {
    let variable = format!("TOWLINE_{}", name.to_uppercase());
    let one = setting(&format!("{variable}_SEED"));
    let count =
        if one.is_some() { 1 } else { setting(&format!("{variable}_SEEDS")).unwrap_or(default) };
    let failed = Mutex::new(Vec::new());
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count || failed.lock().expect("no panic").len() >= 3 {
                break;
            }
            let seed = one.unwrap_or(1 + n);
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed)));
            if let Err(report) = caught.unwrap_or_else(|_| Err("panicked".to_owned())) {
                failed.lock().expect("no panic").push((seed, report));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().expect("no panic");
    for (seed, report) in &failed {
        eprintln!("seed {seed}: {report}");
        eprintln!("replay: {variable}_SEED={seed} cargo test --features sim --test it {name}");
    }
    assert!(failed.is_empty(), "{} of {count} seeds failed", failed.len());
}

/// An error that says what did not hold, for [`for_seeds`].
macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        let holds: bool = $holds;
        if !holds {
            return Err(format!($($what)+));
        }
    };
}
pub(crate) use ensure;

/// The same link both ways: `rate` in Mbit/s, `rtt` and queue in the bandwidth-delay product.
pub(crate) fn path(rate_mbps: u64, rtt: Duration) -> LinkConfig {
    let mut link = LinkConfig::bottleneck(rate_mbps * 1_000_000, rtt / 2);
    link.capacity_bytes = (rate_mbps * 1_000_000 / 8) * rtt.as_millis() as u64 / 1000;
    link
}
