//! What is looked at before a node starts: each failure is a sentence that says what to change.
//!
//! Everything is tried rather than looked up: a managed Redis has no CONFIG, and what an ACL permits shows best when it is used. In a
//! Cluster every master is looked at.

mod commands;
pub(super) mod info;

pub use commands::acl;

use super::Link;
use super::error::{LinkError, Refusal};
use super::shards::{Shards, slot_of};
use super::url::{Server, Target};
use crate::keyspace::{Bucket, Keyspace};
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, RedisResult};
use std::convert::Infallible;
use std::time::Duration;

/// How often a node looks whether Redis is still its own.
const LOOK: Duration = Duration::from_secs(2);

/// What a Redis is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It holds commits that are not saved yet.
    Data,
    /// It carries events and holds who is there.
    Routing,
}

impl Role {
    fn setting(self) -> &'static str {
        match self {
            Self::Data => "COLLAB_REDIS_URL",
            Self::Routing => "COLLAB_REDIS_ROUTING_URL",
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Name and version of the server, in a Cluster of the last master.
    pub version: String,
    /// Id of the deployment that the keys belong to; made by the first node of all.
    pub deployment: String,
    /// What is not good and can be lived with, a sentence each.
    pub warnings: Vec<String>,
}

/// Why a node does not start: a sentence that says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CheckError(String);

impl CheckError {
    fn new(role: Role, target: &Target, text: &str) -> Self {
        Self(format!("{} ({target}): {text}", role.setting()))
    }

    fn from_link(role: Role, target: &Target, error: &LinkError) -> Self {
        Self::new(role, target, &explained(target, error))
    }
}

/// Says what to do about an error while connecting.
fn explained(target: &Target, error: &LinkError) -> String {
    match error {
        LinkError::Refused { kind: Refusal::Denied, message } if message.starts_with("sentinel ") => {
            format!(
                "its sentinels have a password of their own: write it as ?sentinel_password=, and a user as sentinel_user ({message})"
            )
        }
        LinkError::Refused { kind: Refusal::Denied, message }
            if message.contains("NOAUTH") || message.contains("HELLO must be called") =>
        {
            format!("it wants a password: write user:password@ or :password@ before the host ({message})")
        }
        LinkError::Refused { kind: Refusal::Denied, message } if message.contains("WRONGPASS") => {
            format!("it does not know this user and password: correct them ({message})")
        }
        LinkError::Refused { kind: Refusal::Denied, message } => {
            format!("its user may not do what is needed: extend its ACL ({message})")
        }
        LinkError::Refused { kind: Refusal::ReadOnly, message } => {
            format!("it must be the master, or be found through redis+sentinel:// ({message})")
        }
        LinkError::Refused { message, .. } if message.contains("HELLO") => {
            format!("it is too old: Redis 7.0 or Valkey is needed ({message})")
        }
        LinkError::Refused { message, .. } => format!("it refuses: {message}"),
        LinkError::Unavailable(text) if text.contains("refused") => {
            format!("nobody listens there: correct host and port, or start Redis ({text})")
        }
        LinkError::Unavailable(text) if text.contains("certificate") => {
            format!("its certificate is not trusted: name the file of its CA with ?ca=/path/of/ca.pem ({text})")
        }
        LinkError::Unavailable(text) if target.tls.is_some() => {
            format!(
                "no encrypted connection can be had: if it does not speak TLS on this port, begin with redis instead of rediss ({text})"
            )
        }
        LinkError::Unavailable(text) => {
            format!("it cannot be reached: correct host and port, and begin with rediss if it speaks TLS ({text})")
        }
    }
}

/// Opens the link of a role.
///
/// # Errors
/// [`CheckError`], which says what to change.
pub async fn open(target: &Target, role: Role) -> Result<Link, CheckError> {
    Link::open(target).await.map_err(|e| CheckError::from_link(role, target, &e))
}

/// Looks at everything: that it is a master, new enough, removes nothing that is not saved, lets us do what we need, and belongs to the
/// expected deployment, when one is expected. Writes and removes keys named `probe-…`.
///
/// # Errors
/// [`CheckError`], which says what to change.
pub async fn check(
    link: &Link,
    keyspace: &Keyspace,
    role: Role,
    expected: Option<&str>,
) -> Result<Checked, CheckError> {
    let target = link.target();
    let wrong = |e: LinkError| CheckError::from_link(role, target, &e);
    let shards = Shards::find(target, &Shards::default()).await.map_err(wrong)?;
    if let Some(lost) = Bucket::all().find(|bucket| shards.owner(slot(keyspace, *bucket)).is_none()) {
        let text = format!("no master has the slot of bucket {lost}: repair it with redis-cli --cluster fix");
        return Err(CheckError::new(role, target, &text));
    }
    let (mut version, mut warnings) = (String::new(), Vec::new());
    for server in shards.servers() {
        // A master without a bucket holds nothing of ours.
        let Some(bucket) = Bucket::all().find(|bucket| shards.owner(slot(keyspace, *bucket)) == Some(&server)) else {
            continue;
        };
        let (found, warning) = check_server(target, &server, keyspace, bucket, role).await?;
        version = found;
        warnings.extend(warning.map(|text| CheckError::new(role, target, &format!("{server}: {text}")).0));
    }
    let deployment = deployment(link, keyspace, expected).await.map_err(wrong)?;
    if let Some(expected) = expected.filter(|id| *id != deployment) {
        let text = format!(
            "its keys under {:?} belong to deployment {deployment}, and the durable store to {expected}: use the Redis that belongs to it, or another COLLAB_KEY_PREFIX",
            keyspace.prefix()
        );
        return Err(CheckError::new(role, target, &text));
    }
    Ok(Checked { version, deployment, warnings })
}

fn slot(keyspace: &Keyspace, bucket: Bucket) -> u16 {
    slot_of(keyspace.dirty_index(bucket).as_bytes())
}

async fn check_server(
    target: &Target,
    server: &Server,
    keyspace: &Keyspace,
    bucket: Bucket,
    role: Role,
) -> Result<(String, Option<String>), CheckError> {
    let says = |text: String| CheckError::new(role, target, &format!("{server}: {text}"));
    let wrong = |e: LinkError| CheckError::from_link(role, target, &e);
    let mut connection = target.dial(server, |_: PushInfo| Ok::<(), Infallible>(())).await.map_err(wrong)?;
    let about = info(&mut connection, "server").await.map_err(|e| wrong(LinkError::sorted(&e, target)))?;
    let version = info::version(&about).map_err(says)?;
    let memory = info(&mut connection, "memory").await.map_err(|e| wrong(LinkError::sorted(&e, target)))?;
    let warning = info::eviction(&memory, role).map_err(says)?;
    let missing = commands::missing(&mut connection, target, keyspace, bucket, role).await.map_err(wrong)?;
    if !missing.is_empty() {
        let rules: Vec<_> = missing.into_iter().collect();
        let (rules, all) = (rules.join(" "), acl(target, keyspace, role));
        return Err(says(format!(
            "its user may not do all that is needed: add {rules} to its ACL; all of it is {all}"
        )));
    }
    Ok((version, warning))
}

async fn info(connection: &mut MultiplexedConnection, section: &str) -> RedisResult<String> {
    redis::cmd("INFO").arg(section).query_async(connection).await
}

/// Completes when Redis belongs to another deployment: it was emptied or replaced while this node ran, and another's node was first. A node must not go on
/// then: it would serve and save the other's projects.
pub async fn estranged(link: Link, keyspace: Keyspace, expected: String) -> CheckError {
    loop {
        tokio::time::sleep(LOOK).await;
        // One that does not answer now is asked again.
        if let Ok(found) = deployment(&link, &keyspace, Some(&expected)).await
            && found != expected
        {
            let text = format!("it belongs to deployment {found} now, and this node to {expected}");
            return CheckError::new(Role::Data, link.target(), &text);
        }
    }
}

/// The deployment's id. The first node makes it, or brings the expected one: a Redis that was emptied belongs to nobody.
async fn deployment(link: &Link, keyspace: &Keyspace, expected: Option<&str>) -> Result<String, LinkError> {
    let key = keyspace.deployment();
    let fresh = expected.map_or_else(|| format!("{:032x}", rand::random::<u128>()), str::to_owned);
    let set = redis::cmd("SET").arg(&key).arg(fresh).arg("NX").to_owned();
    let _: redis::Value = link.query(&set).await?;
    link.query(&redis::cmd("GET").arg(&key).to_owned()).await
}
