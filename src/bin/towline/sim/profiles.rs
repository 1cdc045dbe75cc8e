//! `towline sim profiles`: the networks that have names.

use super::table::number;
use crate::args::Style;
use crate::failure::Failure;
use crate::report::{self, Json, Table};
use crate::units::plain;
use clap::Args;
use std::time::Duration;
use towline::impair::{LinkConfig, Spread};
use towline::sim::profiles::{self, Profile};

/// List the networks that scenario files can name: profile = "wifi".
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  towline sim profiles
  towline sim profiles --json")]
pub(crate) struct Profiles {
    #[command(flatten)]
    style: Style,
}

pub(crate) fn run(arguments: &Profiles) -> Result<(), Failure> {
    let all = profiles::all();
    if arguments.style.quiet {
        return Ok(());
    }
    if arguments.style.json {
        return all.iter().map(json).try_for_each(report::say);
    }
    let mut table = Table::new(&[
        "profile",
        "Mbit/s down",
        "up",
        "RTT ms",
        "queue ms down",
        "up",
        "extra ms",
        "lost",
        "moves",
    ]);
    for profile in &all {
        let Profile { up, down, .. } = profile;
        let handover = profile.handover.as_ref();
        let cells = [
            rate(down),
            rate(up),
            plain(millis(profile.base_rtt())),
            queue(down).map_or_else(dash, |ms| number(ms, 3)),
            queue(up).map_or_else(dash, |ms| number(ms, 3)),
            extra(&down.spread).map_or_else(dash, |time| number(millis(time), 2)),
            match down.loss.mean_loss() {
                Some(share) if share > 0.0 => format!("{} %", plain(share * 100.0)),
                _ => dash(),
            },
            handover.map_or_else(dash, |h| format!("each {} s", plain(h.every.as_secs_f64()))),
        ];
        table.row(profile.name, cells);
    }
    report::say(format_args!("{table}\n"))?;
    for Profile { name, title, source, .. } in &all {
        report::say(format_args!("{name}: {title}. {source}"))?;
    }
    Ok(())
}

fn dash() -> String {
    "-".to_owned()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn rate(link: &LinkConfig) -> String {
    link.rate_bps.map_or_else(dash, |rate| plain(rate as f64 / 1e6))
}

/// How long the last of a full queue waits, in milliseconds.
fn queue(link: &LinkConfig) -> Option<f64> {
    Some(link.capacity_bytes as f64 * 8e3 / link.rate_bps? as f64)
}

/// The mean extra delay.
fn extra(spread: &Spread) -> Option<Duration> {
    match spread {
        Spread::None => None,
        Spread::Uniform { max } => Some(*max / 2),
        Spread::Normal { mean, .. } | Spread::Exponential { mean } => Some(*mean),
        Spread::Pareto { scale, .. } => Some(*scale),
        Spread::Table(table) => Some(table.mean()),
    }
}

fn json(profile: &Profile) -> Json {
    let Profile { name, title, source, up, down, .. } = profile;
    let rate = |link: &LinkConfig| link.rate_bps.map_or(f64::NAN, |rate| rate as f64 / 1e6);
    let wait = |link: &LinkConfig| queue(link).unwrap_or(f64::NAN);
    let outage = profile.handover.as_ref();
    Json::default()
        .text("profile", name)
        .text("title", title)
        .text("source", source)
        .float("down_mbit", rate(down))
        .float("up_mbit", rate(up))
        .float("rtt_ms", millis(profile.base_rtt()))
        .float("down_queue_ms", wait(down))
        .float("up_queue_ms", wait(up))
        .float("down_extra_ms", extra(&down.spread).map_or(0.0, millis))
        .float("down_loss", down.loss.mean_loss().unwrap_or(f64::NAN))
        .float("up_loss", up.loss.mean_loss().unwrap_or(f64::NAN))
        .float("handover_every_seconds", outage.map_or(f64::NAN, |h| h.every.as_secs_f64()))
        .float("handover_gap_ms", outage.map_or(f64::NAN, |h| millis(h.gap)))
}
