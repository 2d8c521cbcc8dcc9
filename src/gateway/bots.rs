//! Presence of bots over HTTP: `PUT` and `DELETE /v1/projects/{project}/presence/{bot}`.

use super::rest::{self, Problem};
use super::upgrade::Gateway;
use crate::access::Denied;
use crate::hub::{Bot, BotError};
use crate::ids::ClientId;
use crate::metrics::limits;
use crate::protocol::json;
use crate::protocol::props::Props;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// How long a bot is shown that does not say so.
const TTL: Duration = Duration::from_secs(30);
/// Longest time that a bot is shown without being told of anew, in ms.
const LONGEST_MS: u64 = 300_000;
/// Bytes that a body may have: fields are longer as JSON than as the MessagePack that their limit counts.
const BODY_BYTES: usize = 16 << 10;

/// What to show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    /// Presence fields.
    #[serde(borrow)]
    fields: Option<&'a RawValue>,
    /// For how long, in ms.
    ttl_ms: Option<u64>,
}

type Answer = Result<StatusCode, Problem>;

fn wrong(what: &impl ToString) -> Problem {
    Problem::wrong(what.to_string())
}

/// Shows a bot, or changes it; its fields are replaced.
pub(super) async fn put(
    State(gateway): State<Gateway>,
    Path((project, bot)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    if body.len() > BODY_BYTES {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body may have {BODY_BYTES} bytes")));
    }
    let body: Body<'_> = serde_json::from_slice(&body).map_err(|e| {
        wrong(&format!("send JSON such as {{\"fields\": {{\"name\": \"Bot\"}}, \"ttl_ms\": 30000}}: {e}"))
    })?;
    let ttl = match body.ttl_ms {
        None => TTL,
        Some(ms @ 1..=LONGEST_MS) => Duration::from_millis(ms),
        Some(_) => return Err(wrong(&format!("ttl_ms must be 1 to {LONGEST_MS}"))),
    };
    let depth = gateway.hub.settings().limits.value_depth as usize;
    let fields = match body.fields {
        Some(raw) => json::from_json(raw.get())
            .map_err(|e| e.to_string())
            .and_then(|raw| Props::parse(&raw, depth).map_err(|e| e.to_string()))
            .map_err(|e| wrong(&format!("fields: {e}")))?,
        None => Props::empty(),
    };
    show(&gateway, &project, &bot, &headers, fields, Some(ttl)).await
}

/// Takes a bot away.
pub(super) async fn delete(
    State(gateway): State<Gateway>,
    Path((project, bot)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    show(&gateway, &project, &bot, &headers, Props::empty(), None).await
}

async fn show(
    gateway: &Gateway,
    project: &str,
    bot: &str,
    headers: &HeaderMap,
    fields: Props,
    ttl: Option<Duration>,
) -> Answer {
    let (project, caller) = rest::caller(gateway, project, headers).await?;
    if !caller.role.may_write() {
        return Err(Denied::Forbidden("your role may not show bots in this project".to_owned()).into());
    }
    let bot = ClientId::parse(bot).map_err(|e| wrong(&format!("the bot's name: {e}")))?;
    gateway.quotas.bot(&caller.grant.user).map_err(|limited| {
        limits::hit(limited.limit);
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "your bots change more often than they may; send this again later")
    })?;
    match gateway.hub.bot(&project, Bot::new(&bot, fields, ttl)).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error @ BotError::TooLarge(_)) => Err(wrong(&error)),
        Err(error @ BotError::TooMany(_)) => Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, error.to_string())),
        Err(BotError::Closed(error)) => Err(error.into()),
    }
}
