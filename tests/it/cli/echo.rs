//! Round trips: `echo` and `ping`.

use super::json::parse_json;
use super::{Service, fails, run};
use std::io::{Read, Write};
use std::net::{Shutdown, UdpSocket};
use std::thread;
use towline::{Listener, Stream};

#[test]
fn what_arrives_is_sent_back_to_each() {
    let mut service = Service::start(&["echo", "127.0.0.1:0"]);
    let mut streams: Vec<_> =
        (0..5).map(|_| Stream::connect(service.address.as_str()).unwrap()).collect();
    for (number, stream) in (1..).zip(&mut streams) {
        stream.write_all(&vec![number; 100_000 * usize::from(number)]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    }
    for (number, mut stream) in (1..).zip(streams) {
        let mut back = Vec::new();
        stream.read_to_end(&mut back).unwrap();
        assert!(back == vec![number; 100_000 * usize::from(number)]);
        assert!(service.line().starts_with("sent "));
    }
}

#[test]
fn round_trips_are_measured() {
    let mut service = Service::start(&["echo", "127.0.0.1:0", "--once"]);
    let ping = run(&["ping", &service.address, "--count", "3", "--interval", "1", "--size", "9"]);
    let text = String::from_utf8(ping.stdout).unwrap();
    assert!(ping.status.success() && ping.stderr.is_empty(), "{text}");
    let lines: Vec<_> = text.lines().collect();
    let [first, _, third, summary, heads, row] = lines.as_slice() else { panic!("{text}") };
    assert!(first.starts_with("9 bytes of") && third.contains("number 3"), "{text}");
    assert!(summary.starts_with("3 of 3 messages of 9 bytes came back"), "{text}");
    let heads: Vec<_> = heads.split_whitespace().collect();
    assert_eq!(heads, ["min", "p50", "p90", "p99", "p99.9", "max", "mean"]);
    assert!(row.starts_with("round trip ") && row.contains("us"), "{text}");
    assert!(service.line().starts_with("sent 27 B back to 127.0.0.1:"));
    assert_eq!(service.end(), 0);
}

#[test]
fn round_trips_are_json_on_request() {
    let service = Service::start(&["echo", "127.0.0.1:0"]);
    let common = ["ping", &service.address, "--json", "--interval", "0"];
    let ping = run(&[&common, ["--count", "500", "--size", "100000"].as_slice()].concat());
    let text = String::from_utf8(ping.stdout).unwrap();
    let json = parse_json(&text).unwrap();
    let number = |key: &str| json[key].parse::<u64>().unwrap();
    assert_eq!((number("count"), number("asked"), number("bytes")), (500, 500, 100_000));
    let keys = ["min_ns", "p50_ns", "p90_ns", "p99_ns", "p99_9_ns", "max_ns"];
    assert!(number("min_ns") > 0 && keys.is_sorted_by_key(|key| number(key)), "{text}");
    assert!((number("min_ns")..=number("max_ns")).contains(&number("mean_ns")));
    let quiet = run(&["ping", &service.address, "--quiet", "--count", "1"]);
    assert!(quiet.status.success() && quiet.stdout.is_empty());
}

type Answer = fn(&mut Stream);

#[test]
fn nobody_and_somebody_else_are_told_apart() {
    // A port that was free a moment ago.
    let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    fails(&run(&["ping", &address, "--timeout", "2"]), 3, &["cannot reach", &address]);
    let answers: [(Answer, i32, &str); 4] = [
        (|stream| drop(stream.read_to_end(&mut Vec::new())), 1, "no answer within 1 s"),
        (|stream| stream.shutdown(Shutdown::Write).unwrap(), 1, "closed the connection"),
        (|stream| stream.write_all(&[1; 64]).unwrap(), 3, "does not send back what it gets"),
        (damaging, 5, "message 2"),
    ];
    for (answer, code, part) in answers {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stranger = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            answer(&mut stream);
            let _ = stream.read_to_end(&mut Vec::new());
        });
        // Only where none comes, waiting for an answer ends.
        let timeout = if part.contains("no answer") { "1" } else { "60" };
        let ping = run(&["ping", &address, "--timeout", timeout, "--interval", "0"]);
        fails(&ping, code, &[part]);
        stranger.join().unwrap();
    }
}

/// Sends the first message back, and the second one with another first byte.
fn damaging(stream: &mut Stream) {
    let mut message = [0; 64];
    for damage in [0, 1] {
        stream.read_exact(&mut message).unwrap();
        message[0] ^= damage;
        stream.write_all(&message).unwrap();
    }
}
