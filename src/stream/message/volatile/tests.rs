use super::*;
use crate::wire::{ChannelId, MessageNumber, Part};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn frame(number: u64, part: Option<(u64, u64)>, data: &[u8]) -> MessageFrame<'_> {
    let part = part.map(|(offset, total)| Part { offset, total });
    let number = MessageNumber::new(number);
    MessageFrame { id: ChannelId(6), number, part, key: None, data }
}

#[test]
fn what_nobody_reads_is_dropped_from_the_oldest_on() {
    let mut budget = Budget::new(1000, 2000);
    let mut receiver = Volatile::new(10_000, 4);
    for number in 0..100 {
        assert_eq!(receiver.on_message(&frame(number, None, &[0; 68]), &mut budget), Ok(true));
    }
    assert_eq!((budget.held, receiver.arrivals.stats.dropped), (1000, 90));
    assert_eq!(receiver.peek(&mut []).unwrap().number, 90);
    // One that is larger than all of it is taken alone.
    assert_eq!(receiver.on_message(&frame(100, None, &[0; 5000]), &mut budget), Ok(true));
    assert_eq!((budget.held, receiver.ready.len()), (5032, 1));
    assert!(receiver.memory() >= 5000);
    let (message, data) = receiver.recv_vec(&mut budget).unwrap();
    assert_eq!((message.number, data.len(), budget.held), (100, 5000, 0));
    assert_eq!(receiver.recv(&mut [], &mut budget), Err(RecvError::Blocked));
}

#[test]
fn partial_messages_are_bounded_by_number_and_by_what_they_claim() {
    let mut budget = Budget::new(1000, 2000);
    let mut receiver = Volatile::new(10_000, 4);
    for number in 0..100 {
        receiver.on_message(&frame(number, Some((0, 100)), b"x"), &mut budget).unwrap();
        assert!(receiver.arrivals.partials.len() <= 4 && budget.held <= 4 * 132);
    }
    receiver.on_message(&frame(100, Some((0, 9000)), b"x"), &mut budget).unwrap();
    assert_eq!((receiver.arrivals.partials.len(), budget.held), (1, 9032));
    receiver.on_message(&frame(101, Some((0, 100)), b"x"), &mut budget).unwrap();
    assert_eq!(budget.held, 132, "{:?}", receiver.arrivals);
    assert_eq!(receiver.arrivals.held(), 132);
    // What is too old to be told apart goes, too.
    receiver.on_message(&frame(102 + SEEN, None, b""), &mut budget).unwrap();
    assert_eq!((receiver.arrivals.partials.len(), budget.held), (0, 32));
    assert_eq!(receiver.on_message(&frame(103, None, b""), &mut budget), Ok(true));
    assert_eq!(receiver.on_message(&frame(102, None, b""), &mut budget), Ok(false));
    receiver.discard(&mut budget);
    assert_eq!(budget.held, 0);
    assert_eq!(receiver.on_message(&frame(2000, None, b""), &mut budget), Ok(false));
    assert_eq!(receiver.recv_vec(&mut budget).unwrap_err(), RecvError::Finished);
}

#[test]
fn an_end_takes_the_partial_messages_with_it() {
    let mut budget = Budget::new(1000, 2000);
    let mut receiver = Volatile::new(10_000, 4);
    receiver.on_message(&frame(0, Some((0, 100)), b"x"), &mut budget).unwrap();
    receiver.on_message(&frame(1, None, b"x"), &mut budget).unwrap();
    assert_eq!(receiver.on_end(4, &mut budget), Ok(false), "one waits to be read");
    assert_eq!(receiver.on_message(&frame(0, Some((1, 100)), b"x"), &mut budget), Ok(false));
    assert_eq!(receiver.on_message(&frame(3, None, b"x"), &mut budget), Ok(true));
    assert_eq!(budget.held, 66);
    let wrong = Err(Violation::FinalSize.into());
    assert_eq!(receiver.on_message(&frame(4, None, b"x"), &mut budget), wrong);
    for _ in 0..2 {
        receiver.recv_vec(&mut budget).unwrap();
    }
    assert!(receiver.is_over());
    assert_eq!(receiver.peek(&mut []), Err(RecvError::Finished));
    let late = receiver.on_message(&frame(2, None, b"x"), &mut budget);
    assert_eq!(
        (late, budget.held, receiver.is_over()),
        (Ok(false), 0, true),
        "nothing after the end"
    );
    let key = MessageFrame { key: Some(1), ..frame(2, None, b"") };
    assert_eq!(receiver.on_message(&key, &mut budget), Err(Violation::Message.into()));
}

proptest! {
    /// Against a set of numbers: whatever is whole and new is read once, in the order in which it came.
    #[test]
    fn at_most_once_in_the_order_of_arrival(
        ops in prop::collection::vec((0..3000u64, any::<bool>()), 0..200),
    ) {
        let mut budget = Budget::new(1 << 20, 1 << 20);
        let mut receiver = Volatile::new(100, 2);
        let mut seen = BTreeSet::new();
        let mut beyond = 0;
        let mut expected = Vec::new();
        for (number, repeats) in ops {
            for _ in 0..=u8::from(repeats) {
                let is_old = number + SEEN < beyond.max(number + 1);
                let is_new = !is_old && !seen.contains(&number);
                let got = receiver.on_message(&frame(number, None, &[number as u8]), &mut budget);
                prop_assert_eq!(got, Ok(is_new));
                beyond = beyond.max(number + 1);
                if is_new {
                    seen.insert(number);
                    expected.push(number);
                }
            }
        }
        let mut got = Vec::new();
        while let Ok((message, data)) = receiver.recv_vec(&mut budget) {
            prop_assert_eq!(data, [message.number as u8]);
            got.push(message.number);
        }
        prop_assert_eq!(got, expected);
        prop_assert_eq!(budget.held, 0);
    }
}
