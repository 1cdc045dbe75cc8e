//! The packets that may still be acknowledged, in the order in which they were sent.

use std::collections::VecDeque;
use std::ops::Range;

use super::rate::Snapshot;
use crate::ranges::RangeSet;
use crate::time::{Duration, Instant};

/// How many packets that have left flight are kept behind an older one that might still be
/// acknowledged late; beyond it the oldest are forgotten, and their late ACKs are ignored.
pub(super) const MAX_SETTLED: usize = 16_384;

/// How many ranges of acknowledged numbers are kept to skip repeated ones; beyond it the lowest are
/// dropped, which costs a walk over settled entries and nothing else.
const MAX_ACKED_RANGES: usize = 16_384;

/// What has become of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    InFlight,
    Acked,
    /// Declared lost at that time; `episode` tells which reduction of the window it belongs to.
    Lost {
        at: Instant,
        episode: u64,
    },
    /// The peer received it damaged and said so.
    Damaged {
        at: Instant,
    },
}

/// One packet that was sent.
#[derive(Clone, Debug)]
pub(super) struct Entry<T> {
    pub(super) number: u64,
    pub(super) sent_at: Instant,
    pub(super) bytes: u32,
    pub(super) trailer: u32,
    pub(super) state: State,
    /// Larger than the path is known to carry: its loss is an answer and no congestion.
    pub(super) is_mtu_probe: bool,
    /// `None` once it has been handed back for good.
    pub(super) contents: Option<T>,
    pub(super) rate: Snapshot,
}

/// All packets from the oldest that may still be acknowledged to the newest. Memory is bounded by
/// the packets in flight plus [`MAX_SETTLED`].
#[derive(Debug)]
pub(super) struct Sent<T> {
    entries: VecDeque<Entry<T>>,
    /// Numbers above the oldest entry that were acknowledged, those we do not track included.
    acked: RangeSet,
    /// Index of the oldest entry that can be in flight: all before it have settled.
    cursor: usize,
    bytes_in_flight: u64,
    packets_in_flight: u64,
}

impl<T> Sent<T> {
    pub(super) const fn new() -> Self {
        Self {
            entries: VecDeque::new(),
            acked: RangeSet::new(),
            cursor: 0,
            bytes_in_flight: 0,
            packets_in_flight: 0,
        }
    }

    /// Appends a packet in flight. Its number must be above all earlier ones.
    pub(super) fn push(&mut self, entry: Entry<T>) {
        debug_assert!(self.entries.back().is_none_or(|e| e.number < entry.number));
        debug_assert_eq!(entry.state, State::InFlight);
        self.bytes_in_flight += u64::from(entry.bytes);
        self.packets_in_flight += 1;
        self.entries.push_back(entry);
    }

    /// Marks all of `range` acknowledged and calls `newly` with each entry that was not so before,
    /// and with the state it had. Numbers that were acknowledged already cost nothing.
    pub(super) fn acknowledge(
        &mut self,
        range: Range<u64>,
        mut newly: impl FnMut(&mut Entry<T>, State),
    ) {
        let (Some(front), Some(back)) = (self.entries.front(), self.entries.back()) else { return };
        let range = range.start.max(front.number)..range.end.min(back.number + 1);
        let mut from = range.start;
        while let Some(gap) = self.acked.gaps(from..range.end).next() {
            let first = self.entries.partition_point(|e| e.number < gap.start);
            let fresh = self.entries.range_mut(first..).take_while(|e| e.number < gap.end);
            for entry in fresh.filter(|e| e.state != State::Acked) {
                let before = std::mem::replace(&mut entry.state, State::Acked);
                if before == State::InFlight {
                    self.bytes_in_flight -= u64::from(entry.bytes);
                    self.packets_in_flight -= 1;
                }
                newly(entry, before);
            }
            from = gap.end;
        }
        self.acked.insert(range);
        if self.acked.len() > MAX_ACKED_RANGES {
            self.acked.pop_first();
        }
    }

    /// Takes an entry out of flight into `state`.
    pub(super) fn settle(&mut self, number: u64, state: State) -> Option<&mut Entry<T>> {
        let at = self.entries.partition_point(|e| e.number < number);
        let entry = self.entries.get_mut(at).filter(|e| e.number == number)?;
        if entry.state != State::InFlight {
            return None;
        }
        entry.state = state;
        self.bytes_in_flight -= u64::from(entry.bytes);
        self.packets_in_flight -= 1;
        Some(entry)
    }

    /// The entry with `number`, whatever its state.
    pub(super) fn get(&self, number: u64) -> Option<&Entry<T>> {
        let at = self.entries.partition_point(|e| e.number < number);
        self.entries.get(at).filter(|e| e.number == number)
    }

    /// The oldest packet in flight. Entries never return to flight, so the walk over settled ones
    /// is done once: [`Sent::trim`] remembers how far it came.
    pub(super) fn oldest_in_flight(&self) -> Option<&Entry<T>> {
        self.entries.range(self.cursor..).find(|e| e.state == State::InFlight)
    }

    /// Moves past what has settled, and forgets what no longer matters: acknowledged packets, and
    /// lost ones that have waited for a late ACK for `keep`.
    pub(super) fn trim(&mut self, now: Instant, keep: Duration) {
        while self.entries.get(self.cursor).is_some_and(|e| e.state != State::InFlight) {
            self.cursor += 1;
        }
        while self.cursor > 0 {
            let settled = self.entries.len() - self.packets_in_flight as usize;
            let forget = self.entries.front().is_some_and(|e| match e.state {
                State::InFlight => false,
                State::Acked => true,
                State::Lost { at, .. } | State::Damaged { at } => {
                    settled > MAX_SETTLED || now.saturating_since(at) >= keep
                }
            });
            if !forget {
                break;
            }
            self.entries.pop_front();
            self.cursor -= 1;
        }
        let Some(front) = self.entries.front() else { return self.acked.clear() };
        while self.acked.first().is_some_and(|r| r.end <= front.number) {
            self.acked.pop_first();
        }
    }

    /// Whether any number in `range` has been acknowledged, or may have been: what lies below the
    /// oldest entry was forgotten because it was, or long ago.
    pub(super) fn any_acked(&self, range: Range<u64>) -> bool {
        let is_forgotten = self.lowest().is_none_or(|lowest| range.start < lowest);
        !range.is_empty() && (is_forgotten || self.acked.gaps(range.clone()).next() != Some(range))
    }

    /// Forgets everything and hands out what was in flight.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Entry<T>> + use<T> {
        let all = std::mem::replace(self, Self::new());
        all.entries.into_iter().filter(|e| e.state == State::InFlight)
    }

    /// UDP payload bytes in flight.
    pub(super) const fn bytes_in_flight(&self) -> u64 {
        self.bytes_in_flight
    }

    /// Packets in flight.
    pub(super) const fn packets_in_flight(&self) -> u64 {
        self.packets_in_flight
    }

    /// The lowest number that an ACK can still tell us something about.
    pub(super) fn lowest(&self) -> Option<u64> {
        self.entries.front().map(|e| e.number)
    }

    /// How many entries are held, settled ones included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
