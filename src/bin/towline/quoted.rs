//! Names in quotation marks, on one line whatever they hold.

use std::fmt;
use std::path::Path;

/// A path as a text for people: what would steer a terminal, begin a new line or is no UTF-8 is
/// escaped.
pub(crate) struct Quoted<'a>(pub(crate) &'a Path);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

/// A stranger's text without what would steer a terminal or begin another line.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The last ranges turn the direction of writing around.
        let is_harmful = |c: char| {
            c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        self.0
            .chars()
            .try_for_each(|c| fmt::Write::write_char(f, if is_harmful(c) { '?' } else { c }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_harmless_line() {
        for (name, quoted) in [
            ("Grüße 1.txt", r#""Grüße 1.txt""#),
            ("a\nb\x1b[31m", r#""a\nb\u{1b}[31m""#),
            ("photo\u{202e}gpj.exe", r#""photo\u{202e}gpj.exe""#),
            ("say \"x\"", r#""say \"x\"""#),
        ] {
            assert_eq!(Quoted(Path::new(name)).to_string(), quoted);
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_can_be_told_apart() {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"a\xff\xfe");
        assert_eq!(Quoted(Path::new(name)).to_string(), r#""a\xFF\xFE""#);
    }

    #[test]
    fn texts_do_not_steer_a_terminal() {
        assert_eq!(Printable("a\x1b[m\u{202e}b\n").to_string(), "a?[m?b?");
    }
}
