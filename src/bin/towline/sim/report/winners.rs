//! Which mode is best in a cell of a sweep, by how much, and with whom it ties.

/// What one mode came to in one cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    /// The value; infinite if it is a time after which so many had never arrived.
    pub(super) value: f64,
    /// Between which values it truly is, as far as the seeds tell; both are the value if there was
    /// one seed.
    pub(super) low: f64,
    pub(super) high: f64,
}

#[cfg(test)]
impl Estimate {
    /// A value of which nothing else is known.
    pub(super) fn exact(value: f64) -> Self {
        Self { value, low: value, high: value }
    }
}

/// Which of two values is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    Lower,
    Higher,
}

/// Values that differ by less than this part of the best one tie.
pub(super) const ALIKE: f64 = 0.01;

/// How a cell ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// No mode has a value.
    Nothing,
    /// Modes ran, and all came to infinity where lower is better.
    Never,
    /// One mode is best; the next one is worse by this factor, which is infinite if it never got
    /// there, and `None` if there is no other.
    Wins { mode: usize, value: f64, margin: Option<f64> },
    /// These are as good as each other, the best first.
    Tie { modes: Vec<usize>, value: f64 },
}

impl Verdict {
    /// The best of these modes' estimates; `None` where a mode has none.
    pub(super) fn of(estimates: &[Option<Estimate>], better: Better) -> Self {
        let known = estimates.iter().enumerate().filter_map(|(mode, estimate)| {
            let estimate = (*estimate)?;
            (!estimate.value.is_nan()).then_some((mode, estimate))
        });
        let mut order: Vec<(usize, Estimate)> = known.collect();
        // Stable, so that of equals the first one comes first.
        order.sort_by(|a, b| {
            let order = a.1.value.total_cmp(&b.1.value);
            if better == Better::Lower { order } else { order.reverse() }
        });
        let Some((mode, best)) = order.first().copied() else { return Self::Nothing };
        let value = best.value;
        if value.is_infinite() && better == Better::Lower {
            return Self::Never;
        }
        let equals = order.iter().take_while(|(_, other)| are_alike(&best, other));
        let modes: Vec<usize> = equals.map(|(mode, _)| *mode).collect();
        if modes.len() > 1 {
            return Self::Tie { modes, value };
        }
        let next = order.get(1).map(|(_, next)| next.value);
        let margin = next.map(|next| match better {
            Better::Lower => ratio(next, value),
            Better::Higher => ratio(value, next),
        });
        Self::Wins { mode, value, margin }
    }

    /// The best value.
    pub(super) fn value(&self) -> Option<f64> {
        match self {
            Self::Wins { value, .. } | Self::Tie { value, .. } => Some(*value),
            Self::Nothing | Self::Never => None,
        }
    }

    /// The modes that no other beats.
    pub(super) fn modes(&self) -> &[usize] {
        match self {
            Self::Wins { mode, .. } => std::slice::from_ref(mode),
            Self::Tie { modes, .. } => modes,
            Self::Nothing | Self::Never => &[],
        }
    }
}

fn are_alike(best: &Estimate, other: &Estimate) -> bool {
    let is_near = (best.value - other.value).abs() <= ALIKE * best.value.abs();
    let is_known = |estimate: &Estimate| estimate.low < estimate.high;
    let overlap = best.low <= other.high && other.low <= best.high;
    is_near || (is_known(best) && is_known(other) && overlap)
}

/// `0 / 0` is 1: both are as small as can be.
fn ratio(larger: f64, smaller: f64) -> f64 {
    if larger > smaller { larger / smaller } else { 1.0 }
}

/// In how many cells each mode is best alone, in how many with others, and in how many cells there
/// is a best one.
pub(super) fn tally(verdicts: &[Verdict], modes: usize) -> (Vec<(usize, usize)>, usize) {
    let mut counts = vec![(0, 0); modes];
    for verdict in verdicts {
        for mode in verdict.modes() {
            let Some((alone, shared)) = counts.get_mut(*mode) else { continue };
            *(if verdict.modes().len() == 1 { alone } else { shared }) += 1;
        }
    }
    let decided = verdicts.iter().filter(|verdict| verdict.value().is_some()).count();
    (counts, decided)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(values: &[f64]) -> Vec<Option<Estimate>> {
        values.iter().map(|value| Some(Estimate::exact(*value))).collect()
    }

    fn wins(mode: usize, value: f64, margin: f64) -> Verdict {
        Verdict::Wins { mode, value, margin: Some(margin) }
    }

    #[test]
    fn the_best_wins_by_its_distance_to_the_next() {
        let values = exact(&[30.0, 10.0, 20.0]);
        assert_eq!(Verdict::of(&values, Better::Lower), wins(1, 10.0, 2.0));
        assert_eq!(Verdict::of(&values, Better::Higher), wins(0, 30.0, 1.5));
        let values = exact(&[30.0]);
        let alone = Verdict::Wins { mode: 0, value: 30.0, margin: None };
        assert_eq!(Verdict::of(&values, Better::Lower), alone);
    }

    #[test]
    fn equals_tie_and_so_do_those_within_a_hundredth() {
        let tie = |modes: &[usize], value| Verdict::Tie { modes: modes.to_vec(), value };
        assert_eq!(Verdict::of(&exact(&[5.0, 9.0, 5.0]), Better::Lower), tie(&[0, 2], 5.0));
        assert_eq!(Verdict::of(&exact(&[101.0, 100.0]), Better::Lower), tie(&[1, 0], 100.0));
        assert_eq!(Verdict::of(&exact(&[101.1, 100.0]), Better::Lower), wins(1, 100.0, 1.011));
        assert_eq!(Verdict::of(&exact(&[0.0, 0.0]), Better::Higher), tie(&[0, 1], 0.0));
    }

    #[test]
    fn overlapping_intervals_tie_and_one_seed_has_none() {
        let estimate = |value, by| Some(Estimate { value, low: value - by, high: value + by });
        let values = [estimate(10.0, 1.0), estimate(11.5, 1.0), estimate(20.0, 1.0)];
        let tie = Verdict::Tie { modes: vec![0, 1], value: 10.0 };
        assert_eq!(Verdict::of(&values, Better::Lower), tie);
        let values = [estimate(10.0, 1.0), Some(Estimate::exact(10.9))];
        assert_eq!(Verdict::of(&values, Better::Lower), wins(0, 10.0, 1.09));
    }

    #[test]
    fn missing_values_neither_win_nor_count_and_never_loses() {
        assert_eq!(Verdict::of(&[], Better::Lower), Verdict::Nothing);
        assert_eq!(Verdict::of(&[None, None], Better::Lower), Verdict::Nothing);
        assert_eq!(Verdict::of(&exact(&[f64::NAN]), Better::Higher), Verdict::Nothing);
        let never = f64::INFINITY;
        assert_eq!(Verdict::of(&exact(&[never, never]), Better::Lower), Verdict::Never);
        let values = [None, Some(Estimate::exact(never)), Some(Estimate::exact(7.0))];
        assert_eq!(Verdict::of(&values, Better::Lower), wins(2, 7.0, never));
        assert_eq!(Verdict::of(&exact(&[f64::NAN, 3.0, 4.5]), Better::Lower), wins(1, 3.0, 1.5));
    }

    #[test]
    fn the_tally_counts_ties_apart() {
        let verdicts = [
            wins(1, 1.0, 2.0),
            wins(1, 1.0, 2.0),
            Verdict::Tie { modes: vec![0, 1], value: 1.0 },
            Verdict::Nothing,
            Verdict::Never,
        ];
        assert_eq!(tally(&verdicts, 3), (vec![(0, 1), (2, 1), (0, 0)], 3));
        assert_eq!(tally(&[], 1), (vec![(0, 0)], 0));
    }
}
