//! Channels of the blocking driver over real loopback sockets.
//!
//! No test sleeps, and none asserts that something was in time. A call that never returns fails its test.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod ends;
mod fate;
mod queues;
mod receiving;
mod streams;
mod waiting;

use crate::driver::{guarded, pattern};
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use towline::channel::{
    ChannelError, Outcome, Overflow, Priority, Receipt, RecvError, SendError, TrySendError, Why,
};
use towline::connection::{CloseReason, Config};
use towline::{
    Channel, ChannelConfig, Connection, Delivery, Listener, SendOptions, Stream, endpoint,
};

/// When a call counts as hanging.
const LONG: Duration = Duration::from_secs(30);
/// A wait that is expected to be in vain.
const BRIEF: Duration = Duration::from_millis(5);

const FINISHED: ChannelError = ChannelError::Recv(RecvError::Finished);
const NOW: SendOptions = SendOptions {
    deadline: Some(Duration::ZERO),
    max_retransmits: None,
    key: None,
    wants_receipt: false,
};

/// The two ends of a new connection: the client's and the server's.
fn pair() -> (Connection, Connection) {
    pair_with(&Config::default())
}

fn pair_with(config: &Config) -> (Connection, Connection) {
    let mut settings = endpoint::Config::default();
    settings.connection = config.clone();
    let listener = Listener::bind_with("127.0.0.1:0", &settings).unwrap();
    let client = Connection::connect_with(listener.local_addr().unwrap(), config).unwrap();
    (client, listener.accept_connection().unwrap())
}

/// Windows as small as messages of 4000 bytes allow.
fn narrow() -> (Connection, Connection) {
    let mut config = Config::default();
    config.streams.max_message = 4000;
    config.streams.recv_window = 8064;
    config.streams.conn_recv_window = 1;
    config.streams.max_recv_window = 1;
    pair_with(&config)
}

fn patient(channel: Channel) -> Channel {
    channel.set_send_timeout(Some(LONG)).unwrap();
    channel.set_recv_timeout(Some(LONG)).unwrap();
    channel
}

/// Opens a channel, and accepts it at the other end.
fn channel(
    ends: &(Connection, Connection),
    config: impl Into<ChannelConfig>,
) -> (Channel, Channel) {
    let config = config.into();
    let client = patient(ends.0.open_channel(config).unwrap());
    if config.delivery == Delivery::Stream {
        // Without data the peer does not learn of it.
        client.send([0]).unwrap();
    }
    let server = patient(ends.1.accept_channel().unwrap());
    if config.delivery == Delivery::Stream {
        assert_eq!(server.recv_vec().unwrap(), [0]);
    }
    assert_eq!((server.delivery(), server.number()), (config.delivery, client.number()));
    (client, server)
}

/// Sends 1000 bytes at a time, without waiting, until that is refused; returns how often it was not.
fn fill(channel: &Channel) -> (u64, ChannelError) {
    let mut sent = 0;
    loop {
        match channel.try_send([sent as u8; 1000]) {
            Ok(_) => sent += 1,
            Err(refused) => return (sent, refused.error),
        }
    }
}

/// Sends more than the windows of `narrow` hold; returns the receipt of the last of it, which nobody
/// acknowledges as long as nobody reads.
fn stuck(channel: &Channel) -> Receipt {
    let send = || channel.send_receipt([1; 1000], &SendOptions::default()).unwrap();
    (0..30).for_each(|_| drop(send()));
    send()
}

fn with(delivery: Delivery, overflow: Overflow) -> ChannelConfig {
    ChannelConfig { overflow, queue_bytes: 10_000, ..ChannelConfig::new(delivery) }
}

/// Receives exactly `len` bytes, in as many calls as it takes.
fn exactly(channel: &Channel, len: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < len {
        all.extend(channel.recv_vec().unwrap());
    }
    all
}

// ---- five deliveries, one program ----

/// A client that asks and a server that answers. Neither knows what is guaranteed.
fn converse(delivery: Delivery) {
    let (client, server) = pair();
    let serve = thread::spawn(move || {
        let channel = patient(server.accept_channel().unwrap());
        let mut buf = [0; 64];
        loop {
            match channel.recv(&mut buf) {
                Ok(question) => channel.send(&buf[..question.len]).unwrap(),
                Err(FINISHED) => break,
                Err(error) => panic!("{error}"),
            };
        }
        channel.close().unwrap();
        channel
    });
    let channel = patient(client.open_channel(delivery).unwrap());
    for n in 0..100_u64 {
        channel.send(n.to_le_bytes()).unwrap();
        assert_eq!(channel.recv_vec().unwrap(), n.to_le_bytes());
    }
    channel.flush_acked(Some(LONG)).unwrap();
    channel.close().unwrap();
    assert_eq!(channel.recv_vec(), Err(FINISHED));
    assert_eq!(channel.send([1]), Err(SendError::Finished.into()));
    assert_eq!(serve.join().unwrap().delivery(), delivery);
}

#[test]
fn one_program_runs_under_every_delivery() {
    guarded(|| Delivery::ALL.into_iter().for_each(converse));
}

#[test]
fn large_messages_arrive_whole() {
    guarded(|| {
        let ends = pair();
        for delivery in [Delivery::Stream, Delivery::Ordered, Delivery::Unordered, Delivery::Latest]
        {
            let (client, server) = channel(&ends, delivery);
            let message = pattern(7, 1 << 20);
            let sent = message.clone();
            let send = thread::spawn(move || client.send(sent).unwrap());
            assert!(exactly(&server, 1 << 20) == message, "{delivery}");
            send.join().unwrap();
        }
    });
}

#[test]
fn what_is_too_large_is_told_and_given_back() {
    guarded(|| {
        let ends = pair();
        let len = (1 << 20) + 1;
        for delivery in Delivery::ALL.into_iter().filter(|delivery| delivery.mode().is_some()) {
            let (client, _server) = channel(&ends, delivery);
            let error = SendError::TooLarge { len, max: 1 << 20 }.into();
            assert_eq!(client.send(vec![1; len]), Err(error));
        }
        let error = ends.0.urgent().send(vec![0; 65_505]).unwrap_err();
        assert_eq!(error, SendError::TooLarge { len: 65_505, max: 65_504 }.into());
        assert_eq!(io::Error::from(error).kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn what_a_delivery_does_not_have_is_refused() {
    guarded(|| {
        let ends = pair();
        let none = SendOptions::default();
        let key = SendOptions { key: Some(1), ..none };
        let once = SendOptions { max_retransmits: Some(0), ..none };
        for (delivery, options) in [
            (Delivery::Stream, &key),
            (Delivery::Stream, &once),
            (Delivery::Stream, &NOW),
            (Delivery::Ordered, &key),
            (Delivery::Unordered, &key),
            (Delivery::Latest, &once),
            (Delivery::Unreliable, &once),
        ] {
            let (client, _server) = channel(&ends, delivery);
            let result = client.send_with(b"x", options);
            assert_eq!(result, Err(SendError::Unsupported.into()), "{delivery}");
            let refused = client.try_send_with(vec![1], options).unwrap_err();
            assert_eq!((refused.message, refused.error), (vec![1], result.unwrap_err()));
        }
    });
}

// ---- many at once ----

#[test]
fn channels_come_in_the_order_in_which_they_became_known() {
    guarded(|| {
        let (client, server) = pair();
        let mut opened = Vec::new();
        for delivery in Delivery::ALL.into_iter().cycle().take(20) {
            let channel = client.open_channel(delivery).unwrap();
            let receipt = channel.send_receipt(b"x", &SendOptions::default()).unwrap();
            receipt.wait(Some(LONG)).unwrap();
            opened.push((delivery, channel.number(), channel));
        }
        for (delivery, number, _) in &opened {
            let accepted = server.accept_channel().unwrap();
            assert_eq!((accepted.delivery(), accepted.number()), (*delivery, *number));
            let mut byte = [0];
            match accepted.stream() {
                Some(mut stream) => stream.read_exact(&mut byte).unwrap(),
                None => assert_eq!(accepted.recv(&mut byte).unwrap().number, 0),
            }
            assert_eq!(byte, *b"x");
        }
    });
}

#[test]
fn accept_gives_streams_alone() {
    guarded(|| {
        let (client, server) = pair();
        let _messages = client.open_channel(Delivery::Ordered).unwrap();
        let bytes = client.open_channel(Delivery::Stream).unwrap();
        bytes.send(b"by channel").unwrap();
        let mut stream: Stream = server.accept().unwrap();
        let mut buf = [0; 10];
        stream.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"by channel");
        let mut stream = client.open().unwrap();
        stream.write_all(b"by stream").unwrap();
        let mut accepted = [server.accept_channel().unwrap(), server.accept_channel().unwrap()];
        accepted.sort_by_key(|channel| channel.delivery() == Delivery::Stream);
        assert_eq!(accepted[0].delivery(), Delivery::Ordered);
        assert_eq!(exactly(&accepted[1], 9), b"by stream");
    });
}

#[test]
fn many_channels_from_both_sides_at_once() {
    guarded(|| {
        const EACH: usize = 12;
        let (client, server) = pair();
        let sides = [client, server].map(|connection| {
            let opener = connection.clone();
            let open = thread::spawn(move || {
                let deliveries = Delivery::ALL.into_iter().cycle().take(5 * EACH);
                let opened: Vec<_> = deliveries
                    .map(|delivery| {
                        let channel = patient(opener.open_channel(delivery).unwrap());
                        channel.send(channel.number().to_le_bytes()).unwrap();
                        channel
                    })
                    .collect();
                for channel in &opened {
                    assert_eq!(exactly(channel, 8), (channel.number() + 1).to_le_bytes());
                }
                opened
            });
            let accept = thread::spawn(move || {
                let mut seen = BTreeSet::new();
                let accepted: Vec<_> = (0..5 * EACH)
                    .map(|_| {
                        let channel = patient(connection.accept_channel().unwrap());
                        let question = exactly(&channel, 8);
                        assert_eq!(question, channel.number().to_le_bytes());
                        channel.send((channel.number() + 1).to_le_bytes()).unwrap();
                        let is_stream = channel.delivery() == Delivery::Stream;
                        assert!(seen.insert((is_stream, channel.number())));
                        channel
                    })
                    .collect();
                connection.flush_acked(Some(LONG)).unwrap();
                accepted
            });
            (open, accept)
        });
        // None goes before all are done.
        let channels = sides.map(|(open, accept)| (open.join().unwrap(), accept.join().unwrap()));
        assert!(channels.iter().all(|(opened, accepted)| opened.len() == accepted.len()));
    });
}

#[test]
fn clones_send_and_receive_at_once() {
    guarded(|| {
        const THREADS: u64 = 4;
        const EACH: u64 = 500;
        for delivery in [Delivery::Ordered, Delivery::Unordered] {
            let ends = pair();
            let (client, server) = channel(&ends, delivery);
            let start = Arc::new(Barrier::new(2 * THREADS as usize));
            let senders: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let (channel, start) = (client.clone(), start.clone());
                    thread::spawn(move || {
                        start.wait();
                        let send =
                            |n: u64| channel.send((thread * EACH + n).to_le_bytes()).unwrap();
                        (0..EACH).map(send).collect::<Vec<_>>()
                    })
                })
                .collect();
            let receivers: Vec<_> = (0..THREADS)
                .map(|_| {
                    let (channel, start) = (server.clone(), start.clone());
                    thread::spawn(move || {
                        start.wait();
                        let mut received = Vec::new();
                        loop {
                            match channel.recv_vec() {
                                Ok(m) => received.push(u64::from_le_bytes(m.try_into().unwrap())),
                                Err(FINISHED) => return received,
                                Err(error) => panic!("{error}"),
                            }
                        }
                    })
                })
                .collect();
            let numbers: BTreeSet<_> =
                senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
            assert_eq!(numbers, (0..THREADS * EACH).collect());
            client.close().unwrap();
            let mut all: Vec<_> =
                receivers.into_iter().flat_map(|receiver| receiver.join().unwrap()).collect();
            all.sort_unstable();
            assert_eq!(all, (0..THREADS * EACH).collect::<Vec<_>>(), "{delivery}");
        }
    });
}
