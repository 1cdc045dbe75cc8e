//! Packets and foreign datagrams on one socket: each comes to whom it is for, and strangers get no answer.

use super::super::tests::Pair;
use super::*;
use crate::endpoint::{CloseReason, Config, Handle, Output};
use crate::rng::Rng;
use crate::time::{Duration, Instant};
use crate::wire::{ConnectionId, Numbered, RefuseReason, Truncated};

const STRANGER: ([u8; 4], u16) = ([192, 0, 2, 9], 9);
/// More than any test here keeps waiting.
const AMPLE: Option<usize> = Some(1 << 30);

fn config() -> Config {
    Config { is_listening: true, plain: AMPLE, ..Config::default() }
}

/// Two endpoints with plain datagrams; the second one listens.
fn pair() -> Pair {
    let mut pair = Pair::new(config());
    pair.ends[0] = Endpoint::new(Config { is_listening: false, ..config() }, Rng::from_u64(1));
    pair
}

fn handle(end: &mut Endpoint, from: impl Into<SocketAddr>, data: &[u8]) {
    let data = &mut data.to_vec()[..];
    let datagram = Datagram { from: from.into(), to: None, ecn: Ecn::NotEct, data };
    end.handle(Instant::from_millis(1), datagram);
}

/// Everything that waits.
fn arrived(end: &mut Endpoint) -> Vec<(SocketAddr, Vec<u8>)> {
    std::iter::from_fn(|| end.recv_from()).collect()
}

fn random(rng: &mut Rng, max_len: u64) -> Vec<u8> {
    let mut data = vec![0; rng.below(max_len + 1) as usize];
    rng.fill(&mut data);
    data
}

/// A header of any kind, with a right check, for an id that nobody has.
fn random_header(rng: &mut Rng) -> Header {
    let id = ConnectionId(rng.u64());
    let bytes = 1 + rng.below(4) as usize;
    let low = rng.u64() >> (64 - 8 * bytes);
    let numbered = Numbered {
        to: id,
        number: Truncated { low, bytes },
        ack_eliciting: rng.below(2) == 0,
        key_phase: rng.below(2) == 0,
        spare: rng.below(2) == 0,
    };
    match rng.below(8) {
        0 => Header::Syn(id),
        1 => Header::SynAck(id),
        2 => Header::Refuse(id),
        3 => Header::Stale(id),
        4 => Header::Version(id),
        5 => Header::Reset(numbered),
        6 => Header::Ack(numbered),
        _ => Header::Data(numbered),
    }
}

/// What no endpoint takes for a packet of its own: noise, text, and headers that are right with noise
/// behind them.
fn foreign(rng: &mut Rng) -> Vec<u8> {
    let mut data = Vec::new();
    match rng.below(4) {
        0 => return random(rng, 40),
        1 => return random(rng, 1500),
        2 => return b"GET / HTTP/1.1"[..rng.below(15) as usize].to_vec(),
        _ => random_header(rng).encode(&mut data),
    }
    data.extend(random(rng, 1300));
    data
}

#[test]
fn packets_and_foreign_datagrams_share_a_socket() {
    let mut pair = pair();
    let mut rng = Rng::from_u64(7);
    let mut expected: [Vec<(SocketAddr, Vec<u8>)>; 2] = Default::default();
    let mut mix = |pair: &mut Pair| {
        for _ in 0..3 {
            let (end, data) = (rng.below(2) as usize, foreign(&mut rng));
            // A peer may send plain datagrams too: the address decides nothing.
            let from = [STRANGER.into(), Pair::address(1 - end)][rng.below(2) as usize];
            handle(&mut pair.ends[end], from, &data);
            expected[end].push((from, data));
        }
    };
    mix(&mut pair);
    let client = pair.ends[0].connect(pair.now, Pair::address(1)).unwrap();
    mix(&mut pair);
    pair.settle();
    let server = pair.ends[1].accept().unwrap();
    let (mut sent, mut got) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..200_u32 {
        for (end, handle) in [(0, client), (1, server)] {
            let data: Vec<u8> = (0..500).map(|i| (round + i * 3 + end as u32) as u8).collect();
            assert_eq!(pair.write(end, handle, &data), data.len());
            sent[end].extend(data);
            pair.poll(end);
            mix(&mut pair);
            while let Some(packet) = pair.wire[end].pop_front() {
                pair.deliver(end, packet);
                mix(&mut pair);
            }
        }
        pair.pass(pair.now + Duration::from_millis(30));
        got[1].extend(pair.read(0, client));
        got[0].extend(pair.read(1, server));
    }
    assert!(got == sent, "the connection lost nothing and took nothing else");
    for end in [0, 1] {
        assert!(
            arrived(&mut pair.ends[end]) == expected[end],
            "untouched, in order, and all of it"
        );
        let stats = pair.ends[end].stats();
        assert_eq!((stats.foreign, stats.unknown, stats.damaged, stats.repaired), (0, 0, 0, 0));
        let (_, connection) = pair.ends[end].connections().next().unwrap();
        assert_eq!(connection.stats().nacks_sent, 0);
    }
}

#[test]
fn nothing_foreign_is_answered_or_changed() {
    let mut rng = Rng::from_u64(3);
    let mut end = Endpoint::new(config(), Rng::from_u64(2));
    for _ in 0..20_000 {
        let data = foreign(&mut rng);
        handle(&mut end, STRANGER, &data);
        assert_eq!(end.recv_from(), Some((STRANGER.into(), data)));
    }
    let mut buf = Vec::new();
    let event = end.poll(Instant::from_millis(1), &mut buf);
    assert_eq!(event, Output::Event(Event::Datagram));
    let idle = end.poll(Instant::from_millis(1), &mut buf);
    assert_eq!(idle, Output::Idle(None), "no answer, no timer");
    assert!(end.is_empty());
}

/// The first packet of a connection.
fn syn() -> (Pair, Handle, Vec<u8>) {
    let mut pair = pair();
    let client = pair.ends[0].connect(pair.now, Pair::address(1)).unwrap();
    pair.poll(0);
    let syn = pair.wire[0].pop_front().unwrap();
    (pair, client, syn)
}

#[test]
fn a_syn_is_the_protocols_unless_a_bit_of_it_is_wrong() {
    let (mut pair, _, syn) = syn();
    for bit in 0..syn.len() * 8 {
        let mut damaged = syn.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        pair.deliver(0, damaged.clone());
        assert_eq!(pair.ends[1].recv_from(), Some((Pair::address(0), damaged)), "bit {bit}");
    }
    pair.deliver(0, syn);
    assert_eq!(pair.ends[1].recv_from(), None);
    pair.poll(1);
    assert_eq!(pair.wire[1].len(), 1, "the SYN-ACK, and no other answer");
}

/// Each answer of a server is taken by the client with that id, is foreign to everybody else, and is
/// foreign if it is damaged.
#[test]
fn an_answer_is_the_protocols_where_its_id_is_known() {
    let (mut pair, client, syn) = syn();
    let id = pair.ends[0].connection(client).unwrap().local_id();
    let mut answers: Vec<Vec<u8>> = vec![Vec::new(); 3];
    // None has the nonce: none is believed, so the client stays as it is.
    Refuse { client: id, nonce: 0, reason: RefuseReason::Busy }.encode(&mut answers[0]);
    Stale { client: id, nonce: 0 }.encode(&mut answers[1]);
    VersionList::encode_packet(id, 0, &[9], &mut answers[2]);
    pair.deliver(0, syn);
    pair.poll(1);
    answers.extend(pair.wire[1].pop_front());
    for answer in answers {
        let mut damaged = answer.clone();
        *damaged.last_mut().unwrap() ^= 1;
        pair.deliver(1, damaged.clone());
        assert_eq!(pair.ends[0].recv_from(), Some((Pair::address(1), damaged)));
        handle(&mut pair.ends[1], STRANGER, &answer);
        assert_eq!(pair.ends[1].recv_from(), Some((STRANGER.into(), answer.clone())));
        pair.deliver(1, answer);
        assert_eq!(pair.ends[0].recv_from(), None);
    }
    pair.settle();
    assert!(pair.ends[1].accept().is_some(), "the SYN-ACK came last, and was taken");
}

#[test]
fn what_is_left_of_a_forgotten_connection_is_a_datagram_and_draws_no_reset() {
    for plain in [AMPLE, None] {
        let mut pair = pair();
        let (client, _) = pair.connect();
        pair.write(0, client, b"are you there");
        pair.poll(0);
        let packet = pair.wire[0].pop_front().unwrap();
        pair.ends[1] = Endpoint::new(Config { plain, ..config() }, Rng::from_u64(9));
        pair.deliver(0, packet.clone());
        assert_eq!(pair.ends[1].recv_from(), plain.map(|_| (Pair::address(0), packet)));
        pair.settle();
        let reason = pair.ended(0, client).map(|ended| ended.reason);
        assert_eq!(reason, plain.is_none().then_some(CloseReason::Reset));
    }
}

#[test]
fn a_reset_is_the_protocols_where_it_finds_its_peer() {
    let mut pair = pair();
    let (client, _) = pair.connect();
    let to = pair.ends[0].connection(client).unwrap().remote_id().unwrap();
    let mut reset = Vec::new();
    // Of a packet that is not in flight: it is looked at and not believed.
    Reset { to, number: Truncated { low: 99, bytes: 1 }, trailer: 1 }.encode(&mut reset);
    pair.deliver(1, reset.clone());
    assert_eq!((pair.ends[0].recv_from(), pair.ended(0, client)), (None, None));
    handle(&mut pair.ends[0], STRANGER, &reset);
    assert_eq!(pair.ends[0].recv_from(), Some((STRANGER.into(), reset)));
}

#[test]
fn a_restarted_server_still_refuses_a_proof_that_is_intact() {
    for is_intact in [true, false] {
        let mut pair = pair();
        let client = pair.connect_half();
        pair.write(0, client, b"in doubt");
        pair.poll(0);
        let mut proof = pair.wire[0].pop_front().unwrap();
        pair.wire[0].clear();
        *proof.last_mut().unwrap() ^= u8::from(!is_intact);
        pair.ends[1] = Endpoint::new(config(), Rng::from_u64(77));
        pair.deliver(0, proof.clone());
        assert_eq!(pair.ends[1].recv_from().is_some(), !is_intact);
        pair.settle();
        let reason = pair.ended(0, client).map(|ended| ended.reason);
        let refused = CloseReason::Refused(RefuseReason::Unproven);
        assert_eq!(reason, is_intact.then_some(refused));
    }
}

#[test]
fn a_damaged_header_is_repaired_first() {
    let mut pair = pair();
    let (client, server) = pair.connect();
    for bit in 0..Numbered::encoded_len(1) * 8 {
        pair.write(0, client, b"x");
        pair.poll(0);
        let mut packet = pair.wire[0].pop_front().unwrap();
        packet[bit / 8] ^= 1 << (bit % 8);
        pair.deliver(0, packet);
        assert_eq!(pair.read(1, server), b"x", "bit {bit}");
        assert_eq!(pair.ends[1].recv_from(), None);
        pair.pass(pair.now + Duration::from_millis(100));
    }
}

/// Damage behind the header of a packet whose id is known is the connection's business, as without.
#[test]
fn damage_in_a_connection_stays_in_it() {
    let mut pair = pair();
    let (client, server) = pair.connect();
    pair.write(0, client, &[7; 300]);
    pair.poll(0);
    let mut packet = pair.wire[0].pop_front().unwrap();
    packet[100] ^= 4;
    pair.deliver(0, packet);
    assert_eq!(pair.ends[1].recv_from(), None);
    pair.settle();
    assert_eq!(pair.ends[1].connection(server).unwrap().stats().nacks_sent, 1);
}

#[test]
fn what_is_sent_arrives_as_it_is() {
    let mut pair = pair();
    let all = [b"".to_vec(), b"hello".to_vec(), vec![0; MAX_PLAIN], vec![0xff; 1200]];
    for data in &all {
        pair.ends[0].send_to(Pair::address(1), data).unwrap();
    }
    assert!(!pair.ends[0].is_idle(pair.now));
    let mut buf = b"what is there already".to_vec();
    for data in &all {
        let Output::Transmit(t) = pair.ends[0].poll(pair.now, &mut buf) else { panic!() };
        assert_eq!((t.to, t.from, t.ecn), (Pair::address(1), None, Ecn::NotEct));
        assert_eq!(&buf[t.range.clone()], data);
        assert!(t.segment >= 1 && t.segment >= t.range.len(), "one datagram");
        handle(&mut pair.ends[1], Pair::address(0), &buf[t.range]);
    }
    assert!(pair.ends[0].is_idle(pair.now));
    let got = arrived(&mut pair.ends[1]);
    assert!(got == all.map(|data| (Pair::address(0), data)));
}

#[test]
fn what_cannot_be_sent_says_why_and_what_can() {
    let to = Pair::address(1);
    let mut off = Endpoint::new(Config::default(), Rng::from_u64(1));
    assert_eq!(off.send_to(to, b"x"), Err(PlainError::Off));
    assert!(!off.has_plain());

    let mut end = Endpoint::new(config(), Rng::from_u64(1));
    for address in ["1.2.3.4:0", "0.0.0.0:5", "[::]:5"] {
        let address = address.parse().unwrap();
        assert_eq!(end.send_to(address, b"x"), Err(PlainError::InvalidAddress(address)));
    }
    for address in ["224.0.0.1:5", "255.255.255.255:5", "[ff02::1]:5", "10.0.0.255:5"] {
        assert_eq!(end.send_to(address.parse().unwrap(), b"x"), Ok(()));
    }
    let too_large = PlainError::TooLarge { len: MAX_PLAIN + 1, max: MAX_PLAIN };
    assert_eq!(end.send_to(to, &vec![0; MAX_PLAIN + 1]), Err(too_large));
    assert_eq!(end.send_to(to, &vec![0; MAX_PLAIN]), Ok(()));

    for (error, what) in [
        (PlainError::Off, "this endpoint has no plain datagrams: `Config::plain` turns them on"),
        (too_large, "a datagram of 65508 bytes is too long: at most 65507 can be sent"),
    ] {
        assert_eq!(error.to_string(), what);
    }
}

/// The check of a header, as section 2 of the protocol has it.
fn check_of(header: &[u8]) -> u16 {
    let crc = crc32fast::hash(header);
    (crc >> 16) as u16 ^ crc as u16
}

/// Whatever passes `send_to` is foreign to every endpoint, also to one that knows the id; what does not
/// pass may be taken for a packet. So a first byte outside the protocol's types is always safe.
#[test]
fn what_looks_like_the_protocol_cannot_be_sent() {
    let to = Pair::address(1);
    let mut end = Endpoint::new(config(), Rng::from_u64(1));
    let mut types = 0;
    for first in 0..=255_u8 {
        let mut looks = false;
        for number_len in 0..=4 {
            let mut data = vec![first; 1];
            data.resize(9 + number_len, 7);
            data.extend(check_of(&data).to_be_bytes());
            looks |= end.send_to(to, &data) == Err(PlainError::LooksLikeProtocol);
        }
        assert!(!looks || (0x20..=0x7f).contains(&first), "{first:#x} is called safe");
        types += u32::from(looks);
    }
    assert_eq!(types, 82);
    let mut rng = Rng::from_u64(5);
    for _ in 0..1000 {
        let mut packet = Vec::new();
        random_header(&mut rng).encode(&mut packet);
        assert_eq!(end.send_to(to, &packet), Err(PlainError::LooksLikeProtocol));
    }
}

#[test]
fn a_full_queue_drops_the_newest_and_counts() {
    let limit = 6 * (100 + COST) + COST;
    let mut end = Endpoint::new(Config { plain: Some(limit), ..config() }, Rng::from_u64(1));
    for i in 0..10 {
        handle(&mut end, STRANGER, &[i; 100]);
    }
    assert_eq!(end.stats().plain_dropped, 4);
    handle(&mut end, STRANGER, &[]);
    handle(&mut end, STRANGER, b"");
    assert_eq!(
        end.stats().plain_dropped,
        5,
        "the first empty one fits exactly, and nothing after it"
    );
    assert_eq!(end.recv_from(), Some((STRANGER.into(), vec![0; 100])));
    handle(&mut end, STRANGER, &[77; 100]);
    let firsts: Vec<_> =
        arrived(&mut end).iter().map(|(_, d)| (d.len(), d.first().copied())).collect();
    let kept = |i| (100, Some(i));
    assert_eq!(firsts, [kept(1), kept(2), kept(3), kept(4), kept(5), (0, None), kept(77)]);
    // Empty ones are bounded too.
    (0..1000).for_each(|_| handle(&mut end, STRANGER, b""));
    assert_eq!(arrived(&mut end).len(), limit / COST);
    // One that is larger than all that may wait is not lost for ever.
    handle(&mut end, STRANGER, &[1; 5000]);
    assert_eq!(arrived(&mut end).len(), 1);
    assert_eq!(end.plain.arrived.held, 0);
}

#[test]
fn a_full_queue_to_send_blocks() {
    let mut end = Endpoint::new(Config { plain: Some(1000), ..config() }, Rng::from_u64(1));
    let send = |end: &mut Endpoint| end.send_to(Pair::address(1), &[1; 100]);
    (0..6).for_each(|_| send(&mut end).unwrap());
    assert_eq!(send(&mut end), Err(PlainError::Blocked));
    assert!(matches!(end.poll(Instant::ZERO, &mut Vec::new()), Output::Transmit(_)));
    assert_eq!(send(&mut end), Ok(()));
}

#[test]
fn arrivals_are_told_when_there_were_none() {
    let mut pair = pair();
    let told = |pair: &mut Pair| {
        pair.poll(1);
        std::mem::take(&mut pair.events[1])
    };
    for _ in 0..3 {
        handle(&mut pair.ends[1], STRANGER, b"one");
        handle(&mut pair.ends[1], STRANGER, b"two");
        assert!(!pair.ends[1].is_idle(pair.now));
        assert_eq!(told(&mut pair), [Event::Datagram]);
        assert!(pair.ends[1].is_idle(pair.now));
        handle(&mut pair.ends[1], STRANGER, b"three");
        assert!(told(&mut pair).is_empty(), "whoever was told reads until nothing is left");
        assert_eq!(pair.ends[1].peek_from(), Some((STRANGER.into(), &b"one"[..])));
        assert_eq!(arrived(&mut pair.ends[1]).len(), 3);
    }
    // Who reads without polling in between is told once, and not of each.
    for _ in 0..100 {
        handle(&mut pair.ends[1], STRANGER, b"again");
        assert!(pair.ends[1].recv_from().is_some());
    }
    assert_eq!(told(&mut pair), [Event::Datagram]);
}

#[test]
fn without_plain_datagrams_foreign_ones_are_counted() {
    let mut end = Endpoint::new(Config { plain: None, ..config() }, Rng::from_u64(1));
    handle(&mut end, STRANGER, b"hello");
    handle(&mut end, STRANGER, b"");
    assert_eq!((end.stats().foreign, end.recv_from()), (2, None));
    // They come on with settings, and do not go off again.
    end.listen(&config());
    end.listen(&Config { plain: None, ..config() });
    handle(&mut end, STRANGER, b"hello");
    assert_eq!(end.recv_from(), Some((STRANGER.into(), b"hello".to_vec())));
    // Nobody can be answered at port 0.
    handle(&mut end, (STRANGER.0, 0), b"hello");
    assert_eq!((end.stats().foreign, end.recv_from()), (3, None));
}
