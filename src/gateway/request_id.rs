//! A name for each request, in what is logged of it and in its answer, so that both can be found again.
//!
//! A request that has one already, from a proxy or a back end, keeps it.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use rand::RngExt as _;
use smol_str::{SmolStr, format_smolstr};
use std::fmt;
use tracing::Instrument as _;

/// Where it stands in a request and in its answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters that one from elsewhere may have: it is logged with every line.
const CHARS: usize = 64;

/// The name of a request; every request has it as an extension.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RequestId(pub(super) SmolStr);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RequestId {
    /// That of a request which has passed here.
    pub(super) fn given(request: &Request) -> Self {
        request.extensions().get().cloned().unwrap_or_default()
    }

    /// That which a request says, or a new one.
    fn of(headers: &HeaderMap) -> Self {
        let said = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|text| is_sound(text));
        Self(said.map_or_else(|| format_smolstr!("{:016x}", rand::rng().random::<u64>()), SmolStr::from))
    }
}

/// Whether it can do no harm in a log.
fn is_sound(text: &str) -> bool {
    (1..=CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:=".contains(&byte))
}

/// Names a request. The query is not logged: it is nobody's business.
pub(super) async fn name(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let span = tracing::error_span!("request", request = %id, method = %request.method(), path = request.uri().path());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(said: Option<&'static str>) -> String {
        let said = said.map(|text| (REQUEST_ID, HeaderValue::from_static(text)));
        RequestId::of(&said.into_iter().collect()).to_string()
    }

    #[test]
    fn a_sound_name_is_kept_and_everything_else_gets_one() {
        for sound in ["a", "1-67891233-abcdef012345678912345678", "Root=1:a_b.c"] {
            assert_eq!(of(Some(sound)), sound);
        }
        let long = "x".repeat(CHARS + 1);
        for bad in [None, Some(""), Some("a b"), Some("{\"a\":1}"), Some(long.leak() as &str)] {
            let name = of(bad);
            assert!(name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        }
        assert_ne!(of(None), of(None));
    }
}
