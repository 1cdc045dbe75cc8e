//! The relay and the demonstration.

use super::json::parse_json;
use super::{Files, Service, run, towline};
use std::io::{BufRead, Write};
use std::net::UdpSocket;
use std::process::Stdio;

#[test]
fn the_relay_passes_datagrams_on_and_accounts_for_them() {
    let target = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = target.local_addr().unwrap().to_string();
    let mut command = towline(&["relay", &address, "--until-enter", "--delay", "1"]);
    command.stdin(Stdio::piped());
    let mut relay = Service::spawn(command);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"there", &relay.address).unwrap();
    let mut buffer = [0; 10];
    let (length, from) = target.recv_from(&mut buffer).unwrap();
    target.send_to(&buffer[..length], from).unwrap();
    let (length, from) = client.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from.to_string()), (b"there".as_slice(), relay.address.clone()));
    relay.child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let mut table = String::new();
    while !relay.output.fill_buf().unwrap().is_empty() {
        table += &relay.line();
    }
    let passed = table.lines().find(|line| line.starts_with("passed on")).unwrap();
    assert_eq!(passed.split_whitespace().collect::<Vec<_>>(), ["passed", "on", "1", "1"]);
    assert_eq!(relay.end(), 0);
}

#[test]
fn the_relay_reports_as_json() {
    let mut child = towline(&["relay", "127.0.0.1:9", "--seconds", "0.01", "--json"]);
    let output = String::from_utf8(child.output().unwrap().stdout).unwrap();
    let lines: Vec<_> = output.lines().map(|line| parse_json(line).unwrap()).collect();
    assert_eq!((lines.len(), lines[1]["up_packets"].as_str()), (2, "0"));
}

#[test]
fn the_demonstration_verifies_and_compares() {
    let files = Files::new("x", 600_000);
    let demo = run(&["demo", files.file(), "--loss", "10", "--json"]);
    assert!(demo.status.success() && demo.stderr.is_empty());
    let json = parse_json(std::str::from_utf8(&demo.stdout).unwrap()).unwrap();
    let number = |key: &str| json[key].parse::<u64>().unwrap();
    assert_eq!(json["verified"], "true");
    assert_eq!((number("bytes"), number("towline_bytes")), (600_000, 600_000));
    assert!(number("plain_bytes") < 600_000 && number("plain_up_lost") > 0);
    assert!(json["min_rtt_seconds"].parse::<f64>().unwrap() >= 0.040);
    for way in ["towline_up", "towline_down", "plain_up"] {
        let count = |what: &str| number(&format!("{way}_{what}"));
        let gone = count("lost") + count("overflowed") + count("oversize");
        assert_eq!(count("packets") + count("duplicated"), count("delivered") + gone);
        let ends = count("passed") + count("failed") + count("overrun") + count("pending");
        assert_eq!(count("delivered"), ends);
    }
    let demo = run(&["demo", files.file(), "--loss", "0", "--delay", "1"]);
    let text = String::from_utf8(demo.stdout).unwrap();
    let heads = text.lines().find(|line| line.contains("plain UDP")).unwrap();
    assert_eq!(heads.split_whitespace().collect::<Vec<_>>(), ["towline", "plain", "UDP"]);
    assert!(text.contains("towline delivered the file whole"), "{text}");
}
