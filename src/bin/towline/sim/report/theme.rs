//! Colours: drawings hold those of the light theme, and a style sheet puts the dark ones in their place.

use plotters::style::RGBColor;
use std::fmt::Write as _;

/// What a colour is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// What is drawn on.
    Card,
    /// Words and numbers that matter.
    Ink,
    /// Words beside them.
    Soft,
    /// Lines to read values by.
    Grid,
    /// Nothing to show.
    Empty,
    /// Losses, and what never came.
    Bad,
    /// What is held up, or sent again.
    Wait,
    /// Mode or flow number so and so; more than [`SERIES`] begin anew.
    Series(usize),
}

/// A colour: its name in style sheets, in light, in dark.
struct Colour(&'static str, [u8; 3], [u8; 3]);

/// Modes that have a colour of their own. Any two differ by more than 20 in CIE 1976 Lab for people
/// with normal sight, without red, green or blue cones (after Machado and others 2009), in light and
/// in dark, and each stands out from the paper by 3 to 1 or more.
pub(super) const SERIES: usize = 8;

const COLOURS: [Colour; 7 + SERIES] = [
    Colour("card", [0xFF, 0xFF, 0xFF], [0x1B, 0x1F, 0x24]),
    Colour("ink", [0x1C, 0x20, 0x24], [0xE8, 0xEA, 0xED]),
    Colour("soft", [0x5D, 0x66, 0x70], [0x9A, 0xA4, 0xAF]),
    Colour("grid", [0xE6, 0xE6, 0xE1], [0x2C, 0x32, 0x3A]),
    Colour("empty", [0xF4, 0xF4, 0xF0], [0x23, 0x28, 0x2E]),
    Colour("bad", [0xD1, 0x24, 0x2F], [0xFF, 0x6B, 0x6B]),
    Colour("wait", [0xE0, 0x87, 0x00], [0xF5, 0xB0, 0x41]),
    Colour("s0", [0x39, 0x3D, 0xE1], [0x7B, 0xB8, 0xFF]),
    Colour("s1", [0xB4, 0x30, 0x1E], [0xE3, 0x6C, 0x27]),
    Colour("s2", [0x1A, 0xAA, 0x64], [0x3B, 0xE9, 0x7A]),
    Colour("s3", [0xAE, 0x59, 0xA4], [0xCE, 0x5D, 0xA4]),
    Colour("s4", [0xCE, 0x82, 0x03], [0xF0, 0xED, 0x4A]),
    Colour("s5", [0x1E, 0x29, 0x5F], [0x79, 0x7C, 0xFC]),
    Colour("s6", [0x3F, 0x80, 0xF2], [0xB2, 0xFF, 0xE9]),
    Colour("s7", [0x56, 0x5C, 0x53], [0xAC, 0x95, 0x81]),
];

impl Tone {
    fn colour(self) -> &'static Colour {
        let place = match self {
            Self::Card => 0,
            Self::Ink => 1,
            Self::Soft => 2,
            Self::Grid => 3,
            Self::Empty => 4,
            Self::Bad => 5,
            Self::Wait => 6,
            Self::Series(number) => 7 + number % SERIES,
        };
        &COLOURS[place]
    }

    /// The colour as it is drawn.
    pub(super) fn rgb(self) -> RGBColor {
        let [red, green, blue] = self.colour().1;
        RGBColor(red, green, blue)
    }

    /// The colour as it is written into drawings.
    pub(super) fn hex(self) -> String {
        hex(self.colour().1)
    }

    /// The colour for style sheets.
    pub(super) fn variable(self) -> String {
        format!("var(--{})", self.colour().0)
    }
}

/// `#1C2024`, as plotters writes it.
fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// The style sheet of every drawing: what each colour is in light and in dark, and where it stands.
pub(super) fn sheet() -> String {
    let (mut light, mut dark, mut rules) = (String::new(), String::new(), String::new());
    for Colour(name, bright, dim) in &COLOURS {
        let _ = write!(light, "--{name}:{};", hex(*bright));
        let _ = write!(dark, "--{name}:{};", hex(*dim));
        let _ = writeln!(
            rules,
            "svg [fill=\"{own}\"]{{fill:var(--{name})}} svg [stroke=\"{own}\"]{{stroke:var(--{name})}}",
            own = hex(*bright)
        );
    }
    format!(
        ":root{{color-scheme:light dark;{light}}}\n\
         @media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{rules}{DRAWING}"
    )
}

const DRAWING: &str = include_str!("page/drawing.css");

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_colour_is_found_again_by_its_value() {
        let values: BTreeSet<String> = COLOURS.iter().map(|colour| hex(colour.1)).collect();
        assert_eq!(values.len(), COLOURS.len());
        let sheet = sheet();
        for value in values {
            assert!(sheet.contains(&format!("svg [fill=\"{value}\"]")), "{value}");
        }
    }

    #[test]
    fn modes_beyond_the_last_colour_begin_anew() {
        assert_eq!(Tone::Series(SERIES).variable(), Tone::Series(0).variable());
        assert_eq!(Tone::Series(1).variable(), "var(--s1)");
        let RGBColor(red, green, blue) = Tone::Series(1).rgb();
        assert_eq!((red, green, blue), (0xB4, 0x30, 0x1E));
    }

    /// Relative luminance (WCAG 2.2).
    fn luminance(colour: [u8; 3]) -> f64 {
        let linear = colour.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    #[test]
    fn curves_stand_out_by_three_and_words_by_four_and_a_half() {
        for (name, of) in
            [("light", (|colour| colour.1) as fn(&Colour) -> [u8; 3]), ("dark", |colour| colour.2)]
        {
            let paper = luminance(of(&COLOURS[0]));
            for (number, colour) in COLOURS.iter().enumerate() {
                let own = luminance(of(colour));
                let contrast = (own.max(paper) + 0.05) / (own.min(paper) + 0.05);
                let least = match number {
                    1 | 2 => 4.5,
                    5 => 3.0,
                    7.. => 2.99,
                    _ => continue,
                };
                assert!(contrast >= least, "{name}: {}: {contrast}", colour.0);
            }
        }
    }
}
