//! From a description to what happened.

use super::cross::Source;
use super::member::{Member, address};
use super::record::{FlowRecord, FlowSample, LinkRecord, LinkSample, SceneRecord};
use super::skew::Skewed;
use super::spec::{Change, Flow, Route, Scene, SceneError, SceneLink};
use crate::impair::LinkConfig;
use crate::impair::dice::Dice;
use crate::sim::compare::{Journal, Ledger, PATH_MTU, Player, Setup};
use crate::sim::{Host, HostId, LinkId, Logged, Outbox, Outcome, World};
use crate::time::{Duration, Instant};
use crate::wire::{Ecn, Side};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

/// Flows shake hands in this time before the scene begins, or before their start, and twice their
/// round trip.
const RUN_UP: Duration = Duration::from_secs(1);
/// What is under way at the end may take so long, or twenty round trips.
const GRACE: Duration = Duration::from_secs(5);

/// Runs a scene.
///
/// # Errors
///
/// The [`SceneError`] of the first thing in it that is wrong.
pub fn run(scene: &Scene<'_>) -> Result<SceneRecord, SceneError> {
    scene.validate()?;
    let mut stage = Stage::new(scene)?;
    stage.play();
    Ok(stage.close())
}

/// Whoever is in the world.
enum Guest {
    Member(Box<Member>),
    Source(Source),
    /// Takes what sources send.
    Sink,
}

impl Host for Guest {
    fn handle(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, ecn: Ecn, d: &mut [u8]) {
        if let Self::Member(member) = self {
            member.handle(now, from, to, ecn, d);
        }
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        match self {
            Self::Member(member) => member.poll(now, out),
            Self::Source(source) => source.poll(now, out),
            Self::Sink => None,
        }
    }
}

/// A flow at work.
struct Pair {
    hosts: [HostId; 2],
    ledger: Ledger,
    start: Instant,
    samples: Vec<FlowSample>,
    delivered_bytes: u64,
    moves: u32,
}

/// A scene at work.
struct Stage<'a> {
    scene: &'a Scene<'a>,
    world: World<Guest>,
    began: Instant,
    pairs: Vec<Pair>,
    /// Which flow and side a host is.
    sides: BTreeMap<HostId, (usize, Side)>,
    links: Vec<(LinkId, Vec<LinkSample>)>,
}

impl<'a> Stage<'a> {
    fn new(scene: &'a Scene<'a>) -> Result<Self, SceneError> {
        let mut world = World::new(scene.seed);
        world.start_log();
        let mut links = Vec::new();
        for SceneLink { name, config } in &scene.links {
            let link = world.add_link(wired(config));
            let link = link.map_err(|error| SceneError::Link { name: name.clone(), error })?;
            links.push((link, Vec::new()));
        }
        let began = Instant::ZERO + RUN_UP + 2 * longest_rtt(scene);
        let (pairs, sides) = (Vec::new(), BTreeMap::new());
        let mut stage = Self { scene, world, began, pairs, sides, links };
        let dice = Dice::new(scene.seed);
        for (n, flow) in scene.flows.iter().enumerate() {
            stage.add_flow(n, flow, dice.fork(1).u64(n as u64));
        }
        for (n, cross) in scene.cross.iter().enumerate() {
            let [from, to] = [3, 4].map(|net| source_address(net, n));
            let source = Source::new(cross, to, began, dice.fork(2).fork(n as u64));
            let source = stage.world.add(Guest::Source(source), from);
            let sink = stage.world.add(Guest::Sink, to);
            let path = stage.path(&cross.links);
            stage.world.set_path(source, sink, &path);
        }
        Ok(stage)
    }

    fn add_flow(&mut self, n: usize, flow: &Flow<'_>, seed: u64) {
        let Flow { mode, workload, route, client_skew_ppm, .. } = flow;
        let start = self.began + flow.start;
        let ways = route.up.iter().chain(&route.down);
        let setup = Setup {
            seed,
            workload,
            rate_bps: ways.filter_map(|link| self.scene.links[*link].config.rate_bps).min(),
            rtt: rtt(self.scene, route),
        };
        let [client, server] = mode.ends(&setup);
        let client = Skewed::wrap(client, *client_skew_ppm);
        let addresses = [Side::Client, Side::Server].map(|side| address(side, n, 0));
        // Whoever asks early waits for long; whoever is asked must be there.
        let opens_at = start - (RUN_UP + 2 * setup.rtt);
        let mut add = |end, side: Side| {
            let player = Player::new(end, side, workload, seed, start);
            let opens_at = if side == Side::Client { opens_at } else { Instant::ZERO };
            let member = Member::new(player, side, addresses[side.peer() as usize], opens_at);
            let id = self.world.add(Guest::Member(Box::new(member)), addresses[side as usize]);
            self.world.set_header_bytes(id, mode.header_bytes());
            self.sides.insert(id, (n, side));
            id
        };
        let hosts = [add(client, Side::Client), add(server, Side::Server)];
        let [up, down] = [&route.up, &route.down].map(|links| self.path(links));
        self.world.set_path(hosts[0], hosts[1], &up);
        self.world.set_path(hosts[1], hosts[0], &down);
        let watch = self.began + self.scene.watch.start..self.began + self.scene.watch.end;
        let ledger = Ledger::new(start + workload.skip, watch, mode.header_bytes());
        let (samples, delivered_bytes, moves) = (Vec::new(), 0, 0);
        self.pairs.push(Pair { hosts, ledger, start, samples, delivered_bytes, moves });
    }

    fn path(&self, links: &[usize]) -> Vec<LinkId> {
        links.iter().map(|link| self.links[*link].0).collect()
    }

    /// Plays until the end, chapter by chapter: a chapter ends with every sample and every event.
    fn play(&mut self) {
        let end = self.began + self.scene.duration;
        let grace = (20 * longest_rtt(self.scene)).max(GRACE);
        let last = if self.scene.settles { end + grace } else { end };
        let mut events: Vec<_> = self.scene.events.iter().collect();
        events.sort_by_key(|event| event.at);
        let mut events = events.into_iter().peekable();
        let mut sample_at = self.began;
        loop {
            let event_at = events.peek().map(|event| self.began + event.at);
            let chapter = event_at.map_or(sample_at, |at| at.min(sample_at)).min(last);
            let outcome = self.world.run_until(chapter, |_| false);
            self.write_up();
            if chapter == sample_at {
                self.sample(sample_at);
                sample_at += self.scene.sample_every;
            }
            while let Some(event) = events.next_if(|event| self.began + event.at <= chapter) {
                self.apply(&event.change);
            }
            let is_done = chapter >= end && self.is_over();
            if chapter >= last || is_done || matches!(outcome, Outcome::Livelock { .. }) {
                break;
            }
        }
    }

    /// Enters what happened since the last time into the books of all flows.
    fn write_up(&mut self) {
        let mut logs: Vec<Vec<(Side, Logged)>> = self.pairs.iter().map(|_| Vec::new()).collect();
        for event in self.world.take_log() {
            let side = event.sender.and_then(|sender| self.sides.get(&sender));
            if let Some((n, side)) = side {
                logs[*n].push((*side, event));
            }
        }
        for (pair, log) in self.pairs.iter_mut().zip(logs) {
            let journals = pair.hosts.map(|id| match self.world.visit(id) {
                Guest::Member(member) => member.player.take_journal(),
                Guest::Source(_) | Guest::Sink => Journal::default(),
            });
            pair.delivered_bytes += pair.ledger.enter(journals, log);
        }
    }

    fn sample(&mut self, at: Instant) {
        for pair in &mut self.pairs {
            let [client, server] = pair.hosts.map(|id| match self.world.host(id) {
                Guest::Member(member) => member.player.probe(),
                Guest::Source(_) | Guest::Sink => None,
            });
            let delivered_bytes = pair.delivered_bytes;
            pair.samples.push(FlowSample { at, delivered_bytes, client, server });
        }
        for (id, samples) in &mut self.links {
            let link = self.world.link(*id);
            let backlog_bytes = link.queue().backlog(at);
            let wait = link.queue().wait(at);
            samples.push(LinkSample { at, backlog_bytes, wait, stats: link.stats() });
        }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Rebind { flow } | Change::Move { flow } => {
                let Some(pair) = self.pairs.get_mut(*flow) else { return };
                pair.moves += 1;
                let (client, address) = (pair.hosts[0], address(Side::Client, *flow, pair.moves));
                match change {
                    Change::Rebind { .. } => self.world.rebind(client, address),
                    _ => self.world.readdress(client, address),
                }
            }
            Change::Link { link, config } => {
                let Some((id, _)) = self.links.get(*link) else { return };
                // The scene was validated: this cannot fail.
                let _ = self.world.link_mut(*id).reconfigure(wired(config));
            }
        }
    }

    /// Whether all flows have got all that was sent, and nobody will send more.
    fn is_over(&self) -> bool {
        let now = self.world.now();
        self.pairs.iter().all(|pair| {
            let [client, server] = pair.hosts.map(|id| match self.world.host(id) {
                Guest::Member(member) => (member.player.final_offered(now), member.player.given()),
                Guest::Source(_) | Guest::Sink => (Some(0), 0),
            });
            client.0 == Some(server.1) && server.0 == Some(client.1)
        })
    }

    fn close(self) -> SceneRecord {
        let Self { scene, world, began, pairs, links, .. } = self;
        let ended = world.now();
        let flows = pairs.into_iter().zip(&scene.flows).map(|(pair, flow)| {
            let mut faults: Vec<String> = pair
                .hosts
                .iter()
                .flat_map(|id| match world.host(*id) {
                    Guest::Member(member) => member.player.faults(),
                    Guest::Source(_) | Guest::Sink => Vec::new(),
                })
                .collect();
            // What both ends say is one fault.
            faults.dedup();
            FlowRecord {
                name: flow.name.clone(),
                mode: flow.mode.name().to_owned(),
                record: pair.ledger.close(pair.start, ended, faults),
                samples: pair.samples,
            }
        });
        let flows = flows.collect();
        let links = links.into_iter().zip(&scene.links).map(|((id, samples), link)| {
            let (name, stats) = (link.name.clone(), world.link(id).stats());
            LinkRecord { name, stats, peak_bytes: world.link(id).queue().peak(), samples }
        });
        let links = links.collect();
        let (packets, trace_hash) = (world.packets(), world.trace_hash());
        SceneRecord { began, ended, flows, links, packets, trace_hash }
    }
}

/// A link that carries no larger packets than all modes can live with.
fn wired(config: &LinkConfig) -> LinkConfig {
    LinkConfig { mtu: Some(config.mtu.unwrap_or(PATH_MTU).min(PATH_MTU)), ..config.clone() }
}

/// The round trip of a route without queues.
fn rtt(scene: &Scene<'_>, route: &Route) -> Duration {
    route.up.iter().chain(&route.down).map(|link| scene.links[*link].config.delay).sum()
}

fn longest_rtt(scene: &Scene<'_>) -> Duration {
    scene.flows.iter().map(|flow| rtt(scene, &flow.route)).max().unwrap_or_default()
}

fn source_address(net: u8, n: usize) -> SocketAddr {
    let [.., high, low] = (n as u32).to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(10, net, high, low), 1000))
}
