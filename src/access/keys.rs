//! The keys that tokens are checked with: what a setting names, read, and found by a token's header.

use super::crypto;
use super::denied::Denied;
use super::jwks::Jwks;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header};
use std::fmt;
use std::path::{Path, PathBuf};

/// Shortest secret, in bytes: as long as what HMAC-SHA-256 makes of it (RFC 7518 §3.2).
pub const SECRET_BYTES: usize = 32;

/// A key of `COLLAB_AUTH_KEYS`.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySource {
    /// The key id (`kid`) of tokens that it checks; a key without one checks tokens without one.
    pub id: Option<String>,
    /// Where it is.
    pub place: Place,
}

/// Where a key is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// Here: a shared secret, for HS256.
    Secret(String),
    /// In a file: a public key, for RS256, ES256 or EdDSA.
    Pem(PathBuf),
    /// At an address, with others.
    Jwks(String),
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place: &dyn fmt::Debug = match &self.place {
            Place::Secret(_) => &"a secret",
            Place::Pem(path) => path,
            Place::Jwks(url) => url,
        };
        f.debug_struct("KeySource").field("id", &self.id).field("place", place).finish()
    }
}

const SHAPE: &str = "a key is secret:TEXT, pem:/path/of/a/public/key.pem or jwks:https://address, with its key id in front if tokens name one: k1=secret:TEXT";

impl KeySource {
    /// Parses one key.
    ///
    /// # Errors
    /// A sentence that says what to write; it never repeats what was written.
    pub fn parse(text: &str) -> Result<Self, String> {
        let kind = text.find(':').ok_or(SHAPE)?;
        let (id, kind, value) = match text[..kind].split_once('=') {
            Some((id, kind)) => (Some(id.trim()), kind, &text[kind.len() + id.len() + 2..]),
            None => (None, &text[..kind], &text[kind + 1..]),
        };
        if id.is_some_and(|id| id.is_empty() || id.len() > 128) {
            return Err(format!("a key id has 1 to 128 characters; {SHAPE}"));
        }
        let place = match kind.trim() {
            "secret" if value.len() < SECRET_BYTES => {
                return Err(format!(
                    "a secret must have {SECRET_BYTES} bytes or more, else it can be guessed: openssl rand -hex 32 makes one"
                ));
            }
            "secret" => Place::Secret(value.to_owned()),
            "pem" if Path::new(value).is_absolute() => Place::Pem(value.into()),
            "pem" => return Err("pem: wants the absolute path of a file".to_owned()),
            "jwks" if id.is_some() => {
                return Err("jwks: has its key ids in it; write it without one in front".to_owned());
            }
            "jwks" if is_safe(value) => Place::Jwks(value.to_owned()),
            "jwks" => return Err("jwks: wants an https:// address (http:// only on this host's loopback)".to_owned()),
            _ => return Err(SHAPE.to_owned()),
        };
        Ok(Self { id: id.map(str::to_owned), place })
    }
}

/// Whether keys may be fetched from there: whoever can change them on the way can make any token.
fn is_safe(url: &str) -> bool {
    let host = |rest: &str| rest.split(['/', '?']).next().unwrap_or_default().to_owned();
    if let Some(rest) = url.strip_prefix("https://") {
        return !host(rest).is_empty() && !host(rest).contains('@');
    }
    let local = url.strip_prefix("http://").map(host);
    local.is_some_and(|host| {
        let name = host.rsplit_once(':').map_or(&host[..], |(name, _)| name);
        matches!(name, "127.0.0.1" | "localhost" | "[::1]")
    })
}

/// A key, ready.
#[derive(Debug, Clone)]
pub struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl Key {
    /// A shared secret.
    pub(super) fn secret(id: Option<String>, secret: &str) -> Self {
        Self { id, algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret.as_bytes()) }
    }

    /// A public key; what it is says its algorithm, never a token.
    pub(super) fn public(id: Option<String>, key: DecodingKey) -> Result<Self, String> {
        let algorithm = match key.family() {
            AlgorithmFamily::Rsa => Algorithm::RS256,
            AlgorithmFamily::Ed => Algorithm::EdDSA,
            // A point of P-256, uncompressed.
            AlgorithmFamily::Ec if key.try_get_as_bytes().is_ok_and(|point| point.len() == 65) => Algorithm::ES256,
            AlgorithmFamily::Ec => return Err("of elliptic curves only P-256 (ES256) and Ed25519 are taken".to_owned()),
            AlgorithmFamily::Hmac => return Err("a shared secret is no public key".to_owned()),
        };
        Ok(Self { id, algorithm, key })
    }

    fn file(id: Option<String>, path: &Path) -> Result<Self, String> {
        let name = path.display();
        let text = std::fs::read(path).map_err(|error| format!("the key file {name} cannot be read: {error}"))?;
        if text.windows(11).any(|part| part == b"PRIVATE KEY") {
            return Err(format!(
                "the key file {name} holds a private key: a node wants the public one only (openssl pkey -in {name} -pubout)"
            ));
        }
        let read = DecodingKey::from_ed_pem(&text)
            .or_else(|_| DecodingKey::from_ec_pem(&text))
            .or_else(|_| DecodingKey::from_rsa_pem(&text))
            .map_err(|_| format!("the key file {name} holds no public key in PEM form (RSA, P-256 or Ed25519)"))?;
        Self::public(id, read).map_err(|why| format!("the key file {name}: {why}"))
    }

    fn is_for(&self, header: &Header) -> bool {
        self.algorithm == header.alg && self.id == header.kid
    }
}

/// All keys of a node.
#[derive(Debug)]
pub struct Keys {
    fixed: Vec<Key>,
    fetched: Vec<Jwks>,
}

impl Keys {
    /// Reads the keys that are here; those at an address are fetched when they are first wanted, and now.
    ///
    /// # Errors
    /// A sentence, when a file cannot be used.
    pub fn load(sources: &[KeySource]) -> Result<Self, String> {
        crypto::install();
        let mut keys = Self { fixed: Vec::new(), fetched: Vec::new() };
        for KeySource { id, place } in sources {
            match place {
                Place::Secret(secret) => keys.fixed.push(Key::secret(id.clone(), secret)),
                Place::Pem(path) => keys.fixed.push(Key::file(id.clone(), path)?),
                Place::Jwks(url) => keys.fetched.push(Jwks::start(url)?),
            }
        }
        Ok(keys)
    }

    /// One shared secret.
    #[must_use]
    pub fn of_secret(secret: &str) -> Self {
        crypto::install();
        Self { fixed: vec![Key::secret(None, secret)], fetched: Vec::new() }
    }

    /// The keys that a token with this header may have been signed with.
    ///
    /// # Errors
    /// [`Denied`]: there is none, or where they are fetched from does not answer.
    pub(super) async fn find(&self, header: &Header) -> Result<Vec<Key>, Denied> {
        let mut found: Vec<_> = self.fixed.iter().filter(|key| key.is_for(header)).cloned().collect();
        for jwks in &self.fetched {
            found.extend(jwks.known(|key| key.is_for(header)).await);
        }
        if !found.is_empty() {
            return Ok(found);
        }
        let mut away = None;
        for jwks in &self.fetched {
            match jwks.find(|key| key.is_for(header)).await {
                Ok(keys) => found.extend(keys),
                Err(error) => away = Some(error),
            }
        }
        match (found.is_empty(), away) {
            (false, _) => Ok(found),
            (true, Some(error)) => Err(Denied::Unavailable(error)),
            (true, None) => Err(Denied::token(
                "token_key",
                "the token names an algorithm and a key id (kid) that no key of this server has: get a new token from this server's issuer",
            )),
        }
    }
}

/// The secret that `collabcanvas token` signs with: the first of these keys that is one.
#[must_use]
pub fn signing(sources: &[KeySource]) -> Option<(EncodingKey, Option<String>)> {
    sources.iter().find_map(|source| match &source.place {
        Place::Secret(secret) => Some((EncodingKey::from_secret(secret.as_bytes()), source.id.clone())),
        Place::Pem(_) | Place::Jwks(_) => None,
    })
}

#[cfg(test)]
mod tests;
