//! People with tokens, and what they say.

use crate::support::http;
use crate::support::peers::{Node, Raw};
use crate::support::server::Setup;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use collabcanvas::protocol::Encoding;
use loadtest::client;
use loadtest::client::Ended;
use loadtest::wire::Message;
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "canary-of-the-signing-secret-0123456789";
pub(crate) const API_KEY: &str = "canary-of-the-back-ends-key-0123456789";

/// A node that wants tokens.
pub(crate) fn guarded() -> Node {
    Node::with(guard)
}

/// The same, as a way to start one.
pub(crate) fn guard(setup: Setup) -> Setup {
    setup.with("COLLAB_AUTH_KEYS", &format!("secret:{SECRET}")).with("COLLAB_API_KEYS", &format!("shop={API_KEY}"))
}

pub(crate) fn now_s() -> u64 {
    collabcanvas::clock::now_ms() / 1_000
}

/// A token with these claims.
pub(crate) fn signed(header: &Value, claims: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, message.as_bytes())))
}

/// A good token: this user, these roles, for so many seconds.
pub(crate) fn token(user: &str, projects: &Value, seconds: u64) -> String {
    let claims = json!({"sub": user, "iat": now_s(), "exp": now_s() + seconds, "projects": projects});
    signed(&json!({"alg": "HS256"}), &claims, SECRET)
}

/// Somebody with a socket who has said hello with this token.
pub(crate) async fn hello(url: &str, project: &str, user: &str, token: Option<&str>, password: Option<&str>) -> Raw {
    let address = client::address(url, project);
    let socket = client::open(&address, Encoding::Json).await.expect("the upgrade is made");
    let mut raw = Raw::new(socket, Encoding::Json);
    let mut hello = json!({"t": "hello", "v": [1, 1], "client": format!("c-{user}-{:08x}", rand::random::<u32>())});
    if let Some(token) = token {
        hello["token"] = json!(token);
    }
    if let Some(password) = password {
        hello["password"] = json!(password);
    }
    raw.send_json(&hello.to_string()).await;
    raw
}

/// Somebody who was let in: the socket and the role.
pub(crate) async fn joined(url: &str, project: &str, user: &str, projects: &Value) -> (Raw, String) {
    let token = token(user, projects, 600);
    let mut raw = hello(url, project, user, Some(&token), None).await;
    let role = welcomed(&mut raw).await;
    (raw, role)
}

/// The role in the welcome.
pub(crate) async fn welcomed(raw: &mut Raw) -> String {
    match raw.next().await {
        Ok(Message::Welcome(welcome)) => welcome.role.to_string(),
        other => panic!("no welcome but {other:?}"),
    }
}

/// How it ends: the close code, and the code of the last error before.
pub(crate) async fn ends(raw: &mut Raw) -> (u16, String) {
    let mut code = String::new();
    loop {
        match raw.next().await {
            Ok(Message::Error(error, _)) => code = error.to_string(),
            Ok(_) => {}
            Err(Ended::Closed(close, _)) => return (close, code),
            Err(ended) => panic!("{ended}"),
        }
    }
}

/// Sends a batch that creates an object: `None` when it is acked, else the code of its refusal.
pub(crate) async fn create(raw: &mut Raw, cid: u64, id: &str) -> Option<String> {
    raw.send_json(&json!({"t": "batch", "cid": cid, "ops": [{"op": "create", "id": id}]}).to_string()).await;
    raw.until(|message| match message {
        Message::Ack(acked, ..) if acked >= cid => Some(None),
        Message::Reject(reject) if reject.cid == cid => Some(Some(reject.code.to_string())),
        _ => None,
    })
    .await
}

/// A request with a token or a key: status and body.
pub(crate) async fn ask(url: &str, method: &str, path: &str, bearer: Option<&str>, body: &Value) -> (u16, String) {
    let address = url.trim_start_matches("ws://");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let bearer = bearer.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
    http::send_with(method, address, path, &bearer, &body).await
}
