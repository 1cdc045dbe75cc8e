use super::chains::Place;
use super::*;
use crate::impair::dice::exponential;
use crate::impair::walk::Law;

fn verdicts(loss: &Loss, seed: u64, packets: u64) -> Vec<bool> {
    loss.validate().unwrap();
    let mut process = LossProcess::new(loss, seed);
    (0..packets).map(|n| process.is_lost(Instant::ZERO, n)).collect()
}

/// The share lost and the mean length of a run of losses.
fn loss_and_burst(verdicts: &[bool]) -> (f64, f64) {
    let lost = verdicts.iter().filter(|v| **v).count() as f64;
    let runs = verdicts.chunk_by(|a, b| a == b).filter(|run| run[0]).count() as f64;
    (lost / verdicts.len() as f64, lost / runs)
}

#[test]
fn independent_losses_have_the_mean_and_the_runs_of_coin_tosses() {
    for p in [0.01, 0.1, 0.5] {
        let n = 1_000_000.0;
        let (loss, burst) = loss_and_burst(&verdicts(&Loss::Bernoulli { p }, 11, 1_000_000));
        let sigma = (p * (1.0 - p) / n).sqrt();
        assert!((loss - p).abs() < 4.0 * sigma, "p {p}: {loss}");
        // Runs are geometric: mean 1/(1-p), variance p/(1-p)^2, and there are n p (1-p) of them.
        let sigma = (p / (1.0 - p).powi(2) / (n * p * (1.0 - p))).sqrt();
        assert!((burst - 1.0 / (1.0 - p)).abs() < 4.0 * sigma, "p {p}: runs of {burst}");
    }
    assert!(verdicts(&Loss::Bernoulli { p: 1.0 }, 1, 1000).iter().all(|lost| *lost));
    assert!(verdicts(&Loss::Bernoulli { p: 0.0 }, 1, 1000).iter().all(|lost| !lost));
}

#[test]
fn bursts_have_the_mean_loss_and_the_mean_length_asked_for() {
    for (mean_loss, mean_burst) in [(0.01, 5.0), (0.05, 3.0), (0.2, 1.5), (0.5, 1.0)] {
        let n = 2_000_000;
        let (loss, burst) =
            loss_and_burst(&verdicts(&Loss::Bursts { mean_loss, mean_burst }, 5, n));
        let r = 1.0 / mean_burst;
        let p = r * mean_loss / (1.0 - mean_loss);
        // The chain's correlation inflates the variance of the mean by (1 + rho) / (1 - rho).
        let rho: f64 = 1.0 - p - r;
        let inflation = (1.0 + rho) / (1.0 - rho);
        let sigma = (mean_loss * (1.0 - mean_loss) / n as f64 * inflation.max(0.0)).sqrt();
        // The start of each epoch is drawn afresh, also where the chain itself is periodic.
        let allowed = 4.0 * sigma + 1e-5;
        assert!((loss - mean_loss).abs() < allowed, "{mean_loss}, {mean_burst}: loss {loss}");
        let runs = n as f64 * mean_loss * r;
        let sigma = ((1.0 - r) / (r * r) / runs).sqrt();
        let allowed = 4.0 * sigma + 1e-4;
        assert!(
            (burst - mean_burst).abs() < allowed,
            "{mean_loss}, {mean_burst}: bursts of {burst}"
        );
    }
}

/// The same figures of a chain in time, by looking at it every `step`.
fn observe(mean_loss: f64, mean_bad: Duration, step: Duration, samples: u64) -> (f64, f64) {
    let loss = Loss::TimedBursts { mean_loss, mean_bad };
    loss.validate().unwrap();
    let mut process = LossProcess::new(&loss, 8);
    let mut now = Instant::ZERO;
    let seen: Vec<bool> = (0..samples)
        .map(|_| {
            now += step;
            process.is_lost(now, 0)
        })
        .collect();
    let (share, run) = loss_and_burst(&seen);
    (share, run * step.as_secs_f64())
}

#[test]
fn bursts_in_time_have_the_mean_share_and_duration_asked_for() {
    for mean_loss in [0.02, 0.3] {
        // 100,000 s: 20,000 mean bad spells of 100 ms at 2 %, looked at every 5 ms.
        let samples = 20_000_000;
        let (share, bad) =
            observe(mean_loss, Duration::from_millis(100), Duration::from_millis(5), samples);
        let spells = 100_000.0 * mean_loss / 0.1;
        // Twice the share of bad time over the number of spells bounds the relative variance.
        let sigma = mean_loss * (2.0 * (1.0 - mean_loss) / spells).sqrt();
        assert!((share - mean_loss).abs() < 4.0 * sigma, "{mean_loss}: {share}");
        // Spells shorter than the step are missed, and neighbours across a short good one merge:
        // both change the mean by about half a step and the share of short good spells.
        let merged = mean_loss / (1.0 - mean_loss) * 0.05;
        let allowed = 4.0 * 0.1 / spells.sqrt() + 0.1 * merged + 0.0026;
        assert!((bad - 0.1).abs() < allowed, "{mean_loss}: bad for {bad}");
    }
}

#[test]
fn a_timed_burst_does_not_depend_on_who_looks() {
    let loss = Loss::TimedBursts { mean_loss: 0.2, mean_bad: Duration::from_millis(20) };
    let (mut often, mut seldom) = (LossProcess::new(&loss, 3), LossProcess::new(&loss, 3));
    let mut seen = Vec::new();
    for t in 0..2_000_000 {
        let at = Instant::from_nanos(t * 1_000_000);
        let lost = often.is_lost(at, t);
        seen.push(lost);
        if t % 997 == 0 {
            assert_eq!(seldom.is_lost(at, 0), lost, "at {at}");
        }
    }
    // Backwards too.
    for t in (0..5000).rev() {
        let lost = seldom.is_lost(Instant::from_nanos(t * 1_000_000), 0);
        assert_eq!(lost, seen[t as usize], "at {t} ms");
    }
    assert!(seen[..5000].contains(&true));
    // A clock with a far origin takes no longer.
    let _ = seldom.is_lost(Instant::MAX, 0);
    assert_eq!(
        seldom.is_lost(Instant::ZERO, 0),
        LossProcess::new(&loss, 3).is_lost(Instant::ZERO, 0)
    );
}

#[test]
fn a_burst_does_not_depend_on_which_ordinals_reach_the_line() {
    let loss = Loss::Bursts { mean_loss: 0.1, mean_burst: 4.0 };
    let all = verdicts(&loss, 2, 200_000);
    let mut process = LossProcess::new(&loss, 2);
    for n in (0..200_000u64).step_by(3).chain([7, 65_536, 131_071]) {
        assert_eq!(process.is_lost(Instant::ZERO, n), all[n as usize], "{n}");
    }
    // A far one takes no longer.
    let _ = process.is_lost(Instant::ZERO, u64::MAX / 2);
}

#[test]
fn a_script_loses_exactly_what_it_lists() {
    let script = Loss::Script([14..15, 26..29].into_iter().collect());
    let lost: Vec<usize> = verdicts(&script, 0, 40)
        .into_iter()
        .enumerate()
        .filter_map(|(n, lost)| lost.then_some(n))
        .collect();
    assert_eq!(lost, [14, 26, 27, 28]);
}

#[test]
fn exponential_numbers_are_exponential() {
    let (dice, mut draws, n) = (Dice::new(4), 0, 1_000_000);
    let mut numbers: Vec<f64> = (0..n).map(|_| exponential(dice, &mut draws)).collect();
    numbers.sort_by(f64::total_cmp);
    // Kolmogorov and Smirnov: 1.95 / sqrt(n) is exceeded once in a thousand seeds.
    let distance = numbers
        .iter()
        .enumerate()
        .map(|(i, x)| (1.0 - (-x).exp() - i as f64 / f64::from(n)).abs())
        .fold(0.0, f64::max);
    assert!(distance < 1.95 / f64::from(n).sqrt(), "{distance}");
}

#[test]
fn the_long_run_is_that_of_the_closed_forms() {
    let is = |loss: &Loss, expected: f64| {
        loss.validate().unwrap();
        let mean = loss.mean_loss().unwrap();
        assert!((mean - expected).abs() < 1e-12, "{loss:?}: {mean}, not {expected}");
    };
    is(&Loss::None, 0.0);
    is(&Loss::Bernoulli { p: 0.3 }, 0.3);
    is(&Loss::Bursts { mean_loss: 0.1, mean_burst: 3.0 }, 0.1);
    is(&Loss::TimedBursts { mean_loss: 0.2, mean_bad: Duration::from_secs(1) }, 0.2);
    is(&Loss::Periodic { every: 40, offset: 7 }, 0.025);
    // (r (1 - k) + p (1 - h)) / (p + r).
    let ge = |p, r, h, k| Loss::GilbertElliott { p, r, h, k };
    is(&ge(0.02, 0.18, 0.4, 0.99), (0.18 * 0.01 + 0.02 * 0.6) / 0.2);
    is(&ge(0.0, 0.0, 0.0, 0.9), 0.1);
    is(&ge(0.1, 0.0, 0.25, 1.0), 0.75);
    let four = |p13, p31, p32, p23, p14| Loss::FourState { p13, p31, p32, p23, p14 };
    // Alone: pi_1 = 1 / (1 + p14), and all lost at no way out of 3.
    is(&four(0.0, 0.0, 0.0, 0.0, 0.25), 0.2);
    is(&four(0.1, 0.0, 0.0, 0.0, 0.0), 1.0);
    is(&four(0.1, 0.0, 0.2, 0.6, 0.3), 0.75);
    is(&four(0.1, 0.5, 0.5, 0.0, 0.3), 0.0);
    assert_eq!(Loss::Script(RangeSet::default()).mean_loss(), None);
}

#[test]
fn a_mean_loss_and_a_mean_burst_give_the_published_transitions() {
    for (mean_loss, mean_burst, p, r) in
        [(0.01, 5.0, 0.002_020, 0.2), (0.05, 3.0, 0.017_544, 0.333_33)]
    {
        let loss = Loss::gilbert_elliott(mean_loss, mean_burst, 1.0).unwrap();
        let Loss::GilbertElliott { p: got_p, r: got_r, h, k } = loss else { panic!("{loss:?}") };
        assert!((got_p - p).abs() < 5e-7 && (got_r - r).abs() < 5e-6, "{got_p}, {got_r}");
        assert_eq!((h, k), (0.0, 1.0));
        // And it is the chain of bursts, draw for draw.
        let bursts = Loss::Bursts { mean_loss, mean_burst };
        assert_eq!(verdicts(&loss, 9, 200_000), verdicts(&bursts, 9, 200_000));
    }
    for (mean_loss, mean_burst, loss_in_bad) in
        [(0.02, 8.0, 0.3), (0.6, 4.0, 0.75), (0.0, 1.0, 0.0)]
    {
        let loss = Loss::gilbert_elliott(mean_loss, mean_burst, loss_in_bad).unwrap();
        loss.validate().unwrap();
        assert!((loss.mean_loss().unwrap() - mean_loss).abs() < 1e-12, "{loss:?}");
    }
}

/// Whether a share of `n` is what it should be, `inflation` times the variance of coin tosses.
#[track_caller]
fn assert_share(got: f64, expected: f64, n: f64, inflation: f64) {
    let sigma = (expected * (1.0 - expected) / n * inflation).sqrt();
    assert!((got - expected).abs() < 4.0 * sigma, "{got}, not {expected} +- {}", 4.0 * sigma);
}

#[test]
fn a_gilbert_elliott_line_loses_as_much_and_as_clustered_as_it_should() {
    for (p, r, h, k) in [(0.01, 0.1, 0.3, 0.995), (0.2, 0.5, 0.0, 0.9), (0.05, 0.05, 0.8, 0.2)] {
        let n = 2_000_000;
        let lost = verdicts(&Loss::GilbertElliott { p, r, h, k }, 21, n);
        let (bad, rho) = (p / (p + r), 1.0 - p - r);
        let (in_bad, in_good) = (1.0 - h, 1.0 - k);
        let mean = bad * in_bad + (1.0 - bad) * in_good;
        // The verdicts' covariance at lag i is cov * rho^i.
        let cov = bad * (1.0 - bad) * (in_bad - in_good).powi(2);
        let inflation = 1.0 + 2.0 * cov / (mean * (1.0 - mean)) * rho / (1.0 - rho);
        let (share, _) = loss_and_burst(&lost);
        assert_share(share, mean, n as f64, inflation);
        // Pairs of losses: E[v(i) v(i+1)] = mean^2 + cov rho, their sum correlated likewise at most.
        let pairs = lost.windows(2).filter(|two| two[0] && two[1]).count() as f64;
        let inflation = 3.0 * (1.0 + rho) / (1.0 - rho);
        assert_share(pairs / n as f64, mean * mean + cov * rho, n as f64, inflation);
    }
}

#[test]
fn the_four_state_chain_has_the_published_shares_and_its_own_transitions() {
    let chain = FourStates::new([0.01, 0.5, 0.1, 0.3, 0.002]);
    let shares = chain.shares();
    // pi_1 = 1 / (1 + p14 + p13 / p31 (1 + p32 / p23)), pi_3 = pi_1 p13 / p31, pi_4 = pi_1 p14.
    let gap = 1.0 / (1.002 + 0.02 * 4.0 / 3.0);
    assert!((shares[0] - gap).abs() < 1e-12 && (shares[0] - 0.972_132).abs() < 5e-7, "{shares:?}");
    let lost = shares[2] + shares[3];
    assert!((lost - 0.022 * gap).abs() < 1e-12 && (lost - 0.021_387).abs() < 5e-7, "{shares:?}");
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let loss = Loss::FourState { p13: 0.01, p31: 0.5, p32: 0.1, p23: 0.3, p14: 0.002 };
    assert_eq!(loss.mean_loss(), Some(lost));
    let n = 2_000_000;
    let mut walk = Walk::new(chain, Dice::new(31));
    let places: Vec<Place> = (0..n).map(|i| walk.at(i)).collect();
    let all = [Place::Gap, Place::Spared, Place::Burst, Place::Alone];
    let count = |place| places.iter().filter(|p| **p == place).count() as f64;
    for (place, share) in all.into_iter().zip(shares) {
        // A visit to a burst is few steps long: 16 times the variance of coin tosses is generous.
        assert_share(count(place) / n as f64, share, n as f64, 16.0);
    }
    let steps = |from, to| places.windows(2).filter(|two| two == &[from, to]).count() as f64;
    for (from, to, p) in [
        (all[0], all[2], 0.01),
        (all[0], all[3], 0.002),
        (all[2], all[0], 0.5),
        (all[2], all[1], 0.1),
        (all[1], all[2], 0.3),
    ] {
        assert_share(steps(from, to) / count(from), p, count(from), 1.0);
    }
    assert!(steps(Place::Alone, Place::Gap) >= count(Place::Alone) - 1.0);
    assert_eq!(
        verdicts(&loss, 31, 5000),
        places[..5000].iter().map(|p| p.is_lost()).collect::<Vec<_>>()
    );
}

#[test]
fn an_epoch_starts_in_the_stationary_distribution() {
    let chain = FourStates::new([0.2, 0.3, 0.2, 0.4, 0.1]);
    let dice = Dice::new(6);
    let starts: Vec<Place> = (0..100_000).map(|n| chain.start(dice.unit(n))).collect();
    let all = [Place::Gap, Place::Spared, Place::Burst, Place::Alone];
    for (place, share) in all.into_iter().zip(chain.shares()) {
        let got = starts.iter().filter(|p| **p == place).count() as f64 / 1e5;
        assert_share(got, share, 1e5, 1.0);
    }
    let two = TwoStates::new(0.1, 0.3);
    let bad = (0..100_000).filter(|n| two.start(dice.unit(*n))).count() as f64 / 1e5;
    assert_share(bad, 0.25, 1e5, 1.0);
}

#[test]
fn a_periodic_loss_takes_every_nth_from_its_offset_on() {
    let lost = |every, offset| {
        let lost = verdicts(&Loss::Periodic { every, offset }, 3, 30);
        (0..30).filter(|n| lost[*n]).collect::<Vec<_>>()
    };
    assert_eq!(lost(10, 9), [9, 19, 29]);
    assert_eq!(lost(10, 0), [0, 10, 20]);
    assert_eq!(lost(7, 15), [15, 22, 29]);
    assert_eq!(lost(1, 28), [28, 29]);
}

#[test]
fn what_has_no_meaning_is_refused_in_one_clear_line() {
    let refused = |loss: Loss| loss.validate().unwrap_err().to_string();
    assert_eq!(refused(Loss::Bernoulli { p: 5.0 }), "loss.p = 5: must be between 0 and 1");
    assert_eq!(refused(Loss::Bernoulli { p: f64::NAN }), "loss.p = NaN: must be between 0 and 1");
    assert_eq!(
        refused(Loss::Bursts { mean_loss: 0.1, mean_burst: 0.5 }),
        "loss.mean_burst = 0.5: must be at least 1 packet"
    );
    assert_eq!(
        refused(Loss::Bursts { mean_loss: 0.9, mean_burst: 3.0 }),
        "loss.mean_loss = 0.9: must be between 0 and 0.75 for such bursts"
    );
    assert_eq!(
        refused(Loss::TimedBursts { mean_loss: 0.1, mean_bad: Duration::ZERO }),
        "loss.mean_bad = 0: must be longer than zero"
    );
    let all = Loss::TimedBursts { mean_loss: 1.0, mean_bad: Duration::from_secs(1) };
    assert!(all.validate().is_err());
    assert_eq!(
        refused(Loss::GilbertElliott { p: 0.1, r: 0.1, h: 1.5, k: 1.0 }),
        "loss.h = 1.5: must be between 0 and 1"
    );
    let four = Loss::FourState { p13: 0.5, p31: 0.75, p32: 0.5, p23: 0.1, p14: 0.1 };
    assert_eq!(refused(four), "loss.p31 + loss.p32 = 1.25: must be at most 1");
    let four = Loss::FourState { p13: 0.75, p31: 0.5, p32: 0.5, p23: 0.1, p14: 0.5 };
    assert_eq!(refused(four), "loss.p13 + loss.p14 = 1.25: must be at most 1");
    assert_eq!(
        refused(Loss::Periodic { every: 0, offset: 3 }),
        "loss.every = 0: must be at least 1"
    );
    assert_eq!(
        Loss::gilbert_elliott(0.5, 4.0, 0.5).unwrap_err().to_string(),
        "loss.mean_loss = 0.5: must be between 0 and 0.4 for such bursts"
    );
}
