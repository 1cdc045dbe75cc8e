//! Bulk transfers over bad networks: goodput as a share of what the path can carry.

use crate::net::{Pair, path};
use towline::connection::{Config, Congestion};
use towline::impair::{LinkConfig, Loss};
use towline::time::Duration;

const RTT: Duration = Duration::from_millis(50);
const BYTES: u64 = 20_000_000;

fn lossy(p: f64) -> LinkConfig {
    LinkConfig { loss: Loss::Bernoulli { p }, ..path(100, RTT) }
}

/// The share of capacity times (1 - loss) that reached the reader, handshake included.
fn share(seed: u64, congestion: Congestion, loss: f64) -> f64 {
    let mut config = Config::default();
    config.congestion = congestion;
    let mut pair = Pair::bulk(seed, &config, [lossy(loss), lossy(loss)], BYTES);
    let took = pair.run_bulk(Duration::from_mins(20)).expect("finished");
    BYTES as f64 * 8.0 / took.as_secs_f64() / 1e8 / (1.0 - loss)
}

/// The median over five seeds.
fn median(congestion: Congestion, loss: f64) -> f64 {
    let mut shares: Vec<f64> = (1..=5).map(|seed| share(seed, congestion, loss)).collect();
    shares.sort_by(f64::total_cmp);
    shares[2]
}

#[test]
fn bbr_fills_a_path_that_loses() {
    // 20 MB at 100 Mbit/s and 50 ms, ACKs lost as often as data, a queue of one bandwidth-delay
    // product. The floors are what the best peer reaches, or better.
    let cells = [(0.0, 0.87), (0.01, 0.86), (0.05, 0.85), (0.1, 0.83), (0.2, 0.73)];
    for (loss, floor) in cells {
        let share = median(Congestion::Bbr, loss);
        eprintln!("BBR, loss {loss}: {share:.3} of the path");
        assert!(share >= floor, "{share:.3} of the path at loss {loss}, floor {floor}");
    }
}

#[test]
fn jitter_that_keeps_the_order_is_no_queue() {
    for (loss, floor) in [(0.0, 0.75), (0.05, 0.70)] {
        let link = || LinkConfig { jitter: Duration::from_millis(10), ..lossy(loss) };
        let mut pair = Pair::bulk(1, &Config::default(), [link(), link()], BYTES);
        let took = pair.run_bulk(Duration::from_mins(5)).expect("finished");
        let share = BYTES as f64 * 8.0 / took.as_secs_f64() / 1e8 / (1.0 - loss);
        eprintln!("BBR, +-10 ms in order, loss {loss}: {share:.3} of the path");
        assert!(share >= floor, "{share:.3} at loss {loss}");
    }
}

#[test]
fn new_reno_does_what_its_formula_says() {
    // Mathis et al. 1997: 1.22 packets per round trip over the square root of the loss.
    let loss: f64 = 0.01;
    let share = median(Congestion::NewReno, loss);
    let formula = 1.22 / loss.sqrt() * 1200.0 * 8.0 / RTT.as_secs_f64() / 1e8;
    eprintln!("NewReno, loss {loss}: {share:.4} of the path, formula {formula:.4}");
    assert!((0.75..1.25).contains(&(share / formula)), "{share:.4}, formula {formula:.4}");
}

#[test]
fn the_limit_is_named() {
    let mut pair = Pair::bulk(1, &Config::default(), [path(10, RTT), path(10, RTT)], 5_000_000);
    pair.run_bulk(Duration::from_mins(1)).expect("finished");
    let limited = pair.client_stats().limited;
    let (by, share) = limited.shares().max_by(|a, b| a.1.total_cmp(&b.1)).expect("limits");
    assert_eq!(by, towline::connection::LimitedBy::Congestion, "{share}");
    assert!(share > 0.8, "{share}");
}
