//! Plain datagrams through the socket that carries connections, over loopback.
//!
//! The peer is a `std::net::UdpSocket`, which knows nothing of towline, wherever that is possible. No
//! test sleeps, and none asserts that something was in time.

use crate::driver::{guarded, patient, pattern};
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use towline::driver::Interface;
use towline::endpoint::{Config, MAX_PLAIN};
use towline::wire::{ConnectionId, Header};
use towline::{Endpoint, Stream};

/// When receiving counts as hanging.
const HANGS: Duration = Duration::from_secs(30);
const LOOPBACK: Interface = Interface::Addr(Ipv4Addr::LOCALHOST);

fn endpoint(addr: &str) -> (Endpoint, SocketAddr) {
    let endpoint = Endpoint::bind(addr).unwrap();
    endpoint.set_recv_timeout(Some(HANGS)).unwrap();
    let port = endpoint.local_addr().unwrap().port();
    (endpoint, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

fn stranger(addr: &str) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind(addr).unwrap();
    socket.set_read_timeout(Some(HANGS)).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

fn received(endpoint: &Endpoint) -> (Vec<u8>, SocketAddr) {
    let mut buf = vec![0; 65_536];
    let (len, from) = endpoint.recv_from(&mut buf).unwrap();
    buf.truncate(len);
    (buf, from)
}

fn received_by(stranger: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buf = vec![0; 65_536];
    let (len, from) = stranger.recv_from(&mut buf).unwrap();
    buf.truncate(len);
    (buf, from)
}

/// Sends `question` until it is answered: loopback loses what a full socket cannot hold.
fn ask(stranger: &UdpSocket, to: SocketAddr, question: &[u8]) -> Vec<u8> {
    stranger.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut buf = vec![0; 2000];
    for _ in 0..60 {
        stranger.send_to(question, to).unwrap();
        while let Ok((len, from)) = stranger.recv_from(&mut buf) {
            assert_eq!(from, to);
            // An answer to an earlier copy of an earlier question is none to this one.
            if buf[..len].ends_with(question) {
                return buf[..len].to_vec();
            }
        }
    }
    panic!("no answer");
}

#[test]
fn a_stranger_and_a_connection_share_a_socket() {
    guarded(|| {
        let (server, addr) = endpoint("127.0.0.1:0");
        let listener = server.listen().unwrap();
        let oracle = thread::spawn(move || {
            loop {
                let (question, from) = received(&server);
                let answer = [&b"re: "[..], &question].concat();
                assert_eq!(server.send_to(&answer, from).unwrap(), answer.len());
                if question == b"the last one" {
                    return;
                }
            }
        });
        let echo = thread::spawn(move || {
            let stream = patient(listener.accept().unwrap().0);
            io::copy(&mut &stream, &mut &stream).unwrap();
        });
        let stream = patient(Stream::connect(addr).unwrap());
        let data = pattern(1, 4 << 20);
        let mut back = vec![0; data.len()];
        thread::scope(|scope| {
            scope.spawn(|| (&stream).write_all(&data).unwrap());
            scope.spawn(|| (&stream).read_exact(&mut back).unwrap());
            let (stranger, _) = stranger("127.0.0.1:0");
            for i in 0..300 {
                let question = format!("question {i}");
                assert_eq!(
                    ask(&stranger, addr, question.as_bytes()),
                    format!("re: {question}").as_bytes()
                );
            }
            ask(&stranger, addr, b"the last one");
        });
        assert!(back == data);
        drop(stream);
        echo.join().unwrap();
        oracle.join().unwrap();
    });
}

/// The addresses of both ends are those of a connection: that makes nothing a packet.
#[test]
fn two_endpoints_send_datagrams_beside_their_connection() {
    guarded(|| {
        let (left, left_addr) = endpoint("127.0.0.1:0");
        let (right, right_addr) = endpoint("127.0.0.1:0");
        let listener = right.listen().unwrap();
        let near = patient(left.connect(right_addr).unwrap().stream());
        let far = patient(listener.accept().unwrap().0);
        let mut buf = [0; 1000];
        for i in 0..100_u8 {
            let data = pattern(u64::from(i), 1000);
            (&near).write_all(&data).unwrap();
            left.send_to(&[i; 3], right_addr).unwrap();
            assert_eq!(received(&right), (vec![i; 3], left_addr));
            right.send_to(&[i, 0xff], left_addr).unwrap();
            assert_eq!(received(&left), (vec![i, 0xff], right_addr));
            (&far).read_exact(&mut buf).unwrap();
            assert_eq!(buf[..], data);
        }
        assert_eq!((left.stats().foreign, right.stats().foreign), (0, 0));
    });
}

#[test]
fn datagrams_of_any_length_pass_both_ways() {
    guarded(|| {
        let (end, addr) = endpoint("127.0.0.1:0");
        let (stranger, from) = stranger("127.0.0.1:0");
        for len in [0, 1, 0, 15, 1200, 1473, 9000, MAX_PLAIN, 0] {
            let data = vec![0xa5; len];
            stranger.send_to(&data, addr).unwrap();
            assert!(received(&end) == (data.clone(), from), "{len} bytes in");
            assert_eq!(end.send_to(&data, from).unwrap(), len);
            assert!(received_by(&stranger) == (data, addr), "{len} bytes out");
        }
    });
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason() {
    guarded(|| {
        let (end, addr) = endpoint("127.0.0.1:0");
        let refused = |data: &[u8], to: SocketAddr| {
            let error = end.send_to(data, to).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            error.to_string()
        };
        let too_large = refused(&vec![0; MAX_PLAIN + 1], addr);
        assert_eq!(too_large, "a datagram of 65508 bytes is too long: at most 65507 can be sent");
        let mut packet = Vec::new();
        Header::Syn(ConnectionId(7)).encode(&mut packet);
        assert!(refused(&packet, addr).contains("first byte is below 0x20 or above 0x7f"));
        assert!(refused(b"x", (Ipv4Addr::LOCALHOST, 0).into()).contains("port that is not 0"));
        let error = end.send_to(b"x", &[][..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);

        let off = Endpoint::bind_with("127.0.0.1:0", &Config::default()).unwrap();
        for error in [
            off.send_to(b"x", addr).map(drop).unwrap_err(),
            off.recv_from(&mut [0; 9]).map(drop).unwrap_err(),
            off.try_recv_from(&mut [0; 9]).map(drop).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains("`Config::plain`"));
        }
    });
}

#[test]
fn a_buffer_that_is_too_short_loses_nothing() {
    guarded(|| {
        let (end, addr) = endpoint("127.0.0.1:0");
        let (stranger, from) = stranger("127.0.0.1:0");
        stranger.send_to(b"hello", addr).unwrap();
        stranger.send_to(b"you", addr).unwrap();
        let mut buf = [0; 5];
        for room in 0..5 {
            let error = end.recv_from(&mut buf[..room]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let what =
                format!("a buffer of {room} bytes is too short: the datagram that waits has 5");
            assert_eq!((error.to_string(), buf), (what, [0; 5]));
        }
        assert_eq!(end.recv_from(&mut buf).unwrap(), (5, from));
        assert_eq!(&buf, b"hello");
        assert_eq!(received(&end), (b"you".to_vec(), from));
    });
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a timeout must not fire too early")]
fn receiving_gives_up_when_it_may_not_wait() {
    guarded(|| {
        let (end, addr) = endpoint("127.0.0.1:0");
        let mut buf = [0; 9];
        let error = end.try_recv_from(&mut buf).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let error = end.set_recv_timeout(Some(Duration::ZERO)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);

        let timeout = Duration::from_millis(30);
        // All handles have it.
        end.clone().set_recv_timeout(Some(timeout)).unwrap();
        let begun = Instant::now();
        let error = end.recv_from(&mut buf).unwrap_err();
        let expected = if cfg!(windows) { ErrorKind::TimedOut } else { ErrorKind::WouldBlock };
        assert_eq!(error.kind(), expected);
        assert!(begun.elapsed() >= timeout);

        // What has arrived is given without waiting, by either call.
        let (stranger, from) = stranger("127.0.0.1:0");
        stranger.send_to(b"1", addr).unwrap();
        stranger.send_to(b"2", addr).unwrap();
        end.set_recv_timeout(Some(HANGS)).unwrap();
        assert_eq!(end.recv_from(&mut buf).unwrap(), (1, from));
        assert_eq!(end.try_recv_from(&mut buf).unwrap(), (1, from));
        assert_eq!(buf[0], b'2');
    });
}

#[test]
fn each_datagram_goes_to_one_of_those_who_wait() {
    guarded(|| {
        const RECEIVERS: usize = 4;
        let (end, addr) = endpoint("127.0.0.1:0");
        let (stranger, _) = stranger("127.0.0.1:0");
        let (got, all) = mpsc::channel();
        let receivers: Vec<_> = (0..RECEIVERS)
            .map(|_| {
                let (end, got) = (end.clone(), got.clone());
                thread::spawn(move || {
                    loop {
                        let (data, _) = received(&end);
                        if data == b"enough" {
                            return;
                        }
                        got.send(data).unwrap();
                    }
                })
            })
            .collect();
        let mut seen = BTreeSet::new();
        for round in 0..50_u8 {
            let sent: BTreeSet<_> = (0..10_u8).map(|i| vec![round, i]).collect();
            for data in &sent {
                stranger.send_to(data, addr).unwrap();
            }
            // No more than what a socket holds is on its way.
            seen.extend(all.iter().take(sent.len()));
            assert!(seen.is_superset(&sent), "each once");
        }
        assert_eq!((seen.len(), all.try_iter().count()), (500, 0));
        for _ in 0..RECEIVERS {
            stranger.send_to(b"enough", addr).unwrap();
        }
        for receiver in receivers {
            receiver.join().unwrap();
        }
    });
}

#[test]
fn what_nobody_receives_is_bounded_and_counted() {
    guarded(|| {
        let mut config = Config::default();
        config.plain = Some(1000);
        let end = Endpoint::bind_with("127.0.0.1:0", &config).unwrap();
        let (stranger, from) = stranger("127.0.0.1:0");
        let addr = end.local_addr().unwrap();
        for i in 0..10 {
            stranger.send_to(&[i; 100], addr).unwrap();
        }
        // Nobody waits: the endpoint's own thread takes them out of the socket.
        while end.stats().plain_dropped < 4 {
            thread::yield_now();
        }
        let mut buf = [0; 100];
        for i in 0..6 {
            assert_eq!(end.try_recv_from(&mut buf).unwrap(), (100, from));
            assert_eq!(buf, [i; 100]);
        }
        let error = end.try_recv_from(&mut buf).unwrap_err();
        assert_eq!((error.kind(), end.stats().plain_dropped), (ErrorKind::WouldBlock, 4));
    });
}

#[test]
fn a_socket_of_both_families_names_ipv4_hosts_as_such() {
    guarded(|| {
        let Ok(end) = Endpoint::bind("[::]:0") else {
            println!("skipped: there is no IPv6 here");
            return;
        };
        end.set_recv_timeout(Some(HANGS)).unwrap();
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, end.local_addr().unwrap().port()));
        let (stranger, from) = stranger("127.0.0.1:0");
        stranger.send_to(b"over IPv4", addr).unwrap();
        assert_eq!(received(&end), (b"over IPv4".to_vec(), from));
        end.send_to(b"yes", from).unwrap();
        assert_eq!(received_by(&stranger), (b"yes".to_vec(), addr));
    });
}

/// All hosts of the loopback network: a socket at the unspecified address hears what is sent there.
#[cfg(target_os = "linux")]
const EVERYBODY: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 255);

#[test]
#[cfg(target_os = "linux")]
fn broadcasts_go_out_where_they_are_allowed() {
    guarded(|| {
        let (end, addr) = endpoint("0.0.0.0:0");
        let (stranger, from) = stranger("0.0.0.0:0");
        let error = end.send_to(b"hello?", (EVERYBODY, from.port())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        end.set_broadcast(true).unwrap();
        assert!(end.with_socket(UdpSocket::broadcast).unwrap());
        end.send_to(b"hello!", (EVERYBODY, from.port())).unwrap();
        assert_eq!(received_by(&stranger), (b"hello!".to_vec(), addr), "and not the one before");
        stranger.set_broadcast(true).unwrap();
        stranger.send_to(b"here", (EVERYBODY, addr.port())).unwrap();
        assert_eq!(received(&end), (b"here".to_vec(), from));
        end.set_broadcast(false).unwrap();
        end.send_to(b"again", (EVERYBODY, from.port())).unwrap_err();
    });
}

/// An endpoint at a port that others have too.
#[cfg(target_os = "linux")]
fn sharing(port: u16) -> Endpoint {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    let addr = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    socket.bind(&addr.into()).unwrap();
    let mut config = Config::default();
    config.plain = Some(1 << 20);
    let endpoint = Endpoint::from_socket(socket.into(), &config).unwrap();
    endpoint.set_recv_timeout(Some(HANGS)).unwrap();
    endpoint
}

#[test]
#[cfg(target_os = "linux")]
fn several_endpoints_hear_at_one_port() {
    guarded(|| {
        let (stranger, from) = stranger("127.0.0.1:0");
        stranger.set_broadcast(true).unwrap();
        let first = sharing(0);
        let port = first.local_addr().unwrap().port();
        let others = [sharing(port), sharing(port)];
        stranger.send_to(b"all of you", (EVERYBODY, port)).unwrap();
        for end in [&first, &others[0], &others[1]] {
            assert_eq!(received(end), (b"all of you".to_vec(), from));
        }
        drop(others);
        stranger.send_to(b"who is left", (EVERYBODY, port)).unwrap();
        assert_eq!(received(&first), (b"who is left".to_vec(), from));
    });
}

#[test]
#[cfg(target_os = "linux")]
fn groups_are_joined_and_left() {
    guarded(|| {
        let group = Ipv4Addr::new(239, 255, 73, 73);
        let group_ip = IpAddr::from(group);
        let (end, addr) = endpoint("0.0.0.0:0");
        let (sender, from) = endpoint("127.0.0.1:0");
        sender.set_multicast_interface(LOOPBACK).unwrap();
        sender.set_multicast_ttl(3).unwrap();
        assert_eq!(sender.with_socket(UdpSocket::multicast_ttl_v4).unwrap(), 3);
        // The loopback interface brings back what it is given, with the option and without.
        for is_on in [false, true] {
            sender.set_multicast_loop(is_on).unwrap();
            assert_eq!(sender.with_socket(UdpSocket::multicast_loop_v4).unwrap(), is_on);
        }
        let to_group = |data: &[u8]| sender.send_to(data, (group, addr.port())).unwrap();
        // What is sent to the endpoint alone comes after what was sent to the group before.
        let expect = |expected: &[&[u8]]| {
            sender.send_to(b"that was all", addr).unwrap();
            for data in expected.iter().chain([&&b"that was all"[..]]) {
                assert_eq!(received(&end), (data.to_vec(), from));
            }
        };

        to_group(b"before");
        expect(&[]);
        end.join_multicast(group_ip, LOOPBACK).unwrap();
        to_group(b"member");
        expect(&[b"member"]);
        end.leave_multicast(group_ip, LOOPBACK).unwrap();
        to_group(b"after");
        expect(&[]);

        end.leave_multicast(group_ip, LOOPBACK).unwrap_err();
        let none = end.join_multicast(addr.ip(), LOOPBACK).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::InvalidInput);
    });
}

/// An IPv6 group that ends at the interface, which has a number.
#[test]
#[cfg(target_os = "linux")]
fn groups_of_ipv6_are_joined_and_left() {
    guarded(|| {
        let Ok(end) = Endpoint::bind("[::]:0") else {
            println!("skipped: there is no IPv6 here");
            return;
        };
        // The loopback interface is the first on Linux.
        let (group, interface) = ("ff01::7373".parse::<IpAddr>().unwrap(), Interface::Index(1));
        let error = end.join_multicast(group, LOOPBACK).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        if end.join_multicast(group, interface).is_err() {
            println!("skipped: the loopback interface has no IPv6 here");
            return;
        }
        end.set_multicast_interface(interface).unwrap();
        let port = end.local_addr().unwrap().port();
        end.set_recv_timeout(Some(HANGS)).unwrap();
        match end.send_to(b"to myself", (group, port)) {
            Ok(_) => assert_eq!(received(&end).0, b"to myself"),
            Err(error) => println!("skipped: no route to IPv6 groups: {error}"),
        }
        end.leave_multicast(group, interface).unwrap();
        end.leave_multicast(group, interface).unwrap_err();
    });
}
