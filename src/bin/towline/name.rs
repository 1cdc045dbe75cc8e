//! A name that a stranger sent, reduced to a plain file name that is harmless on every system.

use std::fmt;
use std::path::Path;

/// The longest file name that common file systems take, in bytes.
const MAX_BYTES: usize = 255;
/// The longest ending (`.tar`, `.jpeg`) that survives when a name is cut.
const MAX_ENDING_BYTES: usize = 16;
/// What a name without anything usable becomes.
const NAMELESS: &str = "unnamed";

/// The part after the last separator of any system, without what ends a name on one of them,
/// steers a terminal, hides the file, or names a device.
pub(crate) fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut plain: String = last.chars().map(|c| if is_harmful(c) { '_' } else { c }).collect();
    // Windows drops them, so that `con.` would be `con`.
    plain.truncate(plain.trim_end_matches(['.', ' ']).len());
    if plain.trim().is_empty() {
        return NAMELESS.to_owned();
    }
    // A stranger does not write `.profile` or `.bashrc`, and nobody sees what hides.
    if plain.starts_with('.') {
        plain.replace_range(..1, "_");
    }
    if is_device(&plain) {
        plain.insert(0, '_');
    }
    cut(plain)
}

fn is_harmful(c: char) -> bool {
    // The last ranges turn the direction of writing around, so that `gpj.exe` looks like a picture.
    c.is_control()
        || r#"<>:"|?*"#.contains(c)
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Windows' devices, whatever follows their first dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    if ["CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"].contains(&stem.as_str()) {
        return true;
    }
    let number = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT")).unwrap_or_default();
    let mut letters = number.chars();
    letters.next().is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
        && letters.next().is_none()
}

/// Within the limit, at a character's border, with its ending if that is short.
fn cut(name: String) -> String {
    if name.len() <= MAX_BYTES {
        return name;
    }
    let ending = name.rfind('.').map(|at| &name[at..]).unwrap_or_default();
    let ending = if ending.len() <= MAX_ENDING_BYTES { ending } else { "" };
    let end = name.floor_char_boundary(MAX_BYTES - ending.len());
    format!("{}{ending}", &name[..end])
}

/// A path in quotation marks, on one line whatever it holds.
pub(crate) struct Quoted<'a>(pub(crate) &'a Path);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.to_string_lossy(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_reduced() {
        for (sent, kept) in [
            ("a.txt", "a.txt"),
            ("Grüße 1.txt", "Grüße 1.txt"),
            ("/etc/passwd", "passwd"),
            ("../../etc/passwd", "passwd"),
            ("a/..", "unnamed"),
            ("..", "unnamed"),
            (".", "unnamed"),
            ("...", "unnamed"),
            ("", "unnamed"),
            ("   ", "unnamed"),
            ("a/", "unnamed"),
            ("C:\\Windows\\win.ini", "win.ini"),
            ("C:win.ini", "C_win.ini"),
            ("a.txt:stream", "a.txt_stream"),
            ("\\\\host\\share\\x", "x"),
            (".bashrc", "_bashrc"),
            ("a\0b", "a_b"),
            ("a\nb\x1b[31m", "a_b_[31m"),
            ("photo\u{202e}gpj.exe", "photo_gpj.exe"),
            ("what?*.txt", "what__.txt"),
            ("name. .", "name"),
            ("con", "_con"),
            ("NUL.txt", "_NUL.txt"),
            ("aux.tar.gz", "_aux.tar.gz"),
            ("con .txt", "_con .txt"),
            ("com1", "_com1"),
            ("LPT².x", "_LPT².x"),
            ("com10", "com10"),
            ("console", "console"),
            ("CONIN$", "_CONIN$"),
        ] {
            assert_eq!(plain(sent), kept, "{sent:?}");
        }
    }

    #[test]
    fn long_names_keep_their_ending() {
        let cut = plain(&format!("{}.jpeg", "ü".repeat(400)));
        assert!(cut.len() > 250 && cut.len() <= 255 && cut.ends_with("ü.jpeg"), "{cut}");
        let cut = plain(&format!("a.{}", "b".repeat(400)));
        assert_eq!(cut.len(), 255);
    }

    proptest! {
        #[test]
        fn any_name_becomes_one_component(sent in any::<String>()) {
            let kept = plain(&sent);
            prop_assert!(!kept.is_empty() && kept.len() <= MAX_BYTES);
            let path = Path::new(&kept);
            prop_assert_eq!(path.file_name(), Some(kept.as_ref()));
            prop_assert!(!kept.chars().any(is_harmful) && !kept.starts_with('.') && !is_device(&kept));
            prop_assert_eq!(plain(&kept), kept);
        }
    }
}
