//! A sender, a router that drops what it is told to, and a receiver, in a [`World`].

use super::config::{Config, Variant};
use super::receiver::Receiver;
use super::segment::Segment;
use super::sender::{Ack, Sender};
use super::trace::Trace;
use crate::impair::{ImpairError, LinkConfig};
use crate::sim::{Host, Outbox, World};
use crate::time::{Duration, Instant};
use crate::wire::Ecn;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Sender, router and receiver in a row, the slow link last; both links are the same both ways.
///
/// The default is the network of Fall and Floyd (1996), without drops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Bits per second between sender and router. Default: 8 Mbit/s.
    pub access_bps: u64,
    /// Delay between sender and router, one way. Default: none.
    pub access_delay: Duration,
    /// Bits per second between router and receiver. Default: 0.8 Mbit/s.
    pub bottleneck_bps: u64,
    /// Delay between router and receiver, one way. Default: 100 ms.
    pub bottleneck_delay: Duration,
    /// Full segments that wait for the slow link, the one being sent not counted. Default: 8.
    pub queue_segments: u32,
    /// Segments that the router drops when they come for the first time; 0 is the SYN.
    pub drops: BTreeSet<u32>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            access_bps: 8_000_000,
            access_delay: Duration::ZERO,
            bottleneck_bps: 800_000,
            bottleneck_delay: Duration::from_millis(100),
            queue_segments: 8,
            drops: BTreeSet::new(),
        }
    }
}

/// Starts a transfer at `start` and follows it up to `end`.
///
/// # Errors
///
/// The [`ImpairError`] of a link whose rate is 0.
pub fn run(
    config: Config,
    network: &Network,
    start: Instant,
    end: Instant,
) -> Result<Trace, ImpairError> {
    // A window without room for a segment would be none.
    let (window, initial_cwnd) = (config.window.max(1), config.initial_cwnd.max(1));
    let config = Config { window, initial_cwnd, ..config };
    let [near, middle, far] = [1, 2, 3].map(|host| SocketAddr::from(([10, 0, 0, host], 1)));
    let mut world = World::new(0);
    let source = Source { sender: Sender::new(config), config, start: Some(start), to: middle };
    let source = world.add(Machine::Source(Box::new(source)), near);
    let router = Router { ends: [near, far], drops: network.drops.clone(), waiting: Vec::new() };
    let router = world.add(Machine::Router(router), middle);
    let receiver = Receiver::new(config.variant == Variant::Sack);
    let sink = Sink { receiver, config, to: middle, acks: Vec::new() };
    let sink = world.add(Machine::Sink(sink), far);

    // Datagrams are as long as the real packets, headers included.
    let access = LinkConfig {
        rate_bps: Some(network.access_bps),
        delay: network.access_delay,
        overhead_bytes: 0,
        ..LinkConfig::default()
    };
    let segment_bytes = u64::from(config.header_bytes) + u64::from(config.payload_bytes);
    let bottleneck = LinkConfig {
        rate_bps: Some(network.bottleneck_bps),
        delay: network.bottleneck_delay,
        // As in ns-2, the segment that is being sent has left the queue.
        capacity_bytes: (u64::from(network.queue_segments) + 1) * segment_bytes,
        ..access.clone()
    };
    world.connect_hosts(source, router, access.clone(), access)?;
    world.connect_hosts(router, sink, bottleneck.clone(), bottleneck)?;
    // Whether time or the transfer has come to its end is all the same to the trace.
    let _ = world.run_until(end, |_| false);
    Ok(match world.host(source) {
        Machine::Source(source) => source.sender.trace().clone(),
        Machine::Router(_) | Machine::Sink(_) => Trace::default(),
    })
}

/// One of the three hosts.
#[derive(Debug)]
enum Machine {
    Source(Box<Source>),
    Router(Router),
    Sink(Sink),
}

/// The sender and when it begins.
#[derive(Debug)]
struct Source {
    sender: Sender,
    config: Config,
    start: Option<Instant>,
    to: SocketAddr,
}

/// Passes on what comes from one end to the other.
#[derive(Debug)]
struct Router {
    ends: [SocketAddr; 2],
    drops: BTreeSet<u32>,
    waiting: Vec<(SocketAddr, Vec<u8>)>,
}

/// The receiver and what it has to say.
#[derive(Debug)]
struct Sink {
    receiver: Receiver,
    config: Config,
    to: SocketAddr,
    acks: Vec<Segment>,
}

impl Host for Machine {
    fn handle(&mut self, now: Instant, from: SocketAddr, _: SocketAddr, _: Ecn, data: &mut [u8]) {
        let Some(segment) = Segment::decode(data) else { return };
        match (self, segment) {
            (Self::Source(source), Segment::Ack { next, blocks }) => {
                source.sender.on_ack(now, Ack { next, blocks: &blocks });
            }
            (Self::Sink(sink), Segment::Data { number }) => {
                sink.acks.push(sink.receiver.on_data(number));
            }
            (Self::Router(router), segment) => router.forward(from, &segment, data),
            (Self::Source(_) | Self::Sink(_), _) => {}
        }
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        match self {
            Self::Source(source) => return source.poll(now, out),
            Self::Router(router) => {
                router.waiting.drain(..).for_each(|(to, data)| out.send(to, Ecn::NotEct, &data));
            }
            Self::Sink(Sink { config, to, acks, .. }) => {
                for ack in acks.drain(..) {
                    let data = ack.encode(config.header_bytes, config.payload_bytes);
                    out.send(*to, Ecn::NotEct, &data);
                }
            }
        }
        None
    }
}

impl Router {
    fn forward(&mut self, from: SocketAddr, segment: &Segment, data: &[u8]) {
        if let Segment::Data { number } = segment
            && self.drops.remove(number)
        {
            return;
        }
        let [near, far] = self.ends;
        self.waiting.push((if from == near { far } else { near }, data.to_vec()));
    }
}

impl Source {
    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        if let Some(start) = self.start {
            if start > now {
                return Some(start);
            }
            self.start = None;
            self.sender.start(now);
        }
        while let Some(number) = self.sender.poll(now) {
            let segment = Segment::Data { number };
            let data = segment.encode(self.config.header_bytes, self.config.payload_bytes);
            out.send(self.to, Ecn::NotEct, &data);
        }
        self.sender.deadline()
    }
}
