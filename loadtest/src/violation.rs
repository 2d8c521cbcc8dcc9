//! What no server may do.

/// Something that a server never does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server broke the protocol: {0}")]
pub struct Violation(pub String);

/// It did this.
pub(crate) fn violation<T>(what: impl Into<String>) -> Result<T, Violation> {
    Err(Violation(what.into()))
}
