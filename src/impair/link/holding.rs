//! The waiting room of a link whose discipline decides at the head: when the next one is looked at,
//! and what has been decided.

use crate::impair::dice::Dice;
use crate::impair::discipline::{Discipline, Held, Parked};
use crate::impair::line::{Arrivals, Fate, Line};
use crate::impair::queue::Queue;
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// Datagrams with their tags, on their way out of [`Link::release`](super::Link::release).
pub(super) type Decided = VecDeque<Settled>;

/// What became of a datagram that was held.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    pub(super) tag: u64,
    /// Bytes that it takes on the wire beside its own.
    pub(super) overhead: u64,
    pub(super) arrivals: Arrivals,
}

/// Datagrams that wait; one that begins to be sent goes to the [`Queue`], which then holds no more
/// than what is being sent.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    held: Held,
    /// When something came to the empty room: since then, the sending end has always had work.
    busy_since: Instant,
    /// The latest time it was told.
    now: Instant,
    /// The number that the next one to leave has on the line, where that is not its own.
    leaving: u64,
    dropped: Vec<Parked>,
}

impl Holding {
    /// Empty, or `None` where the discipline holds nothing; `sent` datagrams went into the link.
    pub(super) fn new(discipline: Discipline, dice: Dice, sent: u64) -> Option<Self> {
        let held = Held::new(discipline, dice)?;
        let (busy_since, now) = (Instant::ZERO, Instant::ZERO);
        Some(Self { held, busy_since, now, leaving: sent, dropped: Vec::new() })
    }

    /// Takes a datagram in, and drops others if there is no room; returns it if that does not help.
    pub(super) fn push(
        &mut self,
        parked: Parked,
        queue: &mut Queue,
        decided: &mut Decided,
    ) -> Result<(), Parked> {
        queue.forget_departed(parked.arrived);
        if self.held.is_empty() {
            self.busy_since = parked.arrived;
        }
        if self.held.weighs_all() {
            self.held.push(parked);
            while self.is_full(queue, 0, 0) && self.held.make_room(&mut self.dropped) {}
        } else {
            // What would not fit beside that being sent drops nobody else in vain.
            let fits = queue.is_idle() || queue.has_room(parked.bytes, 1);
            while fits
                && self.is_full(queue, parked.bytes, 1)
                && self.held.make_room(&mut self.dropped)
            {}
            if self.is_full(queue, parked.bytes, 1) {
                queue.count_drop();
                return Err(parked);
            }
            self.held.push(parked);
        }
        for _ in &self.dropped {
            queue.count_drop();
        }
        self.discard(Fate::Overflowed, decided);
        queue.note_peak(self.held.bytes());
        Ok(())
    }

    /// Decides about everything whose turn comes by `now`, and returns the latest time it was told.
    pub(super) fn advance(
        &mut self,
        now: Instant,
        queue: &mut Queue,
        line: &mut Line,
        decided: &mut Decided,
    ) -> Instant {
        self.now = self.now.max(now);
        while let Some(start) = self.next_at(queue).filter(|start| *start <= self.now) {
            let sent = self.held.pop(start, &mut self.dropped);
            self.discard(Fate::Early, decided);
            if let Some(sent) = sent {
                self.send(sent, start, queue, line, decided);
            }
        }
        self.now
    }

    /// Sends everything that waits, in its order and without a decision: another discipline comes.
    pub(super) fn drain(mut self, queue: &mut Queue, line: &mut Line, decided: &mut Decided) {
        while let Some(start) = self.next_at(queue) {
            // Nothing has waited long at its own arrival.
            let sent = self.held.pop(Instant::ZERO, &mut self.dropped);
            self.discard(Fate::Early, decided);
            if let Some(sent) = sent {
                self.send(sent, start, queue, line, decided);
            }
        }
    }

    /// When the next decision is due.
    pub(super) fn next_at(&self, queue: &Queue) -> Option<Instant> {
        (!self.held.is_empty()).then(|| queue.start(self.busy_since))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.held.bytes()
    }

    pub(super) fn packets(&self) -> u64 {
        self.held.packets()
    }

    /// How long that has waited which has waited longest.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.held.oldest().map_or(Duration::ZERO, |oldest| now.saturating_since(oldest))
    }

    /// Whether what waits, and so much more, is too much. A lone datagram never is.
    fn is_full(&self, queue: &Queue, bytes: u64, packets: u64) -> bool {
        let (bytes, packets) =
            (self.held.bytes().saturating_add(bytes), self.held.packets() + packets);
        let is_alone = queue.is_idle() && packets <= 1;
        !is_alone && (self.held.is_over() || !queue.has_room(bytes, packets))
    }

    fn send(
        &mut self,
        sent: Parked,
        start: Instant,
        queue: &mut Queue,
        line: &mut Line,
        decided: &mut Decided,
    ) {
        let left = queue.transmit(start, self.busy_since, sent.bytes);
        // Chains of losses go by the order on the line.
        let ordinal = if self.held.keeps_order() { sent.ordinal } else { self.leaving };
        self.leaving += 1;
        let overhead = sent.bytes.saturating_sub(sent.parcel.datagram.len() as u64);
        let mut arrivals = line.carry(left, ordinal, sent.parcel.datagram);
        if sent.is_marked {
            arrivals.mark();
        }
        decided.push_back(Settled { tag: sent.parcel.tag, overhead, arrivals });
    }

    fn discard(&mut self, fate: Fate, decided: &mut Decided) {
        decided.extend(self.dropped.drain(..).map(|Parked { parcel, .. }| Settled {
            tag: parcel.tag,
            overhead: 0,
            arrivals: Arrivals::none(fate, parcel.datagram),
        }));
    }
}
