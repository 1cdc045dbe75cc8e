//! Calls that do not wait, or not for ever.

use super::{TcpStream, each_ip, listen, pair};
use std::io::{self, ErrorKind, Read, Write};
use std::thread;
use std::time::Duration;

const SHORT: Option<Duration> = Some(Duration::from_millis(20));

fn is_timeout(result: io::Result<usize>) -> bool {
    matches!(result.unwrap_err().kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn would_block<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// Tries until it is done.
fn insist<T>(mut act: impl FnMut() -> io::Result<T>) -> T {
    loop {
        let result = act();
        if would_block(&result) {
            thread::yield_now();
        } else {
            return result.unwrap();
        }
    }
}

#[test]
fn a_read_gives_up_in_time_and_can_be_repeated() {
    each_ip(|addr| {
        let (client, mut server) = pair(addr);
        client.set_read_timeout(SHORT).unwrap();
        let mut buf = [0; 20];
        assert!(is_timeout((&client).read(&mut buf)));
        assert!(is_timeout(client.peek(&mut buf)));
        server.write_all(b"hello world").unwrap();
        client.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        (&client).read_exact(&mut buf[..11]).unwrap();
        assert_eq!(&buf[..11], b"hello world");
        client.set_read_timeout(SHORT).unwrap();
        assert!(is_timeout((&client).read(&mut buf)), "the timeout begins anew");
    });
}

#[test]
fn a_write_gives_up_in_time_when_nobody_reads() {
    each_ip(|addr| {
        let (mut client, mut server) = pair(addr);
        client.set_write_timeout(SHORT).unwrap();
        let mut written = 0;
        let result = loop {
            match client.write(&[7; 10_000]) {
                Ok(n) => written += n,
                Err(error) => break Err(error),
            }
        };
        assert!(is_timeout(result));
        // What was taken arrives, all of it and nothing else.
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            server.read_to_end(&mut all).map(|_| all)
        });
        drop(client);
        assert_eq!(reader.join().unwrap().unwrap().len(), written);
    });
}

#[test]
fn a_nonblocking_listener_never_waits() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        let clone = listener.try_clone().unwrap();
        listener.set_nonblocking(true).unwrap();
        assert!(would_block(&listener.accept()));
        assert!(would_block(&clone.accept()), "clones share it");
        assert!(listener.incoming().next().is_some_and(|next| would_block(&next)));
        let client = TcpStream::connect(addr).unwrap();
        let (mut server, peer) = insist(|| listener.accept());
        assert_eq!(peer, client.local_addr().unwrap());
        // What was accepted waits again.
        let reader = super::begin(move || server.read(&mut [0; 4]).unwrap());
        (&client).write_all(&[1]).unwrap();
        assert_eq!(reader.join().unwrap(), 1);
        listener.set_nonblocking(false).unwrap();
        let acceptor = super::begin(move || clone.accept().unwrap().1);
        let client = TcpStream::connect(addr).unwrap();
        assert_eq!(acceptor.join().unwrap(), client.local_addr().unwrap());
    });
}

#[test]
fn a_nonblocking_stream_never_waits() {
    each_ip(|addr| {
        let (client, server) = pair(addr);
        let clone = client.try_clone().unwrap();
        client.set_nonblocking(true).unwrap();
        let mut buf = [0; 8];
        for mut stream in [&client, &clone] {
            assert!(would_block(&stream.read(&mut buf)));
            assert!(would_block(&stream.peek(&mut buf)));
        }
        (&server).write_all(&[4, 5]).unwrap();
        assert_eq!(insist(|| client.peek(&mut buf[..1])), 1);
        assert_eq!(insist(|| (&clone).read(&mut buf[..1])), 1);
        assert_eq!(insist(|| (&client).read(&mut buf[1..2])), 1);
        assert_eq!(buf[..2], [4, 5]);
        clone.set_nonblocking(false).unwrap();
        let reader = super::begin(move || (&client).read(&mut [0; 8]).unwrap());
        drop(server);
        assert_eq!(reader.join().unwrap(), 0);
    });
}

#[test]
fn a_nonblocking_write_takes_what_fits() {
    each_ip(|addr| {
        let (client, server) = pair(addr);
        client.set_nonblocking(true).unwrap();
        let mut written = 0;
        let error = loop {
            match (&client).write(&[7; 10_000]) {
                Ok(n) => written += n,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            (&server).read_to_end(&mut all).map(|_| all.len())
        });
        written += insist(|| (&client).write(&[8; 1000]));
        client.set_nonblocking(false).unwrap();
        drop(client);
        assert_eq!(reader.join().unwrap().unwrap(), written);
    });
}
