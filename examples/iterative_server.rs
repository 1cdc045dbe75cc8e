//! Iterative server: one client after the other, in one thread.
//!
//! Right where an answer takes little time and clients do not stay. Three clients connect and ask at
//! once; whoever is not served yet waits in line, and reads its answer when its turn has come.
//!
//! ```sh
//! cargo run --example iterative_server
//! ```
//!
//! It prints:
//!
//! ```text
//! the third client reads: BREAD PLEASE
//! the second client reads: TEA PLEASE
//! the first client reads: COFFEE PLEASE
//! ```

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use towline::{Listener, Stream};

/// Whoever asks nothing for so long has lost its turn: the others wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a client may make the server hold, in bytes: a longer request is no request.
const MAX_REQUEST: u64 = 64 * 1024;

/// The server: takes clients for as long as the program runs.
fn serve(listener: &Listener) -> io::Result<()> {
    for stream in listener.incoming() {
        // A client that fails ends nothing but its own turn.
        if let Err(error) = answer(&stream?) {
            eprintln!("a client failed: {error}");
        }
    }
    Ok(())
}

/// One client's turn: reads the request until its end, and writes the answer.
fn answer(mut stream: &Stream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = String::new();
    stream.take(MAX_REQUEST + 1).read_to_string(&mut request)?;
    if request.len() as u64 > MAX_REQUEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the request is too long"));
    }
    stream.write_all(request.to_uppercase().as_bytes())?;
    // The drop would wait until the client's side has everything; so it happens in the background.
    stream.set_nonblocking(true)
}

/// A client asks, and says by the end of its direction that the request is whole.
fn ask(mut stream: &Stream, request: &str) -> io::Result<()> {
    stream.write_all(request.as_bytes())?;
    stream.shutdown(Shutdown::Write)
}

/// Server and clients in one process.
pub(crate) fn run() -> io::Result<Vec<String>> {
    let listener = Listener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    thread::spawn(move || serve(&listener));

    let mut clients = Vec::new();
    for (name, order) in [("first", "coffee"), ("second", "tea"), ("third", "bread")] {
        let stream = Stream::connect(addr)?;
        ask(&stream, &format!("{order} please"))?;
        clients.push((name, stream));
    }
    let mut lines = Vec::new();
    // Nobody has to read in the order in which they are served.
    for (name, mut stream) in clients.into_iter().rev() {
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        lines.push(format!("the {name} client reads: {answer}"));
    }
    Ok(lines)
}

fn main() -> io::Result<()> {
    for line in run()? {
        println!("{line}");
    }
    Ok(())
}
