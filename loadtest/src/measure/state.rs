//! What a client of the generator knows of its session.

use super::cursors::Cursors;
use super::decode::Commits;
use super::meter::Meter;
use super::witness::Witness;
use crate::pending::Pending;
use crate::short::Names;
use crate::wire::{Position, Welcome};
use smol_str::SmolStr;
use std::time::{Duration, Instant};

/// Commits that a client did not get one by one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Missed {
    /// How many.
    pub(super) count: u64,
    /// The stamp of the last one that it did get, if it got any.
    pub(super) latest: Option<f64>,
}

/// What a client that goes takes with it, to come back with.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its client id.
    pub client: String,
    /// The highest cid of its own that is saved.
    pub saved: u64,
    /// What it has of the project.
    pub position: Position,
}

/// What a client knows.
#[derive(Debug, Default)]
pub struct State {
    pub(super) pending: Pending,
    pub(super) window: u64,
    pub(super) hold: bool,
    pub(super) rewound: Option<u64>,
    /// Its session's number.
    pub(super) session: u64,
    /// What numbers in short frames stand for.
    pub(super) names: Names,
    /// How commits name it.
    pub author: SmolStr,
    /// Whether its last sync was by a snapshot.
    pub by_snapshot: bool,
    /// Whether it has the project as its last welcome said.
    pub synced: bool,
    target: u64,
    /// A snapshot is under way.
    incoming: bool,
    /// Lineage of the project.
    epoch: u64,
    /// Seq of the last commit.
    pub seq: u64,
    /// Id of the last commit.
    id: SmolStr,
    /// Bytes of the chunks and commits since the last welcome.
    pub content: u64,
    /// The highest cid of its own that is saved.
    pub saved: u64,
    /// Batches that it was told to send, or messages for the floor. A cursor of the protocol is neither.
    pub sent: u64,
    /// The stamp of its last cursor.
    pub cursor: Option<f64>,
    /// The cursors of the others.
    pub cursors: Cursors,
    /// How often the server wants its cursor; `None` before it says so, and while nobody else is there.
    pub pace: Option<Duration>,
    /// Messages of others, from the floor.
    pub heard: u64,
    /// Batches that were refused for good.
    pub refused: u64,
    /// Commits that a snapshot stood for.
    pub skipped: u64,
    /// Those of the snapshot that is under way.
    missed: Option<Missed>,
    /// The stamp of the last commit of somebody else.
    pub(super) latest: Option<f64>,
    /// What broke, if anything did.
    pub broken: Option<String>,
    /// Whether to say nothing about a connection that ends.
    pub(super) leaving: bool,
    /// The full reader, in one client of a room at each node.
    pub witness: Option<Box<Witness>>,
}

impl State {
    /// That of somebody who comes back.
    #[must_use]
    pub fn holding(held: &Held) -> Self {
        let Position { epoch, seq, id } = held.position.clone();
        Self { epoch, seq, id, saved: held.saved, ..Self::default() }
    }

    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.seq, id: self.id.clone() }
    }

    /// Batches that are not answered, and those that are not saved.
    #[must_use]
    pub fn open(&self) -> (u64, usize) {
        (self.pending.unanswered(), self.pending.unsaved())
    }

    /// A welcome has come. It answers what the server has, and says what is saved, as an ack and a `saved` do.
    pub(super) fn welcomed(&mut self, now: Instant, welcome: &Welcome, meter: &Meter) {
        self.answered(now, welcome.last, meter);
        self.durable(now, welcome.saved, meter);
        self.pending.begin(welcome.last);
        self.window = welcome.unacked_batches;
        self.session = welcome.session;
        self.author = welcome.author.clone();
        self.rewound = None;
        self.epoch = welcome.position.epoch;
        if welcome.snapshot {
            // Of a first welcome nothing was to be seen.
            let count = if self.target > 0 { welcome.position.seq.saturating_sub(self.seq) } else { 0 };
            self.skipped += count;
            let before = self.missed.take().unwrap_or(Missed { count: 0, latest: self.latest });
            self.missed = Some(Missed { count: before.count + count, ..before }).filter(|missed| missed.count > 0);
            (self.seq, self.id) = (welcome.position.seq, welcome.position.id.clone());
        }
        self.target = welcome.position.seq.max(1);
        self.incoming = welcome.snapshot;
        self.by_snapshot = welcome.snapshot;
        self.content = 0;
        self.synced = !welcome.snapshot && self.seq >= welcome.position.seq;
    }

    /// All batches up to `cid` are answered.
    pub(super) fn answered(&mut self, now: Instant, cid: u64, meter: &Meter) {
        for cid in self.pending.answer(cid) {
            if let Some(batch) = self.pending.get_mut(cid) {
                meter.answered(now, batch.since);
            }
        }
    }

    /// All batches up to `cid` are durable.
    pub(super) fn durable(&mut self, now: Instant, cid: u64, meter: &Meter) {
        self.saved = self.saved.max(cid);
        self.pending.forget(now, cid).for_each(|took| meter.saved(now, took));
    }

    /// Commits have come, in a message of so many bytes.
    pub(super) fn follow(&mut self, commits: &Commits, bytes: usize) -> Result<(), String> {
        if commits.seq != self.seq + 1 {
            return Err(format!("commits from {} on behind {}", commits.seq, self.seq));
        }
        self.seq += commits.count;
        self.id = commits.id.clone();
        self.content += bytes as u64;
        self.synced |= !self.incoming && self.seq >= self.target;
        Ok(())
    }

    /// A chunk of a snapshot has come. Returns what the snapshot stands for, when this was the last.
    pub(super) fn chunk(&mut self, last: bool, bytes: usize) -> Option<Missed> {
        self.content += bytes as u64;
        self.incoming &= !last;
        self.synced |= last;
        if last { self.missed.take() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn welcome(seq: u64, snapshot: bool, last: u64, saved: u64) -> Welcome {
        Welcome {
            session: 1,
            author: "me".into(),
            role: "editor".into(),
            position: Position { epoch: 1, seq, id: format!("c{seq}").into() },
            saved_seq: 0,
            last,
            saved,
            snapshot,
            unacked_batches: 256,
        }
    }

    #[test]
    fn a_second_welcome_answers_and_counts_what_its_snapshot_stands_for() {
        let (start, mut state) = (Instant::now(), State::default());
        let meter = Meter::new(start);
        meter.count(start, start + Duration::from_secs(1));
        state.welcomed(start, &welcome(7, true, 0, 0), &meter);
        assert_eq!(state.chunk(true, 10), None, "nothing was missed before the first");
        state.follow(&Commits { seq: 8, count: 2, id: "c9".into() }, 5).expect("it follows");
        assert!(state.follow(&Commits { seq: 11, count: 1, id: "c11".into() }, 5).is_err(), "a hole");
        assert_eq!((state.position().seq, state.position().id.as_str(), state.content), (9, "c9", 15));
        state.latest = Some(3.0);
        for _ in 0..3 {
            state.pending.add(start, Bytes::new());
        }
        state.welcomed(start + Duration::from_millis(5), &welcome(20, true, 2, 1), &meter);
        state.follow(&Commits { seq: 21, count: 1, id: "c21".into() }, 5).expect("it follows");
        state.latest = Some(9.0);
        assert!(!state.synced && state.chunk(false, 10).is_none());
        assert_eq!(state.chunk(true, 10), Some(Missed { count: 11, latest: Some(3.0) }));
        assert_eq!((state.synced, state.skipped, state.saved, state.open()), (true, 11, 1, (1, 2)));
        assert_eq!((meter.ack.borrow().summary().count, meter.saved.borrow().summary().count), (2, 1));
    }
}
