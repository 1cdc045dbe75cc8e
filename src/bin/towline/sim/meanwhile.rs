//! What happens meanwhile: from `[[cross]]` and `[[events]]` to cross traffic and changes.

use super::document::{Node, Table};
use super::fields::{Fields, Read};
use super::flows::Member;
use super::network::{Layers, WAYS};
use std::time::Duration;
use towline::impair::Loss;
use towline::sim::scene::{Change, Cross, Event, Pattern, SceneLink};

/// The bytes of a packet of cross traffic where nobody says.
const PACKET: u64 = 1500;

/// The links of a scene, up and down by turns, and where their settings come from.
pub(crate) struct Links<'a, 't> {
    pub(crate) links: &'a [SceneLink],
    /// Of each two.
    pub(crate) layers: Vec<Layers<'t>>,
}

impl Links<'_, '_> {
    /// The places of both ways of the links with these names; of those that the shape is about where
    /// none is named.
    fn named(&self, fields: &mut Fields<'_>, field: &'static str) -> Read<Vec<usize>> {
        let pairs: Vec<(usize, &str)> = self.pairs().collect();
        let Some(names) = fields.texts(field)? else {
            return Ok(pairs
                .iter()
                .filter(|(_, name)| !is_access(name))
                .map(|(at, _)| *at)
                .collect());
        };
        let place = |name: &&str| match pairs.iter().find(|(_, known)| known == name) {
            Some((place, _)) => Ok(*place),
            None => Err(fields.stranger(field, name, pairs.iter().map(|(_, known)| *known))),
        };
        names.iter().map(place).collect()
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, &str)> {
        let ups = self.links.iter().enumerate().step_by(2);
        ups.map(|(at, link)| (at, link.name.strip_suffix(" up").unwrap_or(&link.name)))
    }
}

/// Whether a link of this name is a flow's own.
pub(crate) fn is_access(name: &str) -> bool {
    name.starts_with("access ")
}

/// 0 for up, 1 for down; both where nobody says.
fn ways(fields: &mut Fields<'_>) -> Read<Option<usize>> {
    fields.one_of("way", &[(WAYS[0], 0), (WAYS[1], 1)])
}

/// Packets that heed nothing.
pub(crate) fn cross(table: &Table, duration: Duration, links: &Links<'_, '_>) -> Read<Cross> {
    let mut fields = Fields::new("cross", vec![table]);
    let fields = &mut fields;
    let route = links.named(fields, "links")?;
    let is_path = fields.has("links") || route.len() == 1 || links.links[0].name.starts_with("hop");
    let is_path = is_path || links.links[0].name.starts_with("bottleneck");
    if !is_path {
        let names: Vec<&str> = links.pairs().map(|(_, name)| name).collect();
        return Err(format!(": cross: needs links. Known are: {}", names.join(", ")));
    }
    let way = ways(fields)?.unwrap_or(0);
    let on = fields.millis("on_ms")?;
    let off = fields.millis("off_ms")?;
    let kinds = [
        ("constant", Pattern::Constant),
        ("poisson", Pattern::Poisson),
        ("on-off", Pattern::OnOff { on: on.unwrap_or_default(), off: off.unwrap_or_default() }),
    ];
    let pattern = fields.one_of("pattern", &kinds)?.unwrap_or(Pattern::Poisson);
    let is_on_off = matches!(pattern, Pattern::OnOff { .. });
    if is_on_off != (on.is_some() && off.is_some()) || on.is_some() != off.is_some() {
        let what = "pattern = \"on-off\" has on_ms and off_ms, and no other";
        return Err(fields.error("pattern", what));
    }
    let rate = fields.mbit("rate_mbit")?;
    let cross = Cross {
        links: route.iter().map(|place| place + way).collect(),
        pattern,
        rate_bps: rate.ok_or(": cross: needs rate_mbit")?,
        packet_bytes: fields.whole("packet_bytes", 28, 65_535)?.unwrap_or(PACKET) as u32,
        during: fields.seconds("start")?.unwrap_or_default()
            ..fields.seconds("stop")?.unwrap_or(duration),
    };
    fields.end()?;
    Ok(cross)
}

/// What is to happen to links or flows.
#[derive(Clone, Copy)]
enum What {
    Rebind,
    Move,
    Network,
    Outage,
}

/// Something that happens to links.
enum Step<'t> {
    /// These settings hold from now on, over those before.
    Settings(&'t Table),
    Down,
    Up,
}

/// All events in the order of time, each with a few words.
pub(crate) fn events<'t>(
    tables: &[&'t Table],
    members: &[Member],
    links: &mut Links<'_, 't>,
) -> Read<Vec<(Event, String)>> {
    let mut done = Vec::new();
    let mut steps: Vec<(Duration, Vec<usize>, Step<'t>)> = Vec::new();
    for table in tables {
        let mut fields = Fields::new("events", vec![*table]);
        let fields = &mut fields;
        let at = fields.seconds("at")?.ok_or_else(|| fields.error("change", "needs at"))?;
        let known = [
            ("rebind", What::Rebind),
            ("move", What::Move),
            ("network", What::Network),
            ("outage", What::Outage),
        ];
        let what = fields.one_of("change", &known)?;
        match what.ok_or_else(|| fields.error("at", "needs change"))? {
            what @ (What::Rebind | What::Move) => {
                done.extend(flow_events(fields, at, what, members)?);
            }
            What::Network => {
                let places = places(fields, links)?;
                let network = fields.table("network")?;
                let network = network.ok_or_else(|| fields.error("change", "needs network"))?;
                steps.push((at, places, Step::Settings(network)));
            }
            What::Outage => {
                let places = places(fields, links)?;
                let time = fields.millis("for_ms")?;
                let time = time.ok_or_else(|| fields.error("change", "needs for_ms"))?;
                steps.push((at, places.clone(), Step::Down));
                steps.push((at + time, places, Step::Up));
            }
        }
        fields.end()?;
    }
    steps.sort_by_key(|(at, ..)| *at);
    for (at, places, step) in steps {
        done.extend(link_events(at, &places, &step, links)?);
    }
    done.sort_by_key(|(event, _)| event.at);
    Ok(done)
}

/// The links that an event is about.
fn places(fields: &mut Fields<'_>, links: &Links<'_, '_>) -> Read<Vec<usize>> {
    let pairs = links.named(fields, "links")?;
    let ways = ways(fields)?.map_or(0..2, |way| way..way + 1);
    Ok(pairs.iter().flat_map(|place| ways.clone().map(move |way| place + way)).collect())
}

fn flow_events(
    fields: &mut Fields<'_>,
    at: Duration,
    what: What,
    members: &[Member],
) -> Read<Vec<(Event, String)>> {
    let names = fields.texts("flow")?;
    let belongs = |member: &Member, name: &str| {
        let own = &member.note.name;
        own == name || own.rsplit_once(' ').is_some_and(|(kind, _)| kind == name)
    };
    for name in names.iter().flatten() {
        if !members.iter().any(|member| belongs(member, name)) {
            let known = members.iter().map(|member| member.note.name.as_str());
            return Err(fields.stranger("flow", name, known));
        }
    }
    let is_meant = |member: &Member| {
        names.as_ref().is_none_or(|names| names.iter().any(|name| belongs(member, name)))
    };
    let meant = members.iter().enumerate().filter(|(_, member)| is_meant(member));
    let event = |(flow, member): (usize, &Member)| {
        let name = &member.note.name;
        let (change, words) = match what {
            What::Rebind => (Change::Rebind { flow }, format!("the NAT forgets {name}")),
            _ => (Change::Move { flow }, format!("{name} moves")),
        };
        (Event { at, change }, words)
    };
    Ok(meant.map(event).collect())
}

fn link_events<'t>(
    at: Duration,
    places: &[usize],
    step: &Step<'t>,
    links: &mut Links<'_, 't>,
) -> Read<Vec<(Event, String)>> {
    if let Step::Settings(table) = step {
        let mut pairs: Vec<usize> = places.iter().map(|place| place / 2).collect();
        pairs.dedup();
        for pair in pairs {
            links.layers[pair] = links.layers[pair].under("events.network", table);
        }
    }
    let event = |&link: &usize| {
        let [up, down] = links.layers[link / 2].links()?;
        let mut config = Box::new(if link % 2 == 0 { up } else { down });
        let words = match step {
            Step::Settings(table) => table.iter().map(setting).collect::<Vec<_>>().join(", "),
            Step::Down => {
                config.loss = Loss::Bernoulli { p: 1.0 };
                "down".to_owned()
            }
            Step::Up => "up again".to_owned(),
        };
        let name = &links.links[link].name;
        Ok((Event { at, change: Change::Link { link, config } }, format!("{name}: {words}")))
    };
    places.iter().map(event).collect()
}

/// `rate_mbit = 2`.
fn setting((field, node): (&String, &Node)) -> String {
    format!("{field} = {}", node.label())
}
