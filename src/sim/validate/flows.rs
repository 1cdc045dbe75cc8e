//! Flows of the shipped NewReno controller over one path, and their windows as time passes.

use crate::connection::Congestion;
use crate::endpoint::{Config, Endpoint};
use crate::impair::{Fate, LinkConfig, UDP_IP_OVERHEAD};
use crate::rng::Rng;
use crate::sim::{Happening, HostId, Node, Outcome, Plan, Transfer, World};
use crate::time::{Duration, Instant};
use crate::wire::BASE_PAYLOAD;
use std::net::SocketAddr;

/// Bytes of a full packet's UDP payload: what the controller counts in.
pub(super) const PAYLOAD: f64 = BASE_PAYLOAD as f64;
/// Bytes of a full packet on the wire.
pub(super) const WIRE_BYTES: u64 = BASE_PAYLOAD as u64 + UDP_IP_OVERHEAD;
/// More than any flow can send.
pub(super) const ENDLESS: u64 = u64::MAX >> 8;
/// More than any flow has in flight.
const SEND_BUFFER: u64 = 4 << 20;

/// What was seen of a flow at one instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    /// The congestion window, in packets.
    pub(super) cwnd: f64,
    /// Packets acknowledged so far.
    pub(super) acked: u64,
}

/// A packet that the line has lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    /// When it was sent.
    pub(super) at: Instant,
    /// Its number among all that were sent into the link.
    pub(super) ordinal: u64,
}

/// Flows at work: the n-th goes from the n-th sender to the n-th receiver, and all share the link.
pub(super) struct Flows {
    world: World<Node<Transfer>>,
    senders: Vec<HostId>,
    receivers: Vec<HostId>,
    bytes: u64,
    /// Of each flow, one for each step of [`Flows::run`].
    pub(super) samples: Vec<Vec<Sample>>,
    /// The ordinals of what the line of the link has lost.
    pub(super) lost: Vec<Loss>,
    entered: u64,
}

impl Flows {
    /// Flows of `bytes` bytes each over `link`, the n-th beginning at the n-th time. What comes back has
    /// the same delay and nothing else in its way. `None` if the link is none.
    pub(super) fn new(
        link: &LinkConfig,
        starts: &[Instant],
        bytes: u64,
        seed: u64,
    ) -> Option<Self> {
        let mut world = World::new(seed);
        world.start_log();
        let back = LinkConfig { delay: link.delay, ..LinkConfig::default() };
        let (up, down) = (world.add_link(link.clone()).ok()?, world.add_link(back).ok()?);
        let (mut senders, mut receivers) = (Vec::new(), Vec::new());
        for (n, start) in starts.iter().enumerate() {
            let [from, to] = [1, 2].map(|net| SocketAddr::from(([10, 0, net, n as u8], 1)));
            let endpoint = |side: u64| {
                let mut config = Config { is_listening: side == 1, ..Config::default() };
                config.connection.congestion = Congestion::NewReno;
                config.connection.streams.max_send_buffer = SEND_BUFFER;
                // An ACK that waits makes the round trip longer than the path's.
                config.connection.max_ack_delay = Duration::ZERO;
                Endpoint::new(config, Rng::from_u64(seed << 16 | (n as u64) << 1 | side))
            };
            let plan = Plan { send: vec![bytes], ..Plan::default() };
            let client = Transfer::client(*start, to, plan);
            let client = world.add(Node::new(endpoint(0), client), from);
            let server = Transfer::server(Plan::default());
            let server = world.add(Node::new(endpoint(1), server), to);
            world.set_path(client, server, &[up]);
            world.set_path(server, client, &[down]);
            senders.push(client);
            receivers.push(server);
        }
        let samples = senders.iter().map(|_| Vec::new()).collect();
        let (lost, entered) = (Vec::new(), 0);
        Some(Self { world, senders, receivers, bytes, samples, lost, entered })
    }

    /// Lets time pass until the first flow has arrived, `end` at the latest. Returns how long that was
    /// since it had its connection, and the packets that were sent with its data.
    pub(super) fn finish(&mut self, end: Instant) -> Option<(Duration, u64)> {
        let (sender, receiver, bytes) =
            (*self.senders.first()?, *self.receivers.first()?, self.bytes);
        let has_all = |world: &World<Node<Transfer>>| {
            world.host(receiver).app.flows.first().is_some_and(|f| f.bytes_received() >= bytes)
        };
        if self.world.run_until(end, has_all) != Outcome::Done {
            return None;
        }
        let host = self.world.host(sender);
        let connected_at = host.app.flows.first()?.connected_at?;
        let (_, connection) = host.endpoint.connections().next()?;
        let sent = connection.stats().recovery.packets_sent;
        Some((self.world.now().saturating_since(connected_at), sent))
    }

    /// Lets time pass until `end`, and looks at every flow each `step`.
    pub(super) fn run(&mut self, end: Instant, step: Duration) {
        let mut at = self.world.now();
        while at < end {
            at += step;
            let _ = self.world.run_until(at, |_| false);
            self.look(at);
            self.note_losses();
        }
    }

    fn look(&mut self, at: Instant) {
        for (sender, samples) in self.senders.iter().zip(&mut self.samples) {
            let stats = self.world.host(*sender).endpoint.connections().next();
            let Some(stats) = stats.map(|(_, connection)| connection.stats()) else { continue };
            let cwnd = stats.cwnd as f64 / PAYLOAD;
            samples.push(Sample { at, cwnd, acked: stats.recovery.packets_acked });
        }
    }

    /// Numbers what went into the link, as the link does, and notes what its line lost.
    fn note_losses(&mut self) {
        for event in self.world.take_log() {
            if !event.sender.is_some_and(|sender| self.senders.contains(&sender)) {
                continue;
            }
            match event.happening {
                Happening::Sent => self.entered += 1,
                Happening::Dropped(Fate::Lost) => {
                    self.lost.push(Loss { at: event.at, ordinal: self.entered - 1 });
                }
                _ => {}
            }
        }
    }
}
