//! The messages: what a client says and what it hears.

mod to;
mod welcome;

pub use to::To;
pub use welcome::Welcome;

use super::commit::Commit;
use super::op::Batch;
use super::props::Props;
use super::refusal::Refusal;
use super::secret::Secret;
use super::value::Value;
use crate::ids::{Cid, CommitId, Epoch, ObjectId, Position, Seq, SessionId};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A position as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "Position", export_to = "protocol.ts"))]
pub struct WirePosition {
    /// Lineage of the hot state.
    #[cfg_attr(test, ts(type = "number"))]
    pub epoch: Epoch,
    /// Seq of the last commit.
    #[cfg_attr(test, ts(type = "number"))]
    pub seq: Seq,
    /// Commit id at `seq`.
    pub id: String,
}

impl From<Position> for WirePosition {
    fn from(position: Position) -> Self {
        Self { epoch: position.epoch, seq: position.seq, id: position.id.text().to_string() }
    }
}

impl WirePosition {
    /// The position; `None` when the id is not one.
    #[must_use]
    pub fn parse(&self) -> Option<Position> {
        Some(Position { epoch: self.epoch, seq: self.seq, id: CommitId::parse(&self.id)? })
    }
}

/// What a client shows to be let in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// An access token, a ticket or a share link.
    pub token: Option<Secret>,
    /// The share link's password.
    pub password: Option<Secret>,
}

/// A client's first message.
#[derive(Debug, Clone, PartialEq)]
pub struct Hello {
    /// Lowest and highest protocol version that the client speaks.
    pub versions: (u32, u32),
    /// Features that the client knows and this build too.
    pub features: Vec<String>,
    /// The client id, not checked yet.
    pub client: String,
    /// What lets it in.
    pub credentials: Credentials,
    /// What the client already holds.
    pub position: Option<Position>,
    /// The highest cid of this client that it was told to be saved.
    pub saved: Cid,
    /// First presence fields.
    pub presence: Props,
}

/// What a client says.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientMessage {
    /// Who I am and what I hold.
    Hello(Hello),
    /// Please change this.
    Batch(Batch),
    /// My presence fields are now these; nil removes.
    Presence(Props),
    /// Pass this on.
    Broadcast {
        /// What it is about.
        topic: SmolStr,
        /// Anything.
        data: Value,
        /// To whom.
        to: To,
    },
    /// This is my new token.
    Token(Credentials),
    /// Are you there?
    Ping(u64),
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Owner,
    /// Change objects.
    Editor,
    /// Look and comment.
    Commenter,
    /// Look.
    Viewer,
}

impl Role {
    /// The role as it travels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Editor => "editor",
            Self::Commenter => "commenter",
            Self::Viewer => "viewer",
        }
    }

    /// Reads what [`Self::as_str`] writes; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Owner, Self::Editor, Self::Commenter, Self::Viewer].into_iter().find(|role| role.as_str() == text)
    }

    /// Whether batches of this role are taken.
    #[must_use]
    pub fn may_write(self) -> bool {
        matches!(self, Self::Owner | Self::Editor)
    }
}

/// Whether the hot store is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All is well.
    Normal,
    /// Editing goes on, on the durable store.
    Degraded,
}

/// How a session's client is brought to the project's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
#[serde(rename_all = "snake_case")]
pub enum Sync {
    /// By snapshot chunks.
    Snapshot,
    /// By the commits it lacks.
    Delta,
}

/// An object as it travels in a snapshot: `[id, rev, props]`.
#[derive(Debug, Clone, PartialEq)]
pub struct WireObject {
    /// Its id.
    pub id: ObjectId,
    /// Seq of its last change.
    pub rev: Seq,
    /// Its properties.
    pub props: Props,
}

/// One session's line in a presence message.
#[derive(Debug, Clone, PartialEq)]
pub struct PresenceEntry {
    /// Whose.
    pub session: SessionId,
    /// The fields that changed (nil = removed); `None` when the session has left.
    pub fields: Option<Props>,
    /// Author, user and role, when the receiver does not know the session yet.
    pub who: Option<Who>,
}

/// Who a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// How commits name it.
    pub author: crate::ids::Author,
    /// Its user id.
    pub user: SmolStr,
    /// What it may do.
    pub role: Role,
}

/// What a client hears, apart from snapshot chunks (`encode::snapshot`).
#[derive(Debug, Clone, PartialEq)]
pub enum ServerMessage {
    /// See [`Welcome`].
    Welcome(Box<Welcome>),
    /// Commits from `seq` on; `id` is the last one's.
    Commits {
        /// Seq of the first.
        seq: Seq,
        /// The commits.
        commits: Vec<Commit>,
    },
    /// Every batch up to `cid` is answered.
    Ack {
        /// The last one answered.
        cid: Cid,
        /// Its seq.
        seq: Seq,
        /// Ops that were skipped because their object was gone, by cid.
        gone: Vec<(Cid, Vec<ObjectId>)>,
    },
    /// Batch `cid` was refused.
    Reject {
        /// Which batch.
        cid: Cid,
        /// Why.
        refusal: Refusal,
        /// What the object in question is now, when the refusal is about one that exists.
        current: Option<WireObject>,
        /// When to try again, in ms, for temporary refusals.
        retry_ms: Option<u32>,
    },
    /// A cid was skipped.
    Gap {
        /// Resend from here.
        expected: Cid,
    },
    /// Durable so far.
    Saved {
        /// This client's batches.
        cid: Cid,
        /// The project's commits.
        seq: Seq,
    },
    /// Others' presence.
    Presence {
        /// Whether this is everybody.
        full: bool,
        /// Who changed.
        sessions: Vec<PresenceEntry>,
    },
    /// A passed-on event.
    Broadcast {
        /// From whom.
        from: SessionId,
        /// What it is about.
        topic: SmolStr,
        /// Anything.
        data: Value,
    },
    /// Yes, I am there.
    Pong {
        /// The ping's number.
        n: u64,
        /// The project's seq.
        seq: Seq,
    },
    /// How often to send presence, in ms; `None` while nobody else is there.
    Pace(Option<u32>),
    /// Normal or degraded.
    Mode(Mode),
    /// The role changed.
    Permission(Role),
    /// In how many ms access ends unless a new token comes; `None`: never.
    Token(Option<u64>),
    /// Something is wrong with what the client sent.
    Error {
        /// A fixed word.
        code: SmolStr,
        /// A sentence that says what to do.
        message: String,
    },
    /// The server will close soon.
    Goaway {
        /// Why.
        reason: SmolStr,
        /// Come back after a random time in this range, in ms.
        reconnect_ms: (u32, u32),
    },
}
