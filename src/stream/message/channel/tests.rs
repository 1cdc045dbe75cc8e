use super::*;
use crate::stream::message::{Outcome, Overflow};
use crate::wire::Side;

const LIMIT: u64 = 10_000;

fn setup(peer_max_message: u64) -> Setup {
    Setup {
        send_limit: LIMIT,
        peer_max_message,
        peer_max_partial: 4,
        recv_window: LIMIT,
        max_message: 1000,
        max_partial: 4,
        outbound: Outbound { overflow: Overflow::Block, queue_bytes: LIMIT, is_repaired: true },
        whole: 100,
    }
}

fn channel(mode: Mode) -> Channel {
    Channel::new(ChannelId::new(Side::Client, mode, 1), &setup(1000))
}

fn hosts() -> (RecvCredit, Budget) {
    (RecvCredit::new(LIMIT, 1), Budget::new(LIMIT, LIMIT))
}

fn accept(channel: &mut Channel, data: &[u8]) -> Result<u64, SendError> {
    channel.accept(data, Terms::default(), u64::MAX, &mut Settlement::default())
}

fn message(id: ChannelId, number: u64, data: &[u8]) -> MessageFrame<'_> {
    MessageFrame { id, number: MessageNumber::new(number), part: None, key: None, data }
}

#[test]
fn nothing_is_accepted_before_the_peers_limits_are_known_nor_beyond_them() {
    let mut urgent = Channel::new(ChannelId::URGENT, &Setup { send_limit: 0, ..setup(0) });
    assert_eq!(accept(&mut urgent, b""), Err(SendError::Blocked));
    urgent.start(&setup(u64::MAX));
    let too_large = SendError::TooLarge { len: 65_505, max: 65_504 };
    assert_eq!(accept(&mut urgent, &vec![0; 65_505]), Err(too_large));
    assert_eq!(accept(&mut urgent, &vec![0; 65_504]), Ok(0));
    let mut urgent = Channel::new(ChannelId::URGENT, &setup(0));
    urgent.start(&setup(0));
    assert_eq!(accept(&mut urgent, b""), Err(SendError::Unknown), "it takes no messages");
    for mode in Mode::ALL {
        let mut channel = channel(mode);
        let too_large = SendError::TooLarge { len: 1001, max: 1000 };
        assert_eq!(accept(&mut channel, &[0; 1001]), Err(too_large));
        assert_eq!(accept(&mut channel, &[0; 1000]), Ok(0));
        let due = channel.next(Which::New).unwrap();
        assert_eq!((due.range.clone(), due.is_whole), (0..1000, false));
        channel.set_whole(1000);
        assert_eq!(channel.next(Which::New), Some(due), "accepted before");
    }
}

#[test]
fn limits_are_told_and_those_without_credit_announce_themselves() {
    for mode in Mode::ALL {
        let mut channel = channel(mode);
        let limit = if mode.is_reliable() { LIMIT } else { 0 };
        assert!(!channel.wants().control);
        channel.repeat_limit();
        assert!(channel.wants().control && channel.wants_limit());
        assert_eq!((channel.next_limit(), channel.advertise()), (limit, limit));
        assert!(!channel.wants().control);
        assert_eq!(channel.raise_limit(LIMIT + 1), mode.is_reliable());
    }
}

#[test]
fn windows_grow_with_what_is_read_but_the_urgent_ones() {
    for (id, grown) in [(ChannelId(0), true), (ChannelId::URGENT, false)] {
        let mut channel = Channel::new(id, &setup(1000));
        let (mut conn, mut budget) = hosts();
        for number in 0..5 {
            let frame = message(id, number, &[0; 1000]);
            channel.on_message(&frame, &mut conn, &mut budget).unwrap();
            channel.recv_vec(&mut conn, &mut budget).unwrap();
        }
        channel.on_round(100_000);
        assert_eq!(channel.advertise() > LIMIT + 5 * 1032, grown);
    }
}

#[test]
fn a_stop_is_told_until_it_arrives_or_is_of_no_use() {
    for mode in Mode::ALL {
        let mut channel = channel(mode);
        let (mut conn, mut budget) = hosts();
        channel.discard(false, &mut conn, &mut budget);
        assert!(!channel.next_stop());
        channel.discard(true, &mut conn, &mut budget);
        assert!(channel.next_stop() && channel.wants().control);
        channel.on_stop_sent();
        channel.discard(true, &mut conn, &mut budget);
        assert!(!channel.next_stop());
        channel.on_stop_lost();
        assert!(channel.next_stop());
        channel.on_end(0, &mut budget).unwrap();
        assert!(!channel.next_stop());
    }
}

#[test]
fn skips_belong_to_reliable_channels() {
    for mode in Mode::ALL {
        let mut channel = channel(mode);
        let skip = Skip { id: channel.id, first: 0, count: 1, cost: 0 };
        let result = channel.on_skip(&skip, &mut hosts().0);
        let wrong = Err(Refusal::Violation(Violation::StreamState));
        assert_eq!(result, if mode.is_reliable() { Ok(true) } else { wrong });
    }
}

#[test]
fn stats_have_both_directions_and_settled_is_what_it_says() {
    for mode in Mode::ALL {
        let mut channel = channel(mode);
        let (mut conn, mut budget) = hosts();
        assert!(channel.is_settled() && !channel.is_over());
        accept(&mut channel, b"out").unwrap();
        assert!(!channel.is_settled());
        let due = channel.next(Which::New).unwrap();
        channel.on_sent(&due);
        assert_eq!(channel.is_settled(), mode == Mode::Unreliable);
        let mut out = Settlement::default();
        channel.on_acked(0, &(0..3), &mut out);
        assert!(channel.is_settled() && out.has_progressed && out.freed == 35);
        channel.on_message(&message(channel.id, 0, b"in"), &mut conn, &mut budget).unwrap();
        assert!(channel.memory() > 0 && !channel.is_empty());
        channel.recv_vec(&mut conn, &mut budget).unwrap();
        let stats = channel.stats();
        assert_eq!((stats.accepted, stats.acknowledged, stats.delivered), (1, 1, 1));
        channel.set_outbound(Outbound { is_repaired: false, ..setup(0).outbound });
        assert_eq!(channel.repairs(1, 1, 1000), None);
        channel.on_stop(&mut out);
        assert_eq!((channel.next_end(), out.receipts), (Some(1), Vec::<(u64, Outcome)>::new()));
    }
}

#[test]
fn a_parity_makes_the_message_that_is_missing_and_the_next_ones() {
    for mode in Mode::ALL {
        let mut channel = channel(mode);
        let (mut conn, mut budget) = hosts();
        let id = channel.id;
        let bytes = [b"a", b"b", b"c", b"d"];
        let parity = |number: u64, data: u8| (MessageNumber::new(number), [data]);
        let mut take = |channel: &mut Channel, number: u64, data: u8| {
            let (number, data) = parity(number, data);
            let frame = ParityFrame { id, number, others: 1, size: 0, data: &data };
            channel.on_parity(&frame, &mut conn, &mut budget).unwrap()
        };
        // 2 ^ 3 and 1 ^ 2 are worth nothing, until 3 comes.
        assert!(!take(&mut channel, 3, b'c' ^ b'd'));
        assert!(!take(&mut channel, 2, b'b' ^ b'c'));
        let news = channel.on_message(&message(id, 3, bytes[3]), &mut conn, &mut budget).unwrap();
        assert_eq!(news, mode != Mode::Ordered);
        let news = channel.on_message(&message(id, 0, bytes[0]), &mut conn, &mut budget).unwrap();
        assert_eq!(news, mode != Mode::Latest);
        // Older ones are no use to Latest.
        assert_eq!(channel.stats().repairs_used, if mode == Mode::Latest { 0 } else { 2 });
        let mut read = Vec::new();
        while let Ok((message, data)) = channel.recv_vec(&mut conn, &mut budget) {
            assert_eq!(data, bytes[message.number as usize]);
            read.push(message.number);
        }
        read.sort_unstable();
        assert_eq!(read, if mode == Mode::Latest { vec![3] } else { vec![0, 1, 2, 3] });
        assert_eq!((conn.used(), budget.held), (conn.taken(), 0));
    }
}

#[test]
fn what_is_made_obeys_the_same_rules() {
    let mut channel = channel(Mode::Ordered);
    let (mut conn, mut budget) = hosts();
    let id = channel.id;
    channel.on_end(2, &mut budget).unwrap();
    let number = MessageNumber::new(2);
    let parity = ParityFrame { id, number, others: 1, size: 0, data: b"x" };
    assert_eq!(channel.on_parity(&parity, &mut conn, &mut budget), Ok(false));
    let result = channel.on_message(&message(id, 1, b"y"), &mut conn, &mut budget);
    assert_eq!(result, Err(Violation::FinalSize.into()));
}
