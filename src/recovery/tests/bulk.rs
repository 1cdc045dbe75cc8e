//! Bulk transfers: the figures that the controllers must reach. `cargo test bulk -- --nocapture`
//! prints them.

use super::super::*;
use super::network::{Net, Path};

const MB: u64 = 1_000_000;

fn bbr() -> Box<dyn Controller> {
    Box::new(Bbr::new(1200))
}

fn new_reno() -> Box<dyn Controller> {
    Box::new(NewReno::new(1200))
}

fn transfer(path: Path, controller: Box<dyn Controller>, bytes: u64) -> Net {
    let mut net = Net::new(path);
    net.add(controller, bytes, Instant::ZERO);
    net.run(Instant::from_millis(600_000));
    let recovery = &net.flows[0].recovery;
    let s = recovery.stats();
    let settled = s.packets_acked + s.packets_lost + s.packets_damaged;
    assert_eq!(s.packets_sent, settled + recovery.packets_in_flight(), "counters add up");
    net
}

fn report(name: &str, net: &Net) -> f64 {
    let (share, s) = (net.share(0), net.flows[0].recovery.stats());
    println!(
        "{name:36} share {share:.3} queue {:5.1} ms, {} sent, {} lost, {} overflowed, {} late, {} PTOs",
        net.mean_queue_ms(),
        s.packets_sent,
        s.packets_lost,
        net.overflows,
        s.spurious,
        s.pto_count
    );
    share
}

/// The means of share and queue delay over five seeds.
fn mean(name: &str, path: Path) -> (f64, f64) {
    let (mut share, mut queue) = (0.0, 0.0);
    for seed in 1..=5 {
        let net = transfer(Path { seed, ..path }, bbr(), 20 * MB);
        share += report(name, &net) / 5.0;
        queue += net.mean_queue_ms() / 5.0;
        let s = net.flows[0].recovery.stats();
        assert!(s.spurious * 1000 < s.packets_sent, "{name}: {} late packets", s.spurious);
    }
    println!("{name:36} share {share:.3} queue {queue:5.1} ms, the mean of five");
    (share, queue)
}

#[test]
fn bbr_fills_a_lossy_path_and_keeps_its_queue_short() {
    for (loss, floor) in [(0.0, 0.90), (0.01, 0.87), (0.05, 0.86), (0.1, 0.83), (0.2, 0.81)] {
        let path = Path { loss, ..Path::new(100.0, 50) };
        let (share, queue) = mean(&format!("loss {loss}"), path);
        assert!(share > floor && queue < 10.0, "loss {loss}: {share:.3}, {queue:.1} ms");
    }
}

#[test]
fn bbr_is_not_confused_by_reordering() {
    for (loss, floor) in [(0.0, 0.84), (0.01, 0.82), (0.05, 0.79), (0.1, 0.77), (0.2, 0.74)] {
        let path = Path { loss, jitter: Duration::from_millis(10), ..Path::new(100.0, 50) };
        let (share, queue) = mean(&format!("loss {loss}, reordering"), path);
        assert!(share > floor && queue < 10.0, "loss {loss}: {share:.3}, {queue:.1} ms");
    }
}

#[test]
fn bbr_copes_with_queues_and_paths_of_all_kinds() {
    let path = Path::new(100.0, 50);
    let heap = Duration::from_millis;
    let table = [
        ("queue 0.1 BDP", Path { queue_bdp: 0.1, ..path }, 0.85),
        ("queue 0.25 BDP", Path { queue_bdp: 0.25, ..path }, 0.87),
        ("queue 0.25 BDP, loss 0.05", Path { queue_bdp: 0.25, loss: 0.05, ..path }, 0.82),
        ("queue 8 BDP", Path { queue_bdp: 8.0, ..path }, 0.87),
        ("200 Mbit/s, loss 0.1", Path { loss: 0.1, ..Path::new(200.0, 50) }, 0.65),
        ("10 Mbit/s, 200 ms", Path::new(10.0, 200), 0.90),
        ("1 Mbit/s, 40 ms", Path::new(1.0, 40), 0.90),
        ("ACKs in heaps of 10 ms", Path { ack_heap: heap(10), ..path }, 0.75),
        ("ACKs in heaps of 40 ms", Path { ack_heap: heap(40), ..path }, 0.65),
    ];
    for (name, path, floor) in table {
        let bytes = if path.mbit < 10.0 { 4 * MB } else { 20 * MB };
        let share = report(name, &transfer(path, bbr(), bytes));
        assert!(share > floor, "{name}: {share:.3}");
    }
}

#[test]
fn bbr_follows_a_rate_that_changes() {
    for (to, settle) in [(20.0, 1500), (300.0, 2500)] {
        let change = 1500;
        let step = Some((Instant::from_millis(change), to));
        let mut net = Net::new(Path { step, ..Path::new(100.0, 50) });
        net.add(bbr(), 500 * MB, Instant::ZERO);
        net.run(Instant::from_millis(change + settle + 2000));
        let from = ((change + settle) / 100) as usize;
        let after = &net.arrived[0][from..from + 20];
        let rate = after.iter().sum::<u64>() as f64 * 8.0 / 2.0 / 1e6;
        println!("100 -> {to} Mbit/s: {rate:.1} after {settle} ms");
        assert!(rate > 0.9 * to, "{rate} of {to} Mbit/s");
    }
}

#[test]
fn flows_share() {
    // Second flow after (ms), path, least share of the weaker one in the second half of 30 s.
    let paths = [
        (Path::new(100.0, 50), 0.35),
        (Path { queue_bdp: 0.25, ..Path::new(100.0, 50) }, 0.35),
        (Path { queue_bdp: 2.0, loss: 0.02, ..Path::new(100.0, 50) }, 0.35),
        (Path::new(20.0, 20), 0.35),
        (Path::new(10.0, 100), 0.35),
    ];
    for (path, floor) in paths {
        for gap in [0, 3000] {
            let (share, used) = shares(path, [bbr(), bbr()], gap);
            println!("{:>5} Mbit/s, gap {gap:4}: {share:.2}, used {used:.3}", path.mbit);
            let weaker = share.min(1.0 - share);
            assert!(weaker > floor && used > 0.95, "{path:?}, gap {gap}: {share:.2}, {used:.3}");
        }
    }
    let (share, _) = shares(Path::new(100.0, 50), [new_reno(), new_reno()], 0);
    assert!((0.35..0.65).contains(&share), "NewReno with NewReno: {share:.2}");
    let (share, _) = shares(Path::new(100.0, 50), [bbr(), new_reno()], 0);
    println!("BBR with NewReno: {share:.2}");
    assert!((0.2..0.9).contains(&share), "BBR with NewReno: {share:.2}");
}

/// The first flow's share in the second half of 30 s, and how much of the line is used.
fn shares(path: Path, controllers: [Box<dyn Controller>; 2], gap: u64) -> (f64, f64) {
    let mut net = Net::new(path);
    for (at, controller) in [0, gap].into_iter().zip(controllers) {
        net.add(controller, 500 * MB, Instant::from_millis(at));
    }
    net.run(Instant::from_millis(30_000));
    let sums: Vec<f64> =
        net.arrived.iter().map(|slots| slots[150..300].iter().sum::<u64>() as f64).collect();
    let total = sums[0] + sums[1];
    (sums[0] / total, total * 8.0 / 15.0 / (path.mbit * 1e6 * (1.0 - path.loss)))
}

#[test]
fn new_reno_obeys_the_square_root_of_loss() {
    for loss in [0.001, 0.01] {
        let mut net = Net::new(Path { loss, ..Path::new(1000.0, 50) });
        net.add(new_reno(), 5000 * MB, Instant::ZERO);
        net.run(Instant::from_millis(60_000));
        let packets = net.arrived[0][50..].iter().sum::<u64>() as f64 / 1228.0;
        let rate = packets / 55.0;
        // Mathis et al. 1997, without the factor for delayed ACKs: bytes are counted.
        let mathis = (1.5 / loss).sqrt() / 0.050;
        println!("NewReno, loss {loss}: {rate:.0} packets/s, formula {mathis:.0}");
        assert!((0.75..1.25).contains(&(rate / mathis)), "{rate} against {mathis}");
    }
}

#[test]
fn damage_costs_no_more_than_its_bytes() {
    for make in [bbr, new_reno] {
        let path = Path::new(100.0, 50);
        let whole = report("whole", &transfer(path, make(), 20 * MB));
        let damaged = transfer(Path { damage: 0.01, ..path }, make(), 20 * MB);
        let share = report("damage 0.01", &damaged);
        assert!(damaged.flows[0].recovery.stats().packets_damaged > 100);
        // One in a hundred is sent twice.
        assert!(share > 0.96 * whole, "{share:.3} of {whole:.3}");
    }
}

#[test]
fn marks_are_heeded() {
    for make in [bbr, new_reno] {
        let path = Path { queue_bdp: 8.0, ..Path::new(100.0, 50) };
        let marking = Path { mark_above: Some(Duration::from_millis(20)), ..path };
        let net = transfer(marking, make(), 40 * MB);
        let share = report("marks above 20 ms", &net);
        let stats = net.flows[0].recovery.stats();
        assert!(stats.ce_marks > 0 && stats.packets_lost == 0);
        assert!(share > 0.65 && net.mean_queue_ms() < 20.0, "{share:.3}");
    }
}

#[test]
fn a_minute_of_silence_is_survived_and_its_end_noticed() {
    for make in [bbr, new_reno] {
        let outage = (Instant::from_millis(1000), Instant::from_millis(61_000));
        let net = transfer(Path { outage, ..Path::new(20.0, 50) }, make(), 10 * MB);
        report("outage", &net);
        assert!(net.flows[0].longest_silence <= Duration::from_secs(1));
        let arrived: u64 = net.arrived[0][610..640].iter().sum();
        assert!(arrived > MB, "only {arrived} bytes in the three seconds after it");
    }
}
