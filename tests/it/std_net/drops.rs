//! What the drop of a handle does, and what the peer sees of it.

use crate::driver::{guarded, pair, patient, pattern};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use towline::connection::CloseReason;
use towline::{Listener, Stream};

/// The way between a client and a server, until it is cut.
struct Way {
    addr: SocketAddr,
    is_cut: Arc<AtomicBool>,
}

impl Way {
    fn to(server: SocketAddr) -> Self {
        let here = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let addr = here[0].local_addr().unwrap();
        let is_cut = Arc::new(AtomicBool::new(false));
        let [front, back] = here.map(Arc::new);
        back.connect(server).unwrap();
        let (up, down) = ((front.clone(), back.clone()), (back, front));
        let (cut_up, cut_down) = (is_cut.clone(), is_cut.clone());
        thread::spawn(move || {
            let (from, to) = up;
            let mut buf = [0; 2048];
            while let Ok((len, client)) = from.recv_from(&mut buf) {
                if !cut_up.load(Ordering::Relaxed) {
                    // What comes back goes to who spoke last.
                    from.connect(client).unwrap();
                    let _ = to.send(&buf[..len]);
                }
            }
        });
        thread::spawn(move || {
            let (from, to) = down;
            let mut buf = [0; 2048];
            while let Ok(len) = from.recv(&mut buf) {
                if !cut_down.load(Ordering::Relaxed) {
                    let _ = to.send(&buf[..len]);
                }
            }
        });
        Self { addr, is_cut }
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }
}

/// The two ends of a connection that can be cut; both notice after 600 ms.
fn pair_on_a_way() -> (Stream, Stream, Way) {
    let mut server = towline::endpoint::Config::default();
    server.connection.keepalive = Some(Duration::from_millis(300));
    server.connection.user_timeout = Duration::from_millis(300);
    let client = server.connection.clone();
    let listener = Listener::bind_with("127.0.0.1:0", &server).unwrap();
    let way = Way::to(listener.local_addr().unwrap());
    let client = Stream::connect_with(way.addr, &client).unwrap();
    (client, listener.accept().unwrap().0, way)
}

#[test]
fn a_drop_waits_until_all_is_acknowledged() {
    guarded(|| {
        for linger in [None, Some(Duration::from_mins(1))] {
            let (mut client, mut server) = pair();
            client.set_linger(linger).unwrap();
            let data = pattern(1, 1 << 20);
            client.write_all(&data).unwrap();
            drop(client);
            // So all of it is there already, and the end too.
            server.set_nonblocking(true).unwrap();
            let mut all = Vec::new();
            server.read_to_end(&mut all).unwrap();
            assert!(all == data);
        }
    });
}

#[test]
fn a_drop_waits_no_longer_than_linger() {
    guarded(|| {
        for linger in [None, Some(Duration::from_millis(20)), Some(Duration::ZERO)] {
            let listener = Listener::bind("127.0.0.1:0").unwrap();
            let way = Way::to(listener.local_addr().unwrap());
            let mut client = Stream::connect(way.addr).unwrap();
            let mut server = listener.accept().unwrap().0;
            client.set_linger(linger).unwrap();
            way.cut();
            client.write_all(b"lost").unwrap();
            // Its acknowledgement never comes: a drop that waits for it returns in 90 s, not sooner.
            drop(client);
            server.set_nonblocking(true).unwrap();
            assert_eq!(server.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
            server.set_linger(Some(Duration::ZERO)).unwrap();
        }
    });
}

#[test]
fn a_drop_that_gives_up_cuts_off_what_is_unread_by_then() {
    guarded(|| {
        let (mut client, mut server) = pair();
        client.write_all(b"first words").unwrap();
        let mut buf = [0; 11];
        while server.peek(&mut buf).unwrap() < 11 {}
        client.set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        while server.write(&[0]).is_ok() {}
        server.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"first words", "what had arrived is read");
        for _ in 0..2 {
            let error = server.read(&mut buf).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        assert_eq!(server.write(&[0]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn the_drop_of_a_nonblocking_stream_delivers_from_the_background() {
    guarded(|| {
        let (client, server) = pair();
        client.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
        let data = vec![7; 1 << 20];
        let mut written = 0;
        while let Ok(n) = (&client).write(&data) {
            written += n;
        }
        // The peer's window is full: only a reader lets it go on, and there is none yet.
        client.set_nonblocking(true).unwrap();
        drop(client);
        let mut all = Vec::new();
        (&server).read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), written);
    });
}

#[test]
fn the_drop_of_one_of_several_streams_ends_that_one() {
    guarded(|| {
        let (client, server) = pair();
        let (client, server) = (client.connection(), server.connection());
        let stream = client.open().unwrap();
        (&stream).write_all(b"all of it").unwrap();
        drop(stream);
        let theirs = patient(server.accept().unwrap());
        let mut all = Vec::new();
        (&theirs).read_to_end(&mut all).unwrap();
        assert_eq!(all, b"all of it");
        let error = loop {
            if let Err(error) = (&theirs).write(&[0; 1000]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "nobody can read it");
        // The others go on.
        let mut first = patient(server.stream());
        client.stream().write_all(b"x").unwrap();
        assert_eq!(first.read(&mut [0]).unwrap(), 1);
        drop(theirs);
        assert!(client.ended().is_none() && server.ended().is_none());
    });
}

#[test]
fn the_first_stream_lives_as_long_as_its_connection() {
    guarded(|| {
        let (client, server) = pair();
        let connection = client.connection();
        drop(client);
        for piece in [b"one ", b"two "] {
            connection.stream().write_all(piece).unwrap();
        }
        let mut server = patient(server);
        let mut some = [0; 8];
        server.read_exact(&mut some).unwrap();
        assert_eq!(&some, b"one two ");
        server.write_all(b"back").unwrap();
        let mut back = [0; 4];
        patient(connection.stream()).read_exact(&mut back).unwrap();
        assert_eq!(&back, b"back");
        drop(connection);
        assert_eq!(server.read(&mut some).unwrap(), 0);
    });
}

#[test]
fn a_drop_with_unread_data_is_an_end_in_good_order() {
    guarded(|| {
        let (client, mut server) = pair();
        server.write_all(b"not read").unwrap();
        while client.peek(&mut [0; 8]).unwrap() < 8 {}
        (&client).write_all(b"answer").unwrap();
        drop(client);
        let mut all = Vec::new();
        server.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"answer");
        while server.write(&[0]).is_ok() {}
        assert!(server.take_error().unwrap().is_none());
    });
}

#[test]
fn who_is_gone_is_noticed_by_every_call() {
    guarded(|| {
        let (client, server, way) = pair_on_a_way();
        (&server).write_all(b"last words").unwrap();
        while client.peek(&mut [0; 10]).unwrap() < 10 {}
        let blocked = client.try_clone().unwrap();
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            (&blocked).read_to_end(&mut all).map_err(|error| (error.kind(), all))
        });
        way.cut();
        let last_words = b"last words".to_vec();
        assert_eq!(reader.join().unwrap(), Err((ErrorKind::TimedOut, last_words)));
        for mut stream in [&client, &server] {
            let error = loop {
                if let Err(error) = stream.write(&[0; 1000]) {
                    break error;
                }
            };
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
            assert_eq!(stream.connection().ended().unwrap().reason, CloseReason::TimedOut);
            let connection = stream.connection();
            assert_eq!(connection.open().unwrap_err().kind(), ErrorKind::TimedOut);
            assert_eq!(connection.accept().unwrap_err().kind(), ErrorKind::TimedOut);
            let error = stream.take_error().unwrap().unwrap();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(stream.take_error().unwrap().is_none());
        }
    });
}
