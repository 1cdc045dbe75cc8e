//! Fairness: Jain's index, and flows of the shipped core that come to share a link.

use super::Depth;
use super::check::{Check, Tolerance, unless_broken};
use crate::connection::{Config, Congestion};
use crate::impair::{LinkConfig, UDP_IP_OVERHEAD};
use crate::sim::compare::{TowlineStream, Workload};
use crate::sim::scene::{Flow, Scene, SceneError, SceneRecord, Shape, jain, run};
use crate::time::Duration;

const JAIN: &str = "Jain, Chiu, Hawe 1984";
const CHIU: &str = "Chiu, Jain 1989";
const RATE: &str = "derived: Shares of a link";

/// Shares, and their index.
const EXAMPLES: [(&[f64], f64); 5] = [
    (&[1.0, 1.0, 1.0, 1.0], 1.0),
    (&[1.0, 0.0, 0.0, 0.0], 0.25),
    (&[3.0, 1.0], 0.8),
    (&[2.0, 1.0], 0.9),
    (&[1.0, 1.0, 1.0, 0.5], 0.942_307_692_307_692_3),
];

pub(super) fn checks(depth: Depth) -> Vec<Check> {
    let mut checks = examples(|shares| jain(shares.iter().copied()));
    let counts: &[usize] = if depth == Depth::Full { &[2, 4, 8] } else { &[2] };
    for &flows in counts {
        checks.extend(unless_broken(alike(flows, &crowd(flows))));
    }
    checks
}

/// The index of known shares.
pub(super) fn examples(index: impl Fn(&[f64]) -> f64) -> Vec<Check> {
    let check = |(shares, expected): (&[f64], f64)| {
        Check::new(
            format!("Jain's index of {shares:?}"),
            JAIN,
            expected,
            index(shares),
            Tolerance::Exact,
        )
    };
    EXAMPLES.into_iter().map(check).collect()
}

/// The first flow has the link to itself for so long; then the others come.
const HEAD_START: Duration = Duration::from_secs(5);
const DURATION: Duration = Duration::from_mins(1);
const RATE_BPS: u64 = 10_000_000;

/// The controllers of so many flows: all the same one.
pub(super) fn crowd(flows: usize) -> Vec<TowlineStream> {
    let config = Config { congestion: Congestion::NewReno, ..Config::default() };
    vec![TowlineStream::with(config); flows]
}

/// Flows over one bottleneck of 10 Mbit/s and 40 ms, with a round trip's worth of buffer.
fn share(modes: &[TowlineStream]) -> Result<SceneRecord, SceneError> {
    let link = LinkConfig::bottleneck(RATE_BPS, Duration::from_millis(20));
    let access = |_| [LinkConfig::default(), LinkConfig::default()];
    let (links, routes) = Shape::Dumbbell.build(modes.len(), &[link.clone(), link], access);
    let flow = |(n, (mode, route))| {
        let start =
            if n == 0 { Duration::ZERO } else { HEAD_START + Duration::from_millis(37) * n };
        let workload = Workload::greedy(DURATION, Duration::ZERO);
        Flow { name: format!("flow {n}"), mode, workload, start, route, client_skew_ppm: 0 }
    };
    let flows = (0..).zip(modes.iter().map(|mode| mode as _).zip(routes)).map(flow).collect();
    run(&Scene { links, flows, ..Scene::new(DURATION, 1) })
}

/// Flows of one controller come to share alike, and leave nothing of the link idle.
pub(super) fn alike(flows: usize, modes: &[TowlineStream]) -> Result<Vec<Check>, SceneError> {
    let record = share(modes)?;
    let half = record.began + DURATION / 2;
    let end = record.began + DURATION;
    let index = record.fairness(half, end);
    let rates = record.flows.iter().map(|flow| flow.goodput_bps(half, end));
    let used = rates.sum::<f64>() / RATE_BPS as f64;
    // Of a full packet, what is left without headers: none carries less than 1,200 bytes in 1,500.
    let most = 1.0 - UDP_IP_OVERHEAD as f64 / 1500.0;
    let name = |what: &str| format!("{flows} flows of NewReno, 30 to 60 s: {what}");
    Ok(vec![
        Check::new(name("Jain's index"), CHIU, 1.0, index, Tolerance::Between(0.95, 1.0)),
        Check::new(name("goodput per rate"), RATE, most, used, Tolerance::Between(0.9, most)),
    ])
}
