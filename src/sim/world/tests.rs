use super::*;
use crate::impair::{Blackout, Damage, Discipline, Loss, Queue, Region, Reorder};
use crate::rng::Rng;
use crate::time::Duration;
use std::sync::{Arc, Mutex};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], 4000))
}

fn delayed(millis: u64) -> LinkConfig {
    LinkConfig { delay: ms(millis), ..LinkConfig::default() }
}

/// What a host got: when, from, to, ECN, bytes.
type Got = (Instant, SocketAddr, SocketAddr, Ecn, Vec<u8>);

/// Sends given datagrams at given times, answers each that it gets as often as it is told, and
/// keeps all it gets.
#[derive(Default)]
struct Node {
    plan: VecDeque<(Instant, SocketAddr, Ecn, Vec<u8>)>,
    answers: u32,
    owed: Vec<(SocketAddr, Vec<u8>)>,
    got: Vec<Got>,
    polls: Vec<Instant>,
    never_rests: bool,
}

impl Node {
    fn answering(answers: u32) -> Self {
        Self { answers, ..Self::default() }
    }

    fn sending(count: u64, every: Duration, to: SocketAddr, len: usize) -> Self {
        let every = every.as_nanos() as u64;
        let plan = (0..count)
            .map(|n| (Instant::from_nanos(n * every), to, Ecn::Ect0, vec![n as u8; len]))
            .collect();
        Self { plan, ..Self::default() }
    }

    fn times(&self) -> Vec<Instant> {
        self.got.iter().map(|got| got.0).collect()
    }
}

impl Host for Node {
    fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        ecn: Ecn,
        datagram: &mut [u8],
    ) {
        self.got.push((now, from, to, ecn, datagram.to_vec()));
        if self.answers > 0 {
            self.answers -= 1;
            self.owed.push((from, datagram.to_vec()));
        }
    }

    fn poll(&mut self, now: Instant, out: &mut Outbox) -> Option<Instant> {
        self.polls.push(now);
        for (to, datagram) in self.owed.drain(..) {
            out.send(to, Ecn::NotEct, &datagram);
        }
        while let Some((_, to, ecn, bytes)) = self.plan.pop_front_if(|p| p.0 <= now) {
            out.send(to, ecn, &bytes);
        }
        if self.never_rests { Some(now) } else { self.plan.front().map(|p| p.0) }
    }
}

/// Two hosts 1 and 2 with a link each way.
fn pair(seed: u64, a: Node, b: Node, link: &LinkConfig) -> (World<Node>, HostId, HostId) {
    let mut world = World::new(seed);
    let (a, b) = (world.add(a, address(1)), world.add(b, address(2)));
    world.connect_hosts(a, b, link.clone(), link.clone()).unwrap();
    (world, a, b)
}

fn rest<H: Host>(world: &mut World<H>) {
    assert_eq!(world.run_until(Instant::MAX, |_| false), Outcome::Idle);
    assert_eq!(world.in_flight(), 0);
}

#[test]
fn ping_pong_takes_one_way_delays_and_serialisation_to_the_nanosecond() {
    // 97 + 28 bytes at 1 Mbit/s take 1 ms, and 9 ms the way.
    let mut a = Node::sending(1, ms(1), address(2), 97);
    a.answers = 5;
    let link = LinkConfig { rate_bps: Some(1_000_000), ..delayed(9) };
    let (mut world, a, b) = pair(1, a, Node::answering(5), &link);
    rest(&mut world);
    assert_eq!(world.host(b).times(), [10, 30, 50, 70, 90, 110].map(at));
    assert_eq!(world.host(a).times(), [20, 40, 60, 80, 100].map(at));
    assert_eq!((world.now(), world.packets()), (at(110), 11));
    let [link] = *world.links_between(a, b) else { panic!("one link") };
    assert_eq!(world.link(link).stats().delivered, 6);
    let (when, from, to, ecn, bytes) = &world.host(b).got[0];
    assert_eq!((*when, *from, *to, *ecn), (at(10), address(1), address(2), Ecn::Ect0));
    assert_eq!(bytes, &[0; 97]);
}

#[test]
fn time_goes_to_the_deadline_and_no_further() {
    let (mut world, _, b) =
        pair(1, Node::sending(10, ms(10), address(2), 10), Node::default(), &delayed(5));
    assert_eq!(world.run_until(at(25), |_| false), Outcome::Deadline);
    assert_eq!((world.now(), world.host(b).times()), (at(25), vec![at(5), at(15), at(25)]));
    assert_eq!(world.run_until(at(1000), |w| w.host(b).got.len() == 5), Outcome::Done);
    assert_eq!(world.now(), at(45));
    assert_eq!(world.run_until(at(1), |_| false), Outcome::Deadline);
    assert_eq!(world.now(), at(45));
    rest(&mut world);
    assert_eq!((world.now(), world.step()), (at(95), None));
}

/// A host whose timer moves with everything it gets.
#[derive(Default)]
struct Sleeper {
    wake_at: Option<Instant>,
    polls: Vec<Instant>,
}

impl Host for Sleeper {
    fn handle(&mut self, _: Instant, _: SocketAddr, _: SocketAddr, _: Ecn, datagram: &mut [u8]) {
        self.wake_at = datagram.first().map(|millis| at(u64::from(*millis)));
    }

    fn poll(&mut self, now: Instant, _: &mut Outbox) -> Option<Instant> {
        self.polls.push(now);
        self.wake_at = self.wake_at.filter(|wake_at| *wake_at > now);
        self.wake_at
    }
}

#[test]
fn a_timer_fires_once_at_the_time_last_asked_for() {
    let mut world = World::new(1);
    let sleeper = world.add(Sleeper::default(), address(1));
    for (when, wake_at) in [(1, 50), (2, 20), (3, 60), (30, 100), (70, 90)] {
        world.inject(at(when), address(9), address(1), Ecn::NotEct, vec![wake_at]);
    }
    rest(&mut world);
    // Set to 50, 20 and 60; the timer for 20 is gone by then, and so is 50; then 100, then 90.
    assert_eq!(world.host(sleeper).polls, [0, 1, 2, 3, 30, 70, 90].map(at));
    // A timer that is stopped does not move the clock when its time comes.
    world.inject(at(110), address(9), address(1), Ecn::NotEct, vec![200]);
    world.inject(at(120), address(9), address(1), Ecn::NotEct, vec![]);
    rest(&mut world);
    assert_eq!(world.now(), at(120));
    // One that moves back comes later, also when nothing else happens.
    for (when, wake_at) in [(130, 150), (131, 180)] {
        world.inject(at(when), address(9), address(1), Ecn::NotEct, vec![wake_at]);
    }
    rest(&mut world);
    assert_eq!(world.host(sleeper).polls.last(), Some(&at(180)));
    world.host_mut(sleeper).wake_at = Some(Instant::MAX);
    rest(&mut world);
    assert_eq!(world.now(), at(180));
}

#[test]
fn timers_that_were_moved_leave_nothing_behind() {
    let mut world = World::new(1);
    world.add(Sleeper::default(), address(1));
    for (when, wake_at) in [(1, 50), (2, 20), (3, 60), (30, 100)] {
        world.inject(at(when), address(9), address(1), Ecn::NotEct, vec![wake_at]);
    }
    world.inject(at(65), address(9), address(1), Ecn::NotEct, vec![100]);
    assert_eq!(world.run_until(at(65), |_| false), Outcome::Deadline);
    assert_eq!(format!("{:?}", world.schedule).matches("WakeUp").count(), 1);
}

#[test]
fn all_that_arrives_at_one_instant_is_handed_over_before_one_poll() {
    let mut a = Node::sending(5, Duration::ZERO, address(2), 10);
    a.plan.push_back((at(20), address(2), Ecn::NotEct, vec![5]));
    let (mut world, _, b) = pair(1, a, Node::default(), &delayed(10));
    rest(&mut world);
    let order: Vec<u8> = world.host(b).got.iter().map(|got| got.4[0]).collect();
    assert_eq!(order, [0, 1, 2, 3, 4, 5]);
    assert_eq!(world.host(b).polls, [0, 10, 30].map(at));
}

#[test]
fn telling_a_host_something_gets_it_polled_now() {
    let (mut world, a, b) = pair(1, Node::default(), Node::default(), &delayed(10));
    assert_eq!(world.run_until(at(7), |_| false), Outcome::Idle);
    assert_eq!(world.run_until(at(7), |w| w.now() == at(0)), Outcome::Done);
    world.inject(at(7), address(9), address(2), Ecn::NotEct, vec![]);
    rest(&mut world);
    world.host_mut(a).owed.push((address(2), vec![1]));
    rest(&mut world);
    assert_eq!(world.host(b).times(), [at(7), at(17)]);
}

#[test]
fn a_host_that_never_rests_is_an_outcome_and_not_a_hang() {
    let restless = Node { never_rests: true, ..Node::default() };
    let (mut world, a, _) = pair(1, restless, Node::default(), &delayed(10));
    assert_eq!(world.run_until(at(1), |_| false), Outcome::Livelock { host: a });
    assert_eq!(world.host(a).polls.len(), MAX_POLLS_PER_INSTANT as usize + 1);
    // One that is polled as often while time goes on is busy, and no more.
    let busy = Node::sending(150_000, Duration::from_nanos(1), address(77), 0);
    let (mut world, a, _) = pair(1, busy, Node::default(), &delayed(10));
    rest(&mut world);
    assert_eq!(world.host(a).polls.len(), 150_000);
    // Two never rest either that play ping-pong over no distance.
    let mut a = Node::sending(1, ms(1), address(2), 1);
    a.answers = u32::MAX;
    let (mut world, ..) = pair(1, a, Node::answering(u32::MAX), &LinkConfig::default());
    assert!(matches!(world.run_until(at(1), |_| false), Outcome::Livelock { .. }));
    assert_eq!(world.now(), at(0));
}

/// A lossy, jittery ping-pong with several balls.
fn bad_network(seed: u64) -> World<Node> {
    let link = LinkConfig {
        jitter: ms(5),
        loss: Loss::Bernoulli { p: 0.02 },
        duplicate: 0.02,
        reorder: Reorder { by_jitter: true, ..Reorder::default() },
        ..delayed(10)
    };
    let mut a = Node::sending(50, ms(1), address(2), 100);
    a.answers = 1000;
    pair(seed, a, Node::answering(1000), &link).0
}

#[test]
fn a_seed_is_a_run() {
    let run = |seed| {
        let mut world = bad_network(seed);
        rest(&mut world);
        assert!(world.packets() > 200);
        (world.trace_hash(), world.packets(), world.now())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
    // However it is driven.
    let mut world = bad_network(1);
    while world.step().is_some() {}
    assert_eq!(world.trace_hash(), run(1).0);
}

#[test]
fn the_hash_sees_bytes_and_times_and_addresses() {
    let hash = |when, from, byte, ecn| {
        let (mut world, ..) = pair(1, Node::default(), Node::default(), &delayed(1));
        world.inject(at(when), address(from), address(2), ecn, vec![byte; 50]);
        rest(&mut world);
        world.trace_hash()
    };
    let base = hash(1, 9, 0, Ecn::NotEct);
    assert_eq!(base, hash(1, 9, 0, Ecn::NotEct));
    for other in [
        hash(2, 9, 0, Ecn::NotEct),
        hash(1, 8, 0, Ecn::NotEct),
        hash(1, 9, 1, Ecn::NotEct),
        hash(1, 9, 0, Ecn::Ect0),
    ] {
        assert_ne!(other, base);
    }
}

#[test]
fn the_hash_sees_which_bits_were_damaged() {
    let hash = |region| {
        let damage = Damage { share: 1.0, bits: 1, region, ..Damage::default() };
        let link = LinkConfig { damage, ..delayed(1) };
        let (mut world, ..) =
            pair(1, Node::sending(1, ms(1), address(2), 9), Node::default(), &link);
        rest(&mut world);
        world.trace_hash()
    };
    assert_eq!(hash(Region::First(1)), hash(Region::First(1)));
    assert_ne!(hash(Region::First(1)), hash(Region::After(1)));
}

#[test]
fn another_host_does_not_move_the_losses_of_a_pair() {
    let run = |others: u8| {
        let lossy = LinkConfig { loss: Loss::Bernoulli { p: 0.3 }, ..delayed(3) };
        let sender = Node::sending(300, ms(1), address(2), 10);
        let mut world = World::new(7);
        let (a, b) = (world.add(sender, address(1)), world.add(Node::default(), address(2)));
        let others: Vec<_> = (0..others)
            .map(|n| world.add(Node::sending(300, ms(1), address(2), 20), address(10 + n)))
            .collect();
        for sender in others.into_iter().chain([a]) {
            world.connect_hosts(sender, b, lossy.clone(), lossy.clone()).unwrap();
        }
        rest(&mut world);
        let got = world.host(b).got.iter().filter(|got| got.1 == address(1));
        got.map(|got| got.0).collect::<Vec<_>>()
    };
    let alone = run(0);
    assert!((150..270).contains(&alone.len()));
    assert_eq!(run(3), alone);
}

#[test]
fn pairs_that_were_not_configured_get_a_default_link_of_their_own() {
    let mut world = World::new(1);
    world.set_default_link(delayed(4)).unwrap();
    let hosts: Vec<_> = (1..=3)
        .map(|n| world.add(Node::sending(2, ms(1), address(n % 3 + 1), 10), address(n)))
        .collect();
    rest(&mut world);
    for (n, host) in hosts.iter().enumerate() {
        assert_eq!(world.host(*host).times(), [at(4), at(5)]);
        assert_eq!(world.links_between(*host, hosts[(n + 1) % 3]).len(), 1);
        assert!(world.links_between(*host, hosts[(n + 2) % 3]).is_empty());
    }
    assert!(world.set_default_link(LinkConfig { duplicate: 9.0, ..delayed(1) }).is_err());
}

#[test]
fn a_dumbbell_shares_its_bottleneck() {
    let mut world = World::new(1);
    let (a, b) = (
        world.add(Node::sending(100, ms(1), address(3), 972), address(1)),
        world.add(Node::sending(100, ms(1), address(3), 972), address(2)),
    );
    let sink = world.add(Node::default(), address(3));
    let access = world.add_link(delayed(5)).unwrap();
    // 1,000 bytes take 1 ms: it can carry one of the two.
    let neck = world.add_link(LinkConfig {
        capacity_bytes: 10_000,
        ..LinkConfig::bottleneck(8_000_000, ms(10))
    });
    let neck = neck.unwrap();
    world.set_path(a, sink, &[access, neck]);
    world.set_path(b, sink, &[neck]);
    rest(&mut world);
    let stats = world.link(neck).stats();
    assert_eq!((stats.packets, world.link(access).stats().packets), (200, 100));
    assert_eq!(stats.delivered + stats.overflowed, 200);
    assert!(stats.delivered <= 115, "{stats:?}");
    assert_eq!(world.host(sink).got.len() as u64, stats.delivered);
    assert_eq!(world.link(neck).queue().peak(), 10_000);
    assert_eq!(world.host(sink).times()[0], at(11));
    assert_eq!(world.links().count(), 2);
}

#[test]
fn a_marking_queue_sets_ce_on_what_is_ecn_capable() {
    let link = LinkConfig {
        rate_bps: Some(8_000_000),
        mark_above_bytes: Some(1500),
        ..LinkConfig::default()
    };
    let mut a = Node::sending(2, Duration::ZERO, address(2), 972);
    a.plan.push_back((at(0), address(2), Ecn::NotEct, vec![0; 972]));
    let (mut world, _, b) = pair(1, a, Node::default(), &link);
    rest(&mut world);
    let ecn: Vec<_> = world.host(b).got.iter().map(|got| got.3).collect();
    assert_eq!(ecn, [Ecn::Ect0, Ecn::Ce, Ecn::NotEct]);
}

#[test]
fn what_is_sent_to_nobody_is_dropped_and_counted() {
    let (mut world, ..) =
        pair(1, Node::sending(3, ms(1), address(77), 10), Node::default(), &delayed(1));
    rest(&mut world);
    assert_eq!((world.packets(), world.unroutable()), (3, 3));
}

#[test]
fn a_nat_that_rebinds_shows_another_address_and_forgets_the_old_one() {
    let mut a = Node::sending(2, ms(100), address(2), 10);
    a.answers = 0;
    let (mut world, a, b) = pair(1, a, Node::answering(2), &delayed(10));
    assert_eq!(world.run_until(at(15), |_| false), Outcome::Deadline);
    // The answer to the first is on its way to the old address.
    world.rebind(a, address(50));
    rest(&mut world);
    assert_eq!(world.unroutable(), 1);
    let sources: Vec<_> = world.host(b).got.iter().map(|got| got.1).collect();
    assert_eq!(sources, [address(1), address(50)]);
    // Behind the NAT nothing has changed.
    assert_eq!(world.host(a).got[0].2, address(1));
    assert_eq!(world.address(a), address(50));
    world.readdress(a, address(1));
    world.inject(at(0), address(2), address(1), Ecn::NotEct, vec![]);
    rest(&mut world);
    assert_eq!(world.host(a).got[1].2, address(1));
}

#[test]
#[should_panic(expected = "two hosts have the address 10.0.0.1:4000")]
fn two_hosts_cannot_share_an_address() {
    let mut world = World::new(1);
    world.add(Node::default(), address(1));
    world.add(Node::default(), address(1));
}

#[test]
fn what_was_recorded_can_be_replayed_from_beside_the_path() {
    let link = LinkConfig { loss: Loss::Script(std::iter::once(1..2).collect()), ..delayed(10) };
    let (mut world, _, b) = pair(1, Node::sending(3, ms(1), address(2), 4), Node::default(), &link);
    world.start_recording();
    rest(&mut world);
    let recording = world.stop_recording();
    let sent: Vec<_> = recording.iter().map(|r| (r.at, r.datagram[0])).collect();
    assert_eq!(sent, [(at(0), 0), (at(1), 1), (at(2), 2)]);
    for (n, packet) in recording.into_iter().enumerate() {
        let when = at(100 + n as u64);
        world.inject(when, packet.from, packet.to, packet.ecn, packet.datagram);
    }
    rest(&mut world);
    let got: Vec<_> = world.host(b).got.iter().map(|g| (g.0, g.1, g.4[0])).collect();
    let one = address(1);
    assert_eq!(got, [(10, 0), (12, 2), (100, 0), (101, 1), (102, 2)].map(|(t, n)| (at(t), one, n)));
    assert!(world.stop_recording().is_empty());
}

#[test]
fn a_forged_source_over_the_links_of_a_host() {
    let (mut world, a, b) = pair(1, Node::default(), Node::default(), &delayed(10));
    world.send_as(a, address(66), address(2), Ecn::Ect1, vec![1, 2]);
    rest(&mut world);
    let expected = (at(10), address(66), address(2), Ecn::Ect1, vec![1, 2]);
    assert_eq!(world.host(b).got, [expected]);
}

#[test]
fn links_break_and_heal_in_the_middle_of_a_run() {
    let (mut world, a, b) =
        pair(1, Node::sending(100, ms(1), address(2), 10), Node::default(), &delayed(1));
    let [link] = *world.links_between(a, b) else { panic!("one link") };
    // At 30.5 ms, between two packets.
    assert_eq!(world.run_until(Instant::from_nanos(30_500_000), |_| false), Outcome::Deadline);
    let broken = LinkConfig { loss: Loss::Bernoulli { p: 1.0 }, ..delayed(1) };
    world.link_mut(link).reconfigure(broken).unwrap();
    assert_eq!(world.run_until(Instant::from_nanos(59_500_000), |_| false), Outcome::Deadline);
    world.heal();
    rest(&mut world);
    let expected: Vec<_> = (1..=31).chain(61..=100).map(at).collect();
    assert_eq!(world.host(b).times(), expected);
}

#[test]
fn a_tap_sees_every_packet_from_its_sending_to_its_end() {
    let link = LinkConfig {
        rate_bps: Some(500_000),
        capacity_bytes: 2000,
        loss: Loss::Bernoulli { p: 0.1 },
        duplicate: 0.1,
        blackout: Blackout::During(vec![at(50)..at(60)]),
        damage: Damage { share: 0.1, ..Damage::default() },
        ..delayed(20)
    };
    let (mut world, a, b) =
        pair(3, Node::sending(300, ms(1), address(2), 100), Node::default(), &link);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    world.set_tap(move |event| log.lock().unwrap().push((event.packet, event.happening, event.at)));
    rest(&mut world);
    let seen = seen.lock().unwrap();
    let count = |what: fn(&Happening) -> bool| seen.iter().filter(|e| what(&e.1)).count() as u64;
    let [id] = *world.links_between(a, b) else { panic!("one link") };
    let stats = world.link(id).stats();
    assert!(
        stats.lost > 0 && stats.overflowed > 0 && stats.blacked_out > 0 && stats.duplicated > 0
    );
    assert_eq!(count(|h| *h == Happening::Sent), 300);
    assert_eq!(count(|h| *h == Happening::Dropped(Fate::Lost)), stats.lost);
    assert_eq!(count(|h| *h == Happening::Dropped(Fate::Overflowed)), stats.overflowed);
    assert_eq!(count(|h| *h == Happening::Dropped(Fate::BlackedOut)), stats.blacked_out);
    assert_eq!(count(|h| matches!(h, Happening::Delivered { .. })), stats.delivered);
    assert_eq!(
        count(|h| matches!(h, Happening::Delivered { is_copy: true, .. })),
        stats.duplicated
    );
    assert_eq!(
        count(|h| matches!(h, Happening::Delivered { is_damaged: true, .. })),
        stats.damaged
    );
    assert!(seen.is_sorted_by_key(|e| e.2));
    let sources: Vec<_> = seen.iter().filter(|e| e.1 == Happening::Sent).map(|e| e.0).collect();
    assert_eq!(sources, (0..300).collect::<Vec<_>>());
}

#[test]
fn a_world_and_a_bare_queue_agree_on_every_arrival() {
    let mut rng = Rng::from_u64(5);
    let (mut queue, mut now) = (Queue::new(Some(8_000_000), 20_000), Instant::ZERO);
    let (mut sender, mut expected) = (Node::default(), Vec::new());
    for _ in 0..5000 {
        now += Duration::from_nanos(rng.below(2_000_000));
        let len = rng.below(2000) as usize;
        sender.plan.push_back((now, address(2), Ecn::NotEct, vec![0; len]));
        expected.extend(queue.admit(now, len as u64 + 28).map(|left| left + ms(7)));
    }
    let link = LinkConfig { rate_bps: Some(8_000_000), capacity_bytes: 20_000, ..delayed(7) };
    let (mut world, _, b) = pair(1, sender, Node::default(), &link);
    rest(&mut world);
    assert!(queue.drops() > 10, "{}", queue.drops());
    assert_eq!(world.host(b).times(), expected);
}

#[test]
fn a_link_that_holds_lets_go_when_a_plain_one_delivers() {
    // With room for all, dropping at the head is dropping at the tail.
    let run = |discipline| {
        let mut rng = Rng::from_u64(6);
        let (mut sender, mut now) = (Node::default(), Instant::ZERO);
        for _ in 0..2000 {
            now += Duration::from_nanos(rng.below(2_000_000));
            let len = rng.below(2000) as usize;
            sender.plan.push_back((now, address(2), Ecn::NotEct, vec![0; len]));
        }
        let loss = Loss::Bernoulli { p: 0.1 };
        let link = LinkConfig { rate_bps: Some(8_000_000), loss, discipline, ..delayed(7) };
        let (mut world, a, b) = pair(1, sender, Node::default(), &link);
        rest(&mut world);
        let stats = world.link(world.links_between(a, b)[0]).stats();
        (world.host(b).times(), world.in_flight(), stats)
    };
    let (times, in_flight, stats) = run(Discipline::DropHead);
    assert_eq!((in_flight, stats.held, times.len() as u64), (0, 0, stats.delivered));
    assert_eq!((times, in_flight, stats), run(Discipline::DropTail));
}

#[test]
fn a_batch_is_cut_into_its_segments() {
    let mut out = Outbox::default();
    out.send_segments(address(2), Ecn::Ect0, b"aabbc", 2);
    out.send_segments(address(2), Ecn::Ect0, b"xyz", 0);
    out.send_segments(address(2), Ecn::Ect0, b"", 7);
    let sent: Vec<_> = out.sent().map(|(_, _, bytes)| bytes).collect();
    assert_eq!(sent, [&b"aa"[..], b"bb", b"c", b"xyz", b""]);
}
