//! Seals: the entries that begin an epoch in the durable log.

use crate::durable::Entry;
use crate::ids::{CommitId, Position};
use crate::mechanism::{Mechanism, on};
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Origin, Outcome};

/// The entries that begin the epoch after the one that ends at `tail`, to be appended in this order: a marker commit with its own seq and id, without a
/// client and without changes, so that no entry is ever empty; then the commits that the ended lineage leaves. A `direct` epoch is sequenced on the durable
/// store alone: no hot store may serve it.
#[must_use]
pub fn seal(tail: Position, marker: CommitId, left: Vec<Commit>, direct: bool, at_ms: u64) -> Vec<Entry> {
    let marker = Commit { id: marker, origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) };
    let commits = on(Mechanism::Seal).then_some(marker).into_iter().chain(left).collect();
    Entry { epoch: tail.epoch + 1, direct, from: tail.seq + 1, prev: tail.id, commits, at_ms }.cut()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::ENTRY_BYTES;
    use crate::protocol::change::Change;
    use crate::protocol::props::Props;

    #[test]
    fn a_marker_continues_the_tail_in_the_next_epoch() {
        let tail = Position { epoch: 4, seq: 9, id: CommitId([1; 8]) };
        let entries = seal(tail, CommitId([2; 8]), Vec::new(), false, 7);
        let entry = &entries[0];
        assert_eq!((entry.epoch, entry.from, entry.to(), entry.prev), (5, 10, 10, tail.id));
        assert_eq!((entries.len(), entry.last_id()), (1, CommitId([2; 8])));
    }

    #[test]
    fn a_large_seal_is_several_entries_in_one_epoch() {
        let mut text = Vec::new();
        crate::protocol::pack::bin(&mut text, &vec![0; ENTRY_BYTES / 2]);
        let id = crate::ids::ObjectId::parse("o").expect("id");
        let changes = Changes::encode(&[Change::Put { id, props: Props::from_pairs(&[("b", &text)]) }]);
        let commit = Commit { id: CommitId([3; 8]), origin: Origin::Server, outcome: Outcome::Changed(changes) };
        let tail = Position { epoch: 1, seq: 5, id: CommitId([1; 8]) };
        let entries = seal(tail, CommitId([2; 8]), vec![commit; 4], true, 7);
        assert!(entries.iter().all(|e| e.direct));
        assert_eq!(entries.iter().map(|e| (e.epoch, e.from)).collect::<Vec<_>>(), [(2, 6), (2, 8), (2, 9), (2, 10)]);
    }
}
