//! The test vectors of `docs/PROTOCOL.md`, section 11: what each hex means, and that it is what this
//! implementation writes.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::ops::RangeInclusive;

use towline::wire::{
    ConnectionId, Crc32, DecodeError, Frame, Frames, Header, Integrity, MessageFrame,
    MessageNumber, Numbered, Offset, Opened, Opening, Parameters, ParityFrame, Part, Pseudo,
    Reader, Refuse, RefuseReason, Reset, Skip, Stale, StreamFrame, Syn, SynAck, Truncated,
    VersionList, Writer,
};

/// The ids of all vectors.
const CLIENT: ConnectionId = ConnectionId(0x0123_4567_89ab_cdef);
const SERVER: ConnectionId = ConnectionId(0xfedc_ba98_7654_3210);

/// Three lines of a code block: the name, the bytes, the meaning; the latter two are indented.
struct Vector {
    /// The heading above it: `11.1`.
    section: String,
    line: usize,
    name: String,
    bytes: Vec<u8>,
    meaning: String,
}

/// What a reader of the bytes comes to, and what a writer of the meaning writes.
struct Read {
    meaning: String,
    again: Vec<u8>,
}

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/PROTOCOL.md");
    fs::read_to_string(path).expect("docs/PROTOCOL.md is there")
}

fn vectors(document: &str) -> Vec<Vector> {
    let (mut section, mut is_code) = (String::new(), false);
    let mut lines = (1..).zip(document.lines());
    let mut found = Vec::new();
    while let Some((line, text)) = lines.next() {
        if let Some(heading) = text.strip_prefix("### ") {
            heading.split(' ').next().unwrap_or_default().clone_into(&mut section);
        } else if text.starts_with("```") {
            is_code = !is_code;
        } else if is_code && section.starts_with("11.") && !text.is_empty() {
            let mut indented = || {
                let (line, text) = lines.next().expect("three lines");
                let text = text.strip_prefix("    ");
                text.unwrap_or_else(|| panic!("line {line} is not indented")).to_owned()
            };
            let (hex, meaning) = (indented(), indented());
            let (name, section) = (text.to_owned(), section.clone());
            found.push(Vector { section, line, name, bytes: unhex(&hex, line), meaning });
        }
    }
    found
}

/// Hexadecimal digits in groups; `00*9` is nine zero bytes, `-` is none.
fn unhex(text: &str, line: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for group in text.split_whitespace().filter(|group| *group != "-") {
        let (digits, times) = group.split_once('*').unwrap_or((group, "1"));
        let pairs = digits.as_bytes().as_chunks::<2>().0;
        assert!(digits.is_ascii() && digits.len().is_multiple_of(2), "line {line}: {digits}");
        let pairs = pairs.iter().map(|pair| std::str::from_utf8(pair).expect("ASCII"));
        let run: Vec<u8> =
            pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect();
        bytes.extend(run.repeat(times.parse().expect("a count")));
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

// ---- packets ----

fn packet(bytes: &[u8]) -> Result<Read, DecodeError> {
    let (header, end) = Header::decode(bytes)?;
    let mut again = Vec::new();
    let meaning = match header {
        Header::Syn(id) => {
            let Syn { client, nonce, attempt, versions, block } = Syn::decode(id, bytes, end)?;
            let list: Vec<u32> = versions.iter().collect();
            Syn::encode(client, nonce, attempt, &list, block, &mut again);
            let (list, block) = (version_list(versions), parameters(block)?.meaning);
            format!(
                "SYN from {id}, nonce {nonce:016x}, attempt {attempt}, versions {list}; {block}"
            )
        }
        Header::SynAck(id) => {
            let answer = SynAck::decode(id, bytes, end)?;
            answer.encode(&mut again);
            let SynAck { nonce, attempt, server, version, stamp, cookie, block, .. } = answer;
            let (cookie, block) = (hex(&cookie.0), parameters(block)?.meaning);
            format!(
                "SYN-ACK to {id}, nonce {nonce:016x}, attempt {attempt}, server {server}, \
                 version {version:08x}, stamp {stamp}, cookie {cookie}; {block}"
            )
        }
        Header::Refuse(id) => {
            let refuse = Refuse::decode(id, bytes, end)?;
            refuse.encode(&mut again);
            let reason = match refuse.reason {
                RefuseReason::NotListening => "nobody listens".to_owned(),
                RefuseReason::Busy => "busy".to_owned(),
                RefuseReason::Unproven => "unproven".to_owned(),
                RefuseReason::Other(code) => code.to_string(),
                other => format!("{other:?}"),
            };
            format!("REFUSE to {id}, nonce {:016x}, reason {reason}", refuse.nonce)
        }
        Header::Stale(id) => {
            let stale = Stale::decode(id, bytes, end)?;
            stale.encode(&mut again);
            format!("STALE to {id}, nonce {:016x}", stale.nonce)
        }
        Header::Version(id) => {
            let (nonce, versions) = VersionList::decode_packet(bytes, end)?;
            let list: Vec<u32> = versions.iter().collect();
            VersionList::encode_packet(id, nonce, &list, &mut again);
            format!("VERSION to {id}, nonce {nonce:016x}, versions {}", version_list(versions))
        }
        Header::Reset(numbered) => {
            let reset = Reset::decode(numbered, &bytes[end..])?;
            reset.encode(&mut again);
            let Truncated { low, bytes } = reset.number;
            format!("RESET to {}, number {low} of {bytes}, trailer {:08x}", reset.to, reset.trailer)
        }
        Header::Data(numbered) | Header::Ack(numbered) => return sealed(header, numbered, bytes),
    };
    Ok(Read { meaning, again })
}

/// A packet of type DATA or ACK; its receiver expects number 0.
fn sealed(header: Header, numbered: Numbered, bytes: &[u8]) -> Result<Read, DecodeError> {
    let Numbered { to, number, ack_eliciting, key_phase, spare } = numbered;
    let pseudo =
        Pseudo { number: number.expand(0), to, from: if to == SERVER { CLIENT } else { SERVER } };
    let mut again = Vec::new();
    header.encode(&mut again);
    let end = again.len();
    let mut packet = bytes.to_vec();
    let Opened::Intact(body) = Crc32.open(pseudo, &mut packet, end) else {
        let why = towline::wire::Why::Checksum;
        return Err(DecodeError { at: bytes.len().saturating_sub(4), what: "checksum", why });
    };
    let is_opening = matches!(header, Header::Ack(_));
    let mut meaning = format!("{} to {to}, number", if is_opening { "ACK" } else { "DATA" });
    let _ = write!(meaning, " {} of {}", number.low, number.bytes);
    for (is_set, word) in [(ack_eliciting, "eliciting"), (key_phase, "K"), (spare, "S")] {
        if is_set {
            let _ = write!(meaning, ", {word}");
        }
    }
    let mut r = Reader::new(body);
    if is_opening {
        let opening = Opening::decode(&mut r)?;
        opening.encode(&mut Writer::new(&mut again, usize::MAX));
        meaning += &opening_meaning(&opening)?;
    }
    let frames = frames(r.rest())?;
    again.extend_from_slice(&frames.again);
    Crc32.seal(pseudo, &mut again, 0, end);
    Ok(Read { meaning: format!("{meaning}; {}", frames.meaning), again })
}

fn opening_meaning(opening: &Opening<'_>) -> Result<String, DecodeError> {
    let Opening { client, nonce, version, stamp, cookie, waited_us, client_block, server_block } =
        *opening;
    let blocks = [parameters(client_block)?.meaning, parameters(server_block)?.meaning];
    let cookie = hex(&cookie.0);
    Ok(format!(
        "; client {client}, nonce {nonce:016x}, version {version:08x}, stamp {stamp}, \
         cookie {cookie}, waited {waited_us} us; client's {}; server's {}",
        blocks[0], blocks[1]
    ))
}

fn version_list(list: VersionList<'_>) -> String {
    list.iter().map(|version| format!("{version:08x}")).collect::<Vec<_>>().join(" ")
}

/// All that is known, and the value of the meaningless one.
fn parameters(block: &[u8]) -> Result<Read, DecodeError> {
    let p = Parameters::decode(block)?;
    let mut again = p.encode(0);
    // The value of the meaningless parameter is the writer's choice.
    if let Some(grease) = block.last().filter(|_| block.len() >= again.len()) {
        again = p.encode(*grease);
    }
    let Parameters { max_data, max_stream_data, max_streams, .. } = p;
    let mut meaning = format!(
        "max_data {max_data}, max_stream_data {max_stream_data}, max_streams {max_streams}, \
         max_ack_delay {} us, idle_timeout {} ms, max_payload {}, protection {}",
        p.max_ack_delay.as_micros(),
        p.idle_timeout.as_millis(),
        p.max_payload,
        p.protection
    );
    let channels = (p.max_channels, p.max_message, p.max_partial);
    if channels != (0, 0, 1) {
        let (count, longest, partial) = channels;
        let _ =
            write!(meaning, ", max_channels {count}, max_message {longest}, max_partial {partial}");
    }
    Ok(Read { meaning, again })
}

// ---- frames ----

fn frames(body: &[u8]) -> Result<Read, DecodeError> {
    let mut again = Vec::new();
    let mut meaning = Vec::new();
    let mut r = Reader::new(body);
    while let Some(kind) = body.get(r.at()) {
        let frame = Frame::decode(&mut r)?;
        frame.encode(&mut Writer::new(&mut again, usize::MAX), has_no_length(*kind));
        meaning.push(frame_meaning(&frame));
    }
    let meaning = if meaning.is_empty() { "no frame".to_owned() } else { meaning.join(", ") };
    Ok(Read { meaning, again })
}

/// Whether a frame of this type reaches to the packet's end without saying so.
const fn has_no_length(kind: u8) -> bool {
    match kind {
        0x18..=0x1f => kind & 0x04 == 0,
        0x20..=0x3f => kind & 0x08 == 0,
        0x40..=0x7e => kind & 0x10 == 0,
        _ => false,
    }
}

fn frame_meaning(frame: &Frame<'_>) -> String {
    match frame {
        Frame::Padding(n) => format!("PADDING {n}"),
        Frame::Ping => "PING".to_owned(),
        Frame::Ack(ack) => {
            let ranges: Vec<String> =
                ack.ranges().map(|r| format!("{}-{}", r.end - 1, r.start)).collect();
            let mut text = format!("ACK {} delay {} us", ranges.join(" "), ack.delay_us);
            if let Some(counts) = ack.ecn {
                let _ =
                    write!(text, " ECT(0) {} ECT(1) {} CE {}", counts.ect0, counts.ect1, counts.ce);
            }
            text
        }
        Frame::Nack(nack) => format!("NACK {} trailer {:08x}", nack.number, nack.trailer),
        Frame::MaxData(limit) => format!("MAX_DATA {limit}"),
        Frame::MaxStreamData(id, limit) => format!("MAX_STREAM_DATA {id} limit {limit}"),
        Frame::MaxStreams(count) => format!("MAX_STREAMS {count}"),
        Frame::WindowProbe(id) => format!("WINDOW_PROBE {id}"),
        Frame::ResetStream(id, code, end) => format!("RESET_STREAM {id} code {code} final {end}"),
        Frame::StopSending(id, code) => format!("STOP_SENDING {id} code {code}"),
        Frame::Close(close) => format!("CLOSE code {} {}", close.code, quoted(close.reason)),
        Frame::PathChallenge(token) => format!("PATH_CHALLENGE {token:016x}"),
        Frame::PathResponse(token) => format!("PATH_RESPONSE {token:016x}"),
        Frame::Skip(Skip { id, first, count, cost }) => {
            format!("SKIP {id} first {first} count {count} cost {cost}")
        }
        Frame::MaxChannelData(id, limit) => format!("MAX_CHANNEL_DATA {id} limit {limit}"),
        Frame::MaxChannels(count) => format!("MAX_CHANNELS {count}"),
        Frame::ChannelProbe(id) => format!("CHANNEL_PROBE {id}"),
        Frame::ChannelEnd(id, end) => format!("CHANNEL_END {id} end {end}"),
        Frame::ChannelStop(id) => format!("CHANNEL_STOP {id}"),
        Frame::Message(message) => message_meaning(message),
        Frame::Parity(ParityFrame { id, number, others, size, data }) => {
            // As for offsets: larger numbers are in section 11.8.
            let newest = number.expand(0);
            let members = (0..8).filter(|i| others >> i & 1 == 1).map(|i| newest - 1 - i);
            let members = members.fold(newest.to_string(), |text, n| format!("{text} {n}"));
            format!(
                "PARITY {id} of {members} size {size} {}",
                if data.is_empty() { "-".to_owned() } else { hex(data) }
            )
        }
        Frame::Stream(StreamFrame { id, offset, fin, data }) => {
            let fin = if *fin { " fin" } else { "" };
            // A receiver that has nothing yet: larger offsets are in section 11.4.
            format!("STREAM {id} offset {}{fin} {}", offset.expand(0), quoted(data))
        }
    }
}

fn message_meaning(message: &MessageFrame<'_>) -> String {
    let MessageFrame { id, number, part, key, data } = *message;
    let mut text = format!("MESSAGE {id} number {}", number.expand(0));
    if let Some(Part { offset, total }) = part {
        let _ = write!(text, " offset {offset} of {total}");
    }
    if let Some(key) = key {
        let _ = write!(text, " key {key}");
    }
    format!("{text} {}", quoted(data))
}

fn quoted(data: &[u8]) -> String {
    format!("\"{}\"", data.escape_ascii())
}

// ---- numbers and offsets ----

/// A packet number as it travels; what sender and receiver know, only the meaning says.
fn number(vector: &Vector) -> Read {
    let lowest = stated(&vector.meaning, "unacknowledged from ");
    let expected = stated(&vector.meaning, "expected ");
    let low = vector.bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    let number = Truncated { low, bytes: vector.bytes.len() }.expand(expected);
    let short = Truncated::packet_number(number, lowest);
    let again = short.low.to_be_bytes()[8 - short.bytes..].to_vec();
    let meaning =
        format!("unacknowledged from {lowest:x}, expected {expected:x}, number {number:x}");
    Read { meaning, again }
}

fn offset(vector: &Vector) -> Read {
    let expected = stated(&vector.meaning, "expected ");
    let Some(Ok(Frame::Stream(StreamFrame { id, offset, fin, data }))) =
        Frames::new(&vector.bytes).next()
    else {
        panic!("line {}: not a STREAM frame", vector.line)
    };
    let meant = offset.expand(expected);
    let mut again = Vec::new();
    let mut w = Writer::new(&mut again, usize::MAX);
    StreamFrame::encode_header(id, Offset::new(meant), None, fin, &mut w);
    w.bytes(data);
    Read { meaning: format!("expected {expected:x}, offset {meant:x}"), again }
}

fn message_number(vector: &Vector) -> Read {
    let expected = stated(&vector.meaning, "expected ");
    let Some(Ok(Frame::Message(message))) = Frames::new(&vector.bytes).next() else {
        panic!("line {}: not a MESSAGE frame", vector.line)
    };
    let meant = message.number.expand(expected);
    let mut again = Vec::new();
    let mut w = Writer::new(&mut again, usize::MAX);
    Frame::Message(MessageFrame { number: MessageNumber::new(meant), ..message })
        .encode(&mut w, true);
    Read { meaning: format!("expected {expected:x}, number {meant:x}"), again }
}

/// The hexadecimal number behind `what` in a meaning.
fn stated(meaning: &str, what: &str) -> u64 {
    let digits = meaning.split(", ").find_map(|part| part.strip_prefix(what));
    let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.unwrap_or_else(|| panic!("{meaning} does not say {what}"))
}

// ---- the tests ----

/// What a vector is: by its section, and in the sections of all kinds by the word before its name.
fn read(vector: &Vector) -> Result<Read, DecodeError> {
    let kind = vector.name.split(':').next().unwrap_or_default();
    match (vector.section.as_str(), kind) {
        ("11.1", _) | ("11.6" | "11.7", "packet") => packet(&vector.bytes),
        ("11.2", _) | ("11.6" | "11.7", "frames") => frames(&vector.bytes),
        ("11.3", _) => Ok(number(vector)),
        ("11.4", _) => Ok(offset(vector)),
        ("11.5", _) | ("11.6" | "11.7", "block") => parameters(&vector.bytes),
        ("11.8", _) => Ok(message_number(vector)),
        (section, _) => panic!("line {}: no such vector in section {section}", vector.line),
    }
}

#[test]
fn every_vector_means_what_it_says() {
    for vector in &vectors(&document()) {
        let Vector { section, line, name, bytes, meaning } = vector;
        match read(vector) {
            Err(error) => assert_eq!(format!("rejected: {error}"), *meaning, "line {line}, {name}"),
            Ok(read) => {
                assert_eq!(read.meaning, *meaning, "line {line}, {name}");
                let is_ours = hex(&read.again) == hex(bytes);
                let again = hex(&read.again);
                assert_eq!(is_ours, section != "11.6", "line {line}, {name}, written: {again}");
            }
        }
    }
}

#[test]
fn every_packet_type_has_a_vector() {
    let vectors = vectors(&document());
    let types: BTreeSet<u8> = vectors
        .iter()
        .filter(|vector| vector.section == "11.1")
        .filter_map(|vector| Header::decode(&vector.bytes).ok())
        .map(|(header, _)| match header {
            // A type that is added here is to be added to the range below.
            Header::Data(_) => 0,
            Header::Ack(_) => 1,
            Header::Syn(_) => 2,
            Header::SynAck(_) => 3,
            Header::Refuse(_) => 4,
            Header::Stale(_) => 5,
            Header::Reset(_) => 6,
            Header::Version(_) => 7,
        })
        .collect();
    assert!(types.iter().copied().eq(0..8), "{types:?}");
}

/// The table of section 4 says which frames there are.
#[test]
fn every_frame_type_has_a_vector() {
    let document = document();
    let table = document.lines().skip_while(|line| !line.starts_with("## 4.")).skip(1);
    let rows =
        table.take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| 0x"));
    let (ranges, others): (Vec<&str>, Vec<&str>) = rows
        .filter(|row| !row.contains("reserved"))
        .filter_map(|row| row.split('|').nth(1))
        .partition(|types| types.contains(" to "));
    // Per range the bits that are one field each.
    let fields: [(&str, RangeInclusive<u8>, &[u8]); 3] = [
        (" 0x18 to 0x1f ", 0x18..=0x1f, &[0b11, 0x04]),
        (" 0x20 to 0x3f ", 0x20..=0x3f, &[0b11, 0x04, 0x08, 0x10]),
        (" 0x40 to 0x7e, even ", 0x40..=0x7e, &[0b110, 0x08, 0x10, 0x20]),
    ];
    assert_eq!(ranges, fields.each_ref().map(|(types, ..)| *types), "the rows that hold a range");
    let known: BTreeSet<u8> = others
        .iter()
        .flat_map(|types| types.split(','))
        .map(|kind| u8::from_str_radix(kind.trim().trim_start_matches("0x"), 16).expect("a type"))
        .collect();
    assert!(known.len() >= 22, "{known:02x?}");
    let vectors = vectors(&document);
    let mut seen: BTreeSet<u8> = vectors
        .iter()
        .filter(|vector| vector.section == "11.2")
        .filter_map(|vector| vector.bytes.first().copied())
        .collect();
    for (types, range, fields) in fields {
        let shown: BTreeSet<u8> = seen.extract_if(range, |_| true).collect();
        for field in fields {
            let values: BTreeSet<u8> = shown.iter().map(|kind| kind & field).collect();
            assert_eq!(values.len(), 1 << field.count_ones(), "{field:#x} of{types}: {values:x?}");
        }
    }
    assert_eq!(seen, known);
}

#[test]
fn what_is_wrong_is_shown() {
    let vectors = vectors(&document());
    let rejected = vectors.iter().filter(|vector| vector.section == "11.7");
    assert!(rejected.clone().count() >= 6);
    assert!(rejected.clone().all(|vector| vector.meaning.starts_with("rejected: ")));
    assert_eq!(
        rejected.count(),
        vectors.iter().filter(|v| v.meaning.starts_with("rejected")).count()
    );
}
