//! Ends: of one direction, of both, of a handle, of a listener.

use super::{TcpStream, begin, each_ip, listen, pair, pattern};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::mpsc;
use std::thread;

/// Fills all buffers, until an error.
fn fill(mut stream: TcpStream) -> ErrorKind {
    loop {
        if let Err(error) = stream.write(&[0; 10_000]) {
            return error.kind();
        }
    }
}

#[test]
fn the_end_is_read_again_and_again() {
    each_ip(|addr| {
        let (client, mut server) = pair(addr);
        drop(client);
        for _ in 0..3 {
            assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        }
    });
}

#[test]
fn a_drop_delivers_everything() {
    each_ip(|addr| {
        let (mut client, mut server) = pair(addr);
        let data = pattern(1 << 20);
        let expected = data.clone();
        let writer = thread::spawn(move || client.write_all(&data).unwrap());
        let mut all = Vec::new();
        server.read_to_end(&mut all).unwrap();
        assert!(all == expected);
        writer.join().unwrap();
    });
}

#[test]
fn the_drop_of_a_clone_ends_nothing() {
    each_ip(|addr| {
        let (mut client, mut server) = pair(addr);
        drop(client.try_clone().unwrap());
        client.write_all(&[1]).unwrap();
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 1);
        server.write_all(&[2]).unwrap();
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 1);
    });
}

#[test]
fn writing_to_who_is_gone_fails_in_the_end() {
    each_ip(|addr| {
        let (client, server) = pair(addr);
        drop(server);
        let kind = fill(client);
        let broken =
            [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted];
        assert!(broken.contains(&kind), "{kind:?}");
    });
}

#[test]
fn each_direction_ends_by_itself() {
    each_ip(|addr| {
        let (mut client, mut server) = pair(addr);
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.write(&[1]).unwrap_err().kind(), ErrorKind::BrokenPipe);
        let mut all = Vec::new();
        server.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"question");
        server.write_all(b"answer").unwrap();
        drop(server);
        all.clear();
        client.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"answer");
    });
}

#[test]
fn a_shutdown_holds_for_clones_of_before_and_after() {
    each_ip(|addr| {
        let (client, server) = pair(addr);
        let before = client.try_clone().unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        client.shutdown(Shutdown::Read).unwrap();
        let after = client.try_clone().unwrap();
        for mut handle in [client, before, after] {
            assert_eq!(handle.write(&[0]).unwrap_err().kind(), ErrorKind::BrokenPipe);
            assert_eq!(handle.read(&mut [0]).unwrap(), 0);
            for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
                handle.shutdown(how).unwrap();
            }
        }
        drop(server);
    });
}

#[test]
fn the_end_of_reading_wakes_who_reads() {
    each_ip(|addr| {
        for how in [Shutdown::Read, Shutdown::Both] {
            let (client, _server) = pair(addr);
            let readers = [(); 2].map(|()| {
                let mut clone = client.try_clone().unwrap();
                begin(move || clone.read(&mut [0]).unwrap())
            });
            client.shutdown(how).unwrap();
            assert_eq!(readers.map(|reader| reader.join().unwrap()), [0, 0]);
        }
    });
}

#[test]
fn the_end_of_writing_wakes_who_writes() {
    each_ip(|addr| {
        let (client, server) = pair(addr);
        let clone = client.try_clone().unwrap();
        let writer = begin(move || fill(clone));
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(writer.join().unwrap(), ErrorKind::BrokenPipe);
        drop(server);
    });
}

#[test]
fn the_peers_end_wakes_who_reads() {
    each_ip(|addr| {
        let (client, mut server) = pair(addr);
        let reader = begin(move || server.read(&mut [0]).unwrap());
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
    });
}

#[test]
fn the_end_of_reading_lets_writing_go_on() {
    each_ip(|addr| {
        let (mut client, mut server) = pair(addr);
        client.shutdown(Shutdown::Read).unwrap();
        client.write_all(b"still here").unwrap();
        drop(client);
        let mut all = Vec::new();
        server.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"still here");
    });
}

#[test]
fn a_dropped_listener_leaves_the_accepted_alone_and_refuses_the_rest() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        let mut client = TcpStream::connect(addr).unwrap();
        let mut accepted = listener.accept().unwrap().0;
        let mut forgotten = TcpStream::connect(addr).unwrap();
        drop(listener);
        let kind = forgotten.read(&mut [0]).unwrap_err().kind();
        let refused = [ErrorKind::ConnectionReset, ErrorKind::ConnectionRefused];
        assert!(refused.contains(&kind), "{kind:?}");
        let error = TcpStream::connect(addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        client.write_all(&[7]).unwrap();
        let mut byte = [0];
        accepted.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [7]);
    });
}

#[test]
fn a_clone_keeps_a_listener_open() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        let clone = listener.try_clone().unwrap();
        drop(listener);
        let (tell, told) = mpsc::channel();
        let server = thread::spawn(move || tell.send(clone.accept().unwrap().1).unwrap());
        let client = TcpStream::connect(addr).unwrap();
        assert_eq!(told.recv().unwrap(), client.local_addr().unwrap());
        server.join().unwrap();
    });
}
