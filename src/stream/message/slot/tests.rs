use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

fn slot(len: u32, whole: usize, max_retransmits: Option<u32>) -> Slot {
    let data: Vec<u8> = (0..len).map(|i| i as u8).collect();
    Slot::new(&data, Terms { max_retransmits, ..Terms::default() }, whole)
}

#[test]
fn a_whole_message_is_lost_with_its_last_packet() {
    let mut slot = slot(0, 0, None);
    assert_eq!(
        (slot.cost(), slot.next(Which::New), slot.next(Which::Lost)),
        (32, Some(0..0), None)
    );
    assert_eq!(slot.on_sent(&(0..0)), Flight { copy: 0, purpose: Purpose::First });
    assert_eq!(slot.on_sent(&(0..0)), Flight { copy: 1, purpose: Purpose::Beside });
    assert_eq!(slot.on_lost(&(0..0), 0), Lost::Nothing);
    assert_eq!(slot.next(Which::Lost), None);
    assert_eq!(slot.on_lost(&(0..0), 1), Lost::Resend);
    assert_eq!(slot.next(Which::Lost), Some(0..0));
    assert_eq!(slot.on_sent(&(0..0)), Flight { copy: 2, purpose: Purpose::Again });
    assert!(slot.on_acked(&(0..0)));
}

#[test]
fn what_was_sent_in_one_round_is_lost_once() {
    // Three parts, all lost: one round. One of them again: the second.
    let mut message = slot(30, 5, Some(1));
    for start in [0, 10, 20] {
        message.on_sent(&(start..start + 10));
    }
    for (copy, start) in [(0, 0), (1, 10), (2, 20)] {
        assert_eq!(message.on_lost(&(start..start + 10), copy), Lost::Resend);
    }
    assert_eq!(message.lost_bytes(), 30);
    assert_eq!(message.next(Which::Lost), Some(0..30));
    assert_eq!(message.on_sent(&(0..10)).copy, 3);
    assert_eq!(message.lost_bytes(), 20);
    assert_eq!(message.on_lost(&(0..10), 3), Lost::Exhausted);

    let mut message = slot(3, 5, Some(0));
    message.on_sent(&(0..3));
    assert!(!message.requeue(100), "its terms allow no second copy");
    assert_eq!(message.on_lost(&(0..3), 0), Lost::Exhausted);
}

#[test]
fn a_probe_repeats_what_is_in_flight() {
    for whole in [5, 50] {
        let mut slot = slot(30, whole, Some(1));
        assert!(!slot.requeue(10), "nothing is in flight");
        slot.on_sent(&(0..30));
        assert!(slot.requeue(10));
        let range = slot.next(Which::Lost).unwrap();
        assert_eq!(range, if whole == 5 { 20..30 } else { 0..30 });
        assert_eq!(slot.on_sent(&range).purpose, Purpose::Again);
        assert_eq!(slot.next(Which::Lost), None);
        assert!(slot.on_acked(&(0..30)));
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Byte {
    Unsent,
    Flying,
    Lost,
    Acked,
}

proptest! {
    /// Against an array of bytes, each of which is somewhere; one packet at a time carries it.
    #[test]
    fn behaves_like_an_array_of_bytes(
        len in 0..40u32, whole in 0..40usize,
        ops in prop::collection::vec((0..4u8, 1..15u32, any::<Index>()), 0..120),
    ) {
        let mut slot = slot(len, whole, None);
        let mut bytes = vec![Byte::Unsent; len as usize];
        let mut flights: Vec<(Range<u32>, u32)> = Vec::new();
        let (mut is_acked, mut rounds, mut since, mut sent) = (false, 0, 0, 0);
        for (op, max, at) in ops {
            if is_acked {
                break;
            }
            match op {
                0 | 1 => {
                    let which = if op == 0 { Which::Lost } else { Which::New };
                    let state = if op == 0 { Byte::Lost } else { Byte::Unsent };
                    let Some(mut range) = slot.next(which) else {
                        prop_assert!(len == 0 || !bytes.contains(&state));
                        continue;
                    };
                    prop_assert_eq!(range.start as usize, bytes.iter().position(|b| *b == state).unwrap_or(0));
                    if !slot.is_whole() {
                        range.end = range.end.min(range.start + max);
                    }
                    let (front, back) = slot.slices(&range);
                    prop_assert_eq!([front, back].concat(), range.clone().map(|i| i as u8).collect::<Vec<_>>());
                    for byte in &mut bytes[range.start as usize..range.end as usize] {
                        prop_assert_eq!(*byte, state);
                        *byte = Byte::Flying;
                    }
                    let flight = slot.on_sent(&range);
                    sent = flight.copy + 1;
                    flights.push((range, flight.copy));
                }
                _ if flights.is_empty() => {}
                2 => {
                    let (range, _) = flights.swap_remove(at.index(flights.len()));
                    bytes[range.start as usize..range.end as usize].fill(Byte::Acked);
                    is_acked = slot.on_acked(&range);
                    prop_assert_eq!(is_acked, bytes.iter().all(|b| *b == Byte::Acked));
                }
                _ => {
                    let (range, copy) = flights.swap_remove(at.index(flights.len()));
                    bytes[range.start as usize..range.end as usize].fill(Byte::Lost);
                    prop_assert_eq!(slot.on_lost(&range, copy), Lost::Resend);
                    if copy >= since {
                        (rounds, since) = (rounds + 1, sent);
                    }
                }
            }
            prop_assert_eq!(slot.round.count, rounds);
            let lost = bytes.iter().filter(|b| **b == Byte::Lost).count();
            prop_assert_eq!(slot.lost_bytes() as usize, lost);
        }
        prop_assert!(!slot.is_whole() || slot.memory() >= len as usize);
    }
}
