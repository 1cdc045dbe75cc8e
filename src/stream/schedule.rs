//! Who sends next: flows by level, and inside a level in a circle, each for its share of bytes.

use crate::wire::{ChannelId, StreamId};
use std::ops::Range;

/// Whoever sends data: a stream, or a message channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowId {
    /// A stream.
    Stream(StreamId),
    /// A message channel.
    Channel(ChannelId),
}

impl From<StreamId> for FlowId {
    fn from(id: StreamId) -> Self {
        Self::Stream(id)
    }
}

impl From<ChannelId> for FlowId {
    fn from(id: ChannelId) -> Self {
        Self::Channel(id)
    }
}

/// Whose turn comes before whose. All of one level goes before any of the next; inside a level the
/// bytes are shared by weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Priority {
    /// 0 goes first, 7 last; larger ones count as 7. Default: 4.
    pub level: u8,
    /// The share inside the level, 1 to 255; 0 counts as 1. Default: 16.
    pub weight: u8,
}

impl Default for Priority {
    fn default() -> Self {
        Self { level: 4, weight: DEFAULT_WEIGHT }
    }
}

impl Priority {
    /// Within its range.
    pub(super) fn clamped(self) -> Self {
        Self { level: self.level.min(LAST_LEVEL), weight: self.weight.max(1) }
    }

    /// Bytes that one of this weight sends before it is the next one's turn.
    fn quantum(self) -> u64 {
        QUANTUM * u64::from(self.clamped().weight) / u64::from(DEFAULT_WEIGHT)
    }
}

/// The last level that an application can give.
const LAST_LEVEL: u8 = 7;

/// The weight of whoever was given none.
const DEFAULT_WEIGHT: u8 = 16;

/// Bytes that a flow of the default weight sends before it is the next one's turn.
const QUANTUM: u64 = 1200;

/// Before all levels that applications give: the urgent channel, alone.
pub(super) const URGENT: Range<u8> = 0..1;

/// The levels that applications give, as they are counted here.
pub(super) const ORDINARY: Range<u8> = 1..LAST_LEVEL + 2;

/// Both.
pub(super) const ALL: Range<u8> = 0..LAST_LEVEL + 2;

/// Where a flow of this priority stands.
fn rank(id: FlowId, priority: Priority) -> u8 {
    if id == FlowId::Channel(ChannelId::URGENT) { 0 } else { 1 + priority.clamped().level }
}

/// Which data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// What was lost and is to be sent again.
    Lost,
    /// What was never sent.
    New,
}

/// Flows that want something, sorted. They take turns by bytes, as in deficit round robin
/// (Shreedhar and Varghese, 1995): who sent more than its share has so much less of the next.
/// At most as many as there are open flows.
#[derive(Debug, Default)]
pub(super) struct Ring {
    members: Vec<Member>,
    /// Index of the one whose turn it is; behind the last one the first comes next.
    turn: usize,
    /// The one that was first in line for the connection's credit when others, which need none, went
    /// past it. It goes before everybody once there is enough.
    waiter: Option<FlowId>,
}

#[derive(Debug)]
struct Member {
    id: FlowId,
    /// The connection's credit without which it cannot go on.
    need: u64,
    /// Bytes that are its share of a round.
    quantum: u64,
    /// Bytes sent that were not yet counted against a turn.
    debt: u64,
}

/// When a member's turn comes: after how many rounds that only pay its debts, and then after how many
/// others.
type Turn = (u64, usize);

/// After every turn.
const LAST: Turn = (u64::MAX, usize::MAX);

impl Ring {
    /// Makes `id` a member, or no member, where neither credit nor shares matter.
    pub(super) fn set(&mut self, id: FlowId, wanted: bool) {
        self.put(id, wanted.then_some(0), QUANTUM);
    }

    /// Makes `id` a member that needs so much of the connection's credit, or no member.
    fn put(&mut self, id: FlowId, need: Option<u64>, quantum: u64) {
        match (self.find(id), need) {
            (Ok(at), Some(need)) => {
                if let Some(member) = self.members.get_mut(at) {
                    (member.need, member.quantum) = (need, quantum);
                }
            }
            (Err(at), Some(need)) => {
                let is_last = at == self.members.len();
                self.members.insert(at, Member { id, need, quantum, debt: 0 });
                if at <= self.turn && !is_last {
                    self.turn += 1;
                }
            }
            (Ok(at), None) => {
                self.members.remove(at);
                self.waiter.take_if(|waiter| *waiter == id);
                if at < self.turn {
                    self.turn -= 1;
                }
            }
            (Err(_), None) => {}
        }
    }

    /// Whose turn it is, given how much of the connection's credit is left. The first in line that
    /// needs more than that waits, and holds everybody behind it who needs any: `is_held` is set, or
    /// was by somebody on a level before. Whoever needs none goes on.
    fn next(&self, available: u64, is_held: &mut bool) -> Option<FlowId> {
        if let [only] = &*self.members {
            // The usual case, and asked several times for each packet.
            let may_go = only.need == 0 || (only.need <= available && !*is_held);
            *is_held |= !may_go;
            return may_go.then_some(only.id);
        }
        let claimant = if *is_held { None } else { self.claimant() };
        let before = match claimant {
            Some((turn, member)) if member.need <= available => turn,
            Some(_) => {
                *is_held = true;
                LAST
            }
            None => LAST,
        };
        let free = self.first(before, |m| m.need == 0);
        free.or(claimant.filter(|_| before < LAST)).map(|(_, member)| member.id)
    }

    /// The turn comes to `id`, which `next` gave: whoever it passes pays a part of its debt, or becomes
    /// the waiter.
    fn turn_to(&mut self, id: FlowId, available: u64) {
        if self.waiter == Some(id) {
            return;
        }
        if let [only] = &mut *self.members {
            if only.id == id {
                only.debt %= only.quantum;
                self.turn = 0;
            }
            return;
        }
        let Some((turn, _)) = self.first(LAST, |m| m.id == id) else { return };
        let passed = self.first(turn, |m| m.need > available).map(|(_, member)| member.id);
        self.waiter = self.waiter.or(passed);
        let (rounds, place) = turn;
        let count = self.members.len();
        let reach = if rounds == 0 { place } else { count };
        for step in 0..reach {
            if let Some(member) = self.members.get_mut((self.turn + step) % count) {
                let turns = rounds + u64::from(step < place);
                member.debt -= member.quantum * turns.min(member.debt / member.quantum);
            }
        }
        self.turn = (self.turn + place) % count;
    }

    /// `id` sent `bytes`.
    fn charge(&mut self, id: FlowId, bytes: u64) {
        self.waiter.take_if(|waiter| *waiter == id);
        if let Ok(at) = self.find(id)
            && let Some(member) = self.members.get_mut(at)
        {
            member.debt += bytes;
        }
    }

    /// Who is the next to get of the connection's credit: the waiter, before all, or who is first in
    /// line of those that need some.
    fn claimant(&self) -> Option<(Turn, &Member)> {
        let waiter = self.waiter.and_then(|id| self.members.get(self.find(id).ok()?));
        waiter.map(|member| ((0, 0), member)).or_else(|| self.first(LAST, |m| m.need > 0))
    }

    /// The first in line of those that are wanted and come before a turn.
    fn first(&self, before: Turn, is_wanted: impl Fn(&Member) -> bool) -> Option<(Turn, &Member)> {
        let mut first = None;
        let mut before = before;
        let start = self.turn.min(self.members.len());
        let (back, front) = self.members.split_at(start);
        for (place, member) in front.iter().chain(back).enumerate() {
            if (0, place) >= before {
                break;
            }
            let turn = (member.debt / member.quantum, place);
            if turn < before && is_wanted(member) {
                (before, first) = (turn, Some((turn, member)));
            }
        }
        first
    }

    fn find(&self, id: FlowId) -> Result<usize, usize> {
        self.members.binary_search_by_key(&id, |m| m.id)
    }

    /// The members, lowest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = FlowId> + '_ {
        self.members.iter().map(|m| m.id)
    }

    /// The lowest member.
    pub(super) fn lowest(&self) -> Option<FlowId> {
        self.members.first().map(|m| m.id)
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

/// Rings by level, first to last; each is made when it is first used.
#[derive(Debug, Default)]
struct Levels {
    rings: Vec<(u8, Ring)>,
    /// Of all rings: it is asked several times for each packet, and mostly there are none.
    members: usize,
}

impl Levels {
    /// Makes `id` a member of one level, or of none.
    fn put(&mut self, id: FlowId, priority: Priority, need: Option<u64>) {
        let rank = rank(id, priority);
        if need.is_some()
            && let Err(at) = self.rings.binary_search_by_key(&rank, |(level, _)| *level)
        {
            self.rings.insert(at, (rank, Ring::default()));
        }
        for (level, ring) in &mut self.rings {
            ring.put(id, need.filter(|_| *level == rank), priority.quantum());
        }
        self.members = self.rings.iter().map(|(_, ring)| ring.members.len()).sum();
    }

    fn next(&self, levels: Range<u8>, available: u64) -> Option<FlowId> {
        if self.members == 0 {
            return None;
        }
        let mut is_held = false;
        let mut rings =
            self.rings.iter().filter(|(level, ring)| levels.contains(level) && !ring.is_empty());
        rings.find_map(|(_, ring)| ring.next(available, &mut is_held))
    }

    fn turn_to(&mut self, id: FlowId, available: u64) {
        self.rings.iter_mut().for_each(|(_, ring)| ring.turn_to(id, available));
    }

    fn charge(&mut self, id: FlowId, bytes: u64) {
        self.rings.iter_mut().for_each(|(_, ring)| ring.charge(id, bytes));
    }
}

/// What a flow wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wants {
    /// To send a control frame.
    pub(super) control: bool,
    /// To send lost data again.
    pub(super) resend: bool,
    /// To send new data or an end, which its own credit and the coalescing of writes allow; and how
    /// much of the connection's credit it needs to go on: 0 for a lone FIN, or for a message that is
    /// begun.
    pub(super) fresh: Option<u64>,
    /// Credit of its own for the data that it has.
    pub(super) credit: bool,
}

/// The flows by what they want.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    pub(super) control: Ring,
    resend: Levels,
    fresh: Levels,
    pub(super) starved: Ring,
    /// What was filed last: in most cases it is filed again and again.
    last: Option<(FlowId, Wants, Priority)>,
}

impl Schedule {
    /// Files `id` under what it wants.
    pub(super) fn file(&mut self, id: FlowId, wants: Wants, priority: Priority) {
        let filed = Some((id, wants, priority));
        if self.last == filed {
            return;
        }
        self.last = filed;
        self.control.set(id, wants.control);
        self.resend.put(id, priority, wants.resend.then_some(0));
        self.fresh.put(id, priority, wants.fresh);
        self.starved.set(id, wants.credit);
    }

    /// Who sends next on these levels, `available` being what is left of the connection's credit. The
    /// one answer to whether there is anything and to who it is, so that they cannot contradict each
    /// other.
    pub(super) fn pick(&self, which: Which, levels: Range<u8>, available: u64) -> Option<FlowId> {
        match which {
            Which::Lost => self.resend.next(levels, available),
            Which::New => self.fresh.next(levels, available),
        }
    }

    /// The turn comes to whom `pick` gave.
    pub(super) fn turn_to(&mut self, which: Which, id: FlowId, available: u64) {
        self.levels(which).turn_to(id, available);
    }

    /// Whose turn it is sent `bytes`.
    pub(super) fn charge(&mut self, which: Which, id: FlowId, bytes: u64) {
        self.levels(which).charge(id, bytes);
    }

    /// The lowest one of the first level that wants to send new data, whether or not it may.
    pub(super) fn lowest_fresh(&self) -> Option<FlowId> {
        self.fresh.rings.iter().find_map(|(_, ring)| ring.lowest())
    }

    const fn levels(&mut self, which: Which) -> &mut Levels {
        match which {
            Which::Lost => &mut self.resend,
            Which::New => &mut self.fresh,
        }
    }
}

#[cfg(test)]
mod tests;
