//! What a token, a ticket or a share link grants: pure.

use super::api_keys;
use super::rights::Rights;
use crate::ids::{Author, ProjectId};
use crate::protocol::message::Role;
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};
use std::collections::BTreeMap;

/// In `projects`, every project that is not named.
pub const EVERY: &str = "*";
/// The user of everybody without a token, on a node for development.
pub const ANONYMOUS: &str = "anonymous";

/// Whom somebody was let in as, and on what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The user id.
    pub user: SmolStr,
    /// What it rests on.
    pub basis: Basis,
    /// When it was made, in ms since 1970: a later revocation ends it.
    pub issued_ms: u64,
    /// When it ends, in ms since 1970; `None`: never.
    pub expires_ms: Option<u64>,
}

/// What a grant rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Roles by project, as a token names them.
    Projects(BTreeMap<SmolStr, Role>),
    /// A share link, by its id.
    Link(SmolStr),
}

/// Why a grant is no right to a project, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRight {
    /// It never was.
    #[error("you have no access to this project: ask one of its owners")]
    None,
    /// Somebody took it away.
    #[error("your access to this project was taken away: ask one of its owners")]
    Revoked,
    /// There is no such project any more.
    #[error("this project was deleted")]
    Deleted,
    /// The token was made before a revocation: a newer one may be good.
    #[error("this token was revoked: get a new one")]
    TokenRevoked,
}

impl Grant {
    /// Everybody may edit everything: only on a node for development.
    #[must_use]
    pub fn anonymous(now_ms: u64) -> Self {
        let everything = BTreeMap::from([(EVERY.into(), Role::Editor)]);
        Self { user: ANONYMOUS.into(), basis: Basis::Projects(everything), issued_ms: now_ms, expires_ms: None }
    }

    /// Whoever has the admin token owns everything.
    #[must_use]
    pub fn operator(now_ms: u64) -> Self {
        let everything = BTreeMap::from([(EVERY.into(), Role::Owner)]);
        Self {
            user: format_smolstr!("{}operator", api_keys::USER),
            basis: Basis::Projects(everything),
            issued_ms: now_ms,
            expires_ms: None,
        }
    }

    /// The role in a project, whether it is frozen or deleted or not.
    ///
    /// # Errors
    /// [`NoRight`].
    pub fn role(&self, project: &ProjectId, rights: &Rights) -> Result<Role, NoRight> {
        let granted = match &self.basis {
            Basis::Link(id) => return rights.links.get(id).map(|link| link.role).ok_or(NoRight::Revoked),
            Basis::Projects(projects) => projects.get(project.as_str()).or_else(|| projects.get(EVERY)).copied(),
        };
        if rights.revoked_before(&self.user).is_some_and(|revoked| self.issued_ms <= revoked) {
            return Err(NoRight::TokenRevoked);
        }
        match rights.members.get(&self.user) {
            Some(Some(role)) => Ok(*role),
            Some(None) => Err(NoRight::Revoked),
            None => granted.ok_or(NoRight::None),
        }
    }

    /// The role of a session of this client in a project now: in a frozen one nobody writes.
    ///
    /// # Errors
    /// [`NoRight`].
    pub fn session_role(&self, project: &ProjectId, author: Author, rights: &Rights) -> Result<Role, NoRight> {
        if rights.deleted_ms.is_some() {
            return Err(NoRight::Deleted);
        }
        if rights.barred.contains_key(&author.text()) {
            return Err(NoRight::Revoked);
        }
        let role = self.role(project, rights)?;
        Ok(if rights.frozen && role.may_write() { Role::Viewer } else { role })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ClientId;

    fn grant(projects: &[(&str, Role)]) -> Grant {
        let projects = projects.iter().map(|(id, role)| (SmolStr::new(id), *role)).collect();
        Grant { user: "ana".into(), basis: Basis::Projects(projects), issued_ms: 1_000, expires_ms: None }
    }

    fn project(id: &str) -> ProjectId {
        ProjectId::parse(id).expect("valid")
    }

    #[test]
    fn a_named_project_comes_before_every() {
        let grant = grant(&[("a", Role::Viewer), (EVERY, Role::Owner)]);
        let rights = Rights::default();
        assert_eq!(grant.role(&project("a"), &rights), Ok(Role::Viewer));
        assert_eq!(grant.role(&project("b"), &rights), Ok(Role::Owner));
        assert_eq!(self::grant(&[("a", Role::Viewer)]).role(&project("b"), &rights), Err(NoRight::None));
    }

    #[test]
    fn the_record_overrides_the_token() {
        let grant = grant(&[("a", Role::Editor)]);
        let mut rights = Rights::default();
        rights.members.insert("ana".into(), Some(Role::Owner));
        assert_eq!(grant.role(&project("a"), &rights), Ok(Role::Owner));
        assert_eq!(grant.role(&project("b"), &rights), Ok(Role::Owner), "a member of the project whose record it is");
        rights.members.insert("ana".into(), None);
        assert_eq!(grant.role(&project("a"), &rights), Err(NoRight::Revoked));
    }

    #[test]
    fn a_revocation_ends_what_was_made_before_it() {
        let grant = grant(&[("a", Role::Editor)]);
        let mut rights = Rights::default();
        rights.revoked_users.insert("ana".into(), 1_000);
        assert_eq!(grant.role(&project("a"), &rights), Err(NoRight::TokenRevoked));
        let newer = Grant { issued_ms: 1_001, ..grant };
        assert_eq!(newer.role(&project("a"), &rights), Ok(Role::Editor));
        rights.revoked_ms = 5_000;
        assert_eq!(newer.role(&project("a"), &rights), Err(NoRight::TokenRevoked), "everybody's");
    }

    #[test]
    fn in_a_frozen_project_nobody_writes_and_owners_stay_owners() {
        let grant = grant(&[("a", Role::Owner)]);
        let author = Author::of("ana", &ClientId::parse("c").expect("valid"));
        let mut rights = Rights { frozen: true, ..Rights::default() };
        assert_eq!(grant.session_role(&project("a"), author, &rights), Ok(Role::Viewer));
        assert_eq!(grant.role(&project("a"), &rights), Ok(Role::Owner));
        rights.barred.insert(author.text(), 0);
        assert_eq!(grant.session_role(&project("a"), author, &rights), Err(NoRight::Revoked));
        rights.delete(7);
        assert_eq!(grant.session_role(&project("a"), author, &rights), Err(NoRight::Deleted));
        assert_eq!(grant.role(&project("a"), &rights), Ok(Role::Owner), "who may still see that it is done");
    }
}
