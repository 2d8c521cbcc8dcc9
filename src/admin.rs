//! The admin listener: is the node alive, is it ready, its metrics. Never exposed to clients.

use crate::durable::DurableStore;
use crate::ids::ProjectId;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A store that does not answer within this time is not ready.
const PROBE: Duration = Duration::from_secs(2);

/// What the endpoints look at.
#[derive(Clone)]
pub struct Admin {
    /// Asked by `/readyz`.
    pub durable: Arc<dyn DurableStore>,
    /// Turns true when the node stops: it is not ready any more.
    pub stopping: watch::Receiver<bool>,
    /// Turns true while this node is cut off from a hot store that others reach: clients are better served there.
    pub isolated: watch::Receiver<bool>,
    /// Rendered by `/metrics`.
    pub metrics: PrometheusHandle,
}

/// The three endpoints.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(admin)
}

async fn ready(State(admin): State<Admin>) -> (StatusCode, String) {
    if *admin.stopping.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the node is stopping\n".to_owned());
    }
    if *admin.isolated.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "this node does not reach the hot store, others do\n".to_owned());
    }
    let Ok(probe) = ProjectId::parse("readyz") else {
        return (StatusCode::INTERNAL_SERVER_ERROR, String::new());
    };
    match tokio::time::timeout(PROBE, admin.durable.pointer(&probe)).await {
        Ok(Ok(_)) => (StatusCode::OK, "ready\n".to_owned()),
        Ok(Err(error)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the durable store does not answer\n".to_owned()),
    }
}

async fn metrics(State(admin): State<Admin>) -> String {
    admin.metrics.render()
}
