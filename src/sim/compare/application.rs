//! The same application over a network that somebody else carries for it: real sockets.

use super::contender::End;
use super::ledger::Ledger;
use super::player::Player;
use super::record::{Record, Wire};
use super::workload::Workload;
use crate::sim::{Host, Outbox};
use crate::time::Instant;
use crate::wire::{Ecn, Side};

/// One side of a workload, on top of an [`End`]: who holds it tells it the time and carries its
/// datagrams, if its end makes any.
pub struct Application {
    player: Player,
    side: Side,
    outbox: Outbox,
}

impl Application {
    /// The application of `side`, which begins at `start`.
    pub fn new(
        end: Box<dyn End>,
        side: Side,
        workload: &Workload,
        seed: u64,
        start: Instant,
    ) -> Self {
        let player = Player::new(end, side, workload, seed, start);
        Self { player, side, outbox: Outbox::default() }
    }

    /// Takes in a datagram. A poll follows at the same instant.
    pub fn handle(&mut self, now: Instant, datagram: &mut [u8]) {
        let peer = super::contender::peer_of(self.side);
        self.player.handle(
            now,
            peer,
            super::contender::peer_of(self.side.peer()),
            Ecn::NotEct,
            datagram,
        );
    }

    /// Sends and takes all there is, hands each datagram to `transmit`, and returns when to come back.
    pub fn poll(&mut self, now: Instant, mut transmit: impl FnMut(&[u8])) -> Option<Instant> {
        let deadline = self.player.poll(now, &mut self.outbox);
        for outgoing in self.outbox.take() {
            transmit(&outgoing.datagram);
            self.outbox.recycle(outgoing.datagram);
        }
        deadline
    }

    /// Whether it will send nothing more by itself.
    pub fn has_finished(&self, now: Instant) -> bool {
        self.player.final_offered(now).is_some()
    }

    /// Whether it will send nothing more, and `peer` has got all that it sent.
    pub fn is_answered_by(&self, peer: &Self, now: Instant) -> bool {
        self.player.final_offered(now) == Some(peer.player.given())
    }
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").field("side", &self.side).finish_non_exhaustive()
    }
}

/// What the client's and the server's application noted from `start` to `end`. Nobody saw their
/// packets: a message counts as sent when it was handed over, when it was complete is not known,
/// and the packets' costs are those that the caller counted since `measured_from`.
pub fn conclude(
    applications: [&mut Application; 2],
    [start, measured_from, end]: [Instant; 3],
    wire: Wire,
    faults: Vec<String>,
) -> Record {
    let mut ledger = Ledger::new(measured_from, start..start, 0);
    ledger.enter(applications.map(|application| application.player.take_journal()), []);
    let mut record = ledger.close(start, end, faults);
    record.wire = wire;
    for message in &mut record.messages {
        message.sent_at = Some(message.offered_at);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::compare::{Contender, Measures, PlainUdp, Setup};
    use crate::time::Duration;

    /// Plays a workload over a network that keeps every datagram for 10 ms, or for ever.
    fn played(name: &str, loses: impl Fn(u64) -> bool) -> (Record, Measures) {
        let duration = Duration::from_secs(2);
        let workload =
            Workload { duration, skip: Duration::ZERO, ..Workload::named(name).unwrap() };
        let setup = Setup { seed: 1, workload: &workload, rate_bps: None, rtt: Duration::ZERO };
        let mut sides = [Side::Client, Side::Server].into_iter();
        let mut both = PlainUdp.ends(&setup).map(|end| {
            let side = sides.next().unwrap();
            Application::new(end, side, &workload, 1, Instant::ZERO)
        });
        let mut flying: Vec<(Instant, usize, Vec<u8>)> = Vec::new();
        let (mut count, mut now) = (0, Instant::ZERO);
        for millis in 0..3000 {
            now = Instant::from_millis(millis);
            let due: Vec<_> = flying.extract_if(.., |(at, ..)| *at <= now).collect();
            for (_, to, mut datagram) in due {
                both[to].handle(now, &mut datagram);
            }
            for (n, application) in both.iter_mut().enumerate() {
                application.poll(now, |datagram| {
                    count += 1;
                    if !loses(count) {
                        let at = now + Duration::from_millis(10);
                        flying.push((at, 1 - n, datagram.to_vec()));
                    }
                });
            }
        }
        let [client, server] = &mut both;
        assert!(client.has_finished(now) && server.has_finished(now));
        let is_answered = client.is_answered_by(server, now) && server.is_answered_by(client, now);
        let times = [Instant::ZERO, Instant::ZERO, now];
        let record = conclude([client, server], times, Wire::default(), Vec::new());
        let measures = Measures::of(&workload, [&record]);
        assert_eq!(is_answered, measures.latencies.len() as u64 == measures.offered);
        (record, measures)
    }

    #[test]
    fn what_another_network_carries_is_measured_alike() {
        let (record, measures) = played("game", |_| false);
        assert_eq!((measures.offered, measures.latencies.len()), (240, 240));
        assert!(measures.latencies.iter().all(|ns| (9_000_000..=12_000_000).contains(ns)));
        assert_eq!(measures.delivered_bytes, 240 * 120);
        assert_eq!((record.duplicates, record.corrupt), (0, 0));
        let (_, calls) = played("rpc", |_| false);
        assert!(calls.offered > 80 && calls.offered == calls.latencies.len() as u64);
    }

    #[test]
    fn what_is_lost_is_missing() {
        let (_, measures) = played("game", |n| n % 10 == 0);
        assert_eq!((measures.offered, measures.latencies.len()), (240, 216));
        let (_, nothing) = played("game", |_| true);
        assert_eq!((nothing.offered, nothing.latencies.len()), (240, 0));
    }
}
