//! The upgrade to a WebSocket: checked here, then handed to a session, or to what tabs share.

use super::arrival::Arrival;
use super::edge::{self, Edge};
use super::origin::{self, Page};
use super::request_id::RequestId;
use super::{body, bots, pages, rest, shared};
use crate::access::Access;
use crate::hub::Hub;
use crate::ids::ProjectId;
use crate::lifecycle::Stopping;
use crate::protocol::Encoding;
use crate::quota::Quotas;
use crate::session::{self, Session, Timing};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{Response, StatusCode};
use axum::middleware::from_fn;
use axum::routing::{get, put};
use hyper::upgrade::{Parts, Upgraded};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Who is served: what a request must show depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serves {
    /// Clients and back ends, who say who they are.
    Clients,
    /// The operator, who has shown the admin token before, and may do what owners may.
    Operator,
}

/// What upgrades need.
#[derive(Clone)]
pub struct Gateway {
    /// Where rooms are.
    pub hub: Arc<Hub>,
    /// Who lets clients and requests in.
    pub access: Arc<Access>,
    /// How much sessions may ask for.
    pub quotas: Arc<Quotas>,
    /// Says when the node stops.
    pub stopping: Stopping,
    /// How long sessions wait for what.
    pub timing: Arc<Timing>,
    /// Whose requests come.
    pub serves: Serves,
    /// Who may come.
    pub edge: Arc<Edge>,
    /// Held by every session: who stops the node waits until it can have the other end alone.
    pub sessions: watch::Sender<()>,
}

impl Gateway {
    /// A session of the project with this id, if it is one, that came by this request.
    pub(super) fn session(&self, project: &str, encoding: Encoding, request: RequestId) -> Session {
        Session {
            request: request.0,
            project: ProjectId::parse(project).ok(),
            encoding,
            hub: self.hub.clone(),
            access: self.access.clone(),
            quotas: self.quotas.clone(),
            stopping: self.stopping.clone(),
            timing: self.timing.clone(),
        }
    }
}

/// The client listener's routes: the WebSockets, the presence of bots, and the demo page.
pub fn router(gateway: Gateway) -> Router {
    let edge = gateway.edge.clone();
    let routes = Router::new()
        .route("/v1/projects/{project}/ws", get(upgrade))
        .route("/v1/shared", get(shared::upgrade))
        .route("/v1/projects/{project}/presence/{bot}", put(bots::put).delete(bots::delete))
        .merge(rest::router())
        .with_state(gateway)
        .fallback(pages::page);
    edge::around(routes, &edge)
}

/// What owners may ask over HTTP, for the operator: to be put behind the admin token.
pub fn operators(gateway: Gateway) -> Router {
    rest::owners().with_state(Gateway { serves: Serves::Operator, ..gateway }).layer(from_fn(body::bound))
}

/// Why an upgrade is not made.
pub(super) type Refused = (StatusCode, &'static str);

async fn upgrade(
    State(gateway): State<Gateway>,
    Path(project): Path<String>,
    mut request: Request,
) -> Result<Response<Body>, Refused> {
    let (key, offered) = check(request.headers(), &gateway)?;
    let encoding = Encoding::choose(&offered)
        .ok_or((StatusCode::BAD_REQUEST, "offer the subprotocol collabcanvas.v1.msgpack or collabcanvas.v1.json\n"))?;
    let session = gateway.session(&project, encoding, RequestId::given(&request));
    switch(&gateway, &mut request, &key, encoding.subprotocol(), |connection, read| {
        session::run(session, connection, read)
    })
}

/// Answers with the upgrade, and runs what speaks on the connection then, of which some may have been read.
pub(super) fn switch<F: Future<Output = ()> + Send>(
    gateway: &Gateway,
    request: &mut Request,
    key: &HeaderValue,
    subprotocol: &'static str,
    speak: impl FnOnce(TcpStream, Vec<u8>) -> F + Send + 'static,
) -> Result<Response<Body>, Refused> {
    let held = request.extensions().get::<Arrival>().map(Arrival::held);
    let alive = gateway.sessions.subscribe();
    let upgraded = hyper::upgrade::on(request);
    tokio::spawn(async move {
        match upgraded.await.map(bare) {
            // Apart: its place would be in the task beside what it is made of.
            Ok(Some((connection, read))) => Box::pin(speak(connection, read)).await,
            Ok(None) => tracing::error!("a connection that is no TCP socket cannot be upgraded"),
            Err(error) => tracing::debug!(%error, "a connection ended in the middle of its upgrade"),
        }
        drop((alive, held));
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header(SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()))
        .header(SEC_WEBSOCKET_PROTOCOL, subprotocol)
        .body(Body::empty());
    response.map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "the upgrade could not be answered\n"))
}

/// The bare socket, so that a frame need not go through the layers of an HTTP connection, and what was read from it. That is copied: else the HTTP
/// connection's buffer of 8 KiB would stay with the session.
fn bare(upgraded: Upgraded) -> Option<(TcpStream, Vec<u8>)> {
    let Parts { io, read_buf, .. } = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    Some((io.into_inner(), read_buf.to_vec()))
}

/// What holds for every upgrade. The key to answer and the subprotocols offered, in one list.
pub(super) fn check(headers: &HeaderMap, gateway: &Gateway) -> Result<(HeaderValue, String), Refused> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if gateway.stopping.borrow().is_some() {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "this node is stopping; connect again\n"));
    }
    let is_websocket = text(UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_websocket && text(SEC_WEBSOCKET_VERSION) == Some("13"));
    let key = key.ok_or((StatusCode::BAD_REQUEST, "this address speaks WebSocket (version 13) only\n"))?;
    if origin::page(headers, &gateway.edge.allowed_origins) == Page::Foreign {
        return Err((StatusCode::FORBIDDEN, origin::NOT_ALLOWED));
    }
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    Ok((key.clone(), offered.collect::<Vec<_>>().join(",")))
}
