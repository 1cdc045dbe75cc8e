//! Two ends with random applications over a channel that shuffles, loses and doubles.

use super::*;
use crate::rng::Rng;
use std::collections::BTreeMap;

/// What an application means to do with its half of a stream.
#[derive(Clone, Debug)]
struct Plan {
    len: u64,
    written: u64,
    /// Resets instead of finishing.
    resets: bool,
    is_done: bool,
}

/// How an application ended up with the other half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Eof,
    Reset(u64),
    Ignored,
}

#[derive(Debug)]
struct InFlight {
    bytes: Vec<u8>,
    contents: Vec<Content>,
}

/// One end with its application and its half of the recovery.
struct End {
    streams: Streams,
    opened: u64,
    to_open: u64,
    plans: BTreeMap<StreamId, Plan>,
    read: BTreeMap<StreamId, u64>,
    endings: BTreeMap<StreamId, Ending>,
    /// Sent, fate unknown.
    in_flight: Vec<InFlight>,
    /// Arrived, and the acknowledgement is on its way.
    arrived: Vec<Vec<Content>>,
    /// Thought lost though it arrived.
    late: Vec<Vec<Content>>,
}

const fn byte(id: StreamId, side: Side, offset: u64) -> u8 {
    let mixed = (offset + id.0 * 7919 + side as u64 * 104_729).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as u8
}

struct World {
    rng: Rng,
    ends: [End; 2],
    is_healed: bool,
    /// Whether streams may be reset, stopped and discarded.
    is_rude: bool,
    max_len: u64,
}

impl World {
    fn new(seed: u64, config: &StreamConfig, to_open: u64, max_len: u64, is_rude: bool) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let (client, server) = pair(config);
        let end = |streams, opened| End {
            streams,
            opened,
            to_open,
            plans: BTreeMap::new(),
            read: BTreeMap::new(),
            endings: BTreeMap::new(),
            in_flight: Vec::new(),
            arrived: Vec::new(),
            late: Vec::new(),
        };
        let mut world = Self {
            rng: Rng::from_seed(key),
            ends: [end(client, 0), end(server, 0)],
            is_healed: false,
            is_rude,
            max_len,
        };
        for at in 0..2 {
            world.plan(at, StreamId::ZERO);
        }
        world
    }

    fn plan(&mut self, at: usize, id: StreamId) {
        let len = self.rng.below(self.max_len + 1);
        let resets = self.is_rude && self.rng.below(5) == 0;
        self.ends[at].plans.insert(id, Plan { len, written: 0, resets, is_done: false });
        self.ends[at].read.insert(id, 0);
    }

    fn side(at: usize) -> Side {
        if at == 0 { Side::Client } else { Side::Server }
    }

    /// One random thing happens at one end.
    fn step(&mut self) {
        let at = self.rng.below(2) as usize;
        match self.rng.below(12) {
            0 => self.open_and_accept(at),
            1 | 2 => self.write(at),
            3 | 4 => self.read(at),
            5 | 6 => self.send(at),
            7..=9 => self.network(at),
            10 => self.fates(at),
            _ => self.rarely(at),
        }
    }

    fn open_and_accept(&mut self, at: usize) {
        if self.ends[at].opened < self.ends[at].to_open
            && let Ok(id) = self.ends[at].streams.open()
        {
            self.ends[at].opened += 1;
            self.plan(at, id);
        }
        while let Some(id) = self.ends[at].streams.accept() {
            self.plan(at, id);
        }
        while self.ends[at].streams.poll_event().is_some() {}
    }

    fn write(&mut self, at: usize) {
        let n = 1 + self.rng.below(3000);
        let Some(id) = self.pick(at, |p, _| !p.is_done) else { return };
        let code = id.0 + 1000;
        let end = &mut self.ends[at];
        let plan = end.plans.get_mut(&id).unwrap();
        if plan.written == plan.len || (plan.resets && self.rng.below(4) == 0) {
            plan.is_done = true;
            if plan.resets {
                end.streams.reset(id, code);
            } else {
                match end.streams.finish(id) {
                    Ok(()) | Err(WriteError::Stopped(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            return;
        }
        let until = plan.len.min(plan.written + n);
        let data: Vec<u8> = (plan.written..until).map(|o| byte(id, Self::side(at), o)).collect();
        match end.streams.write(id, &data) {
            Ok(n) => plan.written += n as u64,
            Err(WriteError::Blocked) => {}
            Err(WriteError::Stopped(code)) => {
                assert_eq!(code, id.0 + 2000);
                plan.is_done = true;
            }
            // Stopped, and the peer knows that we know: the stream may be over by now.
            Err(WriteError::Finished) if self.is_rude => plan.is_done = true,
            Err(error) => panic!("{error}"),
        }
    }

    fn read(&mut self, at: usize) {
        let n = 1 + self.rng.below(5000) as usize;
        let Some(id) = self.pick(at, |_, ending| ending.is_none()) else { return };
        let is_ignored = self.is_rude && self.rng.below(40) == 0;
        let end = &mut self.ends[at];
        if is_ignored {
            if n.is_multiple_of(2) {
                end.streams.stop(id, id.0 + 2000);
            } else {
                end.streams.discard(id);
            }
            end.endings.insert(id, Ending::Ignored);
            return;
        }
        let (mut buf, mut peeked) = (vec![0; n], vec![0; n]);
        let peek = end.streams.peek(id, &mut peeked);
        let result = end.streams.read(id, &mut buf);
        assert_eq!(peek, result);
        match result {
            Ok(0) => {
                end.endings.insert(id, Ending::Eof);
            }
            Ok(n) => {
                let at_offset = end.read.get_mut(&id).unwrap();
                let peer = Self::side(at).peer();
                for (i, b) in buf[..n].iter().enumerate() {
                    assert_eq!(*b, byte(id, peer, *at_offset + i as u64), "{id} at {at_offset}");
                }
                assert_eq!(buf[..n], peeked[..n]);
                *at_offset += n as u64;
            }
            Err(ReadError::Blocked) => {}
            Err(ReadError::Reset(code)) => {
                end.endings.insert(id, Ending::Reset(code));
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A random stream of this end for which `wanted` holds.
    fn pick(
        &mut self,
        at: usize,
        wanted: impl Fn(&Plan, Option<Ending>) -> bool,
    ) -> Option<StreamId> {
        let end = &self.ends[at];
        let all = end.plans.iter();
        let all = all.filter(|(id, plan)| wanted(plan, end.endings.get(id).copied()));
        let all: Vec<StreamId> = all.map(|(id, _)| *id).collect();
        let n = self.rng.below(all.len().max(1) as u64) as usize;
        all.get(n).copied()
    }

    fn send(&mut self, at: usize) {
        let is_small = self.rng.below(4) == 0;
        let room = if is_small { 40 + self.rng.below(300) as usize } else { FULL };
        let end = &mut self.ends[at];
        let wanted = end.streams.wants_to_send();
        let sent = packet(&mut end.streams, room);
        if room == FULL {
            assert_eq!(sent.is_some(), wanted, "wants_to_send is exact: {:?}", end.streams);
        }
        assert!(sent.is_none() || wanted);
        if let Some((bytes, contents)) = sent {
            assert!(bytes.len() <= room);
            end.in_flight.push(InFlight { bytes, contents });
        }
    }

    /// A random packet on its way from this end arrives, is lost, or arrives and stays for a second
    /// time.
    fn network(&mut self, at: usize) {
        let count = self.ends[at].in_flight.len() as u64;
        if count == 0 {
            return;
        }
        let n = if self.is_healed { 0 } else { self.rng.below(count) as usize };
        let fate = if self.is_healed { 9 } else { self.rng.below(10) };
        if fate < 2 {
            let lost = self.ends[at].in_flight.remove(n);
            for c in lost.contents {
                self.ends[at].streams.on_lost(c);
            }
            return;
        }
        let bytes = self.ends[at].in_flight[n].bytes.clone();
        match deliver(&mut self.ends[1 - at].streams, &bytes) {
            Ok(()) if fate == 2 => {} // A duplicate follows.
            Ok(()) => {
                let contents = self.ends[at].in_flight.remove(n).contents;
                self.ends[at].arrived.push(contents);
            }
            Err(refusal) => panic!("{refusal}"),
        }
    }

    /// News about a packet that arrived: acknowledged, or thought lost and acknowledged later.
    fn fates(&mut self, at: usize) {
        let fate = if self.is_healed { 9 } else { self.rng.below(10) };
        let end = &mut self.ends[at];
        if let Some(contents) = end.late.pop() {
            for c in &contents {
                end.streams.on_acked(c);
            }
        }
        for contents in std::mem::take(&mut end.arrived) {
            if fate < 2 {
                for c in &contents {
                    end.streams.on_lost(c.clone());
                }
                end.late.push(contents);
            } else {
                for c in &contents {
                    end.streams.on_acked(c);
                }
            }
        }
    }

    fn rarely(&mut self, at: usize) {
        match self.rng.below(4) {
            0 => self.ends[at].streams.on_round(),
            1 => {
                self.ends[at].streams.requeue_newest();
            }
            2 => {
                let id = self.ends[at].streams.blocked().map(|b| b.id);
                if let Some(FlowId::Stream(id)) = id {
                    self.ends[1 - at].streams.on_window_probe(id).unwrap();
                }
            }
            _ => {
                let limit = self.rng.below(1 << 20);
                self.ends[at].streams.set_send_limit(limit);
            }
        }
    }

    fn is_done(&self) -> bool {
        self.ends.iter().all(|end| {
            end.opened == end.to_open
                && end.plans.values().all(|p| p.is_done)
                && end.endings.len() == end.plans.len()
                && end.streams.is_all_acknowledged()
                && !end.streams.wants_to_send()
                && end.in_flight.is_empty()
                && end.arrived.is_empty()
        }) && self.ends[0].plans.len() == self.ends[1].plans.len()
    }

    fn run(mut self) -> Self {
        for _ in 0..20_000 {
            self.step();
        }
        self.is_healed = true;
        for _ in 0..2_000_000 {
            if self.is_done() {
                self.check();
                return self;
            }
            self.step();
        }
        panic!("stuck: {:#?} {:#?}", self.ends[0].streams, self.ends[1].streams);
    }

    fn check(&self) {
        for at in 0..2 {
            let (end, peer) = (&self.ends[at], &self.ends[1 - at]);
            for (id, plan) in &end.plans {
                match peer.endings[id] {
                    Ending::Eof => {
                        assert!(!plan.resets || plan.written == plan.len);
                        assert_eq!(peer.read[id], plan.written, "stream {id} of end {at}");
                    }
                    Ending::Reset(code) => assert!(plan.resets && code == id.0 + 1000),
                    Ending::Ignored => {}
                }
            }
            let counts = end.streams.counts();
            let written = end.plans.values().map(|p| p.written).sum::<u64>();
            assert_eq!(counts.written, written);
            if !self.is_rude {
                let acknowledged = written;
                assert_eq!(counts, Counts { written, acknowledged, in_doubt: 0, unsent: 0 });
            }
            // All is over: no stream, no memory and no debt is left.
            assert_eq!(end.streams.table.iter().count(), 0, "{:#?}", end.streams);
            assert_eq!(end.streams.memory(), 0);
            assert_eq!(end.streams.buffer.held, 0);
            let credit = end.streams.recv_credit;
            assert_eq!((credit.used(), credit.used()), (credit.taken(), peer.sent_bytes()));
        }
    }
}

impl End {
    fn sent_bytes(&self) -> u64 {
        self.streams.send_credit.used()
    }
}

#[test]
fn everything_arrives_once_and_in_order_over_a_bad_channel() {
    for seed in 0..12 {
        World::new(seed, &StreamConfig::default(), 8, 30_000, false).run();
    }
}

#[test]
fn resets_stops_and_discards_leave_nothing_behind() {
    for seed in 0..12 {
        let config = StreamConfig { nodelay: seed % 2 == 0, ..StreamConfig::default() };
        World::new(seed, &config, 12, 10_000, true).run();
    }
}

#[test]
fn tiny_windows_and_few_streams_suffice() {
    for (seed, window) in [1, 2, 7, 33, 100].into_iter().enumerate() {
        for is_rude in [false, true] {
            let config = StreamConfig {
                recv_window: window,
                conn_recv_window: window + seed as u64 % 2,
                max_recv_window: window,
                max_message: 0,
                max_streams: 2,
                max_send_buffer: 64,
                ..StreamConfig::default()
            };
            World::new(seed as u64, &config, 6, 20 * window, is_rude).run();
        }
    }
}

#[test]
fn many_streams_take_turns() {
    for seed in 0..3 {
        let config = StreamConfig { max_streams: 20, ..StreamConfig::default() };
        World::new(seed, &config, 150, 500, seed == 2).run();
    }
}
