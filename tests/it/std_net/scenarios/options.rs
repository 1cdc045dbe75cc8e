//! Options, and what handles say of themselves.

use super::{TcpListener, TcpStream, each_ip, listen, pair};
use std::fmt::Debug;
use std::io::{ErrorKind, Read, Write};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

#[test]
fn timeouts_are_kept() {
    each_ip(|addr| {
        let (stream, _peer) = pair(addr);
        let clone = stream.try_clone().unwrap();
        assert_eq!(stream.read_timeout().unwrap(), None);
        assert_eq!(stream.write_timeout().unwrap(), None);
        let (read, write) = (Duration::from_secs(15_410), Duration::from_secs(7));
        stream.set_read_timeout(Some(read)).unwrap();
        stream.set_write_timeout(Some(write)).unwrap();
        for handle in [&stream, &clone] {
            assert_eq!(handle.read_timeout().unwrap(), Some(read));
            assert_eq!(handle.write_timeout().unwrap(), Some(write));
        }
        clone.set_read_timeout(None).unwrap();
        clone.set_write_timeout(None).unwrap();
        assert_eq!(stream.read_timeout().unwrap(), None);
        assert_eq!(stream.write_timeout().unwrap(), None);
    });
}

#[test]
fn timeouts_of_zero_are_none() {
    each_ip(|addr| {
        let (stream, _peer) = pair(addr);
        let second = Some(Duration::from_secs(1));
        stream.set_read_timeout(second).unwrap();
        stream.set_write_timeout(second).unwrap();
        let zero = Some(Duration::ZERO);
        let errors = [stream.set_read_timeout(zero), stream.set_write_timeout(zero)];
        assert!(errors.iter().all(|e| e.as_ref().unwrap_err().kind() == ErrorKind::InvalidInput));
        assert_eq!(stream.read_timeout().unwrap(), second, "nothing has changed");
        assert_eq!(stream.write_timeout().unwrap(), second);
    });
}

#[test]
fn the_longest_timeouts_work() {
    each_ip(|addr| {
        let (mut client, mut server) = pair(addr);
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(Duration::MAX)).unwrap();
            stream.set_write_timeout(Some(Duration::MAX)).unwrap();
        }
        let reader = super::begin(move || {
            let mut byte = [0];
            server.read_exact(&mut byte).unwrap();
            byte[0]
        });
        client.write_all(&[3]).unwrap();
        assert_eq!(reader.join().unwrap(), 3);
    });
}

#[test]
fn delay_is_on_until_it_is_turned_off() {
    each_ip(|addr| {
        let (client, server) = pair(addr);
        for stream in [client, server] {
            let clone = stream.try_clone().unwrap();
            assert!(!stream.nodelay().unwrap());
            for nodelay in [true, false] {
                stream.set_nodelay(nodelay).unwrap();
                assert_eq!(clone.nodelay().unwrap(), nodelay);
            }
        }
    });
}

#[test]
fn hops_are_counted_as_asked() {
    let addr = "127.0.0.1:0".parse().unwrap();
    let (listener, addr) = listen(addr);
    listener.set_ttl(100).unwrap();
    assert_eq!(listener.ttl().unwrap(), 100);
    assert_eq!(listener.try_clone().unwrap().ttl().unwrap(), 100);
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_ttl(101).unwrap();
    assert_eq!(stream.ttl().unwrap(), 101);
    for wrong in [0, 256] {
        assert_eq!(stream.set_ttl(wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(listener.set_ttl(wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn there_is_no_error_while_all_is_well() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        let client = TcpStream::connect(addr).unwrap();
        let server = listener.accept().unwrap().0;
        assert!(listener.take_error().unwrap().is_none());
        for stream in [&client, &server] {
            assert!(stream.take_error().unwrap().is_none());
        }
        drop(client);
        assert_eq!((&server).read(&mut [0]).unwrap(), 0);
        assert!(server.take_error().unwrap().is_none(), "an end is no error");
    });
}

#[test]
fn handles_show_their_addresses() {
    each_ip(|addr| {
        let (listener, addr) = listen(addr);
        let shown = format!("{listener:?}");
        assert!(shown.contains(&format!("Listener {{ addr: {addr:?}")), "{shown}");
        let client = TcpStream::connect(addr).unwrap();
        let (name, shown) = (client.local_addr().unwrap(), format!("{client:?}"));
        assert!(shown.contains(&format!("Stream {{ addr: {name:?}, peer: {addr:?}, ")), "{shown}");
        let shown = format!("{:?}", listener.incoming());
        assert!(shown.contains(&format!("{addr:?}")), "{shown}");
    });
}

#[test]
fn handles_go_everywhere() {
    fn check<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug + 'static>() {}
    fn read_write<T: Read + Write>() {}
    check::<TcpListener>();
    check::<TcpStream>();
    read_write::<TcpStream>();
    read_write::<&TcpStream>();
}
