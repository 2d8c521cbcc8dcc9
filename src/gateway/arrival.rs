//! How a request came: over which connection, from whom, and what that takes up.

use super::crowd::{Crowd, Guard, RETRY_AFTER};
use super::host;
use super::origin::{self, Page};
use super::peer::{self, Peer};
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER as RETRY_AFTER_HEADER;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// The connection of a request. Every request has it as an extension, and as another one the [`Peer`] that sent it.
#[derive(Debug, Clone)]
pub struct Arrival {
    remote: SocketAddr,
    seat: Arc<Seat>,
    /// The client's, when the connection is a proxy's.
    guard: Option<Arc<Guard>>,
}

/// What a connection takes up until it ends, and the WebSocket that it may become.
#[derive(Debug)]
pub(super) struct Seat {
    _place: OwnedSemaphorePermit,
    _guard: Option<Guard>,
}

impl Seat {
    pub(super) fn new(place: OwnedSemaphorePermit, guard: Option<Guard>) -> Self {
        Self { _place: place, _guard: guard }
    }
}

impl Arrival {
    pub(super) fn new(remote: SocketAddr, seat: Seat) -> Self {
        Self { remote, seat: Arc::new(seat), guard: None }
    }

    /// Whether a program of this machine has sent the request: no client of a proxy, no page of another origin, and none whose host's name was made to lead
    /// here.
    #[must_use]
    pub fn is_local(&self, headers: &HeaderMap) -> bool {
        let is_here = self.remote.ip().to_canonical().is_loopback() && !peer::is_forwarded(headers);
        is_here && host::is_local(headers) && !Self::is_of_foreign_page(headers)
    }

    /// Whether a page of another origin than the request's host sends it.
    #[must_use]
    pub fn is_of_foreign_page(headers: &HeaderMap) -> bool {
        origin::page(headers, &[]) == Page::Foreign
    }

    /// What is to be held by whoever takes the connection over.
    pub(super) fn held(&self) -> Held {
        Held { _seat: self.seat.clone(), _guard: self.guard.clone() }
    }
}

/// A part in what a connection takes up.
#[derive(Debug)]
pub(super) struct Held {
    _seat: Arc<Seat>,
    _guard: Option<Arc<Guard>>,
}

/// Finds out who sent a request. The clients of a proxy are counted here, each for as long as its request takes or its WebSocket lives.
pub(super) async fn meet(State(crowd): State<Crowd>, mut request: Request, next: Next) -> Response {
    let Some(mut arrival) = request.extensions().get::<Arrival>().cloned() else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "a request came over no connection\n").into_response();
    };
    let connected = Peer::connected(arrival.remote.ip(), crowd.trusted());
    let peer = Peer::asking(arrival.remote.ip(), request.headers(), crowd.trusted());
    // Others were counted when they connected.
    if connected.is_proxy() {
        match crowd.address(peer) {
            Ok(guard) => arrival.guard = guard.map(Arc::new),
            Err(why) => {
                let retry = [(RETRY_AFTER_HEADER, RETRY_AFTER.to_string())];
                return (StatusCode::TOO_MANY_REQUESTS, retry, format!("{why}\n")).into_response();
            }
        }
    }
    request.extensions_mut().insert(arrival.clone());
    request.extensions_mut().insert(peer);
    let response = next.run(request).await;
    drop(arrival);
    response
}
