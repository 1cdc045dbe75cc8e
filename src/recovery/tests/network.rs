//! A small closed loop in virtual time: senders with endless data, one bottleneck, receivers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::super::*;
use crate::ranges::RangeSet;
use crate::rng::Rng;

/// UDP payload of a packet, what it takes on the wire, and what of it is data.
const PACKET: u32 = 1200;
const WIRE: u64 = 1228;
pub(super) const DATA: u64 = 1176;
/// An ACK is held back until a second packet comes, or for this long.
const ACK_DELAY: Duration = Duration::from_millis(5);
/// Ranges in one ACK.
const ACK_RANGES: usize = 128;

/// The path: a queue, then a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) mbit: f64,
    pub(super) rtt: Duration,
    /// The queue in bandwidth-delay products.
    pub(super) queue_bdp: f64,
    pub(super) loss: f64,
    pub(super) damage: f64,
    pub(super) jitter: Duration,
    pub(super) seed: u64,
    /// Packets are marked when this much is queued.
    pub(super) mark_above: Option<Duration>,
    /// ACKs arrive in heaps, one per this time.
    pub(super) ack_heap: Duration,
    /// Nothing passes from the first to the second.
    pub(super) outage: (Instant, Instant),
    /// From the second on the rate is this much, in Mbit/s.
    pub(super) step: Option<(Instant, f64)>,
}

impl Path {
    pub(super) fn new(mbit: f64, rtt_ms: u64) -> Self {
        Self {
            mbit,
            rtt: Duration::from_millis(rtt_ms),
            queue_bdp: 1.0,
            loss: 0.0,
            damage: 0.0,
            jitter: Duration::ZERO,
            seed: 1,
            mark_above: None,
            ack_heap: Duration::ZERO,
            outage: (Instant::ZERO, Instant::ZERO),
            step: None,
        }
    }

    fn bytes_per_ns(&self, now: Instant) -> f64 {
        let mbit = self.step.filter(|(at, _)| now >= *at).map_or(self.mbit, |(_, mbit)| mbit);
        mbit * 1e6 / 8.0 / 1e9
    }
}

#[derive(Clone, Debug)]
struct Ack {
    ranges: Vec<Range<u64>>,
    received_at: Instant,
    sent_at: Instant,
    ce_count: u64,
}

#[derive(Clone, Debug)]
enum Event {
    Wake,
    Packet { number: u64, chunk: u64, damaged: bool, marked: bool },
    AckTimer,
    Ack(Ack),
    Nack { number: u64, trailer: u32 },
}

/// One transfer.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) recovery: Recovery<u64>,
    next_number: u64,
    chunks: u64,
    next_chunk: u64,
    again: VecDeque<u64>,
    start: Instant,
    wake_at: Option<Instant>,
    probes: u32,
    received: RangeSet,
    largest_at: Instant,
    ce_count: u64,
    unacked: u32,
    ack_timer: bool,
    have: Vec<bool>,
    missing: u64,
    /// When the receiver had everything.
    pub(super) done: Option<Instant>,
    pub(super) last_probe: Option<Instant>,
    pub(super) longest_silence: Duration,
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Net {
    path: Path,
    rng: Rng,
    now: Instant,
    events: BinaryHeap<Reverse<(Instant, u64)>>,
    pending: std::collections::BTreeMap<u64, (usize, Event)>,
    order: u64,
    free_at: Instant,
    pub(super) flows: Vec<Flow>,
    /// Queue delays of packets that were sent after a second, summed in seconds, and their number.
    pub(super) queue_delay: (f64, u64),
    pub(super) overflows: u64,
    /// Bytes that the receivers got, per 100 ms and flow.
    pub(super) arrived: Vec<Vec<u64>>,
}

impl Net {
    pub(super) fn new(path: Path) -> Self {
        Self {
            path,
            rng: Rng::from_u64(path.seed),
            now: Instant::ZERO,
            events: BinaryHeap::new(),
            pending: std::collections::BTreeMap::new(),
            order: 0,
            free_at: Instant::ZERO,
            flows: Vec::new(),
            queue_delay: (0.0, 0),
            overflows: 0,
            arrived: Vec::new(),
        }
    }

    /// Adds a sender of `bytes` that begins at `start`.
    pub(super) fn add(&mut self, controller: Box<dyn Controller>, bytes: u64, start: Instant) {
        let mut recovery = Recovery::new(Config::default(), controller, PACKET);
        recovery.on_handshake_rtt(start, self.path.rtt);
        recovery.set_peer_max_ack_delay(ACK_DELAY);
        let chunks = bytes.div_ceil(DATA);
        let flow = self.flows.len();
        self.flows.push(Flow {
            recovery,
            next_number: 0,
            chunks,
            next_chunk: 0,
            again: VecDeque::new(),
            start,
            wake_at: None,
            probes: 0,
            received: RangeSet::new(),
            largest_at: Instant::ZERO,
            ce_count: 0,
            unacked: 0,
            ack_timer: false,
            have: vec![false; chunks as usize],
            missing: chunks,
            done: None,
            last_probe: None,
            longest_silence: Duration::ZERO,
        });
        self.arrived.push(Vec::new());
        self.schedule(start, flow, Event::Wake);
    }

    fn schedule(&mut self, at: Instant, flow: usize, event: Event) {
        self.order += 1;
        self.pending.insert(self.order, (flow, event));
        self.events.push(Reverse((at, self.order)));
    }

    /// Runs until all have finished or `end` has come.
    pub(super) fn run(&mut self, end: Instant) {
        while self.flows.iter().any(|f| f.done.is_none())
            && let Some(Reverse((at, order))) = self.events.pop()
            && at <= end
        {
            let (flow, event) = self.pending.remove(&order).unwrap();
            self.now = self.now.max(at);
            match event {
                Event::Wake => {
                    let f = &mut self.flows[flow];
                    if f.wake_at.is_some_and(|w| w > at) {
                        continue;
                    }
                    f.wake_at = None;
                }
                Event::Packet { number, chunk, damaged, marked } => {
                    self.flows[flow].ce_count += u64::from(marked && !damaged);
                    self.on_packet(flow, number, chunk, damaged);
                    continue;
                }
                Event::AckTimer => {
                    self.flows[flow].ack_timer = false;
                    if self.flows[flow].unacked > 0 {
                        self.send_ack(flow);
                    }
                    continue;
                }
                Event::Ack(ack) => self.on_ack(flow, &ack),
                Event::Nack { number, trailer } => {
                    let f = &mut self.flows[flow];
                    let again = &mut f.again;
                    f.recovery
                        .on_nack(self.now, number, trailer, &mut |_, chunk| again.push_back(chunk));
                }
            }
            self.drive(flow);
        }
    }

    fn on_ack(&mut self, flow: usize, ack: &Ack) {
        let now = self.now;
        let f = &mut self.flows[flow];
        let info = AckInfo {
            largest: ack.ranges[0].end - 1,
            delay: ack.sent_at.saturating_since(ack.received_at),
            ce_count: Some(ack.ce_count),
        };
        let again = &mut f.again;
        let mut fate = |fate, chunk| {
            if fate == Fate::Lost {
                again.push_back(chunk);
            }
        };
        let ranges = ack.ranges.iter().cloned();
        f.recovery.on_ack(now, &info, f.next_number, ranges, &mut fate).unwrap();
        f.last_probe = None;
    }

    /// Timeouts, then everything that may be sent.
    fn drive(&mut self, flow: usize) {
        let now = self.now;
        let f = &mut self.flows[flow];
        if f.recovery.deadline().is_some_and(|d| d <= now) {
            let again = &mut f.again;
            let due = f.recovery.on_timeout(now, &mut |_, chunk| again.push_back(chunk));
            if due == Timeout::Probe {
                f.probes = f.recovery.probes();
                if let Some(last) = f.last_probe.replace(now) {
                    f.longest_silence = f.longest_silence.max(now.saturating_since(last));
                }
            }
        }
        loop {
            let f = &mut self.flows[flow];
            let mut at = f.recovery.deadline();
            match f.recovery.permit(now) {
                _ if f.probes > 0 => f.probes -= 1,
                Permit::Now { .. } => {}
                Permit::At(t) => {
                    at = Some(at.map_or(t, |d| d.min(t)));
                    return self.wake(flow, at);
                }
                Permit::Window => return self.wake(flow, at),
            }
            let chunk = loop {
                match f.again.pop_front() {
                    Some(chunk) if f.have[chunk as usize] => {}
                    Some(chunk) => break Some(chunk),
                    None if f.next_chunk < f.chunks => {
                        f.next_chunk += 1;
                        break Some(f.next_chunk - 1);
                    }
                    None => break None,
                }
            };
            // At the end, a probe repeats the last chunk.
            let probing = f.recovery.stats().pto_backoff > 0 && f.last_probe == Some(now);
            let Some(chunk) = chunk.or_else(|| probing.then_some(f.chunks - 1)) else {
                f.recovery.on_app_limited();
                return self.wake(flow, at);
            };
            self.transmit(flow, chunk);
        }
    }

    fn wake(&mut self, flow: usize, at: Option<Instant>) {
        let f = &mut self.flows[flow];
        let Some(at) = at.map(|at| at.max(self.now)) else { return };
        if f.wake_at.is_none_or(|w| at < w) {
            f.wake_at = Some(at);
            self.schedule(at, flow, Event::Wake);
        }
    }

    fn is_out(&self) -> bool {
        self.now >= self.path.outage.0 && self.now < self.path.outage.1
    }

    fn transmit(&mut self, flow: usize, chunk: u64) {
        let now = self.now;
        let f = &mut self.flows[flow];
        let number = f.next_number;
        f.next_number += 1;
        let packet = SentPacket { number, bytes: PACKET, trailer: number as u32, contents: chunk };
        f.recovery.on_sent(now, packet);
        let rate = self.path.bytes_per_ns(now);
        let queued = self.free_at.saturating_since(now);
        let marked = self.path.mark_above.is_some_and(|bound| queued > bound);
        let capacity =
            self.path.queue_bdp * self.path.mbit * 1e6 / 8.0 * self.path.rtt.as_secs_f64();
        if queued.as_nanos() as f64 * rate + WIRE as f64 > capacity {
            self.overflows += 1;
            return;
        }
        if now > Instant::from_millis(1000) {
            self.queue_delay.0 += queued.as_secs_f64();
            self.queue_delay.1 += 1;
        }
        self.free_at = now.max(self.free_at) + Duration::from_nanos((WIRE as f64 / rate) as u64);
        let (lost, damaged) = (self.rng.chance(self.path.loss), self.rng.chance(self.path.damage));
        let jitter =
            Duration::from_nanos(self.rng.below(2 * self.path.jitter.as_nanos() as u64 + 1));
        if lost || self.is_out() {
            return;
        }
        let at = self.free_at + self.path.rtt / 2 + jitter - self.path.jitter;
        self.schedule(at, flow, Event::Packet { number, chunk, damaged, marked });
    }

    fn on_packet(&mut self, flow: usize, number: u64, chunk: u64, damaged: bool) {
        let now = self.now;
        if damaged {
            let trailer = number as u32 ^ 4;
            return self.send_back(flow, Event::Nack { number, trailer });
        }
        let slot = (now.as_nanos() / 100_000_000) as usize;
        let arrived = &mut self.arrived[flow];
        arrived.resize(arrived.len().max(slot + 1), 0);
        arrived[slot] += WIRE;
        let f = &mut self.flows[flow];
        if !std::mem::replace(&mut f.have[chunk as usize], true) {
            f.missing -= 1;
            if f.missing == 0 {
                f.done = Some(now);
            }
        }
        let expected = f.received.last().map_or(0, |r| r.end);
        f.received.insert(number..number + 1);
        if number >= expected {
            f.largest_at = now;
        }
        f.unacked += 1;
        if f.unacked >= 2 || number != expected {
            self.send_ack(flow);
        } else if !f.ack_timer {
            f.ack_timer = true;
            self.schedule(now + ACK_DELAY, flow, Event::AckTimer);
        }
    }

    fn send_ack(&mut self, flow: usize) {
        let f = &mut self.flows[flow];
        f.unacked = 0;
        let ranges: Vec<_> = f.received.iter().rev().take(ACK_RANGES).collect();
        let ack =
            Ack { ranges, received_at: f.largest_at, sent_at: self.now, ce_count: f.ce_count };
        self.send_back(flow, Event::Ack(ack));
    }

    fn send_back(&mut self, flow: usize, event: Event) {
        if self.rng.chance(self.path.loss) || self.is_out() {
            return;
        }
        let mut at = self.now + self.path.rtt / 2;
        let heap = self.path.ack_heap.as_nanos() as u64;
        if heap > 0 {
            at = Instant::from_nanos(at.as_nanos().next_multiple_of(heap));
        }
        self.schedule(at, flow, event);
    }

    /// Data per second of flow `flow`, over the share of the line that loss leaves.
    pub(super) fn share(&self, flow: usize) -> f64 {
        let f = &self.flows[flow];
        let span = f.done.expect("finished").saturating_since(f.start).as_secs_f64();
        (f.chunks * DATA) as f64 * 8.0 / span / (self.path.mbit * 1e6 * (1.0 - self.path.loss))
    }

    /// The mean delay in the queue after the first second, in milliseconds.
    pub(super) fn mean_queue_ms(&self) -> f64 {
        self.queue_delay.0 / self.queue_delay.1.max(1) as f64 * 1e3
    }
}
