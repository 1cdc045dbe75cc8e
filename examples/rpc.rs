//! Remote calls: one connection, a stream for each caller, one request after another on each.
//!
//! Streams of a connection do not wait for each other. The server here holds a table; `get` waits
//! until somebody has set its key. One caller waits so, while another one goes on and sets the key:
//! over a single stream, the second one's request would stand behind the first one's.
//!
//! ```sh
//! cargo run --example rpc
//! ```
//!
//! It prints:
//!
//! ```text
//! set colour blue -> ok
//! get colour -> blue
//! sing -> what?
//! set answer 42 -> ok
//! get answer -> 42 (asked first)
//! ```

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use towline::connection::CloseReason;
use towline::{Connection, Listener, Stream};

/// The longest request and the longest answer, in bytes.
const MAX_LINE: u64 = 1000;

/// How long `get` waits for its key.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the server's threads share.
#[derive(Default)]
struct Table {
    values: Mutex<BTreeMap<String, String>>,
    changed: Condvar,
}

impl Table {
    fn call(&self, request: &str) -> String {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        match *request.split_whitespace().collect::<Vec<_>>() {
            ["set", key, value] => {
                values.insert(key.to_owned(), value.to_owned());
                self.changed.notify_all();
                "ok".to_owned()
            }
            ["get", key] => {
                let is_missing = |values: &mut BTreeMap<_, _>| !values.contains_key(key);
                let (values, _) = self
                    .changed
                    .wait_timeout_while(values, PATIENCE, is_missing)
                    .unwrap_or_else(PoisonError::into_inner);
                values.get(key).map_or("nothing", String::as_str).to_owned()
            }
            _ => "what?".to_owned(),
        }
    }
}

/// The server's side of a connection: a thread for each stream. How many a peer may open is a
/// setting, `Config::streams.max_streams`, so the threads are bounded too.
fn serve(connection: &Connection, table: &Table) -> io::Result<()> {
    thread::scope(|scope| {
        loop {
            match connection.accept() {
                Ok(stream) => scope.spawn(move || answer(&stream, table)),
                Err(error) => {
                    // The client closes when it needs no more: `accept` fails, and this says why.
                    let is_orderly = connection
                        .ended()
                        .is_some_and(|end| matches!(end.reason, CloseReason::Peer(0, _)));
                    return if is_orderly { Ok(()) } else { Err(error) };
                }
            };
        }
    })
}

/// The server's side of a stream: answers until the caller ends it.
fn answer(mut stream: &Stream, table: &Table) -> io::Result<()> {
    let mut requests = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if requests.by_ref().take(MAX_LINE).read_line(&mut request)? == 0 {
            return Ok(());
        }
        stream.write_all(format!("{}\n", table.call(&request)).as_bytes())?;
    }
}

/// A caller's side of a stream: one call, in two halves.
fn request(caller: &mut BufReader<Stream>, request: &str) -> io::Result<()> {
    caller.get_mut().write_all(format!("{request}\n").as_bytes())
}

fn response(caller: &mut BufReader<Stream>) -> io::Result<String> {
    let mut response = String::new();
    caller.take(MAX_LINE).read_line(&mut response)?;
    response.pop().map(|_| response).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Both sides in one process.
pub(crate) fn run() -> io::Result<Vec<String>> {
    let listener = Listener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let server = thread::spawn(move || serve(&listener.accept_connection()?, &Table::default()));

    let connection = Connection::connect(addr)?;
    let mut patient = BufReader::new(connection.open()?);
    let mut busy = BufReader::new(connection.open()?);
    request(&mut patient, "get answer")?;
    let mut lines = Vec::new();
    for call in ["set colour blue", "get colour", "sing", "set answer 42"] {
        request(&mut busy, call)?;
        lines.push(format!("{call} -> {}", response(&mut busy)?));
    }
    lines.push(format!("get answer -> {} (asked first)", response(&mut patient)?));
    // The last handles: the connection closes, and the server sees it.
    drop((patient, busy, connection));
    server.join().map_err(|_| io::Error::other("the server panicked"))??;
    Ok(lines)
}

fn main() -> io::Result<()> {
    for line in run()? {
        println!("{line}");
    }
    Ok(())
}
