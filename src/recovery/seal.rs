//! Seals: the entry that begins an epoch in the durable log.

use crate::durable::Entry;
use crate::ids::{CommitId, Position};
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Origin, Outcome};

/// The entry that begins the epoch after the one that ends at `tail`: a marker commit with its own seq and id, without a client and
/// without changes, so that no entry is ever empty.
#[must_use]
pub fn marker(tail: Position, id: CommitId, at_ms: u64) -> Entry {
    let commit = Commit { id, origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) };
    Entry { epoch: tail.epoch + 1, direct: false, from: tail.seq + 1, prev: tail.id, commits: vec![commit], at_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_continues_the_tail_in_the_next_epoch() {
        let tail = Position { epoch: 4, seq: 9, id: CommitId([1; 8]) };
        let entry = marker(tail, CommitId([2; 8]), 7);
        assert_eq!((entry.epoch, entry.from, entry.to(), entry.prev), (5, 10, 10, tail.id));
        assert_eq!(entry.last_id(), CommitId([2; 8]));
    }
}
