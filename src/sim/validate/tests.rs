//! Every topic passes, and a wrong model of it does not.

use super::*;
use crate::connection::{Config, Congestion};
use crate::impair::{LinkConfig, Loss, Policer, Reorder};
use crate::sim::arq::{Protocol, Settings};
use crate::sim::compare::TowlineStream;
use crate::time::Duration;
use std::fmt::Debug;

/// That some check misses, and which.
#[track_caller]
fn misses<E: Debug>(checks: Result<Vec<Check>, E>) {
    let checks = checks.unwrap();
    let missed: Vec<&Check> = checks.iter().filter(|check| !check.passes()).collect();
    let Some(first) = missed.first() else { panic!("nothing misses: {checks:#?}") };
    let (count, all) = (missed.len(), checks.len());
    println!("{count} of {all} miss: {}: {} for {}", first.name, first.got, first.expected);
}

/// The page that says why the simulator is to be believed.
const PAGE: &str = include_str!("../../../docs/SIMULATOR.md");

#[test]
fn every_topic_passes_and_every_derivation_is_written_down() {
    let mut missed = Vec::new();
    for Topic { name, checks, .. } in TOPICS {
        for check in checks(Depth::Quick) {
            assert!(!check.name.is_empty() && !check.source.is_empty());
            if let Some(title) = check.source.strip_prefix("derived: ") {
                assert!(PAGE.contains(&format!("\n### {title}\n")), "{name}: {title}");
            }
            let Check { name: what, expected, got, tolerance, source } = &check;
            let line = format!("{name}: {what}: {got} for {expected}, {tolerance} ({source})");
            missed.extend((!check.passes()).then_some(line));
        }
    }
    assert!(missed.is_empty(), "{}\n{} missed", missed.join("\n"), missed.len());
}

#[test]
fn names_are_words_that_nobody_confuses() {
    for (n, topic) in TOPICS.iter().enumerate() {
        assert!(topic.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", topic.name);
        assert!(TOPICS[..n].iter().all(|other| other.name != topic.name), "{}", topic.name);
    }
}

const SAMPLES: u64 = 2_000_000;

#[test]
fn losses_a_tenth_too_many_miss() {
    misses(loss::independent(0.01, &Loss::Bernoulli { p: 0.011 }, SAMPLES));
    let model = Loss::Bernoulli { p: 0.33 };
    misses(handshake::failures(0.3, 5, &model, 200_000));
    misses(fec::independent(
        0.05,
        fec::Code { n: 5, k: 4, apart: 1 },
        &Loss::Bernoulli { p: 0.055 },
        SAMPLES,
    ));
    misses(head_of_line::deadline(0.05, 1, &Loss::Bernoulli { p: 0.055 }, 500_000));
}

#[test]
fn bursts_a_fifth_too_short_miss() {
    let model = Loss::Bursts { mean_loss: 0.01, mean_burst: 4.0 };
    misses(loss::bursts(0.01, 5.0, &model, SAMPLES));
    misses(head_of_line::copies_in_bursts(0.01, 5.0, 3, &model, 500_000));
    let asked = loss::Spells { mean_loss: 0.3, bad_ms: 40, every_ms: 10 };
    let mean_bad = Duration::from_millis(32);
    misses(loss::spells(asked, &Loss::TimedBursts { mean_loss: 0.3, mean_bad }, SAMPLES));
    misses(loss::periodic(100, &Loss::Periodic { every: 101, offset: 0 }));
}

#[test]
fn losses_that_should_come_in_bursts_and_do_not_miss() {
    let model = Loss::Bernoulli { p: 0.01 };
    misses(loss::bursts(0.01, 5.0, &model, SAMPLES));
    misses(fec::bursts([0.01, 5.0], fec::Code { n: 5, k: 4, apart: 1 }, &model, SAMPLES));
    misses(fec::bursts([0.01, 5.0], fec::Code { n: 5, k: 4, apart: 20 }, &model, SAMPLES));
    let model = Loss::Bursts { mean_loss: 0.05, mean_burst: 1.5 };
    misses(head_of_line::independent_copies(0.05, 2, &model, 500_000));
}

#[test]
fn chains_with_a_wrong_transition_miss() {
    let model = Loss::GilbertElliott { p: 0.01, r: 0.2, h: 0.25, k: 1.0 };
    misses(chains::gilbert_elliott([0.01, 0.2, 0.3, 1.0], &model, SAMPLES));
    // netem once took 1 - h for h.
    let model = Loss::GilbertElliott { p: 0.01, r: 0.2, h: 0.7, k: 1.0 };
    misses(chains::gilbert_elliott([0.01, 0.2, 0.3, 1.0], &model, SAMPLES));
    let model = Loss::FourState { p13: 0.01, p31: 0.5, p32: 0.1, p23: 0.3, p14: 0.0 };
    misses(chains::four_states([0.01, 0.5, 0.1, 0.3, 0.002], &model, SAMPLES));
}

#[test]
fn a_queue_that_serves_three_percent_slower_misses() {
    let model = LinkConfig { rate_bps: Some(7_760_000), ..queues::plain() };
    misses(queues::serialisation(&model));
    for sizes in [queues::Sizes::Constant, queues::Sizes::Exponential] {
        misses(queues::waits(queues::Poisson { load: 0.8, sizes, arrivals: SAMPLES }, &model));
    }
}

#[test]
fn a_queue_with_a_place_too_many_misses() {
    let model = LinkConfig { capacity_bytes: 6000, ..queues::plain() };
    let sizes = queues::Sizes::Constant;
    misses(queues::blocking(queues::Poisson { load: 0.8, sizes, arrivals: SAMPLES }, 5, &model));
}

#[test]
fn a_policer_of_another_size_misses() {
    let model = |rate_bps, burst_bytes| Policer { rate_bps, burst_bytes };
    misses(policer::constant(model(10_300_000, 15_000)));
    misses(policer::constant(model(10_000_000, 16_500)));
    misses(policer::poisson(0.9, 5, model(12_000_000, 9000), SAMPLES));
}

#[test]
fn a_timeout_twice_as_long_misses() {
    let line = arq::Line { p: 0.1, a: 10 };
    for (protocol, window) in
        [(Protocol::StopAndWait, 1), (Protocol::GoBackN, 127), (Protocol::SelectiveRepeat, 7)]
    {
        let right = line.settings(window);
        let model = Settings { timeout: 2 * right.timeout, ..right };
        misses(arq::column(protocol, window, line, model, 20_000));
    }
    let model = line.settings(6);
    misses(arq::column(Protocol::GoBackN, 7, line, model, 20_000));
}

#[test]
fn a_repair_one_millisecond_late_misses() {
    let steady = head_of_line::Steady { p: 0.01, every: 10, repair: 110 };
    misses(head_of_line::flow(steady, 111, [10, 110, 130], 500_000));
    // Waiting for fewer than one should is wrong too.
    misses(head_of_line::flow(steady, 100, [10, 110, 130], 500_000));
}

#[test]
fn an_index_and_a_crowd_that_are_unfair_miss() {
    let largest =
        |shares: &[f64]| shares.iter().copied().fold(0.0, f64::max) / shares.iter().sum::<f64>();
    misses::<()>(Ok(fairness::examples(largest)));
    // Not the same controller: one that does not heed each loss takes more.
    let bbr = Config { congestion: Congestion::Bbr, ..Config::default() };
    let mut crowd = fairness::crowd(2);
    crowd[1] = TowlineStream::with(bbr);
    misses(fairness::alike(2, &crowd));
}

#[test]
fn worlds_that_break_the_rules_miss() {
    let right = conservation::anything(1);
    let early = LinkConfig { delay: right.jitter, ..right.clone() };
    misses(conservation::books(1, &early, Duration::from_millis(7), 5));
    let reordering =
        LinkConfig { reorder: Reorder { by_jitter: true, ..Reorder::default() }, ..right.clone() };
    misses(conservation::order(&reordering, 5));
    misses(conservation::repeats([1, 2, 2], 2));
    misses(conservation::repeats([1, 1, 1], 2));
    misses(conservation::shipped([1, 2, 3]));
    let without = LinkConfig { duplicate: 0.0, ..right.clone() };
    misses(conservation::independence("duplicates", &right, &without, 2, 1000));
    // Two are off where one should be.
    let without = LinkConfig { truncate: 0.0, ..without };
    misses(conservation::independence("duplicates", &right, &without, 1, 1000));
}
