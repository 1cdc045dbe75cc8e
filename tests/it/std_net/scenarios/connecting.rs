//! Binding, connecting, accepting, and the names of both ends.

use super::{TcpListener, TcpStream, begin, closed_port, each_ip, listen};
use crate::driver::guarded;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[test]
fn an_address_of_somebody_else_cannot_be_bound() {
    let error = TcpListener::bind("203.0.113.77:9999").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}

#[test]
fn an_address_is_bound_once() {
    each_ip(|addr| {
        let (_listener, addr) = listen(addr);
        assert_eq!(TcpListener::bind(addr).unwrap_err().kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn the_first_address_that_can_be_had_is_bound() {
    guarded(|| {
        let addrs: [SocketAddr; 2] =
            ["203.0.113.77:9999".parse().unwrap(), "127.0.0.1:0".parse().unwrap()];
        let listener = TcpListener::bind(&addrs[..]).unwrap();
        assert_eq!(listener.local_addr().unwrap().ip(), addrs[1].ip());
        let error = TcpListener::bind(&[][..]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
#[cfg(any(target_os = "linux", windows))]
fn a_port_where_nobody_listens_refuses() {
    each_ip(|addr| {
        let addr = closed_port(addr);
        let refused = TcpStream::connect(addr).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        for timeout in [Duration::from_secs(30), Duration::MAX] {
            let refused = TcpStream::connect_timeout(&addr, timeout).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        }
    });
}

#[test]
#[cfg(any(target_os = "linux", windows))]
fn every_address_is_tried_and_the_last_error_told() {
    each_ip(|addr| {
        let (listener, open) = listen(addr);
        let closed = closed_port(addr);
        let client = TcpStream::connect(&[closed, closed, open][..]).unwrap();
        assert_eq!(client.peer_addr().unwrap(), open);
        drop(listener.accept().unwrap());
        let refused = TcpStream::connect(&[closed, closed][..]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let none = TcpStream::connect(&[][..]).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn hosts_have_names() {
    guarded(|| {
        let (listener, addr) = listen("127.0.0.1:0".parse().unwrap());
        let client = TcpStream::connect(("localhost", addr.port())).unwrap();
        (&client).write_all(&[144]).unwrap();
        let mut byte = [0];
        listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [144]);
    });
}

#[test]
fn a_wildcard_means_this_host() {
    each_ip(|addr| {
        let any = if addr.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let (listener, any) = listen(any.parse().unwrap());
        let client = TcpStream::connect(any).unwrap();
        let (server, peer) = listener.accept().unwrap();
        assert_eq!(client.peer_addr().unwrap(), SocketAddr::new(addr.ip(), any.port()));
        assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn both_ends_know_both_names() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        assert_ne!(addr.port(), 0);
        let client = TcpStream::connect(addr).unwrap();
        let (mut server, peer) = listener.accept().unwrap();
        let name = client.local_addr().unwrap();
        assert_eq!((name.ip(), client.peer_addr().unwrap()), (addr.ip(), addr));
        assert_eq!((peer, server.peer_addr().unwrap()), (name, name));
        assert_eq!(server.local_addr().unwrap(), addr);
        (&client).write_all(&[99]).unwrap();
        let mut byte = [0];
        server.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [99]);
    });
}

#[test]
fn a_timeout_that_is_not_needed_does_no_harm() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        for timeout in [Duration::from_secs(30), Duration::MAX] {
            drop(TcpStream::connect_timeout(&addr, timeout).unwrap());
            drop(listener.accept().unwrap());
        }
        let error = TcpStream::connect_timeout(&addr, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn clients_come_one_after_the_other() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        let clients = thread::spawn(move || {
            for n in 0..10 {
                TcpStream::connect(addr).unwrap().write_all(&[n]).unwrap();
            }
        });
        for (n, stream) in (0..10).zip(listener.incoming()) {
            let mut all = Vec::new();
            stream.unwrap().read_to_end(&mut all).unwrap();
            assert_eq!(all, [n]);
        }
        clients.join().unwrap();
    });
}

/// Connects `n` times, each time from within the one before; they write in the opposite order.
fn nested(addr: SocketAddr, n: u8) {
    if n > 0 {
        let mut stream = TcpStream::connect(addr).unwrap();
        thread::spawn(move || nested(addr, n - 1)).join().unwrap();
        stream.write_all(&[n]).unwrap();
    }
}

#[test]
fn a_server_that_leaves_at_once_was_connected() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        let server = thread::spawn(move || listener.incoming().take(100).for_each(drop));
        for _ in 0..100 {
            assert_eq!(TcpStream::connect(addr).unwrap().read(&mut [0]).unwrap(), 0);
        }
        server.join().unwrap();
    });
}

#[test]
fn clients_that_wait_for_each_other_are_served_at_once() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        let server = thread::spawn(move || {
            let serve = |stream: std::io::Result<TcpStream>| {
                thread::spawn(move || {
                    let mut byte = [0];
                    stream.unwrap().read_exact(&mut byte).unwrap();
                    byte[0]
                })
            };
            let served: Vec<_> = listener.incoming().take(10).map(serve).collect();
            served.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        nested(addr, 10);
        // Each is accepted in its turn: the next asks only when it has connected.
        assert!(server.join().unwrap().into_iter().eq((1..=10).rev()));
    });
}

#[test]
fn clients_may_wait_until_others_were_accepted() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        let mut clients: Vec<_> = (0..10).map(|_| TcpStream::connect(addr).unwrap()).collect();
        for (n, client) in (0..10).zip(&mut clients) {
            client.write_all(&[n]).unwrap();
        }
        for (mut stream, peer) in (0..10).map(|_| listener.accept().unwrap()) {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            let client = &clients[usize::from(byte[0])];
            assert_eq!(client.local_addr().unwrap(), peer);
        }
    });
}

#[test]
fn clones_of_a_listener_accept_in_turn() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        let clone = listener.try_clone().unwrap();
        assert_eq!(clone.local_addr().unwrap(), addr);
        let clients = [(); 2].map(|()| TcpStream::connect(addr).unwrap());
        let peers = [listener.accept().unwrap().1, clone.accept().unwrap().1];
        for client in clients {
            assert!(peers.contains(&client.local_addr().unwrap()));
        }
    });
}

#[test]
fn clones_of_a_listener_accept_in_several_threads() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        let (tell, told) = mpsc::channel();
        for _ in 0..4 {
            let (clone, tell) = (listener.try_clone().unwrap(), tell.clone());
            drop(begin(move || tell.send(clone.accept().unwrap()).unwrap()));
        }
        // The clones alone keep it open.
        drop((listener, tell));
        let clients = [(); 4].map(|()| TcpStream::connect(addr).unwrap());
        let mut peers: Vec<_> = told.iter().map(|(_, peer)| peer).collect();
        let mut names = clients.map(|client| client.local_addr().unwrap());
        peers.sort();
        names.sort();
        assert_eq!(peers, names);
    });
}
