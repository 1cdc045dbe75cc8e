//! Timeouts, calls that may not wait, and messages that come back.

use super::*;

#[test]
fn what_is_not_accepted_comes_back_as_it_was() {
    guarded(|| {
        let ends = narrow();
        let (blocked, _reader) = channel(&ends, with(Delivery::Ordered, Overflow::Block));
        assert_eq!(fill(&blocked).1, ChannelError::WouldBlock);
        let (full, _reader) = channel(&ends, with(Delivery::Ordered, Overflow::Reject));
        assert_eq!(fill(&full).1, SendError::Full.into());
        let (closed, _reader) = channel(&ends, Delivery::Unordered);
        closed.close().unwrap();
        let too_large = SendError::TooLarge { len: 5000, max: 4000 };
        for (channel, len, error) in [
            (&blocked, 1000, ChannelError::WouldBlock),
            (&blocked, 5000, too_large.into()),
            (&full, 1000, SendError::Full.into()),
            (&closed, 1000, SendError::Finished.into()),
        ] {
            let mut message = Vec::with_capacity(7777);
            message.resize(len, 5);
            let (place, content) = (message.as_ptr(), message.clone());
            let TrySendError { message, error: told } = channel.try_send(message).unwrap_err();
            assert_eq!((message.as_ptr(), message.capacity()), (place, 7777));
            assert_eq!((message, told), (content, error));
        }
    });
}

#[test]
fn timeouts_take_nothing_and_give_nothing() {
    guarded(|| {
        let ends = narrow();
        let (client, server) = channel(&ends, with(Delivery::Ordered, Overflow::Block));
        let (filled, _) = fill(&client);
        client.set_send_timeout(Some(BRIEF)).unwrap();
        server.set_recv_timeout(Some(BRIEF)).unwrap();
        assert_eq!(client.send([7; 1000]), Err(ChannelError::TimedOut));
        let in_time = SendOptions { deadline: Some(BRIEF), ..SendOptions::default() };
        client.set_send_timeout(None).unwrap();
        assert_eq!(client.send_with([7; 1000], &in_time), Err(ChannelError::TimedOut));
        assert_eq!(client.flush_acked(Some(BRIEF)), Err(ChannelError::TimedOut));
        client.close().unwrap();
        server.set_recv_timeout(Some(LONG)).unwrap();
        for n in 0..filled {
            assert_eq!(server.recv_vec().unwrap(), [n as u8; 1000]);
        }
        assert_eq!(server.recv_vec(), Err(FINISHED));
        let mut buf = [0; 8];
        client.set_recv_timeout(Some(BRIEF)).unwrap();
        for timed_out in [
            client.recv(&mut buf).unwrap_err(),
            client.recv_timeout(&mut buf, BRIEF).unwrap_err(),
            client.recv_vec().unwrap_err(),
            client.peek(&mut buf).unwrap_err(),
        ] {
            assert_eq!(timed_out, ChannelError::TimedOut);
            assert_eq!(io::Error::from(timed_out).kind(), ErrorKind::TimedOut);
        }
        for zero in [client.set_recv_timeout(Some(Duration::ZERO)), {
            client.set_send_timeout(Some(Duration::ZERO))
        }] {
            assert_eq!(zero.unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn nothing_waits_where_it_may_not() {
    guarded(|| {
        for delivery in Delivery::ALL {
            let ends = pair();
            let (client, server) = channel(&ends, delivery);
            let mut buf = [0; 8];
            assert_eq!(client.try_recv(&mut buf), Err(ChannelError::WouldBlock), "{delivery}");
            client.set_nonblocking(true);
            for would_block in [
                client.recv(&mut buf).unwrap_err(),
                client.recv_vec().unwrap_err(),
                client.peek(&mut buf).unwrap_err(),
            ] {
                assert_eq!(would_block, ChannelError::WouldBlock, "{delivery}");
                assert_eq!(io::Error::from(would_block).kind(), ErrorKind::WouldBlock);
            }
            server.send(b"there").unwrap();
            // A time of its own counts.
            assert_eq!(client.recv_timeout(&mut buf, LONG).unwrap().len, 5);
            client.set_nonblocking(false);
            server.send(b"again").unwrap();
            assert_eq!(client.recv_vec().unwrap(), b"again");
        }
        let ends = narrow();
        let (client, _server) = channel(&ends, with(Delivery::Ordered, Overflow::Block));
        fill(&client);
        client.set_nonblocking(true);
        assert_eq!(client.send([0; 1000]), Err(ChannelError::WouldBlock));
    });
}

#[test]
fn to_become_nonblocking_wakes_who_waits() {
    guarded(|| {
        for delivery in Delivery::ALL {
            let ends = pair();
            let (client, _server) = channel(&ends, delivery);
            let other = client.clone();
            let wait = thread::spawn(move || other.recv_vec());
            client.set_nonblocking(true);
            assert_eq!(wait.join().unwrap(), Err(ChannelError::WouldBlock));
        }
    });
}
