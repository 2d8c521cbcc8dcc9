//! Passwords of share links: kept as what PBKDF2 makes of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt as _;
use ring::pbkdf2;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// As OWASP's Password Storage Cheat Sheet wants it of PBKDF2 with HMAC-SHA-256: about 0.1 s of a processor.
const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).expect("not zero");
/// Longest password, in bytes.
pub const PASSWORD_BYTES: usize = 256;

/// A password that is not known any more, only recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password {
    salt: String,
    hash: String,
    rounds: NonZeroU32,
}

impl Password {
    /// Takes a tenth of a second: call it beside everything else.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let salt: [u8; 16] = rand::rng().random();
        let mut hash = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, &salt, text.as_bytes(), &mut hash);
        Self { salt: URL_SAFE_NO_PAD.encode(salt), hash: URL_SAFE_NO_PAD.encode(hash), rounds: ROUNDS }
    }

    /// Whether this is it. Takes as long as [`Self::of`].
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        let (Ok(salt), Ok(hash)) = (URL_SAFE_NO_PAD.decode(&self.salt), URL_SAFE_NO_PAD.decode(&self.hash)) else {
            return false;
        };
        pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, self.rounds, &salt, text.as_bytes(), &hash).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_recognised_and_not_kept() {
        let password = Password::of("correct horse");
        assert!(password.is("correct horse"));
        assert!(!password.is("correct horsf") && !password.is(""));
        assert!(!serde_json::to_string(&password).expect("JSON").contains("horse"));
        assert_ne!(Password::of("correct horse"), password, "another salt");
    }
}
