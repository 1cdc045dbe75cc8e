//! `towline relay`: a bad network between any UDP programs.

mod carrier;
mod network;

pub(crate) use carrier::{Carried, Carrier};
pub(crate) use network::{Links, links};

use crate::args;
use crate::failure::Failure;
use crate::report::{self, Json, Table};
use crate::units::{self, grouped};
use std::io::{self, IsTerminal};
use std::net::UdpSocket;
use std::sync::mpsc;
use std::thread;
use towline::impair::LinkStats;

pub(crate) fn run(arguments: &args::Relay) -> Result<(), Failure> {
    let args::Relay { target, listen, seconds, network, style } = arguments;
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
    wait(*seconds);
    let carried = carrier.stop();
    if style.quiet {
        return Ok(());
    }
    if style.json { report::say(json(&carried)) } else { report::say(table(&carried)) }
}

/// Until the time is over or, on a terminal, Enter is pressed or the input ends.
fn wait(seconds: Option<std::time::Duration>) {
    let (ended, end) = mpsc::channel::<()>();
    if io::stdin().is_terminal() {
        thread::spawn(move || {
            let _ = io::stdin().read_line(&mut String::new());
            let _ = ended.send(());
        });
        let _ = match seconds {
            Some(seconds) => end.recv_timeout(seconds).is_ok(),
            None => end.recv().is_ok(),
        };
    } else {
        // Nobody sends: only the time ends it.
        let _ = seconds.map_or_else(|| end.recv().is_ok(), |s| end.recv_timeout(s).is_ok());
        drop(ended);
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
    table.row("still under way at the end", [grouped(up.pending), grouped(down.pending)]);
    table.row("not taken by the system", [grouped(up.failed), grouped(down.failed)]);
    table.row("thrown away for lack of memory", [grouped(up.overrun), grouped(down.overrun)]);
    table.row("of clients turned away", [grouped(carried.turned_away), String::new()]);
    let share = |link: &LinkStats| units::share(link.lost + link.overflowed, link.packets);
    table.row("lost or dropped, share", [share(&up.link), share(&down.link)]);
    table
}

fn json(carried: &Carried) -> Json {
    let mut json = Json::default().text("event", "ended").number("clients", carried.clients);
    for (prefix, way) in [("up", &carried.up), ("down", &carried.down)] {
        for (name, value) in [
            ("packets", way.link.packets),
            ("bytes", way.link.bytes),
            ("lost", way.link.lost),
            ("overflowed", way.link.overflowed),
            ("oversize", way.link.oversize),
            ("duplicated", way.link.duplicated),
            ("damaged", way.link.damaged),
            ("reordered", way.link.reordered),
            ("delivered", way.link.delivered),
            ("passed", way.passed),
            ("pending", way.pending),
            ("failed", way.failed),
            ("overrun", way.overrun),
        ] {
            json = json.number(&format!("{prefix}_{name}"), value);
        }
    }
    json.number("turned_away", carried.turned_away)
}
