//! What other threads' calls do to a call that waits.

use super::*;
use crate::driver::Listener;
use parking_lot::Condvar;
use std::sync::mpsc;
use std::thread;

fn pair() -> (Stream, Stream) {
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let client = Stream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Waits until a thread leads or waits on `condvar`, and is woken for nothing and waits again.
fn await_waiter(stream: &Stream, condvar: &Condvar) {
    loop {
        let shared = stream.handle.connection.hub().lock();
        if shared.is_waited_for() || condvar.notify_one() {
            return;
        }
        thread::yield_now();
    }
}

/// Lets a thread wait in `call`, interrupts it, and returns what the call came to.
fn interrupted<T: Send + 'static>(
    of: &Stream,
    condvar: impl Fn(&FlowWaiters) -> &Condvar,
    call: impl FnOnce(&Stream) -> io::Result<T> + Send + 'static,
    interrupt: impl FnOnce(&Stream),
) -> io::Result<T> {
    let stream = of.try_clone().unwrap();
    let (done, result) = mpsc::channel();
    let caller = thread::spawn(move || done.send(call(&stream)).unwrap());
    await_waiter(of, condvar(&of.handle.waiters));
    interrupt(of);
    let result = result.recv_timeout(Duration::from_secs(20)).expect("the call does not return");
    caller.join().unwrap();
    result
}

fn fill(mut stream: &Stream) -> io::Result<()> {
    stream.write_all(&vec![0; 200 << 20])
}

#[test]
fn a_stream_that_was_given_up_never_reads_as_ended() {
    let (mut client, server) = pair();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let this = &*server.handle;
    let hub = this.connection.hub();
    let mut shared = hub.lock();
    shared.connection(this.connection.handle()).unwrap().streams().reset(this.id, 7);
    shared.flush();
    drop(shared);
    for _ in 0..3 {
        let error = client.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}

#[test]
fn a_shutdown_wakes_who_waits() {
    for _ in 0..20 {
        let (client, server) = pair();
        let read = |mut stream: &Stream| stream.read(&mut [0; 8]);
        let shut = |how| move |stream: &Stream| stream.shutdown(how).unwrap();
        let end = interrupted(&client, |w| &w.readable, read, shut(Shutdown::Read));
        assert_eq!(end.unwrap(), 0);
        let end = interrupted(&server, |w| &w.writable, fill, shut(Shutdown::Write));
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        for stream in [client, server] {
            stream.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
}

#[test]
fn to_become_nonblocking_wakes_who_waits() {
    for _ in 0..20 {
        let (client, server) = pair();
        let read = |mut stream: &Stream| stream.read(&mut [0; 8]);
        let turn = |stream: &Stream| stream.set_nonblocking(true).unwrap();
        let end = interrupted(&client, |w| &w.readable, read, turn);
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let end = interrupted(&server, |w| &w.writable, fill, turn);
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}

#[test]
fn a_close_wakes_who_waits() {
    let (client, server) = pair();
    let read = |mut stream: &Stream| stream.read(&mut [0; 8]);
    let close = |stream: &Stream| {
        let outcome = stream.connection().close(3, b"", Duration::from_secs(20)).unwrap();
        assert_eq!(outcome.unsent + outcome.in_doubt, 0);
    };
    let end = interrupted(&client, |w| &w.readable, read, close);
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    assert_eq!((&server).read(&mut [0; 8]).unwrap(), 0, "the close has delivered the end");
}
