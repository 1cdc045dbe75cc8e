use super::*;
use crate::impair::Loss;
use std::collections::BTreeMap;

fn path(loss: f64) -> LinkConfig {
    let loss = Loss::Bernoulli { p: loss };
    LinkConfig { loss, ..LinkConfig::bottleneck(2_000_000, Duration::from_millis(40)) }
}

/// A shop that takes orders and must take each once.
#[derive(Debug, Default)]
struct Shop {
    orders: BTreeMap<u32, u32>,
    opened: u32,
}

impl Handler for Shop {
    fn on_open(&mut self, _: &mut Context<'_>, _: Line) {
        self.opened += 1;
    }

    fn on_message(&mut self, context: &mut Context<'_>, line: Line, message: &[u8]) {
        let number = u32::from_be_bytes(message.try_into().unwrap());
        *self.orders.entry(number).or_default() += 1;
        context.send(line, message);
    }
}

#[test]
fn every_order_arrives_once_and_is_confirmed_in_order() {
    let mut lab = Lab::new(1, path(0.1)).unwrap();
    let shop = lab.host(Shop::default());
    let customers = [(); 3].map(|()| lab.host(Inbox::default()));
    for (n, customer) in (0..).zip(customers) {
        let line = lab.open(customer, shop, Delivery::Ordered).unwrap();
        for order in 0..50 {
            lab.send(customer, line, &u32::to_be_bytes(1000 * n + order));
        }
    }
    let confirmed = |lab: &Lab, host| lab.handler::<Inbox>(host).unwrap().0.len();
    let all = move |lab: &Lab| customers.iter().all(|host| confirmed(lab, *host) == 50);
    assert!(lab.run_until(Duration::from_secs(30), all));
    let shop = lab.handler::<Shop>(shop).unwrap();
    assert_eq!((shop.opened, shop.orders.len()), (3, 150));
    assert!(shop.orders.values().all(|times| *times == 1));
    let second = &lab.handler::<Inbox>(customers[1]).unwrap().0;
    assert!(second.is_sorted() && second[0] == 1000_u32.to_be_bytes());
    assert!(lab.handler::<Shop>(customers[0]).is_none());
    assert_eq!(lab.faults(), Vec::<String>::new());
}

/// Sends a number every 20 ms, and waits for none.
struct Ticker {
    line: Option<Line>,
    peer: SocketAddr,
    next: u32,
}

impl Handler for Ticker {
    fn on_message(&mut self, _: &mut Context<'_>, _: Line, _: &[u8]) {}

    fn on_timer(&mut self, context: &mut Context<'_>) {
        let config = ChannelConfig::new(Delivery::Unreliable);
        let line = *self.line.get_or_insert_with(|| context.open(self.peer, &config).unwrap());
        context.send(line, &self.next.to_be_bytes());
        self.next += 1;
        context.wake_at(context.now() + Duration::from_millis(20));
    }
}

#[test]
fn timers_tick_in_virtual_time_and_the_seed_decides_all() {
    let run = |seed| {
        let mut lab = Lab::new(seed, path(0.05)).unwrap();
        let inbox = lab.host(Inbox::default());
        let peer = lab.address(inbox);
        let ticker = lab.host(Ticker { line: None, peer, next: 0 });
        lab.with(ticker, |context| context.wake_at(Instant::from_millis(1000)));
        lab.run_for(Duration::from_secs(61));
        assert_eq!(lab.now(), Instant::from_millis(61_000));
        assert_eq!(lab.handler::<Ticker>(ticker).unwrap().next, 3001);
        (lab.world().trace_hash(), lab.handler::<Inbox>(inbox).unwrap().clone())
    };
    let (first, again, other) = (run(1), run(1), run(2));
    assert_eq!(first, again);
    assert_ne!(first.0, other.0);
    assert!((2700..=3001).contains(&first.1.0.len()), "{}", first.1.0.len());
}

#[test]
fn handlers_hear_of_the_end_and_of_what_was_refused() {
    #[derive(Default)]
    struct Mourner(Vec<SocketAddr>);
    impl Handler for Mourner {
        fn on_message(&mut self, _: &mut Context<'_>, _: Line, _: &[u8]) {}
        fn on_end(&mut self, _: &mut Context<'_>, peer: SocketAddr, _: &Ended) {
            self.0.push(peer);
        }
    }
    let mut lab = Lab::new(3, path(0.0)).unwrap();
    let (mourner, other) = (lab.host(Mourner::default()), lab.host(Inbox::default()));
    let line = lab.open(mourner, other, Delivery::Ordered).unwrap();
    lab.send(mourner, line, b"hello");
    lab.send(mourner, line, &vec![0; 2 << 20]);
    lab.run_for(Duration::from_secs(1));
    assert_eq!(lab.handler::<Inbox>(other).unwrap().0, [b"hello".to_vec()]);
    assert_eq!(lab.with(mourner, |context| context.refused()), 1);
    let peer = lab.address(other);
    lab.set_path(mourner, other, [path(1.0), path(1.0)]).unwrap();
    lab.send(mourner, line, b"anybody?");
    let mourns = move |lab: &Lab| lab.handler::<Mourner>(mourner).unwrap().0 == [peer];
    assert!(lab.run_until(Duration::from_mins(10), mourns));
    assert!(matches!(lab.open(mourner, other, Delivery::Stream), Err(OpenError::IsStream)));
}
