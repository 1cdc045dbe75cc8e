//! What towline has besides what std has, or does otherwise on purpose.

use crate::driver::{closed_port, guarded, pair};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, UdpSocket};
use std::time::Duration;
use towline::connection::Config;
use towline::{Connection, Listener, Stream};

/// How many datagrams lie in a socket.
fn drain(socket: &UdpSocket) -> usize {
    socket.set_nonblocking(true).unwrap();
    let mut count = 0;
    while socket.recv(&mut [0; 2048]).is_ok() {
        count += 1;
    }
    count
}

#[test]
fn an_address_that_has_a_successor_is_asked_for_a_second() {
    guarded(|| {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let addrs = [silent.local_addr().unwrap(), listener.local_addr().unwrap()];
        let client = Stream::connect(&addrs[..]).unwrap();
        assert_eq!(client.peer_addr().unwrap(), addrs[1]);
        // After 0, 150, 450 and 1050 ms: whoever asked the whole 10 s asked more than ten times.
        let asked = drain(&silent);
        assert!((1..=4).contains(&asked), "asked {asked} times");
    });
}

#[test]
fn the_last_address_is_asked_for_the_whole_time() {
    guarded(|| {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = silent.local_addr().unwrap();
        let mut config = Config::default();
        // SYNs leave after 0, 150, 450 and 1050 ms: three of them within a second.
        config.connect_timeout = Duration::from_millis(2500);
        let error = Stream::connect_with(addr, &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let asked = drain(&silent);
        assert!(asked >= 4, "asked {asked} times");
        // A shorter timeout than a second holds for each address.
        config.connect_timeout = Duration::from_millis(10);
        let error = Stream::connect_with(&[addr, addr][..], &config).unwrap_err();
        assert_eq!((error.kind(), drain(&silent)), (ErrorKind::TimedOut, 2));
    });
}

#[test]
fn what_nobody_can_be_reached_at_is_invalid() {
    for addr in ["127.0.0.1:0", "224.0.0.1:9", "255.255.255.255:9"] {
        let error = Stream::connect(addr).unwrap_err();
        let kinds = [ErrorKind::InvalidInput, ErrorKind::PermissionDenied];
        assert!(kinds.contains(&error.kind()), "{addr}: {error:?}");
    }
}

#[test]
fn the_longest_timeout_is_told_as_it_was_set() {
    guarded(|| {
        let (client, _server) = pair();
        let years = |n: u64| Duration::from_secs(n * 365 * 24 * 3600);
        for (set, told) in [
            (Duration::MAX, Duration::MAX),
            (years(600), Duration::MAX),
            (years(500), years(500)),
            (Duration::from_nanos(1), Duration::from_nanos(1)),
        ] {
            client.set_read_timeout(Some(set)).unwrap();
            client.set_linger(Some(set)).unwrap();
            assert_eq!(client.read_timeout().unwrap(), Some(told));
            assert_eq!(client.linger().unwrap(), Some(told));
        }
    });
}

#[test]
fn linger_is_what_was_set_last_on_any_handle() {
    guarded(|| {
        let (client, _server) = pair();
        let (clone, connection) = (client.try_clone().unwrap(), client.connection());
        assert_eq!(client.linger().unwrap(), None);
        client.set_linger(Some(Duration::from_secs(1))).unwrap();
        assert_eq!(clone.linger().unwrap(), Some(Duration::from_secs(1)));
        assert_eq!(connection.linger(), Some(Duration::from_secs(1)));
        connection.set_linger(None);
        assert_eq!(client.linger().unwrap(), None);
    });
}

#[test]
fn a_listener_is_given_away_as_an_iterator() {
    guarded(|| {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let mut incoming = listener.into_incoming();
        for _ in 0..2 {
            let client = Stream::connect(addr).unwrap();
            let server = incoming.next().unwrap().unwrap();
            assert_eq!(server.peer_addr().unwrap(), client.local_addr().unwrap());
        }
        drop(incoming);
        let error = Stream::connect(addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn sockets_are_lent_for_their_options() {
    guarded(|| {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let client = Stream::connect(addr).unwrap();
        let servers = [(); 2].map(|()| {
            drop(Stream::connect(addr));
            listener.accept().unwrap().0
        });
        let local = |socket: &UdpSocket| socket.local_addr().unwrap();
        assert_eq!(listener.with_socket(local), addr);
        assert_eq!(client.with_socket(local), client.local_addr().unwrap());
        assert_eq!(client.connection().with_socket(local), client.local_addr().unwrap());
        // One socket serves all streams of a listener.
        servers[0].with_socket(|socket| socket.set_broadcast(true)).unwrap();
        assert!(servers[1].with_socket(UdpSocket::broadcast).unwrap());
        assert!(listener.with_socket(UdpSocket::broadcast).unwrap());
        assert!(!client.with_socket(UdpSocket::broadcast).unwrap());
        servers[0].set_ttl(99).unwrap();
        assert_eq!((servers[1].ttl().unwrap(), listener.ttl().unwrap()), (99, 99));
    });
}

#[test]
fn what_nobody_reads_is_taken_for_ever() {
    guarded(|| {
        let (client, mut server) = pair();
        server.write_all(b"thrown away").unwrap();
        let mut buf = [0; 11];
        assert_ne!(client.peek(&mut buf).unwrap(), 0);
        client.shutdown(Shutdown::Read).unwrap();
        for mut handle in [&client, &client.try_clone().unwrap()] {
            assert_eq!(handle.read(&mut buf).unwrap(), 0);
            assert_eq!(handle.peek(&mut buf).unwrap(), 0);
        }
        // Far more than all windows and buffers hold; and nobody is told that it is not wanted.
        server.write_all(&vec![1; 100 << 20]).unwrap();
        assert!(server.take_error().unwrap().is_none());
        server.shutdown(Shutdown::Write).unwrap();
        (&client).write_all(b"answer").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut all = Vec::new();
        server.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"answer");
        let outcome = server.connection().close(0, b"", Duration::from_secs(20)).unwrap();
        assert_eq!((outcome.in_doubt, outcome.unsent), (0, 0), "all of it was acknowledged");
    });
}

#[test]
fn why_a_stream_broke_is_told_once() {
    guarded(|| {
        let (client, mut server) = pair();
        let clone = server.try_clone().unwrap();
        client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        // Every call says it, until it was asked for and after.
        let reset = |result: std::io::Result<usize>| {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionReset);
        };
        reset(server.read(&mut [0]));
        let error = clone.take_error().unwrap().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(clone.take_error().unwrap().is_none());
        assert!(server.take_error().unwrap().is_none());
        reset(server.read(&mut [0]));
        assert_eq!(server.write(&[0]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn an_end_in_good_order_is_no_error() {
    guarded(|| {
        let (client, mut server) = pair();
        (&client).write_all(b"bye").unwrap();
        drop(client);
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 3);
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        // The other side's goodbye may be on its way: writes tell when it has come.
        while server.write(&[0]).is_ok() {}
        assert!(server.take_error().unwrap().is_none());
        let (client, _server) = pair();
        client.connection().close(9, b"", Duration::ZERO).unwrap();
        assert!(client.take_error().unwrap().is_none(), "it was this side's wish");
        assert_eq!((&client).read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionAborted);
    });
}

#[test]
fn a_shutdown_of_what_broke_says_so() {
    guarded(|| {
        let (client, server) = pair();
        client.connection().close(9, b"", Duration::from_secs(20)).unwrap();
        (&server).read_to_end(&mut Vec::new()).unwrap();
        while (&server).write(&[0]).is_ok() {}
        for stream in [&client, &server] {
            let error = stream.shutdown(Shutdown::Both).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotConnected);
        }
    });
}

#[test]
#[cfg(any(target_os = "linux", windows))]
fn a_refusal_ends_the_asking_at_once() {
    guarded(|| {
        let config = {
            let mut config = Config::default();
            config.connect_timeout = Duration::MAX;
            config
        };
        let error = Connection::connect_with(closed_port(), &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

/// A server on a wildcard, and the addresses that it is asked at.
fn ask(wildcard: &str, hosts: &[&str]) {
    let Ok(listener) = Listener::bind(wildcard) else {
        return println!("skipped: {wildcard} cannot be had here");
    };
    let bound = listener.local_addr().unwrap();
    assert!(bound.ip().is_unspecified());
    let ends: Vec<_> = hosts
        .iter()
        .map(|host| {
            let asked = SocketAddr::new(host.parse().unwrap(), bound.port());
            // Its kernel takes answers from the address that was asked, and from no other.
            let client = Stream::connect(asked).unwrap();
            let (server, peer) = listener.accept().unwrap();
            assert_eq!((peer, peer.is_ipv4()), (client.local_addr().unwrap(), asked.is_ipv4()));
            assert_eq!((server.local_addr().unwrap(), server.peer_addr().unwrap()), (asked, peer));
            assert_eq!(client.peer_addr().unwrap(), asked);
            (client, server)
        })
        .collect();
    for (mut client, mut server) in ends {
        server.write_all(&vec![1; 300_000]).unwrap();
        client.read_exact(&mut vec![0; 300_000]).unwrap();
        client.write_all(&vec![1; 300_000]).unwrap();
        server.read_exact(&mut vec![0; 300_000]).unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn answers_leave_from_the_address_that_was_asked() {
    guarded(|| {
        ask("0.0.0.0:0", &["127.0.0.1", "127.0.0.2", "127.9.8.7", "127.0.0.1"]);
        ask("[::]:0", &["127.0.0.1", "::1", "127.0.0.2", "127.9.8.7", "::1"]);
    });
}

#[test]
fn an_address_of_one_family_takes_no_other() {
    guarded(|| {
        let Ok(listener) = Listener::bind("[::1]:0") else {
            return println!("skipped: there is no IPv6 here");
        };
        let port = listener.local_addr().unwrap().port();
        let other = Listener::bind(("127.0.0.1", port)).unwrap();
        drop(Stream::connect(("127.0.0.1", port)).unwrap());
        assert!(other.accept().unwrap().1.is_ipv4());
        drop(Stream::connect(("::1", port)).unwrap());
        assert!(listener.accept().unwrap().1.is_ipv6());
    });
}
