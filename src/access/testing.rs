//! For tests: key pairs that everybody may know, and tokens signed with them.

use super::token::Claims;
use crate::protocol::message::Role;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use std::path::PathBuf;

pub(crate) const SECRET: &str = "a secret of more than thirty-two bytes";

/// The file of a public key.
pub(crate) fn public(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/access/testing/{name}.pub.pem"))
}

fn private(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/access/testing/{name}.pem"));
    let text = std::fs::read_to_string(path).expect("there");
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).expect("base64")
}

pub(crate) fn now_s() -> f64 {
    (crate::clock::now_ms() / 1_000) as f64
}

/// What a good token says: Ana may edit `a` for an hour.
pub(crate) fn claims() -> Claims {
    Claims {
        sub: "ana".to_owned(),
        exp: now_s() + 3_600.0,
        iat: Some(now_s()),
        aud: None,
        iss: None,
        projects: [("a".into(), Role::Editor)].into(),
    }
}

/// A token with this header and these claims, signed as the algorithm says with this key: a secret, or the name of a pair.
pub(crate) fn token(header: &Value, claims: &Value, key: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let rng = SystemRandom::new();
    let signature = match (header["alg"].as_str(), key) {
        (Some("RS256"), pair) => {
            let pair = RsaKeyPair::from_pkcs8(&private(pair)).expect("a pair");
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &rng, message.as_bytes(), &mut signature).expect("signed");
            signature
        }
        (Some("ES256"), pair) => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private(pair), &rng);
            pair.expect("a pair").sign(&rng, message.as_bytes()).expect("signed").as_ref().to_vec()
        }
        (Some("EdDSA"), pair) => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private(pair)).expect("a pair");
            assert_eq!(pair.public_key().as_ref().len(), 32);
            pair.sign(message.as_bytes()).as_ref().to_vec()
        }
        (Some("none"), _) => Vec::new(),
        (_, secret) => hmac(secret.as_bytes(), &message),
    };
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Signed as with a shared secret, whatever the key really is.
pub(crate) fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    ring::hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
}

/// The good claims, changed.
pub(crate) fn with(changes: &Value) -> Value {
    let mut claims = serde_json::to_value(claims()).expect("JSON");
    for (key, value) in changes.as_object().expect("a map") {
        claims[key] = value.clone();
    }
    claims
}

/// A good token with a shared secret.
pub(crate) fn good() -> String {
    token(&json!({"alg": "HS256", "typ": "JWT"}), &with(&json!({})), SECRET)
}
