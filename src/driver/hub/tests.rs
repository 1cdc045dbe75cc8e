//! What becomes of a hub when its handles are gone, and when somebody panics.

use super::*;
use crate::driver::{Connection, Listener, Stream};
use crate::wire::StreamId;
use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::mpsc;
use std::thread;

/// Waits until the hub, and with it its thread, is gone.
fn await_end(hub: &Weak<Hub>) {
    while hub.strong_count() > 0 {
        thread::yield_now();
    }
}

/// Fails if `test` does not return.
fn guarded(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let body = thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    match is_done.recv_timeout(Duration::from_mins(1)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end"),
        _ => body.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

fn hub_of(connection: &Connection) -> Weak<Hub> {
    Arc::downgrade(&connection.hub().0)
}

fn pair() -> (Connection, Connection) {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let client = Connection::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept_connection().unwrap())
}

#[test]
fn threads_end_with_their_handles() {
    guarded(|| {
        let (client, server) = pair();
        let hubs = [hub_of(&client), hub_of(&server)];
        let mut stream = client.stream();
        stream.write_all(b"goodbye").unwrap();
        drop(client);
        assert!(hubs[0].strong_count() > 0, "a stream is a handle");
        drop(stream);
        let mut all = Vec::new();
        server.stream().read_to_end(&mut all).unwrap();
        assert_eq!(all, b"goodbye");
        drop(server);
        hubs.iter().for_each(await_end);
    });
}

#[test]
fn threads_end_without_connections_too() {
    guarded(|| {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let hub = {
            let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let hub = HubRef::open(socket, Config::default(), Keeper::start).unwrap();
            let second = hub.clone();
            drop(hub);
            assert!(second.lock().check().is_ok());
            Arc::downgrade(&second.0)
        };
        await_end(&hub);
        let timeout = Duration::from_millis(50);
        Stream::connect_timeout(&silent.local_addr().unwrap(), timeout).unwrap_err();
    });
}

/// Panics while holding the lock, as a defect below would.
fn poison(hub: &Hub) {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _shared = hub.lock();
        panic!("on purpose");
    }));
    assert!(result.is_err());
}

#[test]
fn a_panic_hangs_nobody() {
    guarded(|| {
        let (client, server) = pair();
        let hub = hub_of(&client);
        let reader = client.stream();
        let (ready, is_ready) = mpsc::channel();
        let read = thread::spawn(move || {
            ready.send(()).unwrap();
            (&reader).read(&mut [0; 8]).unwrap_err().kind()
        });
        is_ready.recv().unwrap();
        poison(client.hub());
        assert_eq!(read.join().unwrap(), ErrorKind::Other);
        assert_eq!(client.stream().write(b"x").unwrap_err().kind(), ErrorKind::Other);
        assert_eq!(client.open().unwrap_err().kind(), ErrorKind::Other);
        assert_eq!(client.close(0, b"", Duration::MAX).unwrap_err().kind(), ErrorKind::Other);
        drop(client);
        await_end(&hub);
        drop(server);
    });
}

#[test]
fn a_handle_dropped_by_a_panic_does_no_harm() {
    guarded(|| {
        let (client, server) = pair();
        let second = client.open().unwrap();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _moved = second;
            panic!("on purpose");
        }));
        assert!(result.is_err());
        client.stream().write_all(b"still here").unwrap();
        let mut buf = [0; 10];
        server.stream().read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"still here");
    });
}

#[test]
fn an_address_is_free_when_its_hub_is_gone() {
    guarded(|| {
        let addr = Listener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for pause in 0..5000_u32 {
            drop(Listener::bind(addr).unwrap());
            // Until the keeper is about to let it go.
            (0..pause % 4000).for_each(|_| std::hint::spin_loop());
        }
    });
}

/// Both ends of a connection on which nobody says anything unasked.
fn silent_pair() -> (Connection, Connection) {
    let mut config = Config::default();
    config.connection.keepalive = None;
    let listener = Listener::bind_with("127.0.0.1:0", &config).unwrap();
    let addr = listener.local_addr().unwrap();
    let client = Connection::connect_with(addr, &config.connection).unwrap();
    (client, listener.accept_connection().unwrap())
}

#[test]
fn who_waits_at_a_dead_hub_learns_it_from_the_keeper() {
    guarded(|| {
        let (client, server) = silent_pair();
        let hub = client.hub().clone();
        let reader = client.stream();
        let read = thread::spawn(move || (&reader).read(&mut [0; 8]).unwrap_err().kind());
        while !hub.lock().is_waited_for() {
            thread::yield_now();
        }
        let mut shared = hub.lock();
        // Nobody was told.
        shared.is_dead = true;
        shared.cover();
        drop(shared);
        assert_eq!(read.join().unwrap(), ErrorKind::Other);
        server.set_linger(Some(Duration::ZERO));
    });
}

#[test]
fn a_dead_hub_sends_nothing() {
    guarded(|| {
        let (client, server) = silent_pair();
        let mut shared = server.hub().lock();
        let connection = shared.connection(server.handle()).unwrap();
        connection.streams().write(StreamId::ZERO, b"half done").unwrap();
        let before = connection.stats().recovery.packets_sent;
        shared.is_dead = true;
        shared.flush();
        let connection = shared.endpoint.connection(server.handle()).unwrap();
        assert_eq!(connection.stats().recovery.packets_sent, before);
        drop(shared);
        client.set_linger(Some(Duration::ZERO));
    });
}
