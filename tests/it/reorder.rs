//! Paths that change the order of packets: little goodput is lost, and less and less is sent twice.

use crate::net::{Net, Pair, path};
use towline::connection::{Config, Congestion};
use towline::impair::{LinkConfig, Reorder};
use towline::sim::{Flow, Outcome};
use towline::time::Duration;

const RTT: Duration = Duration::from_millis(50);
const BYTES: u64 = 20_000_000;

/// What reordering made of a transfer.
#[derive(Debug)]
struct Run {
    took: Duration,
    /// Losses that were none, in the first half of the bytes and in all.
    spurious: [u64; 2],
    reordered: u64,
}

fn run(seed: u64, congestion: Congestion, link: &LinkConfig) -> Run {
    let mut config = Config::default();
    config.congestion = congestion;
    let mut pair = Pair::bulk(seed, &config, [link.clone(), link.clone()], BYTES);
    let s = pair.server;
    let read = |world: &Net| world.host(s).app.flows.first().map_or(0, Flow::bytes_received);
    let far = pair.world.now() + Duration::from_mins(10);
    let outcome = pair.world.run_until(far, |world| read(world) >= BYTES / 2);
    assert_eq!(outcome, Outcome::Done, "seed {seed}");
    let half = pair.client_stats().recovery.spurious;
    let took = pair.run_bulk(Duration::from_mins(10)).expect("finished");
    let all = pair.client_stats().recovery.spurious;
    assert_eq!((read(&pair.world), pair.complaints()), (BYTES, vec![]), "seed {seed}");
    let (server, client) = (pair.server_stats(), pair.client_stats());
    let damage = [server.refused.damaged, server.nacks_sent, client.recovery.nacks_mismatched];
    assert_eq!(damage, [0; 3], "seed {seed}: nothing was damaged, numbers were misread");
    let reordered = pair.world.link(pair.up).stats().reordered;
    Run { took, spurious: [half, all], reordered }
}

/// Goodput as a share of that of the same path in order, over some seeds: the mean.
fn share(what: &str, link: &LinkConfig) -> Vec<f64> {
    let each = [Congestion::Bbr, Congestion::NewReno].into_iter().map(|congestion| {
        let clean = run(1, congestion, &path(100, RTT)).took;
        let (mut sum, mut first, mut second) = (0.0, 0, 0);
        for seed in 1..=4 {
            let run = run(seed, congestion, link);
            assert!(run.reordered > 1000, "{run:?}");
            let share = clean.as_secs_f64() / run.took.as_secs_f64();
            println!("{what}, {congestion:?}, seed {seed}: {share:.2} of clean, {run:?}");
            sum += share;
            first += run.spurious[0];
            second += run.spurious[1] - run.spurious[0];
        }
        assert!(
            second * 4 <= first,
            "{what}, {congestion:?}: {first} spurious losses, then {second}"
        );
        sum / 4.0
    });
    each.collect()
}

/// Ten milliseconds more or less each way, packet by packet.
#[test]
fn jitter() {
    let reorder = Reorder { by_jitter: true, ..Reorder::default() };
    let link = LinkConfig { jitter: Duration::from_millis(10), reorder, ..path(100, RTT) };
    let shares = share("jitter", &link);
    assert!(shares.iter().all(|share| *share >= 0.7), "{shares:?}");
}

/// Every fourth packet comes five milliseconds late.
#[test]
fn a_quarter_late() {
    let late_by = Duration::from_millis(5);
    let reorder = Reorder { share: 0.25, late_by, ..Reorder::default() };
    let shares = share("a quarter late", &LinkConfig { reorder, ..path(100, RTT) });
    assert!(shares.iter().all(|share| *share >= 0.8), "{shares:?}");
}
