//! `GET`, `POST /v1/projects/{project}/links` and `DELETE …/links/{link}`: share links.

use super::{Answer, Problem, done, json, owned, read};
use crate::access::links::{self, Link};
use crate::access::password::{PASSWORD_BYTES, Password};
use crate::clock;
use crate::gateway::upgrade::Gateway;
use crate::protocol::message::Role;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A link to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    role: Role,
    /// In how many ms it ends; absent: when it is revoked.
    ttl_ms: Option<u64>,
    password: Option<String>,
}

/// A link that was made. Its text is told this once.
#[derive(Serialize)]
struct Made {
    id: SmolStr,
    link: String,
}

/// A link as it is listed.
#[derive(Serialize)]
struct Listed<'a> {
    id: &'a SmolStr,
    role: Role,
    /// When it was made, in ms since 1970.
    made_ms: u64,
    /// When it ends, in ms since 1970.
    expires_ms: Option<u64>,
    has_password: bool,
}

#[derive(Serialize)]
struct List<'a> {
    links: Vec<Listed<'a>>,
}

/// Lists what is not over.
pub(super) async fn get(State(gateway): State<Gateway>, Path(project): Path<String>, headers: HeaderMap) -> Answer {
    let project = owned(&gateway, &project, &headers).await?;
    let rights = gateway.access.registry().read(&project).await?.rights;
    let now = clock::now_ms();
    let listed = rights.links.iter().filter(|(_, link)| !link.is_over(now)).map(|(id, link)| Listed {
        id,
        role: link.role,
        made_ms: link.made_ms,
        expires_ms: link.expires_ms,
        has_password: link.password.is_some(),
    });
    json(&List { links: listed.collect() })
}

/// Makes one.
pub(super) async fn post(
    State(gateway): State<Gateway>,
    Path(project): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let project = owned(&gateway, &project, &headers).await?;
    let wanted: Wanted = read(&body, r#"{"role": "viewer", "ttl_ms": 86400000, "password": "…"}"#)?;
    if wanted.role == Role::Owner {
        return Err(Problem::wrong("a share link makes nobody an owner: name a member for that"));
    }
    let password = match wanted.password {
        Some(text) if text.is_empty() || text.len() > PASSWORD_BYTES => {
            return Err(Problem::wrong(format!("a password must have 1 to {PASSWORD_BYTES} bytes")));
        }
        Some(text) => Some(gateway.access.password(move || Password::of(&text)).await?),
        None => None,
    };
    let made_ms = clock::now_ms();
    let link = Link {
        role: wanted.role,
        made_ms,
        expires_ms: wanted.ttl_ms.map(|left| made_ms.saturating_add(left)),
        password,
    };
    let registry = gateway.access.registry();
    let (id, link) = registry.change(&project, |rights| links::make(rights, &project, link.clone())).await?;
    json(&Made { id, link })
}

/// Revokes one: who came by it is sent away.
pub(super) async fn delete(
    State(gateway): State<Gateway>,
    Path((project, link)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let project = owned(&gateway, &project, &headers).await?;
    let registry = gateway.access.registry();
    registry.change(&project, |rights| Ok(rights.links.remove(&link[..]))).await?;
    done()
}
