//! What somebody may have meant who typed a name that does not exist.

/// `did you mean "game"? Known are: bulk, game`, or without a guess where none is close.
pub(crate) fn hint<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let closest = known.iter().min_by_key(|name| distance(typed, name));
    let guess = closest.filter(|name| distance(typed, name) <= 1 + name.len() / 3);
    let guess = guess.map_or_else(String::new, |name| format!("did you mean \"{name}\"? "));
    format!("{guess}Known are: {}", known.join(", "))
}

/// How many letters have to be put in, left out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.chars().enumerate() {
            let change = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted() {
        for (a, b, n) in [("", "", 0), ("loss", "los", 1), ("game", "same", 1), ("", "abc", 3)] {
            assert_eq!(distance(a, b), n, "{a} {b}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_a_close_name_is_a_guess() {
        assert_eq!(hint("gmae", ["bulk", "game"]), "did you mean \"game\"? Known are: bulk, game");
        assert_eq!(hint("elephant", ["bulk", "game"]), "Known are: bulk, game");
        assert_eq!(hint("x", []), "Known are: ");
    }
}
