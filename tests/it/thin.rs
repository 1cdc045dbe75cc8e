//! Flows of few small packets, where timers make the latency: a game's, and calls one after another.

use std::time::Duration;
use towline::connection::{ChannelConfig, Config, Redundancy};
use towline::impair::{LinkConfig, Loss};
use towline::sim::compare::{
    Contender, Measures, Permille, Scenario, TowlineChannels, TowlineStream, Workload, run,
};
use towline::stream::Delivery;

/// Latency and cost of a usual workload over 20 Mbit/s and 100 ms, in order, of `seeds` runs: p99 in
/// milliseconds, bytes on the wire per byte.
fn measure(workload: &str, loss: f64, mode: &dyn Contender, seeds: u64) -> (f64, f64) {
    let workload = Workload::named(workload).unwrap();
    let link = LinkConfig {
        rate_bps: Some(20_000_000),
        capacity_bytes: 250_000,
        delay: Duration::from_millis(50),
        loss: if loss > 0.0 { Loss::Bernoulli { p: loss } } else { Loss::None },
        ..LinkConfig::default()
    };
    let runs = (1..=seeds).map(|seed| {
        let watch = Duration::ZERO..Duration::ZERO;
        let (up, down) = (link.clone(), link.clone());
        let scenario = Scenario { workload: workload.clone(), up, down, seed, watch };
        let record = run(mode, &scenario).unwrap();
        let measures = Measures::of(&workload, [&record]);
        assert_eq!(measures.faults, Vec::<String>::new(), "seed {seed}");
        assert!((measures.delivered_share() - 1.0).abs() < f64::EPSILON, "seed {seed}");
        measures
    });
    let measures = Measures::join(&runs.collect::<Vec<_>>());
    let p99 = measures.latency(Permille(990)).unwrap().as_secs_f64() * 1e3;
    (p99, measures.wire_per_byte())
}

/// Holds bounds of p99 and cost for each loss.
fn hold(workload: &str, mode: &dyn Contender, seeds: u64, bounds: &[(f64, f64, f64)]) {
    for &(loss, most_ms, most_bytes) in bounds {
        let (p99, bytes) = measure(workload, loss, mode, seeds);
        println!("{workload} {} loss {loss}: p99 {p99:.1} ms, {bytes:.3} bytes", mode.name());
        assert!(p99 <= most_ms, "p99 of {workload} at loss {loss}: {p99:.1} ms, bound {most_ms}");
        assert!(bytes <= most_bytes, "{workload} at loss {loss}: {bytes:.3}, bound {most_bytes}");
    }
}

fn ordered(redundancy: Redundancy) -> TowlineChannels {
    let mut config = Config::default();
    config.redundancy = redundancy;
    TowlineChannels::new("ordered", "ordered", ChannelConfig::new(Delivery::Ordered), config)
}

#[test]
fn a_game_gets_its_messages_in_time_although_packets_are_lost() {
    let bounds = [(0.0, 51.0, 1.55), (0.01, 70.0, 2.5), (0.05, 85.0, 2.7), (0.1, 100.0, 3.7)];
    hold("game", &ordered(Redundancy::Adaptive), 20, &bounds);
}

#[test]
fn a_game_without_redundancy_is_as_good_as_retransmission_can_be() {
    let bounds = [(0.0, 51.0, 1.55), (0.01, 185.0, 1.55), (0.05, 255.0, 1.65), (0.1, 320.0, 1.75)];
    hold("game", &ordered(Redundancy::Off), 20, &bounds);
}

#[test]
fn calls_do_not_wait_for_timers_more_than_they_must() {
    let bounds = [(0.0, 105.0, 1.1), (0.01, 215.0, 1.25), (0.05, 330.0, 1.3), (0.1, 440.0, 1.4)];
    hold("rpc", &ordered(Redundancy::Adaptive), 40, &bounds);
    hold("rpc", &TowlineStream::default(), 40, &bounds);
}
