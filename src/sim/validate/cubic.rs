//! CUBIC's response function against the tables of its RFC, and its constants.

use super::formula::{
    CUBIC_C, cubic_alpha, cubic_k, cubic_loss, cubic_window, reno_loss, reno_window,
};
use super::{Check, Depth, Tolerance};

const TABLES: &str = "RFC 9438 §5.1 tables 1 and 2";
const TABLE_3: &str = "RFC 9438 §5.2 table 3";
const CONSTANTS: &str = "RFC 9438 §4.2, §4.3, §5.1";

/// The columns of tables 1 and 2: CUBIC's C.
const C: [f64; 3] = [0.04, 0.4, 4.0];

/// p, Reno's window, and CUBIC's with each C: table 1, 100 ms.
const AT_100_MS: [(f64, f64, [f64; 3]); 7] = [
    (1e-2, 12.0, [12.0, 12.0, 12.0]),
    (1e-3, 38.0, [38.0, 38.0, 59.0]),
    (1e-4, 120.0, [120.0, 187.0, 333.0]),
    (1e-5, 379.0, [593.0, 1054.0, 1874.0]),
    (1e-6, 1200.0, [3332.0, 5926.0, 10_538.0]),
    (1e-7, 3795.0, [18_740.0, 33_325.0, 59_261.0]),
    (1e-8, 12_000.0, [105_383.0, 187_400.0, 333_250.0]),
];

/// The same at 10 ms: table 2.
const AT_10_MS: [(f64, f64, [f64; 3]); 7] = [
    (1e-2, 12.0, [12.0, 12.0, 12.0]),
    (1e-3, 38.0, [38.0, 38.0, 38.0]),
    (1e-4, 120.0, [120.0, 120.0, 120.0]),
    (1e-5, 379.0, [379.0, 379.0, 379.0]),
    (1e-6, 1200.0, [1200.0, 1200.0, 1874.0]),
    (1e-7, 3795.0, [3795.0, 5926.0, 10_538.0]),
    (1e-8, 12_000.0, [18_740.0, 33_325.0, 59_261.0]),
];

/// Mbit/s, window, and the loss that Reno and CUBIC need for it: table 3, 1500-byte packets, 100 ms.
const REQUIRED: [(f64, f64, f64, f64); 5] = [
    (1.0, 8.3, 2.0e-2, 2.0e-2),
    (10.0, 83.3, 2.0e-4, 2.9e-4),
    (100.0, 833.3, 2.0e-6, 1.4e-5),
    (1000.0, 8333.3, 2.0e-8, 6.3e-7),
    (10_000.0, 83_333.3, 2.0e-10, 2.9e-8),
];

/// The comparisons; they cost nothing at any depth.
pub(super) fn checks(_: Depth) -> Vec<Check> {
    let mut checks = Vec::new();
    for (rtt, table) in [(0.1, AT_100_MS), (0.01, AT_10_MS)] {
        windows(rtt, &table, &mut checks);
    }
    for row in REQUIRED {
        required(row, &mut checks);
    }
    constants(&mut checks);
    checks
}

/// Average windows, as printed: whole packets.
fn windows(rtt: f64, table: &[(f64, f64, [f64; 3])], checks: &mut Vec<Check>) {
    let mut add = |name: String, expected: f64, got: f64| {
        checks.push(Check::new(name, TABLES, expected, got.round(), Tolerance::Exact));
    };
    for (p, reno, cubic) in table {
        let place = format!("at loss {p:e}, {} ms", rtt * 1e3);
        add(format!("Reno's window {place}"), *reno, reno_window(*p));
        for (c, expected) in C.into_iter().zip(cubic) {
            let got = cubic_window(rtt, *p, c);
            add(format!("CUBIC's window {place}, C = {c}"), *expected, got);
        }
    }
}

/// The losses that rates need. Those of Reno have one digit: they are from RFC 3649, which prints
/// 0.02 where RFC 9438 prints 2.0e-2, and 1.44/8.33² is 0.0207.
fn required((mbit, window, reno, cubic): (f64, f64, f64, f64), checks: &mut Vec<Check>) {
    let w = mbit * 1e6 * 0.1 / (1500.0 * 8.0);
    let mut add = |what: &str, expected: f64, got: f64| {
        let name = format!("{what}, {mbit} Mbit/s, 1500 B, 100 ms");
        checks.push(Check::new(name, TABLE_3, expected, got, Tolerance::Exact));
    };
    add("window", window, (w * 10.0).round() / 10.0);
    add("loss for Reno", reno, digits(reno_loss(w), 1));
    let got = cubic_loss(0.1, w, CUBIC_C);
    let is_reno = got <= reno_loss(w);
    add("loss for CUBIC", cubic, digits(got, if is_reno { 1 } else { 2 }));
}

fn constants(checks: &mut Vec<Check>) {
    let half_digit = Tolerance::Absolute(5e-5);
    let mut add = |name: &str, expected: f64, got: f64, tolerance| {
        checks.push(Check::new(name, CONSTANTS, expected, got, tolerance));
    };
    add("CUBIC's K in s, window 100", 4.2172, cubic_k(100.0, CUBIC_C), half_digit);
    add("CUBIC's K in s, window 1000", 9.0856, cubic_k(1000.0, CUBIC_C), half_digit);
    add("CUBIC's alpha", 9.0 / 17.0, cubic_alpha(), Tolerance::Exact);
    // Where CUBIC is above Reno: W = 1.054 (RTT/p)^(3/4), as printed.
    let reduced = cubic_window(1.0, 1e-6, CUBIC_C) / 1e6f64.powf(0.75);
    add("CUBIC's W / (RTT/p)^0.75", 1.054, digits(reduced, 4), Tolerance::Exact);
}

/// A positive number as it is printed with so many significant digits.
fn digits(x: f64, count: usize) -> f64 {
    format!("{x:.*e}", count - 1).parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_as_printed() {
        let checks = checks(Depth::Quick);
        assert_eq!(checks.len(), 2 * 7 * 4 + 5 * 3 + 4);
        for check in checks {
            assert!(check.passes(), "{check:?}");
        }
    }

    #[test]
    fn another_round_trip_misses() {
        let mut checks = Vec::new();
        windows(0.11, &AT_100_MS, &mut checks);
        // All rows where CUBIC is not Reno.
        assert_eq!(checks.iter().filter(|check| !check.passes()).count(), 15);
    }

    #[test]
    fn loss_and_window_are_each_others_inverse() {
        for p in [1e-3, 1e-5, 1e-7] {
            let back = cubic_loss(0.1, cubic_window(0.1, p, CUBIC_C), CUBIC_C);
            assert!((back / p - 1.0).abs() < 1e-9, "{p} {back}");
        }
    }
}
