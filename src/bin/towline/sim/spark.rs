//! Small pictures made of letters.

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One letter for each value, from 0 to the largest of all; a gap where a value is missing or not
/// finite.
pub(crate) fn line(values: &[Option<f64>], most: f64) -> String {
    let letter = |value: &Option<f64>| match value {
        Some(value) if value.is_finite() && most > 0.0 => {
            let level = (value / most * LEVELS.len() as f64).floor();
            LEVELS[(level.max(0.0) as usize).min(LEVELS.len() - 1)]
        }
        Some(value) if value.is_finite() => LEVELS[0],
        _ => ' ',
    };
    values.iter().map(letter).collect()
}

/// The same of so many means of neighbours.
pub(crate) fn shortened(values: &[f64], letters: usize) -> Vec<f64> {
    let width = values.len().div_ceil(letters.max(1)).max(1);
    values.chunks(width).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_grow_with_values() {
        let values = [0.0, 1.0, 4.0, 7.9, 8.0].map(Some);
        assert_eq!(line(&values, 8.0), "▁▂▅██");
        assert_eq!(line(&[Some(0.0), None, Some(f64::INFINITY)], 0.0), "▁  ");
        assert_eq!(shortened(&[1.0, 3.0, 5.0, 7.0, 9.0], 3), [2.0, 6.0, 9.0]);
        assert_eq!(shortened(&[], 3), [0.0; 0]);
    }
}
