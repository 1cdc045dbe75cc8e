//! Peers that lie, strangers that guess, and networks that send things back: each is refused by its
//! name or has no effect, and none makes a host work or remember without bound.

mod messages;

use crate::net::{
    Net, Pair, START, client_address, endpoint, endpoint_config, listening, path, server_address,
};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use towline::connection::{CloseReason, Config, Congestion, ProtocolError};
use towline::impair::{LinkConfig, Loss};
use towline::ranges::RangeSet;
use towline::rng::Rng;
use towline::sim::{
    Closing, Flow, Happening, Host, HostId, Node, Outbox, Outcome, Plan, Transfer, World,
};
use towline::time::{Duration, Instant};
use towline::wire::{
    Ack, ConnectionId, Cookie, Crc32, Ecn, Frame, Frames, Header, Integrity, Nack, Numbered,
    Offset, Opening, Parameters, Pseudo, Refuse, RefuseReason, Reset, Side, Stale, StreamFrame,
    StreamId, Syn, SynAck, Truncated, VERSION, VersionList, Writer,
};

const RTT: Duration = Duration::from_millis(40);
const MAX_PAYLOAD: usize = 1200;

/// The two ids of a connection, as seen by one of its ends.
#[derive(Clone, Copy, Debug)]
struct Ids {
    own: ConnectionId,
    peer: ConnectionId,
}

/// A numbered packet with the right checks.
fn packet(ids: Ids, number: u64, is_opening: bool, is_eliciting: bool, body: &[u8]) -> Vec<u8> {
    let header = Numbered {
        to: ids.peer,
        number: Truncated { low: number & 0xffff_ffff, bytes: 4 },
        ack_eliciting: is_eliciting,
        key_phase: false,
        spare: false,
    };
    let len = Numbered::encoded_len(4);
    let mut buf = vec![0; len];
    buf.extend_from_slice(body);
    let header = if is_opening { Header::Ack(header) } else { Header::Data(header) };
    header.overwrite(&mut buf);
    Crc32.seal(Pseudo { number, to: ids.peer, from: ids.own }, &mut buf, 0, len);
    buf
}

fn body(frames: &[Frame<'_>]) -> Vec<u8> {
    let mut buf = Vec::new();
    let mut w = Writer::new(&mut buf, MAX_PAYLOAD);
    for frame in frames {
        frame.encode(&mut w, false);
    }
    buf
}

fn stream(id: StreamId, offset: u64, data: &[u8], fin: bool) -> Frame<'_> {
    Frame::Stream(StreamFrame { id, offset: Offset::new(offset), fin, data })
}

/// What is between a packet's header and its checksum.
fn inside(datagram: &[u8], header_len: usize) -> &[u8] {
    &datagram[header_len..datagram.len() - Crc32::LEN]
}

/// What a receiver pretends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// Nothing.
    None,
    /// What is missing arrived damaged.
    NackGaps,
    /// Everything arrived damaged: nothing is ever acknowledged.
    NackAll,
}

/// A server whose reports are rewritten on their way out.
struct Liar {
    node: Node<Transfer>,
    lie: Lie,
    ids: Option<Ids>,
    arrived: RangeSet,
    nacked: RangeSet,
    damaged: VecDeque<Nack>,
    next: u64,
    nacks: u64,
    rng: Rng,
}

impl Liar {
    fn new(node: Node<Transfer>, lie: Lie) -> Self {
        Self {
            node,
            lie,
            ids: None,
            arrived: RangeSet::new(),
            nacked: RangeSet::new(),
            damaged: VecDeque::new(),
            next: 0,
            nacks: 0,
            rng: Rng::from_u64(99),
        }
    }

    fn note(&mut self, datagram: &[u8]) {
        let Ok((Header::Data(h) | Header::Ack(h), _)) = Header::decode(datagram) else { return };
        let number = h.number.expand(self.arrived.last().map_or(0, |range| range.end));
        let trailer = u32::from_be_bytes(*datagram.last_chunk().expect("a checksum"));
        if self.arrived.insert(number..number + 1) > 0 && h.ack_eliciting {
            self.damaged.push_back(Nack { number, trailer });
        }
    }

    /// The packet that leaves instead.
    fn rewrite(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let (header, header_len) = Header::decode(datagram).expect("our own packet");
        if let Header::SynAck(client) = header {
            let answer = SynAck::decode(client, datagram, header_len).expect("our own offer");
            self.ids = Some(Ids { own: answer.server, peer: client });
        }
        let (Header::Data(numbered), Some(ids)) = (header, self.ids) else {
            return Some(datagram.to_vec());
        };
        let number = numbered.number.expand(self.next);
        self.next = number + 1;
        let honest = inside(datagram, header_len);
        let mut frames = Vec::new();
        match self.lie {
            Lie::None => return Some(datagram.to_vec()),
            Lie::NackGaps => {
                let all = self.arrived.first().map_or(0, |r| r.start)
                    ..self.arrived.last().map_or(0, |r| r.end);
                let missing = self.arrived.gaps(all).flatten();
                let fresh = missing.filter(|n| !self.nacked.contains(*n)).take(40);
                for number in fresh.collect::<Vec<_>>() {
                    self.nacked.insert(number..number + 1);
                    let trailer = self.rng.u64() as u32;
                    frames.push(Frame::Nack(Nack { number, trailer }));
                }
                self.nacks += frames.len() as u64;
                let mut all = body(&frames);
                all.extend_from_slice(honest);
                return Some(packet(ids, number, false, numbered.ack_eliciting, &all));
            }
            Lie::NackAll => {
                let many = self.damaged.len().min(60);
                frames.extend(self.damaged.drain(..many).map(Frame::Nack));
                self.nacks += frames.len() as u64;
                let rest = Frames::new(honest).map(Result::unwrap);
                frames.extend(rest.filter(|frame| !matches!(frame, Frame::Ack(_))));
            }
        }
        let eliciting = frames.iter().any(Frame::is_ack_eliciting);
        (!frames.is_empty()).then(|| packet(ids, number, false, eliciting, &body(&frames)))
    }
}

/// Makes the body of the n-th packet after the handshake, from what the server allows.
type Script = Box<dyn FnMut(u64, &Parameters) -> Option<Vec<u8>> + Send>;

/// A client made by hand, which sends what it likes and acknowledges nothing.
struct Rogue {
    script: Script,
    every: Duration,
    ids: Ids,
    limits: Parameters,
    next: u64,
    due: Option<Instant>,
    out: Vec<Vec<u8>>,
    sent_bytes: usize,
    got_bytes: usize,
    /// The codes of CLOSEs that came.
    closes: Vec<u64>,
}

const NONCE: u64 = 0x1234;

impl Rogue {
    fn new(every: Duration, script: Script) -> Self {
        let own = ConnectionId(0x00de_ad00);
        let limits = Parameters::default();
        let mut syn = Vec::new();
        Syn::encode(own, NONCE, 0, &[VERSION], &Parameters::default().encode(1), &mut syn);
        Self {
            script,
            every,
            ids: Ids { own, peer: ConnectionId(0) },
            limits,
            next: 0,
            due: None,
            out: vec![syn],
            sent_bytes: 0,
            got_bytes: 0,
            closes: Vec::new(),
        }
    }

    fn send(&mut self, is_opening: bool, body: &[u8]) {
        self.out.push(packet(self.ids, self.next, is_opening, true, body));
        self.next += 1;
    }

    fn on_syn_ack(&mut self, now: Instant, answer: &SynAck<'_>) {
        self.ids.peer = answer.server;
        self.limits = Parameters::decode(answer.block).expect("an honest block");
        let block = Parameters::default().encode(1);
        let opening = Opening {
            client: self.ids.own,
            nonce: NONCE,
            version: answer.version,
            stamp: answer.stamp,
            cookie: answer.cookie,
            waited_us: 0,
            client_block: &block,
            server_block: answer.block,
        };
        let mut buf = Vec::new();
        let mut w = Writer::new(&mut buf, MAX_PAYLOAD);
        opening.encode(&mut w);
        Frame::Ping.encode(&mut w, false);
        self.send(true, &buf);
        self.due = Some(now + self.every);
    }
}

/// Whoever takes part.
enum Party {
    Honest(Box<Node<Transfer>>),
    Liar(Box<Liar>),
    Rogue(Box<Rogue>),
}

impl Party {
    fn node(&self) -> &Node<Transfer> {
        match self {
            Self::Honest(node) => node,
            Self::Liar(liar) => &liar.node,
            Self::Rogue(_) => panic!("a rogue has no endpoint"),
        }
    }

    fn rogue(&self) -> &Rogue {
        let Self::Rogue(rogue) = self else { panic!("not a rogue") };
        rogue
    }
}

impl Host for Party {
    fn handle(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, ecn: Ecn, d: &mut [u8]) {
        match self {
            Self::Honest(node) => node.handle(now, from, to, ecn, d),
            Self::Liar(liar) => {
                liar.note(d);
                liar.node.handle(now, from, to, ecn, d);
            }
            Self::Rogue(rogue) => {
                rogue.got_bytes += d.len();
                let Ok((header, len)) = Header::decode(d) else { return };
                match header {
                    Header::SynAck(id) => {
                        rogue
                            .on_syn_ack(now, &SynAck::decode(id, d, len).expect("an honest offer"));
                    }
                    Header::Data(_) => {
                        for frame in Frames::new(inside(d, len)).map(Result::unwrap) {
                            if let Frame::Close(close) = frame {
                                rogue.closes.push(close.code);
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        match self {
            Self::Honest(node) => node.poll(now, out),
            Self::Liar(liar) => {
                let mut honest = Outbox::default();
                let wake = liar.node.poll(now, &mut honest);
                for (to, ecn, datagram) in honest.sent() {
                    if let Some(lie) = liar.rewrite(datagram) {
                        out.send(to, ecn, &lie);
                    }
                }
                wake
            }
            Self::Rogue(rogue) => {
                while let Some(at) = rogue.due.filter(|at| *at <= now) {
                    let (n, limits) = (rogue.next - 1, rogue.limits);
                    rogue.due = None;
                    if let Some(body) = (rogue.script)(n, &limits) {
                        rogue.send(false, &body);
                        rogue.due = Some(at + rogue.every);
                    }
                }
                for datagram in std::mem::take(&mut rogue.out) {
                    rogue.sent_bytes += datagram.len();
                    out.send(server_address(), Ecn::NotEct, &datagram);
                }
                rogue.due
            }
        }
    }
}

// ---- receivers that lie ----

fn config(congestion: Congestion) -> Config {
    let mut config = Config::default();
    config.congestion = congestion;
    config
}

const CONTROLLERS: [Congestion; 2] = [Congestion::Bbr, Congestion::NewReno];

/// A bulk transfer to a receiver that may lie, for some time.
struct Told {
    read: u64,
    sent_bytes: u64,
    peak_memory: usize,
    nacks: u64,
    client: towline::connection::Stats,
}

fn tell(seed: u64, congestion: Congestion, lie: Lie, loss: f64, time: Duration) -> Told {
    let mut world: World<Party> = World::new(seed);
    let config = config(congestion);
    let plan = Plan { send: vec![1 << 40], ..Plan::default() };
    let client = endpoint(endpoint_config(config.clone()), seed, 1);
    let client = Node::new(client, Transfer::client(START, server_address(), plan));
    let server = endpoint(listening(config), seed, 2);
    let server = Node::new(server, Transfer::server(Plan::default()));
    let client = world.add(Party::Honest(Box::new(client)), client_address());
    let server = world.add(Party::Liar(Box::new(Liar::new(server, lie))), server_address());
    let link = LinkConfig { loss: Loss::Bernoulli { p: loss }, ..path(50, RTT) };
    let clean = path(50, RTT);
    world.connect_hosts(client, server, link, clean).expect("valid links");
    let outcome = world.run_until(START + time, |_| false);
    assert_eq!(outcome, Outcome::Deadline, "{congestion:?}, {lie:?}");
    let nodes = [client, server].map(|id| world.host(id).node());
    for node in nodes {
        assert!(node.faults.is_empty() && node.app.violations().next().is_none());
    }
    let flow = &nodes[0].app.flows[0];
    assert_eq!(flow.ended, None, "{congestion:?}, {lie:?}");
    let stats = nodes[0].endpoint.connection(flow.handle).expect("alive").stats();
    let Party::Liar(liar) = world.host(server) else { unreachable!() };
    Told {
        read: nodes[1].app.flows[0].bytes_received(),
        sent_bytes: stats.sent.bytes,
        peak_memory: nodes[0].peak_memory,
        nacks: liar.nacks,
        client: stats,
    }
}

/// Gaps passed off as damage bring nothing: without the packet's checksum they count as the losses
/// that they are.
#[test]
fn gaps_passed_off_as_damage_gain_nothing() {
    let time = Duration::from_secs(20);
    for congestion in CONTROLLERS {
        let sum = |lie| {
            let runs = (1..=4).map(|seed| tell(seed, congestion, lie, 0.02, time));
            runs.fold((0, 0, 0), |(read, nacks, believed), told| {
                let damaged = told.client.recovery.packets_damaged;
                (read + told.read, nacks + told.nacks, believed + damaged)
            })
        };
        let (honest, _, _) = sum(Lie::None);
        let (lying, nacks, believed) = sum(Lie::NackGaps);
        let gain = lying as f64 / honest as f64;
        println!(
            "{congestion:?}: {gain:.3} of an honest receiver's, {believed} of {nacks} believed"
        );
        assert!(nacks > 100 && believed * 50 < nacks, "{believed} of {nacks} believed");
        assert!(gain <= 1.05, "{congestion:?}: {gain:.3}");
    }
}

/// Whoever reports everything as damaged, with all the evidence, is sent less than who acknowledges.
#[test]
fn damage_without_end_slows_its_sender() {
    let time = Duration::from_secs(10);
    for congestion in CONTROLLERS {
        let honest = tell(1, congestion, Lie::None, 0.0, time);
        let lying = tell(1, congestion, Lie::NackAll, 0.0, time);
        let share = lying.sent_bytes as f64 / honest.sent_bytes as f64;
        println!("{congestion:?}: sent {share:.3} of what an honest receiver is sent");
        assert!(lying.client.recovery.packets_damaged > 100, "{:?}", lying.client);
        assert!(share <= 1.0, "{congestion:?}: {share:.3}");
        let bound = 2 * honest.peak_memory.max(1 << 20);
        assert!(lying.peak_memory <= bound, "{} of {bound}", lying.peak_memory);
    }
}

// ---- clients made by hand ----

/// What became of a server that a rogue client has worked on for `time`.
struct Victim {
    world: World<Party>,
    rogue: HostId,
    server: HostId,
}

fn attack(every: Duration, time: Duration, plan: Plan, script: Script) -> Victim {
    let mut world = World::new(1);
    let server = endpoint(listening(Config::default()), 1, 2);
    let server = Node::new(server, Transfer::server(plan));
    let rogue = Party::Rogue(Box::new(Rogue::new(every, script)));
    let rogue = world.add(rogue, client_address());
    let server = world.add(Party::Honest(Box::new(server)), server_address());
    let link = LinkConfig { delay: RTT / 2, ..LinkConfig::default() };
    world.connect_hosts(rogue, server, link.clone(), link).expect("valid links");
    let outcome = world.run_until(START + time, |_| false);
    assert!(!matches!(outcome, Outcome::Livelock { .. }));
    assert_eq!(world.host(server).node().faults, [] as [String; 0]);
    Victim { world, rogue, server }
}

impl Victim {
    fn flow(&self) -> &Flow {
        &self.world.host(self.server).node().app.flows[0]
    }

    fn stats(&self) -> towline::connection::Stats {
        let node = self.world.host(self.server).node();
        node.endpoint.connection(self.flow().handle).expect("alive").stats()
    }
}

/// The packets that break a rule, one after the other, given what the server allows.
type Breach = fn(&Parameters) -> Vec<Vec<u8>>;

fn ack(largest: u64) -> Vec<u8> {
    let mut received = RangeSet::new();
    received.insert(largest..largest + 1);
    let mut buf = Vec::new();
    Ack::encode(&received, 0, None, &mut Writer::new(&mut buf, MAX_PAYLOAD));
    buf
}

fn one(frame: Frame<'_>) -> Vec<Vec<u8>> {
    vec![body(&[frame])]
}

#[test]
fn breaches_are_called_by_their_names() {
    use ProtocolError as E;
    const ZERO: StreamId = StreamId::ZERO;
    let second = |n| StreamId::new(Side::Client, n);
    assert_eq!(second(1), StreamId(2));
    let breaches: [(&str, E, Breach); 13] = [
        ("a number never sent", E::AckedUnsent, |_| vec![ack(1000)]),
        ("the last number there is", E::AckedUnsent, |_| vec![ack((1 << 62) - 1)]),
        ("beyond a stream's limit", E::FlowControl, |p| {
            one(stream(ZERO, p.max_stream_data, &[1], false))
        }),
        ("far beyond a stream's limit", E::FlowControl, |p| {
            one(stream(ZERO, p.max_stream_data + (1 << 38), &[1], false))
        }),
        ("beyond the connection's limit", E::FlowControl, |p| {
            let at = p.max_stream_data - 1;
            let streams = (0..=p.max_data / p.max_stream_data).map(|n| StreamId(n * 2));
            streams.map(|id| body(&[stream(id, at, &[1], false)])).collect()
        }),
        ("a reset beyond the limit", E::FlowControl, |p| {
            one(Frame::ResetStream(ZERO, 0, p.max_stream_data + 1))
        }),
        ("data beyond FIN", E::FinalSize, |_| {
            let end = body(&[stream(ZERO, 5, &[1; 5], true)]);
            vec![end, body(&[stream(ZERO, 10, &[1], false)])]
        }),
        ("a FIN that moves on", E::FinalSize, |_| {
            let end = body(&[stream(ZERO, 5, &[1; 5], true)]);
            vec![end, body(&[stream(ZERO, 11, &[], true)])]
        }),
        ("a FIN that moves back", E::FinalSize, |_| {
            let end = body(&[stream(ZERO, 5, &[1; 5], false)]);
            vec![end, body(&[stream(ZERO, 7, &[], true)])]
        }),
        ("a stream too many", E::StreamLimit, |p| {
            one(stream(StreamId::new(Side::Client, p.max_streams), 0, &[1], false))
        }),
        ("a stream of the server's that is not there", E::StreamState, |_| {
            one(Frame::MaxStreamData(StreamId(1), 5))
        }),
        ("an unknown frame", E::Frame, |_| vec![vec![0x01, 0x3f, 0]]),
        ("half a frame", E::Frame, |_| vec![vec![0x0c, 0x00]]),
    ];
    for (what, error, breach) in breaches {
        is_called(what, error, breach);
    }
}

/// A server calls this breach by this name, and tells whoever committed it.
fn is_called(what: &str, error: ProtocolError, breach: Breach) {
    let mut left: Option<VecDeque<_>> = None;
    let script: Script =
        Box::new(move |_, limits| left.get_or_insert_with(|| breach(limits).into()).pop_front());
    let every = Duration::from_millis(5);
    let victim = attack(every, Duration::from_secs(1), Plan::default(), script);
    let reason = victim.flow().ended.as_ref().map(|ended| &ended.reason);
    assert_eq!(reason, Some(&CloseReason::Protocol(error)), "{what}");
    let told = &victim.world.host(victim.rogue).rogue().closes;
    assert_eq!(told.first(), Some(&error.code()), "{what}: {told:?}");
}

/// Single bytes with single gaps, on all streams and up to the end of every window: what is kept for
/// them has the windows' order of magnitude.
#[test]
fn crumbs_are_no_burden() {
    let script: Script = Box::new(|n, limits| {
        const CRUMBS: u64 = 100;
        // Streams in turn; on each, crumbs from its far end to its beginning.
        let streams = 20;
        let span = (limits.max_data / streams).min(limits.max_stream_data);
        let (id, part) = (StreamId(n % streams * 2), n / streams);
        let end = span.checked_sub(1 + part * CRUMBS * 2)?;
        let crumbs = (0..CRUMBS).filter_map(|i| end.checked_sub(i * 2)).filter(|at| *at > 0);
        let frames: Vec<_> = crumbs.map(|at| stream(id, at, &[7], false)).collect();
        Some(body(&frames))
    });
    let every = Duration::from_millis(1);
    let victim = attack(every, Duration::from_secs(30), Plan::default(), script);
    let node = victim.world.host(victim.server).node();
    let stats = victim.stats();
    println!(
        "{} bytes held, {} at most; {} packets taken, {} refused",
        node.endpoint.memory(),
        node.peak_memory,
        stats.received.packets,
        stats.refused.full
    );
    assert!(victim.flow().ended.is_none() && stats.received.packets > 2000);
    let streams = Config::default().streams;
    assert!(node.peak_memory as u64 <= 4 * streams.conn_recv_window, "{}", node.peak_memory);
}

/// Challenges and probes without end, and no acknowledgement: answers stay in proportion, and
/// what waits for an acknowledgement stays bounded.
#[test]
fn floods_of_questions_get_bounded_answers() {
    for has_data in [false, true] {
        let script: Script = Box::new(move |n, _| {
            let challenge = Frame::PathChallenge(n);
            Some(body(&[challenge, Frame::WindowProbe(StreamId::ZERO), Frame::Ping]))
        });
        let send = vec![if has_data { 10_000_000 } else { 0 }];
        let plan = Plan { send, ..Plan::default() };
        let every = Duration::from_micros(100);
        let victim = attack(every, Duration::from_secs(20), plan, script);
        let rogue = victim.world.host(victim.rogue).rogue();
        let node = victim.world.host(victim.server).node();
        let ratio = rogue.got_bytes as f64 / rogue.sent_bytes as f64;
        let stats = victim.stats();
        println!(
            "data {has_data}: {ratio:.2} bytes back for one, {} in flight, {} held",
            stats.bytes_in_flight, node.peak_memory
        );
        assert!(ratio <= 3.0, "{ratio:.2}");
        assert!(stats.bytes_in_flight <= 1 << 17, "{} bytes in flight", stats.bytes_in_flight);
        assert!(node.peak_memory <= 1 << 20, "{} bytes held", node.peak_memory);
    }
}

// ---- strangers ----

fn bulk(bytes: u64) -> Pair {
    let plan = Plan { send: vec![bytes], close: Closing::Done(1), ..Plan::default() };
    let client = Transfer::client(START, server_address(), plan);
    let server = Transfer::server(Plan { send: vec![bytes / 2], ..Plan::default() });
    Pair::new(1, &Config::default(), [path(20, RTT), path(20, RTT)], client, server)
}

/// Runs the transfer to its end, doing `each` every millisecond; returns when it ended.
fn run(pair: &mut Pair, bytes: u64, mut each: impl FnMut(&mut Pair, u64)) -> Instant {
    let c = pair.client;
    let ended = |world: &Net| world.host(c).app.flows.iter().any(|flow| flow.ended.is_some());
    for ms in 0..60_000 {
        each(pair, ms);
        let outcome = pair.world.run_until(START + Duration::from_millis(ms), ended);
        assert!(!matches!(outcome, Outcome::Livelock { .. }));
        if outcome == Outcome::Done {
            break;
        }
    }
    let at = pair.world.now();
    let ended = pair.client_flow().ended.as_ref().expect("over within a minute");
    assert_eq!((&ended.reason, ended.outcome.in_doubt), (&CloseReason::Local(0), 0));
    assert_eq!(pair.world.host(pair.server).app.flows.len(), 1);
    assert_eq!(pair.server_flow().bytes_received(), bytes);
    assert_eq!(pair.client_flow().bytes_received(), bytes / 2);
    assert_eq!(pair.complaints(), [] as [String; 0]);
    at
}

/// What somebody beside the path can make: ids are guesses, but for those (the client's, then the
/// server's) in what has to echo a nonce or a packet in flight.
fn guess(rng: &mut Rng, [client, server]: [ConnectionId; 2], to_client: bool) -> Vec<u8> {
    let mut buf = Vec::new();
    let any = ConnectionId(rng.u64());
    let nonce = rng.u64();
    let ids = Ids { own: ConnectionId(rng.u64()), peer: any };
    let number = rng.below(3000);
    match rng.below(9) {
        0 => {
            buf.resize(rng.below(1500) as usize, 0);
            rng.fill(&mut buf);
        }
        1 => {
            let number = Truncated { low: number, bytes: 2 };
            let to = [any, if to_client { server } else { client }][rng.below(2) as usize];
            Reset { to, number, trailer: rng.u64() as u32 }.encode(&mut buf);
        }
        2 => {
            let close = towline::wire::Close { code: 0, reason: b"" };
            buf = packet(ids, number, false, false, &body(&[Frame::Close(close)]));
        }
        3 => buf = packet(ids, number, false, true, &body(&[Frame::Ping])),
        4 => Refuse { client, nonce, reason: RefuseReason::Busy }.encode(&mut buf),
        5 => Stale { client, nonce }.encode(&mut buf),
        6 => VersionList::encode_packet(client, nonce, &[7], &mut buf),
        7 => {
            let block = Parameters::default().encode(0);
            SynAck {
                client,
                nonce,
                attempt: 0,
                server: any,
                version: VERSION,
                stamp: 0,
                cookie: Cookie([0; 16]),
                block: &block,
            }
            .encode(&mut buf);
        }
        _ => {
            let opening = packet(ids, number, true, true, &[0; 120]);
            buf.extend_from_slice(&opening);
        }
    }
    buf
}

#[test]
fn strangers_that_guess_change_nothing() {
    const BYTES: u64 = 1_000_000;
    let alone = run(&mut bulk(BYTES), BYTES, |_, _| {});
    let mut pair = bulk(BYTES);
    let ids = Arc::new(Mutex::new([ConnectionId(0); 2]));
    let seen = ids.clone();
    pair.world.set_tap(move |event| {
        if let (Happening::Sent, Ok((Header::SynAck(client), len))) =
            (event.happening, Header::decode(event.datagram))
        {
            let answer = SynAck::decode(client, event.datagram, len).expect("an honest offer");
            *seen.lock().unwrap() = [client, answer.server];
        }
    });
    let mut rng = Rng::from_u64(5);
    let harassed = run(&mut pair, BYTES, |pair, _| {
        let ids = *ids.lock().unwrap();
        for _ in 0..20 {
            let (a, b) = (client_address(), server_address());
            let to_client = rng.chance(0.5);
            let (from, to) = if to_client { (b, a) } else { (a, b) };
            let datagram = guess(&mut rng, ids, to_client);
            pair.world.inject(pair.world.now(), from, to, Ecn::NotEct, datagram);
        }
    });
    assert!(ids.lock().unwrap().iter().all(|id| *id != ConnectionId(0)));
    let delay = harassed.saturating_since(alone);
    assert!(delay <= Duration::from_millis(50), "{alone} alone, {harassed} harassed");
}

/// Something on the path sends back whatever passes it, as if it came from the other side.
#[test]
fn mirrors_start_no_loops() {
    const BYTES: u64 = 1_000_000;
    let mut alone = bulk(BYTES);
    run(&mut alone, BYTES, |_, _| {});
    let mut pair = bulk(BYTES);
    pair.world.start_recording();
    let mirror = |pair: &mut Pair| {
        for packet in pair.world.stop_recording() {
            let (from, to) = (packet.to, packet.from);
            pair.world.inject(pair.world.now(), from, to, packet.ecn, packet.datagram);
        }
        pair.world.start_recording();
    };
    run(&mut pair, BYTES, |pair, _| mirror(pair));
    for _ in 0..60_000 {
        mirror(&mut pair);
        let _ = pair.world.run_until(pair.world.now() + Duration::from_millis(1), |_| false);
    }
    assert!(pair.is_empty(), "both have forgotten the connection");
    // Each packet is there twice, and a few were answered.
    let (without, with) = (alone.world.packets(), pair.world.packets());
    println!("{without} packets without a mirror, {with} with one");
    assert!(with <= without * 2 + without / 2 + 1000, "{without} packets, {with} with a mirror");
}

/// A packet that somebody copied and sent from elsewhere, ahead of the original.
#[test]
fn copies_from_elsewhere_move_nobody() {
    const BYTES: u64 = 1_000_000;
    let elsewhere = SocketAddr::from(([10, 0, 0, 66], 666));
    let mut pair = bulk(BYTES);
    let copies = Arc::new(Mutex::new(Vec::new()));
    let back = Arc::new(Mutex::new((0, 0)));
    let (seen, counts) = (copies.clone(), back.clone());
    let mut n = 0;
    pair.world.set_tap(move |event| {
        n += 1;
        match event.happening {
            Happening::Sent if event.from == client_address() && n % 7 == 0 => {
                seen.lock().unwrap().push(event.datagram.to_vec());
            }
            Happening::Injected => counts.lock().unwrap().0 += event.datagram.len(),
            Happening::Sent if event.to == elsewhere => {
                counts.lock().unwrap().1 += event.datagram.len();
            }
            _ => {}
        }
    });
    let s = pair.server;
    run(&mut pair, BYTES, |pair, _| {
        for copy in std::mem::take(&mut *copies.lock().unwrap()) {
            let (now, to) = (pair.world.now(), server_address());
            pair.world.inject(now, elsewhere, to, Ecn::NotEct, copy);
        }
        for (_, connection) in pair.world.host(s).endpoint.connections() {
            assert_eq!(connection.path().remote, client_address());
        }
    });
    let (from, to) = *back.lock().unwrap();
    assert!(to > 0, "the new address was never challenged");
    assert!(to <= from, "{to} bytes to an address that sent {from}");
}

/// A NAT gives the client another address, now and then, in the middle of transfers both ways.
#[test]
fn a_rebound_client_goes_on() {
    const BYTES: u64 = 4_000_000;
    for moves_host in [false, true] {
        let mut pair = bulk(BYTES);
        let mut moves = 0;
        run(&mut pair, BYTES, |pair, ms| {
            if ms % 400 == 250 && moves < 4 {
                moves += 1;
                let ip = if moves_host { [10, 0, 1, moves] } else { [10, 0, 0, 1] };
                let address = SocketAddr::from((ip, 5000 + u16::from(moves)));
                pair.world.rebind(pair.client, address);
            }
        });
        assert_eq!(moves, 4);
        println!("hosts {moves_host}: done at {}", pair.world.now());
    }
}
