//! TCP by smoltcp: a real stack of its own, over a simulated link that carries IP packets.
//!
//! It is not the TCP of an operating system: it has no selective acknowledgements to recover by,
//! no RACK and no tail probes, and goes back to the first unacknowledged byte after a timeout. When
//! both ends time out at once they can lock up: then their acknowledgements carry rewound sequence
//! numbers, which the other end rejects.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{self, CongestionControl, Socket, SocketBuffer};
use smoltcp::time::Instant as TcpInstant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, Ipv4Packet, TcpPacket};
use std::collections::VecDeque;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use towline::sim::compare::{
    CLIENT, Contender, End, Framing, Message, PATH_MTU, Packets, Piece, Place, SERVER, Setup,
};
use towline::time::{Duration, Instant};
use towline::wire::Side;

/// Bytes that may wait on either side of a connection.
const BUFFER: usize = 4 << 20;
/// The stack counts microseconds: it is never asked again sooner.
const TICK: Duration = Duration::from_micros(1);

/// An end that got nothing acknowledged for so long, although it has sent, is stuck.
const STUCK: Duration = Duration::from_secs(8);

/// One connection of smoltcp's TCP, messages on it behind their lengths.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tcp;

impl Contender for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }

    fn title(&self) -> &'static str {
        "TCP (smoltcp, no SACK)"
    }

    fn header_bytes(&self) -> u64 {
        // The stack writes them itself.
        0
    }

    fn ends(&self, setup: &Setup<'_>) -> [Box<dyn End>; 2] {
        [Side::Client, Side::Server].map(|side| Box::new(TcpEnd::new(side, setup)) as Box<dyn End>)
    }
}

/// Packets to and from the stack.
#[derive(Debug, Default)]
struct Cable {
    incoming: VecDeque<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
}

struct Incoming(Vec<u8>);
struct Outgoing<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl phy::TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl Device for Cable {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _: TcpInstant) -> Option<(Incoming, Outgoing<'_>)> {
        Some((Incoming(self.incoming.pop_front()?), Outgoing(&mut self.outgoing)))
    }

    fn transmit(&mut self, _: TcpInstant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = PATH_MTU as usize;
        capabilities
    }
}

/// One side of the connection.
struct TcpEnd {
    cable: Cable,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    framing: Framing,
    /// The number of our SYN: the first byte of the stream comes after it.
    first: Option<u32>,
    was_open: bool,
    /// How much waited for an acknowledgement when that last changed, and when that was.
    waiting: usize,
    moved_at: Instant,
    polled_at: Instant,
}

impl TcpEnd {
    fn new(side: Side, setup: &Setup<'_>) -> Self {
        let (own, peer) = match side {
            Side::Client => (CLIENT, SERVER),
            Side::Server => (SERVER, CLIENT),
        };
        let mut cable = Cable::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = setup.seed.wrapping_mul(2) + side as u64;
        let mut interface = Interface::new(config, &mut cable, TcpInstant::ZERO);
        interface.update_ip_addrs(|addresses| {
            // The list has room for one.
            let _ = addresses.push(IpCidr::new(ip(own), 24));
        });
        let buffer = || SocketBuffer::new(vec![0; BUFFER]);
        let mut socket = Socket::new(buffer(), buffer());
        socket.set_nagle_enabled(false);
        socket.set_congestion_control(CongestionControl::Cubic);
        let began = match side {
            Side::Client => {
                let to = (ip(peer), peer.port());
                socket.connect(interface.context(), to, own.port()).is_ok()
            }
            Side::Server => socket.listen(own.port()).is_ok(),
        };
        debug_assert!(began, "a new socket connects and listens");
        let mut sockets = SocketSet::new(Vec::new());
        let socket = sockets.add(socket);
        Self {
            cable,
            interface,
            sockets,
            socket,
            framing: Framing::default(),
            first: None,
            was_open: false,
            waiting: 0,
            moved_at: Instant::ZERO,
            polled_at: Instant::ZERO,
        }
    }

    /// Writes and reads what can be; returns whether there was anything.
    fn work(&mut self) -> bool {
        let socket = self.sockets.get_mut::<Socket<'_>>(self.socket);
        let mut did = false;
        while socket.can_send()
            && !self.framing.unwritten().is_empty()
            && let Ok(bytes) = socket.send_slice(self.framing.unwritten())
        {
            self.framing.on_written(bytes);
            did |= bytes > 0;
        }
        while socket.can_recv()
            && socket
                .recv(|bytes| {
                    self.framing.on_read(bytes);
                    (bytes.len(), ())
                })
                .is_ok()
        {
            did = true;
        }
        self.was_open |= socket.may_send();
        did
    }

    /// Which bytes of the stream a packet of ours carries.
    fn carries(&mut self, packet: &[u8]) -> Vec<Piece> {
        let mut piece = || {
            let packet = Ipv4Packet::new_checked(packet).ok()?;
            let segment = TcpPacket::new_checked(packet.payload()).ok()?;
            let number = segment.seq_number().0.cast_unsigned();
            if segment.syn() {
                self.first = Some(number.wrapping_add(1));
            }
            let bytes = segment.payload().len() as u64;
            let low = u64::from(number.wrapping_sub(self.first?));
            (bytes > 0).then(|| Piece::data(0, low..low + bytes))
        };
        piece().into_iter().collect()
    }
}

impl End for TcpEnd {
    fn send(&mut self, _: Instant, message: Message<'_>) -> Place {
        self.framing.push(message.bytes)
    }

    fn handle(&mut self, _: Instant, datagram: &mut [u8]) {
        self.cable.incoming.push_back(datagram.to_vec());
    }

    fn poll(&mut self, now: Instant, out: &mut Packets) -> Option<Instant> {
        let time = TcpInstant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX));
        loop {
            let did = self.work();
            self.interface.poll(time, &mut self.cable, &mut self.sockets);
            if !did && !self.work() {
                break;
            }
        }
        self.polled_at = now;
        let waiting = self.sockets.get::<Socket<'_>>(self.socket).send_queue();
        if waiting == 0 || waiting < self.waiting {
            self.moved_at = now;
        }
        self.waiting = waiting;
        while let Some(packet) = self.cable.outgoing.pop_front() {
            let carries = self.carries(&packet);
            out.send(packet, carries);
        }
        let next = self.interface.poll_at(time, &self.sockets)?;
        let next = u64::try_from(next.total_micros()).unwrap_or_default();
        Some(Instant::from_nanos(next.saturating_mul(1000)).max(now + TICK))
    }

    fn recv(&mut self) -> Option<Vec<u8>> {
        self.framing.pop()
    }

    fn backlog(&self) -> usize {
        self.framing.backlog()
    }

    fn faults(&self) -> Vec<String> {
        let socket = self.sockets.get::<Socket<'_>>(self.socket);
        let is_closed = self.was_open && socket.state() != tcp::State::Established;
        let stuck = self.polled_at.saturating_since(self.moved_at);
        is_closed
            .then(|| format!("the connection is {}", socket.state()))
            .or_else(|| (stuck > STUCK).then(|| "smoltcp's ends locked up".to_owned()))
            .into_iter()
            .collect()
    }
}

impl fmt::Debug for TcpEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpEnd").field("framing", &self.framing).finish_non_exhaustive()
    }
}

fn ip(address: SocketAddr) -> IpAddress {
    match address.ip() {
        IpAddr::V4(ip) => IpAddress::Ipv4(ip),
        IpAddr::V6(_) => IpAddress::v4(0, 0, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use towline::impair::{Damage, LinkConfig, Loss};
    use towline::sim::compare::{Measures, Permille, Scenario, Workload, run};

    fn measured(name: &str, seconds: u64, link: &LinkConfig) -> Measures {
        let mut workload = Workload::named(name).unwrap();
        workload.duration = Duration::from_secs(seconds);
        let scenario = Scenario {
            workload,
            up: link.clone(),
            down: link.clone(),
            seed: 1,
            watch: Duration::ZERO..Duration::ZERO,
        };
        let record = run(&Tcp, &scenario).unwrap();
        assert_eq!((record.corrupt, record.duplicates), (0, 0));
        assert_eq!(record, run(&Tcp, &scenario).unwrap());
        Measures::of(&scenario.workload, [&record])
    }

    fn link() -> LinkConfig {
        LinkConfig::bottleneck(20_000_000, Duration::from_millis(50))
    }

    #[test]
    fn a_perfect_network_delivers_everything_at_once() {
        let measures = measured("game", 10, &link());
        assert_eq!(measures.latencies.len() as u64, measures.offered);
        assert!(measures.longest_latency().unwrap() < Duration::from_millis(51));
        assert_eq!((measures.wire.retransmitted, measures.faults.len()), (0, 0));
        // 120 bytes, a prefix of two, 40 of headers; and acknowledgements of their own at times.
        let cost = measures.wire_per_byte();
        assert!((1.35..1.8).contains(&cost), "{cost}");
    }

    #[test]
    fn bulk_arrives_whole_and_loss_slows_it() {
        let clean = measured("bulk", 30, &link());
        assert!((clean.delivered_share() - 1.0).abs() < 1e-9);
        let lossy = LinkConfig {
            loss: Loss::Bernoulli { p: 0.01 },
            damage: Damage { share: 0.005, ..Damage::default() },
            ..link()
        };
        let lossy = measured("bulk", 30, &lossy);
        let (fast, slow) = (clean.goodput_bps(), lossy.goodput_bps());
        assert!(fast > 4e6 && slow < fast / 2.0 && slow > 2e5, "{fast} {slow}");
        assert!(lossy.latency(Permille(1)).is_some() && lossy.retransmitted_share() > 0.005);
    }
}
