//! The built-in demo page: the files that `build.rs` found in `client-demo/app/dist`.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Response, StatusCode, Uri};

/// One built-in file.
struct Page {
    path: &'static str,
    content_type: &'static str,
    body: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// What a page of ours may load: its own files, and sockets.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob: http: https:; style-src 'self' 'unsafe-inline'; \
    frame-ancestors 'none'; base-uri 'none'";

/// Answers with a built-in file; `/` is the demo page.
pub(super) async fn page(uri: Uri) -> Response<Body> {
    let path = if uri.path() == "/" { "/index.html" } else { uri.path() };
    let Some(page) = PAGES.iter().find(|page| page.path == path) else {
        let mut missing = Response::new(Body::from("There is nothing here. The demo is at /\n"));
        *missing.status_mut() = StatusCode::NOT_FOUND;
        return missing;
    };
    // Files under /assets/ have a digest in their name.
    let cache = if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let response = Response::builder()
        .header(CONTENT_TYPE, page.content_type)
        .header(CACHE_CONTROL, cache)
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .body(Body::from(page.body));
    response.unwrap_or_default()
}
