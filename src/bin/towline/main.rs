//! The command line `towline`: send and receive files over UDP, measure round trips, impair UDP, a
//! demonstration, and a comparison.

mod address;
mod args;
mod clock;
mod compare;
mod cores;
mod demo;
mod echo;
mod failure;
mod nearest;
mod ping;
mod progress;
mod quoted;
mod reach;
mod recv;
mod relay;
mod report;
mod send;
mod sim;
mod statistics;
mod store;
mod transfer;
mod units;

use args::{Arguments, Command};
use clap::Parser;
use clap::error::ErrorKind;
use failure::{Exit, Failure};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => Exit::Success.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                report::complain(&failure);
            }
            failure.exit.into()
        }
    }
}

fn run() -> Result<(), Failure> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            return Err(Failure::new(Exit::Usage, ""));
        }
        Err(error) if error.use_stderr() => {
            let line = format!("{} (see towline --help)", args::one_line(&error));
            return Err(Failure::new(Exit::Usage, line));
        }
        Err(help) => return help.print().map_err(|error| Failure::output(&error)),
    };
    match arguments.command {
        Command::Send(arguments) => send::run(&arguments),
        Command::Recv(arguments) => recv::run(arguments),
        Command::Echo(arguments) => echo::run(&arguments),
        Command::Ping(arguments) => ping::run(&arguments),
        Command::Relay(arguments) => relay::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Sim(arguments) => sim::run(&arguments),
    }
}
