//! Messages over a stream, each behind its length; and beside it the same program with messages.
//!
//! A stream is bytes: it keeps their order, but not where one write ended and the next one began. So
//! a message travels behind four bytes that say how long it is. Who receives knows how much to read,
//! and refuses what is longer than it wants to hold before it has taken any memory for it.
//!
//! A channel keeps the boundaries itself, and knows before it sends anything what the peer takes. The
//! guarantee is the same: every message once, in order. It is what to use where both ends are towline's;
//! the length in front is for programs that speak to streams of every kind.
//!
//! ```sh
//! cargo run --example framing
//! ```
//!
//! It prints:
//!
//! ```text
//! over a stream:
//! message 1: 5 bytes
//! message 2: 0 bytes
//! message 3: 1000000 bytes
//! the next one is refused: a message of 2000000 bytes is too long
//! over a channel:
//! message 1: 5 bytes
//! message 2: 0 bytes
//! message 3: 1000000 bytes
//! the next one is refused: a message of 2000000 bytes is too large: 1048576 are allowed
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::thread;

use towline::channel::{ChannelError, RecvError, SendError};
use towline::{Connection, Delivery, Listener, Stream};

/// The longest message, in bytes: what a peer can make this side hold.
const MAX_MESSAGE: usize = 1 << 20;

/// Writes one message.
fn send(mut out: impl Write, message: &[u8]) -> io::Result<()> {
    let len = u32::try_from(message.len())
        .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "the message is too long"))?;
    // Length and message in one write, or the second one would wait until the first has arrived.
    let mut frame = Vec::with_capacity(4 + message.len());
    frame.extend(len.to_be_bytes());
    frame.extend(message);
    out.write_all(&frame)
}

/// Reads one message; `None` if the stream ends where one could have begun. An end within a message
/// is an error.
fn receive(mut from: impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; 4];
    let (first, rest) = len.split_at_mut(1);
    if from.read(first)? == 0 {
        return Ok(None);
    }
    from.read_exact(rest)?;
    let len = u32::from_be_bytes(len) as usize;
    if len > MAX_MESSAGE {
        let what = format!("a message of {len} bytes is too long");
        return Err(io::Error::new(ErrorKind::InvalidData, what));
    }
    let mut message = vec![0; len];
    from.read_exact(&mut message)?;
    Ok(Some(message))
}

/// What the receiving side tells of all messages that come.
fn receive_all(stream: &Stream) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        match receive(stream) {
            Ok(Some(message)) => {
                lines.push(format!("message {}: {} bytes", lines.len() + 1, message.len()));
            }
            Ok(None) => return lines,
            Err(error) => {
                lines.push(format!("the next one is refused: {error}"));
                return lines;
            }
        }
    }
}

/// Messages over a stream: both sides.
fn over_a_stream() -> io::Result<Vec<String>> {
    let listener = Listener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let receiver = thread::spawn(move || Ok(receive_all(&listener.accept()?.0)));

    let stream = Stream::connect(addr)?;
    send(&stream, b"hello")?;
    send(&stream, b"")?;
    send(&stream, &vec![7; 1_000_000])?;
    match send(&stream, &vec![7; 2_000_000]) {
        // Who refuses a message goes away, so the rest of it may find nobody.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(error),
        _ => {}
    }
    receiver.join().map_err(|_| io::Error::other("the receiver panicked"))?
}

/// The same over a channel: both sides.
fn over_a_channel() -> io::Result<Vec<String>> {
    let listener = Listener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let receiver = thread::spawn(move || {
        let channel = listener.accept_connection()?.accept_channel()?;
        let mut lines = Vec::new();
        loop {
            match channel.recv_vec() {
                Ok(message) => {
                    lines.push(format!("message {}: {} bytes", lines.len() + 1, message.len()));
                }
                Err(ChannelError::Recv(RecvError::Finished)) => return io::Result::Ok(lines),
                Err(error) => return Err(error.into()),
            }
        }
    });

    let channel = Connection::connect(addr)?.open_channel(Delivery::Ordered)?;
    channel.send(b"hello")?;
    channel.send(b"")?;
    channel.send(vec![7; 1_000_000])?;
    let refused = match channel.send(vec![7; 2_000_000]) {
        Err(ChannelError::Send(error @ SendError::TooLarge { .. })) => error,
        other => return Err(io::Error::other(format!("it was not refused: {other:?}"))),
    };
    // What was accepted is delivered first.
    drop(channel);
    let mut lines = receiver.join().map_err(|_| io::Error::other("the receiver panicked"))??;
    lines.push(format!("the next one is refused: {refused}"));
    Ok(lines)
}

/// Both ways, one after the other.
pub(crate) fn run() -> io::Result<Vec<String>> {
    let mut lines = vec!["over a stream:".to_owned()];
    lines.extend(over_a_stream()?);
    lines.push("over a channel:".to_owned());
    lines.extend(over_a_channel()?);
    Ok(lines)
}

fn main() -> io::Result<()> {
    for line in run()? {
        println!("{line}");
    }
    Ok(())
}
