//! The timers and constants of the shipped loss recovery against RFC 6298 and RFC 9002.

use super::{Check, Depth, Tolerance};
use crate::recovery::Controller;
use crate::recovery::{AckInfo, Config, LossSample, NewReno, Recovery, Rtt, SentPacket};
use crate::time::{Duration, Instant};

const RTO: &str = "RFC 6298 §2";
const LOSS: &str = "RFC 9002 §6.1, §7";

const PAYLOAD: u32 = 1200;
const RTT: Duration = Duration::from_millis(100);

/// Round trips in milliseconds, and SRTT, RTTVAR and RTO after each of them.
const SEQUENCE: [(u64, [f64; 3]); 7] = [
    (100, [100.0, 50.0, 300.0]),
    (100, [100.0, 37.5, 250.0]),
    (100, [100.0, 28.125, 212.5]),
    (100, [100.0, 21.0938, 184.375]),
    (300, [125.0, 65.8203, 388.2812]),
    (100, [121.875, 55.6152, 344.3359]),
    (100, [119.1406, 47.1802, 307.8613]),
];

/// The comparisons; they cost nothing at any depth.
pub(super) fn checks(_: Depth) -> Vec<Check> {
    let mut checks = round_trips(|sample| sample);
    let mut add = |name: &str, expected: f64, got: f64, tolerance| {
        checks.push(Check::new(name, LOSS, expected, got, tolerance));
    };
    add("packet threshold", 3.0, packet_threshold(), Tolerance::Exact);
    // Of 100 ms 1/8 is more than the granularity, of 4 ms it is less.
    add("time threshold, round trips", 1.125, time_threshold(RTT), Tolerance::Exact);
    let short = Duration::from_millis(4);
    add("time threshold at 4 ms, 1 ms more", 1.25, time_threshold(short), Tolerance::Exact);
    // To the millisecond in which it is searched for.
    let (probes, tolerance) = persistent_congestion();
    add("persistent congestion, probe timeouts", 3.0, probes, Tolerance::Between(3.0, tolerance));
    let [once, least] = cuts();
    add("window at a loss, of the one before", 0.5, once, Tolerance::Exact);
    add("least window, packets", 2.0, least, Tolerance::Exact);
    checks
}

/// The estimator of round trips, and the probe timeout of a peer that holds no ACK back, which is then
/// the retransmission timeout. The samples are what `bend` makes of the sequence.
fn round_trips(bend: impl Fn(Duration) -> Duration) -> Vec<Check> {
    // Printed with four digits; durations are whole nanoseconds.
    let printed = Tolerance::Absolute(6e-5);
    let mut checks = Vec::new();
    let mut rtt = Rtt::new(Config::default().initial_rtt);
    let mut path = Path::new();
    for (n, (sample_ms, expected)) in SEQUENCE.into_iter().enumerate() {
        let sample = bend(Duration::from_millis(sample_ms));
        rtt.on_sample(sample, Duration::ZERO);
        let number = path.send();
        path.now += sample;
        path.acknowledge(number);
        let got = [rtt.smoothed(), rtt.variation(), path.recovery.pto()];
        for ((what, expected), got) in ["SRTT", "RTTVAR", "RTO"].iter().zip(expected).zip(got) {
            let name = format!("{what} in ms after sample {}, {sample_ms} ms", n + 1);
            checks.push(Check::new(name, RTO, expected, got.as_secs_f64() * 1e3, printed));
        }
    }
    checks
}

/// The shipped loss recovery over a path without a network: packets are sent and acknowledged by hand.
struct Path {
    recovery: Recovery<()>,
    now: Instant,
    next: u64,
}

impl Path {
    fn new() -> Self {
        let controller = Box::new(NewReno::new(PAYLOAD));
        let mut recovery = Recovery::new(Config::default(), controller, PAYLOAD);
        recovery.set_peer_max_ack_delay(Duration::ZERO);
        Self { recovery, now: Instant::ZERO, next: 0 }
    }

    fn send(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        let packet = SentPacket { number, bytes: PAYLOAD, trailer: 0, contents: () };
        self.recovery.on_sent(self.now, packet);
        number
    }

    fn acknowledge(&mut self, number: u64) {
        let info = AckInfo { largest: number, delay: Duration::ZERO, ce_count: None };
        let ranges = std::iter::once(number..number + 1);
        // It was sent: this cannot fail.
        let _ = self.recovery.on_ack(self.now, &info, self.next, ranges, &mut |_, ()| {});
    }

    fn lost(&self) -> u64 {
        self.recovery.stats().packets_lost
    }
}

/// How many packets later one is acknowledged if that alone shows a loss.
fn packet_threshold() -> f64 {
    let is_lost = |later: &u64| {
        let mut path = Path::new();
        for _ in 0..=*later {
            path.send();
        }
        path.now += RTT;
        path.acknowledge(*later);
        path.lost() > 0
    };
    (1..10).find(is_lost).map_or(f64::NAN, |later| later as f64)
}

/// After how many round trips a packet is lost of which the next one has arrived in time.
fn time_threshold(rtt: Duration) -> f64 {
    let mut path = Path::new();
    path.send();
    let next = path.send();
    let sent_at = path.now;
    path.now += rtt;
    path.acknowledge(next);
    let lost_at = path.recovery.deadline().unwrap_or(Instant::ZERO);
    lost_at.saturating_since(sent_at).as_secs_f64() / rtt.as_secs_f64()
}

/// How far apart, in probe timeouts, two lost packets are if all between them are lost for that to be
/// persistent congestion; and the same one step of the search further.
fn persistent_congestion() -> (f64, f64) {
    const STEP: Duration = Duration::from_millis(1);
    let mut apart = Duration::ZERO;
    while apart < RTT * 100 {
        apart += STEP;
        let mut path = Path::new();
        let first = path.send();
        path.now += RTT;
        path.acknowledge(first);
        path.send();
        path.now += apart;
        path.send();
        for _ in 0..3 {
            path.send();
        }
        path.now += RTT;
        path.acknowledge(path.next - 1);
        if path.recovery.stats().persistent_congestion > 0 {
            let timeout = path.recovery.pto().as_secs_f64();
            let found = apart.as_secs_f64() / timeout;
            return (found, 3.0 + STEP.as_secs_f64() / timeout);
        }
    }
    (f64::NAN, f64::NAN)
}

/// What a loss leaves of the window, and the packets that are left after many.
fn cuts() -> [f64; 2] {
    let mut controller = NewReno::new(PAYLOAD);
    let before = controller.window() as f64;
    let mut lose = |second: u64| {
        let at = Instant::from_millis(second * 1000);
        controller.on_loss(&LossSample {
            now: at,
            bytes: u64::from(PAYLOAD),
            packets: 1,
            newest_sent_at: at,
            bytes_in_flight: 0,
            persistent: false,
            rtt: Rtt::new(RTT),
        });
        controller.window() as f64
    };
    let once = lose(1) / before;
    let least = (2..20).map(&mut lose).last().unwrap_or(f64::NAN) / f64::from(PAYLOAD);
    [once, least]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_as_the_rfcs_say() {
        let checks = checks(Depth::Quick);
        assert_eq!(checks.len(), 7 * 3 + 6);
        for check in checks {
            assert!(check.passes(), "{check:?}");
        }
    }

    #[test]
    fn another_round_trip_misses() {
        let checks = round_trips(|sample| sample + sample / 1000);
        assert!(checks.iter().all(|check| !check.passes()));
    }
}
