//! Two ends with message channels, and between them a network that delivers, drops, repeats and delays
//! as the input says. Numbers come once, in the order that their mode promises, and intact; at rest
//! all is settled, both ends count the same credit, and nothing is held. With an odd first byte one end
//! also gets frames that the input makes up: then nothing is promised but that it neither panics nor
//! keeps more than it may.

use std::collections::{BTreeMap, BTreeSet};
use towline::stream::{
    ChannelEvent, Content, CreditUse, FlowEvent, Outbound, Outcome, Overflow, Pattern, PeerLimits,
    RecvError, Refusal, SendError, StreamConfig, Streams, Terms, Unsettled, Why,
};
use towline::wire::{ChannelId, Frame, Frames, Mode, Side, StreamId, Writer};

/// More operations than this only make the model slow.
const MAX_OPERATIONS: usize = 400;
/// Bytes of frames of a full packet, here: so that few bytes make parts.
const FULL: usize = 120;
const MAX_MESSAGE: u64 = 400;
/// Two of the largest messages, which is the least that is allowed.
const WINDOW: u64 = 2 * (MAX_MESSAGE + 32);
/// Keys of a channel, no key included.
const KEYS: u64 = 5;
/// What one end may hold: both windows, what waits without credit, what was accepted, and as much for
/// the keeping of it. Made-up frames may open channels and scatter numbers beyond that.
const MAX_MEMORY: usize = 1 << 20;

struct Packet {
    bytes: Vec<u8>,
    contents: Vec<Content>,
}

/// What one end has sent and read of a channel.
#[derive(Default)]
struct Log {
    /// Length and key of each message that was accepted.
    accepted: Vec<(usize, Option<u64>)>,
    /// Given up by the application, or with terms under which they may be lost.
    dispensable: BTreeSet<u64>,
    receipts: BTreeMap<u64, Outcome>,
    read: BTreeSet<u64>,
    newest: BTreeMap<Option<u64>, u64>,
    missing: u64,
    /// Nobody reads it any more.
    is_stopped: bool,
    is_finished: bool,
    /// The end was read: nothing may come any more.
    is_ended: bool,
}

struct End {
    side: Side,
    streams: Streams,
    channels: BTreeMap<ChannelId, Log>,
    /// Sent, and neither arrived nor lost.
    flying: Vec<Packet>,
    /// Arrived, and not acknowledged.
    arrived: Vec<Packet>,
    /// Taken for lost, and whether it arrived all the same.
    late: Vec<(Packet, bool)>,
    /// Copies that the network has made.
    copies: Vec<Vec<u8>>,
    read: u64,
}

/// Two bytes are one operation: what and at which end, and how much or which.
pub(crate) fn run(data: &[u8]) {
    let Some((&settings, data)) = data.split_first() else { return };
    let is_attacked = settings & 1 == 1;
    let mut ends = pair(settings);
    let mut operations = data.iter();
    for count in 0..MAX_OPERATIONS {
        let (Some(&what), Some(&n)) = (operations.next(), operations.next()) else { break };
        let at = usize::from(what >> 7);
        if is_attacked && what & 0x7f >= 120 {
            let frames: Vec<u8> = operations.by_ref().take(usize::from(n)).copied().collect();
            if !attack(&mut ends[0].streams, &frames) {
                return;
            }
        } else if !operate(&mut ends, at, what & 0x7f, n, is_attacked) {
            return;
        }
        if count.is_multiple_of(16) {
            let memory = ends.each_ref().map(|end| end.streams.memory());
            assert!(memory.iter().all(|bytes| *bytes <= MAX_MEMORY), "{memory:?} bytes are held");
        }
    }
    if !is_attacked {
        settle(&mut ends);
        check(&ends, settings);
    }
}

/// Fewer than keys, or as many.
fn max_partial(settings: u8) -> u64 {
    [1, 2, 3, KEYS][usize::from(settings >> 1 & 3)]
}

fn pair(settings: u8) -> [End; 2] {
    let config = StreamConfig {
        recv_window: WINDOW,
        conn_recv_window: WINDOW,
        max_recv_window: WINDOW,
        max_streams: 4,
        max_channels: 6,
        max_message: MAX_MESSAGE,
        max_partial: max_partial(settings),
        max_send_buffer: if settings & 8 == 0 { 1 << 16 } else { 1000 },
        nodelay: true,
    };
    let limits = PeerLimits {
        max_data: config.conn_window(),
        max_stream_data: config.recv_window,
        max_streams: config.max_streams,
        max_channels: config.max_channels,
        max_message: config.max_message,
        max_partial: config.max_partial,
    };
    [Side::Client, Side::Server].map(|side| {
        let mut streams = Streams::new(side, &config);
        streams.start(limits);
        streams.set_max_chunk(FULL);
        let patterns = [Pattern::OFF, Pattern::HALF, Pattern::FULL, Pattern::HEAVY];
        streams.set_repair(patterns[usize::from(settings >> 4 & 3)]);
        End {
            side,
            streams,
            channels: BTreeMap::from([(ChannelId::URGENT, Log::default())]),
            flying: Vec::new(),
            arrived: Vec::new(),
            late: Vec::new(),
            copies: Vec::new(),
            read: 0,
        }
    })
}

/// Hands one end frames that nobody sent; returns whether it goes on.
fn attack(streams: &mut Streams, frames: &[u8]) -> bool {
    deliver(streams, frames).is_ok_and(|result| result.is_ok()) && {
        while streams.poll_event().is_some() {}
        true
    }
}

/// All frames of a packet; `Err(())`: they cannot be read.
fn deliver(streams: &mut Streams, bytes: &[u8]) -> Result<Result<(), Refusal>, ()> {
    for frame in Frames::new(bytes) {
        let result = match frame.map_err(|_| ())? {
            Frame::MaxData(limit) => {
                streams.on_max_data(limit);
                Ok(())
            }
            Frame::MaxStreams(count) => {
                streams.on_max_streams(count);
                Ok(())
            }
            Frame::MaxChannels(count) => {
                streams.on_max_channels(count);
                Ok(())
            }
            Frame::MaxStreamData(id, limit) => {
                streams.on_max_stream_data(id, limit).map_err(Refusal::from)
            }
            Frame::WindowProbe(id) => streams.on_window_probe(id).map_err(Refusal::from),
            Frame::ResetStream(id, code, end) => {
                streams.on_reset_stream(id, code, end).map_err(Refusal::from)
            }
            Frame::StopSending(id, code) => {
                streams.on_stop_sending(id, code).map_err(Refusal::from)
            }
            Frame::Stream(frame) => streams.on_stream(&frame),
            Frame::Message(frame) => streams.on_message(&frame),
            Frame::Parity(frame) => streams.on_parity(&frame),
            Frame::Skip(skip) => streams.on_skip(&skip),
            Frame::MaxChannelData(id, limit) => {
                streams.on_max_channel_data(id, limit).map_err(Refusal::from)
            }
            Frame::ChannelProbe(id) => streams.on_channel_probe(id).map_err(Refusal::from),
            Frame::ChannelEnd(id, end) => streams.on_channel_end(id, end),
            Frame::ChannelStop(id) => streams.on_channel_stop(id).map_err(Refusal::from),
            _ => Ok(()),
        };
        if result.is_err() {
            return Ok(result);
        }
    }
    Ok(Ok(()))
}

/// Returns whether the connection is still open: lies may have ended it.
fn operate(ends: &mut [End; 2], at: usize, what: u8, n: u8, is_attacked: bool) -> bool {
    let which = usize::from(n);
    let mut is_open = true;
    match what % 24 {
        0 => ends[at].open(n),
        1..=5 => ends[at].send(what, n),
        6..=8 => {
            ends[at].write(FULL);
        }
        9 => {
            ends[at].write(which);
        }
        10..=12 => is_open = arrive(ends, at, which, n & 1 == 1, is_attacked),
        13 | 14 => ends[at].acknowledge(which),
        15 | 16 => ends[at].lose(which, n & 1 == 1),
        17 => is_open = late(ends, at, which, is_attacked),
        18 | 19 => {
            ends[at].read(1 + which % 4, is_attacked);
        }
        20 => ends[at].cancel(n),
        21 => {
            ends[at].streams.requeue_newest();
        }
        22 => ends[at].end(n),
        _ => match n % 4 {
            0 => ends[at].streams.on_round(),
            1 => ends[at].reset_stream(),
            2 => {
                let id = ChannelId(u64::from(n >> 2));
                let priority = towline::stream::Priority { level: n & 7, weight: n };
                ends[at].streams.set_priority(id.into(), priority);
            }
            _ => ends[at].streams.set_send_limit(u64::from(n) * 10),
        },
    }
    for end in ends {
        end.poll_events(is_attacked);
    }
    is_open
}

/// A packet of the end `from` arrives.
fn arrive(
    ends: &mut [End; 2],
    from: usize,
    which: usize,
    is_kept: bool,
    is_attacked: bool,
) -> bool {
    let Some(which) = which.checked_rem(ends[from].flying.len()) else { return true };
    let packet = ends[from].flying.swap_remove(which);
    let is_open = take(&mut ends[1 - from], &packet.bytes, is_attacked);
    if is_kept {
        ends[from].copies.push(packet.bytes.clone());
    }
    ends[from].arrived.push(packet);
    is_open
}

/// A copy arrives, or what was taken for lost.
fn late(ends: &mut [End; 2], from: usize, which: usize, is_attacked: bool) -> bool {
    let copies = ends[from].copies.len();
    let all = copies + ends[from].late.len();
    let Some(which) = which.checked_rem(all) else { return true };
    let bytes = if which < copies {
        ends[from].copies.swap_remove(which)
    } else {
        let (packet, has_arrived) = &mut ends[from].late[which - copies];
        *has_arrived = true;
        packet.bytes.clone()
    };
    take(&mut ends[1 - from], &bytes, is_attacked)
}

fn take(end: &mut End, bytes: &[u8], is_attacked: bool) -> bool {
    let result = deliver(&mut end.streams, bytes).expect("frames that were written");
    // Whoever was lied to may find that an honest frame contradicts the lie.
    assert!(is_attacked || result.is_ok(), "an honest end breaks no rule: {result:?}");
    result.is_ok()
}

impl End {
    fn pick(&self, n: u8) -> ChannelId {
        let at = usize::from(n) % self.channels.len();
        *self.channels.keys().nth(at).expect("the urgent channel is always there")
    }

    fn open(&mut self, n: u8) {
        let mode = Mode::ALL[usize::from(n & 3)];
        let overflow =
            [Overflow::Block, Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest];
        let outbound = Outbound {
            overflow: overflow[usize::from(n >> 2 & 3)],
            queue_bytes: 100 << (n >> 4),
            is_repaired: n & 0x80 == 0,
        };
        if let Ok(id) = self.streams.open_channel(mode, outbound) {
            self.channels.entry(id).or_default();
        }
    }

    fn send(&mut self, what: u8, n: u8) {
        let id = self.pick(what >> 3 ^ n);
        let (is_reliable, is_latest) = (id.mode().is_reliable(), id.mode() == Mode::Latest);
        let log = self.channels.get_mut(&id).expect("picked");
        let terms = Terms {
            max_retransmits: (is_reliable && n & 0x30 == 0x30).then_some(u32::from(n & 3)),
            key: (is_latest && n & 4 == 0).then_some(u64::from(n & 3)),
            wants_receipt: n & 1 == 1,
        };
        let len = (usize::from(n) << (what % 3)).min(MAX_MESSAGE as usize);
        let number = log.accepted.len() as u64;
        match self.streams.send(id, &content(self.side, id, number, len), terms) {
            Ok(got) => {
                assert_eq!(got, number, "numbers have no holes");
                log.accepted.push((len, terms.key));
                if terms.max_retransmits.is_some() {
                    log.dispensable.insert(number);
                }
            }
            Err(SendError::Blocked | SendError::Full) => {}
            Err(SendError::Stopped | SendError::Finished) => log.is_finished = true,
            Err(error) => panic!("{error}"),
        }
    }

    /// Writes one packet, unless there is nothing to be written.
    fn write(&mut self, room: usize) -> bool {
        let mut packet = Packet { bytes: Vec::new(), contents: Vec::new() };
        let wants = self.streams.wants_to_send();
        let mut w = Writer::new(&mut packet.bytes, room);
        self.streams.write_frames(&mut w, &mut |content| packet.contents.push(content));
        let is_empty = packet.bytes.is_empty();
        assert!(wants || is_empty, "nothing was wanted");
        assert!(!wants || !is_empty || room < FULL, "wanted, and nothing written");
        if !is_empty {
            self.flying.push(packet);
        }
        !is_empty
    }

    fn acknowledge(&mut self, which: usize) {
        if let Some(which) = which.checked_rem(self.arrived.len()) {
            let packet = self.arrived.swap_remove(which);
            packet.contents.iter().for_each(|content| self.streams.on_acked(content));
        } else if let Some(at) = self.late.iter().position(|(_, has_arrived)| *has_arrived) {
            let (packet, _) = self.late.swap_remove(at);
            packet.contents.iter().for_each(|content| self.streams.on_acked(content));
        }
    }

    /// A packet is taken for lost, whether it has arrived or not.
    fn lose(&mut self, which: usize, has_arrived: bool) {
        let pool = if has_arrived { &mut self.arrived } else { &mut self.flying };
        let Some(which) = which.checked_rem(pool.len()) else { return };
        let packet = pool.swap_remove(which);
        packet.contents.iter().for_each(|content| self.streams.on_lost(content.clone()));
        self.late.push((packet, has_arrived));
    }

    fn cancel(&mut self, n: u8) {
        let id = self.pick(n);
        let log = self.channels.get_mut(&id).expect("picked");
        let Some(back) = usize::from(n >> 4).checked_rem(log.accepted.len()) else { return };
        let number = (log.accepted.len() - 1 - back) as u64;
        let which = if n & 8 == 0 { Unsettled::Any } else { Unsettled::Unsent };
        let was_pending = self.streams.is_pending(id, number, which);
        let is_given_up = self.streams.abandon(id, number, which, Why::Cancelled);
        assert_eq!(is_given_up, was_pending, "channel {id}: {number}");
        if is_given_up {
            log.dispensable.insert(number);
        }
    }

    /// Now and then a channel ends, or nobody reads it any more.
    fn end(&mut self, n: u8) {
        let id = self.pick(n >> 2);
        match n & 3 {
            0 => self.streams.finish_channel(id),
            1 if id != ChannelId::URGENT => {
                self.streams.stop_channel(id);
                self.channels.get_mut(&id).expect("picked").is_stopped = true;
            }
            _ => {}
        }
    }

    /// Streams use the same credit, and give it back when they are reset.
    fn reset_stream(&mut self) {
        if let Ok(id) = self.streams.open() {
            let _ = self.streams.write(id, &[7; 300]);
            self.streams.reset(id, 1);
            self.streams.discard(id);
        } else {
            let _ = self.streams.write(StreamId::ZERO, &[7; 50]);
        }
    }

    fn poll_events(&mut self, is_attacked: bool) {
        while let Some(id) = self.streams.accept_channel() {
            self.channels.entry(id).or_default();
        }
        while let Some(event) = self.streams.poll_event() {
            if let FlowEvent::Channel(ChannelEvent::Receipt(id, number, outcome)) = event
                && let Some(log) = self.channels.get_mut(&id)
            {
                let before = log.receipts.insert(number, outcome);
                assert!(is_attacked || before.is_none(), "channel {id}: {number} was told before");
            }
        }
    }

    /// Reads so many messages of each channel; returns whether something came.
    fn read(&mut self, most: usize, is_attacked: bool) -> bool {
        let before = self.read;
        let mut buf = [0; 512];
        for id in std::iter::from_fn(|| self.streams.accept()).collect::<Vec<_>>() {
            // Nothing goes back on it, and what comes is not wanted.
            let _ = self.streams.finish(id);
            self.streams.discard(id);
        }
        while let Ok(n @ 1..) = self.streams.read(StreamId::ZERO, &mut buf) {
            self.read += n as u64;
        }
        for (id, log) in &mut self.channels {
            for _ in 0..most {
                let peeked = self.streams.peek_message(*id, &mut buf);
                let result = self.streams.recv_vec(*id);
                assert_eq!(peeked, result.as_ref().map(|(message, _)| *message).map_err(|e| *e));
                match result {
                    Ok((message, data)) if !is_attacked => {
                        let expected = content(self.side.peer(), *id, message.number, data.len());
                        assert_eq!(data, expected, "channel {id}: {}", message.number);
                        assert!(!log.is_ended, "channel {id}: {} after the end", message.number);
                        log.note(*id, message.number, message.key);
                    }
                    Ok(_) => {}
                    Err(RecvError::Gap { count }) => {
                        log.missing = log.missing.saturating_add(count);
                    }
                    Err(error) => {
                        let is_ended = error == RecvError::Finished;
                        assert!(is_attacked || is_ended || !log.is_ended, "channel {id}: {error}");
                        log.is_ended = is_ended;
                        break;
                    }
                }
                self.read += 1;
            }
        }
        self.read > before
    }
}

impl Log {
    /// A message was read, at its place.
    fn note(&mut self, id: ChannelId, number: u64, key: Option<u64>) {
        let due = self.read.len() as u64 + self.missing;
        assert!(self.read.insert(number), "channel {id}: {number} twice");
        if id.mode() == Mode::Ordered {
            assert_eq!(number, due, "channel {id}: out of turn");
        }
        let last = self.newest.insert(key, number);
        if id.mode() == Mode::Latest {
            assert!(last.is_none_or(|last| last < number), "channel {id}: after a newer one");
        }
    }
}

/// The network gets well, all channels end, and everybody reads: until nothing is left to do.
fn settle(ends: &mut [End; 2]) {
    for round in 0.. {
        assert!(round < 10_000, "no end: {:#?} {:#?}", ends[0].streams, ends[1].streams);
        let mut did = false;
        for at in 0..2 {
            ends[at].poll_events(false);
            // Nobody has stopped it.
            let _ = ends[at].streams.finish(StreamId::ZERO);
            for id in ends[at].channels.keys().copied().collect::<Vec<_>>() {
                ends[at].streams.finish_channel(id);
            }
            while ends[at].write(FULL) {
                did = true;
            }
            while !ends[at].flying.is_empty() {
                arrive(ends, at, 0, false, false);
                ends[at].acknowledge(0);
                did = true;
            }
            while !ends[at].arrived.is_empty() {
                ends[at].acknowledge(0);
                did = true;
            }
            did |= ends[1 - at].read(usize::MAX, false);
            if let Some(blocked) = ends[at].streams.blocked() {
                let probed = match blocked.id {
                    towline::stream::FlowId::Stream(id) => ends[1 - at].streams.on_window_probe(id),
                    towline::stream::FlowId::Channel(id) => {
                        ends[1 - at].streams.on_channel_probe(id)
                    }
                };
                probed.expect("the peer knows what is open");
                did = true;
            }
        }
        if !did {
            break;
        }
    }
}

/// What both ends owe each other at rest.
fn check(ends: &[End; 2], settings: u8) {
    for (from, to) in [(&ends[0], &ends[1]), (&ends[1], &ends[0])] {
        assert!(from.streams.is_all_acknowledged(), "{:#?}", from.streams);
        let (sent, CreditUse { received, returned, .. }) =
            (from.streams.credit().sent, to.streams.credit());
        assert_eq!((sent, sent), (received, returned), "the connection's credit");
        let stats = from.streams.messages();
        assert_eq!(stats.acknowledged + stats.abandoned.total(), stats.accepted);
        assert_eq!((stats.queued, stats.outstanding), (0, 0));
        for (id, log) in &from.channels {
            // Both sides have ended it, so both have forgotten it.
            assert_eq!(from.streams.channel_credit(*id), None, "channel {id} is not over");
            let nothing = Log::default();
            let got = to.channels.get(id).unwrap_or(&nothing);
            compare(*id, log, got);
            // With less room than keys a part of what was replaced, which comes late, may take the place
            // of what has arrived.
            if id.mode() == Mode::Latest && max_partial(settings) >= KEYS {
                compare_newest(*id, log, got);
            }
        }
        assert_eq!(from.streams.memory(), 0, "{:#?}", from.streams);
    }
}

/// What was sent against what was read.
fn compare(id: ChannelId, sent: &Log, got: &Log) {
    let accepted = sent.accepted.len() as u64;
    if got.is_stopped {
        return;
    }
    for number in &got.read {
        assert!(*number < accepted, "channel {id}: {number} was never sent");
    }
    if id.mode().is_reliable() {
        let delivered = got.read.len() as u64;
        assert_eq!(delivered + got.missing, accepted, "channel {id}: {delivered} delivered");
        for (number, outcome) in &sent.receipts {
            let is_there = got.read.contains(number);
            assert!(*outcome != Outcome::Acknowledged || is_there, "channel {id}: {number}");
            if let Outcome::Abandoned(Why::Cancelled | Why::Retransmits) = outcome {
                assert!(sent.dispensable.contains(number), "channel {id}: {number}");
            }
        }
    }
}

/// Of each key the newest message was read last.
fn compare_newest(id: ChannelId, sent: &Log, got: &Log) {
    let mut newest = BTreeMap::new();
    for (number, (_, key)) in (0u64..).zip(&sent.accepted) {
        newest.insert(*key, number);
    }
    let is_kept = |number: &u64| !sent.dispensable.contains(number) && !got.is_stopped;
    for (key, number) in newest.into_iter().filter(|(_, number)| is_kept(number)) {
        assert_eq!(got.newest.get(&key), Some(&number), "channel {id}: key {key:?}");
    }
}

/// The bytes of a message.
fn content(sender: Side, id: ChannelId, number: u64, len: usize) -> Vec<u8> {
    let seed = id.0 * 7919 + number * 31 + sender as u64 * 104_729;
    (0..len as u64).map(|i| (seed + i * 7 + i / 250) as u8).collect()
}
