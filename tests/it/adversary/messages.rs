//! Readers that never read, and peers that send messages' frames as they like.

use super::*;
use crate::talk::Talk;
use std::ops::RangeInclusive;
use towline::connection::ChannelConfig;
use towline::sim::{MessagePlan, Reading, Sending};
use towline::stream::{
    Delivery, MAX_KEYS, MAX_SETTLED_RANGES, MESSAGE_COST, Overflow, URGENT_WINDOW,
};
use towline::wire::{ChannelId, MessageFrame, MessageNumber, Mode, ParityFrame, Part, Skip};

const MIB: u64 = 1 << 20;

// ---- a reader that never reads ----

/// Small messages on channels that are read, ten a second for the whole time.
fn beside(delivery: Delivery) -> Sending {
    let every = Duration::from_millis(100);
    Sending { every, ends: false, ..Sending::new(delivery, 200, 100..=100) }
}

/// One channel that nobody reads, flooded, beside one of each kind that are read.
fn unread(delivery: Delivery, overflow: Overflow, sizes: RangeInclusive<u64>) {
    let what = format!("{delivery}, {overflow:?}, {sizes:?} bytes");
    let mut config = Config::default();
    config.streams.max_message = 100_000;
    config.streams.recv_window = MIB;
    config.streams.conn_recv_window = 2 * MIB;
    config.streams.max_recv_window = 2 * MIB;
    config.streams.max_send_buffer = 4 * MIB;
    let mode = delivery.mode().expect("not a stream");
    let index = u64::from(mode == Mode::Unordered);
    let unread = ChannelId::new(Side::Client, mode, index);
    let count = (30 * MIB / (sizes.end() + MESSAGE_COST)).min(200_000);
    let terms = ChannelConfig { overflow, max_queue_delay: None, ..delivery.into() };
    let flood = Sending { config: terms, keys: 50, ..Sending::new(delivery, count, sizes) };
    let others = [Delivery::Ordered, Delivery::Unordered, Delivery::Latest, Delivery::Unreliable];
    let client = MessagePlan {
        seed: 1,
        channels: std::iter::once(flood).chain(others.map(beside)).collect(),
        urgent: Some(beside(Delivery::Unordered)),
        ..MessagePlan::default()
    };
    let server = MessagePlan { reading: Reading::AllBut(unread), ..MessagePlan::default() };
    let links = [path(50, RTT), path(50, RTT)];
    let mut talk = Talk::new(1, &config, links, client, server);
    let outcome = talk.world.run_until(START + Duration::from_secs(40), |_| false);
    assert_eq!(outcome, Outcome::Deadline, "{what}");
    assert_eq!(talk.complaints(), [""; 0], "{what}");
    let sent = talk.conversation(talk.client);
    let got = talk.conversation(talk.server);
    assert_eq!((&sent.ended, &got.ended), (&None, &None), "{what}");
    for sender in &sent.senders[1..] {
        let id = sender.id.expect("open");
        let arrived = got.readers[&id].arrived.len();
        // What is not repeated may have been lost in the queue of the bottleneck.
        let least = if id.mode() == Mode::Unreliable { 150 } else { 200 };
        assert!(arrived >= least, "{what}: {arrived} arrived on channel {id}");
    }
    assert!(got.readers[&unread].arrived.is_empty());
    // The receiver: the window, or what waits and what is there in part without credit, and as much for
    // the queues' own entries. The sender: what may wait and what may be under way; an empty message is
    // held in more bytes than it costs.
    let held = 2 * config.streams.recv_window + MIB;
    let sent = 2 * config.streams.max_send_buffer;
    for (id, bound) in [(talk.client, sent), (talk.server, held)] {
        let peak = talk.node(id).peak_memory as u64;
        println!("{what}: {id:?} held {peak} bytes, bound {bound}");
        assert!(peak <= bound, "{what}: {id:?} held {peak} bytes, bound {bound}");
    }
}

#[test]
fn a_reader_that_never_reads_stops_only_its_own_channel() {
    for delivery in [Delivery::Ordered, Delivery::Unordered, Delivery::Latest, Delivery::Unreliable]
    {
        for overflow in
            [Overflow::Block, Overflow::Reject, Overflow::DropOldest, Overflow::DropNewest]
        {
            unread(delivery, overflow, 500..=1000);
            unread(delivery, overflow, 50_000..=100_000);
        }
        unread(delivery, Overflow::Block, 0..=0);
    }
}

// ---- frames made by hand ----

fn channel(mode: Mode, index: u64) -> ChannelId {
    // The urgent channel is the client's first Unordered one.
    ChannelId::new(Side::Client, mode, index + u64::from(mode == Mode::Unordered))
}

fn message(id: ChannelId, number: u64, key: Option<u64>, data: &[u8]) -> Frame<'_> {
    Frame::Message(MessageFrame { id, number: MessageNumber::new(number), part: None, key, data })
}

fn part(id: ChannelId, number: u64, offset: u64, total: u64, data: &[u8]) -> Frame<'_> {
    let part = Some(Part { offset, total });
    Frame::Message(MessageFrame { id, number: MessageNumber::new(number), part, key: None, data })
}

const fn skip(id: ChannelId, first: u64, count: u64, cost: u64) -> Frame<'static> {
    Frame::Skip(Skip { id, first, count, cost })
}

fn parity(id: ChannelId, number: u64, others: u8, size: u16, data: &[u8]) -> Frame<'_> {
    Frame::Parity(ParityFrame { id, number: MessageNumber::new(number), others, size, data })
}

fn each(frames: &[Frame<'_>]) -> Vec<Vec<u8>> {
    frames.iter().map(|frame| body(&[*frame])).collect()
}

const ORDERED: ChannelId = ChannelId::new(Side::Client, Mode::Ordered, 0);
const LATEST: ChannelId = ChannelId::new(Side::Client, Mode::Latest, 0);
const UNRELIABLE: ChannelId = ChannelId::new(Side::Client, Mode::Unreliable, 0);
const UNOPENED: ChannelId = ChannelId::new(Side::Server, Mode::Ordered, 0);

#[test]
fn breaches_of_limits_are_called_by_their_names() {
    use ProtocolError as E;
    let breaches: [(&str, E, Breach); 14] = [
        ("a channel that the server did not open", E::StreamState, |_| {
            each(&[message(UNOPENED, 0, None, b"x")])
        }),
        ("its end", E::StreamState, |_| each(&[Frame::ChannelEnd(UNOPENED, 0)])),
        ("its parity", E::StreamState, |_| each(&[parity(UNOPENED, 3, 1, 1, b"x")])),
        ("a channel too many", E::StreamLimit, |p| {
            each(&[Frame::ChannelStop(ChannelId::new(Side::Client, Mode::Latest, p.max_channels))])
        }),
        ("far too many, by a limit", E::StreamLimit, |_| {
            each(&[Frame::MaxChannelData(channel(Mode::Unreliable, (1 << 58) - 1), 1)])
        }),
        ("beyond a channel's limit", E::FlowControl, |p| {
            let count = p.max_stream_data / p.max_message;
            each(&(0..count).map(|n| part(ORDERED, n, 0, p.max_message, b"x")).collect::<Vec<_>>())
        }),
        ("beyond the urgent channel's", E::FlowControl, |_| {
            each(&[0, 1].map(|n| part(ChannelId::URGENT, n, 0, URGENT_WINDOW - 32, b"x")))
        }),
        ("beyond the connection's limit", E::FlowControl, |p| {
            let frames = (0..p.max_data / p.max_message)
                .map(|n| part(channel(Mode::Unordered, n), 0, 0, p.max_message, b"x"));
            each(&frames.collect::<Vec<_>>())
        }),
        ("a SKIP beyond it", E::FlowControl, |p| {
            each(&[skip(ORDERED, 0, p.max_stream_data / 32 + 1, 32)])
        }),
        ("a SKIP far beyond it", E::FlowControl, |_| each(&[skip(ORDERED, 0, 1 << 61, 32)])),
        ("parts of one message too many", E::FlowControl, |p| {
            each(&(0..=p.max_partial).map(|n| part(ORDERED, n, 0, 2, b"x")).collect::<Vec<_>>())
        }),
        ("a SKIP on Latest", E::StreamState, |_| each(&[skip(LATEST, 0, 1, 0)])),
        ("a SKIP on Unreliable", E::StreamState, |_| each(&[skip(UNRELIABLE, 0, 1, 0)])),
        ("a SKIP behind the last number", E::StreamState, |_| {
            each(&[skip(ORDERED, 2, (1 << 62) - 1, 0)])
        }),
    ];
    for (what, error, breach) in breaches {
        is_called(what, error, breach);
    }
}

#[test]
fn contradictions_are_called_by_their_names() {
    use ProtocolError as E;
    let breaches: [(&str, E, Breach); 16] = [
        ("a message that is too long", E::Message, |p| {
            each(&[part(ORDERED, 0, 0, p.max_message + 1, b"x")])
        }),
        ("far too long, where credit is none", E::Message, |_| {
            each(&[part(UNRELIABLE, 0, 0, (1 << 62) - 1, b"x")])
        }),
        ("too long for the urgent channel", E::Message, |_| {
            each(&[part(ChannelId::URGENT, 0, 0, URGENT_WINDOW - 31, b"x")])
        }),
        ("a part of nothing", E::Message, |_| each(&[part(ORDERED, 0, 0, 0, b"")])),
        ("a part behind the end", E::Message, |_| each(&[part(LATEST, 0, 9, 10, b"xx")])),
        ("a part far behind the end", E::Message, |_| {
            each(&[part(LATEST, 0, (1 << 62) - 1, 10, b"xx")])
        }),
        ("another length", E::Message, |_| {
            each(&[part(ORDERED, 0, 0, 10, b"x"), part(ORDERED, 0, 1, 11, b"x")])
        }),
        ("a key on Ordered", E::Message, |_| each(&[message(ORDERED, 0, Some(1), b"x")])),
        ("a key on Unreliable", E::Message, |_| each(&[message(UNRELIABLE, 0, Some(1), b"x")])),
        ("a SKIP of another cost", E::Message, |_| {
            each(&[part(ORDERED, 0, 0, 10, b"x"), skip(ORDERED, 0, 1, 43)])
        }),
        ("a SKIP of no possible cost", E::Message, |_| each(&[skip(ORDERED, 0, 1, 31)])),
        ("a number at the end", E::FinalSize, |_| {
            each(&[Frame::ChannelEnd(ORDERED, 5), message(ORDERED, 5, None, b"x")])
        }),
        ("a SKIP across the end", E::FinalSize, |_| {
            each(&[Frame::ChannelEnd(ORDERED, 5), skip(ORDERED, 4, 2, 0)])
        }),
        ("an end that moves", E::FinalSize, |_| {
            each(&[Frame::ChannelEnd(LATEST, 5), Frame::ChannelEnd(LATEST, 6)])
        }),
        ("an end at a number that was seen", E::FinalSize, |_| {
            each(&[message(UNRELIABLE, 5, None, b"x"), Frame::ChannelEnd(UNRELIABLE, 5)])
        }),
        ("a parity of one", E::Frame, |_| {
            // As PARITY travels: type with length, channel, number, others.
            vec![vec![0x1c, 0x00, 0x05, 0x00, 0x02, 0x00, 0x00]]
        }),
    ];
    for (what, error, breach) in breaches {
        is_called(what, error, breach);
    }
}

/// What a connection that only receives may hold of messages: PROTOCOL.md, section 10.
fn receive_bound() -> usize {
    let streams = Config::default().streams;
    let channels = streams.max_channels + 1;
    // Whatever is held twice: queues grow by doubling, and an empty message is not smaller than its cost.
    let credit = 2 * (streams.conn_recv_window + URGENT_WINDOW);
    let without_credit = 4 * MIB + channels * 2 * 65_536;
    let partial = channels * streams.max_partial * 2 * 4096;
    let repairs = channels * (16 + 8) * 1300;
    let itself = channels * 2048;
    (credit + without_credit + partial + repairs + itself) as usize
}

/// A peer does so for as long as it likes: nothing happens, and little is held. Returns how much, and
/// how many packets were refused because a bound was reached.
fn is_endured(what: &str, script: Script) -> (usize, u64) {
    let every = Duration::from_micros(500);
    let victim = attack(every, Duration::from_secs(5), Plan::default(), script);
    let reason = victim.flow().ended.as_ref().map(|ended| &ended.reason);
    assert_eq!(reason, None, "{what}");
    let node = victim.world.host(victim.server).node();
    let rogue = victim.world.host(victim.rogue).rogue();
    let stats = victim.stats();
    println!(
        "{what}: {} bytes held at most, bound {}; {} packets taken, {} refused; {} bytes in, {} out",
        node.peak_memory,
        receive_bound(),
        stats.received.packets,
        stats.refused.full,
        rogue.sent_bytes,
        rogue.got_bytes,
    );
    let packets = stats.received.packets + stats.refused.full;
    assert!(packets > 1000, "{what}: {packets} packets");
    assert!(node.peak_memory <= receive_bound(), "{what}: {} held", node.peak_memory);
    assert!(rogue.got_bytes <= rogue.sent_bytes, "{what}: {} bytes back", rogue.got_bytes);
    (node.peak_memory, stats.refused.full)
}

#[test]
fn partial_messages_without_end_are_endured() {
    // Of each block of an assembler one byte; on reliable channels as many as there is credit for.
    for mode in [Mode::Ordered, Mode::Unordered] {
        is_endured(
            &format!("parts on {mode:?} channels"),
            Box::new(move |n, p| {
                let total = p.max_data / 100 / p.max_partial - 64;
                let (id, number) = (channel(mode, n % 100), n / 100 % p.max_partial);
                let offset = (n / 100 / p.max_partial) * 4096 % total;
                Some(body(&[part(id, number, offset, total, b"x")]))
            }),
        );
    }
    for mode in [Mode::Latest, Mode::Unreliable] {
        is_endured(
            &format!("parts on {mode:?} channels"),
            Box::new(move |n, p| {
                let id = channel(mode, n % 100);
                let frames = [0, 1, 2, 3]
                    .map(|i| part(id, n / 3, (n + i) * 4096 % 999_999, p.max_message, b"x"));
                Some(body(&frames))
            }),
        );
    }
    // Of Latest each with another key, and small, so that many fit.
    is_endured(
        "parts with keys",
        Box::new(|n, _| {
            let id = channel(Mode::Latest, n % 100);
            let frame = |i| MessageFrame {
                id,
                number: MessageNumber::new(n * 20 + i),
                part: Some(Part { offset: 0, total: 2 }),
                key: Some(n * 20 + i),
                data: b"x",
            };
            Some(body(&std::array::from_fn::<_, 20, _>(|i| Frame::Message(frame(i as u64)))))
        }),
    );
}

#[test]
fn numbers_far_apart_are_endured() {
    for mode in Mode::ALL {
        for step in [2, 1000, 1 << 30] {
            let what = format!("{mode:?} numbers {step} apart");
            let (_, refused) = is_endured(
                &what,
                Box::new(move |n, _| {
                    let id = channel(mode, 0);
                    let first = (n * 40).checked_mul(step)?;
                    let frames = std::array::from_fn::<_, 40, _>(|i| {
                        message(id, first + i as u64 * step, None, b"")
                    });
                    // Up to the credit there is.
                    (n * 40 * 32 < 3 * MIB).then(|| body(&frames))
                }),
            );
            // Each empty message is a range of its own.
            assert_eq!(refused > 0, mode.is_reliable(), "{what}: {refused} refused");
        }
    }
}

#[test]
fn skips_without_end_are_endured() {
    let ranges = MAX_SETTLED_RANGES;
    // One SKIP over everything there is: what comes after it is ignored.
    for mode in [Mode::Ordered, Mode::Unordered] {
        is_endured(
            &format!("all of {mode:?}"),
            Box::new(move |n, _| {
                let id = channel(mode, 0);
                Some(body(&[
                    skip(id, 0, 1 << 62, 0),
                    message(id, n, None, b"x"),
                    skip(id, n, 7, 99),
                ]))
            }),
        );
        // Every other number: each is a range, up to the bound, and costs the sender nothing.
        let (held, refused) = is_endured(
            &format!("half of {mode:?}"),
            Box::new(move |n, _| {
                let id = channel(mode, 0);
                let frames = std::array::from_fn::<_, 40, _>(|i| {
                    skip(id, (n * 40 + i as u64) * 2 + 1, 1, 0)
                });
                Some(body(&frames))
            }),
        );
        assert!(refused > 0, "{mode:?}: the bound of ranges was not reached");
        assert!(held <= ranges * 100, "{mode:?}: {held} bytes for {ranges} ranges");
    }
}

#[test]
fn keys_without_end_are_endured() {
    let (held, _) = is_endured(
        "keys",
        Box::new(|n, _| {
            let frames = std::array::from_fn::<_, 40, _>(|i| {
                let number = n * 40 + i as u64;
                message(LATEST, number, Some(number * 999_983), b"state")
            });
            Some(body(&frames))
        }),
    );
    assert!(held <= MAX_KEYS * 300, "{held} bytes for {MAX_KEYS} keys");
}

#[test]
fn parities_of_everything_are_endured() {
    for mode in Mode::ALL {
        let mut rng = Rng::from_u64(7);
        is_endured(
            &format!("parities of {mode:?}"),
            Box::new(move |n, p| {
                let id = channel(mode, n % p.max_channels);
                let mut data = vec![0; 1 + rng.below(1100) as usize];
                rng.fill(&mut data);
                let number = rng.below(n + 20);
                // What can be made of it is made: some lengths fit, and then credit is used as by a message.
                let size = if rng.chance(0.9) { 0xffff } else { rng.below(4) as u16 };
                data.resize(data.len().min(1100), 0);
                let known = message(id, n / p.max_channels, None, b"");
                let others = 1 + rng.below(255) as u8;
                Some(if n % 50 == 0 {
                    body(&[known])
                } else {
                    body(&[parity(id, number, others, size, &data)])
                })
            }),
        );
    }
}

/// Questions, ends and stops: the answers are no larger than the questions.
#[test]
fn control_frames_without_end_are_endured() {
    is_endured(
        "questions",
        Box::new(|n, p| {
            let id = channel(Mode::ALL[(n % 4) as usize], n / 4 % (p.max_channels / 4));
            let frames = [
                Frame::ChannelProbe(id),
                Frame::ChannelStop(id),
                Frame::MaxChannelData(id, n),
                Frame::MaxChannels(n),
                Frame::ChannelEnd(id, 0),
            ];
            Some(body(&frames))
        }),
    );
}
