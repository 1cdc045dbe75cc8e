//! Round trips, exhaustive damage, and hostile input.

use super::header::header_check;
use super::*;
use crate::ranges::RangeSet;
use proptest::prelude::*;

fn encode(frame: &Frame<'_>, is_last: bool) -> Vec<u8> {
    let mut buf = Vec::new();
    frame.encode(&mut Writer::new(&mut buf, 4096), is_last);
    buf
}

fn varint() -> impl Strategy<Value = u64> {
    prop_oneof![0..64u64, 0..16384u64, 0..(1u64 << 30), 0..=MAX_VARINT]
}

#[test]
fn every_damage_of_up_to_two_bits_in_a_header_is_seen() {
    for number_bytes in 1..=4 {
        for seed in 0..4u64 {
            let id = ConnectionId(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let number = Truncated { low: (seed * 77) & 0xff, bytes: number_bytes };
            let mut bytes = Vec::new();
            let numbered =
                Numbered { to: id, number, ack_eliciting: true, key_phase: false, spare: false };
            Header::Data(numbered).encode(&mut bytes);
            let bits = bytes.len() * 8;
            let flip = |bytes: &mut Vec<u8>, bit: usize| bytes[bit / 8] ^= 1 << (bit % 8);
            let passes = |bytes: &[u8]| {
                let (covered, check) = bytes.split_last_chunk::<2>().unwrap();
                u16::from_be_bytes(*check) == header_check(covered)
            };
            assert!(passes(&bytes));
            for a in 0..bits {
                flip(&mut bytes, a);
                assert!(!passes(&bytes), "bit {a} of {bits}");
                for b in a + 1..bits {
                    flip(&mut bytes, b);
                    assert!(!passes(&bytes), "bits {a} and {b} of {bits}");
                    flip(&mut bytes, b);
                }
                flip(&mut bytes, a);
            }
        }
    }
}

#[test]
fn overheads_keep_their_promise() {
    // P-5: 24 bytes around the data of a packet with one stream frame, at any offset.
    let fixed = Numbered::encoded_len(2) + Crc32::LEN;
    let id = StreamId(2);
    for offset in [0, 1, 0xffff, 0x1_0000, u64::from(u32::MAX), 1 << 32, 1 << 61] {
        assert!(fixed + StreamFrame::header_len(id, offset, None) <= 24);
    }
}

#[test]
fn a_packet_of_one_message_costs_at_most_22_bytes() {
    // P-5: with the longest number of a packet that is thin enough for 8192 in flight.
    let fixed = Numbered::encoded_len(2) + Crc32::LEN;
    let whole = |number| MessageFrame {
        id: ChannelId::new(Side::Server, Mode::Unreliable, 7),
        number: MessageNumber::new(number),
        part: None,
        key: None,
        data: b"some bytes",
    };
    for (number, len) in
        [(0, 3), (255, 3), (256, 4), (65_536, 5), (0xff_ffff, 5), (1 << 24, 6), (1 << 61, 6)]
    {
        let frame = whole(number);
        assert_eq!(frame.header_len(None), len, "{number}");
        assert!(fixed + len <= if number < 1 << 24 { 22 } else { 23 });
        // Further messages in the packet: a length beside.
        assert_eq!((frame.header_len(Some(63)), frame.header_len(Some(64))), (len + 1, len + 2));
        // Offset, total and key, of eight bytes each.
        let part = Some(Part { offset: u64::from(u32::MAX) - 1, total: u32::MAX.into() });
        let longest = MessageFrame { part, key: Some(MAX_VARINT), ..frame };
        assert_eq!(longest.header_len(None), len + 24);
    }
    let parity = ParityFrame {
        id: ChannelId::URGENT,
        number: MessageNumber::new(0),
        others: 0b101,
        size: 1156,
        data: &[],
    };
    assert_eq!(parity.header_len(None), 6);
    let latest = ParityFrame { number: MessageNumber::new(0xff_ffff), ..parity };
    assert_eq!(latest.header_len(None), 8);
    assert_eq!(latest.header_len(Some(100)), 10, "the length of size and bytes");
    assert_eq!((latest.header_len(Some(61)), latest.header_len(Some(62))), (9, 10));
}

#[test]
fn numbers_expand_to_the_nearest() {
    for (number, acked) in
        [(0, 0), (1, 0), (127, 0), (128, 0), (70_000, 1), (1 << 40, (1 << 40) - 9)]
    {
        let short = Truncated::packet_number(number, acked);
        let overtaken = number + (number - acked) * 4;
        for expected in [acked, u64::midpoint(acked, number), number, number + 1, overtaken] {
            assert_eq!(short.expand(expected), number, "{short:?} near {expected}");
        }
    }
    assert_eq!(Truncated { low: 0x9b32, bytes: 2 }.expand(0xa82f_30eb), 0xa82f_9b32); // RFC 9000 §A.3
    assert_eq!(Truncated { low: 0xff, bytes: 1 }.expand(0), 0xff);
    assert_eq!(Truncated { low: 1, bytes: 1 }.expand(u64::MAX), u64::MAX - 254);
}

#[test]
fn offsets_expand_within_half_a_terabyte() {
    for near in [0, 1 << 32, 1 << 40, (1 << 45) + 17] {
        for delta in [-(1i64 << 38), -1, 0, 1, 1 << 38] {
            let Some(offset) = u64::checked_add_signed(near, delta) else { continue };
            assert_eq!(Offset::new(offset).expand(near), offset);
        }
    }
}

#[test]
fn decode_errors_say_where() {
    let error = Frames::new(&[0x01, 0x08, 0x40]).nth(1).unwrap().unwrap_err();
    assert_eq!(error, DecodeError { at: 2, what: "connection limit", why: Why::Truncated });
    assert_eq!(error.to_string(), "connection limit at byte 2 is cut off");
    let error = Frames::new(&[0x80]).next().unwrap().unwrap_err();
    assert_eq!((error.at, error.why), (0, Why::Unknown));
    assert!(Frames::new(&[0x02, 0x05, 0x00, 0x00, 0x01, 0x05, 0x00]).next().unwrap().is_err());
}

#[test]
fn a_dense_set_travels_as_a_bitmap() {
    let received: RangeSet = (0..600).map(|i| i * 2..i * 2 + 1).collect();
    let mut buf = Vec::new();
    let ranges = Ack::encode(&received, 7, None, &mut Writer::new(&mut buf, 1000));
    assert_eq!((ranges, buf[0]), (600, ack::BITMAP));
    let Frame::Ack(ack) = Frames::new(&buf).next().unwrap().unwrap() else { panic!() };
    assert_eq!(ack.ranges().collect::<RangeSet>(), received);
}

#[test]
fn handshake_packets_round_trip_and_feel_every_bit() {
    let block = Parameters { max_data: 1 << 20, ..Parameters::default() }.encode(3);
    let mut syn = Vec::new();
    Syn::encode(ConnectionId(7), 9, 2, &[VERSION, 5], &block, &mut syn);
    assert_eq!(syn.len(), BASE_PAYLOAD);
    let (header, end) = Header::decode(&syn).unwrap();
    assert_eq!(header, Header::Syn(ConnectionId(7)));
    let decoded = Syn::decode(ConnectionId(7), &syn, end).unwrap();
    assert_eq!((decoded.nonce, decoded.attempt, decoded.block), (9, 2, &block[..]));
    assert_eq!(decoded.versions.iter().collect::<Vec<_>>(), [VERSION, 5]);
    let offer = SynAck {
        client: ConnectionId(7),
        nonce: 9,
        attempt: 2,
        server: ConnectionId(8),
        version: VERSION,
        stamp: 77,
        cookie: Cookie([4; 16]),
        block: &block,
    };
    let mut bytes = Vec::new();
    offer.encode(&mut bytes);
    let end = Header::decode(&bytes).unwrap().1;
    assert_eq!(SynAck::decode(ConnectionId(7), &bytes, end), Ok(offer));
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let seen = Header::decode(&bytes)
            .and_then(|(_, end)| SynAck::decode(ConnectionId(7), &bytes, end));
        assert!(seen.is_err(), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn parameters_round_trip_and_unknown_ones_are_skipped() {
    let p = Parameters { max_streams: 9, max_payload: 1472, ..Parameters::default() };
    for grease in [0, 1, 255] {
        assert_eq!(Parameters::decode(&p.encode(grease)), Ok(p));
    }
    assert!(Parameters::decode(&[0x06, 0x01, 0x10]).is_err(), "a payload below 1200");
    assert!(Parameters::decode(&[0x05, 0x01, 0x3f]).is_err(), "an idle timeout of 63 ms");
    assert!(Parameters::decode(&[0x05, 0x01, 0x00]).is_ok(), "none at all");
    assert!(Parameters::decode(&[0x0a, 0x01, 0x00]).is_err(), "no message in part");
    assert!(Parameters::decode(&[0x06]).is_err());
    assert!(Parameters::decode(&[0x01, 0x00]).is_err(), "an empty value");
}

#[test]
fn parameters_of_message_channels_are_said_where_they_say_something() {
    let silent = Parameters::default();
    let block = silent.encode(0);
    let longest = (1 << 32) - 1;
    for (p, more) in [
        (Parameters { max_channels: 100, ..silent }, 4),
        (Parameters { max_message: 1 << 20, ..silent }, 6),
        (Parameters { max_partial: 16, ..silent }, 3),
        (
            Parameters {
                max_channels: (1 << 59) - 1,
                max_message: longest,
                max_partial: MAX_VARINT,
                ..silent
            },
            30,
        ),
    ] {
        let said = p.encode(0);
        assert_eq!(said.len(), block.len() + more, "{p:?}");
        assert_eq!(Parameters::decode(&said), Ok(p));
    }
    let beyond = [
        Parameters { max_channels: 1 << 59, ..silent },
        Parameters { max_message: longest + 1, ..silent },
        Parameters { max_partial: 0, ..silent },
    ];
    assert!(beyond.iter().all(|p| Parameters::decode(&p.encode(0)).is_err()));
}

#[test]
fn a_checksum_covers_number_and_ids() {
    let pseudo = Pseudo { number: 5, to: ConnectionId(1), from: ConnectionId(2) };
    let mut packet = b"headerpayload".to_vec();
    let trailer = Crc32.seal(pseudo, &mut packet, 0, 6);
    assert_eq!(Crc32.open(pseudo, &mut packet.clone(), 6), Opened::Intact(b"payload"));
    for other in [
        Pseudo { number: 5 + (1 << 16), ..pseudo },
        Pseudo { to: ConnectionId(3), ..pseudo },
        Pseudo { from: ConnectionId(3), ..pseudo },
    ] {
        assert_eq!(Crc32.open(other, &mut packet.clone(), 6), Opened::Damaged(trailer));
    }
    assert_eq!(Crc32.open(pseudo, &mut packet[..8].to_vec(), 6), Opened::Forged);
}

/// How many kinds of frames `frame` makes.
const KINDS: u8 = 21;

fn frame(data: &[u8], numbers: [u64; 4], kind: u8, fin: bool) -> Frame<'_> {
    let [a, b, c, d] = numbers;
    let (id, number) = (ChannelId(a), MessageNumber::new(b));
    match kind {
        0 => Frame::Padding(data.len() + 1),
        1 => Frame::Ping,
        2 => Frame::Nack(Nack { number: a, trailer: b as u32 }),
        3 => Frame::MaxData(a),
        4 => Frame::MaxStreamData(StreamId(a), b),
        5 => Frame::MaxStreams(a),
        6 => Frame::WindowProbe(StreamId(a)),
        7 => Frame::ResetStream(StreamId(a), b, c),
        8 => Frame::StopSending(StreamId(a), b),
        9 => Frame::Close(Close { code: a, reason: data }),
        10 => Frame::PathChallenge(b),
        11 => Frame::PathResponse(c),
        12 => Frame::Skip(Skip { id, first: b, count: c.max(1), cost: d }),
        13 => Frame::MaxChannelData(id, b),
        14 => Frame::MaxChannels(a),
        15 => Frame::ChannelProbe(id),
        16 => Frame::ChannelEnd(id, b),
        17 => Frame::ChannelStop(id),
        18 => {
            let (others, size) = ((c as u8).max(1), d as u16);
            Frame::Parity(ParityFrame { id, number, others, size, data })
        }
        19 => {
            let part = (c % 2 == 0).then_some(Part { offset: c, total: d });
            let key = fin.then_some(d);
            Frame::Message(MessageFrame { id, number, part, key, data })
        }
        _ => Frame::Stream(StreamFrame { id: StreamId(a), offset: Offset::new(b), fin, data }),
    }
}

proptest! {
    #[test]
    fn frames_round_trip(
        data in prop::collection::vec(any::<u8>(), 0..80),
        n in [varint(), varint(), varint(), varint()],
        kind in 0..KINDS,
        fin: bool,
        is_last: bool,
    ) {
        let frame = frame(&data, n, kind, fin);
        let bytes = encode(&frame, is_last);
        prop_assert_eq!(bytes.len(), frame.encoded_len(is_last));
        let decoded: Vec<_> = Frames::new(&bytes).collect();
        prop_assert_eq!(decoded, vec![Ok(frame)]);
    }

    /// What decodes into a frame of channels is cut short at every byte: never a panic, and never
    /// another meaning but fewer bytes of data, or a run of frames that ends in an error.
    #[test]
    fn cut_frames_of_channels_are_errors_or_shorter_data(
        data in prop::collection::vec(any::<u8>(), 0..20),
        n in [varint(), varint(), varint(), varint()],
        kind in 12..20u8,
        key: bool,
        is_last: bool,
    ) {
        let frame = frame(&data, n, kind, key);
        let bytes = encode(&frame, is_last);
        let head = bytes.len() - if matches!(kind, 18 | 19) { data.len() } else { 0 };
        for len in 1..bytes.len() {
            match Frames::new(&bytes[..len]).next() {
                Some(Err(error)) => {
                    prop_assert!(error.at <= len && error.why == Why::Truncated, "{}", error);
                    prop_assert!(!is_last || len < head, "{} is enough of {}", len, head);
                }
                _ => prop_assert!(is_last && len >= head, "{} of {}", len, head),
            }
        }
    }

    #[test]
    fn acks_round_trip_in_whatever_fits(
        ranges in prop::collection::vec((0..5000u64, 1..40u64), 1..60),
        room in 10..300usize,
        ecn: bool,
    ) {
        let received: RangeSet = ranges.iter().map(|(at, len)| *at..at + len).collect();
        let counts = ecn.then_some(EcnCounts { ect0: 3, ect1: 70, ce: 20_000 });
        let mut buf = Vec::new();
        let written = Ack::encode(&received, 25_000, counts, &mut Writer::new(&mut buf, room));
        prop_assert!(buf.len() <= room);
        if written == 0 {
            prop_assert!(buf.is_empty());
            return Ok(());
        }
        let Some(Ok(Frame::Ack(ack))) = Frames::new(&buf).next() else { panic!("no ack") };
        prop_assert_eq!((ack.delay_us, ack.ecn), (25_000, counts));
        let newest: Vec<_> = received.iter().rev().take(written).collect();
        prop_assert_eq!(ack.ranges().collect::<Vec<_>>(), newest);
        prop_assert_eq!(Frames::new(&buf).count(), 1);
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_what_decodes_encodes_to_the_same(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        for frame in Frames::new(&bytes).flatten() {
            for is_last in [false, true] {
                let again = encode(&frame, is_last);
                prop_assert_eq!(Frames::new(&again).next(), Some(Ok(frame)));
            }
        }
    }
}
