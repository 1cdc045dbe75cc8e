//! A progress bar with rate and time left, on a terminal only.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

const TEMPLATE: &str = "{msg} [{bar:30}] {percent:>3} %  {decimal_bytes} of {decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left";

const COUNT_TEMPLATE: &str =
    "{msg} [{bar:30}] {percent:>3} %  {human_pos} of {human_len}  {per_sec}  {eta} left";

/// What a transfer shows while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// On standard error, if that is a terminal and `is_wanted`.
    pub(crate) fn start(what: &str, bytes: u64, is_wanted: bool) -> Self {
        if !is_wanted {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(bytes);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }

    /// A bar that counts something else than bytes.
    pub(crate) fn count(what: &str, number: u64, is_wanted: bool) -> Self {
        let progress = Self::start(what, number, is_wanted);
        if let Ok(style) = ProgressStyle::with_template(COUNT_TEMPLATE) {
            progress.0.set_style(style.progress_chars("=> "));
        }
        progress
    }

    /// A line that changes.
    pub(crate) fn status(is_wanted: bool) -> Self {
        let line = if is_wanted { ProgressBar::no_length() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            line.set_style(style);
        }
        Self(line)
    }

    pub(crate) fn say(&self, text: String) {
        self.0.set_message(text);
        self.0.tick();
    }

    pub(crate) fn set(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    /// Takes the bar away while something else is printed.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }

    /// Takes the bar away: what comes next is the result.
    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}
