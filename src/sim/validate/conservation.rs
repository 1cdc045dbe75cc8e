//! What holds in every world: nothing gets lost uncounted, arrives too soon, or depends on what it
//! should not depend on.

use super::Depth;
use super::check::{Check, Tolerance, unless_broken};
use crate::impair::dice::Dice;
use crate::impair::{Blackout, Damage, Fate, ImpairError, Link, LinkConfig, Loss, Region, Reorder};
use crate::sim::compare::{TowlineStream, Workload};
use crate::sim::scene::{Flow, Route, Scene, SceneError, SceneLink, run};
use crate::sim::{Happening, Host, HostId, Logged, Outbox, World};
use crate::time::{Duration, Instant, nanos};
use crate::wire::Ecn;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

const BOOKS: &str = "by definition";
const HOSTS: u8 = 6;
const PROPAGATION: Duration = Duration::from_millis(7);
const JITTER: Duration = Duration::from_millis(3);

pub(super) fn checks(depth: Depth) -> Vec<Check> {
    let (worlds, seconds) = if depth == Depth::Full { (50, 60) } else { (3, 20) };
    let mut checks = Vec::new();
    for seed in 1..=worlds {
        checks.extend(unless_broken(books(seed, &anything(seed), PROPAGATION, seconds)));
    }
    let orderly = LinkConfig { reorder: Reorder::default(), ..anything(1) };
    checks.extend(unless_broken(order(&orderly, seconds)));
    checks.extend(unless_broken(repeats([1, 1, 2], seconds)));
    checks.extend(unless_broken(shipped([1, 1, 2])));
    let packets = if depth == Depth::Full { 1_000_000 } else { 50_000 };
    let base = anything(1);
    for (name, changed) in without(&base) {
        checks.extend(unless_broken(independence(name, &base, &changed, 1, packets)));
    }
    checks
}

fn none(name: impl Into<String>, got: u64) -> Check {
    Check::new(name, BOOKS, 0.0, got as f64, Tolerance::Exact)
}

/// A link with everything wrong with it.
pub(super) fn anything(seed: u64) -> LinkConfig {
    let mean_bad = Duration::from_millis(30);
    LinkConfig {
        rate_bps: Some(2_000_000),
        capacity_bytes: 6000,
        mtu: Some(1400),
        delay: PROPAGATION + JITTER,
        jitter: JITTER,
        reorder: Reorder {
            by_jitter: true,
            share: 0.05,
            late_by: Duration::from_millis(20),
            ..Reorder::default()
        },
        loss: match seed % 3 {
            0 => Loss::Bernoulli { p: 0.05 },
            1 => Loss::Bursts { mean_loss: 0.05, mean_burst: 4.0 },
            _ => Loss::TimedBursts { mean_loss: 0.05, mean_bad },
        },
        duplicate: 0.05,
        damage: Damage { share: 0.05, region: Region::Anywhere, ..Damage::default() },
        truncate: 0.03,
        blackout: Blackout::Every {
            start: Instant::from_millis(900),
            period: Duration::from_secs(3),
            down: Duration::from_millis(200),
        },
        ..LinkConfig::default()
    }
}

/// Sends packets of any size to anybody at any time.
#[derive(Clone, Copy, Debug)]
struct Talker {
    number: u8,
    dice: Dice,
    draws: u64,
    next_at: Instant,
    until: Instant,
}

impl Talker {
    fn draw(&mut self, bound: u64) -> u64 {
        self.draws += 1;
        self.dice.below(self.draws, bound)
    }
}

impl Host for Talker {
    fn handle(&mut self, _: Instant, _: SocketAddr, _: SocketAddr, _: Ecn, _: &mut [u8]) {}

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        while self.next_at <= now && self.next_at < self.until {
            let to = (self.number + 1 + self.draw(u64::from(HOSTS)) as u8) % (HOSTS + 1);
            let bytes = self.draw(1500) as usize;
            out.send(address(to), Ecn::Ect0, &vec![to; bytes]);
            let gap = Duration::from_micros(1 + self.draw(10_000));
            self.next_at += gap;
        }
        (self.next_at < self.until).then_some(self.next_at)
    }
}

/// There is nobody at the last one.
fn address(number: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, number), 1))
}

/// A world where everybody talks to everybody, over a link to a hub and another one from it.
fn world(seed: u64, link: &LinkConfig, seconds: u64) -> Result<World<Talker>, ImpairError> {
    let mut world = World::new(seed);
    let dice = Dice::new(seed);
    let until = Instant::from_millis(seconds * 1000);
    let talker = |number| Talker {
        number,
        dice: dice.fork(number.into()),
        draws: 0,
        next_at: Instant::ZERO,
        until,
    };
    let hosts: Vec<HostId> = (0..HOSTS).map(|n| world.add(talker(n), address(n))).collect();
    for from in &hosts {
        let up = world.add_link(link.clone())?;
        for to in hosts.iter().filter(|to| *to != from) {
            let down = world.add_link(link.clone())?;
            world.set_path(*from, *to, &[up, down]);
        }
    }
    world.start_log();
    Ok(world)
}

/// What the log of a world says became of its packets.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    sent: u64,
    delivered: u64,
    dropped: u64,
    unroutable: u64,
    /// Deliveries sooner than light.
    early: u64,
}

impl Tally {
    fn of(log: &[Logged], propagation: Duration) -> Self {
        let mut tally = Self::default();
        let mut sent_at: BTreeMap<u64, Instant> = BTreeMap::new();
        for Logged { at, packet, happening, .. } in log {
            match happening {
                Happening::Sent | Happening::Injected => {
                    tally.sent += 1;
                    sent_at.insert(*packet, *at);
                }
                Happening::Dropped(_) => tally.dropped += 1,
                Happening::Unroutable => tally.unroutable += 1,
                Happening::Delivered { .. } => {
                    tally.delivered += 1;
                    let sent = sent_at.get(packet).copied().unwrap_or(*at);
                    tally.early += u64::from(at.saturating_since(sent) < propagation);
                }
            }
        }
        tally
    }
}

/// The books of a world: all packets at any instant, and whether any was faster than `propagation`
/// over each of its two links.
pub(super) fn books(
    seed: u64,
    model: &LinkConfig,
    propagation: Duration,
    seconds: u64,
) -> Result<Vec<Check>, ImpairError> {
    let mut world = world(seed, model, seconds)?;
    let mut log = Vec::new();
    let mut checks = Vec::new();
    // While much is still on its way, and when nothing is.
    for (when, until) in [("midway", Instant::from_millis(seconds * 1000)), ("end", Instant::MAX)] {
        let _ = world.run_until(until, |_| false);
        log.extend(world.take_log());
        let tally = Tally::of(&log, 2 * propagation);
        let copies: u64 = world.links().map(|(_, link)| link.stats().duplicated).sum();
        let gone = tally.delivered + tally.dropped + tally.unroutable + world.in_flight() as u64;
        let name = format!("world {seed}, {when}: packets and copies accounted for");
        let made = (tally.sent + copies) as f64;
        checks.push(Check::new(name, BOOKS, made, gone as f64, Tolerance::Exact));
        let name = format!("world {seed}, {when}: arrivals before two propagation delays");
        checks.push(none(name, tally.early));
    }
    let unbalanced = world.links().filter(|(_, link)| {
        let s = link.stats();
        let gone = s.lost + s.overflowed + s.blacked_out + s.oversize + s.policed + s.early;
        s.packets + s.duplicated != s.delivered + gone
    });
    let name = format!("world {seed}, end: links whose counts do not add up");
    checks.push(none(name, unbalanced.count() as u64));
    Ok(checks)
}

/// That nobody is overtaken on a link that does not reorder, whatever its jitter.
pub(super) fn order(model: &LinkConfig, seconds: u64) -> Result<Vec<Check>, ImpairError> {
    // Copies and everybody's own way aside: one way for all.
    let model = LinkConfig { duplicate: 0.0, ..model.clone() };
    let mut link = Link::new(model, 1)?;
    let dice = Dice::new(1);
    let (mut now, mut last, mut overtaken) = (Instant::ZERO, Instant::ZERO, 0);
    for n in 0..seconds * 1000 {
        now += Duration::from_micros(1 + dice.below(n, 2000));
        let size = dice.fork(n).below(0, 1300) as usize;
        for arrival in link.send(now, vec![0; size]) {
            overtaken += u64::from(arrival.at < last);
            last = last.max(arrival.at);
        }
    }
    Ok(vec![
        none("arrivals out of order with jitter and without reordering", overtaken),
        none("the same by the link's own count", link.stats().reordered),
    ])
}

/// That a seed is a run: the first two are the same one, the third is not.
pub(super) fn repeats(seeds: [u64; 3], seconds: u64) -> Result<Vec<Check>, ImpairError> {
    let mut hashes = Vec::new();
    for seed in seeds {
        let mut world = world(seed, &anything(1), seconds)?;
        let _ = world.run_until(Instant::MAX, |_| false);
        hashes.push(world.trace_hash());
    }
    Ok(same("a world of talkers", &hashes))
}

/// The same with the shipped core at both ends.
pub(super) fn shipped(seeds: [u64; 3]) -> Result<Vec<Check>, SceneError> {
    let mode = TowlineStream::default();
    let mut hashes = Vec::new();
    for seed in seeds {
        let config = LinkConfig { mtu: None, ..anything(1) };
        let link = |name: &str| SceneLink { name: name.to_owned(), config: config.clone() };
        let duration = Duration::from_secs(10);
        let flow = Flow {
            name: "flow".to_owned(),
            mode: &mode,
            workload: Workload::greedy(duration, Duration::ZERO),
            start: Duration::ZERO,
            route: Route { up: vec![0], down: vec![1] },
            client_skew_ppm: 0,
        };
        let links = vec![link("up"), link("down")];
        let scene = Scene { links, flows: vec![flow], ..Scene::new(duration, seed) };
        hashes.push(run(&scene)?.trace_hash);
    }
    Ok(same("a stream of the shipped core", &hashes))
}

fn same(what: &str, hashes: &[u64]) -> Vec<Check> {
    let differs = |n: usize| f64::from(u8::from(hashes.first() != hashes.get(n)));
    let name = |which: &str| format!("{what}: whether {which} gives another trace hash");
    vec![
        Check::new(name("the same seed"), BOOKS, 0.0, differs(1), Tolerance::Exact),
        Check::new(name("another seed"), BOOKS, 1.0, differs(2), Tolerance::Exact),
    ]
}

/// A link with one of its impairments off, and what that is called.
fn without(base: &LinkConfig) -> Vec<(&'static str, LinkConfig)> {
    let base = || base.clone();
    vec![
        ("loss", LinkConfig { loss: Loss::None, ..base() }),
        ("duplicates", LinkConfig { duplicate: 0.0, ..base() }),
        ("damage", LinkConfig { damage: Damage::default(), ..base() }),
        ("truncation", LinkConfig { truncate: 0.0, ..base() }),
        ("reordering", LinkConfig { reorder: Reorder { share: 0.0, ..base().reorder }, ..base() }),
        ("jitter", LinkConfig { jitter: Duration::ZERO, ..base() }),
        ("blackouts", LinkConfig { blackout: Blackout::Never, ..base() }),
    ]
}

/// What a link does to one packet, but for the impairment that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    is_lost: bool,
    is_copied: bool,
    /// Unless nothing of it is left to damage.
    is_damaged: Option<bool>,
    is_truncated: bool,
    /// How long it takes.
    stay_ns: u64,
}

/// Whether two verdicts agree on one impairment.
type SameFate = fn(&Verdict, &Verdict) -> bool;

/// How many packets meet another fate because of an impairment that is not theirs. The changed link
/// has the seed `seed`, and should have 1.
pub(super) fn independence(
    name: &str,
    base: &LinkConfig,
    changed: &LinkConfig,
    seed: u64,
    packets: u64,
) -> Result<Vec<Check>, ImpairError> {
    let [all, fewer] = [verdicts(base, 1, packets)?, verdicts(changed, seed, packets)?];
    let parts: [(&str, SameFate); 6] = [
        ("loss", |a, b| a.is_lost == b.is_lost),
        ("duplicates", |a, b| a.is_copied == b.is_copied),
        ("damage", |a, b| a.is_damaged.zip(b.is_damaged).is_none_or(|(a, b)| a == b)),
        ("truncation", |a, b| a.is_truncated == b.is_truncated),
        ("jitter", |a, b| a.stay_ns == b.stay_ns),
        ("reordering", |a, b| a.stay_ns == b.stay_ns),
    ];
    // The two kinds of delay are seen together only.
    let is_delay = |name: &str| ["jitter", "reordering"].contains(&name);
    let is_own = |part: &str| part == name || (is_delay(part) && is_delay(name));
    let is_same = |a: &Verdict, b: &Verdict| {
        // Of what is lost nothing else is known.
        let known = |part: &str| part == "loss" || !(a.is_lost || b.is_lost);
        parts.iter().all(|(part, is_same)| is_own(part) || !known(part) || is_same(a, b))
    };
    let pairs = all.iter().zip(&fewer).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
    let changed = pairs.filter(|(a, b)| !is_same(a, b));
    let changed = changed.count() as u64;
    Ok(vec![none(format!("packets whose other fates change without {name}"), changed)])
}

/// The fates of packets, without a rate: a copy that is not sent makes no room for others. `None`
/// for what a blackout swallowed.
fn verdicts(
    model: &LinkConfig,
    seed: u64,
    packets: u64,
) -> Result<Vec<Option<Verdict>>, ImpairError> {
    let mut link = Link::new(LinkConfig { rate_bps: None, ..model.clone() }, seed)?;
    let mut fates = Vec::new();
    for n in 0..packets {
        let now = Instant::from_millis(n);
        let arrivals = link.send(now, vec![7; 100]);
        let copies = arrivals.iter().count();
        let first = arrivals.iter().next();
        fates.push((arrivals.fate != Fate::BlackedOut).then(|| {
            Verdict {
                is_lost: arrivals.fate == Fate::Lost,
                is_copied: copies > 1,
                is_damaged: first
                    .filter(|arrival| !arrival.datagram.is_empty())
                    .map(|arrival| arrival.is_damaged),
                is_truncated: first.is_some_and(|arrival| arrival.is_truncated),
                stay_ns: first.map_or(0, |arrival| nanos(arrival.at.saturating_since(now))),
            }
        }));
    }
    Ok(fates)
}
