use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const ID: ChannelId = ChannelId(0);

type Messages = BTreeMap<u64, Vec<u8>>;

fn make_of(messages: &Messages, number: u64, mask: u8, room: usize) -> Option<Repair> {
    make(ID, number, mask, room, |number| {
        let data = messages.get(&number)?;
        let len = data.len() as u32;
        Some((Due { number, range: 0..len, total: len, key: None, is_whole: true }, &data[..]))
    })
}

fn messages(given: &[(u64, &str)]) -> Messages {
    given.iter().map(|(number, text)| (*number, text.as_bytes().to_vec())).collect()
}

#[test]
fn patterns_take_turns() {
    let turns = |pattern: Pattern| (0..4).map(|n| pattern.masks(n)).collect::<Vec<_>>();
    assert_eq!(turns(Pattern::OFF), [[0, 0]; 4]);
    assert_eq!(turns(Pattern::HALF), [[0b011, 0], [0, 0], [0b011, 0], [0, 0]]);
    assert_eq!(turns(Pattern::FULL), [[0b101, 0]; 4]);
    let (both, one) = ([0b101, 0b010], [0b101, 0]);
    assert_eq!(turns(Pattern::HEAVY), [both, both, one, both]);
    assert_eq!(turns(Pattern::MOST), [both; 4]);
}

#[test]
fn one_member_is_a_copy_and_none_is_nothing() {
    let messages = messages(&[(2, "abc"), (4, "x")]);
    let is_copy = |repair, of| matches!(repair, Some(Repair::Copy(due)) if due.number == of);
    assert!(is_copy(make_of(&messages, 5, 0b0001, 99), 4));
    assert!(is_copy(make_of(&messages, 5, 0b0110, 99), 2));
    assert_eq!(make_of(&messages, 5, 0b1010, 99), None);
    assert_eq!(make_of(&messages, 0, 0b1111_1111, 99), None);
    assert_eq!(make_of(&messages, 5, 0, 99), None);
    let data = vec![b'x' ^ b'a', b'b', b'c'];
    let parity = Repair::Parity { number: 4, others: 0b10, size: 0b10, data };
    assert_eq!(make_of(&messages, 5, 0b0101, 99), Some(parity));
    assert_eq!(make_of(&messages, 5, 0b0101, OVERHEAD + 1 + 2), None, "no room");
    assert!(make_of(&messages, 5, 0b0101, OVERHEAD + 1 + 3).is_some());
}

#[test]
fn nonsense_makes_nothing() {
    let mut repairs = Repairs::default();
    repairs.on_message(3, b"long message");
    // Members below 0; a length beyond the data; bytes behind the end; a member that is too long.
    repairs.on_parity(2, 0b100, 0, b"");
    repairs.on_parity(5, 0b10, 400, b"long message");
    repairs.on_parity(5, 0b10, 0b1111, b"zzzz messagezz");
    repairs.on_parity(5, 0b10, 3, b"short");
    assert_eq!(repairs.next(), None);
    repairs.on_parity(6, 0b1, 0, &vec![0; MAX_MEMBER + 1]);
    assert_eq!(repairs.parities.len(), 1, "{:?}", repairs.parities);
    for number in 0..1000 {
        repairs.on_parity(1000 + 100 * number, 0xff, 0, &[0; MAX_MEMBER]);
        repairs.on_message(500_000 + number, &[0; MAX_MEMBER]);
    }
    assert_eq!((repairs.parities.len(), repairs.history.len()), (PARITIES, HISTORY));
    assert!(repairs.memory() < 32 * 1024);
}

proptest! {
    /// Against linear algebra by hand: whatever has only one unknown in a parity is made, and right.
    #[test]
    fn makes_what_can_be_made(
        bytes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 8..14),
        masks in prop::collection::vec((any::<u8>(), any::<bool>()), 14),
        is_lost in prop::collection::vec(any::<bool>(), 14),
        is_early in any::<bool>(),
    ) {
        let messages: Messages = (0u64..).zip(bytes).collect();
        let mut parities: Vec<(u64, u8, u16, Vec<u8>)> = Vec::new();
        for (&number, (mask, _)) in messages.keys().zip(&masks) {
            if let Some(Repair::Parity { number, others, size, data }) = make_of(&messages, number, *mask, 999)
                && parities.len() < PARITIES
            {
                parities.push((number, others, size, data));
            }
        }
        let mut repairs = Repairs::default();
        let mut known: Messages = Messages::new();
        let feed = |repairs: &mut Repairs| for (number, others, size, data) in &parities {
            repairs.on_parity(*number, *others, *size, data);
        };
        if is_early {
            feed(&mut repairs);
        }
        for ((&number, data), is_lost) in messages.iter().zip(&is_lost) {
            if !is_lost {
                repairs.on_message(number, data);
                known.insert(number, data.clone());
            }
        }
        if !is_early {
            feed(&mut repairs);
        }
        while let Some((number, data)) = repairs.next() {
            prop_assert_eq!(&messages[&number][..], &data[..]);
            repairs.on_message(number, &data);
            known.insert(number, data.into_vec());
        }
        for (number, others, ..) in &parities {
            let back = (0..8u64).filter(|bit| others >> bit & 1 == 1).map(|bit| number - 1 - bit);
            let missing = std::iter::once(*number).chain(back).filter(|n| !known.contains_key(n));
            prop_assert_ne!(missing.count(), 1, "parity of {}", number);
        }
    }
}
