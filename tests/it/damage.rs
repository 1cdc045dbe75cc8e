//! Damaged packets: repaired at once, no sign of congestion, and every one of them accounted for.

use crate::net::{Net, Pair, START, path};
use std::sync::{Arc, Mutex};
use towline::connection::{Config, Congestion, Stats};
use towline::endpoint::EndpointStats;
use towline::impair::{Damage, LinkConfig, LinkStats, Loss, Region};
use towline::sim::{Happening, HostId, LinkId, Outcome};
use towline::time::Duration;
use towline::wire::Header;

const BYTES: u64 = 20_000_000;
const RTT: Duration = Duration::from_millis(50);
const CONTROLLERS: [Congestion; 2] = [Congestion::Bbr, Congestion::NewReno];
/// Everything in front of the frames, whatever the packet number's length.
const HEADER: usize = 11;

/// What one direction did with the packets that went into it.
#[derive(Debug)]
struct Direction {
    link: LinkStats,
    /// Handshake packets that arrived whole: nobody's counters have them.
    unnumbered: u64,
    /// What the endpoint could not give to a connection.
    strays: EndpointStats,
    receiver: Stats,
    sender: Stats,
}

/// A finished transfer: how long it took, what became of the packets there and back.
#[derive(Debug)]
struct Run {
    took: Duration,
    up: Direction,
    down: Direction,
}

fn damaged(share: f64, bits: u32, region: Region) -> LinkConfig {
    let damage = Damage { share, bits, region, ..Damage::default() };
    LinkConfig { damage, ..path(100, RTT) }
}

/// Damage begins once the handshake is done.
fn run(seed: u64, congestion: Congestion, links: [LinkConfig; 2], bytes: u64) -> Run {
    let mut config = Config::default();
    config.congestion = congestion;
    let mut pair = Pair::bulk(seed, &config, [(); 2].map(|()| path(100, RTT)), bytes);
    let unnumbered = Arc::new(Mutex::new([0u64; 2]));
    let seen = unnumbered.clone();
    pair.world.set_tap(move |event| {
        let is_whole = matches!(event.happening, Happening::Delivered { is_damaged: false, .. });
        let numbered = |h| matches!(h, Header::Data(_) | Header::Ack(_));
        if is_whole && !Header::decode(event.datagram).is_ok_and(|(h, _)| numbered(h)) {
            let is_down = event.to == crate::net::client_address();
            seen.lock().unwrap()[usize::from(is_down)] += 1;
        }
    });
    let _ = pair.world.run_until(START + RTT * 3, |_| false);
    for (id, link) in [pair.up, pair.down].into_iter().zip(links) {
        pair.world.link_mut(id).reconfigure(link).unwrap();
    }
    let took = pair.run_bulk(Duration::from_mins(10)).expect("finished");
    // What is still on its way arrives, and is acknowledged.
    let (c, s) = (pair.client, pair.server);
    let in_flight = |world: &Net, id: HostId| -> u64 {
        world.host(id).endpoint.connections().map(|(_, c)| c.stats().bytes_in_flight).sum()
    };
    let rests =
        |world: &Net| world.in_flight() == 0 && in_flight(world, c) + in_flight(world, s) == 0;
    let outcome = pair.world.run_until(pair.world.now() + Duration::from_secs(30), rests);
    assert_eq!((outcome, pair.complaints()), (Outcome::Done, vec![]), "seed {seed}");
    assert_eq!(pair.server_flow().bytes_received(), bytes);
    let [up_unnumbered, down_unnumbered] = *unnumbered.lock().unwrap();
    let direction = |link: LinkId, unnumbered, to: HostId, receiver, sender| Direction {
        link: pair.world.link(link).stats(),
        unnumbered,
        strays: pair.world.host(to).endpoint.stats(),
        receiver,
        sender,
    };
    let (client, server) = (pair.client_stats(), pair.server_stats());
    let up = direction(pair.up, up_unnumbered, s, server.clone(), client.clone());
    let down = direction(pair.down, down_unnumbered, c, client, server);
    Run { took, up, down }
}

impl Direction {
    /// Every packet is in exactly one place.
    fn balance(&self, back: &Self) {
        let Self { link, strays, receiver, sender, .. } = self;
        // A server counts no SYN-ACK among a connection's packets: it has none yet.
        let answers = link.packets - sender.sent.packets;
        assert!(answers <= back.unnumbered, "{self:#?}");
        assert_eq!(link.packets, link.lost + link.overflowed + link.delivered);
        let refused = receiver.refused;
        let kept_from = refused.damaged + refused.duplicate + refused.full + refused.unexpected;
        let elsewhere = strays.foreign + strays.damaged + strays.unknown + strays.bad_proofs;
        let known = receiver.received.packets + kept_from + elsewhere + self.unnumbered;
        assert_eq!(link.delivered, known, "{self:#?}");
        assert_eq!((refused.duplicate, refused.full), (0, 0), "nothing is doubled here");
        let seen = refused.damaged + refused.unexpected + elsewhere + strays.repaired;
        assert_eq!(link.damaged, seen, "all damage is seen, and nothing else: {self:#?}");
        let sent = sender.recovery;
        let settled = sent.packets_acked + sent.packets_lost + sent.packets_damaged;
        assert_eq!(sent.packets_sent, settled + sent.packets_abandoned, "{self:#?}");
        assert!(receiver.nacks_sent <= refused.damaged, "{self:#?}");
        // Each report travels twice, and may be damaged or lost itself.
        let told = sent.packets_damaged + sent.nacks_mismatched;
        assert!(told <= receiver.nacks_sent, "{self:#?}");
        assert!(told + sent.nacks_ignored <= 2 * receiver.nacks_sent, "{self:#?}");
        if back.link.damaged + back.link.lost + back.link.overflowed == 0 {
            assert_eq!(told, receiver.nacks_sent, "{self:#?}");
        }
    }
}

impl Run {
    fn balance(&self) {
        self.up.balance(&self.down);
        self.down.balance(&self.up);
    }
}

/// One flipped bit in 1 % of all packets, anywhere in them, both ways. A transfer of two seconds also
/// waits a round trip, and what queues, for the repair of its last packets; a long one hardly does.
#[test]
fn one_per_cent_of_damage_costs_no_more_than_three() {
    let none = || damaged(0.0, 1, Region::Anywhere);
    let sizes = [(BYTES, 0.94), (5 * BYTES, 0.97)];
    for (congestion, (bytes, floor)) in CONTROLLERS.into_iter().flat_map(|c| sizes.map(|s| (c, s)))
    {
        let whole = run(1, congestion, [none(), none()], bytes);
        whole.balance();
        for seed in 1..=3 {
            let links = [(); 2].map(|()| damaged(0.01, 1, Region::Anywhere));
            let run = run(seed, congestion, links, bytes);
            run.balance();
            let sent = run.up.sender.recovery;
            let share = whole.took.as_secs_f64() / run.took.as_secs_f64();
            println!(
                "{congestion:?}, {} MB, one bit in 1 %: {share:.3} of clean, {} damaged, {} headers mended, {} lost",
                bytes / 1_000_000,
                sent.packets_damaged,
                run.up.strays.repaired,
                sent.packets_lost
            );
            assert!(share >= floor, "{congestion:?}: {share:.3}");
            let hit = run.up.receiver.refused.damaged;
            assert!(sent.packets_damaged * 10 > hit * 9, "{} of {hit}", sent.packets_damaged);
            assert_eq!(sent.nacks_mismatched, 0, "trailers differ in no more bits than were hit");
            let mended = run.up.strays.repaired;
            assert!(mended > 0 || bytes == BYTES, "about one bit in a hundred is a header's");
        }
    }
}

/// A header with one wrong bit is mended, one with two is nobody's, and a damaged payload is reported
/// by its number.
#[test]
fn headers_and_payloads_are_told_apart() {
    for congestion in CONTROLLERS {
        let clean = || damaged(0.0, 1, Region::Anywhere);
        for bits in [1, 2] {
            let links = [damaged(0.005, bits, Region::First(HEADER)), clean()];
            let header = run(2, congestion, links, BYTES);
            header.balance();
            let Direction { link, strays, receiver, sender, .. } = &header.up;
            assert!(link.damaged > 50, "{}", link.damaged);
            let mended = if bits == 1 { link.damaged } else { 0 };
            assert_eq!((strays.repaired, strays.foreign), (mended, link.damaged - mended));
            assert_eq!(receiver.refused.damaged, 0);
            assert_eq!((receiver.nacks_sent, sender.recovery.packets_damaged), (0, 0));
        }
        let payload =
            run(2, congestion, [damaged(0.005, 1, Region::After(HEADER + 4)), clean()], BYTES);
        payload.balance();
        let Direction { link, strays, receiver, sender, .. } = &payload.up;
        assert!(link.damaged > 50, "{}", link.damaged);
        assert_eq!(strays.foreign, 0);
        // A SYN or an ACK may have been among them: that draws no report.
        let reported = receiver.nacks_sent + strays.damaged + strays.unknown + strays.bad_proofs;
        assert_eq!(receiver.refused.damaged + strays.damaged, link.damaged);
        assert!(reported.abs_diff(link.damaged) <= 2, "{payload:#?}");
        assert_eq!(sender.recovery.packets_damaged, receiver.nacks_sent);
        assert_eq!(sender.recovery.packets_lost, link.overflowed, "no timer was needed");
    }
}

/// Much damage, and loss beside it, both ways: the books still balance, nothing damaged is delivered.
#[test]
fn the_books_balance_under_anything() {
    for seed in 1..=4 {
        for congestion in CONTROLLERS {
            let link = || {
                let regions = [Region::Anywhere, Region::First(20), Region::After(15)];
                let region = regions[seed as usize % 3];
                let loss = Loss::Bernoulli { p: 0.01 };
                let bits = [1, 3, 8, 64][seed as usize % 4];
                LinkConfig { loss, ..damaged(0.03, bits, region) }
            };
            run(seed, congestion, [link(), link()], BYTES / 4).balance();
        }
    }
}
