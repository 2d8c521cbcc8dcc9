//! One socket for several sessions: what the tabs of a browser share (`PROTOCOL.md` §11).
//!
//! Owns the channels of such a socket and the frames around their messages. Each channel is a session like any other, at the other end of a connection
//! of the loopback: so this module has no part in what a session says, how it is brought back when it falls behind, or how it ends. Never reads a
//! message. Called by the router.

mod channel;
pub mod frame;
mod loopback;
mod queue;
mod reader;
mod socket;

use super::peer::Peer;
use super::request_id::RequestId;
use super::upgrade::{Gateway, Refused, check, switch};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

/// What such a socket speaks.
const SUBPROTOCOL: &str = "collabcanvas.v1.shared";

/// Upgrades to a shared socket.
pub(super) async fn upgrade(State(gateway): State<Gateway>, mut request: Request) -> Result<Response<Body>, Refused> {
    let (key, offered) = check(request.headers(), &gateway)?;
    if !offered.split(',').any(|name| name.trim() == SUBPROTOCOL) {
        return Err((StatusCode::BAD_REQUEST, "offer the subprotocol collabcanvas.v1.shared\n"));
    }
    let peer = request.extensions().get::<Peer>().copied();
    let peer = peer.ok_or((StatusCode::INTERNAL_SERVER_ERROR, "a request came from nobody\n"))?;
    let (speaker, id) = (gateway.clone(), RequestId::given(&request));
    switch(&gateway, &mut request, &key, SUBPROTOCOL, move |connection, read| {
        socket::run(speaker, (peer, id), connection, read)
    })
}
