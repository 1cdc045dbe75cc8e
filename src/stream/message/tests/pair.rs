//! Two channels against each other, over a path that loses, repeats, delays and reorders every frame.

mod path;

use super::super::*;
use crate::stream::schedule::Which;
use crate::wire::{ChannelId, Mode, Side};
use path::{Path, Settings};
use proptest::prelude::*;
use proptest::sample::Index;

#[derive(Clone, Debug)]
enum Op {
    Accept { len: u32, retransmits: Option<u32>, key: Option<u64> },
    Write { which: Which, max: u32, mask: u8 },
    WriteControl,
    Deliver { at: Index, is_kept: bool },
    Ack(Index),
    Lose { at: Index, is_late: bool },
    LoseDelivered(Index),
    Read(usize),
    Limits,
    Abandon { at: Index, which: Unsettled },
    Requeue(usize),
    Finish,
    Discard,
}

fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![3 => 0..40u32, 2 => 41..path::MAX_MESSAGE as u32 + 1];
    let retransmits = prop_oneof![3 => Just(None), 1 => (0..3u32).prop_map(Some)];
    let key = prop_oneof![2 => Just(None), 3 => (0..3u64).prop_map(Some)];
    let which = prop_oneof![Just(Which::Lost), Just(Which::New)];
    prop_oneof![
        6 => (len, retransmits, key).prop_map(|(len, retransmits, key)| Op::Accept { len, retransmits, key }),
        10 => (which, 1..90u32, any::<u8>()).prop_map(|(which, max, mask)| Op::Write { which, max, mask }),
        3 => Just(Op::WriteControl),
        8 => (any::<Index>(), any::<bool>()).prop_map(|(at, is_kept)| Op::Deliver { at, is_kept }),
        6 => any::<Index>().prop_map(Op::Ack),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(at, is_late)| Op::Lose { at, is_late }),
        1 => any::<Index>().prop_map(Op::LoseDelivered),
        3 => (0..3usize).prop_map(Op::Read),
        3 => Just(Op::Limits),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(at, any)| Op::Abandon {
            at, which: if any { Unsettled::Any } else { Unsettled::Unsent } }),
        1 => (1..200usize).prop_map(Op::Requeue),
    ]
}

/// What happens, and in some cases an early end.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    let end = prop_oneof![Just(None), Just(Some(Op::Finish)), Just(Some(Op::Discard))];
    (prop::collection::vec(op(), 0..300), end, any::<Index>()).prop_map(|(mut ops, end, at)| {
        if let Some(end) = end {
            ops.insert(at.index(ops.len() + 1), end);
        }
        ops
    })
}

fn settings(mode: Mode) -> impl Strategy<Value = Settings> {
    let overflow = prop_oneof![
        3 => Just(Overflow::Block),
        1 => Just(Overflow::Reject),
        1 => Just(Overflow::DropOldest),
        1 => Just(Overflow::DropNewest),
    ];
    // Of Latest: one for each key, as reordering may bring parts of what was given up in between.
    let partial = if mode == Mode::Latest { 4..5 } else { 1..4u64 };
    let id = match mode {
        Mode::Unordered => any::<bool>().boxed(),
        _ => Just(false).boxed(),
    };
    (overflow, 100..2000u64, 100..4000u64, partial, id).prop_map(
        move |(overflow, queue_bytes, send_buffer, max_partial, is_urgent)| Settings {
            id: if is_urgent { ChannelId::URGENT } else { ChannelId::new(Side::Client, mode, 3) },
            outbound: Outbound { overflow, queue_bytes, is_repaired: true },
            send_buffer,
            max_partial,
        },
    )
}

fn run(settings: Settings, ops: Vec<Op>) -> Path {
    let mut path = Path::new(settings);
    for op in ops {
        path.apply(&op);
    }
    path.settle();
    path
}

/// Everything that every mode owes at rest.
fn check(path: &Path) {
    let stats = path.sender.stats();
    let accepted = stats.accepted;
    assert_eq!(stats.acknowledged + stats.abandoned.total(), accepted);
    assert_eq!((stats.queued, stats.outstanding), (0, 0));
    assert_eq!((path.sender.held(), path.sender.waiting(), path.send_budget.held), (0, 0, 0));
    assert_eq!(path.sender.watermark(), accepted);
    assert_eq!(path.receipts.len(), path.wanted.len(), "each receipt once");
    assert!(path.sender.is_over() && path.receiver.is_over(), "{path:?}");
    assert_eq!(path.recv_budget.held, 0);
    if !path.is_discarded {
        for (number, outcome) in &path.receipts {
            if *outcome == Outcome::Acknowledged && path.sender_mode().is_reliable() {
                assert!(path.delivered.contains(number), "{number} is acknowledged");
            }
        }
    }
    let (used, (seen, taken)) = path.credits();
    assert_eq!((used, used), (seen, taken), "channel credit");
    let (used, (seen, taken)) = path.conn_credits();
    assert_eq!((used, used), (seen, taken), "connection credit");
}

/// Reliable modes: every number was delivered or reported.
fn check_reliable(path: &Path) {
    check(path);
    if !path.is_discarded {
        assert_eq!(path.delivered.len() as u64 + path.gaps, path.sender.stats().accepted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn ordered_once_and_in_order(
        settings in settings(Mode::Ordered), ops in ops(),
    ) {
        let path = run(settings, ops);
        check_reliable(&path);
        prop_assert!(path.delivered.is_sorted());
    }

    #[test]
    fn unordered_once(
        settings in settings(Mode::Unordered), ops in ops(),
    ) {
        check_reliable(&run(settings, ops));
    }

    #[test]
    fn latest_never_older_after_newer_and_the_newest_arrives(
        settings in settings(Mode::Latest), ops in ops(),
    ) {
        let path = run(settings, ops);
        check(&path);
        for (key, newest) in &path.newest {
            if !path.is_discarded && !path.cancelled.contains(newest) {
                prop_assert_eq!(path.last_read.get(key), Some(newest), "key {:?}", key);
            }
        }
    }

    #[test]
    fn unreliable_at_most_once(
        settings in settings(Mode::Unreliable), ops in ops(),
    ) {
        let path = run(settings, ops);
        check(&path);
        for number in &path.arrived {
            prop_assert!(path.delivered.contains(number), "{number} came in one piece");
        }
    }
}
