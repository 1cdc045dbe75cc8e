use super::*;

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
}
