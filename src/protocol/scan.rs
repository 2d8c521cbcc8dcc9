//! Walking raw MessagePack without building anything: where a value ends, and whether it is sound.
//!
//! Owns the one loop that everything else trusts: after [`skip`] has passed a value, its headers, lengths and nesting are known to
//! be good. Iterative, so that no nesting can overflow a stack.

use rmp::Marker;

/// Why bytes are not a MessagePack value that we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end inside a value.
    #[error("the MessagePack value ends too early")]
    Truncated,
    /// Containers nest deeper than allowed.
    #[error("the MessagePack value is nested too deep")]
    TooDeep,
    /// More values than allowed in one frame.
    #[error("the MessagePack value has too many parts")]
    TooMany,
    /// The reserved byte 0xc1.
    #[error("the MessagePack value has a reserved marker")]
    Reserved,
    /// A value of another type than the protocol asks for here.
    #[error("the MessagePack value is not {0}")]
    Expected(&'static str),
    /// Bytes after the end of the value.
    #[error("there are bytes after the MessagePack value")]
    Trailing,
}

/// The first bytes of a value, read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Head {
    /// nil
    Nil,
    /// true, false
    Bool(bool),
    /// An integer below zero.
    Negative(i64),
    /// An integer from zero up.
    Unsigned(u64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// Text of so many bytes.
    Str(usize),
    /// Bytes.
    Bin(usize),
    /// An extension: type and length.
    Ext(i8, usize),
    /// A list of so many values.
    Array(usize),
    /// A map of so many pairs.
    Map(usize),
}

/// Reads `N` bytes at `at`.
fn bytes<const N: usize>(input: &[u8], at: usize) -> Result<[u8; N], Malformed> {
    let slice = input.get(at..at + N).ok_or(Malformed::Truncated)?;
    slice.try_into().map_err(|_| Malformed::Truncated)
}

macro_rules! number {
    ($input:expr, $at:expr, $type:ty) => {
        <$type>::from_be_bytes(bytes($input, $at)?)
    };
}

fn signed(value: i64) -> Head {
    u64::try_from(value).map_or(Head::Negative(value), Head::Unsigned)
}

/// Reads the head of the value at the start of `input`: what it is and how many bytes the head takes. A text's, bin's or ext's
/// body and a container's members follow it.
///
/// # Errors
/// [`Malformed`] when the bytes end or the marker is reserved.
pub fn head(input: &[u8]) -> Result<(Head, usize), Malformed> {
    let marker = Marker::from_u8(*input.first().ok_or(Malformed::Truncated)?);
    Ok(match marker {
        Marker::Null => (Head::Nil, 1),
        Marker::True => (Head::Bool(true), 1),
        Marker::False => (Head::Bool(false), 1),
        Marker::FixPos(n) => (Head::Unsigned(n.into()), 1),
        Marker::FixNeg(n) => (Head::Negative(n.into()), 1),
        Marker::U8 => (Head::Unsigned(number!(input, 1, u8).into()), 2),
        Marker::U16 => (Head::Unsigned(number!(input, 1, u16).into()), 3),
        Marker::U32 => (Head::Unsigned(number!(input, 1, u32).into()), 5),
        Marker::U64 => (Head::Unsigned(number!(input, 1, u64)), 9),
        Marker::I8 => (signed(number!(input, 1, i8).into()), 2),
        Marker::I16 => (signed(number!(input, 1, i16).into()), 3),
        Marker::I32 => (signed(number!(input, 1, i32).into()), 5),
        Marker::I64 => (signed(number!(input, 1, i64)), 9),
        Marker::F32 => (Head::F32(number!(input, 1, f32)), 5),
        Marker::F64 => (Head::F64(number!(input, 1, f64)), 9),
        Marker::FixStr(n) => (Head::Str(n.into()), 1),
        Marker::Str8 => (Head::Str(number!(input, 1, u8).into()), 2),
        Marker::Str16 => (Head::Str(number!(input, 1, u16).into()), 3),
        Marker::Str32 => (Head::Str(number!(input, 1, u32) as usize), 5),
        Marker::Bin8 => (Head::Bin(number!(input, 1, u8).into()), 2),
        Marker::Bin16 => (Head::Bin(number!(input, 1, u16).into()), 3),
        Marker::Bin32 => (Head::Bin(number!(input, 1, u32) as usize), 5),
        Marker::FixExt1 => (Head::Ext(number!(input, 1, i8), 1), 2),
        Marker::FixExt2 => (Head::Ext(number!(input, 1, i8), 2), 2),
        Marker::FixExt4 => (Head::Ext(number!(input, 1, i8), 4), 2),
        Marker::FixExt8 => (Head::Ext(number!(input, 1, i8), 8), 2),
        Marker::FixExt16 => (Head::Ext(number!(input, 1, i8), 16), 2),
        Marker::Ext8 => (Head::Ext(number!(input, 2, i8), number!(input, 1, u8).into()), 3),
        Marker::Ext16 => (Head::Ext(number!(input, 3, i8), number!(input, 1, u16).into()), 4),
        Marker::Ext32 => (Head::Ext(number!(input, 5, i8), number!(input, 1, u32) as usize), 6),
        Marker::FixArray(n) => (Head::Array(n.into()), 1),
        Marker::Array16 => (Head::Array(number!(input, 1, u16).into()), 3),
        Marker::Array32 => (Head::Array(number!(input, 1, u32) as usize), 5),
        Marker::FixMap(n) => (Head::Map(n.into()), 1),
        Marker::Map16 => (Head::Map(number!(input, 1, u16).into()), 3),
        Marker::Map32 => (Head::Map(number!(input, 1, u32) as usize), 5),
        Marker::Reserved => return Err(Malformed::Reserved),
    })
}

/// Passes one whole value at the start of `input` and returns its length in bytes.
///
/// # Errors
/// [`Malformed`] when it is cut short, nests deeper than `depth` containers or has more than `values` parts.
pub fn skip(input: &[u8], depth: usize, mut values: usize) -> Result<usize, Malformed> {
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    loop {
        values = values.checked_sub(1).ok_or(Malformed::TooMany)?;
        let (head, length) = head(input.get(at..).ok_or(Malformed::Truncated)?)?;
        at += length;
        let members = match head {
            Head::Str(n) | Head::Bin(n) | Head::Ext(_, n) => {
                at = at.checked_add(n).ok_or(Malformed::Truncated)?;
                None
            }
            Head::Array(n) => Some(n),
            Head::Map(n) => Some(n.saturating_mul(2)),
            _ => None,
        };
        if at > input.len() {
            return Err(Malformed::Truncated);
        }
        if let Some(n) = members {
            if open.len() >= depth {
                return Err(Malformed::TooDeep);
            }
            // Each member takes a byte at least: a length that promises more is a lie, told before it costs anything.
            if n > input.len() - at {
                return Err(Malformed::Truncated);
            }
            open.push(n);
        }
        while open.last() == Some(&0) {
            open.pop();
        }
        match open.last_mut() {
            Some(left) => *left -= 1,
            None => return Ok(at),
        }
    }
}

/// Checks that `input` is exactly one sound value.
///
/// # Errors
/// [`Malformed`], also for bytes after the value.
pub fn check(input: &[u8], depth: usize, values: usize) -> Result<(), Malformed> {
    if skip(input, depth, values)? == input.len() { Ok(()) } else { Err(Malformed::Trailing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_passed_and_the_rest_left() {
        assert_eq!(skip(&[0x93, 1, 0xa1, b'x', 0xc0, 7], 4, 99), Ok(5));
        assert_eq!(skip(&[0x80, 7], 1, 9), Ok(1));
        assert_eq!(skip(&[0x92, 0x90, 0x91, 0x80], 3, 9), Ok(4));
        assert_eq!(check(&[0xc0, 0xc0], 1, 9), Err(Malformed::Trailing));
    }

    #[test]
    fn lies_and_bombs_fail_fast() {
        assert_eq!(skip(&[0xdd, 0xff, 0xff, 0xff, 0xff], 4, 1 << 30), Err(Malformed::Truncated));
        assert_eq!(skip(&[0xc6, 0xff, 0xff, 0xff, 0xff, 0], 4, 99), Err(Malformed::Truncated));
        assert_eq!(skip(&[0x91; 100_000], 32, 1 << 30), Err(Malformed::TooDeep));
        assert_eq!(skip(&[&[0xdc, 0, 50][..], &[0; 50]].concat(), 4, 50), Err(Malformed::TooMany));
        assert_eq!(skip(&[0xc1], 4, 9), Err(Malformed::Reserved));
        assert_eq!(skip(&[], 4, 9), Err(Malformed::Truncated));
    }
}
