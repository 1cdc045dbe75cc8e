//! Runs the units of a campaign on all cores. The results are the same on any number of them.

use super::campaign::{Campaign, CellPlan};
use super::measure::{self, Raw};
use super::results::{Cell, Detail, Results};
use crate::cores::on_all_cores;
use crate::failure::{Exit, Failure};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use towline::sim::compare::Measures;
use towline::sim::scene::{self, SceneRecord};

/// The most runs whose records are kept.
const MAX_DETAILS: usize = 8;

/// Which part of a campaign is run, and what is kept of it.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// The places of cells.
    pub(crate) cells: Vec<usize>,
    pub(crate) replicates: Range<u64>,
    /// The stretch whose packets are kept one by one in details, from the beginning of the scene;
    /// `None` if no details are wanted.
    pub(crate) watch: Option<Range<Duration>>,
    pub(crate) shows_progress: bool,
}

impl Selection {
    /// All of it.
    pub(crate) fn all(campaign: &Campaign) -> Self {
        Self {
            cells: (0..campaign.cells.len()).collect(),
            replicates: 0..campaign.replicates,
            watch: None,
            shows_progress: false,
        }
    }

    /// The cells of which a run is kept: those with the first value on every axis but that of the
    /// modes, or where there are none of these, the first ones.
    fn detailed(&self, campaign: &Campaign) -> Vec<usize> {
        let is_first = |place: &&usize| {
            let at = &campaign.cells[**place].at;
            at.iter().enumerate().all(|(n, at)| Some(n) == campaign.mode_axis || *at == 0)
        };
        let mut cells: Vec<usize> = self.cells.iter().filter(is_first).copied().collect();
        if cells.is_empty() {
            cells.clone_from(&self.cells);
        }
        cells.truncate(MAX_DETAILS);
        cells
    }
}

/// One run of a cell, and its record where that is wanted.
type Done = (u64, u64, Raw, Option<SceneRecord>);

/// A cell of which all units have been run.
struct Finished {
    cell: Cell,
    whole: Measures,
    record: Option<SceneRecord>,
}

/// Runs them. `each` sees all messages of each cell before they are thinned, in any order.
pub(crate) fn run<T: Send>(
    campaign: &Campaign,
    selection: &Selection,
    each: &(impl Fn(usize, &Measures) -> T + Sync),
) -> Result<(Results, Vec<T>), Failure> {
    let replicates = selection.replicates.end.saturating_sub(selection.replicates.start) as usize;
    let detailed = match selection.watch {
        Some(_) => selection.detailed(campaign),
        None => Vec::new(),
    };
    let pending: Vec<Mutex<Vec<Done>>> =
        selection.cells.iter().map(|_| Mutex::new(Vec::with_capacity(replicates))).collect();
    // Cell by cell: what is finished need not be kept.
    let work = |n: usize| {
        let (turn, replicate) =
            (n / replicates, selection.replicates.start + (n % replicates) as u64);
        let place = selection.cells[turn];
        let keeps = replicate == selection.replicates.start && detailed.contains(&place);
        let watch = selection.watch.clone().filter(|_| keeps);
        let plan = &campaign.cells[place];
        let done = unit(campaign, plan, replicate, watch)?;
        let mut waiting = pending[turn].lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(done);
        if waiting.len() < replicates {
            return Ok(None);
        }
        let all = std::mem::take(&mut *waiting);
        drop(waiting);
        let finished = finish(plan, all);
        let told = each(place, &finished.whole);
        Ok(Some((place, finished.cell, finished.record, told)))
    };
    let count = selection.cells.len() * replicates;
    let done = on_all_cores("simulating", count, selection.shows_progress, &work);
    let done: Vec<Option<_>> =
        done.into_iter().map(|(_, result)| result).collect::<Result<_, Failure>>()?;
    let mut cells: Vec<_> = done.into_iter().flatten().collect();
    cells.sort_by_key(|(place, ..)| *place);
    let mut results = empty(campaign, replicates as u64);
    let mut told = Vec::new();
    for (place, cell, record, own) in cells {
        let turn = results.cells.len();
        results
            .details
            .extend(record.map(|record| detail(&campaign.cells[place], &cell, turn, record)));
        results.cells.push(cell);
        told.push(own);
    }
    results.verdicts = campaign.expectations.iter().flat_map(|e| e.check(&results)).collect();
    Ok((results, told))
}

/// Runs one unit.
fn unit(
    campaign: &Campaign,
    cell: &CellPlan,
    replicate: u64,
    watch: Option<Range<Duration>>,
) -> Result<Done, Failure> {
    let seed = campaign.seed.wrapping_add(replicate);
    let keeps = watch.is_some();
    let scene = cell.plan.scene(seed, watch.unwrap_or_default());
    let record = scene::run(&scene).map_err(|error| {
        Failure::new(Exit::Usage, format!("{}#{replicate}: {error}", cell.label))
    })?;
    let raw = Raw::of(&cell.plan, &record);
    Ok((replicate, seed, raw, keeps.then_some(record)))
}

fn finish(cell: &CellPlan, mut all: Vec<Done>) -> Finished {
    all.sort_by_key(|(replicate, ..)| *replicate);
    let record = all.iter_mut().find_map(|(.., record)| record.take());
    let raws: Vec<_> =
        all.into_iter().map(|(replicate, seed, raw, _)| (replicate, seed, raw)).collect();
    let (mut summary, whole) = measure::cell(&cell.plan, &cell.label, &raws);
    summary.at.clone_from(&cell.at);
    Finished { cell: summary, whole, record }
}

fn detail(plan: &CellPlan, cell: &Cell, place: usize, record: SceneRecord) -> Detail {
    let events = plan.plan.events.iter().map(|(event, words)| (event.at, words.clone()));
    Detail {
        unit: cell.units.first().map_or_else(String::new, |unit| unit.id.clone()),
        cell: place,
        links: plan.plan.links.clone(),
        flows: plan.plan.members.iter().map(|member| member.note.clone()).collect(),
        events: events.collect(),
        record,
    }
}

fn empty(campaign: &Campaign, replicates: u64) -> Results {
    Results {
        title: campaign.title.clone(),
        command: command(),
        text: campaign.text.clone(),
        seed: campaign.seed,
        replicates,
        duration: campaign.frame.duration,
        skip: campaign.frame.skip,
        axes: campaign.axes.clone(),
        mode_axis: campaign.mode_axis,
        ..Results::default()
    }
}

/// The line that was typed.
fn command() -> String {
    let arguments =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    ["towline".to_owned()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}
