//! Receipts, watermarks and flushes.

use super::*;

#[test]
fn receipts_tell_what_became_of_a_message() {
    guarded(|| {
        let none = SendOptions::default();
        for delivery in Delivery::ALL {
            let ends = pair();
            let (client, server) = channel(&ends, delivery);
            let receipt = client.send_receipt(b"hello", &none).unwrap();
            assert_eq!(receipt.wait(Some(LONG)), Ok(Outcome::Acknowledged), "{delivery}");
            assert_eq!(receipt.try_get(), Ok(Some(Outcome::Acknowledged)), "and again");
            assert!(client.watermark() >= receipt.number());
            if delivery != Delivery::Stream {
                let receipt = client.send_receipt(b"late", &NOW).unwrap();
                assert_eq!(receipt.wait(Some(LONG)), Ok(Outcome::Abandoned(Why::Expired)));
                assert_eq!(receipt.number(), 1);
            }
            // The other end wants no more: nobody reads what comes then.
            drop(server);
            let stopped = loop {
                match client.send_receipt([0; 1000], &none) {
                    Err(error) => break error,
                    Ok(receipt) => drop(receipt.wait(Some(LONG)).unwrap()),
                }
            };
            assert_eq!(stopped, SendError::Stopped.into(), "{delivery}");
        }
    });
}

#[test]
fn receipts_of_what_waits() {
    guarded(|| {
        let ends = narrow();
        let none = SendOptions::default();
        let (client, server) = channel(&ends, with(Delivery::Ordered, Overflow::DropOldest));
        let mut receipts: Vec<Receipt> = Vec::new();
        let is_dropped = |receipt: &Receipt| {
            receipt.try_get().unwrap() == Some(Outcome::Abandoned(Why::Overflow))
        };
        while !receipts.iter().any(is_dropped) {
            receipts.push(client.send_receipt([1; 1000], &none).unwrap());
        }
        let last = receipts.pop().unwrap();
        assert_eq!(last.try_get(), Ok(None));
        assert_eq!(last.wait(Some(BRIEF)), Err(ChannelError::TimedOut));
        assert!(client.cancel(last.number()));
        assert!(!client.cancel(last.number()), "it is settled");
        assert_eq!(last.wait(Some(LONG)), Ok(Outcome::Abandoned(Why::Cancelled)));
        let open = receipts.pop().unwrap();
        // Who wants no more gives all up that was not received.
        drop(server);
        assert_eq!(open.wait(Some(LONG)), Ok(Outcome::Abandoned(Why::Stopped)));

        let (client, _server) = channel(&ends, Delivery::Ordered);
        let open = stuck(&client);
        let waits = thread::spawn(move || (open.wait(None), open.wait(None), open.try_get()));
        ends.0.close(7, b"", Duration::ZERO).unwrap();
        let closed = ChannelError::Closed(CloseReason::Local(7));
        let (first, again, now) = waits.join().unwrap();
        assert_eq!((first, again, now), (Err(closed.clone()), Err(closed.clone()), Err(closed)));
    });
}

#[test]
fn receipts_outlive_channels_and_connections() {
    guarded(|| {
        for delivery in [Delivery::Stream, Delivery::Ordered, Delivery::Latest] {
            let (client, server) = pair();
            let channel = client.open_channel(delivery).unwrap();
            let receipt = channel.send_receipt(b"hello", &SendOptions::default()).unwrap();
            drop((channel, client));
            assert_eq!(server.accept_channel().unwrap().recv_vec().unwrap(), b"hello");
            assert_eq!(receipt.wait(Some(LONG)), Ok(Outcome::Acknowledged), "{delivery}");
            server.close(7, b"", LONG).unwrap();
            assert_eq!(receipt.wait(Some(LONG)), Ok(Outcome::Acknowledged), "it was told before");
        }
    });
}

#[test]
fn a_flush_waits_for_what_was_sent_before() {
    guarded(|| {
        let ends = narrow();
        let (client, server) = channel(&ends, with(Delivery::Ordered, Overflow::Block));
        client.flush_acked(Some(LONG)).unwrap();
        let (filled, _) = fill(&client);
        assert!(client.watermark() < filled);
        assert_eq!(client.flush_acked(Some(BRIEF)), Err(ChannelError::TimedOut));
        let timed_out = ends.0.flush_acked(Some(BRIEF)).unwrap_err();
        assert_eq!(timed_out.kind(), ErrorKind::TimedOut);
        let (flushed, all) = (client.clone(), ends.0.clone());
        let flushes = [
            thread::spawn(move || flushed.flush_acked(None).unwrap()),
            thread::spawn(move || all.flush_acked(None).unwrap()),
        ];
        for _ in 0..filled {
            server.recv_vec().unwrap();
        }
        for flush in flushes {
            flush.join().unwrap();
        }
        assert_eq!(client.watermark(), filled);
        client.close().unwrap();
        server.close().unwrap();
        assert_eq!(server.recv_vec(), Err(FINISHED));
        assert_eq!(client.recv_vec(), Err(FINISHED));
        client.flush_acked(Some(LONG)).unwrap();
        ends.0.flush_acked(Some(LONG)).unwrap();
        assert_eq!(client.watermark(), filled, "also when it is over");
    });
}

#[test]
fn a_flush_of_a_connection_covers_streams() {
    guarded(|| {
        let (client, server) = narrow();
        let mut stream = client.stream();
        stream.set_nonblocking(true).unwrap();
        let mut len = 0;
        while let Ok(n) = stream.write(&[1; 5000]) {
            len += n;
        }
        assert_eq!(client.flush_acked(Some(BRIEF)).unwrap_err().kind(), ErrorKind::TimedOut);
        let flush = {
            let client = client.clone();
            thread::spawn(move || client.flush_acked(None))
        };
        server.stream().read_exact(&mut vec![0; len]).unwrap();
        flush.join().unwrap().unwrap();
        assert_eq!(client.stats().unwrap().data.acknowledged, len as u64);
        while stream.write(&[1; 5000]).is_ok() {}
        let flush = thread::spawn(move || client.flush_acked(None));
        server.close(7, b"", Duration::ZERO).unwrap();
        assert_eq!(flush.join().unwrap().unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_flush_of_a_connection_covers_what_is_sent_only_once() {
    guarded(|| {
        let ends = pair();
        let (client, _server) = channel(&ends, Delivery::Unreliable);
        for n in 1..50 {
            client.send([0; 100]).unwrap();
            ends.0.flush_acked(Some(LONG)).unwrap();
            let messages = ends.0.stats().unwrap().messages;
            assert_eq!((messages.queued, messages.outstanding, messages.accepted), (0, 0, n));
            assert_eq!(client.watermark(), n);
        }
    });
}
