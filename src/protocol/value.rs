//! One property value: any MessagePack value, kept as the bytes it came in.

use super::scan::{self, Head, Malformed};
use bytes::Bytes;
use std::fmt;

/// A sound MessagePack value, byte for byte as its author wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Bytes);

/// A number that `increment` can add to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Any integer that MessagePack can hold.
    Integer(i128),
    /// A float of either width.
    Float(f64),
}

impl Value {
    /// Checks that `bytes` are exactly one value of at most `depth` nested containers.
    ///
    /// # Errors
    /// [`Malformed`] when they are not.
    pub fn new(bytes: Bytes, depth: usize) -> Result<Self, Malformed> {
        scan::check(&bytes, depth, super::limits::FRAME_VALUES)?;
        Ok(Self(bytes))
    }

    /// Takes bytes that [`scan::skip`] has already passed.
    pub(super) fn trusted(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The MessagePack bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match super::json::to_json(&self.0) {
            Ok(json) => f.write_str(&json),
            Err(_) => write!(f, "{:?}", self.0),
        }
    }
}

/// The text of a raw MessagePack value, or `None` when it is anything else or not UTF-8.
#[must_use]
pub fn text(raw: &[u8]) -> Option<&str> {
    match scan::head(raw) {
        Ok((Head::Str(n), at)) => std::str::from_utf8(raw.get(at..at + n)?).ok(),
        _ => None,
    }
}

/// Whether a raw value is nil.
#[must_use]
pub fn is_nil(raw: &[u8]) -> bool {
    raw == [0xc0]
}

/// The number in a raw value, or `None` when it is anything else.
#[must_use]
pub fn number(raw: &[u8]) -> Option<Number> {
    match scan::head(raw).ok()?.0 {
        Head::Unsigned(n) => Some(Number::Integer(n.into())),
        Head::Negative(n) => Some(Number::Integer(n.into())),
        Head::F32(x) => Some(Number::Float(x.into())),
        Head::F64(x) => Some(Number::Float(x)),
        _ => None,
    }
}

impl Number {
    /// The sum: two integers give an integer, else a 64-bit float. `None` when it cannot be held or is not finite.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let sum = match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => {
                let sum = a.checked_add(b)?;
                let fits = (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&sum);
                return fits.then_some(Self::Integer(sum));
            }
            (a, b) => a.as_f64() + b.as_f64(),
        };
        sum.is_finite().then_some(Self::Float(sum))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "adding a float to an integer is float arithmetic, as in every language"
    )]
    fn as_f64(self) -> f64 {
        match self {
            Self::Integer(n) => n as f64,
            Self::Float(x) => x,
        }
    }

    /// The number as a MessagePack value in its shortest form (integers) or as a 64-bit float.
    #[must_use]
    pub fn to_value(self) -> Value {
        let mut out = Vec::with_capacity(9);
        match self {
            Self::Float(x) => super::pack::float(&mut out, x),
            Self::Integer(n) => match (u64::try_from(n), i64::try_from(n)) {
                (Ok(n), _) => super::pack::uint(&mut out, n),
                (_, Ok(n)) => super::pack::int(&mut out, n),
                // `plus` is the only maker and has checked the range.
                _ => super::pack::nil(&mut out),
            },
        }
        Value(out.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_integers_and_refuse_overflow() {
        let int = Number::Integer;
        assert_eq!(int(2).plus(int(-5)), Some(int(-3)));
        assert_eq!(int(u64::MAX.into()).plus(int(1)), None);
        assert_eq!(int(i64::MIN.into()).plus(int(-1)), None);
        assert_eq!(int(1).plus(Number::Float(0.5)), Some(Number::Float(1.5)));
        assert_eq!(Number::Float(f64::MAX).plus(Number::Float(f64::MAX)), None);
        assert_eq!(Number::Float(1.0).plus(Number::Float(f64::NAN)), None);
        assert_eq!(number(int(-3).to_value().as_bytes()), Some(int(-3)));
        assert_eq!(number(int(u64::MAX.into()).to_value().as_bytes()), Some(int(u64::MAX.into())));
    }

    #[test]
    fn only_text_is_text() {
        assert_eq!(text(&[0xa2, b'h', b'i']), Some("hi"));
        assert_eq!(text(&[0xa1, 0xff]), None);
        assert_eq!(text(&[0xc0]), None);
    }
}
