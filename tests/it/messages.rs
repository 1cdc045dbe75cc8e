//! Messages of every mode over bad networks: each mode keeps its promise, and promises no more.

use crate::net::{START, ensure, for_seeds, path, setting};
use crate::swarm::{link, magnitude, millis};
use crate::talk::{Talk, late_sends, watch};
use std::sync::atomic::{AtomicU64, Ordering};
use towline::connection::{Config, Congestion};
use towline::impair::{LinkConfig, Loss};
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
const PATIENCE: Duration = Duration::from_mins(2);

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
    if delivery == Delivery::Unreliable {
        // Only then does anything of it travel twice.
        it.config.is_repaired = rng.chance(0.7);
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
            channels: (0..=rng.below(3)).map(|_| sending(rng, delivery, largest)).collect(),
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
    fn run(&self, talk: &mut Talk) -> Result<(), String> {
        let is_over = talk.is_over();
        if talk.world.run_until(self.heal_at, &is_over) == Outcome::Deadline {
            talk.world.heal();
        }
        let outcome = talk.world.run_until(self.heal_at + PATIENCE, &is_over);
        if outcome != Outcome::Done {
            let report = talk.hosts().map(|id| format!("{:#?}", talk.node(id)));
            let now = talk.world.now();
            return Err(format!("{outcome:?} at {now}: {}", report.join("\n")));
        }
        let complaints = [talk.complaints(), talk.mismatches([true; 2])].concat();
        ensure!(complaints.is_empty(), "{complaints:#?}");
        for id in talk.hosts() {
            let memory = talk.node(id).endpoint.memory();
            ensure!(memory == 0, "{memory} bytes are still held");
        }
        Ok(())
    }
}

/// Whether so few seeds were asked for that their totals say nothing.
fn are_few() -> bool {
    let count = setting("TOWLINE_MESSAGES_SEEDS").unwrap_or(SEEDS);
    setting("TOWLINE_MESSAGES_SEED").is_some() || count < SEEDS
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
        scenario.run(&mut talk)?;
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
    assert!(
        are_few() || delivered < accepted && delivered * 10 > accepted,
        "{delivered} of {accepted}"
    );
}

#[test]
fn unreliable_comes_at_most_once_and_intact() {
    let (accepted, delivered) = over_bad_networks(Delivery::Unreliable);
    assert!(
        are_few() || delivered < accepted && delivered * 4 > accepted,
        "{delivered} of {accepted}"
    );
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
        scenario.run(&mut talk)?;
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
    assert!(are_few() || checked > 10 * SEEDS && delivered > 0 && missing > SEEDS);
}

/// Every length at which something changes, up to the largest, in every mode and both ways.
#[test]
fn every_length_comes() {
    let max = Config::default().streams.max_message;
    for delivery in MODES {
        for len in [0, 1, 1150, 1151, 1152, 1175, 2400, 65_504, max] {
            let sending =
                Sending { every: Duration::from_secs(2), ..Sending::new(delivery, 3, len..=len) };
            let plan = MessagePlan {
                channels: vec![sending],
                close: Closing::Done(2),
                ..MessagePlan::default()
            };
            // Nothing is lost, not even where the start is too fast.
            let link = LinkConfig { capacity_bytes: u64::MAX, ..path(20, RTT) };
            let links = [link.clone(), link];
            let server = MessagePlan { close: Closing::Never, ..plan.clone() };
            let mut talk = Talk::new(len, &Config::default(), links, plan, server);
            let is_over = talk.is_over();
            let outcome = talk.world.run_until(START + PATIENCE, is_over);
            assert_eq!(outcome, Outcome::Done, "{delivery} {len}");
            assert_eq!([talk.complaints(), talk.mismatches([true; 2])].concat(), [""; 0]);
            for id in talk.hosts() {
                assert_eq!(delivered(talk.conversation(id)), 3, "{delivery} {len}");
            }
        }
    }
}

const STATE: u64 = 200_000;
const STATE_RATE_MBPS: u64 = 20;
const FRAME: Duration = Duration::from_nanos(16_666_667);

/// States of `len` bytes at 60 Hz for `seconds`, then silence; each that arrived, and the number and
/// the time of the last one that was sent.
fn states(seed: u64, len: u64, loss: f64, seconds: u64) -> (Vec<(u64, Instant)>, (u64, Instant)) {
    let count = seconds * 60;
    let sending = Sending { every: FRAME, ..Sending::new(Delivery::Latest, count, len..=len) };
    let sending = Sending { ends: false, ..sending };
    let client = MessagePlan { channels: vec![sending], ..MessagePlan::default() };
    let link = LinkConfig { loss: Loss::Bernoulli { p: loss }, ..path(STATE_RATE_MBPS, RTT) };
    let links = [link.clone(), link];
    let mut talk = Talk::new(seed, &Config::default(), links, client, MessagePlan::default());
    let end = START + Duration::from_secs(seconds) + PATIENCE;
    assert_eq!(talk.world.run_until(end, |_| false), Outcome::Deadline);
    assert_eq!([talk.complaints(), talk.mismatches([true; 2])].concat(), [""; 0]);
    let sender = &talk.conversation(talk.client).senders[0];
    let reader = &talk.conversation(talk.server).readers[&sender.id.expect("open")];
    let arrived = reader.arrived.iter().map(|(number, arrived)| (*number, arrived.at));
    let last = sender.accepted.last().expect("many were sent");
    assert_eq!(sender.accepted.len() as u64, count, "a newer state is always taken");
    (arrived.collect(), (count - 1, last.at))
}

/// The first message of a client is not kept waiting by the proof that its first packets carry, however
/// little room that leaves.
#[test]
fn the_first_message_leaves_at_once() {
    for len in (0..=1300).step_by(50).chain([1156, 1157]) {
        for delivery in MODES {
            let client = MessagePlan {
                channels: vec![Sending::new(delivery, 1, len..=len)],
                ..MessagePlan::default()
            };
            let links = [path(20, RTT), path(20, RTT)];
            let server = MessagePlan::default();
            let mut talk = Talk::new(len, &Config::default(), links, client, server);
            // There, back and there again, and what two packets take on the way.
            let due = START + RTT * 3 / 2 + Duration::from_millis(3);
            assert_eq!(talk.world.run_until(due, |_| false), Outcome::Deadline);
            assert_eq!(delivered(talk.conversation(talk.server)), 1, "{delivery}, {len} bytes");
        }
    }
}

/// The time of a state on the bottleneck, headers included.
fn serialized(len: u64) -> Duration {
    let packets = len.div_ceil(1150);
    Duration::from_secs_f64((len + packets * 78) as f64 * 8.0 / (STATE_RATE_MBPS as f64 * 1e6))
}

/// How many rounds of retransmission follow the first flight of `packets` on average: the k-th is
/// needed if any of them was lost k times.
fn extra_rounds(packets: u64, loss: f64) -> f64 {
    (1..30).map(|k| 1.0 - (1.0 - loss.powi(k)).powf(packets as f64)).sum()
}

/// A state is ten times what fits between two of them, on a path that loses one packet in twenty: each
/// one loses something, and they keep coming.
#[test]
fn large_states_keep_arriving() {
    for loss in [0.0, 0.05] {
        // One after the other: its flight, a round trip until that is known, and for each round of
        // retransmission as long again, or twice where the last packets are missing and a timer has to
        // notice. One such round is the controller's: it asks the queue for more and loses something.
        let rounds = extra_rounds(STATE.div_ceil(1150), loss).max(1.0);
        let cycle = serialized(STATE).mul_f64(1.0 / (1.0 - loss)) + RTT + (RTT * 2).mul_f64(rounds);
        let floor = 1.0 / cycle.as_secs_f64();
        for seed in 1..=5 {
            let (arrived, (newest, _)) = states(seed, STATE, loss, 20);
            let rate = arrived.len() as f64 / 20.0;
            let times = arrived.iter().map(|(_, at)| *at).collect::<Vec<_>>();
            let pauses = times.windows(2).map(|two| two[1].saturating_since(two[0]));
            let longest = pauses.max().expect("many arrived");
            println!(
                "loss {loss}: {rate:.2} a second, at least {floor:.2}; longest pause {longest:?}"
            );
            assert!(rate >= floor, "loss {loss}: {rate:.2} a second, not {floor:.2}");
            assert!(longest <= cycle * 5, "loss {loss}: a pause of {longest:?}");
            assert_eq!(arrived.last().map(|(number, _)| *number), Some(newest));
        }
    }
}

/// Once the sender pauses, its last state is there after what is under way, and its own time.
#[test]
fn the_newest_arrives_when_the_sender_pauses() {
    const SLACK: Duration = Duration::from_millis(2);
    for len in [0, 100, 1000, 5000, STATE] {
        let (arrived, (newest, sent_at)) = states(1, len, 0.0, 3);
        let (number, at) = *arrived.last().expect("many arrived");
        assert_eq!(number, newest, "{len} bytes");
        let took = at.saturating_since(sent_at);
        let is_whole = len <= 1000;
        let one = serialized(len);
        // A long one may lose something in the queue, of which the controller asks too much.
        let repair = if is_whole { Duration::ZERO } else { RTT };
        let before = if is_whole { Duration::ZERO } else { one + repair + RTT };
        let bound = before + one + repair + RTT / 2 + SLACK;
        println!("{len} bytes: the last state took {took:?}, at most {bound:?}");
        assert!(took <= bound, "{len} bytes: {took:?}, not {bound:?}");
        if is_whole {
            assert_eq!(arrived.len(), 180, "{len} bytes: none is replaced that fits a packet");
        }
    }
}

/// Both sides close in the middle of everything, or as soon as all is accepted: what is said of the
/// messages is true.
#[test]
fn a_close_says_what_became_of_the_messages() {
    let totals = [const { AtomicU64::new(0) }; 4];
    for_seeds("messages", SEEDS, |seed| {
        let delivery = MODES[(seed % 4) as usize];
        let rng = &mut Rng::from_u64(seed ^ 0xc105e);
        let mut scenario = Scenario::random(seed, delivery).each(|sending| {
            // What does not fit a packet may be known to have arrived and be dropped all the same.
            if delivery == Delivery::Unreliable {
                sending.sizes = 0..=100;
            }
            sending.ends = false;
        });
        scenario.config.streams.max_channels = 100;
        let is_patient = rng.chance(0.5);
        scenario.plans[0].reading = Reading::Always;
        scenario.plans[1].reading = Reading::Always;
        scenario.plans[0].close = if is_patient {
            Closing::Written(PATIENCE)
        } else {
            Closing::At(START + millis(rng, 0, 3000), millis(rng, 0, 300))
        };
        let mut talk = scenario.start(seed);
        let is_over = talk.is_over();
        if talk.world.run_until(scenario.heal_at, &is_over) == Outcome::Deadline {
            talk.world.heal();
        }
        let outcome = talk.world.run_until(scenario.heal_at + PATIENCE * 2, &is_over);
        let stuck = || talk.hosts().map(|id| format!("{:?}", talk.node(id).endpoint));
        ensure!(outcome == Outcome::Done, "{outcome:?} {:#?}", stuck());
        let complaints = [talk.complaints(), talk.mismatches([is_patient, false])].concat();
        ensure!(complaints.is_empty(), "patient {is_patient}: {complaints:#?}");
        let nobody = talk.node(talk.server).app.conversations.is_empty();
        if nobody {
            // Closed before the server knew of it.
            return Ok(());
        }
        for (this, that) in [(talk.client, talk.server), (talk.server, talk.client)] {
            let (this, that) = (talk.conversation(this), talk.conversation(that));
            let it = this.ended.as_ref().map(|ended| ended.outcome.messages).unwrap_or_default();
            let all = it.acknowledged + it.in_doubt + it.unsent + it.abandoned;
            ensure!(all == accepted(this), "{it:?} of {}", accepted(this));
            let (got, lost) = (delivered(that), that.counted.dropped);
            let most = it.acknowledged + it.in_doubt + it.abandoned;
            ensure!(got <= most, "{got} were delivered: {it:?}");
            // Elsewhere the peer may have it and not give it: behind a gap, or behind a newer one.
            if [Delivery::Unordered, Delivery::Unreliable].contains(&delivery) {
                ensure!(got + lost >= it.acknowledged, "{got} were delivered: {it:?}");
            }
            if is_patient && this.side == towline::wire::Side::Client {
                ensure!((it.in_doubt, it.unsent) == (0, 0), "after a patient close: {it:?}");
            }
            let figures = [it.acknowledged, it.in_doubt, it.unsent, it.abandoned];
            for (total, n) in totals.iter().zip(figures) {
                total.fetch_add(n, Ordering::Relaxed);
            }
        }
        Ok(())
    });
    let [acknowledged, in_doubt, unsent, abandoned] = totals.map(AtomicU64::into_inner);
    println!(
        "{acknowledged} acknowledged, {in_doubt} in doubt, {unsent} unsent, {abandoned} given up"
    );
    assert!(
        are_few()
            || acknowledged > SEEDS && in_doubt > SEEDS && unsent > SEEDS && abandoned > SEEDS
    );
}
