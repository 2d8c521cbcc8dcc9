//! `POST /v1/tickets`: a one-time ticket for a WebSocket, so that no token stands where others may read it.

use super::{Answer, Problem, bearer, json, read};
use crate::access::Denied;
use crate::access::grant::{Basis, Grant};
use crate::access::{api_keys, tickets, token};
use crate::clock;
use crate::gateway::upgrade::Gateway;
use crate::protocol::message::Role;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Whom the ticket is for, if not for whoever asks: only back ends may say so.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    user: Option<String>,
    /// Roles by project.
    projects: BTreeMap<SmolStr, Role>,
    /// How long the session may last, in ms; absent: without end.
    session_ms: Option<u64>,
}

#[derive(Serialize)]
struct Made {
    ticket: String,
    /// For how long it is good, in ms.
    ttl_ms: u64,
}

/// Makes one.
pub(super) async fn post(State(gateway): State<Gateway>, headers: HeaderMap, body: Bytes) -> Answer {
    let caller = gateway.access.bearer(bearer(&headers)).await?;
    let wanted: Wanted = read(&body, r#"{"user": "ana", "projects": {"my-board": "editor"}, "session_ms": 3600000}"#)?;
    let asks = caller.user.clone();
    let grant = granted(caller, wanted)?;
    let ticket = gateway.access.ticket(&asks, &grant).await?;
    let ttl_ms = u64::try_from(tickets::TTL.as_millis()).unwrap_or(u64::MAX);
    json(&Made { ticket, ttl_ms })
}

/// What the ticket grants: what its caller has, or, of a back end, what it says.
fn granted(caller: Grant, wanted: Wanted) -> Result<Grant, Problem> {
    let is_back_end = caller.user.starts_with(api_keys::USER);
    let Some(user) = wanted.user else {
        if is_back_end {
            return Err(Problem::wrong("say whom the ticket is for: {\"user\": …, \"projects\": {…}}"));
        }
        return Ok(caller);
    };
    if !is_back_end {
        return Err(Denied::Forbidden("only back ends with an API key may get tickets for others".to_owned()).into());
    }
    let user = token::user(&user).map_err(|why| Problem::wrong(format!("the user's id {why}")))?;
    let now = clock::now_ms();
    Ok(Grant {
        user,
        basis: Basis::Projects(wanted.projects),
        issued_ms: now,
        expires_ms: wanted.session_ms.map(|left| now.saturating_add(left)),
    })
}
