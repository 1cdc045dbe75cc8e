//! Tahoe, Reno, NewReno and SACK with one to four losses in a window (Fall and Floyd 1996), packet
//! by packet against ns-2.35.

use super::{Check, Depth, Tolerance};
use crate::sim::tcp::{Config, Network, Trace, Variant, run};
use crate::time::Instant;

const SOURCE: &str = "Fall and Floyd 1996, as ns-2.35 runs test-suite-tcpVariants.tcl";

/// The expected times have four digits.
const HALF_A_DIGIT: Tolerance = Tolerance::Absolute(0.000_05);

/// One run of ns-2 and what came of it.
struct Golden {
    drops: &'static [u32],
    variant: Variant,
    /// What was sent again: when, in seconds, and which.
    retransmissions: &'static [(f64, u32)],
    timeouts: u32,
    /// The cumulative acknowledgement at the end.
    acknowledged: u32,
    /// Segments sent, again or for the first time, the SYN included.
    sent: u32,
}

const fn golden(
    drops: &'static [u32],
    variant: Variant,
    retransmissions: &'static [(f64, u32)],
    [timeouts, acknowledged, sent]: [u32; 3],
) -> Golden {
    Golden { drops, variant, retransmissions, timeouts, acknowledged, sent }
}

const ONE: &[u32] = &[14];
const TWO: &[u32] = &[14, 28];
const THREE: &[u32] = &[14, 26, 28];
const FOUR: &[u32] = &[14, 24, 26, 28];

#[rustfmt::skip]
const TABLE: &[Golden] = &[
    golden(ONE, Variant::Tahoe, &[(2.0692, 14)], [0, 224, 246]),
    golden(ONE, Variant::Reno, &[(2.0692, 14)], [0, 272, 297]),
    golden(ONE, Variant::NewReno, &[(2.0692, 14)], [0, 272, 297]),
    golden(ONE, Variant::Sack, &[(2.0693, 14)], [0, 270, 295]),
    golden(TWO, Variant::Tahoe, &[(2.0692, 14), (2.2811, 28)], [0, 223, 246]),
    golden(TWO, Variant::Reno, &[(2.0692, 14), (3.2811, 28)], [1, 104, 119]),
    golden(TWO, Variant::NewReno, &[(2.0692, 14), (2.2811, 28)], [0, 260, 285]),
    golden(TWO, Variant::Sack, &[(2.0693, 14), (2.3437, 28)], [0, 255, 280]),
    golden(THREE, Variant::Tahoe, &[(2.0692, 14), (2.2811, 26), (2.2811, 27), (2.4930, 28)], [0, 215, 240]),
    golden(THREE, Variant::Reno, &[(2.0692, 14), (3.2811, 26), (3.4930, 28), (3.4930, 29)], [1, 97, 113]),
    golden(THREE, Variant::NewReno, &[(2.0692, 14), (2.2811, 26), (2.4930, 28)], [0, 232, 257]),
    golden(THREE, Variant::Sack, &[(2.0693, 14), (2.1630, 26), (2.3437, 28)], [0, 253, 279]),
    golden(FOUR, Variant::Tahoe, &[(2.0692, 14), (2.2811, 24), (2.2811, 25), (2.4930, 26), (2.4930, 27), (2.4930, 28)],
        [0, 208, 235]),
    golden(FOUR, Variant::Reno, &[(2.0692, 14), (3.2811, 24), (3.4930, 26), (3.4930, 27), (3.7048, 28), (3.7048, 29),
        (3.7048, 30)], [1, 88, 107]),
    golden(FOUR, Variant::NewReno, &[(2.0692, 14), (2.2811, 24), (2.4930, 26), (2.7048, 28)], [0, 208, 233]),
    golden(FOUR, Variant::Sack, &[(2.0693, 14), (2.1422, 24), (2.1527, 26), (2.3438, 28)], [0, 251, 278]),
];

/// When segments are sent first, the same for all variants: slow start over an idle link.
const SLOW_START: &[(f64, [u32; 2])] = &[
    (1.200_88, [1, 2]),
    (1.412_76, [3, 4]),
    (1.423_16, [5, 6]),
    (1.624_64, [7, 8]),
    (1.655_84, [13, 14]),
    (1.836_52, [15, 16]),
    (1.898_92, [27, 28]),
];

pub(super) fn checks(_: Depth) -> Vec<Check> {
    checks_with(Config::default())
}

/// The same for other senders, to see that the checks see it.
fn checks_with(config: Config) -> Vec<Check> {
    let mut checks = Vec::new();
    for golden in TABLE {
        let config = Config { variant: golden.variant, ..config };
        let network =
            Network { drops: golden.drops.iter().copied().collect(), ..Network::default() };
        let (start, end) = (Instant::from_millis(1000), Instant::from_millis(6000));
        let trace = run(config, &network, start, end).unwrap_or_default();
        compare(golden, &trace, &mut checks);
        if golden.drops == ONE {
            slow_start(golden.variant, &trace, &mut checks);
        }
    }
    checks
}

fn compare(golden: &Golden, trace: &Trace, checks: &mut Vec<Check>) {
    let run = format!("{:?}, {:?} dropped", golden.variant, golden.drops);
    let mut check = |what: String, expected, got, tolerance| {
        checks.push(Check::new(format!("{run}: {what}"), SOURCE, expected, got, tolerance));
    };
    let got: Vec<_> = trace.retransmissions().collect();
    let counts = [
        ("retransmissions", golden.retransmissions.len() as u32, got.len() as u32),
        ("timeouts", golden.timeouts, trace.timeouts),
        ("acknowledged at 6 s", golden.acknowledged, trace.acknowledged()),
        ("segments sent with the SYN", golden.sent, trace.sent.len() as u32),
    ];
    for (what, expected, got) in counts {
        check(what.into(), f64::from(expected), f64::from(got), Tolerance::Exact);
    }
    for (i, (at, number)) in golden.retransmissions.iter().enumerate() {
        let sent = got.get(i);
        let (got_at, got_number) =
            sent.map_or((f64::NAN, f64::NAN), |s| (s.at.as_secs_f64(), f64::from(s.number)));
        let what = format!("retransmission {}", i + 1);
        check(format!("{what}, which"), f64::from(*number), got_number, Tolerance::Exact);
        check(format!("{what}, when (s)"), *at, got_at, HALF_A_DIGIT);
    }
}

fn slow_start(variant: Variant, trace: &Trace, checks: &mut Vec<Check>) {
    for (at, numbers) in SLOW_START {
        for number in numbers {
            let got = trace.first_sent(*number).map_or(f64::NAN, Instant::as_secs_f64);
            let name = format!("{variant:?}: segment {number} first sent (s)");
            checks.push(Check::new(name, SOURCE, *at, got, Tolerance::Exact));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misses(checks: &[Check]) -> Vec<String> {
        let missed = checks.iter().filter(|check| !check.passes());
        missed.map(|c| format!("{}: expected {}, got {}", c.name, c.expected, c.got)).collect()
    }

    #[test]
    fn the_four_senders_do_what_ns_2_does() {
        let misses = misses(&checks(Depth::Quick));
        assert!(misses.is_empty(), "{misses:#?}");
    }

    #[test]
    fn other_senders_are_seen() {
        let right = Config::default();
        for wrong in [
            Config { dupack_threshold: 4, ..right },
            Config { decrease: 0.7, ..right },
            Config { window: 20, ..right },
            Config { initial_ssthresh: 14, ..right },
            Config { header_bytes: 39, ..right },
        ] {
            assert!(!misses(&checks_with(wrong)).is_empty(), "{wrong:?}");
        }
    }
}
