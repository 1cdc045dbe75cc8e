//! What is done when more is sent than goes; and what passes all that.

use super::*;

#[test]
fn a_queue_that_is_full_waits_for_its_reader() {
    guarded(|| {
        let ends = narrow();
        let (client, server) = channel(&ends, with(Delivery::Ordered, Overflow::Block));
        let (filled, error) = fill(&client);
        assert_eq!(error, ChannelError::WouldBlock);
        let send = thread::spawn(move || {
            for n in filled..filled + 100 {
                assert_eq!(client.send([n as u8; 1000]), Ok(n));
            }
        });
        for n in 0..filled + 100 {
            assert_eq!(server.recv_vec().unwrap(), [n as u8; 1000]);
        }
        send.join().unwrap();
    });
}

#[test]
fn each_policy_drops_what_it_says() {
    guarded(|| {
        let ends = narrow();
        for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
            let (client, server) = channel(&ends, with(Delivery::Ordered, overflow));
            for n in 0..200_u8 {
                assert_eq!(client.try_send([n; 1000]).unwrap(), u64::from(n));
            }
            let dropped = client.stats().unwrap().abandoned.overflow;
            assert!(dropped > 100, "{overflow:?}: {dropped}");
            client.close().unwrap();
            let (mut numbers, mut missing, mut buf) = (Vec::new(), 0, [0; 1000]);
            loop {
                match server.recv(&mut buf) {
                    Ok(message) => {
                        assert_eq!(buf, [message.number as u8; 1000]);
                        numbers.push(message.number);
                    }
                    Err(ChannelError::Recv(RecvError::Gap { count })) => missing += count,
                    Err(FINISHED) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(numbers.is_sorted());
            assert_eq!((numbers.len() as u64 + missing, missing), (200, dropped), "{overflow:?}");
            let is_newest_kept = numbers.last() == Some(&199);
            assert_eq!(is_newest_kept, overflow == Overflow::DropOldest);
        }
    });
}

#[test]
fn the_accepting_side_has_terms_of_its_own() {
    guarded(|| {
        let ends = narrow();
        let (_client, server) = channel(&ends, with(Delivery::Ordered, Overflow::Reject));
        let (default, error) = fill(&server);
        assert_eq!(error, ChannelError::WouldBlock);
        let (_client, server) = channel(&ends, Delivery::Ordered);
        server.configure(with(Delivery::Unreliable, Overflow::Reject)).unwrap();
        server.set_priority(Priority { level: 1, weight: 1 }).unwrap();
        assert_eq!(server.delivery(), Delivery::Ordered);
        let (own, error) = fill(&server);
        assert_eq!(error, SendError::Full.into());
        assert!(own < default / 4, "{own} of {default}");
    });
}

#[test]
fn who_does_not_read_costs_the_unreliable_nothing() {
    guarded(|| {
        let ends = narrow();
        for delivery in [Delivery::Latest, Delivery::Unreliable] {
            let (client, server) = channel(&ends, delivery);
            for n in 0..10_000_u32 {
                client.try_send(n.to_le_bytes()).unwrap();
            }
            client.flush_acked(Some(LONG)).unwrap();
            client.close().unwrap();
            let mut last = None;
            loop {
                match server.recv_vec() {
                    Ok(message) => last = Some(message),
                    Err(ChannelError::Recv(RecvError::Gap { .. })) => {}
                    Err(FINISHED) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(last.is_some());
            if delivery == Delivery::Latest {
                assert_eq!(last.unwrap(), 9_999_u32.to_le_bytes());
            }
        }
    });
}

#[test]
fn urgent_passes_what_is_stuck() {
    guarded(|| {
        let ends = narrow();
        let (client, server) = channel(&ends, with(Delivery::Ordered, Overflow::Block));
        fill(&client);
        for (from, to) in [(&ends.0, &ends.1), (&ends.1, &ends.0)] {
            for n in 0..3 {
                // Handles come and go; the channel stays.
                assert_eq!(from.urgent().send([n]), Ok(u64::from(n)));
                assert_eq!(patient(to.urgent()).recv_vec().unwrap(), [n]);
            }
        }
        assert_eq!(ends.0.urgent().delivery(), Delivery::Unordered);
        ends.0.urgent().flush_acked(Some(LONG)).unwrap();
        assert_eq!(server.recv_vec().unwrap(), [0; 1000]);
    });
}
