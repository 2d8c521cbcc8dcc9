//! What the checker says: counts of everything that must not be.

use serde::{Deserialize, Serialize};

/// Notes that are kept; the counts go on.
const NOTES: usize = 40;

/// What the checker has found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// Clients, batches and ops that were looked at: those that were acked.
    pub(crate) clients: u64,
    /// Batches that were acked.
    pub(crate) acked_batches: u64,
    /// Ops in them.
    pub(crate) acked_ops: u64,
    /// Commits in the durable log.
    pub(crate) commits: u64,
    /// Acked or saved and not in the log, or acked and refused there.
    pub(crate) lost: u64,
    /// In the log more than once.
    pub(crate) doubled: u64,
    /// Batches that follow another one than the one before, and logs that are not one history.
    pub(crate) disordered: u64,
    /// Replicas that are not the log's state, and durable commits that somebody saw otherwise.
    pub(crate) diverged: u64,
    /// Values of acked ops that are neither in the log nor overtaken.
    pub(crate) forgotten: u64,
    /// The first of what went wrong, in words.
    pub(crate) notes: Vec<String>,
}

impl Verdict {
    /// Whether nothing is wrong.
    pub(crate) fn is_good(&self) -> bool {
        self.lost + self.doubled + self.disordered + self.diverged + self.forgotten == 0
    }

    /// Adds another one's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        self.clients += other.clients;
        self.acked_batches += other.acked_batches;
        self.acked_ops += other.acked_ops;
        self.commits += other.commits;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.disordered += other.disordered;
        self.diverged += other.diverged;
        self.forgotten += other.forgotten;
        self.notes.extend(other.notes.iter().take(NOTES.saturating_sub(self.notes.len())).cloned());
    }

    /// Keeps the first of what went wrong.
    pub(crate) fn note(&mut self, what: String) {
        if self.notes.len() < NOTES {
            self.notes.push(what);
        }
    }
}
