//! Messages of every mode over bad networks: each mode keeps its promise, and promises no more.

use crate::net::{START, ensure, for_seeds};
use crate::swarm::{link, magnitude, millis};
use crate::talk::{Talk, late_sends, watch};
use std::sync::atomic::{AtomicU64, Ordering};
use towline::connection::{Config, Congestion};
use towline::impair::LinkConfig;
use towline::rng::Rng;
use towline::sim::{Closing, Conversation, MessagePlan, Outcome, Reading, Sending};
use towline::stream::{Delivery, MESSAGE_COST, Pattern};
use towline::time::{Duration, Instant};
use towline::wire::Mode;

const RTT: Duration = Duration::from_millis(50);
/// Seeds of each test, unless `TOWLINE_MESSAGES_SEEDS` says otherwise.
const SEEDS: u64 = 200;
/// After a network is well again everything is over within this time: the longest back-off of probes
/// is a second, and there is little to send.
const PATIENCE: Duration = Duration::from_secs(120);

const MODES: [Delivery; 4] =
    [Delivery::Ordered, Delivery::Unordered, Delivery::Latest, Delivery::Unreliable];

/// Both sides' plans, and how many channels there are when all are open.
struct Scenario {
    config: Config,
    links: [LinkConfig; 2],
    plans: [MessagePlan; 2],
    heal_at: Instant,
}

fn sending(rng: &mut Rng, delivery: Delivery, largest: u64) -> Sending {
    let longest = magnitude(rng, 1.0, largest as f64);
    let mut it = Sending::new(delivery, 1 + rng.below(60), rng.below(longest + 1)..=longest);
    if rng.chance(0.6) {
        it.every = millis(rng, 1, 60);
    }
    it.config.queue_bytes = magnitude(rng, 1.0, 1e6);
    if delivery == Delivery::Latest {
        it.keys = rng.below(6);
    }
    it
}

fn config(rng: &mut Rng) -> Config {
    let mut config = Config::default();
    if rng.chance(0.3) {
        config.congestion = Congestion::NewReno;
    }
    config.streams.max_message = magnitude(rng, 100.0, 1e5);
    if rng.chance(0.5) {
        let window = 2 * (config.streams.max_message + MESSAGE_COST);
        config.streams.recv_window = window;
        config.streams.conn_recv_window = window;
        config.streams.max_recv_window = window;
    }
    config.streams.max_partial = 1 + rng.below(16);
    config.streams.max_channels = 1 + rng.below(4);
    if rng.chance(0.2) {
        config.max_payload = 1200 + rng.below(8000) as usize;
    }
    config.connect_timeout = Duration::from_secs(90);
    config
}

impl Scenario {
    /// A bad network that is well again after at most 10 s, and both sides that send with this
    /// delivery until all is delivered.
    fn random(seed: u64, delivery: Delivery) -> Self {
        let rng = &mut Rng::from_u64(seed ^ (0x3e55 + delivery as u64));
        let heal_at = START + millis(rng, 0, 10_000);
        let links = [link(rng, heal_at), link(rng, heal_at)];
        let config = config(rng);
        let largest = config.streams.max_message;
        let has_urgent = delivery == Delivery::Unordered && rng.chance(0.5);
        let has_answer = rng.chance(0.3);
        let repair =
            [Pattern::OFF, Pattern::HALF, Pattern::FULL, Pattern::HEAVY][rng.below(4) as usize];
        let mut plan = |seed| MessagePlan {
            seed,
            channels: (0..1 + rng.below(3)).map(|_| sending(rng, delivery, largest)).collect(),
            urgent: has_urgent.then(|| sending(rng, delivery, largest.min(65_504))),
            answer: has_answer.then(|| sending(rng, delivery, largest)),
            reading: match rng.below(4) {
                0 => Reading::Pausing(1 + rng.below(20), millis(rng, 1, 500)),
                _ => Reading::Always,
            },
            repair,
            ..MessagePlan::default()
        };
        let plans = [plan(seed * 2), plan(seed * 2 + 1)];
        Self { config, links, plans, heal_at }
    }

    /// Changes what is sent on all channels.
    fn each(mut self, mut change: impl FnMut(&mut Sending)) -> Self {
        for plan in &mut self.plans {
            let all = plan.channels.iter_mut().chain(&mut plan.urgent).chain(&mut plan.answer);
            all.for_each(&mut change);
        }
        self
    }

    fn start(&self, seed: u64) -> Talk {
        let [mut client, server] = self.plans.clone();
        let urgent = usize::from(client.urgent.is_some());
        if client.close == Closing::Never {
            client.close = Closing::Done(client.channels.len() + server.channels.len() + urgent);
        }
        Talk::new(seed, &self.config, self.links.clone(), client, server)
    }

    /// Runs it to its end: nothing is left, and both sides agree on what was said.
    fn run(&self, seed: u64, talk: &mut Talk) -> Result<(), String> {
        let is_over = talk.is_over();
        if talk.world.run_until(self.heal_at, &is_over) == Outcome::Deadline {
            talk.world.heal();
        }
        let outcome = talk.world.run_until(self.heal_at + PATIENCE, &is_over);
        if outcome != Outcome::Done {
            let mut report = format!("seed {seed}: {outcome:?} at {}", talk.world.now());
            for id in talk.hosts() {
                for (_, connection) in talk.node(id).endpoint.connections() {
                    report += &format!("\n{connection:#?}");
                }
                report += &format!("\n{:?}", talk.node(id).app);
            }
            return Err(report);
        }
        let complaints = [talk.complaints(), talk.mismatches(true)].concat();
        ensure!(complaints.is_empty(), "{complaints:#?}");
        for id in talk.hosts() {
            let memory = talk.node(id).endpoint.memory();
            ensure!(memory == 0, "{memory} bytes are still held");
        }
        Ok(())
    }
}

fn delivered(it: &Conversation) -> u64 {
    it.readers.values().map(|reader| reader.arrived.len() as u64).sum()
}

fn missing(it: &Conversation) -> u64 {
    it.readers.values().map(|reader| reader.missing).sum()
}

fn accepted(it: &Conversation) -> u64 {
    it.senders.iter().map(|sender| sender.accepted.len() as u64).sum()
}

/// Both sides over one bad network per seed; returns what was accepted and delivered in all.
fn over_bad_networks(delivery: Delivery) -> (u64, u64) {
    let totals = [AtomicU64::new(0), AtomicU64::new(0)];
    for_seeds("messages", SEEDS, |seed| {
        let scenario = Scenario::random(seed, delivery);
        let mut talk = scenario.start(seed);
        scenario.run(seed, &mut talk)?;
        for (this, that) in [(talk.client, talk.server), (talk.server, talk.client)] {
            let (this, that) = (talk.conversation(this), talk.conversation(that));
            let (sent, got) = (accepted(this), delivered(that));
            if delivery.mode().is_some_and(Mode::is_reliable) {
                ensure!(sent == got && missing(that) == 0, "{got} of {sent}");
            }
            totals[0].fetch_add(sent, Ordering::Relaxed);
            totals[1].fetch_add(got, Ordering::Relaxed);
        }
        let ended = talk.conversation(talk.client).ended.as_ref().expect("over");
        let messages = ended.outcome.messages;
        let sent = accepted(talk.conversation(talk.client));
        let settled = messages.acknowledged + messages.abandoned;
        ensure!(settled == sent, "{messages:?} of {sent}");
        ensure!((messages.in_doubt, messages.unsent) == (0, 0), "{messages:?}");
        Ok(())
    });
    let [accepted, delivered] = totals.map(AtomicU64::into_inner);
    println!("{delivery}: {delivered} of {accepted} delivered");
    (accepted, delivered)
}

#[test]
fn ordered_comes_once_and_in_order() {
    over_bad_networks(Delivery::Ordered);
}

#[test]
fn unordered_comes_once() {
    over_bad_networks(Delivery::Unordered);
}

#[test]
fn latest_never_goes_back_and_ends_with_the_newest() {
    let (accepted, delivered) = over_bad_networks(Delivery::Latest);
    assert!(delivered < accepted && delivered * 10 > accepted, "{delivered} of {accepted}");
}

#[test]
fn unreliable_comes_at_most_once_and_intact() {
    let (accepted, delivered) = over_bad_networks(Delivery::Unreliable);
    assert!(delivered < accepted && delivered * 4 > accepted, "{delivered} of {accepted}");
}

/// Whatever becomes of a message with a deadline, nothing of it leaves afterwards; on reliable channels
/// what did not come is reported, and everything else comes.
#[test]
fn nothing_is_sent_after_its_deadline_and_gaps_add_up() {
    let totals = [const { AtomicU64::new(0) }; 3];
    for_seeds("messages", SEEDS, |seed| {
        let delivery = MODES[(seed % 4) as usize];
        let rng = &mut Rng::from_u64(seed ^ 0xdead);
        let scenario = Scenario::random(seed, delivery).each(|sending| {
            sending.deadline = rng.chance(0.8).then(|| millis(rng, 0, 1500));
            sending.max_retransmits = rng.chance(0.3).then(|| rng.below(4) as u32);
            sending.cancels = if rng.chance(0.3) { 0.2 } else { 0.0 };
            if rng.chance(0.3) {
                sending.config.max_queue_delay = Some(millis(rng, 0, 400));
            }
        });
        let mut talk = scenario.start(seed);
        let sightings = watch(&mut talk.world);
        scenario.run(seed, &mut talk)?;
        let (late, checked) = late_sends(&talk, &sightings);
        ensure!(late.is_empty(), "sent too late: {late:#?}");
        totals[0].fetch_add(checked, Ordering::Relaxed);
        for id in talk.hosts() {
            totals[1].fetch_add(delivered(talk.conversation(id)), Ordering::Relaxed);
            totals[2].fetch_add(missing(talk.conversation(id)), Ordering::Relaxed);
        }
        Ok(())
    });
    let [checked, delivered, missing] = totals.map(AtomicU64::into_inner);
    println!("{checked} with a deadline were sent, {delivered} delivered, {missing} missing");
    assert!(checked > 10 * SEEDS && delivered > 0 && missing > SEEDS);
}
