//! The four senders deliver whatever is dropped, and each repairs losses as its book says.

use super::{Config, Network, Trace, Variant, run};
use crate::time::{Duration, Instant};
use proptest::prelude::*;
use std::collections::BTreeSet;

const ALL: [Variant; 4] = [Variant::Tahoe, Variant::Reno, Variant::NewReno, Variant::Sack];

/// Eighty segments at the default settings, with so much time that all arrive.
fn transfer(config: Config, drops: &[u32]) -> Trace {
    let config = Config { segments: 80, ..config };
    let network = Network { drops: drops.iter().copied().collect(), ..Network::default() };
    run(config, &network, Instant::ZERO, Instant::from_millis(10_000_000)).unwrap()
}

/// Sequence numbers that were sent again.
fn again(trace: &Trace) -> Vec<u32> {
    trace.retransmissions().map(|sent| sent.number).collect()
}

#[test]
fn each_variant_repairs_three_losses_in_its_own_way() {
    for (variant, numbers, timeouts, smallest_window) in [
        // Starts again after each loss, and repeats what had arrived.
        (Variant::Tahoe, &[14, 26, 27, 28][..], 0, 1.0),
        // One loss by fast retransmit; the others wait for the timer.
        (Variant::Reno, &[14, 26, 28, 29], 1, 1.0),
        // One loss a round trip, with half the window.
        (Variant::NewReno, &[14, 26, 28], 0, 7.0),
        (Variant::Sack, &[14, 26, 28], 0, 7.0),
    ] {
        let trace = transfer(Config { variant, ..Config::default() }, &[14, 26, 28]);
        assert_eq!(again(&trace), numbers, "{variant:?}");
        assert_eq!(trace.timeouts, timeouts, "{variant:?}");
        let lost_at = trace.retransmissions().next().unwrap().at;
        let windows = trace.windows.iter().filter(|(at, _)| *at >= lost_at).map(|(_, cwnd)| *cwnd);
        let smallest = windows.fold(f64::MAX, f64::min);
        assert!((smallest - smallest_window).abs() < 1e-9, "{variant:?}: {smallest}");
    }
}

#[test]
fn without_losses_all_are_one_and_double_in_every_round() {
    let [tahoe, others @ ..] = ALL.map(|variant| {
        let config = Config { variant, segments: 30, ..Config::default() };
        run(config, &Network::default(), Instant::ZERO, Instant::MAX).unwrap()
    });
    assert_eq!((tahoe.retransmissions().count(), tahoe.timeouts), (0, 0));
    assert!(others.iter().all(|trace| *trace == tahoe));
    // 0.04 + 0.4 + 100 ms there and back for the SYN; 1.04 + 10.4 + 100 and 0.4 + 0.04 + 100 ms for
    // the first of a round's segments, whose last follows 10.4 ms apart.
    let syn = Instant::from_nanos(200_880_000);
    let round = Duration::from_micros(211_880);
    for (rounds, number) in [(0, 1), (1, 3), (2, 7), (3, 15)] {
        assert_eq!(tahoe.first_sent(number), Some(syn + rounds * round), "{number}");
    }
    let end = syn + 4 * round + 15 * Duration::from_micros(10_400);
    assert_eq!(tahoe.acknowledgements.last(), Some(&(end, 30)));
}

#[test]
fn a_lost_syn_waits_for_the_first_timeout_and_allows_one_segment() {
    for variant in ALL {
        let trace = transfer(Config { variant, ..Config::default() }, &[0]);
        let sent: Vec<_> = trace.sent.iter().map(|sent| (sent.at, sent.number)).take(3).collect();
        let syn = Instant::from_millis(6000);
        let first = syn + Duration::from_micros(200_880);
        assert_eq!(sent[..2], [(Instant::ZERO, 0), (syn, 0)], "{variant:?}");
        assert_eq!(sent[2], (first, 1), "{variant:?}");
        assert!(trace.first_sent(2) > Some(first), "{variant:?}");
        assert_eq!((trace.timeouts, trace.acknowledged()), (1, 80), "{variant:?}");
    }
}

#[test]
fn a_rate_of_zero_is_an_error() {
    for network in [
        Network { access_bps: 0, ..Network::default() },
        Network { bottleneck_bps: 0, ..Network::default() },
    ] {
        assert!(run(Config::default(), &network, Instant::ZERO, Instant::MAX).is_err());
    }
}

#[test]
fn settings_out_of_range_neither_hang_nor_panic() {
    let right = Config { segments: 3, ..Config::default() };
    for config in [
        Config { window: 0, initial_cwnd: 0, ..right },
        Config { header_bytes: 0, payload_bytes: 0, ..right },
        Config { dupack_threshold: 0, decrease: f64::NAN, ..right },
        Config { initial_rto: Duration::ZERO, min_rto: Duration::ZERO, ..right },
        Config { tick: Duration::ZERO, ..right },
        Config { segments: 0, ..right },
    ] {
        let end = Instant::from_millis(10_000);
        let trace = run(config, &Network::default(), Instant::ZERO, end).unwrap();
        assert_eq!(trace.acknowledged(), config.segments, "{config:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_loss_is_repaired_and_no_window_is_exceeded(
        variant in prop::sample::select(&ALL[..]),
        drops in prop::collection::btree_set(0u32..=80, 0..40),
        window in 1u32..40,
    ) {
        let drops: Vec<_> = drops.into_iter().collect();
        let trace = transfer(Config { variant, window, ..Config::default() }, &drops);
        prop_assert_eq!(trace.acknowledged(), 80);
        let again: BTreeSet<_> = again(&trace).into_iter().collect();
        prop_assert!(drops.iter().all(|number| again.contains(number)), "{:?} of {:?}", again, drops);
        // What is sent is never further than the window above the last acknowledgement.
        let mut acknowledgements = trace.acknowledgements.iter().peekable();
        let mut acknowledged = 0;
        for sent in &trace.sent {
            while let Some((_, number)) = acknowledgements.next_if(|(at, _)| *at <= sent.at) {
                acknowledged = acknowledged.max(*number);
            }
            prop_assert!(sent.number <= acknowledged + window, "{:?}", sent);
        }
    }
}
