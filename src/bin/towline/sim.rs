//! `towline sim`: whole networks in virtual time, from files.

mod campaign;
mod data;
mod document;
mod estimate;
mod expect;
mod fields;
mod flows;
mod hdr;
mod lanes;
mod link;
mod meanwhile;
mod measure;
mod metric;
mod network;
mod new;
mod output;
mod plan;
mod play;
mod profiles;
mod replay;
mod report;
mod results;
mod run;
mod spark;
mod sweep;
mod table;

use crate::failure::Failure;
use clap::{Args, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0  done, and everything is as expected
  1  something is not as the file expects
  2  wrong usage, or a mistake in a file
  4  a file could not be written";

/// Simulate whole networks in virtual time: flows in any mode of delivery, queues, losses, cross
/// traffic, and what happens to them on the way.
///
/// What runs is the code that ships. A file and a seed decide everything: the same ones give the same
/// figures on every machine.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  towline sim new cafe.toml
  towline sim run cafe.toml
  towline sim run cafe.toml --replicates 30 --html cafe.html --set network.loss=0.1")]
pub(crate) struct Sim {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(play::Run),
    Replay(replay::Replay),
    New(new::New),
    Profiles(profiles::Profiles),
}

pub(crate) fn run(arguments: &Sim) -> Result<(), Failure> {
    match &arguments.command {
        Command::Run(arguments) => play::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::New(arguments) => new::run(arguments),
        Command::Profiles(arguments) => profiles::run(arguments),
    }
}
