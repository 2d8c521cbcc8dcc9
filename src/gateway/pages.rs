//! The built-in pages: the files that `build.rs` found in `client-demo/app/dist`.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::http::{Response, StatusCode, Uri};

/// One built-in file.
struct Page {
    path: &'static str,
    content_type: &'static str,
    body: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// What a page of ours may load: its own files, sockets, and pictures of anywhere, which people put on the board. No script is in a page itself; styles
/// are, where the editor sets them.
const POLICY: &str = "default-src 'self'; script-src 'self'; object-src 'none'; connect-src 'self' ws: wss:; img-src 'self' data: blob: http: https:; \
    style-src 'self' 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// How long a browser keeps a file: one under `assets/` has a digest in its name, a font does not change under its name, everything else is asked for
/// anew.
fn cache(path: &str) -> &'static str {
    if path.contains("/assets/") {
        "public, max-age=31536000, immutable"
    } else if path.contains("/fonts/") {
        "public, max-age=604800"
    } else {
        "no-cache"
    }
}

fn find(path: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.path == path)
}

/// Answers with a built-in file; a path that ends in `/` is the page there, `/` the demo page.
pub(super) async fn page(uri: Uri) -> Response<Body> {
    let asked = uri.path();
    let index = if asked.ends_with('/') { format!("{asked}index.html") } else { asked.to_owned() };
    let Some(page) = find(&index) else {
        return elsewhere(&uri);
    };
    let response = Response::builder()
        .header(CONTENT_TYPE, page.content_type)
        .header(CACHE_CONTROL, cache(page.path))
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .body(Body::from(page.body));
    response.unwrap_or_default()
}

/// Says where the page is, when only the last `/` is missing, or that there is none.
fn elsewhere(uri: &Uri) -> Response<Body> {
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    if find(&format!("{}/index.html", uri.path())).is_some() {
        let there = format!("{}/{query}", uri.path());
        let moved = Response::builder().status(StatusCode::PERMANENT_REDIRECT).header(LOCATION, there);
        return moved.body(Body::empty()).unwrap_or_default();
    }
    let mut missing = Response::new(Body::from("There is nothing here. The demo is at /\n"));
    *missing.status_mut() = StatusCode::NOT_FOUND;
    missing
}
