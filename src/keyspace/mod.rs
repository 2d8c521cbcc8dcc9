//! The names of all keys and channels in Redis, built here and nowhere else.
//!
//! Owns their shapes: `<prefix>:{b017}:<project>:…`. The hash tag is the project's [`Bucket`], so that a project, its channel and the
//! dirty index of its bucket lie in one slot of a Redis Cluster and one script may touch them all. Never talks to Redis. Neither a prefix
//! nor a project id can hold a `:` or a brace, so that no name of one project, prefix or bucket is ever a name of another.

use crate::ids::{NodeId, ProjectId, SessionId};
use std::fmt;
use xxhash_rust::xxh3::xxh3_64;

/// The prefix of an installation that chose none.
pub const DEFAULT_PREFIX: &str = "collab";
/// The longest prefix, in bytes.
pub const MAX_PREFIX_BYTES: usize = 32;

/// A prefix that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it must be 1 to {MAX_PREFIX_BYTES} characters of A-Z a-z 0-9 _ . -")]
pub struct InvalidPrefix;

/// One of 256 groups of projects, each in one slot of a Cluster. How an id maps to its bucket is fixed for ever: stored data depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(u8);

impl Bucket {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    /// The bucket of a project.
    #[must_use]
    pub fn of(project: &ProjectId) -> Self {
        Self(xxh3_64(project.as_str().as_bytes()).to_le_bytes()[0])
    }

    /// Its number, 0 to 255.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

/// The hash tag, with its braces.
impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{b{:03}}}", self.0)
    }
}

/// All names under one prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyspace {
    prefix: String,
}

impl Default for Keyspace {
    fn default() -> Self {
        Self { prefix: DEFAULT_PREFIX.to_owned() }
    }
}

impl Keyspace {
    /// The names under a prefix of 1–32 characters of `A–Z a–z 0–9 _ . -`.
    ///
    /// # Errors
    /// [`InvalidPrefix`] when it is anything else.
    pub fn new(prefix: &str) -> Result<Self, InvalidPrefix> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
        if prefix.is_empty() || prefix.len() > MAX_PREFIX_BYTES || !prefix.bytes().all(good) {
            return Err(InvalidPrefix);
        }
        Ok(Self { prefix: prefix.to_owned() })
    }

    /// The prefix.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    fn name(&self, project: &ProjectId, what: &str) -> String {
        // Put together by hand: a call names seven keys, and formatting takes longer than all else about them.
        let (id, Bucket(number)) = (project.as_str(), Bucket::of(project));
        let digit = |place: u8| char::from(b'0' + number / place % 10);
        let mut name = String::with_capacity(self.prefix.len() + id.len() + what.len() + 9);
        name.push_str(&self.prefix);
        name.push_str(":{b");
        name.extend([digit(100), digit(10), digit(1)]);
        name.push_str("}:");
        name.push_str(id);
        name.push(':');
        name.push_str(what);
        name
    }

    /// Hash: object id → blob.
    #[must_use]
    pub fn objects(&self, project: &ProjectId) -> String {
        self.name(project, "objects")
    }

    /// Hash: epoch, seq, watermark and the like.
    #[must_use]
    pub fn meta(&self, project: &ProjectId) -> String {
        self.name(project, "meta")
    }

    /// Stream: one entry per call.
    #[must_use]
    pub fn log(&self, project: &ProjectId) -> String {
        self.name(project, "log")
    }

    /// Hash: client → its last cid.
    #[must_use]
    pub fn clients(&self, project: &ProjectId) -> String {
        self.name(project, "clients")
    }

    /// Flag: something is not saved.
    #[must_use]
    pub fn dirty(&self, project: &ProjectId) -> String {
        self.name(project, "dirty")
    }

    /// Set: who is there.
    #[must_use]
    pub fn users(&self, project: &ProjectId) -> String {
        self.name(project, "users")
    }

    /// The right of one node to save the project for a while.
    #[must_use]
    pub fn claim(&self, project: &ProjectId) -> String {
        self.name(project, "claim")
    }

    /// Hash: presence of one session.
    #[must_use]
    pub fn presence(&self, project: &ProjectId, session: SessionId) -> String {
        format!("{}{session}", self.presences(project))
    }

    /// How the names of presence hashes begin, for a script that appends the session.
    #[must_use]
    pub fn presences(&self, project: &ProjectId) -> String {
        self.name(project, "presence:")
    }

    /// Flag: a node is alive in the project.
    #[must_use]
    pub fn beat(&self, project: &ProjectId, node: NodeId) -> String {
        format!("{}{node}", self.beats(project))
    }

    /// How the names of those flags begin, for a script that appends the node.
    #[must_use]
    pub fn beats(&self, project: &ProjectId) -> String {
        self.name(project, "beat:")
    }

    /// Hash of one connection.
    #[must_use]
    pub fn session(&self, project: &ProjectId, session: SessionId) -> String {
        self.name(project, &format!("session:{session}"))
    }

    /// Objects that are being put in place, under a token of the node that does it.
    #[must_use]
    pub fn new_objects(&self, project: &ProjectId, token: u64) -> String {
        self.name(project, &format!("new:{token}:objects"))
    }

    /// The client table that is being put in place.
    #[must_use]
    pub fn new_clients(&self, project: &ProjectId, token: u64) -> String {
        self.name(project, &format!("new:{token}:clients"))
    }

    /// The log that is being put in place.
    #[must_use]
    pub fn new_log(&self, project: &ProjectId, token: u64) -> String {
        self.name(project, &format!("new:{token}:log"))
    }

    /// Channel of a project's events.
    #[must_use]
    pub fn channel(&self, project: &ProjectId) -> String {
        self.name(project, "events")
    }

    /// The project whose events a channel carries; `None` for a channel that is not of this keyspace.
    #[must_use]
    pub fn project_of(&self, channel: &[u8]) -> Option<ProjectId> {
        let channel = std::str::from_utf8(channel).ok()?;
        let rest = channel.strip_prefix(self.prefix.as_str())?.strip_prefix(':')?;
        let (_, project) = rest.strip_suffix(":events")?.split_once(':')?;
        let project = ProjectId::parse(project).ok()?;
        (self.channel(&project) == channel).then_some(project)
    }

    /// Sorted set: the projects of a bucket that are not saved.
    #[must_use]
    pub fn dirty_index(&self, bucket: Bucket) -> String {
        format!("{}:{bucket}:dirty", self.prefix)
    }

    /// A key and channel that the start-up checks use and remove.
    #[must_use]
    pub fn probe(&self, bucket: Bucket, what: &str) -> String {
        format!("{}:{bucket}:probe-{what}", self.prefix)
    }

    /// What a one-time ticket grants, by its digest. It belongs to no project.
    #[must_use]
    pub fn ticket(&self, digest: &str) -> String {
        format!("{}:ticket:{digest}", self.prefix)
    }

    /// How much was taken of the rate of a user or a project in a window of time.
    #[must_use]
    pub fn taken(&self, name: &str, window: u64) -> String {
        format!("{}:taken:{window}:{name}", self.prefix)
    }

    /// The id of the deployment that these keys belong to.
    #[must_use]
    pub fn deployment(&self) -> String {
        format!("{}:deployment", self.prefix)
    }
}

#[cfg(test)]
mod tests;
