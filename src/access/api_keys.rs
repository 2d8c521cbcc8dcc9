//! Keys of back ends: whoever has one may do everything in every project, over HTTP.

use super::grant::{Basis, EVERY, Grant};
use crate::protocol::message::Role;
use sha2::{Digest as _, Sha256};
use smol_str::{SmolStr, format_smolstr};
use std::collections::BTreeMap;
use std::fmt;

/// What the user of every back end begins with.
pub const USER: &str = "api:";
/// Shortest key, in characters.
pub const KEY_CHARS: usize = 32;

/// The keys of `COLLAB_API_KEYS`, by digest: comparing digests tells nobody how much of a key is right.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<(SmolStr, [u8; 32])>);

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl ApiKeys {
    /// Parses keys with commas between them, each with a name in front if it likes: `shop=KEY`.
    ///
    /// # Errors
    /// A sentence, which never repeats a key.
    pub fn parse(list: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        for (n, entry) in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate() {
            let (name, key) = entry.split_once('=').unwrap_or(("", entry));
            if key.len() < KEY_CHARS || !key.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(format!(
                    "key {} must have {KEY_CHARS} or more printable characters: openssl rand -hex 32 makes one",
                    n + 1
                ));
            }
            let name = if name.is_empty() { format_smolstr!("{}", n + 1) } else { name.into() };
            keys.push((name, Sha256::digest(key).into()));
        }
        Ok(Self(keys))
    }

    /// What this key grants, if it is one.
    #[must_use]
    pub fn grant(&self, key: &str, now_ms: u64) -> Option<Grant> {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let (name, _) = self.0.iter().find(|(_, known)| *known == digest)?;
        let basis = Basis::Projects(BTreeMap::from([(EVERY.into(), Role::Owner)]));
        Some(Grant { user: format_smolstr!("{USER}{name}"), basis, issued_ms: now_ms, expires_ms: None })
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_name_and_short_ones_are_refused() {
        let (one, two) = ("a".repeat(32), "b".repeat(40));
        let keys = ApiKeys::parse(&format!("shop={one}, {two}")).expect("valid");
        assert_eq!(keys.grant(&one, 1).map(|grant| grant.user), Some("api:shop".into()));
        assert_eq!(keys.grant(&two, 1).map(|grant| grant.user), Some("api:2".into()));
        assert_eq!(keys.grant(&one[1..], 1), None);
        assert!(!format!("{keys:?}").contains(&one));
        let error = ApiKeys::parse("shop=short").expect_err("refused");
        assert!(error.contains("32 or more") && !error.contains("short"), "{error}");
    }
}
