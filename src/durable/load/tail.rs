//! Where a durable log ends, and how an entry moves that on.

use crate::durable::layout::{corrupt, entry_name};
use crate::durable::{DELETED, DurableError, Entry, Pointer};
use crate::ids::{Position, ProjectId, Seq};

/// Where the durable log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// The position there.
    pub position: Position,
    /// Whether its epoch is sequenced on the durable store itself.
    pub direct: bool,
    /// Seq at which the last entry starts, by which [`super::since`] finds it again; 0 when the log is empty or the entry is not known.
    pub entry: Seq,
}

impl Tail {
    /// The tail of a project that has nothing stored.
    pub const START: Self = Self { position: Position::START, direct: false, entry: 0 };

    /// Whether the project was deleted: then nothing may be appended any more.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.position.epoch >= DELETED
    }

    pub(super) fn of_pointer(pointer: &Pointer) -> Self {
        Self {
            position: Position { epoch: pointer.epoch, seq: pointer.seq, id: pointer.id },
            direct: pointer.direct,
            entry: 0,
        }
    }

    /// Goes on past `entry`, of which the first `skip` commits are behind this tail already.
    pub(super) fn advance(&mut self, project: &ProjectId, entry: &Entry, skip: usize) -> Result<(), DurableError> {
        let wrong = |why: String| Err(corrupt(project, entry_name(entry.from), why));
        let Position { epoch, seq, id } = self.position;
        if entry.from + skip as Seq != seq + 1 {
            return wrong(format!("the log before it ends at {seq}: there is a hole or an overlap"));
        }
        let prev = match skip {
            0 => entry.prev,
            n => entry.commits[n - 1].id,
        };
        if prev != id {
            return wrong(format!("it follows commit {prev}, but the one at {seq} is {id}"));
        }
        if entry.epoch < epoch {
            return wrong(format!("its epoch {} is below {epoch}, the one before it", entry.epoch));
        }
        self.position = Position { epoch: entry.epoch, seq: entry.to(), id: entry.last_id() };
        self.direct = entry.direct;
        self.entry = entry.from;
        Ok(())
    }
}
