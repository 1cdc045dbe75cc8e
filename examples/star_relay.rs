//! Star relay: five nodes around a hub that dies and is replaced.
//!
//! Whatever a node says, the hub tells all. The hub dies; each node notices, and tries again with
//! back-off: pauses that double up to a bound, each of a random length, so that nodes which lost the
//! hub together do not come back together. A new hub takes the old one's address, and all go on.
//!
//! ```sh
//! cargo run --example star_relay
//! ```
//!
//! It prints:
//!
//! ```text
//! 5 nodes hear each other
//! the hub dies: 5 nodes look for one in vain
//! a new hub: 5 nodes hear each other
//! ```

use std::collections::{BTreeSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use towline::connection::Config;
use towline::{Listener, Stream};

const NODES: usize = 5;
/// Lines that the hub keeps for nodes that come later.
const MAX_LINES: usize = 100;
/// A longer line becomes several, in bytes.
const MAX_LINE: u64 = 1000;
/// A node that takes nothing for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(1);
/// The first pause after an attempt in vain; each one doubles it, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Board {
    members: Vec<Stream>,
    lines: VecDeque<String>,
}

struct Hub {
    listener: Listener,
    board: Arc<Mutex<Board>>,
    accepting: JoinHandle<io::Result<()>>,
}

impl Hub {
    fn start(addr: SocketAddr) -> io::Result<Self> {
        let listener = Listener::bind(addr)?;
        let board = Arc::new(Mutex::new(Board::default()));
        let (incoming, shared) = (listener.try_clone()?, board.clone());
        let accepting = thread::spawn(move || {
            for stream in incoming.incoming() {
                let (stream, board) = (stream?, shared.clone());
                stream.set_write_timeout(Some(PATIENCE))?;
                thread::spawn(move || relay(&stream, &board));
            }
            Ok(())
        });
        Ok(Self { listener, board, accepting })
    }

    /// Ends as a crash would: nothing is delivered any more, and all lose their connections.
    fn die(self) -> io::Result<()> {
        // This wakes the thread that accepts; its call fails.
        self.listener.set_nonblocking(true)?;
        let _ = self.accepting.join();
        for member in &self.board.lock().unwrap_or_else(PoisonError::into_inner).members {
            member.connection().close(1, b"power cut", Duration::ZERO)?;
        }
        Ok(())
    }
}

/// The hub's side of one node: tells it what was said, then tells all what it says.
fn relay(mut stream: &Stream, board: &Mutex<Board>) -> io::Result<()> {
    {
        let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(board.lines.make_contiguous().concat().as_bytes())?;
        board.members.push(stream.try_clone()?);
    }
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.by_ref().take(MAX_LINE).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
        board.members.retain_mut(|member| member.write_all(line.as_bytes()).is_ok());
        board.lines.push_back(line);
        let too_many = board.lines.len().saturating_sub(MAX_LINES);
        board.lines.drain(..too_many);
    }
}

/// What a node tells about itself.
#[derive(Clone, Copy, PartialEq)]
enum News {
    HearsAll,
    FindsNone,
}

/// A node: says who it is and listens, and looks for the hub again when it has lost it.
fn node(name: usize, addr: SocketAddr, news: &Sender<(usize, News)>, stop: &Receiver<()>) {
    let tell = |what| {
        let _ = news.send((name, what));
    };
    while let Some(mut stream) = connect(addr, stop, || tell(News::FindsNone)) {
        let mut heard = BTreeSet::new();
        if stream.write_all(format!("node {name}\n").as_bytes()).is_ok() {
            // An error or an end: this hub is lost.
            for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                if heard.insert(line) && heard.len() == NODES {
                    tell(News::HearsAll);
                }
            }
        }
    }
}

/// Tries until it succeeds, with back-off; `None` once the node shall stop.
fn connect(addr: SocketAddr, stop: &Receiver<()>, in_vain: impl Fn()) -> Option<Stream> {
    // A hub that dies without a word is noticed within `keepalive + user_timeout`.
    let mut config = Config::default();
    config.connect_timeout = PATIENCE;
    config.keepalive = Some(PATIENCE);
    config.user_timeout = 3 * PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        if let Ok(stream) = Stream::connect_with(addr, &config) {
            return Some(stream);
        }
        in_vain();
        // Between half of it and all of it. The wait ends at once when the node shall stop.
        let random = RandomState::new().hash_one(0) as u32;
        let share = 0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX);
        if stop.recv_timeout(pause.mul_f64(share)) != Err(RecvTimeoutError::Timeout) {
            return None;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits until each node has told `what`.
fn all(news: &Receiver<(usize, News)>, what: News) -> io::Result<usize> {
    let mut names = BTreeSet::new();
    while names.len() < NODES {
        let (name, told) = news.recv_timeout(10 * PATIENCE).map_err(io::Error::other)?;
        if told == what {
            names.insert(name);
        }
    }
    Ok(names.len())
}

/// Hubs and nodes in one process.
pub(crate) fn run() -> io::Result<Vec<String>> {
    let hub = Hub::start(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let addr = hub.listener.local_addr()?;
    let (tell, news) = mpsc::channel();
    let mut stops = Vec::new();
    for name in 0..NODES {
        let (stop, stopped) = mpsc::channel();
        let tell = tell.clone();
        stops.push(stop);
        thread::spawn(move || node(name, addr, &tell, &stopped));
    }
    let mut lines = vec![format!("{} nodes hear each other", all(&news, News::HearsAll)?)];
    hub.die()?;
    lines
        .push(format!("the hub dies: {} nodes look for one in vain", all(&news, News::FindsNone)?));
    let hub = Hub::start(addr)?;
    lines.push(format!("a new hub: {} nodes hear each other", all(&news, News::HearsAll)?));
    drop(stops);
    hub.die()?;
    Ok(lines)
}

fn main() -> io::Result<()> {
    for line in run()? {
        println!("{line}");
    }
    Ok(())
}
