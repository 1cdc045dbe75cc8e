//! Bulk transfers over bad networks: goodput as a share of what the path can carry.

use crate::net::{Pair, path};
use towline::connection::{Config, Congestion};
use towline::impair::Loss;
use towline::time::Duration;

#[test]
fn table() {
    for congestion in [Congestion::Bbr, Congestion::NewReno] {
        for loss in [0.0, 0.01, 0.05, 0.1, 0.2] {
            let mut link = path(100, Duration::from_millis(50));
            if loss > 0.0 {
                link.loss = Loss::Bernoulli { p: loss };
            }
            let mut config = Config::default();
            config.congestion = congestion;
            let mut pair = Pair::bulk(1, &config, [link.clone(), link], 20_000_000);
            let took = pair.run_bulk(Duration::from_mins(10));
            let stats = pair.client_stats();
            let share = took.map(|t| 20e6 * 8.0 / t.as_secs_f64() / 1e8 / (1.0 - loss));
            eprintln!(
                "{congestion:?} loss {loss} took {took:?} share {share:?} srtt {:?} min {:?} cwnd {} lost {} spurious {} pto {} {:?}",
                stats.srtt,
                stats.min_rtt,
                stats.cwnd,
                stats.recovery.packets_lost,
                stats.recovery.spurious,
                stats.recovery.pto_count,
                stats.limited.shares().map(|(l, s)| format!("{l} {s:.2}")).collect::<Vec<_>>()
            );
        }
    }
}
