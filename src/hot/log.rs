//! The newest commits of a project and what follows what: everything above the watermark and some below. Pure.

use crate::ids::{CommitId, Seq};
use crate::protocol::commit::Commit;
use std::collections::VecDeque;

/// Saved commits that a log keeps, so that a room or a reconnecting client that missed some can have them.
pub const KEPT_SAVED: usize = 4_096;
/// Bytes of such commits.
pub const KEPT_BYTES: usize = 4 << 20;

/// Commits with consecutive seqs up to the newest, and the commit id before the first of them.
#[derive(Debug, Clone)]
pub struct Log {
    commits: VecDeque<Commit>,
    bytes: usize,
    before: CommitId,
    /// Seq of the newest.
    head: Seq,
}

impl Log {
    /// A log that ends at `head`; `before` is the commit id before the first of `commits`.
    #[must_use]
    pub fn new(head: Seq, before: CommitId, commits: Vec<Commit>) -> Self {
        let bytes = commits.iter().map(Commit::weight).sum();
        Self { commits: commits.into(), bytes, before, head }
    }

    /// Seq of the last commit that is no longer in the log.
    #[must_use]
    pub fn base(&self) -> Seq {
        self.head - self.commits.len() as Seq
    }

    /// Commit id at [`Log::base`].
    #[must_use]
    pub fn before(&self) -> CommitId {
        self.before
    }

    /// What keeping it costs, in bytes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The commit id at a seq, if the log reaches down to it.
    #[must_use]
    pub fn id_at(&self, seq: Seq) -> Option<CommitId> {
        match usize::try_from(seq.checked_sub(self.base())?).ok()? {
            0 => Some(self.before),
            n => self.commits.get(n - 1).map(|commit| commit.id),
        }
    }

    /// The commits after a seq, from the first that is kept on.
    #[must_use]
    pub fn after(&self, seq: Seq) -> impl ExactSizeIterator<Item = &Commit> + DoubleEndedIterator + Clone {
        let skip = usize::try_from(seq.saturating_sub(self.base())).unwrap_or(usize::MAX);
        self.commits.range(skip.min(self.commits.len())..)
    }

    /// All commits that are kept, oldest first.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Commit> + DoubleEndedIterator + Clone {
        self.commits.iter()
    }

    /// Adds the next commit.
    pub fn push(&mut self, commit: Commit) {
        self.head += 1;
        self.bytes += commit.weight();
        self.commits.push_back(commit);
    }

    /// Lets go of commits that are saved and old, so that at most `kept` saved ones are left.
    pub fn trim(&mut self, saved: Seq, kept: usize) {
        let unsaved = usize::try_from(self.head.saturating_sub(saved)).unwrap_or(usize::MAX);
        while self.commits.len() > unsaved.saturating_add(kept)
            || (self.bytes > KEPT_BYTES && self.commits.len() > unsaved)
        {
            let Some(commit) = self.commits.pop_front() else { return };
            self.bytes -= commit.weight();
            self.before = commit.id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::change::Changes;
    use crate::protocol::commit::{Origin, Outcome};

    fn id(seq: Seq) -> CommitId {
        CommitId(seq.to_be_bytes())
    }

    fn log(from: Seq, to: Seq) -> Log {
        let mut log = Log::new(from - 1, id(from - 1), Vec::new());
        for seq in from..=to {
            log.push(Commit { id: id(seq), origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) });
        }
        log
    }

    #[test]
    fn ids_are_known_from_the_base_to_the_head() {
        let log = log(4, 6);
        assert_eq!((log.base(), log.before()), (3, id(3)));
        assert_eq!([2, 3, 4, 6, 7].map(|seq| log.id_at(seq)), [None, Some(id(3)), Some(id(4)), Some(id(6)), None]);
        let after = |seq| log.after(seq).map(|c| c.id).collect::<Vec<_>>();
        assert_eq!((after(5), after(6), after(9), after(0).len()), (vec![id(6)], vec![], vec![], 3));
    }

    #[test]
    fn what_is_unsaved_is_kept_and_the_rest_is_bounded() {
        let head = KEPT_SAVED as Seq + 100;
        let mut log = log(1, head);
        log.trim(10, KEPT_SAVED);
        assert_eq!(log.base(), 0);
        log.trim(head - 10, KEPT_SAVED);
        assert_eq!((log.base(), log.id_at(90)), (90, Some(id(90))));
        assert_eq!(log.bytes(), log.iter().map(Commit::weight).sum::<usize>());
    }
}
