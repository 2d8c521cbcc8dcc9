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
        if welcome.snapshot || self.segments.is_empty() {
            self.segments.push(Segment { base: welcome.position.seq, ..Segment::default() });
        }
        self.saved_seq(welcome.saved_seq);
    }

    /// The project is durable up to here.
    pub(crate) fn saved_seq(&mut self, seq: u64) {
        if let Some(segment) = self.segments.last_mut() {
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
