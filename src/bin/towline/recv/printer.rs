//! What the receiver prints.

use super::{MAX_LINES, NotReceived, Received, Stored};
use crate::failure::Failure;
use crate::quoted::Quoted;
use crate::report::{self, Json};
use crate::units::{self, counted};
use std::net::SocketAddr;
use std::path::Path;

/// The lines of the receiver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printer {
    pub(super) is_json: bool,
    pub(super) is_quiet: bool,
}

impl Printer {
    pub(super) fn listening(self, local: SocketAddr, dir: &Path) -> Result<(), Failure> {
        if self.is_json {
            let line =
                Json::default().text("event", "listening").text("address", &local.to_string());
            return report::say(line.text("dir", &dir.to_string_lossy()));
        }
        // Even --quiet says this: with port 0 nobody could know it otherwise.
        report::say(format_args!("listening on {local}, storing files in {}", Quoted(dir)))
    }

    /// Programs hear of every file; for people there is one line at the end.
    pub(super) fn stored(self, peer: SocketAddr, stored: &Stored) -> Result<(), Failure> {
        if !self.is_json {
            return Ok(());
        }
        report::say(
            Json::default()
                .text("event", "received")
                .text("file", &stored.path.to_string_lossy())
                .text("from", &peer.to_string())
                .number("bytes", stored.size)
                .number("resumed_bytes", stored.resumed)
                .text("blake3", &report::hex(&stored.hash)),
        )
    }

    pub(super) fn not_stored(
        self,
        peer: SocketAddr,
        name: &str,
        failure: &Failure,
    ) -> Result<(), Failure> {
        report::complain(format_args!("a file from {peer}, {name:?}: {failure}"));
        self.failed_event(peer, name, failure)
    }

    pub(super) fn received(self, peer: SocketAddr, received: &Received) -> Result<(), Failure> {
        let Received { files, bytes, resumed, present, folders, failed, time, .. } = received;
        let rate = units::bits_per_second(bytes - resumed, *time);
        if self.is_json {
            return report::say(
                Json::default()
                    .text("event", "ended")
                    .text("from", &peer.to_string())
                    .number("files", *files)
                    .number("folders", *folders)
                    .number("bytes", *bytes)
                    .number("resumed_bytes", *resumed)
                    .number("present_files", *present)
                    .number("failed", *failed)
                    .float("seconds", time.as_secs_f64())
                    .float("goodput_mbit", rate / 1e6),
            );
        }
        if *failed > MAX_LINES {
            let more = failed - MAX_LINES;
            report::complain(format_args!("{} more of {peer} failed", counted(more, "file")));
        }
        // What failed alone has had its line.
        if self.is_quiet || files + present + folders == 0 {
            return Ok(());
        }
        let (amount, time, rate) = (units::size(*bytes), units::seconds(*time), units::rate(rate));
        let resumed = match resumed {
            0 => String::new(),
            resumed => format!(" ({} of it were here)", units::size(*resumed)),
        };
        if let Some(stored) = received.single() {
            let hash = report::hex(&stored.hash);
            return report::say(format_args!(
                "received {} from {peer}: {amount}{resumed} in {time}, {rate}; BLAKE3 {hash}",
                Quoted(&stored.path)
            ));
        }
        let present = match present {
            0 => String::new(),
            n => format!("; {} were here already", counted(*n, "file")),
        };
        let (files, folders) = (counted(*files, "file"), counted(*folders, "folder"));
        report::say(format_args!(
            "received {files} and {folders} from {peer}: {amount}{resumed} in {time}, {rate}{present}"
        ))
    }

    pub(super) fn broken(self, peer: SocketAddr, not: &NotReceived) -> Result<(), Failure> {
        let failure = &not.failure;
        let name = not.current.as_deref().map(Path::to_string_lossy).unwrap_or_default();
        match (not.is_transfer, &not.current) {
            (_, Some(path)) => report::complain(format_args!(
                "a file from {peer}, {}: {failure}; what arrived is kept for another attempt",
                Quoted(path)
            )),
            (true, None) => report::complain(format_args!("files from {peer}: {failure}")),
            (false, None) => {
                report::complain(format_args!("a connection from {peer} was dropped: {failure}"));
            }
        }
        self.failed_event(peer, &name, failure)
    }

    fn failed_event(self, peer: SocketAddr, name: &str, failure: &Failure) -> Result<(), Failure> {
        if !self.is_json {
            return Ok(());
        }
        report::say(
            Json::default()
                .text("event", "failed")
                .text("file", name)
                .text("from", &peer.to_string())
                .text("error", &failure.message),
        )
    }
}
