//! Results to draw in tests.

use crate::sim::metric::Metric;
use crate::sim::results::{
    Axis, AxisValue, Cell, Detail, Estimate, Figures, FlowNote, Results, Unit, Verdict,
};
use std::time::Duration;
use towline::connection::{Config, Congestion};
use towline::impair::{LinkConfig, Loss};
use towline::sim::compare::{TowlineStream, Workload};
use towline::sim::scene::{Flow, Scene, Shape};

fn axis(name: &str, labels: &[&str]) -> Axis {
    let value = |label: &&str| AxisValue { label: (*label).to_owned(), number: label.parse().ok() };
    Axis { name: name.to_owned(), values: labels.iter().map(value).collect() }
}

fn cell(at: Vec<usize>, axes: &[Axis], figures: &[(Metric, f64)]) -> Cell {
    let mut parts: Vec<String> = axes
        .iter()
        .zip(&at)
        .map(|(axis, value)| format!("{}={}", axis.name, axis.values[*value].label))
        .collect();
    parts.sort();
    let label = parts.join(",");
    let estimate = |(metric, value): &(Metric, f64)| {
        (*metric, Estimate { value: *value, half_width: Some(*value * 0.01) })
    };
    let figures: Figures = figures.iter().map(estimate).collect();
    let p50 = figures.get(&Metric::P50).map_or(10.0, |estimate| estimate.value);
    let latencies: Vec<u64> = (0..1000).map(|n| (p50 * 1e6) as u64 + n * n * 40).collect();
    let unit = |replicate| Unit {
        id: format!("{label}#{replicate}"),
        replicate,
        seed: 7 + replicate,
        packets: 12_345,
        trace_hash: 0xDEAD_BEEF,
        ..Unit::default()
    };
    Cell {
        at,
        figures,
        offered: 1010,
        delivered: 1000,
        latencies,
        goodput_bps: (0..Cell::BUCKETS).map(|n| 1e6 + 1e4 * n as f64).collect(),
        units: (0..2).map(unit).collect(),
        label,
        ..Cell::default()
    }
}

/// Three modes over three round trips and four rates of loss: `latest` wins where there is loss.
pub(super) fn sweep() -> Results {
    let axes = vec![
        axis("rtt_ms", &["20", "50", "100"]),
        axis("loss", &["0", "0.01", "0.02", "0.05"]),
        axis("mode", &["stream", "latest", "udp"]),
    ];
    let mut cells = Vec::new();
    for (r, rtt) in [20.0, 50.0, 100.0].into_iter().enumerate() {
        for (l, loss) in [0.0, 0.01, 0.02, 0.05].into_iter().enumerate() {
            for mode in 0..3 {
                let base = rtt / 2.0;
                let repair = if loss > 0.0 {
                    [rtt * 2.0 + loss * 900.0, rtt * 0.6][mode.min(1)]
                } else {
                    0.0
                };
                let p99 = if mode == 2 && loss > 0.0 { f64::INFINITY } else { base + repair };
                let figures = [
                    (Metric::Delivered, if mode == 2 { 1.0 - loss } else { 1.0 }),
                    (Metric::P50, base),
                    (Metric::P99, p99),
                    (Metric::Goodput, 2.0 * (1.0 - loss * (mode as f64))),
                ];
                cells.push(cell(vec![r, l, mode], &axes, &figures));
            }
        }
    }
    let verdict = |cell, expected: &str, value, is_met| Verdict {
        cell,
        group: None,
        metric: Metric::P99,
        expected: expected.to_owned(),
        value,
        is_met,
    };
    Results {
        title: "A <game> & its loss".to_owned(),
        command: "towline sim run game.toml --html page.html".to_owned(),
        text: "[sweep]\nloss = [0, 0.01]\n".to_owned(),
        seed: 7,
        replicates: 2,
        duration: Duration::from_secs(30),
        skip: Duration::from_secs(1),
        axes,
        mode_axis: Some(2),
        cells,
        verdicts: vec![verdict(0, "< 80", Some(10.0), true), verdict(1, "< 5", None, false)],
        notes: vec!["a note".to_owned()],
        ..Results::default()
    }
}

/// One mode over four rates of loss.
pub(super) fn one_mode() -> Results {
    let axes = vec![axis("loss", &["0", "0.01", "0.02", "0.05"])];
    let cells = [0.0, 0.01, 0.02, 0.05].into_iter().enumerate().map(|(l, loss)| {
        let figures = [(Metric::P99, 20.0 + loss * 1000.0), (Metric::Goodput, 8.0 - loss * 90.0)];
        cell(vec![l], &axes, &figures)
    });
    let cells = cells.collect();
    Results { title: "one".to_owned(), replicates: 2, axes, cells, ..Results::default() }
}

/// Two greedy streams over one bottleneck, the second one later, in detail.
pub(super) fn dumbbell() -> Results {
    let link = LinkConfig {
        loss: Loss::Bernoulli { p: 0.001 },
        ..LinkConfig::bottleneck(10_000_000, Duration::from_millis(20))
    };
    let mut config = Config::default();
    config.congestion = Congestion::NewReno;
    let mode = TowlineStream::with(config);
    let access = |_| [LinkConfig::default(), LinkConfig::default()];
    let (links, routes) = Shape::Dumbbell.build(2, &[link.clone(), link], access);
    let lasting = Duration::from_secs(20);
    let flows = routes.into_iter().enumerate().map(|(number, route)| Flow {
        name: format!("flow {number}"),
        mode: &mode,
        workload: Workload::greedy(lasting, Duration::ZERO),
        start: Duration::from_secs(4) * number as u32,
        route,
        client_skew_ppm: 0,
    });
    let watch = Duration::from_secs(10)..Duration::from_millis(10_800);
    let flows: Vec<_> = flows.collect();
    let notes = flows.iter().map(|flow| FlowNote {
        name: flow.name.clone(),
        title: "towline stream, NewReno".to_owned(),
        start: flow.start,
        lanes: vec!["bulk".to_owned()],
        up: flow.route.up.clone(),
        down: flow.route.down.clone(),
    });
    let notes = notes.collect();
    let scene = Scene { links, flows, watch, ..Scene::new(lasting, 1) };
    let record = towline::sim::scene::run(&scene).unwrap();
    let figures = [(Metric::Goodput, 9.1), (Metric::Jain, 0.97), (Metric::QueueP99, 80.0)];
    let detail = Detail {
        unit: "#0".to_owned(),
        cell: 0,
        links: scene.links.clone(),
        flows: notes,
        events: vec![(Duration::from_secs(4), "flow 1 begins".to_owned())],
        record,
    };
    Results {
        title: "Two streams share a link".to_owned(),
        replicates: 1,
        duration: lasting,
        cells: vec![cell(vec![], &[], &figures)],
        details: vec![detail],
        ..Results::default()
    }
}
