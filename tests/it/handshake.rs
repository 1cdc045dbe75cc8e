//! Connecting over networks that lose, repeat and reorder, to servers that are full, forgetful or
//! under attack: one connection per `connect`, and every byte once.

use crate::net::{
    Net, Pair, START, client_address, endpoint, endpoint_config, ensure, for_seeds, listening,
    server_address,
};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use towline::connection::{CloseReason, Config, ConnectionEvent};
use towline::endpoint::{Endpoint, Event, Handle};
use towline::impair::{Blackout, LinkConfig, Loss, Reorder};
use towline::rng::Rng;
use towline::sim::{App, Closing, Flow, Happening, Node, Outcome, Plan, Recorded, Transfer, World};
use towline::time::{Duration, Instant};
use towline::wire::{
    ConnectionId, Ecn, Header, Parameters, RefuseReason, StreamId, Syn, VERSION, VersionList,
};

const RTT: Duration = Duration::from_millis(100);

/// A handshake that nobody gives up, whatever is lost.
fn patient() -> Config {
    let mut config = Config::default();
    config.connect_timeout = Duration::from_secs(90);
    config
}

fn clean() -> LinkConfig {
    LinkConfig { delay: RTT / 2, ..LinkConfig::default() }
}

fn lossy(p: f64) -> LinkConfig {
    LinkConfig { loss: Loss::Bernoulli { p }, ..clean() }
}

/// Loses, doubles and reorders nearly every third packet each.
fn awful(rng: &mut Rng) -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(5 + rng.below(60)),
        jitter: Duration::from_millis(5),
        reorder: Reorder {
            by_jitter: true,
            share: 0.3,
            late_by: Duration::from_millis(1 + rng.below(200)),
            ..Reorder::default()
        },
        duplicate: 0.3,
        loss: Loss::Bernoulli { p: 0.3 },
        ..LinkConfig::default()
    }
}

fn kind(datagram: &[u8]) -> Option<Header> {
    Header::decode(datagram).ok().map(|(header, _)| header)
}

/// A request and its answer over a network at its worst, then every proof once more.
fn ask(seed: u64) -> Result<(), String> {
    let rng = &mut Rng::from_u64(seed);
    let (request, answer) = (rng.below(3000), rng.below(3000));
    let plan = Plan { send: vec![request], close: Closing::Done(1), ..Plan::default() };
    let client = Transfer::client(START, server_address(), plan);
    let server = Transfer::server(Plan { send: vec![answer], ..Plan::default() });
    let mut pair = Pair::new(seed, &patient(), [awful(rng), awful(rng)], client, server);
    pair.world.start_recording();
    let (c, s) = (pair.client, pair.server);
    let is_over = |world: &Net| {
        world.host(c).app.flows.iter().any(|flow| flow.ended.is_some())
            && world.host(c).endpoint.is_empty()
            && world.host(s).endpoint.is_empty()
    };
    let outcome = pair.world.run_until(START + Duration::from_mins(5), is_over);
    ensure!(outcome == Outcome::Done, "{outcome:?} at {}", pair.world.now());
    let proofs: Vec<Recorded> = pair.world.stop_recording();
    check(&pair, request, answer)?;
    // Whoever was on the path plays the client's packets again, in their order and from its address.
    let again = proofs.into_iter().filter(|p| matches!(kind(&p.datagram), Some(Header::Ack(_))));
    for (n, proof) in again.enumerate() {
        let at = pair.world.now() + Duration::from_millis(n as u64);
        pair.world.inject(at, proof.from, proof.to, proof.ecn, proof.datagram);
    }
    let _ = pair.world.run_until(pair.world.now() + Duration::from_secs(30), |world| {
        !world.host(s).endpoint.is_empty()
    });
    ensure!(pair.is_empty(), "a repeated proof made a connection");
    check(&pair, request, answer)
}

fn check(pair: &Pair, request: u64, answer: u64) -> Result<(), String> {
    let servers = &pair.world.host(pair.server).app.flows;
    ensure!(servers.len() == 1, "{} connections for one connect", servers.len());
    let (sent, got) = (servers[0].bytes_received(), pair.client_flow().bytes_received());
    ensure!((sent, got) == (request, answer), "{sent} of {request} and {got} of {answer} arrived");
    let reason = pair.client_flow().ended.as_ref().map(|ended| &ended.reason);
    ensure!(reason == Some(&CloseReason::Local(0)), "the client ended with {reason:?}");
    let complaints = pair.complaints();
    ensure!(complaints.is_empty(), "{complaints:?}");
    Ok(())
}

#[test]
fn one_connection_for_each_connect() {
    for_seeds("handshake", 1500, ask);
}

/// Proofs are repeated while their cookies live, long after the connection has closed and been
/// forgotten; the ones that were recorded are all there were.
#[test]
fn proofs_do_not_work_twice() {
    let plan = Plan { send: vec![700], close: Closing::Done(1), ..Plan::default() };
    let client = Transfer::client(START, server_address(), plan);
    let server = Transfer::server(Plan::default());
    let mut pair = Pair::new(1, &patient(), [clean(), clean()], client, server);
    pair.world.start_recording();
    let outcome = pair.world.run_until(START + Duration::from_secs(20), |_| false);
    assert_eq!((outcome, pair.is_empty()), (Outcome::Idle, true));
    let recorded = pair.world.stop_recording();
    let proofs: Vec<_> =
        recorded.iter().filter(|p| matches!(kind(&p.datagram), Some(Header::Ack(_)))).collect();
    assert!(!proofs.is_empty());
    let mut sent = 0;
    for second in [5, 10, 20, 28, 29] {
        let proof = proofs[sent % proofs.len()].clone();
        let at = START + Duration::from_secs(second);
        pair.world.inject(at, proof.from, proof.to, proof.ecn, proof.datagram);
        sent += 1;
    }
    pair.world.start_recording();
    let _ = pair.world.run_until(START + Duration::from_mins(1), |_| false);
    assert_eq!(pair.world.stop_recording(), [], "no answer");
    let node = pair.world.host(pair.server);
    assert_eq!((node.app.flows.len(), node.endpoint.len()), (1, 0));
    assert_eq!(node.endpoint.stats().bad_proofs, sent as u64);
    assert_eq!(node.app.flows[0].bytes_received(), 700);
}

#[test]
fn a_server_that_speaks_first_is_heard() {
    for_seeds("handshake_first", 300, |seed| {
        let rng = &mut Rng::from_u64(seed);
        let client = Transfer::client(START, server_address(), Plan::default());
        let server = Transfer::server(Plan { send: vec![5000], ..Plan::default() });
        let mut pair = Pair::new(seed, &patient(), [awful(rng), awful(rng)], client, server);
        let c = pair.client;
        let heard = |world: &Net| world.host(c).app.flows.iter().any(|f| f.finished() > 0);
        let outcome = pair.world.run_until(START + Duration::from_secs(100), heard);
        ensure!(outcome == Outcome::Done, "{outcome:?}: {:?}", pair.client_flow());
        let bytes = pair.client_flow().bytes_received();
        ensure!(bytes == 5000 && pair.complaints().is_empty(), "{bytes} {:?}", pair.complaints());
        Ok(())
    });
}

/// Two clients and room for one: the second is told so, be it with its SYN or with its ACK.
fn crowd(gap: Duration) -> (bool, Option<CloseReason>) {
    let plan = || Plan { send: vec![10], ..Plan::default() };
    let client = Transfer::client(START, server_address(), plan());
    let client = client.and_connect(START + gap, server_address(), plan());
    let mut world = World::new(1);
    let mut full = listening(Config::default());
    full.backlog = 1;
    let node = Node::new(endpoint(endpoint_config(Config::default()), 1, 1), client);
    let client = world.add(node, client_address());
    // An application that accepts nobody.
    let server = Node::new(endpoint(full, 1, 2), Transfer::default());
    let server = world.add(server, server_address());
    world.connect_hosts(client, server, clean(), clean()).expect("valid links");
    let _ = world.run_until(START + Duration::from_secs(5), |_| false);
    let flows = &world.host(client).app.flows;
    assert_eq!(world.host(server).endpoint.len(), 1);
    assert!(flows[0].connected_at.is_some() && flows[0].ended.is_none());
    let reason = flows[1].ended.as_ref().map(|ended| ended.reason.clone());
    (flows[1].connected_at.is_some(), reason)
}

#[test]
fn a_full_backlog_is_busy() {
    let busy = Some(CloseReason::Refused(RefuseReason::Busy));
    assert_eq!(crowd(RTT * 3), (false, busy.clone()), "the SYN is refused");
    assert_eq!(crowd(Duration::from_millis(1)), (true, busy), "the ACK is refused");
}

/// Until the server accepts, what it sent is never more than what it got, at any moment.
#[test]
fn nothing_is_amplified() {
    for_seeds("handshake_amplification", 200, |seed| {
        let rng = &mut Rng::from_u64(seed);
        let plan = Plan { send: vec![4000], ..Plan::default() };
        let client = Transfer::client(START, server_address(), plan);
        let server = Transfer::server(Plan { send: vec![100_000], ..Plan::default() });
        let mut pair = Pair::new(seed, &patient(), [awful(rng), awful(rng)], client, server);
        let ratio = Arc::new(Mutex::new((0usize, 0usize, 0f64)));
        let seen = ratio.clone();
        pair.world.set_tap(move |event| {
            let (got, sent, worst) = &mut *seen.lock().unwrap();
            match event.happening {
                Happening::Delivered { .. } if event.to == server_address() => {
                    *got += event.datagram.len();
                }
                Happening::Sent if event.from == server_address() => {
                    *sent += event.datagram.len();
                    *worst = worst.max(*sent as f64 / *got as f64);
                }
                _ => {}
            }
        });
        let s = pair.server;
        let accepted = |world: &Net| !world.host(s).endpoint.is_empty();
        let outcome = pair.world.run_until(START + Duration::from_secs(100), accepted);
        let (got, sent, worst) = *ratio.lock().unwrap();
        ensure!(outcome == Outcome::Done && sent > 0, "{outcome:?}, {sent} bytes sent");
        ensure!(worst <= 1.0, "{worst}: {sent} bytes for {got}");
        Ok(())
    });
}

/// Strangers' SYNs cost the server no memory and its friends no time.
#[test]
fn a_flood_of_spoofed_syns_leaves_nothing_behind() {
    const FLOOD: u32 = 100_000;
    const PER_MS: u32 = 20;
    let flood_for = Duration::from_millis(u64::from(FLOOD / PER_MS));
    let plan = Plan { send: vec![100_000], close: Closing::Done(1), ..Plan::default() };
    let asked_at = START + flood_for / 2;
    let client = Transfer::client(asked_at, server_address(), plan);
    let server = Transfer::server(Plan { send: vec![10], ..Plan::default() });
    let mut pair = Pair::new(1, &Config::default(), [clean(), clean()], client, server);
    let block = Parameters::default().encode(0);
    let (mut sent, mut most, mut most_before) = (0u32, 0, 0);
    for ms in 0..u64::from(FLOOD / PER_MS) {
        let at = START + Duration::from_millis(ms);
        for _ in 0..PER_MS {
            sent += 1;
            let from = SocketAddr::from(((0x0b00_0000 + sent).to_be_bytes(), 7));
            let mut syn = Vec::new();
            Syn::encode(ConnectionId(u64::from(sent)), 1, 0, &[VERSION], &block, &mut syn);
            pair.world.inject(at, from, server_address(), Ecn::NotEct, syn);
        }
        let outcome = pair.world.run_until(at, |_| false);
        assert_ne!(outcome, Outcome::Done);
        let node = pair.world.host(pair.server);
        most = most.max(node.endpoint.len());
        if at < asked_at {
            most_before = most_before.max(node.endpoint.len() + node.peak_memory);
        }
    }
    assert_eq!((sent, most_before, most), (FLOOD, 0, 1));
    let connected = pair.client_flow().connected_at.unwrap();
    assert!(connected <= asked_at + RTT + Duration::from_millis(1), "{connected}");
    assert_eq!(pair.server_flow().bytes_received(), 100_000);
    let _ = pair.world.run_until(START + Duration::from_mins(1), |_| false);
    let node = pair.world.host(pair.server);
    assert!(pair.is_empty() && node.endpoint.memory() == 0 && pair.complaints().is_empty());
}

#[test]
fn another_version_is_answered_with_ours() {
    let server = Transfer::server(Plan::default());
    let quiet = Transfer::default();
    let mut pair = Pair::new(1, &Config::default(), [clean(), clean()], quiet, server);
    let block = Parameters::default().encode(0);
    let answers = |pair: &mut Pair, versions: &[u32]| {
        let mut syn = Vec::new();
        Syn::encode(ConnectionId(9), 77, 0, versions, &block, &mut syn);
        pair.world.start_recording();
        let (from, to) = (client_address(), server_address());
        pair.world.inject(pair.world.now(), from, to, Ecn::NotEct, syn);
        let _ = pair.world.run_until(pair.world.now() + Duration::from_secs(5), |_| false);
        assert_eq!(pair.world.host(pair.server).endpoint.len(), 0);
        let sent = pair.world.stop_recording();
        sent.into_iter().map(|r| r.datagram).collect::<Vec<_>>()
    };
    let only = answers(&mut pair, &[0x544c_0002, 0x0a0a_0a0a]);
    let [answer] = &only[..] else { panic!("{} answers", only.len()) };
    let Ok((Header::Version(client), header)) = Header::decode(answer) else {
        panic!("{answer:?}")
    };
    let (nonce, versions) = VersionList::decode_packet(answer, header).unwrap();
    let versions: Vec<u32> = versions.iter().collect();
    assert_eq!((client, nonce, &versions[..]), (ConnectionId(9), 77, &[VERSION][..]));
    let both = answers(&mut pair, &[0x0a0a_0a0a, VERSION]);
    assert!(matches!(kind(&both[0]), Some(Header::SynAck(ConnectionId(9)))), "{}", both.len());
    assert_eq!(both.len(), 1);
}

/// The ACK comes after the cookie's life: the client is told so, and loses nothing by it.
#[test]
fn an_expired_cookie_is_stale_and_queued_data_arrives() {
    for (silence, expires) in [(20, false), (40, true), (80, true)] {
        let mut up = clean();
        // The SYN leaves at `START`; nothing that follows gets through.
        let from = START + Duration::from_millis(1);
        up.blackout = Blackout::During(vec![from..from + Duration::from_secs(silence)]);
        let plan = Plan { send: vec![50_000], close: Closing::Done(1), ..Plan::default() };
        let client = Transfer::client(START, server_address(), plan);
        let server = Transfer::server(Plan { send: vec![100], ..Plan::default() });
        let mut pair = Pair::new(1, &Config::default(), [up, clean()], client, server);
        let stale = Arc::new(Mutex::new(0));
        let seen = stale.clone();
        pair.world.set_tap(move |event| {
            if event.happening == Happening::Sent
                && matches!(kind(event.datagram), Some(Header::Stale(_)))
            {
                *seen.lock().unwrap() += 1;
            }
        });
        let outcome = pair.world.run_until(START + Duration::from_secs(200), |_| false);
        assert_eq!((outcome, pair.is_empty()), (Outcome::Idle, true));
        assert_eq!(*stale.lock().unwrap() > 0, expires, "after {silence} s");
        assert_eq!(pair.world.host(pair.server).app.flows.len(), 1);
        assert_eq!(pair.server_flow().bytes_received(), 50_000);
        assert_eq!(pair.client_flow().bytes_received(), 100);
        let ended = pair.client_flow().ended.clone().unwrap();
        assert_eq!(ended.reason, CloseReason::Local(0));
        assert_eq!((ended.outcome.in_doubt, ended.outcome.unsent), (0, 0));
        assert_eq!(pair.complaints(), [] as [String; 0]);
        let bound = from + Duration::from_secs(silence) + Duration::from_millis(1200) + RTT * 4;
        let last_at = pair.server_flow().received.values().map(|r| r.last_at).max().unwrap();
        assert!(last_at <= bound, "after {silence} s: {last_at}, not {bound}");
    }
}

/// The server took the connection, did its work and closed, and no word of that came back. When the
/// client's proof has expired, it must not be told to begin anew: its data would come twice.
#[test]
fn a_used_cookie_that_expires_makes_no_second_connection() {
    for silence in [40, 60] {
        let mut down = clean();
        // The SYN-ACK is on its way by then, and all that follows is lost.
        let from = START + RTT / 2 + Duration::from_millis(1);
        down.blackout = Blackout::During(vec![from..START + Duration::from_secs(silence)]);
        let plan = Plan { send: vec![500], ..Plan::default() };
        let client = Transfer::client(START, server_address(), plan);
        let close = Closing::At(START + RTT * 4, Duration::from_millis(100));
        let server = Transfer::server(Plan { close, ..Plan::default() });
        let mut pair = Pair::new(1, &Config::default(), [clean(), down], client, server);
        let outcome = pair.world.run_until(START + Duration::from_secs(200), |_| false);
        assert_eq!((outcome, pair.is_empty()), (Outcome::Idle, true));
        let servers = &pair.world.host(pair.server).app.flows;
        let read: Vec<u64> = servers.iter().map(Flow::bytes_received).collect();
        assert_eq!(read, [500]);
        let ended = pair.client_flow().ended.clone().unwrap();
        assert_eq!((ended.reason, ended.outcome.in_doubt), (CloseReason::TimedOut, 500));
    }
}

/// The application closes while its data still waits for a server that answers STALE in the end: the
/// data is delivered all the same, and the connection ends.
#[test]
fn a_close_that_lingers_survives_a_new_beginning() {
    let mut up = clean();
    let from = START + Duration::from_millis(1);
    up.blackout = Blackout::During(vec![from..from + Duration::from_secs(40)]);
    let close = Closing::At(START + Duration::from_secs(1), Duration::from_secs(80));
    let plan = Plan { send: vec![500], close, ..Plan::default() };
    let client = Transfer::client(START, server_address(), plan);
    let server = Transfer::server(Plan::default());
    let mut pair = Pair::new(1, &Config::default(), [up, clean()], client, server);
    let outcome = pair.world.run_until(START + Duration::from_secs(200), |_| false);
    assert_eq!((outcome, pair.is_empty()), (Outcome::Idle, true));
    assert_eq!(pair.server_flow().bytes_received(), 500);
    let ended = pair.client_flow().ended.clone().expect("an end");
    assert_eq!((ended.reason, ended.outcome.in_doubt), (CloseReason::Local(0), 0));
    assert!(ended.at < START + Duration::from_secs(50), "{:?}", ended.at);
}

/// A client that asks once, or a server that answers when it has the question.
struct Asker {
    asks: bool,
    handle: Option<Handle>,
    heard: Option<Instant>,
}

impl App for Asker {
    fn on_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        self.handle = self.handle.or_else(|| endpoint.accept());
        let Some(handle) = self.handle else { return };
        let Some(connection) = endpoint.connection_mut(handle) else { return };
        let streams = connection.streams();
        if self.asks && matches!(event, Event::Connection(_, ConnectionEvent::Connected)) {
            assert_eq!(streams.write(StreamId::ZERO, &[1; 100]), Ok(100));
        }
        if self.heard.is_none() && streams.read(StreamId::ZERO, &mut [0; 100]).is_ok() {
            self.heard = Some(now);
            if !self.asks {
                assert_eq!(streams.write(StreamId::ZERO, &[2; 100]), Ok(100));
            }
        }
    }

    fn work(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        let begins = self.asks && self.handle.is_none() && now >= START;
        if begins {
            self.handle = endpoint.connect(now, server_address()).ok();
        }
        begins
    }

    fn deadline(&self) -> Option<Instant> {
        (self.asks && self.handle.is_none()).then_some(START)
    }
}

/// From `connect` to the first byte of the answer, in round trips, sorted.
fn response_times(loss: f64, runs: u64) -> Vec<f64> {
    let time = |seed| {
        let mut world = World::new(seed);
        let asker = |asks| Asker { asks, handle: None, heard: None };
        let client = endpoint(endpoint_config(patient()), seed, 1);
        let client = world.add(Node::new(client, asker(true)), client_address());
        let server = endpoint(listening(patient()), seed, 2);
        let server = world.add(Node::new(server, asker(false)), server_address());
        world.connect_hosts(client, server, lossy(loss), lossy(loss)).expect("valid links");
        let deadline = START + Duration::from_secs(100);
        let outcome = world.run_until(deadline, |w| w.host(client).app.heard.is_some());
        assert_eq!(outcome, Outcome::Done, "seed {seed} at {loss}");
        world.now().saturating_since(START).as_secs_f64() / RTT.as_secs_f64()
    };
    let mut times: Vec<f64> = (1..=runs).map(time).collect();
    times.sort_by(f64::total_cmp);
    times
}

#[test]
fn time_to_the_first_byte() {
    let share = |times: &[f64], p: f64| times[(times.len() as f64 * p) as usize];
    for (loss, p50, p90) in [(0.0, 2.05, 2.05), (0.05, 2.05, 5.0), (0.2, 5.0, 9.0)] {
        let times = response_times(loss, 1000);
        let [a, b, c] = [0.5, 0.9, 0.99].map(|p| share(&times, p));
        println!("loss {loss}: p50 {a:.2} p90 {b:.2} p99 {c:.2} round trips");
        assert!(a <= p50 && b <= p90, "loss {loss}: p50 {a:.2} p90 {b:.2}");
    }
}
