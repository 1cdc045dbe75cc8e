//! `towline sim replay`: one run of a scenario file again, with all that can be seen of it.

use super::campaign::Campaign;
use super::output::Output;
use super::play::{self, Changes, Outputs, Pictures};
use super::results::{Detail, Results};
use super::run::{self, Selection};
use super::{EXIT_CODES, data};
use crate::args::Style;
use crate::failure::{Exit, Failure};
use crate::nearest;
use crate::report::{self, Json};
use clap::Args;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use towline::sim::compare::{Flight, PacketRecord};
use towline::time::Instant;
use towline::wire::Side;

/// How many units an error names at most.
const NAMED: usize = 12;

/// Run one unit of a scenario file again, packet by packet: the same run, as its trace hash shows.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  towline sim replay cafe.toml --unit 'loss=0.02,mode=stream#3' --jsonl packets.jsonl
  towline sim replay cafe.toml --unit '#0' --html run.html

{EXIT_CODES}"))]
pub(crate) struct Replay {
    /// The scenario file.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The unit, as files of results name it: its values, then # and its replicate.
    #[arg(long, value_name = "ID")]
    pub(crate) unit: String,
    #[command(flatten)]
    pub(crate) changes: Changes,
    #[command(flatten)]
    pub(crate) style: Style,
    #[command(flatten)]
    pub(crate) pictures: Pictures,
    /// Also write every packet as JSON, one object a line.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) jsonl: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Replay) -> Result<(), Failure> {
    let campaign = Campaign::open(&arguments.file, &arguments.changes.overrides())?;
    let (cell, replicate) = find(&campaign, &arguments.unit)?;
    let outputs = Outputs::pictures(&arguments.pictures)?;
    let packets = arguments.jsonl.as_deref().map(Output::open).transpose()?;
    let watch = match packets {
        Some(_) => Some(Duration::ZERO..campaign.frame.duration),
        None => Some(arguments.pictures.watch(&campaign).unwrap_or_default()),
    };
    let selection = Selection {
        cells: vec![cell],
        replicates: replicate..replicate + 1,
        watch,
        shows_progress: false,
    };
    let (mut results, _) = run::run(&campaign, &selection, &|_, _| ())?;
    // One run is not what the file expects something of.
    results.verdicts.clear();
    results.notes = super::table::notes(&results);
    print(&results, arguments.style)?;
    if let (Some(output), Some(detail)) = (packets, results.details.first()) {
        output.write(events(detail).as_bytes())?;
    }
    outputs.write(&[results], "")
}

/// The place of a unit's cell, and its replicate.
fn find(campaign: &Campaign, id: &str) -> Result<(usize, u64), Failure> {
    let usage = |line: String| Failure::new(Exit::Usage, line);
    let parts = id.rsplit_once('#');
    let parts = parts.and_then(|(label, number)| Some((label, number.parse::<u64>().ok()?)));
    let Some((label, replicate)) = parts else {
        let like = campaign.cells.first().map_or("", |cell| cell.label.as_str());
        return Err(usage(format!("--unit {id}: must end in # and a replicate, such as {like}#0")));
    };
    let place = campaign.cells.iter().position(|cell| cell.label == label);
    let place = place.ok_or_else(|| {
        let labels: Vec<&str> = campaign.cells.iter().map(|cell| cell.label.as_str()).collect();
        let close = nearest::hint(label, labels.iter().take(NAMED).copied());
        let more = labels.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        usage(format!("--unit {id}: there is no such combination: {close}{more}"))
    })?;
    if replicate >= campaign.replicates {
        let last = campaign.replicates - 1;
        return Err(usage(format!("--unit {id}: replicates are numbered from 0 to {last}")));
    }
    Ok((place, replicate))
}

fn print(results: &Results, style: Style) -> Result<(), Failure> {
    let Some((cell, unit)) = results.cells.first().and_then(|c| Some((c, c.units.first()?))) else {
        return Ok(());
    };
    if style.quiet {
        return Ok(());
    }
    if style.json {
        return report::say(data::unit_json(results, cell, unit));
    }
    let hash = data::hash(unit.trace_hash);
    report::say(format_args!("{} with seed {}, trace hash {hash}\n", unit.id, unit.seed))?;
    play::print(results, style)
}

/// Every packet of every flow, in the order of their sending.
fn events(detail: &Detail) -> String {
    let began = detail.record.began;
    let mut lines: Vec<(Instant, String)> = Vec::new();
    for flow in &detail.record.flows {
        for packet in &flow.record.packets {
            let line = packet_json(&flow.name, packet, began).to_string();
            lines.push((packet.sent_at, line));
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    lines.iter().fold(String::new(), |mut text, (_, line)| {
        let _ = writeln!(text, "{line}");
        text
    })
}

/// A packet. Times are from the beginning of the scene.
fn packet_json(flow: &str, packet: &PacketRecord, began: Instant) -> Json {
    let seconds = |at: Instant| at.saturating_since(began).as_secs_f64();
    let (fate, at) = match packet.flight {
        Flight::Arrived(at) => ("arrived", Some(at)),
        Flight::Damaged(at) => ("damaged", Some(at)),
        Flight::Lost => ("lost", None),
        Flight::Flying => ("flying", None),
    };
    let from = if packet.from == Side::Client { "client" } else { "server" };
    Json::default()
        .text("event", "packet")
        .text("flow", flow)
        .text("from", from)
        .float("sent_seconds", seconds(packet.sent_at))
        .text("fate", fate)
        .float("arrived_seconds", at.map_or(f64::NAN, seconds))
        .number("wire_bytes", packet.wire_bytes)
        .number("messages", packet.messages.len() as u64)
        .number("again", packet.again.len() as u64)
        .number("beside", packet.beside.len() as u64)
}
