//! The admin listener: is the node alive, is it ready, its metrics. Never exposed to clients.
//!
//! These three are for everybody who reaches it, because probes and Prometheus have no token. Whatever else is added is behind [`Key`].

use crate::durable::DurableStore;
use crate::gateway::Arrival;
use crate::ids::ProjectId;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A store that does not answer within this time is not ready.
const PROBE: Duration = Duration::from_secs(2);

/// What is for everybody who reaches the listener.
const OPEN: &[&str] = &["/livez", "/readyz", "/metrics"];

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
    /// Opens everything else.
    pub key: Key,
}

/// Who may have what is not for everybody: whoever sends the token; without one, programs of this machine.
#[derive(Debug, Clone)]
pub struct Key(Option<Print>);

/// A token's SHA-256. These are compared instead of the tokens: how long that takes tells nothing about a token.
type Print = [u8; 32];

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// The token is missing or wrong.
    Unauthenticated,
    /// There is no token, and they are not of this machine.
    Elsewhere,
}

impl Key {
    /// That of this token.
    #[must_use]
    pub fn new(token: Option<&str>) -> Self {
        Self(token.map(|token| print(token.as_bytes())))
    }

    fn admits(&self, path: &str, headers: &HeaderMap, is_local: bool) -> Result<(), Refused> {
        if OPEN.contains(&path) {
            return Ok(());
        }
        let Some(token) = self.0 else {
            return if is_local { Ok(()) } else { Err(Refused::Elsewhere) };
        };
        let sent = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        if sent.is_some_and(|sent| print(sent) == token) { Ok(()) } else { Err(Refused::Unauthenticated) }
    }
}

fn print(token: &[u8]) -> Print {
    Sha256::digest(token).into()
}

impl Refused {
    fn answer(self) -> Response {
        match self {
            Self::Unauthenticated => {
                let challenge = [(WWW_AUTHENTICATE, "Bearer")];
                let why = "send the COLLAB_ADMIN_TOKEN of this node: Authorization: Bearer <token>\n";
                (StatusCode::UNAUTHORIZED, challenge, why).into_response()
            }
            Self::Elsewhere => {
                let why = "this is for programs of the same machine; to have it from elsewhere set COLLAB_ADMIN_TOKEN and send it\n";
                (StatusCode::FORBIDDEN, why).into_response()
            }
        }
    }
}

/// Lets through who may.
async fn guard(State(key): State<Key>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_local = request.extensions().get::<Arrival>().is_some_and(|arrival| arrival.is_local(headers));
    match key.admits(request.uri().path(), headers, is_local) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.answer(),
    }
}

/// The endpoints.
pub fn router(admin: Admin) -> Router {
    let key = admin.key.clone();
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(admin)
        .layer(from_fn_with_state(key, guard))
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

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn sending(authorization: Option<&str>) -> HeaderMap {
        authorization.map(|value| (AUTHORIZATION, value.parse().expect("a header's value"))).into_iter().collect()
    }

    #[test]
    fn probes_and_metrics_are_for_everybody() {
        for key in [Key::new(None), Key::new(Some(TOKEN))] {
            for path in OPEN {
                assert_eq!(key.admits(path, &sending(None), false), Ok(()), "{path}");
            }
        }
    }

    #[test]
    fn without_a_token_the_rest_is_for_this_machine() {
        let key = Key::new(None);
        for path in ["/", "/metrics/", "/livez/x", "//livez", "/projects"] {
            assert_eq!(key.admits(path, &sending(None), true), Ok(()));
            assert_eq!(key.admits(path, &sending(None), false), Err(Refused::Elsewhere), "{path}");
            assert_eq!(key.admits(path, &sending(Some("Bearer ")), false), Err(Refused::Elsewhere), "{path}");
        }
    }

    #[test]
    fn with_a_token_the_rest_is_for_who_sends_it() {
        let key = Key::new(Some(TOKEN));
        for is_local in [true, false] {
            assert_eq!(key.admits("/projects", &sending(Some("Bearer 0123456789abcdef")), is_local), Ok(()));
            for wrong in ["Bearer 0123456789abcdeF", "Bearer 0123456789abcdef0", "Bearer ", "0123456789abcdef", ""] {
                let admitted = key.admits("/projects", &sending(Some(wrong)), is_local);
                assert_eq!(admitted, Err(Refused::Unauthenticated), "{wrong}");
            }
            assert_eq!(key.admits("/projects", &sending(None), is_local), Err(Refused::Unauthenticated));
        }
    }
}
