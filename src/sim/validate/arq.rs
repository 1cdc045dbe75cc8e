//! The textbook's protocols: the share of the time that useful frames take.

use super::Depth;
use super::check::{Check, Tolerance, unless_broken};
use super::ratio::Ratio;
use crate::impair::dice::Dice;
use crate::impair::{ImpairError, LinkConfig, Loss, UDP_IP_OVERHEAD};
use crate::sim::arq::{FRAME_OVERHEAD, Output, Peer, Protocol, Settings};
use crate::sim::{Host, Outbox, World};
use crate::time::{Duration, Instant};
use crate::wire::Ecn;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};

const STALLINGS: &str = "Stallings 2007, 7.A";
const GO_BACK: &str = "derived: Go-back-N";
const STALLS: &str = "derived: Selective repeat";

/// The share of frames lost, and the length of the line in frames.
const LINES: [(f64, u32); 8] = [
    (0.001, 1),
    (0.001, 10),
    (0.001, 100),
    (0.01, 1),
    (0.01, 10),
    (0.01, 100),
    (0.1, 10),
    (0.1, 100),
];
/// The protocols of the table, with their windows.
const COLUMNS: [(Protocol, u32); 5] = [
    (Protocol::StopAndWait, 1),
    (Protocol::GoBackN, 7),
    (Protocol::SelectiveRepeat, 7),
    (Protocol::GoBackN, 127),
    (Protocol::SelectiveRepeat, 127),
];

pub(super) fn checks(depth: Depth) -> Vec<Check> {
    let frames = if depth == Depth::Full { 1_000_000 } else { 20_000 };
    let mut checks = Vec::new();
    for (protocol, window) in COLUMNS {
        for (p, a) in LINES {
            let line = Line { p, a };
            let model = line.settings(window);
            checks.extend(unless_broken(column(protocol, window, line, model, frames)));
        }
    }
    checks
}

/// A line that loses frames with probability `p` and acknowledgements never, `a` frames long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) p: f64,
    pub(super) a: u32,
}

/// One frame takes a millisecond.
const FRAME: Duration = Duration::from_millis(1);
const FRAME_BYTES: u64 = 100;

impl Line {
    /// Frames back to back, and a timeout of exactly one round trip.
    pub(super) fn settings(self, window: u32) -> Settings {
        Settings { window, timeout: FRAME + 2 * self.a * FRAME, spacing: FRAME }
    }

    fn round(self) -> f64 {
        f64::from(1 + 2 * self.a)
    }
}

/// One cell of the table: against the textbook, and where its form is an approximation, against an
/// exact one too.
pub(super) fn column(
    protocol: Protocol,
    window: u32,
    line: Line,
    model: Settings,
    frames: u32,
) -> Result<Vec<Check>, ImpairError> {
    let (got, sigma) = efficiency(protocol, line, model, frames)?;
    let Line { p, a } = line;
    let form = textbook(protocol, window, line);
    let short = match protocol {
        Protocol::StopAndWait => "SW".to_owned(),
        Protocol::GoBackN => format!("GBN{window}"),
        Protocol::SelectiveRepeat => format!("SR{window}"),
    };
    let name = format!("{short}, loss {p}, a {a}: efficiency");
    let covers = protocol == Protocol::StopAndWait || f64::from(window) >= line.round();
    if covers {
        return Ok(vec![Check::sampled(name, STALLINGS, form, got, sigma)]);
    }
    let mut checks = Vec::new();
    // Of two losses in one window the textbook knows nothing.
    if f64::from(window) * p < 0.15 {
        let name = format!("{name}, roughly");
        checks.push(Check::new(name, STALLINGS, form, got, Tolerance::Relative(0.1)));
    }
    let (exact, source, inexact) = match protocol {
        Protocol::GoBackN => (go_back_n(window, line), GO_BACK, 0.0),
        _ => (selective_repeat(window, line), STALLS, f64::from(frames) / f64::from(FRAMES)),
    };
    let sigma = sigma * (1.0 + inexact).sqrt();
    checks.push(Check::sampled(name, source, exact, got, sigma));
    Ok(checks)
}

/// Stallings' closed forms for error-free acknowledgements and a timeout of one round trip.
fn textbook(protocol: Protocol, window: u32, line: Line) -> f64 {
    let (w, p, round) = (f64::from(window), line.p, line.round());
    match protocol {
        Protocol::StopAndWait => (1.0 - p) / round,
        Protocol::SelectiveRepeat if w >= round => 1.0 - p,
        Protocol::SelectiveRepeat => w * (1.0 - p) / round,
        Protocol::GoBackN if w >= round => (1.0 - p) / (1.0 + (round - 1.0) * p),
        Protocol::GoBackN => w * (1.0 - p) / (round * (1.0 - p + w * p)),
    }
}

/// Go-back-N with a window below the round trip. From one loss to the next, `run` frames arrive on
/// average, geometrically. Whole windows of them take a round trip each, the others one frame's
/// time each, the loss a round trip. The textbook has the others take as long as the windows do.
fn go_back_n(window: u32, line: Line) -> f64 {
    let (p, round) = (line.p, line.round());
    let run = (1.0 - p) / p;
    let whole = (1.0 - p).powi(window.cast_signed());
    let windows = whole / (1.0 - whole);
    run / (round + windows * round + run - windows * f64::from(window))
}

/// How many frames the exact form of selective repeat is sampled with.
const FRAMES: u32 = 2_000_000;

/// Selective repeat with a window below the round trip, frame by frame: each is sent one frame's
/// time after the one before it, and not before all up to `window` before it are acknowledged; each
/// loss of it takes a round trip. The textbook forgets that the window stops at the oldest loss.
fn selective_repeat(window: u32, line: Line) -> f64 {
    let round = u64::from(1 + 2 * line.a);
    let dice = Dice::new(7);
    let mut draws = 0..;
    let mut is_lost = || draws.next().is_some_and(|draw| dice.chance(draw, line.p));
    let mut acknowledged = VecDeque::from(vec![0u64; window as usize]);
    let (mut sent, mut last) = (0, 0);
    for _ in 0..FRAMES {
        sent = acknowledged.pop_front().unwrap_or_default().max(sent + 1);
        let mut done = sent + round;
        while is_lost() {
            done += round;
        }
        // All up to this one.
        last = done.max(last);
        acknowledged.push_back(last);
    }
    f64::from(FRAMES) / sent as f64
}

/// The share of the time that useful frames take, and its standard error.
fn efficiency(
    protocol: Protocol,
    line: Line,
    model: Settings,
    frames: u32,
) -> Result<(f64, f64), ImpairError> {
    let [here, there] = [1, 2].map(|n| SocketAddr::from((Ipv4Addr::new(10, 0, 0, n), 1)));
    let seed = u64::from(model.window) << 32 | u64::from(line.a);
    let mut world = World::new(seed ^ line.p.to_bits());
    let end = |to, frames| End::new(Peer::new(protocol, model), to, frames);
    let (sender, receiver) = (world.add(end(there, frames), here), world.add(end(here, 0), there));
    let back = LinkConfig { delay: line.a * FRAME, ..LinkConfig::default() };
    let there = LinkConfig {
        rate_bps: Some(FRAME_BYTES * 8 * 1000),
        loss: Loss::Bernoulli { p: line.p },
        ..back.clone()
    };
    world.connect_hosts(sender, receiver, there, back)?;
    let all = frames as usize;
    let _ = world.run_until(Instant::MAX, |world| world.host(receiver).delivered.len() >= all);
    // Frames' times for a frame; the first one's way is no one's inefficiency.
    let mut last = Instant::ZERO + line.a * FRAME;
    let mut times = Ratio::of(frames.into());
    for at in &world.host(receiver).delivered {
        times.push(at.saturating_since(last).as_secs_f64() / FRAME.as_secs_f64(), 1.0);
        last = *at;
    }
    let efficiency = 1.0 / times.value();
    Ok((efficiency, times.sigma() * efficiency * efficiency))
}

/// Sends so many frames, and notes when which arrive in order.
#[derive(Debug)]
struct End {
    peer: Peer,
    to: SocketAddr,
    delivered: Vec<Instant>,
    buffer: Vec<u8>,
}

impl End {
    fn new(mut peer: Peer, to: SocketAddr, frames: u32) -> Self {
        let size = FRAME_BYTES as usize - UDP_IP_OVERHEAD as usize - FRAME_OVERHEAD;
        for number in 0..frames {
            let mut payload = number.to_be_bytes().to_vec();
            payload.resize(size, 0);
            peer.push(payload);
        }
        Self { peer, to, delivered: Vec::new(), buffer: Vec::new() }
    }
}

impl Host for End {
    fn handle(&mut self, now: Instant, _: SocketAddr, _: SocketAddr, _: Ecn, data: &mut [u8]) {
        self.peer.handle(now, data);
        while let Some(payload) = self.peer.pop() {
            // What comes out of order is useful to nobody.
            if payload.starts_with(&(self.delivered.len() as u32).to_be_bytes()) {
                self.delivered.push(now);
            }
        }
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        loop {
            self.buffer.clear();
            match self.peer.poll(now, &mut self.buffer) {
                Output::Transmit => out.send(self.to, Ecn::NotEct, &self.buffer),
                Output::Idle(deadline) => return deadline,
            }
        }
    }
}
