//! Channels that are streams.

use super::*;

#[test]
fn what_one_call_sends_on_a_stream_stays_together() {
    guarded(|| {
        const RECORD: usize = 1 << 20;
        let ends = pair();
        let (client, server) = channel(&ends, Delivery::Stream);
        let senders = [1_u8, 2, 3].map(|seed| {
            let channel = client.clone();
            thread::spawn(move || (0..5).for_each(|_| drop(channel.send(vec![seed; RECORD]))))
        });
        for _ in 0..15 {
            let record = exactly_from(&server, RECORD);
            assert!(record.iter().all(|byte| *byte == record[0]), "records are mixed");
        }
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

/// Receives exactly `len` bytes and none of the next ones.
fn exactly_from(channel: &Channel, len: usize) -> Vec<u8> {
    let (mut all, mut taken) = (vec![0; len], 0);
    while taken < len {
        taken += channel.recv(&mut all[taken..]).unwrap().len;
    }
    all
}

#[test]
fn a_stream_takes_all_or_nothing_without_waiting() {
    guarded(|| {
        let ends = narrow();
        let (client, server) = channel(&ends, Delivery::Stream);
        client.flush_acked(Some(LONG)).unwrap();
        let huge = vec![3; 300 << 20];
        let place = huge.as_ptr();
        let refused = client.try_send(huge).unwrap_err();
        assert_eq!(refused.message.as_ptr(), place);
        let ChannelError::Send(SendError::TooLarge { len, max }) = refused.error else {
            panic!("{refused}");
        };
        assert_eq!((len, max > 0), (300 << 20, true));
        let mut sent = 0;
        let error = loop {
            match client.try_send([7; 5000]) {
                Ok(number) => {
                    sent += 5000;
                    assert_eq!(number, 1 + sent as u64, "the offset behind it");
                }
                Err(refused) => break refused.error,
            }
        };
        assert_eq!(error, ChannelError::WouldBlock);
        client.set_nonblocking(true);
        // The buffer may have grown with the window.
        let error = loop {
            match client.send([7; 5000]) {
                Ok(_) => sent += 5000,
                Err(error) => break error,
            }
        };
        assert_eq!(error, ChannelError::WouldBlock);
        client.close().unwrap();
        let mut all = Vec::new();
        let end = loop {
            match server.recv_vec() {
                Ok(bytes) => all.extend(bytes),
                Err(error) => break error,
            }
        };
        assert_eq!((end, all.len()), (FINISHED, sent));
        assert!(all.iter().all(|byte| *byte == 7));
        client.flush_acked(Some(LONG)).unwrap();
        assert_eq!(client.watermark(), 1 + sent as u64);
        assert!(client.stats().is_none());
    });
}

#[test]
fn receipts_of_a_stream_are_its_own() {
    guarded(|| {
        let ends = narrow();
        let none = SendOptions::default();
        let (client, reader) = channel(&ends, Delivery::Stream);
        let open = stuck(&client);
        assert_eq!(open.try_get(), Ok(None));
        assert!(client.watermark() < open.number());
        // Who wants no more gives all up that was not received.
        drop(reader);
        assert_eq!(open.wait(Some(LONG)), Ok(Outcome::Abandoned(Why::Stopped)));
        assert_eq!(client.flush_acked(Some(LONG)), Err(SendError::Stopped.into()));
        let (other, _reader) = channel(&ends, Delivery::Stream);
        let receipt = other.send_receipt(b"hello", &none).unwrap();
        assert_eq!(receipt.wait(Some(LONG)), Ok(Outcome::Acknowledged));
        let open = stuck(&other);
        ends.1.close(7, b"", Duration::ZERO).unwrap();
        let error = open.wait(Some(LONG)).unwrap_err();
        assert_eq!(io::Error::from(error).kind(), ErrorKind::ConnectionReset);
    });
}
