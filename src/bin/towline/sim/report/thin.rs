//! Fewer points that look the same: of all points in one column of pixels, the first, the last, the
//! lowest and the highest.

/// Columns of a curve.
pub(super) const COLUMNS: usize = 320;

/// Thins points that are ascending in `x`, over a range of `x`, to at most four in each of
/// [`COLUMNS`]. Points without a number stay, as they are gaps.
pub(super) fn thinned(points: &[(f64, f64)], (low, high): (f64, f64)) -> Vec<(f64, f64)> {
    if points.len() <= 2 * COLUMNS || low.partial_cmp(&high) != Some(std::cmp::Ordering::Less) {
        return points.to_vec();
    }
    let column = |x: f64| ((x - low) / (high - low) * COLUMNS as f64).floor() as i64;
    let mut thin = Vec::with_capacity(4 * COLUMNS);
    let alike =
        |a: &(f64, f64), b: &(f64, f64)| column(a.0) == column(b.0) && a.1.is_nan() == b.1.is_nan();
    for chunk in points.chunk_by(alike) {
        if chunk.iter().any(|point| point.1.is_nan()) {
            thin.extend(chunk.first());
            continue;
        }
        let last = chunk.len() - 1;
        let (mut least, mut most) = (0, 0);
        for (place, point) in chunk.iter().enumerate() {
            if point.1 < chunk[least].1 {
                least = place;
            }
            if point.1 > chunk[most].1 {
                most = place;
            }
        }
        let mut kept = [0, least, most, last];
        kept.sort_unstable();
        let mut before = None;
        for place in kept {
            if before != Some(place) {
                thin.push(chunk[place]);
            }
            before = Some(place);
        }
    }
    thin
}

/// Every so many of them, so that at most `most` are left, evenly; and whether that left any out.
pub(super) fn every<T: Clone>(items: &[T], most: usize) -> (Vec<T>, bool) {
    let step = items.len().div_ceil(most.max(1)).max(1);
    (items.iter().step_by(step).cloned().collect(), step > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_and_ends_stay() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|n| (f64::from(n), 1.0)).collect();
        points[54_321].1 = 100.0;
        points[54_322].1 = -100.0;
        let thin = thinned(&points, (0.0, 100_000.0));
        assert!(thin.len() <= 4 * (COLUMNS + 1), "{}", thin.len());
        assert!(thin.contains(&(54_321.0, 100.0)) && thin.contains(&(54_322.0, -100.0)));
        assert_eq!((thin.first(), thin.last()), (points.first(), points.last()));
        assert!(thin.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn few_points_and_gaps_stay_as_they_are() {
        let points = [(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)];
        let thin = thinned(&points, (0.0, 2.0));
        assert_eq!(thin.len(), 3);
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|n| (f64::from(n), 1.0)).collect();
        points[5_000].1 = f64::NAN;
        assert_eq!(thinned(&points, (0.0, 1e4)).iter().filter(|p| p.1.is_nan()).count(), 1);
        assert_eq!(thinned(&[], (0.0, 1.0)), []);
    }

    #[test]
    fn items_are_left_out_evenly_and_that_is_said() {
        let items: Vec<u32> = (0..1000).collect();
        let (kept, is_thinned) = every(&items, 100);
        assert_eq!((kept.len(), kept[1], is_thinned), (100, 10, true));
        assert_eq!(every(&items, 1000), (items.clone(), false));
        assert_eq!(every::<u32>(&[], 10), (vec![], false));
    }
}
