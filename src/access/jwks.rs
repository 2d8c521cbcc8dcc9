//! Keys that an issuer publishes at an address: fetched, kept, and fetched anew when they change.
//!
//! Owns when that is done: at the start, every [`FRESH`] while tokens come, and when a token names a key that is not among them, but never
//! twice within [`AGAIN`], whoever asks. What was fetched last stays good when the issuer does not answer.

use super::keys::Key;
use crate::outbound;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Uri;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, RwLock};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Keys older than this are fetched anew, beside what is going on.
const FRESH: Duration = Duration::from_secs(600);
/// Between two attempts: tokens with invented key ids must not become requests.
const AGAIN: Duration = Duration::from_secs(10);
/// Time for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Largest answer, in bytes.
const BYTES: usize = 256 << 10;
/// Most keys that are taken of one answer.
const KEYS: usize = 64;

/// The keys at one address.
#[derive(Debug, Clone)]
pub(super) struct Jwks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    url: Uri,
    client: outbound::Client<Empty<Bytes>>,
    keys: RwLock<Fetched>,
    /// Held by whoever fetches: the others wait for what comes.
    fetching: Mutex<()>,
}

#[derive(Debug, Default)]
struct Fetched {
    keys: Vec<Key>,
    /// When they came.
    at: Option<Instant>,
    /// When they were asked for last.
    asked: Option<Instant>,
    /// Why none came, the last time.
    error: Option<String>,
}

impl Jwks {
    /// Begins to fetch.
    pub(super) fn start(url: &str) -> Result<Self, String> {
        let url: Uri = url.parse().map_err(|error| format!("the address of keys {url} cannot be used: {error}"))?;
        let shared = Shared { url, client: outbound::client()?, keys: RwLock::default(), fetching: Mutex::default() };
        let jwks = Self(Arc::new(shared));
        jwks.begin();
        Ok(jwks)
    }

    /// The keys that are wanted, of those that are here.
    pub(super) async fn known(&self, wanted: impl Fn(&Key) -> bool) -> Vec<Key> {
        let fetched = self.0.keys.read().await;
        let found: Vec<_> = fetched.keys.iter().filter(|key| wanted(key)).cloned().collect();
        if !found.is_empty() && fetched.at.is_some_and(|at| at.elapsed() > FRESH) {
            self.begin();
        }
        found
    }

    /// The keys that are wanted, of those that can be fetched.
    ///
    /// # Errors
    /// A sentence: there is none, and the issuer did not answer, so that it may have some.
    pub(super) async fn find(&self, wanted: impl Fn(&Key) -> bool) -> Result<Vec<Key>, String> {
        // A job of its own: whoever asks may go away, and the next one must not begin anew.
        let _ = self.begin().await;
        let found = self.known(wanted).await;
        match &self.0.keys.read().await.error {
            Some(error) if found.is_empty() => Err(error.clone()),
            _ => Ok(found),
        }
    }

    fn begin(&self) -> JoinHandle<()> {
        let job = self.clone();
        tokio::spawn(async move { job.fetch().await })
    }

    /// Fetches, unless that was done a moment ago.
    async fn fetch(&self) {
        let _alone = self.0.fetching.lock().await;
        if self.0.keys.read().await.asked.is_some_and(|asked| asked.elapsed() < AGAIN) {
            return;
        }
        let answer =
            tokio::time::timeout(ANSWER, self.ask()).await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let mut fetched = self.0.keys.write().await;
        let now = Instant::now();
        fetched.asked = Some(now);
        match answer {
            Ok(keys) => *fetched = Fetched { keys, at: Some(now), asked: Some(now), error: None },
            Err(error) => {
                tracing::warn!(url = %self.0.url, error, "the keys of tokens could not be fetched");
                fetched.error = Some(format!("the keys of tokens cannot be fetched now: {error}"));
            }
        }
    }

    async fn ask(&self) -> Result<Vec<Key>, String> {
        let answer = self.0.client.get(self.0.url.clone()).await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("the answer was {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), BYTES).collect().await.map_err(|error| error.to_string())?;
        let set: JwkSet =
            serde_json::from_slice(&body.to_bytes()).map_err(|error| format!("no set of keys: {error}"))?;
        Ok(set.keys.iter().take(KEYS).filter_map(key).collect())
    }
}

/// A published key that checks signatures. A shared secret among public keys is none.
fn key(jwk: &Jwk) -> Option<Key> {
    let is_for_signing = !matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption));
    if !is_for_signing || matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_) | AlgorithmParameters::Other(_)) {
        return None;
    }
    let key = Key::public(jwk.common.key_id.clone(), DecodingKey::from_jwk(jwk).ok()?).ok()?;
    // An issuer that says for which algorithm its key is means that one.
    let said = jwk.common.key_algorithm.map(|algorithm| algorithm.to_string());
    said.is_none_or(|said| said == format!("{:?}", key.algorithm)).then_some(key)
}

#[cfg(test)]
mod tests;
