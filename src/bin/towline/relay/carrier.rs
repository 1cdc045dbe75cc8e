//! Carries datagrams between clients and a target, each way through a link.
//!
//! Each socket has a thread that receives; the link says at once when each datagram arrives, and one
//! more thread passes them on in this order, at these times.

use super::network::Links;
use crate::clock::Clock;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use towline::impair::{Link, LinkStats};
use towline::time::Instant;

/// Clients at the same time, each with a socket to the target. One more takes the place of one that
/// has been silent for [`IDLE`], or is turned away.
const MAX_CLIENTS: usize = 64;
const IDLE: Duration = Duration::from_secs(30);
/// Bytes under way in both directions; what comes on top is thrown away and counted.
const MAX_WAITING: usize = 256 << 20;
/// The largest UDP payload.
const MAX_DATAGRAM: usize = 65_535;
/// How often a thread looks whether it is to end.
const TICK: Duration = Duration::from_millis(50);
/// What the sockets ask for, so that a busy thread does not make the system drop datagrams.
const SOCKET_BUFFER: usize = 4 << 20;

/// What became of all datagrams of one direction. At any time `link.delivered` is
/// `passed + failed + overrun + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) link: LinkStats,
    /// Sent on.
    pub(crate) passed: u64,
    /// The system did not take them.
    pub(crate) failed: u64,
    /// More was under way than memory is meant for.
    pub(crate) overrun: u64,
    /// Not yet sent on.
    pub(crate) pending: u64,
}

/// What became of all datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) up: Way,
    pub(crate) down: Way,
    /// Clients seen.
    pub(crate) clients: u64,
    /// Datagrams of clients for which there was no room; no link has seen them.
    pub(crate) turned_away: u64,
}

/// A relay at work. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Carrier {
    shared: Arc<Shared>,
    local: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    socket: UdpSocket,
    target: SocketAddr,
    clock: Clock,
    state: Mutex<State>,
    /// There is a new first arrival, or the end.
    is_earlier: Condvar,
    is_over: AtomicBool,
}

#[derive(Debug)]
struct State {
    up: Direction,
    down: Direction,
    arrivals: BinaryHeap<Reverse<Due>>,
    bytes_waiting: usize,
    /// Breaks ties, so that what is due at the same time stays in order.
    order: u64,
    clients: BTreeMap<SocketAddr, (Arc<Client>, Instant)>,
    clients_seen: u64,
    turned_away: u64,
}

#[derive(Debug)]
struct Direction {
    link: Link,
    passed: u64,
    failed: u64,
    overrun: u64,
}

#[derive(Debug)]
struct Client {
    address: SocketAddr,
    /// Connected to the target.
    socket: UdpSocket,
    is_gone: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heading {
    Up,
    Down,
}

/// A datagram on its way.
#[derive(Debug)]
struct Due {
    at: Instant,
    order: u64,
    heading: Heading,
    client: Arc<Client>,
    datagram: Vec<u8>,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Due {}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Carrier {
    /// Passes on what arrives at `socket` to `target`, and back.
    pub(crate) fn start(socket: UdpSocket, target: SocketAddr, links: Links) -> io::Result<Self> {
        prepare(&socket)?;
        let local = socket.local_addr()?;
        let direction = |link| Direction { link, passed: 0, failed: 0, overrun: 0 };
        let state = State {
            up: direction(links.up),
            down: direction(links.down),
            arrivals: BinaryHeap::new(),
            bytes_waiting: 0,
            order: 0,
            clients: BTreeMap::new(),
            clients_seen: 0,
            turned_away: 0,
        };
        let shared = Arc::new(Shared {
            socket,
            target,
            clock: Clock::start(),
            state: Mutex::new(state),
            is_earlier: Condvar::new(),
            is_over: AtomicBool::new(false),
        });
        let threads = vec![
            spawn("relay-up", &shared, Shared::receive_from_clients)?,
            spawn("relay", &shared, Shared::pass_on)?,
        ];
        Ok(Self { shared, local, threads })
    }

    /// Makes room for a client before it sends anything, and returns the address that it will have to
    /// the target: so that the target may be the first to send.
    pub(crate) fn introduce(&mut self, client: SocketAddr) -> io::Result<SocketAddr> {
        let (client, thread) = self.shared.welcome(&mut self.shared.lock(), client)?;
        self.threads.push(thread);
        client.socket.local_addr()
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// What became of all datagrams so far.
    pub(crate) fn carried(&self) -> Carried {
        self.shared.lock().carried()
    }

    /// Ends the relay; what is under way stays there.
    pub(crate) fn stop(mut self) -> Carried {
        self.end();
        self.carried()
    }

    fn end(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.shared.is_earlier.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn receive_from_clients(self: &Arc<Self>) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        let mut threads = Vec::new();
        while !self.is_over() {
            // Errors are those of datagrams sent earlier, or the tick.
            let Ok((length, address)) = self.socket.recv_from(&mut buffer) else { continue };
            let datagram = buffer[..length].to_vec();
            let mut state = self.lock();
            let known = state.clients.get(&address).map(|(client, _)| client.clone());
            let client = known.map_or_else(
                || {
                    let (client, thread) = self.welcome(&mut state, address)?;
                    threads.retain(|thread: &JoinHandle<()>| !thread.is_finished());
                    threads.push(thread);
                    Ok::<_, io::Error>(client)
                },
                Ok,
            );
            state.turned_away += u64::from(client.is_err());
            drop(state);
            if let Ok(client) = client {
                self.take(Heading::Up, &client, datagram);
            }
        }
        for thread in threads {
            let _ = thread.join();
        }
    }

    /// Makes room for a new client, and begins to listen for answers to it.
    fn welcome(
        self: &Arc<Self>,
        state: &mut State,
        address: SocketAddr,
    ) -> io::Result<(Arc<Client>, JoinHandle<()>)> {
        let now = self.clock.now();
        if state.clients.len() >= MAX_CLIENTS {
            state.evict(now)?;
        }
        let any: SocketAddr = match self.target {
            // Nobody else reaches what stays on this machine.
            target if target.ip().is_loopback() => (target.ip(), 0).into(),
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(self.target)?;
        prepare(&socket)?;
        let client = Arc::new(Client { address, socket, is_gone: AtomicBool::new(false) });
        let listener = client.clone();
        let thread =
            spawn("relay-down", self, move |shared| shared.receive_from_target(&listener))?;
        state.clients.insert(address, (client.clone(), now));
        state.clients_seen += 1;
        Ok((client, thread))
    }

    fn receive_from_target(&self, client: &Arc<Client>) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        while !self.is_over() && !client.is_gone.load(Ordering::Relaxed) {
            if let Ok(length) = client.socket.recv(&mut buffer) {
                self.take(Heading::Down, client, buffer[..length].to_vec());
            }
        }
    }

    /// Sends a datagram into its link and keeps what comes out of it.
    fn take(&self, heading: Heading, client: &Arc<Client>, datagram: Vec<u8>) {
        let mut state = self.lock();
        // Read under the lock, so that a link sees times in order.
        let now = self.clock.now();
        if let Some((_, last_seen)) = state.clients.get_mut(&client.address) {
            *last_seen = now;
        }
        let first = state.arrivals.peek().map(|due| due.0.at);
        for arrival in state.direction(heading).link.send(now, datagram) {
            let due = Due {
                at: arrival.at,
                order: state.order,
                heading,
                client: client.clone(),
                datagram: arrival.datagram,
            };
            state.keep(due);
        }
        let is_earlier = state.arrivals.peek().map(|due| due.0.at) != first;
        drop(state);
        if is_earlier {
            self.is_earlier.notify_one();
        }
    }

    /// Sends on what is due, in order.
    fn pass_on(self: &Arc<Self>) {
        let mut state = self.lock();
        while !self.is_over() {
            let now = self.clock.now();
            let wait = state.arrivals.peek().map_or(TICK, |due| due.0.at.saturating_since(now));
            if !wait.is_zero() {
                let waited = self.is_earlier.wait_timeout(state, wait.min(TICK));
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let Some(Reverse(due)) = state.arrivals.pop() else { continue };
            state.bytes_waiting -= due.datagram.len();
            drop(state);
            let sent = match due.heading {
                Heading::Up => due.client.socket.send(&due.datagram),
                Heading::Down => self.socket.send_to(&due.datagram, due.client.address),
            };
            state = self.lock();
            let direction = state.direction(due.heading);
            match sent {
                Ok(_) => direction.passed += 1,
                Err(_) => direction.failed += 1,
            }
        }
    }
}

impl State {
    fn direction(&mut self, heading: Heading) -> &mut Direction {
        match heading {
            Heading::Up => &mut self.up,
            Heading::Down => &mut self.down,
        }
    }

    fn keep(&mut self, due: Due) {
        if self.bytes_waiting + due.datagram.len() > MAX_WAITING {
            self.direction(due.heading).overrun += 1;
            return;
        }
        self.order += 1;
        self.bytes_waiting += due.datagram.len();
        self.arrivals.push(Reverse(due));
    }

    /// Forgets the client that has been silent for longest, if it has been for long enough.
    fn evict(&mut self, now: Instant) -> io::Result<()> {
        let oldest = self.clients.values().min_by_key(|(_, last_seen)| *last_seen).cloned();
        match oldest {
            Some((client, last_seen)) if now.saturating_since(last_seen) >= IDLE => {
                client.is_gone.store(true, Ordering::Relaxed);
                self.clients.remove(&client.address);
                Ok(())
            }
            _ => Err(io::ErrorKind::QuotaExceeded.into()),
        }
    }

    fn carried(&self) -> Carried {
        let way = |direction: &Direction| {
            let Direction { link, passed, failed, overrun } = direction;
            let link = link.stats();
            let pending = link.delivered - passed - failed - overrun;
            Way { link, passed: *passed, failed: *failed, overrun: *overrun, pending }
        };
        Carried {
            up: way(&self.up),
            down: way(&self.down),
            clients: self.clients_seen,
            turned_away: self.turned_away,
        }
    }
}

fn prepare(socket: &UdpSocket) -> io::Result<()> {
    let options = socket2::SockRef::from(socket);
    // The system gives what it has.
    let _ = options.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = options.set_send_buffer_size(SOCKET_BUFFER);
    socket.set_read_timeout(Some(TICK))
}

fn spawn(
    name: &str,
    shared: &Arc<Shared>,
    work: impl FnOnce(&Arc<Shared>) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let shared = shared.clone();
    thread::Builder::new().name(name.to_owned()).spawn(move || work(&shared))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Impairments, Network};
    use crate::relay::links;

    /// Long enough that a datagram which has not come by then does not come.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    fn relay(target: &UdpSocket, both: Impairments) -> Carrier {
        let network = Network { both, up: None, down: None, seed: 5 };
        let target = target.local_addr().unwrap();
        Carrier::start(socket(), target, links(&network).unwrap()).unwrap()
    }

    #[test]
    fn clients_are_kept_apart_and_answers_find_them() {
        let target = socket();
        let relay = relay(&target, Impairments::default());
        let clients = [socket(), socket()];
        let mut buffer = [0; 100];
        for (number, client) in clients.iter().enumerate() {
            client.send_to(&[number as u8], relay.local_addr()).unwrap();
            let (_, from) = target.recv_from(&mut buffer).unwrap();
            target.send_to(&[buffer[0], 7], from).unwrap();
        }
        for (number, client) in clients.iter().enumerate() {
            let (length, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..length], from), (&[number as u8, 7][..], relay.local_addr()));
        }
        let carried = relay.stop();
        assert_eq!((carried.clients, carried.up.passed, carried.down.passed), (2, 2, 2));
    }

    #[test]
    fn a_target_may_send_first_to_whom_it_was_introduced() {
        let (target, client) = (socket(), socket());
        let mut relay = relay(&target, Impairments::default());
        let address = relay.introduce(client.local_addr().unwrap()).unwrap();
        assert!(address.ip().is_loopback(), "{address}");
        target.send_to(&[7], address).unwrap();
        let mut buffer = [0; 100];
        assert_eq!(client.recv_from(&mut buffer).unwrap(), (1, relay.local_addr()));
        client.send_to(&[8], relay.local_addr()).unwrap();
        assert_eq!(target.recv_from(&mut buffer).unwrap(), (1, address));
        assert_eq!(relay.stop().clients, 1);
    }

    #[test]
    fn no_datagram_is_unaccounted_for() {
        let target = socket();
        let share = Some(0.2);
        let both = Impairments {
            loss: share,
            damage: share,
            duplicate: share,
            reorder: share,
            delay: Some(Duration::from_millis(2)),
            ..Impairments::default()
        };
        let relay = relay(&target, both);
        let client = socket();
        for number in 0..200u8 {
            client.send_to(&[number; 50], relay.local_addr()).unwrap();
        }
        // The network's order is not the sender's: one thread waits for the other here.
        while relay.carried().up.link.packets < 200 {
            thread::yield_now();
        }
        let expected = relay.carried().up.link.delivered;
        let mut buffer = [0; 100];
        let mut damaged = 0;
        for _ in 0..expected {
            let length = target.recv(&mut buffer).unwrap();
            assert_eq!(length, 50);
            damaged += u64::from(buffer[..50].iter().any(|byte| *byte != buffer[20]));
        }
        let Way { link, passed, failed, overrun, pending } = relay.stop().up;
        assert_eq!((passed, failed, overrun, pending), (expected, 0, 0, 0));
        assert_eq!(link.packets + link.duplicated, link.delivered + link.lost);
        assert_eq!(damaged, link.damaged);
        assert!(link.lost > 10 && link.duplicated > 10 && link.reordered > 10, "{link:?}");
    }

    #[test]
    fn datagrams_pass_in_the_order_of_their_arrival_times() {
        let target = socket();
        let late = Some(Duration::from_millis(20));
        let both = Impairments { reorder: Some(0.5), reorder_by: late, ..Impairments::default() };
        let relay = relay(&target, both);
        let client = socket();
        for number in 0..50u8 {
            client.send_to(&[number], relay.local_addr()).unwrap();
        }
        let mut buffer = [0; 100];
        let mut arrived: Vec<u8> = (0..50)
            .map(|_| {
                target.recv(&mut buffer).unwrap();
                buffer[0]
            })
            .collect();
        assert!(!arrived.is_sorted(), "{arrived:?}");
        arrived.sort_unstable();
        assert!(arrived == (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_still_under_way_is_not_called_lost() {
        let target = socket();
        let hour = Some(Duration::from_hours(1));
        let relay = relay(&target, Impairments { delay: hour, ..Impairments::default() });
        socket().send_to(&[1], relay.local_addr()).unwrap();
        while relay.carried().up.link.packets == 0 {
            thread::yield_now();
        }
        let carried = relay.stop();
        assert_eq!((carried.up.pending, carried.up.passed), (1, 0));
    }

    #[test]
    fn clients_are_bounded() {
        let target = socket();
        let relay = relay(&target, Impairments::default());
        let clients: Vec<_> = (0..=MAX_CLIENTS).map(|_| socket()).collect();
        for client in &clients {
            client.send_to(&[1], relay.local_addr()).unwrap();
        }
        while relay.carried().clients + relay.carried().turned_away <= MAX_CLIENTS as u64 {
            thread::yield_now();
        }
        let carried = relay.stop();
        assert_eq!((carried.clients, carried.turned_away), (MAX_CLIENTS as u64, 1));
    }
}
