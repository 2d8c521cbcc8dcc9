//! For which host a request is meant.
//!
//! A node that listens on the loopback trusts whoever reaches it. A page of another site could: its host's name is made to lead to 127.0.0.1, and then
//! the browser takes the node for that site. The request still names the site's host, and so it is refused.

use super::edge::Edge;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::net::IpAddr;
use std::sync::Arc;

const NOT_MEANT: &str = "this node listens on a loopback address and answers for localhost only; behind a proxy that keeps the public host, name its \
    origin in COLLAB_ALLOWED_ORIGINS\n";

/// Refuses what is meant for another host, on a node that listens on the loopback.
pub(super) async fn check(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !edge.on_loopback
        || is_local(headers)
        || name(headers).is_some_and(|host| is_named(&host, &edge.allowed_origins))
    {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, NOT_MEANT).into_response()
    }
}

/// Whether a request is meant for this machine by a name that leads nowhere else. No browser leaves the host out.
pub(super) fn is_local(headers: &HeaderMap) -> bool {
    !headers.contains_key(HOST) || name(headers).is_some_and(|host| is_loopback(&host))
}

/// The host of a request in small letters, without its port.
fn name(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    Some(without_port(host).to_ascii_lowercase())
}

fn without_port(host: &str) -> &str {
    let after_brackets = host.rfind(']').map_or(0, |bracket| bracket + 1);
    host[after_brackets..].find(':').map_or(host, |colon| &host[..after_brackets + colon])
}

fn is_loopback(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_address = address.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    host == "localhost" || host.ends_with(".localhost") || is_address
}

/// Whether an origin is of this host.
fn is_named(host: &str, origins: &[String]) -> bool {
    origins.iter().any(|origin| origin.split_once("://").is_some_and(|(_, named)| without_port(named) == host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, host.parse().expect("a header's value"))])
    }

    #[test]
    fn names_of_this_machine_are_known() {
        for host in [
            "localhost",
            "LocalHost:8080",
            "a.localhost:1",
            "localhost.",
            "127.0.0.1",
            "127.9.8.7:80",
            "[::1]",
            "[::1]:1",
        ] {
            assert!(is_local(&of(host)), "{host}");
        }
        assert!(is_local(&HeaderMap::new()), "no browser");
        for host in [
            "",
            ":80",
            "evil.example",
            "localhost.evil.example:8080",
            "evil-localhost",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "[::]",
            "[::1].evil.example",
            "[::1",
        ] {
            assert!(!is_local(&of(host)), "{host}");
        }
    }

    #[test]
    fn the_host_of_an_allowed_origin_is_ours() {
        let origins = ["https://board.example.com".to_owned(), "http://other.example:8443".to_owned()];
        let is_ours = |host| name(&of(host)).is_some_and(|host| is_named(&host, &origins));
        for host in ["board.example.com", "Board.Example.com:443", "other.example", "other.example:8443"] {
            assert!(is_ours(host), "{host}");
        }
        for host in ["example.com", "evil.board.example.com", "board.example.com.evil.example", "", "https"] {
            assert!(!is_ours(host), "{host}");
        }
    }
}
