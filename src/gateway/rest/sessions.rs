//! `GET /v1/projects/{project}/sessions` and `DELETE …/sessions/{session}`: who is there, on all nodes, and away with them.

use super::{Answer, Problem, done, json, owned};
use crate::clock;
use crate::gateway::upgrade::Gateway;
use crate::ids::{ProjectId, SessionId};
use crate::protocol::message::Role;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use smol_str::SmolStr;

/// A session as it is listed.
#[derive(Serialize)]
struct Listed {
    session: SessionId,
    user: SmolStr,
    role: Role,
    /// How commits name its client.
    author: SmolStr,
}

#[derive(Serialize)]
struct List {
    sessions: Vec<Listed>,
}

/// Lists the sessions of all nodes, bots included.
pub(super) async fn get(State(gateway): State<Gateway>, Path(project): Path<String>, headers: HeaderMap) -> Answer {
    let project = owned(&gateway, &project, &headers).await?;
    let roster = gateway.hub.roster(&project).await?;
    let listed = roster.into_iter().filter_map(|entry| {
        let who = entry.who?;
        Some(Listed { session: entry.session, user: who.user, role: who.role, author: who.author.text() })
    });
    json(&List { sessions: listed.collect() })
}

/// Sends a session away.
pub(super) async fn delete(
    State(gateway): State<Gateway>,
    Path((project, session)): Path<(String, SessionId)>,
    headers: HeaderMap,
) -> Answer {
    let project = owned(&gateway, &project, &headers).await?;
    send_away(&gateway, &project, session).await
}

/// Bars the client of a session, which every node hears of.
pub(super) async fn send_away(gateway: &Gateway, project: &ProjectId, session: SessionId) -> Answer {
    let roster = gateway.hub.roster(project).await?;
    let who = roster.into_iter().find(|entry| entry.session == session).and_then(|entry| entry.who);
    let gone = || Problem::new(StatusCode::NOT_FOUND, "there is no such session in this project, or not any more");
    let author = who.ok_or_else(gone)?.author;
    let now = clock::now_ms();
    let bar = |rights: &mut crate::access::rights::Rights| {
        rights.bar(author.text(), now);
        Ok(())
    };
    gateway.access.registry().change(project, bar).await?;
    done()
}
