use super::*;
use crate::wire::{ChannelId, MessageNumber, Part};
use proptest::prelude::*;

const WINDOW: u64 = 2000;

fn incoming(is_ordered: bool) -> (Incoming, RecvCredit) {
    let bounds = Bounds { is_ordered, is_urgent: false, max_message: 500, max_partial: 2 };
    (Incoming::new(WINDOW, bounds), RecvCredit::new(WINDOW, 1))
}

fn frame(number: u64, part: Option<(u64, u64)>, data: &[u8]) -> MessageFrame<'_> {
    let part = part.map(|(offset, total)| Part { offset, total });
    let number = MessageNumber::new(number);
    MessageFrame { id: ChannelId(0), number, part, key: None, data }
}

const fn skip(first: u64, count: u64, cost: u64) -> Skip {
    Skip { id: ChannelId(0), first, count, cost }
}

/// What is read until nothing is left: numbers, and how many are missing.
fn read_all(receiver: &mut Incoming, conn: &mut RecvCredit) -> Vec<Result<u64, u64>> {
    let mut read = Vec::new();
    loop {
        match receiver.recv(&mut [0; 500], conn) {
            Ok(message) => read.push(Ok(message.number)),
            Err(RecvError::Gap { count }) => read.push(Err(count)),
            Err(_) => return read,
        }
    }
}

#[test]
fn order_is_waited_for_or_not() {
    for (is_ordered, news, expected) in [
        (true, [false, false, false, true], [Ok(0), Ok(1), Err(1), Ok(3)]),
        (false, [true, true, true, true], [Ok(3), Err(1), Ok(1), Ok(0)]),
    ] {
        let (mut receiver, mut conn) = incoming(is_ordered);
        let got = [
            receiver.on_message(&frame(3, None, b"d"), &mut conn),
            receiver.on_skip(&skip(2, 1, 0), &mut conn),
            receiver.on_message(&frame(1, None, b"b"), &mut conn),
            receiver.on_message(&frame(0, None, b"a"), &mut conn),
        ];
        assert_eq!(got, news.map(Ok));
        assert_eq!(read_all(&mut receiver, &mut conn), expected);
        assert_eq!((conn.used(), conn.taken()), (99, 99));
        assert_eq!(receiver.stats().missing, 1);
    }
}

#[test]
fn a_skip_settles_each_number_once() {
    // By turns: complete, a part, unseen.
    let (mut receiver, mut conn) = incoming(true);
    receiver.on_message(&frame(1, None, &[0; 8]), &mut conn).unwrap();
    receiver.on_message(&frame(2, Some((0, 8)), &[0; 4]), &mut conn).unwrap();
    assert_eq!((conn.used(), conn.taken()), (80, 0));
    assert_eq!(receiver.on_skip(&skip(0, 5, 40), &mut conn), Ok(true));
    assert_eq!((conn.used(), conn.taken(), receiver.partials.len()), (200, 160, 0));
    assert_eq!(receiver.on_skip(&skip(0, 5, 40), &mut conn), Ok(false));
    let late = frame(2, Some((4, 8)), &[0; 4]);
    assert_eq!(receiver.on_message(&late, &mut conn), Ok(false));
    assert_eq!(read_all(&mut receiver, &mut conn), [Err(1), Ok(1), Err(3)]);
    assert_eq!((conn.used(), conn.taken()), (200, 200));
}

#[test]
fn ten_thousand_numbers_are_one_gap() {
    let (mut receiver, mut conn) = incoming(true);
    assert_eq!(receiver.on_skip(&skip(0, 10_000, 0), &mut conn), Ok(true));
    assert_eq!(receiver.peek(&mut []), Err(RecvError::Gap { count: 10_000 }));
    assert_eq!(read_all(&mut receiver, &mut conn), [Err(10_000)]);
    assert_eq!(receiver.on_end(10_000), Ok(true));
    assert!(receiver.is_over());
    assert_eq!(receiver.peek(&mut []), Err(RecvError::Finished));
}

#[test]
fn contradictions_are_violations() {
    use Violation::{FinalSize, FlowControl, Message, StreamState};
    let (mut receiver, mut conn) = incoming(true);
    let mut take = |frame: MessageFrame<'_>| receiver.on_message(&frame, &mut conn);
    assert_eq!(take(frame(5, Some((0, 50)), b"x")), Ok(false));
    assert_eq!(take(MessageFrame { key: Some(0), ..frame(1, None, b"") }), Err(Message.into()));
    assert_eq!(take(frame(1, None, &[0; 501])), Err(Message.into()));
    assert_eq!(take(frame(1, Some((0, 0)), b"")), Err(Message.into()));
    assert_eq!(take(frame(5, Some((1, 51)), b"x")), Err(Message.into()));
    assert_eq!(take(frame(6, Some((0, 50)), b"x")), Ok(false));
    assert_eq!(take(frame(7, Some((0, 50)), b"x")), Err(FlowControl.into()), "a third partial one");
    assert_eq!(take(frame(7, None, &[0; 500])), Ok(false));
    assert_eq!(take(frame(8, None, &[0; 500])), Ok(false));
    assert_eq!(take(frame(9, None, &[0; 500])), Ok(false));
    assert_eq!(take(frame(10, None, &[0; 500])), Err(FlowControl.into()), "beyond the window");
    let before = (conn.used(), conn.taken());
    let mut take = |first, count, cost| receiver.on_skip(&skip(first, count, cost), &mut conn);
    assert_eq!(take(0, 0, 0), Err(StreamState.into()));
    assert_eq!(take(1, MAX_VARINT + 1, 0), Err(StreamState.into()));
    assert_eq!(take(u64::MAX, 2, 0), Err(StreamState.into()));
    assert_eq!(take(0, 1, 31), Err(Message.into()));
    assert_eq!(take(0, 1, 533), Err(Message.into()));
    assert_eq!(take(5, 1, 0), Err(Message.into()), "it was begun");
    assert_eq!(take(5, 1, 83), Err(Message.into()), "it is shorter");
    assert_eq!(take(20, 100, 32), Err(FlowControl.into()));
    assert_eq!(take(20, MAX_VARINT - 20, 532), Err(FlowControl.into()));
    assert_eq!(receiver.on_end(9), Err(FinalSize.into()));
    assert_eq!(receiver.on_end(10), Ok(false));
    assert_eq!(receiver.on_skip(&skip(9, 2, 0), &mut conn), Err(FinalSize.into()));
    assert_eq!(receiver.on_message(&frame(10, None, b""), &mut conn), Err(FinalSize.into()));
    assert_eq!((conn.used(), conn.taken()), before, "what is refused changes nothing");
}

#[test]
fn separate_ranges_are_bounded_and_gaps_join() {
    for is_ordered in [true, false] {
        let (mut receiver, mut conn) = incoming(is_ordered);
        for number in 1..=MAX_SETTLED_RANGES as u64 {
            receiver.on_skip(&skip(2 * number, 1, 0), &mut conn).unwrap();
        }
        let full = Err(Refusal::Full);
        assert_eq!(receiver.on_skip(&skip(100_000, 1, 0), &mut conn), full);
        assert_eq!(receiver.on_message(&frame(100_000, None, b""), &mut conn), full);
        assert_eq!(receiver.on_message(&frame(100_000, Some((0, 9)), b"x"), &mut conn), full);
        assert_eq!((conn.used(), receiver.partials.len()), (0, 0));
        assert!(receiver.on_message(&frame(3, None, b""), &mut conn).is_ok(), "it joins two");
        assert!(receiver.on_message(&frame(0, None, b""), &mut conn).is_ok(), "it is the next");
        assert!(receiver.memory() < 4 << 20, "{}", receiver.memory());
        for number in 0..2 * MAX_SETTLED_RANGES as u64 {
            receiver.on_skip(&skip(number, 1, 0), &mut conn).unwrap();
        }
        assert!(receiver.ready.len() <= 5 && receiver.waiting.is_empty(), "{:?}", receiver.ready);
    }
    // Each of them alone, from the far end: one item all the same.
    let (mut receiver, mut conn) = incoming(true);
    for number in (1..1000).rev() {
        receiver.on_skip(&skip(number, 1, 0), &mut conn).unwrap();
    }
    assert_eq!(receiver.waiting.len(), 1);
    receiver.on_skip(&skip(1 << 61, 1 << 61, 0), &mut conn).unwrap();
    receiver.on_skip(&skip(0, 1 << 61, 0), &mut conn).unwrap();
    assert_eq!(receiver.recv(&mut [], &mut conn), Err(RecvError::Gap { count: 1 << 62 }));
}

#[test]
fn a_reader_who_is_gone_takes_everything_at_once() {
    let (mut receiver, mut conn) = incoming(true);
    for (number, part) in [(0, None), (2, None), (3, Some((0, 5)))] {
        receiver.on_message(&frame(number, part, b"x"), &mut conn).unwrap();
    }
    receiver.discard(&mut conn);
    assert_eq!((conn.used(), conn.taken()), (33 + 33 + 37, 66));
    assert_eq!(receiver.recv(&mut [], &mut conn), Err(RecvError::Finished));
    assert_eq!(receiver.on_message(&frame(3, Some((1, 5)), b"xxxx"), &mut conn), Ok(false));
    assert_eq!(receiver.on_skip(&skip(1, 1, 40), &mut conn), Ok(false));
    assert_eq!((conn.used(), conn.taken()), (143, 143));
    assert_eq!(receiver.on_end(4), Ok(true));
    assert!(receiver.is_over() && !receiver.wants_limit());
}

#[test]
fn the_urgent_channel_leaves_the_connections_credit_alone() {
    let bounds = Bounds { is_ordered: false, is_urgent: true, max_message: 500, max_partial: 2 };
    let (mut receiver, mut conn) = (Incoming::new(WINDOW, bounds), RecvCredit::new(0, 1));
    receiver.on_message(&frame(0, None, b"x"), &mut conn).unwrap();
    receiver.on_skip(&skip(1, 2, 40), &mut conn).unwrap();
    assert_eq!(receiver.recv_vec(&mut conn).unwrap().1, b"x");
    receiver.discard(&mut conn);
    assert_eq!((conn.used(), conn.taken()), (0, 0));
    assert_eq!(receiver.credit_used_and_taken(), (113, 113));
}

#[test]
fn limits_go_out_as_messages_are_read() {
    let (mut receiver, mut conn) = incoming(true);
    for number in 0..3 {
        receiver.on_message(&frame(number, None, &[0; 300]), &mut conn).unwrap();
    }
    assert!(!receiver.wants_limit());
    receiver.recv(&mut [0; 300], &mut conn).unwrap();
    assert!(!receiver.wants_limit(), "less than a quarter");
    receiver.recv(&mut [0; 300], &mut conn).unwrap();
    assert!(receiver.wants_limit());
    assert_eq!(receiver.next_limit(), WINDOW + 664);
    assert_eq!(receiver.credit().advertise(), WINDOW + 664);
    assert!(!receiver.wants_limit());
}

/// What the naive version knows of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Known {
    #[default]
    Nothing,
    /// These halves have come.
    Part([bool; 2]),
    Complete,
    Skipped,
}

proptest! {
    /// Against an array of numbers. Message n has 2 * (n % 3) bytes, and one of 4 bytes comes in halves.
    #[test]
    fn behaves_like_an_array_of_numbers(
        is_ordered in any::<bool>(), reads in any::<bool>(),
        ops in prop::collection::vec((0..4u8, 0..24u64, 1..5u64), 0..150),
    ) {
        let len = |number: u64| 2 * (number % 3);
        let bounds = Bounds { is_ordered, is_urgent: false, max_message: 500, max_partial: 99 };
        let (mut receiver, mut conn) = (Incoming::new(WINDOW, bounds), RecvCredit::new(WINDOW, 1));
        let mut model = [Known::Nothing; 30];
        let mut arrivals = Vec::new();
        let mut read = Vec::new();
        for (op, number, count) in ops {
            let known = &mut model[number as usize];
            let data = [number as u8; 4];
            let data = &data[..len(number) as usize];
            match op {
                0 | 1 if data.len() == 4 => {
                    let half = usize::from(op);
                    let part = Some((2 * half as u64, 4));
                    receiver.on_message(&frame(number, part, &data[..2]), &mut conn).unwrap();
                    let mut halves = match *known {
                        Known::Nothing => [false; 2],
                        Known::Part(halves) => halves,
                        _ => continue,
                    };
                    halves[half] = true;
                    *known = Known::Part(halves);
                    if halves == [true; 2] {
                        *known = Known::Complete;
                        arrivals.push(number);
                    }
                }
                0 | 1 => {
                    receiver.on_message(&frame(number, None, data), &mut conn).unwrap();
                    if *known == Known::Nothing {
                        *known = Known::Complete;
                        arrivals.push(number);
                    }
                }
                // Runs of equal cost only: those that no part can have come of, or single ones.
                2 => {
                    receiver.on_skip(&skip(number, 1, 32 + len(number)), &mut conn).unwrap();
                    if *known != Known::Complete {
                        *known = Known::Skipped;
                    }
                }
                _ => {
                    let range = number as usize..(number + count) as usize;
                    if model[range.clone()].iter().any(|known| matches!(known, Known::Part(_))) {
                        continue;
                    }
                    receiver.on_skip(&skip(number, count, 0), &mut conn).unwrap();
                    for known in model[range].iter_mut().filter(|known| **known == Known::Nothing) {
                        *known = Known::Skipped;
                    }
                }
            }
            if reads {
                read.extend(read_all(&mut receiver, &mut conn));
            }
        }
        read.extend(read_all(&mut receiver, &mut conn));
        let settled = |known: &Known| matches!(known, Known::Complete | Known::Skipped);
        let next = model.iter().position(|known| !settled(known)).unwrap_or(model.len());
        prop_assert_eq!(receiver.next, next as u64);
        let gaps: u64 = read.iter().filter_map(|item| item.err()).sum();
        let is_visible = |number: &usize| !is_ordered || *number < next;
        let skipped = (0..model.len()).filter(is_visible).filter(|n| model[*n] == Known::Skipped);
        prop_assert_eq!(gaps, skipped.count() as u64);
        let delivered: Vec<u64> = read.iter().filter_map(|item| item.ok()).collect();
        if is_ordered {
            let complete = (0..next).filter(|n| model[*n] == Known::Complete);
            prop_assert_eq!(delivered, complete.map(|n| n as u64).collect::<Vec<_>>());
        } else {
            prop_assert_eq!(delivered, arrivals);
        }
        // All that was used was taken, but for what is still here.
        let here: u64 = receiver.partials.range(0, 99).map(|(_, cost)| cost).sum();
        let waiting = receiver.waiting.values().map(|item| match item {
            Item::Message { data, .. } => cost(data.len() as u64),
            Item::Gap(_) => 0,
        });
        prop_assert_eq!(conn.used() - conn.taken(), here + waiting.sum::<u64>());
    }
}
