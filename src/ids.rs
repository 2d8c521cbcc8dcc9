//! Names and numbers that identify things, each parsed once at the edge.
//!
//! Owns their shapes and nothing else. Everybody uses it; it uses nobody.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use smol_str::SmolStr;
use std::fmt;

/// Number of a commit in its project: 1, 2, 3 … without holes. 0 is the empty project.
pub type Seq = u64;
/// Number of one lineage of the hot state.
pub type Epoch = u64;
/// A client's own counter of batches: 1, 2, 3 … without holes. 0 means none yet.
pub type Cid = u64;
/// Number of a session, unique among the sessions of a project; below 2^53, so that every language can hold it.
pub type SessionId = u64;
/// The first number that is no session's. 0 is none either.
pub const SESSION_END: SessionId = 1 << 53;
/// Random number of one server process.
pub type NodeId = u64;

/// The longest project, object or client id, in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// An id that is not 1–64 characters of `A–Z a–z 0–9 _ -`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id must be 1 to 64 characters of A-Z a-z 0-9 _ -")]
pub struct InvalidId;

fn checked(text: &str) -> Result<SmolStr, InvalidId> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if text.is_empty() || text.len() > MAX_ID_BYTES || !text.bytes().all(good) {
        return Err(InvalidId);
    }
    Ok(SmolStr::new(text))
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(SmolStr);

        impl $name {
            /// Parses 1–64 characters of `A–Z a–z 0–9 _ -`.
            ///
            /// # Errors
            /// [`InvalidId`] when the text is anything else.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                checked(text).map(Self)
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

text_id!(
    /// Id of a project: the shared canvas, the unit of order, storage and fan-out.
    ProjectId
);
text_id!(
    /// Id of an object on the canvas, made by the client that creates it.
    ObjectId
);
text_id!(
    /// Secret id of one page load; others see only the [`Author`] made from it.
    ClientId
);

macro_rules! short_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 8]);

        impl $name {
            /// Reads the 11 characters that [`Self::text`] writes; `None` for anything else.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
            }

            /// The id as 11 characters of URL-safe base64 without padding, the form that travels.
            #[must_use]
            pub fn text(&self) -> SmolStr {
                let mut buffer = [0; 11];
                let _ = URL_SAFE_NO_PAD.encode_slice(self.0, &mut buffer);
                SmolStr::new(std::str::from_utf8(&buffer).unwrap_or_default())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text())
            }
        }
    };
}

short_id!(
    /// Random id of one commit. Equal ids at one seq mean equal histories up to there.
    CommitId
);
short_id!(
    /// How everybody names a (user, client id) pair: the first 8 bytes of a SHA-256 over both, so that a client id
    /// stays its owner's secret and nobody can aim at another's name.
    Author
);

impl CommitId {
    /// The id "at seq 0", before the first commit.
    pub const NONE: Self = Self([0; 8]);

    /// A fresh id from the given source of randomness.
    pub fn random(rng: &mut impl rand::Rng) -> Self {
        Self(rng.next_u64().to_le_bytes())
    }
}

impl Author {
    /// The author that stands for this user's client id.
    #[must_use]
    pub fn of(user: &str, client: &ClientId) -> Self {
        let mut digest = Sha256::new();
        digest.update(user.as_bytes());
        digest.update([0]);
        digest.update(client.as_str().as_bytes());
        let digest = digest.finalize();
        let mut short = [0; 8];
        short.copy_from_slice(&digest[..8]);
        Self(short)
    }
}

/// Where a history stands: equal (seq, id) pairs mean equal histories.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// Lineage of the hot state.
    pub epoch: Epoch,
    /// Seq of the last commit; 0 for an empty project.
    pub seq: Seq,
    /// Commit id at `seq`; [`CommitId::NONE`] at 0.
    pub id: CommitId,
}

impl Position {
    /// The position of a project that nobody has ever changed.
    pub const START: Self = Self { epoch: 0, seq: 0, id: CommitId::NONE };

    /// Whether both name the same history, whatever their epochs.
    #[must_use]
    pub fn same_history(&self, other: &Self) -> bool {
        self.seq == other.seq && self.id == other.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_take_only_their_characters() {
        for good in ["a", "A-_9", &"x".repeat(64)] {
            assert_eq!(ObjectId::parse(good).expect("valid").as_str(), good);
        }
        for bad in ["", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(ProjectId::parse(bad), Err(InvalidId));
        }
    }

    #[test]
    fn short_ids_travel_as_eleven_characters() {
        let id = CommitId([255, 0, 1, 2, 3, 4, 5, 250]);
        assert_eq!(id.text().len(), 11);
        assert_eq!(CommitId::parse(&id.text()), Some(id));
        assert_eq!(CommitId::parse("short"), None);
    }

    #[test]
    fn authors_differ_by_user_and_client() {
        let client = ClientId::parse("ab").expect("valid");
        let longer = ClientId::parse("b").expect("valid");
        assert_ne!(Author::of("u", &client), Author::of("v", &client));
        assert_ne!(Author::of("ua", &longer), Author::of("u", &client));
    }
}
