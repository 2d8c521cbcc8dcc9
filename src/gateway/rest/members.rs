//! `GET /v1/projects/{project}/members`, `PUT` and `DELETE …/members/{user}`, `PUT …/frozen`: roles that override tokens.

use super::{Answer, Problem, done, json, owned, read};
use crate::access::token;
use crate::gateway::upgrade::Gateway;
use crate::protocol::message::Role;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// A member's role; nil shuts the user out, whatever their token says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    #[serde(deserialize_with = "Deserialize::deserialize")]
    role: Option<Role>,
}

#[derive(Serialize)]
struct List<'a> {
    members: &'a BTreeMap<SmolStr, Option<Role>>,
    frozen: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Frozen {
    frozen: bool,
}

/// Lists whose roles are recorded, and whether the project is frozen.
pub(super) async fn get(State(gateway): State<Gateway>, Path(project): Path<String>, headers: HeaderMap) -> Answer {
    let project = owned(&gateway, &project, &headers).await?;
    let rights = gateway.access.registry().read(&project).await?.rights;
    json(&List { members: &rights.members, frozen: rights.frozen })
}

/// Records a user's role.
pub(super) async fn put(
    State(gateway): State<Gateway>,
    Path((project, user)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let project = owned(&gateway, &project, &headers).await?;
    let user = token::user(&user).map_err(|why| Problem::wrong(format!("the user's id {why}")))?;
    let Member { role } = read(&body, r#"{"role": "editor"}"#)?;
    let registry = gateway.access.registry();
    registry.change(&project, |rights| Ok(rights.members.insert(user.clone(), role))).await?;
    done()
}

/// Forgets a user's role: their token counts again.
pub(super) async fn delete(
    State(gateway): State<Gateway>,
    Path((project, user)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let project = owned(&gateway, &project, &headers).await?;
    gateway.access.registry().change(&project, |rights| Ok(rights.members.remove(&user[..]))).await?;
    done()
}

/// Makes the project read-only, for everybody, or no longer.
pub(super) async fn freeze(
    State(gateway): State<Gateway>,
    Path(project): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let project = owned(&gateway, &project, &headers).await?;
    let Frozen { frozen } = read(&body, r#"{"frozen": true}"#)?;
    let set = |rights: &mut crate::access::rights::Rights| {
        rights.frozen = frozen;
        Ok(())
    };
    gateway.access.registry().change(&project, set).await?;
    done()
}
