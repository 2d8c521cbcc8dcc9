//! What a god sees: the real durable history, whatever any node believes. Pure.

use crate::durable::Entry;
use crate::ids::{Author, Cid, CommitId, Epoch, Position, Seq};
use crate::protocol::commit::{Origin, Outcome};
use std::collections::{BTreeMap, BTreeSet};

/// A durable commit.
#[derive(Debug, Clone, Copy)]
struct Link {
    id: CommitId,
    by: Option<(Author, Cid)>,
}

/// The durable history of the project, and what was found wrong.
#[derive(Debug, Default)]
pub(super) struct God {
    chain: Vec<Link>,
    epoch: Epoch,
    have: BTreeMap<(Author, Cid), bool>,
    bad: BTreeSet<String>,
}

impl God {
    /// Something is wrong.
    pub(super) fn bad(&mut self, what: impl Into<String>) {
        self.bad.insert(what.into());
    }

    /// All that is wrong.
    pub(super) fn all_bad(&self) -> &BTreeSet<String> {
        &self.bad
    }

    /// The durable store says that it has stored this.
    pub(super) fn stored(&mut self, entry: &Entry) {
        let (end, head) = (self.seq(), self.chain.last().map_or(CommitId::NONE, |link| link.id));
        if entry.from != end + 1 || entry.prev != head {
            self.bad(format!("D is not contiguous: it ended at {end} and took an entry from {}", entry.from));
            return;
        }
        if entry.epoch < self.epoch {
            self.bad("an epoch fell");
        }
        self.epoch = entry.epoch;
        for commit in &entry.commits {
            let by = match commit.origin {
                Origin::Client { author, cid, .. } => Some((author, cid)),
                Origin::Server => None,
            };
            if let Some(by) = by
                && self.have.insert(by, matches!(commit.outcome, Outcome::Refused(_))).is_some()
            {
                self.bad(format!("batch {} of {} is twice in D", by.1, by.0));
            }
            self.chain.push(Link { id: commit.id, by });
        }
    }

    /// Number of durable commits.
    pub(super) fn seq(&self) -> Seq {
        self.chain.len() as Seq
    }

    /// Where the durable history ends.
    pub(super) fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.seq(), id: self.chain.last().map_or(CommitId::NONE, |link| link.id) }
    }

    /// Whether a client's batch is durable.
    pub(super) fn has(&self, author: Author, cid: Cid) -> bool {
        self.have.contains_key(&(author, cid))
    }

    /// Whether this position is on the durable history.
    pub(super) fn is_durable(&self, position: Position) -> bool {
        match usize::try_from(position.seq).expect("a small number").checked_sub(1) {
            None => true,
            Some(index) => self.chain.get(index).is_some_and(|link| link.id == position.id),
        }
    }

    /// Number of durable batches.
    pub(super) fn batches(&self) -> usize {
        self.have.len()
    }

    /// Looks whether every client's batches are in order and without holes.
    pub(super) fn check_order(&mut self) {
        let mut last: BTreeMap<Author, Cid> = BTreeMap::new();
        let mut holes = Vec::new();
        for (author, cid) in self.chain.iter().filter_map(|link| link.by) {
            let last = last.entry(author).or_default();
            if cid != *last + 1 {
                holes.push(format!("batch {cid} of {author} follows its {last} in D"));
            }
            *last = cid;
        }
        holes.into_iter().for_each(|hole| self.bad(hole));
    }
}
