use super::super::testing::public;
use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http_body_util::Full;
use hyper::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::sync::Mutex as Lock;
use std::sync::atomic::{AtomicU64, Ordering};

/// An issuer, which publishes whatever it is given.
#[derive(Clone, Default)]
struct Issuer {
    keys: Arc<Lock<Value>>,
    asked: Arc<AtomicU64>,
}

impl Issuer {
    async fn start(keys: Value) -> (Self, Jwks) {
        let issuer = Self { keys: Arc::new(Lock::new(keys)), asked: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let serving = issuer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let issuer = serving.clone();
                let service = service_fn(move |_| {
                    let answer = issuer.answer();
                    async { Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(answer)))) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        let jwks = Jwks::start(&format!("http://{address}/keys")).expect("an address");
        (issuer, jwks)
    }

    fn answer(&self) -> String {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let told = self.keys.lock().expect("not poisoned");
        told.as_str().map_or_else(|| told.to_string(), str::to_owned)
    }

    fn publish(&self, keys: Value) {
        *self.keys.lock().expect("not poisoned") = keys;
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The last bytes of a public key's file: of Ed25519 the key itself.
fn tail(name: &str, bytes: usize) -> Vec<u8> {
    let text = std::fs::read_to_string(public(name)).expect("there");
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).expect("base64");
    der[der.len() - bytes..].to_vec()
}

fn ed(kid: &str) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "x": URL_SAFE_NO_PAD.encode(tail("ed25519", 32))})
}

fn ec(kid: &str) -> Value {
    let point = tail("p256", 64);
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "x": part(&point[..32]), "y": part(&point[32..])})
}

async fn ids(jwks: &Jwks, kid: &str) -> Vec<(Option<String>, Algorithm)> {
    let found = jwks.find(|key| key.id.as_deref() == Some(kid)).await.expect("it answers");
    found.into_iter().map(|key| (key.id, key.algorithm)).collect()
}

#[tokio::test]
async fn published_keys_are_found_by_their_ids_and_asked_for_once() {
    let (issuer, jwks) = Issuer::start(json!({"keys": [ed("a"), ec("b")]})).await;
    assert_eq!(ids(&jwks, "a").await, [(Some("a".to_owned()), Algorithm::EdDSA)]);
    assert_eq!(ids(&jwks, "b").await, [(Some("b".to_owned()), Algorithm::ES256)]);
    for n in 0..50 {
        assert_eq!(ids(&jwks, &format!("invented {n}")).await, []);
    }
    assert_eq!(issuer.asked(), 1, "invented key ids are not worth a request each");
}

#[tokio::test]
async fn a_key_that_is_rotated_in_is_fetched() {
    let (issuer, jwks) = Issuer::start(json!({"keys": [ed("old")]})).await;
    assert_eq!(ids(&jwks, "old").await.len(), 1);
    issuer.publish(json!({"keys": [ed("new")]}));
    assert_eq!(ids(&jwks, "new").await, [], "a moment ago it was not there");
    jwks.0.keys.write().await.asked = None;
    assert_eq!(ids(&jwks, "new").await.len(), 1);
    assert_eq!(ids(&jwks, "old").await, [], "and the old one is no key any more");
}

#[tokio::test]
async fn what_is_no_public_key_for_signatures_is_none() {
    let secret = json!({"kty": "oct", "kid": "a", "k": URL_SAFE_NO_PAD.encode([7; 32])});
    let mut encryption = ed("a");
    encryption["use"] = json!("enc");
    let mut other = ed("a");
    other["alg"] = json!("ES256");
    let (_issuer, jwks) = Issuer::start(json!({"keys": [secret, encryption, other]})).await;
    assert_eq!(ids(&jwks, "a").await, []);
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_an_outage_and_takes_no_key_away() {
    let (issuer, jwks) = Issuer::start(json!("<html>")).await;
    let error = jwks.find(|_| true).await.expect_err("nothing is known");
    assert!(error.contains("cannot be fetched"), "{error}");
    issuer.publish(json!({"keys": [ed("a")]}));
    jwks.0.keys.write().await.asked = None;
    assert_eq!(ids(&jwks, "a").await.len(), 1);
    issuer.publish(json!("x".repeat(BYTES + 1)));
    jwks.0.keys.write().await.asked = None;
    assert!(jwks.find(|key| key.id.as_deref() == Some("b")).await.is_err(), "it may have such a key now");
    assert_eq!(ids(&jwks, "a").await.len(), 1, "what was fetched stays good");
}
