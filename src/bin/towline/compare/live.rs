//! The comparison in real time: over sockets of this machine's own, through the relay.

mod channels;
mod connection;
mod datagrams;
mod stage;
mod stream;

use super::modes;
use super::setting::Setting;
use super::trial::{Outcome, Run};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::relay::{Carrier, Links};
use stage::Stage;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::thread;
use std::time::Duration;
use towline::impair::{Link, LinkConfig};
use towline::rng::Rng;
use towline::sim::compare::{Contender, PATH_MTU, Record, Scenario, Wire, conclude};
use towline::time::Instant;

/// How often it is looked whether a run is over, and how far it is.
const LOOK: Duration = Duration::from_millis(10);
/// All threads are there before the workload begins.
const RUN_UP: Duration = Duration::from_millis(50);

/// How a mode travels over real sockets.
enum Way {
    /// Its ends are state machines, whose datagrams travel over plain sockets.
    Datagrams,
    /// As programs do it: two connections of the library, and what is opened on them.
    Connection(Box<dyn connection::Plan>),
}

fn way(mode: &str) -> Option<Way> {
    match mode {
        "udp" => Some(Way::Datagrams),
        "stream" => Some(Way::Connection(Box::new(stream::OneStream))),
        _ => {
            let channels = modes::channels().find(|channels| channels.name() == mode)?;
            Some(Way::Connection(Box::new(channels)))
        }
    }
}

/// Whether this mode can run in real time.
pub(super) fn carries(mode: &str) -> bool {
    way(mode).is_some()
}

/// Runs every mode with every seed, one after the other: they would disturb each other.
pub(super) fn all(setting: &Setting) -> Result<Vec<Outcome>, Failure> {
    let Setting { modes, scenario, seeds, .. } = setting;
    let span = scenario.workload.duration;
    let seconds = |runs: u64, more: Duration| (span * runs as u32 + more).as_secs();
    let bar = Progress::count(
        "comparing live, seconds",
        seconds(*seeds * modes.len() as u64, Duration::ZERO).max(1),
        !setting.is_quiet,
    );
    let mut outcomes: Vec<_> = modes.iter().map(|mode| Outcome::new(&**mode, true)).collect();
    let mut runs = 0;
    for seed in (0..*seeds).map(|n| scenario.seed.wrapping_add(n)) {
        let scenario = Scenario { seed, ..scenario.clone() };
        for (mode, outcome) in modes.iter().zip(&mut outcomes) {
            let Some(way) = way(mode.name()) else { continue };
            let progress = |passed: Duration| bar.set(seconds(runs, passed.min(span)));
            let record = run(&**mode, way, &scenario, &progress)
                .map_err(|error| Failure::local("cannot compare over real sockets", &error))?;
            let mut run = Run::of(&scenario.workload, record, false);
            // Nobody sees here when a message is whole: zeros would be no measurement.
            run.measures.waits.clear();
            run.lanes.iter_mut().for_each(|lane| lane.waits.clear());
            outcome.enter(seed, run);
            runs += 1;
        }
    }
    bar.end();
    outcomes.iter_mut().for_each(Outcome::conclude);
    Ok(outcomes)
}

fn run(
    mode: &dyn Contender,
    way: Way,
    scenario: &Scenario,
    progress: &dyn Fn(Duration),
) -> io::Result<Record> {
    let links = links(mode, scenario)?;
    match way {
        Way::Datagrams => datagrams::run(mode, scenario, links, progress),
        Way::Connection(plan) => connection::run(&*plan, scenario, links, progress),
    }
}

/// The network of the scenario, as this mode's packets meet it.
fn links(mode: &dyn Contender, scenario: &Scenario) -> io::Result<Links> {
    let mut seeds = Rng::from_u64(scenario.seed);
    let mut link = |link: &LinkConfig| {
        let mtu = Some(link.mtu.unwrap_or(PATH_MTU).min(PATH_MTU));
        let config = LinkConfig { overhead_bytes: mode.header_bytes(), mtu, ..link.clone() };
        Link::new(config, seeds.u64()).map_err(io::Error::other)
    };
    Ok(Links { up: link(&scenario.up)?, down: link(&scenario.down)? })
}

/// A socket that only this machine reaches.
fn socket() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
}

/// How long what is under way when the workload ends may still take, and how long a connection may
/// take to be made: as in virtual time, but that nobody waits for minutes.
fn grace(scenario: &Scenario) -> Duration {
    (20 * scenario.rtt()).clamp(Duration::from_secs(5), Duration::from_secs(30))
}

/// A run as whoever watches it sees it.
struct Watch<'a> {
    scenario: &'a Scenario,
    clock: Clock,
    /// When the workload begins.
    start: Instant,
    relay: &'a Carrier,
    progress: &'a dyn Fn(Duration),
}

impl Watch<'_> {
    fn measured_from(&self) -> Instant {
        self.start + self.scenario.workload.skip
    }

    /// Waits until everything has arrived, or the time is over, or nothing has moved for `quiet`
    /// after all was sent; returns what the packets cost.
    fn wait(&self, stages: [&Stage; 2], quiet: Option<Duration>) -> Wire {
        let end = self.start + self.scenario.workload.duration + grace(self.scenario);
        let mut before = None;
        let (mut seen, mut moved_at) = (Wire::default(), self.start);
        loop {
            thread::park_timeout(LOOK);
            let now = self.clock.now();
            (self.progress)(now.saturating_since(self.start));
            let (wire, is_empty) = self.wire();
            if now >= self.measured_from() {
                before.get_or_insert(wire);
            }
            if wire != seen || !is_empty {
                (seen, moved_at) = (wire, now);
            }
            let is_still = quiet.is_some_and(|quiet| now.saturating_since(moved_at) >= quiet);
            if now >= end || stage::are_done(stages, now, is_still) {
                let before = before.unwrap_or(wire);
                let (packets, bytes) = (wire.packets - before.packets, wire.bytes - before.bytes);
                return Wire { packets, bytes, ..Wire::default() };
            }
        }
    }

    /// What has been sent so far, and whether all of it has left the relay.
    fn wire(&self) -> (Wire, bool) {
        let carried = self.relay.carried();
        let (up, down) = (carried.up.link, carried.down.link);
        let (packets, bytes) = (up.packets + down.packets, up.bytes + down.bytes);
        let is_empty = carried.up.pending + carried.down.pending == 0;
        (Wire { packets, bytes, ..Wire::default() }, is_empty)
    }

    fn record(&self, stages: [Stage; 2], wire: Wire, faults: Vec<String>) -> Record {
        let mut applications = stages.map(Stage::into_application);
        let times = [self.start, self.measured_from(), self.clock.now()];
        conclude(applications.each_mut(), times, wire, faults)
    }
}
