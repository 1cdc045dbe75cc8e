//! Bulk transfers: the figures that the controllers must reach.

use super::super::*;
use super::network::{Net, Path};

const MB: u64 = 1_000_000;

fn bbr() -> Box<dyn Controller> {
    Box::new(Bbr::new(1200))
}

fn reno() -> Box<dyn Controller> {
    Box::new(NewReno::new(1200))
}

fn transfer(path: Path, controller: Box<dyn Controller>, bytes: u64) -> Net {
    let mut net = Net::new(path);
    net.trace = std::env::var("TRACE").is_ok();
    net.add(controller, bytes, Instant::ZERO);
    net.run(Instant::from_millis(600_000));
    net
}

fn show(name: &str, net: &Net) -> f64 {
    let s = net.flows[0].recovery.stats();
    println!(
        "{name:32} share {:.3} queue {:5.1} ms overflow {:5} lost {:5} spurious {:5} ptos {} of {} sent",
        net.share(0),
        net.mean_queue_ms(),
        net.overflows,
        s.packets_lost,
        s.spurious,
        s.pto_count,
        s.packets_sent
    );
    net.share(0)
}

#[test]
fn table() {
    for loss in [0.0, 0.01, 0.05, 0.1, 0.2] {
        for jitter in [0, 10] {
            let mut shares = Vec::new();
            let mut queues = Vec::new();
            for seed in 1..=5 {
                let path = Path {
                    loss,
                    seed,
                    jitter: Duration::from_millis(jitter),
                    ..Path::new(100.0, 50)
                };
                let net = transfer(path, bbr(), 20 * MB);
                shares.push(net.share(0));
                queues.push(net.mean_queue_ms());
            }
            println!(
                "loss {loss} jitter {jitter} share mean {:.3} least {:.3} queue {:.1}",
                shares.iter().sum::<f64>() / 5.0,
                shares.iter().copied().fold(1.0, f64::min),
                queues.iter().sum::<f64>() / 5.0
            );
        }
    }
    show("200/50 loss .1", &transfer(Path { loss: 0.1, ..Path::new(200.0, 50) }, bbr(), 20 * MB));
    for q in [0.1, 0.25, 0.5, 2.0, 8.0] {
        show(
            &format!("queue {q}"),
            &transfer(Path { queue_bdp: q, ..Path::new(100.0, 50) }, bbr(), 20 * MB),
        );
        show(
            &format!("queue {q} loss .05"),
            &transfer(Path { queue_bdp: q, loss: 0.05, ..Path::new(100.0, 50) }, bbr(), 20 * MB),
        );
    }
    show("10/200", &transfer(Path::new(10.0, 200), bbr(), 20 * MB));
    show("1/40", &transfer(Path::new(1.0, 40), bbr(), 2 * MB));
    show("1/40 q.25", &transfer(Path { queue_bdp: 0.25, ..Path::new(1.0, 40) }, bbr(), 2 * MB));
    show(
        "acks in heaps of 10 ms",
        &transfer(
            Path { ack_heap: Duration::from_millis(10), ..Path::new(100.0, 50) },
            bbr(),
            20 * MB,
        ),
    );
    show(
        "acks in heaps of 40 ms",
        &transfer(
            Path { ack_heap: Duration::from_millis(40), ..Path::new(100.0, 50) },
            bbr(),
            20 * MB,
        ),
    );
    show("damage 1 %", &transfer(Path { damage: 0.01, ..Path::new(100.0, 50) }, bbr(), 20 * MB));
    for to in [20.0, 300.0] {
        let step = Some((Instant::from_millis(1500), to));
        let path = Path { step, ..Path::new(100.0, 50) };
        let net = transfer(path, bbr(), 60 * MB);
        show(&format!("step to {to}"), &net);
        let series: Vec<_> =
            net.arrived[0].iter().map(|b| (b * 80 / 1_000_000).to_string()).collect();
        println!("   {}", series.join(" "));
    }
}

#[test]
fn one() {
    let get = |name: &str, default: f64| {
        std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
    };
    let mut path = Path::new(get("MBIT", 100.0), get("RTT", 50.0) as u64);
    path.loss = get("LOSS", 0.0);
    path.queue_bdp = get("QUEUE", 1.0);
    path.jitter = Duration::from_millis(get("JITTER", 0.0) as u64);
    path.ack_heap = Duration::from_millis(get("HEAP", 0.0) as u64);
    let net = transfer(path, bbr(), get("MB", 20.0) as u64 * MB);
    show("one", &net);
}

#[test]
fn two() {
    for (mbit, rtt, queue_bdp, loss) in [
        (100.0, 50, 1.0, 0.0),
        (100.0, 50, 0.25, 0.0),
        (100.0, 50, 2.0, 0.02),
        (20.0, 20, 1.0, 0.0),
        (10.0, 100, 1.0, 0.0),
    ] {
        for gap in [0, 3000] {
            let path = Path { queue_bdp, loss, ..Path::new(mbit, rtt) };
            let mut net = Net::new(path);
            net.add(bbr(), 500 * MB, Instant::ZERO);
            net.add(bbr(), 500 * MB, Instant::from_millis(gap));
            net.run(Instant::from_millis(30_000));
            let sums: Vec<u64> = (0..2).map(|i| net.arrived[i][150..].iter().sum()).collect();
            println!(
                "two {mbit} {rtt} q {queue_bdp} loss {loss} gap {gap}: share a {:.3} util {:.3} queue {:.1} ms",
                sums[0] as f64 / (sums[0] + sums[1]) as f64,
                (sums[0] + sums[1]) as f64 * 8.0 / 15.0 / mbit / 1e6 / (1.0 - loss),
                net.mean_queue_ms()
            );
            if std::env::var("SERIES").is_ok() {
                for i in 0..2 {
                    println!(
                        "   {}",
                        net.arrived[i]
                            .iter()
                            .map(|b| (b * 80 / 1_000_000).to_string())
                            .collect::<Vec<_>>()
                            .join(" ")
                    );
                }
            }
        }
    }
    for (a, b) in [(bbr(), reno()), (reno(), reno())] {
        let mut net = Net::new(Path::new(100.0, 50));
        net.add(a, 500 * MB, Instant::ZERO);
        net.add(b, 500 * MB, Instant::ZERO);
        net.run(Instant::from_millis(20_000));
        let sums: Vec<u64> = (0..2).map(|i| net.arrived[i][80..].iter().sum()).collect();
        println!("two, second reno: share a {:.3}", sums[0] as f64 / (sums[0] + sums[1]) as f64);
    }
    for loss in [0.001, 0.01] {
        let path = Path { loss, queue_bdp: 4.0, ..Path::new(1000.0, 50) };
        let mut net = Net::new(path);
        net.add(reno(), 5000 * MB, Instant::ZERO);
        net.run(Instant::from_millis(60_000));
        let sum: u64 = net.arrived[0][50..].iter().sum();
        let rate = sum as f64 / 1228.0 * 1200.0 / 55.0;
        let mathis = 1200.0 / 0.050 * (1.5f64 / loss).sqrt();
        println!(
            "reno loss {loss}: {:.2} Mbit/s, Mathis {:.2}, ratio {:.2}",
            rate * 8e-6,
            mathis * 8e-6,
            rate / mathis
        );
    }
    for damage in [0.0, 0.01] {
        let path = Path { damage, ..Path::new(100.0, 50) };
        show("reno damage", &transfer(path, reno(), 20 * MB));
        show("bbr damage", &transfer(path, bbr(), 20 * MB));
    }
    let outage = (Instant::from_millis(1000), Instant::from_millis(61_000));
    for c in [bbr(), reno()] {
        let net = transfer(Path { outage, ..Path::new(20.0, 50) }, c, 20 * MB);
        show("outage of a minute", &net);
        println!("silence {:?} done {:?}", net.flows[0].longest_silence, net.flows[0].done);
        println!(
            "   {}",
            net.arrived[0][600..]
                .iter()
                .map(|b| (b * 80 / 1_000_000).to_string())
                .collect::<Vec<_>>()
                .join(" ")
        );
    }
}
#[test]
fn starve() {
    let path = Path::new(20.0, 20);
    let mut net = Net::new(path);
    net.add(bbr(), 500 * MB, Instant::ZERO);
    net.add(bbr(), 500 * MB, Instant::ZERO);
    net.run(Instant::from_millis(16_000));
}
