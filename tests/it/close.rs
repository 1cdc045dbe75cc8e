//! Ends: exact about what became of the data, told once to each side, and forgotten by both.

use crate::net::{
    Net, Pair, START, client_address, endpoint, endpoint_config, ensure, for_seeds, path,
    server_address,
};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use towline::connection::{CloseOutcome, CloseReason, Config, Congestion};
use towline::impair::{Blackout, LinkConfig, Loss, Reorder};
use towline::ranges::RangeSet;
use towline::rng::Rng;
use towline::sim::{Closing, Happening, Node, Outcome, PacketEvent, Plan, Transfer};
use towline::time::{Duration, Instant};
use towline::wire::{Crc32, Frame, Frames, Header, Opening, Reader, StreamId};

const RTT: Duration = Duration::from_millis(40);

/// The bytes of stream 0 in a packet.
fn stream_bytes(datagram: &[u8], mut each: impl FnMut(Range<u64>)) {
    let Ok((header, header_len)) = Header::decode(datagram) else { return };
    let end = datagram.len().saturating_sub(Crc32::LEN);
    let Some(mut body) = datagram.get(header_len..end) else { return };
    if let Header::Ack(_) = header {
        let mut reader = Reader::new(body);
        Opening::decode(&mut reader).expect("an intact packet");
        body = reader.rest();
    } else if !matches!(header, Header::Data(_)) {
        return;
    }
    for frame in Frames::new(body) {
        if let Frame::Stream(stream) = frame.expect("an intact packet")
            && stream.id == StreamId::ZERO
        {
            let offset = stream.offset.expand(0);
            each(offset..offset + stream.data.len() as u64);
        }
    }
}

/// The bytes of stream 0 that whole packets have brought to each side, and when: client, server.
type Arrived = Arc<Mutex<[Vec<(Instant, Range<u64>)>; 2]>>;

fn watch(pair: &mut Pair) -> Arrived {
    let arrived = Arrived::default();
    let seen = arrived.clone();
    pair.world.set_tap(move |event: &PacketEvent<'_>| {
        if matches!(event.happening, Happening::Delivered { is_damaged: false, .. }) {
            let who = usize::from(event.to == server_address());
            let seen = &mut seen.lock().expect("no panic")[who];
            stream_bytes(event.datagram, |range| seen.push((event.at, range)));
        }
    });
    arrived
}

fn link(rng: &mut Rng) -> LinkConfig {
    let mut link = path(1 + rng.below(100), RTT);
    if rng.chance(0.8) {
        link.loss = Loss::Bernoulli { p: rng.unit() * 0.2 };
    }
    if rng.chance(0.3) {
        link.duplicate = 0.1;
        link.reorder = Reorder { share: 0.1, late_by: RTT, ..Reorder::default() };
    }
    link
}

/// Either side closes at a random time with data on its way, or both do.
fn part(seed: u64) -> Result<(), String> {
    let rng = &mut Rng::from_u64(seed);
    let mut config = Config::default();
    if rng.chance(0.5) {
        config.congestion = Congestion::NewReno;
    }
    let at = START + Duration::from_millis(rng.below(600));
    let closing = |rng: &mut Rng, at: Instant| {
        Closing::At(at, Duration::from_secs(if rng.chance(0.5) { 2 } else { 0 }))
    };
    let mut plans = [(); 2].map(|()| Plan { send: vec![1_000_000], ..Plan::default() });
    match rng.below(3) {
        0 => plans[0].close = closing(rng, at),
        1 => plans[1].close = closing(rng, at),
        _ => {
            plans[0].close = closing(rng, at);
            let late = Duration::from_millis([0, 0, rng.below(60)][rng.below(3) as usize]);
            plans[1].close = closing(rng, at + late);
        }
    }
    let [client, server] = plans;
    let client = Transfer::client(START, server_address(), client);
    let links = [link(rng), link(rng)];
    let mut pair = Pair::new(seed, &config, links, client, Transfer::server(server));
    let arrived = watch(&mut pair);
    let ids = [pair.client, pair.server];
    let mut written = [0; 2];
    let outcome = pair.world.run_until(START + Duration::from_mins(5), |world: &Net| {
        for (id, written) in ids.into_iter().zip(&mut written) {
            let connections = world.host(id).endpoint.connections();
            let most = connections.map(|(_, c)| c.stats().data.written).max();
            *written = most.unwrap_or(0).max(*written);
        }
        false
    });
    // No timer is left, and nobody is remembered.
    ensure!(outcome == Outcome::Idle && pair.is_empty(), "{outcome:?} at {}", pair.world.now());
    let complaints = pair.complaints();
    ensure!(complaints.is_empty(), "{complaints:?}");
    let arrived = arrived.lock().expect("no panic");
    for (me, peer) in [(0, 1), (1, 0)] {
        let flows = ids.map(|id| pair.world.host(id).app.flows.first());
        let Some(flow) = flows[me] else { continue };
        let Some(ended) = &flow.ended else { return Err(format!("side {me} never ended")) };
        let CloseOutcome { acknowledged, in_doubt, unsent, .. } = ended.outcome;
        let read = flows[peer].map_or(0, towline::sim::Flow::bytes_received);
        // What comes after its end the peer throws away.
        let until = flows[peer].and_then(|flow| flow.ended.as_ref()).map_or(Instant::MAX, |e| e.at);
        let mut taken = RangeSet::new();
        let in_time = arrived[peer].iter().filter(|(at, _)| *at <= until);
        let has: u64 = in_time.map(|(_, range)| taken.insert(range.clone())).sum();
        let what = format!("side {me} {ended:?}, the peer has {has} and read {read}");
        ensure!(acknowledged + in_doubt + unsent == written[me], "{what}, wrote {}", written[me]);
        ensure!(acknowledged <= has, "{what}: acknowledged what never came");
        ensure!(read <= acknowledged + in_doubt, "{what}: read what was never sent");
        if in_doubt + unsent == 0 {
            ensure!(read == written[me], "{what}: all was acknowledged");
        }
        let orderly = matches!(
            ended.reason,
            CloseReason::Local(0) | CloseReason::Peer(0, _) | CloseReason::Reset
        );
        ensure!(orderly, "{what}");
    }
    Ok(())
}

#[test]
fn outcomes_are_exact() {
    for_seeds("close", 1000, part);
}

/// One side has finished long before the other: what it opened stays open for the answer.
#[test]
fn half_closed_streams_carry_the_other_half() {
    for (up, back) in [(100_000, 3_000_000), (3_000_000, 100_000), (0, 1_000_000), (1_000_000, 0)] {
        let plan = Plan { send: vec![up], close: Closing::Done(1), ..Plan::default() };
        let client = Transfer::client(START, server_address(), plan);
        let server = Transfer::server(Plan { send: vec![back], ..Plan::default() });
        let links = [path(20, RTT), path(20, RTT)];
        let mut pair = Pair::new(1, &Config::default(), links, client, server);
        let outcome = pair.world.run_until(START + Duration::from_mins(5), |_| false);
        assert!(outcome == Outcome::Idle && pair.is_empty(), "{outcome:?}");
        assert_eq!(pair.server_flow().bytes_received(), up);
        assert_eq!(pair.client_flow().bytes_received(), back);
        assert_eq!(pair.complaints(), [] as [String; 0]);
        for flow in [pair.client_flow(), pair.server_flow()] {
            let outcome = flow.ended.as_ref().unwrap().outcome;
            assert_eq!((outcome.in_doubt, outcome.unsent), (0, 0));
        }
    }
}

fn closing_at(at: Instant) -> Pair {
    let close = Closing::At(at, Duration::from_secs(2));
    let plan = Plan { send: vec![10_000], close, ..Plan::default() };
    let client = Transfer::client(START, server_address(), plan);
    let server = Transfer::server(Plan::default());
    Pair::new(1, &Config::default(), [path(20, RTT), path(20, RTT)], client, server)
}

/// However many CLOSEs are lost, both sides end, each once; the keepalive tells of the last.
#[test]
fn lost_closes() {
    let at = START + Duration::from_secs(1);
    for lost in 0..=10 {
        let mut pair = closing_at(at);
        let _ = pair.world.run_until(at - Duration::from_millis(1), |_| false);
        let link = pair.world.link_mut(pair.up);
        let next = link.stats().packets;
        let mut script = RangeSet::new();
        script.insert(next..next + lost);
        link.reconfigure(LinkConfig { loss: Loss::Script(script), ..path(20, RTT) }).unwrap();
        let outcome = pair.world.run_until(START + Duration::from_mins(5), |_| false);
        assert!(outcome == Outcome::Idle && pair.is_empty(), "{lost} lost: {outcome:?}");
        assert_eq!(pair.complaints(), [] as [String; 0]);
        let ends = [pair.client_flow(), pair.server_flow()].map(|f| f.ended.clone().unwrap());
        let [client, server] = ends;
        assert_eq!((client.reason, client.outcome.acknowledged), (CloseReason::Local(0), 10_000));
        let heard = server.at.saturating_since(at);
        if lost < 8 {
            assert_eq!(server.reason, CloseReason::Peer(0, vec![]), "{lost} lost");
            let bound = RTT
                + Duration::from_millis(
                    200 * ((1 << lost.min(3)) - 1) + 1000 * lost.saturating_sub(3),
                );
            assert!(heard <= bound, "{lost} lost: {heard:?}, not {bound:?}");
        } else {
            assert_eq!(server.reason, CloseReason::Reset, "{lost} lost");
            let keepalive = Config::default().keepalive.unwrap();
            assert!(heard <= keepalive + Duration::from_secs(1), "{lost} lost: {heard:?}");
        }
    }
}

/// Whoever is cut off for ever is noticed within `keepalive + user_timeout`, or within `idle_timeout` where
/// there is no keepalive; idle or with data on its way, and whenever it happens.
#[test]
fn a_dead_peer_is_noticed_within_the_bound() {
    let secs = Duration::from_secs;
    for (keepalive, user, idle) in
        [(Some(15), 90, 90), (Some(2), 10, 1), (Some(30), 1, 90), (None, 90, 20), (None, 5, 60)]
    {
        let mut config = Config::default();
        config.keepalive = keepalive.map(secs);
        (config.user_timeout, config.idle_timeout) = (secs(user), secs(idle));
        let bound = keepalive.map_or(idle, |keepalive| keepalive + user);
        // An idle timeout counts from when something was heard, however long before.
        let least = if keepalive.is_some() { user } else { 0 };
        for bytes in [0, 10_000_000] {
            for millis in [100, 700, 2900, 17_000] {
                let at = START + Duration::from_millis(millis);
                let gone = Blackout::During(vec![at..Instant::MAX]);
                let gone = LinkConfig { blackout: gone, ..path(20, RTT) };
                let client = Transfer::client(START, server_address(), Plan::default());
                let server = Transfer::server(Plan { send: vec![bytes], ..Plan::default() });
                let mut pair = Pair::new(1, &config, [gone.clone(), gone], client, server);
                let outcome = pair.world.run_until(START + Duration::from_mins(10), |_| false);
                assert!(outcome == Outcome::Idle && pair.is_empty(), "{outcome:?}");
                for flow in [pair.client_flow(), pair.server_flow()] {
                    let ended = flow.ended.as_ref().unwrap();
                    assert_eq!(ended.reason, CloseReason::TimedOut);
                    let after = ended.at.saturating_since(at);
                    let what =
                        format!("{keepalive:?} {user} {idle}: {bytes} bytes at {at}: {after:?}");
                    // What was on its way still arrives.
                    assert!(after <= secs(bound) + RTT, "{what}");
                    // A packet may have left up to a round trip before.
                    assert!(after + RTT * 5 >= secs(least), "{what} already");
                }
                if bytes > 0 && millis < 4000 {
                    // Data was on its way.
                    let after = pair.server_flow().ended.as_ref().unwrap().at.saturating_since(at);
                    assert!(after <= secs(user) + RTT, "{user}: the sender after {after:?}");
                }
                assert_eq!(pair.complaints(), [] as [String; 0]);
            }
        }
    }
}

/// The client's host starts anew and knows of nothing: it says so at the first packet.
#[test]
fn a_client_that_starts_anew_is_noticed() {
    let config = Config::default();
    for bytes in [0, 10_000_000] {
        let client = Transfer::client(START, server_address(), Plan::default());
        let server = Transfer::server(Plan { send: vec![bytes], ..Plan::default() });
        let mut pair = Pair::new(1, &config, [path(20, RTT), path(20, RTT)], client, server);
        let at = START + Duration::from_millis(700);
        let _ = pair.world.run_until(at, |_| false);
        assert_eq!(pair.world.address(pair.client), client_address());
        let anew = endpoint(endpoint_config(config.clone()), 1, 3);
        *pair.world.host_mut(pair.client) = Node::new(anew, Transfer::default());
        let outcome = pair.world.run_until(START + Duration::from_mins(10), |_| false);
        assert!(outcome == Outcome::Idle && pair.is_empty(), "{outcome:?}");
        let ended = pair.server_flow().ended.as_ref().unwrap();
        assert_eq!(ended.reason, CloseReason::Reset);
        let silence = if bytes == 0 { config.keepalive.unwrap() } else { Duration::ZERO };
        let after = ended.at.saturating_since(at);
        assert!(after <= silence + RTT * 3, "{bytes} bytes: after {after:?}");
    }
}
