//! Scenarios of listeners and streams, whoever makes them.
//!
//! No scenario sleeps, and none asserts that something was in time. A call that never returns fails it.

mod connecting;
mod data;
mod ending;
mod options;
mod rebinding;
mod waiting;

use super::{TcpListener, TcpStream};
use crate::driver::guarded;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

/// Runs a scenario on this host's own address of each family, with port 0.
fn each_ip(scenario: fn(SocketAddr)) {
    guarded(move || {
        scenario((Ipv4Addr::LOCALHOST, 0).into());
        let v6 = (Ipv6Addr::LOCALHOST, 0).into();
        if UdpSocket::bind(v6).is_err() {
            return println!("skipped: there is no IPv6 here");
        }
        scenario(v6);
    });
}

fn listen(addr: SocketAddr) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(addr).unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// The two ends of a new connection: the client's and the server's.
fn pair(addr: SocketAddr) -> (TcpStream, TcpStream) {
    let (listener, addr) = listen(addr);
    let client = TcpStream::connect(addr).unwrap();
    (client, listener.accept().unwrap().0)
}

/// An address where nobody listens any more.
fn closed_port(addr: SocketAddr) -> SocketAddr {
    listen(addr).1
}

/// Starts `act` in a thread, and returns once it is about to begin.
fn begin<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let (begins, has_begun) = mpsc::channel();
    let thread = thread::spawn(move || {
        begins.send(()).unwrap();
        act()
    });
    has_begun.recv().unwrap();
    thread
}

/// Bytes that differ from one multiple of 256 to the next, too.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8).collect()
}
