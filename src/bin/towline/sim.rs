//! `towline sim`: studies in virtual time.

mod validate;

use crate::failure::Failure;
use clap::{Args, Subcommand};
use validate::Validate;

/// Study transports in virtual time, without a network.
#[derive(Debug, Args)]
pub(crate) struct Sim {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Validate(Validate),
}

pub(crate) fn run(sim: &Sim) -> Result<(), Failure> {
    match &sim.command {
        Command::Validate(arguments) => validate::run(arguments),
    }
}
