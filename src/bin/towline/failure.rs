//! How the program ends when something went wrong: one line for people, one number for scripts.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// Exit codes, as `--help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Success = 0,
    Transfer = 1,
    Usage = 2,
    Unreachable = 3,
    Local = 4,
    Content = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the program ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// One line; empty if there is nobody to tell.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// Something on this machine, usually a file: `cannot read "x": permission denied`.
    pub(crate) fn local(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(Exit::Local, format!("{what}: {}", Reason(error)))
    }

    /// Standard output could not be written. A reader that went away has seen enough: no failure.
    pub(crate) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Exit::Success, "");
        }
        Self::local("cannot write to standard output", error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// An error of the system as the end of a sentence: without its number, without a capital letter.
pub(crate) struct Reason<'a>(pub(crate) &'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let text = text.split(" (os error").next().unwrap_or(&text);
        let mut letters = text.chars();
        // An abbreviation at the front keeps its capitals.
        let is_word = letters.clone().nth(1).is_some_and(char::is_lowercase);
        match letters.next() {
            Some(first) if is_word => {
                write!(f, "{}{}", first.to_lowercase(), letters.as_str())
            }
            _ => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_end_a_sentence() {
        for (error, text) in [
            (io::Error::other("Permission denied (os error 13)"), "permission denied"),
            (io::Error::other("EOF in the middle"), "EOF in the middle"),
            (io::Error::other(""), ""),
            (io::Error::other("x"), "x"),
        ] {
            assert_eq!(Reason(&error).to_string(), text);
        }
        let denied = io::Error::other("Permission denied (os error 13)");
        let failure = Failure::local("cannot read \"x\"", &denied);
        assert_eq!(failure.to_string(), "cannot read \"x\": permission denied");
        assert_eq!(failure.exit, Exit::Local);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let broken = Failure::output(&io::ErrorKind::BrokenPipe.into());
        assert_eq!((broken.exit, broken.message.as_str()), (Exit::Success, ""));
        assert_eq!(Failure::output(&io::ErrorKind::StorageFull.into()).exit, Exit::Local);
    }
}
