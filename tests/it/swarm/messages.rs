//! Messages through windows in which two of them just fit, over networks that lose a third of what is
//! sent: nothing waits for itself. When the network is well, everything is settled soon, and both ends
//! count the same credit.

use super::{for_swarm, magnitude, millis};
use crate::net::START;
use crate::talk::Talk;
use towline::connection::{Config, Congestion};
use towline::impair::{LinkConfig, Loss};
use towline::rng::Rng;
use towline::sim::{Beside, MessagePlan, MessageReader, Outcome, Reading, Sending};
use towline::stream::{CreditUse, Delivery, MESSAGE_COST, Overflow, Pattern, Priority};
use towline::time::{Duration, Instant};

/// From the network's recovery to rest. The longest chain of messages that wait for each other is much
/// shorter.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is asked whether all is settled.
const LOOK: Duration = Duration::from_millis(100);

struct Scenario {
    config: Config,
    links: [LinkConfig; 2],
    plans: [MessagePlan; 2],
    heal_at: Instant,
}

fn link(rng: &mut Rng) -> LinkConfig {
    let mut link = LinkConfig { delay: millis(rng, 0, 30), ..LinkConfig::default() };
    link.jitter = link.delay.mul_f64(rng.unit() * 0.5);
    link.reorder.by_jitter = rng.chance(0.5);
    if rng.chance(0.3) {
        link.rate_bps = Some(magnitude(rng, 1e7, 1e8));
        link.capacity_bytes = magnitude(rng, 10_000.0, 1e6);
    }
    link.duplicate = if rng.chance(0.3) { 0.2 } else { 0.0 };
    link.loss = match rng.below(3) {
        0 => Loss::Bursts { mean_loss: 0.3, mean_burst: 1.5 + rng.unit() * 4.0 },
        1 => Loss::Bernoulli { p: rng.unit() * 0.3 },
        _ => Loss::Bernoulli { p: 0.3 },
    };
    link
}

fn config(rng: &mut Rng) -> Config {
    let mut config = Config::default();
    if rng.chance(0.5) {
        config.congestion = Congestion::NewReno;
    }
    let streams = &mut config.streams;
    // Up to three times the first congestion window.
    streams.max_message = magnitude(rng, 1.0, 120_000.0).max(1);
    let window = 2 * (streams.max_message + MESSAGE_COST);
    streams.recv_window = window;
    streams.conn_recv_window = window;
    streams.max_recv_window = window;
    streams.max_partial = 1 + rng.below(4);
    streams.max_channels = 1 + rng.below(6);
    // Stream 0 is one of them.
    streams.max_streams = 2 + rng.below(3);
    if rng.chance(0.3) {
        streams.max_send_buffer = magnitude(rng, 2000.0, 200_000.0);
    }
    config.connect_timeout = Duration::from_secs(90);
    config
}

fn sending(rng: &mut Rng, largest: u64) -> Sending {
    let delivery = [
        Delivery::Ordered,
        Delivery::Ordered,
        Delivery::Unordered,
        Delivery::Unordered,
        Delivery::Latest,
        Delivery::Unreliable,
    ][rng.below(6) as usize];
    let shortest = if rng.chance(0.3) { largest } else { rng.below(largest + 1) };
    let mut it = Sending::new(delivery, 1 + rng.below(12), shortest..=largest);
    it.every = millis(rng, 0, 60);
    it.keys = rng.below(4);
    it.deadline = rng.chance(0.3).then(|| millis(rng, 0, 2000));
    it.max_retransmits = rng.chance(0.2).then(|| rng.below(4) as u32);
    it.cancels = if rng.chance(0.3) { rng.unit() * 0.5 } else { 0.0 };
    it.config.queue_bytes = magnitude(rng, 1.0, 1e6);
    it.config.priority = Priority { level: rng.below(8) as u8, weight: 1 + rng.below(255) as u8 };
    it.config.overflow = [
        Overflow::Block,
        Overflow::Block,
        Overflow::Reject,
        Overflow::DropOldest,
        Overflow::DropNewest,
    ][rng.below(5) as usize];
    if rng.chance(0.2) {
        it.config.max_queue_delay = Some(millis(rng, 0, 1000));
    }
    it
}

fn plan(rng: &mut Rng, seed: u64, largest: u64) -> MessagePlan {
    let beside = |rng: &mut Rng| Beside {
        bytes: magnitude(rng, 1.0, (10.0 * largest as f64 + 2.0).min(1e5)),
        resets: rng.chance(0.5),
    };
    MessagePlan {
        seed,
        channels: (0..rng.below(4)).map(|_| sending(rng, largest)).collect(),
        urgent: rng.chance(0.3).then(|| sending(rng, largest.min(65_504))),
        answer: rng.chance(0.3).then(|| sending(rng, largest)),
        streams: (0..rng.below(3)).map(|_| beside(rng)).collect(),
        reading: match rng.below(6) {
            0 | 1 => Reading::Pausing(1 + rng.below(10), millis(rng, 1, 200)),
            2 => Reading::Stopping(1 + rng.below(6)),
            _ => Reading::Always,
        },
        repair: [Pattern::OFF, Pattern::FULL, Pattern::HEAVY][rng.below(3) as usize],
        ..MessagePlan::default()
    }
}

impl Scenario {
    fn random(seed: u64) -> Self {
        let rng = &mut Rng::from_u64(seed ^ 0xdead_10c5);
        let heal_at = START + millis(rng, 0, 3000);
        let links = [link(rng), link(rng)];
        let config = config(rng);
        let largest = config.streams.max_message;
        let plans = [0, 1].map(|side| plan(rng, seed * 2 + side, largest));
        Self { config, links, plans, heal_at }
    }
}

/// What is not settled, on either side and between them.
fn unsettled(talk: &mut Talk) -> Vec<String> {
    let mut found = Vec::new();
    if talk.hosts().iter().any(|id| talk.node(*id).app.conversations.is_empty()) {
        return vec!["no connection".to_owned()];
    }
    let mut credits = Vec::new();
    for id in talk.hosts() {
        let it = talk.conversation(id);
        if !it.is_sent() {
            found.push(format!("{id:?} has more to send"));
        }
        if it.readers.values().any(MessageReader::is_readable) {
            found.push(format!("{id:?} has more to read"));
        }
        let channels: Vec<_> = talk.conversation(id).readers.keys().copied().collect();
        let streams = talk.streams(id);
        if !streams.is_all_acknowledged() || streams.wants_to_send() {
            found.push(format!("{id:?} has not delivered all"));
        }
        let each = channels.into_iter().map(|id| (id, streams.channel_credit(id)));
        credits.push((streams.credit(), each.collect::<Vec<_>>()));
    }
    let is_even = |a: &CreditUse, b: &CreditUse| {
        [(a, b), (b, a)].iter().all(|(a, b)| (a.sent, a.sent) == (b.received, b.returned))
    };
    if !is_even(&credits[0].0, &credits[1].0) {
        found.push(format!("credit: {:?}, {:?}", credits[0].0, credits[1].0));
    }
    for (channel, a) in &credits[0].1 {
        let other = credits[1].1.iter().find(|(id, _)| id == channel).and_then(|(_, b)| *b);
        let both = a.unwrap_or_default();
        // Once a channel is over for one of them, its credit is told no more.
        if let (Some(_), Some(b)) = (a, other)
            && !is_even(&both, &b)
        {
            found.push(format!("credit of channel {channel}: {both:?}, {b:?}"));
        }
    }
    found
}

fn run(seed: u64) -> Result<u64, String> {
    let scenario = Scenario::random(seed);
    let [client, server] = scenario.plans.clone();
    let mut talk = Talk::new(seed, &scenario.config, scenario.links.clone(), client, server);
    let _ = talk.world.run_until(scenario.heal_at, |_| false);
    talk.world.heal();
    let mut left = vec!["all".to_owned()];
    let mut at = scenario.heal_at;
    while at < scenario.heal_at + PATIENCE && !left.is_empty() {
        at += LOOK;
        if let Outcome::Livelock { host } = talk.world.run_until(at, |_| false) {
            return Err(format!("{host:?} does not come to rest at {at}"));
        }
        left = unsettled(&mut talk);
    }
    if !left.is_empty() {
        let nodes = talk.hosts().map(|id| format!("{:#?}", talk.node(id)));
        return Err(format!("not settled at {at}: {left:#?}\n{}", nodes.join("\n")));
    }
    let complaints = [talk.complaints(), talk.mismatches([true; 2])].concat();
    if !complaints.is_empty() {
        return Err(format!("{complaints:#?}"));
    }
    let now = talk.world.now();
    let handle = talk.conversation(talk.client).handle;
    let endpoint = &mut talk.world.host_mut(talk.client).endpoint;
    let connection = endpoint.connection_mut(handle).expect("not forgotten");
    connection.close(now, 0, b"", Duration::from_secs(5));
    let is_over = talk.is_over();
    let outcome = talk.world.run_until(now + PATIENCE, is_over);
    let memory = talk.hosts().map(|id| talk.node(id).endpoint.memory());
    let faults = talk.complaints();
    if outcome != Outcome::Done || memory != [0, 0] || !faults.is_empty() {
        return Err(format!("closing: {outcome:?}, {memory:?} bytes are held, {faults:?}"));
    }
    Ok(talk.world.trace_hash())
}

#[test]
fn messages_never_wait_for_each_other_for_ever() {
    for_swarm("swarm::messages", run);
}
