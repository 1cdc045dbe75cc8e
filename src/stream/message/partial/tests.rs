use super::*;
use crate::wire::{ChannelId, MessageNumber, Part};
use proptest::prelude::*;

fn frame(part: Option<(u64, u64)>, key: Option<u64>, data: &[u8]) -> MessageFrame<'_> {
    let part = part.map(|(offset, total)| Part { offset, total });
    MessageFrame { id: ChannelId(0), number: MessageNumber::new(0), part, key, data }
}

fn piece(part: Option<(u64, u64)>, key: Option<u64>, data: &[u8]) -> Piece<'_> {
    Piece::new(&frame(part, key, data), 1000).unwrap()
}

#[test]
fn a_piece_lies_within_its_message_and_that_within_the_maximum() {
    let table = [
        (None, 0, true),
        (None, 1000, true),
        (None, 1001, false),
        (Some((0, 0)), 0, false),
        (Some((0, 1)), 0, true),
        (Some((999, 1000)), 1, true),
        (Some((999, 1000)), 2, false),
        (Some((0, 1001)), 1, false),
        (Some((u64::MAX, 1000)), 2, false),
        (Some((1, u64::MAX)), 1, false),
    ];
    for (part, len, is_right) in table {
        let data = vec![0; len];
        let result = Piece::new(&frame(part, None, &data), 1000);
        assert_eq!(result.is_ok(), is_right, "{part:?} with {len} bytes: {result:?}");
        if let Err(violation) = result {
            assert_eq!(violation, Violation::Message);
        }
    }
}

#[test]
fn pieces_that_contradict_each_other_are_a_violation() {
    let wrong = Err(Refusal::Violation(Violation::Message));
    let mut partials = Partials::default();
    assert_eq!(partials.insert(7, &piece(Some((0, 10)), Some(1), b"ab")), Ok(None));
    assert_eq!(partials.insert(7, &piece(Some((2, 11)), Some(1), b"ab")), wrong);
    assert_eq!(partials.insert(7, &piece(Some((2, 10)), Some(2), b"ab")), wrong);
    assert_eq!(partials.insert(7, &piece(Some((2, 10)), None, b"ab")), wrong);
    assert_eq!(partials.insert(7, &piece(None, Some(1), b"abc")), wrong);
    let whole = partials.insert(7, &piece(None, Some(1), b"0123456789"));
    assert_eq!(whole.unwrap().as_deref(), Some(&b"0123456789"[..]));
    assert_eq!(partials.len(), 0);
}

#[test]
fn a_claimed_length_allocates_nothing() {
    let mut partials = Partials::default();
    let claim = Piece::new(&frame(Some((1 << 30, 1 << 31)), None, b"x"), 1 << 31).unwrap();
    assert_eq!(partials.insert(0, &claim), Ok(None));
    assert!(partials.memory() < 10_000, "{}", partials.memory());
    assert_eq!(partials.cost_of(0), Some((1 << 31) + 32));
}

#[test]
fn the_stalest_is_the_one_that_got_nothing_for_longest() {
    let mut partials = Partials::default();
    assert_eq!(partials.stalest(), None);
    for (number, offset) in [(5, 0), (3, 0), (5, 1)] {
        partials.insert(number, &piece(Some((offset, 9)), None, b"x")).unwrap();
    }
    assert_eq!(partials.stalest(), Some(3));
    assert_eq!(partials.range(4, 9).collect::<Vec<_>>(), [(5, 41)]);
    assert_eq!(partials.remove(3), Some(41));
    assert_eq!(partials.remove(3), None);
}

proptest! {
    /// Against arrays of bytes: in any order, with repetitions, whatever the splits.
    #[test]
    fn a_message_is_complete_when_each_byte_has_come(
        pieces in prop::collection::vec((0..3u64, 0..30u64, 0..12u64), 0..120),
    ) {
        let total = |number: u64| 20 + number * 10;
        let byte = |number: u64, i: u64| (number * 100 + i) as u8;
        let mut partials = Partials::default();
        let mut model: BTreeMap<u64, Vec<bool>> = BTreeMap::new();
        for (number, start, len) in pieces {
            let (start, end) = (start.min(total(number)), (start + len).min(total(number)));
            let data: Vec<u8> = (start..end).map(|i| byte(number, i)).collect();
            let known = model.entry(number).or_insert_with(|| vec![false; total(number) as usize]);
            known[start as usize..end as usize].fill(true);
            let is_complete = known.iter().all(|known| *known);
            let got = partials.insert(number, &piece(Some((start, total(number))), None, &data)).unwrap();
            prop_assert_eq!(got.is_some(), is_complete);
            if let Some(got) = got {
                prop_assert!(got.iter().copied().eq((0..total(number)).map(|i| byte(number, i))));
                model.remove(&number);
            }
            prop_assert_eq!(partials.len(), model.len());
        }
    }
}
