//! `towline sim run`: from scenario files to tables, files and an exit code.

use super::campaign::{Campaign, Overrides};
use super::output::{self, Output};
use super::report as pictures;
use super::results::Results;
use super::run::{self, Selection};
use super::{EXIT_CODES, data, hdr, table};
use crate::args::Style;
use crate::failure::{Exit, Failure};
use crate::report;
use clap::Args;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use towline::sim::compare::Measures;

/// The longest stretch whose packets are kept for pictures. More would not be seen.
const WATCH: Duration = Duration::from_secs(5);

/// Run scenario files: every combination of what they vary, with several seeds, on all cores.
///
/// The seed of a run is that of the file plus the number of the replicate: all modes and all
/// combinations meet the same random numbers, and differ by what they do alone.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  towline sim run cafe.toml
  towline sim run cafe.toml --replicates 30 --csv cafe.csv --html cafe.html
  towline sim run cafe.toml --set network.loss=0.1 --set 'network.rtt_ms=[20, 200]'

{EXIT_CODES}"))]
pub(crate) struct Run {
    /// Scenario files; `towline sim new` writes one to begin with.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) changes: Changes,
    #[command(flatten)]
    pub(crate) style: Style,
    #[command(flatten)]
    pub(crate) pictures: Pictures,
    /// Also write the figures of each run as comma-separated values.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) csv: Option<PathBuf>,
    /// Also write the figures of each run as JSON, one object a line.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) jsonl: Option<PathBuf>,
    /// Also write the latencies of each combination as an HdrHistogram, in an interval log.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) hdr: Option<PathBuf>,
}

/// What is to be different from the file.
#[derive(Clone, Debug, Args)]
pub(crate) struct Changes {
    /// The first seed: what decides all that is random.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How many runs of each combination, each with the next seed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) replicates: Option<u64>,
    /// A field and its value instead of the file's: network.loss=0.1; lists and ranges vary it.
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(crate) set: Vec<String>,
}

impl Changes {
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides { set: self.set.clone(), seed: self.seed, replicates: self.replicates }
    }
}

/// Where pictures go.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Pictures {
    /// Also write one page with pictures, which needs no network.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Also write each picture alone into this folder, for documents.
    #[arg(long, value_name = "DIR")]
    pub(crate) svg: Option<PathBuf>,
}

impl Pictures {
    /// The stretch whose packets are drawn, if anything is.
    pub(crate) fn watch(&self, campaign: &Campaign) -> Option<Range<Duration>> {
        let frame = &campaign.frame;
        let is_drawn = self.html.is_some() || self.svg.is_some();
        is_drawn.then(|| frame.skip..frame.duration.min(frame.skip + WATCH))
    }
}

pub(crate) fn run(arguments: &Run) -> Result<(), Failure> {
    refuse_several(arguments)?;
    let overrides = arguments.changes.overrides();
    let open = |path: &PathBuf| Campaign::open(path, &overrides);
    let campaigns = arguments.files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let outputs = Outputs::open(arguments)?;
    let (mut all, mut histograms) = (Vec::new(), hdr::HEAD.to_owned());
    for (n, campaign) in campaigns.iter().enumerate() {
        let selection = Selection {
            watch: arguments.pictures.watch(campaign),
            shows_progress: !arguments.style.quiet,
            ..Selection::all(campaign)
        };
        let histogram = |cell: usize, whole: &Measures| {
            arguments.hdr.as_ref().map(|_| hdr::line(campaign, cell, whole)).transpose()
        };
        let (mut results, lines) = run::run(campaign, &selection, &histogram)?;
        let lines = lines.into_iter().filter_map(Result::transpose).collect::<Result<String, _>>();
        histograms += &lines.map_err(|line| Failure::new(Exit::Local, line))?;
        results.notes = table::notes(&results);
        if n > 0 && !arguments.style.quiet && !arguments.style.json {
            report::say("")?;
        }
        print(&results, arguments.style)?;
        all.push(results);
    }
    outputs.write(&all, &histograms)?;
    expected(&all)
}

fn refuse_several(arguments: &Run) -> Result<(), Failure> {
    let Pictures { html, svg } = &arguments.pictures;
    for (option, path) in [("--html", html), ("--svg", svg)] {
        if path.is_some() && arguments.files.len() > 1 {
            let line = format!("{option} is for one scenario file");
            return Err(Failure::new(Exit::Usage, line));
        }
    }
    Ok(())
}

/// The files of results, opened before anything is run.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    csv: Option<Output>,
    jsonl: Option<Output>,
    hdr: Option<Output>,
    pub(crate) html: Option<Output>,
    pub(crate) svg: Option<PathBuf>,
}

impl Outputs {
    fn open(arguments: &Run) -> Result<Self, Failure> {
        let open = |path: &Option<PathBuf>| path.as_deref().map(Output::open).transpose();
        let mut outputs = Self::pictures(&arguments.pictures)?;
        outputs.csv = open(&arguments.csv)?;
        outputs.jsonl = open(&arguments.jsonl)?;
        outputs.hdr = open(&arguments.hdr)?;
        Ok(outputs)
    }

    /// Those of pictures alone.
    pub(crate) fn pictures(pictures: &Pictures) -> Result<Self, Failure> {
        if let Some(folder) = &pictures.svg {
            output::folder(folder)?;
        }
        let html = pictures.html.as_deref().map(Output::open).transpose()?;
        Ok(Self { html, svg: pictures.svg.clone(), ..Self::default() })
    }

    /// Writes all files.
    pub(crate) fn write(self, all: &[Results], histograms: &str) -> Result<(), Failure> {
        if let Some(output) = self.csv {
            output.write(data::csv(all).as_bytes())?;
        }
        if let Some(output) = self.jsonl {
            let lines: String = all.iter().map(data::json_lines).collect();
            output.write(lines.as_bytes())?;
        }
        if let Some(output) = self.hdr {
            output.write(histograms.as_bytes())?;
        }
        let Some(results) = all.first() else { return Ok(()) };
        draw(self.html, self.svg.as_deref(), results)
    }
}

fn draw(html: Option<Output>, svg: Option<&Path>, results: &Results) -> Result<(), Failure> {
    if let Some(output) = html {
        output.write(pictures::html(results).as_bytes())?;
    }
    let Some(folder) = svg else { return Ok(()) };
    for (name, text) in pictures::svgs(results) {
        Output::open(&folder.join(name))?.write(text.as_bytes())?;
    }
    Ok(())
}

/// The results for people or programs.
pub(crate) fn print(results: &Results, style: Style) -> Result<(), Failure> {
    if style.quiet {
        return Ok(());
    }
    if style.json {
        report::say(data::scenario(results))?;
        for cell in &results.cells {
            report::say(data::cell(results, cell))?;
            data::groups(cell).into_iter().try_for_each(report::say)?;
        }
        return results
            .verdicts
            .iter()
            .try_for_each(|verdict| report::say(data::verdict(results, verdict)));
    }
    report::say(format_args!("{}\n", table::headline(results)))?;
    report::say(format_args!("{}\n", table::latencies(results)))?;
    report::say(table::rates(results))?;
    let more = [table::groups(results), table::curves(results), table::verdicts(results)];
    more.iter().flatten().try_for_each(|table| report::say(format_args!("\n{table}")))?;
    if !results.notes.is_empty() {
        report::say("")?;
    }
    results.notes.iter().try_for_each(|note| report::say(format_args!("note: {note}")))
}

/// That everything is as the files expect, and nothing happened that must not.
fn expected(all: &[Results]) -> Result<(), Failure> {
    let faults: usize = all
        .iter()
        .flat_map(|results| &results.cells)
        .flat_map(|cell| &cell.units)
        .map(|unit| unit.faults.len())
        .sum();
    let verdicts: Vec<_> = all.iter().flat_map(|results| &results.verdicts).collect();
    let missed = verdicts.iter().filter(|verdict| !verdict.is_met).count();
    if missed > 0 {
        let line = format!("{missed} of {} expectations missed", verdicts.len());
        return Err(Failure::new(Exit::Transfer, line));
    }
    if faults > 0 {
        return Err(Failure::new(
            Exit::Transfer,
            "something happened that must not; see the notes",
        ));
    }
    Ok(())
}
