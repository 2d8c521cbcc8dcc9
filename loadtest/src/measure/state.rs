//! What a client of the generator knows of its session.

use super::witness::Witness;
use crate::pending::Pending;
use crate::wire::{Position, Welcome};
use smol_str::SmolStr;
use std::time::Instant;

/// What a client knows.
#[derive(Debug, Default)]
pub struct State {
    pub(super) pending: Pending,
    pub(super) window: u64,
    pub(super) hold: bool,
    pub(super) rewound: Option<u64>,
    /// Its session's number.
    pub(super) session: u64,
    /// How commits name it.
    pub author: SmolStr,
    /// What its last welcome led to.
    pub home: Option<Position>,
    /// Whether that was by a snapshot.
    pub by_snapshot: bool,
    /// Whether it has the project as its last welcome said.
    pub synced: bool,
    pub(super) target: u64,
    /// A snapshot is under way.
    pub(super) incoming: bool,
    /// Seq of the last commit.
    pub seq: u64,
    /// Batches, or messages of any kind, that it was told to send.
    pub sent: u64,
    /// Messages of others.
    pub heard: u64,
    /// Batches that were refused for good.
    pub refused: u64,
    /// Commits that a snapshot stood for.
    pub skipped: u64,
    /// What broke, if anything did.
    pub broken: Option<String>,
    /// Whether to say nothing about a connection that ends.
    pub(super) leaving: bool,
    /// The full reader, in one client of a room.
    pub witness: Option<Box<Witness>>,
}

impl State {
    /// Batches that are not answered, and those that are not saved.
    #[must_use]
    pub fn open(&self) -> (u64, usize) {
        (self.pending.unanswered(), self.pending.unsaved())
    }

    /// A welcome has come.
    pub(super) fn welcomed(&mut self, welcome: &Welcome) {
        drop(self.pending.forget(Instant::now(), welcome.saved));
        self.pending.begin(welcome.last);
        self.window = welcome.unacked_batches;
        self.session = welcome.session;
        self.author = welcome.author.clone();
        self.rewound = None;
        if welcome.snapshot {
            // Of a first welcome nothing was to be seen.
            self.skipped += if self.target > 0 { welcome.position.seq.saturating_sub(self.seq) } else { 0 };
            self.seq = welcome.position.seq;
        }
        self.target = welcome.position.seq.max(1);
        self.incoming = welcome.snapshot;
        self.by_snapshot = welcome.snapshot;
        self.home = Some(welcome.position.clone());
        self.synced = !welcome.snapshot && self.seq >= welcome.position.seq;
    }
}
