//! A scenario file, read: its cells, how often each is run, and what is expected of them.

use super::document::{Node, Table, Value};
use super::expect::{self, Expectation};
use super::fields::{Fields, Read};
use super::flows::MODES;
use super::plan::{Frame, Plan};
use super::results::Axis;
use super::sweep::Sweep;
use crate::failure::{Exit, Failure};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The largest file that is read.
const MAX_FILE: u64 = 1 << 20;
const DURATION: Duration = Duration::from_secs(30);
/// Of a scene nothing else is said about, what is sent in this part of it is not measured.
const SKIPPED_PART: u32 = 10;
const REPLICATES: u64 = 10;
const MAX_REPLICATES: u64 = 10_000;
/// Runs of one file.
const MAX_UNITS: u64 = 1_000_000;
/// From one sample to the next: as many as there are columns in a picture, but not rarer than this.
const SAMPLES: u32 = 60;
const SAMPLE_EVERY: Duration = Duration::from_millis(100);

/// What the command line says about a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    /// `network.loss=0.1`.
    pub(crate) set: Vec<String>,
    pub(crate) seed: Option<u64>,
    pub(crate) replicates: Option<u64>,
}

/// All that a file asks for.
#[derive(Debug)]
pub(crate) struct Campaign {
    pub(crate) title: String,
    pub(crate) text: String,
    /// Replicate `r` has the seed `seed + r`, whatever its cell and mode: so all of them meet the same
    /// random numbers, and differ by what they do alone.
    pub(crate) seed: u64,
    pub(crate) replicates: u64,
    pub(crate) frame: Frame,
    pub(crate) axes: Vec<Axis>,
    pub(crate) mode_axis: Option<usize>,
    /// In the order of the axes, the last one fastest: the places of the cell's values, its label,
    /// and what to run.
    pub(crate) cells: Vec<CellPlan>,
    pub(crate) expectations: Vec<Expectation>,
}

/// A cell before it is run.
#[derive(Debug)]
pub(crate) struct CellPlan {
    pub(crate) at: Vec<usize>,
    pub(crate) label: String,
    pub(crate) plan: Plan,
}

impl Campaign {
    /// From a file.
    pub(crate) fn open(path: &Path, overrides: &Overrides) -> Result<Self, Failure> {
        let shown = path.display();
        let usage = |line: String| Failure::new(Exit::Usage, line);
        let cannot = |error| {
            let what = format_args!("cannot read the scenario \"{shown}\"");
            usage(Failure::local(what, &error).message)
        };
        if fs::metadata(path).map_err(cannot)?.len() > MAX_FILE {
            return Err(usage(format!("\"{shown}\" is larger than 1 MiB")));
        }
        let bytes = fs::read(path).map_err(cannot)?;
        let text = String::from_utf8_lossy(&bytes);
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
        let wrong = |error: String| {
            let is_of_option = error.starts_with("--");
            usage(if is_of_option { error } else { format!("\"{shown}\"{error}") })
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::read(&stem, &text, folder, overrides).map_err(wrong)
    }

    /// From a file's text, and the folder it is in. Errors begin with the line they are in: `, line 3: ...`.
    pub(crate) fn read(stem: &str, text: &str, folder: &Path, overrides: &Overrides) -> Read<Self> {
        let mut root = Node::parse(text)?;
        overrides.set.iter().try_for_each(|setting| root.set(setting))?;
        let Value::Table(table) = &root.value else { return Err(": is no table".to_owned()) };
        let mut fields = Fields::new("", vec![table]);
        let title = fields.text("name")?.unwrap_or(stem).to_owned();
        let seed = fields.whole("seed", 0, u64::MAX)?;
        let replicates = fields.whole("replicates", 1, MAX_REPLICATES)?;
        let frame = frame(&mut fields)?;
        let expected = fields.table("expect")?;
        top_level(&mut fields)?;
        let sweep = Sweep::of(&root)?;
        let cell = |n| {
            let label = sweep.label(n);
            let plan = Plan::read(&sweep.fix(&root, n)?, frame, folder);
            let plan = plan.map_err(|error| with_cell(&error, &label, sweep.len()))?;
            Ok(CellPlan { at: sweep.at(n).to_vec(), label, plan })
        };
        let cells = (0..sweep.len()).map(cell).collect::<Read<Vec<_>>>()?;
        let (axes, mode_axis) = (sweep.axes(), sweep.mode_axis());
        refuse_idle_modes(&fields, mode_axis, &cells)?;
        let known = names(&axes, mode_axis, &cells);
        let empty = Table::new();
        let campaign = Self {
            title,
            text: text.to_owned(),
            seed: overrides.seed.or(seed).unwrap_or(1),
            replicates: overrides.replicates.or(replicates).unwrap_or(REPLICATES),
            frame,
            axes,
            mode_axis,
            cells,
            expectations: expect::read(expected.unwrap_or(&empty), &known)?,
        };
        let units = campaign.cells.len() as u64 * campaign.replicates;
        if units > MAX_UNITS {
            return Err(format!(": {units} runs: at most {MAX_UNITS}"));
        }
        Ok(campaign)
    }
}

fn frame(fields: &mut Fields<'_>) -> Read<Frame> {
    let duration = fields.number("duration", 0.1, 3600.0)?;
    let duration = duration.map_or(DURATION, Duration::from_secs_f64);
    let skip = fields.seconds("skip")?.unwrap_or(duration / SKIPPED_PART);
    if skip >= duration {
        return Err(fields.error("skip", "skip must be shorter than the duration"));
    }
    let usual = (duration / SAMPLES).clamp(Duration::from_millis(1), SAMPLE_EVERY);
    let sample_every = fields.number("sample_ms", 1.0, 3_600_000.0)?;
    let sample_every = sample_every.map_or(usual, |ms| Duration::from_secs_f64(ms / 1e3));
    let settles = fields.truth("settles")?.unwrap_or(true);
    Ok(Frame { duration, skip, sample_every, settles })
}

/// That the file has no strange fields at its top; what is in the others is read cell by cell.
fn top_level(fields: &mut Fields<'_>) -> Read<()> {
    const OTHERS: [&str; 12] = [
        "about",
        "modes",
        "zip",
        "network",
        "access",
        "flows",
        "cross",
        "events",
        "workload",
        "lanes",
        "from",
        "controller",
    ];
    for field in OTHERS {
        fields.get(field);
    }
    fields.end()
}

/// Says in which cell something is wrong, where the file alone does not.
fn with_cell(error: &str, label: &str, cells: usize) -> String {
    if cells > 1 && !error.starts_with(", line") {
        return format!(": where {label}{error}");
    }
    error.to_owned()
}

/// Modes that nobody uses would be the same cells under different names.
fn refuse_idle_modes(
    fields: &Fields<'_>,
    mode_axis: Option<usize>,
    cells: &[CellPlan],
) -> Read<()> {
    let Some(axis) = mode_axis else { return Ok(()) };
    let uses = |cell: &CellPlan| {
        cell.plan.kinds.iter().map(|kind| kind.mode.name().to_owned()).collect::<Vec<_>>()
    };
    let modes = |cell: &&CellPlan| cell.at.iter().enumerate().all(|(n, at)| n == axis || *at == 0);
    let used: BTreeSet<_> = cells.iter().filter(modes).map(uses).collect();
    if used.len() < cells.iter().filter(modes).count() {
        return Err(fields.error(MODES, "modes: all flows have a mode of their own"));
    }
    Ok(())
}

/// What expectations may speak of: modes and kinds of flows.
fn names(axes: &[Axis], mode_axis: Option<usize>, cells: &[CellPlan]) -> Vec<String> {
    let modes = mode_axis.into_iter().flat_map(|axis| &axes[axis].values);
    let kinds = cells.first().into_iter().flat_map(|cell| &cell.plan.kinds);
    let kinds = kinds.map(|kind| kind.name.clone());
    modes.map(|value| value.label.clone()).chain(kinds).collect()
}
