//! Single behaviours, over a perfect network, and what hostile peers may not do.

mod channel;
mod messages;

use super::budget::GUARANTEED;
use super::transmit::MIN_SPLIT;
use super::*;
use crate::wire::{Frame, Frames, MAX_VARINT, Offset, StreamFrame, Writer};

const FULL: usize = 1176;

fn limits(config: &StreamConfig) -> PeerLimits {
    PeerLimits {
        max_data: config.conn_window(),
        max_stream_data: config.recv_window,
        max_streams: config.max_streams,
        max_channels: config.max_channels,
        max_message: config.max_message,
        max_partial: config.max_partial,
    }
}

fn started(side: Side, config: &StreamConfig) -> Streams {
    let mut streams = Streams::new(side, config);
    streams.set_max_chunk(FULL);
    streams.start(limits(config));
    streams
}

/// Two ends of a connection that have exchanged limits.
/// Windows that a test can fill.
fn small_windows() -> StreamConfig {
    StreamConfig {
        recv_window: 256 * 1024,
        conn_recv_window: 384 * 1024,
        max_message: 0,
        ..StreamConfig::default()
    }
}

fn pair(config: &StreamConfig) -> (Streams, Streams) {
    (started(Side::Client, config), started(Side::Server, config))
}

/// A packet of at most `room` bytes, if there is anything to send.
fn packet(streams: &mut Streams, room: usize) -> Option<(Vec<u8>, Vec<Content>)> {
    let (mut buf, mut contents) = (Vec::new(), Vec::new());
    streams.write_frames(&mut Writer::new(&mut buf, room), &mut |c| contents.push(c));
    assert_eq!(buf.is_empty(), contents.is_empty());
    (!buf.is_empty()).then_some((buf, contents))
}

fn deliver(streams: &mut Streams, packet: &[u8]) -> Result<(), Refusal> {
    for frame in Frames::new(packet) {
        match frame.unwrap() {
            Frame::Padding(_) => {}
            Frame::Stream(frame) => streams.on_stream(&frame)?,
            Frame::ResetStream(id, code, end) => streams.on_reset_stream(id, code, end)?,
            Frame::StopSending(id, code) => streams.on_stop_sending(id, code)?,
            Frame::MaxData(limit) => streams.on_max_data(limit),
            Frame::MaxStreamData(id, limit) => streams.on_max_stream_data(id, limit)?,
            Frame::MaxStreams(limit) => streams.on_max_streams(limit),
            Frame::WindowProbe(id) => streams.on_window_probe(id)?,
            Frame::Message(frame) => streams.on_message(&frame)?,
            Frame::Parity(frame) => streams.on_parity(&frame)?,
            Frame::Skip(skip) => streams.on_skip(&skip)?,
            Frame::MaxChannelData(id, limit) => streams.on_max_channel_data(id, limit)?,
            Frame::MaxChannels(count) => streams.on_max_channels(count),
            Frame::ChannelProbe(id) => streams.on_channel_probe(id)?,
            Frame::ChannelEnd(id, end) => streams.on_channel_end(id, end)?,
            Frame::ChannelStop(id) => streams.on_channel_stop(id)?,
            other => panic!("not a stream's frame: {other:?}"),
        }
    }
    Ok(())
}

/// Carries everything that `from` wants to send over a perfect network.
fn flow(from: &mut Streams, to: &mut Streams) -> usize {
    let mut packets = 0;
    while let Some((bytes, contents)) = packet(from, FULL) {
        deliver(to, &bytes).unwrap();
        for c in &contents {
            from.on_acked(c);
        }
        packets += 1;
    }
    packets
}

/// Both ways until neither has anything to say.
fn settle(a: &mut Streams, b: &mut Streams) {
    while flow(a, b) + flow(b, a) > 0 {}
}

fn events(streams: &mut Streams) -> Vec<StreamEvent> {
    let all = std::iter::from_fn(|| streams.poll_event());
    all.map(|event| match event {
        FlowEvent::Stream(event) => event,
        FlowEvent::Channel(event) => panic!("{event:?}"),
    })
    .collect()
}

fn stream(id: u64, offset: u64, fin: bool, data: &[u8]) -> StreamFrame<'_> {
    StreamFrame { id: StreamId(id), offset: Offset::new(offset), fin, data }
}

#[test]
fn an_idle_connection_is_small() {
    let (a, mut b) = pair(&StreamConfig::default());
    assert_eq!(a.memory(), 0);
    let idle = size_of::<Streams>() + size_of::<ChannelTable>();
    println!("{idle} bytes, {} per stream in use", size_of::<Stream>());
    assert!(idle < 1500 && size_of::<Stream>() < 640);
    // Opening the last of the peer's streams makes one stream, not a hundred.
    b.on_stream(&stream(198, 0, false, b"x")).unwrap();
    assert_eq!(b.table.iter().count(), 1);
    assert_eq!(std::iter::from_fn(|| b.accept()).count(), 99);
}

#[test]
fn what_is_written_before_the_start_waits_for_it() {
    let config = StreamConfig::default();
    let mut a = Streams::new(Side::Client, &config);
    let mut b = started(Side::Server, &config);
    assert_eq!(a.open(), Err(OpenError::Limit));
    assert_eq!(a.write(StreamId::ZERO, b"hello"), Ok(5));
    a.finish(StreamId::ZERO).unwrap();
    assert!(!a.wants_to_send() && packet(&mut a, FULL).is_none() && a.blocked().is_none());
    a.start(limits(&config));
    assert_eq!(events(&mut a), [StreamEvent::Openable]);
    assert_eq!(flow(&mut a, &mut b), 1);
    assert_eq!(events(&mut b), [StreamEvent::Readable(StreamId::ZERO)]);
    assert_eq!(events(&mut a), [StreamEvent::Delivered(StreamId::ZERO)]);
    let mut buf = [0; 9];
    assert_eq!(b.read(StreamId::ZERO, &mut buf), Ok(5));
    assert_eq!(b.read(StreamId::ZERO, &mut buf), Ok(0));
    assert_eq!(b.read(StreamId::ZERO, &mut buf), Ok(0));
}

#[test]
fn events_do_not_pile_up() {
    let (_, mut b) = pair(&StreamConfig::default());
    for round in 0..2u64 {
        for at in 0..1000 {
            b.on_stream(&stream(0, round * 1000 + at, false, b"x")).unwrap();
            b.on_stream(&stream(2 * (round * 40 + at % 40), at / 40, false, b"y")).unwrap();
        }
        let all = events(&mut b);
        let readable = |e: &&StreamEvent| matches!(e, StreamEvent::Readable(_));
        assert_eq!(all.iter().filter(readable).count(), 40 + round as usize, "{all:?}");
        let opened: Vec<_> = all.iter().filter(|e| !readable(e)).collect();
        assert_eq!(opened, [&StreamEvent::Opened(StreamId((2 * 40 * round).max(2)))]);
    }
    // Data beyond a gap is no news, nor is data that is there already.
    b.on_stream(&stream(0, 5000, false, b"x")).unwrap();
    b.on_stream(&stream(0, 0, false, b"xxxxx")).unwrap();
    assert!(events(&mut b).is_empty());
}

#[test]
fn unknown_and_closed_streams_say_so() {
    let (mut a, mut b) = pair(&StreamConfig::default());
    let mut buf = [0; 4];
    assert_eq!(a.write(StreamId(2), b"x"), Err(WriteError::Unknown));
    assert_eq!(a.finish(StreamId(2)), Err(WriteError::Unknown));
    assert_eq!(a.read(StreamId(1), &mut buf), Err(ReadError::Unknown));
    assert_eq!(a.peek(StreamId(1), &mut buf), Err(ReadError::Unknown));
    assert_eq!((a.writable(StreamId(2)), a.readable(StreamId(2))), (0, 0));
    assert_eq!(a.read(StreamId::ZERO, &mut buf), Err(ReadError::Blocked));
    a.finish_all();
    b.finish_all();
    settle(&mut a, &mut b);
    assert!(a.table.is_closed(StreamId::ZERO) && b.table.is_closed(StreamId::ZERO));
    assert_eq!(a.read(StreamId::ZERO, &mut buf), Ok(0));
    assert_eq!(a.peek(StreamId::ZERO, &mut buf), Ok(0));
    assert_eq!(a.write(StreamId::ZERO, b"x"), Err(WriteError::Finished));
    assert_eq!(a.finish(StreamId::ZERO), Ok(()));
    assert_eq!(a.writable(StreamId::ZERO), 0);
}

#[test]
fn violations() {
    let config = StreamConfig {
        recv_window: 100,
        conn_recv_window: 150,
        max_message: 0,
        max_streams: 3,
        ..StreamConfig::default()
    };
    let fresh = || started(Side::Server, &config);
    let refused = |frames: &[StreamFrame<'_>]| {
        let mut streams = fresh();
        let (last, before) = frames.split_last().unwrap();
        for f in before {
            streams.on_stream(f).unwrap();
        }
        streams.on_stream(last)
    };
    let violation = |v| Err(Refusal::Violation(v));
    let flow_control = violation(Violation::FlowControl);
    let final_size = violation(Violation::FinalSize);
    let hundred = [1; 100];
    assert_eq!(refused(&[stream(0, 0, true, &hundred)]), Ok(()));
    assert_eq!(refused(&[stream(0, 1, false, &hundred)]), flow_control);
    assert_eq!(
        refused(&[stream(0, 0, false, &hundred), stream(2, 0, false, &[1; 51])]),
        flow_control
    );
    assert_eq!(refused(&[stream(0, 0xffff_ffff, false, b"x")]), flow_control);
    assert_eq!(refused(&[stream(0, 0, true, b"abc"), stream(0, 3, false, b"d")]), final_size);
    assert_eq!(refused(&[stream(0, 3, true, b""), stream(0, 4, true, b"")]), final_size);
    assert_eq!(refused(&[stream(0, 3, true, b""), stream(0, 2, true, b"")]), final_size);
    assert_eq!(refused(&[stream(0, 5, false, b"x"), stream(0, 2, true, b"")]), final_size);
    assert_eq!(refused(&[stream(4, 0, false, b"x")]), Ok(()));
    assert_eq!(refused(&[stream(6, 0, false, b"x")]), violation(Violation::StreamLimit));
    assert_eq!(
        refused(&[stream(MAX_VARINT - 1, 0, false, b"")]),
        violation(Violation::StreamLimit)
    );
    assert_eq!(refused(&[stream(1, 0, false, b"x")]), violation(Violation::StreamState));

    let with_data = || {
        let mut streams = fresh();
        streams.on_stream(&stream(0, 0, false, b"abc")).unwrap();
        streams
    };
    let id = StreamId::ZERO;
    assert_eq!(with_data().on_reset_stream(id, 1, 3), Ok(()));
    assert_eq!(with_data().on_reset_stream(id, 1, 2), Err(Violation::FinalSize));
    assert_eq!(with_data().on_reset_stream(id, 1, 101), Err(Violation::FlowControl));
    assert_eq!(with_data().on_reset_stream(id, 1, MAX_VARINT), Err(Violation::FlowControl));
    assert_eq!(fresh().on_stop_sending(StreamId(1), 1), Err(Violation::StreamState));
    assert_eq!(fresh().on_max_stream_data(StreamId(1), 1), Err(Violation::StreamState));
    assert_eq!(fresh().on_window_probe(StreamId(6)), Err(Violation::StreamLimit));
}

#[test]
fn a_refused_piece_changes_nothing() {
    let (_, mut b) = pair(&StreamConfig::default());
    for piece in 0..MAX_PIECES as u64 {
        b.on_stream(&stream(0, 1 + 2 * piece, false, b"x")).unwrap();
    }
    let used = b.recv_credit.used();
    let beyond = 1 + 2 * MAX_PIECES as u64;
    assert_eq!(b.on_stream(&stream(0, beyond, true, b"x")), Err(Refusal::Full));
    assert_eq!(b.recv_credit.used(), used);
    assert_eq!(b.on_stream(&stream(0, beyond, false, b"")), Ok(()), "no FIN was taken");
    assert!(b.memory() < 2 * beyond as usize * 16, "{}", b.memory());
}

#[test]
fn small_frames_on_all_streams_cost_no_more_than_the_windows() {
    let config = StreamConfig::default();
    let (_, mut b) = pair(&config);
    let mut taken = 0;
    'fill: for at in 0.. {
        for index in 0..100 {
            match b.on_stream(&stream(index * 2, 3 * at, false, b"x")) {
                Ok(()) => taken += 1,
                Err(_) => break 'fill,
            }
        }
    }
    assert!(taken > 10_000);
    // A piece costs 16 bytes and lies in a block; per stream one block may be begun.
    let window = config.conn_recv_window as usize;
    let bound = window + 100 * (4096 + 4096) + taken * 16 * 2;
    assert!(b.memory() < bound, "{} of {bound}", b.memory());
}

#[test]
fn a_reader_who_sleeps_stops_the_window_and_nothing_else() {
    let (mut a, mut b) = pair(&small_windows());
    let other = a.open().unwrap();
    let mut sleeping = 0;
    while let Ok(n) = a.write(StreamId::ZERO, &[1; 10_000]) {
        sleeping += n;
        settle(&mut a, &mut b);
    }
    assert!(sleeping > 256 * 1024);
    let by_stream = Blocked { id: StreamId::ZERO.into(), by: Limit::Flow };
    assert_eq!(a.blocked(), Some(by_stream));
    // The rest of the connection's window keeps going round, though it is below a quarter of it.
    let mut carried = 0;
    let mut buf = vec![0; 1 << 20];
    while carried < 2 << 20 {
        a.write(other, &vec![2; 50_000]).unwrap();
        settle(&mut a, &mut b);
        carried += b.read(other, &mut buf).unwrap();
        settle(&mut a, &mut b);
    }
    assert_eq!(b.readable(StreamId::ZERO), 256 * 1024);
    // The sleeper wakes up.
    let mut read = 0;
    while read < sleeping {
        read += b.read(StreamId::ZERO, &mut buf).unwrap();
        settle(&mut a, &mut b);
    }
    assert_eq!(a.blocked(), None);
}

#[test]
fn windows_grow_while_they_are_used_well() {
    let config = StreamConfig { max_recv_window: 1 << 20, ..small_windows() };
    let (mut a, mut b) = pair(&config);
    a.set_send_limit(16 << 20);
    let mut buf = vec![0; 8 << 20];
    let mut flights = Vec::new();
    for _ in 0..6 {
        while a.write(StreamId::ZERO, &vec![3; 65_536]).is_ok() {}
        flow(&mut a, &mut b);
        flights.push(b.read(StreamId::ZERO, &mut buf).unwrap() / 1024);
        b.on_round();
        flow(&mut b, &mut a);
    }
    assert_eq!(flights, [256, 1024, 1024, 1024, 1024, 1024]);
}

#[test]
fn updates_come_by_quarters_and_are_repeated_when_lost_or_asked_for() {
    let (mut a, mut b) = pair(&small_windows());
    a.write(StreamId::ZERO, &vec![1; 200_000]).unwrap();
    flow(&mut a, &mut b);
    let mut updates = 0;
    for _ in 0..200_000 {
        b.read(StreamId::ZERO, &mut [0]).unwrap();
        if let Some((bytes, _)) = packet(&mut b, FULL) {
            let limits = Frames::new(&bytes).map(Result::unwrap).collect::<Vec<_>>();
            updates += limits.len();
        }
    }
    assert_eq!(updates, 3 + 2, "quarters of 256 KiB and of 384 KiB");
    b.on_lost(Content::MaxData);
    b.on_lost(Content::MaxStreamData(StreamId::ZERO));
    let (lost, _) = packet(&mut b, FULL).unwrap();
    let limits = |packet: &[u8]| {
        let frames: Vec<_> = Frames::new(packet).map(Result::unwrap).collect();
        let [Frame::MaxData(conn), Frame::MaxStreamData(StreamId::ZERO, stream)] = frames[..]
        else {
            panic!("{frames:?}")
        };
        (conn, stream)
    };
    let quarter = |window: u64| window + 200_000 / (window / 4) * (window / 4);
    let lost = limits(&lost);
    assert_eq!(lost, (quarter(384 * 1024), quarter(256 * 1024)));
    assert!(!b.wants_to_send());
    // Who asks is told of every byte.
    b.on_window_probe(StreamId::ZERO).unwrap();
    let (asked, _) = packet(&mut b, FULL).unwrap();
    assert_eq!(limits(&asked), (200_000 + 384 * 1024, 200_000 + 256 * 1024));
    assert!(!b.wants_to_send());
}

#[test]
fn a_blocked_writer_is_woken_when_a_good_part_is_free() {
    let (mut a, mut b) = pair(&StreamConfig::default());
    a.set_send_limit(1);
    let id = StreamId::ZERO;
    assert_eq!(a.write(id, &vec![1; 1 << 20]), Ok(256 * 1024));
    assert_eq!((a.write(id, b"x"), a.writable(id)), (Err(WriteError::Blocked), 0));
    let mut freed = 0;
    while events(&mut a).is_empty() {
        let (bytes, contents) = packet(&mut a, FULL).unwrap();
        deliver(&mut b, &bytes).unwrap();
        for c in &contents {
            a.on_acked(c);
        }
        freed += 1;
    }
    assert_eq!(freed, 32 * 1024 / FULL + 1);
    assert!(a.writable(id) >= 32 * 1024);
    a.write(id, &vec![1; 1 << 20]).unwrap();
    assert_eq!(a.write(id, b"x"), Err(WriteError::Blocked));
    a.set_send_limit(1 << 20);
    assert_eq!(events(&mut a), [StreamEvent::Writable(id)]);
}

#[test]
fn one_stream_does_not_take_all_of_the_buffer() {
    let config = StreamConfig { max_send_buffer: 256 * 1024, ..StreamConfig::default() };
    let (mut a, _) = pair(&config);
    let other = a.open().unwrap();
    assert_eq!(a.write(StreamId::ZERO, &vec![1; 1 << 20]), Ok(256 * 1024));
    assert_eq!(a.writable(other), GUARANTEED as usize);
    assert_eq!(a.write(other, &vec![1; 1 << 20]), Ok(GUARANTEED as usize));
}

#[test]
fn retransmissions_go_before_new_data_and_control_before_both() {
    let (mut a, _) = pair(&StreamConfig::default());
    let id = StreamId::ZERO;
    a.write(id, &[1; 5000]).unwrap();
    let (_, mut first) = packet(&mut a, FULL).unwrap();
    a.on_lost(first.remove(0));
    assert!(a.has_retransmissions());
    a.on_lost(Content::MaxData);
    let (_, second) = packet(&mut a, FULL).unwrap();
    let kinds: Vec<_> = second
        .iter()
        .map(|c| match c {
            Content::Data { range, .. } => range.start,
            _ => 9999,
        })
        .collect();
    // The control frame leaves too little room for all that was lost, so it takes two packets.
    assert_eq!(kinds, [9999, 0]);
    let (_, third) = packet(&mut a, FULL).unwrap();
    assert_eq!(third.len(), 2, "{third:?}");
    assert!(!a.has_retransmissions());
}

#[test]
fn a_probe_repeats_the_newest_data_of_who_sent_last() {
    let (mut a, _) = pair(&StreamConfig { nodelay: true, ..StreamConfig::default() });
    assert!(!a.requeue_newest());
    let other = a.open().unwrap();
    a.write(StreamId::ZERO, &[1; 3000]).unwrap();
    while packet(&mut a, FULL).is_some() {}
    a.write(other, b"abc").unwrap();
    let (_, newest) = packet(&mut a, FULL).unwrap();
    assert!(a.requeue_newest() && a.wants_to_send());
    let (_, probe) = packet(&mut a, FULL).unwrap();
    let Content::Data { id, ref range, copy, .. } = probe[0] else { panic!() };
    assert_eq!((id, range.clone(), copy), (other, 0..3, 1));
    a.on_acked(&newest[0]);
    assert!(a.requeue_newest());
    // All that one packet can have carried, though two may be needed for it now.
    let mut probed = Vec::new();
    while let Some((_, probe)) = packet(&mut a, FULL) {
        let Content::Data { id, ref range, .. } = probe[0] else { panic!() };
        assert_eq!(id, StreamId::ZERO);
        probed.push(range.clone());
    }
    assert_eq!((probed[0].start, probed.last().unwrap().end), (3000 - FULL as u64, 3000));
    assert!(probed.len() <= 2);
}

#[test]
fn frames_fill_packets_to_the_last_byte() {
    // Whatever the lengths, no byte is wasted, and where room is left another frame may follow.
    for len in 1..400usize {
        for room in 20..200 {
            let (mut a, mut b) = pair(&StreamConfig::default());
            a.write(StreamId::ZERO, &vec![7; len]).unwrap();
            a.finish(StreamId::ZERO).unwrap();
            let (mut bytes, _) = packet(&mut a, room).unwrap();
            assert!(bytes.len() == room || (bytes.len() < room && len < room));
            bytes.resize(room, 0);
            deliver(&mut b, &bytes).unwrap();
            assert_eq!(b.readable(StreamId::ZERO), len.min(room - 1), "{len} in {room}");
        }
    }
}

#[test]
fn data_is_not_splintered_into_the_last_bytes_of_a_packet() {
    let (mut a, _) = pair(&StreamConfig::default());
    let other = a.open().unwrap();
    for len in FULL - 30..FULL {
        a.write(StreamId::ZERO, &vec![1; len]).unwrap();
        a.write(other, &[2; 2000]).unwrap();
        a.set_nodelay(StreamId::ZERO, true);
        while let Some((_, contents)) = packet(&mut a, FULL) {
            for content in &contents {
                let Content::Data { id, ref range, .. } = *content else { panic!() };
                let is_rest = id == StreamId::ZERO || range.end.is_multiple_of(2000);
                assert!(is_rest || range.end - range.start >= MIN_SPLIT, "{contents:?}");
                a.on_acked(content);
            }
        }
    }
}

#[test]
fn stop_discards_returns_credit_and_is_answered() {
    let (mut a, mut b) = pair(&StreamConfig::default());
    let id = StreamId::ZERO;
    a.write(id, &vec![1; 100_000]).unwrap();
    flow(&mut a, &mut b);
    events(&mut a);
    b.stop(id, 42);
    assert_eq!((b.recv_credit.taken(), b.readable(id)), (100_000, 0));
    assert_eq!(b.read(id, &mut [0; 9]), Ok(0));
    let (lost, contents) = packet(&mut b, FULL).unwrap();
    drop(lost);
    for c in contents {
        b.on_lost(c);
    }
    settle(&mut a, &mut b);
    assert_eq!(events(&mut a), [StreamEvent::Stopped(id, 42)]);
    assert_eq!(a.write(id, b"x"), Err(WriteError::Stopped(42)));
    assert_eq!(a.counts().acknowledged, 100_000);
    assert!(b.table.get(id).unwrap().recv.is_over());
    b.finish(id).unwrap();
    settle(&mut a, &mut b);
    assert_eq!((a.table.iter().count(), b.table.iter().count()), (0, 0));
}

#[test]
fn discarded_data_is_taken_for_ever_and_the_peer_hears_nothing() {
    let (mut a, mut b) = pair(&StreamConfig::default());
    let id = StreamId::ZERO;
    b.discard(id);
    for _ in 0..50 {
        assert_eq!(a.write(id, &vec![1; 50_000]), Ok(50_000));
        settle(&mut a, &mut b);
    }
    assert!(events(&mut a).is_empty());
    assert_eq!(a.counts().acknowledged, 50 * 50_000);
    // Offsets are expanded rightly although nothing is reassembled, and the end is noticed.
    a.finish(id).unwrap();
    settle(&mut a, &mut b);
    assert!(b.table.get(id).unwrap().recv.is_over());
}

#[test]
fn long_streams_keep_going_beyond_truncated_offsets() {
    let (mut a, mut b) = pair(&StreamConfig::default());
    let id = StreamId::ZERO;
    let chunk = vec![5; 256 * 1024];
    let mut buf = vec![0; 256 * 1024];
    let mut carried = 0u64;
    while carried < (1 << 32) + (1 << 20) {
        a.write(id, &chunk).unwrap();
        let mut packets = 0;
        while let Some((bytes, contents)) = packet(&mut a, 60_000) {
            deliver(&mut b, &bytes).unwrap();
            for c in &contents {
                a.on_acked(c);
            }
            packets += 1;
        }
        assert!(packets > 0);
        carried += b.read(id, &mut buf).unwrap() as u64;
        flow(&mut b, &mut a);
    }
    assert_eq!(a.counts().acknowledged, carried);
}

#[test]
fn closed_streams_return_their_credit_one_by_one_when_few_are_left() {
    let config = StreamConfig { max_streams: 4, ..StreamConfig::default() };
    let (mut a, mut b) = pair(&config);
    let held: Vec<_> = std::iter::from_fn(|| a.open().ok()).collect();
    assert_eq!(held.len(), 3);
    for round in 0..20 {
        let id = if round == 0 { held[0] } else { a.open().unwrap() };
        assert_eq!(a.open(), Err(OpenError::Limit));
        a.finish(id).unwrap();
        settle(&mut a, &mut b);
        b.finish(id).unwrap();
        events(&mut a);
        settle(&mut a, &mut b);
        assert!(events(&mut a).contains(&StreamEvent::Openable));
    }
}
