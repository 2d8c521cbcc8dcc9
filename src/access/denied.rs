//! Why somebody is not let in, and what they can do about it.

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No token, or one that is not taken: another one may be.
    #[error("{message}")]
    Unauthenticated {
        /// A fixed word, as in `PROTOCOL.md` §2.
        code: &'static str,
        /// A sentence that says what to do. Never holds the token.
        message: String,
    },
    /// It is known who it is, and that is not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such project any more.
    #[error("this project was deleted")]
    Deleted,
    /// More is being asked for than may be. Come again, later.
    #[error("{0}")]
    TooOften(String),
    /// It cannot be known now. Come again.
    #[error("{0}")]
    Unavailable(String),
}

impl Denied {
    /// A token that is not taken.
    pub(super) fn token(code: &'static str, message: impl Into<String>) -> Self {
        Self::Unauthenticated { code, message: message.into() }
    }

    /// The fixed word of it, for clients and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated { code, .. } => code,
            Self::Forbidden(_) => "forbidden",
            Self::Deleted => "deleted",
            Self::TooOften(_) => "rate_limited",
            Self::Unavailable(_) => "unavailable",
        }
    }
}
