//! Work in pieces that do not know of each other, on all cores.

use crate::clock::Clock;
use crate::progress::Progress;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use towline::time::Instant;

/// Whoever waits longer sees how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// Does `count` pieces of work, in any order; where it takes longer, a terminal shows how far it is.
pub(crate) fn on_all_cores<T: Send>(
    what: &str,
    count: usize,
    is_shown: bool,
    work: &(impl Fn(usize) -> T + Sync),
) -> Vec<(usize, T)> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get).min(count);
    let next = AtomicUsize::new(0);
    let clock = Clock::start();
    let (done, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..cores {
            let (done, next) = (done.clone(), &next);
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    // The receiver is gone only if this whole scope is.
                    if n >= count || done.send((n, work(n))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(done);
        let mut collected = Vec::with_capacity(count);
        let mut bar = None;
        loop {
            let left = PATIENCE.saturating_sub(clock.now().saturating_since(Instant::ZERO));
            let wait = if left.is_zero() { PATIENCE } else { left };
            match results.recv_timeout(wait) {
                Ok(result) => collected.push(result),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if left.is_zero() {
                let bar = bar.get_or_insert_with(|| Progress::count(what, count as u64, is_shown));
                bar.set(collected.len() as u64);
            }
        }
        if let Some(bar) = bar {
            bar.end();
        }
        collected
    })
}
