//! A batch that the hot store accepted.

use super::change::{Changes, InvalidChanges};
use super::pack;
use super::refusal::Code;
use super::scan::Malformed;
use super::unpack::Reader;
use crate::ids::{Author, Cid, CommitId};

/// Who made a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A client's batch.
    Client {
        /// The (user, client id) pair.
        author: Author,
        /// The client's counter.
        cid: Cid,
        /// Digest of the batch's ops; 0 for a void.
        digest: u64,
    },
    /// The server itself: a seal or a rebalance of order keys.
    Server,
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It changed the project; no changes for a seal.
    Changed(Changes),
    /// It was refused for good and only takes up its cid.
    Refused(Code),
}

/// An accepted batch. Its seq is its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Random name of this commit.
    pub id: CommitId,
    /// Who made it.
    pub origin: Origin,
    /// What it did.
    pub outcome: Outcome,
}

/// Why bytes are not a commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not sound MessagePack, or of another shape.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its changes are not valid.
    #[error(transparent)]
    Changes(#[from] InvalidChanges),
    /// Neither a client's nor the server's.
    #[error("a commit of {0} parts")]
    Parts(usize),
}

impl Commit {
    /// Who made it, unless the server did.
    #[must_use]
    pub fn author(&self) -> Option<Author> {
        match self.origin {
            Origin::Client { author, .. } => Some(author),
            Origin::Server => None,
        }
    }

    /// Appends the commit as stores and nodes keep it: `[id, author, cid, digest, outcome]`, or `[id, outcome]` when the server made it. An outcome
    /// is the changes as bin, or the code of a refusal as text.
    pub fn pack(&self, out: &mut Vec<u8>) {
        match self.origin {
            Origin::Client { author, cid, digest } => {
                pack::array(out, 5);
                pack::bin(out, &self.id.0);
                pack::bin(out, &author.0);
                pack::uint(out, cid);
                pack::uint(out, digest);
            }
            Origin::Server => {
                pack::array(out, 2);
                pack::bin(out, &self.id.0);
            }
        }
        match &self.outcome {
            Outcome::Changed(changes) => pack::bin(out, changes.as_bytes()),
            Outcome::Refused(code) => pack::str(out, code.as_str()),
        }
    }

    /// Reads what [`Commit::pack`] writes.
    ///
    /// # Errors
    /// [`Unreadable`] when it is something else.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Unreadable> {
        let parts = reader.array()?;
        let id = CommitId(reader.bin8()?);
        let origin = match parts {
            5 => Origin::Client { author: Author(reader.bin8()?), cid: reader.uint()?, digest: reader.uint()? },
            2 => Origin::Server,
            _ => return Err(Unreadable::Parts(parts)),
        };
        let mut ahead = reader.clone();
        let outcome = if let Ok(changes) = ahead.bin() {
            *reader = ahead;
            Outcome::Changed(Changes::parse(changes)?)
        } else {
            Outcome::Refused(Code::parse(reader.str()?))
        };
        Ok(Self { id, origin, outcome })
    }

    /// What keeping the commit in memory costs, in bytes, about.
    #[must_use]
    pub fn weight(&self) -> usize {
        let changes = if let Outcome::Changed(changes) = &self.outcome { changes.as_bytes().len() } else { 0 };
        changes + size_of::<Self>()
    }

    /// Appends the commit as `[author, cid, changes]` or `[author, cid, [], code]`, the form that clients get.
    pub fn encode_for_clients(&self, out: &mut Vec<u8>) {
        pack::array(out, if matches!(self.outcome, Outcome::Refused(_)) { 4 } else { 3 });
        match self.origin {
            Origin::Client { author, cid, .. } => {
                pack::str(out, &author.text());
                pack::uint(out, cid);
            }
            Origin::Server => {
                pack::str(out, "");
                pack::uint(out, 0);
            }
        }
        match &self.outcome {
            Outcome::Changed(changes) => out.extend_from_slice(changes.as_bytes()),
            Outcome::Refused(code) => {
                pack::array(out, 0);
                pack::str(out, code.as_str());
            }
        }
    }
}
