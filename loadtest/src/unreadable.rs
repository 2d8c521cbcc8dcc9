//! What to say of a message that nobody can read.

use collabcanvas::protocol::scan::Malformed;

/// A message that is not one of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable message of the server: {0}")]
pub struct Unreadable(String);

impl Unreadable {
    pub(crate) fn new(why: String) -> Self {
        Self(why)
    }
}

impl From<Malformed> for Unreadable {
    fn from(error: Malformed) -> Self {
        Self(error.to_string())
    }
}
