//! Discovery on a local network: a client that knows no address asks everybody, and connects to one
//! of those who answer.
//!
//! The question, "who offers chess?", is a plain datagram to a broadcast address. Each server that
//! offers it answers with its name and the port of its listener. Plain datagrams get lost, so the
//! client asks again now and then until enough have answered or its time is over. Then it connects,
//! from the socket it has asked from, and has a reliable stream.
//!
//! Here all are one process on the loopback network of Linux, where 127.255.255.255 is everybody. On a
//! real one that is `Ipv4Addr::BROADCAST`, and the port one that all have agreed on. Anybody can answer
//! there: who the server is has to be proven over the stream.
//!
//! ```sh
//! cargo run --example lan_discovery
//! ```
//!
//! It prints:
//!
//! ```text
//! who offers chess? attic, cellar
//! attic says: white moves first
//! who offers dinner? nobody
//! ```

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use towline::endpoint::Config;
use towline::{Endpoint, Listener, Stream};

/// Everybody on the loopback network.
const EVERYBODY: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 255);
/// The client asks again after so long.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// A buffer of this length holds any datagram. What strangers send is of any length.
const ANY: usize = 64 * 1024;
/// What a greeting may make the client hold, in bytes.
const MAX_GREETING: u64 = 1000;
// What a message begins with. No packet of the protocol begins with a byte below 0x20, so any text may
// follow.
const QUESTION: u8 = 1;
const ANSWER: u8 = 2;

/// "Who offers this?"
fn question(service: &str) -> Vec<u8> {
    [&[QUESTION], service.as_bytes()].concat()
}

/// "I do; my listener has this port."
fn answer(service: &str, name: &str, port: u16) -> Vec<u8> {
    [&[ANSWER], format!("{service} {name} {port}").as_bytes()].concat()
}

/// The name and the port in an answer to this question; nothing, if it is none.
fn read_answer<'a>(data: &'a [u8], service: &str) -> Option<(&'a str, u16)> {
    let (&ANSWER, text) = data.split_first()? else { return None };
    let mut words = std::str::from_utf8(text).ok()?.split(' ');
    let (of, name, port) = (words.next()?, words.next()?, words.next()?);
    let is_name = (1..=32).contains(&name.len()) && name.chars().all(char::is_alphanumeric);
    (of == service && is_name).then_some((name, port.parse().ok()?))
}

/// An endpoint that hears what is sent to everybody at this port, like others on the same host: that
/// takes an option which `std` does not set. Alone at its port, `Endpoint::bind` would do, and could
/// take the connections too.
fn ear(port: u16) -> io::Result<Endpoint> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    // Broadcasts come to sockets without an address of their own.
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    let mut config = Config::default();
    config.plain = Some(64 * 1024);
    Endpoint::from_socket(socket.into(), &config)
}

/// Starts a server, which runs for as long as the program.
fn start(name: &'static str, service: &'static str, port: u16) -> io::Result<()> {
    let (ear, listener) = (ear(port)?, Listener::bind("0.0.0.0:0")?);
    let answer = answer(service, name, listener.local_addr()?.port());
    thread::spawn(move || answer_all(&ear, &question(service), &answer));
    thread::spawn(move || greet_all(&listener));
    Ok(())
}

/// Answers who asks for what this server offers, and nobody else.
fn answer_all(ear: &Endpoint, question: &[u8], answer: &[u8]) -> io::Result<()> {
    let mut buf = vec![0; ANY];
    loop {
        let (len, from) = ear.recv_from(&mut buf)?;
        if buf.get(..len) == Some(question)
            && let Err(error) = ear.send_to(answer, from)
        {
            eprintln!("no answer to {from}: {error}");
        }
    }
}

fn greet_all(listener: &Listener) {
    for stream in listener.incoming() {
        if let Err(error) = stream.and_then(|mut stream| stream.write_all(b"white moves first")) {
            eprintln!("a client failed: {error}");
        }
    }
}

/// Who offers this: names and addresses of those who answer, until `enough` have, or the time is over.
#[expect(clippy::disallowed_methods, reason = "how long to collect answers is real time")]
fn find(
    client: &Endpoint,
    service: &str,
    port: u16,
    enough: usize,
    time: Duration,
) -> io::Result<BTreeMap<String, SocketAddr>> {
    let (mut found, mut buf) = (BTreeMap::new(), vec![0; ANY]);
    let mut ask_at = Instant::now();
    let until = ask_at + time;
    while found.len() < enough {
        let now = Instant::now();
        if now >= until {
            break;
        }
        if now >= ask_at {
            client.send_to(&question(service), (EVERYBODY, port))?;
            ask_at = now + ASK_AGAIN;
        }
        client.set_recv_timeout(Some(ask_at.min(until) - now))?;
        match client.recv_from(&mut buf) {
            Ok((len, from)) => {
                let answer = buf.get(..len).and_then(|data| read_answer(data, service));
                if let Some((name, port)) = answer {
                    found.insert(name.to_owned(), SocketAddr::new(from.ip(), port));
                }
            }
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// "who offers chess? attic, cellar"
fn report(service: &str, found: &BTreeMap<String, SocketAddr>) -> String {
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
    format!("who offers {service}? {names}")
}

/// Reads what a server says.
fn greeting(stream: &Stream) -> io::Result<String> {
    let mut text = String::new();
    stream.take(MAX_GREETING).read_to_string(&mut text)?;
    Ok(text)
}

/// Servers and a client in one process.
pub(crate) fn run() -> io::Result<Vec<String>> {
    // The port that all know. This one hears and says nothing; it only keeps the port.
    let agreed = ear(0)?;
    let port = agreed.local_addr()?.port();
    start("attic", "chess", port)?;
    start("cellar", "chess", port)?;
    start("garage", "tools", port)?;

    let client = Endpoint::bind("0.0.0.0:0")?;
    client.set_broadcast(true)?;
    let players = find(&client, "chess", port, 2, Duration::from_secs(10))?;
    let mut lines = vec![report("chess", &players)];
    if let Some((name, addr)) = players.first_key_value() {
        let stream = client.connect(*addr)?.stream();
        lines.push(format!("{name} says: {}", greeting(&stream)?));
    }
    let cooks = find(&client, "dinner", port, 1, Duration::from_millis(100))?;
    lines.push(report("dinner", &cooks));
    Ok(lines)
}

fn main() -> io::Result<()> {
    for line in run()? {
        println!("{line}");
    }
    Ok(())
}
