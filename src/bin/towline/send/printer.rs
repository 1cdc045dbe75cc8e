//! What the sender prints.

use super::Summary;
use crate::address::Address;
use crate::args::Style;
use crate::failure::Failure;
use crate::quoted::Quoted;
use crate::report::{self, Json};
use crate::statistics;
use crate::transfer::{LeftOut, Manifest, TransferError};
use crate::units::{self, counted, grouped};
use std::path::{Path, PathBuf};
use std::time::Duration;
use towline::connection::Stats;

/// So many lines about single files are printed; of what is beyond, the number.
const MAX_LINES: usize = 20;

/// The lines of the sender.
pub(super) struct Printer<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) paths: &'a [PathBuf],
    pub(super) to: &'a Address,
    pub(super) style: Style,
}

impl Printer<'_> {
    /// The one file that is all there is to send.
    fn single(&self) -> Option<&Path> {
        match self.manifest.entries.as_slice() {
            [entry] if entry.size().is_some() => Some(&entry.local),
            _ => None,
        }
    }

    /// What is in the folders and is not offered: one line each, if they are not too many.
    pub(super) fn left_out(&self) {
        let is_told = |left_out: &&LeftOut| left_out.is_failure || !self.style.quiet;
        let told: Vec<_> = self.manifest.left_out.iter().filter(is_told).collect();
        for LeftOut { local, why, is_failure } in told.iter().take(MAX_LINES) {
            let what = if *is_failure { "cannot read" } else { "skipped" };
            report::complain(format_args!("{what} {}: {why}", Quoted(local)));
        }
        if let Some(more) = told.len().checked_sub(MAX_LINES).filter(|more| *more > 0) {
            report::complain(format_args!("{more} more were skipped or cannot be read"));
        }
    }

    /// What is sent, in words.
    pub(super) fn what(&self) -> String {
        match (self.paths, self.single()) {
            (_, Some(path)) => Quoted(path).to_string(),
            ([path], None) => Quoted(path).to_string(),
            (paths, None) => format!("{} files and folders", paths.len()),
        }
    }

    pub(super) fn failed(&self, local: &Path, error: &TransferError, count: u64) {
        if count <= MAX_LINES as u64 {
            report::complain(format_args!("cannot send {} to {}: {error}", Quoted(local), self.to));
        }
        if self.style.json {
            // If nobody reads it, the end will say so.
            let _ = report::say(
                Json::default()
                    .text("event", "failed")
                    .text("file", &local.to_string_lossy())
                    .text("error", &error.to_string()),
            );
        }
    }

    /// The result; a failure if a file is missing over there.
    pub(super) fn sent(
        &self,
        summary: &Summary,
        time: Duration,
        stats: &Stats,
    ) -> Result<(), Failure> {
        if self.style.json {
            report::say(self.json(summary, time, stats))?;
        } else if !self.style.quiet && (self.single().is_none() || summary.failed == 0) {
            let statistics = statistics::line(stats);
            report::say(format_args!("{}\n  {statistics}", self.text(summary, time)))?;
        }
        let Some(exit) = summary.exit else { return Ok(()) };
        let all = summary.files + summary.present + summary.folders + summary.failed;
        // A single one has had its line.
        let line = if all > 1 {
            format!(
                "{} of {} files and folders were not sent",
                grouped(summary.failed),
                grouped(all)
            )
        } else {
            String::new()
        };
        Err(Failure::new(exit, line))
    }

    fn text(&self, summary: &Summary, time: Duration) -> String {
        let Summary { files, bytes, resumed, present, present_bytes, folders, hash, .. } = summary;
        let to = self.to;
        let rate = units::rate(units::bits_per_second(bytes - resumed, time));
        let (amount, time) = (units::size(*bytes), units::seconds(time));
        let resumed = match resumed {
            0 => String::new(),
            resumed => format!(" ({} of it were there)", units::size(*resumed)),
        };
        let hash = report::hex(&hash.unwrap_or_default());
        match self.single() {
            Some(path) if *present > 0 => format!(
                "{} is at {to} already, {}: nothing to send; BLAKE3 {hash}",
                Quoted(path),
                units::size(*present_bytes)
            ),
            Some(path) => format!(
                "sent {} to {to}: {amount}{resumed} in {time}, {rate}; stored and verified, BLAKE3 {hash}",
                Quoted(path)
            ),
            None => {
                let present = match present {
                    0 => String::new(),
                    n => format!(
                        "; {}, {}, were there already",
                        counted(*n, "file"),
                        units::size(*present_bytes)
                    ),
                };
                let (files, folders) = (counted(*files, "file"), counted(*folders, "folder"));
                format!(
                    "sent {files} and {folders} to {to}: {amount}{resumed} in {time}, {rate}; stored and verified{present}"
                )
            }
        }
    }

    fn json(&self, summary: &Summary, time: Duration, stats: &Stats) -> Json {
        let Summary { files, bytes, resumed, present, present_bytes, folders, failed, .. } =
            *summary;
        let mut json = Json::default().text("event", "sent");
        if let (Some(path), Some(hash)) = (self.single(), summary.hash) {
            json = json.text("file", &path.to_string_lossy()).text("blake3", &report::hex(&hash));
        }
        let rate = units::bits_per_second(bytes - resumed, time);
        let json = json
            .text("to", &self.to.to_string())
            .number("files", files)
            .number("folders", folders)
            .number("bytes", bytes)
            .number("resumed_bytes", resumed)
            .number("present_files", present)
            .number("present_bytes", present_bytes)
            .number("failed", failed)
            .float("seconds", time.as_secs_f64())
            .float("goodput_mbit", rate / 1e6);
        statistics::members(json, stats)
    }
}
