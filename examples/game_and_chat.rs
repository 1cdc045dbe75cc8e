//! A game's state 60 times a second beside its chat, on one connection: each with the guarantee it needs.
//!
//! A position is worthless once there is a newer one: it travels on a `Latest` channel, where a newer
//! message takes the place of an older one that has not got through, and none arrives behind a newer
//! one. A line of chat must arrive, and in order: it travels on an `Ordered` channel. Neither waits for
//! what the other one lost.
//!
//! ```sh
//! cargo run --example game_and_chat
//! ```
//!
//! It prints:
//!
//! ```text
//! chat: I am off
//! chat: half of the way
//! chat: there
//! the last position: (60, 30) at count 60
//! no position was older than one before: true
//! ```

use std::io;
use std::thread;
use std::time::Duration;

use towline::channel::{ChannelError, RecvError};
use towline::{Channel, Connection, Delivery, Listener};

/// From one state of the game to the next.
const TICK: Duration = Duration::from_nanos(16_666_667);
/// How many the player goes.
const STEPS: u32 = 60;

/// Where the player is, after so many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    count: u32,
    x: i32,
    y: i32,
}

impl State {
    fn encode(self) -> [u8; 12] {
        let [c, x, y] = [self.count.to_be_bytes(), self.x.to_be_bytes(), self.y.to_be_bytes()];
        [c[0], c[1], c[2], c[3], x[0], x[1], x[2], x[3], y[0], y[1], y[2], y[3]]
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (words, []) = bytes.as_chunks::<4>() else { return None };
        let [count, x, y] = *words else { return None };
        let count = u32::from_be_bytes(count);
        Some(Self { count, x: i32::from_be_bytes(x), y: i32::from_be_bytes(y) })
    }
}

/// The player: one state each tick, and something to say now and then.
fn play(connection: &Connection) -> io::Result<()> {
    let positions = connection.open_channel(Delivery::Latest)?;
    let chat = connection.open_channel(Delivery::Ordered)?;
    let mut state = State { count: 0, x: 0, y: 0 };
    for step in 1..=STEPS {
        state = State { count: step, x: state.x + 1, y: state.y + i32::from(step % 2 == 0) };
        positions.send(state.encode())?;
        match step {
            1 => drop(chat.send("I am off")?),
            30 => drop(chat.send("half of the way")?),
            60 => drop(chat.send("there")?),
            _ => {}
        }
        listen(&chat)?;
    }
    // What is closed is delivered first: all of the chat, and the newest position.
    positions.close()?;
    chat.close()?;
    connection.flush_acked(Some(Duration::from_secs(10)))
}

/// What the others say, until the next tick: the game's loop needs no sleep of its own.
fn listen(chat: &Channel) -> io::Result<()> {
    let mut buf = [0; 1024];
    loop {
        match chat.recv_timeout(&mut buf, TICK) {
            Ok(message) => println!("{}", String::from_utf8_lossy(&buf[..message.len])),
            Err(ChannelError::TimedOut) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// All messages of a channel, until the player has closed it.
fn each(channel: &Channel, mut on_message: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buf = [0; 1024];
    loop {
        match channel.recv(&mut buf) {
            Ok(message) => on_message(&buf[..message.len]),
            Err(ChannelError::Recv(RecvError::Finished)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The server: a thread for each channel.
fn watch(connection: &Connection) -> io::Result<Vec<String>> {
    let (first, second) = (connection.accept_channel()?, connection.accept_channel()?);
    // A channel says what it is, so their order does not matter.
    let is_chat = first.delivery() == Delivery::Ordered;
    let (chat, positions) = if is_chat { (first, second) } else { (second, first) };
    let lines = thread::spawn(move || {
        let mut lines = Vec::new();
        let read = each(&chat, |line| {
            lines.push(format!("chat: {}", String::from_utf8_lossy(line).escape_default()));
        });
        read.map(|()| lines)
    });
    let (mut last, mut is_ascending) = (None::<State>, true);
    each(&positions, |bytes| {
        // Whatever a peer sends: what is no state is left alone.
        let Some(state) = State::decode(bytes) else { return };
        is_ascending &= last.is_none_or(|last| last.count < state.count);
        last = Some(state);
    })?;
    let mut lines = lines.join().map_err(|_| io::Error::other("the chat's thread panicked"))??;
    let State { count, x, y } = last.ok_or_else(|| io::Error::other("no position arrived"))?;
    lines.push(format!("the last position: ({x}, {y}) at count {count}"));
    lines.push(format!("no position was older than one before: {is_ascending}"));
    Ok(lines)
}

/// Both sides in one process.
pub(crate) fn run() -> io::Result<Vec<String>> {
    let listener = Listener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let server = thread::spawn(move || watch(&listener.accept_connection()?));
    play(&Connection::connect(addr)?)?;
    server.join().map_err(|_| io::Error::other("the server panicked"))?
}

fn main() -> io::Result<()> {
    for line in run()? {
        println!("{line}");
    }
    Ok(())
}
