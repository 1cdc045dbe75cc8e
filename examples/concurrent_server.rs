//! Concurrent server: a thread for each connection, and never more than a few at once.
//!
//! Eight clients come at once, and each stays until three others have been greeted too: a server
//! that takes one after the other would never get that far. At most four are served at a time; the
//! others wait in the listener's backlog, and cost no thread.
//!
//! ```sh
//! cargo run --example concurrent_server
//! ```
//!
//! It prints:
//!
//! ```text
//! 8 clients were served, at most 4 at a time
//! ```

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use towline::{Listener, Stream};

/// Connections that are served at a time, each by a thread of its own.
const MAX_THREADS: usize = 4;
/// Clients of this example.
const CLIENTS: usize = 8;

/// The right to serve a connection; its drop gives it back, even if the thread panics.
struct Permit(mpsc::Sender<()>);

impl Drop for Permit {
    fn drop(&mut self) {
        // Nobody is left to take it once the server has ended.
        let _ = self.0.send(());
    }
}

/// How many connections are served now, and how many it were at most.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// The server: takes clients for as long as the program runs.
fn serve(listener: &Listener, gauge: &Arc<Gauge>) -> io::Result<()> {
    let (give, permits) = mpsc::channel();
    for _ in 0..MAX_THREADS {
        drop(Permit(give.clone()));
    }
    // It waits until somebody gives a permit back, and never ends: `give` is here.
    while permits.recv().is_ok() {
        let permit = Permit(give.clone());
        let (stream, peer) = listener.accept()?;
        let gauge = gauge.clone();
        thread::spawn(move || {
            let _permit = permit;
            gauge.most.fetch_max(gauge.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let result = echo(&stream);
            gauge.now.fetch_sub(1, Ordering::SeqCst);
            if let Err(error) = result {
                eprintln!("{peer} failed: {error}");
            }
        });
    }
    Ok(())
}

/// One connection: what comes goes back, until the client ends.
fn echo(mut stream: &Stream) -> io::Result<()> {
    io::copy(&mut stream.try_clone()?, &mut stream)?;
    stream.shutdown(Shutdown::Write)
}

/// One client: is greeted, waits for three others, and goes.
fn visit(addr: SocketAddr, together: &Barrier) -> io::Result<()> {
    let mut stream = Stream::connect(addr)?;
    stream.write_all(b"hello")?;
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting)?;
    together.wait();
    stream.shutdown(Shutdown::Write)?;
    // The server's end: nothing follows.
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// Server and clients in one process.
pub(crate) fn run() -> io::Result<Vec<String>> {
    let listener = Listener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let gauge = Arc::new(Gauge::default());
    let seen = gauge.clone();
    thread::spawn(move || serve(&listener, &seen));

    let together = Arc::new(Barrier::new(MAX_THREADS));
    let visits: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let together = together.clone();
            thread::spawn(move || visit(addr, &together))
        })
        .collect();
    for visit in visits {
        visit.join().map_err(|_| io::Error::other("a client panicked"))??;
    }
    let most = gauge.most.load(Ordering::SeqCst);
    Ok(vec![format!("{CLIENTS} clients were served, at most {most} at a time")])
}

fn main() -> io::Result<()> {
    for line in run()? {
        println!("{line}");
    }
    Ok(())
}
