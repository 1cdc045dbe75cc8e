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
            let path = Path { loss, jitter: Duration::from_millis(jitter), ..Path::new(100.0, 50) };
            show(&format!("100/50 loss {loss} jitter {jitter}"), &transfer(path, bbr(), 20 * MB));
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
