//! Turns against a model that takes them one by one, and the rule for the connection's credit.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const fn flow(n: u64) -> FlowId {
    FlowId::Stream(StreamId(n))
}

/// A schedule of flows that want to send, with what each needs.
fn schedule(flows: &[(u64, u64, Priority)]) -> Schedule {
    let mut schedule = Schedule::default();
    for (id, need, priority) in flows {
        file(&mut schedule, *id, Some(*need), *priority);
    }
    schedule
}

fn file(schedule: &mut Schedule, id: u64, need: Option<u64>, priority: Priority) {
    schedule.file(flow(id), Wants { fresh: need, ..Wants::default() }, priority);
}

/// Lets whose turn it is send `bytes`.
fn send(schedule: &mut Schedule, available: u64, bytes: u64) -> Option<u64> {
    let id = schedule.pick(Which::New, ALL, available)?;
    schedule.turn_to(Which::New, id, available);
    assert_eq!(schedule.pick(Which::New, ALL, available), Some(id), "the turn has come to it");
    schedule.charge(Which::New, id, bytes);
    let FlowId::Stream(StreamId(id)) = id else { panic!() };
    Some(id)
}

const fn level(level: u8) -> Priority {
    Priority { level, weight: DEFAULT_WEIGHT }
}

const fn weight(weight: u8) -> Priority {
    Priority { level: 4, weight }
}

#[test]
fn shares_are_equal_in_bytes_whatever_the_frames() {
    let mut it = schedule(&[0, 1, 2].map(|id| (id, 1, level(4))));
    let mut sent = [0u64; 3];
    let frames = [1199, 9000, 70];
    for _ in 0..3000 {
        let who = it.pick(Which::New, ALL, 1).unwrap();
        let FlowId::Stream(StreamId(n)) = who else { panic!() };
        let bytes = frames[n as usize];
        assert_eq!(send(&mut it, 1, bytes), Some(n));
        sent[n as usize] += bytes;
    }
    let (least, most) = (sent.iter().min().unwrap(), sent.iter().max().unwrap());
    assert!(most - least <= 9000 + QUANTUM, "{sent:?}");
}

#[test]
fn members_come_and_go_without_losing_the_turn() {
    let mut it = schedule(&[2, 6, 8].map(|id| (id, 1, level(4))));
    let next = |it: &Schedule| it.pick(Which::New, ALL, 1);
    assert_eq!(send(&mut it, 1, QUANTUM), Some(2));
    assert_eq!(next(&it), Some(flow(6)));
    assert_eq!(send(&mut it, 1, 1), Some(6));
    file(&mut it, 4, Some(1), level(4));
    assert_eq!(next(&it), Some(flow(6)), "one before it came");
    file(&mut it, 2, None, level(4));
    file(&mut it, 2, None, level(4));
    assert_eq!(next(&it), Some(flow(6)), "one before it went");
    file(&mut it, 6, None, level(4));
    assert_eq!(next(&it), Some(flow(8)));
    assert_eq!(send(&mut it, 1, QUANTUM), Some(8));
    assert_eq!(next(&it), Some(flow(4)));
    file(&mut it, 4, None, level(4));
    file(&mut it, 8, None, level(4));
    assert_eq!(next(&it), None);
    assert_eq!(it.lowest_fresh(), None);
}

#[test]
fn a_level_goes_before_the_next_and_urgent_before_all() {
    let mut it = schedule(&[(1, 1, level(7)), (2, 1, level(200)), (3, 1, level(0))]);
    let urgent = FlowId::Channel(ChannelId::URGENT);
    it.file(urgent, Wants { fresh: Some(0), ..Wants::default() }, level(7));
    assert_eq!(it.pick(Which::New, ALL, 1), Some(urgent));
    assert_eq!(it.pick(Which::New, URGENT, 1), Some(urgent));
    assert_eq!(it.pick(Which::New, ORDINARY, 1), Some(flow(3)));
    assert_eq!(it.lowest_fresh(), Some(urgent));
    it.file(urgent, Wants::default(), level(7));
    assert_eq!(it.pick(Which::New, URGENT, 1), None);
    for _ in 0..9 {
        assert_eq!(send(&mut it, 1, 5000), Some(3));
    }
    // Whoever moves to another level leaves the one where it was.
    file(&mut it, 3, Some(1), level(8));
    let order: Vec<_> = (0..4).map(|_| send(&mut it, 1, QUANTUM).unwrap()).collect();
    assert_eq!(order, [1, 2, 3, 1], "8 and 200 count as 7");
    for id in 1..4 {
        file(&mut it, id, None, level(7));
    }
    assert_eq!(it.pick(Which::New, ALL, 1), None);
}

#[test]
fn weights_share_a_level() {
    let weights = [0, 1, 16, 40, 255];
    let flows: Vec<_> = (0..).zip(weights).map(|(id, w)| (id, 0, weight(w))).collect();
    let mut it = schedule(&flows);
    let mut sent = [0u64; 5];
    for frame in 0..200_000 {
        let bytes = 20 + frame % 1180;
        sent[send(&mut it, 0, bytes).unwrap() as usize] += bytes;
    }
    let total: u64 = sent.iter().sum();
    for (sent, weight) in sent.iter().zip(weights) {
        let share = total * u64::from(weight.max(1)) / (1 + 1 + 16 + 40 + 255);
        let quantum = weight_quantum(weight) + 1200;
        assert!(sent.abs_diff(share) <= 2 * quantum, "{sent} of {share} for weight {weight}");
    }
}

fn weight_quantum(w: u8) -> u64 {
    weight(w).quantum()
}

#[test]
fn the_first_that_is_short_of_credit_keeps_its_turn() {
    // 1 wants to begin a large message, 2 a small one; 3 needs no credit.
    let mut it = schedule(&[(1, 1000, level(4)), (2, 10, level(4)), (3, 0, level(4))]);
    for _ in 0..5 {
        assert_eq!(send(&mut it, 999, 1200), Some(3), "only who needs none goes past it");
    }
    file(&mut it, 4, Some(10), level(7));
    file(&mut it, 5, Some(10), level(0));
    file(&mut it, 3, None, level(4));
    assert_eq!(send(&mut it, 999, 100), Some(5), "a level before is not held");
    file(&mut it, 5, None, level(0));
    assert_eq!(it.pick(Which::New, ALL, 999), None, "a level behind is held");
    file(&mut it, 6, Some(0), level(7));
    assert_eq!(send(&mut it, 999, 100), Some(6));
    file(&mut it, 6, None, level(7));
    // The credit has come: it goes before all others, once.
    assert_eq!(send(&mut it, 1000, 1200), Some(1));
    file(&mut it, 1, Some(500), level(4));
    assert_eq!(send(&mut it, 1000, 1200), Some(2));
    assert_eq!(send(&mut it, 1000, 1200), Some(1));
}

#[test]
fn a_waiter_that_leaves_or_needs_less_holds_nobody() {
    let mut it = schedule(&[(1, 1000, level(4)), (2, 10, level(4)), (3, 0, level(4))]);
    assert_eq!(send(&mut it, 50, 1200), Some(3));
    file(&mut it, 1, None, level(4));
    assert_eq!(send(&mut it, 50, 1200), Some(2));
    file(&mut it, 1, Some(1000), level(4));
    file(&mut it, 2, None, level(4));
    assert_eq!(send(&mut it, 50, 1200), Some(3));
    file(&mut it, 1, Some(50), level(4));
    assert_eq!(send(&mut it, 50, 1200), Some(1));
}

/// Members in the order of their turns, each visited one by one.
#[derive(Default)]
struct Model {
    members: BTreeMap<u64, (u64, u64, u64)>,
    /// The one that is visited next; `None`: the last one was visited.
    turn: Option<u64>,
    waiter: Option<u64>,
}

impl Model {
    fn put(&mut self, id: u64, need: Option<u64>, quantum: u64) {
        if let Some(need) = need {
            let debt = self.members.get(&id).map_or(0, |m| m.2);
            if self.turn.is_none() && self.from(id).is_none() {
                self.turn = Some(id);
            }
            self.members.insert(id, (need, quantum, debt));
        } else {
            self.members.remove(&id);
            self.turn = self.turn.and_then(|turn| self.from(turn));
            self.waiter = self.waiter.filter(|w| *w != id);
        }
    }

    /// The lowest from `id` on.
    fn from(&self, id: u64) -> Option<u64> {
        self.members.range(id..).next().map(|(id, _)| *id)
    }

    /// Who sends, and everybody's debts afterwards.
    fn send(&mut self, available: u64, bytes: u64) -> Option<u64> {
        let mut is_held = false;
        if let Some(waiter) = self.waiter {
            if self.members[&waiter].0 <= available {
                self.waiter = None;
                self.members.get_mut(&waiter).unwrap().2 += bytes;
                return Some(waiter);
            }
            is_held = true;
        }
        if !self.members.values().any(|m| m.0 <= available) {
            return None;
        }
        let before = (self.members.clone(), self.turn, self.waiter);
        for _ in 0..100_000 {
            let id = self.turn.or(self.from(0)).unwrap();
            let (need, quantum, debt) = self.members.get_mut(&id).unwrap();
            if debt >= quantum {
                *debt -= *quantum;
            } else if *need == 0 || (!is_held && *need <= available) {
                *debt += bytes;
                self.turn = Some(id);
                return Some(id);
            } else if !is_held {
                is_held = true;
                self.waiter = Some(id);
            }
            self.turn = self.from(id + 1);
        }
        (self.members, self.turn, self.waiter) = before;
        None
    }
}

proptest! {
    /// One level against the model. All that needs no credit, and then whatever needs.
    #[test]
    fn turns_are_those_of_the_model(
        has_needs: bool,
        ops in prop::collection::vec((0..4u8, 0..8u64, 0..3000u64, 1..=64u8), 1..300),
    ) {
        let mut it = Ring::default();
        let mut model = Model::default();
        for (op, id, n, weight) in ops {
            match op {
                0 => {
                    let need = if has_needs { [0, 1, 800, n][n as usize % 4] } else { n % 2 };
                    let quantum = Priority { level: 0, weight }.quantum();
                    it.put(flow(id), Some(need), quantum);
                    model.put(id, Some(need), quantum);
                }
                1 if n % 3 == 0 => {
                    it.put(flow(id), None, 1);
                    model.put(id, None, 1);
                }
                _ => {
                    let available = if has_needs { n / 2 } else { 1 };
                    let next = it.next(available, &mut false);
                    prop_assert_eq!(next, model.send(available, n).map(flow));
                    if let Some(next) = next {
                        it.turn_to(next, available);
                        prop_assert_eq!(it.next(available, &mut false), Some(next));
                        it.charge(next, n);
                    }
                }
            }
            let debts: Vec<_> = it.members.iter().map(|m| m.debt).collect();
            prop_assert_eq!(debts, model.members.values().map(|m| m.2).collect::<Vec<_>>());
        }
    }

    /// However the others send, one that waits for credit gets it as soon as there is enough.
    #[test]
    fn nobody_is_passed_for_ever(sizes in prop::collection::vec((1..1000u64, 0..2000u64), 50..100)) {
        let mut it = schedule(&[(0, 1000, level(4)), (1, 1, level(4)), (2, 1, level(4)), (3, 0, level(4))]);
        let (mut available, mut spent) = (0, 0);
        for (more, bytes) in sizes {
            available += more;
            match send(&mut it, available, bytes) {
                Some(0) => return Ok(()),
                Some(3) | None => {}
                Some(_) => {
                    let bytes = bytes.min(available);
                    available -= bytes;
                    spent += bytes;
                }
            }
        }
        prop_assert!(false, "never served, while others had {}", spent);
    }
}
