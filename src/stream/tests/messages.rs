//! Message channels between two ends: whose turn, whose credit, who is told, and what is left.

use super::*;
use crate::rng::Rng;
use crate::wire::{ChannelId, Mode};
use std::collections::BTreeMap;

/// Everything that happened, streams' and channels'.
fn all_events(streams: &mut Streams) -> Vec<FlowEvent> {
    std::iter::from_fn(|| streams.poll_event()).collect()
}

fn told(streams: &mut Streams) -> Vec<ChannelEvent> {
    let channels = |event| match event {
        FlowEvent::Channel(event) => Some(event),
        FlowEvent::Stream(_) => None,
    };
    all_events(streams).into_iter().filter_map(channels).collect()
}

fn open(streams: &mut Streams, mode: Mode) -> ChannelId {
    streams.open_channel(mode, Outbound::new(mode)).unwrap()
}

fn send(streams: &mut Streams, id: ChannelId, message: &[u8]) -> u64 {
    streams.send(id, message, Terms::default()).unwrap()
}

fn recv(streams: &mut Streams, id: ChannelId) -> Result<(u64, Vec<u8>), RecvError> {
    streams.recv_vec(id).map(|(message, data)| {
        assert_eq!(message.len, data.len());
        (message.number, data)
    })
}

/// Nothing is held, owed or lost: the state of two ends that are at rest and whose readers have read.
fn assert_at_rest(a: &Streams, b: &Streams) {
    for (from, to) in [(a, b), (b, a)] {
        assert!(from.is_all_acknowledged() && !from.wants_to_send());
        assert_eq!(from.buffer.held, 0);
        let credit = (to.recv_credit.used(), to.recv_credit.taken());
        assert_eq!(credit, (from.send_credit.used(), from.send_credit.used()));
    }
}

#[test]
fn every_mode_carries_every_length_both_ways() {
    for mode in Mode::ALL {
        let (mut a, mut b) = pair(&StreamConfig::default());
        let id = open(&mut a, mode);
        // The client's first Unordered one is the urgent channel.
        let index = u64::from(mode == Mode::Unordered);
        assert_eq!(id, ChannelId::new(Side::Client, mode, index));
        settle(&mut a, &mut b);
        assert_eq!(told(&mut b), [ChannelEvent::Opened(id)], "it is announced");
        assert_eq!((b.accept_channel(), b.accept_channel()), (Some(id), None));
        for (n, len) in
            [0, 1, 63, 64, 1150, 1151, 1152, 1176, 5000, 200_000].into_iter().enumerate()
        {
            let message: Vec<u8> = (0..len).map(|i| (i * 7 + n) as u8).collect();
            assert_eq!(send(&mut a, id, &message), n as u64);
            settle(&mut a, &mut b);
            assert_eq!(recv(&mut b, id), Ok((n as u64, message.clone())), "{mode:?} {len}");
            assert_eq!(send(&mut b, id, &message), n as u64);
            settle(&mut b, &mut a);
            assert_eq!(recv(&mut a, id), Ok((n as u64, message)));
        }
        settle(&mut a, &mut b);
        assert_at_rest(&a, &b);
        a.finish_channel(id);
        settle(&mut a, &mut b);
        assert_eq!(recv(&mut b, id), Err(RecvError::Finished));
        b.finish_channel(id);
        settle(&mut a, &mut b);
        assert_eq!(recv(&mut a, id), Err(RecvError::Finished));
        settle(&mut a, &mut b);
        assert_eq!((a.memory(), b.memory()), (0, 0), "{mode:?} {a:#?} {b:#?}");
        assert_eq!(a.send(id, b"x", Terms::default()), Err(SendError::Finished));
        assert_eq!(a.messages().accepted, 10);
        assert!(told(&mut a).contains(&ChannelEvent::Finished(id)));
    }
}

#[test]
fn channels_are_counted_together_and_make_room_when_they_are_over() {
    let config = StreamConfig { max_channels: 3, ..StreamConfig::default() };
    let (mut a, mut b) = pair(&config);
    let ids = [Mode::Latest, Mode::Ordered, Mode::Latest].map(|mode| open(&mut a, mode));
    let outbound = Outbound::new(Mode::Unordered);
    assert_eq!(a.open_channel(Mode::Unordered, outbound), Err(OpenError::Limit));
    // The last becomes known first, and with it the first; so they are accepted in this order.
    send(&mut a, ids[2], b"x");
    settle(&mut a, &mut b);
    let accepted: Vec<_> = std::iter::from_fn(|| b.accept_channel()).collect();
    assert_eq!(accepted.len(), 3);
    send(&mut a, ids[1], b"x");
    {
        let id = ids[1];
        a.finish_channel(id);
        settle(&mut a, &mut b);
        recv(&mut b, id).unwrap();
        b.finish_channel(id);
        settle(&mut a, &mut b);
    }
    a.stop_channel(ids[1]);
    settle(&mut a, &mut b);
    assert!(told(&mut a).contains(&ChannelEvent::Openable));
    assert_eq!(open(&mut a, Mode::Unordered), ChannelId::new(Side::Client, Mode::Unordered, 1));
    // The urgent channel is there without all that.
    send(&mut b, ChannelId::URGENT, b"fire");
    settle(&mut a, &mut b);
    assert_eq!(recv(&mut a, ChannelId::URGENT), Ok((0, b"fire".to_vec())));
    let unopened = ChannelId::new(Side::Client, Mode::Ordered, 9);
    assert_eq!(b.on_channel_stop(unopened), Err(Violation::StreamLimit));
    assert_eq!(a.on_channel_stop(unopened), Err(Violation::StreamState));
}

#[test]
fn a_peer_that_takes_no_messages_gets_none() {
    let config = StreamConfig { max_message: 0, ..StreamConfig::default() };
    let (mut a, _) = pair(&config);
    let outbound = Outbound::new(Mode::Ordered);
    assert_eq!(a.open_channel(Mode::Ordered, outbound), Err(OpenError::NoMessages));
    let refused = a.send(ChannelId::URGENT, b"x", Terms::default());
    assert_eq!(refused, Err(SendError::Unknown));
}

#[test]
fn a_large_message_waits_first_in_line_and_holds_nothing() {
    // Room for one and a half of the largest messages is raised to two.
    let config = StreamConfig {
        recv_window: 1000,
        conn_recv_window: 1000,
        max_message: 100_000,
        ..StreamConfig::default()
    };
    let (mut a, mut b) = pair(&config);
    let ids = [open(&mut a, Mode::Ordered), open(&mut a, Mode::Unordered)];
    send(&mut a, ids[0], &vec![1; 100_000]);
    send(&mut a, ids[0], &vec![2; 50_000]);
    a.write(StreamId::ZERO, &[3; 10]).unwrap();
    settle(&mut a, &mut b);
    send(&mut a, ids[1], &vec![4; 100_000]);
    settle(&mut a, &mut b);
    assert_eq!(a.blocked().map(|b| b.by), Some(Limit::Connection), "{a:#?}");
    // Nothing of it was reserved or sent, and what needs no credit goes on.
    assert_eq!(recv(&mut b, ids[1]), Err(RecvError::Blocked));
    let latest = open(&mut a, Mode::Latest);
    send(&mut a, latest, &vec![5; 20_000]);
    send(&mut a, ChannelId::URGENT, &vec![6; 60_000]);
    a.write(StreamId::ZERO, &[3; 10]).unwrap();
    settle(&mut a, &mut b);
    assert_eq!(recv(&mut b, latest).unwrap().1.len(), 20_000);
    assert_eq!(recv(&mut b, ChannelId::URGENT).unwrap().1.len(), 60_000);
    assert_eq!(b.readable(StreamId::ZERO), 10, "later ones wait behind it");
    assert_eq!(recv(&mut b, ids[0]).unwrap().1.len(), 100_000);
    settle(&mut a, &mut b);
    assert_eq!(recv(&mut b, ids[1]).unwrap().1.len(), 100_000);
    assert_eq!(recv(&mut b, ids[0]).unwrap().1.len(), 50_000);
    settle(&mut a, &mut b);
    assert_eq!(b.read(StreamId::ZERO, &mut [0; 99]), Ok(20));
    settle(&mut a, &mut b);
    assert_at_rest(&a, &b);
}

#[test]
fn urgent_messages_overtake_all_that_was_not_sent() {
    let (mut a, mut b) = pair(&StreamConfig::default());
    let first = open(&mut a, Mode::Ordered);
    a.set_priority(first.into(), Priority { level: 0, weight: 255 });
    send(&mut a, first, &vec![1; 100_000]);
    a.write(StreamId::ZERO, &vec![2; 100_000]).unwrap();
    let (lost, mut contents) = packet(&mut a, FULL).unwrap();
    drop(lost);
    a.on_lost(contents.pop().unwrap());
    send(&mut a, ChannelId::URGENT, b"stop");
    let (bytes, _) = packet(&mut a, FULL).unwrap();
    deliver(&mut b, &bytes).unwrap();
    assert_eq!(recv(&mut b, ChannelId::URGENT), Ok((0, b"stop".to_vec())));
    // Then level 0, and the stream last.
    while b.readable(StreamId::ZERO) == 0 {
        let (bytes, contents) = packet(&mut a, FULL).unwrap();
        deliver(&mut b, &bytes).unwrap();
        for c in &contents {
            a.on_acked(c);
        }
    }
    assert_eq!(recv(&mut b, first).map(|(n, data)| (n, data.len())), Ok((0, 100_000)));
}

#[test]
fn a_full_queue_blocks_and_wakes_its_writer() {
    let (mut a, mut b) = pair(&StreamConfig::default());
    let mode = Mode::Ordered;
    let id = a.open_channel(mode, Outbound { queue_bytes: 10_000, ..Outbound::new(mode) }).unwrap();
    let mut accepted = 0;
    while a.send(id, &[0; 968], Terms::default()).is_ok() {
        accepted += 1;
    }
    assert_eq!(accepted, 10);
    assert_eq!(a.send(id, b"x", Terms::default()), Err(SendError::Blocked));
    assert!(told(&mut a).is_empty());
    settle(&mut a, &mut b);
    assert_eq!(told(&mut a), [ChannelEvent::Writable(id)]);
    // One message always fits, however small the bounds.
    let config = StreamConfig { max_send_buffer: 10, ..StreamConfig::default() };
    let (mut a, mut b) = pair(&config);
    let id = a.open_channel(mode, Outbound { queue_bytes: 1, ..Outbound::new(mode) }).unwrap();
    for n in 0..3 {
        assert_eq!(a.send(id, &[7; 5000], Terms::default()), Ok(n));
        assert_eq!(a.send(id, &[7; 5000], Terms::default()), Err(SendError::Blocked));
        settle(&mut a, &mut b);
        assert!(told(&mut a).contains(&ChannelEvent::Writable(id)));
    }
}

#[test]
fn stopping_settles_everything_and_both_forget_the_channel() {
    let (mut a, mut b) = pair(&StreamConfig::default());
    let id = open(&mut a, Mode::Ordered);
    let asks = Terms { wants_receipt: true, ..Terms::default() };
    a.watch(id, true);
    a.send(id, b"first", asks).unwrap();
    settle(&mut a, &mut b);
    let receipt = |n, outcome| ChannelEvent::Receipt(id, n, outcome);
    let first = [receipt(0, Outcome::Acknowledged), ChannelEvent::Progress(id)];
    assert_eq!(told(&mut a), first);
    assert_eq!(a.watermark(id), Some(1));
    a.send(id, &[1; 5000], asks).unwrap();
    a.send(id, &[2; 5000], asks).unwrap();
    let (bytes, _lost) = packet(&mut a, FULL).unwrap();
    deliver(&mut b, &bytes).unwrap();
    b.stop_channel(id);
    b.finish_channel(id);
    settle(&mut b, &mut a);
    settle(&mut a, &mut b);
    let events = told(&mut a);
    let stopped = Outcome::Abandoned(Why::Stopped);
    for event in [receipt(1, stopped), receipt(2, stopped), ChannelEvent::Stopped(id)] {
        assert!(events.contains(&event), "{event:?} of {events:?}");
    }
    assert_eq!(recv(&mut a, id), Err(RecvError::Finished));
    settle(&mut a, &mut b);
    assert_at_rest(&a, &b);
    assert_eq!((a.memory(), b.memory()), (0, 0), "{a:#?} {b:#?}");
}

#[test]
fn abandoned_messages_are_reported_missing() {
    let (mut a, mut b) = pair(&StreamConfig::default());
    let id = open(&mut a, Mode::Ordered);
    for n in 0..6 {
        send(&mut a, id, &[n; 3000]);
    }
    let (_, lost) = packet(&mut a, FULL).unwrap();
    assert!(a.is_pending(id, 0, Unsettled::Any) && !a.is_pending(id, 0, Unsettled::Unsent));
    assert!(!a.abandon(id, 0, Unsettled::Unsent, Why::Expired));
    assert!(a.abandon(id, 0, Unsettled::Any, Why::Cancelled));
    assert!(!a.abandon(id, 0, Unsettled::Any, Why::Cancelled));
    assert!(a.abandon(id, 3, Unsettled::Unsent, Why::Expired));
    assert!(a.abandon(id, 4, Unsettled::Unsent, Why::Expired));
    for c in lost {
        a.on_lost(c);
    }
    settle(&mut a, &mut b);
    let read: Vec<_> = (0..5).map(|_| recv(&mut b, id).map(|m| m.0)).collect();
    let gap = |count| Err(RecvError::Gap { count });
    assert_eq!(read, [gap(1), Ok(1), Ok(2), gap(2), Ok(5)]);
    settle(&mut a, &mut b);
    assert_at_rest(&a, &b);
}

/// Random messages of every mode beside a stream, over a channel that shuffles, loses and doubles.
struct Chaos {
    rng: Rng,
    ends: [Streams; 2],
    in_flight: [Vec<(Vec<u8>, Vec<Content>)>; 2],
    arrived: [Vec<Vec<Content>>; 2],
    /// Accepted, by channel, of the end that sent them.
    accepted: [BTreeMap<ChannelId, u64>; 2],
    /// Numbers that were read, and how many were reported missing.
    read: [BTreeMap<ChannelId, (Vec<u64>, u64)>; 2],
    ids: Vec<ChannelId>,
}

impl Chaos {
    fn new(seed: u64, config: &StreamConfig) -> Self {
        let (mut a, mut b) = pair(config);
        let mut ids = vec![ChannelId::URGENT];
        ids.extend(Mode::ALL.map(|mode| open(&mut a, mode)));
        ids.extend(Mode::ALL.map(|mode| open(&mut b, mode)));
        settle(&mut a, &mut b);
        Self {
            rng: Rng::from_u64(seed),
            ends: [a, b],
            in_flight: Default::default(),
            arrived: Default::default(),
            accepted: Default::default(),
            read: Default::default(),
            ids,
        }
    }

    fn body(id: ChannelId, at: usize, number: u64, len: usize) -> Vec<u8> {
        (0..len as u64).map(|i| (i * 31 + number * 17 + id.0 * 5 + at as u64) as u8).collect()
    }

    fn step(&mut self, is_healed: bool, max: u64) {
        let at = self.rng.below(2) as usize;
        let n = self.rng.below(self.ids.len() as u64) as usize;
        let id = self.ids[n];
        match self.rng.below(10) {
            0 | 1 if !is_healed => self.send(at, id, max),
            2 if !is_healed => {
                let number = self.rng.below(40);
                self.ends[at].abandon(id, number, Unsettled::Any, Why::Expired);
            }
            3 | 4 => self.recv(at, id),
            5 | 6 => {
                let wanted = self.ends[at].wants_to_send();
                let sent = packet(&mut self.ends[at], FULL);
                assert_eq!(sent.is_some(), wanted, "{:#?}", self.ends[at]);
                self.in_flight[at].extend(sent);
            }
            7 | 8 => self.network(at, is_healed),
            _ => self.rarely(at, is_healed),
        }
        while self.ends[at].poll_event().is_some() {}
    }

    fn send(&mut self, at: usize, id: ChannelId, max: u64) {
        if self.rng.below(4) == 0 {
            let _ = self.ends[at].write(StreamId::ZERO, &[9; 700]);
        }
        let limit = if id == ChannelId::URGENT { max.min(65_504) } else { max };
        let magnitude = 1 << self.rng.below(18);
        let len = self.rng.below(limit.min(magnitude) + 1) as usize;
        let number = self.accepted[at].entry(id).or_default();
        let max_retransmits = (id.mode().is_reliable() && len.is_multiple_of(5)).then_some(1);
        let terms = Terms { max_retransmits, ..Terms::default() };
        match self.ends[at].send(id, &Self::body(id, at, *number, len), terms) {
            Ok(given) => {
                assert_eq!(given, *number);
                *number += 1;
            }
            Err(SendError::Blocked) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn recv(&mut self, at: usize, id: ChannelId) {
        let _ = self.ends[at].read(StreamId::ZERO, &mut [0; 2000]);
        let (numbers, missing) = self.read[at].entry(id).or_default();
        match self.ends[at].recv_vec(id) {
            Ok((message, data)) => {
                assert_eq!(data, Self::body(id, 1 - at, message.number, data.len()));
                numbers.push(message.number);
            }
            Err(RecvError::Gap { count }) => *missing += count,
            Err(RecvError::Blocked | RecvError::Finished) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn network(&mut self, at: usize, is_healed: bool) {
        let count = self.in_flight[at].len() as u64;
        if count == 0 {
            return;
        }
        let n = if is_healed { 0 } else { self.rng.below(count) as usize };
        let fate = if is_healed { 9 } else { self.rng.below(10) };
        if fate < 3 {
            let (_, contents) = self.in_flight[at].remove(n);
            for c in contents {
                self.ends[at].on_lost(c);
            }
            return;
        }
        let bytes = self.in_flight[at][n].0.clone();
        deliver(&mut self.ends[1 - at], &bytes).unwrap();
        if fate > 3 {
            let (_, contents) = self.in_flight[at].remove(n);
            self.arrived[at].push(contents);
        }
    }

    fn rarely(&mut self, at: usize, is_healed: bool) {
        for contents in std::mem::take(&mut self.arrived[at]) {
            let is_thought_lost = !is_healed && self.rng.below(5) == 0;
            for content in contents {
                if is_thought_lost {
                    self.ends[at].on_lost(content.clone());
                }
                self.ends[at].on_acked(&content);
            }
        }
        match self.ends[at].blocked().map(|blocked| blocked.id) {
            Some(FlowId::Stream(id)) => self.ends[1 - at].on_window_probe(id).unwrap(),
            Some(FlowId::Channel(id)) => self.ends[1 - at].on_channel_probe(id).unwrap(),
            None => {}
        }
        match self.rng.below(4) {
            0 => self.ends[at].on_round(),
            1 => {
                self.ends[at].requeue_newest();
            }
            _ => {}
        }
    }

    fn is_done(&self) -> bool {
        self.in_flight.iter().all(Vec::is_empty)
            && self.arrived.iter().all(Vec::is_empty)
            && self.ends.iter().all(|end| end.is_all_acknowledged() && !end.wants_to_send())
            && (0..2).all(|at| self.ids.iter().all(|id| self.is_read(at, *id)))
            && self.ends.iter().all(|end| end.readable(StreamId::ZERO) == 0)
    }

    fn is_read(&self, at: usize, id: ChannelId) -> bool {
        let peeked = self.ends[at].peek_message(id, &mut []);
        matches!(peeked, Err(RecvError::Blocked | RecvError::Finished))
    }

    fn run(mut self, max: u64) {
        for _ in 0..6000 {
            self.step(false, max);
        }
        self.rest(max);
        self.check();
        // All is read: both forget everything as soon as both have ended it.
        for end in &mut self.ends {
            end.finish_all();
        }
        self.rest(max);
        let [a, b] = &mut self.ends;
        settle(a, b);
        for end in [a, b] {
            assert_eq!(end.read(StreamId::ZERO, &mut [0]), Ok(0));
            assert_eq!((end.memory(), end.buffer.held, end.inbox.held), (0, 0, 0), "{end:#?}");
        }
    }

    fn rest(&mut self, max: u64) {
        for _ in 0..400_000 {
            if self.is_done() {
                return;
            }
            self.step(true, max);
        }
        panic!("stuck: {:#?}", self.ends);
    }

    fn check(&self) {
        let [a, b] = &self.ends;
        assert_at_rest(a, b);
        for at in 0..2 {
            for (id, accepted) in &self.accepted[at] {
                let empty = (Vec::new(), 0);
                let (numbers, missing) = self.read[1 - at].get(id).unwrap_or(&empty);
                let mut sorted = numbers.clone();
                sorted.sort_unstable();
                sorted.dedup();
                assert_eq!(sorted.len(), numbers.len(), "channel {id}: each at most once");
                if id.mode().is_reliable() {
                    assert_eq!(numbers.len() as u64 + missing, *accepted, "channel {id}");
                }
                if matches!(id.mode(), Mode::Ordered | Mode::Latest) {
                    assert!(numbers.is_sorted(), "channel {id}: {numbers:?}");
                }
            }
        }
    }
}

#[test]
fn all_modes_at_once_over_a_bad_channel() {
    for seed in 0..8 {
        Chaos::new(seed, &StreamConfig::default()).run(100_000);
    }
}

#[test]
fn tiny_windows_do_not_deadlock() {
    for seed in 0..40 {
        let max = [0, 1, 40, 1200, 5000][seed as usize % 5];
        let config = StreamConfig {
            recv_window: 64,
            conn_recv_window: 64,
            max_recv_window: 64,
            max_message: max.max(1),
            max_partial: 1,
            max_send_buffer: 20_000,
            ..StreamConfig::default()
        };
        Chaos::new(seed, &config).run(max);
    }
}

#[test]
fn repairs_ride_beside_new_messages_and_make_lost_ones() {
    let (mut a, mut b) = pair(&StreamConfig::default());
    let id = open(&mut a, Mode::Ordered);
    settle(&mut a, &mut b);
    a.set_repair(Pattern::FULL);
    let body = |n: u64| vec![n as u8; 100 + n as usize];
    let mut lost = Vec::new();
    for n in 0..11 {
        send(&mut a, id, &body(n));
        let (bytes, contents) = packet(&mut a, FULL).unwrap();
        let parities = Frames::new(&bytes).filter(|f| matches!(f, Ok(Frame::Parity(_)))).count();
        assert_eq!(parities, usize::from(n >= 3), "two are needed: n-1 and n-3");
        assert!(packet(&mut a, FULL).is_none(), "nothing leaves for a repair's sake alone");
        // Who saw the first parity keeps messages from then on. What was lost is made of the parity beside the next message.
        if n == 7 || n == 9 {
            lost.push(contents);
        } else {
            deliver(&mut b, &bytes).unwrap();
        }
        let count = if n == 7 || n == 9 { n } else { n + 1 };
        let read: u64 = b.messages().delivered;
        for number in read..count {
            assert_eq!(recv(&mut b, id), Ok((number, body(number))), "after {n}");
        }
        assert_eq!(recv(&mut b, id), Err(RecvError::Blocked));
    }
    assert_eq!(b.messages().repairs_used, 2);
    // The loss is repaired once more in vain, and nothing comes twice.
    lost.into_iter().flatten().for_each(|c| a.on_lost(c));
    settle(&mut a, &mut b);
    assert_eq!(recv(&mut b, id), Err(RecvError::Blocked));
    // Channels that are not to be repaired are not.
    let mode = Mode::Unordered;
    let plain = Outbound { is_repaired: false, ..Outbound::new(mode) };
    let id = a.open_channel(mode, plain).unwrap();
    for n in 0..5 {
        send(&mut a, id, &body(n));
        let (bytes, _) = packet(&mut a, FULL).unwrap();
        assert!(!Frames::new(&bytes).any(|f| matches!(f, Ok(Frame::Parity(_)))));
    }
}

#[test]
fn repairs_take_only_room_that_nobody_wants() {
    let (mut a, mut b) = pair(&StreamConfig::default());
    let id = open(&mut a, Mode::Ordered);
    settle(&mut a, &mut b);
    a.set_repair(Pattern::FULL);
    let parities = |a: &mut Streams| {
        let (bytes, _) = packet(a, FULL).unwrap();
        Frames::new(&bytes).filter(|frame| matches!(frame, Ok(Frame::Parity(_)))).count()
    };
    for n in 0..5u8 {
        send(&mut a, id, &[n; 100]);
        assert_eq!(parities(&mut a), usize::from(n >= 3));
    }
    // The second does not fit beside the first, and waits: there is more to send than leaves.
    send(&mut a, id, &[5; 100]);
    send(&mut a, id, &[6; 1100]);
    assert_eq!(parities(&mut a), 0);
    assert_eq!(parities(&mut a), 0, "it is too long for one beside it");
    send(&mut a, id, &[7; 100]);
    assert_eq!(parities(&mut a), 0, "of n-1 and n-3 only a copy is short enough");
    send(&mut a, id, &[8; 100]);
    assert_eq!(parities(&mut a), 1);
}
