//! `towline relay`: a bad network between any UDP programs.

mod carrier;
mod network;

pub(crate) use carrier::{Carried, Carrier, Way};
pub(crate) use network::{Links, config, links};

use crate::args;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::report::{self, Json, Table};
use crate::units::{self, grouped};
use std::io;
use std::net::UdpSocket;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use towline::impair::LinkStats;
use towline::time::Instant;

/// How often the counts on a terminal are renewed.
const REFRESH: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &args::Relay) -> Result<(), Failure> {
    let args::Relay { target, listen, seconds, until_enter, network, style } = arguments;
    let links = links(network)?;
    let addresses = target.resolve()?;
    let wanted = listen.resolve()?;
    let socket = UdpSocket::bind(wanted.as_slice())
        .map_err(|error| Failure::local(format_args!("cannot listen on {listen}"), &error))?;
    let cannot = |error: io::Error| Failure::local("cannot relay", &error);
    let local = socket.local_addr().map_err(cannot)?;
    // Where both kinds of addresses are there, the one that the listener has too.
    let target =
        addresses.iter().find(|a| a.is_ipv4() == local.is_ipv4()).or_else(|| addresses.first());
    let Some(&target) = target else { return Ok(()) };
    let carrier = Carrier::start(socket, target, links).map_err(cannot)?;
    if style.json {
        let line = Json::default().text("event", "listening").text("address", &local.to_string());
        report::say(line.text("target", &target.to_string()).number("seed", network.seed))?;
    } else {
        report::say(format_args!(
            "listening on {local}, passing on to {target}, seed {}",
            network.seed
        ))?;
    }
    wait(*seconds, *until_enter, &carrier, !style.quiet);
    let carried = carrier.stop();
    if style.quiet {
        return Ok(());
    }
    if style.json { report::say(json(&carried)) } else { report::say(table(&carried)) }
}

/// Until the time is over or somebody ends it. Meanwhile a terminal shows the counts, so that they are
/// seen even if the program is killed.
fn wait(seconds: Option<Duration>, until_enter: bool, carrier: &Carrier, is_shown: bool) {
    let (ended, end) = mpsc::channel::<()>();
    // Where nobody can press Enter, only the time ends it.
    let _nobody = ended.clone();
    // Not unasked: in the background of a terminal, reading would stop the program.
    if until_enter {
        thread::spawn(move || {
            let _ = io::stdin().read_line(&mut String::new());
            let _ = ended.send(());
        });
    }
    let clock = Clock::start();
    let status = Progress::status(is_shown);
    loop {
        let passed = clock.now().saturating_since(Instant::ZERO);
        let left = seconds.map_or(REFRESH, |seconds| seconds.saturating_sub(passed));
        if left.is_zero() || end.recv_timeout(left.min(REFRESH)).is_ok() {
            return status.end();
        }
        let Carried { up, down, .. } = carrier.carried();
        let way =
            |way: &Way| format!("{} ({} lost)", grouped(way.link.packets), grouped(way.link.lost));
        status.say(format!("there {}, back {}", way(&up), way(&down)));
    }
}

/// What became of the datagrams of one direction, by name.
fn figures(stats: &LinkStats) -> [(&'static str, u64); 9] {
    [
        ("arrived at the relay", stats.packets),
        ("lost", stats.lost),
        ("dropped by the full queue", stats.overflowed),
        ("dropped as too large", stats.oversize),
        ("duplicated", stats.duplicated),
        ("damaged", stats.damaged),
        ("reordered", stats.reordered),
        ("to be passed on", stats.delivered),
        ("bytes, headers included", stats.bytes),
    ]
}

fn table(carried: &Carried) -> Table {
    let mut table = Table::new(&["datagrams", "to the target", "back"]);
    for ((name, up), (_, down)) in
        figures(&carried.up.link).into_iter().zip(figures(&carried.down.link))
    {
        table.row(name, [grouped(up), grouped(down)]);
    }
    let (up, down) = (&carried.up, &carried.down);
    table.row("passed on", [grouped(up.passed), grouped(down.passed)]);
    // What hardly ever happens is shown when it does.
    for (name, up, down) in [
        ("still under way at the end", up.pending, down.pending),
        ("not taken by the system", up.failed, down.failed),
        ("thrown away for lack of memory", up.overrun, down.overrun),
        ("of clients turned away", carried.turned_away, 0),
    ] {
        if up + down > 0 {
            table.row(name, [grouped(up), grouped(down)]);
        }
    }
    let share = |link: &LinkStats| units::share(link.lost + link.overflowed, link.packets);
    table.row("lost or dropped, share", [share(&up.link), share(&down.link)]);
    table
}

fn json(carried: &Carried) -> Json {
    let json = Json::default().text("event", "ended").number("clients", carried.clients);
    let json = members(members(json, "up", &carried.up), "down", &carried.down);
    json.number("turned_away", carried.turned_away)
}

/// What became of the datagrams of one direction, as members whose names begin with `prefix`.
pub(crate) fn members(json: Json, prefix: &str, way: &Way) -> Json {
    let Way { link, passed, failed, overrun, pending } = *way;
    [
        ("packets", link.packets),
        ("bytes", link.bytes),
        ("lost", link.lost),
        ("overflowed", link.overflowed),
        ("oversize", link.oversize),
        ("duplicated", link.duplicated),
        ("damaged", link.damaged),
        ("reordered", link.reordered),
        ("delivered", link.delivered),
        ("passed", passed),
        ("failed", failed),
        ("overrun", overrun),
        ("pending", pending),
    ]
    .into_iter()
    .fold(json, |json, (name, value)| json.number(&format!("{prefix}_{name}"), value))
}
