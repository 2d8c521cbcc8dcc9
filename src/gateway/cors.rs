//! Which pages may call the API: those of this server and of the configured origins, exactly. Others may not change anything, and do not get to read an
//! answer.

use super::edge::Edge;
use super::origin::{self, Page};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// What lies below this is the API; all else are pages, which only look the same to everybody.
const API: &str = "/v1/";

/// What a page that may call the API may send. Cookies are not among it: there are none.
const PREFLIGHT: [(HeaderName, HeaderValue); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, PUT, POST, DELETE")),
    (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type")),
    (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
];

/// What is done about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is passed on, and its answer is for no other origin to read.
    Pass,
    /// It is passed on, and a page of its origin may read the answer.
    Share,
    /// It is no request, only the question whether one may be made: it may.
    Permit,
    /// Nothing is done.
    Refuse,
}

fn judge(method: &Method, headers: &HeaderMap, allowed_origins: &[String]) -> Verdict {
    let is_question = *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    match origin::page(headers, allowed_origins) {
        Page::None => Verdict::Pass,
        Page::Ours if is_question => Verdict::Permit,
        Page::Ours => Verdict::Share,
        Page::Foreign if is_question || !method.is_safe() => Verdict::Refuse,
        Page::Foreign => Verdict::Pass,
    }
}

/// Holds the rule.
pub(super) async fn check(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with(API) {
        return next.run(request).await;
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let verdict = judge(request.method(), request.headers(), &edge.allowed_origins);
    let mut response = match verdict {
        Verdict::Pass | Verdict::Share => next.run(request).await,
        Verdict::Permit => (StatusCode::NO_CONTENT, PREFLIGHT).into_response(),
        Verdict::Refuse => (StatusCode::FORBIDDEN, origin::NOT_ALLOWED).into_response(),
    };
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let (Verdict::Share | Verdict::Permit, Some(origin)) = (verdict, origin) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("Retry-After, WWW-Authenticate, X-Request-Id"),
        );
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::HOST;

    fn verdict(method: &Method, origin: Option<&str>, asks: bool) -> Verdict {
        let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("board.example.com"))]);
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().expect("a header's value"));
        }
        if asks {
            headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
        }
        judge(method, &headers, &["https://app.example.com".to_owned()])
    }

    #[test]
    fn pages_of_allowed_origins_may_call() {
        for origin in ["https://app.example.com", "https://board.example.com"] {
            assert_eq!(verdict(&Method::OPTIONS, Some(origin), true), Verdict::Permit);
            for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::OPTIONS] {
                assert_eq!(verdict(&method, Some(origin), false), Verdict::Share, "{method}");
            }
        }
    }

    #[test]
    fn pages_of_other_origins_change_and_read_nothing() {
        for origin in ["https://evil.example", "http://app.example.com", "https://app.example.com:8443", "null", ""] {
            assert_eq!(verdict(&Method::OPTIONS, Some(origin), true), Verdict::Refuse, "{origin}");
            for method in [Method::PUT, Method::POST, Method::DELETE, Method::PATCH, Method::CONNECT] {
                assert_eq!(verdict(&method, Some(origin), false), Verdict::Refuse, "{method} {origin}");
            }
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(verdict(&method, Some(origin), false), Verdict::Pass, "{method} {origin}");
            }
        }
    }

    #[test]
    fn who_is_no_browser_is_not_bound() {
        for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::OPTIONS] {
            assert_eq!(verdict(&method, None, method == Method::OPTIONS), Verdict::Pass, "{method}");
        }
    }
}
