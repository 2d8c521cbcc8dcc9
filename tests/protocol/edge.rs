//! What every request passes: for which host it is, of whose page, and what a browser is told about the answer. And that no secret is logged.

use crate::support::http;
use crate::support::peers::Node;
use crate::support::server::Setup;
use collabcanvas::protocol::Encoding;

const ALLOWED: &str = "https://app.example.com";
const FOREIGN: &str = "https://evil.example";
const BOT: &str = "/v1/projects/p/presence/b";

fn node() -> Node {
    Node::with(|setup: Setup| setup.with("COLLAB_ALLOWED_ORIGINS", ALLOWED))
}

/// An answer: its status, its head in small letters, its body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line == header.to_ascii_lowercase())
    }
}

/// Sends a request with these header lines.
async fn ask(node: &Node, method: &str, path: &str, host: Option<&str>, headers: &str) -> Answer {
    let address = node.server.address();
    let host = host.unwrap_or(address);
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
    let answer = http::raw(address, &head).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_connects_and_changes_nothing() {
    let node = node();
    for (method, origin) in [("PUT", FOREIGN), ("PUT", "null"), ("DELETE", FOREIGN), ("POST", FOREIGN)] {
        let answer = ask(&node, method, BOT, None, &format!("Origin: {origin}\r\n")).await;
        assert_eq!(answer.status, 403, "{method} {origin}: {}", answer.head);
        assert!(answer.body.contains("COLLAB_ALLOWED_ORIGINS"), "{}", answer.body);
        assert!(answer.has("Vary: Origin") && !answer.head.contains("access-control-allow"), "{}", answer.head);
    }
    let offer = format!("Origin: {FOREIGN}\r\nSec-WebSocket-Protocol: collabcanvas.v1.json\r\n");
    for path in ["/v1/projects/p/ws", "/v1/shared"] {
        assert_eq!(http::refused_upgrade(node.server.address(), path, &offer).await.0, 403);
    }
    for origin in [format!("http://{}", node.server.address()), ALLOWED.to_owned()] {
        let answer = ask(&node, "DELETE", BOT, None, &format!("Origin: {origin}\r\n")).await;
        assert_eq!(answer.status, 204, "{origin}: {}", answer.head);
        assert!(answer.has(&format!("Access-Control-Allow-Origin: {origin}")), "{}", answer.head);
    }
}

#[tokio::test]
async fn a_browsers_question_is_answered_for_allowed_origins_only() {
    let node = node();
    let question = |origin: &str| {
        format!(
            "Origin: {origin}\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: content-type\r\n"
        )
    };
    let answer = ask(&node, "OPTIONS", BOT, None, &question(ALLOWED)).await;
    assert_eq!(answer.status, 204, "{}", answer.head);
    for header in [
        "Access-Control-Allow-Origin: https://app.example.com",
        "Access-Control-Allow-Methods: GET, PUT, POST, DELETE",
        "Access-Control-Allow-Headers: Authorization, Content-Type",
        "Vary: Origin",
    ] {
        assert!(answer.has(header), "{header}: {}", answer.head);
    }
    assert!(!answer.head.contains("credentials") && !answer.head.contains('*'), "{}", answer.head);
    for origin in [FOREIGN, "https://app.example.com.evil.example", "http://app.example.com", "null"] {
        let answer = ask(&node, "OPTIONS", BOT, None, &question(origin)).await;
        assert_eq!(answer.status, 403, "{origin}: {}", answer.head);
        assert!(!answer.head.contains("access-control-allow"), "{}", answer.head);
    }
}

#[tokio::test]
async fn a_node_on_the_loopback_answers_for_no_other_host() {
    let node = node();
    for host in ["evil.example", "localhost.evil.example:8080", "10.0.0.1", ""] {
        for path in ["/", BOT] {
            let answer = ask(&node, "GET", path, Some(host), "").await;
            assert_eq!(answer.status, 421, "{host}: {}", answer.head);
            assert!(answer.body.contains("COLLAB_ALLOWED_ORIGINS"), "{}", answer.body);
        }
    }
    // What a page would do whose host was made to lead here: to the browser it is of its own origin.
    let own = "Origin: http://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: collabcanvas.v1.json\r\n";
    assert_eq!(ask(&node, "GET", "/v1/projects/p/ws", Some("evil.example"), own).await.status, 421);
    for host in ["localhost:1234", "board.localhost", "127.0.0.5", "[::1]:80", "app.example.com"] {
        let answer = ask(&node, "GET", "/", Some(host), "").await;
        assert_eq!(answer.status, 200, "{host}: {}", answer.head);
    }
}

#[tokio::test]
async fn pages_and_answers_tell_a_browser_what_not_to_do() {
    let node = node();
    for (method, path, host) in [
        ("GET", "/", None),
        ("GET", "/nothing", None),
        ("GET", "/v1/nothing", None),
        ("DELETE", BOT, None),
        ("GET", "/", Some("evil.example")),
    ] {
        let answer = ask(&node, method, path, host, "").await;
        for header in [
            "X-Content-Type-Options: nosniff",
            "Referrer-Policy: no-referrer",
            "Cross-Origin-Opener-Policy: same-origin",
        ] {
            assert!(answer.has(header), "{method} {path}: {header}: {}", answer.head);
        }
        assert!(answer.head.contains("\r\npermissions-policy: camera=()"), "{path}: {}", answer.head);
        let policies: Vec<_> = answer.head.lines().filter(|l| l.starts_with("content-security-policy: ")).collect();
        let is_page = answer.status == 200;
        let wanted = if is_page { "script-src 'self'; object-src 'none'" } else { "default-src 'none'" };
        assert!(policies.len() == 1 && policies[0].contains(wanted), "{path}: {policies:?}");
        assert!(policies[0].contains("frame-ancestors 'none'"), "{path}: {policies:?}");
    }
}

#[tokio::test]
async fn a_token_is_never_logged() {
    let filter = "trace,tungstenite=trace,tungstenite::protocol=trace,tungstenite::protocol::frame=trace";
    let node = Node::with(|setup: Setup| setup.with("COLLAB_LOG", filter));
    for encoding in [Encoding::Json, Encoding::MessagePack] {
        let mut raw = node.raw("p", encoding).await;
        raw.send_json(r#"{"t":"hello","v":[1,1],"client":"c","token":"c4n4ry"}"#).await;
        // Whatever the answer is, the hello has been read.
        let _ = raw.next().await;
    }
    let secret = "Authorization: Bearer c4n4ry\r\n";
    assert_eq!(ask(&node, "GET", "/", None, secret).await.status, 200);
    let said = node.server.said();
    assert!(!said.is_empty() && !said.contains("c4n4ry"), "{said}");
}
