//! `POST /v1/projects/{project}/revoke`: takes access away, on live connections too, on whatever node they are.

use super::sessions::send_away;
use super::{Answer, Problem, done, owned, read};
use crate::clock;
use crate::gateway::upgrade::Gateway;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::Deserialize;

/// Whose access is taken away.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Revoke {
    /// Every token of this user that was made until now.
    User(String),
    /// This session; its page does not come back with the same client id.
    Session(u64),
    /// This share link, by its id.
    Link(String),
    /// Every token and every share link: `{"all": true}`.
    All(bool),
}

/// Takes it away.
pub(super) async fn post(
    State(gateway): State<Gateway>,
    Path(project): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let project = owned(&gateway, &project, &headers).await?;
    let example = r#"{"user": "ana"}, {"session": 7}, {"link": "id"} or {"all": true}"#;
    let revoke: Revoke = read(&body, example)?;
    let now = clock::now_ms();
    if let Revoke::Session(session) = revoke {
        return send_away(&gateway, &project, session).await;
    }
    if matches!(revoke, Revoke::All(false)) {
        return Err(Problem::wrong(format!("send {example}")));
    }
    let change = |rights: &mut crate::access::rights::Rights| {
        match &revoke {
            Revoke::User(user) => rights.revoke_user(user, now),
            Revoke::Link(link) => drop(rights.links.remove(&link[..])),
            Revoke::All(_) => rights.revoke_all(now),
            Revoke::Session(_) => {}
        }
        Ok(())
    };
    gateway.access.registry().change(&project, change).await?;
    done()
}
