//! All runs of a comparison, on all cores.

use super::setting::Setting;
use crate::cores::on_all_cores;
use crate::failure::{Exit, Failure};
use std::time::Duration;
use towline::sim::compare::{Contender, Measures, Record, Scenario, Workload, run};

/// How many messages of the first run are kept for pictures at most. More would not be seen.
const WATCH: Duration = Duration::from_secs(20);

/// A mode and what it came to.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) title: String,
    /// It ran over real sockets: nobody saw what its packets carry.
    pub(crate) is_live: bool,
    /// Of all runs.
    pub(crate) measures: Measures,
    /// The same lane by lane, where there are several.
    pub(crate) lanes: Vec<Measures>,
    /// The lanes of each run.
    runs: Vec<Vec<Measures>>,
    /// Of each run, by seed.
    pub(crate) by_seed: Vec<(u64, Measures)>,
    /// The first run, where pictures are wanted.
    pub(crate) record: Option<Record>,
}

impl Outcome {
    /// Before the first run.
    pub(crate) fn new(mode: &dyn Contender, is_live: bool) -> Self {
        Self {
            name: mode.name().to_owned(),
            title: mode.title().to_owned(),
            is_live,
            measures: Measures::default(),
            lanes: Vec::new(),
            runs: Vec::new(),
            by_seed: Vec::new(),
            record: None,
        }
    }

    /// One more run.
    pub(crate) fn enter(&mut self, seed: u64, run: Run) {
        self.by_seed.push((seed, run.measures));
        self.runs.push(run.lanes);
        self.record = self.record.take().or(run.record);
    }

    /// After the last run.
    pub(crate) fn conclude(&mut self) {
        self.measures = Measures::join(self.by_seed.iter().map(|(_, measures)| measures));
        let count = self.runs.first().map_or(0, Vec::len);
        let lane = |n| Measures::join(self.runs.iter().filter_map(|lanes| lanes.get(n)));
        self.lanes = (0..count).map(lane).collect();
        self.runs.clear();
    }
}

/// What one run came to.
pub(crate) struct Run {
    pub(crate) measures: Measures,
    pub(crate) lanes: Vec<Measures>,
    pub(crate) record: Option<Record>,
}

impl Run {
    pub(crate) fn of(workload: &Workload, record: Record, is_kept: bool) -> Self {
        let count = if workload.lanes.len() > 1 { workload.lanes.len() as u16 } else { 0 };
        let lanes = (0..count).map(|lane| Measures::of_lane(workload, lane, [&record])).collect();
        let measures = Measures::of(workload, [&record]);
        Self { measures, lanes, record: is_kept.then_some(record) }
    }
}

/// Runs every mode with every seed.
pub(crate) fn all(setting: &Setting, is_drawn: bool) -> Result<Vec<Outcome>, Failure> {
    let Setting { modes, scenario, seeds, .. } = setting;
    let count = modes.len() * *seeds as usize;
    // Seed by seed: a mode that is slow to simulate is then slow on all cores alike.
    let job = |n: usize| (n % modes.len(), (n / modes.len()) as u64);
    let work = |n: usize| {
        let (mode, run_number) = job(n);
        let keeps = is_drawn && run_number == 0;
        let scenario = Scenario {
            seed: scenario.seed.wrapping_add(run_number),
            watch: Duration::ZERO..if keeps { WATCH } else { Duration::ZERO },
            ..scenario.clone()
        };
        let record = run(&*modes[mode], &scenario)?;
        Ok((scenario.seed, Run::of(&scenario.workload, record, keeps)))
    };
    let mut results = on_all_cores("comparing", count, !setting.is_quiet, &work);
    let mut outcomes: Vec<_> = modes.iter().map(|mode| Outcome::new(&**mode, false)).collect();
    results.sort_by_key(|(n, _)| *n);
    for (n, result) in results {
        let (seed, run) = result.map_err(|error: towline::impair::ImpairError| {
            Failure::new(Exit::Usage, error.to_string())
        })?;
        outcomes[job(n).0].enter(seed, run);
    }
    outcomes.iter_mut().for_each(Outcome::conclude);
    Ok(outcomes)
}
