//! The JSON twin of MessagePack, lossless in both directions: `PROTOCOL.md` §9.
//!
//! The JSON subprotocol is the MessagePack one, transcoded; no message knows of JSON. What JSON lacks is written
//! `{"$mp": "<base64>"}` at the innermost place that needs it.

use super::limits::{FRAME_DEPTH, FRAME_VALUES};
use super::scan::{self, Head, Malformed};
use super::unpack::Reader;
use super::{pack, value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt::{self, Write as _};

/// The key of the escape.
pub(super) const ESCAPE: &str = "$mp";
/// Integers beyond this lose precision where numbers are doubles.
const SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Writes one sound MessagePack value as JSON. The number of its parts is not limited: a message of ours may hold many clients' commits.
///
/// # Errors
/// [`Malformed`] when it is not sound.
pub fn to_json(raw: &[u8]) -> Result<String, Malformed> {
    scan::check(raw, FRAME_DEPTH, raw.len())?;
    let mut out = String::with_capacity(raw.len() * 2);
    write_value(&mut out, raw)?;
    Ok(out)
}

fn write_value(out: &mut String, raw: &[u8]) -> Result<(), Malformed> {
    let (head, _) = scan::head(raw)?;
    match head {
        Head::Nil => out.push_str("null"),
        Head::Bool(b) => out.push_str(if b { "true" } else { "false" }),
        Head::Unsigned(n) if n <= SAFE_INTEGER && is_shortest(raw, head) => {
            push(out, format_args!("{n}"));
        }
        Head::Negative(n) if n.unsigned_abs() <= SAFE_INTEGER && is_shortest(raw, head) => {
            push(out, format_args!("{n}"));
        }
        // Debug writes the shortest text that reads back to the same bits, always with a point or an exponent.
        Head::F64(x) if x.is_finite() => push(out, format_args!("{x:?}")),
        Head::Str(_) if is_shortest(raw, head) && value::text(raw).is_some() => {
            write_text(out, value::text(raw).unwrap_or_default());
        }
        Head::Array(members) if is_shortest(raw, head) => {
            let mut reader = Reader::new(raw);
            reader.array()?;
            out.push('[');
            for i in 0..members {
                out.push_str(if i > 0 { "," } else { "" });
                write_value(out, reader.raw()?)?;
            }
            out.push(']');
        }
        Head::Map(pairs) if is_shortest(raw, head) && has_plain_keys(raw)? => {
            let mut reader = Reader::new(raw);
            reader.map()?;
            out.push('{');
            for i in 0..pairs {
                out.push_str(if i > 0 { "," } else { "" });
                write_text(out, reader.str()?);
                out.push(':');
                write_value(out, reader.raw()?)?;
            }
            out.push('}');
        }
        _ => push(out, format_args!("{{\"{ESCAPE}\":\"{}\"}}", STANDARD.encode(raw))),
    }
    Ok(())
}

fn push(out: &mut String, text: fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

fn write_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// Whether the value's head is in the shortest form, the one that [`from_json`] will write again.
fn is_shortest(raw: &[u8], head: Head) -> bool {
    let mut short = Vec::with_capacity(9);
    match head {
        Head::Unsigned(n) => pack::uint(&mut short, n),
        Head::Negative(n) => pack::int(&mut short, n),
        Head::Array(n) => pack::array(&mut short, n),
        Head::Map(n) => pack::map(&mut short, n),
        Head::Str(n) => {
            let length = match n {
                0..32 => 1,
                32..256 => 2,
                256..65_536 => 3,
                _ => 5,
            };
            return raw.len() == length + n;
        }
        _ => return true,
    }
    raw.starts_with(&short)
}

/// Whether a map's keys are distinct text in shortest form, and not the escape alone.
fn has_plain_keys(raw: &[u8]) -> Result<bool, Malformed> {
    let mut reader = Reader::new(raw);
    let pairs = reader.map()?;
    let mut seen = HashSet::with_capacity(pairs);
    for _ in 0..pairs {
        let key = reader.raw()?;
        let plain = is_shortest(key, scan::head(key)?.0) && value::text(key).is_some_and(|text| seen.insert(text));
        if !plain {
            return Ok(false);
        }
        reader.raw()?;
    }
    Ok(!(pairs == 1 && seen.contains(ESCAPE)))
}

/// Reads one JSON value as MessagePack.
///
/// # Errors
/// A sentence that says what is wrong and where.
pub fn from_json(text: &str) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::with_capacity(text.len());
    let mut reader = serde_json::Deserializer::from_str(text);
    Transcode(&mut out).deserialize(&mut reader)?;
    reader.end()?;
    Ok(out)
}

/// Writes whatever comes into the buffer.
struct Transcode<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Transcode<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Transcode<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        pack::nil(self.0);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        pack::bool(self.0, value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        pack::uint(self.0, value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        pack::int(self.0, value);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        pack::float(self.0, value);
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        pack::str(self.0, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut members = Vec::new();
        let mut count = 0;
        while list.next_element_seed(Transcode(&mut members))?.is_some() {
            count += 1;
        }
        pack::array(self.0, count);
        self.0.extend_from_slice(&members);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut pairs = Vec::new();
        let mut count = 0;
        let mut escaped = false;
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            count += 1;
            escaped |= key == ESCAPE;
            pack::str(&mut pairs, &key);
            map.next_value_seed(Transcode(&mut pairs))?;
        }
        if count == 1 && escaped {
            return self.unescape(&pairs);
        }
        pack::map(self.0, count);
        self.0.extend_from_slice(&pairs);
        Ok(())
    }
}

impl Transcode<'_> {
    fn unescape<E: de::Error>(self, pair: &[u8]) -> Result<(), E> {
        let mut reader = Reader::new(pair);
        let wrong = || E::custom("{\"$mp\": …} must hold the base64 of one MessagePack value");
        reader.str().map_err(|_| wrong())?;
        let raw = STANDARD.decode(reader.str().map_err(|_| wrong())?).map_err(|_| wrong())?;
        scan::check(&raw, FRAME_DEPTH, FRAME_VALUES).map_err(|_| wrong())?;
        self.0.extend_from_slice(&raw);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(raw: &[u8]) -> String {
        let json = to_json(raw).expect("sound");
        assert_eq!(from_json(&json).expect("JSON"), raw, "{json}");
        json
    }

    #[test]
    fn plain_values_are_plain() {
        assert_eq!(round(&[0x93, 0xc0, 0xc3, 0x2a]), "[null,true,42]");
        assert_eq!(round(&[0x81, 0xa1, b'k', 0x90]), r#"{"k":[]}"#);
        let mut float = Vec::new();
        [1.0, -0.0, 1e300, 0.1].iter().for_each(|x| pack::float(&mut float, *x));
        assert_eq!(round(&[&[0x94], &float[..]].concat()), "[1.0,-0.0,1e300,0.1]");
        // A parser that is only almost right reads these digits one unit off.
        round(&[203, 224, 137, 16, 85, 168, 82, 15, 80]);
        let mut text = Vec::new();
        pack::str(&mut text, "\u{0}\u{1F600}\"é");
        round(&text);
    }

    #[test]
    fn what_json_lacks_is_escaped_innermost() {
        assert_eq!(round(&[0x92, 1, 0xc4, 1, 7]), r#"[1,{"$mp":"xAEH"}]"#);
        for raw in [
            &[0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1][..],
            &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0xd3, 128, 0, 0, 0, 0, 0, 0, 0],
            &[0xcc, 5],
            &[0xca, 0x3f, 0x80, 0, 0],
            &[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
            &[0xd4, 1, 2],
            &[0xa1, 0xff],
            &[0xd9, 1, b'x'],
            &[0xde, 0, 0],
            &[0x81, 1, 2],
            &[0x82, 0xa1, b'a', 1, 0xa1, b'a', 2],
            &[0x81, 0xa3, b'$', b'm', b'p', 1],
        ] {
            assert!(round(raw).starts_with("{\"$mp\""), "{raw:?}");
        }
        assert_eq!(round(&[0x82, 0xa3, b'$', b'm', b'p', 1, 0xa1, b'b', 2]), r#"{"$mp":1,"b":2}"#);
    }

    #[test]
    fn bad_json_and_bad_escapes_are_errors() {
        for bad in ["", "{", "[1] 2", r#"{"$mp":5}"#, r#"{"$mp":"?"}"#, r#"{"$mp":"wMA="}"#] {
            assert!(from_json(bad).is_err(), "{bad}");
        }
        assert!(from_json(&"[".repeat(100_000)).is_err());
    }
}
