//! Closing, dropping, and the connection's end.

use super::*;

#[test]
fn a_close_delivers_and_wakes_who_sends() {
    guarded(|| {
        let ends = narrow();
        let (client, server) = channel(&ends, with(Delivery::Ordered, Overflow::Block));
        let (filled, _) = fill(&client);
        let other = client.clone();
        let blocked = thread::spawn(move || other.send([0; 1000]));
        client.close().unwrap();
        client.close().unwrap();
        assert_eq!(blocked.join().unwrap(), Err(SendError::Finished.into()));
        for _ in 0..filled {
            server.recv_vec().unwrap();
        }
        let end = server.recv_vec().unwrap_err();
        assert_eq!(io::Error::from(end).kind(), ErrorKind::UnexpectedEof);
        server.send(b"the other way goes on").unwrap();
        assert_eq!(client.recv_vec().unwrap(), b"the other way goes on");
    });
}

#[test]
fn a_drop_delivers_and_refuses() {
    guarded(|| {
        for delivery in Delivery::ALL {
            let ends = pair();
            let (client, server) = channel(&ends, delivery);
            let number = client.send(b"last words").unwrap();
            let clone = client.clone();
            drop(client);
            assert_eq!(clone.send(b""), Ok(number + u64::from(delivery != Delivery::Stream)));
            drop(clone);
            let mut heard = Vec::new();
            let end = loop {
                match server.recv_vec() {
                    Ok(message) => heard.extend(message),
                    Err(error) => break error,
                }
            };
            assert_eq!(end, FINISHED);
            if delivery != Delivery::Latest {
                assert_eq!(heard, b"last words", "{delivery}");
            }
            let refused = loop {
                if let Err(error) = server.send([1; 1000]) {
                    break error;
                }
            };
            assert_eq!(refused, SendError::Stopped.into(), "{delivery}");
        }
    });
}

#[test]
fn the_last_drop_delivers_everything() {
    guarded(|| {
        for is_nonblocking in [false, true] {
            let (client, server) = pair();
            let channel = client.open_channel(Delivery::Ordered).unwrap();
            channel.set_nonblocking(is_nonblocking);
            drop(client);
            for n in 0..500_u64 {
                channel.send(n.to_le_bytes()).unwrap();
            }
            drop(channel);
            let channel = patient(server.accept_channel().unwrap());
            for n in 0..500_u64 {
                assert_eq!(channel.recv_vec().unwrap(), n.to_le_bytes());
            }
            assert_eq!(channel.recv_vec(), Err(FINISHED));
        }
    });
}

#[test]
fn the_connections_end_is_told_by_every_call() {
    guarded(|| {
        for delivery in Delivery::ALL {
            let ends = pair();
            let (client, server) = channel(&ends, delivery);
            let other = client.clone();
            let waits = thread::spawn(move || other.recv_vec());
            let accepts = ends.0.clone();
            let accepts = thread::spawn(move || accepts.accept_channel().map(drop));
            server.send(b"before the end").unwrap();
            assert_eq!(waits.join().unwrap().unwrap(), b"before the end");
            let other = client.clone();
            let waits = thread::spawn(move || other.recv_vec());
            ends.0.close(7, b"", Duration::ZERO).unwrap();
            let closed = ChannelError::Closed(CloseReason::Local(7));
            assert_eq!(waits.join().unwrap(), Err(closed.clone()), "{delivery}");
            assert_eq!(client.send([1]), Err(closed.clone()));
            assert_eq!(client.peek(&mut [1]), Err(closed));
            let kind = accepts.join().unwrap().unwrap_err().kind();
            assert_eq!(kind, ErrorKind::ConnectionAborted);
            let opened = ends.0.open_channel(delivery).unwrap_err();
            assert_eq!(opened.kind(), ErrorKind::ConnectionAborted);
            let peer = server.recv_vec().unwrap_err();
            assert_eq!(io::Error::from(peer).kind(), ErrorKind::ConnectionReset, "{delivery}");
        }
    });
}
