//! The admin listener: is the node alive, is it ready, its metrics; and for whoever has the key, what it does in detail, what it logs, and what owners of
//! projects may. Never exposed to clients.
//!
//! Probes and Prometheus have no token, so that three paths are for everybody who reaches it; everything else is behind [`Key`].

pub mod health;
mod inspector;
mod key;
pub mod overview;

pub use inspector::Inspector;
pub use key::Key;

use crate::telemetry::{Filter, Recorder};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use health::{Health, Status};
use overview::{Project, Query};
use serde::Serialize;
use tokio::sync::watch;

/// What the endpoints look at.
#[derive(Clone)]
pub struct Admin {
    /// Asked by `/readyz` and `/healthz`.
    pub health: Health,
    /// Rendered by `/metrics`.
    pub metrics: Recorder,
    /// Read and changed by `/log`.
    pub filter: Filter,
    /// Listed by `/debug/projects`.
    pub projects: watch::Receiver<Vec<Project>>,
    /// Shows a room.
    pub inspector: Inspector,
    /// Opens everything else.
    pub key: Key,
    /// What owners may do with a project, for whoever has the key.
    pub operators: Router,
}

/// The endpoints.
pub fn router(admin: Admin) -> Router {
    let (key, operators) = (admin.key.clone(), admin.operators.clone());
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/debug/projects", get(projects))
        .route("/debug/projects/{project}", get(inspector::project))
        .route("/", get(inspector::page))
        .route("/log", get(log).put(set_log))
        .with_state(admin)
        .merge(operators)
        .layer(from_fn_with_state(key, key::guard))
}

async fn ready(State(admin): State<Admin>) -> (StatusCode, String) {
    match admin.health.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

async fn healthz(State(admin): State<Admin>) -> Response {
    let found = admin.health.check().await;
    let status = if found.status == Status::NotReady { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    json(status, &found)
}

async fn metrics(State(admin): State<Admin>) -> String {
    admin.metrics.render()
}

async fn projects(State(admin): State<Admin>, RawQuery(query): RawQuery) -> Response {
    #[derive(Serialize)]
    struct List {
        projects: Vec<Project>,
    }
    match Query::parse(&query.unwrap_or_default()) {
        Ok(query) => json(StatusCode::OK, &List { projects: query.of(&admin.projects.borrow()) }),
        Err(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
    }
}

async fn log(State(admin): State<Admin>) -> String {
    format!("{}\n", admin.filter.get())
}

/// Takes another filter until the node ends, or is told another one.
async fn set_log(State(admin): State<Admin>, filter: String) -> (StatusCode, String) {
    match admin.filter.set(filter.trim()) {
        Ok(()) => {
            tracing::info!(filter = filter.trim(), "another filter for the log");
            (StatusCode::OK, format!("{}\n", admin.filter.get()))
        }
        Err(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")),
    }
}

fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(body) => (status, [(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
