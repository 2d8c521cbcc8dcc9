//! Who a broadcast is for.

use crate::ids::SessionId;
use crate::protocol::unpack::Reader;
use crate::protocol::{pack, presence, value};
use smol_str::SmolStr;

/// Who a broadcast is for, its sender never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// Everybody else in the project.
    All,
    /// One session.
    Session(SessionId),
    /// All sessions of a user.
    User(SmolStr),
}

impl To {
    /// Whether it is for this session of this user.
    #[must_use]
    pub fn is(&self, session: SessionId, user: &str) -> bool {
        match self {
            Self::All => true,
            Self::Session(to) => *to == session,
            Self::User(to) => to == user,
        }
    }

    /// Appends nil, the session, or the user.
    pub fn pack(&self, out: &mut Vec<u8>) {
        match self {
            Self::All => pack::nil(out),
            Self::Session(session) => pack::uint(out, *session),
            Self::User(user) => pack::str(out, user),
        }
    }

    /// Reads what [`Self::pack`] wrote; `None` for anything else.
    #[must_use]
    pub fn read(raw: &[u8]) -> Option<Self> {
        if value::is_nil(raw) {
            return Some(Self::All);
        }
        let session = || presence::session(&mut Reader::new(raw)).ok();
        value::text(raw).map(|user| Self::User(user.into())).or_else(|| session().map(Self::Session))
    }
}
