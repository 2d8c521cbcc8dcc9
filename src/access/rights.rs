//! A project's rights: the record that overrides what tokens say. Pure.

use super::links::Link;
use crate::protocol::message::Role;
use crate::protocol::secret::Secret;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// How long a client id stays barred, in ms: its page is gone by then.
const BARRED_MS: u64 = 24 * 3_600 * 1_000;

/// What is recorded of a project's rights.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rights {
    /// Roles by user, whatever their tokens say; `None`: shut out.
    pub members: BTreeMap<SmolStr, Option<Role>>,
    /// Tokens of a user that were made up to then, in ms since 1970, are not taken.
    pub revoked_users: BTreeMap<SmolStr, u64>,
    /// Tokens of anybody that were made up to then are not taken.
    pub revoked_ms: u64,
    /// Clients, as commits name them, that were sent away, and when.
    pub barred: BTreeMap<SmolStr, u64>,
    /// Nobody may change anything.
    pub frozen: bool,
    /// When the project was deleted, in ms since 1970: nobody has any right to it since.
    pub deleted_ms: Option<u64>,
    /// Share links by id.
    pub links: BTreeMap<SmolStr, Link>,
    /// What share links are signed with, in base64; made with the first.
    pub link_key: Option<Secret>,
}

impl Rights {
    /// Reads a record.
    ///
    /// # Errors
    /// A sentence: a record that cannot be read never lets anybody in.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body)
            .map_err(|error| format!("the record of the project's rights cannot be read: {error}"))
    }

    /// Writes the record.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("maps with text keys and plain values are JSON")
    }

    /// Until when tokens of this user are revoked.
    #[must_use]
    pub fn revoked_before(&self, user: &str) -> Option<u64> {
        let own = self.revoked_users.get(user).copied().unwrap_or_default();
        Some(own.max(self.revoked_ms)).filter(|at| *at > 0)
    }

    /// Ends every token of a user that was made up to now.
    pub fn revoke_user(&mut self, user: &str, now_ms: u64) {
        // Never earlier than a node with another clock has said.
        let at = self.revoked_users.entry(user.into()).or_default();
        *at = now_ms.max(*at);
    }

    /// Ends every token and every share link.
    pub fn revoke_all(&mut self, now_ms: u64) {
        self.revoked_ms = now_ms.max(self.revoked_ms);
        self.revoked_users.clear();
        self.links.clear();
    }

    /// Sends a client away, and forgets those that have been long enough.
    pub fn bar(&mut self, author: SmolStr, now_ms: u64) {
        self.barred.retain(|_, at| *at + BARRED_MS > now_ms);
        self.barred.insert(author, now_ms);
    }

    /// Ends every right for good. Who owned it may still ask whether that is done.
    pub fn delete(&mut self, now_ms: u64) {
        self.deleted_ms.get_or_insert(now_ms);
        self.links.clear();
        self.link_key = None;
    }

    /// Forgets share links that are over.
    pub fn forget_links(&mut self, now_ms: u64) {
        self.links.retain(|_, link| !link.is_over(now_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_one_of_a_newer_version_too() {
        let mut rights = Rights { frozen: true, ..Rights::default() };
        rights.members.insert("ana".into(), Some(Role::Commenter));
        rights.members.insert("bob".into(), None);
        rights.revoke_user("eve", 7);
        assert_eq!(Rights::read(&rights.write()), Ok(rights));
        let newer = br#"{"frozen": true, "moon": 1}"#;
        assert_eq!(Rights::read(newer), Ok(Rights { frozen: true, ..Rights::default() }));
        assert!(Rights::read(b"{").is_err());
    }

    #[test]
    fn what_links_are_signed_with_is_stored_and_never_printed() {
        let rights = Rights { link_key: Some("the key".into()), ..Rights::default() };
        assert!(!format!("{rights:?}").contains("the key"), "{rights:?}");
        assert_eq!(Rights::read(&rights.write()), Ok(rights));
    }

    #[test]
    fn barred_clients_are_forgotten_after_a_day() {
        let mut rights = Rights::default();
        rights.bar("a".into(), 1);
        rights.bar("b".into(), BARRED_MS);
        assert_eq!(rights.barred.len(), 2);
        rights.bar("c".into(), BARRED_MS + 1);
        assert_eq!(rights.barred.keys().collect::<Vec<_>>(), ["b", "c"]);
    }
}
