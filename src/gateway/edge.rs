//! What everything passes that comes to the client listener, before anything is done.

use super::crowd::Crowd;
use super::{arrival, body, cors, headers, host, request_id};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use std::sync::Arc;

/// Who may come, and for what.
#[derive(Debug)]
pub struct Edge {
    /// Who is connected.
    pub crowd: Crowd,
    /// Origins besides the server's own, in small letters.
    pub allowed_origins: Vec<String>,
    /// Whether the node listens on a loopback address: then it answers for such hosts only.
    pub on_loopback: bool,
}

/// Puts these routes behind the edge. What is named last is passed first.
pub(super) fn around(routes: Router, edge: &Arc<Edge>) -> Router {
    routes
        .layer(from_fn(body::bound))
        .layer(from_fn_with_state(edge.clone(), cors::check))
        .layer(from_fn_with_state(edge.crowd.clone(), arrival::meet))
        .layer(from_fn_with_state(edge.clone(), host::check))
        .layer(from_fn(headers::secure))
        .layer(from_fn(request_id::name))
}
