//! `towline echo`: sends back whatever arrives.

use crate::args;
use crate::failure::{Exit, Failure, Reason};
use crate::reach;
use crate::report::{self, Json};
use crate::units;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use towline::{Listener, Stream};

/// Connections at the same time. More wait in the listener's backlog until one has ended.
const MAX_CONNECTIONS: usize = 256;
/// So many connections in a row that could not be accepted mean that the listener is dead.
const MAX_ACCEPT_ERRORS: usize = 100;
/// What is read before it is sent back.
const CHUNK: usize = 64 * 1024;

pub(crate) fn run(arguments: &args::Echo) -> Result<(), Failure> {
    let args::Echo { listen, once, timeout, style } = arguments;
    let listener = reach::listen(listen.as_ref())?;
    let local = listener.local_addr().map_err(|e| Failure::local("cannot listen", &e))?;
    if style.json {
        let line = Json::default().text("event", "listening").text("address", &local.to_string());
        report::say(line)?;
    } else {
        report::say(format_args!("listening on {local}, sending back what arrives"))?;
    }
    if *once {
        let (stream, peer) = accept(&listener)?;
        return serve(&stream, peer, *timeout, *style);
    }
    let (ended, inbox) = mpsc::channel();
    let mut connections = 0;
    loop {
        // What has ended makes room; without room, somebody has to end first.
        while next(&inbox, connections == MAX_CONNECTIONS).is_some() {
            connections -= 1;
        }
        let (stream, peer) = accept(&listener)?;
        let (ended, timeout, style) = (ended.clone(), *timeout, *style);
        thread::Builder::new()
            .name("echo".to_owned())
            .spawn(move || {
                // It has said what went wrong, and the others go on.
                let _ = serve(&stream, peer, timeout, style).map_err(|f| complain(&f));
                drop(stream);
                let _ = ended.send(());
            })
            .map_err(|error| Failure::local("cannot start a thread", &error))?;
        connections += 1;
    }
}

fn next(inbox: &mpsc::Receiver<()>, is_waiting: bool) -> Option<()> {
    if is_waiting { inbox.recv().ok() } else { inbox.try_recv().ok() }
}

/// The next connection. One that was gone before it was taken is passed over.
fn accept(listener: &Listener) -> Result<(Stream, SocketAddr), Failure> {
    let mut errors = 0;
    loop {
        match listener.accept() {
            Ok(accepted) => return Ok(accepted),
            Err(error) if errors >= MAX_ACCEPT_ERRORS => {
                return Err(Failure::local("cannot listen any more", &error));
            }
            Err(_) => errors += 1,
        }
    }
}

fn complain(failure: &Failure) {
    if !failure.message.is_empty() {
        report::complain(failure);
    }
}

/// Serves one connection to its end, and says how it went.
fn serve(
    stream: &Stream,
    peer: SocketAddr,
    timeout: Duration,
    style: args::Style,
) -> Result<(), Failure> {
    let mut bytes = 0;
    let ended = echo(stream, timeout, &mut bytes);
    if style.json {
        let mut line = Json::default().text("event", "ended").text("from", &peer.to_string());
        line = line.number("bytes", bytes);
        if let Err(error) = &ended {
            line = line.text("error", &Reason(error).to_string());
        }
        report::say(line)?;
    } else if ended.is_ok() && !style.quiet {
        report::say(format_args!("sent {} back to {peer}", units::size(bytes)))?;
    }
    ended.map_err(|error| {
        let line = format!("the connection to {peer} ended: {}", Reason(&error));
        Failure::new(Exit::Transfer, line)
    })
}

/// Until the other side has sent all.
fn echo(mut stream: &Stream, timeout: Duration, bytes: &mut u64) -> io::Result<()> {
    // A message is answered at once, and not kept until more comes.
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return stream.shutdown(Shutdown::Write),
            Ok(length) => {
                stream.write_all(&chunk[..length])?;
                *bytes += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::Error::other("silent for too long"));
            }
            Err(error) => return Err(error),
        }
    }
}
