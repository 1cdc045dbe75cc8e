//! Names that a stranger sent: which of them stay within a folder, on every system.
//!
//! What is refused here is refused everywhere, so that a folder which one system took does not
//! become dangerous when it is carried to the next.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The longest path, in bytes; a longer one ends the transfer, as no `towline send` says it.
pub(crate) const MAX_PATH: usize = 4096;
/// The deepest path, in parts; a deeper one is refused.
pub(crate) const MAX_DEPTH: usize = 256;
/// The longest name that common file systems take, in bytes; a longer one is refused.
const MAX_NAME: usize = 255;
/// What the names of the receiver's own files begin with; in the top folder, such names are refused.
pub(crate) const RESERVED: &str = ".towline-";

/// A path that leads to something within a folder, unless there are links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relative(PathBuf);

impl Relative {
    /// A path as it was sent: parts with `/` between them.
    pub(crate) fn parse(path: &[u8]) -> Result<Self, &'static str> {
        if path.starts_with(b"/") {
            return Err("it begins at the root");
        }
        if path.starts_with(RESERVED.as_bytes()) {
            return Err("such names are the receiver's own");
        }
        let mut parts = PathBuf::new();
        for (depth, name) in path.split(|byte| *byte == b'/').enumerate() {
            if depth >= MAX_DEPTH {
                return Err("it is too deep");
            }
            check(name)?;
            parts.push(native(name)?);
        }
        Ok(Self(parts))
    }

    pub(crate) fn as_path(&self) -> &Path {
        &self.0
    }

    /// Whether it lies in a hidden folder or is a hidden file, such as `.ssh/config` or `.profile`.
    /// Hidden names deeper within come along with their folder.
    pub(crate) fn is_hidden(&self) -> bool {
        self.0.as_os_str().as_encoded_bytes().starts_with(b".")
    }
}

fn check(name: &[u8]) -> Result<(), &'static str> {
    let is_drive = matches!(name, [letter, b':', ..] if letter.is_ascii_alphabetic());
    match name {
        b"" => Err("a part of it is empty"),
        b"." | b".." => Err("a part of it is . or .."),
        name if name.len() > MAX_NAME => Err("a part of it is longer than 255 bytes"),
        name if name.contains(&0) => Err("it holds a zero"),
        name if name.contains(&b'\\') => Err("it holds a backslash"),
        _ if is_drive => Err("it names a drive"),
        name if is_device(&String::from_utf8_lossy(name)) => Err("it names a device"),
        name if cfg!(windows) && is_strange_to_windows(name) => Err("Windows has no such names"),
        _ => Ok(()),
    }
}

/// Windows' devices, whatever follows their first dot.
fn is_device(name: &str) -> bool {
    let stem = name.split(['.', ':']).next().unwrap_or_default().trim_end().to_ascii_uppercase();
    if ["CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"].contains(&stem.as_str()) {
        return true;
    }
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT")).unwrap_or_default();
    let mut letters = number.chars();
    letters.next().is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
        && letters.next().is_none()
}

/// Dots and spaces at the end are dropped there, and a colon opens a stream of another file.
fn is_strange_to_windows(name: &[u8]) -> bool {
    let is_forbidden = |byte: &u8| *byte < 32 || br#"<>:"|?*"#.contains(byte);
    name.iter().any(is_forbidden) || matches!(name.last(), Some(b'.' | b' '))
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere, names must be UTF-8")]
fn native(name: &[u8]) -> Result<OsString, &'static str> {
    Ok(std::os::unix::ffi::OsStringExt::from_vec(name.to_vec()))
}

#[cfg(not(unix))]
fn native(name: &[u8]) -> Result<OsString, &'static str> {
    std::str::from_utf8(name).map(OsString::from).map_err(|_| "it is no UTF-8")
}

/// A local name as it is sent; none where the system's names are neither bytes nor UTF-8.
pub(crate) fn to_bytes(name: &std::ffi::OsStr) -> Option<&[u8]> {
    if cfg!(unix) { Some(name.as_encoded_bytes()) } else { name.to_str().map(str::as_bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Component;

    fn refusal(path: &[u8]) -> &'static str {
        Relative::parse(path).unwrap_err()
    }

    #[test]
    fn ordinary_names_are_taken_as_they_are() {
        for path in [
            "a.txt",
            "Grüße 1.txt",
            "a/b/c",
            "a b/c d",
            "...",
            "..a",
            "a.",
            " ",
            "console",
            "com10",
            "COM",
            "lpt/null",
            "2024-01-01T10:00:00.log",
            "a\nb",
            ".profile",
            "a/.towline-x",
        ] {
            let relative = Relative::parse(path.as_bytes());
            assert_eq!(relative.as_ref().map(Relative::as_path), Ok(Path::new(path)));
        }
        assert!(Relative::parse(&[b'x'; 255]).is_ok());
    }

    #[test]
    fn names_that_lead_out_or_elsewhere_are_refused() {
        for (path, part) in [
            ("../x", ". or .."),
            ("a/../../x", ". or .."),
            ("a/..", ". or .."),
            ("..", ". or .."),
            (".", ". or .."),
            ("./x", ". or .."),
            ("", "empty"),
            ("a//b", "empty"),
            ("a/", "empty"),
            ("/etc/passwd", "root"),
            ("//host/x", "root"),
            ("a\0b", "zero"),
            ("..\\x", "backslash"),
            ("a/b\\c", "backslash"),
            ("C:x", "drive"),
            ("c:", "drive"),
            ("a/z:b", "drive"),
            ("con", "device"),
            ("a/NUL.txt/b", "device"),
            ("aux.tar.gz", "device"),
            ("con .txt", "device"),
            ("nul:x", "device"),
            ("com1", "device"),
            ("LPT².x", "device"),
            ("CONIN$", "device"),
            (".towline-00.part", "own"),
        ] {
            assert!(
                refusal(path.as_bytes()).contains(part),
                "{path}: {}",
                refusal(path.as_bytes())
            );
        }
    }

    #[test]
    fn lengths_have_limits() {
        assert!(refusal(&[b'x'; 256]).contains("255"));
        let deep = |depth: usize| vec!["d"; depth].join("/").into_bytes();
        assert!(Relative::parse(&deep(MAX_DEPTH)).is_ok());
        assert!(refusal(&deep(MAX_DEPTH + 1)).contains("deep"));
    }

    #[test]
    fn what_hides_at_the_top_is_known() {
        let is_hidden = |path: &str| Relative::parse(path.as_bytes()).unwrap().is_hidden();
        assert!(is_hidden(".ssh/config") && is_hidden(".profile"));
        assert!(!is_hidden("a/.git/config") && !is_hidden("a"));
    }

    proptest! {
        #[test]
        fn what_is_taken_goes_down_only(path in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(relative) = Relative::parse(&path) {
                let is_normal = |part| matches!(part, Component::Normal(_));
                prop_assert!(relative.as_path().components().all(is_normal));
                prop_assert_eq!(to_bytes(relative.as_path().as_os_str()), Some(path.as_slice()));
            }
        }

        #[test]
        fn what_is_taken_goes_down_only_in_names_made_of_traps(path in "[./\\\\:aCcNn0]{0,12}") {
            if let Ok(relative) = Relative::parse(path.as_bytes()) {
                let is_normal = |part| matches!(part, Component::Normal(_));
                prop_assert!(relative.as_path().components().all(is_normal));
                prop_assert!(!relative.as_path().has_root());
            }
        }
    }
}
