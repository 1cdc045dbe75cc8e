//! Who sends what, in which mode, over links of their own: from `[[flows]]` to flows.

use super::document::Table;
use super::fields::{Fields, Read};
use super::lanes;
use super::network::Layers;
use super::results::FlowNote;
use crate::compare::modes;
use std::time::Duration;
use towline::connection::Congestion;
use towline::sim::compare::{Contender, Lane, Traffic, Workload};
use towline::sim::scene::{Route, Scene};

/// The most that a clock may be fast or slow, in millionths: a tenth.
const MAX_SKEW: f64 = 100_000.0;
/// The mode where nobody says.
pub(crate) const USUAL_MODE: &str = "stream";
/// The field of the file with the modes of all flows that have none of their own.
pub(crate) const MODES: &str = "modes";
/// Fields of one flow that may stand at the top of the file where there are no `[[flows]]`.
const OF_ONE_FLOW: [&str; 3] = ["workload", "lanes", "from"];

/// Flows of one kind.
pub(crate) struct Kind<'t> {
    pub(crate) name: String,
    pub(crate) mode: Box<dyn Contender>,
    /// The mode in a few words, with its controller where that was chosen.
    pub(crate) title: String,
    /// What they send, and its name.
    pub(crate) lanes: Vec<Lane>,
    pub(crate) workload: String,
    pub(crate) count: usize,
    pub(crate) start: Duration,
    /// When they stop, where that is not the end of the scene.
    stop: Option<Duration>,
    /// From the start of one to that of the next.
    stagger: Duration,
    pub(crate) skew_ppm: i32,
    /// What is special about their access links.
    access: Option<&'t Table>,
}

/// All kinds of flows of a file in which nothing varies any more.
pub(crate) fn read<'t>(root: &mut Fields<'t>) -> Read<Vec<Kind<'t>>> {
    let tables = root.tables("flows")?;
    let mode = root.text(MODES)?;
    let controller = root.one_of("controller", &CONTROLLERS)?;
    if tables.is_empty() {
        let (workload, lanes) = lanes::read(root)?;
        let (mode, title) = contender(root, MODES, mode, controller)?;
        let name = workload.clone();
        return Ok(vec![Kind { name, lanes, workload, ..Kind::new(mode, title) }]);
    }
    for field in OF_ONE_FLOW {
        if root.get(field).is_some() {
            return Err(root.error(field, format_args!("{field} belongs into [[flows]]")));
        }
    }
    let count = tables.len();
    let kinds = (1..).zip(tables).map(|(number, table)| {
        let place = if count == 1 { "flows".to_owned() } else { format!("flows {number}") };
        kind(&mut Fields::new(place, vec![table]), mode, controller)
    });
    let mut kinds = kinds.collect::<Read<Vec<_>>>()?;
    tell_apart(&mut kinds);
    let total: usize = kinds.iter().map(|kind| kind.count).sum();
    if total > Scene::MAX_FLOWS {
        let most = Scene::MAX_FLOWS;
        return Err(root.error("flows", format_args!("{total} flows: at most {most}")));
    }
    Ok(kinds)
}

const CONTROLLERS: [(&str, Congestion); 2] =
    [("bbr", Congestion::Bbr), ("newreno", Congestion::NewReno)];

fn kind<'t>(
    fields: &mut Fields<'t>,
    mode: Option<&str>,
    controller: Option<Congestion>,
) -> Read<Kind<'t>> {
    let name = fields.text("name")?;
    let (workload, lanes) = lanes::read(fields)?;
    let own_mode = fields.text("mode")?;
    let own_controller = fields.one_of("controller", &CONTROLLERS)?;
    let chosen = own_controller.or(controller);
    let (mode, title) = contender(fields, "mode", own_mode.or(mode), chosen)?;
    let kind = Kind {
        name: name.unwrap_or(&workload).to_owned(),
        workload,
        lanes,
        count: fields.whole("count", 1, Scene::MAX_FLOWS as u64)?.unwrap_or(1) as usize,
        start: fields.seconds("start")?.unwrap_or_default(),
        stop: fields.seconds("stop")?,
        stagger: fields.millis("stagger_ms")?.unwrap_or_default(),
        skew_ppm: fields.number("skew_ppm", -MAX_SKEW, MAX_SKEW)?.unwrap_or_default() as i32,
        access: fields.table("access")?,
        ..Kind::new(mode, title)
    };
    fields.end()?;
    Ok(kind)
}

fn contender(
    fields: &Fields<'_>,
    field: &str,
    mode: Option<&str>,
    controller: Option<Congestion>,
) -> Read<(Box<dyn Contender>, String)> {
    let name = mode.unwrap_or(USUAL_MODE);
    let mode = modes::with_controller(name, controller)
        .map_err(|error| fields.error(field, format_args!("{field} = \"{name}\" {error}")))?;
    let word = CONTROLLERS.iter().find(|(_, known)| Some(*known) == controller);
    let title = match word {
        Some((word, _)) if modes::has_controller(name) => format!("{}, {word}", mode.title()),
        _ => mode.title().to_owned(),
    };
    Ok((mode, title))
}

/// Kinds with equal names get a number behind it.
fn tell_apart(kinds: &mut [Kind<'_>]) {
    let names: Vec<String> = kinds.iter().map(|kind| kind.name.clone()).collect();
    for (place, kind) in kinds.iter_mut().enumerate() {
        if names.iter().filter(|name| **name == kind.name).count() > 1 {
            let number = names[..place].iter().filter(|name| **name == kind.name).count() + 1;
            kind.name = format!("{} {number}", kind.name);
        }
    }
}

/// A flow of its kind.
pub(crate) struct Member {
    pub(crate) note: FlowNote,
    /// The place of its kind.
    pub(crate) kind: usize,
    pub(crate) workload: Workload,
    pub(crate) route: Route,
    pub(crate) skew_ppm: i32,
}

impl<'t> Kind<'t> {
    fn new(mode: Box<dyn Contender>, title: String) -> Self {
        Self {
            name: String::new(),
            mode,
            title,
            lanes: Vec::new(),
            workload: String::new(),
            count: 1,
            start: Duration::ZERO,
            stop: None,
            stagger: Duration::ZERO,
            skew_ppm: 0,
            access: None,
        }
    }

    /// Whether it sends as much as the network takes.
    pub(crate) fn is_greedy(&self) -> bool {
        self.lanes.iter().any(|lane| matches!(lane.traffic, Traffic::Greedy { .. }))
    }

    /// Settings of its access links.
    pub(crate) fn access(&self, base: &Layers<'t>) -> Layers<'t> {
        match self.access {
            None => base.clone(),
            Some(table) => base.under("flows.access", table),
        }
    }

    /// Whether it says anything about its access links.
    pub(crate) fn has_access(&self) -> bool {
        self.access.is_some()
    }

    /// Its flows, for a scene of this length of which the beginning is not measured.
    pub(crate) fn members(
        &self,
        place: usize,
        duration: Duration,
        skip: Duration,
    ) -> Read<Vec<Member>> {
        let member = |n: usize| {
            let start = self.start + self.stagger * n as u32;
            let name = match self.count {
                1 => self.name.clone(),
                _ => format!("{} {n}", self.name),
            };
            let stop = self.stop.unwrap_or(duration).min(duration);
            if start >= stop {
                return Err(format!(": flow \"{name}\" starts when it is over"));
            }
            let workload = Workload {
                name: self.workload.clone(),
                lanes: self.lanes.clone(),
                duration: stop.saturating_sub(start),
                skip: skip.saturating_sub(start),
            };
            let lanes = self.lanes.iter().map(|lane| lane.name.clone()).collect();
            let title = self.title.clone();
            let note = FlowNote { name, title, start, lanes, ..FlowNote::default() };
            let skew_ppm = self.skew_ppm;
            Ok(Member { note, kind: place, workload, route: Route::default(), skew_ppm })
        };
        (0..self.count).map(member).collect()
    }
}
