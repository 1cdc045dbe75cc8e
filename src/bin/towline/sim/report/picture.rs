//! A picture: a drawing in the sizes that are needed, with its words.

use super::sheet::{Sheet, escaped};
use std::fmt::Write as _;

/// Widths of drawings: of a desk's page, of a telephone's, and of one of several side by side.
pub(super) const WIDE: f64 = 1060.0;
pub(super) const NARROW: f64 = 348.0;

/// A picture.
pub(super) struct Picture<'a> {
    /// Short and unlike any other, for links and file names.
    pub(super) id: String,
    pub(super) title: String,
    /// How to read it.
    pub(super) about: String,
    /// How high it is, wide and narrow.
    pub(super) heights: (f64, f64),
    pub(super) draw: Box<dyn Fn((f64, f64)) -> Sheet + 'a>,
}

impl Picture<'_> {
    /// As a figure over the whole page, under a heading of this level.
    pub(super) fn figure(&self, level: u8) -> String {
        let mut text = self.head(level);
        text += &(self.draw)((WIDE, self.heights.0)).finish("wide");
        text += &(self.draw)((NARROW, self.heights.1)).finish("narrow");
        text + &self.foot()
    }

    /// As one of several figures side by side.
    pub(super) fn panel(&self, level: u8) -> String {
        self.head(level) + &(self.draw)((NARROW, self.heights.1)).finish("panel") + &self.foot()
    }

    /// As a file of its own.
    pub(super) fn file(&self) -> (String, String) {
        let sheet = (self.draw)((832.0, self.heights.0)).titled(&self.title);
        (format!("{}.svg", self.id), sheet.standalone())
    }

    fn head(&self, level: u8) -> String {
        let (id, title) = (escaped(&self.id), escaped(&self.title));
        format!("<figure id=\"{id}\"><h{level}>{title}</h{level}>\n")
    }

    fn foot(&self) -> String {
        let mut text = String::new();
        if !self.about.is_empty() {
            let _ = write!(text, "<figcaption>{}</figcaption>", escaped(&self.about));
        }
        text + "</figure>\n"
    }
}
