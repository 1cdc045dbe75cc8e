use super::*;
use crate::impair::link::Parcel;
use crate::impair::{Discipline, Fate, Link, LinkConfig};
use crate::time::Duration;

const fn ms(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Turns of 1,000 bytes and a CoDel that never drops.
fn patient() -> FqCodel {
    FqCodel { quantum_bytes: 1000, target: Duration::MAX, ..FqCodel::default() }
}

fn flows(config: FqCodel) -> Flows {
    Flows::new(config, Dice::new(1))
}

/// A datagram of a flow, tagged 10 times the flow's number and on.
fn parked(flow: u64, nth: u64, bytes: u64) -> Parked {
    let parcel = Parcel { flow, tag: flow * 10 + nth, ..Parcel::default() };
    Parked { parcel, ordinal: 0, bytes, arrived: ms(0), is_marked: false }
}

fn push(flows: &mut Flows, flow: u64, nth: std::ops::RangeInclusive<u64>, bytes: u64) {
    nth.for_each(|nth| flows.push(parked(flow, nth, bytes)));
}

/// The tags of the next `count` that are sent.
fn sent(flows: &mut Flows, count: usize) -> Vec<u64> {
    let mut dropped = Vec::new();
    let sent = (0..count).map_while(|_| flows.pop(ms(0), &mut dropped));
    let tags = sent.map(|sent| sent.parcel.tag).collect();
    assert!(dropped.is_empty());
    tags
}

#[test]
fn flows_take_turns_by_bytes() {
    let mut flows = flows(patient());
    push(&mut flows, 1, 1..=4, 1000);
    push(&mut flows, 2, 1..=6, 500);
    assert_eq!((flows.packets(), flows.bytes()), (10, 7000));
    assert_eq!(sent(&mut flows, 99), [11, 21, 22, 12, 23, 24, 13, 25, 26, 14]);
    assert_eq!((flows.packets(), flows.bytes()), (0, 0));
}

#[test]
fn what_a_flow_overdraws_it_waits_for() {
    // 1,500 bytes in turns of 1,000: two packets in three turns.
    let mut flows = flows(patient());
    push(&mut flows, 1, 1..=4, 1500);
    push(&mut flows, 2, 1..=6, 1000);
    assert_eq!(sent(&mut flows, 99), [11, 21, 12, 22, 23, 13, 24, 14, 25, 26]);
}

#[test]
fn a_new_flow_comes_first_but_only_once() {
    let mut flows = flows(patient());
    for flow in [1, 2, 4] {
        push(&mut flows, flow, 1..=3, 1000);
    }
    assert_eq!(sent(&mut flows, 3), [11, 21, 41]);
    push(&mut flows, 3, 1..=1, 100);
    assert_eq!(sent(&mut flows, 1), [31]);
    // Its next comes when it has just become empty: now it waits for the others' turns.
    assert_eq!(sent(&mut flows, 1), [12]);
    push(&mut flows, 3, 2..=3, 100);
    assert_eq!(sent(&mut flows, 99), [22, 42, 32, 33, 13, 23, 43]);
}

#[test]
fn a_full_queue_drops_half_of_the_fattest_flow_from_its_head() {
    let mut flows = flows(FqCodel { limit_packets: 10, ..patient() });
    push(&mut flows, 1, 1..=3, 300);
    push(&mut flows, 2, 1..=7, 200);
    assert!(!flows.is_over());
    push(&mut flows, 3, 1..=1, 1000);
    assert!(flows.is_over());
    let mut dropped = Vec::new();
    flows.drop_fattest(&mut dropped);
    assert_eq!(dropped.iter().map(|gone| gone.parcel.tag).collect::<Vec<_>>(), [21, 22, 23]);
    assert_eq!((flows.is_over(), flows.packets(), flows.bytes()), (false, 8, 2700));
    assert_eq!(sent(&mut flows, 4), [11, 12, 13, 24]);
}

#[test]
fn a_drop_batch_is_the_most_that_goes_at_once() {
    let mut flows = flows(FqCodel { memory_bytes: 5000, drop_batch: 3, ..patient() });
    push(&mut flows, 1, 1..=50, 100);
    assert!(!flows.is_over());
    push(&mut flows, 1, 51..=51, 100);
    let mut dropped = Vec::new();
    flows.drop_fattest(&mut dropped);
    assert_eq!((dropped.len(), flows.is_over()), (3, false));
}

#[test]
fn which_queue_a_flow_gets_depends_on_its_hash_alone() {
    let one = FqCodel { queues: 1, ..patient() };
    let mut flows = flows(one);
    push(&mut flows, 1, 1..=2, 1000);
    push(&mut flows, 2, 1..=2, 1000);
    assert_eq!(sent(&mut flows, 99), [11, 12, 21, 22]);
}

/// 10 Mbit/s under FQ-CoDel; each flow sends so many bytes every so many microseconds. Returns each
/// one's bytes delivered and its longest time in the queue, both after the first five seconds.
fn share<const N: usize>(offered: [(u64, u64); N]) -> [(u64, Duration); N] {
    let config = LinkConfig {
        rate_bps: Some(10_000_000),
        capacity_bytes: 1_000_000,
        overhead_bytes: 0,
        discipline: Discipline::FqCodel(FqCodel::default()),
        ..LinkConfig::default()
    };
    let mut link = Link::new(config, 1).unwrap();
    let mut result = [(0, Duration::ZERO); N];
    let mut came = Vec::new();
    let take =
        |link: &mut Link, came: &[(usize, Instant)], now, result: &mut [(u64, Duration); N]| {
            while let Some((tag, arrivals)) = link.release(now) {
                let (flow, at) = came[tag as usize];
                for arrival in arrivals.iter().filter(|arrival| arrival.at > ms(5000)) {
                    result[flow].0 += arrival.datagram.len() as u64;
                    result[flow].1 = result[flow].1.max(arrival.at.saturating_since(at));
                }
            }
        };
    for now in (0..20_000_000u64).map(|micros| Instant::from_nanos(micros * 1000)) {
        for (flow, (bytes, every)) in offered.iter().enumerate() {
            if now.as_micros() % every == 0 {
                let datagram = vec![0; *bytes as usize];
                let (flow_hash, tag) = (flow as u64 + 1, came.len() as u64);
                came.push((flow, now));
                let parcel = Parcel {
                    datagram,
                    flow: flow_hash,
                    is_ecn_capable: false,
                    tag,
                    header_bytes: None,
                };
                assert_eq!(link.admit(now, parcel).fate, Fate::Held);
                take(&mut link, &came, now, &mut result);
            }
        }
    }
    take(&mut link, &came, ms(20_000), &mut result);
    result
}

#[test]
fn fat_flows_share_by_bytes_whatever_they_send() {
    // 20 Mbit/s each, in packets of 1,500 and of 250 bytes, and 2.5 Mbit/s, which is all let through.
    let [(large, _), (small, _), (modest, _)] = share([(1500, 600), (250, 100), (625, 2000)]);
    let rest = (18_750_000 - modest) / 2;
    assert!((4_670_000..=4_690_000).contains(&modest), "{modest}");
    for bytes in [large, small] {
        assert!(bytes.abs_diff(rest) < rest / 100, "{bytes} of {rest}");
    }
}

#[test]
fn a_thin_flow_beside_a_fat_one_hardly_waits() {
    let [(_, fat), (thin, wait)] = share([(1500, 600), (100, 20_000)]);
    assert_eq!(thin, 75_000);
    // At worst behind one packet of 1,500 bytes, which takes 1.2 ms, and then its own 0.08 ms.
    assert!(wait <= Duration::from_micros(1280), "{wait:?}");
    assert!(fat > Duration::from_millis(100), "{fat:?}");
}
