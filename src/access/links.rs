//! Share links: who has one may come in, in its role, until it ends or is taken back.
//!
//! A link is `link.<what>.<signature>`: it names its project and its number, signed with a key that only the project's record holds, so that it can
//! be neither guessed nor made. What it grants stands in the record, where it can be revoked.

use super::denied::Denied;
use super::password::Password;
use super::rights::Rights;
use crate::ids::ProjectId;
use crate::protocol::message::Role;
use crate::protocol::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt as _;
use ring::hmac;
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

/// What every link begins with.
pub const PREFIX: &str = "link.";
/// Most links of a project.
pub const LINKS: usize = 200;

/// What a share link grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The role of whoever has it.
    pub role: Role,
    /// When it was made, in ms since 1970.
    pub made_ms: u64,
    /// When it ends, in ms since 1970; `None`: when it is revoked.
    #[serde(default)]
    pub expires_ms: Option<u64>,
    /// What must be known besides.
    #[serde(default)]
    pub password: Option<Password>,
}

impl Link {
    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self, now_ms: u64) -> bool {
        self.expires_ms.is_some_and(|end| end <= now_ms)
    }
}

/// What is written in a link.
#[derive(Serialize, Deserialize)]
struct Said {
    p: SmolStr,
    l: SmolStr,
}

fn invalid() -> Denied {
    Denied::token("link_invalid", "this share link is not valid, or not any more: ask whoever sent it for a new one")
}

/// Adds a link to the record. Its id and its text, which is never stored.
///
/// # Errors
/// A sentence, when there are too many.
pub fn make(rights: &mut Rights, project: &ProjectId, link: Link) -> Result<(SmolStr, String), String> {
    rights.forget_links(link.made_ms);
    if rights.links.len() >= LINKS {
        return Err(format!("a project may have {LINKS} share links: revoke some first"));
    }
    let key =
        rights.link_key.get_or_insert_with(|| URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>()).as_str().into());
    let id = format_smolstr!("{:016x}", rand::rng().random::<u64>());
    let said = Said { p: project.as_str().into(), l: id.clone() };
    let what = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&said).expect("two texts are JSON"));
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&signing(key), what.as_bytes()));
    rights.links.insert(id.clone(), link);
    Ok((id, format!("{PREFIX}{what}.{signature}")))
}

/// The link that this text is, by its id.
///
/// # Errors
/// [`Denied`]: it is none of this project, or it has ended.
pub(super) fn find<'a>(
    text: &str,
    project: &ProjectId,
    rights: &'a Rights,
    now_ms: u64,
) -> Result<(SmolStr, &'a Link), Denied> {
    let id = checked(text, project, rights).ok_or_else(invalid)?;
    let link = rights.links.get(&id).ok_or_else(invalid)?;
    if link.is_over(now_ms) {
        return Err(Denied::token("link_expired", "this share link has expired: ask whoever sent it for a new one"));
    }
    Ok((id, link))
}

/// The id in a link, if it was made with this project's key.
fn checked(text: &str, project: &ProjectId, rights: &Rights) -> Option<SmolStr> {
    let (what, signature) = text.strip_prefix(PREFIX)?.split_once('.')?;
    let key = signing(rights.link_key.as_ref()?);
    hmac::verify(&key, what.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let said: Said = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(what).ok()?).ok()?;
    (said.p == project.as_str()).then_some(said.l)
}

fn signing(key: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.reveal().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(expires_ms: Option<u64>) -> Link {
        Link { role: Role::Editor, made_ms: 1, expires_ms, password: None }
    }

    fn project(id: &str) -> ProjectId {
        ProjectId::parse(id).expect("valid")
    }

    #[test]
    fn a_link_is_good_for_its_project_until_it_ends() {
        let mut rights = Rights::default();
        let (id, text) = make(&mut rights, &project("a"), link(Some(100))).expect("made");
        let found = |project: &ProjectId, rights: &Rights, now| {
            find(&text, project, rights, now).map(|(id, _)| id).map_err(|denied| denied.code())
        };
        assert_eq!(found(&project("a"), &rights, 99), Ok(id.clone()));
        assert_eq!(found(&project("a"), &rights, 100), Err("link_expired"));
        assert_eq!(found(&project("b"), &rights, 99), Err("link_invalid"));
        rights.links.remove(&id);
        assert_eq!(found(&project("a"), &rights, 99), Err("link_invalid"), "revoked");
    }

    #[test]
    fn nobody_makes_one_without_the_key() {
        let mut rights = Rights::default();
        let (_, text) = make(&mut rights, &project("a"), link(None)).expect("made");
        let mut others = Rights::default();
        let (_, foreign) = make(&mut others, &project("a"), link(None)).expect("made");
        for wrong in [&foreign[..], "link.", "link.a.b", &text[..text.len() - 2], &format!("{text}x")] {
            let found = find(wrong, &project("a"), &rights, 1).map(|_| ());
            assert_eq!(found.map_err(|denied| denied.code()), Err("link_invalid"), "{wrong}");
        }
    }

    #[test]
    fn there_is_room_for_new_ones_when_old_ones_are_over() {
        let mut rights = Rights::default();
        for _ in 0..LINKS {
            make(&mut rights, &project("a"), link(Some(5))).expect("made");
        }
        assert!(make(&mut rights, &project("a"), link(None)).is_err());
        let later = Link { made_ms: 5, ..link(None) };
        assert!(make(&mut rights, &project("a"), later).is_ok());
        assert_eq!(rights.links.len(), 1);
    }
}
