//! Why a batch is refused, and what its author is told.

use crate::ids::{Author, ObjectId};
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Code of a refusal, as in the table of `PROTOCOL.md` §3.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "protocol.ts", rename_all = "snake_case"))]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as it travels and is stored.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// Create of an id that exists.
    Exists = "exists",
    /// `if_rev` or `if_absent` did not hold.
    Precondition = "precondition",
    /// The chain of parents would lead back.
    Cycle = "cycle",
    /// The chain of parents would be too long.
    TooDeep = "too_deep",
    /// Increment of, or by, something that is not a number.
    NotANumber = "not_a_number",
    /// Increment beyond what a number can hold.
    Overflow = "overflow",
    /// Somebody else has the object's lease.
    Leased = "leased",
    /// The stored object cannot be read and is set aside.
    Quarantined = "quarantined",
    /// The project has as many objects as it may.
    TooManyObjects = "too_many_objects",
    /// The object would be larger than it may.
    ObjectTooLarge = "object_too_large",
    /// The project would be larger than it may.
    ProjectTooLarge = "project_too_large",
    /// More ops or bytes than a batch may have.
    BatchTooLarge = "batch_too_large",
    /// An op that is not one.
    InvalidOp = "invalid_op",
    /// An object id that is not one.
    InvalidId = "invalid_id",
    /// A property name or value that cannot be taken.
    InvalidProperty = "invalid_property",
    /// An order key that is not one.
    InvalidOrderKey = "invalid_order_key",
    /// The author resent a batch as refused, with a code this build does not know.
    Refused = "refused",
    /// Too much in flight.
    Overloaded = "overloaded",
    /// More in a second than may be.
    RateLimited = "rate_limited",
    /// The store does not answer.
    Unavailable = "unavailable",
    /// This role may not write.
    Forbidden = "forbidden",
}

/// What a refusal means for the client's counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "protocol.ts", rename_all = "snake_case"))]
pub enum Kind {
    /// The cid is used up; the log records an empty commit with the code.
    Final,
    /// The cid is not used up: send again, later.
    Temporary,
    /// The cid is not used up, and sending again will not help.
    Forbidden,
}

impl Kind {
    /// The kind as it travels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::Temporary => "temporary",
            Self::Forbidden => "forbidden",
        }
    }
}

impl Code {
    /// The code of a travelling or stored text; one from another build becomes [`Code::Refused`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::ALL.iter().copied().find(|c| c.as_str() == text).unwrap_or(Self::Refused)
    }

    /// What this code means for the client's counter.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Overloaded | Self::RateLimited | Self::Unavailable => Kind::Temporary,
            Self::Forbidden => Kind::Forbidden,
            _ => Kind::Final,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refused batch: the code, a sentence for a person, and where in the batch it lies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// What kind of thing is wrong.
    pub code: Code,
    /// A sentence that says what to do.
    pub message: String,
    /// Index of the op in its batch.
    pub op: Option<usize>,
    /// The object that the op is about.
    pub id: Option<ObjectId>,
    /// Who has the object's lease.
    pub by: Option<Author>,
}

impl Refusal {
    /// A refusal of a whole batch.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), op: None, id: None, by: None }
    }

    /// A refusal that was told before: of the batch itself only its code is known.
    #[must_use]
    pub fn again(code: Code) -> Self {
        Self::new(code, "this batch was refused before")
    }

    /// The same refusal, placed at op number `op`.
    #[must_use]
    pub fn at(mut self, op: usize) -> Self {
        self.op = Some(op);
        self
    }

    /// The same refusal, about this object.
    #[must_use]
    pub fn about(mut self, id: &ObjectId) -> Self {
        self.id = Some(id.clone());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), *code);
        }
        assert_eq!(Code::parse("from the future"), Code::Refused);
    }
}
