//! Scripted ACKs, NACKs and timeouts: what is lost, late, damaged, and when.

use proptest::prelude::*;

use super::super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A recovery with a log of fates.
struct Bench {
    recovery: Recovery<u64>,
    next: u64,
    fates: Vec<(Fate, u64)>,
}

impl Bench {
    fn new() -> Self {
        let mut recovery = Recovery::new(Config::default(), Box::new(NewReno::new(1200)), 1200);
        recovery.set_peer_max_ack_delay(ms(5));
        recovery.on_handshake_rtt(at(0), ms(100));
        Self { recovery, next: 0, fates: Vec::new() }
    }

    fn send(&mut self, now: u64, count: u64) {
        for _ in 0..count {
            let number = self.next;
            let packet = SentPacket { number, bytes: 1000, trailer: 0xABCD, contents: number };
            self.next += 1;
            self.recovery.on_sent(at(now), packet);
        }
    }

    fn ack(&mut self, now: u64, range: Range<u64>) -> Result<AckOutcome, AckedUnsent> {
        self.ack_all(now, std::slice::from_ref(&range))
    }

    fn ack_all(&mut self, now: u64, ranges: &[Range<u64>]) -> Result<AckOutcome, AckedUnsent> {
        let info = AckInfo { largest: ranges[0].end - 1, delay: ms(0), ce_count: None };
        let fates = &mut self.fates;
        let mut log = |fate, contents| fates.push((fate, contents));
        self.recovery.on_ack(at(now), &info, self.next, ranges.iter().cloned(), &mut log)
    }

    fn nack(&mut self, now: u64, number: u64, trailer: u32) -> NackOutcome {
        let fates = &mut self.fates;
        self.recovery.on_nack(at(now), number, trailer, &mut |f, c| fates.push((f, c)))
    }

    fn timeout(&mut self, now: Instant) -> Timeout {
        let fates = &mut self.fates;
        self.recovery.on_timeout(now, &mut |f, c| fates.push((f, c)))
    }

    fn take(&mut self, wanted: Fate) -> Vec<u64> {
        let found = self.fates.iter().filter(|(f, _)| *f == wanted).map(|(_, c)| *c).collect();
        self.fates.retain(|(f, _)| *f != wanted);
        found
    }

    /// Every packet is in one place, and a timer runs if any is in flight.
    fn check(&self) {
        let r = &self.recovery;
        let s = r.stats();
        let settled = s.packets_acked + s.packets_lost + s.packets_damaged + s.packets_abandoned;
        assert_eq!(s.packets_sent, settled + r.packets_in_flight());
        assert!(s.spurious <= s.packets_lost);
        assert_eq!(r.deadline().is_some(), r.packets_in_flight() > 0);
        assert_eq!(r.lowest_unacked().is_some(), r.packets_in_flight() > 0);
        assert_eq!(r.bytes_in_flight(), 1000 * r.packets_in_flight());
    }
}

#[test]
fn three_later_packets_prove_a_loss_until_reordering_is_seen() {
    let mut b = Bench::new();
    b.send(0, 5);
    b.ack(100, 1..3).unwrap();
    assert!(b.take(Fate::Lost).is_empty(), "two are not enough");
    b.ack(100, 1..4).unwrap();
    assert_eq!(b.take(Fate::Lost), [0]);
    assert_eq!(b.take(Fate::Acked), [1, 2, 3]);
    b.check();
}

#[test]
fn time_proves_a_loss_too() {
    let mut b = Bench::new();
    b.send(0, 2);
    b.ack(100, 1..2).unwrap();
    let deadline = b.recovery.deadline().unwrap();
    assert_eq!(deadline, at(0) + ms(100) + ms(100) / 8, "9/8 of the round trip");
    assert_eq!(b.timeout(deadline - Duration::from_nanos(1)), Timeout::None);
    assert_eq!(b.timeout(deadline), Timeout::Losses);
    assert_eq!(b.take(Fate::Lost), [0]);
    b.check();
}

#[test]
fn a_late_ack_is_recognised_undone_and_remembered() {
    let mut b = Bench::new();
    b.send(0, 20);
    let window = b.recovery.cwnd();
    b.ack(100, 3..6).unwrap();
    assert_eq!(b.take(Fate::Lost), [0, 1, 2]);
    assert!(b.recovery.cwnd() < window);
    b.ack(110, 1..6).unwrap();
    assert_eq!(b.take(Fate::Late), [1, 2]);
    assert!(b.recovery.cwnd() < window, "one of the three is still missing");
    b.ack(120, 0..6).unwrap();
    assert_eq!(b.take(Fate::Late), [0]);
    assert!(b.recovery.cwnd() >= window, "nothing was lost: undone");
    let stats = b.recovery.stats();
    assert_eq!((stats.packets_lost, stats.spurious, stats.undone), (3, 3, 1));
    b.check();
    // From now on three later packets prove nothing.
    b.ack_all(121, &[10..20, 0..6]).unwrap();
    assert!(b.take(Fate::Lost).is_empty());
    b.check();
}

#[test]
fn the_reordering_window_grows_to_what_was_measured_and_no_further_than_srtt() {
    let mut rack = Rack::new();
    let srtt = ms(50);
    rack.on_newest(10, ms(50), 20);
    assert_eq!(rack.reordering_window(srtt), ms(50) / 8);
    rack.on_acked(9, ms(66), srtt);
    assert_eq!(rack.reordering_window(srtt), ms(20), "16 ms late, and a quarter more");
    rack.on_acked(8, ms(500), srtt);
    assert_eq!(rack.reordering_window(srtt), srtt);
    for round in 1..1000 {
        rack.on_newest(20 * round, ms(50), 20 * round);
    }
    assert_eq!(rack.reordering_window(srtt), ms(50) / 8, "forgotten in the end");
}

#[test]
fn damage_is_told_from_loss_by_its_evidence() {
    let mut b = Bench::new();
    b.send(0, 6);
    let window = b.recovery.cwnd();
    assert_eq!(b.nack(100, 0, 0xABCD ^ 0b1011), NackOutcome::Damaged);
    assert_eq!(b.take(Fate::Lost), [0]);
    assert_eq!(b.nack(100, 0, 0xABCD), NackOutcome::Ignored, "not in flight any more");
    assert_eq!(b.nack(100, 77, 0xABCD), NackOutcome::Ignored, "never sent");
    assert!(b.recovery.cwnd() >= window, "no congestion");
    assert_eq!(b.nack(100, 1, !0xABCD), NackOutcome::Lost);
    assert!(b.recovery.cwnd() < window);
    b.ack(101, 0..1).unwrap();
    assert_eq!(b.take(Fate::Late), [0], "the network had doubled it");
    let stats = b.recovery.stats();
    assert_eq!((stats.packets_damaged, stats.nacks_ignored, stats.nacks_mismatched), (1, 2, 1));
    assert_eq!((stats.spurious, stats.packets_lost), (0, 1));
    b.check();
}

#[test]
fn numbers_that_were_never_sent_cannot_be_acknowledged() {
    let mut b = Bench::new();
    b.send(0, 3);
    assert_eq!(b.ack(50, 0..4), Err(AckedUnsent));
    assert_eq!(b.ack_all(50, &[0..3, 7..9]), Err(AckedUnsent));
    b.check();
}

#[test]
fn only_the_largest_newly_acknowledged_packet_is_measured() {
    let mut b = Bench::new();
    b.send(0, 4);
    assert_eq!(b.ack(80, 2..3).unwrap().rtt_sample, Some(ms(80)));
    assert_eq!(b.ack(95, 1..3).unwrap().rtt_sample, None, "2 was acknowledged before");
    assert_eq!(b.ack(95, 1..3).unwrap(), AckOutcome::default(), "nothing new");
}

#[test]
fn silence_probes_with_a_back_off_that_is_capped_and_ends_with_an_answer() {
    let mut b = Bench::new();
    b.send(0, 4);
    let mut gaps = Vec::new();
    let mut last = at(0);
    while last < at(60_000) {
        let due = b.recovery.deadline().unwrap();
        assert_eq!(b.timeout(due), Timeout::Probe);
        gaps.push(due.saturating_since(last));
        last = due;
        b.check();
        assert_eq!(b.recovery.probes(), if gaps.len() <= 2 { 2 } else { 1 });
        let now = due.as_nanos() / 1_000_000;
        b.send(now, 1);
    }
    assert_eq!(gaps[0], ms(125), "1.25 times the handshake");
    assert!(gaps.iter().all(|gap| *gap <= ms(1000)));
    assert!(gaps.len() > 60);
    let (newest, now) = (b.next - 1, last.as_nanos() / 1_000_000 + 100);
    b.ack(now, newest..newest + 1).unwrap();
    assert_eq!(b.recovery.stats().pto_backoff, 0);
    assert_eq!(b.take(Fate::Lost).len() as u64, newest, "all the others at once");
    b.check();
}

#[test]
fn an_outage_is_persistent_congestion_only_if_nothing_came_through() {
    let mut b = Bench::new();
    b.send(0, 2);
    b.ack(100, 0..2).unwrap();
    for t in 1..20 {
        b.send(100 + t * 100, 1);
    }
    b.send(2200, 1);
    let last = b.next - 1;
    b.ack(2300, last..last + 1).unwrap();
    assert_eq!(b.recovery.stats().persistent_congestion, 1);
    assert_eq!(b.recovery.cwnd(), 2 * 1200 + 1000, "the least window, and what was acknowledged");
    // Every third packet comes through: no stretch is long.
    let mut b = Bench::new();
    b.send(0, 2);
    b.ack(100, 0..2).unwrap();
    for t in 1..60 {
        b.send(100 + t * 50, 1);
        let number = b.next - 1;
        if number.is_multiple_of(3) {
            b.ack(140 + t * 50, number..number + 1).unwrap();
        }
    }
    assert!(b.recovery.stats().packets_lost > 20);
    assert_eq!(b.recovery.stats().persistent_congestion, 0);
}

/// What was acknowledged between two losses counts even when it has been forgotten.
#[test]
fn losses_far_apart_are_no_outage() {
    let mut b = Bench::new();
    for t in 0..40u64 {
        b.send(t * 100, 10);
        let first = b.next - 10;
        let lost = u64::from(t.is_multiple_of(10));
        b.ack(t * 100 + 50, first + lost..b.next).unwrap();
    }
    let stats = b.recovery.stats();
    assert_eq!((stats.packets_lost, stats.persistent_congestion), (4, 0));
}

#[test]
fn abandoning_hands_everything_back_without_a_signal() {
    let mut b = Bench::new();
    b.send(0, 5);
    let window = b.recovery.cwnd();
    let fates = &mut b.fates;
    b.recovery.abandon(&mut |f, c| fates.push((f, c)));
    assert_eq!(b.take(Fate::Lost), [0, 1, 2, 3, 4]);
    assert_eq!(b.recovery.cwnd(), window);
    b.check();
    b.send(10, 2);
    b.ack(60, 0..7).unwrap();
    assert_eq!(b.take(Fate::Acked), [5, 6]);
    b.check();
}

#[test]
fn memory_is_bounded_when_old_packets_are_never_acknowledged() {
    let mut b = Bench::new();
    let mut longest = 0;
    for t in 0..40_000 {
        // So fast that no lost packet is forgotten for its age.
        b.send(t / 2000, 1);
        // Every packet but each tenth is acknowledged some packets later.
        let number = b.next - 1;
        if number >= 100 && !number.is_multiple_of(10) {
            b.ack(t / 2000, number - 90..number - 89).unwrap();
        }
        longest = longest.max(b.recovery.sent.len());
    }
    b.check();
    assert!(longest <= sent::MAX_SETTLED + 200, "{longest} entries");
    assert!(b.recovery.stats().packets_lost > 3000);
    let far = b.recovery.lowest_tracked().unwrap();
    assert!(b.next - far < 20_000, "{far} of {}", b.next);
}

#[test]
fn the_pacer_spreads_what_the_window_allows() {
    let mut b = Bench::new();
    let mut now = at(0);
    let (mut bursts, mut sent) = (0, 0);
    loop {
        match b.recovery.permit(now) {
            Permit::Now { bytes } => {
                assert!(bytes >= 1200);
                b.send(now.as_nanos() / 1_000_000, 1);
                sent += 1;
            }
            Permit::At(next) => {
                assert!(next > now);
                now = next;
                bursts += 1;
            }
            Permit::Window => break,
        }
    }
    assert!(bursts > 5 && sent > 30, "{bursts} bursts of {sent} packets");
    assert!(now > at(30) && now < at(100), "within the first round trip: {now}");
}

#[test]
fn the_users_rate_caps_the_controller() {
    let config = Config { max_rate: Some(5000), pacing: false, ..Config::default() };
    let r: Recovery<()> = Recovery::new(config, Box::new(NewReno::new(1200)), 1200);
    assert_eq!(r.pacing_rate(), 5000);
}

#[test]
fn the_loss_of_an_mtu_probe_is_no_congestion() {
    let mut b = Bench::new();
    let window = b.recovery.cwnd();
    let packet = SentPacket { number: 0, bytes: 1000, trailer: 0xABCD, contents: 0 };
    b.recovery.on_mtu_probe_sent(at(0), packet);
    b.next = 1;
    b.send(0, 5);
    assert_eq!(b.ack(100, 1..6).unwrap().packets_lost, 1);
    assert_eq!(b.take(Fate::Lost), [0]);
    assert!(b.recovery.cwnd() >= window);
    b.ack(101, 0..6).unwrap();
    assert_eq!((b.take(Fate::Late), b.recovery.stats().undone), (vec![0], 0));
    b.check();
}

#[test]
fn packets_of_the_old_path_say_nothing_of_the_new_one() {
    let mut b = Bench::new();
    b.send(0, 8);
    b.recovery.on_path_change(at(10));
    b.send(10, 2);
    let window = b.recovery.cwnd();
    let outcome = b.ack(500, 4..8).unwrap();
    assert_eq!((outcome.packets_acked, outcome.rtt_sample), (4, None));
    assert_eq!(b.take(Fate::Lost), [0, 1, 2, 3]);
    assert!(!b.recovery.rtt().is_known());
    assert_eq!(b.recovery.cwnd(), window, "neither their losses nor their arrival");
    assert_eq!(b.ack(510, 8..10).unwrap().rtt_sample, Some(ms(500)));
    b.check();
}

#[test]
fn an_application_that_sends_little_grows_no_window() {
    let controllers: [Box<dyn Controller>; 2] =
        [Box::new(Bbr::new(1200)), Box::new(NewReno::new(1200))];
    for controller in controllers {
        let mut b = Bench::new();
        b.recovery = Recovery::new(Config::default(), controller, 1200);
        let window = b.recovery.cwnd();
        for t in 0..600 {
            b.send(t * 50, 2);
            b.recovery.on_app_limited();
            b.ack(t * 50 + 40, t * 2..t * 2 + 2).unwrap();
            assert!(b.recovery.cwnd() <= window, "{:?} at {t}", b.recovery);
            let Permit::Now { bytes } = b.recovery.permit(at(t * 50 + 45)) else {
                panic!("an idle path has room");
            };
            assert!(bytes >= 2 * 1200);
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Send(u64),
    Skip,
    Ack(u64, u64),
    Nack(u64, bool),
    Wait(u64),
    Timeout,
    Abandon,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (1..8u64).prop_map(Op::Send),
        Just(Op::Skip),
        (0..40u64, 1..12u64).prop_map(|(back, len)| Op::Ack(back, len)),
        (0..40u64, any::<bool>()).prop_map(|(back, good)| Op::Nack(back, good)),
        (1..80u64).prop_map(Op::Wait),
        Just(Op::Timeout),
        Just(Op::Abandon).boxed(),
    ]
}

proptest! {
    /// Whatever the peer says: each packet has one fate (and perhaps a late one after a loss), the
    /// counters add up, and a timer runs while anything is in flight.
    #[test]
    fn every_packet_has_its_fate(ops in prop::collection::vec(op(), 1..120)) {
        let mut b = Bench::new();
        let mut now = 0;
        for op in ops {
            match op {
                Op::Send(count) => b.send(now, count),
                Op::Skip => b.next += 1,
                Op::Ack(back, len) if b.next > 0 => {
                    let end = b.next.saturating_sub(back).max(1);
                    b.ack(now, end.saturating_sub(len)..end).unwrap();
                }
                Op::Nack(back, good) => {
                    let trailer = if good { 0xABCC } else { 0xFFFF_0000 };
                    b.nack(now, b.next.saturating_sub(back), trailer);
                }
                Op::Wait(millis) => now += millis,
                Op::Timeout => {
                    let is_due = b.recovery.deadline().is_some_and(|due| due <= at(now));
                    let result = b.timeout(at(now));
                    prop_assert_eq!(is_due, result != Timeout::None);
                }
                Op::Abandon => {
                    let fates = &mut b.fates;
                    b.recovery.abandon(&mut |f, c| fates.push((f, c)));
                }
                Op::Ack(..) => {}
            }
            b.check();
        }
        let (acked, lost, late) = (b.take(Fate::Acked), b.take(Fate::Lost), b.take(Fate::Late));
        let mut first: Vec<u64> = acked.iter().chain(&lost).copied().collect();
        let total = first.len();
        first.sort_unstable();
        first.dedup();
        prop_assert_eq!(first.len(), total, "two fates");
        prop_assert!(late.iter().all(|number| lost.contains(number)));
        prop_assert_eq!(total as u64 + b.recovery.packets_in_flight(), b.recovery.stats().packets_sent);
    }
}
