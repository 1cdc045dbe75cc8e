//! The engine: what happens next, to whom, and when to stop.

use super::host::{Host, HostId, Outbox};
use super::schedule::{Event, Schedule};
use super::tap::{Happening, Logged, Observers, PacketEvent, Recorded, flow_of};
use super::topology::{DIRECT, LinkId, PathId, Topology};
use crate::impair::{Arrival, Arrivals, Fate, ImpairError, Link, LinkConfig, Parcel};
use crate::time::Instant;
use crate::wire::Ecn;
use slab::Slab;
use std::collections::VecDeque;
use std::net::SocketAddr;

#[cfg(test)]
mod tests;

/// A host that is polled more often than this while time stands still will not come to rest: the
/// run ends with [`Outcome::Livelock`].
const MAX_POLLS_PER_INSTANT: u32 = 100_000;

/// Why [`World::run_until`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// What it waited for has come.
    Done,
    /// The deadline has come first.
    Deadline,
    /// Nothing will ever happen again by itself: no packet in flight, no timer.
    Idle,
    /// A host asks to be polled again and again while time stands still.
    Livelock {
        /// That host.
        host: HostId,
    },
}

/// Hosts, the links between them, and virtual time, which begins at [`Instant::ZERO`].
#[derive(Debug)]
pub struct World<H> {
    now: Instant,
    seats: Vec<Seat<H>>,
    /// Hosts to be polled now, each once.
    due: VecDeque<HostId>,
    schedule: Schedule,
    in_flight: Slab<Packet>,
    topology: Topology,
    outbox: Outbox,
    observers: Observers,
    packets: u64,
    unroutable: u64,
    livelock: Option<HostId>,
}

/// A host and what the engine knows of it.
#[derive(Debug)]
struct Seat<H> {
    host: H,
    /// The address it believes to have ...
    local: SocketAddr,
    /// ... and the one that the network knows it by; they differ behind a NAT.
    public: SocketAddr,
    is_due: bool,
    /// Of its packets, where they are not those of IPv4 and UDP.
    header_bytes: Option<u64>,
    /// When it wants to be polled next.
    wake_at: Option<Instant>,
    /// The earliest wake-up that is in the schedule for it.
    scheduled_at: Option<Instant>,
    polls: u32,
    polled_at: Instant,
}

#[derive(Debug)]
struct Packet {
    head: Head,
    datagram: Vec<u8>,
}

/// All of a packet but its bytes.
#[derive(Clone, Copy, Debug)]
struct Head {
    number: u64,
    sender: Option<HostId>,
    from: SocketAddr,
    to: SocketAddr,
    ecn: Ecn,
    crc: u32,
    path: PathId,
    hops: usize,
    is_copy: bool,
    is_damaged: bool,
    /// Its headers on the wire, where they are not UDP's.
    header_bytes: Option<u64>,
}

/// What one turn of the engine came to.
enum Turn {
    Taken,
    Later,
    Never,
}

// What there is, and how it changes from outside.
impl<H> World<H> {
    /// An empty world. The seed decides what every link does to every packet.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant::ZERO,
            seats: Vec::new(),
            due: VecDeque::new(),
            schedule: Schedule::default(),
            in_flight: Slab::new(),
            topology: Topology::new(seed),
            outbox: Outbox::default(),
            observers: Observers::default(),
            packets: 0,
            unroutable: 0,
            livelock: None,
        }
    }

    /// Adds a host; it is polled first thing.
    ///
    /// # Panics
    ///
    /// If another host has that address.
    pub fn add(&mut self, host: H, address: SocketAddr) -> HostId {
        let id = HostId(self.seats.len() as u32);
        assert!(self.topology.claim(address, id), "two hosts have the address {address}");
        self.seats.push(Seat {
            host,
            local: address,
            public: address,
            is_due: false,
            header_bytes: None,
            wake_at: None,
            scheduled_at: None,
            polls: 0,
            polled_at: Instant::ZERO,
        });
        self.mark_due(id);
        id
    }

    /// Gives two hosts links of their own, from `a` to `b` and back, instead of any path they had.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first setting that is out of its range; nothing has changed then.
    pub fn connect_hosts(
        &mut self,
        a: HostId,
        b: HostId,
        ab: LinkConfig,
        ba: LinkConfig,
    ) -> Result<(LinkId, LinkId), ImpairError> {
        ab.validate()?;
        ba.validate()?;
        Ok((self.topology.connect(a, b, ab)?, self.topology.connect(b, a, ba)?))
    }

    /// Adds a link for [`World::set_path`], such as a bottleneck that several pairs share.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first setting that is out of its range.
    pub fn add_link(&mut self, config: LinkConfig) -> Result<LinkId, ImpairError> {
        self.topology.add_link(config)
    }

    /// Lets the packets from one host to another pass these links, in order. What is on its way
    /// keeps to its old path. Without links they are there at once.
    ///
    /// # Panics
    ///
    /// If a link is another world's.
    pub fn set_path(&mut self, from: HostId, to: HostId, links: &[LinkId]) {
        assert!(links.iter().all(|id| self.topology.has(*id)), "a link of another world");
        self.topology.set_path(from, to, links.to_vec());
    }

    /// The link that each pair gets which has none when it first needs one; perfect by default.
    ///
    /// # Errors
    ///
    /// The [`ImpairError`] of the first setting that is out of its range.
    pub fn set_default_link(&mut self, config: LinkConfig) -> Result<(), ImpairError> {
        self.topology.set_default_link(config)
    }

    /// Virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// A host.
    ///
    /// # Panics
    ///
    /// If it is another world's.
    pub fn host(&self, id: HostId) -> &H {
        &self.seats[id.index()].host
    }

    /// A host, to tell it something; it is polled at the present instant.
    ///
    /// # Panics
    ///
    /// If it is another world's.
    pub fn host_mut(&mut self, id: HostId) -> &mut H {
        self.mark_due(id);
        &mut self.seats[id.index()].host
    }

    /// A host, to take from it what changes nothing that it does: it is not polled for that, and so
    /// who looks often and who looks seldom see the same run.
    ///
    /// # Panics
    ///
    /// If it is another world's.
    pub fn visit(&mut self, id: HostId) -> &mut H {
        &mut self.seats[id.index()].host
    }

    /// All hosts, in the order in which they were added.
    pub fn hosts(&self) -> impl Iterator<Item = (HostId, &H)> {
        self.seats.iter().enumerate().map(|(id, seat)| (HostId(id as u32), &seat.host))
    }

    /// The address that the network knows a host by.
    ///
    /// # Panics
    ///
    /// If it is another world's.
    pub fn address(&self, id: HostId) -> SocketAddr {
        self.seats[id.index()].public
    }

    /// What the headers of all packets that this host sends take on the wire, in bytes, if they are
    /// not those of IPv4 and UDP: for hosts that speak something else, or write headers themselves.
    ///
    /// # Panics
    ///
    /// If it is another world's.
    pub fn set_header_bytes(&mut self, id: HostId, bytes: u64) {
        self.seats[id.index()].header_bytes = Some(bytes);
    }

    /// The NAT before a host forgets it and gives it another address on its next packet. The host
    /// notices nothing. What is still on its way to the old address finds nobody.
    ///
    /// # Panics
    ///
    /// If another host has that address.
    pub fn rebind(&mut self, id: HostId, public: SocketAddr) {
        assert!(self.topology.claim(public, id), "two hosts have the address {public}");
        let old = std::mem::replace(&mut self.seats[id.index()].public, public);
        if old != public {
            self.topology.release(old);
        }
    }

    /// A host moves to another network: its address changes, and it can see so from what arrives.
    ///
    /// # Panics
    ///
    /// If another host has that address.
    pub fn readdress(&mut self, id: HostId, address: SocketAddr) {
        self.rebind(id, address);
        self.seats[id.index()].local = address;
    }

    /// The links from one host to another, in order; empty as long as they have none.
    pub fn links_between(&self, from: HostId, to: HostId) -> &[LinkId] {
        self.topology.links_between(from, to)
    }

    /// All links, in the order in which they were made.
    pub fn links(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.topology.links()
    }

    /// A link, for its counts.
    ///
    /// # Panics
    ///
    /// If it is another world's.
    pub fn link(&self, id: LinkId) -> &Link {
        self.topology.link(id)
    }

    /// A link, to [`Link::reconfigure`] or [`Link::heal`] it in the middle of a run.
    ///
    /// # Panics
    ///
    /// If it is another world's.
    pub fn link_mut(&mut self, id: LinkId) -> &mut Link {
        self.topology.link_mut(id)
    }

    /// Ends the faults of all links, those to come included: rates, buffers and delays stay.
    pub fn heal(&mut self) {
        self.topology.heal();
    }

    /// Packets sent or injected so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets and copies that are between hosts now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Packets that found no host with their destination address, when sent or on arrival.
    pub fn unroutable(&self) -> u64 {
        self.unroutable
    }

    /// Folds every event of every packet so far: equal hashes mean equal runs.
    pub fn trace_hash(&self) -> u64 {
        self.observers.hash()
    }

    /// Calls `tap` at every event of every packet, instead of any tap before it.
    pub fn set_tap(&mut self, tap: impl FnMut(&PacketEvent<'_>) + Send + 'static) {
        self.observers.set_tap(Box::new(tap));
    }

    /// Notes every event of every packet from now on, without its bytes.
    pub fn start_log(&mut self) {
        self.observers.start_log();
    }

    /// What was noted since the last call, in order; whoever logs a long run calls often.
    pub fn take_log(&mut self) -> Vec<Logged> {
        self.observers.take_log()
    }

    /// Keeps a copy of every packet that hosts send from now on.
    pub fn start_recording(&mut self) {
        self.observers.start_recording();
    }

    /// Ends the recording and returns it.
    pub fn stop_recording(&mut self) -> Vec<Recorded> {
        self.observers.stop_recording()
    }

    /// Lets an arbitrary datagram arrive at `to` at the time `at` (now, if that is past), as if it
    /// came from `from`: an attacker beside the path, or a replay. No link delays or loses it.
    pub fn inject(
        &mut self,
        at: Instant,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Ecn,
        datagram: Vec<u8>,
    ) {
        let head = self.head(None, from, to, ecn, &datagram);
        self.tell(Happening::Injected, &head, &datagram);
        self.enqueue(at, Packet { head, datagram });
    }

    /// Sends an arbitrary datagram over the links of `host`, with any source address.
    pub fn send_as(
        &mut self,
        host: HostId,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Ecn,
        datagram: Vec<u8>,
    ) {
        let mut head = self.head(Some(host), from, to, ecn, &datagram);
        self.tell(Happening::Sent, &head, &datagram);
        match self.topology.host_at(to) {
            None => self.drop_unroutable(&head, datagram),
            Some(destination) => {
                head.path = self.topology.path(host, destination);
                self.forward(Packet { head, datagram });
            }
        }
    }

    fn mark_due(&mut self, id: HostId) {
        let seat = &mut self.seats[id.index()];
        if !seat.is_due {
            seat.is_due = true;
            self.due.push_back(id);
        }
    }
}

// What becomes of a packet.
impl<H> World<H> {
    fn head(
        &mut self,
        sender: Option<HostId>,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Ecn,
        datagram: &[u8],
    ) -> Head {
        let number = self.packets;
        self.packets += 1;
        let crc = crc32fast::hash(datagram);
        Head {
            number,
            sender,
            from,
            to,
            ecn,
            crc,
            path: DIRECT,
            hops: 0,
            is_copy: false,
            is_damaged: false,
            header_bytes: sender.and_then(|id| self.seats.get(id.index())?.header_bytes),
        }
    }

    fn enqueue(&mut self, at: Instant, packet: Packet) {
        let key = self.in_flight.insert(packet);
        self.schedule.push(at.max(self.now), Event::Arrival(key));
    }

    /// Sends a packet over the next link of its path, or hands it over if there is none.
    fn forward(&mut self, packet: Packet) {
        let Packet { head, datagram } = packet;
        let Some(id) = self.topology.next_link(head.path, head.hops) else {
            return self.enqueue(self.now, Packet { head, datagram });
        };
        let link = self.topology.link_mut(id);
        if link.holds() {
            // Its bytes wait in the link, the rest of it here.
            let tag = self.in_flight.insert(Packet { head, datagram: Vec::new() }) as u64;
            let is_ecn_capable = head.ecn != Ecn::NotEct;
            let (flow, header_bytes) = (head.flow(), head.header_bytes);
            let parcel = Parcel { datagram, flow, is_ecn_capable, tag, header_bytes };
            let arrivals = link.admit(self.now, parcel);
            if arrivals.fate != Fate::Held {
                self.in_flight.remove(tag as usize);
                self.disperse(&head, arrivals);
            }
            self.release(id);
        } else {
            let parcel = Parcel { datagram, header_bytes: head.header_bytes, ..Parcel::default() };
            let arrivals = link.admit(self.now, parcel);
            self.disperse(&head, arrivals);
        }
    }

    /// Lets go of what a link has decided upon, and plans the next look at it.
    fn release(&mut self, id: LinkId) {
        while let Some((tag, arrivals)) = self.topology.link_mut(id).release(self.now) {
            if let Some(Packet { head, .. }) = self.in_flight.try_remove(tag as usize) {
                self.disperse(&head, arrivals);
            }
        }
        if let Some(at) = self.topology.next_release(id) {
            self.schedule.push(at.max(self.now), Event::Release(id));
        }
    }

    /// What comes of a packet at the end of a link.
    fn disperse(&mut self, head: &Head, mut arrivals: Arrivals) {
        if arrivals.fate != Fate::Delivered {
            let discarded = std::mem::take(&mut arrivals.discarded);
            self.tell(Happening::Dropped(arrivals.fate), head, &discarded);
            self.outbox.recycle(discarded);
        }
        for arrival in arrivals {
            self.enqueue(arrival.at, Packet::after(head, arrival));
        }
    }

    fn drop_unroutable(&mut self, head: &Head, datagram: Vec<u8>) {
        self.unroutable += 1;
        self.tell(Happening::Unroutable, head, &datagram);
        self.outbox.recycle(datagram);
    }

    fn tell(&mut self, happening: Happening, head: &Head, datagram: &[u8]) {
        let &Head { number: packet, sender, from, to, ecn, crc, .. } = head;
        let at = self.now;
        let event = PacketEvent { at, packet, happening, sender, from, to, ecn, datagram };
        self.observers.tell(&event, crc);
    }
}

impl Head {
    /// The same for all packets between two addresses, one way.
    fn flow(&self) -> u64 {
        flow_of(self.from, self.to)
    }
}

impl Packet {
    /// The packet at the end of a link.
    fn after(head: &Head, arrival: Arrival) -> Self {
        let mut head = Head { hops: head.hops + 1, ..*head };
        if arrival.is_damaged || arrival.is_truncated {
            head.is_damaged = true;
            head.crc = crc32fast::hash(&arrival.datagram);
        }
        if arrival.is_marked && head.ecn != Ecn::NotEct {
            head.ecn = Ecn::Ce;
        }
        head.is_copy |= arrival.is_copy;
        Self { head, datagram: arrival.datagram }
    }
}

// Time.
impl<H: Host> World<H> {
    /// Does what comes next, one arrival or one poll of one host, and returns when that was;
    /// `None` if nothing will ever happen again by itself. Unlike [`World::run_until`] it does not
    /// notice a host that never comes to rest.
    pub fn step(&mut self) -> Option<Instant> {
        matches!(self.turn(Instant::MAX), Turn::Taken).then_some(self.now)
    }

    /// Steps until `done` says so, which is asked before every step, or until nothing is left to do
    /// up to and including the deadline, to which time then moves on.
    pub fn run_until(&mut self, deadline: Instant, mut done: impl FnMut(&Self) -> bool) -> Outcome {
        self.livelock = None;
        loop {
            if done(self) {
                return Outcome::Done;
            }
            if let Some(host) = self.livelock {
                return Outcome::Livelock { host };
            }
            match self.turn(deadline) {
                Turn::Taken => {}
                Turn::Never => return Outcome::Idle,
                Turn::Later => {
                    self.now = self.now.max(deadline);
                    return Outcome::Deadline;
                }
            }
        }
    }

    /// Does one thing, unless it comes after `limit`.
    fn turn(&mut self, limit: Instant) -> Turn {
        loop {
            let next = self.schedule.next_at();
            // Hosts are polled when everything that arrives now has arrived.
            if next.is_none_or(|at| at > self.now)
                && let Some(id) = self.due.front().copied()
            {
                if self.now > limit {
                    return Turn::Later;
                }
                self.due.pop_front();
                self.poll(id);
                return Turn::Taken;
            }
            match next {
                // What never comes does not keep a world from resting.
                None | Some(Instant::MAX) => return Turn::Never,
                Some(at) if at > limit => return Turn::Later,
                Some(_) => {}
            }
            match self.schedule.pop() {
                None => return Turn::Never,
                Some((at, Event::WakeUp(id))) => self.wake_up(at, id),
                Some((at, Event::Release(id))) => {
                    if self.topology.take_release(id, at) {
                        self.now = at;
                        self.release(id);
                        return Turn::Taken;
                    }
                }
                Some((at, Event::Arrival(key))) => {
                    self.now = at;
                    self.arrive(key);
                    return Turn::Taken;
                }
            }
        }
    }

    fn arrive(&mut self, key: usize) {
        let Some(packet) = self.in_flight.try_remove(key) else { return };
        if self.topology.next_link(packet.head.path, packet.head.hops).is_some() {
            return self.forward(packet);
        }
        let Packet { head, mut datagram } = packet;
        // Asked only now: the address may have changed hands while the packet was on its way.
        let Some(id) = self.topology.host_at(head.to) else {
            return self.drop_unroutable(&head, datagram);
        };
        let Head { is_copy, is_damaged, .. } = head;
        self.tell(Happening::Delivered { is_copy, is_damaged }, &head, &datagram);
        let seat = &mut self.seats[id.index()];
        seat.host.handle(self.now, head.from, seat.local, head.ecn, &mut datagram);
        self.outbox.recycle(datagram);
        self.mark_due(id);
    }

    fn poll(&mut self, id: HostId) {
        let seat = &mut self.seats[id.index()];
        seat.is_due = false;
        seat.polls = if seat.polled_at == self.now { seat.polls + 1 } else { 1 };
        seat.polled_at = self.now;
        if seat.polls > MAX_POLLS_PER_INSTANT {
            self.livelock = Some(id);
            seat.polls = 0;
        }
        let wake_at = seat.host.poll(self.now, &mut self.outbox);
        let from = seat.public;
        self.plan_wake_up(id, wake_at);
        let mut sent = self.outbox.take();
        for outgoing in sent.drain(..) {
            self.send_as(id, from, outgoing.to, outgoing.ecn, outgoing.datagram);
        }
        self.outbox.put_back(sent);
    }

    fn plan_wake_up(&mut self, id: HostId, wake_at: Option<Instant>) {
        let seat = &mut self.seats[id.index()];
        seat.wake_at = wake_at.filter(|at| *at > self.now);
        if wake_at.is_some_and(|at| at <= self.now) {
            self.mark_due(id);
        } else if let Some(at) = seat.wake_at
            && seat.scheduled_at.is_none_or(|scheduled| at < scheduled)
        {
            // A timer that moves back keeps its entry, which asks again when it comes up.
            seat.scheduled_at = Some(at);
            self.schedule.push(at, Event::WakeUp(id));
        }
    }

    /// A scheduled wake-up comes up. Time moves only if it is still wanted.
    fn wake_up(&mut self, at: Instant, id: HostId) {
        let seat = &mut self.seats[id.index()];
        if seat.scheduled_at != Some(at) {
            return;
        }
        seat.scheduled_at = None;
        match seat.wake_at {
            Some(wanted) if wanted <= at => {
                self.now = at;
                self.mark_due(id);
            }
            Some(wanted) => {
                seat.scheduled_at = Some(wanted);
                self.schedule.push(wanted, Event::WakeUp(id));
            }
            None => {}
        }
    }
}
