//! The results that programs read: flat JSON objects.

use std::collections::BTreeMap;

/// The members of a flat JSON object; a text keeps its quotation marks and escapes.
pub(super) fn parse_json(text: &str) -> Option<BTreeMap<String, String>> {
    let mut rest = text.trim_end().strip_prefix('{')?;
    let mut members = BTreeMap::new();
    loop {
        let key = value(&mut rest)?;
        rest = rest.strip_prefix(':')?;
        let value = value(&mut rest)?;
        let is_number = value.parse::<f64>().is_ok() && !value.contains(['+', 'N', 'n', 'i']);
        let is_word = ["true", "false", "null"].contains(&value.as_str());
        if !key.starts_with('"') || !(is_number || is_word || value.starts_with('"')) {
            return None;
        }
        members.insert(key.trim_matches('"').to_owned(), value);
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (rest == "}").then_some(members),
        }
    }
}

/// Takes a text, or everything up to a separator.
fn value(rest: &mut &str) -> Option<String> {
    let mut is_escaped = false;
    let is_text = rest.starts_with('"');
    let end = rest.char_indices().skip(1).find(|(_, c)| {
        let is_end = if is_text { *c == '"' && !is_escaped } else { ",:}".contains(*c) };
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    });
    let (value, after) = rest.split_at_checked(end?.0 + usize::from(is_text))?;
    *rest = after;
    Some(value.to_owned())
}

#[test]
fn the_checker_of_json_knows_json() {
    for good in [r#"{"a":1}"#, r#"{"a":"x\"\\","b":-1.5,"c":null}"#] {
        assert!(parse_json(good).is_some(), "{good}");
    }
    for bad in ["", "{", "{}", r#"{"a":}"#, r#"{"a":1,}"#, r"{a:1}", r#"{"a":NaN}"#, r#"{"a":1}x"#]
    {
        assert!(parse_json(bad).is_none(), "{bad}");
    }
}
