//! One mode on one network.

use super::contender::{CLIENT, Contender, SERVER, Setup};
use super::ledger::Ledger;
use super::player::Player;
use super::record::Record;
use super::workload::Workload;
use crate::impair::{ImpairError, LinkConfig};
use crate::sim::{HostId, Logged, World};
use crate::time::{Duration, Instant};
use crate::wire::Side;
use std::ops::Range;

/// The largest IP packet that the links of a comparison carry.
pub const PATH_MTU: u64 = 1500;

/// A workload and the network that it meets.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What is sent.
    pub workload: Workload,
    /// From the client to the server; `overhead_bytes` and `mtu` are set by each mode and by
    /// [`PATH_MTU`].
    pub up: LinkConfig,
    /// From the server to the client.
    pub down: LinkConfig,
    /// Decides all that is random. The same seed is the same network to every mode.
    pub seed: u64,
    /// The stretch, from the workload's beginning, whose packets are kept one by one.
    pub watch: Range<Duration>,
}

impl Scenario {
    /// When the workload begins: handshakes come before it. It does not depend on the mode.
    pub fn start(&self) -> Instant {
        Instant::from_millis(1000) + 2 * self.rtt()
    }

    /// The round trip without queues.
    pub fn rtt(&self) -> Duration {
        self.up.delay + self.down.delay
    }

    /// How long what is under way when the workload ends may still take.
    fn grace(&self) -> Duration {
        (20 * self.rtt()).max(Duration::from_secs(5))
    }
}

/// How often the books are written up.
const CHAPTER: Duration = Duration::from_secs(1);

/// Runs one mode through a scenario, until everything has arrived, or for as long as the workload
/// lasts and then twenty round trips (5 s at least).
///
/// # Errors
///
/// The [`ImpairError`] of the first setting of a link that is out of its range.
pub fn run(contender: &dyn Contender, scenario: &Scenario) -> Result<Record, ImpairError> {
    let Scenario { workload, seed, watch, .. } = scenario;
    let start = scenario.start();
    let rates = [scenario.up.rate_bps, scenario.down.rate_bps];
    let setup = Setup {
        seed: *seed,
        workload,
        rate_bps: rates.into_iter().flatten().min(),
        rtt: scenario.rtt(),
    };
    let [client, server] = contender.ends(&setup);
    let player = |end, side| Player::new(end, side, workload, *seed, start);
    let mut world = World::new(*seed);
    let client = world.add(player(client, Side::Client), CLIENT);
    let server = world.add(player(server, Side::Server), SERVER);
    let overhead_bytes = contender.header_bytes();
    let link = |link: &LinkConfig| {
        let mtu = link.mtu.unwrap_or(PATH_MTU).min(PATH_MTU);
        LinkConfig { overhead_bytes, mtu: Some(mtu), ..link.clone() }
    };
    world.connect_hosts(client, server, link(&scenario.up), link(&scenario.down))?;
    world.start_log();
    let measured_from = start + workload.skip;
    let watch = start + watch.start..start + watch.end;
    let mut ledger = Ledger::new(measured_from, watch, overhead_bytes);
    let end = start + workload.duration + scenario.grace();
    loop {
        let chapter = (world.now() + CHAPTER).min(end);
        let outcome = world.run_until(chapter, |world| is_over(world, [client, server]));
        let journals = [client, server].map(|id| world.host_mut(id).take_journal());
        let side = |event: &Logged| {
            if event.sender == Some(client) { Side::Client } else { Side::Server }
        };
        ledger.enter(journals, world.take_log().into_iter().map(|event| (side(&event), event)));
        if outcome != crate::sim::Outcome::Deadline || world.now() >= end {
            break;
        }
    }
    let mut faults: Vec<String> =
        [client, server].into_iter().flat_map(|id| world.host(id).faults()).collect();
    // What both ends say is one fault.
    faults.dedup();
    Ok(ledger.close(start, world.now(), faults))
}

/// Whether all that will ever be sent has arrived.
fn is_over(world: &World<Player>, [client, server]: [HostId; 2]) -> bool {
    let (client, server) = (world.host(client), world.host(server));
    client.final_offered(world.now()) == Some(server.given())
        && server.final_offered(world.now()) == Some(client.given())
}
