//! One cell: a network, its flows and what happens to them, ready to be run with any seed.

use super::document::{Node, Table, Value};
use super::fields::{Fields, Read};
use super::flows::{self, Kind, Member};
use super::meanwhile::{self, Links, is_access};
use super::network::{self, Layers};
use super::results::FlowNote;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use towline::sim::compare::Contender;
use towline::sim::scene::{Cross, Event, Flow, Scene, SceneLink, Shape};

/// What all cells have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) duration: Duration,
    pub(crate) skip: Duration,
    pub(crate) sample_every: Duration,
    /// Whether what is under way at the end may still arrive.
    pub(crate) settles: bool,
}

/// A cell. Owns the modes, which a scene borrows.
pub(crate) struct Plan {
    pub(crate) frame: Frame,
    pub(crate) kinds: Vec<PlanKind>,
    pub(crate) members: Vec<Member>,
    pub(crate) links: Vec<SceneLink>,
    pub(crate) cross: Vec<Cross>,
    /// With a few words each.
    pub(crate) events: Vec<(Event, String)>,
}

/// Flows of one kind.
pub(crate) struct PlanKind {
    pub(crate) name: String,
    pub(crate) mode: Box<dyn Contender>,
}

impl Plan {
    /// From the file in which nothing varies any more.
    pub(crate) fn read(root: &Node, frame: Frame, folder: &Path) -> Read<Self> {
        let Value::Table(table) = &root.value else { return Err(": is no table".to_owned()) };
        let mut fields = Fields::new("", vec![table]);
        let kinds = flows::read(&mut fields)?;
        let members =
            (0..).zip(&kinds).map(|(place, kind)| kind.members(place, frame.duration, frame.skip));
        let mut members: Vec<Member> =
            members.collect::<Read<Vec<_>>>()?.into_iter().flatten().collect();
        let empty = Table::new();
        let network = fields.table("network")?.unwrap_or(&empty);
        let shape = network::shape(&mut Fields::new("network", vec![network]))?;
        let network = Layers::new(folder.to_owned()).under("network", network);
        let (links, layers) = links(&mut fields, shape, &network, &kinds, &mut members)?;
        if kinds.iter().any(Kind::is_greedy) {
            refuse_endless(&links, &members, &kinds)?;
        }
        let mut lines = Links { links: &links, layers };
        let cross = fields.tables("cross")?;
        let cross = cross.iter().map(|table| meanwhile::cross(table, frame.duration, &lines));
        let cross = cross.collect::<Read<_>>()?;
        let events = meanwhile::events(&fields.tables("events")?, &members, &mut lines)?;
        let kinds = kinds.into_iter().map(|kind| PlanKind { name: kind.name, mode: kind.mode });
        let kinds = kinds.collect();
        let plan = Self { frame, kinds, members, links, cross, events };
        plan.scene(0, Duration::ZERO..Duration::ZERO)
            .validate()
            .map_err(|error| format!(": {error}"))?;
        Ok(plan)
    }

    /// The scene with this seed, in which the packets of a stretch are kept.
    pub(crate) fn scene(&self, seed: u64, watch: Range<Duration>) -> Scene<'_> {
        let flow = |member: &Member| {
            let FlowNote { name, start, .. } = member.note.clone();
            Flow {
                name,
                mode: &*self.kinds[member.kind].mode,
                workload: member.workload.clone(),
                start,
                route: member.route.clone(),
                client_skew_ppm: member.skew_ppm,
            }
        };
        Scene {
            links: self.links.clone(),
            flows: self.members.iter().map(flow).collect(),
            cross: self.cross.clone(),
            events: self.events.iter().map(|(event, _)| event.clone()).collect(),
            settles: self.frame.settles,
            sample_every: self.frame.sample_every,
            watch,
            ..Scene::new(self.frame.duration, seed)
        }
    }
}

/// The links, where the settings of each two of them come from, and the routes of all flows.
fn links<'t>(
    fields: &mut Fields<'t>,
    shape: Shape,
    main: &Layers<'t>,
    kinds: &[Kind<'t>],
    members: &mut [Member],
) -> Read<(Vec<SceneLink>, Vec<Layers<'t>>)> {
    let access = fields.table("access")?;
    let base = main.without();
    let base = access.map_or_else(|| base.clone(), |table| base.under("access", table));
    if !matches!(shape, Shape::Dumbbell | Shape::ParkingLot { .. })
        && (access.is_some() || kinds.iter().any(Kind::has_access))
    {
        let what = "access links are those of shape = \"dumbbell\" and \"parking-lot\"";
        return Err(fields.error("access", what));
    }
    let own: Vec<Layers<'t>> = members.iter().map(|m| kinds[m.kind].access(&base)).collect();
    let own_links = own.iter().map(Layers::links).collect::<Read<Vec<_>>>()?;
    let bottleneck = main.links()?;
    let (links, routes) = shape.build(members.len(), &bottleneck, |n| own_links[n].clone());
    for (member, route) in members.iter_mut().zip(routes) {
        member.note.up.clone_from(&route.up);
        member.note.down.clone_from(&route.down);
        member.route = route;
    }
    let ups = links.iter().step_by(2);
    let layers = ups.map(|link| {
        let number = link.name.split(' ').nth(1).and_then(|number| number.parse::<usize>().ok());
        match number {
            Some(number) if is_access(&link.name) => own[number].clone(),
            _ => main.clone(),
        }
    });
    let layers = layers.collect();
    Ok((links, layers))
}

/// Without a rate anywhere on its way, who is greedy would send without end at one instant.
fn refuse_endless(links: &[SceneLink], members: &[Member], kinds: &[Kind<'_>]) -> Read<()> {
    let has_rate = |link: &SceneLink| link.config.rate_bps.is_some() || link.config.trace.is_some();
    let is_endless = |ways: &[usize]| !ways.iter().any(|link| has_rate(&links[*link]));
    let endless = members.iter().find(|member| {
        kinds[member.kind].is_greedy()
            && (is_endless(&member.route.up) || is_endless(&member.route.down))
    });
    match endless {
        None => Ok(()),
        Some(member) => {
            let name = &member.note.name;
            Err(format!(": flow \"{name}\" is greedy: its network needs rate_mbit"))
        }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("frame", &self.frame)
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}
