//! Text that is never printed.

use std::fmt;

/// A setting that may hold a password: it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(pub(super) String);

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl SecretText {
    /// What it says.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
