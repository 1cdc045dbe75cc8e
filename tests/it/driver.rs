//! The blocking driver over real loopback sockets.
//!
//! No test sleeps, and none asserts that something was in time. A call that never returns fails its test.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::hash::{DefaultHasher, Hasher};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use towline::connection::{CloseReason, Config};
use towline::{Connection, Endpoint, Listener, Stream, endpoint};

/// When a test counts as hanging.
const PATIENCE: Duration = Duration::from_mins(2);
/// When a read counts as hanging.
const READ: Duration = Duration::from_secs(30);

/// Runs a test in a thread of its own, so that a call that never returns fails it.
pub(crate) fn guarded(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let body = thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    match is_done.recv_timeout(PATIENCE) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("a call does not return"),
        _ => body.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

fn listen() -> (Listener, SocketAddr) {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

pub(crate) fn patient(stream: Stream) -> Stream {
    stream.set_read_timeout(Some(READ)).unwrap();
    stream.set_write_timeout(Some(READ)).unwrap();
    stream
}

/// The two ends of a new connection: the client's and the server's.
pub(crate) fn pair() -> (Stream, Stream) {
    let (listener, addr) = listen();
    let client = Stream::connect(addr).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (patient(client), patient(server))
}

/// Bytes that differ from offset to offset, and from seed to seed.
pub(crate) fn pattern(seed: u64, len: usize) -> Vec<u8> {
    let mut x = seed | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x
    };
    (0..len.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(len).collect()
}

fn hash(data: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(data);
    hasher.finish()
}

fn read_all(mut stream: &Stream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

/// An echo server for as many connections as come, until the listener's last handle is gone.
fn echo(listener: Listener, connections: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let serve = |stream: io::Result<Stream>| {
            let stream = patient(stream.unwrap());
            thread::spawn(move || {
                io::copy(&mut &stream, &mut &stream).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            })
        };
        let servers: Vec<_> = listener.incoming().take(connections).map(serve).collect();
        for server in servers {
            server.join().unwrap();
        }
    })
}

#[test]
fn echo_comes_back() {
    guarded(|| {
        let (listener, addr) = listen();
        let server = echo(listener, 1);
        let mut client = patient(Stream::connect(addr).unwrap());
        assert_eq!(client.peer_addr().unwrap(), addr);
        client.write_all(b"hello").unwrap();
        let mut buf = [0; 5];
        client.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"hello");
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.read(&mut buf).unwrap(), 0);
        server.join().unwrap();
    });
}

#[test]
fn both_directions_at_once_arrive_whole() {
    guarded(|| {
        const LEN: usize = 64 << 20;
        let (client, server) = pair();
        let ends = [client, server].map(|stream| {
            let seed = u64::from(stream.local_addr().unwrap().port());
            let sent = pattern(seed, LEN);
            let expected = hash(&sent);
            let writer = stream.try_clone().unwrap();
            let write = thread::spawn(move || {
                (&writer).write_all(&sent).unwrap();
                writer.shutdown(Shutdown::Write).unwrap();
            });
            let read = thread::spawn(move || {
                let all = read_all(&stream);
                (all.len(), hash(&all))
            });
            (write, read, expected)
        });
        let [a, b] = ends.map(|(write, read, expected)| {
            write.join().unwrap();
            (read.join().unwrap(), expected)
        });
        assert_eq!(a.0, (LEN, b.1));
        assert_eq!(b.0, (LEN, a.1));
    });
}

#[test]
fn many_small_writes_arrive_in_order() {
    guarded(|| {
        let (mut client, server) = pair();
        for nodelay in [false, true] {
            client.set_nodelay(nodelay).unwrap();
            assert_eq!(client.nodelay().unwrap(), nodelay);
            for i in 0..5000_u32 {
                client.write_all(&i.to_be_bytes()).unwrap();
            }
        }
        client.shutdown(Shutdown::Write).unwrap();
        let expected: Vec<u8> = (0..5000_u32).chain(0..5000).flat_map(u32::to_be_bytes).collect();
        assert!(read_all(&server) == expected);
    });
}

#[test]
fn each_direction_ends_by_itself() {
    guarded(|| {
        let (mut client, mut server) = pair();
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(read_all(&server), b"question");
        server.write_all(b"answer").unwrap();
        drop(server);
        assert_eq!(read_all(&client), b"answer");
    });
}

#[test]
fn a_reader_that_shuts_down_wakes() {
    guarded(|| {
        let (client, _server) = pair();
        let reader = client.try_clone().unwrap();
        let (ready, is_ready) = mpsc::channel();
        let read = thread::spawn(move || {
            ready.send(()).unwrap();
            (&reader).read(&mut [0; 8])
        });
        is_ready.recv().unwrap();
        client.shutdown(Shutdown::Read).unwrap();
        assert_eq!(read.join().unwrap().unwrap(), 0);
    });
}

#[test]
fn the_server_may_speak_first() {
    guarded(|| {
        let (mut client, mut server) = pair();
        server.write_all(b"welcome").unwrap();
        let mut buf = [0; 7];
        assert_eq!(client.peek(&mut buf).unwrap(), 7);
        buf.fill(0);
        client.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"welcome");
    });
}

#[test]
fn clones_read_and_write_in_different_threads() {
    guarded(|| {
        let (listener, addr) = listen();
        let server = echo(listener, 1);
        let client = patient(Stream::connect(addr).unwrap());
        let writer = client.try_clone().unwrap();
        let data = pattern(7, 1 << 20);
        let sent = data.clone();
        let write = thread::spawn(move || {
            for chunk in sent.chunks(777) {
                (&writer).write_all(chunk).unwrap();
            }
            writer.shutdown(Shutdown::Write).unwrap();
        });
        assert!(read_all(&client) == data);
        write.join().unwrap();
        server.join().unwrap();
    });
}

#[test]
fn a_connection_carries_several_streams() {
    guarded(|| {
        let (listener, addr) = listen();
        let server = thread::spawn(move || {
            let connection = listener.accept_connection().unwrap();
            let greeting = connection.open().unwrap();
            (&greeting).write_all(b"from the server").unwrap();
            for _ in 0..10 {
                let mut stream = patient(connection.accept().unwrap());
                let mut all = Vec::new();
                stream.read_to_end(&mut all).unwrap();
                stream.write_all(&all).unwrap();
            }
            connection
        });
        let connection = Connection::connect(addr).unwrap();
        let streams: Vec<_> = (0..10)
            .map(|i| {
                let stream = patient(connection.open().unwrap());
                (&stream).write_all(&pattern(i, 20_000)).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                stream
            })
            .collect();
        for (i, stream) in (0..).zip(&streams) {
            assert!(read_all(stream) == pattern(i, 20_000));
        }
        let greeting = patient(connection.accept().unwrap());
        assert_eq!(read_all(&greeting), b"from the server");
        drop(server.join().unwrap());
    });
}

#[test]
fn fifty_clients_connect_at_once() {
    guarded(|| {
        let (listener, addr) = listen();
        let server = echo(listener, 50);
        let clients: Vec<_> = (0..50)
            .map(|i| {
                thread::spawn(move || {
                    let client = patient(Stream::connect(addr).unwrap());
                    let data = pattern(i, 10_000);
                    (&client).write_all(&data).unwrap();
                    client.shutdown(Shutdown::Write).unwrap();
                    assert!(read_all(&client) == data);
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        server.join().unwrap();
    });
}

#[test]
fn a_drop_delivers_everything() {
    guarded(|| {
        let (client, server) = pair();
        let data = pattern(3, 200_000);
        (&client).write_all(&data).unwrap();
        let dropped = thread::spawn(move || drop(client));
        assert!(read_all(&server) == data);
        dropped.join().unwrap();
    });
}

#[test]
fn what_had_arrived_before_the_end_is_read() {
    guarded(|| {
        let (client, server) = pair();
        (&client).write_all(b"last words").unwrap();
        let outcome = client.connection().close(7, b"so long", Duration::from_secs(20)).unwrap();
        assert_eq!((outcome.acknowledged, outcome.in_doubt, outcome.unsent), (10, 0, 0));
        let connection = server.connection();
        let peer_closed = || connection.accept().map(drop).unwrap_err();
        assert_eq!(peer_closed().kind(), ErrorKind::ConnectionReset);
        let ended = connection.ended().unwrap();
        assert_eq!(ended.reason, CloseReason::Peer(7, b"so long".to_vec()));
        assert_eq!(read_all(&server), b"last words");
        assert_eq!((&server).write(b"too late").unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn giving_up_resets_the_peer() {
    guarded(|| {
        let (client, mut server) = pair();
        client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        // The end of the stream was never sent: the peer must not take this for an orderly end.
        let error = server.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_dropped_stream_stops_its_writer() {
    guarded(|| {
        let (listener, addr) = listen();
        let client = Connection::connect(addr).unwrap();
        let server = listener.accept_connection().unwrap();
        let mut stream = patient(client.open().unwrap());
        stream.write_all(b"x").unwrap();
        drop(server.accept().unwrap());
        let data = vec![0; 100_000];
        let error = loop {
            if let Err(error) = stream.write_all(&data) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert!(client.ended().is_none(), "the connection itself lives on");
    });
}

#[test]
fn a_silent_server_is_a_timeout() {
    guarded(|| {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = silent.local_addr().unwrap();
        let error = Stream::connect_timeout(&addr, Duration::from_millis(300)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let error = Stream::connect_timeout(&addr, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

/// The port of a socket that is gone.
pub(crate) fn closed_port() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
#[cfg(any(target_os = "linux", windows))]
fn a_closed_port_refuses() {
    guarded(|| {
        let error = Stream::connect(closed_port()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
#[cfg(any(target_os = "linux", windows))]
fn connect_tries_every_address() {
    guarded(|| {
        let (listener, addr) = listen();
        let client = Stream::connect(&[closed_port(), addr][..]).unwrap();
        assert_eq!(client.peer_addr().unwrap(), addr);
        drop(listener.accept().unwrap());
        let error = Stream::connect(&[][..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = Stream::connect("127.0.0.1:0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_dropped_listener_refuses() {
    guarded(|| {
        let (listener, addr) = listen();
        let client = patient(Stream::connect(addr).unwrap());
        let accepted = patient(listener.accept().unwrap().0);
        let forgotten = patient(Stream::connect(addr).unwrap());
        // One that is known to the server and was never accepted.
        (&forgotten).write_all(b"is anybody there?").unwrap();
        let refused = thread::spawn(move || (&forgotten).read(&mut [0; 8]));
        drop(listener.try_clone().unwrap());
        drop(listener);
        let kind = refused.join().unwrap().unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused));
        let error = Stream::connect(addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        // The accepted one lives on.
        (&client).write_all(b"still here").unwrap();
        drop(client);
        assert_eq!(read_all(&accepted), b"still here");
    });
}

#[test]
fn timeouts_are_would_block_as_in_std() {
    guarded(|| {
        let (client, _server) = pair();
        let short = Some(Duration::from_millis(20));
        client.set_read_timeout(short).unwrap();
        assert_eq!(client.read_timeout().unwrap(), short);
        let expected = if cfg!(windows) { ErrorKind::TimedOut } else { ErrorKind::WouldBlock };
        assert_eq!((&client).read(&mut [0; 8]).unwrap_err().kind(), expected);
        assert_eq!(client.peek(&mut [0; 8]).unwrap_err().kind(), expected);
        client.set_write_timeout(short).unwrap();
        let error = (&client).write_all(&vec![0; 200 << 20]).unwrap_err();
        assert_eq!(error.kind(), expected, "nobody reads: the buffers fill up");
        for zero in [client.set_read_timeout(Some(Duration::ZERO)), {
            client.set_write_timeout(Some(Duration::ZERO))
        }] {
            assert_eq!(zero.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        client.set_nonblocking(true).unwrap();
        assert_eq!((&client).read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn strangers_do_no_harm() {
    guarded(|| {
        let (listener, addr) = listen();
        let client = Stream::connect(addr).unwrap();
        let server = patient(listener.accept().unwrap().0);
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        for len in (0..1500).step_by(7) {
            stranger.send_to(&pattern(len as u64, len), addr).unwrap();
            (&client).write_all(&[len as u8]).unwrap();
        }
        client.shutdown(Shutdown::Write).unwrap();
        let expected: Vec<u8> = (0..1500).step_by(7).map(|len| len as u8).collect();
        assert!(read_all(&server) == expected);
        let second = Stream::connect(addr).unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, second.local_addr().unwrap());
    });
}

#[test]
fn both_families_reach_a_wildcard() {
    guarded(|| {
        let Ok(listener) = Listener::bind("[::]:0") else {
            return println!("skipped: there is no IPv6 here");
        };
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "::1"] {
            let client = patient(Stream::connect((host, port)).unwrap());
            let (server, peer) = listener.accept().unwrap();
            assert_eq!(peer, client.local_addr().unwrap(), "mapped addresses are unmapped");
            assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
            (&client).write_all(&pattern(1, 100_000)).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            assert!(read_all(&patient(server)) == pattern(1, 100_000));
        }
    });
}

#[test]
fn large_payloads_are_taken_and_sent() {
    guarded(|| {
        let mut server = endpoint::Config::default();
        server.connection.max_payload = 60_000;
        let listener = Listener::bind_with("127.0.0.1:0", &server).unwrap();
        let mut config = Config::default();
        config.max_payload = 60_000;
        let client = Stream::connect_with(listener.local_addr().unwrap(), &config).unwrap();
        let server = patient(listener.accept().unwrap().0);
        let writer = thread::spawn(move || {
            (&client).write_all(&pattern(9, 8 << 20)).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            client.connection().stats().unwrap()
        });
        assert!(read_all(&server) == pattern(9, 8 << 20));
        let stats = writer.join().unwrap();
        assert!(stats.sent.packets < 1000, "{} packets", stats.sent.packets);
    });
}

#[test]
fn handles_are_send_sync_and_debug() {
    fn check<T: Send + Sync + std::fmt::Debug>() {}
    check::<Listener>();
    check::<Stream>();
    check::<Connection>();
    check::<towline::Incoming<'_>>();
}

/// Two endpoints that connect to each other many times, from one socket each.
#[test]
fn one_socket_carries_many_connections_both_ways() {
    guarded(|| {
        let [left, right] = [(); 2].map(|()| Endpoint::bind("127.0.0.1:0").unwrap());
        let listeners = [left.listen().unwrap(), right.listen().unwrap()];
        assert_eq!(left.listen().unwrap_err().kind(), ErrorKind::AddrInUse);
        let [to_left, to_right] = [&left, &right].map(|end| end.local_addr().unwrap());
        let accept = |listener: Listener| {
            thread::spawn(move || {
                let mut names = Vec::new();
                for stream in listener.incoming().take(100) {
                    let mut stream = stream.unwrap();
                    let mut name = [0; 4];
                    stream.read_exact(&mut name).unwrap();
                    stream.write_all(&name).unwrap();
                    names.push((u32::from_be_bytes(name), stream));
                }
                names
            })
        };
        let acceptors = listeners.map(accept);
        let mut clients = Vec::new();
        for name in 0..100_u32 {
            for (end, to) in [(&left, to_right), (&right, to_left)] {
                let client = end.connect(to).unwrap();
                assert_eq!(client.local_addr().unwrap(), end.local_addr().unwrap());
                let mut stream = client.stream();
                stream.write_all(&name.to_be_bytes()).unwrap();
                clients.push((name, stream));
            }
        }
        for (name, stream) in &mut clients {
            let mut echoed = [0; 4];
            stream.read_exact(&mut echoed).unwrap();
            assert_eq!(u32::from_be_bytes(echoed), *name);
        }
        for acceptor in acceptors {
            let mut names: Vec<u32> =
                acceptor.join().unwrap().into_iter().map(|(n, _)| n).collect();
            names.sort_unstable();
            assert_eq!(names, (0..100).collect::<Vec<_>>());
        }
    });
}

#[test]
fn an_endpoint_takes_a_socket_that_somebody_else_has_made() {
    guarded(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let endpoint = Endpoint::from_socket(socket, &endpoint::Config::default()).unwrap();
        // The endpoint has the address; a listener there is its own.
        let listener = Listener::bind(addr).unwrap();
        drop(endpoint);
        let mut client = Stream::connect(addr).unwrap();
        client.write_all(b"x").unwrap();
        assert_eq!(listener.accept().unwrap().0.read(&mut [0; 8]).unwrap(), 1);
        drop(listener);
        assert_eq!(Stream::connect(addr).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn an_endpoint_says_when_it_is_full_and_when_an_address_is_none() {
    guarded(|| {
        let mut config = endpoint::Config::default();
        config.max_connections = 1;
        let server = Listener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::bind_with("127.0.0.1:0", &config).unwrap();
        let first = endpoint.connect(server.local_addr().unwrap()).unwrap();
        let error = endpoint.connect(server.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other, "{error}");
        drop(first);
        let other = Endpoint::bind("127.0.0.1:0").unwrap();
        for nobody in ["127.0.0.1:0", "224.0.0.1:9", "255.255.255.255:9"] {
            let error = other.connect(nobody.parse().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{nobody}: {error}");
        }
    });
}
