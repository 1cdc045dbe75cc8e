//! Endpoints against each other, packet by packet.

use super::*;
use crate::time::Duration;
use crate::wire::RefuseReason;
use crate::wire::{BASE_PAYLOAD, Ecn, StreamId};

const CLIENT: ([u8; 4], u16) = ([127, 0, 0, 1], 1000);
const SERVER: ([u8; 4], u16) = ([127, 0, 0, 1], 2000);

/// Two endpoints joined by a wire that holds what is on it until it is delivered or dropped.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) ends: [Endpoint; 2],
    /// Per direction, from the client and from the server.
    pub(super) wire: [VecDeque<Vec<u8>>; 2],
    pub(super) events: [Vec<Event>; 2],
}

impl Pair {
    pub(super) fn new(server: Config) -> Self {
        let client = Endpoint::new(Config::default(), Rng::from_u64(1));
        let server = Endpoint::new(server, Rng::from_u64(2));
        Self {
            now: Instant::from_millis(1),
            ends: [client, server],
            wire: Default::default(),
            events: Default::default(),
        }
    }

    pub(super) fn listening() -> Self {
        Self::new(Config { is_listening: true, ..Config::default() })
    }

    pub(super) fn address(end: usize) -> SocketAddr {
        SocketAddr::from([CLIENT, SERVER][end])
    }

    /// Polls one end until it is idle.
    pub(super) fn poll(&mut self, end: usize) -> Option<Instant> {
        let mut buf = Vec::new();
        for _ in 0..100_000 {
            buf.clear();
            match self.ends[end].poll(self.now, &mut buf) {
                Output::Transmit(t) => {
                    self.wire[end].extend(t.datagrams(&buf).map(<[u8]>::to_vec));
                }
                Output::Event(event) => self.events[end].push(event),
                Output::Idle(at) => return at,
            }
        }
        panic!("an endpoint never comes to rest");
    }

    pub(super) fn deliver(&mut self, from: usize, mut packet: Vec<u8>) {
        let datagram =
            Datagram { from: Self::address(from), to: None, ecn: Ecn::NotEct, data: &mut packet };
        self.ends[1 - from].handle(self.now, datagram);
    }

    /// Everything on the wire arrives, and what it causes, until nothing moves.
    pub(super) fn settle(&mut self) {
        loop {
            self.poll(0);
            self.poll(1);
            if self.wire.iter().all(VecDeque::is_empty) {
                return;
            }
            for from in [0, 1] {
                while let Some(packet) = self.wire[from].pop_front() {
                    self.deliver(from, packet);
                }
            }
        }
    }

    /// Time passes until `until`, with each timer firing when it is due.
    pub(super) fn pass(&mut self, until: Instant) {
        loop {
            self.settle();
            let next = [self.poll(0), self.poll(1)].into_iter().flatten().min();
            match next.filter(|at| *at <= until) {
                Some(at) => self.now = at.max(self.now),
                None => break,
            }
        }
        self.now = until;
    }

    pub(super) fn connect(&mut self) -> (Handle, Handle) {
        let client = self.ends[0].connect(self.now, Self::address(1)).unwrap();
        self.settle();
        (client, self.ends[1].accept().expect("a connection"))
    }

    /// Up to the SYN-ACK: the client has an offer, and the server knows nothing.
    pub(super) fn connect_half(&mut self) -> Handle {
        let client = self.ends[0].connect(self.now, Self::address(1)).unwrap();
        for from in [0, 1] {
            self.poll(from);
            let packet = self.wire[from].pop_front().unwrap();
            self.deliver(from, packet);
        }
        client
    }

    pub(super) fn write(&mut self, end: usize, handle: Handle, data: &[u8]) -> usize {
        self.ends[end]
            .connection_mut(handle)
            .unwrap()
            .streams()
            .write(StreamId::ZERO, data)
            .unwrap()
    }

    pub(super) fn read(&mut self, end: usize, handle: Handle) -> Vec<u8> {
        let mut buf = vec![0; 1 << 20];
        let streams = self.ends[end].connection_mut(handle).unwrap().streams();
        let n = streams.read(StreamId::ZERO, &mut buf).unwrap_or(0);
        buf.truncate(n);
        buf
    }

    pub(super) fn ended(&self, end: usize, handle: Handle) -> Option<Ended> {
        self.ends[end].connection(handle)?.ended().cloned()
    }
}

#[test]
fn data_flows_both_ways_and_close_is_orderly() {
    let mut pair = Pair::listening();
    let (client, server) = pair.connect();
    assert!(pair.events[0].contains(&Event::Connection(client, ConnectionEvent::Connected)));
    assert_eq!(pair.write(0, client, b"question"), 8);
    pair.settle();
    assert_eq!(pair.read(1, server), b"question");
    pair.write(1, server, b"answer");
    pair.settle();
    assert_eq!(pair.read(0, client), b"answer");
    let now = pair.now;
    pair.ends[0].connection_mut(client).unwrap().close(now, 7, b"done", Duration::from_secs(2));
    pair.pass(pair.now + Duration::from_secs(1));
    let ended = pair.ended(0, client).unwrap();
    assert_eq!(ended.reason, CloseReason::Local(7));
    assert_eq!(
        (ended.outcome.acknowledged, ended.outcome.in_doubt, ended.outcome.unsent),
        (8, 0, 0)
    );
    assert_eq!(pair.ended(1, server).unwrap().reason, CloseReason::Peer(7, b"done".to_vec()));
    for (end, handle) in [(0, client), (1, server)] {
        pair.ends[end].forget(handle);
    }
    pair.pass(pair.now + Duration::from_secs(10));
    assert!(pair.ends[0].is_empty() && pair.ends[1].is_empty());
    assert_eq!((pair.poll(0), pair.poll(1)), (None, None), "no timer is left");
}

#[test]
fn a_server_keeps_nothing_for_a_syn() {
    let mut pair = Pair::listening();
    for _ in 0..100 {
        pair.ends[0].connect(pair.now, Pair::address(1)).unwrap();
    }
    pair.poll(0);
    let asked: usize = pair.wire[0].iter().map(Vec::len).sum();
    while let Some(packet) = pair.wire[0].pop_front() {
        assert_eq!(packet.len(), BASE_PAYLOAD);
        pair.deliver(0, packet);
    }
    pair.poll(1);
    assert_eq!(pair.ends[1].len(), 0);
    assert_eq!(pair.wire[1].len(), 100);
    assert!(pair.wire[1].iter().map(Vec::len).sum::<usize>() < asked);
}

#[test]
fn a_repeated_proof_makes_no_second_connection() {
    let mut pair = Pair::listening();
    let client = pair.connect_half();
    pair.write(0, client, b"once");
    pair.poll(0);
    let proofs: Vec<_> = pair.wire[0].iter().cloned().collect();
    pair.settle();
    let server = pair.ends[1].accept().unwrap();
    assert_eq!(pair.read(1, server), b"once");
    let now = pair.now;
    pair.ends[0].connection_mut(client).unwrap().close(now, 0, b"", Duration::ZERO);
    pair.ends[1].forget(server);
    pair.pass(pair.now + Duration::from_secs(20));
    assert_eq!(pair.ends[1].len(), 0);
    for packet in proofs {
        pair.deliver(0, packet);
    }
    pair.poll(1);
    assert_eq!((pair.ends[1].len(), pair.wire[1].len()), (0, 0));
    assert!(pair.ends[1].stats().bad_proofs > 0);
}

#[test]
fn a_stale_offer_is_asked_for_anew_and_loses_nothing() {
    let mut pair = Pair::listening();
    let client = pair.connect_half();
    pair.write(0, client, b"kept");
    pair.poll(0);
    pair.wire[0].clear();
    pair.now += COOKIE_LIFE + Duration::from_secs(1);
    pair.settle();
    let server = pair.ends[1].accept().expect("the second offer was taken");
    assert_eq!(pair.read(1, server), b"kept");
    assert_eq!(pair.ended(0, client), None);
}

#[test]
fn refusals_say_why() {
    let mut pair = Pair::new(Config::default());
    let client = pair.ends[0].connect(pair.now, Pair::address(1)).unwrap();
    pair.settle();
    let reason = pair.ended(0, client).unwrap().reason;
    assert_eq!(reason, CloseReason::Refused(RefuseReason::NotListening));

    let mut pair = Pair::new(Config { is_listening: true, backlog: 1, ..Config::default() });
    let first = pair.ends[0].connect(pair.now, Pair::address(1)).unwrap();
    pair.settle();
    let second = pair.ends[0].connect(pair.now, Pair::address(1)).unwrap();
    pair.settle();
    assert_eq!(pair.ended(0, first), None);
    let reason = pair.ended(0, second).unwrap().reason;
    assert_eq!(reason, CloseReason::Refused(RefuseReason::Busy));
}

#[test]
fn a_server_restarted_amid_the_handshake_refuses() {
    for (is_listening, expected) in
        [(true, RefuseReason::Unproven), (false, RefuseReason::NotListening)]
    {
        let mut pair = Pair::listening();
        let client = pair.connect_half();
        pair.write(0, client, b"in doubt");
        let config = Config { is_listening, ..Config::default() };
        pair.ends[1] = Endpoint::new(config, Rng::from_seed([77; 32]));
        pair.settle();
        let reason = pair.ended(0, client).expect("it is told").reason;
        assert_eq!(reason, CloseReason::Refused(expected));
        assert_eq!((pair.ends[1].len(), pair.ends[1].backlog()), (0, 0));
        assert!(pair.ends[1].stats().bad_proofs > 0);
    }
}

#[test]
fn a_restarted_server_resets_and_a_stranger_cannot() {
    let mut pair = Pair::listening();
    let (client, _) = pair.connect();
    pair.write(0, client, b"are you there");
    pair.poll(0);
    let sent = pair.wire[0].pop_front().unwrap();
    let server_id = pair.ends[0].connection(client).unwrap().remote_id().unwrap();
    let mut forged = Vec::new();
    let number = crate::wire::Truncated { low: 2, bytes: 1 };
    Reset { to: server_id, number, trailer: 0x1234_5678 }.encode(&mut forged);
    pair.deliver(1, forged);
    assert_eq!(pair.ended(0, client), None);
    pair.ends[1] =
        Endpoint::new(Config { is_listening: true, ..Config::default() }, Rng::from_u64(9));
    pair.deliver(0, sent);
    pair.settle();
    assert_eq!(pair.ended(0, client).unwrap().reason, CloseReason::Reset);
}

#[test]
fn damage_is_reported_and_repaired_at_once() {
    let mut pair = Pair::listening();
    let (client, server) = pair.connect();
    pair.write(0, client, &[7; 300]);
    pair.poll(0);
    let mut packet = pair.wire[0].pop_front().unwrap();
    packet[100] ^= 4;
    pair.deliver(0, packet);
    let before = pair.now;
    pair.settle();
    assert_eq!(pair.now, before, "no timer was needed");
    assert_eq!(pair.read(1, server), [7; 300]);
    let stats = pair.ends[0].connection(client).unwrap().stats();
    assert_eq!((stats.recovery.packets_damaged, stats.recovery.packets_lost), (1, 0));
    assert_eq!(pair.ends[1].connection(server).unwrap().stats().nacks_sent, 1);
}

#[test]
fn an_address_change_is_followed_when_proven() {
    let mut pair = Pair::listening();
    let (client, server) = pair.connect();
    pair.write(0, client, &[8; 100]);
    pair.poll(0);
    let elsewhere = SocketAddr::from(([127, 0, 0, 1], 3000));
    for _ in 0..20 {
        while let Some(mut packet) = pair.wire[0].pop_front() {
            let data = &mut packet[..];
            let datagram = Datagram { from: elsewhere, to: None, ecn: Ecn::NotEct, data };
            pair.ends[1].handle(pair.now, datagram);
        }
        pair.poll(1);
        while let Some(packet) = pair.wire[1].pop_front() {
            pair.deliver(1, packet);
        }
        pair.poll(0);
    }
    assert_eq!(pair.read(1, server), [8; 100]);
    assert_eq!(pair.ends[1].connection(server).unwrap().path().remote, elsewhere);
}

#[test]
fn a_silent_peer_is_noticed() {
    let mut pair = Pair::listening();
    let (client, _) = pair.connect();
    let from = pair.now;
    // Nothing reaches the server any more.
    while pair.ended(0, client).is_none() {
        let Some(at) = pair.poll(0) else { break };
        pair.wire[0].clear();
        pair.now = pair.now.max(at);
    }
    let ended = pair.ended(0, client).unwrap();
    assert_eq!(ended.reason, CloseReason::TimedOut);
    let config = connection::Config::default();
    let bound = config.keepalive.unwrap() + config.user_timeout;
    assert!(ended.at.saturating_since(from) <= bound + Duration::from_secs(2), "{}", ended.at);
}

#[test]
fn an_idle_connection_is_kept_alive() {
    let mut pair = Pair::listening();
    let (client, server) = pair.connect();
    pair.pass(pair.now + Duration::from_hours(1));
    assert_eq!((pair.ended(0, client), pair.ended(1, server)), (None, None));
    let packets = pair.ends[0].connection(client).unwrap().stats().sent.packets;
    assert!((100..1000).contains(&packets), "{packets} packets in an hour");
}

#[test]
fn nonsense_addresses_are_refused() {
    let mut end = Endpoint::new(Config::default(), Rng::from_u64(1));
    for address in ["1.2.3.4:0", "0.0.0.0:5", "224.0.0.1:5", "255.255.255.255:5", "[ff02::1]:5"] {
        let address = address.parse().unwrap();
        assert_eq!(end.connect(Instant::ZERO, address), Err(ConnectError::InvalidAddress(address)));
    }
}

/// A stranger's SYN from port 0, which no kernel sends to, draws nothing.
#[test]
fn nothing_is_sent_to_port_0() {
    let mut pair = Pair::listening();
    pair.ends[0].connect(pair.now, Pair::address(1)).unwrap();
    pair.poll(0);
    let mut syn = pair.wire[0].pop_front().unwrap();
    let from = SocketAddr::from(([127, 0, 0, 1], 0));
    let datagram = Datagram { from, to: None, ecn: Ecn::NotEct, data: &mut syn };
    pair.ends[1].handle(pair.now, datagram);
    pair.poll(1);
    assert!(pair.wire[1].is_empty());
    assert_eq!(pair.ends[1].stats().foreign, 1);
}

/// Each packet moves the deadline earlier and back: what that leaves behind is bounded.
#[test]
fn stale_deadlines_do_not_pile_up() {
    let mut pair = Pair::listening();
    // Its deadline comes first and hides what lies behind it.
    pair.connect();
    pair.pass(pair.now + Duration::from_millis(10));
    let (client, server) = pair.connect();
    for _ in 0..1500 {
        pair.write(0, client, b"x");
        pair.pass(pair.now + Duration::from_millis(7));
        assert_eq!(pair.read(1, server), b"x");
    }
    let held = pair.ends.each_ref().map(|end| end.deadlines.len());
    assert!(held.iter().all(|n| *n < 100), "{held:?}");
}
