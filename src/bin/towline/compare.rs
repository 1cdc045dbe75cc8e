//! `towline compare`: one workload through several modes of delivery, over the same bad network.

mod args;
mod crowd;
mod data;
mod file;
mod live;
pub(crate) mod modes;
mod page;
mod setting;
mod table;
mod tcp;
mod trial;

pub(crate) use args::Compare;

use crate::failure::Failure;
use crate::report;
use crowd::Crowd;
use setting::Setting;
use std::fs;
use std::path::Path;

pub(crate) fn run(arguments: &Compare) -> Result<(), Failure> {
    match arguments.senders {
        Some(senders) => run_crowd(arguments, &Crowd::run(arguments, senders)?),
        None => run_modes(arguments),
    }
}

fn run_crowd(arguments: &Compare, crowd: &Crowd) -> Result<(), Failure> {
    if let Some(path) = &arguments.csv {
        write(path, &crowd.csv())?;
    }
    if let Some(path) = &arguments.html {
        write(path, &page::crowd_page(crowd, &command()))?;
    }
    if let Some(path) = &arguments.svg {
        write(path, &page::crowd_picture(crowd))?;
    }
    if arguments.style.quiet {
        return Ok(());
    }
    if arguments.style.json {
        return crowd.json().into_iter().try_for_each(report::say);
    }
    report::say(format_args!("{}\n", crowd.headline()))?;
    for table in crowd.tables() {
        report::say(format_args!("{table}\n"))?;
    }
    report::say(crowd::LEGEND)
}

fn run_modes(arguments: &Compare) -> Result<(), Failure> {
    let setting = Setting::new(arguments)?;
    let outcomes = if setting.is_live {
        live::all(&setting)?
    } else {
        trial::all(&setting, arguments.html.is_some())?
    };
    if let Some(path) = &arguments.csv {
        write(path, &data::csv(&outcomes))?;
    }
    if let Some(path) = &arguments.html {
        write(path, &page::page(&setting, &outcomes, &command())?)?;
    }
    if let Some(path) = &arguments.svg {
        write(path, &page::picture(&setting, &outcomes))?;
    }
    if setting.is_quiet {
        return Ok(());
    }
    if arguments.style.json {
        report::say(data::scenario(&setting))?;
        return outcomes.iter().try_for_each(|outcome| {
            report::say(data::mode(outcome))?;
            data::lanes(&setting, outcome).into_iter().try_for_each(report::say)
        });
    }
    report::say(format_args!("{}\n", table::headline(&setting)))?;
    report::say(format_args!("{}\n", table::latencies(&outcomes)))?;
    for table in table::lanes(&setting, &outcomes) {
        report::say(format_args!("{table}\n"))?;
    }
    report::say(format_args!("{}\n", table::costs(&outcomes)))?;
    report::say(table::legend(&outcomes))?;
    for note in table::notes(&setting, &outcomes) {
        report::say(format_args!("note: {note}"))?;
    }
    Ok(())
}

/// The line that was typed.
fn command() -> String {
    let arguments =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    ["towline".to_owned()].into_iter().chain(arguments).collect::<Vec<_>>().join(" ")
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| {
        Failure::local(format_args!("cannot write \"{}\"", path.display()), &error)
    })
}
