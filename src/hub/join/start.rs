//! Where a client's sync starts.

use crate::hub::room::Room;
use crate::ids::Seq;
use crate::metrics::joins::Kind;
use crate::project::canvas::View as _;

/// Where a client's sync starts.
#[derive(Clone, Copy)]
pub(super) enum Start {
    /// After this seq, which it has.
    Delta(Seq),
    /// From nothing.
    Snapshot,
}

impl Start {
    /// What that means for a room as it is.
    pub(super) fn kind(self, room: &Room) -> Kind {
        match self {
            Self::Delta(seq) if seq == room.replica.position().seq => Kind::Current,
            Self::Delta(_) => Kind::Delta,
            Self::Snapshot if room.replica.canvas().is_empty() => Kind::Start,
            Self::Snapshot => Kind::Snapshot,
        }
    }
}
