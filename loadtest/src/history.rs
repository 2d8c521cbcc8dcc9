//! What a client has lived through: the material for finding losses afterwards.

use super::wire::{Commit, Welcome};
use bytes::Bytes;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How much of a commit is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Everything.
    Whole,
    /// Author and cid only: for millions of them.
    Names,
}

/// A commit as a client has seen it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Whose.
    pub author: SmolStr,
    /// The author's counter.
    pub cid: u64,
    /// The rest, when it is kept.
    pub whole: Option<Box<Commit>>,
}

/// Commits without a break: from a snapshot to the next.
#[derive(Debug, Clone, Default)]
pub struct Segment {
    /// Seq of the snapshot.
    pub base: u64,
    /// The commits from `base` + 1 on.
    pub commits: Vec<Seen>,
    /// The project was said to be durable up to here.
    pub saved_seq: u64,
}

/// Everything that matters of a client's life.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// How commits name this client.
    pub author: SmolStr,
    /// Ops of every batch, by cid.
    pub sent: BTreeMap<u64, Bytes>,
    /// Batches that were acked, and by that accepted.
    pub acked: BTreeSet<u64>,
    /// Batches that were refused for good, with their code.
    pub rejected: BTreeMap<u64, SmolStr>,
    /// Objects that were gone, by cid.
    pub gone: BTreeMap<u64, Vec<SmolStr>>,
    /// Highest cid that was said to be durable.
    pub saved: u64,
    /// Welcomes whose `last` was below an answered cid: answers that were taken back.
    pub taken_back: u64,
    /// What was seen.
    pub segments: Vec<Segment>,
    /// Begins when its snapshot has come whole; should the connection end before, the client stands where it stood.
    pub(crate) coming: Option<Segment>,
    /// From the first sending of a batch to its answer.
    pub answered_in: Vec<Duration>,
    /// From the first sending of a batch to the word that it is durable.
    pub saved_in: Vec<Duration>,
    /// Sessions that began.
    pub welcomes: u64,
}

impl History {
    /// A welcome has come.
    pub(crate) fn welcome(&mut self, welcome: &Welcome) {
        self.welcomes += 1;
        self.author = welcome.author.clone();
        self.saved = self.saved.max(welcome.saved);
        self.coming = welcome.snapshot.then(|| Segment { base: welcome.position.seq, ..Segment::default() });
        if let Some(segment) = self.segments.last_mut() {
            // What another session said of commits that never came may have been of another lineage.
            segment.saved_seq = segment.saved_seq.min(segment.base + segment.commits.len() as u64);
        }
        self.saved_seq(welcome.saved_seq);
    }

    /// The snapshot has come whole.
    pub(crate) fn snapshot_complete(&mut self) {
        self.segments.extend(self.coming.take());
    }

    /// The project is durable up to here.
    pub(crate) fn saved_seq(&mut self, seq: u64) {
        if let Some(segment) = self.coming.as_mut().or(self.segments.last_mut()) {
            segment.saved_seq = segment.saved_seq.max(seq);
        }
    }

    /// A commit was applied.
    pub(crate) fn seen(&mut self, commit: &Commit, keep: Keep) {
        let Some(segment) = self.segments.last_mut() else {
            return;
        };
        segment.commits.push(Seen {
            author: commit.author.clone(),
            cid: commit.cid,
            whole: (keep == Keep::Whole).then(|| Box::new(commit.clone())),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Position;

    fn welcome(snapshot: bool, seq: u64, saved_seq: u64) -> Welcome {
        Welcome {
            session: 1,
            author: "a".into(),
            role: "editor".into(),
            position: Position { epoch: 1, seq, id: SmolStr::default() },
            saved_seq,
            last: 0,
            saved: 0,
            snapshot,
            unacked_batches: 1,
        }
    }

    fn commit(cid: u64) -> Commit {
        Commit { author: "b".into(), cid, changes: Vec::new(), refused: None }
    }

    #[test]
    fn a_snapshot_that_does_not_come_whole_changes_nothing() {
        let mut history = History::default();
        history.welcome(&welcome(true, 10, 10));
        history.snapshot_complete();
        history.seen(&commit(1), Keep::Names);
        // Another node, another lineage, and the connection ends in the middle of its snapshot.
        history.welcome(&welcome(true, 8, 40));
        history.saved_seq(41);
        history.welcome(&welcome(false, 12, 10));
        history.seen(&commit(2), Keep::Names);
        let seen: Vec<_> = history.segments.iter().map(|s| (s.base, s.commits.len(), s.saved_seq)).collect();
        assert_eq!(seen, [(10, 2, 10)]);
    }

    #[test]
    fn what_was_said_of_commits_that_never_came_is_forgotten() {
        let mut history = History::default();
        history.welcome(&welcome(true, 10, 10));
        history.snapshot_complete();
        history.welcome(&welcome(false, 20, 20));
        history.seen(&commit(1), Keep::Names);
        history.welcome(&welcome(false, 12, 9));
        assert_eq!(history.segments[0].saved_seq, 11);
    }
}
