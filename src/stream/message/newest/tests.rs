use super::super::freshest::Freshest;
use super::*;
use crate::rng::Rng;
use crate::stream::budget::Budget;
use crate::wire::{ChannelId, MessageFrame, MessageNumber, Part};

const WHOLE: usize = 10;
const SUPERSEDED: Outcome = Outcome::Abandoned(Why::Superseded);

fn newest(max_partial: u64) -> Newest {
    let mut sender = Newest::new();
    sender.start(max_partial);
    sender
}

fn accept(sender: &mut Newest, key: Option<u64>, len: usize, out: &mut Settlement) -> u64 {
    let terms = Terms { key, wants_receipt: true, ..Terms::default() };
    sender.accept(&vec![len as u8; len], terms, WHOLE, u64::MAX, out).unwrap()
}

fn send(sender: &mut Newest, which: Which, max: u32) -> Option<(Due, u32)> {
    let mut due = sender.next(which)?;
    if !due.is_whole {
        due.range.end = due.range.end.min(due.range.start + max);
    }
    let sent = sender.on_sent(&due);
    assert_eq!(sent.reserved, 0);
    Some((due, sent.copy))
}

#[test]
fn a_short_state_is_replaced_at_once() {
    let mut out = Settlement::default();
    let mut sender = newest(4);
    accept(&mut sender, None, 5, &mut out);
    accept(&mut sender, None, 5, &mut out);
    assert_eq!(out.receipts, [(0, SUPERSEDED)], "before it was sent");
    let (due, copy) = send(&mut sender, Which::New, 99).unwrap();
    assert_eq!(due.number, 1);
    accept(&mut sender, None, 5, &mut out);
    assert_eq!(out.receipts[1..], [(1, SUPERSEDED)], "and after");
    sender.on_lost(1, &due.range, copy, &mut out);
    assert_eq!(sender.next(Which::Lost), None);
    let (due, copy) = send(&mut sender, Which::New, 99).unwrap();
    sender.on_lost(2, &due.range, copy, &mut out);
    assert_eq!(send(&mut sender, Which::Lost, 99).unwrap().0.number, 2, "until it arrives");
    assert_eq!(sender.stats().retransmitted_bytes, 5);
    sender.on_acked(2, &(0..5), &mut out);
    assert_eq!(sender.wants(), Wants::default());
    assert!(sender.is_settled());
    assert_eq!((sender.held(), sender.watermark(), out.freed), (0, 3, 3 * 37));
}

#[test]
fn a_long_state_is_finished_unless_as_much_of_it_is_lost_as_waits() {
    for (lost, is_given_up) in [(0..29, false), (0..30, true)] {
        let mut out = Settlement::default();
        let mut sender = newest(4);
        accept(&mut sender, None, 100, &mut out);
        let (_, copy) = send(&mut sender, Which::New, 50).unwrap();
        accept(&mut sender, None, 80, &mut out);
        accept(&mut sender, None, 30, &mut out);
        assert_eq!(out.receipts, [(1, SUPERSEDED)], "one waits");
        assert_eq!(send(&mut sender, Which::New, 10).unwrap().0.number, 0);
        sender.on_lost(0, &lost, copy, &mut out);
        assert_eq!(out.receipts.contains(&(0, SUPERSEDED)), is_given_up);
        if is_given_up {
            assert_eq!(sender.next(Which::New).unwrap().number, 2);
        } else {
            assert_eq!(sender.next(Which::Lost).unwrap().range, 0..29);
            accept(&mut sender, None, 29, &mut out);
            assert!(out.receipts.contains(&(0, SUPERSEDED)), "a shorter one comes");
            assert!(out.receipts.contains(&(2, SUPERSEDED)));
        }
    }
}

#[test]
fn keys_take_turns_and_only_as_many_long_ones_are_under_way_as_the_peer_is_sure_to_take() {
    let mut out = Settlement::default();
    let mut sender = newest(2);
    for (key, len) in [(0, 40_000), (1, 40_000), (2, 5), (3, 20_000), (4, 100)] {
        accept(&mut sender, Some(key), len, &mut out);
    }
    let mut begun = Vec::new();
    while let Some((due, _)) = send(&mut sender, Which::New, u32::MAX) {
        begun.push(due.number);
    }
    assert_eq!(begun, [0, 2, 3], "not 1: too large beside 0; not 4: the third in parts");
    sender.on_acked(0, &(0..40_000), &mut out);
    assert_eq!(send(&mut sender, Which::New, u32::MAX).unwrap().0.number, 1);
    let mut sender = newest(2);
    accept(&mut sender, None, 1 << 20, &mut out);
    assert!(send(&mut sender, Which::New, 10).is_some(), "one is always taken");
}

#[test]
fn keys_are_bounded() {
    let mut out = Settlement::default();
    let mut sender = newest(2);
    for key in 0..MAX_KEYS as u64 {
        accept(&mut sender, Some(key), 1, &mut out);
    }
    let terms = Terms::default();
    let result = sender.accept(b"", terms, WHOLE, u64::MAX, &mut out);
    assert_eq!(result, Err(SendError::TooManyKeys));
    accept(&mut sender, Some(7), 1, &mut out);
    let limited = Terms { max_retransmits: Some(1), key: Some(7), ..terms };
    assert_eq!(sender.accept(b"", limited, WHOLE, u64::MAX, &mut out), Err(SendError::Unsupported));
    sender.on_stop(&mut out);
    assert_eq!(sender.stats().abandoned.stopped, MAX_KEYS as u64);
    assert_eq!((sender.held(), sender.next_end()), (0, Some(MAX_KEYS as u64 + 1)));
    assert!(sender.memory() > 0);
}

#[test]
fn without_room_only_what_replaces_is_taken() {
    let mut out = Settlement::default();
    let mut sender = newest(2);
    let mut accept = |key, len, room| {
        let terms = Terms { key: Some(key), ..Terms::default() };
        sender.accept(&vec![0; len], terms, WHOLE, room, &mut out)
    };
    assert_eq!(accept(0, 50, 0), Ok(0), "one always fits");
    assert_eq!(accept(1, 0, 31), Err(SendError::Blocked));
    assert_eq!(accept(1, 0, 32), Ok(1));
    assert_eq!(accept(0, 50, 0), Ok(2));
    assert_eq!(accept(0, 51, 0), Err(SendError::Blocked));
}

/// More keys with long states than the peer takes at once, over a path that loses and keeps its order:
/// the newest of each arrives.
#[test]
fn long_states_of_many_keys_arrive_though_the_peer_takes_few() {
    for seed in 0..200 {
        let mut rng = Rng::from_u64(seed);
        let mut sender = newest(1);
        let mut receiver = Freshest::new(1000, 1);
        let mut budget = Budget::new(1000, 1000);
        let mut last = BTreeMap::new();
        let mut newest_read = BTreeMap::new();
        let mut flying = VecDeque::new();
        let mut out = Settlement::default();
        for step in 0..3000 {
            if step < 1000 && rng.below(4) == 0 {
                let key = Some(rng.below(6));
                let number = accept(&mut sender, key, rng.below(300) as usize, &mut out);
                last.insert(key, number);
            }
            for which in [Which::Lost, Which::New] {
                if let Some(sent) = send(&mut sender, which, 40) {
                    flying.push_back((sent, step));
                }
            }
            while let Some(((due, copy), _)) = flying.pop_front_if(|(_, at)| *at + 5 < step) {
                let (number, range) = (due.number, &due.range);
                if rng.below(10) == 0 {
                    sender.on_lost(number, range, copy, &mut out);
                    continue;
                }
                let part = Part { offset: range.start.into(), total: due.total.into() };
                let part = (!due.is_whole).then_some(part);
                let data = vec![due.total as u8; (range.end - range.start) as usize];
                let wire = MessageNumber::new(number);
                let frame = MessageFrame {
                    id: ChannelId(4),
                    number: wire,
                    part,
                    key: due.key,
                    data: &data,
                };
                receiver.on_message(&frame, &mut budget).unwrap();
                sender.on_acked(number, range, &mut out);
                while let Ok((message, _)) = receiver.recv_vec(&mut budget) {
                    newest_read.insert(message.key, message.number);
                }
            }
        }
        assert!(sender.is_settled());
        assert_eq!(newest_read, last, "seed {seed}");
    }
}

#[test]
fn what_was_given_up_counts_until_the_peer_has_a_newer_one() {
    let mut out = Settlement::default();
    let mut sender = newest(1);
    accept(&mut sender, Some(1), 100, &mut out);
    send(&mut sender, Which::New, 50).unwrap();
    accept(&mut sender, Some(0), 100, &mut out);
    accept(&mut sender, Some(1), 100, &mut out);
    assert!(sender.abandon(0, Unsettled::Any, Why::Cancelled, &mut out));
    // The peer may still hold a part of 0: only what takes its place may begin.
    let (due, _) = send(&mut sender, Which::New, 999).unwrap();
    assert_eq!(due.number, 2);
    assert_eq!(sender.next(Which::New), None, "1 would push it out");
    sender.on_acked(2, &(0..100), &mut out);
    assert_eq!(send(&mut sender, Which::New, 999).unwrap().0.number, 1);
}

#[test]
fn a_late_part_of_what_was_given_up_pushes_nothing_newer_out() {
    let mut budget = Budget::new(1 << 20, 1 << 22);
    let mut receiver = Freshest::new(1000, 1);
    let id = ChannelId(4);
    let mut take = |number: u64, key, offset, data: &[u8]| {
        let part = Some(Part { offset, total: 20 });
        let number = MessageNumber::new(number);
        let frame = MessageFrame { id, number, part, key: Some(key), data };
        receiver.on_message(&frame, &mut budget).unwrap()
    };
    assert!(!take(1, 0, 0, &[1; 10]));
    assert!(!take(0, 1, 0, &[0; 10]));
    assert!(take(1, 0, 10, &[1; 10]));
}
