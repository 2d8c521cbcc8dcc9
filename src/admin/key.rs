//! Who may have what is not for everybody who reaches the admin listener.

use crate::gateway::Arrival;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// What is for everybody who reaches the listener.
const OPEN: &[&str] = &["/livez", "/readyz", "/metrics"];

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
        if sent(headers).is_some_and(|sent| print(&sent) == token) { Ok(()) } else { Err(Refused::Unauthenticated) }
    }
}

/// The token that a program sends, or the password that a person has told their browser. A browser sends that with what pages of others ask for, too: to
/// those nothing is given.
fn sent(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    if let Some(token) = value.strip_prefix(b"Bearer ") {
        return Some(token.to_vec());
    }
    let pair =
        STANDARD.decode(value.strip_prefix(b"Basic ")?).ok().filter(|_| !Arrival::is_of_foreign_page(headers))?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

fn print(token: &[u8]) -> Print {
    Sha256::digest(token).into()
}

impl Refused {
    fn answer(self) -> Response {
        match self {
            Self::Unauthenticated => {
                // For a person's browser, and for programs.
                let challenges = AppendHeaders([
                    (WWW_AUTHENTICATE, r#"Basic realm="the COLLAB_ADMIN_TOKEN is the password", charset="UTF-8""#),
                    (WWW_AUTHENTICATE, "Bearer"),
                ]);
                let why = "send the COLLAB_ADMIN_TOKEN of this node: Authorization: Bearer <token>, or as the password of any user\n";
                (StatusCode::UNAUTHORIZED, challenges, why).into_response()
            }
            Self::Elsewhere => {
                let why = "this is for programs of the same machine; to have it from elsewhere set COLLAB_ADMIN_TOKEN and send it\n";
                (StatusCode::FORBIDDEN, why).into_response()
            }
        }
    }
}

/// Lets through who may.
pub(super) async fn guard(State(key): State<Key>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_local = request.extensions().get::<Arrival>().is_some_and(|arrival| arrival.is_local(headers));
    match key.admits(request.uri().path(), headers, is_local) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.answer(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::ORIGIN;

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

    #[test]
    fn a_persons_browser_sends_it_as_a_password_but_not_for_pages_of_others() {
        let key = Key::new(Some(TOKEN));
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        for (pair, admitted) in [
            ("me:0123456789abcdef", Ok(())),
            (":0123456789abcdef", Ok(())),
            ("0123456789abcdef:", Err(Refused::Unauthenticated)),
            ("0123456789abcdef", Err(Refused::Unauthenticated)),
            ("me:wrong", Err(Refused::Unauthenticated)),
        ] {
            assert_eq!(key.admits("/", &sending(Some(&basic(pair))), false), admitted, "{pair}");
        }
        let mut headers = sending(Some(&basic("me:0123456789abcdef")));
        headers.insert(ORIGIN, "https://evil.example".parse().expect("a header's value"));
        assert_eq!(key.admits("/", &headers, true), Err(Refused::Unauthenticated));
    }
}
