//! A client's batches that are not saved yet: kept, and sent again exactly as they were.

use super::say;
use bytes::Bytes;
use smol_str::SmolStr;
use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// One batch.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Its counter.
    pub cid: u64,
    /// Its ops, a MessagePack list.
    pub ops: Bytes,
    /// It was refused with this code: a resend says so.
    pub void: Option<SmolStr>,
    /// When it was handed in.
    pub since: Instant,
}

impl Batch {
    /// The message to send.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        match &self.void {
            Some(code) => say::void(self.cid, code),
            None => say::batch(self.cid, &self.ops),
        }
    }
}

/// The batches from the first unsaved one on, and how far they are sent and answered.
#[derive(Debug, Default)]
pub struct Pending {
    batches: VecDeque<Batch>,
    /// The highest cid that was given out.
    assigned: u64,
    /// The highest cid that was sent in this session.
    sent: u64,
    /// The highest cid that was ever sent: copies of one batch may be under way, and the first of them is answered.
    top: u64,
    /// The highest cid that was answered.
    answered: u64,
    /// Answered batches behind ones that are not.
    early: BTreeSet<u64>,
}

impl Pending {
    /// Takes a batch in and numbers it.
    pub fn add(&mut self, now: Instant, ops: Bytes) -> u64 {
        self.assigned += 1;
        self.batches.push_back(Batch { cid: self.assigned, ops, void: None, since: now });
        self.assigned
    }

    /// Number of batches that are not saved.
    #[must_use]
    pub fn unsaved(&self) -> usize {
        self.batches.len()
    }

    /// Number of batches that are not answered.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.assigned - self.answered
    }

    /// The highest answered cid.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// The highest cid that was ever sent.
    #[must_use]
    pub fn top(&self) -> u64 {
        self.top
    }

    /// A batch that is not saved.
    pub fn get_mut(&mut self, cid: u64) -> Option<&mut Batch> {
        let first = self.batches.front()?.cid;
        let index = usize::try_from(cid.checked_sub(first)?).ok()?;
        self.batches.get_mut(index)
    }

    /// The next batch to send, as long as at most `window` are unanswered.
    pub fn next(&mut self, window: u64) -> Option<Batch> {
        if self.sent >= self.assigned || self.sent - self.answered.min(self.sent) >= window {
            return None;
        }
        self.sent += 1;
        self.top = self.top.max(self.sent);
        self.get_mut(self.sent).cloned()
    }

    /// A session begins: the server has everything up to `last`.
    pub fn begin(&mut self, last: u64) {
        self.sent = last;
        self.answered = last;
        self.early.clear();
    }

    /// Sends again from here.
    pub fn rewind(&mut self, cid: u64) {
        self.sent = self.sent.min(cid.saturating_sub(1)).max(self.answered);
    }

    /// Everything up to `cid` is answered: returns what is new of it.
    pub fn answer(&mut self, cid: u64) -> Vec<u64> {
        let new = (self.answered + 1..=cid).filter(|cid| !self.early.remove(cid)).collect();
        self.answered = self.answered.max(cid);
        while self.early.remove(&(self.answered + 1)) {
            self.answered += 1;
        }
        self.sent = self.sent.max(self.answered);
        new
    }

    /// This one is answered, and not yet all in front of it.
    pub fn answer_early(&mut self, cid: u64) {
        self.early.insert(cid);
    }

    /// Everything up to `cid` is saved and need not be kept any more: returns how long what is new of it took.
    pub fn forget(&mut self, now: Instant, cid: u64) -> impl Iterator<Item = Duration> {
        let saved = self.batches.partition_point(|batch| batch.cid <= cid);
        self.batches.drain(..saved).map(move |batch| now.saturating_duration_since(batch.since))
    }
}
