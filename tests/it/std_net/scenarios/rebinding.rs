//! Listening again at the address of a listener that is gone.

use super::{TcpListener, TcpStream, each_ip, listen, pair};
use std::io::{ErrorKind, Read, Write};

/// Whether a byte goes there and comes back.
fn answers(mut client: &TcpStream, mut server: &TcpStream) -> bool {
    client.write_all(&[1]).unwrap();
    let mut byte = [0];
    server.read_exact(&mut byte).unwrap();
    server.write_all(&byte).unwrap();
    client.read_exact(&mut byte).unwrap();
    byte == [1]
}

#[test]
fn an_address_is_free_as_soon_as_its_listener_is_gone() {
    each_ip(|addr| {
        let addr = listen(addr).1;
        for _ in 0..5 {
            let listener = TcpListener::bind(addr).unwrap();
            let client = TcpStream::connect(addr).unwrap();
            let server = listener.accept().unwrap().0;
            assert!(answers(&client, &server));
        }
    });
}

#[test]
fn an_address_is_free_while_accepted_streams_live_on() {
    each_ip(|addr| {
        let (client, server) = pair(addr);
        let addr = server.local_addr().unwrap();
        let listener = TcpListener::bind(addr).unwrap();
        assert_eq!(TcpListener::bind(addr).unwrap_err().kind(), ErrorKind::AddrInUse);
        let second = TcpStream::connect(addr).unwrap();
        assert!(answers(&second, &listener.accept().unwrap().0));
        assert!(answers(&client, &server));
        drop(listener);
        assert!(answers(&client, &server));
    });
}
