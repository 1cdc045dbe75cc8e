//! PFTK, TFRC and Cardwell's model of short transfers against published and recomputed values.

use super::formula::{Pftk, Start, cardwell, pftk, pftk_approximate, tfrc, tfrc_rounds};
use super::{Check, Depth, Tolerance};

const TFRC: &str = "RFC 5348 §3.1; Linux net/dccp/ccids/lib/tfrc_equation.c";
const PFTK: &str = "Padhye 1998 eq. 13, 24, 28, 30";
const CARDWELL: &str = "Cardwell 2000 eq. 5 to 25";

/// p, and a million times f(p) as Linux has it: whole numbers, cut off.
const TABLE: [(f64, f64); 11] = [
    (0.0001, 8172.0),
    (0.001, 26_052.0),
    (0.002, 37_172.0),
    (0.005, 60_335.0),
    (0.01, 89_021.0),
    (0.02, 136_520.0),
    (0.05, 271_305.0),
    (0.1, 564_939.0),
    (0.2, 1_863_717.0),
    (0.5, 23_960_036.0),
    (1.0, 243_315_981.0),
];

/// p; packets/s with b = 1, full and approximate; with b = 2; the window and the share of timeouts
/// with b = 1. The round trip is 100 ms, the timeout 400 ms.
const RATES: [(f64, [f64; 4], [f64; 2]); 7] = [
    (1e-4, [1211.36, 1223.64, 857.84, 865.25], [164.29, 0.0187]),
    (1e-3, [372.09, 383.84, 264.27, 271.42], [52.62, 0.0613]),
    (1e-2, [102.73, 112.33, 73.59, 79.43], [17.28, 0.2105]),
    (2e-2, [65.21, 73.25, 47.01, 51.79], [12.47, 0.3073]),
    (5e-2, [32.26, 36.86, 23.66, 26.06], [8.19, 0.4992]),
    (1e-1, [17.01, 17.70, 12.80, 12.52], [6.00, 0.6926]),
    (2e-1, [7.78, 5.37, 6.11, 4.27], [4.42, 0.8867]),
];

/// p, and the seconds that 1, 10, 100 and 1000 packets take: delayed ACKs, a first window of one
/// packet, and the handshake.
const WHOLE: [(f64, [f64; 4]); 4] = [
    (0.0, [0.3000, 0.6419, 1.1697, 1.7332]),
    (0.01, [0.4356, 0.7437, 1.7128, 13.6003]),
    (0.05, [0.7234, 1.1649, 4.7920, 42.8301]),
    (0.1, [1.1647, 1.8880, 8.8623, 79.1841]),
];

/// The same of 10, 100 and 1000 packets with a first window of 10 and without the handshake.
const BARE: [(f64, [f64; 3]); 3] = [
    (0.0, [0.1000, 0.3459, 0.6658]),
    (0.01, [0.1193, 0.7133, 9.0478]),
    (0.05, [0.2128, 2.6381, 28.4157]),
];

/// The comparisons; they cost nothing at any depth.
pub(super) fn checks(_: Depth) -> Vec<Check> {
    let mut checks = tfrc_table(1.0);
    rates(0.1, &mut checks);
    short(0.1, &mut checks);
    checks
}

/// TFRC's table, and what it allows packets of 1460 bytes; f(p) is multiplied by `scale`.
fn tfrc_table(scale: f64) -> Vec<Check> {
    let mut checks: Vec<_> = TABLE
        .into_iter()
        .map(|(p, expected)| {
            let got = (tfrc_rounds(p) * scale * 1e6).floor();
            Check::new(format!("TFRC, 10^6 f({p})"), TFRC, expected, got, Tolerance::Exact)
        })
        .collect();
    // The table's own number, with the digits that it has.
    let expected = 1460.0 / (0.1 * 0.089_021);
    let got = tfrc(1460.0, 0.1, 0.01) / scale;
    let name = "TFRC, bytes/s of 1460 B, 100 ms, loss 0.01";
    checks.push(Check::new(name, TFRC, expected, got, Tolerance::Relative(2e-5)));
    checks
}

fn rates(rtt: f64, checks: &mut Vec<Check>) {
    let mut add = |name: String, expected: f64, got: f64, half_digit: f64| {
        checks.push(Check::new(name, PFTK, expected, got, Tolerance::Absolute(half_digit)));
    };
    for (p, rates, [window, timeouts]) in RATES {
        let path = |b| Pftk { rtt, rto: 0.4, b };
        for (b, expected) in [(1.0, [rates[0], rates[1]]), (2.0, [rates[2], rates[3]])] {
            let name = |model| format!("PFTK {model}, packets/s at loss {p}, b = {b}");
            add(name("full"), expected[0], pftk(&path(b), p), 0.005);
            add(name("approximate"), expected[1], pftk_approximate(&path(b), p), 0.005);
        }
        let got = path(1.0).window(p);
        add(format!("PFTK, window at loss {p}"), window, got, 0.005);
        let got = Pftk::timeout_probability(p, got);
        add(format!("PFTK, share of timeouts at loss {p}"), timeouts, got, 0.000_05);
    }
}

fn short(rtt: f64, checks: &mut Vec<Check>) {
    let mut add = |name: &str, p: f64, packets: f64, expected: f64, got: f64| {
        let name = format!("Cardwell, s for {packets} packets at loss {p}, {name}");
        checks.push(Check::new(name, CARDWELL, expected, got, Tolerance::Absolute(5e-5)));
    };
    let path = Pftk { rtt, rto: 0.4, b: 2.0 };
    let timeout = Some(3.0);
    let start =
        Start { first_window: 1.0, growth: 1.5, handshake_timeout: timeout, ack_delay: 0.1 };
    for (p, row) in WHOLE {
        for (packets, expected) in [1.0, 10.0, 100.0, 1000.0].into_iter().zip(row) {
            add("delayed ACKs", p, packets, expected, cardwell(&path, &start, p, packets));
        }
    }
    let path = Pftk { rtt, rto: 0.3, b: 1.0 };
    let start = Start { first_window: 10.0, growth: 2.0, handshake_timeout: None, ack_delay: 0.0 };
    for (p, row) in BARE {
        for (packets, expected) in [10.0, 100.0, 1000.0].into_iter().zip(row) {
            add("first window 10", p, packets, expected, cardwell(&path, &start, p, packets));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_as_published() {
        let checks = checks(Depth::Quick);
        assert_eq!(checks.len(), 12 + 7 * 6 + 16 + 9);
        for check in checks {
            assert!(check.passes(), "{check:?}");
        }
    }

    #[test]
    fn a_formula_that_is_a_hair_off_and_another_round_trip_miss() {
        assert!(tfrc_table(1.0 + 1e-4).iter().all(|check| !check.passes()));
        let mut missed = Vec::new();
        rates(0.101, &mut missed);
        let rates = missed.iter().filter(|check| check.name.contains("packets/s"));
        assert!(rates.clone().count() == 28 && rates.into_iter().all(|check| !check.passes()));
        let mut missed = Vec::new();
        short(0.101, &mut missed);
        assert!(missed.iter().all(|check| !check.passes()));
    }
}
