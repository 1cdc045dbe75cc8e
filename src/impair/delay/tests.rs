use super::*;

const MS: f64 = 1e6;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn table() -> DelayTable {
    DelayTable::new([0, 1, 2, 3, 5, 9, 30].map(ms).to_vec()).unwrap()
}

/// The share that is at most so many milliseconds.
type AtMost = fn(f64) -> f64;

/// Every shape, and the share of it that is at most `ms`.
fn shapes() -> Vec<(Spread, AtMost)> {
    // The platform's functions are good enough to check ours by.
    fn normal(z: f64) -> f64 {
        1.0 - normal_above(z)
    }
    vec![
        (Spread::Uniform { max: ms(10) }, |x| x / 10.0),
        (Spread::Normal { mean: ms(20), sd: ms(4) }, |x| normal((x - 20.0) / 4.0)),
        (Spread::Normal { mean: ms(2), sd: ms(4) }, |x| {
            (normal((x - 2.0) / 4.0) - normal(-0.5)) / (1.0 - normal(-0.5))
        }),
        (Spread::Exponential { mean: ms(5) }, |x| 1.0 - (-x / 5.0).exp()),
        (Spread::Pareto { scale: ms(1), shape: 1.5, max: ms(20) }, |x| {
            (1.0 - x.powf(-1.5)) / (1.0 - 20f64.powf(-1.5))
        }),
        (Spread::Table(table()), |x| {
            let at = [0.0, 1.0, 2.0, 3.0, 5.0, 9.0, 30.0];
            let i = at.iter().rposition(|from| *from <= x).unwrap().min(5);
            (i as f64 + (x - at[i]) / (at[i + 1] - at[i])) / 6.0
        }),
    ]
}

fn draw(spread: &Spread, correlation: f64, seed: u64, n: u64) -> Vec<f64> {
    spread.validate().unwrap();
    let mut process = SpreadProcess::new(spread, correlation, Dice::new(seed));
    (0..n).map(|ordinal| nanos(process.extra(ordinal)) as f64 / MS).collect()
}

/// Kolmogorov and Smirnov's distance.
fn distance(mut numbers: Vec<f64>, at_most: AtMost) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let n = numbers.len() as f64;
    let apart = |(i, x): (usize, &f64)| {
        let expected = at_most(*x);
        (expected - i as f64 / n).abs().max((expected - (i + 1) as f64 / n).abs())
    };
    numbers.iter().enumerate().map(apart).fold(0.0, f64::max)
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn autocorrelation(numbers: &[f64], lag: usize) -> f64 {
    let mean = mean(numbers);
    let of =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    of(&numbers[lag..], numbers) / of(numbers, numbers)
}

#[test]
fn each_shape_has_its_distribution() {
    let n = 1_000_000;
    for (spread, at_most) in shapes() {
        // 1.95 / sqrt(n) is exceeded by one seed in a thousand.
        let distance = distance(draw(&spread, 0.0, 12, n), at_most);
        assert!(distance < 1.95 / (n as f64).sqrt(), "{spread:?}: {distance}");
    }
}

#[test]
fn each_shape_has_its_mean() {
    let pareto = Spread::Pareto { scale: ms(1), shape: 3.0, max: ms(1000) };
    for (spread, expected, sd) in [
        (Spread::Uniform { max: ms(10) }, 5.0, 10.0 / 12f64.sqrt()),
        (Spread::Exponential { mean: ms(5) }, 5.0, 5.0),
        (Spread::Normal { mean: ms(20), sd: ms(2) }, 20.0, 2.0),
        // Half of the normal distribution: sqrt(2/pi), and 1 - 2/pi of the variance.
        (Spread::Normal { mean: ms(0), sd: ms(3) }, 3.0 * 0.797_885, 3.0 * 0.602_81),
        // shape / (shape - 1); the cut at a thousand times the scale takes 2e-6 off.
        (pareto, 1.5, 0.75f64.sqrt()),
        (Spread::Table(table()), 35.0 / 6.0, 7.7),
    ] {
        let got = mean(&draw(&spread, 0.0, 3, 1_000_000));
        assert!((got - expected).abs() < 4.0 * sd / 1000.0, "{spread:?}: {got}, not {expected}");
    }
}

#[test]
fn a_correlated_shape_has_the_same_distribution_and_the_correlation_asked_for() {
    let n = 1_000_000;
    for (spread, at_most) in shapes() {
        for asked in [0.3, 0.9] {
            let numbers = draw(&spread, asked, 7, n);
            let got = autocorrelation(&numbers, 1);
            // What independent pairs would give is 0.002 at worst; neighbours say much the same.
            assert!((got - asked).abs() < 0.006, "{spread:?}: {got}, not {asked}");
            // So many independent numbers say as much: n (1 - a) / (1 + a), and a is at most 0.95.
            let enough = n as f64 / 40.0;
            let distance = distance(numbers, at_most);
            assert!(distance < 1.95 / enough.sqrt(), "{spread:?}, {asked}: {distance}");
        }
        let independent = autocorrelation(&draw(&spread, 0.0, 7, n), 1);
        assert!(independent.abs() < 4.0 / (n as f64).sqrt(), "{spread:?}: {independent}");
    }
}

#[test]
fn correlation_falls_off_with_distance() {
    let numbers = draw(&Spread::Normal { mean: ms(50), sd: ms(5) }, 0.8, 5, 1_000_000);
    for (lag, expected) in [(1, 0.8), (2, 0.64), (5, 0.327_68), (40, 0.0)] {
        let got = autocorrelation(&numbers, lag);
        assert!((got - expected).abs() < 0.01, "lag {lag}: {got}");
    }
}

#[test]
fn a_delay_depends_on_seed_and_ordinal_alone() {
    for (spread, _) in shapes() {
        for correlation in [0.0, 0.7] {
            let all = draw(&spread, correlation, 9, 70_000);
            let mut process = SpreadProcess::new(&spread, correlation, Dice::new(9));
            for ordinal in [5, 3, 69_999, 65_536, 65_535, 0] {
                // What is drawn for a copy moves nothing.
                let copy = process.extra(ordinal | 1 << 63);
                let got = nanos(process.extra(ordinal)) as f64 / MS;
                assert!((got - all[ordinal as usize]).abs() < 1e-9, "{spread:?}: {ordinal}");
                assert!((nanos(copy) as f64 / MS - got).abs() > 0.0, "{spread:?}: {ordinal}");
            }
            assert_ne!(draw(&spread, correlation, 10, 10), all[..10]);
        }
    }
    let mut none = SpreadProcess::new(&Spread::None, 0.5, Dice::new(1));
    assert_eq!(none.extra(3), Duration::ZERO);
}

#[test]
fn what_has_no_meaning_is_refused_in_one_clear_line() {
    let refused = |spread: Spread| spread.validate().unwrap_err().to_string();
    assert_eq!(
        refused(Spread::Exponential { mean: ms(0) }),
        "spread.mean = 0ns: must be longer than zero"
    );
    assert_eq!(
        refused(Spread::Normal { mean: ms(1), sd: ms(0) }),
        "spread.sd = 0ns: must be longer than zero"
    );
    let pareto = |scale, shape, max| Spread::Pareto { scale: ms(scale), shape, max: ms(max) };
    assert_eq!(refused(pareto(0, 2.0, 9)), "spread.scale = 0ns: must be longer than zero");
    assert_eq!(refused(pareto(1, 0.0, 9)), "spread.shape = 0: must be larger than 0");
    assert_eq!(refused(pareto(1, f64::NAN, 9)), "spread.shape = NaN: must be larger than 0");
    assert_eq!(refused(pareto(9, 2.0, 9)), "spread.max = 9ms: must be longer than the scale, 9ms");
    let refused = |correlation| check_correlation(correlation).unwrap_err().to_string();
    assert_eq!(refused(1.0), "spread_correlation = 1: must be at least 0 and below 1");
    assert_eq!(refused(-0.1), "spread_correlation = -0.1: must be at least 0 and below 1");
}
