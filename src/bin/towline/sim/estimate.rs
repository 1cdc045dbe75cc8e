//! A mean and how far it may be from the true one.

use super::results::Estimate;

/// Student's t, 97.5 %, for 1 to 30 degrees of freedom.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

/// The mean of these, and its 95 % confidence interval to either side.
pub(crate) fn mean(values: &[f64]) -> Option<Estimate> {
    let count = values.len() as f64;
    let value = values.iter().sum::<f64>() / count;
    (!values.is_empty()).then(|| Estimate { value, half_width: half_width(values) })
}

/// How far the mean may be from the true one, with 95 % confidence; `None` from less than two values
/// or where one is not finite.
pub(crate) fn half_width(values: &[f64]) -> Option<f64> {
    if values.len() < 2 || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some(student(values.len() - 1) * (squares / (count - 1.0) / count).sqrt())
}

/// Student's t; beyond the table by the expansion of Cornish and Fisher, right to three decimals.
fn student(freedom: usize) -> f64 {
    const Z: f64 = 1.959_964;
    T.get(freedom.wrapping_sub(1)).copied().unwrap_or_else(|| {
        let n = freedom as f64;
        let (cube, fifth) = (Z * Z * Z, Z * Z * Z * Z * Z);
        Z + (cube + Z) / (4.0 * n) + (5.0 * fifth + 16.0 * cube + 3.0 * Z) / (96.0 * n * n)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_t_is_that_of_the_tables() {
        for (freedom, t) in [(1, 12.706), (9, 2.262), (30, 2.042), (40, 2.021), (120, 1.980)] {
            assert!((student(freedom) - t).abs() < 6e-4, "{freedom}: {}", student(freedom));
        }
    }

    #[test]
    fn a_mean_has_an_interval_if_it_has_several_values() {
        let estimate = mean(&[1.0, 2.0, 3.0]).unwrap();
        // The standard error is 1 / sqrt 3.
        let expected = 4.303 / 3f64.sqrt();
        assert!((estimate.value - 2.0).abs() < 1e-12);
        assert!((estimate.half_width.unwrap() - expected).abs() < 1e-9);
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[5.0]), Some(Estimate { value: 5.0, half_width: None }));
        assert_eq!(half_width(&[1.0, f64::INFINITY]), None);
    }
}
