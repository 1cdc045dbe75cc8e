//! Many connections from one socket: an `Endpoint` on each side, and no thread for any of them.
//!
//! `Stream::connect` takes a UDP socket for each connection. An `Endpoint` has one for all: two
//! hundred connections here leave from one address, and stand open at the same time. Either side of
//! an endpoint may connect and listen at once, so the server calls its first client back.
//!
//! ```sh
//! cargo run --example many_connections
//! ```
//!
//! It prints:
//!
//! ```text
//! 200 connections from 1 address
//! the server has read 0 to 199
//! the clients have read 0 to 398
//! called back from the server's own address: true
//! ```

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

use towline::endpoint::Config;
use towline::{Endpoint, Stream};

/// Connections of this example. Tens of thousands work as well.
const CONNECTIONS: u32 = 200;

fn write(mut stream: &Stream, number: u32) -> io::Result<()> {
    stream.write_all(&number.to_be_bytes())
}

fn read(mut stream: &Stream) -> io::Result<u32> {
    let mut number = [0; 4];
    stream.read_exact(&mut number)?;
    Ok(u32::from_be_bytes(number))
}

/// Least and largest of some numbers.
fn span(numbers: &[u32]) -> String {
    let (least, largest) = (numbers.iter().min(), numbers.iter().max());
    format!("{} to {}", least.unwrap_or(&0), largest.unwrap_or(&0))
}

/// Both sides in one process, and in one thread.
pub(crate) fn run() -> io::Result<Vec<String>> {
    let mut config = Config::default();
    // Nobody accepts before all have connected.
    config.backlog = CONNECTIONS as usize;
    let server = Endpoint::bind_with("127.0.0.1:0", &config)?;
    let listener = server.listen()?;
    let client = Endpoint::bind("127.0.0.1:0")?;
    let (from, to) = (client.local_addr()?, server.local_addr()?);

    let mut clients = Vec::new();
    for number in 0..CONNECTIONS {
        let stream = client.connect(to)?.stream();
        write(&stream, number)?;
        clients.push(stream);
    }
    let mut accepted = Vec::new();
    let mut requests = Vec::new();
    let mut addrs = BTreeSet::new();
    for _ in 0..CONNECTIONS {
        let (stream, addr) = listener.accept()?;
        let number = read(&stream)?;
        write(&stream, number.saturating_mul(2))?;
        requests.push(number);
        addrs.insert(addr);
        accepted.push(stream);
    }
    let answers = clients.iter().map(read).collect::<io::Result<Vec<_>>>()?;

    let callbacks = client.listen()?;
    let callback = server.connect(from)?.stream();
    write(&callback, 7)?;
    let (called, caller) = callbacks.accept()?;
    let is_same = read(&called)? == 7 && caller == to;
    Ok(vec![
        format!("{} connections from {} address", accepted.len(), addrs.len()),
        format!("the server has read {}", span(&requests)),
        format!("the clients have read {}", span(&answers)),
        format!("called back from the server's own address: {is_same}"),
    ])
}

fn main() -> io::Result<()> {
    for line in run()? {
        println!("{line}");
    }
    Ok(())
}
