//! Short buffers, peeking, gaps, keys.

use super::*;

#[test]
fn a_short_buffer_loses_nothing() {
    guarded(|| {
        let ends = pair();
        for delivery in [Delivery::Ordered, Delivery::Unordered, Delivery::Latest] {
            let (client, server) = channel(&ends, delivery);
            client.send(b"seven..").unwrap();
            let mut buf = [0; 7];
            for short in [0, 3, 6] {
                let error = server.recv(&mut buf[..short]).unwrap_err();
                assert_eq!(error, RecvError::Short { len: 7 }.into(), "{delivery}");
                assert_eq!(buf, [0; 7]);
            }
            let message = server.recv(&mut buf).unwrap();
            assert_eq!((message.number, message.len, &buf), (0, 7, b"seven.."));
            assert_eq!(server.try_recv(&mut buf), Err(ChannelError::WouldBlock));
        }
    });
}

#[test]
fn what_is_peeked_stays() {
    guarded(|| {
        let ends = pair();
        for delivery in Delivery::ALL {
            let (client, server) = channel(&ends, delivery);
            let number = client.send(b"seven..").unwrap();
            let mut buf = [0; 16];
            for len in [16, 7, 2] {
                buf.fill(0);
                let peeked = server.peek(&mut buf[..len]).unwrap();
                assert_eq!(buf[..2], *b"se");
                if delivery != Delivery::Stream {
                    assert_eq!((peeked.number, peeked.len), (number, 7));
                }
            }
            let message = server.recv(&mut buf).unwrap();
            assert_eq!((message.number, message.len, &buf[..7]), (number, 7, &b"seven.."[..]));
        }
    });
}

#[test]
fn a_gap_is_told_once_in_its_place() {
    guarded(|| {
        let ends = pair();
        let (client, server) = channel(&ends, Delivery::Ordered);
        client.send(b"a").unwrap();
        for _ in 0..3 {
            client.send_with(b"late", &NOW).unwrap();
        }
        client.send(b"e").unwrap();
        assert_eq!(server.recv_vec().unwrap(), b"a");
        let (mut buf, mut missing) = ([0; 8], 0);
        let next = loop {
            match server.recv(&mut buf) {
                // It is told as soon as a part of it is known.
                Err(ChannelError::Recv(RecvError::Gap { count })) => missing += count,
                result => break result.unwrap(),
            }
        };
        assert_eq!((next.number, missing), (4, 3));
        let stats = server.stats().unwrap();
        assert_eq!((stats.delivered, stats.missing), (2, 3));
        assert_eq!(client.stats().unwrap().abandoned.expired, 3);
    });
}

#[test]
fn the_newest_of_each_key_is_what_counts() {
    guarded(|| {
        let ends = pair();
        let (client, server) = channel(&ends, Delivery::Latest);
        for round in 0..20_u8 {
            for key in [3, 5] {
                let options = SendOptions { key: Some(key), ..SendOptions::default() };
                client.send_with([key as u8, round], &options).unwrap();
            }
        }
        client.flush_acked(Some(LONG)).unwrap();
        client.close().unwrap();
        let (mut newest, mut buf) = ([None; 6], [0; 2]);
        loop {
            match server.recv(&mut buf) {
                Ok(message) => {
                    assert_eq!(message.key, Some(u64::from(buf[0])));
                    let before = newest[usize::from(buf[0])].replace(buf[1]);
                    assert!(before < Some(buf[1]), "never an older one");
                }
                Err(FINISHED) => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!((newest[3], newest[5]), (Some(19), Some(19)));
    });
}
