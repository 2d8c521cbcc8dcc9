//! Makes the door that the configuration describes, and tokens for those who develop.

use super::StartError;
use crate::access::keys::{self, KeySource, Keys, Place};
use crate::access::registry::Registry;
use crate::access::tickets::{MemoryTickets, RedisTickets, Tickets};
use crate::access::token::{self, Claims};
use crate::access::{Access, DevelopmentKey, KeyFileError};
use crate::clock;
use crate::config::{Config, DurableConfig, TokenConfig};
use crate::durable::DurableStore;
use crate::fanout::Fanout;
use crate::keyspace::Keyspace;
use crate::link::Link;
use crate::quota::{Quotas, Rates, shared};
use std::sync::Arc;

/// The door, and the development key when there is no other.
pub(super) struct Door {
    pub(super) access: Arc<Access>,
    pub(super) development: Option<DevelopmentKey>,
}

/// Makes the door. Tickets wait where all nodes find them.
pub(super) fn door(
    config: &Config,
    registry: Arc<Registry>,
    across: Option<&(Link, Keyspace)>,
) -> Result<Door, StartError> {
    let Config { auth, durable, .. } = config;
    let tickets: Arc<dyn Tickets> = match across.cloned() {
        Some((link, keys)) => Arc::new(RedisTickets::new(link, keys)),
        None => Arc::new(MemoryTickets::default()),
    };
    if auth.keys.is_empty() {
        let key = development_key(durable).map_err(|error| StartError(error.to_string()))?;
        let access = Access::new(Keys::of_secret(key.secret()), auth.expected.clone(), tickets, registry).open();
        return Ok(Door { access: Arc::new(access), development: Some(key) });
    }
    let keys = Keys::load(&auth.keys).map_err(|why| StartError(format!("COLLAB_AUTH_KEYS: {why}")))?;
    let access = Access::new(keys, auth.expected.clone(), tickets, registry).with_api_keys(auth.api_keys.clone());
    Ok(Door { access: Arc::new(access), development: None })
}

/// What sessions may ask for, with other nodes' in view.
pub(super) fn quotas(config: &Config, across: Option<(Link, Keyspace)>) -> Arc<Quotas> {
    let limits = &config.node_limits;
    let quotas = Arc::new(Quotas::new(Rates {
        user_sessions: limits.connections_per_user,
        session_ops: limits.session_ops_per_second,
        user_ops: limits.user_ops_per_second,
        project_ops: limits.project_ops_per_second,
        presence: limits.presence_per_second,
        broadcasts: limits.broadcasts_per_second,
    }));
    if let Some((link, keys)) = across {
        tokio::spawn(shared::keep(Arc::downgrade(&quotas), link, keys));
    }
    quotas
}

/// The rights of projects, in the durable store.
pub(super) fn registry(durable: &Arc<dyn DurableStore>, fanout: &Arc<dyn Fanout>) -> Arc<Registry> {
    Registry::start(durable.clone(), fanout.clone())
}

/// The one beside the embedded database, so that it stays; a node that keeps nothing here has one for itself.
fn development_key(durable: &DurableConfig) -> Result<DevelopmentKey, KeyFileError> {
    match durable {
        DurableConfig::File(path) => DevelopmentKey::in_directory(path.parent().unwrap_or(std::path::Path::new("."))),
        DurableConfig::Table(_) | DurableConfig::Postgres(_) | DurableConfig::Memory => Ok(DevelopmentKey::random()),
    }
}

/// Makes an access token.
///
/// # Errors
/// [`StartError`]: there is nothing to sign it with.
pub fn token(config: &TokenConfig) -> Result<String, StartError> {
    let sources = if config.auth.keys.is_empty() {
        let DurableConfig::File(_) = config.durable else {
            return Err(StartError(
                "the development key of a node that keeps nothing in a directory is known to that node alone: set COLLAB_AUTH_KEYS".to_owned(),
            ));
        };
        let key = development_key(&config.durable).map_err(|error| StartError(error.to_string()))?;
        vec![KeySource { id: None, place: Place::Secret(key.secret().to_owned()) }]
    } else {
        config.auth.keys.clone()
    };
    let (key, id) = keys::signing(&sources).ok_or_else(|| {
        StartError("COLLAB_AUTH_KEYS holds no secret: tokens are made where the private key is".to_owned())
    })?;
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
    let now = (clock::now_ms() / 1_000) as f64;
    let claims = Claims {
        sub: config.user.to_string(),
        exp: now + config.ttl.as_secs_f64(),
        iat: Some(now),
        aud: config.auth.expected.audience.clone(),
        iss: config.auth.expected.issuer.clone(),
        projects: config.projects.clone(),
    };
    token::sign(&claims, &key, id).map_err(StartError)
}
