//! As much of PromQL as it takes to say which metrics and labels an expression asks for. promtool reads all of it.

use std::collections::BTreeSet;

/// Words that a list of labels may follow.
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Words that are no names.
const OPERATORS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// The word that a text begins with, if it does, and the rest.
fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !is_word(c)).unwrap_or(text.len()))
}

/// The text without what is between two marks.
fn outside(text: &str, open: char, close: char) -> String {
    let mut inside = false;
    let is_outside = |c: &char| {
        let was_inside = inside;
        inside ^= *c == if inside { close } else { open };
        !(inside || was_inside)
    };
    text.chars().filter(is_outside).collect()
}

/// The metrics: words that are no label, function, operator or number.
pub(crate) fn metrics(expression: &str) -> BTreeSet<String> {
    // Strings first: what they hold is no mark.
    let text = outside(&outside(&outside(expression, '"', '"'), '{', '}'), '[', ']');
    let mut found = BTreeSet::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(is_word) {
        let (name, after) = word(&rest[start..]);
        let next = after.trim_start();
        rest = after;
        if LISTS.contains(&name) {
            rest = next.strip_prefix('(').and_then(|list| list.split_once(')')).map_or(next, |(_, rest)| rest);
            continue;
        }
        let is_function = next.starts_with('(') || ["by", "without"].contains(&word(next).0);
        if !is_function && !OPERATORS.contains(&name) && !name.starts_with(|c: char| c.is_ascii_digit()) {
            found.insert(name.to_owned());
        }
    }
    found
}

/// What is asked of labels: metric, label, and each value that is named.
pub(crate) fn labels(expression: &str) -> Vec<[String; 3]> {
    let mut found = Vec::new();
    let parts: Vec<&str> = expression.split('{').collect();
    for (before, after) in parts.iter().zip(parts.iter().skip(1)) {
        let metric = &before[before.rfind(|c: char| !is_word(c)).map_or(0, |end| end + 1)..];
        let list = after.split('}').next().unwrap_or_default();
        for (label, values) in list.split(',').filter_map(|one| one.split_once('"')) {
            let label = word(label.trim_start()).0;
            let values = values.trim_end().trim_end_matches('"').split('|');
            found.extend(values.map(|value| [metric, label, value].map(str::to_owned)));
        }
    }
    found
}

const EXAMPLE: &str = r#"sum by (job, le) (rate(a_bucket{x=~"b c|d", y!="e"}[5m])) / on (job) group_left (kind)
    (c:d > 0.5) and topk(5, e offset 6h) == bool 1e3 or max(f{job="g"}) by (h)"#;

#[test]
fn metrics_are_told_from_everything_else() {
    assert_eq!(metrics(EXAMPLE), BTreeSet::from(["a_bucket", "c:d", "e", "f"].map(str::to_owned)));
}

#[test]
fn labels_are_found_with_each_value() {
    let found = labels(EXAMPLE);
    let expected = [["a_bucket", "x", "b c"], ["a_bucket", "x", "d"], ["a_bucket", "y", "e"], ["f", "job", "g"]];
    assert_eq!(found, expected.map(|one| one.map(str::to_owned)));
}
