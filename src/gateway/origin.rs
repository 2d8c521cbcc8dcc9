//! Of which origin the page is that sends a request: a browser says so, and only pages of this server, or of a configured origin, may connect. Pure.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName};

/// What a foreign page is told.
pub(super) const NOT_ALLOWED: &str = "pages of this origin may not connect; see COLLAB_ALLOWED_ORIGINS\n";

/// Whose page sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// Nobody's: a client that is no browser sends no origin and is not bound by it.
    None,
    /// One of this server's or of a configured origin's.
    Ours,
    /// Another one.
    Foreign,
}

/// Whose page sends a request with these headers. The origins are in small letters.
pub(super) fn page(headers: &HeaderMap, allowed: &[String]) -> Page {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("").to_ascii_lowercase());
    let Some(origin) = text(ORIGIN) else { return Page::None };
    let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let is_own = own.is_some_and(|own| text(HOST).is_some_and(|host| host == own));
    if is_own || allowed.contains(&origin) { Page::Ours } else { Page::Foreign }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_the_own_origin_and_configured_ones() {
        let allowed = ["https://app.example.com".to_owned()];
        let check = |origin: Option<&[u8]>| {
            let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("board.example.com:8080"))]);
            headers.extend(origin.map(|origin| (ORIGIN, HeaderValue::from_bytes(origin).expect("a header's value"))));
            page(&headers, &allowed)
        };
        assert_eq!(check(None), Page::None);
        assert_eq!(check(Some(b"http://board.example.com:8080")), Page::Ours);
        assert_eq!(check(Some(b"https://APP.example.com")), Page::Ours);
        for foreign in [
            &b"http://board.example.com"[..],
            b"https://evil.example",
            b"null",
            b"",
            b"https://app.example.com.evil.example",
            b"https://\xff.example",
        ] {
            assert_eq!(check(Some(foreign)), Page::Foreign, "{foreign:?}");
        }
    }
}
