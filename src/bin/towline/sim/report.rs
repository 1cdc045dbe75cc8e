//! Pictures of simulations, and the page that shows them.

mod axis;
mod chart;
mod detail;
mod latency;
mod layout;
mod legend;
mod map;
mod overview;
mod packets;
mod page;
mod picture;
mod quantity;
#[cfg(test)]
mod sample;
mod sharing;
mod sheet;
mod sweep;
mod tables;
mod theme;
mod theory;
mod thin;
mod tracks;
mod trade;
mod winners;
mod words;

use super::results::Results;
use layout::Layout;

/// One page with all pictures and all numbers: nothing to load.
pub(crate) fn html(results: &Results) -> String {
    page::page(&Layout::of(results))
}

/// The pictures one by one: file names, and what is in the files.
pub(crate) fn svgs(results: &Results) -> Vec<(String, String)> {
    let layout = Layout::of(results);
    let place = overview::most_telling(&layout);
    let mut pictures = Vec::new();
    for metric in layout.telling() {
        pictures.extend(overview::winners(&layout, metric));
    }
    if let Some(condition) = layout.conditions.get(place) {
        pictures.extend(overview::latencies(&layout, place, condition));
        pictures.extend(overview::rates(&layout, place, condition));
    }
    if layout.dimensions.len() > 1 {
        pictures.extend(overview::goodput_by_loss(&layout));
    }
    pictures.extend(overview::trade(&layout));
    for (number, detail) in results.details.iter().enumerate() {
        pictures.extend(detail::pictures(detail, number));
    }
    pictures.iter().map(picture::Picture::file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn files_have_names_of_their_own_that_every_system_takes() {
        let files = svgs(&sample::sweep());
        let names: BTreeSet<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.len(), files.len(), "{names:?}");
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        assert!(names.iter().all(|name| name.chars().all(fits)), "{names:?}");
        assert!(files.iter().all(|(_, text)| text.starts_with("<svg xmlns=")));
    }
}
