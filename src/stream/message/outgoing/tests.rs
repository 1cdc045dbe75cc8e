use super::*;

const WHOLE: usize = 10;

fn outgoing(duty: Duty, overflow: Overflow, queue_bytes: u64) -> Outgoing {
    let mut sender = Outgoing::new(duty, Outbound { overflow, queue_bytes, is_repaired: true });
    sender.start(1000, 1);
    sender
}

fn accept(sender: &mut Outgoing, len: usize, out: &mut Settlement) -> Result<u64, SendError> {
    let terms = Terms { wants_receipt: true, ..Terms::default() };
    sender.accept(&vec![7; len], terms, WHOLE, u64::MAX, out)
}

/// Sends the next new part; returns it and what it reserved.
fn send(sender: &mut Outgoing) -> Option<(Due, Sent)> {
    let due = sender.next(Which::New)?;
    let sent = sender.on_sent(&due);
    Some((due, sent))
}

#[test]
fn overflow_does_what_its_policy_says() {
    // Of four messages of 100 in a queue of 200: what `accept` says, and what is abandoned.
    let overflow = Outcome::Abandoned(Why::Overflow);
    let table = [
        (Overflow::Block, Err(SendError::Blocked), vec![]),
        (Overflow::Reject, Err(SendError::Full), vec![]),
        (Overflow::DropOldest, Ok(2), vec![(0, overflow)]),
        (Overflow::DropNewest, Ok(2), vec![(2, overflow)]),
    ];
    for (policy, result, receipts) in table {
        let mut sender = outgoing(Duty::Reliable, policy, 200);
        let mut out = Settlement::default();
        for number in 0..2 {
            assert_eq!(accept(&mut sender, 68, &mut out), Ok(number));
        }
        assert_eq!(accept(&mut sender, 68, &mut out), result, "{policy:?}");
        assert_eq!(out.receipts, receipts);
        assert_eq!((out.freed, sender.held()), (100 * receipts.len() as u64, 200));
        let skip = receipts.first().map(|(number, _)| (*number..number + 1, 0));
        assert_eq!(sender.next_skip(), skip);
    }
}

#[test]
fn one_message_always_fits_and_nothing_is_dropped_in_vain() {
    let mut out = Settlement::default();
    for policy in [Overflow::Block, Overflow::DropOldest, Overflow::DropNewest] {
        let mut sender = outgoing(Duty::Reliable, policy, 0);
        assert_eq!(sender.accept(&[0; 500], Terms::default(), WHOLE, 0, &mut out), Ok(0));
        assert_eq!(sender.held(), 532);
    }
    // One is in flight and one waits: dropping that would not make room for a third.
    let mut sender = outgoing(Duty::Reliable, Overflow::DropOldest, 1000);
    accept(&mut sender, 300, &mut out).unwrap();
    send(&mut sender).unwrap();
    accept(&mut sender, 10, &mut out).unwrap();
    assert_eq!(sender.accept(&[0; 300], Terms::default(), WHOLE, 50, &mut out), Ok(2));
    assert!(sender.is_pending(1, Unsettled::Unsent) && !sender.is_pending(2, Unsettled::Any));
    assert_eq!(sender.accept(&[0; 300], Terms::default(), WHOLE, 300, &mut out), Ok(3));
    assert!(!sender.is_pending(1, Unsettled::Any) && sender.is_pending(3, Unsettled::Unsent));
}

#[test]
fn options_of_other_modes_are_unsupported() {
    let mut out = Settlement::default();
    let mut try_it =
        |duty, terms| outgoing(duty, Overflow::Block, 99).accept(b"", terms, WHOLE, 99, &mut out);
    let with_key = Terms { key: Some(1), ..Terms::default() };
    let with_limit = Terms { max_retransmits: Some(1), ..Terms::default() };
    assert_eq!(try_it(Duty::Reliable, with_key), Err(SendError::Unsupported));
    assert_eq!(try_it(Duty::Once, with_key), Err(SendError::Unsupported));
    assert_eq!(try_it(Duty::Once, with_limit), Err(SendError::Unsupported));
    assert_eq!(try_it(Duty::Urgent, with_limit), Ok(0));
}

#[test]
fn a_message_begins_when_there_is_credit_for_all_of_it() {
    let mut out = Settlement::default();
    let mut sender = Outgoing::new(
        Duty::Reliable,
        Outbound { overflow: Overflow::Block, queue_bytes: 9999, is_repaired: false },
    );
    sender.start(100, 4);
    accept(&mut sender, 69, &mut out).unwrap();
    assert_eq!((sender.wants().fresh, sender.wants().credit), (None, true));
    assert!(sender.raise_limit(101) && !sender.raise_limit(101));
    assert_eq!((sender.wants().fresh, sender.wants().credit), (Some(101), false));
    let mut due = sender.next(Which::New).unwrap();
    due.range.end = 20;
    assert_eq!(sender.on_sent(&due).reserved, 101);
    assert_eq!(sender.wants().fresh, Some(0), "what is begun needs no more");
    assert_eq!(send(&mut sender).unwrap().1.reserved, 0);
    assert_eq!(sender.wants(), Wants::default());

    let mut urgent = outgoing(Duty::Urgent, Overflow::Block, 99);
    accept(&mut urgent, 5, &mut out).unwrap();
    assert_eq!(urgent.wants().fresh, Some(0));
    assert_eq!(send(&mut urgent).unwrap().1.reserved, 0);
    assert_eq!(urgent.credit_used(), 37);
}

#[test]
fn a_partly_sent_message_counts_until_the_peer_knows_that_it_was_given_up() {
    let mut out = Settlement::default();
    let mut sender = outgoing(Duty::Reliable, Overflow::Block, 9999);
    for len in [30, 30, 5] {
        accept(&mut sender, len, &mut out).unwrap();
    }
    send(&mut sender).unwrap();
    assert_eq!(sender.next(Which::New), None, "one partial message is what the peer takes");
    assert!(!sender.wants().credit, "and credit is not what is missing");
    assert!(sender.abandon(0, Unsettled::Any, Why::Expired, &mut out));
    assert_eq!(sender.next_skip(), Some((0..1, 62)));
    sender.on_skip_sent(0..1);
    assert_eq!(sender.next(Which::New), None, "the SKIP may be overtaken");
    sender.on_skip_acked(0..1);
    assert_eq!(send(&mut sender).unwrap().0.number, 1);
    sender.on_acked(1, &(0..30), &mut out);
    assert_eq!(send(&mut sender).unwrap().0.number, 2);
    assert_eq!(out.receipts.len(), 2);
    assert_eq!(sender.watermark(), 2);
}

#[test]
fn numbers_do_not_run_away_from_the_lowest_that_is_open() {
    let mut out = Settlement::default();
    for is_skipped in [false, true] {
        let mut sender = outgoing(Duty::Reliable, Overflow::DropOldest, 40);
        accept(&mut sender, 0, &mut out).unwrap();
        send(&mut sender).unwrap();
        if is_skipped {
            sender.abandon(0, Unsettled::Any, Why::Expired, &mut out);
        }
        for _ in 0..MAX_OUTSTANDING - 1 {
            accept(&mut sender, 0, &mut out).unwrap();
        }
        assert_eq!(sender.next(Which::New).unwrap().number, MAX_OUTSTANDING - 1);
        accept(&mut sender, 0, &mut out).unwrap();
        assert_eq!(sender.next(Which::New), None);
        assert!(sender.memory() < 2000, "dropped messages leave nothing: {}", sender.memory());
        if is_skipped {
            sender.on_skip_acked(0..1);
            assert_eq!(sender.next_skip().unwrap().0.start, 1);
            sender.on_skip_acked(1..MAX_OUTSTANDING);
        } else {
            sender.on_acked(0, &(0..0), &mut out);
            sender.on_skip_acked(1..MAX_OUTSTANDING);
        }
        assert_eq!(sender.next(Which::New).unwrap().number, MAX_OUTSTANDING);
    }
}

#[test]
fn ten_thousand_messages_that_were_not_begun_are_one_run() {
    let mut out = Settlement::default();
    let mut sender = outgoing(Duty::Reliable, Overflow::Block, u64::MAX);
    for _ in 0..10_000 {
        accept(&mut sender, 3, &mut out).unwrap();
    }
    for number in 0..10_000 {
        sender.abandon(number, Unsettled::Unsent, Why::Expired, &mut out);
    }
    assert_eq!(sender.next_skip(), Some((0..10_000, 0)));
    assert!(out.has_progressed);
}

#[test]
fn what_is_sent_once_is_given_up_with_its_first_loss() {
    let mut out = Settlement::default();
    let mut sender = outgoing(Duty::Once, Overflow::Block, 9999);
    for len in [30, 5] {
        accept(&mut sender, len, &mut out).unwrap();
    }
    let mut due = sender.next(Which::New).unwrap();
    due.range.end = 12;
    let sent = sender.on_sent(&due);
    assert_eq!(sent.reserved, 0);
    assert!(!sender.is_settled());
    sender.on_lost(0, &(0..12), sent.copy, &mut out);
    assert_eq!(out.receipts, [(0, Outcome::Abandoned(Why::Lost))]);
    assert_eq!((sender.next_skip(), sender.next(Which::Lost)), (None, None));
    assert_eq!(send(&mut sender).unwrap().0.number, 1, "nothing more of it goes");
    assert!(!sender.requeue_newest(100) && sender.is_settled());
    sender.finish();
    assert_eq!(sender.next_end(), None, "END waits for what is in flight");
    sender.on_acked(1, &(0..5), &mut out);
    assert_eq!(sender.next_end(), Some(2));
    assert!(!sender.is_settled() && !sender.is_over());
    sender.end().on_acked();
    assert!(sender.is_settled() && sender.is_over());
}

#[test]
fn a_probe_takes_the_newest_message_whose_terms_allow_it() {
    let mut out = Settlement::default();
    let mut sender = outgoing(Duty::Reliable, Overflow::Block, 9999);
    assert!(!sender.requeue_newest(100));
    for max_retransmits in [None, Some(0)] {
        let terms = Terms { max_retransmits, ..Terms::default() };
        sender.accept(&[1; 40], terms, 100, u64::MAX, &mut out).unwrap();
        send(&mut sender).unwrap();
    }
    assert!(sender.requeue_newest(10));
    let due = sender.next(Which::Lost).unwrap();
    assert_eq!((due.number, due.range.clone()), (0, 0..40));
    sender.on_sent(&due);
    assert!(!sender.wants().resend);
    assert_eq!(sender.stats().retransmitted_bytes, 40);
    sender.set_outbound(Outbound { is_repaired: false, ..sender.outbound });
    assert_eq!(sender.repair(ChannelId(0), 2, 1, 500, 50), None);
}

#[test]
fn a_stop_gives_everything_up() {
    let mut out = Settlement::default();
    let mut sender = outgoing(Duty::Reliable, Overflow::Block, 9999);
    for len in [5, 5, 30, 5] {
        accept(&mut sender, len, &mut out).unwrap();
    }
    for _ in 0..2 {
        send(&mut sender).unwrap();
    }
    sender.on_acked(0, &(0..5), &mut out);
    sender.on_stop(&mut out);
    let stopped = Outcome::Abandoned(Why::Stopped);
    assert_eq!(
        out.receipts,
        [(0, Outcome::Acknowledged), (1, stopped), (2, stopped), (3, stopped)]
    );
    assert_eq!(accept(&mut sender, 1, &mut out), Err(SendError::Stopped));
    assert_eq!(sender.next_skip(), Some((1..2, 37)));
    sender.on_skip_sent(1..2);
    assert_eq!(sender.next_skip(), Some((2..4, 0)));
    assert_eq!(sender.next_end(), Some(4));
}
