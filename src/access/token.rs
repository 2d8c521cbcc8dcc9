//! Access tokens: JWTs that the application's back end makes, and what they say.

use super::api_keys;
use super::denied::Denied;
use super::grant::{ANONYMOUS, Basis, Grant};
use super::keys::{Key, Keys};
use crate::clock;
use crate::protocol::message::Role;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashSet};

/// Longest token, in bytes: more is not even looked at.
pub const TOKEN_BYTES: usize = 8 << 10;
/// How far clocks may be apart, in seconds.
const LEEWAY_S: u64 = 30;
/// Longest user id, in bytes.
pub const USER_BYTES: usize = 128;
/// What user ids of others begin with: bots, share links and back ends. No token may.
const RESERVED: &[&str] = &["bot:", "link:", api_keys::USER, ANONYMOUS];

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The user id.
    pub sub: String,
    /// When it ends, in seconds since 1970.
    pub exp: f64,
    /// When it was made, in seconds since 1970. A revocation ends every token that was made before it, and those that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<f64>,
    /// For whom it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The role in each project; `*` stands for every project that is not named.
    #[serde(default)]
    pub projects: BTreeMap<SmolStr, Role>,
}

/// What is read of a token: its audience may be a list, which the check of it reads by itself.
#[derive(Deserialize)]
struct Said {
    sub: String,
    exp: f64,
    #[serde(default)]
    iat: Option<f64>,
    #[serde(default)]
    projects: BTreeMap<SmolStr, Role>,
}

/// What a token must say besides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Its audience (`aud`), if any is wanted.
    pub audience: Option<String>,
    /// Its issuer (`iss`), if any is wanted.
    pub issuer: Option<String>,
}

/// Reads a token and checks it.
///
/// # Errors
/// [`Denied`].
pub(super) async fn verify(token: &str, keys: &Keys, expected: &Expected) -> Result<Grant, Denied> {
    let malformed = || {
        Denied::token("token_malformed", "the token is not a JWT that this server takes (HS256, RS256, ES256 or EdDSA)")
    };
    if token.len() > TOKEN_BYTES {
        return Err(Denied::token("token_malformed", format!("a token may have {TOKEN_BYTES} bytes")));
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| malformed())?;
    if header.crit.is_some() {
        return Err(malformed());
    }
    let mut failed = malformed();
    for key in keys.find(&header).await? {
        match check(token, &key, expected) {
            Ok(said) => return grant(said),
            Err(denied) => failed = denied,
        }
    }
    Err(failed)
}

fn check(token: &str, key: &Key, expected: &Expected) -> Result<Said, Denied> {
    let mut validation = Validation::new(key.algorithm);
    validation.leeway = LEEWAY_S;
    validation.validate_nbf = true;
    validation.required_spec_claims = HashSet::from(["exp".to_owned(), "sub".to_owned()]);
    if let Some(audience) = &expected.audience {
        validation.set_audience(&[audience]);
        validation.required_spec_claims.insert("aud".to_owned());
    }
    if let Some(issuer) = &expected.issuer {
        validation.set_issuer(&[issuer]);
        validation.required_spec_claims.insert("iss".to_owned());
    }
    let read = jsonwebtoken::decode::<Said>(token, &key.key, &validation);
    read.map(|token| token.claims).map_err(|error| denied(error.kind()))
}

/// What is wrong with a token, for whoever has it: nothing of the token is repeated.
fn denied(kind: &ErrorKind) -> Denied {
    let (code, message) = match kind {
        ErrorKind::InvalidSignature => ("token_signature", "the token's signature is not of a key of this server"),
        ErrorKind::ExpiredSignature => ("token_expired", "the token has expired (exp): get a new one"),
        ErrorKind::ImmatureSignature => {
            ("token_early", "the token is not valid yet (nbf): check the clocks of this server and of its issuer")
        }
        ErrorKind::InvalidAudience => {
            ("token_audience", "the token is for another audience (aud; see COLLAB_AUTH_AUDIENCE)")
        }
        ErrorKind::InvalidIssuer => ("token_issuer", "the token is of another issuer (iss; see COLLAB_AUTH_ISSUER)"),
        ErrorKind::MissingRequiredClaim(claim) => match &claim[..] {
            "aud" => ("token_audience", "the token names no audience (aud; see COLLAB_AUTH_AUDIENCE)"),
            "iss" => ("token_issuer", "the token names no issuer (iss; see COLLAB_AUTH_ISSUER)"),
            "sub" => ("token_user", "the token names no user (sub)"),
            _ => ("token_malformed", "the token must say when it ends (exp)"),
        },
        _ => (
            "token_malformed",
            "the token's claims cannot be read: sub (text), exp and iat (seconds since 1970), projects (a map from project ids, or *, to owner, editor, commenter or viewer)",
        ),
    };
    Denied::token(code, message)
}

fn grant(said: Said) -> Result<Grant, Denied> {
    let user = user(&said.sub).map_err(|why| Denied::token("token_user", format!("the token's user (sub) {why}")))?;
    let (now, issued) = (clock::now_ms(), ms(said.iat.unwrap_or_default()));
    if issued > now + LEEWAY_S * 1_000 {
        return Err(Denied::token(
            "token_early",
            "the token was made in the future (iat, seconds since 1970): check the clocks of this server and of its issuer",
        ));
    }
    Ok(Grant {
        user,
        basis: Basis::Projects(said.projects),
        // A revocation ends what was made before it, also by an issuer whose clock is ahead.
        issued_ms: issued.min(now),
        expires_ms: Some(ms(said.exp + LEEWAY_S as f64)),
    })
}

/// Checks a user id.
///
/// # Errors
/// The rest of a sentence.
pub fn user(text: &str) -> Result<SmolStr, String> {
    if text.is_empty() || text.len() > USER_BYTES || text.chars().any(char::is_control) {
        return Err(format!("must have 1 to {USER_BYTES} bytes and no control characters"));
    }
    if let Some(prefix) = RESERVED.iter().find(|prefix| text.starts_with(**prefix)) {
        return Err(format!("must not begin with {prefix}"));
    }
    Ok(text.into())
}

/// Milliseconds of a time in seconds, which may have fractions; of none, the earliest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from a float, it ends at the greatest and at 0"
)]
fn ms(seconds: f64) -> u64 {
    (seconds * 1_000.0) as u64
}

/// Writes a token.
///
/// # Errors
/// A sentence, which no secret of the right length causes.
pub fn sign(claims: &Claims, key: &EncodingKey, id: Option<String>) -> Result<String, String> {
    super::crypto::install();
    let header = Header { kid: id, ..Header::default() };
    jsonwebtoken::encode(&header, claims, key).map_err(|error| format!("the token could not be signed: {error}"))
}

#[cfg(test)]
mod tests;
