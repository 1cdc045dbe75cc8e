//! `towline compare --senders N`: what many get through one link together, by how much they offer.

use super::args::{Compare, Path};
use super::{modes, setting, table};
use crate::cores::on_all_cores;
use crate::failure::{Exit, Failure};
use crate::report::{Json, Table};
use crate::units::plain;
use std::fmt::Write as _;
use std::time::Duration;
use towline::impair::ImpairError;
use towline::sim::compare::{Contender, Crowding, Scenario, crowd, offering};

/// What all senders together offer, in rates of the link.
const LOADS: [f64; 8] = [0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0];
/// How long they offer it, and how long before it counts, where nobody says.
const DURATION: Duration = Duration::from_secs(12);
const SKIP: Duration = Duration::from_secs(4);
/// How many runs where nobody says: without random losses they hardly differ.
const SEEDS: u64 = 1;
/// What is compared where nobody says.
const MODES: [&str; 5] = ["udp", "go-back-n", "selective-repeat", "tcp-like", "stream"];

/// A crowd and what became of what it offered.
pub(crate) struct Crowd {
    pub(crate) senders: u16,
    pub(crate) loads: Vec<f64>,
    pub(crate) rows: Vec<Row>,
    path: Path,
    duration: Duration,
    seed: u64,
    seeds: u64,
}

/// A mode.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) title: String,
    /// One for each load.
    pub(crate) points: Vec<Point>,
}

/// What came of one load, on average.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Point {
    /// What arrived, in rates of the link.
    pub(crate) share: f64,
    goodput_bps: f64,
    dropped: f64,
    fairness: f64,
}

impl Crowd {
    /// Lets the crowd offer each load in each mode.
    pub(crate) fn run(arguments: &Compare, senders: u16) -> Result<Self, Failure> {
        let usage = |line: String| Failure::new(Exit::Usage, line);
        let path = arguments.path.or(&Path { loss: Some(0.0), ..Path::usual() });
        let link = setting::link(&path).map_err(usage)?;
        let rate = path.rate.unwrap_or_default() as f64;
        let duration = arguments.duration.unwrap_or(DURATION);
        let usual: Vec<String> = MODES.map(str::to_owned).to_vec();
        let modes = modes::named(arguments.modes.as_ref().unwrap_or(&usual));
        let seeds = arguments.seeds.unwrap_or(SEEDS);
        let scenario = |load: f64, run: u64| {
            let workload =
                offering(rate * load / f64::from(senders), duration, SKIP.min(duration / 3));
            Scenario {
                workload,
                up: link.clone(),
                down: link.clone(),
                seed: arguments.seed.wrapping_add(run),
                watch: Duration::ZERO..Duration::ZERO,
            }
        };
        for load in LOADS {
            scenario(load, 0).workload.validate().map_err(|error| usage(error.to_string()))?;
        }
        let runs = LOADS.len() * seeds as usize;
        let work = |n: usize| {
            let (mode, load, run) = (&modes[n / runs], n % LOADS.len(), n % runs / LOADS.len());
            crowd(&**mode, &scenario(LOADS[load], run as u64), senders)
        };
        let mut results =
            on_all_cores("comparing", modes.len() * runs, !arguments.style.quiet, &work);
        results.sort_by_key(|(n, _)| *n);
        let results = results.into_iter().map(|(_, result)| result);
        let results: Vec<Crowding> = results
            .collect::<Result<_, ImpairError>>()
            .map_err(|error| usage(error.to_string()))?;
        let rows = modes.iter().zip(results.chunks(runs));
        let rows = rows.map(|(mode, results)| Row::new(&**mode, results, rate)).collect();
        let (seed, loads) = (arguments.seed, LOADS.to_vec());
        Ok(Self { senders, loads, rows, path, duration, seed, seeds })
    }

    /// What was compared.
    pub(crate) fn headline(&self) -> String {
        let runs =
            if self.seeds == 1 { "seed".to_owned() } else { format!("{} seeds from", self.seeds) };
        format!(
            "{} senders on one link for {} s: {}; {runs} {}",
            self.senders,
            plain(self.duration.as_secs_f64()),
            table::network(&self.path),
            self.seed
        )
    }

    /// What arrives of each load, and what it takes.
    pub(crate) fn tables(&self) -> [Table; 2] {
        let heads: Vec<String> = self.loads.iter().map(|load| plain(*load)).collect();
        let table = |name, value: &dyn Fn(&Point) -> String| {
            let heads: Vec<&str> =
                [name].into_iter().chain(heads.iter().map(String::as_str)).collect();
            let mut table = Table::new(&heads);
            for row in &self.rows {
                table.row(&row.title, row.points.iter().map(value));
            }
            table
        };
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        [
            table("useful, at load", &|point| percent(point.share)),
            table("dropped, at load", &|point| percent(point.dropped)),
        ]
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> Vec<Json> {
        let millis = |time: Option<Duration>| time.map_or(0.0, |time| time.as_secs_f64() * 1e3);
        let scenario = Json::default()
            .text("event", "crowd")
            .number("senders", self.senders.into())
            .float("duration_seconds", self.duration.as_secs_f64())
            .number("seed", self.seed)
            .number("seeds", self.seeds)
            .float("loss", self.path.loss.unwrap_or_default())
            .float("rtt_ms", millis(self.path.rtt))
            .number("rate_bps", self.path.rate.unwrap_or_default());
        let points = self.points().map(|(row, load, point)| {
            Json::default()
                .text("event", "load")
                .text("mode", &row.name)
                .float("load", load)
                .float("goodput_bps", point.goodput_bps)
                .float("useful_share", point.share)
                .float("dropped_share", point.dropped)
                .float("fairness", point.fairness)
        });
        [scenario].into_iter().chain(points).collect()
    }

    /// One line for each mode and load.
    pub(crate) fn csv(&self) -> String {
        let mut text = "mode,load,goodput_bps,useful_share,dropped_share,fairness\n".to_owned();
        for (row, load, point) in self.points() {
            let Point { share, goodput_bps, dropped, fairness } = point;
            let _ = writeln!(
                text,
                "{},{load:.2},{goodput_bps:.0},{share:.6},{dropped:.6},{fairness:.6}",
                row.name
            );
        }
        text
    }

    fn points(&self) -> impl Iterator<Item = (&Row, f64, &Point)> {
        let of = |row: &'_ Row| row.points.len();
        self.rows.iter().flat_map(move |row| {
            debug_assert_eq!(of(row), self.loads.len());
            self.loads.iter().zip(&row.points).map(move |(load, point)| (row, *load, point))
        })
    }
}

impl Row {
    /// The means of a mode's runs, which come load by load and then seed by seed.
    fn new(mode: &dyn Contender, results: &[Crowding], rate: f64) -> Self {
        let point = |load: usize| {
            let own: Vec<&Crowding> = results.iter().skip(load).step_by(LOADS.len()).collect();
            let mean = |value: &dyn Fn(&Crowding) -> f64| {
                own.iter().map(|crowding| value(crowding)).sum::<f64>() / own.len().max(1) as f64
            };
            let goodput_bps = mean(&Crowding::goodput_bps);
            Point {
                share: goodput_bps / rate.max(1.0),
                goodput_bps,
                dropped: mean(&Crowding::dropped_share),
                fairness: mean(&Crowding::fairness),
            }
        };
        let points = (0..LOADS.len()).map(point).collect();
        Self { name: mode.name().to_owned(), title: mode.title().to_owned(), points }
    }
}

/// What the words mean.
pub(crate) const LEGEND: &str = "\
load: what all senders together have to send, in rates of the link.
useful: what arrives whole and for the first time, in rates of the link.
dropped: packets that the queue had no room for.";
