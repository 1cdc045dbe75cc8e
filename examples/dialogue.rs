//! Half-duplex and full-duplex dialogue over one stream.
//!
//! Half-duplex: both take turns, one line each. Full-duplex: both talk all the time; each needs
//! somebody who reads while it writes, here a thread. Two sides that first write all and then read
//! work as long as the buffers between them hold it; beyond that they wait for each other for ever.
//!
//! ```sh
//! cargo run --example dialogue
//! ```
//!
//! It prints:
//!
//! ```text
//! half-duplex: the left side hears 2 4 6, the right side hears 1 3 5
//! full-duplex: 8388608 bytes left and 8388608 bytes came
//! ```

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::thread;

use towline::{Listener, Stream};

/// What a side listens to in the half-duplex part at most, in bytes.
const MAX_TALK: u64 = 10_000;
/// What each side says in the full-duplex part, in bytes.
const SPEECH: usize = 8 << 20;

/// One side of the half-duplex dialogue: hears a number and says the next one, up to `last`. Gives
/// what it has heard.
fn take_turns(mut stream: &Stream, last: u32) -> io::Result<String> {
    let mut heard = Vec::new();
    for line in BufReader::new(stream.take(MAX_TALK)).lines() {
        let line = line?;
        let number: u32 = line.parse().map_err(io::Error::other)?;
        heard.push(line);
        let next = number.saturating_add(1);
        if next <= last {
            // A line in one write: the second of two small ones waits until the first has arrived.
            stream.write_all(format!("{next}\n").as_bytes())?;
        }
        if next >= last {
            // The last word is said; the other side's `lines` end.
            stream.shutdown(Shutdown::Write)?;
        }
    }
    Ok(heard.join(" "))
}

/// One side of the full-duplex dialogue: how many bytes went, and how many came.
fn talk_and_listen(stream: &Stream) -> io::Result<(usize, usize)> {
    thread::scope(|scope| {
        // Reading and writing take `&Stream`; `try_clone` gives handles to threads that live longer.
        let listener = scope.spawn(|| {
            let (mut stream, mut heard, mut buf) = (stream, 0, vec![0; 64 * 1024]);
            loop {
                match stream.read(&mut buf)? {
                    0 => return Ok(heard),
                    n => heard += n,
                }
            }
        });
        let mut talker = stream;
        talker.write_all(&vec![b'a'; SPEECH])?;
        talker.shutdown(Shutdown::Write)?;
        let heard: io::Result<usize> =
            listener.join().map_err(|_| io::Error::other("the listening thread panicked"))?;
        Ok((SPEECH, heard?))
    })
}

/// The two ends of a connection in one process.
fn pair() -> io::Result<(Stream, Stream)> {
    let listener = Listener::bind("127.0.0.1:0")?;
    let left = Stream::connect(listener.local_addr()?)?;
    Ok((left, listener.accept()?.0))
}

/// Both dialogues, one after the other.
pub(crate) fn run() -> io::Result<Vec<String>> {
    let (mut left, right) = pair()?;
    let other = thread::spawn(move || take_turns(&right, 6));
    left.write_all(b"1\n")?;
    let left = take_turns(&left, 6)?;
    let right = other.join().map_err(|_| io::Error::other("the other side panicked"))??;
    let turns = format!("the left side hears {left}, the right side hears {right}");

    let (left, right) = pair()?;
    let other = thread::spawn(move || talk_and_listen(&right));
    let (went, came) = talk_and_listen(&left)?;
    other.join().map_err(|_| io::Error::other("the other side panicked"))??;
    Ok(vec![
        format!("half-duplex: {turns}"),
        format!("full-duplex: {went} bytes left and {came} bytes came"),
    ])
}

fn main() -> io::Result<()> {
    for line in run()? {
        println!("{line}");
    }
    Ok(())
}
