//! What a saver does with what it has read of both stores: the tail of the durable log first, then the hot log.

use crate::durable::Entry;
use crate::hot::HotLog;
use crate::ids::Position;
use crate::mechanism::{Mechanism, on};

/// The next step of a saver.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Everything is durable up to here: tell the hot store.
    Mark(Position),
    /// Append this.
    Append(Entry),
    /// The hot lineage is over: the durable log has a newer one.
    Ended,
    /// The hot state is shorter than the durable log, or has another commit where that ends: it came back from an old copy.
    Forked,
    /// The two reads do not fit together yet: read again.
    Again,
}

/// Decides the next step. `tail` is where the durable log ends, `log` what the hot store has after `tail.seq`, read later.
#[must_use]
pub fn step(tail: Position, log: &HotLog, at_ms: u64) -> Step {
    let hot = log.position;
    if tail.epoch > hot.epoch && on(Mechanism::Fence) {
        return Step::Ended;
    }
    if tail.epoch < hot.epoch {
        // The seal of the hot epoch was durable before the epoch began: this tail was read before that.
        return Step::Again;
    }
    if tail.seq > hot.seq {
        return if on(Mechanism::Behind) { Step::Forked } else { Step::Again };
    }
    if tail.seq < log.saved.seq {
        // Others have saved since this tail was read.
        return Step::Again;
    }
    match &log.after {
        None => Step::Again,
        Some((id, _)) if *id != tail.id => Step::Forked,
        Some((_, commits)) if commits.is_empty() => Step::Mark(tail),
        Some((_, commits)) => {
            let all = Entry {
                epoch: hot.epoch,
                direct: false,
                from: tail.seq + 1,
                prev: tail.id,
                commits: commits.clone(),
                at_ms,
            };
            all.cut().into_iter().next().map_or(Step::Mark(tail), Step::Append)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CommitId;
    use crate::protocol::change::Changes;
    use crate::protocol::commit::{Commit, Origin, Outcome};

    fn position(epoch: u64, seq: u64) -> Position {
        Position { epoch, seq, id: CommitId([u8::try_from(seq).unwrap_or(0); 8]) }
    }

    fn commit(seq: u8) -> Commit {
        Commit { id: CommitId([seq; 8]), origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) }
    }

    fn log(position: Position, from: u64, commits: &[u8]) -> HotLog {
        let id = CommitId([u8::try_from(from).unwrap_or(0); 8]);
        HotLog { position, saved: Position::START, after: Some((id, commits.iter().map(|c| commit(*c)).collect())) }
    }

    #[test]
    fn what_is_missing_is_appended_then_marked() {
        let Step::Append(entry) = step(position(2, 3), &log(position(2, 5), 3, &[4, 5]), 9) else { panic!("append") };
        assert_eq!((entry.epoch, entry.from, entry.to(), entry.prev), (2, 4, 5, CommitId([3; 8])));
        assert_eq!(step(position(2, 5), &log(position(2, 5), 5, &[]), 9), Step::Mark(position(2, 5)));
    }

    #[test]
    fn another_history_is_never_written_over() {
        assert_eq!(step(position(3, 4), &log(position(2, 9), 4, &[5]), 0), Step::Ended, "a newer epoch is durable");
        assert_eq!(step(position(2, 6), &log(position(2, 5), 5, &[]), 0), Step::Forked, "the hot log is shorter");
        let fork = HotLog {
            position: position(2, 5),
            saved: Position::START,
            after: Some((CommitId([9; 8]), vec![commit(5)])),
        };
        assert_eq!(step(position(2, 4), &fork, 0), Step::Forked, "another commit at that seq");
        assert_eq!(step(position(1, 4), &log(position(2, 9), 4, &[5]), 0), Step::Again, "an old read");
        let above = HotLog { position: position(2, 9), saved: Position::START, after: None };
        assert_eq!(step(position(2, 4), &above, 0), Step::Again, "the hot log starts above the tail");
        let saved = HotLog { saved: position(2, 5), ..log(position(2, 6), 4, &[5, 6]) };
        assert_eq!(step(position(2, 4), &saved, 0), Step::Again, "somebody has saved meanwhile");
    }
}
