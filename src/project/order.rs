//! Order keys: fractional indices in base 62, `PROTOCOL.md` §6.
//!
//! A key is an integer part, whose first character tells its length, and a fraction that does not end in `0`. Keys compare byte
//! by byte. The format is that of the npm package `fractional-indexing`, which the SDK uses; `tests/golden/order_keys.json` holds both to it.

use crate::protocol::limits::ORDER_KEY_CHARS;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The integer part of the first key ever.
const ZERO: &str = "a0";

fn digit(byte: u8) -> Option<usize> {
    DIGITS.iter().position(|d| *d == byte)
}

/// Length of the integer part that starts with `head`, itself included.
fn integer_length(head: u8) -> Option<usize> {
    match head {
        b'a'..=b'z' => Some(usize::from(head - b'a') + 2),
        b'A'..=b'Z' => Some(usize::from(b'Z' - head) + 2),
        _ => None,
    }
}

/// Splits a key into its integer part and its fraction; `None` when it is not a key.
fn split(key: &str) -> Option<(&str, &str)> {
    let length = integer_length(*key.as_bytes().first()?)?;
    let (integer, fraction) = key.split_at_checked(length)?;
    let smallest = integer.starts_with('A') && integer[1..].bytes().all(|b| b == b'0') && fraction.is_empty();
    let good = key.bytes().all(|b| digit(b).is_some()) && !fraction.ends_with('0') && !smallest;
    good.then_some((integer, fraction))
}

/// Whether the text is an order key.
#[must_use]
pub fn is_key(text: &str) -> bool {
    text.len() <= ORDER_KEY_CHARS && split(text).is_some()
}

/// `count` keys in ascending order, strictly between `below` and `above`; `None` as a bound means the end of the order.
///
/// Returns `None` when a bound is not a key or they are not in ascending order.
#[must_use]
pub fn keys_between(below: Option<&str>, above: Option<&str>, count: usize) -> Option<Vec<String>> {
    if count == 0 {
        return Some(Vec::new());
    }
    // Appending or prepending counts on in the integer part, so that keys stay short; between two bounds, halving keeps them even.
    match (below, above) {
        (_, Some(above)) if below.is_some() => {
            let half = count / 2;
            let middle = key_between(below, Some(above))?;
            let mut keys = keys_between(below, Some(&middle), half)?;
            keys.push(middle.clone());
            keys.extend(keys_between(Some(&middle), Some(above), count - half - 1)?);
            Some(keys)
        }
        (None, Some(above)) => {
            let mut keys = Vec::with_capacity(count);
            let mut bound = above.to_owned();
            for _ in 0..count {
                bound = key_between(None, Some(&bound))?;
                keys.push(bound.clone());
            }
            keys.reverse();
            Some(keys)
        }
        (below, _) => {
            let mut keys = Vec::with_capacity(count);
            let mut bound = below.map(str::to_owned);
            for _ in 0..count {
                let key = key_between(bound.as_deref(), None)?;
                keys.push(key.clone());
                bound = Some(key);
            }
            Some(keys)
        }
    }
}

/// A short key strictly between the two.
fn key_between(below: Option<&str>, above: Option<&str>) -> Option<String> {
    match (below, above) {
        (None, None) => Some(ZERO.to_owned()),
        (None, Some(above)) => {
            let (integer, fraction) = split(above)?;
            if !fraction.is_empty() {
                // The bare integer lies below: unless it is the smallest of all, which is not a key.
                return match split(integer) {
                    Some(_) => Some(integer.to_owned()),
                    None => Some(format!("{integer}{}", midpoint("", Some(fraction)))),
                };
            }
            decremented(integer).map(|lower| if split(&lower).is_some() { lower } else { format!("{lower}V") })
        }
        (Some(below), None) => {
            let (integer, fraction) = split(below)?;
            Some(incremented(integer).unwrap_or_else(|| format!("{integer}{}", midpoint(fraction, None))))
        }
        (Some(below), Some(above)) => {
            let ((low, low_fraction), (high, high_fraction)) = (split(below)?, split(above)?);
            if below >= above {
                return None;
            }
            if low == high {
                return Some(format!("{low}{}", midpoint(low_fraction, Some(high_fraction))));
            }
            match incremented(low) {
                Some(next) if next.as_str() < above => Some(next),
                _ => Some(format!("{low}{}", midpoint(low_fraction, None))),
            }
        }
    }
}

/// A short fraction strictly between two; `None` above means 1. Needs `below` < `above`.
fn midpoint(below: &str, above: Option<&str>) -> String {
    let (mut below, mut above) = (below.as_bytes(), above.map(str::as_bytes));
    let mut out = String::new();
    loop {
        let low = below.first().map_or(0, |b| digit(*b).unwrap_or(0));
        let high = above.map_or(62, |a| a.first().map_or(62, |b| digit(*b).unwrap_or(62)));
        if low == high {
            out.push(char::from(DIGITS[low]));
            below = below.get(1..).unwrap_or_default();
            above = above.map(|a| a.get(1..).unwrap_or_default());
        } else if high - low > 1 {
            out.push(char::from(DIGITS[(low + high).div_ceil(2)]));
            return out;
        } else if let Some(more) = above.filter(|a| a.len() > 1) {
            out.push(char::from(more[0]));
            return out;
        } else {
            out.push(char::from(DIGITS[low]));
            below = below.get(1..).unwrap_or_default();
            above = None;
        }
    }
}

/// The next integer part; `None` after the last.
fn incremented(integer: &str) -> Option<String> {
    let mut bytes = integer.as_bytes().to_vec();
    for i in (1..bytes.len()).rev() {
        let next = digit(bytes[i])? + 1;
        if next < 62 {
            bytes[i] = DIGITS[next];
            return String::from_utf8(bytes).ok();
        }
        bytes[i] = b'0';
    }
    match bytes[0] {
        b'Z' => Some(ZERO.to_owned()),
        b'z' => None,
        head => Some(resized(head + 1, bytes.len() - 1, b'0')),
    }
}

/// The integer part before; `None` before the first.
fn decremented(integer: &str) -> Option<String> {
    let mut bytes = integer.as_bytes().to_vec();
    for i in (1..bytes.len()).rev() {
        if let Some(previous) = digit(bytes[i])?.checked_sub(1) {
            bytes[i] = DIGITS[previous];
            return String::from_utf8(bytes).ok();
        }
        bytes[i] = b'z';
    }
    match bytes[0] {
        b'a' => Some("Zz".to_owned()),
        b'A' => None,
        head => Some(resized(head - 1, bytes.len() - 1, b'z')),
    }
}

/// An integer part with this head, whose digits are all `fill`.
fn resized(head: u8, old_digits: usize, fill: u8) -> String {
    let digits = integer_length(head).map_or(old_digits, |length| length - 1);
    std::iter::once(head).chain(std::iter::repeat_n(fill, digits)).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_told_from_other_text() {
        for good in ["a0", "a0V", "Zz", "b00", "zzzzzzzzzzzzzzzzzzzzzzzzzzz", "A00000000000000000000000000V"] {
            assert!(is_key(good), "{good}");
        }
        let long = format!("a0{}V", "1".repeat(300));
        for bad in ["", "a", "a00", "b0", "0a", "a-", "ä0", "A00000000000000000000000000", &long] {
            assert!(!is_key(bad), "{bad}");
        }
    }

    #[test]
    fn the_same_keys_as_the_package_that_the_sdk_uses() {
        let golden = include_str!("../../tests/golden/order_keys.json");
        let rows: Vec<(Option<String>, Option<String>, String)> = serde_json::from_str(golden).expect("golden file");
        assert!(rows.len() > 10);
        for (below, above, key) in rows {
            assert_eq!(key_between(below.as_deref(), above.as_deref()).as_ref(), Some(&key), "{below:?} {above:?}");
        }
    }

    proptest! {
        #[test]
        fn inserting_anywhere_keeps_the_order(places in proptest::collection::vec(0_usize..1_000, 1..300)) {
            let mut keys: Vec<String> = Vec::new();
            for place in places {
                let at = place % (keys.len() + 1);
                let below = at.checked_sub(1).map(|i| keys[i].clone());
                let key = key_between(below.as_deref(), keys.get(at).map(String::as_str)).expect("bounds are in order");
                prop_assert!(is_key(&key), "{}", key);
                keys.insert(at, key);
                prop_assert!(keys.is_sorted_by(|a, b| a < b));
            }
        }

        #[test]
        fn many_at_once_are_in_order(count in 1_usize..200) {
            for (below, above) in [(None, None), (Some("a1"), None), (None, Some("a1")), (Some("a1"), Some("a2")), (Some("a1"), Some("a1V"))] {
                let keys = keys_between(below, above, count).expect("good bounds");
                prop_assert_eq!(keys.len(), count);
                prop_assert!(keys.is_sorted_by(|a, b| a < b));
                prop_assert!(below.is_none_or(|b| b < keys[0].as_str()) && above.is_none_or(|a| keys[count - 1].as_str() < a));
                prop_assert!(keys.iter().all(|k| is_key(k)));
            }
            prop_assert_eq!(keys_between(Some("a2"), Some("a1"), count), None);
        }
    }
}
