//! What a campaign came to: cells of figures, and a few runs in detail.

use super::metric::Metric;
use std::collections::BTreeMap;
use std::time::Duration;
use towline::sim::scene::{SceneLink, SceneRecord};

/// All that a scenario file came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    /// The scenario's name.
    pub(crate) title: String,
    /// The line that was typed.
    pub(crate) command: String,
    /// The text of the scenario file.
    pub(crate) text: String,
    /// The first seed; replicate `r` has the seed `seed + r`.
    pub(crate) seed: u64,
    /// Runs of each cell.
    pub(crate) replicates: u64,
    /// How long each run lasts.
    pub(crate) duration: Duration,
    /// What is sent before this is not measured.
    pub(crate) skip: Duration,
    /// What was varied, the slowest first. Empty if nothing was.
    pub(crate) axes: Vec<Axis>,
    /// The place among `axes` of the mode of delivery, if that was varied; it is the last one then.
    pub(crate) mode_axis: Option<usize>,
    /// One for each combination of values, in the order of the axes: the last one varies fastest.
    /// Axes that are zipped have no cells for other combinations.
    pub(crate) cells: Vec<Cell>,
    /// The first replicate of the first cells, with samples and, if pictures were wanted, the first
    /// packets. Few.
    pub(crate) details: Vec<Detail>,
    /// What the file expects, for each cell that it expects it of.
    pub(crate) verdicts: Vec<Verdict>,
    /// What a reader has to know of the figures, one line each.
    pub(crate) notes: Vec<String>,
}

/// What was varied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    /// The setting, as short as it is clear: `rtt_ms`, `down.rate_mbit`, `mode`.
    pub(crate) name: String,
    /// Its values, in the order of the file.
    pub(crate) values: Vec<AxisValue>,
}

/// One value of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AxisValue {
    /// As it stands in the file: `0.02`, `stream`.
    pub(crate) label: String,
    /// The same as a number, in the unit that the axis's name ends in; `None` if it is none.
    pub(crate) number: Option<f64>,
}

/// One combination of values, and what all its replicates came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// The place of its value on each axis.
    pub(crate) at: Vec<usize>,
    /// `loss=0.02,mode=stream,rtt_ms=100`, by name in alphabetical order; empty if nothing varies.
    pub(crate) label: String,
    /// Of all flows together.
    pub(crate) figures: Figures,
    /// Of each entry of `[[flows]]`, where there are several.
    pub(crate) groups: Vec<Group>,
    /// How long messages took, of all replicates, in nanoseconds, ascending; of more than
    /// [`Cell::MAX_LATENCIES`] every so many-th and the last.
    pub(crate) latencies: Vec<u64>,
    /// How many messages or exchanges were begun: `latencies` and those that never arrived.
    pub(crate) offered: u64,
    /// How many arrived.
    pub(crate) delivered: u64,
    /// Bits of messages per second that arrived in each of [`Cell::BUCKETS`] equal parts of the
    /// duration, of all flows together, on average over the replicates.
    pub(crate) goodput_bps: Vec<f64>,
    /// Its runs, by replicate.
    pub(crate) units: Vec<Unit>,
}

impl Cell {
    /// The most latencies that are kept.
    pub(crate) const MAX_LATENCIES: usize = 20_000;
    /// The parts of the duration.
    pub(crate) const BUCKETS: usize = 60;
}

/// A figure for each metric that could be measured.
pub(crate) type Figures = BTreeMap<Metric, Estimate>;

/// A figure of several runs, in its [`Metric`]'s unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// Latencies and shares: of all runs taken together; else the mean over the runs. Infinite if too
    /// many messages never arrived.
    pub(crate) value: f64,
    /// The mean over the runs is so far from the true one to either side at most, with 95 %
    /// confidence (Student's t); `None` from one run, or if a run has no finite figure.
    pub(crate) half_width: Option<f64>,
}

/// Flows of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// What the file calls it.
    pub(crate) name: String,
    /// The name of its mode.
    pub(crate) mode: String,
    /// How many flows it has.
    pub(crate) count: usize,
    /// Of its flows together.
    pub(crate) figures: Figures,
}

/// One run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Unit {
    /// `loss=0.02,mode=stream,rtt_ms=100#3`: its cell and its replicate.
    pub(crate) id: String,
    /// Which replicate, from 0.
    pub(crate) replicate: u64,
    /// What decided all that is random.
    pub(crate) seed: u64,
    /// Its figures, in their metrics' units; infinite where too many messages never arrived.
    pub(crate) figures: BTreeMap<Metric, f64>,
    /// Packets sent by all hosts.
    pub(crate) packets: u64,
    /// Equal hashes mean equal runs.
    pub(crate) trace_hash: u64,
    /// What must not have happened.
    pub(crate) faults: Vec<String>,
}

/// One run with all that was recorded of it.
#[derive(Clone, Debug)]
pub(crate) struct Detail {
    /// Its unit's id.
    pub(crate) unit: String,
    /// The place of its cell in [`Results::cells`].
    pub(crate) cell: usize,
    /// The links, as they were at the beginning.
    pub(crate) links: Vec<SceneLink>,
    /// The flows, in the record's order.
    pub(crate) flows: Vec<FlowNote>,
    /// What happened meanwhile: when, from the beginning, and what in a few words.
    pub(crate) events: Vec<(Duration, String)>,
    /// What became of all.
    pub(crate) record: SceneRecord,
}

/// What a flow of a [`Detail`] is.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlowNote {
    /// What it is called.
    pub(crate) name: String,
    /// Its mode in a few words, with its congestion controller where that was chosen.
    pub(crate) title: String,
    /// When its workload begins, from the beginning of the scene.
    pub(crate) start: Duration,
    /// The names of its lanes, by [`towline::sim::compare::MessageRecord::lane`].
    pub(crate) lanes: Vec<String>,
    /// The links that it crosses from the client to the server, by their places.
    pub(crate) up: Vec<usize>,
    /// The same on the way back.
    pub(crate) down: Vec<usize>,
}

/// Whether a cell is as expected.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// The place of the cell.
    pub(crate) cell: usize,
    /// The name of the [`Group`] whose figure it is; `None` if it is that of all flows together.
    pub(crate) group: Option<String>,
    /// What was expected of which metric.
    pub(crate) metric: Metric,
    /// In the words of the file: `< 80`.
    pub(crate) expected: String,
    /// What it is; `None` if that could not be measured, which is a miss.
    pub(crate) value: Option<f64>,
    /// Whether it is as expected.
    pub(crate) is_met: bool,
}
