//! Property values as the model has them: what they mean, and the bytes that stand for them.

use super::dice::Dice;
use collabcanvas::ids::Author;
use collabcanvas::protocol::pack;

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Nil,
    Text(String),
    Integer(i128),
    Single(f32),
    Double(f64),
    /// A list in a list, so many of them.
    Deep(usize),
    /// Bytes, so many: what makes objects large.
    Bytes(usize),
    /// A lease: by whom, its token, until when.
    Lease(Author, u64, u64),
}

/// Texts that mean something somewhere: types, ids, order keys, and what only looks like one.
const TEXTS: [&str; 14] =
    ["a", "b", "c", "d", "rect", "", "a b", "a0", "a0V", "Zz", "a00", "c997", "c998", "A00000000000000000000000000"];

/// Integers at the ends of what can be held.
const INTEGERS: [i128; 9] =
    [0, 1, -1, 40, u64::MAX as i128, i64::MIN as i128, i64::MAX as i128, u64::MAX as i128 - 1, 1 << 53];

const DOUBLES: [f64; 7] = [0.5, -0.0, 1e300, f64::MAX, f64::MIN, f64::NAN, f64::INFINITY];

impl Value {
    pub(crate) fn any(dice: &mut Dice<'_>) -> Self {
        match dice.below(9) {
            0 | 1 => Self::Integer(dice.pick(&INTEGERS)),
            2 | 3 => Self::Text(dice.pick(&TEXTS).to_owned()),
            4 => Self::Double(dice.pick(&DOUBLES)),
            5 => Self::Single(dice.pick(&[1.5, f32::MAX, f32::NEG_INFINITY])),
            6 => Self::Deep(dice.below(7)),
            7 => Self::Bytes(dice.below(80)),
            _ => Self::Nil,
        }
    }

    /// As it travels.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Nil => pack::nil(&mut out),
            Self::Text(text) => pack::str(&mut out, text),
            Self::Integer(n) => match (u64::try_from(*n), i64::try_from(*n)) {
                (Ok(n), _) => pack::uint(&mut out, n),
                (_, Ok(n)) => pack::int(&mut out, n),
                _ => unreachable!("no sum beyond this range is held"),
            },
            Self::Single(x) => out.extend_from_slice(&[&[0xca][..], &x.to_be_bytes()].concat()),
            Self::Double(x) => pack::float(&mut out, *x),
            Self::Deep(0) => pack::bool(&mut out, true),
            Self::Deep(depth) => {
                out.resize(depth - 1, 0x91);
                out.push(0x90);
            }
            Self::Bytes(length) => pack::bin(&mut out, &vec![7; *length]),
            Self::Lease(by, token, until) => {
                pack::array(&mut out, 3);
                pack::str(&mut out, &by.text());
                pack::uint(&mut out, *token);
                pack::uint(&mut out, *until);
            }
        }
        out
    }

    /// How many containers it nests.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Deep(depth) => *depth,
            Self::Lease(..) => 1,
            _ => 0,
        }
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Integer(_) | Self::Single(_) | Self::Double(_))
    }

    /// The sum of two numbers, if it can be held.
    pub(crate) fn plus(&self, by: &Self) -> Option<Self> {
        if let (Self::Integer(a), Self::Integer(b)) = (self, by) {
            let sum = a + b;
            return (-(1 << 63)..1 << 64).contains(&sum).then_some(Self::Integer(sum));
        }
        let sum = self.as_double() + by.as_double();
        sum.is_finite().then_some(Self::Double(sum))
    }

    #[expect(clippy::cast_precision_loss, reason = "adding a float to an integer is float arithmetic")]
    fn as_double(&self) -> f64 {
        match self {
            Self::Integer(n) => *n as f64,
            Self::Single(x) => f64::from(*x),
            Self::Double(x) => *x,
            _ => unreachable!("only numbers are added"),
        }
    }
}
