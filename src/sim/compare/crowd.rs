//! Several senders who share one link: what all of them together get through, and who gets how much.

use super::contender::{Contender, Setup, peer_of};
use super::player::Player;
use super::race::{PATH_MTU, Scenario};
use super::record::Wire;
use super::workload::{Lane, Senders, Traffic, Workload};
use crate::impair::dice::Dice;
use crate::impair::{ImpairError, LinkConfig};
use crate::sim::{Host, HostId, LinkId, Outbox, World};
use crate::time::{Duration, Instant};
use crate::wire::{Ecn, Side};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;

/// The most pairs of one link.
pub const MAX_CROWD: u16 = 250;

/// Bytes of a message: one packet's worth in every mode.
const MESSAGE: u32 = 1000;
/// How often the journals are read.
const CHAPTER: Duration = Duration::from_millis(500);

/// What became of a crowd's messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crowding {
    /// Bytes of whole messages that each pair's receiver got, each message counted once, while it was
    /// measured.
    pub delivered: Vec<u64>,
    /// How long it was measured.
    pub measured: Duration,
    /// What all pairs sent into the link, towards the receivers, during the whole run.
    pub wire: Wire,
    /// Packets of these that the link dropped.
    pub dropped: u64,
}

impl Crowding {
    /// Bits of messages that arrived in all, per second.
    pub fn goodput_bps(&self) -> f64 {
        let bytes: u64 = self.delivered.iter().sum();
        bytes as f64 * 8.0 / self.measured.as_secs_f64().max(1e-9)
    }

    /// Jain's index: 1 if all pairs got as much, 1/n if one got all; 1 if none got anything.
    pub fn fairness(&self) -> f64 {
        let sum: f64 = self.delivered.iter().map(|bytes| *bytes as f64).sum();
        let squares: f64 = self.delivered.iter().map(|bytes| (*bytes as f64).powi(2)).sum();
        if sum > 0.0 { sum * sum / (squares * self.delivered.len() as f64) } else { 1.0 }
    }

    /// The share of packets that the link dropped, 0 to 1.
    pub fn dropped_share(&self) -> f64 {
        self.dropped as f64 / (self.wire.packets as f64).max(1.0)
    }
}

/// Messages from the client, so many bits of them per second.
pub fn offering(bps: f64, duration: Duration, skip: Duration) -> Workload {
    let every = Duration::from_secs_f64(f64::from(MESSAGE) * 8.0 / bps.max(1.0));
    let traffic = Traffic::Steady { from: Senders::Client, bytes: MESSAGE, every };
    let lanes = vec![Lane::new("load", traffic)];
    Workload { name: "load".to_owned(), lanes, duration, skip }
}

/// Lets so many pairs (at most [`MAX_CROWD`]) play the scenario's workload over its link, all at once.
/// What arrives between `skip` and the workload's end counts.
///
/// # Errors
///
/// The [`ImpairError`] of the first setting of a link that is out of its range.
pub fn crowd(
    contender: &dyn Contender,
    scenario: &Scenario,
    pairs: u16,
) -> Result<Crowding, ImpairError> {
    let mut world = World::new(scenario.seed);
    let overhead_bytes = contender.header_bytes();
    let link = |link: &LinkConfig| {
        let mtu = link.mtu.unwrap_or(PATH_MTU).min(PATH_MTU);
        LinkConfig { overhead_bytes, mtu: Some(mtu), ..link.clone() }
    };
    let up = world.add_link(link(&scenario.up))?;
    let down = world.add_link(link(&scenario.down))?;
    let start = scenario.start();
    let pairs: Vec<Pair> = (0..pairs.min(MAX_CROWD))
        .map(|n| Pair::new(contender, scenario, n, &mut world, [up, down]))
        .collect();
    let end = start + scenario.workload.duration;
    let measured = start + scenario.workload.skip..end;
    let mut books = vec![Book::default(); pairs.len()];
    while world.now() < end {
        let chapter = (world.now() + CHAPTER).min(end);
        let _ = world.run_until(chapter, |_| false);
        for (pair, book) in pairs.iter().zip(&mut books) {
            book.enter(*pair, &mut world, &measured);
        }
    }
    let stats = world.link(up).stats();
    Ok(Crowding {
        delivered: books.iter().map(|book| book.delivered).collect(),
        measured: scenario.workload.duration.saturating_sub(scenario.workload.skip),
        wire: Wire { packets: stats.packets, bytes: stats.bytes, ..Wire::default() },
        dropped: stats.lost + stats.overflowed + stats.blacked_out,
    })
}

/// Two hosts that talk to each other.
#[derive(Clone, Copy, Debug)]
struct Pair {
    client: HostId,
    server: HostId,
}

impl Pair {
    fn new(
        contender: &dyn Contender,
        scenario: &Scenario,
        n: u16,
        world: &mut World<Member>,
        [up, down]: [LinkId; 2],
    ) -> Self {
        let dice = Dice::new(scenario.seed).fork(n.into());
        let seed = dice.u64(0);
        let rates = [scenario.up.rate_bps, scenario.down.rate_bps];
        let setup = Setup {
            seed,
            workload: &scenario.workload,
            rate_bps: rates.into_iter().flatten().min(),
            rtt: scenario.rtt(),
        };
        let [client, server] = contender.ends(&setup);
        // Nobody begins exactly when others do.
        let late = dice.unit(1) * scenario.rtt().as_secs_f64();
        let start = scenario.start() + Duration::from_secs_f64(late);
        let addresses = [1, 2].map(|net| address(net, n));
        let member = |end, side: Side| {
            let player = Player::new(end, side, &scenario.workload, seed, start);
            Member {
                player,
                side,
                peer: addresses[side.peer() as usize],
                outbox: Outbox::default(),
            }
        };
        let client = world.add(member(client, Side::Client), addresses[0]);
        let server = world.add(member(server, Side::Server), addresses[1]);
        world.set_path(client, server, &[up]);
        world.set_path(server, client, &[down]);
        Self { client, server }
    }
}

fn address(net: u8, n: u16) -> SocketAddr {
    let [high, low] = n.to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(10, net, high, low), 1000))
}

/// One side of a pair: its end believes to have the addresses of [`super::contender`].
struct Member {
    player: Player,
    side: Side,
    peer: SocketAddr,
    outbox: Outbox,
}

impl Host for Member {
    fn handle(&mut self, now: Instant, _: SocketAddr, _: SocketAddr, ecn: Ecn, data: &mut [u8]) {
        let [peer, own] = [self.side, self.side.peer()].map(peer_of);
        self.player.handle(now, peer, own, ecn, data);
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        let deadline = self.player.poll(now, &mut self.outbox);
        for outgoing in self.outbox.take() {
            out.send(self.peer, outgoing.ecn, &outgoing.datagram);
            self.outbox.recycle(outgoing.datagram);
        }
        deadline
    }
}

/// What one pair's receiver got.
#[derive(Clone, Debug, Default)]
struct Book {
    /// The sizes of messages that have not come yet.
    sizes: BTreeMap<(u16, u32), u32>,
    delivered: u64,
}

impl Book {
    fn enter(&mut self, pair: Pair, world: &mut World<Member>, measured: &Range<Instant>) {
        let offered = world.host_mut(pair.client).player.take_journal().offered;
        self.sizes.extend(offered.iter().map(|offer| ((offer.lane, offer.number), offer.bytes)));
        for given in world.host_mut(pair.server).player.take_journal().given {
            let bytes = given.name.and_then(|name| self.sizes.remove(&name));
            if measured.contains(&given.at) {
                self.delivered += u64::from(bytes.unwrap_or_default());
            }
        }
    }
}
