//! Outages: survived, and their end noticed within about a second, whatever was lost.

use crate::net::{
    Net, Pair, START, client_address, endpoint, endpoint_config, listening, path, server_address,
};
use towline::connection::{Config, Congestion, ConnectionEvent};
use towline::endpoint::{Endpoint, Event, Handle};
use towline::impair::{Blackout, LinkConfig};
use towline::sim::{App, Closing, Node, Outcome, Plan, Transfer, World};
use towline::time::{Duration, Instant};
use towline::wire::StreamId;

const RTT: Duration = Duration::from_millis(50);
const BYTES: u64 = 20_000_000;
/// After the end of an outage: the longest interval between probes, and what probe and answer take.
const NOTICED: Duration = Duration::from_millis(1200 + 50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Down {
    Both,
    Up,
    Back,
}

/// The same link both ways, of which `down` are silent from `at` on.
fn links(rate_mbps: u64, down: Down, at: Instant, silence: Duration) -> [LinkConfig; 2] {
    let link = |is_down| {
        let blackout =
            if is_down { Blackout::During(vec![at..at + silence]) } else { Blackout::Never };
        LinkConfig { blackout, ..path(rate_mbps, RTT) }
    };
    [link(down != Down::Back), link(down != Down::Up)]
}

/// Returns how long after its end the outage's end was noticed.
fn bulk(congestion: Congestion, rate_mbps: u64, down: Down, silence: Duration) -> Duration {
    let what = format!("{congestion:?}, {rate_mbps} Mbit/s, {down:?} for {silence:?}");
    let at = START + if rate_mbps > 50 { RTT * 14 } else { RTT * 60 };
    let mut config = Config::default();
    config.congestion = congestion;
    let mut pair = Pair::bulk(1, &config, links(rate_mbps, down, at, silence), BYTES);
    let s = pair.server;
    let read =
        |world: &Net| world.host(s).app.flows.first().map_or(0, towline::sim::Flow::bytes_received);
    let end = at + silence;
    let _ = pair.world.run_until(end, |_| false);
    let before = read(&pair.world);
    assert!(before > BYTES / 10 && before < BYTES, "{what}: {before} bytes before");
    let outcome = pair.world.run_until(end + Duration::from_mins(1), |world| read(world) > before);
    let noticed = pair.world.now().saturating_since(end);
    assert_eq!(outcome, Outcome::Done, "{what}");
    let took = pair.run_bulk(Duration::from_mins(10)).map(|took| took.saturating_sub(silence));
    println!("{what}: noticed after {noticed:?}, took {took:?} beside it");
    assert!(noticed <= NOTICED, "{what}: noticed after {noticed:?}");
    assert_eq!((read(&pair.world), pair.complaints()), (BYTES, vec![]), "{what}");
    assert_eq!(pair.client_flow().ended, None, "{what}");
    noticed
}

/// Both controllers, both rates, in every direction.
#[test]
fn bulk_transfers_go_on() {
    for congestion in [Congestion::Bbr, Congestion::NewReno] {
        for rate_mbps in [20, 100] {
            for down in [Down::Both, Down::Up, Down::Back] {
                for silence in [5, 60] {
                    bulk(congestion, rate_mbps, down, Duration::from_secs(silence));
                }
            }
        }
    }
}

/// Wherever between two probes the outage ends.
#[test]
fn the_end_is_noticed_whenever_it_comes() {
    for congestion in [Congestion::Bbr, Congestion::NewReno] {
        let ends = (0..12).map(|n| Duration::from_millis(8000 + n * 97));
        let noticed = ends.map(|silence| bulk(congestion, 100, Down::Both, silence));
        let (worst, best) = noticed.fold((Duration::ZERO, NOTICED), |(worst, best), noticed| {
            (worst.max(noticed), best.min(noticed))
        });
        assert!(worst > best * 3, "{best:?} to {worst:?}: the ends were not spread");
    }
}

const MESSAGE: usize = 100;
const EVERY: Duration = Duration::from_secs(1);

/// A client that writes a small message every second, or a server that reads.
#[derive(Default)]
struct Trickle {
    writes: bool,
    handle: Option<Handle>,
    next: Option<Instant>,
    written: u64,
    read: u64,
    last_read: Instant,
    ended: bool,
}

impl App for Trickle {
    fn on_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        self.handle = self.handle.or_else(|| endpoint.accept());
        let Some(handle) = self.handle else { return };
        match event {
            Event::Connection(_, ConnectionEvent::Connected) => self.next = Some(now),
            Event::Connection(_, ConnectionEvent::Closed) => self.ended = true,
            _ => {}
        }
        let streams = endpoint.connection_mut(handle).unwrap().streams();
        while let Ok(n @ 1..) = streams.read(StreamId::ZERO, &mut [0; 4096]) {
            (self.read, self.last_read) = (self.read + n as u64, now);
        }
    }

    fn work(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        if self.writes && self.handle.is_none() && now >= START {
            self.handle = endpoint.connect(now, server_address()).ok();
            return true;
        }
        let Some(connection) = self.handle.and_then(|handle| endpoint.connection_mut(handle))
        else {
            return false;
        };
        let is_due = self.next.is_some_and(|at| at <= now);
        if is_due {
            assert_eq!(connection.streams().write(StreamId::ZERO, &[7; MESSAGE]), Ok(MESSAGE));
            self.written += MESSAGE as u64;
            self.next = Some(now + EVERY);
        }
        is_due
    }

    fn deadline(&self) -> Option<Instant> {
        let begins = (self.writes && self.handle.is_none()).then_some(START);
        [begins, self.next].into_iter().flatten().min()
    }
}

/// A message a second: when the line is back, all that was written meanwhile comes at once.
#[test]
fn small_messages_go_on() {
    for down in [Down::Both, Down::Up, Down::Back] {
        for silence in [5, 60] {
            let at = START + Duration::from_millis(10_300);
            let silence = Duration::from_secs(silence);
            let [up, back] = links(20, down, at, silence);
            let mut world = World::new(1);
            let client = Trickle { writes: true, ..Trickle::default() };
            let client = Node::new(endpoint(endpoint_config(Config::default()), 1, 1), client);
            let server =
                Node::new(endpoint(listening(Config::default()), 1, 2), Trickle::default());
            let client = world.add(client, client_address());
            let server = world.add(server, server_address());
            world.connect_hosts(client, server, up, back).unwrap();
            let end = at + silence;
            let _ = world.run_until(end, |_| false);
            let written = world.host(client).app.written;
            let outcome = world.run_until(end + Duration::from_mins(1), |world| {
                world.host(server).app.read >= written
            });
            let noticed = world.now().saturating_since(end);
            println!("{down:?} for {silence:?}: all there after {noticed:?}");
            assert!(
                outcome == Outcome::Done && noticed <= NOTICED,
                "{down:?} {silence:?} {noticed:?}"
            );
            // Some minutes later it still works as if nothing had been.
            let _ = world.run_until(end + Duration::from_mins(5), |_| false);
            for id in [client, server] {
                assert!(!world.host(id).app.ended && world.host(id).faults.is_empty());
            }
            let (sent, got) = (world.host(client).app.written, &world.host(server).app);
            assert!(got.read + MESSAGE as u64 >= sent, "{} of {sent}", got.read);
            assert!(world.now().saturating_since(got.last_read) <= EVERY + RTT);
        }
    }
}

/// Nothing passes while the client asks, or while it proves itself.
#[test]
fn handshakes_go_on() {
    let silence = Duration::from_secs(5);
    let after = [Duration::ZERO, RTT / 4, RTT * 3 / 4, RTT * 5 / 4];
    for down in [Down::Both, Down::Up, Down::Back] {
        for at in after.map(|after| START + after) {
            let plan = Plan { send: vec![100_000], close: Closing::Done(1), ..Plan::default() };
            let client = Transfer::client(START, server_address(), plan);
            let server = Transfer::server(Plan { send: vec![1000], ..Plan::default() });
            let mut config = Config::default();
            config.connect_timeout = Duration::from_secs(20);
            let links = links(20, down, at, silence);
            let mut pair = Pair::new(1, &config, links, client, server);
            let outcome = pair.world.run_until(START + Duration::from_mins(3), |_| false);
            assert!(outcome == Outcome::Idle && pair.is_empty(), "{down:?} at {at}: {outcome:?}");
            assert_eq!(pair.world.host(pair.server).app.flows.len(), 1);
            assert_eq!(pair.server_flow().bytes_received(), 100_000);
            assert_eq!(pair.client_flow().bytes_received(), 1000);
            assert_eq!(pair.complaints(), [] as [String; 0]);
            let connected = pair.client_flow().connected_at.unwrap();
            assert!(connected <= at + silence + NOTICED, "{down:?} at {at}: {connected}");
            let server = pair.server_flow();
            let accepted = server.begun_at.max(at + silence);
            assert!(accepted <= at + silence + NOTICED + RTT, "{down:?} at {at}: {accepted}");
        }
    }
}
