//! Any datagram: nothing panics, what decodes means the same after it was encoded and decoded again,
//! and an error's position lies in the input.

use towline::ranges::RangeSet;
use towline::wire::{
    Ack, BASE_PAYLOAD, ConnectionId, Crc32, DecodeError, Frame, Frames, Header, Integrity,
    MessageFrame, MessageNumber, Numbered, Offset, Opened, Opening, Parameters, ParityFrame,
    Pseudo, Reader, Refuse, Reset, Skip, Stale, StreamFrame, StreamId, Syn, SynAck, Truncated,
    VersionList, Why, Writer,
};

/// Under which id the sender of numbered packets receives.
const FROM: ConnectionId = ConnectionId(0x0123_4567_89ab_cdef);

/// The first byte says which checks to make right before decoding (1: the header check, 2: the
/// checksum, 4: make it a parameter block, 8: frames without a packet), the eight behind it which
/// number the receiver expects; the rest is the datagram.
pub(crate) fn run(data: &[u8]) {
    let Some(([mode], rest)) = data.split_first_chunk() else { return };
    let Some((expected, datagram)) = rest.split_first_chunk() else { return };
    let expected = u64::from_be_bytes(*expected);
    let mut datagram = datagram.to_vec();
    match mode & 0b1100 {
        0b0100 => return parameters(&datagram),
        0b1000 => return frames(&datagram, expected),
        _ => {}
    }
    if mode & 1 != 0 {
        fix_header_check(&mut datagram);
    }
    match Header::decode(&datagram) {
        Ok((header, end)) => {
            assert!(end <= datagram.len(), "the header ends behind the datagram");
            same_header(header, datagram.get(..end).unwrap_or_default());
            packet(header, end, &mut datagram, expected, mode & 2 != 0);
        }
        Err(error) => within(error, 0, datagram.len()),
    }
}

fn packet(header: Header, end: usize, datagram: &mut [u8], expected: u64, fix: bool) {
    match header {
        Header::Data(numbered) => numbered_packet(numbered, end, datagram, expected, fix, false),
        Header::Ack(numbered) => numbered_packet(numbered, end, datagram, expected, fix, true),
        Header::Reset(numbered) => {
            same_number(numbered, expected);
            let body = datagram.get(end..).unwrap_or_default();
            match Reset::decode(numbered, body) {
                Ok(reset) => {
                    let mut again = Vec::new();
                    reset.encode(&mut again);
                    let Ok((Header::Reset(numbered), end)) = Header::decode(&again) else {
                        panic!("{reset:?} became {again:02x?}");
                    };
                    assert_eq!(Reset::decode(numbered, &again[end..]), Ok(reset));
                }
                Err(error) => within(error, 0, body.len()),
            }
        }
        Header::Syn(_)
        | Header::SynAck(_)
        | Header::Refuse(_)
        | Header::Stale(_)
        | Header::Version(_) => {
            if fix && let Some((covered, crc)) = datagram.split_last_chunk_mut::<4>() {
                *crc = crc32fast::hash(covered).to_be_bytes();
            }
            if let Err(error) = handshake(header, datagram, end) {
                // Where the checksum would reach into the header, neither is there.
                let is_cut = error.why == Why::Checksum || datagram.len() < end + 4;
                let from = if is_cut { 0 } else { end };
                within(error, from, datagram.len());
            }
        }
    }
}

/// A packet without a number.
fn handshake(header: Header, datagram: &[u8], end: usize) -> Result<(), DecodeError> {
    let mut again = Vec::new();
    match header {
        Header::Syn(id) => {
            let syn = Syn::decode(id, datagram, end)?;
            let versions: Vec<u32> = syn.versions.iter().collect();
            Syn::encode(id, syn.nonce, syn.attempt, &versions, syn.block, &mut again);
            assert_eq!(again.len(), BASE_PAYLOAD, "a SYN is padded");
            assert_eq!(Syn::decode(id, &again, end), Ok(syn));
            parameters(syn.block);
        }
        Header::SynAck(id) => {
            let answer = SynAck::decode(id, datagram, end)?;
            answer.encode(&mut again);
            assert_eq!(SynAck::decode(id, &again, end), Ok(answer));
            parameters(answer.block);
        }
        Header::Refuse(id) => {
            let refuse = Refuse::decode(id, datagram, end)?;
            refuse.encode(&mut again);
            assert_eq!(Refuse::decode(id, &again, end), Ok(refuse));
        }
        Header::Stale(id) => {
            let stale = Stale::decode(id, datagram, end)?;
            stale.encode(&mut again);
            assert_eq!(Stale::decode(id, &again, end), Ok(stale));
        }
        Header::Version(id) => {
            let (nonce, list) = VersionList::decode_packet(datagram, end)?;
            let versions: Vec<u32> = list.iter().collect();
            VersionList::encode_packet(id, nonce, &versions, &mut again);
            assert_eq!(VersionList::decode_packet(&again, end), Ok((nonce, list)));
        }
        Header::Reset(_) | Header::Ack(_) | Header::Data(_) => {}
    }
    assert_eq!(Header::decode(&again), Ok((header, end)), "{again:02x?}");
    Ok(())
}

fn numbered_packet(
    header: Numbered,
    end: usize,
    datagram: &mut [u8],
    expected: u64,
    fix: bool,
    is_opening: bool,
) {
    let number = same_number(header, expected);
    let pseudo = Pseudo { number, to: header.to, from: FROM };
    if fix && let Some((covered, crc)) = datagram.split_last_chunk_mut::<4>() {
        *crc = Crc32::of(pseudo, covered).to_be_bytes();
    }
    let trailer = datagram.last_chunk().map(|last| u32::from_be_bytes(*last));
    let is_cut = datagram.len() < end + Crc32::LEN;
    let body = match Crc32.open(pseudo, datagram, end) {
        Opened::Intact(body) => body,
        Opened::Damaged(shown) => {
            assert!(!fix, "a right checksum is wrong");
            return assert_eq!(Some(shown), trailer, "the evidence is the trailer");
        }
        Opened::Forged => return assert!(is_cut, "only what is too short shows no evidence"),
    };
    let mut r = Reader::new(body);
    if is_opening {
        match Opening::decode(&mut r) {
            Ok(opening) => same_opening(&opening),
            Err(error) => return within(error, 0, body.len()),
        }
    }
    frames(r.rest(), expected);
}

fn frames(body: &[u8], near: u64) {
    for frame in Frames::new(body) {
        match frame {
            Ok(frame) => {
                match frame {
                    Frame::Stream(StreamFrame { offset, .. }) => same_offset(offset, near),
                    Frame::Ack(ack) => descending(&ack),
                    Frame::Message(MessageFrame { number, .. }) => {
                        same_message_number(number, near);
                    }
                    Frame::Parity(ParityFrame { number, others, .. }) => {
                        assert_ne!(others, 0, "a parity of one message");
                        same_message_number(number, near);
                    }
                    Frame::Skip(Skip { count, .. }) => assert_ne!(count, 0, "a SKIP of nothing"),
                    _ => {}
                }
                same_frame(&frame, body.len(), false);
                same_frame(&frame, body.len(), true);
            }
            Err(error) => within(error, 0, body.len()),
        }
    }
}

fn same_frame(frame: &Frame<'_>, body: usize, is_last: bool) {
    let encode = |frame: &Frame<'_>| {
        // A form of ours is never longer than the peer's, but for the length of its data.
        let mut bytes = Vec::new();
        frame.encode(&mut Writer::new(&mut bytes, body + 16), is_last);
        bytes
    };
    let bytes = encode(frame);
    match frame {
        Frame::Ack(_) => assert!(bytes.len() <= body + 2, "an acknowledgement grew"),
        _ => assert_eq!(bytes.len(), frame.encoded_len(is_last), "{frame:?}"),
    }
    let mut decoded = Frames::new(&bytes);
    let again = decoded.next();
    assert_eq!(again, Some(Ok(*frame)), "{bytes:02x?}");
    assert_eq!(decoded.next(), None, "{bytes:02x?}");
    assert_eq!(again.and_then(Result::ok).map(|again| encode(&again)), Some(bytes), "{frame:?}");
}

/// Ranges come highest first, never touch, and are as many as the set that they make has.
fn descending(ack: &Ack<'_>) {
    let ranges: Vec<_> = ack.ranges().collect();
    assert_eq!(ranges.first().map(|first| first.end), Some(ack.largest + 1), "the largest");
    assert!(ranges.iter().all(|range| range.start < range.end), "{ranges:?}");
    assert!(ranges.windows(2).all(|pair| pair[1].end < pair[0].start), "{ranges:?}");
    assert_eq!(ranges.iter().cloned().collect::<RangeSet>().len(), ranges.len());
}

fn same_opening(opening: &Opening<'_>) {
    let mut bytes = Vec::new();
    opening.encode(&mut Writer::new(&mut bytes, BASE_PAYLOAD));
    let mut r = Reader::new(&bytes);
    assert_eq!(Opening::decode(&mut r).as_ref(), Ok(opening), "{bytes:02x?}");
    assert_eq!(r.remaining(), 0, "{bytes:02x?}");
    parameters(opening.client_block);
    parameters(opening.server_block);
}

fn parameters(block: &[u8]) {
    match Parameters::decode(block) {
        Ok(parameters) => {
            for grease in [0, 1, 255] {
                assert_eq!(Parameters::decode(&parameters.encode(grease)), Ok(parameters));
            }
        }
        Err(error) => within(error, 0, block.len()),
    }
}

/// A header means the same when it is written again; only a spare bit that `Header` does not keep may change.
fn same_header(header: Header, bytes: &[u8]) {
    const SPARE: u8 = 0b0001_0000;
    let mut again = Vec::new();
    header.encode(&mut again);
    assert_eq!(Header::decode(&again), Ok((header, bytes.len())), "{again:02x?}");
    let mut overwritten = vec![0; bytes.len()];
    header.overwrite(&mut overwritten);
    assert_eq!(again, overwritten, "encode and overwrite");
    let keeps_spare = matches!(header, Header::Data(_) | Header::Ack(_) | Header::Reset(_));
    let kept = bytes.first().is_none_or(|first| first & SPARE == 0) || keeps_spare;
    assert!(!kept || again == bytes, "{bytes:02x?} became {again:02x?}");
}

/// The number that a header stands for ends in its bytes and is nearest to the expected one.
fn same_number(header: Numbered, expected: u64) -> u64 {
    let Truncated { low, bytes } = header.number;
    assert!((1..=4).contains(&bytes), "{bytes} bytes of a packet number");
    let number = header.number.expand(expected);
    nearest(low, bytes, number, expected);
    // A sender that shortens it for this receiver is understood.
    if number.checked_sub(expected).is_some_and(|ahead| ahead < 1 << 31) {
        assert_eq!(Truncated::packet_number(number, expected).expand(expected), number);
    }
    number
}

/// What an offset is taken for travels as such.
fn same_offset(offset: Offset, near: u64) {
    let meant = offset.expand(near);
    if meant.abs_diff(near) >= 1 << 39 {
        return;
    }
    let frame =
        StreamFrame { id: StreamId::ZERO, offset: Offset::new(meant), fin: false, data: &[] };
    let mut bytes = Vec::new();
    Frame::Stream(frame).encode(&mut Writer::new(&mut bytes, 16), true);
    let Some(Ok(Frame::Stream(again))) = Frames::new(&bytes).next() else {
        panic!("{frame:?} became {bytes:02x?}")
    };
    assert_eq!(again.offset.expand(near), meant, "{offset:?} near {near}");
}

/// What a message number is taken for travels as such.
fn same_message_number(number: MessageNumber, near: u64) {
    let meant = number.expand(near);
    let again = MessageNumber::new(meant).expand(near);
    // Those that travel whole are found from anywhere.
    if meant < 1 << 24 || meant.abs_diff(near) < 1 << 31 {
        assert_eq!(again, meant, "{number:?} near {near}");
    }
}

fn nearest(low: u64, bytes: usize, number: u64, expected: u64) {
    let window = 1u64 << (8 * bytes);
    assert_eq!(number % window, low, "the number ends in what travelled");
    let distance = number.abs_diff(expected);
    // Below zero and beyond the end there is nothing nearer.
    let is_border = number < window || number > u64::MAX - window;
    assert!(distance <= window / 2 || is_border, "{number} for {low} near {expected}");
}

fn within(error: DecodeError, from: usize, to: usize) {
    assert!((from..=to).contains(&error.at), "{error} of {from}..{to}");
}

/// Makes the header check right, as far as there is a header.
fn fix_header_check(datagram: &mut [u8]) {
    let first = datagram.first().copied().unwrap_or_default();
    let has_number = matches!(first >> 5, 0b010 | 0b011) || first & 0b1110_1100 == 0b0010_0100;
    let end = 9 + if has_number { usize::from(first & 0b11) + 1 } else { 0 };
    if let Some((covered, check)) = datagram.split_at_mut_checked(end)
        && let Some(check) = check.first_chunk_mut::<2>()
    {
        let crc = crc32fast::hash(covered);
        *check = ((crc >> 16) as u16 ^ crc as u16).to_be_bytes();
    }
}
