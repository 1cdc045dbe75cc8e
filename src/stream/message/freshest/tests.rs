use super::*;
use crate::wire::{ChannelId, MessageNumber, Part};
use proptest::prelude::*;

fn frame(number: u64, key: Option<u64>, part: Option<(u64, u64)>, data: &[u8]) -> MessageFrame<'_> {
    let part = part.map(|(offset, total)| Part { offset, total });
    MessageFrame { id: ChannelId(4), number: MessageNumber::new(number), part, key, data }
}

fn receiver() -> (Freshest, Budget) {
    (Freshest::new(10_000, 4), Budget::new(1000, 2000))
}

#[test]
fn a_newer_message_replaces_the_unread_one_of_its_key() {
    let (mut receiver, mut budget) = receiver();
    for (number, key) in [(0, Some(1)), (1, Some(2)), (2, Some(1))] {
        assert_eq!(receiver.on_message(&frame(number, key, None, b"x"), &mut budget), Ok(true));
    }
    assert_eq!(receiver.on_message(&frame(0, Some(1), None, b"x"), &mut budget), Ok(false));
    assert_eq!((receiver.arrivals.stats.superseded, budget.held), (1, 66));
    let mut read = || receiver.recv(&mut [0], &mut budget).map(|m| (m.number, m.key));
    assert_eq!(
        [read(), read(), read()],
        [Ok((2, Some(1))), Ok((1, Some(2))), Err(RecvError::Blocked)]
    );
    assert!(receiver.is_known(Some(1), 2) && !receiver.is_known(Some(1), 3));
    let key = frame(9, Some(MAX_VARINT + 1), None, b"");
    assert_eq!(receiver.on_message(&key, &mut budget), Err(Violation::Message.into()));
}

#[test]
fn of_each_key_only_the_newest_is_put_together() {
    let (mut receiver, mut budget) = receiver();
    let mut take = |number, part| {
        let result = receiver.on_message(&frame(number, None, part, b"xxxxx"), &mut budget);
        (result.unwrap(), budget.held)
    };
    assert_eq!(take(1, Some((0, 10))), (false, 42));
    assert_eq!(take(3, Some((0, 20))), (false, 52));
    assert_eq!(take(1, Some((5, 10))), (false, 52), "given up by its sender");
    assert_eq!(take(2, None), (true, 52 + 37), "whole, and newer than all that was read");
    assert_eq!(take(3, Some((15, 20))), (false, 52 + 37));
    assert_eq!(take(4, None), (true, 37), "newer than the partial one");
    assert_eq!(take(3, Some((5, 20))), (false, 37));
    let mut end = |end| receiver.on_end(end, &mut budget);
    assert_eq!(end(4), Err(Violation::FinalSize.into()));
    assert_eq!(end(5), Ok(false));
    assert!(!receiver.is_over() && receiver.memory() > 0);
    assert_eq!(receiver.peek(&mut []).unwrap().number, 4);
    receiver.discard(&mut budget);
    assert!(receiver.is_over() && budget.held == 0);
}

#[test]
fn nothing_comes_after_the_end_was_read() {
    let (mut receiver, mut budget) = receiver();
    assert_eq!(receiver.on_message(&frame(0, Some(1), None, b"x"), &mut budget), Ok(true));
    assert_eq!(receiver.on_end(4, &mut budget), Ok(false), "one waits to be read");
    assert_eq!(receiver.on_message(&frame(1, Some(2), None, b"x"), &mut budget), Ok(true));
    for number in 0..2 {
        assert_eq!(receiver.recv(&mut [0], &mut budget).unwrap().number, number);
    }
    assert_eq!(receiver.recv(&mut [0], &mut budget), Err(RecvError::Finished));
    // Given up by its sender, and late.
    assert_eq!(receiver.on_message(&frame(3, Some(1), None, b"x"), &mut budget), Ok(false));
    assert_eq!(receiver.recv(&mut [0], &mut budget), Err(RecvError::Finished));
    assert!(receiver.is_over() && budget.held == 0);
}

#[test]
fn the_stalest_key_is_forgotten_and_does_not_go_back() {
    let (mut receiver, mut budget) = (Freshest::new(100, 4), Budget::new(1 << 20, 1 << 20));
    let mut take = |number, key| {
        receiver.on_message(&frame(number, Some(key), None, b""), &mut budget).unwrap()
    };
    for key in 0..MAX_KEYS as u64 {
        assert!(take(10 + key, key));
    }
    assert!(!take(5, 5000), "older than all");
    assert!(take(5000, 5000));
    assert!(!take(8, 0), "forgotten, and older");
    assert!(!take(10, 0), "what it was");
    assert!(take(12_000, 0), "newer");
    assert_eq!((receiver.keys.len(), receiver.order.len()), (MAX_KEYS, MAX_KEYS));
    assert_eq!(receiver.arrivals.stats.dropped, 2);
    assert_eq!(budget.held, MAX_KEYS as u64 * 32);
}

#[test]
fn without_room_the_oldest_of_other_keys_go() {
    let (mut receiver, mut budget) = receiver();
    for number in 0..30 {
        receiver.on_message(&frame(number, Some(number), None, &[0; 168]), &mut budget).unwrap();
        assert!(budget.held <= 1000);
    }
    assert_eq!((receiver.order.len(), receiver.arrivals.stats.dropped), (5, 25));
    let large = [0; 9000];
    receiver.on_message(&frame(30, Some(27), None, &large), &mut budget).unwrap();
    assert_eq!((budget.held, &receiver.order), (9032, &VecDeque::from([Some(27)])));
}

proptest! {
    /// Against a map of newest numbers: in any order, with repetitions.
    #[test]
    fn never_an_older_after_a_newer(
        ops in prop::collection::vec((0..60u64, any::<bool>(), any::<bool>()), 0..200),
    ) {
        let (mut receiver, mut budget) = (Freshest::new(100, 4), Budget::new(1 << 20, 1 << 20));
        let mut newest: BTreeMap<Option<u64>, u64> = BTreeMap::new();
        let mut read: BTreeMap<Option<u64>, u64> = BTreeMap::new();
        for (number, is_in_parts, reads) in ops {
            let key = Some(number % 4).filter(|key| *key > 0);
            let is_new = newest.get(&key).is_none_or(|newest| *newest < number);
            if is_in_parts {
                let first = frame(number, key, Some((0, 2)), b"a");
                prop_assert_eq!(receiver.on_message(&first, &mut budget), Ok(false));
            }
            let last = if is_in_parts { frame(number, key, Some((1, 2)), b"b") } else { frame(number, key, None, b"ab") };
            prop_assert_eq!(receiver.on_message(&last, &mut budget), Ok(is_new));
            if is_new {
                newest.insert(key, number);
            }
            while reads && let Ok((message, data)) = receiver.recv_vec(&mut budget) {
                prop_assert_eq!(&data[..], b"ab");
                prop_assert!(read.insert(message.key, message.number).is_none_or(|last| last < message.number));
                prop_assert_eq!(newest.get(&message.key), Some(&message.number));
            }
        }
    }
}
