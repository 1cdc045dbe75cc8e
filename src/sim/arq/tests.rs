//! The three protocols deliver, and are as fast as the textbooks say.

use super::{FRAME_OVERHEAD, Output, Peer, Protocol, Settings};
use crate::impair::{Damage, LinkConfig, Loss, Reorder, UDP_IP_OVERHEAD};
use crate::rng::Rng;
use crate::sim::{Host, Outbox, World};
use crate::time::{Duration, Instant};
use crate::wire::Ecn;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Sends numbered payloads, all at once or whenever none waits, and checks what arrives.
struct End {
    peer: Peer,
    to: SocketAddr,
    /// Payloads that are still to be pushed.
    left: u32,
    /// Payloads pushed ahead of the window.
    depth: usize,
    pushed: u32,
    size: usize,
    delivered: u32,
    buf: Vec<u8>,
}

impl End {
    fn new(peer: Peer, to: SocketAddr, frames: u32, size: usize, depth: usize) -> Self {
        Self { peer, to, left: frames, depth, pushed: 0, size, delivered: 0, buf: Vec::new() }
    }

    fn payload(number: u32, size: usize) -> Vec<u8> {
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(size, number as u8);
        payload
    }
}

impl Host for End {
    fn handle(&mut self, now: Instant, _: SocketAddr, _: SocketAddr, _: Ecn, data: &mut [u8]) {
        self.peer.handle(now, data);
        while let Some(payload) = self.peer.pop() {
            assert_eq!(payload, Self::payload(self.delivered, payload.len()));
            self.delivered += 1;
        }
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        while self.left > 0 && (self.pushed as usize) < self.depth {
            // Numbers follow the order of pushing.
            self.pushed += 1;
            self.left -= 1;
            let number = self.pushed - 1;
            self.peer.push(Self::payload(number, self.size));
        }
        loop {
            self.buf.clear();
            match self.peer.poll(now, &mut self.buf) {
                Output::Transmit => out.send(self.to, Ecn::NotEct, &self.buf),
                Output::Idle(deadline) => return deadline,
            }
        }
    }
}

fn addresses() -> [SocketAddr; 2] {
    [SocketAddr::from(([10, 0, 0, 1], 1)), SocketAddr::from(([10, 0, 0, 2], 2))]
}

/// One frame takes a millisecond.
const FRAME: Duration = Duration::from_millis(1);
const FRAME_BYTES: u64 = 1000;

/// The share of the time that useful frames take, over a line `a` frames long that loses frames
/// with probability `p` and acknowledgements never.
fn efficiency(protocol: Protocol, window: u32, p: f64, a: u32, frames: u32) -> f64 {
    let settings = Settings { window, timeout: FRAME + 2 * a * FRAME, spacing: FRAME };
    let [here, there] = addresses();
    let size = FRAME_BYTES as usize - UDP_IP_OVERHEAD as usize - FRAME_OVERHEAD;
    let sender = End::new(Peer::new(protocol, settings), there, frames, size, frames as usize);
    let receiver = End::new(Peer::new(protocol, settings), here, 0, 0, 0);
    let mut world = World::new(u64::from(window) << 32 | u64::from(a));
    let (sender, receiver) = (world.add(sender, here), world.add(receiver, there));
    let line = LinkConfig { delay: a * FRAME, ..LinkConfig::default() };
    let there = LinkConfig {
        rate_bps: Some(FRAME_BYTES * 8 * 1000),
        loss: Loss::Bernoulli { p },
        ..line.clone()
    };
    world.connect_hosts(sender, receiver, there, line).unwrap();
    let _ = world.run_until(Instant::MAX, |w| w.host(receiver).delivered == frames);
    assert_eq!(world.host(receiver).delivered, frames);
    // The last frame's way is no one's inefficiency.
    let busy = world.now() - a * FRAME;
    f64::from(frames) * FRAME.as_secs_f64() / busy.as_secs_f64()
}

/// Stallings' closed forms for error-free acknowledgements and a timeout of one round trip.
fn textbook(protocol: Protocol, w: u32, p: f64, a: u32) -> f64 {
    let (w, a) = (f64::from(w), f64::from(a));
    let round = 1.0 + 2.0 * a;
    match protocol {
        Protocol::StopAndWait => (1.0 - p) / round,
        Protocol::SelectiveRepeat if w >= round => 1.0 - p,
        Protocol::SelectiveRepeat => w * (1.0 - p) / round,
        Protocol::GoBackN if w >= round => (1.0 - p) / (1.0 + 2.0 * a * p),
        Protocol::GoBackN => w * (1.0 - p) / (round * (1.0 - p + w * p)),
    }
}

/// Go-back-N with a window below the round trip, exactly: from one loss to the next, `L` frames
/// arrive, geometric with mean (1 - p) / p. Whole windows of them take a round trip each, the
/// others one frame's time each (the textbook has them take as much as the windows), the loss a
/// round trip.
fn go_back_n_exactly(w: u32, p: f64, a: u32) -> f64 {
    let round = f64::from(1 + 2 * a);
    let run = (1.0 - p) / p;
    let whole = (1.0 - p).powi(w.cast_signed());
    let windows = whole / (1.0 - whole);
    run / (round + windows * round + run - windows * f64::from(w))
}

/// Selective repeat with a window below the round trip, frame by frame: each is sent one frame's
/// time after the one before it, and not before all up to `w` before it are acknowledged; each
/// loss of it takes a round trip. The textbook forgets that the window stops at the oldest loss.
fn selective_repeat_exactly(w: u32, p: f64, a: u32) -> f64 {
    const FRAMES: usize = 200_000;
    let round = u64::from(1 + 2 * a);
    let mut rng = Rng::from_u64(1);
    let mut acknowledged = VecDeque::from(vec![0u64; w as usize]);
    let mut sent = 0;
    for _ in 0..FRAMES {
        sent = acknowledged.pop_front().unwrap().max(sent + 1);
        let mut done = sent + round;
        while rng.chance(p) {
            done += round;
        }
        // All up to this one.
        acknowledged.push_back(acknowledged.back().map_or(done, |before| done.max(*before)));
    }
    FRAMES as f64 / sent as f64
}

/// Holds measurement against closed form in all cells of a column: 1 % where the window covers the
/// round trip. Where it does not, the textbook's is an approximation, within 10 % as long as few
/// windows meet a loss; what counts there is 2 % of the exact form.
fn check(protocol: Protocol, windows: &[u32], cells: &[(f64, u32)]) {
    for &window in windows {
        for &(p, a) in cells {
            let covers = protocol == Protocol::StopAndWait || window > 2 * a;
            let frames = if covers { 100_000 } else { 30_000 };
            let measured = efficiency(protocol, window, p, a, frames);
            let form = textbook(protocol, window, p, a);
            eprintln!("{protocol:?} W={window} P={p} a={a}: {measured:.5}, textbook {form:.5}");
            if covers || f64::from(window) * p < 0.15 {
                let tolerance = if covers { 0.01 } else { 0.1 };
                assert!((measured / form - 1.0).abs() <= tolerance, "not {form:.5}");
            }
            if !covers {
                let exact = match protocol {
                    Protocol::GoBackN => go_back_n_exactly(window, p, a),
                    _ => selective_repeat_exactly(window, p, a),
                };
                assert!((measured / exact - 1.0).abs() <= 0.02, "not {exact:.5}");
            }
        }
    }
}

const CELLS: &[(f64, u32)] = &[
    (0.001, 1),
    (0.001, 10),
    (0.001, 100),
    (0.01, 1),
    (0.01, 10),
    (0.01, 100),
    (0.1, 10),
    (0.1, 100),
];

#[test]
fn stop_and_wait_is_as_slow_as_its_formula() {
    assert!((textbook(Protocol::StopAndWait, 1, 0.01, 10) - 0.04714).abs() < 1e-5);
    check(Protocol::StopAndWait, &[1], CELLS);
}

#[test]
fn go_back_n_wastes_what_its_formula_says() {
    assert!((textbook(Protocol::GoBackN, 7, 0.01, 10) - 0.31132).abs() < 1e-5);
    assert!((textbook(Protocol::GoBackN, 127, 0.1, 10) - 0.3).abs() < 1e-5);
    check(Protocol::GoBackN, &[7, 127], CELLS);
}

#[test]
fn selective_repeat_loses_nothing_but_the_lost() {
    assert!((textbook(Protocol::SelectiveRepeat, 127, 0.01, 100) - 0.62552).abs() < 1e-5);
    check(Protocol::SelectiveRepeat, &[7, 127], CELLS);
}

/// Everything that can be wrong with a line, both ways.
fn bad_line(loss: f64, jitter: Duration) -> LinkConfig {
    LinkConfig {
        delay: Duration::from_millis(20),
        jitter,
        loss: Loss::Bernoulli { p: loss },
        reorder: Reorder {
            by_jitter: true,
            share: 0.05,
            late_by: Duration::from_millis(30),
            ..Reorder::default()
        },
        duplicate: 0.1,
        damage: Damage { share: 0.1, ..Damage::default() },
        ..LinkConfig::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn all_is_delivered_once_and_in_order(
        seed: u64,
        protocol in prop_oneof![
            Just(Protocol::StopAndWait),
            Just(Protocol::GoBackN),
            Just(Protocol::SelectiveRepeat),
        ],
        window in 1u32..20,
        loss in 0.0f64..0.4,
        jitter in 0u64..20,
        timeout in 5u64..200,
    ) {
        let settings = Settings {
            window,
            timeout: Duration::from_millis(timeout),
            spacing: Duration::from_millis(1),
        };
        let [here, there] = addresses();
        let end = |to| End::new(Peer::new(protocol, settings), to, 60, 50, 60);
        let mut world = World::new(seed);
        let (a, b) = (world.add(end(there), here), world.add(end(here), there));
        let line = bad_line(loss, Duration::from_millis(jitter));
        world.connect_hosts(a, b, line.clone(), line).unwrap();
        let _ = world.run_until(Instant::from_millis(10_000_000), |w| {
            [a, b].iter().all(|id| w.host(*id).delivered == 60 && w.host(*id).peer.pending() == 0)
        });
        for id in [a, b] {
            prop_assert_eq!(world.host(id).delivered, 60);
            prop_assert_eq!(world.host(id).peer.pending(), 0);
        }
    }
}
