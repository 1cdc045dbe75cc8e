//! How much of the streams that somebody watches the peer has.

use super::Connection;
use super::contents::Contents;
use crate::ranges::RangeSet;
use crate::recovery::Fate;
use crate::stream::Content;
use crate::wire::StreamId;
use std::collections::BTreeMap;

/// Acknowledged bytes of each watched stream: as many ranges as packets arrived out of order, and no
/// more than streams that the application watches.
#[derive(Debug, Default)]
pub(super) struct Prefixes(BTreeMap<StreamId, RangeSet>);

impl Prefixes {
    /// What became of a packet that carried this.
    pub(super) fn on_fate(&mut self, fate: Fate, contents: &Contents) {
        if self.0.is_empty() || fate == Fate::Lost {
            return;
        }
        for content in contents.iter() {
            if let Content::Data { id, range, .. } = content
                && let Some(acked) = self.0.get_mut(id)
            {
                acked.insert(range.clone());
            }
        }
    }
}

impl Connection {
    /// Whether [`Connection::acknowledged`] knows of a stream. It counts from then on: begin before the
    /// first byte is written.
    pub fn watch_stream(&mut self, id: StreamId, is_watched: bool) {
        if is_watched {
            self.prefixes.0.entry(id).or_default();
        } else {
            self.prefixes.0.remove(&id);
        }
    }

    /// How many bytes of a watched stream the peer has, from its beginning to the first one missing; also
    /// when the stream is over.
    pub fn acknowledged(&self, id: StreamId) -> Option<u64> {
        let acked = self.prefixes.0.get(&id)?;
        Some(acked.range_of(0).map_or(0, |range| range.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_the_first_byte_missing() {
        let (id, other) = (StreamId(4), StreamId(8));
        let mut prefixes = Prefixes(BTreeMap::from([(id, RangeSet::new())]));
        let mut prefix = |fate, id, range| {
            let mut contents = Contents::default();
            contents.push(Content::MaxData);
            contents.push(Content::Data { id, range, fin: false, copy: 0 });
            prefixes.on_fate(fate, &contents);
            let all = prefixes.0.get(&StreamId(4)).and_then(|acked| acked.range_of(0));
            (all.map_or(0, |range| range.end), prefixes.0.len())
        };
        for (fate, id, range, expected) in [
            (Fate::Acked, id, 10..20, 0),
            (Fate::Acked, other, 0..10, 0),
            (Fate::Lost, id, 0..10, 0),
            (Fate::Acked, id, 0..5, 5),
            (Fate::Acked, id, 20..30, 5),
            (Fate::Late, id, 3..12, 30),
            (Fate::Acked, id, 0..5, 30),
        ] {
            assert_eq!(prefix(fate, id, range), (expected, 1));
        }
    }
}
