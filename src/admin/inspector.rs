//! A room as its operator sees it: a page that refreshes itself, and the JSON behind it.

use super::{Admin, json};
use crate::hot::HotStore;
use crate::hub::{Detail, Hub};
use crate::ids::ProjectId;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use std::sync::Arc;

const PAGE: &str = include_str!("inspector.html");
/// Everything is in the page itself, and what it asks for is of this node.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Where rooms are, and what is stored of them.
#[derive(Clone)]
pub struct Inspector {
    /// The open projects of this node.
    pub hub: Arc<Hub>,
    /// What knows the keys of a project.
    pub hot: Arc<dyn HotStore>,
}

/// What autosave has before it.
#[derive(Serialize)]
struct Unsaved {
    age_ms: u64,
    urgent: bool,
}

/// A key in Redis.
#[derive(Serialize)]
struct Key {
    key: String,
    bytes: u64,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    detail: Box<Detail>,
    /// Absent: everything that this node has accepted is saved, or the hot store does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    dirty: Option<Unsaved>,
    keys: Vec<Key>,
}

/// The page. What it shows it asks for.
pub(super) async fn page() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, PAGE).into_response()
}

/// A room that is open on this node.
pub(super) async fn project(State(admin): State<Admin>, Path(project): Path<String>) -> Response {
    let Inspector { hub, hot } = &admin.inspector;
    let project = match ProjectId::parse(&project) {
        Ok(project) => project,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("the project's id: {error}\n")).into_response(),
    };
    let Some(detail) = hub.detail(&project).await else {
        let why = "this project is not open on this node; collabcanvas inspect shows what is stored of it\n";
        return (StatusCode::NOT_FOUND, why).into_response();
    };
    // What the hot store does not say now is left out: it is looked at above all when something is wrong.
    let dirty = hot.dirty(false).await.unwrap_or_default().into_iter().find(|dirty| dirty.project == project);
    let dirty =
        dirty.map(|d| Unsaved { age_ms: u64::try_from(d.age.as_millis()).unwrap_or(u64::MAX), urgent: d.urgent });
    let keys = hot.sizes(&project).await.unwrap_or_default();
    let keys = keys.into_iter().map(|(key, bytes)| Key { key, bytes }).collect();
    json(StatusCode::OK, &Shown { detail, dirty, keys })
}
