//! WebSocket over towline: `tungstenite`, which knows nothing of towline, takes any `Read + Write`.
//!
//! First client and server in threads of their own, with calls that block; then both in one thread,
//! with calls that never wait.
//!
//! ```sh
//! cargo run --example websocket
//! cargo run --example websocket server 127.0.0.1:9001    # one end alone,
//! cargo run --example websocket client 127.0.0.1:9001    # and the other
//! ```
//!
//! The first prints:
//!
//! ```text
//! blocking: "hello" came back, 1000000 bytes came back, closed by both
//! non-blocking: "no thread waits" came back
//! ```

use std::error::Error;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use towline::{Listener, Stream};
use tungstenite::handshake::HandshakeRole;
use tungstenite::{HandshakeError, Message, WebSocket};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The server's side of one connection: each message goes back.
fn echo(stream: Stream) -> Result<()> {
    let mut socket = tungstenite::accept(stream)?;
    loop {
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message)?,
            // Pings are answered by tungstenite itself.
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The server: a thread for each connection, for as long as the program runs.
fn serve(listener: &Listener) -> Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = echo(stream) {
                eprintln!("a client failed: {error}");
            }
        });
    }
    Ok(())
}

/// The client: a text and a large message go there and back, then both sides close.
fn call(addr: SocketAddr) -> Result<String> {
    let (mut socket, _) = tungstenite::client(format!("ws://{addr}/"), Stream::connect(addr)?)?;
    socket.send(Message::text("hello"))?;
    let text = socket.read()?.into_text()?;
    socket.send(Message::binary(vec![7; 1_000_000]))?;
    let len = socket.read()?.len();
    socket.close(None)?;
    loop {
        match socket.read() {
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(format!("blocking: \"{text}\" came back, {len} bytes came back, closed by both"))
}

/// What a call gave, or nothing yet.
fn ready<T>(result: tungstenite::Result<T>) -> tungstenite::Result<Option<T>> {
    match result {
        Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}

/// A handshake as far as it has come.
type Handshake<R> = std::result::Result<<R as HandshakeRole>::FinalResult, HandshakeError<R>>;

/// Goes on with a handshake that would have had to wait.
fn resume<R: HandshakeRole>(handshake: Handshake<R>) -> tungstenite::Result<Handshake<R>> {
    match handshake {
        Err(HandshakeError::Interrupted(handshake)) => Ok(handshake.handshake()),
        Err(HandshakeError::Failure(error)) => Err(error),
        done => Ok(done),
    }
}

/// Shakes hands with both ends in one thread.
fn shake_hands(client: Stream, server: Stream) -> Result<[WebSocket<Stream>; 2]> {
    let mut client = tungstenite::client("ws://localhost/", client);
    let mut server = tungstenite::accept(server);
    loop {
        match (client, server) {
            (Ok((client, _)), Ok(server)) => return Ok([client, server]),
            (client_now, server_now) => {
                client = resume(client_now)?;
                server = resume(server_now)?;
            }
        }
        rest();
    }
}

/// The loop's own rhythm: there is no descriptor to poll.
fn rest() {
    thread::park_timeout(Duration::from_millis(1));
}

/// Both ends in one thread.
fn converse() -> Result<String> {
    let listener = Listener::bind("127.0.0.1:0")?;
    let client = Stream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.set_nonblocking(true)?;
    server.set_nonblocking(true)?;
    let [mut client, mut server] = shake_hands(client, server)?;

    // A message that cannot leave at once is kept, and leaves with the next call.
    ready(client.send(Message::text("no thread waits")))?;
    loop {
        if let Some(message) = ready(server.read())? {
            ready(server.send(message))?;
        }
        if let Some(message) = ready(client.read())? {
            return Ok(format!("non-blocking: \"{}\" came back", message.into_text()?));
        }
        rest();
    }
}

/// Both ways, in one process.
pub(crate) fn run() -> Result<Vec<String>> {
    let listener = Listener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    thread::spawn(move || serve(&listener));
    Ok(vec![call(addr)?, converse()?])
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", addr] => serve(&Listener::bind(addr)?)?,
        ["client", addr] => println!("{}", call(addr.parse()?)?),
        [] => run()?.iter().for_each(|line| println!("{line}")),
        _ => return Err("say nothing, or `server ADDR`, or `client ADDR`".into()),
    }
    Ok(())
}
