//! What other threads' calls do to a call that waits.

use super::*;
use crate::driver::Listener;
use std::sync::mpsc;
use std::thread;

fn pair(config: ChannelConfig) -> (Channel, Channel) {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let client = Connection::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept_connection().unwrap();
    let channel = client.open_channel(config).unwrap();
    channel.send(b"here").unwrap();
    (channel, server.accept_channel().unwrap())
}

/// Waits until a thread leads or waits to send on this channel, and is woken for nothing and waits
/// again.
fn await_sender(channel: &Channel) {
    let (waiters, connection) = match &channel.kind {
        Kind::Messages(messages) => (messages.waiters(), &messages.connection),
        Kind::Bytes(bytes) => (bytes.waiters(), bytes.connection()),
    };
    loop {
        let shared = connection.hub().lock();
        if shared.is_waited_for() || waiters.writable.notify_one() {
            return;
        }
        thread::yield_now();
    }
}

/// Lets a thread wait for room, interrupts it, and returns what its call came to.
fn interrupted(delivery: Delivery, interrupt: impl FnOnce(&Channel)) -> ChannelError {
    let config = ChannelConfig { queue_bytes: 1000, ..ChannelConfig::new(delivery) };
    let (channel, _reader) = pair(config);
    let (done, result) = mpsc::channel();
    let other = channel.clone();
    let sender = thread::spawn(move || {
        let error = loop {
            if let Err(error) = other.send([0; 5000]) {
                break error;
            }
        };
        done.send(error).unwrap();
    });
    // Nobody reads: sooner or later it waits for good.
    while let Ok(()) = channel.try_send([0; 5000]).map(drop) {}
    await_sender(&channel);
    interrupt(&channel);
    let error = result.recv_timeout(Duration::from_secs(20)).expect("the call does not return");
    sender.join().unwrap();
    channel.connection().set_linger(Some(Duration::ZERO));
    error
}

#[test]
fn what_others_do_wakes_who_sends() {
    for delivery in [Delivery::Stream, Delivery::Ordered] {
        for _ in 0..5 {
            let closed = interrupted(delivery, |channel| channel.close().unwrap());
            assert_eq!(closed, SendError::Finished.into(), "{delivery}");
            let nonblocking = interrupted(delivery, |channel| channel.set_nonblocking(true));
            assert_eq!(nonblocking, ChannelError::WouldBlock, "{delivery}");
        }
    }
}
